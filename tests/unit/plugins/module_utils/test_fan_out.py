# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._fan_out import fan_out, watched
from hypothesis import given, strategies as st

# For how long a test waits for what must happen; reached only by a test that fails.
PATIENCE = 30


@given(st.lists(st.integers()), st.integers(1, 8))
def test_outcomes_are_in_the_order_of_the_items(items: list[int], concurrency: int) -> None:
    assert fan_out(str, items, concurrency) == [str(item) for item in items]


def test_order_does_not_follow_the_end_of_the_calls() -> None:
    done = {number: threading.Event() for number in range(5)}

    def call(number: int) -> int:
        # Each ends after the one behind it.
        if number < 4:
            assert done[number + 1].wait(PATIENCE)
        done[number].set()
        return number

    assert fan_out(call, range(5), 5) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("items", "concurrency", "at_once"), [(8, 4, 4), (3, 16, 3), (2, 2, 2), (20, 5, 5)])
def test_as_many_calls_at_once_as_may_be(items: int, concurrency: int, at_once: int) -> None:
    # No call of the first round ends before all of them have begun.
    barrier = threading.Barrier(at_once)

    def call(number: int) -> int:
        if number < at_once:
            barrier.wait(PATIENCE)
        return number

    assert fan_out(call, range(items), concurrency) == list(range(items))


@pytest.mark.parametrize(("items", "concurrency"), [(6, 3), (40, 16), (3, 2)])
def test_one_more_call_begins_only_when_another_has_ended(items: int, concurrency: int) -> None:
    begun, ended = threading.Semaphore(0), threading.Semaphore(0)
    outcomes: list[int] = []

    def call(number: int) -> int:
        begun.release()
        assert ended.acquire(timeout=PATIENCE)
        return number

    whole = threading.Thread(target=lambda: outcomes.extend(fan_out(call, range(items), concurrency)), daemon=True)
    whole.start()
    for _number in range(concurrency):
        assert begun.acquire(timeout=PATIENCE)
    for _number in range(items - concurrency):
        # That nothing happens cannot be awaited; a call that begins too early is there long before this ends.
        assert not begun.acquire(timeout=0.05)
        ended.release()
        assert begun.acquire(timeout=PATIENCE)
    for _number in range(concurrency):
        ended.release()
    whole.join(PATIENCE)
    assert outcomes == list(range(items))


@pytest.mark.parametrize(("items", "concurrency"), [(1, 16), (1, 1), (3, 1)])
def test_what_needs_no_thread_has_none(items: int, concurrency: int) -> None:
    assert set(fan_out(lambda _item: threading.current_thread(), range(items), concurrency)) == {
        threading.current_thread()
    }


def test_nothing_to_do() -> None:
    def call(_item: int) -> int:
        raise AssertionError

    assert fan_out(call, [], 16) == []


def test_items_may_come_one_by_one() -> None:
    def items() -> Iterator[int]:
        yield from range(3)

    assert fan_out(lambda item: item + 1, items(), 2) == [1, 2, 3]


@pytest.mark.parametrize("concurrency", [1, 2, 16])
def test_what_a_call_raises_is_raised(concurrency: int) -> None:
    class FaultOfTheProgramError(Exception):
        pass

    def call(item: int) -> int:
        if item == 2:
            raise FaultOfTheProgramError(str(item))
        return item

    with pytest.raises(FaultOfTheProgramError, match=r"^2$"):
        fan_out(call, range(4), concurrency)


def test_no_thread_outlives_the_call() -> None:
    threads: set[threading.Thread] = set()
    fan_out(lambda _item: threads.add(threading.current_thread()), range(8), 4)
    assert not any(thread.is_alive() for thread in threads)


class Watcher:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.totals: list[int] = []
        self.ended = 0

    @contextmanager
    def watch(self, total: int) -> Iterator[Callable[[], None]]:
        self.totals.append(total)
        yield self._end

    def _end(self) -> None:
        self.ended += 1


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("items", [2, 3])
def test_whoever_watches_is_told_of_each_call(items: int, concurrency: int) -> None:
    watcher = Watcher()
    with watched(watcher.watch):
        assert fan_out(str, range(items), concurrency) == [str(item) for item in range(items)]
    fan_out(str, range(items), concurrency)
    assert (watcher.totals, watcher.ended) == ([items], items)


@pytest.mark.parametrize("items", [0, 1])
def test_there_is_nothing_to_watch_in_a_single_call(items: int) -> None:
    watcher = Watcher()
    with watched(watcher.watch):
        fan_out(str, range(items), 1)
    assert watcher.totals == []


def test_a_call_that_raises_has_ended() -> None:
    def call(_item: int) -> None:
        raise ZeroDivisionError

    watcher = Watcher()
    with watched(watcher.watch), pytest.raises(ZeroDivisionError):
        fan_out(call, range(2), 1)
    assert watcher.ended == 1
