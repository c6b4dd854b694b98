# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The frames and the rules of Session Manager, against frames that have really passed."""

from __future__ import annotations

import json
import struct
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from sshkeys_lab import ssm_frames
from sshkeys_lab.ssm_rules import LARGEST_PAYLOAD, MOST_IN_FLIGHT, Breach, ClientRules

if TYPE_CHECKING:
    from collections.abc import Callable

# Frames that passed between the official plugin and the agent's own code.
VECTORS = [
    json.loads(line)
    for line in Path(__file__).with_name("session_manager_frames.jsonl").read_text("utf-8").splitlines()
]
FRAMES = [(each["from"], bytes.fromhex(each["hex"])) for each in VECTORS if "hex" in each]
SSHD_HAS_NOT_SPOKEN = "The client sent data before sshd has spoken; the agent may refuse it."


@pytest.mark.parametrize("data", [data for _origin, data in FRAMES])
def test_a_frame_is_encoded_as_it_was(data: bytes) -> None:
    frame = ssm_frames.decode(data)
    again = bytearray(
        ssm_frames.encode(
            frame.message_type,
            frame.payload,
            payload_type=frame.payload_type,
            number=frame.number,
            flags=frame.flags,
        )
    )
    # The creation date and the id are its own.
    again[40:48], again[64:80] = data[40:48], data[64:80]
    assert bytes(again) == data
    assert ssm_frames.is_version_4(frame.message_id)
    swapped = frame.message_id[8:] + frame.message_id[:8]
    assert ssm_frames.id_text(frame.message_id) == str(UUID(bytes=swapped))


def test_an_acknowledgement_is_that_of_the_agent() -> None:
    """Each acknowledgement has the payload that this codec makes for the message."""
    messages = {
        (frame.message_type, frame.number): frame
        for frame in (ssm_frames.decode(data) for _origin, data in FRAMES)
        if frame.message_type != ssm_frames.ACKNOWLEDGE
    }
    found = 0
    for _origin, data in FRAMES:
        acknowledgement = ssm_frames.decode(data)
        if acknowledgement.message_type == ssm_frames.ACKNOWLEDGE:
            said = json.loads(acknowledgement.payload)
            kind = said["AcknowledgedMessageType"].encode().ljust(32)
            made = ssm_frames.decode(ssm_frames.acknowledge(messages[kind, said["AcknowledgedMessageSequenceNumber"]]))
            assert made[:3] == acknowledgement[:3]
            assert made.payload == acknowledgement.payload
            found += 1
    assert found == 8


def test_the_service_leaves_out_the_payload_type() -> None:
    data = ssm_frames.channel_closed("lab-1", "client", "why")
    length, kind = struct.unpack_from(">I32s", data)
    (payload_length,) = struct.unpack_from(">I", data, length)
    assert (length, kind) == (112, b"channel_closed".ljust(32, b"\0"))
    assert payload_length == len(data) - 116
    said = json.loads(data[length + 4 :])
    assert (said["SessionId"], said["MessageType"], said["Output"]) == ("lab-1", "channel_closed", "why")


def test_a_publication_has_zeros() -> None:
    data = ssm_frames.publication("start_publication")
    frame = ssm_frames.decode(data)
    assert (frame.created, frame.digest, frame.payload) == (0, bytes(32), b"")


def test_a_frame_has_a_header() -> None:
    with pytest.raises(ValueError, match="3 bytes"):
        ssm_frames.decode(b"abc")


def test_the_official_plugin_follows_the_rules() -> None:
    """It breaks the one rule that is for others: it sends data before sshd has spoken, and gets over the refusal."""
    rules = ClientRules()
    for each in VECTORS:
        data = bytes.fromhex(each.get("hex", ""))
        if "text" in each:
            assert rules.opening(each["text"]) == "token-of-a-test"
            rules.opened()
        elif each["from"] == "plugin":
            rules.received(data)
        elif data[4:36] == ssm_frames.ACKNOWLEDGE:
            rules.acknowledged(json.loads(data[120:])["AcknowledgedMessageSequenceNumber"])
        else:
            rules.delivered(data)
    assert rules.violations == [SSHD_HAS_NOT_SPOKEN]
    assert rules.resent == 0
    assert rules.bytes_up > rules.bytes_down > 0


# -- The rules ---------------------------------------------------------------------------------------------------------

RESPONSE: dict[str, Any] = {
    "ClientVersion": "1.2.764.0",
    "ProcessedClientActions": [{"ActionType": "SessionType", "ActionStatus": 1, "ActionResult": None, "Error": ""}],
    "Errors": None,
}


def output(number: int, payload_type: int, payload: bytes = b"x") -> bytes:
    """Return a message of the agent."""
    flags = 0 if number else ssm_frames.SYN
    return ssm_frames.encode(ssm_frames.OUTPUT, payload, payload_type=payload_type, number=number, flags=flags)


def message(
    number: int, payload: bytes = b"x", *, payload_type: int = ssm_frames.DATA, flags: int = 0, **changed: bytes
) -> bytes:
    """Return a message of the client. changed: fields that are written over, by `at` and their offset."""
    made = bytearray(
        ssm_frames.encode(ssm_frames.INPUT, payload, payload_type=payload_type, number=number, flags=flags)
    )
    for place, value in changed.items():
        offset = int(place.removeprefix("at"))
        made[offset : offset + len(value)] = value
    return bytes(made)


def response(value: object) -> bytes:
    """Return a HandshakeResponse."""
    return message(0, json.dumps(value).encode(), payload_type=ssm_frames.HANDSHAKE_RESPONSE)


@pytest.fixture
def opened() -> ClientRules:
    """Give the rules of a session whose client has had the HandshakeRequest."""
    rules = ClientRules()
    rules.opened()
    rules.delivered(output(0, ssm_frames.HANDSHAKE_REQUEST))
    return rules


@pytest.fixture
def ready(opened: ClientRules) -> ClientRules:
    """Give the rules of a session in which sshd has spoken."""
    opened.received(response(RESPONSE))
    opened.acknowledged(0)
    opened.delivered(output(1, ssm_frames.HANDSHAKE_COMPLETE))
    opened.delivered(output(2, ssm_frames.DATA))
    return opened


def unswapped() -> bytes:
    """Return an id whose halves are in the wrong order, which is not by chance right."""
    while True:
        made = uuid4().bytes
        if not ssm_frames.is_version_4(made):
            return made


BROKEN_FRAMES: dict[str, Callable[[], bytes]] = {
    "shorter than its header": lambda: b"x" * 119,
    "header length is 112": lambda: message(1, at0=(112).to_bytes(4, "big")),
    "not padded by blanks": lambda: message(1, at4=b"input_stream_data".ljust(32, b"\0")),
    "it is unknown": lambda: message(1, at4=b"output_stream_data".ljust(32)),
    "schema version is 2": lambda: message(1, at36=(2).to_bytes(4, "big")),
    "creation date is 0,": lambda: message(1, at40=bytes(8)),
    "creation date is 1700000000,": lambda: message(1, at40=(1_700_000_000).to_bytes(8, "big")),
    "came, but not yet the message 1": lambda: message(2),
    "message -1 came": lambda: message(-1),
    "has the flags 1": lambda: message(1, flags=1),
    "halves swapped": lambda: message(1, at64=unswapped()),
    "digest": lambda: message(1, at80=bytes(32)),
    "has the payload type 3": lambda: message(1, payload_type=3),
    "payload length is 2 instead of 1": lambda: message(1, at116=(2).to_bytes(4, "big")),
    "is empty": lambda: message(1, b""),
    f"has {LARGEST_PAYLOAD + 1} bytes": lambda: message(1, bytes(LARGEST_PAYLOAD + 1)),
    "came again with another id or content": lambda: message(0),
    "a second HandshakeResponse": lambda: message(1, payload_type=ssm_frames.HANDSHAKE_RESPONSE),
    "flag 00000001": lambda: message(1, b"\0\0\0\1", payload_type=ssm_frames.FLAG),
}


@pytest.mark.parametrize("sentence", BROKEN_FRAMES)
def test_a_broken_frame_is_found(ready: ClientRules, sentence: str) -> None:
    with pytest.raises(Breach, match=sentence):
        ready.received(BROKEN_FRAMES[sentence]())


def test_a_message_comes_again_as_it_was(ready: ClientRules) -> None:
    first = message(1)
    assert [ready.received(first), ready.received(first)] == [True, False]
    assert (ready.resent, ready.bytes_up) == (1, 1)
    with pytest.raises(Breach, match="came again with another id"):
        ready.received(message(1))


def test_messages_in_flight_are_counted(ready: ClientRules) -> None:
    for number in range(1, MOST_IN_FLIGHT + 1):
        ready.received(message(number))
    assert ready.most_in_flight == MOST_IN_FLIGHT
    ready.acknowledged(7)
    ready.received(message(MOST_IN_FLIGHT + 1))
    with pytest.raises(Breach, match="65 messages are on their way"):
        ready.received(message(MOST_IN_FLIGHT + 2))


def test_a_second_websocket_may_have_gaps(ready: ClientRules) -> None:
    """What the first one lost comes again later."""
    ready.opened()
    ready.received(message(5))
    ready.received(message(1))
    with pytest.raises(Breach, match="not yet the message 2"):
        ready.received(message(2 + MOST_IN_FLIGHT))


def test_nothing_comes_before_its_time(opened: ClientRules) -> None:
    fresh = ClientRules()
    with pytest.raises(Breach, match="before the HandshakeRequest"):
        fresh.received(response(RESPONSE))
    with pytest.raises(Breach, match="is no HandshakeResponse"):
        opened.received(message(0))
    opened.received(response(RESPONSE))
    with pytest.raises(Breach, match="before HandshakeComplete"):
        opened.received(message(1))
    opened.delivered(output(1, ssm_frames.HANDSHAKE_COMPLETE))
    opened.received(message(1))
    assert opened.violations == [SSHD_HAS_NOT_SPOKEN]


def changed_response(**changed: object) -> dict[str, Any]:
    """Return a HandshakeResponse with a changed action, or with changed members of its own."""
    made = deepcopy(RESPONSE)
    for name, value in changed.items():
        (made if name in made else made["ProcessedClientActions"][0])[name] = value
    return made


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ([], "not a JSON object"),
        ({"ClientVersion": "1.2.3.4"}, "has the members ClientVersion"),
        (changed_response(ClientVersion="native"), "not four numbers"),
        (changed_response(ProcessedClientActions=[]), r"answers \[\]"),
        (changed_response(ProcessedClientActions=None), "not a list"),
        (changed_response(ActionType="KMSEncryption"), r"answers \['KMSEncryption'\]"),
        (changed_response(ActionStatus=0), "has the status 0"),
        (changed_response(Error=None), "Error of an action"),
        (changed_response(Why="x"), "members ActionResult, ActionStatus, ActionType, Error, Why"),
    ],
)
def test_a_broken_response_is_found(opened: ClientRules, value: object, sentence: str) -> None:
    with pytest.raises(Breach, match=sentence):
        opened.received(response(value))


def acknowledgement(number: object = 2, **changed: object) -> bytes:
    """Return an acknowledgement. changed: members of its JSON."""
    said = {
        "AcknowledgedMessageType": "output_stream_data",
        "AcknowledgedMessageId": str(uuid4()),
        "AcknowledgedMessageSequenceNumber": number,
        "IsSequentialMessage": True,
        **changed,
    }
    return ssm_frames.encode(ssm_frames.ACKNOWLEDGE, json.dumps(said).encode(), flags=3)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (acknowledgement(3), "message 3, which the client has not had"),
        (acknowledgement(None), "message None, which"),
        (acknowledgement(), "has the id of another one"),
        (acknowledgement(AcknowledgedMessageType="input_stream_data"), "is of the message type input_stream_data"),
        (acknowledgement(IsSequentialMessage=False), "not of a sequential message"),
        (acknowledgement(More=1), "IsSequentialMessage, More"),
        (ssm_frames.encode(ssm_frames.ACKNOWLEDGE, b"[]", flags=3), "not a JSON object"),
        (ssm_frames.encode(ssm_frames.ACKNOWLEDGE, b"{}", flags=0), "has the flags 0"),
        (ssm_frames.encode(ssm_frames.ACKNOWLEDGE, b"{}", flags=3, number=1), "has the number 1"),
        (ssm_frames.encode(ssm_frames.ACKNOWLEDGE, b"{}", flags=3, payload_type=1), "has the payload type 1"),
    ],
)
def test_a_broken_acknowledgement_is_found(ready: ClientRules, data: bytes, sentence: str) -> None:
    with pytest.raises(Breach, match=sentence):
        ready.received(data)


def test_an_acknowledgement_with_swapped_halves_is_found(ready: ClientRules) -> None:
    data = output(3, ssm_frames.DATA)
    ready.delivered(data)
    frame = ssm_frames.decode(data)
    ready.received(ssm_frames.acknowledge(frame))
    with pytest.raises(Breach, match="message 3 has the id of another one"):
        ready.received(acknowledgement(3, AcknowledgedMessageId=str(UUID(bytes=frame.message_id))))


def opening(**changed: object) -> str:
    """Return an opening. changed: members of it."""
    mine = {"MessageSchemaVersion": "1.0", "RequestId": str(uuid4()), "TokenValue": "t", "ClientId": str(uuid4())}
    return json.dumps(mine | changed)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (opening().encode(), "is not text"),
        ("hello", "not a JSON object"),
        ("{}", "The opening has the members"),
        (opening(MessageSchemaVersion="1"), "MessageSchemaVersion of the opening is not 1.0"),
        (opening(RequestId="1"), "RequestId of the opening is not a UUID"),
        (opening(ClientId=uuid4().hex), "ClientId of the opening is not a UUID"),
        (opening(ClientVersion=1), "ClientVersion of the opening is not four numbers"),
        (opening(ClientVersion="1.2"), "ClientVersion of the opening is not four numbers"),
        (opening(TokenValue=None), "TokenValue of the opening is not text"),
        (opening(Region="x"), "Region"),
    ],
)
def test_a_broken_opening_is_found(data: str | bytes, sentence: str) -> None:
    with pytest.raises(Breach, match=sentence):
        ClientRules().opening(data)


def test_openings_of_a_session() -> None:
    """All have the same ClientId, and each its own RequestId."""
    rules = ClientRules()
    mine = {"ClientId": str(uuid4()), "RequestId": str(uuid4())}
    assert rules.opening(opening(**mine, ClientVersion="1.2.764.0")) == "t"
    assert rules.client_id == mine["ClientId"]
    with pytest.raises(Breach, match="RequestId of the opening is that of an earlier one"):
        rules.opening(opening(**mine))
    with pytest.raises(Breach, match="ClientId of the opening is not that of"):
        rules.opening(opening())
