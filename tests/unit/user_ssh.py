# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ssh of a user who logs in by hand, as far as its ProxyCommand goes: with real programs, and AWS on loopback."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import user_proxy_command
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.user_host import UserHost
from ansible_collections.sshkeys.aws.tests.unit.scripted_service import PUSHED, ScriptedService
from ansible_collections.sshkeys.aws.tests.waiting import wait_until

PROGRAM = str(user_proxy_command.__file__)
COLLECTIONS = str(Path(PROGRAM).parents[6])
INSTANCE_ID = "i-0123456789abcdef0"


class Asked(NamedTuple):
    """What came of an ssh: the exit status and the standard error of its ProxyCommand, and the first bytes of sshd."""

    status: int
    said: str
    greeting: bytes


class UserSsh:
    """A user, whose instance is a socket on loopback.

    folder: that of the brokers. environment: of the user's shell. service: EC2 Instance Connect.
    """

    def __init__(self, home: Path) -> None:
        """Begin, with the folder at a long path."""
        runtime = home / ("long" * 30)
        runtime.mkdir(mode=0o700)
        self.folder = runtime / "sshkeys.aws"
        self.service = ScriptedService()
        self.service.script = [PUSHED]
        told = self.service.params()
        self.environment = {
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "AWS_ACCESS_KEY_ID": told["access_key"],
            "AWS_SECRET_ACCESS_KEY": told["secret_key"],
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        # The SDK may come from there.
        self.environment.update({name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ})
        self.sshd = socket.create_server(("127.0.0.1", 0), backlog=128)
        threading.Thread(target=self._greet, daemon=True).start()
        self.port = str(self.sshd.getsockname()[1])
        self.host = UserHost(
            INSTANCE_ID,
            str(self.folder),
            str(home / "sshkeys.aws.config"),
            str(home / "known_hosts"),
            tunnel="never",
            host_keys="ssh",
            address="127.0.0.1",
            region="us-east-1",
            endpoint_url=told["endpoint_url"],
            timeout="5",
        )

    def _greet(self) -> None:
        """Greet everybody as sshd does."""
        with contextlib.suppress(OSError):
            while True:
                with self.sshd.accept()[0] as accepted, contextlib.suppress(OSError):
                    accepted.sendall(b"SSH-2.0-sshd\r\n")

    def start(
        self, host: UserHost | None = None, environment: Mapping[str, str] | None = None, words: list[str] | None = None
    ) -> tuple[subprocess.Popen[str], socket.socket]:
        """Start a ProxyCommand as ssh does. Returns it, and the socket of ssh."""
        ours, theirs = socket.socketpair()
        arguments = words or (host or self.host).words()
        with theirs:
            program = subprocess.Popen(
                [sys.executable, "-I", "-S", PROGRAM, "ec2-user", self.port, COLLECTIONS, *arguments],
                stdout=theirs.fileno(),
                stderr=subprocess.PIPE,
                env={**self.environment, **(environment or {})},
                text=True,
            )
        ours.settimeout(30)
        return program, ours

    def finish(self, program: subprocess.Popen[str], ours: socket.socket) -> Asked:
        """Wait for the end of a ProxyCommand, and receive as ssh."""
        with ours:
            said = program.communicate(timeout=60)[1]
            _byte, descriptors, _flags, _address = socket.recv_fds(ours, 1, 1)
        greeting = b""
        if descriptors:
            with socket.socket(fileno=descriptors[0]) as connection:
                connection.settimeout(10)
                greeting = connection.recv(100)
        return Asked(program.returncode, said, greeting)

    def ask(self, host: UserHost | None = None, environment: Mapping[str, str] | None = None) -> Asked:
        """Run an ssh until it has its connection."""
        return self.finish(*self.start(host, environment))

    def processes(self, program: str) -> list[int]:
        """Return the processes of a program that serve this user, without what they are about to start."""
        found = {}
        for process in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208 - for names
            with contextlib.suppress(OSError):
                command = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
                if os.fsencode(self.folder) in command and any(word.endswith(program.encode()) for word in command):
                    found[int(process)] = int(
                        Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
                    )
        return [process for process, parent in found.items() if parent not in found]

    def brokers(self) -> list[int]:
        """Return the brokers that run."""
        return self.processes("broker.py")

    def guards(self) -> list[int]:
        """Return the guards that run."""
        return self.processes("run_guard.py")

    def end(self) -> None:
        """End all that is left."""
        for process in self.brokers():
            os.kill(process, signal.SIGKILL)
        wait_until(lambda: not self.brokers(), "a broker is left")
        for process in self.guards():
            if self.folder.exists():
                wait_until(lambda: not self.folder.exists(), "the folder is left")
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        wait_until(lambda: not self.guards(), "a guard is left")
        self.service.server.shutdown()
        self.service.server.server_close()
        # It wakes who waits in accept.
        self.sshd.shutdown(socket.SHUT_RDWR)
        self.sshd.close()


@contextlib.contextmanager
def user_ssh(home: Path) -> Iterator[UserSsh]:
    """Return a user, and end what is left."""
    it = UserSsh(home)
    try:
        yield it
    finally:
        it.end()
