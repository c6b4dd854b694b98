# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sudo that needs no sudo, for become where there is no other user to become."""

from __future__ import annotations

from ansible_collections.sshkeys.aws.tests.playbooks import Controller

_SCRIPT = """\
#!/bin/sh
while [ "$1" != "${1#-}" ]; do shift; [ "$1" != root ] || shift; done
exec "$@"
"""


def fake_sudo(controller: Controller) -> str:
    """Write the program, and return its path, for ``ansible_become_exe``."""
    program = controller.write("sudo", _SCRIPT)
    program.chmod(0o700)
    return str(program)
