# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One session of Session Manager: what the service knows of it, and how its frames pass through the service."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from . import ssm_frames
from .ssm_agent import Agent, Surroundings
from .ssm_network import Way
from .ssm_rules import Breach, ClientRules

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

    from .clock import LabClock
    from .ssm_agent import Target
    from .ssm_settings import SessionManagerSettings

# Frames that wait for a client that is slow to read, before the agent stops reading from sshd.
_CROWDED = 64
# With `publication`, the service pauses after so many messages.
_MESSAGES_BETWEEN_PAUSES = 20
_IDLE = "Your session timed out due to inactivity."
# A reason of a close frame has at most 123 bytes.
_LONGEST_REASON = 120


class Link:
    """One websocket of a client, and the frames that wait for it."""

    def __init__(self, websocket: ServerConnection) -> None:
        """Send what is `put`, from a task of its own."""
        self._websocket = websocket
        self._waiting: deque[bytes | tuple[int, str]] = deque()
        self._has_some = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._pump = asyncio.create_task(self._send())
        self._closing: asyncio.Task[None] | None = None

    def put(self, frame: bytes) -> None:
        """Send a frame after those that wait."""
        self._waiting.append(frame)
        self._has_some.set()
        if len(self._waiting) > _CROWDED:
            self._has_room.clear()

    def finish(self, code: int, reason: str) -> None:
        """Close the websocket after what waits. Nothing more may be put."""
        self._waiting.append((code, reason))
        self._has_some.set()
        # The agent must not wait for a client that has another websocket by now.
        self._has_room.set()

    async def has_room(self) -> None:
        """Wait until few frames wait."""
        await self._has_room.wait()

    def cut(self, code: int | None, reason: str) -> None:
        """Close the websocket at once, or without a code break the connection. What waits is lost."""
        self.stop()
        if code is None:
            self._websocket.transport.abort()
        else:
            self._closing = asyncio.create_task(self._websocket.close(code, reason[:_LONGEST_REASON]))

    def stop(self) -> None:
        """Send nothing more."""
        self._pump.cancel()
        self._waiting.clear()
        self._has_room.set()

    async def _send(self) -> None:
        with suppress(ConnectionClosed):
            while True:
                await self._has_some.wait()
                while self._waiting:
                    frame = self._waiting.popleft()
                    if isinstance(frame, tuple):
                        await self._websocket.close(*frame)
                        return
                    await self._websocket.send(frame)
                    if len(self._waiting) < _CROWDED:
                        self._has_room.set()
                self._has_some.clear()


class Session:
    """A session, from StartSession on. All its methods belong to the loop of the data channels.

    path: that of its StreamUrl; ended_by: how it ended, None while it lives; the rest is described in `describe`.
    """

    def __init__(
        self, settings: SessionManagerSettings, clock: LabClock, asked: tuple[str, str | None], target: Target
    ) -> None:
        """Start the agent. asked: the target of StartSession, and its reason."""
        self._settings = settings
        self._clock = clock
        self._target, self._reason = asked
        self._port = target.asked
        self.session_id = f"lab-{secrets.token_hex(9)[1:]}"
        self.path = f"/v1/data-channel/{self.session_id}?role=publish_subscribe&cell-number=AAE/+a="
        self.ended_by: str | None = None
        self.rules = ClientRules()
        self._tokens: set[str] = set()
        self._link: Link | None = None
        self._websockets = 0
        self._last_input = clock.now()
        self._is_silent = False
        self._may_close = {"up": True, "down": True}
        self._until_pause = _MESSAGES_BETWEEN_PAUSES
        self._up = Way(settings, "up", self._deliver_up)
        self._down = Way(settings, "down", self._deliver_down)
        around = Surroundings(self._down.send, self._has_room, self.rules.acknowledged, self.end)
        self._agent = Agent(settings, clock, target, around)

    @property
    def state(self) -> str:
        """One of the states that `GET /lab/sessions` has."""
        if self.ended_by is not None:
            return "timed out" if self.ended_by == "time-out" else "terminated"
        if self._link is not None:
            return "connected"
        return "disconnected" if self._websockets else "connecting"

    def describe(self) -> dict[str, Any]:
        """Return what `GET /lab/sessions` says of it."""
        return {
            "session_id": self.session_id,
            "target": self._target,
            "port": self._port,
            "reason": self._reason,
            "state": self.state,
            "ended_by": self.ended_by,
            "websockets": self._websockets,
            "violations": list(self.rules.violations),
            "bytes_up": self.rules.bytes_up,
            "bytes_down": self.rules.bytes_down,
            "resent_by_client": self.rules.resent,
            "most_in_flight": self.rules.most_in_flight,
        }

    # -- What the API does ---------------------------------------------------------------------------------------------

    def new_token(self) -> str:
        """Make a token for one websocket. It begins with a word by which a search for leaked secrets finds it."""
        token = f"labtoken{secrets.token_hex(16)}"
        self._tokens.add(token)
        return token

    def resume(self) -> str | None:
        """Return a token for one more websocket, or None if the session has timed out."""
        if not self._settings.token_on_resume and self.ended_by is None:
            self.end("time-out", _IDLE)
        if self.ended_by is not None:
            return None
        self._last_input = self._clock.now()
        return self.new_token()

    def look_at_the_clock(self) -> None:
        """End the session if its time is over."""
        if self.ended_by is None:
            self._agent.look_at_the_clock()
            if self._clock.now() > self._last_input + self._settings.idle_seconds:
                self.end("time-out", _IDLE)

    def end(self, ended_by: str, output: str = "") -> None:
        """End the session, and tell the client why, which is empty for a normal end."""
        if self.ended_by is not None:
            return
        self.ended_by = ended_by
        self._agent.stop()
        self._up.stop()
        if ended_by == "violation":
            self.close(CloseCode.POLICY_VIOLATION, output)
        else:
            # On the way behind all that the agent has sent.
            self._down.send_safely(ssm_frames.channel_closed(self.session_id, self.rules.client_id, output))

    def forget(self) -> None:
        """End the session without a word, as if it had never been."""
        self.ended_by = self.ended_by or "reset"
        self._agent.stop()
        self._up.stop()
        self._down.stop()
        self.close(None, "")

    # -- The client ----------------------------------------------------------------------------------------------------

    def open(self, message: str | bytes, link: Link) -> bool:
        """Accept the opening of a websocket, or refuse it. It takes the place of the client's last one."""
        try:
            token = self.rules.opening(message)
        except Breach as breach:
            self._break_off(str(breach))
            return False
        if self.ended_by is not None:
            return False
        if token not in self._tokens:
            self.rules.note("The token of an opening is wrong, or was used before.")
            return False
        self._tokens.discard(token)
        self.close(CloseCode.GOING_AWAY, "Another websocket has taken over")
        self.rules.opened()
        self._websockets += 1
        self._link = link
        if self._settings.publication and not self._is_silent:
            link.put(ssm_frames.publication("start_publication"))
        self._agent.start()
        return True

    def from_client(self, message: str | bytes, link: Link) -> None:
        """Forward a frame of the client to the agent."""
        if link is not self._link or self.ended_by is not None:
            return
        try:
            if isinstance(message, str):
                sentence = "The client sent text after the opening."
                raise Breach(sentence)
            is_new = self.rules.received(message)
        except Breach as breach:
            self._break_off(str(breach))
            return
        if is_new:
            self._last_input = self._clock.now()
        if not self._is_silent:
            self._up.send(message)
        self._count("up", self.rules.bytes_up)

    def lost(self, link: Link) -> None:
        """Take note that a websocket has closed."""
        link.stop()
        if link is self._link:
            self._link = None
            self._agent.pause()

    def close(self, code: int | None, reason: str) -> bool:
        """Close the client's websocket without channel_closed, or break it; return whether it had one.

        With the code 1000 it closes after what waits, with any other at once.
        """
        link, self._link = self._link, None
        self._agent.pause()
        if link is not None and code == CloseCode.NORMAL_CLOSURE:
            link.finish(code, reason)
        elif link is not None:
            link.cut(code, reason)
        return link is not None

    def _break_off(self, sentence: str) -> None:
        self.rules.note(sentence)
        self.end("violation", sentence)

    # -- The frames ----------------------------------------------------------------------------------------------------

    async def _has_room(self) -> None:
        if self._link is not None:
            await self._link.has_room()

    def _deliver_up(self, frame: bytes) -> None:
        self._agent.receive(frame)

    def _deliver_down(self, frame: bytes) -> None:
        if self._link is None or self._is_silent:
            return
        is_new = self.rules.delivered(frame)
        self._link.put(frame)
        if self.ended_by is not None and frame[4:18] == b"channel_closed":
            self._link.finish(CloseCode.NORMAL_CLOSURE, "")
        elif is_new:
            self._publish(self._link)
            self._count("down", self.rules.bytes_down)

    def _publish(self, link: Link) -> None:
        """Now and then pause, and start again at once."""
        if not self._settings.publication:
            return
        self._until_pause -= 1
        if self._until_pause == 0:
            self._until_pause = _MESSAGES_BETWEEN_PAUSES
            link.put(ssm_frames.publication("pause_publication"))
            link.put(ssm_frames.publication("start_publication"))

    def _count(self, direction: str, passed: int) -> None:
        """Close the websocket, or become silent, if enough bytes have passed."""
        close_after: int | None = getattr(self._settings, f"close_after_bytes_{direction}")
        if close_after is not None and passed >= close_after and self._may_close[direction]:
            self._may_close[direction] = False
            self.close(CloseCode.NORMAL_CLOSURE, "Bye")
        silent_after: int | None = getattr(self._settings, f"silent_after_bytes_{direction}")
        if silent_after is not None and passed >= silent_after:
            self._is_silent = True
