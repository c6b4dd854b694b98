# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The programs of OpenSSH as the connection runs them: without a terminal, and without AWS credentials.

Only ``configuration`` keeps the credentials, because the user's configuration of ssh may run programs.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, printable

# Prefixes of the environment variables that the SDKs and amazon.aws read.
_OF_AWS = ("AWS_", "EC2_")


def run(command: Sequence[str], *, keeps_credentials: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a program and return its output, whatever its exit status. Raises OSError if it does not exist."""
    environment = {
        name: value for name, value in os.environ.items() if keeps_credentials or not name.startswith(_OF_AWS)
    }
    return subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, env=environment
    )


def public_half_of(private_key_file: str) -> subprocess.CompletedProcess[str]:
    """Have ssh-keygen print the public key of a private key file without a passphrase. Raises OSError as run does."""
    # The empty passphrase keeps it from asking for one.
    return run(["ssh-keygen", "-y", "-P", "", "-f", private_key_file])


# The first version with escapes in the arguments of options (argv_split in readconf.c).
FIRST_WITH_ESCAPES = (8, 7)


def version(ssh: str) -> tuple[int, int] | None:
    """Return the version of an OpenSSH, such as (9, 2), None if the program does not print one.

    ssh: the program.
    """
    with contextlib.suppress(OSError):
        found = re.match(r"OpenSSH_(\d+)\.(\d+)", run([ssh, "-V"]).stderr)
        if found:
            return int(found[1]), int(found[2])
    return None


# In the file that ssh_config writes for the same hosts.
_BY_HAND = "_connect/user_proxy_command.py"
# Characters of a user's value in a sentence.
_SHOWN = 60


def configuration(command: Sequence[str]) -> dict[str, str]:
    """Return ssh's effective configuration: the value of each option, by its name in lower case.

    command: an ssh with -G. Raises ArgumentError if it fails, or if the configuration has a proxy for ssh.
    """
    # The configuration may run programs (Match exec), which get the whole environment from the connecting ssh too.
    done = run(command, keeps_credentials=True)
    if done.returncode:
        raise ArgumentError(f"ssh -G, which prints the configuration of ssh, failed: {printable(done.stderr)}")
    found: dict[str, str] = {}
    for line in done.stdout.splitlines():
        # Split at the first blank only: a user name may have two blanks.
        name, _blank, value = line.partition(" ")
        found.setdefault(name.lower(), value)
    for name in ("proxyjump", "proxycommand"):
        if found.get(name, "none") != "none" and _BY_HAND not in found[name]:
            raise ArgumentError(
                f"The configuration of ssh has {name} {printable(found[name]):.{_SHOWN}} for this host, but "
                "ansible_connection: sshkeys.aws.ec2_instance_connect makes its own way to the instance. To ignore the "
                "proxy only for this connection, add to ansible_ssh_common_args: -o ProxyCommand=none. Or use "
                "ansible_connection: ssh with the role sshkeys.aws.ssh_access, which leaves the way to ssh."
            )
    return found
