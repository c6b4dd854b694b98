# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of tasks of an event loop."""

from __future__ import annotations

import asyncio
from typing import Any


async def stop(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks. Returns when they have ended.

    A task that waits for a socket must have ended before the socket is closed. Else the event loop goes on to watch its
    number, which another socket may get.
    """
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
