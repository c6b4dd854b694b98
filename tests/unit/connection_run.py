# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run of ansible-playbook, as far as the programs that make connections know of it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import explain, proxy_command

PROGRAM = str(proxy_command.__file__)
COLLECTIONS = str(Path(PROGRAM).parents[6])


class Run:
    """A run of ansible-playbook: a process, and a folder of what must not outlive it."""

    def __init__(self, folder: Path) -> None:
        """Begin, with a long path to the folder."""
        self.folder = folder / ("long" * 30)
        self.folder.mkdir()
        (self.folder / "id_ed25519").touch()
        self.controller = subprocess.Popen(["sleep", "60"])
        self.settings = self.folder / "settings.json"
        # Too few to make a connection of them, so each ends in a sentence.
        told = {"collection_paths": [COLLECTIONS], "controller": self.controller.pid, "instance_id": "i-00000000"}
        self.settings.write_text(json.dumps(told), encoding="utf-8")

    def ask(self) -> subprocess.Popen[bytes]:
        """Start a ProxyCommand, as ssh does."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            return subprocess.Popen([sys.executable, "-I", "-S", PROGRAM, str(self.settings)], stdout=theirs.fileno())

    def told(self) -> str:
        """Return what the connection plugin tells of the last one."""
        return explain.failure("ssh said nothing.", str(self.settings), 0)

    def servers(self) -> list[int]:
        """Return the processes of the servers that run, without those that they have forked."""
        found = subprocess.run(["pgrep", "-f", f"fork_server.py .*{self.settings}"], capture_output=True, check=False)
        return [process for process in map(int, found.stdout.split()) if session_of(process) == process]


def children_that_nobody_collected(process: int) -> list[int]:
    """Return the children of a process that have ended, and that it has not waited for."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name of the program stands in brackets, and may have any character in it.
            state, parent = file.read_text().rpartition(")")[2].split()[:2]
            if state == "Z" and int(parent) == process:
                found.append(int(file.parent.name))
    return found


def session_of(process: int) -> int:
    """Return the session that a process is in, 0 for one that has just ended."""
    try:
        return os.getsid(process)
    except ProcessLookupError:
        return 0
