# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Concurrent calls, limited in number, each with its own outcome."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Callable, ContextManager, Iterable, Iterator, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# Takes the number of calls, and returns a function that is called, from any thread, when each one has ended.
Watch = Callable[[int], ContextManager[Callable[[], None]]]

_watch: ContextVar[Watch] = ContextVar("_watch")


@contextlib.contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Report the progress of every fan_out in this block to ``watch``."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


def fan_out(call: Callable[[Item], Result], items: Iterable[Item], concurrency: int) -> list[Result]:
    """Call ``call`` with each item, at most ``concurrency`` at the same time.

    ``call`` returns its failures as outcomes, so that one bad item does not stop the others. An exception from it is a
    bug, and is raised again here.
    Returns the outcomes in the order of the items.
    """
    items = list(items)
    workers = min(concurrency, len(items))
    # For a single item a thread would only cost time.
    if workers <= 1:
        with _watching(call, len(items)) as watched_call:
            return [watched_call(item) for item in items]
    with _watching(call, len(items)) as watched_call, ThreadPoolExecutor(max_workers=workers) as pool:
        return list(pool.map(watched_call, items))


@contextlib.contextmanager
def _watching(call: Callable[[Item], Result], total: int) -> Iterator[Callable[[Item], Result]]:
    """Yield ``call``, or, if there is a watch, a function that also reports the end of each call."""
    watch = _watch.get(None)
    if watch is None or total <= 1:
        yield call
        return
    with watch(total) as report_end:

        def reported(item: Item) -> Result:
            try:
                return call(item)
            finally:
                report_end()

        yield reported
