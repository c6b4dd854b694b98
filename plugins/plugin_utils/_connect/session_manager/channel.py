# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client's side of a Session Manager session that carries ssh: its state, without a socket. Pure.

A session is a stream of bytes in each direction, between us and the agent on the instance, which passes them on to
sshd. It outlives its websocket: when one closes, the next one goes on where it was. These are the rules.

**Begin.** The agent sends a HandshakeRequest, we answer with a HandshakeResponse, and it sends HandshakeComplete. Then
it connects to sshd. Until HandshakeComplete it throws away what we send, and until it is connected to sshd it refuses
it. sshd speaks first. So we send no byte of ssh before the first byte of sshd has come::

    HANDSHAKE --HandshakeComplete--> WAITING --first output--> OPEN

channel_closed leads from each of these to CLOSED. What breaks a rule raises ChannelError, and ends the session.

**Numbers.** Each direction counts its messages from 0, and the handshake counts, too. Both sides acknowledge each
message one by one: an acknowledgement says nothing about the messages before it. Nobody acknowledges acknowledgements.

**What we receive.** The next message in order is ours to process. An early one is acknowledged and kept. Bytes for ssh
are acknowledged when ssh has taken them. So an ssh that takes nothing holds the agent back. A repeated message was
acknowledged before, unless ssh has not taken it yet. Its acknowledgement was lost, and is sent again.

**What we send** is kept until it is acknowledged. At most _WINDOW messages are outstanding. The agent acknowledges
bytes when it has passed them on, so sshd holds ssh back in the same way. A message is sent again

- when three messages that were sent after it have been acknowledged, since then it was probably lost;
- when it is the oldest, and is not acknowledged within the time that acknowledgements usually take. That time doubles
  with each try. It stays doubled until a message that was sent once is acknowledged, which shows how long it takes;
- when a new websocket has opened: nobody knows what was lost with the old one.

A message that is sent again is the same in every byte, so the agent knows it.

**Websockets.** Nothing is sent without one. On a new one, the opening is first, with a new token. All that is
outstanding follows, and the acknowledgements that waited, or else the last one once more: the agent pauses while it has
no client, and goes on when it hears one.

**End.** The service sends channel_closed when the agent has ended the session, with a reason if it was not sshd who
closed the connection. ssh's own end is told to the agent by a flag, after the bytes before it.

Sources: agent/session/datachannel and agent/session/plugins/port in amazon-ssm-agent, and src/datachannel in
session-manager-plugin.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple
from uuid import UUID, uuid4

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import printable
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager import frames
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager.frames import (
    ActionStatus,
    Flag,
    Frame,
    FrameError,
    PayloadType,
)

# The official plugin sends 1 KiB a message. The agent and the service take 32 KiB, and fewer messages cost less.
DATA_BYTES = 8192
# Our flag at the end is one more.
_WINDOW = 63
# How far the numbers of outstanding messages may lie apart: the agent keeps what comes after a lost message.
_SPAN = 1024
# Early messages that are kept, as many as the official plugin keeps. One that comes then is not acknowledged.
_EARLY = 10_000
# Messages that wait for ssh. With more, `is_full` asks for a pause.
_FULL = 64

# Later messages that are acknowledged before one counts as lost.
_LATER = 3
# RFC 6298, with the first values and the smallest variation of the agent and the plugin.
_FIRST_ROUND_TRIP = 0.1
_SMALLEST_VARIATION = 0.01
_SHORTEST_TIMEOUT = 0.2
_LONGEST_TIMEOUT = 10.0
_DOUBLINGS = 5

# The agent puts this before its own errors (agent/framework/processor/executer/iohandler).
_AGENT_ERROR = "----------ERROR-------"
_LONGEST_REASON = 500
_SESSION_TYPE = "SessionType"
_PORT = "Port"


class ChannelError(Exception):
    """The session cannot go on. ``str()`` is a sentence that says why."""


class State(Enum):
    """See the rules at the top."""

    HANDSHAKE = "the handshake with the agent"
    WAITING = "the first byte of sshd"
    OPEN = "open"
    CLOSED = "closed"


@dataclass
class _Outstanding:
    """A message that is not acknowledged.

    order: counts what is sent, and what is sent again; None while it waits to be sent. sent_at: when it was last sent.
    later: how many of those that were sent after it have been acknowledged.
    """

    data: bytes
    tries: int = 0
    order: int | None = None
    sent_at: float = 0.0
    later: int = 0


@dataclass
class _RoundTrip:
    """How long acknowledgements take, in seconds (RFC 6298).

    doublings: how often the time-out has passed since the last measurement.
    """

    usual: float = _FIRST_ROUND_TRIP
    variation: float = 0.0
    doublings: int = 0

    def measure(self, seconds: float) -> None:
        """Take one that took so long into account."""
        self.variation = 0.75 * self.variation + 0.25 * abs(self.usual - seconds)
        self.usual = 0.875 * self.usual + 0.125 * seconds
        self.doublings = 0

    def double(self) -> None:
        """Wait twice as long from now on: the time-out has passed."""
        self.doublings = min(self.doublings + 1, _DOUBLINGS)

    @property
    def timeout(self) -> float:
        """How long to wait for an acknowledgement."""
        once = max(self.usual + max(4 * self.variation, _SMALLEST_VARIATION), _SHORTEST_TIMEOUT)
        return float(min(once * 2**self.doublings, _LONGEST_TIMEOUT))


class _ForSsh(NamedTuple):
    """A message with bytes for ssh. is_acknowledged: whether that was done already, since it came early."""

    frame: Frame
    is_acknowledged: bool


@dataclass
class _Received:
    """What has come from the agent: the number that is next, and what waits for it or for ssh."""

    expected: int = 0
    early: dict[int, Frame] = field(default_factory=dict)
    for_ssh: deque[_ForSsh] = field(default_factory=deque)


class Channel:
    """A session. A driver connects it to a websocket and to ssh.

    The driver opens a websocket, sends the text that `connect` returns, and calls `receive` with each message and
    `disconnect` when it closes. It sends what `frames_to_send` returns, after each call of another method and after
    `seconds_until_due`. It gives ssh the bytes of `data`, then calls `took`; and calls `send` while `can_send`.

    state: see the rules. resent: how many messages were sent again. heard: how many frames came from the agent.
    reason: why the session has ended, empty for a normal end.
    websockets_without_progress: how many have opened since the agent last acknowledged something.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        new_id: Callable[[], UUID] = uuid4,
    ) -> None:
        """Begin without a websocket. monotonic, wall: return seconds, and new_id a UUID."""
        self._monotonic, self._wall, self._new_id = monotonic, wall, new_id
        self._client_id = new_id()
        self._received = _Received()
        self._outstanding: dict[int, _Outstanding] = {}
        self._next_number = 0
        # Frames that are to be sent: acknowledgements as they are, and others by their number.
        self._queue: deque[bytes | int] = deque()
        self._order = 0
        self._round_trip = _RoundTrip()
        self._last_acknowledged: Frame | None = None
        self._has_websocket = False
        self._progress_at = 0.0
        self.websockets_without_progress = 0
        self.state = State.HANDSHAKE
        self.resent = self.heard = 0
        self.reason = ""

    # -- The websocket -------------------------------------------------------------------------------------------------

    def connect(self, token: str) -> str:
        """Note that a websocket has opened. Returns the text that must be sent first. token: a new one."""
        self._has_websocket = True
        self._progress_at = self._monotonic()
        self.websockets_without_progress += 1
        for message in self._outstanding.values():
            message.order = None
        self._round_trip.doublings = 0
        # Acknowledgements of what ssh took in the meantime wait there.
        waiting = [each for each in self._queue if isinstance(each, bytes)]
        self._queue = deque([*self._outstanding, *waiting])
        if self._last_acknowledged and not waiting:
            self._acknowledge(self._last_acknowledged)
        return frames.opening(token, self._client_id, self._new_id())

    def disconnect(self) -> None:
        """Note that the websocket has closed."""
        self._has_websocket = False

    def receive(self, message: bytes | str) -> None:
        """Process a message of the websocket. Raises ChannelError if the session cannot go on."""
        if isinstance(message, str):
            raise ChannelError("The service sent text, which the protocol does not allow.")
        try:
            frame = frames.decode(message)
            self.heard += frame.message_type in (frames.OUTPUT, frames.ACKNOWLEDGE)
            if frame.message_type == frames.OUTPUT:
                self._receive_output(frame)
            elif frame.message_type == frames.ACKNOWLEDGE:
                self._receive_acknowledgement(frame)
            elif frame.message_type == frames.CHANNEL_CLOSED:
                self._close(frames.read_channel_closed(frame.payload))
        except FrameError as error:
            raise ChannelError(f"The service sent a message that {printable(error)}.") from error

    def frames_to_send(self) -> list[bytes]:
        """Return what is to be sent now, in order. It counts as sent."""
        if not self._has_websocket:
            return []
        now = self._monotonic()
        if self._due_at() <= now:
            self._round_trip.double()
            self._queue.append(next(iter(self._outstanding)))
        taken, self._queue = self._queue, deque()
        return [
            each if isinstance(each, bytes) else self._sent(self._outstanding[each], now)
            for each in taken
            if isinstance(each, bytes) or each in self._outstanding
        ]

    def seconds_until_due(self) -> float | None:
        """Return the seconds after which `frames_to_send` has something, even if nothing happens; None for never."""
        due_at = self._due_at()
        return None if not self._has_websocket or due_at == _NEVER else max(due_at - self._monotonic(), 0.0)

    def seconds_without_progress(self) -> float:
        """Return for how long the agent has acknowledged nothing, although something is outstanding."""
        return self._monotonic() - self._progress_at if self._outstanding and self._has_websocket else 0.0

    # -- ssh -----------------------------------------------------------------------------------------------------------

    @property
    def can_send(self) -> bool:
        """Whether `send` may be called."""
        span = self._next_number - next(iter(self._outstanding), self._next_number)
        return self.state is State.OPEN and len(self._outstanding) < _WINDOW and span < _SPAN

    def send(self, data: bytes) -> None:
        """Send bytes of ssh, at most DATA_BYTES."""
        self._send(PayloadType.DATA, data)

    def end(self) -> None:
        """Tell the agent that ssh has ended, so that it ends the session."""
        if self.state is State.OPEN:
            self._send(PayloadType.FLAG, frames.flag(Flag.TERMINATE_SESSION))

    def data(self) -> bytes | None:
        """Return bytes for ssh, always the same until `took` is called; None if there are none."""
        return self._received.for_ssh[0].frame.payload if self._received.for_ssh else None

    def took(self) -> None:
        """Acknowledge the bytes that `data` returns: ssh has taken them."""
        taken = self._received.for_ssh.popleft()
        if not taken.is_acknowledged:
            self._acknowledge(taken.frame)

    @property
    def is_closed(self) -> bool:
        """Whether the session has ended."""
        return self.state is State.CLOSED

    @property
    def is_full(self) -> bool:
        """Whether so much waits for ssh that no message should be read from the websocket."""
        return len(self._received.for_ssh) >= _FULL

    # -- Received ------------------------------------------------------------------------------------------------------

    def _receive_output(self, frame: Frame) -> None:
        received, number = self._received, frame.sequence_number
        if self.state is State.CLOSED:
            return
        if number < received.expected:
            waiting = received.for_ssh[0].frame.sequence_number if received.for_ssh else received.expected
            if number < waiting:
                self._acknowledge(frame)
        elif number > received.expected:
            if number in received.early or len(received.early) < _EARLY:
                received.early[number] = frame
                self._acknowledge(frame)
        else:
            self._process(frame, is_acknowledged=False)
            while received.expected in received.early:
                self._process(received.early.pop(received.expected), is_acknowledged=True)

    def _process(self, frame: Frame, *, is_acknowledged: bool) -> None:
        """Process the message that is next in order. Raises ChannelError."""
        self._received.expected += 1
        if frame.payload_type == PayloadType.DATA:
            self._check_data(frame.payload)
            self._received.for_ssh.append(_ForSsh(frame, is_acknowledged))
            return
        if not is_acknowledged:
            self._acknowledge(frame)
        if frame.payload_type == PayloadType.HANDSHAKE_REQUEST:
            self._answer_handshake(frame)
        elif frame.payload_type == PayloadType.HANDSHAKE_COMPLETE and self.state is State.HANDSHAKE:
            self.state = State.WAITING
        elif frame.payload == frames.flag(Flag.CONNECT_TO_PORT_ERROR) and frame.payload_type == PayloadType.FLAG:
            raise ChannelError("The agent on the instance could not connect to the port of sshd.")

    def _check_data(self, data: bytes) -> None:
        """Raise ChannelError for bytes of the agent itself. The first of sshd open the channel."""
        if self.state is State.OPEN:
            return
        if self.state is State.HANDSHAKE or data.lstrip(b"\n").startswith(_AGENT_ERROR.encode()):
            raise ChannelError(f"The agent on the instance says: {_without_title(data.decode(errors='replace'))}.")
        self.state = State.OPEN

    def _answer_handshake(self, frame: Frame) -> None:
        """Send the HandshakeResponse. Raises ChannelError if the agent asks for what ssh cannot do."""
        results = [_result_of(action) for action in frames.read_handshake_request(frame.payload)]
        self._send(PayloadType.HANDSHAKE_RESPONSE, frames.handshake_response(results))
        refused = [result.error for result in results if result.error]
        if refused:
            raise ChannelError(refused[0])

    def _receive_acknowledgement(self, frame: Frame) -> None:
        told = frames.read_acknowledgement(frame.payload)
        if told.message_type != frames.INPUT or told.sequence_number not in self._outstanding:
            return
        acknowledged = self._outstanding.pop(told.sequence_number)
        now = self._progress_at = self._monotonic()
        self.websockets_without_progress = 0
        if acknowledged.order is None:
            return
        if acknowledged.tries == 1:
            self._round_trip.measure(now - acknowledged.sent_at)
        for number, other in self._outstanding.items():
            if other.order is not None and other.order < acknowledged.order:
                other.later += 1
                if other.later == _LATER:
                    other.order = None
                    self._queue.append(number)

    def _close(self, output: str) -> None:
        self.reason = _without_title(output)
        if self._received.early and not self.reason:
            self.reason = "The session ended before all bytes of sshd had come"
        self.state = State.CLOSED
        self._outstanding.clear()
        self._queue.clear()

    def _acknowledge(self, frame: Frame) -> None:
        if self.state is not State.CLOSED:
            self._last_acknowledged = frame
            self._queue.append(frames.encode(frames.acknowledgement(frame, self._new_id(), self._now())))

    # -- Sent ----------------------------------------------------------------------------------------------------------

    def _send(self, payload_type: PayloadType, payload: bytes) -> None:
        number = self._next_number
        self._next_number += 1
        frame = Frame(frames.INPUT, number, 0, self._new_id(), self._now(), payload_type, payload)
        if not self._outstanding:
            self._progress_at = self._monotonic()
        self._outstanding[number] = _Outstanding(frames.encode(frame))
        self._queue.append(number)

    def _sent(self, message: _Outstanding, now: float) -> bytes:
        """Note that a message is sent."""
        self._order += 1
        self.resent += bool(message.tries)
        message.tries += 1
        message.order, message.sent_at, message.later = self._order, now, 0
        return message.data

    def _due_at(self) -> float:
        """Return when the oldest message is sent again, if it is not acknowledged before."""
        oldest = next(iter(self._outstanding.values()), None)
        if oldest is None or oldest.order is None:
            return _NEVER
        return oldest.sent_at + self._round_trip.timeout

    def _now(self) -> int:
        return int(self._wall() * 1000)


_NEVER = float("inf")


def _without_title(said: str) -> str:
    """Return what the agent or the service said, without a period at its end."""
    return printable(said.lstrip("\n").removeprefix(_AGENT_ERROR))[:_LONGEST_REASON].rstrip(".")


def _result_of(action: frames.Action) -> frames.Result:
    if action.action_type != _SESSION_TYPE:
        error = (
            f"The agent on the instance asks for {printable(action.action_type)}, which sessions for ssh do not have."
        )
        return frames.Result(action.action_type, ActionStatus.UNSUPPORTED, error)
    if action.session_type != _PORT:
        error = f"The agent on the instance began a session of the type {printable(action.session_type)}, not Port."
        return frames.Result(action.action_type, ActionStatus.FAILED, error)
    return frames.Result(action.action_type, ActionStatus.SUCCESS)
