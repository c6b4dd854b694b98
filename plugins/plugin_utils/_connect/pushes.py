# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys that were pushed in the course of a run: one that was accepted a moment ago is not pushed again."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import NamedTuple

# A key opens its user for 60 seconds (SendSSHPublicKey). ssh needs some of them to log in.
FRESH_SECONDS = 45


def seconds_since_boot() -> float:
    """Return seconds on a clock that goes on while the machine sleeps, where the system has one."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class Pushed(NamedTuple):
    """A key, and what it opens. account: a name for the credentials that push it."""

    instance_id: str
    user: str
    public_key: str
    account: str


class Pushes:
    """The pushes of a run."""

    def __init__(self, now: Callable[[], float] = seconds_since_boot) -> None:
        """Start without any. now: returns seconds."""
        self._now = now
        self._sent_at: dict[Pushed, float] = {}
        self._locks: dict[Pushed, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def ensure(self, what: Pushed, push: Callable[[], Awaitable[object]]) -> float | None:
        """Push a key unless it was accepted less than FRESH_SECONDS ago. Raises the exceptions of ``push``.

        Returns the seconds since it was sent, None if it was pushed now.
        """
        async with self._locks[what]:
            now = self._now()
            sent_at = self._sent_at.get(what)
            if sent_at is not None and 0 <= now - sent_at < FRESH_SECONDS:
                return now - sent_at
            await push()
            # When it was sent, since the answer may have taken long.
            self._sent_at[what] = now
            return None

    def forget(self, instance_id: str) -> None:
        """Have each key for an instance pushed next time, whenever it was accepted."""
        self._sent_at = {what: sent_at for what, sent_at in self._sent_at.items() if what.instance_id != instance_id}
