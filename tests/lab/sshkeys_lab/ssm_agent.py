# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SSM Agent of an instance in one session: its data channel, and its Port plugin in front of a real sshd.

It behaves as https://github.com/aws/amazon-ssm-agent does, also where that is awkward: it sends only its oldest message
again, it reads 1024 bytes at a time, and it refuses data until it has dialled.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from . import ssm_frames
from .ssm_rules import REQUESTED_ACTION

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .clock import LabClock
    from .ssm_frames import Frame
    from .ssm_settings import SessionManagerSettings

_AGENT_VERSION = "3.3.0.0"
HANDSHAKE_SECONDS = 15
_MESSAGE_BYTES = 1024
_PACE = 0.001
_LOOK = 0.1
_GRACE = 2
_EARLY_MESSAGES = 100_000
# The real agent drops messages above 100,000; this one stops reading from sshd.
_UNACKNOWLEDGED_MESSAGES = 10_000
_ACKNOWLEDGED_NUMBER = re.compile(rb'"AcknowledgedMessageSequenceNumber"\s*:\s*(\d+)')
# The agent of 2024 crashes where nothing listens, and its master notices after a minute.
_CRASH_SECONDS = 60
_CRASHED = (
    "document process failed unexpectedly: ipc messaging received timeout signal , check "
    "[ssm-document-worker]/[ssm-session-worker] log for crash reason"
)
_ERROR = "\n----------ERROR-------\nEncountered error while initiating handshake. "
_TIMED_OUT = "Handshake timed out. Please ensure that you have the latest version of the session manager plugin."


@dataclass(frozen=True)
class Surroundings:
    """What an agent has to do with.

    send: sends a frame to the client; has_room: returns when the client has taken most of them;
    acknowledged: is told the number of each message of the client that the agent acknowledges;
    ended: is told how the session ended, and the Output of its channel_closed, once and in a task of the agent.
    """

    send: Callable[[bytes], None]
    has_room: Callable[[], Awaitable[None]]
    acknowledged: Callable[[int], None]
    ended: Callable[[str, str], None]


class _Ended(Exception):  # noqa: N818 - an end is no error
    def __init__(self, ended_by: str, output: str = "") -> None:
        super().__init__(ended_by)
        self.ended_by = ended_by
        self.output = output


@dataclass
class _Timing:
    """The estimate of the round trip, by which messages are sent again. In seconds."""

    round_trip: float = 0.1
    variation: float = 0.0
    time_out: float = 0.2

    def learn(self, sample: float) -> None:
        self.variation = 0.75 * self.variation + 0.25 * abs(self.round_trip - sample)
        self.round_trip = 0.875 * self.round_trip + 0.125 * sample
        self.time_out = min(1.0, self.round_trip + max(0.01, 4 * self.variation))


@dataclass
class _Sent:
    frame: bytes
    at: float = field(default_factory=time.monotonic)


class Target(NamedTuple):
    """Where the agent dials.

    asked: the port that the user asked for; port: the port of the instance's sshd, or None if nothing listens.
    """

    asked: int
    port: int | None


class Agent:
    """An agent in one session, from its construction to `stop`. It is paused until the client is there."""

    def __init__(
        self, settings: SessionManagerSettings, clock: LabClock, target: Target, surroundings: Surroundings
    ) -> None:
        """Begin in the running loop."""
        self._settings = settings
        self._clock = clock
        self._target = target
        self._around = surroundings
        self._active = asyncio.Event()
        self._timing = _Timing()
        # What was sent and is not acknowledged, by number, the oldest first.
        self._outgoing: dict[int, _Sent] = {}
        self._next = 0
        self._all_taken = asyncio.Event()
        self._all_taken.set()
        self._may_read = asyncio.Event()
        self._may_read.set()
        self._inbox: asyncio.Queue[Frame] = asyncio.Queue()
        self._expected = 0
        self._early: dict[int, Frame] = {}
        self._response: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._has_crashed = False
        self._missed = asyncio.Event()
        self._has_begun = False
        self._is_complete = False
        self._to_sshd: asyncio.StreamWriter | None = None
        self._began = clock.now()
        self._tasks = [asyncio.create_task(each) for each in (self._live(), self._resend(), self._receive())]

    # -- What the service tells it -------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take a frame of the client."""
        self._inbox.put_nowait(ssm_frames.decode(data))

    def start(self) -> None:
        """Send: the client is there."""
        self._active.set()
        # The client's channel is rarely open before the agent's. When it is, the request has not been sent in vain.
        if not self._has_begun and 0 in self._outgoing:
            self._has_begun = True
            for _time in range(2 if self._settings.handshake == "twice" else 1):
                self._around.send(self._outgoing[0].frame)

    def pause(self) -> None:
        """Keep everything: the client is away."""
        self._active.clear()

    def look_at_the_clock(self) -> None:
        """Give up the handshake if its time is over, and notice that a process has crashed."""
        if self._has_crashed and self._clock.now() > self._began + _CRASH_SECONDS:
            self._missed.set()
        is_late = self._clock.now() > self._began + HANDSHAKE_SECONDS
        if is_late and self._settings.handshake != "never" and not self._response.done():
            self._response.set_result(_TIMED_OUT)

    def stop(self) -> None:
        """End at once."""
        for task in self._tasks:
            task.cancel()
        if self._to_sshd is not None:
            self._to_sshd.transport.abort()

    # -- The life of the plugin ----------------------------------------------------------------------------------------

    async def _live(self) -> None:
        try:
            await self._shake_hands()
            from_sshd = await self._dial()
            await self._copy(from_sshd)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._all_taken.wait(), _GRACE)
            self._around.ended("sshd", "")
        except _Ended as end:
            self._around.ended(end.ended_by, end.output)

    async def _shake_hands(self) -> None:
        started = time.monotonic_ns()
        if self._settings.handshake != "never":
            self._send(ssm_frames.HANDSHAKE_REQUEST, self._request())
            if self._active.is_set():
                self.start()
        failure = await self._response
        if failure:
            raise _Ended("handshake", f"{_ERROR}{failure}\n")
        taken = {"HandshakeTimeToComplete": time.monotonic_ns() - started, "CustomerMessage": ""}
        self._send(ssm_frames.HANDSHAKE_COMPLETE, _json(taken))
        self._is_complete = True

    def _request(self) -> bytes:
        parameters = {"SessionType": "Port", "Properties": {"portNumber": str(self._target.asked)}}
        action = {"ActionType": REQUESTED_ACTION, "ActionParameters": parameters}
        return _json({"AgentVersion": _AGENT_VERSION, "RequestedClientActions": [action]})

    async def _dial(self) -> asyncio.StreamReader:
        await asyncio.sleep(self._settings.dial_delay)
        if self._settings.dial == "crashes":
            self._has_crashed = True
            await self._missed.wait()
            raise _Ended("dial", _CRASHED)
        try:
            if self._settings.dial == "refused" or self._target.port is None:
                raise ConnectionRefusedError
            from_sshd, to_sshd = await asyncio.open_connection("127.0.0.1", self._target.port)
        except OSError as error:
            address = f"127.0.0.1:{self._target.asked}"
            why = f"Unable to connect to specified port: dial tcp {address}: connect: connection refused"
            raise _Ended("dial", why) from error
        # Written means written: drain returns when the kernel has everything.
        to_sshd.transport.set_write_buffer_limits(high=0)
        self._to_sshd = to_sshd
        return from_sshd

    async def _copy(self, from_sshd: asyncio.StreamReader) -> None:
        """Copy what sshd says to the client, until it closes the connection."""
        while True:
            await self._active.wait()
            try:
                data = await from_sshd.read(_MESSAGE_BYTES)
            except OSError:
                return
            if not data:
                return
            self._send(ssm_frames.DATA, data)
            await asyncio.sleep(_PACE if self._settings.pace else 0)
            await self._around.has_room()
            await self._may_read.wait()

    # -- The data channel: sending -------------------------------------------------------------------------------------

    def _send(self, payload_type: int, payload: bytes) -> None:
        flags = 0 if self._next else ssm_frames.SYN
        frame = ssm_frames.encode(ssm_frames.OUTPUT, payload, payload_type=payload_type, number=self._next, flags=flags)
        self._outgoing[self._next] = _Sent(frame)
        self._all_taken.clear()
        if len(self._outgoing) >= _UNACKNOWLEDGED_MESSAGES:
            self._may_read.clear()
        self._next += 1
        if self._active.is_set() and self._next > 1:
            self._around.send(frame)

    async def _resend(self) -> None:
        while True:
            await asyncio.sleep(_LOOK)
            oldest = next(iter(self._outgoing.values()), None)
            if oldest is None or not self._active.is_set():
                continue
            now = time.monotonic()
            if now - oldest.at > self._timing.time_out:
                oldest.at = now
                self._around.send(oldest.frame)

    # -- The data channel: receiving -----------------------------------------------------------------------------------

    async def _receive(self) -> None:
        """Handle one frame after the other, as the agent does: while sshd takes nothing, acknowledgements wait too."""
        try:
            while True:
                frame = await self._inbox.get()
                if frame.message_type == ssm_frames.ACKNOWLEDGE:
                    self._take_acknowledgement(frame.payload)
                else:
                    await self._take_message(frame)
        except _Ended as end:
            self._around.ended(end.ended_by, end.output)

    def _take_acknowledgement(self, payload: bytes) -> None:
        found = _ACKNOWLEDGED_NUMBER.search(payload)
        sent = self._outgoing.pop(int(found[1]), None) if found else None
        if sent is None:
            return
        self._timing.learn(time.monotonic() - sent.at)
        self._may_read.set()
        if not self._outgoing:
            self._all_taken.set()

    async def _take_message(self, frame: Frame) -> None:
        if frame.number < self._expected:
            self._acknowledge(frame)
        elif self._is_complete and self._to_sshd is None:
            # Refused until it has dialled: the client sends it again.
            pass
        elif frame.number > self._expected:
            if len(self._early) < _EARLY_MESSAGES:
                self._early[frame.number] = frame
                self._acknowledge(frame)
        elif await self._process(frame):
            self._expected += 1
            self._acknowledge(frame)
            while (early := self._early.get(self._expected)) and await self._process(early):
                del self._early[self._expected]
                self._expected += 1

    def _acknowledge(self, frame: Frame) -> None:
        self._around.acknowledged(frame.number)
        self._around.send(ssm_frames.acknowledge(frame))

    async def _process(self, frame: Frame) -> bool:
        """Do what a message asks for; return whether that succeeded."""
        if frame.payload_type == ssm_frames.HANDSHAKE_RESPONSE:
            if not self._response.done():
                self._response.set_result(_failure(frame.payload))
        elif not self._is_complete:
            # The agent ignores it, and acknowledges it nevertheless.
            pass
        elif frame.payload_type == ssm_frames.FLAG:
            if frame.payload == ssm_frames.TERMINATE_SESSION:
                self._acknowledge(frame)
                raise _Ended("client flag")
        elif self._to_sshd is not None:
            try:
                self._to_sshd.write(frame.payload)
                await self._to_sshd.drain()
            except OSError:
                return False
        return True


def _failure(payload: bytes) -> str:
    """Return which action of a HandshakeResponse has failed, or an empty text."""
    for action in json.loads(payload)["ProcessedClientActions"]:
        if action["ActionStatus"] != 1:
            status = action["ActionStatus"]
            return f"{action['ActionType']} failed on client with status {status} error: {action['Error']}"
    return ""


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
