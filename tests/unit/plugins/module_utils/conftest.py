# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from hypothesis import settings

# How long an example takes says nothing on a machine that does other work too; and a test leaves no files in the tree.
settings.register_profile("units", deadline=None, database=None, print_blob=True)
settings.load_profile("units")
