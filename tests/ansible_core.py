# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ansible-core that the tests run on."""

from __future__ import annotations

from ansible.release import __version__

# Such as (2, 19).
ANSIBLE_CORE = tuple(map(int, __version__.split(".")[:2]))
