# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real logins with OpenSSH's clients, to the instances and the Transfer users of a lab."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab

# The exit status of ssh and sftp that could not log in.
_NO_LOGIN = 255


def opens_instance(lab: RunningLab, instance: Mapping[str, Any], private_key: Path) -> bool:
    """Return whether a key logs in to an instance with ssh."""
    command = ["ssh", "-p", str(instance["port"]), "-o", f"HostKeyAlias={instance['host_key_alias']}"]
    said = _log_in(lab, command, private_key, f"{instance['os_user']}@{instance['host']}", "id -un")
    assert said in {None, f"{instance['os_user']}\n"}, said
    return said is not None


def opens_transfer_user(lab: RunningLab, user: Mapping[str, Any], private_key: Path, batch: str = "") -> bool:
    """Return whether a key logs in as a Transfer user with sftp, which then carries out the commands of a batch."""
    command = ["sftp", "-b", "-", "-P", str(user["port"])]
    return _log_in(lab, command, private_key, f"{user['login_user']}@{user['host']}", told=batch) is not None


def _log_in(lab: RunningLab, command: list[str], private_key: Path, *words: str, told: str = "") -> str | None:
    """Return what was printed after a login; None where the key was refused, and nothing else was wrong."""
    common = shlex.split(lab.lab["ssh_common_args"])
    command = [*command[:1], *common, *command[1:], "-i", str(private_key), *words]
    done = subprocess.run(command, input=told, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout
    assert done.returncode == _NO_LOGIN, done.stderr
    assert "Permission denied" in done.stderr, done.stderr
    return None
