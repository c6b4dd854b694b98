# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that owns every sshd: it accepts connections, starts an sshd for each one, and ends them all.

It is a separate process because a killed lab cannot clean up: when the keeper's standard input closes, for any reason,
it kills all its descendants. The first line of standard input is JSON, a list of
{"fd": a listening socket, "command": the arguments of an `sshd -i`}. Each further line ends the open sessions.
Standard library only, so that it starts fast.
"""

from __future__ import annotations

import ctypes
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def prctl(option: int, value: int) -> None:
    """Set a process attribute on Linux. On other systems the keeper ends only its direct children."""
    if LINUX:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _die_with_keeper() -> None:
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Keeper:
    """The keeper's children and, on Linux, their orphans, such as a session's shell."""

    def __init__(self) -> None:
        """Start with no children, and become the parent of their orphans."""
        self._started: set[int] = set()
        prctl(PR_SET_CHILD_SUBREAPER, 1)

    def start(self, command: list[str], connection: socket.socket) -> None:
        """Run `command` with `connection` as its input and output."""
        process = subprocess.Popen(
            command,
            stdin=connection.fileno(),
            stdout=connection.fileno(),
            stderr=subprocess.DEVNULL,
            preexec_fn=_die_with_keeper,  # noqa: PLW1509 - this process has one thread
        )
        self._started.add(process.pid)

    def bury(self) -> None:
        """Reap the children that have ended."""
        with suppress(ChildProcessError):
            while True:
                pid, _status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                self._started.discard(pid)

    def _alive(self) -> set[int]:
        me = os.getpid()
        try:
            return {int(pid) for pid in Path(f"/proc/{me}/task/{me}/children").read_text("ascii").split()}
        except OSError:
            return self._started

    def end(self) -> None:
        """Kill all children, and the orphans that this creates, until none is left."""
        with suppress(ChildProcessError):
            while True:
                for pid in self._alive():
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                pid, _status = os.waitpid(-1, 0)
                self._started.discard(pid)


def _read_line() -> str:
    return sys.stdin.readline()


def main() -> None:
    """Serve until standard input closes."""
    doors = json.loads(_read_line())
    keeper = Keeper()
    child_ended, wake = socket.socketpair()
    child_ended.settimeout(0)
    wake.settimeout(0)
    signal.signal(signal.SIGCHLD, lambda *_arguments: None)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin, selectors.EVENT_READ)
        selector.register(child_ended, selectors.EVENT_READ)
        for door in doors:
            listener = socket.socket(fileno=door["fd"])
            listener.settimeout(0)
            selector.register(listener, selectors.EVENT_READ, door["command"])
        while True:
            for key, _events in selector.select():
                if key.fileobj is sys.stdin:
                    is_last = not _read_line()
                    keeper.end()
                    if is_last:
                        return
                if key.fileobj is child_ended:
                    child_ended.recv(4096)
                    keeper.bury()
                elif isinstance(key.fileobj, socket.socket):
                    # The client may have closed the connection already.
                    with suppress(BlockingIOError, ConnectionError):
                        connection, _address = key.fileobj.accept()
                        with connection:
                            keeper.start(key.data, connection)


if __name__ == "__main__":
    main()
