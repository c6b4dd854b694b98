# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The places of EC2 Instance Connect Endpoints: an endpoint carries 20 connections at once.

A connection that finds no place gets that of the one that has been idle longest, which is closed for it. While commands
are at work on all of them, it waits for the first to end. A connection is, in this order:

- expected: a command that may need a place has begun, and no endpoint could be full, so nobody asks which one it is;
- kept a place: a command that needs one was let in, and ssh has not asked for the connection yet;
- using its place: its tunnel is being opened, or is open;
- closing: its tunnel is being closed for another connection.

It loses what is expected or kept when its command ends without a connection, and its place when its tunnel ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.commands import Commands
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.tasks import start

# EC2 User Guide, quotas of EC2 Instance Connect Endpoints.
PLACES = 20
# For this time, an endpoint that has refused a connection is not asked for more than it carried then. Others, such as
# the connections of an earlier run, may have taken the rest.
_REFUSED_SECONDS = 10.0
# A task is several commands, with milliseconds between them, or more on a busy controller.
_IDLE_SECONDS = 0.5


@dataclass(eq=False)
class Place:
    """A place of an endpoint, for a connection (see commands.py).

    is_used: whether a tunnel is open or being opened. Until then the place is kept for one.
    close: closes the tunnel, and returns when it has ended; None before it is open.
    """

    endpoint_id: str
    connection: str
    is_used: bool = False
    close: Callable[[], Awaitable[None]] | None = None
    is_closing: bool = False


class Places:
    """The places that this run has taken."""

    def __init__(self, commands: Commands) -> None:
        """Start with all places free. commands: tells which connections are idle."""
        self._commands = commands
        self._taken: list[Place] = []
        # By endpoint: until when it counts, and how many tunnels the endpoint carried.
        self._refused: dict[str, tuple[float, int]] = {}
        # Connections that will probably take a place, of whichever endpoint.
        self._expected: set[str] = set()
        self._closed: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        commands.when_idle(self._give_back_what_was_kept)

    def expect(self, connection: str) -> bool:
        """Return whether every endpoint has a place for a connection that will be opened, or it has one."""
        if connection in self._expected or self._has_place(connection):
            return True
        if len(self._taken) + len(self._expected) < min(map(self._limit, self._refused), default=PLACES):
            self._expected.add(connection)
            return True
        return False

    def need_none(self, connection: str) -> None:
        """Expect a connection no more, and keep no place for it: it goes another way."""
        self._give_back_what_was_kept(connection)

    async def keep(self, endpoint_id: str, connection: str, wait: Callable[[], None]) -> None:
        """Keep a place for a connection that will be opened, unless it has one. Waits as long as it takes.

        wait: is called when it has to wait, perhaps more than once.
        """
        while not self._has_place(connection):
            if await self._is_free(endpoint_id, wait):
                self._taken.append(Place(endpoint_id, connection))

    async def take(self, endpoint_id: str, connection: str, wait: Callable[[], None]) -> Place:
        """Take the place that is kept for a connection, else any. wait: as in ``keep``; it may raise."""
        if connection in self._expected:
            self._expected.discard(connection)
            self._wake()
        while True:
            for place in self._taken:
                if (place.endpoint_id, place.connection, place.is_used) == (endpoint_id, connection, False):
                    place.is_used = True
                    return place
            if await self._is_free(endpoint_id, wait):
                self._taken.append(Place(endpoint_id, connection))

    def opened(self, place: Place, close: Callable[[], Awaitable[None]]) -> None:
        """Note that the tunnel of a place is open. close: as in Place."""
        place.close = close
        self._wake()

    def release(self, place: Place) -> None:
        """Give a place back, if it is still taken."""
        if place in self._taken:
            self._taken.remove(place)
            self._wake()

    def refused(self, place: Place) -> None:
        """Give a place back that the endpoint does not have: somebody else has it."""
        self.release(place)
        carried = sum(other.endpoint_id == place.endpoint_id and other.close is not None for other in self._taken)
        if carried:
            self._refused[place.endpoint_id] = time.monotonic() + _REFUSED_SECONDS, carried

    async def settled(self, connection: str) -> None:
        """Return when no tunnel of a connection is about to be closed."""
        while any(place.connection == connection and place.is_closing for place in self._taken):
            await self.change()

    async def change(self, seconds: float | None = None) -> None:
        """Return when a place may have become free, or after these seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    def _has_place(self, connection: str) -> bool:
        return any(place.connection == connection and not place.is_closing for place in self._taken)

    async def _is_free(self, endpoint_id: str, wait: Callable[[], None]) -> bool:
        """Return whether an endpoint has a place, which the caller must take at once. Else it waits for a change."""
        taken = [place for place in self._taken if place.endpoint_id == endpoint_id]
        if len(taken) + len(self._expected) < self._limit(endpoint_id):
            return True
        idle = self._longest_idle(taken)
        if idle:
            # It is closed, whatever becomes of the one who waits for it.
            await asyncio.shield(self._closing(idle))
        else:
            wait()
            await self.change(self._seconds_until_it_may_be_free(endpoint_id, taken))
        return False

    def _seconds_until_it_may_be_free(self, endpoint_id: str, taken: list[Place]) -> float | None:
        """Return the seconds until time alone may give a place, None if it gives none."""
        until, _carried = self._refused.get(endpoint_id, (0.0, 0))
        moments = [until, *(since + _IDLE_SECONDS for since, _number, _place in self._idle_ones(taken))]
        return min((left for moment in moments if (left := moment - time.monotonic()) > 0), default=None)

    def _limit(self, endpoint_id: str) -> int:
        until, carried = self._refused.get(endpoint_id, (0.0, PLACES))
        return carried if time.monotonic() < until else PLACES

    def _longest_idle(self, places: list[Place]) -> Place | None:
        idle = min(self._idle_ones(places), default=None)
        return idle[2] if idle and time.monotonic() - idle[0] >= _IDLE_SECONDS else None

    def _idle_ones(self, places: list[Place]) -> list[tuple[float, int, Place]]:
        """Return the places with an idle tunnel: since when, on the monotonic clock, their numbers, and they."""
        return [
            (since, number, place)
            for number, place in enumerate(places)
            if place.close and not place.is_closing
            if (since := self._commands.idle_since(place.connection)) is not None
        ]

    def _closing(self, place: Place) -> asyncio.Task[None]:
        """Close the tunnel of a place, and give the place back. Returns the task that does."""
        place.is_closing = True

        async def close() -> None:
            try:
                if place.close:
                    await place.close()
            finally:
                self.release(place)

        return start(close(), self._closed)

    def _give_back_what_was_kept(self, connection: str) -> None:
        """Expect no more a connection whose command has ended, and keep no place for it: ssh did not need it."""
        self._expected.discard(connection)
        self._taken[:] = [place for place in self._taken if place.is_used or place.connection != connection]
        self._wake()

    def _wake(self) -> None:
        """Let all who wait look again."""
        self._changed.set()
        self._changed = asyncio.Event()
