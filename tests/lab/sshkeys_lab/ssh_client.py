# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenSSH's clients as they run beside a lab: they read no file of the user who runs it, and none of the machine."""

from __future__ import annotations

import shlex
import shutil
from typing import TYPE_CHECKING

from . import files
from .errors import LabError

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAMS = ("ssh", "sftp", "scp")


def common_args(known_hosts: Path) -> str:
    """Return the options that make ssh and sftp use only the given key and the lab's host keys.

    Raises LabError for a path that ssh would not read as one file.
    """
    if set(str(known_hosts)) & set(" \t%"):
        msg = f"ssh cannot read {known_hosts}: choose a state folder without blanks or percent signs."
        raise LabError(msg)
    options = (
        "IdentitiesOnly=yes",
        "IdentityAgent=none",
        "BatchMode=yes",
        f"UserKnownHostsFile={known_hosts}",
        "StrictHostKeyChecking=yes",
        "ConnectTimeout=5",
    )
    return shlex.join(["-F", "none", *(word for option in options for word in ("-o", option))])


def write_programs(state: Path) -> None:
    """Write `bin/ssh`, `bin/sftp` and `bin/scp`, which run the real ones with a configuration in `state`.

    ssh reads `~/.ssh` of the user in the password file, whatever HOME says. The configuration names files below
    `state/ssh` instead, also `config`, and decides nothing else: what the program is told beyond that has its usual
    defaults.
    Raises LabError if a program is missing.
    """
    user = state / "ssh"
    user.mkdir(mode=0o700, exist_ok=True)
    configuration = state / "ssh_config"
    files.write_private(
        configuration,
        f'Include "{user}/config"\n'
        f'UserKnownHostsFile "{user}/known_hosts"\n'
        "GlobalKnownHostsFile /dev/null\n"
        f'IdentityFile "{user}/id_ed25519"\n',
    )
    folder = state / "bin"
    folder.mkdir(mode=0o700, exist_ok=True)
    for name in _PROGRAMS:
        program = shutil.which(name)
        if program is None:
            msg = f"{name} is missing. Install Debian's package openssh-client."
            raise LabError(msg)
        script = folder / name
        files.write_private(
            script, f'#!/bin/sh\nexec {shlex.quote(program)} -F {shlex.quote(str(configuration))} "$@"\n'
        )
        script.chmod(0o700)
