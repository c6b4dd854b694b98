# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Many calls at once, bounded, each with its own outcome."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Callable, ContextManager, Iterable, Iterator, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# Is told how many calls there are, and then, from any thread, each time one has ended.
Watch = Callable[[int], ContextManager[Callable[[], None]]]

_watch: ContextVar[Watch] = ContextVar("_watch")


@contextlib.contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Let what is done meanwhile be watched."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


def fan_out(call: Callable[[Item], Result], items: Iterable[Item], concurrency: int) -> list[Result]:
    """Call ``call`` with each item, at most ``concurrency`` at the same time.

    ``call`` returns its failures as outcomes, so that one bad item does not stop the others; what it raises is a fault
    of the program and is raised again here.
    Returns the outcomes in the order of the items.
    """
    items = list(items)
    workers = min(concurrency, len(items))
    # A thread for a single item would only cost its start.
    if workers <= 1:
        with _watching(call, len(items)) as watched_call:
            return [watched_call(item) for item in items]
    with _watching(call, len(items)) as watched_call, ThreadPoolExecutor(max_workers=workers) as pool:
        return list(pool.map(watched_call, items))


@contextlib.contextmanager
def _watching(call: Callable[[Item], Result], total: int) -> Iterator[Callable[[Item], Result]]:
    """Return ``call``, or one that tells whoever watches when it has ended."""
    watch = _watch.get(None)
    if watch is None or total <= 1:
        yield call
        return
    with watch(total) as tell:

        def told(item: Item) -> Result:
            try:
                return call(item)
            finally:
                tell()

        yield told
