# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tasks of an event loop that nobody waits for: where they are kept, and how they end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


def start(work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> asyncio.Task[None]:
    """Start a task, and keep it among others until it ends: the event loop itself would forget it."""
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return task


async def stop(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks. Returns when they have ended.

    A task that waits for a socket must have ended before the socket is closed. Else the event loop goes on to watch its
    number, which another socket may get.
    """
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
