# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The rate of calls to a throttled service. Pure: the caller passes the time, and does the waiting.

A service that throttles accepts a number of calls a second from an account, from all clients together, and refuses the
rest. A refused call has no other cost. So from the first refusal on, all calls of a process share one rate: slightly
more than the service accepted in the last second. A lower rate would waste capacity, as backing off does; the slight
excess shows when the service accepts more.
"""

from __future__ import annotations

import math
import threading
from collections import deque

# Calls are counted over this time. It is long enough for a count at a few calls a second.
_WINDOW_SECONDS = 1.0
# The rate of calls, as a multiple of the rate at which they are accepted.
_EAGERNESS = 1.2


class Pacer:
    """The rate of the calls of one client, for all its threads. Times are seconds on one monotonic clock."""

    def __init__(self) -> None:
        """Start without a limit."""
        self._lock = threading.Lock()
        self._taken: deque[float] = deque()
        self._first_refused_at: float | None = None
        self._last_taken_at: float | None = None
        self._next_call_at = 0.0

    def delay(self, now: float) -> float:
        """Return the seconds to wait before sending a call, and reserve that moment for it."""
        with self._lock:
            speed = self._speed(now)
            if not speed:
                return 0.0
            call_at = max(now, self._next_call_at)
            self._next_call_at = call_at + 1 / speed
            return call_at - now

    def taken(self, now: float) -> None:
        """Record that the service accepted a call, whatever its answer."""
        with self._lock:
            self._last_taken_at = now
            # Earlier calls came from the initial burst, which says nothing about the rate.
            if self._first_refused_at is not None:
                self._taken.append(now)

    def refused(self, now: float) -> None:
        """Record that the service throttled a call."""
        with self._lock:
            if self._first_refused_at is None:
                self._first_refused_at = now

    def seconds_since_success(self, now: float) -> float:
        """Return the seconds since the service last accepted a call; infinite if it never did."""
        with self._lock:
            return math.inf if self._last_taken_at is None else now - self._last_taken_at

    def seconds_refused(self, now: float) -> float:
        """Return for how many seconds the service has refused every call; 0 if it has refused none."""
        with self._lock:
            if self._first_refused_at is None:
                return 0.0
            return now - max(self._first_refused_at, self._last_taken_at or self._first_refused_at)

    def _speed(self, now: float) -> float:
        """Return the calls a second to make; 0 for no limit."""
        if self._first_refused_at is None or now < self._first_refused_at + _WINDOW_SECONDS:
            return 0.0
        while self._taken and self._taken[0] <= now - _WINDOW_SECONDS:
            self._taken.popleft()
        return _EAGERNESS * len(self._taken) / _WINDOW_SECONDS
