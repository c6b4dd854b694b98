# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands of Ansible that are at work on the hosts of a run, as far as the broker knows.

Each has a socket to the connection plugin that runs it, and ends with that socket. A connection is named by what makes
ssh share it (settings.py).
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Mapping


class Commands:
    """The commands at work, and the connections that are idle.

    last_new_at: when a command last began on a connection that had none before, on the monotonic clock.
    """

    def __init__(self) -> None:
        """Start without any."""
        self._at_work: dict[str, set[socket.socket]] = defaultdict(set)
        self._idle_since: dict[str, float] = {}
        self._failures: dict[str, Mapping[str, object]] = {}
        self._known: set[str] = set()
        self._when_idle: list[Callable[[str], None]] = []
        self.last_new_at = 0.0

    def when_idle(self, call: Callable[[str], None]) -> None:
        """Call this function with the name of each connection that becomes idle."""
        self._when_idle.append(call)

    def begin(self, connection: str, plugin: socket.socket) -> None:
        """Note that a command begins. plugin: a socket to the plugin that runs it, which does not block."""
        if connection not in self._known:
            self._known.add(connection)
            self.last_new_at = time.monotonic()
        self._at_work[connection].add(plugin)
        self._idle_since.pop(connection, None)

    def end(self, connection: str, plugin: socket.socket) -> None:
        """Note that a command has ended."""
        self._at_work[connection].discard(plugin)
        if not self._at_work[connection]:
            del self._at_work[connection]
            self._idle_since[connection] = time.monotonic()
            for call in self._when_idle:
                call(connection)

    def idle_since(self, connection: str) -> float | None:
        """Return when the last command of a connection has ended, on the monotonic clock.

        None if one is at work, or if none has been seen to end: it may have begun with an earlier broker.
        """
        return self._idle_since.get(connection)

    def tell(self, connection: str, message: Mapping[str, object]) -> None:
        """Send a message to the plugins whose commands are at work on a connection. server.py has the messages."""
        for plugin in self._at_work.get(connection, ()):
            send(plugin, message)

    def made(self, connection: str, message: Mapping[str, object]) -> None:
        """Tell of a connection that was made, and forget why an earlier one was not."""
        self._failures.pop(connection, None)
        self.tell(connection, message)

    def fail(self, connection: str, step: str, sentence: str) -> None:
        """Tell why a connection could not be made, or has ended, and remember it. step: the name of a Step."""
        self._failures[connection] = {"step": step, "sentence": sentence}
        self.tell(connection, {"failed": self._failures[connection]})

    def failure(self, connection: str) -> Mapping[str, object] | None:
        """Return the last failure of a connection."""
        return self._failures.get(connection)


def send(plugin: socket.socket, message: Mapping[str, object]) -> None:
    """Send a message, as a line of JSON, unless the plugin has gone or has not read for long."""
    with contextlib.suppress(OSError):
        plugin.send(json.dumps(message).encode() + b"\n")
