# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The programs of OpenSSH, as the connection runs them: with nobody to ask, and without credentials of AWS.

Only where the configuration of ssh is asked for, which may run programs of the user's, they have them.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, printable

# The variables of the environment in which the SDKs and amazon.aws look for credentials begin like this.
_OF_AWS = ("AWS_", "EC2_")


def run(command: Sequence[str], *, keeps_credentials: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a program and return what it printed, whatever its exit status. Raises OSError where there is none."""
    environment = {
        name: value for name, value in os.environ.items() if keeps_credentials or not name.startswith(_OF_AWS)
    }
    return subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, env=environment
    )


# In the arguments of options (argv_split in readconf.c).
FIRST_WITH_ESCAPES = (8, 7)


def version(ssh: str) -> tuple[int, int] | None:
    """Return the version of an OpenSSH, such as (9, 2), None where the program does not tell one.

    ssh: the program.
    """
    with contextlib.suppress(OSError):
        found = re.match(r"OpenSSH_(\d+)\.(\d+)", run([ssh, "-V"]).stderr)
        if found:
            return int(found[1]), int(found[2])
    return None


# Of a value of the user's in a sentence, in characters.
_SHOWN = 60


def configuration(command: Sequence[str]) -> dict[str, str]:
    """Return what ssh makes of its configuration: by the name of an option in small letters, the value that counts.

    command: an ssh with -G. Raises ArgumentError where it fails, and where the configuration leads ssh another way.
    """
    # The configuration may have programs to ask (Match exec), for which the ssh that connects has everything too.
    done = run(command, keeps_credentials=True)
    if done.returncode:
        raise ArgumentError(f"ssh cannot be asked for its configuration: {printable(done.stderr)}")
    found: dict[str, str] = {}
    for line in done.stdout.splitlines():
        # A user may have two blanks in its name.
        name, _blank, value = line.partition(" ")
        found.setdefault(name.lower(), value)
    for name in ("proxyjump", "proxycommand"):
        if found.get(name, "none") != "none":
            raise ArgumentError(
                f"The configuration of ssh has {name} {printable(found[name]):.{_SHOWN}} for this host, and "
                "ansible_connection: sshkeys.aws.ec2_instance_connect makes its own way to the instance. To set it "
                "aside for this connection alone, add to ansible_ssh_common_args: -o ProxyCommand=none. Or use "
                "ansible_connection: ssh with the role sshkeys.aws.ssh_access, which leaves the way to ssh."
            )
    return found
