# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Many calls at once, bounded, each with its own outcome."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Callable, Iterable, TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


def fan_out(call: Callable[[Item], Outcome], items: Iterable[Item], concurrency: int) -> list[Outcome]:
    """Call ``call`` with each item, at most ``concurrency`` at the same time.

    ``call`` returns its failures as outcomes, so that one bad item does not stop the others; what it raises is a fault
    of the program and is raised again here.
    Returns the outcomes in the order of the items.
    """
    items = list(items)
    workers = min(concurrency, len(items))
    # A thread for a single item would only cost its start.
    if workers <= 1:
        return [call(item) for item in items]
    with ThreadPoolExecutor(max_workers=workers) as pool:
        return list(pool.map(call, items))
