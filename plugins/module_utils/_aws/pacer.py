# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""How fast a throttled service is called. Pure: it is told the time, and waits for nothing.

A service that throttles takes so many calls a second from an account, whoever makes them, and refuses the rest. A
refused call costs nothing but the trouble. So from the first refusal on, all calls of a process share one speed: a
little more than what the service took in the last second. Less would leave calls of the service unused, which is what
backing off does; the little more finds out when the service takes more.
"""

from __future__ import annotations

import math
import threading
from collections import deque

# For how long calls are counted before there is a speed. Long enough to count some at a few a second.
_WINDOW_SECONDS = 1.0
# The speed of calls, as a multiple of the speed at which they are taken.
_EAGERNESS = 1.2


class Pacer:
    """The speed of the calls of one client, for all of its threads. Times are seconds on one steady clock."""

    def __init__(self) -> None:
        """Begin without a limit."""
        self._lock = threading.Lock()
        self._taken: deque[float] = deque()
        self._first_refused_at: float | None = None
        self._last_taken_at: float | None = None
        self._next_call_at = 0.0

    def delay(self, now: float) -> float:
        """Return the seconds to wait before a call is sent, and count on its being sent then."""
        with self._lock:
            speed = self._speed(now)
            if not speed:
                return 0.0
            call_at = max(now, self._next_call_at)
            self._next_call_at = call_at + 1 / speed
            return call_at - now

    def taken(self, now: float) -> None:
        """Note that the service took a call, whatever it answered."""
        with self._lock:
            self._last_taken_at = now
            # Before the first refusal nobody needs the count, which is that of a bucket that was full.
            if self._first_refused_at is not None:
                self._taken.append(now)

    def refused(self, now: float) -> None:
        """Note that the service refused a call for its speed."""
        with self._lock:
            if self._first_refused_at is None:
                self._first_refused_at = now

    def seconds_since_success(self, now: float) -> float:
        """Return for how long the service has taken no call; infinite if it never did."""
        with self._lock:
            return math.inf if self._last_taken_at is None else now - self._last_taken_at

    def seconds_refused(self, now: float) -> float:
        """Return for how long the service has refused every call; 0 where it has refused none."""
        with self._lock:
            if self._first_refused_at is None:
                return 0.0
            return now - max(self._first_refused_at, self._last_taken_at or self._first_refused_at)

    def _speed(self, now: float) -> float:
        """Return how many calls a second to make. 0: as fast as they come."""
        if self._first_refused_at is None or now < self._first_refused_at + _WINDOW_SECONDS:
            return 0.0
        while self._taken and self._taken[0] <= now - _WINDOW_SECONDS:
            self._taken.popleft()
        return _EAGERNESS * len(self._taken) / _WINDOW_SECONDS
