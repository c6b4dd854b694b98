# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Threads that take turns at their requests and waits, in an order that a test gives."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from ansible_collections.sshkeys.aws.tests.robustness.in_process import in_process_lab


class Turns:
    """Threads of which one at a time does something, in an order that is given: at each request and at each wait.

    When the order has come to its end, they take turns.
    """

    def __init__(self, order: Sequence[int]) -> None:
        """Begin with nobody. order: whose turn it is, by number."""
        self._order = list(order)
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        self._ready: set[int] = set()
        self._running: set[int] = set()
        self._last = 0
        self._me = threading.local()
        self.results: dict[int, Any] = {}

    def add(self, work: Callable[[], Any]) -> None:
        """Add somebody. What ``work`` returns is among the results."""
        number = len(self._threads)

        def run() -> None:
            self._me.number = number
            try:
                self.await_turn()
                self.results[number] = work()
            finally:
                with self._changed:
                    self._running.discard(number)
                    self._changed.notify_all()

        self._running.add(number)
        self._threads.append(threading.Thread(target=run))

    def await_turn(self) -> None:
        """Wait for the next turn of this thread; any other thread just goes on."""
        number = getattr(self._me, "number", None)
        if number is None:
            return
        with self._changed:
            self._ready.add(number)
            self._changed.notify_all()
            self._changed.wait_for(lambda: number not in self._ready)

    def play(self) -> None:
        """Let them all work until they are done."""
        for thread in self._threads:
            thread.start()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ready == self._running)
                if not self._running:
                    break
                self._ready.discard(self._next())
                self._changed.notify_all()
                # Until it waits again, or has ended.
                self._changed.wait_for(lambda: self._ready == self._running)
        for thread in self._threads:
            thread.join()

    def _next(self) -> int:
        while self._order:
            number = self._order.pop(0)
            if number in self._ready:
                return number
        self._last = min((number for number in self._ready if number > self._last), default=min(self._ready))
        return self._last


MakeTurns = Callable[[Sequence[int]], Turns]

# The turns that are taken.
AT_WORK: list[Turns] = []


def await_turn() -> None:
    """Wait for the next turn of this thread, if turns are taken."""
    if AT_WORK:
        AT_WORK[-1].await_turn()


@cache
def transfer() -> Any:
    """Return a client that waits for a turn of its thread in front of each request."""
    return in_process_lab().client("transfer", await_turn)
