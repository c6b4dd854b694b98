# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Frames: the ones that AWS's own programs made are read and made alike, and damaged ones are refused.

The lab's vectors are the first messages of an ssh session, as they passed between the official plugin and the agent's
own code, in their order.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager import frames
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager.frames import (
    Acknowledged,
    Action,
    ActionStatus,
    Flag,
    Frame,
    FrameError,
    PayloadType,
    Result,
)
from hypothesis import given, strategies as st

VECTORS = Path(__file__).parents[5] / "lab" / "tests" / "session_manager_frames.jsonl"
PLUGIN, AGENT = "plugin", "agent"
# Offsets of fields.
HEADER_LENGTH, MESSAGE_TYPE, SCHEMA_VERSION, CREATED, NUMBER, FLAGS, ID, DIGEST, PAYLOAD_TYPE, LENGTH, PAYLOAD = (
    0,
    4,
    36,
    40,
    48,
    56,
    64,
    80,
    112,
    116,
    120,
)


class Passed(NamedTuple):
    """A binary message of the recorded session."""

    sender: str
    data: bytes
    frame: Frame


def recorded() -> tuple[str, list[Passed]]:
    """Return the opening of the recorded session, and its binary messages."""
    lines = VECTORS.read_text(encoding="utf-8").splitlines()
    first, *rest = [json.loads(line) for line in lines]
    binary = [(line["from"], bytes.fromhex(line["hex"])) for line in rest]
    return first["text"], [Passed(sender, data, frames.decode(data)) for sender, data in binary]


OPENING, RECORDED = recorded()
ACKNOWLEDGEMENTS = [each for each in RECORDED if each.frame.message_type == frames.ACKNOWLEDGE]
STREAM = [each for each in RECORDED if each.frame.message_type != frames.ACKNOWLEDGE]


def first_of(payload_type: PayloadType) -> Frame:
    """Return the first recorded frame with a payload of this type."""
    return next(each.frame for each in RECORDED if each.frame.payload_type == payload_type)


# -- The recorded session ----------------------------------------------------------------------------------------------


def test_the_recorded_session_is_whole() -> None:
    assert len(RECORDED) == 16
    assert [
        (each.sender, each.frame.sequence_number, each.frame.payload_type, each.frame.flags) for each in STREAM
    ] == [
        (AGENT, 0, PayloadType.HANDSHAKE_REQUEST, frames.SYN),
        (PLUGIN, 0, PayloadType.HANDSHAKE_RESPONSE, 0),
        (AGENT, 1, PayloadType.HANDSHAKE_COMPLETE, 0),
        (PLUGIN, 1, PayloadType.DATA, 0),
        (AGENT, 2, PayloadType.DATA, 0),
        (PLUGIN, 2, PayloadType.DATA, 0),
        (AGENT, 3, PayloadType.DATA, 0),
        (PLUGIN, 3, PayloadType.DATA, 0),
    ]
    for sender, _data, frame in STREAM:
        assert frame.message_type == (frames.INPUT if sender == PLUGIN else frames.OUTPUT)
    for _sender, _data, frame in ACKNOWLEDGEMENTS:
        assert (frame.sequence_number, frame.payload_type, frame.flags) == (
            0,
            PayloadType.NONE,
            frames.SYN | frames.FIN,
        )
    banners = [each.frame.payload for each in STREAM if each.frame.payload.startswith(b"SSH-2.0-")]
    assert len(banners) == 2


@pytest.mark.parametrize("passed", RECORDED, ids=lambda passed: f"{passed.sender} {passed.frame.message_type}")
def test_a_recorded_frame_is_made_as_aws_made_it(passed: Passed) -> None:
    assert frames.encode(passed.frame) == passed.data


def test_each_recorded_acknowledgement_is_about_a_message_that_came_before() -> None:
    came: dict[Acknowledged, str] = {}
    for sender, _data, frame in RECORDED:
        if frame.message_type == frames.ACKNOWLEDGE:
            assert came.pop(frames.read_acknowledgement(frame.payload)) != sender
        else:
            came[Acknowledged(frame.message_type, frame.message_id, frame.sequence_number)] = sender
    assert not came


def test_our_acknowledgements_are_those_of_the_plugin_byte_for_byte() -> None:
    outputs = {each.frame.message_id: each.frame for each in STREAM if each.sender == AGENT}
    theirs = [each for each in ACKNOWLEDGEMENTS if each.sender == PLUGIN]
    assert len(theirs) == 4
    for _sender, data, frame in theirs:
        of = outputs[frames.read_acknowledgement(frame.payload).message_id]
        ours = frames.encode(frames.acknowledgement(of, frame.message_id, frame.created))
        assert ours == data
        assert len(ours) == 296


def test_our_handshake_response_is_that_of_the_plugin_but_for_the_version() -> None:
    theirs = first_of(PayloadType.HANDSHAKE_RESPONSE).payload
    ours = frames.handshake_response([Result("SessionType", ActionStatus.SUCCESS)])
    version = json.loads(ours)["ClientVersion"]
    assert ours == theirs.replace(b"1.2.0.0", version.encode())


def test_our_opening_is_that_of_the_plugin_but_for_the_version() -> None:
    theirs = json.loads(OPENING)
    ours = frames.opening(theirs["TokenValue"], UUID(theirs["ClientId"]), UUID(theirs["RequestId"]))
    assert ours == OPENING.replace("1.2.0.0", json.loads(ours)["ClientVersion"])


def test_our_version_is_one_that_aws_supports() -> None:
    """AWS supports 1.2.764.0 and later (Session Manager's documentation of the plugin)."""
    version = json.loads(frames.handshake_response([]))["ClientVersion"]
    assert [int(number) for number in version.split(".")] >= [1, 2, 764, 0]
    assert json.loads(frames.opening("", UUID(int=1), UUID(int=2)))["ClientVersion"] == version


def test_the_recorded_request_asks_for_ssh() -> None:
    request = first_of(PayloadType.HANDSHAKE_REQUEST).payload
    assert frames.read_handshake_request(request) == [Action("SessionType", "Port")]


# -- Bytes to frames and back ------------------------------------------------------------------------------------------


def frame(
    message_type: str = frames.OUTPUT,
    sequence_number: int = 7,
    created: int = 1_700_000_000_000,
    payload: bytes = b"some bytes",
) -> Frame:
    """Return a frame of the agent."""
    return Frame(message_type, sequence_number, 0, UUID(int=1), created, PayloadType.DATA, payload)


TYPES = st.sampled_from([frames.INPUT, frames.OUTPUT, frames.ACKNOWLEDGE, frames.CHANNEL_CLOSED, "start_publication"])
FRAMES = st.builds(
    Frame,
    TYPES,
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**64 - 1),
    st.uuids(),
    st.integers(1, 2**64 - 1),
    st.sampled_from(list(PayloadType)) | st.integers(0, 2**32 - 1),
    st.binary(max_size=300),
)


@given(FRAMES)
def test_a_frame_is_read_as_it_was_made(made: Frame) -> None:
    data = frames.encode(made)
    assert len(data) == PAYLOAD + len(made.payload)
    assert frames.decode(data) == made


def test_the_halves_of_a_message_id_are_swapped() -> None:
    identity = UUID("00112233-4455-6677-8899-aabbccddeeff")
    data = frames.encode(frame()._replace(message_id=identity))
    assert data[ID:DIGEST].hex() == "8899aabbccddeeff0011223344556677"
    assert frames.decode(data).message_id == identity


def test_each_field_has_its_place() -> None:
    made = Frame("input_stream_data", 0x0102030405060708, 3, UUID(int=0), 0x1112131415161718, 10, b"abc")
    data = frames.encode(made)
    assert data[:MESSAGE_TYPE] == (116).to_bytes(4, "big")
    assert data[MESSAGE_TYPE:SCHEMA_VERSION] == b"input_stream_data               "
    assert data[SCHEMA_VERSION:CREATED] == (1).to_bytes(4, "big")
    assert data[CREATED:NUMBER].hex() == "1112131415161718"
    assert data[NUMBER:FLAGS].hex() == "0102030405060708"
    assert data[FLAGS:ID] == (3).to_bytes(8, "big")
    # echo -n abc | sha256sum
    assert data[DIGEST:PAYLOAD_TYPE].hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert data[PAYLOAD_TYPE:] == (10).to_bytes(4, "big") + (3).to_bytes(4, "big") + b"abc"


def changed(offset: int, value: bytes, of: Frame | None = None) -> bytes:
    """Return a frame with another value at this offset."""
    data = frames.encode(of or frame())
    return data[:offset] + value + data[offset + len(value) :]


def number(value: int, size: int = 4) -> bytes:
    """Return an integer as the header has it."""
    return value.to_bytes(size, "big", signed=value < 0)


REFUSED = {
    "empty": (b"", "too short: 0 bytes"),
    "no whole header": (frames.encode(frame())[:115], "too short: 115 bytes"),
    "no payload length": (frames.encode(frame())[:119], "has 119 bytes and a header of 116"),
    "header without a payload type": (changed(HEADER_LENGTH, number(112)), "header of 112"),
    "header one byte shorter": (changed(HEADER_LENGTH, number(115)), "header of 115"),
    "header one byte longer": (changed(HEADER_LENGTH, number(117)), "header of 117"),
    "no header": (changed(HEADER_LENGTH, number(0)), "header of 0"),
    "header longer than all": (changed(HEADER_LENGTH, b"\xff" * 4), "header of 4294967295"),
    "header of an unknown type": (changed(HEADER_LENGTH, number(120), frame("unknown")), "header of 120"),
    "payload one byte shorter": (frames.encode(frame())[:-1], "payload of 9 bytes and says that it has 10"),
    "payload one byte longer": (frames.encode(frame()) + b"x", "payload of 11 bytes and says that it has 10"),
    "no payload": (frames.encode(frame())[:PAYLOAD], "payload of 0 bytes"),
    "payload length of all bits": (changed(LENGTH, b"\xff" * 4), "says that it has 4294967295"),
    "payload length of an unknown type": (changed(LENGTH, number(9), frame("unknown")), "says that it has 9"),
    "another digest": (changed(DIGEST, b"x"), "digest"),
    "no digest": (changed(DIGEST, bytes(32)), "digest"),
    "another payload": (changed(PAYLOAD, b"S"), "digest"),
    "schema version 0": (changed(SCHEMA_VERSION, number(0)), "schema version 0"),
    "schema version 2": (changed(SCHEMA_VERSION, number(2)), "schema version 2"),
    "created never": (changed(CREATED, number(0, 8)), "no time of creation"),
    "negative number": (changed(NUMBER, number(-1, 8)), "sequence number -1"),
    "smallest number": (changed(NUMBER, number(-(2**63), 8)), "sequence number -9223372036854775808"),
    "message type of other bytes": (changed(MESSAGE_TYPE, b"\xff"), r"message type b'\\xff"),
    "message type of UTF-8": (changed(MESSAGE_TYPE, "ö".encode()), "message type"),
}


@pytest.mark.parametrize(("data", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_breaks_a_rule_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(FrameError, match=words):
        frames.decode(data)


@pytest.mark.parametrize("message_type", [frames.INPUT, frames.OUTPUT, frames.ACKNOWLEDGE])
def test_what_the_client_and_the_agent_send_keeps_to_all_rules(message_type: str) -> None:
    strict = frame(message_type)
    for data in (
        changed(DIGEST, bytes(32), strict),
        changed(SCHEMA_VERSION, number(2), strict),
        changed(CREATED, number(0, 8), strict),
        changed(NUMBER, number(-1, 8), strict),
        changed(HEADER_LENGTH, number(112), strict),
    ):
        with pytest.raises(FrameError):
            frames.decode(data)


@pytest.mark.parametrize("padding", [b" ", b"\0"], ids=["blanks", "zero bytes"])
def test_a_message_type_is_padded_with_blanks_or_zero_bytes(padding: bytes) -> None:
    data = changed(MESSAGE_TYPE, frames.OUTPUT.encode().ljust(32, padding))
    assert frames.decode(data) == frame()


def test_an_empty_payload_needs_no_digest() -> None:
    empty = frame(payload=b"")
    assert frames.decode(changed(DIGEST, bytes(32), empty)) == empty


def of_the_service(message_type: bytes, payload: bytes = b"") -> bytes:
    """Return a message as the service makes it: no payload type, and zero bytes for what it does not fill in."""
    header = struct.pack(">I32sIQqQ16s32s", 112, message_type.ljust(32, b"\0"), 1, 0, 0, 0, bytes(16), bytes(32))
    return header + number(len(payload)) + payload


def test_a_channel_closed_of_the_service_has_no_payload_type() -> None:
    payload = b'{"MessageType":"channel_closed","Output":"Why."}'
    closed = frames.decode(of_the_service(b"channel_closed", payload))
    assert (closed.message_type, closed.payload_type) == (frames.CHANNEL_CLOSED, PayloadType.NONE)
    assert closed.payload == payload
    assert frames.read_channel_closed(closed.payload) == "Why."


def test_a_channel_closed_with_a_payload_type_is_read_too() -> None:
    payload = b'{"Output":""}'
    closed = frames.decode(frames.encode(frame(frames.CHANNEL_CLOSED, payload=payload)))
    assert closed.payload == payload


@pytest.mark.parametrize("message_type", ["start_publication", "pause_publication"])
def test_a_publication_may_have_an_empty_digest_and_no_time(message_type: str) -> None:
    assert frames.decode(of_the_service(message_type.encode())).message_type == message_type
    made = frame(message_type, sequence_number=-1, created=0, payload=b"x")
    assert frames.decode(changed(DIGEST, bytes(32), made)) == made


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return a frame of which bytes were changed, cut out or put in, at any place."""
    data = bytearray(frames.encode(draw(FRAMES)))
    for _time in range(draw(st.integers(1, 3))):
        first = draw(st.integers(0, len(data)))
        last = draw(st.integers(first, min(first + 40, len(data))) | st.just(len(data)))
        data[first:last] = draw(st.binary(max_size=last - first) | st.binary(max_size=40))
    return bytes(data)


READERS: dict[str, Callable[[bytes], object]] = {
    "acknowledgement": frames.read_acknowledgement,
    "handshake request": frames.read_handshake_request,
    "channel_closed": frames.read_channel_closed,
}


def assert_read_or_refused(data: bytes) -> None:
    """Let a message be decoded, or refused with a FrameError. What is decoded stays the same."""
    try:
        decoded = frames.decode(data)
    except FrameError:
        return
    if decoded.created and decoded.message_type in {frames.INPUT, frames.OUTPUT, frames.ACKNOWLEDGE}:
        assert frames.decode(frames.encode(decoded)) == decoded


@given(damaged())
def test_a_damaged_frame_is_read_or_refused(data: bytes) -> None:
    assert_read_or_refused(data)


@given(FRAMES, st.data())
def test_a_frame_that_is_cut_off_is_refused(made: Frame, draws: st.DataObject) -> None:
    data = frames.encode(made)
    length = draws.draw(st.integers(0, len(data) - 1))
    with pytest.raises(FrameError):
        frames.decode(data[:length])


@given(st.binary(max_size=300))
def test_random_bytes_are_read_or_refused(data: bytes) -> None:
    assert_read_or_refused(data)


# -- Payloads ----------------------------------------------------------------------------------------------------------

ID_TEXT = "00112233-4455-6677-8899-aabbccddeeff"
ACKNOWLEDGED = {
    "AcknowledgedMessageType": frames.INPUT,
    "AcknowledgedMessageId": ID_TEXT,
    "AcknowledgedMessageSequenceNumber": 5,
    "IsSequentialMessage": True,
}


def test_an_acknowledgement_names_the_frame() -> None:
    of = frame(sequence_number=2**40)
    made = frames.acknowledgement(of, UUID(ID_TEXT), 5)
    assert made[:6] == (frames.ACKNOWLEDGE, 0, frames.SYN | frames.FIN, UUID(ID_TEXT), 5, PayloadType.NONE)
    assert frames.read_acknowledgement(made.payload) == (frames.OUTPUT, of.message_id, 2**40)


def as_json(value: Any) -> bytes:
    """Return a value as JSON."""
    return json.dumps(value).encode()


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS.keys())
@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b'{"Output":"\xff"}', "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"5", "not a JSON object"),
        (b'"text"', "not a JSON object"),
    ],
)
def test_a_payload_that_is_no_json_object_is_refused(
    reader: Callable[[bytes], object], payload: bytes, words: str
) -> None:
    with pytest.raises(FrameError, match=words):
        reader(payload)


@pytest.mark.parametrize(
    "different",
    [
        {"AcknowledgedMessageId": "no UUID"},
        {"AcknowledgedMessageId": ID_TEXT[:-1]},
        {"AcknowledgedMessageId": None},
        {"AcknowledgedMessageId": 5},
        {"AcknowledgedMessageId": []},
        {"AcknowledgedMessageSequenceNumber": "five"},
        {"AcknowledgedMessageSequenceNumber": None},
        {"AcknowledgedMessageSequenceNumber": {}},
        {"AcknowledgedMessageSequenceNumber": 5.0},
        {"AcknowledgedMessageSequenceNumber": "5"},
        {"AcknowledgedMessageType": None},
        {"AcknowledgedMessageSequenceNumber": float("nan")},
        {"AcknowledgedMessageSequenceNumber": float("inf")},
    ],
    ids=str,
)
def test_a_damaged_acknowledgement_is_refused(different: dict[str, Any]) -> None:
    assert frames.read_acknowledgement(as_json(ACKNOWLEDGED)) == (frames.INPUT, UUID(ID_TEXT), 5)
    with pytest.raises(FrameError, match="acknowledgement of nothing"):
        frames.read_acknowledgement(as_json({**ACKNOWLEDGED, **different}))


@pytest.mark.parametrize("key", [key for key in ACKNOWLEDGED if key != "IsSequentialMessage"])
def test_an_acknowledgement_without_one_of_its_values_is_refused(key: str) -> None:
    rest = {name: value for name, value in ACKNOWLEDGED.items() if name != key}
    with pytest.raises(FrameError, match="acknowledgement of nothing"):
        frames.read_acknowledgement(as_json(rest))


@pytest.mark.parametrize(
    ("asked", "actions"),
    [
        ([], []),
        ([{"ActionType": "KMSEncryption", "ActionParameters": {"KMSKeyId": "k"}}], [Action("KMSEncryption", "")]),
        ([{"ActionType": "KMSEncryption"}], [Action("KMSEncryption", "")]),
        ([{"ActionType": "SessionType", "ActionParameters": None}], [Action("SessionType", "")]),
        (
            [
                {"ActionType": "KMSEncryption", "ActionParameters": {}},
                {"ActionType": "SessionType", "ActionParameters": {"SessionType": "Standard_Stream"}},
            ],
            [Action("KMSEncryption", ""), Action("SessionType", "Standard_Stream")],
        ),
    ],
)
def test_a_handshake_request_has_actions(asked: list[Any], actions: list[Action]) -> None:
    assert frames.read_handshake_request(as_json({"RequestedClientActions": asked})) == actions


@pytest.mark.parametrize(
    "asked",
    [
        None,
        5,
        "text",
        {"ActionType": "SessionType"},
        [None],
        [[]],
        ["text"],
        [{}],
        [{"ActionType": "x", "ActionParameters": 5}],
        [{"ActionType": 5}],
    ],
    ids=str,
)
def test_a_damaged_handshake_request_is_refused(asked: Any) -> None:
    for payload in (as_json({"RequestedClientActions": asked}), b"{}"):
        with pytest.raises(FrameError, match="handshake that asks for nothing"):
            frames.read_handshake_request(payload)


def test_a_handshake_response_has_an_entry_for_each_action() -> None:
    results = [
        Result("SessionType", ActionStatus.SUCCESS),
        Result("KMSEncryption", ActionStatus.UNSUPPORTED, "No encryption."),
        Result("Other", ActionStatus.FAILED, "No other."),
    ]
    response = json.loads(frames.handshake_response(results))
    assert response["ProcessedClientActions"] == [
        {"ActionType": "SessionType", "ActionStatus": 1, "ActionResult": None, "Error": ""},
        {"ActionType": "KMSEncryption", "ActionStatus": 3, "ActionResult": None, "Error": "No encryption."},
        {"ActionType": "Other", "ActionStatus": 2, "ActionResult": None, "Error": "No other."},
    ]
    assert response["Errors"] == ["No encryption.", "No other."]


def test_flags_are_four_bytes() -> None:
    assert frames.flag(Flag.TERMINATE_SESSION) == b"\0\0\0\x02"
    assert frames.flag(Flag.CONNECT_TO_PORT_ERROR) == b"\0\0\0\x03"


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"Output": ""}, ""),
        ({"Output": None}, ""),
        ({}, ""),
        ({"Output": "Session ended.", "SessionId": "s"}, "Session ended."),
    ],
)
def test_a_channel_closed_has_a_reason_or_none(told: dict[str, Any], reason: str) -> None:
    assert frames.read_channel_closed(as_json(told)) == reason


# Lists in lists, as deep as the recursion limit allows one function and not another, and far deeper.
DEPTHS = [*range(sys.getrecursionlimit() - 200, sys.getrecursionlimit(), 2), 100_000]


@pytest.mark.parametrize(
    ("reader", "form"),
    [
        (frames.read_channel_closed, '{"Output":%s}'),
        (
            frames.read_acknowledgement,
            f'{{"AcknowledgedMessageId":"{ID_TEXT}","AcknowledgedMessageSequenceNumber":0,"AcknowledgedMessageType":%s}}',
        ),
        (frames.read_handshake_request, '{"RequestedClientActions":[{"ActionType":%s}]}'),
        (
            frames.read_handshake_request,
            '{"RequestedClientActions":[{"ActionType":"","ActionParameters":{"SessionType":%s}}]}',
        ),
    ],
)
def test_values_that_are_no_text_are_refused_however_deep_they_are(
    reader: Callable[[bytes], object], form: str
) -> None:
    for depth in DEPTHS:
        with pytest.raises(FrameError):
            reader((form % ("[" * depth + "]" * depth)).encode())


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(ID_TEXT),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
KEYS = [*ACKNOWLEDGED, "RequestedClientActions", "Output"]
ODD_ACTION = st.fixed_dictionaries({"ActionType": ANY_JSON}, optional={"ActionParameters": ANY_JSON})
ODD_OBJECT = st.fixed_dictionaries(
    {}, optional={key: st.lists(ODD_ACTION | ANY_JSON, max_size=3) | ANY_JSON for key in KEYS}
)


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS.keys())
@given(payload=st.one_of(st.binary(max_size=50), ANY_JSON.map(as_json), ODD_OBJECT.map(as_json)))
def test_any_payload_is_read_or_refused(reader: Callable[[bytes], object], payload: bytes) -> None:
    with suppress(FrameError):
        reader(payload)
