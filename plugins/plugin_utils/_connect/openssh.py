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
