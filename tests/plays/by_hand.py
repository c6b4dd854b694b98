# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A user who logs in by hand beside a lab: the file that ssh_config writes, included, and commands in a shell."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.sshkeys.aws.tests.playbooks import Controller, Run
from ansible_collections.sshkeys.aws.tests.plays.connection_hosts import inventory, processes
from ansible_collections.sshkeys.aws.tests.waiting import wait_until

_PLAYBOOK = "sshkeys.aws.ssh_config"
_SECONDS = 60


class User:
    """A user with a home folder, whose ssh reads the files of the lab's ``ssh`` folder instead of ``~/.ssh``.

    folder: that of the user's brokers.
    """

    def __init__(self, controller: Controller, runtime: Path) -> None:
        """Take a controller, and a folder as XDG_RUNTIME_DIR."""
        self.controller, self.lab = controller, controller.lab
        self.file = Path(os.environ["HOME"]) / ".ssh" / "sshkeys.aws.config"
        self.folder = runtime / "sshkeys.aws"
        self._config = Path(self.lab.lab["known_hosts"]).parent / "ssh" / "config"

    def include(self) -> None:
        """Include the file, as the playbook says."""
        self._config.write_text(f"Include {self.file}\n", encoding="utf-8")

    def end(self) -> None:
        """Include it no more, and end the brokers."""
        self._config.unlink(missing_ok=True)
        for process in self.brokers():
            os.kill(process, signal.SIGTERM)
        wait_until(lambda: not self.folder.exists(), "the folder with the key is left")

    def write(self, hosts: Mapping[str, Mapping[str, Any]], *arguments: str, **variables: Any) -> Run:
        """Run the playbook for these hosts."""
        told = inventory(self.lab, connection=False, fleet=hosts)
        return self.controller.run(_PLAYBOOK, *arguments, inventory=told, variables=variables)

    def shell(
        self, *command: str, environment: Mapping[str, str] | None = None, folder: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            command,
            env={**os.environ, **(environment or {})},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )

    def ssh(self, *words: str, environment: Mapping[str, str] | None = None) -> str:
        """Return what an ssh prints. Fails with what it says if it fails."""
        return self.succeed("ssh", *words, environment=environment)

    def succeed(self, *command: str, environment: Mapping[str, str] | None = None, folder: Path | None = None) -> str:
        """Return what a command prints. Fails with what it says if it fails."""
        done = self.shell(*command, environment=environment, folder=folder)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def brokers(self) -> list[int]:
        """Return the brokers that run."""
        found = processes().items()
        return [process for process, command in found if "broker.py" in command and str(self.folder) in command]


@contextmanager
def user(controller: Controller, monkeypatch: Any) -> Iterator[User]:
    """Return a user of a controller, and end what is left."""
    runtime = Path(os.environ["HOME"]) / "run"
    runtime.mkdir(mode=0o700, exist_ok=True)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    it = User(controller, runtime)
    try:
        yield it
    finally:
        it.end()


def names_in(folder: Path) -> Sequence[str]:
    """Return the names of the files in a folder, none if there is no folder."""
    return sorted(file.name for file in folder.iterdir()) if folder.exists() else []
