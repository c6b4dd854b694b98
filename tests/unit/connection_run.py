# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run of ansible-playbook, as far as its broker knows of it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import broker_session, proxy_command

PROGRAM = str(proxy_command.__file__)
COLLECTIONS = str(Path(PROGRAM).parents[6])


class Run:
    """A run: a process, and a folder of what must not outlive it."""

    name = "broker-of-a-test"

    def __init__(self, folder: Path) -> None:
        """Begin, with a long path to the folder."""
        self.folder = folder / ("long" * 30)
        self.folder.mkdir(mode=0o700)
        self.controller = subprocess.Popen(["sleep", "60"])
        # Too few to make a connection of them, so each ends in a sentence.
        self.settings = self.write(instance_id="i-00000000")
        self.broker = broker_session.Broker(str(self.folder), self.name, self.controller.pid, [COLLECTIONS])

    def write(self, **settings: Any) -> Path:
        """Write settings."""
        told = {
            "connection": "one",
            "tunnel": "never",
            "public_ip_address": None,
            "collection_paths": [COLLECTIONS],
            "controller": self.controller.pid,
            **settings,
        }
        file = self.folder / f"{len(list(self.folder.glob('*.json')))}.json"
        file.write_text(json.dumps(told), encoding="utf-8")
        return file

    def ask(self, settings: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a ProxyCommand, as ssh does."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            command = [sys.executable, "-I", "-S", PROGRAM, str(settings or self.settings), self.name]
            return subprocess.Popen(command, stdout=theirs.fileno(), stderr=subprocess.DEVNULL)

    def command(self, settings: Path | None = None) -> broker_session.Command:
        """Begin a command, as the connection plugin does."""
        return self.broker.begin(str(settings or self.settings), "", wait=lambda _sentence: None)

    def failure(self) -> Any:
        """Return what the broker says of the last connection that could not be made."""
        return self.broker.ask("failure", str(self.settings))["failed"]

    def processes(self, program: str) -> list[int]:
        """Return the processes of a program of this run."""
        found = subprocess.run(["pgrep", "-f", f"{program} .*{self.folder}"], capture_output=True, check=False)
        return [process for process in map(int, found.stdout.split()) if process != os.getpid()]

    def brokers(self) -> list[int]:
        """Return the brokers that run, without what they are about to start."""
        found = self.processes("broker.py")
        return [process for process in found if parent_of(process) not in found]


def parent_of(process: int) -> int:
    """Return the parent of a process, 0 for one that has just ended."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except FileNotFoundError:
        return 0
    return int(fields[1])
