# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A throttled service is called a little faster than it takes calls: simulated threads before a simulated bucket."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from itertools import count

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.pacer import Pacer
from hypothesis import given, strategies as st

# How long a request is under way, and how long a refused thread rests.
LATENCY = 0.02
REST = 0.05


@dataclass
class Bucket:
    """A bucket of tokens: it holds so many, and gets so many a second."""

    rate: float
    size: float
    tokens: float
    filled_at: float = 0.0

    def takes(self, now: float) -> bool:
        self.tokens = min(self.size, self.tokens + (now - self.filled_at) * self.rate)
        self.filled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass
class Run:
    """What came of a simulated run. Times are seconds."""

    ended_at: float = 0.0
    sent_at: list[float] = field(default_factory=list)


def simulate(bucket: Bucket, calls: int, threads: int) -> Run:
    """Let threads make calls, each again until it is taken."""
    pacer, run, order = Pacer(), Run(), count()
    # (when, in which order, whether the call is sent then or its turn is asked for)
    events = [(0.0, next(order), False) for _number in range(threads)]
    while events:
        now, _order, is_sent = heapq.heappop(events)
        if not is_sent:
            if calls > 0:
                calls -= 1
                heapq.heappush(events, (now + pacer.delay(now), next(order), True))
            continue
        run.sent_at.append(now)
        answered_at = now + LATENCY
        if bucket.takes(now):
            pacer.taken(answered_at)
            run.ended_at = answered_at
            heapq.heappush(events, (answered_at, next(order), False))
        else:
            pacer.refused(answered_at)
            calls += 1
            heapq.heappush(events, (answered_at + REST, next(order), False))
    return run


@given(
    rate=st.integers(5, 400),
    size=st.integers(5, 400),
    is_full=st.booleans(),
    threads=st.integers(8, 64),
    data=st.data(),
)
def test_the_service_is_kept_busy(rate: int, size: int, is_full: bool, threads: int, data: st.DataObject) -> None:
    """It takes little longer than the bucket needs to give so many tokens, for as many threads as reach its rate."""
    rate = min(rate, int(threads / LATENCY / 2))
    tokens = size if is_full else 0
    calls = tokens + rate * data.draw(st.integers(5, 12))

    run = simulate(Bucket(rate, size, tokens), calls, threads)

    floor = (calls - tokens) / rate
    assert run.ended_at <= 1.2 * floor


@given(rate=st.integers(5, 200), threads=st.integers(2, 64))
def test_few_calls_are_refused(rate: int, threads: int) -> None:
    """After the second in which the speed is measured, one call in three is refused at the most."""
    calls = rate * 6

    run = simulate(Bucket(rate, rate, 0), calls, threads)

    later = [at for at in run.sent_at if at > 2.5]
    taken_later = calls - int(2.5 * rate)
    assert len(later) <= 1.5 * taken_later + 1


def test_nothing_waits_before_the_first_refusal() -> None:
    pacer = Pacer()
    for number in range(1000):
        assert pacer.delay(number / 1000) == 0
        pacer.taken(number / 1000)


def test_calls_are_spread_evenly_after_it() -> None:
    pacer = Pacer()
    pacer.refused(0.0)
    for number in range(7):
        pacer.taken(number / 10 + 0.05)

    # Seven were taken in a second, and the next ones come a fifth faster.
    assert [pacer.delay(1.0) for _number in range(4)] == pytest.approx([0, 1 / 8.4, 2 / 8.4, 3 / 8.4])


def test_a_service_that_takes_none_any_more_is_asked_without_a_pace() -> None:
    """There is no speed to keep to: how long its callers rest is theirs to say."""
    pacer = Pacer()
    pacer.refused(0.0)
    pacer.taken(0.5)
    assert [pacer.delay(2.0) for _number in range(3)] == [0, 0, 0]


def test_a_service_that_takes_more_is_called_faster() -> None:
    pacer = Pacer()
    pacer.refused(0.0)
    now, speeds = 0.0, []
    pacer.taken(now)
    for _number in range(200):
        now += max(pacer.delay(now), 0.001)
        pacer.taken(now)
        speeds.append(now)

    # Nothing was refused any more, and the last hundred calls took less time than the hundred before.
    assert speeds[-1] - speeds[100] < speeds[100] - speeds[0]


def test_two_threads_do_not_reserve_the_same_moment() -> None:
    """The speed is read and the moment is reserved under one lock."""

    class Watched(Pacer):
        def _speed(self, now: float) -> float:
            was_locked.append(self._lock.locked())
            return super()._speed(now)

    was_locked: list[bool] = []
    Watched().delay(0.0)
    assert was_locked == [True]


def test_what_it_knows_of_success() -> None:
    pacer = Pacer()
    assert pacer.seconds_since_success(5.0) == math.inf
    assert pacer.seconds_refused(5.0) == 0
    pacer.refused(5.0)
    assert pacer.seconds_refused(7.0) == 2
    pacer.taken(8.0)
    pacer.refused(9.0)
    assert pacer.seconds_since_success(20.0) == 12
    assert pacer.seconds_refused(20.0) == 12
