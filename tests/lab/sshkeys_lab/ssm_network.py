# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of frames between client and agent, where they get lost, doubled, late and out of order."""

from __future__ import annotations

import asyncio
from collections import deque
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .ssm_settings import SessionManagerSettings

# By how much a frame is late. More than the agent's first time-out, so that it is sent again.
_LATE = 0.25
# How long a frame waits for the one that overtakes it.
_HELD = 0.02


class Way:
    """One direction. Frames keep their order unless a setting says otherwise."""

    def __init__(self, settings: SessionManagerSettings, name: str, deliver: Callable[[bytes], None]) -> None:
        """Deliver frames by calling `deliver`, in the running loop. name: makes the chance of each way its own."""
        self._settings = settings
        self._deliver = deliver
        self._chance = Random(f"{settings.random_seed} {name}")
        self._loop = asyncio.get_running_loop()
        self._line: deque[tuple[float, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._held: bytes | None = None
        self._is_stopped = False

    def send(self, frame: bytes) -> None:
        """Send a frame, which the settings may spoil."""
        settings = self._settings
        if not (settings.lost or settings.doubled or settings.late or settings.reordered):
            self.send_safely(frame)
            return
        if self._chance.random() < settings.lost:
            return
        for _copy in range(2 if self._chance.random() < settings.doubled else 1):
            if self._chance.random() < settings.late:
                self._loop.call_later(settings.round_trip / 2 + _LATE, self._arrive, frame)
            elif self._held is None and self._chance.random() < settings.reordered:
                self._held = frame
                self._loop.call_later(_HELD, self._release)
            else:
                self.send_safely(frame)

    def send_safely(self, frame: bytes) -> None:
        """Send a frame that nothing spoils, but which takes its time."""
        if self._settings.round_trip or self._line:
            self._line.append((self._loop.time() + self._settings.round_trip / 2, frame))
            self._wait()
        else:
            self._arrive(frame)
        self._release()

    def stop(self) -> None:
        """Deliver nothing more."""
        self._is_stopped = True
        self._line.clear()

    def _release(self) -> None:
        """Send the frame that has been held back."""
        held, self._held = self._held, None
        if held is not None:
            self.send_safely(held)

    def _wait(self) -> None:
        if self._timer is None and self._line:
            self._timer = self._loop.call_at(self._line[0][0], self._arrive_in_order)

    def _arrive_in_order(self) -> None:
        self._timer = None
        now = self._loop.time()
        while self._line and self._line[0][0] <= now:
            self._arrive(self._line.popleft()[1])
        self._wait()

    def _arrive(self, frame: bytes) -> None:
        if not self._is_stopped:
            self._deliver(frame)
