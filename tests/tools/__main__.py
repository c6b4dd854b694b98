# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tools of a developer: ``python tests/tools --help``. The Makefile has a short name for each."""

from __future__ import annotations

import sys

from devtools.cli import main

sys.exit(main())
