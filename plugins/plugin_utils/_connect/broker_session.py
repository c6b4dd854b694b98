# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The talk of the connection plugin with the broker of the run, for as long as a command is at work.

Every task of every host loads this file, so it is short, and imports what not every task needs where that is needed.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

Answer = TypeVar("Answer")

_TRIES = 5
# The broker says more often than this that it is still there.
_SILENT_SECONDS = 30


class Broker:
    """The broker of a run, which any of its workers may have to start.

    name: that of its socket in the folder of the run.
    """

    def __init__(self, folder: str, name: str, controller: int, collection_paths: Sequence[str]) -> None:
        """Take what it needs to know.

        controller: the process id of ansible-playbook. collection_paths: as for proxy_command.start.
        """
        self._folder, self.name = folder, name
        self._for_a_start = str(controller), collection_paths

    def start(self) -> None:
        """Start the broker if it is not there, while there is nothing to ask it yet."""
        if not os.path.exists(os.path.join(self._folder, self.name)):
            self._connect().close()

    def ask(self, *fields: str) -> dict[str, Any]:
        """Return the answer to a request (server.py). Raises OSError if the broker cannot be reached."""

        def once() -> dict[str, Any] | None:
            with self._request(*fields) as broker, broker.makefile() as answers:
                answer = answers.readline()
                return json.loads(answer) if answer else None

        return _until_answered(once)

    def begin(self, settings_file: str, master: str, *, wait: Callable[[str], None]) -> Command:
        """Say that a command begins. Returns when ssh may be started. Raises OSError as ``ask`` does.

        master: the path of the socket of an ssh that persists, whether it is there or not.
        wait: takes a sentence if it has to wait.
        """
        return _until_answered(lambda: self._begin(settings_file, master, wait))

    def _begin(self, settings_file: str, master: str, wait: Callable[[str], None]) -> Command | None:
        """Return the command, None if the broker has ended."""
        command = Command(self._request("command", settings_file, master))
        # If it is silent, it hangs, and ssh finds out what that means.
        with contextlib.suppress(TimeoutError):
            for answer in command.messages():
                if "begin" in answer:
                    return command
                if "waits" in answer:
                    wait(answer["waits"])
            command.end()
            return None
        command.has_lost_the_broker = True
        return command

    def _request(self, *fields: str) -> socket.socket:
        broker = self._connect()
        broker.settimeout(_SILENT_SECONDS)
        broker.sendall(b"".join(os.fsencode(field) + b"\0" for field in fields))
        return broker

    def _connect(self) -> socket.socket:
        broker, here = socket.socket(socket.AF_UNIX), os.getcwd()
        # The path of a socket may be no longer than about a hundred bytes.
        os.chdir(self._folder)
        try:
            broker.connect(self.name)
        except (FileNotFoundError, ConnectionRefusedError):
            from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import proxy_command  # noqa: PLC0415 - see above

            proxy_command.start(broker, here, self.name, lambda: self._for_a_start)
        except BaseException:
            broker.close()
            raise
        finally:
            os.chdir(here)
        return broker


def _until_answered(ask: Callable[[], Answer | None]) -> Answer:
    """Return the first answer. A broker that is about to end takes requests for a moment, and answers none."""
    for _time in range(_TRIES):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            answer = ask()
            if answer is not None:
                return answer
    raise ConnectionResetError("it ends before it answers")


class Command:
    """A command that is at work.

    failed: the step that failed, and a sentence, as server.py describes it; None if none has.
    closed_ways: the ways to the host that were closed, and why, as sentences; empty if there was none.
    relied_on_an_earlier_push: whether a connection was made with a key that was not pushed for it.
    has_lost_the_broker: whether the broker has ended, or hangs.
    """

    def __init__(self, broker: socket.socket) -> None:
        self._broker = broker
        self._received = b""
        self.failed: dict[str, str] | None = None
        self.closed_ways = ""
        self.relied_on_an_earlier_push = self.has_lost_the_broker = False

    def messages(self) -> Iterator[dict[str, Any]]:
        """Yield each message of the broker as it comes, until the broker has ended."""
        with contextlib.suppress(ConnectionResetError):
            while True:
                while b"\n" in self._received:
                    line, _end, self._received = self._received.partition(b"\n")
                    message = json.loads(line)
                    self.failed = message.get("failed", self.failed)
                    self.closed_ways = message.get("closed_ways", self.closed_ways)
                    self.relied_on_an_earlier_push |= not message.get("is_pushed", True)
                    yield message
                data = self._broker.recv(65_536)
                if not data:
                    break
                self._received += data
        self.has_lost_the_broker = True

    def hear(self) -> list[dict[str, Any]]:
        """Return the messages that have come by now."""
        self._broker.setblocking(False)
        found: list[dict[str, Any]] = []
        with contextlib.suppress(BlockingIOError):
            for message in self.messages():
                found.append(message)  # noqa: PERF402 - what came before the error counts
        return found

    def end(self) -> None:
        """Say that the command has ended."""
        self._broker.close()
