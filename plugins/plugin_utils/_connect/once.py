# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions that are asked once, even if many callers want the answer at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Once(Generic[Answer]):
    """Answers by their question. An answer is kept, and a failure is asked again."""

    def __init__(self) -> None:
        """Start without an answer."""
        self._asked: dict[Hashable, asyncio.Future[Answer]] = {}

    async def get(self, question: Hashable, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return the answer. Raises the exceptions of ``ask``, also those of another who asked at the same time.

        It goes on when the one who waits for it is cancelled, since others may wait for it too.
        """
        asked = self._asked.get(question)
        if asked is None:
            asked = self._asked[question] = asyncio.ensure_future(ask())
            asked.add_done_callback(lambda ended: self._forget_failure(question, ended))
        return await asyncio.shield(asked)

    def forget_if(self, question: Hashable, is_worthless: Callable[[Answer], bool]) -> None:
        """Let the next one ask again if there is an answer, and it is worth nothing."""
        asked = self._asked.get(question)
        has_answer = asked and asked.done() and not asked.cancelled() and not asked.exception()
        if asked and has_answer and is_worthless(asked.result()):
            del self._asked[question]

    def _forget_failure(self, question: Hashable, ended: asyncio.Future[Answer]) -> None:
        if (ended.cancelled() or ended.exception()) and self._asked.get(question) is ended:
            del self._asked[question]
