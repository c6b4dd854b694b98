# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a session: each rule, and what holds on any network.

The clock of these tests stands still until a test moves it.
"""

from __future__ import annotations

import heapq
import json
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager import channel as module, frames
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager.channel import (
    DATA_BYTES,
    Channel,
    ChannelError,
    State,
)
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager.frames import (
    Acknowledged,
    Flag,
    Frame,
    PayloadType,
)
from hypothesis import given, strategies as st

WALL = 1_700_000_000.0
BANNER = b"SSH-2.0-OpenSSH_9.2p1\r\n"
# How many messages of ssh may be outstanding, and how far their numbers may lie apart.
WINDOW, SPAN = 63, 1024
# Without any sample of the network.
FIRST_TIMEOUT = 0.2
SESSION_TYPE = {"ActionType": "SessionType", "ActionParameters": {"SessionType": "Port"}}
KMS = {"ActionType": "KMSEncryption", "ActionParameters": {"KMSKeyId": "key"}}


def as_json(value: Any) -> bytes:
    """Return a value as JSON."""
    return json.dumps(value).encode()


def request(*actions: dict[str, Any]) -> bytes:
    """Return the payload of a HandshakeRequest."""
    return as_json({"AgentVersion": "3.3.0.0", "RequestedClientActions": actions})


class Bench:
    """A channel, a clock, and what an agent and the service may send.

    ours: the number of our next message. theirs: that of the agent's next one.
    """

    def __init__(self) -> None:
        self.now = 50_000.0
        self._ids = count(1)
        self.channel = Channel(lambda: self.now, lambda: WALL + self.now, self._new_id)
        self.ours = self.theirs = 0

    def _new_id(self) -> UUID:
        return UUID(int=next(self._ids))

    def output(self, payload: bytes, payload_type: int = PayloadType.DATA, number: int | None = None) -> Frame:
        """Return a message of the agent: the next one, or that of a number."""
        if number is None:
            number, self.theirs = self.theirs, self.theirs + 1
        return Frame(frames.OUTPUT, number, int(not number), UUID(int=2**64 + number), 1, payload_type, payload)

    def receive(self, *messages: Frame) -> None:
        for frame in messages:
            self.channel.receive(frames.encode(frame))

    def get(self, payload: bytes, payload_type: int = PayloadType.DATA) -> Frame:
        """Receive the next message of the agent."""
        frame = self.output(payload, payload_type)
        self.receive(frame)
        return frame

    def acknowledge(self, *numbers: int, message_type: str = frames.INPUT) -> None:
        """Receive acknowledgements of our messages."""
        for number in numbers:
            of = Frame(message_type, number, 0, UUID(int=5), 1, PayloadType.DATA, b"")
            self.receive(frames.acknowledgement(of, UUID(int=6), 1))

    def close(self, reason: str = "") -> None:
        """Receive channel_closed."""
        payload = as_json({"MessageType": "channel_closed", "Output": reason})
        self.receive(Frame(frames.CHANNEL_CLOSED, 0, 0, UUID(int=7), 1, PayloadType.NONE, payload))

    def send(self, how_many: int = 1) -> list[int]:
        """Send bytes of ssh. Returns the numbers of the messages."""
        numbers = list(range(self.ours, self.ours + how_many))
        for number in numbers:
            assert self.channel.can_send
            self.channel.send(b"from ssh %d" % number)
        self.ours += how_many
        return numbers

    def state(self) -> State:
        return self.channel.state

    def sent(self) -> list[Frame]:
        """Return what the channel sends now."""
        return [frames.decode(data) for data in self.channel.frames_to_send()]

    def numbers_sent(self) -> list[int]:
        """Return the numbers of the messages that the channel sends now, without acknowledgements."""
        return [frame.sequence_number for frame in self.sent() if frame.message_type == frames.INPUT]

    def acknowledged(self) -> list[int]:
        """Return the numbers that the channel acknowledges now. It sends nothing else."""
        sent = self.sent()
        assert {frame.message_type for frame in sent} <= {frames.ACKNOWLEDGE}
        return [frames.read_acknowledgement(frame.payload).sequence_number for frame in sent]

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def take_all(self) -> bytes:
        """Let ssh take all that there is for it."""
        taken = b""
        while (data := self.channel.data()) is not None:
            taken += data
            self.channel.took()
        return taken


@pytest.fixture
def connected() -> Bench:
    """Return a channel with a websocket, before the handshake."""
    bench = Bench()
    bench.channel.connect("token")
    return bench


@pytest.fixture
def waiting(connected: Bench) -> Bench:
    """Return a channel after the handshake. sshd has not spoken."""
    connected.get(request(SESSION_TYPE), PayloadType.HANDSHAKE_REQUEST)
    connected.channel.frames_to_send()
    connected.acknowledge(0)
    connected.ours = 1
    connected.get(b"{}", PayloadType.HANDSHAKE_COMPLETE)
    connected.channel.frames_to_send()
    return connected


@pytest.fixture
def opened(waiting: Bench) -> Bench:
    """Return a channel on which everything is acknowledged, and ssh may send."""
    # What was measured until here must not matter.
    waiting.channel._round_trip = module._RoundTrip()
    waiting.get(BANNER)
    waiting.take_all()
    waiting.channel.frames_to_send()
    return waiting


# -- The handshake -----------------------------------------------------------------------------------------------------


def test_the_handshake_opens_the_channel(connected: Bench) -> None:
    channel = connected.channel
    assert (channel.state, connected.sent(), channel.seconds_until_due()) == (State.HANDSHAKE, [], None)
    asked = connected.get(request(SESSION_TYPE), PayloadType.HANDSHAKE_REQUEST)
    acknowledgement, response = connected.sent()
    assert frames.read_acknowledgement(acknowledgement.payload) == Acknowledged(frames.OUTPUT, asked.message_id, 0)
    assert response[:3] == (frames.INPUT, 0, 0)
    assert response.payload_type == PayloadType.HANDSHAKE_RESPONSE
    assert response.created == acknowledgement.created == int((WALL + connected.now) * 1000)
    assert response.message_id != acknowledgement.message_id
    (action,) = json.loads(response.payload)["ProcessedClientActions"]
    assert (action["ActionType"], action["ActionStatus"]) == ("SessionType", 1)
    assert connected.state() is State.HANDSHAKE
    connected.acknowledge(0)
    connected.get(b"{}", PayloadType.HANDSHAKE_COMPLETE)
    assert connected.acknowledged() == [1]
    assert connected.state() is State.WAITING
    connected.get(BANNER)
    assert connected.state() is State.OPEN
    assert channel.data() == BANNER
    assert channel.resent == 0


def test_nothing_is_sent_before_the_first_byte_of_sshd(connected: Bench) -> None:
    channel = connected.channel
    assert not channel.can_send
    connected.get(request(SESSION_TYPE), PayloadType.HANDSHAKE_REQUEST)
    assert not channel.can_send
    connected.get(b"{}", PayloadType.HANDSHAKE_COMPLETE)
    assert not channel.can_send
    channel.frames_to_send()
    channel.end()
    assert connected.sent() == []
    connected.get(BANNER)
    assert channel.can_send


def test_a_request_that_comes_twice_is_acknowledged_twice_and_answered_once(connected: Bench) -> None:
    asked = connected.get(request(SESSION_TYPE), PayloadType.HANDSHAKE_REQUEST)
    connected.sent()
    connected.receive(asked)
    assert connected.acknowledged() == [0]


def test_another_request_is_answered_again(connected: Bench) -> None:
    for number in (0, 1):
        connected.get(request(SESSION_TYPE), PayloadType.HANDSHAKE_REQUEST)
        assert connected.numbers_sent() == [number]
    assert connected.state() is State.HANDSHAKE


def test_a_handshake_out_of_order_is_processed_in_order(connected: Bench) -> None:
    asked = connected.output(request(SESSION_TYPE), PayloadType.HANDSHAKE_REQUEST)
    complete = connected.output(b"{}", PayloadType.HANDSHAKE_COMPLETE)
    first = connected.output(BANNER)
    connected.receive(first, complete)
    assert connected.state() is State.HANDSHAKE
    assert connected.acknowledged() == [2, 1]
    connected.receive(asked)
    assert connected.state() is State.OPEN
    assert [frame.message_type for frame in connected.sent()] == [frames.ACKNOWLEDGE, frames.INPUT]
    assert connected.take_all() == BANNER


@pytest.mark.parametrize(
    ("actions", "statuses", "words"),
    [
        ((KMS, SESSION_TYPE), [("KMSEncryption", 3), ("SessionType", 1)], "asks for KMSEncryption, which"),
        ((SESSION_TYPE, KMS), [("SessionType", 1), ("KMSEncryption", 3)], "asks for KMSEncryption, which"),
        (
            ({"ActionType": "SessionType", "ActionParameters": {"SessionType": "Standard_Stream"}},),
            [("SessionType", 2)],
            "session of the type Standard_Stream, not Port",
        ),
        (({"ActionType": "SessionType"},), [("SessionType", 2)], "session of the type , not Port"),
        (({"ActionType": "a\x1b[31m"},), [("a\x1b[31m", 3)], r"asks for a \[31m, which"),
    ],
    ids=["encryption", "encryption last", "shell", "nothing", "control characters"],
)
def test_the_agent_is_told_what_ssh_cannot_do(
    connected: Bench, actions: tuple[dict[str, Any], ...], statuses: list[tuple[str, int]], words: str
) -> None:
    with pytest.raises(ChannelError, match=words):
        connected.get(request(*actions), PayloadType.HANDSHAKE_REQUEST)
    acknowledgement, response = connected.sent()
    assert acknowledgement.message_type == frames.ACKNOWLEDGE
    answered = json.loads(response.payload)
    processed = answered["ProcessedClientActions"]
    assert [(each["ActionType"], each["ActionStatus"]) for each in processed] == statuses
    assert answered["Errors"] == [each["Error"] for each in processed if each["ActionStatus"] != 1]


ERROR = b"\n----------ERROR-------\nEncountered error while initiating handshake. Handshake timed out.\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ERROR, "The agent on the instance says: Encountered error while .* Handshake timed out.$"),
        (b"----------ERROR-------\nA \x1b[31mcolour and \xff\n", r"says: A  \[31mcolour and \ufffd\.$"),
        (b"----------ERROR-------\n" + b"x" * 10_000, "says: x{500}\\.$"),
    ],
    ids=["time-out", "control characters", "long"],
)
@pytest.mark.parametrize("has_shaken_hands", [False, True])
def test_an_error_of_the_agent_is_told(has_shaken_hands: bool, text: bytes, words: str, connected: Bench) -> None:
    if has_shaken_hands:
        connected.get(request(SESSION_TYPE), PayloadType.HANDSHAKE_REQUEST)
        connected.get(b"{}", PayloadType.HANDSHAKE_COMPLETE)
    with pytest.raises(ChannelError, match=words):
        connected.get(text)
    assert connected.channel.data() is None
    assert not connected.channel.can_send


def test_any_text_before_the_end_of_the_handshake_is_the_agents(connected: Bench) -> None:
    with pytest.raises(ChannelError, match=r"says: No such document\.$"):
        connected.get(b"No such document.\n")


def test_what_looks_like_an_error_is_for_ssh_once_sshd_has_spoken(opened: Bench) -> None:
    opened.get(ERROR)
    assert opened.take_all() == ERROR


def test_a_port_that_cannot_be_reached_is_told(waiting: Bench) -> None:
    with pytest.raises(ChannelError, match="could not connect to the port of sshd"):
        waiting.get(frames.flag(Flag.CONNECT_TO_PORT_ERROR), PayloadType.FLAG)
    assert waiting.acknowledged() == [2]


@pytest.mark.parametrize(
    ("payload", "payload_type"),
    [
        (frames.flag(Flag.CONNECT_TO_PORT_ERROR), 11),
        (b"\0\0\0\x01", PayloadType.FLAG),
        (b"", PayloadType.FLAG),
        (b"text", 2),
        (b"{}", PayloadType.HANDSHAKE_COMPLETE),
    ],
)
def test_what_means_nothing_to_ssh_is_acknowledged(opened: Bench, payload: bytes, payload_type: int) -> None:
    frame = opened.get(payload, payload_type)
    assert opened.acknowledged() == [frame.sequence_number]
    assert opened.state() is State.OPEN
    assert opened.channel.data() is None


# -- Messages that are not what they should be -------------------------------------------------------------------------


def test_text_is_refused(connected: Bench) -> None:
    with pytest.raises(ChannelError, match="The service sent text"):
        connected.channel.receive("text")


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"", "The service sent a message that is too short: 0 bytes.$"),
        (
            frames.encode(Frame(frames.OUTPUT, 0, 0, UUID(int=1), 1, PayloadType.HANDSHAKE_REQUEST, b"{}")),
            "handshake that asks for nothing.$",
        ),
        (frames.encode(Frame(frames.ACKNOWLEDGE, 0, 3, UUID(int=1), 1, 0, b"{}")), "acknowledgement of nothing.$"),
        (frames.encode(Frame(frames.CHANNEL_CLOSED, 0, 3, UUID(int=1), 1, 0, b"[]")), "not a JSON object.$"),
    ],
)
def test_a_damaged_message_is_told(connected: Bench, message: bytes, words: str) -> None:
    with pytest.raises(ChannelError, match=words):
        connected.channel.receive(message)


@pytest.mark.parametrize("message_type", ["start_publication", "pause_publication", "agent_session_state", "unknown"])
def test_what_the_service_says_beyond_that_is_ignored(opened: Bench, message_type: str) -> None:
    opened.receive(Frame(message_type, 3, 0, UUID(int=1), 1, PayloadType.NONE, b"x"))
    assert (opened.sent(), opened.channel.state) == ([], State.OPEN)
    assert opened.channel.can_send


# -- What we receive ---------------------------------------------------------------------------------------------------


def test_bytes_are_acknowledged_when_ssh_has_taken_them(opened: Bench) -> None:
    first, second = opened.get(b"one"), opened.get(b"two")
    assert opened.acknowledged() == []
    assert opened.channel.data() == opened.channel.data() == b"one"
    opened.channel.took()
    (acknowledgement,) = opened.sent()
    told = frames.read_acknowledgement(acknowledgement.payload)
    assert told == (frames.OUTPUT, first.message_id, first.sequence_number)
    assert opened.channel.data() == b"two"
    opened.channel.took()
    assert opened.acknowledged() == [second.sequence_number]
    assert opened.channel.data() is None


def test_what_was_taken_and_comes_again_is_acknowledged_again(opened: Bench) -> None:
    frame = opened.get(b"one")
    opened.take_all()
    assert opened.acknowledged() == [frame.sequence_number]
    opened.receive(frame, frame)
    assert opened.acknowledged() == [frame.sequence_number] * 2
    assert opened.channel.data() is None


def test_what_ssh_has_not_taken_and_comes_again_is_not_acknowledged(opened: Bench) -> None:
    taken, first, second = opened.get(b"zero"), opened.get(b"one"), opened.get(b"two")
    opened.channel.took()
    opened.sent()
    opened.receive(taken, second, first)
    assert opened.acknowledged() == [taken.sequence_number]
    assert opened.take_all() == b"onetwo"
    assert opened.acknowledged() == [first.sequence_number, second.sequence_number]


def test_what_comes_early_is_kept_and_acknowledged_once(opened: Bench) -> None:
    first, second, third = opened.output(b"one"), opened.output(b"two"), opened.output(b"three")
    opened.receive(third, second)
    assert opened.acknowledged() == [third.sequence_number, second.sequence_number]
    assert opened.channel.data() is None
    opened.receive(first)
    assert opened.take_all() == b"onetwothree"
    assert opened.acknowledged() == [first.sequence_number]
    assert opened.get(b"four").sequence_number == third.sequence_number + 1
    assert opened.take_all() == b"four"


def test_what_comes_early_and_again_is_acknowledged_again_and_given_once(opened: Bench) -> None:
    first, second = opened.output(b"one"), opened.output(b"two")
    opened.receive(second, second)
    assert opened.acknowledged() == [second.sequence_number] * 2
    opened.receive(first, second)
    assert opened.take_all() == b"onetwo"
    assert opened.acknowledged() == [first.sequence_number]
    opened.receive(second)
    assert opened.acknowledged() == [second.sequence_number]


def test_no_more_than_so_many_early_messages_are_kept(opened: Bench) -> None:
    first = opened.output(b"first;")
    limit = 10_000
    early = [opened.output(b"%d;" % number) for number in range(limit + 1)]
    opened.receive(*early)
    assert opened.acknowledged() == [frame.sequence_number for frame in early[:limit]]
    # One that is kept is acknowledged, however many there are.
    opened.receive(early[0], early[limit])
    assert opened.acknowledged() == [early[0].sequence_number]
    opened.receive(first)
    assert opened.take_all() == b"first;" + b"".join(b"%d;" % number for number in range(limit))
    opened.receive(early[limit])
    assert opened.take_all() == b"%d;" % limit


def test_the_reader_is_asked_to_pause_while_ssh_takes_nothing(opened: Bench) -> None:
    for _time in range(63):
        opened.get(b"x")
    assert not opened.channel.is_full
    opened.get(b"x")
    assert opened.channel.is_full
    opened.channel.took()
    assert not opened.channel.is_full


# -- What we send ------------------------------------------------------------------------------------------------------


def test_bytes_of_ssh_are_numbered_and_sent_once(opened: Bench) -> None:
    assert DATA_BYTES <= 32 * 1024
    opened.send(3)
    sent = opened.sent()
    assert [(frame.message_type, frame.sequence_number, frame.flags, frame.payload_type) for frame in sent] == [
        (frames.INPUT, number, 0, PayloadType.DATA) for number in (1, 2, 3)
    ]
    assert [frame.payload for frame in sent] == [b"from ssh 1", b"from ssh 2", b"from ssh 3"]
    assert len({frame.message_id for frame in sent}) == 3
    assert opened.sent() == []


def test_acknowledgements_and_bytes_leave_in_order(opened: Bench) -> None:
    opened.send()
    opened.get(b"x")
    opened.take_all()
    opened.send()
    assert [frame.message_type for frame in opened.sent()] == [frames.INPUT, frames.ACKNOWLEDGE, frames.INPUT]


def test_only_so_many_are_outstanding_and_the_flag_is_one_more(opened: Bench) -> None:
    numbers = opened.send(WINDOW)
    assert not opened.channel.can_send
    opened.channel.end()
    assert opened.numbers_sent() == [*numbers, WINDOW + 1]
    opened.acknowledge(numbers[10])
    assert not opened.channel.can_send
    opened.acknowledge(numbers[20])
    assert opened.channel.can_send


def test_an_acknowledgement_makes_room_for_one(opened: Bench) -> None:
    numbers = opened.send(WINDOW)
    opened.acknowledge(numbers[5])
    opened.send()
    assert not opened.channel.can_send
    # Acknowledged already, and never sent.
    opened.acknowledge(numbers[5], 5000)
    assert not opened.channel.can_send


def test_numbers_that_are_outstanding_lie_no_further_apart_than_the_span(opened: Bench) -> None:
    (oldest,) = opened.send()
    for _time in range(SPAN - 1):
        opened.sent()
        opened.acknowledge(*opened.send())
    assert opened.ours - oldest == SPAN
    assert not opened.channel.can_send
    opened.acknowledge(oldest)
    assert opened.channel.can_send


def test_an_acknowledgement_says_nothing_about_other_messages(opened: Bench) -> None:
    first, second, third = opened.send(3)
    opened.sent()
    opened.acknowledge(second)
    opened.wait(FIRST_TIMEOUT)
    assert opened.numbers_sent() == [first]
    opened.acknowledge(first)
    opened.wait(2 * FIRST_TIMEOUT)
    assert opened.numbers_sent() == [third]
    opened.acknowledge(third)
    opened.wait(100)
    assert opened.sent() == []


def test_an_acknowledgement_of_another_type_of_message_says_nothing(opened: Bench) -> None:
    numbers = opened.send(4)
    opened.sent()
    opened.wait(FIRST_TIMEOUT / 2)
    opened.acknowledge(*numbers, message_type=frames.OUTPUT)
    assert opened.sent() == []
    assert opened.channel.seconds_without_progress() == pytest.approx(FIRST_TIMEOUT / 2)
    opened.wait(FIRST_TIMEOUT / 2)
    assert opened.numbers_sent() == numbers[:1]


def test_what_was_acknowledged_before_it_was_sent_again_is_not_sent(opened: Bench) -> None:
    numbers = opened.send(4)
    opened.sent()
    opened.acknowledge(*numbers[1:], numbers[0])
    assert opened.sent() == []


# -- Sent again, since later ones arrived ------------------------------------------------------------------------------


def test_three_later_acknowledgements_mean_that_one_was_lost(opened: Bench) -> None:
    lost, *later = opened.send(4)
    sent = opened.channel.frames_to_send()
    opened.acknowledge(*later[:2])
    assert opened.sent() == []
    opened.acknowledge(later[2])
    assert opened.channel.frames_to_send() == [sent[0]]
    assert opened.channel.resent == 1
    assert opened.sent() == []
    opened.acknowledge(lost)
    assert opened.channel.seconds_until_due() is None


def test_acknowledgements_of_earlier_ones_mean_nothing(opened: Bench) -> None:
    opened.send(10)
    opened.sent()
    opened.acknowledge(1, 2, 3, 4, 5)
    assert opened.sent() == []


def test_each_of_several_lost_ones_is_sent_again(opened: Bench) -> None:
    numbers = opened.send(10)
    opened.sent()
    opened.acknowledge(*numbers[5:7])
    assert opened.numbers_sent() == []
    opened.acknowledge(numbers[7])
    assert opened.numbers_sent() == numbers[:5]
    # They arrive, and what was sent before them means nothing for them.
    opened.acknowledge(*numbers[8:])
    assert opened.numbers_sent() == []


def test_a_resend_that_was_lost_is_sent_again_when_three_later_ones_arrive(opened: Bench) -> None:
    _lost, *before = opened.send(9)
    (data, *_others) = opened.channel.frames_to_send()
    opened.acknowledge(*before[:3])
    assert opened.channel.frames_to_send() == [data]
    # These were sent before the resend.
    opened.acknowledge(*before[3:])
    assert opened.sent() == []
    after = opened.send(3)
    opened.sent()
    opened.acknowledge(*after[:2])
    assert opened.sent() == []
    opened.acknowledge(after[2])
    assert opened.channel.frames_to_send() == [data]
    assert opened.channel.resent == 2


def test_acknowledgements_of_resends_count_as_later(opened: Bench) -> None:
    numbers = opened.send(8)
    opened.sent()
    opened.acknowledge(*numbers[5:])
    assert opened.numbers_sent() == numbers[:5]
    # Of the five that were sent again, the first was lost again.
    opened.acknowledge(*numbers[1:4])
    assert opened.numbers_sent() == numbers[:1]


def test_what_was_sent_before_a_resend_after_the_time_out_means_nothing_for_it(opened: Bench) -> None:
    oldest, *others = opened.send(4)
    opened.sent()
    opened.wait(FIRST_TIMEOUT)
    assert opened.numbers_sent() == [oldest]
    opened.acknowledge(*others)
    assert opened.sent() == []


def test_what_is_lost_and_overdue_is_sent_again_once(opened: Bench) -> None:
    lost, *later = opened.send(4)
    opened.sent()
    opened.acknowledge(*later)
    opened.wait(10)
    assert opened.numbers_sent() == [lost]
    assert opened.channel.resent == 1


def test_an_acknowledgement_of_what_is_about_to_be_sent_again_says_nothing_of_others(opened: Bench) -> None:
    first, second, *later = opened.send(5)
    opened.sent()
    opened.wait(FIRST_TIMEOUT)
    assert opened.numbers_sent() == [first]
    opened.acknowledge(*later, second)
    after = opened.send(2)
    assert opened.numbers_sent() == after
    opened.acknowledge(*after)
    assert opened.sent() == []


# -- Sent again, since time has passed ---------------------------------------------------------------------------------


def test_the_oldest_is_sent_again_after_a_time_that_doubles(opened: Bench) -> None:
    opened.send(3)
    oldest, *_others = opened.channel.frames_to_send()
    for resent, seconds in enumerate([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 6.4, 6.4], start=1):
        assert opened.channel.seconds_until_due() == pytest.approx(seconds)
        opened.wait(seconds - 0.001)
        assert opened.sent() == []
        opened.wait(0.001001)
        assert opened.channel.seconds_until_due() == 0
        assert opened.channel.frames_to_send() == [oldest]
        assert opened.channel.resent == resent


def test_the_next_oldest_is_due_by_its_own_time(opened: Bench) -> None:
    first, second = opened.send(2)
    opened.sent()
    opened.wait(FIRST_TIMEOUT)
    assert opened.numbers_sent() == [first]
    opened.acknowledge(first)
    # It was sent at the same time, and the time-out has doubled.
    assert opened.channel.seconds_until_due() == pytest.approx(FIRST_TIMEOUT)
    opened.wait(FIRST_TIMEOUT + 0.001)
    assert opened.numbers_sent() == [second]


def test_a_doubled_time_out_stays_until_an_acknowledgement_shows_the_time(opened: Bench) -> None:
    """Else nothing would ever be measured on a network that is slower than the first time-out."""
    (number,) = opened.send()
    opened.sent()
    opened.wait(FIRST_TIMEOUT)
    assert opened.numbers_sent() == [number]
    opened.wait(0.1)
    opened.acknowledge(number)
    assert timeout(opened) == pytest.approx(2 * FIRST_TIMEOUT)
    take_so_long(opened, 0.1)
    assert timeout(opened) == pytest.approx(FIRST_TIMEOUT)


def test_a_new_websocket_begins_with_a_time_out_that_is_not_doubled(opened: Bench) -> None:
    opened.send()
    opened.sent()
    for seconds in (0.2, 0.4, 0.8, 1.6):
        opened.wait(seconds + 0.001)
        assert len(opened.sent()) == 1
    opened.channel.disconnect()
    opened.channel.connect("another")
    opened.sent()
    assert opened.channel.seconds_until_due() == pytest.approx(FIRST_TIMEOUT)


def timeout(bench: Bench) -> float:
    """Return how long the channel waits now for an acknowledgement of a new message."""
    (number,) = bench.send()
    bench.channel.frames_to_send()
    seconds = bench.channel.seconds_until_due()
    assert seconds is not None
    bench.channel._outstanding.pop(number)
    return seconds


def take_so_long(bench: Bench, *samples: float) -> None:
    """Let acknowledgements take so many seconds."""
    for seconds in samples:
        numbers = bench.send()
        bench.sent()
        bench.wait(seconds)
        bench.acknowledge(*numbers)


@pytest.mark.parametrize(
    ("samples", "seconds"),
    [
        ([], 0.2),
        # Usual: 7/8 * 0.1 + 1/8 * 0.9 = 0.2. Variation: 1/4 * 0.8 = 0.2. Together 0.2 + 4 * 0.2.
        ([0.9], 1.0),
        # Usual: 7/8 * 0.2 + 1/8 * 0.4 = 0.225. Variation: 3/4 * 0.2 + 1/4 * 0.2 = 0.2.
        ([0.9, 0.4], 1.025),
        ([0.001] * 50, 0.2),
        # However steady the network is, 10 ms more (amazon-ssm-agent, and RFC 6298 as the granularity of the clock).
        ([0.3] * 60, 0.31),
        ([60.0] * 5, 10.0),
    ],
    ids=["none", "one", "two", "fast", "steady", "very slow"],
)
def test_the_time_out_follows_the_network(opened: Bench, samples: list[float], seconds: float) -> None:
    take_so_long(opened, *samples)
    assert timeout(opened) == pytest.approx(seconds, rel=0.001)


def test_doubling_ends_at_the_longest_time_out(opened: Bench) -> None:
    take_so_long(opened, 0.9)
    opened.send()
    opened.sent()
    for seconds in (1, 2, 4, 8, 10, 10):
        assert opened.channel.seconds_until_due() == pytest.approx(seconds)
        opened.wait(seconds + 0.001)
        assert len(opened.sent()) == 1


@pytest.mark.parametrize("again", ["time-out", "later ones", "websocket"])
def test_nothing_is_measured_by_a_message_that_was_sent_again(opened: Bench, again: str) -> None:
    oldest, *later = opened.send(4)
    opened.sent()
    if again == "time-out":
        opened.wait(FIRST_TIMEOUT)
    elif again == "later ones":
        opened.wait(0.1)
        opened.acknowledge(*later)
    else:
        opened.channel.disconnect()
        opened.channel.connect("another")
    assert oldest in opened.numbers_sent()
    opened.wait(5)
    opened.acknowledge(oldest)
    for number in later:
        opened.channel._outstanding.pop(number, None)
    assert timeout(opened) == pytest.approx((1 + (again == "time-out")) * FIRST_TIMEOUT)


# -- Websockets --------------------------------------------------------------------------------------------------------


def test_each_websocket_begins_with_its_token_and_the_id_of_the_client() -> None:
    bench = Bench()
    openings = []
    for token in ("first", "second", "third"):
        openings.append(json.loads(bench.channel.connect(token)))
        bench.channel.disconnect()
    assert [opening["TokenValue"] for opening in openings] == ["first", "second", "third"]
    assert len({opening["ClientId"] for opening in openings}) == 1
    identities = [UUID(opening["RequestId"]) for opening in openings] + [UUID(openings[0]["ClientId"])]
    assert len(set(identities)) == 4


def test_two_channels_have_different_ids() -> None:
    first, second = [json.loads(Channel().connect("token")) for _time in range(2)]
    assert first["ClientId"] != second["ClientId"]


def test_a_new_websocket_gets_all_that_is_outstanding_in_order_and_byte_for_byte(opened: Bench) -> None:
    numbers = opened.send(9)
    sent = opened.channel.frames_to_send()
    # The first is waiting to be sent again, and the last one to be sent, when the websocket closes.
    opened.acknowledge(*numbers[2:5])
    opened.send()
    opened.channel.disconnect()
    opened.send()
    assert opened.channel.frames_to_send() == []
    opened.wait(100)
    assert opened.channel.frames_to_send() == []
    opened.channel.connect("another")
    again = opened.channel.frames_to_send()
    assert again[:6] == sent[:2] + sent[5:]
    assert [frames.decode(data).sequence_number for data in again[6:-1]] == [10, 11]
    assert frames.decode(again[-1]).message_type == frames.ACKNOWLEDGE
    assert opened.channel.frames_to_send() == []
    assert opened.channel.resent == 6


def test_what_is_read_after_the_websocket_has_closed_counts_and_nothing_is_sent(opened: Bench) -> None:
    lost, *later = opened.send(4)
    opened.sent()
    opened.channel.disconnect()
    opened.acknowledge(*later)
    opened.get(b"x")
    assert opened.take_all() == b"x"
    assert opened.sent() == []
    assert opened.channel.resent == 0
    opened.channel.connect("another")
    assert opened.numbers_sent() == [lost]


def test_what_a_new_websocket_got_is_resent_by_the_same_rules(opened: Bench) -> None:
    numbers = opened.send(8)
    opened.sent()
    opened.acknowledge(*numbers[2:4])
    opened.channel.disconnect()
    opened.channel.connect("another")
    # An acknowledgement of what has not been sent on it says nothing about the order.
    opened.acknowledge(numbers[4])
    assert opened.numbers_sent() == [*numbers[:2], *numbers[5:]]
    opened.acknowledge(*numbers[5:7])
    assert opened.numbers_sent() == []
    opened.acknowledge(numbers[7])
    assert opened.numbers_sent() == numbers[:2]


def test_a_message_that_waits_for_a_websocket_is_not_due(opened: Bench) -> None:
    opened.send()
    opened.sent()
    opened.channel.disconnect()
    assert opened.channel.seconds_until_due() is None
    opened.wait(100)
    opened.channel.connect("another")
    assert opened.channel.seconds_until_due() is None
    assert len(opened.numbers_sent()) == 1
    assert opened.channel.seconds_until_due() == pytest.approx(FIRST_TIMEOUT)


def test_acknowledgements_belong_to_the_websocket(opened: Bench) -> None:
    """What ssh took without a websocket is acknowledged over the next one."""
    before, after = opened.get(b"before"), opened.get(b"after")
    opened.channel.took()
    opened.channel.disconnect()
    opened.channel.took()
    assert opened.sent() == []
    opened.channel.connect("another")
    assert opened.acknowledged() == [before.sequence_number, after.sequence_number]
    opened.receive(before, after)
    assert opened.acknowledged() == [before.sequence_number, after.sequence_number]
    assert opened.channel.data() is None


def test_the_agent_hears_the_client_on_a_new_websocket(opened: Bench) -> None:
    """It pauses until then. There may be nothing to send but the last acknowledgement."""
    last = opened.get(b"last")
    opened.channel.took()
    assert opened.acknowledged() == [last.sequence_number]
    opened.channel.disconnect()
    opened.channel.connect("another")
    assert opened.acknowledged() == [last.sequence_number]


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("", ""),
        ("Unable to connect to specified port: refused.", "Unable to connect to specified port: refused"),
        ("\n----------ERROR-------\nHandshake timed out.\n", "Handshake timed out"),
        ("a" * 600, "a" * 500),
    ],
    ids=["none", "a sentence", "with the agent's title", "long"],
)
def test_the_reason_of_the_end_is_what_the_agent_says(output: str, reason: str, opened: Bench) -> None:
    opened.close(output)
    assert opened.channel.reason == reason


def test_the_numbers_go_on_after_a_new_websocket(opened: Bench) -> None:
    opened.acknowledge(*opened.send())
    opened.channel.disconnect()
    opened.channel.connect("another")
    opened.get(b"more")
    assert opened.take_all() == b"more"
    opened.sent()
    opened.send()
    assert opened.numbers_sent() == [2]


def test_the_handshake_goes_on_after_a_new_websocket(connected: Bench) -> None:
    connected.get(request(SESSION_TYPE), PayloadType.HANDSHAKE_REQUEST)
    _acknowledgement, response = connected.channel.frames_to_send()
    connected.channel.disconnect()
    connected.channel.connect("another")
    assert connected.channel.frames_to_send()[:-1] == [response]


def test_websockets_are_counted_until_the_agent_acknowledges_something(opened: Bench) -> None:
    channel = opened.channel
    assert channel.websockets_without_progress == 0
    opened.send(2)
    for how_many in (1, 2):
        channel.disconnect()
        channel.connect("another")
        opened.sent()
        opened.get(b"x")
        opened.acknowledge(5000)
        opened.acknowledge(1, message_type=frames.OUTPUT)
        assert channel.websockets_without_progress == how_many
    opened.acknowledge(2)
    assert channel.websockets_without_progress == 0


# -- The end -----------------------------------------------------------------------------------------------------------


def test_the_agent_is_told_that_ssh_has_ended_after_the_bytes_before_it(opened: Bench) -> None:
    opened.send(2)
    opened.channel.end()
    *_bytes, flag = opened.sent()
    assert flag[:3] == (frames.INPUT, 3, 0)
    assert (flag.payload_type, flag.payload) == (PayloadType.FLAG, b"\0\0\0\x02")


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("", ""),
        ("Unable to connect to specified port.", "Unable to connect to specified port"),
        ("A \x1b[31mcolour\n", "A  [31mcolour"),
    ],
)
def test_channel_closed_ends_the_session(opened: Bench, told: str, reason: str) -> None:
    channel = opened.channel
    opened.get(b"one")
    opened.get(b"two")
    opened.send()
    channel.frames_to_send()
    channel.took()
    opened.send()
    assert not channel.is_closed
    opened.close(told)
    assert (channel.state, channel.reason) == (State.CLOSED, reason)
    assert channel.is_closed
    assert not channel.can_send
    assert channel.seconds_until_due() is None
    opened.wait(10)
    assert channel.seconds_without_progress() == 0
    assert opened.sent() == []
    # ssh still gets what has come, and nobody is told.
    assert opened.take_all() == b"two"
    channel.end()
    opened.get(b"three")
    opened.acknowledge(1, 2)
    assert opened.sent() == []
    assert channel.data() is None
    assert channel.seconds_until_due() is None
    assert channel.seconds_without_progress() == 0


@pytest.mark.parametrize("early", [PayloadType.DATA, PayloadType.FLAG])
def test_an_end_with_a_gap_has_a_reason(opened: Bench, early: PayloadType) -> None:
    opened.output(b"lost")
    opened.get(b"came", early)
    opened.close()
    assert opened.state() is State.CLOSED
    assert opened.channel.reason == "The session ended before all bytes of sshd had come"
    assert opened.channel.data() is None


def test_the_reason_of_the_service_is_told_also_with_a_gap(opened: Bench) -> None:
    opened.output(b"lost")
    opened.get(b"came")
    opened.close("Session was terminated.")
    assert opened.channel.reason == "Session was terminated"


def test_the_service_may_end_the_session_at_any_time(connected: Bench) -> None:
    connected.close("Handshake timed out.")
    assert (connected.channel.state, connected.channel.reason) == (State.CLOSED, "Handshake timed out")


# -- Times -------------------------------------------------------------------------------------------------------------


def test_nothing_is_due_while_nothing_is_outstanding(opened: Bench) -> None:
    assert opened.channel.seconds_until_due() is None
    assert opened.channel.seconds_without_progress() == 0
    opened.get(b"x")
    opened.wait(10)
    assert opened.channel.seconds_until_due() is None
    assert opened.channel.seconds_without_progress() == 0


def test_progress_is_what_the_agent_acknowledges(opened: Bench) -> None:
    opened.wait(1000)
    numbers = opened.send(5)
    assert opened.channel.seconds_without_progress() == 0
    opened.wait(7)
    opened.send()
    opened.sent()
    assert opened.channel.seconds_without_progress() == 7
    # Neither what the agent sends, nor an acknowledgement of nothing.
    opened.get(b"x")
    opened.acknowledge(5000)
    assert opened.channel.seconds_without_progress() == 7
    opened.acknowledge(numbers[3])
    assert opened.channel.seconds_without_progress() == 0
    opened.wait(5)
    assert opened.channel.seconds_without_progress() == 5


def test_the_time_without_a_websocket_does_not_count(opened: Bench) -> None:
    opened.send()
    opened.wait(7)
    opened.channel.disconnect()
    assert opened.channel.seconds_without_progress() == 0
    opened.wait(7)
    opened.channel.connect("another")
    assert opened.channel.seconds_without_progress() == 0
    opened.wait(3)
    assert opened.channel.seconds_without_progress() == 3


# -- On any network ----------------------------------------------------------------------------------------------------

ONE_WAY_SECONDS = 0.02
# The agent looks for what to send again every 100 ms, and sends again what is older than this.
AGENT_TICK_SECONDS, AGENT_TIMEOUT_SECONDS = 0.1, 0.3
DIAL_SECONDS = 0.05
# A side may be waiting for its longest time-out when the faults stop. The rest is the transfer itself.
ENDS_WITHIN_SECONDS = 20.0
# What may happen at the same moment: everything that is outstanding in both directions, several times.
MOST_TURNS = 1_000


class Agent:
    """The agent's Port plugin, as its source has it: it fails the test where it would lose bytes without a word."""

    def __init__(self, world: World, output: list[bytes]) -> None:
        self._world = world
        self._for_ssh = deque(output)
        self._expected = 0
        self._early: dict[int, Frame] = {}
        self._has_shaken_hands = self._is_dialled = False
        self.for_sshd = b""
        self.is_told_to_end = False
        self.sent: list[Frame] = []
        self.outstanding: dict[int, float] = {}

    def begin(self) -> None:
        self._send(PayloadType.HANDSHAKE_REQUEST, request(SESSION_TYPE))
        self._world.after(AGENT_TICK_SECONDS, self._tick)

    def _send(self, payload_type: PayloadType, payload: bytes) -> None:
        number = len(self.sent)
        frame = Frame(frames.OUTPUT, number, int(not number), UUID(int=2**64 + number), 1, payload_type, payload)
        self.sent.append(frame)
        self.outstanding[number] = self._world.now
        self._world.to_client(frame)

    def _tick(self) -> None:
        """Send the oldest message again, if it is old enough."""
        for number, sent_at in list(self.outstanding.items())[:1]:
            if self._world.now - sent_at >= AGENT_TIMEOUT_SECONDS:
                self.outstanding[number] = self._world.now
                self._world.to_client(self.sent[number])
        self._world.after(AGENT_TICK_SECONDS, self._tick)

    def receive(self, data: bytes) -> None:
        frame = frames.decode(data)
        if frame.message_type == frames.ACKNOWLEDGE:
            told = frames.read_acknowledgement(frame.payload)
            self.outstanding.pop(told.sequence_number, None)
            return
        if frame.sequence_number > self._expected:
            self._early[frame.sequence_number] = frame
        elif frame.sequence_number == self._expected:
            self._process(frame)
            while self._expected in self._early:
                self._process(self._early.pop(self._expected))
        self._world.to_client(frames.acknowledgement(frame, UUID(int=self._world.unique()), 1))

    def _process(self, frame: Frame) -> None:
        self._expected += 1
        if frame.payload_type == PayloadType.HANDSHAKE_RESPONSE:
            assert not self._has_shaken_hands
            self._has_shaken_hands = True
            self._send(PayloadType.HANDSHAKE_COMPLETE, b"{}")
            self._world.after(DIAL_SECONDS, self._dialled)
            return
        assert self._has_shaken_hands, "the agent threw bytes away"
        assert self._is_dialled, "the agent refused bytes"
        assert not self.is_told_to_end
        if frame.payload_type == PayloadType.DATA:
            self.for_sshd += frame.payload
        else:
            assert frame.payload == frames.flag(Flag.TERMINATE_SESSION)
            self.is_told_to_end = True

    def _dialled(self) -> None:
        self._is_dialled = True
        self._speak()

    def _speak(self) -> None:
        """Send the bytes of sshd, a message each millisecond."""
        if self._for_ssh:
            self._send(PayloadType.DATA, self._for_ssh.popleft())
            self._world.after(0.001, self._speak)


class World:
    """A channel, ssh, a network, and the agent with its sshd.

    faults: what happens to the messages in both directions, a byte for each: see `_pass_on`. After that, nothing does.
    paces: how slowly ssh takes the next bytes, a byte for each. After that, it takes them at once.
    """

    def __init__(
        self, faults: bytes, paces: bytes, to_sshd: list[bytes], to_ssh: list[bytes], one_way: float = ONE_WAY_SECONDS
    ) -> None:
        self._faults, self._paces, self._one_way = iter(faults), iter(paces), one_way
        self.now = 0.0
        self._faulty_until = 0.0
        self._is_losing = self._turns = 0
        self._unique = count(1)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._to_sshd, self._expects = deque(to_sshd), b"".join(to_ssh)
        self.agent = Agent(self, to_ssh)
        self.channel = Channel(lambda: self.now, lambda: WALL + self.now, lambda: UUID(int=self.unique()))
        # Counts websockets. What is on its way when one closes is lost.
        self._websocket = 0
        self._is_open = self._has_closed = self._has_ended = self._is_taking = False
        self._inbox: deque[bytes] = deque()
        self.for_ssh = b""
        # What was seen of the channel.
        self._sent: list[bytes] = []
        self.resent = 0
        self._outstanding: set[int] = set()
        self._received: set[int] = set()
        self._received_early: set[int] = set()
        self._took = 0
        self.acknowledged: list[int] = []

    def unique(self) -> int:
        return next(self._unique)

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + seconds, self.unique(), do))

    def run(self) -> None:
        """Run until both sides have everything, and know it."""
        self.agent.begin()
        self._connect()
        while not (self.agent.is_told_to_end and not self.agent.outstanding and not self._outstanding):
            before = self.now
            due_in = self.channel.seconds_until_due()
            if due_in is not None and self.now + due_in < self._events[0][0]:
                self.now += due_in
            else:
                self.now, _order, do = heapq.heappop(self._events)
                do()
            self._work()
            self._turns = self._turns + 1 if self.now == before else 0
            assert self._turns < MOST_TURNS, "time stands still"
            assert self.now - self._faulty_until < ENDS_WITHIN_SECONDS, "it does not end"

    # -- The network

    def to_client(self, frame: Frame) -> None:
        self._pass_on(frames.encode(frame), self._inbox.append)

    def _to_agent(self, data: bytes) -> None:
        self._pass_on(data, self.agent.receive)

    def _pass_on(self, data: bytes, deliver: Callable[[bytes], None]) -> None:
        """Let a message arrive, or not."""
        if not self._is_open:
            return
        fault = next(self._faults, None)
        if fault is not None:
            self._faulty_until = self.now + 1
        amount, kind = divmod(fault or 0, 8)
        if kind == 4:
            self._is_losing = amount if amount > 24 else 1
        if self._is_losing and fault is not None:
            self._is_losing -= 1
            return
        self._arrive(self._one_way + (amount * 0.02 if kind == 6 else 0), data, deliver)
        if kind == 5:
            self._arrive(self._one_way + amount * 0.01, data, deliver)
        if kind == 7 and amount < 6:
            self._is_open = False
            # The client may hear of it later.
            self.after(amount * 0.05, self._disconnect)

    def _arrive(self, seconds: float, data: bytes, deliver: Callable[[bytes], None]) -> None:
        websocket = self._websocket

        def arrive() -> None:
            if websocket == self._websocket and self._is_open:
                deliver(data)

        self.after(seconds, arrive)

    def _connect(self) -> None:
        self._websocket += 1
        self._is_open, self._has_closed = True, False
        opening = json.loads(self.channel.connect(f"token {self._websocket}"))
        assert opening["TokenValue"] == f"token {self._websocket}"

    def _disconnect(self) -> None:
        self.channel.disconnect()
        self._has_closed = True
        # What was received and not read may be read or not.
        if self._websocket % 2:
            self._inbox.clear()
        self.after(0.05 * (1 + self._websocket % 5), self._connect)
        self._faulty_until = self.now + 0.3

    # -- ssh, and what runs the channel

    def _let_ssh_take(self) -> None:
        """Let ssh take the next bytes in a while."""
        if self._is_taking or self.channel.data() is None:
            return
        self._is_taking = True
        seconds = next(self._paces, 0) * 0.002
        self._faulty_until = max(self._faulty_until, self.now + seconds)
        self.after(seconds, self._take)

    def _take(self) -> None:
        self._is_taking = False
        data = self.channel.data()
        assert data is not None
        self.for_ssh += data
        self._took += 1
        self.channel.took()

    def _work(self) -> None:
        while self._inbox and not self.channel.is_full:
            data = self._inbox.popleft()
            self._note_received(frames.decode(data))
            self.channel.receive(data)
        while self._to_sshd and self.channel.can_send:
            self.channel.send(self._to_sshd.popleft())
        if not self._to_sshd and self.for_ssh == self._expects and not self._has_ended:
            self._has_ended = True
            self.channel.end()
        self._let_ssh_take()
        for data in self.channel.frames_to_send():
            self._check_sent(data)
            self._to_agent(data)

    # -- What must hold

    def _note_received(self, frame: Frame) -> None:
        if frame.message_type == frames.ACKNOWLEDGE:
            self._outstanding.discard(frames.read_acknowledgement(frame.payload).sequence_number)
            return
        if not self._received.issuperset(range(frame.sequence_number)):
            self._received_early.add(frame.sequence_number)
        self._received.add(frame.sequence_number)

    def _check_sent(self, data: bytes) -> None:
        assert not self._has_closed, "sent without a websocket"
        frame = frames.decode(data)
        if frame.message_type == frames.ACKNOWLEDGE:
            self._check_acknowledgement(frames.read_acknowledgement(frame.payload))
        elif frame.sequence_number < len(self._sent):
            assert data == self._sent[frame.sequence_number], "sent again with other bytes"
            self.resent += 1
        else:
            assert frame.sequence_number == len(self._sent)
            self._sent.append(data)
            self._outstanding.add(frame.sequence_number)
            assert len(self._outstanding) <= WINDOW + (frame.payload_type == PayloadType.FLAG)

    def _check_acknowledgement(self, told: Acknowledged) -> None:
        number = told.sequence_number
        assert number in self._received, "acknowledged before it came"
        of = self.agent.sent[number]
        assert told == (of.message_type, of.message_id, number)
        # The handshake has two messages.
        assert number < self._took + 2 or number in self._received_early, "acknowledged before ssh took it"
        self.acknowledged.append(number)


def messages(name: bytes, how_many: int) -> list[bytes]:
    """Return payloads that are all different."""
    return [name + b" %d;" % number for number in range(how_many)]


@given(
    faults=st.binary(min_size=200, max_size=1500),
    paces=st.binary(max_size=60),
    up=st.integers(0, 200),
    down=st.integers(0, 150),
)
def test_each_byte_arrives_once_and_in_order_on_any_network(faults: bytes, paces: bytes, up: int, down: int) -> None:
    to_sshd, to_ssh = messages(b"up", up), [BANNER, *messages(b"down", down)]
    world = World(faults, paces, to_sshd, to_ssh)
    world.run()
    assert world.agent.for_sshd == b"".join(to_sshd)
    assert world.for_ssh == b"".join(to_ssh)
    assert set(world.acknowledged) == set(range(len(world.agent.sent)))
    channel = world.channel
    assert channel.resent == world.resent
    assert channel.seconds_until_due() is None
    assert channel.frames_to_send() == []
    assert channel.state is State.OPEN
    closed = Frame(frames.CHANNEL_CLOSED, 0, 0, UUID(int=1), 1, PayloadType.NONE, as_json({"Output": ""}))
    channel.receive(frames.encode(closed))
    assert (channel.state, channel.reason) == (State.CLOSED, "")


@given(one_way=st.floats(0.001, FIRST_TIMEOUT / 2 - 0.001), up=st.integers(0, 200), down=st.integers(0, 150))
def test_nothing_is_sent_twice_without_need(one_way: float, up: int, down: int) -> None:
    world = World(b"", b"", messages(b"up", up), [BANNER, *messages(b"down", down)], one_way)
    world.run()
    assert world.resent == 0
    assert world.acknowledged == list(range(len(world.agent.sent)))


@pytest.mark.parametrize("one_way", [0.11, 0.15, 0.3, 0.5, 1])
def test_a_slow_network_is_learnt_by_few_that_are_sent_twice(one_way: float) -> None:
    world = World(b"", b"", messages(b"up", 500), [BANNER], one_way)
    world.run()
    assert 1 <= world.resent <= 12


def test_a_slow_network_that_loses_some_gets_little_more_than_it_lost() -> None:
    lost = bytes(4 * (number % 100 == 99) for number in range(4000))
    world = World(lost, b"", messages(b"up", 1000), [BANNER], one_way=0.15)
    world.run()
    assert world.resent < 100


@given(
    st.lists(
        st.one_of(
            st.builds(
                Frame,
                st.sampled_from([frames.OUTPUT, frames.ACKNOWLEDGE, frames.CHANNEL_CLOSED, frames.INPUT, "unknown"]),
                st.integers(0, 6) | st.integers(0, 2**63 - 1),
                st.integers(0, 3),
                st.uuids(),
                st.integers(1, 2**64 - 1),
                st.integers(0, 12),
                st.binary(max_size=20)
                | st.sampled_from(
                    [b"{}", request(SESSION_TYPE), request(KMS), frames.flag(Flag.CONNECT_TO_PORT_ERROR)]
                ),
            ).map(frames.encode),
            st.binary(max_size=150),
            st.text(max_size=5),
        ),
        max_size=12,
    )
)
def test_any_messages_are_processed_or_told(received: list[bytes | str]) -> None:
    channel = Channel()
    channel.connect("token")
    for message in received:
        try:
            channel.receive(message)
        except ChannelError as error:
            assert str(error).isprintable()  # noqa: PT017
        channel.frames_to_send()
        if channel.data() is not None:
            channel.took()
        if channel.can_send:
            channel.send(b"x")
