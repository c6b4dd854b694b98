# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The messages on the websocket of a Session Manager session: bytes to frames and back. Pure.

The first message of the client is text: the opening. All others, in both directions, are binary: a header, and a
payload behind it. Integers are big-endian.

====== ===== ================================================================
offset bytes field
====== ===== ================================================================
0      4     length of the header: 116, which is all before the payload length
4      32    message type, padded with blanks or zero bytes
36     4     schema version: 1
40     8     time of creation, in milliseconds since the epoch
48     8     sequence number, signed
56     8     flags: bit 0 SYN, bit 1 FIN
64     16    message id: a UUID whose halves are swapped
80     32    digest: SHA-256 of the payload
112    4     payload type
116    4     payload length
120    n     payload
====== ===== ================================================================

The service makes some messages itself, and those are looser: channel_closed has a header of 112 bytes without a payload
type, and start_publication and pause_publication may have an empty digest.

Sources: amazon-ssm-agent (agent/session/contracts) and session-manager-plugin (src/message).
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

_Value = TypeVar("_Value")

INPUT = "input_stream_data"
OUTPUT = "output_stream_data"
ACKNOWLEDGE = "acknowledge"
CHANNEL_CLOSED = "channel_closed"
# Messages of these types come from the client or the agent, and keep to all rules.
_STRICT = frozenset({INPUT, OUTPUT, ACKNOWLEDGE})

SYN = 1
FIN = 2

# Newer than the first that the agent treats as current, and the oldest that AWS supports (release notes of the plugin).
_CLIENT_VERSION = "1.2.764.0"


class PayloadType(IntEnum):
    """The payload types that an ssh session uses. Acknowledgements have NONE."""

    NONE = 0
    DATA = 1
    HANDSHAKE_REQUEST = 5
    HANDSHAKE_RESPONSE = 6
    HANDSHAKE_COMPLETE = 7
    FLAG = 10


class Flag(IntEnum):
    """The payload of a message of the type FLAG, as 4 bytes."""

    TERMINATE_SESSION = 2
    CONNECT_TO_PORT_ERROR = 3


class ActionStatus(IntEnum):
    """The result of an action that the agent asks for in the handshake."""

    SUCCESS = 1
    FAILED = 2
    UNSUPPORTED = 3


class FrameError(ValueError):
    """A message is not what the protocol allows. ``str()`` is the end of a sentence."""


class Frame(NamedTuple):
    """A binary message.

    created: milliseconds since the epoch. payload_type: a PayloadType, or a number that ssh sessions do not use.
    """

    message_type: str
    sequence_number: int
    flags: int
    message_id: UUID
    created: int
    payload_type: int
    payload: bytes


_HEADER = struct.Struct(">I32sIQqQ8s8s32s")
_PAYLOAD_TYPE = struct.Struct(">I")
_LENGTH = struct.Struct(">I")
_WITH_PAYLOAD_TYPE = _HEADER.size + _PAYLOAD_TYPE.size
_SCHEMA_VERSION = 1


def encode(frame: Frame) -> bytes:
    """Return a frame as bytes."""
    identity = frame.message_id.bytes
    header = _HEADER.pack(
        _WITH_PAYLOAD_TYPE,
        frame.message_type.encode("ascii").ljust(32),
        _SCHEMA_VERSION,
        frame.created,
        frame.sequence_number,
        frame.flags,
        identity[8:],
        identity[:8],
        hashlib.sha256(frame.payload).digest(),
    )
    return b"".join((header, _PAYLOAD_TYPE.pack(frame.payload_type), _LENGTH.pack(len(frame.payload)), frame.payload))


def decode(data: bytes) -> Frame:
    """Return the frame in these bytes. Raises FrameError."""
    if len(data) < _HEADER.size + _LENGTH.size:
        raise FrameError(f"is too short: {len(data)} bytes")
    header_length, padded, version, created, number, flags, low, high, digest = _HEADER.unpack_from(data)
    try:
        message_type = padded.decode("ascii").rstrip("\0").strip(" ")
    except UnicodeDecodeError:
        raise FrameError(f"has the message type {padded!r}") from None
    if header_length == _WITH_PAYLOAD_TYPE and len(data) >= _WITH_PAYLOAD_TYPE + _LENGTH.size:
        (payload_type,) = _PAYLOAD_TYPE.unpack_from(data, _HEADER.size)
    elif header_length == _HEADER.size and message_type not in _STRICT:
        payload_type = PayloadType.NONE
    else:
        raise FrameError(f"has {len(data)} bytes and a header of {header_length} bytes")
    (length,) = _LENGTH.unpack_from(data, header_length)
    payload = data[header_length + _LENGTH.size :]
    if length != len(payload):
        raise FrameError(f"has a payload of {len(payload)} bytes and says that it has {length}")
    frame = Frame(message_type, number, flags, UUID(bytes=high + low), created, payload_type, payload)
    if message_type in _STRICT:
        _check(frame, version, digest)
    return frame


def _check(frame: Frame, version: int, digest: bytes) -> None:
    """Raise FrameError if a frame of the client or the agent breaks a rule."""
    if version != _SCHEMA_VERSION:
        raise FrameError(f"has the schema version {version}")
    if not frame.created:
        raise FrameError("has no time of creation")
    if frame.sequence_number < 0:
        raise FrameError(f"has the sequence number {frame.sequence_number}")
    if frame.payload and hashlib.sha256(frame.payload).digest() != digest:
        raise FrameError("has a digest that is not that of its payload")


# -- Payloads ----------------------------------------------------------------------------------------------------------


class Acknowledged(NamedTuple):
    """What an acknowledgement acknowledges."""

    message_type: str
    message_id: UUID
    sequence_number: int


def acknowledgement(of: Frame, message_id: UUID, created: int) -> Frame:
    """Return the acknowledgement of a frame. message_id, created: its own."""
    payload = _json(
        {
            "AcknowledgedMessageType": of.message_type,
            "AcknowledgedMessageId": str(of.message_id),
            "AcknowledgedMessageSequenceNumber": of.sequence_number,
            "IsSequentialMessage": True,
        }
    )
    return Frame(ACKNOWLEDGE, 0, SYN | FIN, message_id, created, PayloadType.NONE, payload)


def read_acknowledgement(payload: bytes) -> Acknowledged:
    """Return what the payload of an acknowledgement acknowledges. Raises FrameError."""
    told = _read_json(payload)
    try:
        return Acknowledged(
            _of_type(str, told["AcknowledgedMessageType"]),
            UUID(_of_type(str, told["AcknowledgedMessageId"])),
            _of_type(int, told["AcknowledgedMessageSequenceNumber"]),
        )
    except (KeyError, TypeError, ValueError):
        raise FrameError("is an acknowledgement of nothing") from None


class Action(NamedTuple):
    """An action that the agent asks for. session_type: of an action of the type SessionType, else empty."""

    action_type: str
    session_type: str


class Result(NamedTuple):
    """The result of an action. error: a sentence, empty for a success."""

    action_type: str
    status: ActionStatus
    error: str = ""


def read_handshake_request(payload: bytes) -> list[Action]:
    """Return the actions in the payload of a HandshakeRequest. Raises FrameError."""
    try:
        return [
            Action(
                _of_type(str, each["ActionType"]),
                _of_type(str, (each.get("ActionParameters") or {}).get("SessionType", "")),
            )
            for each in _read_json(payload)["RequestedClientActions"]
        ]
    except (AttributeError, KeyError, TypeError):
        raise FrameError("is a handshake that asks for nothing") from None


def handshake_response(results: Sequence[Result]) -> bytes:
    """Return the payload of a HandshakeResponse."""
    actions = [
        {
            "ActionType": each.action_type,
            "ActionStatus": each.status.value,
            "ActionResult": None,
            "Error": each.error,
        }
        for each in results
    ]
    errors = [each.error for each in results if each.error] or None
    return _json({"ClientVersion": _CLIENT_VERSION, "ProcessedClientActions": actions, "Errors": errors})


def flag(value: Flag) -> bytes:
    """Return the payload of a message of the type FLAG."""
    return value.to_bytes(4, "big")


def read_channel_closed(payload: bytes) -> str:
    """Return the reason in the payload of a channel_closed, empty for a normal end. Raises FrameError."""
    try:
        return _of_type(str, _read_json(payload).get("Output") or "")
    except TypeError:
        raise FrameError("ends the session with a reason that is no text") from None


def opening(token: str, client_id: UUID, request_id: UUID) -> str:
    """Return the first message on a websocket, which is text.

    token: of StartSession or ResumeSession, a secret. client_id: the same for all websockets of a session.
    """
    return _json(
        {
            "MessageSchemaVersion": "1.0",
            "RequestId": str(request_id),
            "TokenValue": token,
            "ClientId": str(client_id),
            "ClientVersion": _CLIENT_VERSION,
        }
    ).decode()


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _of_type(wanted: type[_Value], value: object) -> _Value:
    """Return a value if it is of this type. Raises TypeError."""
    if not isinstance(value, wanted):
        raise TypeError(type(value))
    return value


def _read_json(payload: bytes) -> dict[str, Any]:
    try:
        value = json.loads(payload)
    except (RecursionError, ValueError):
        raise FrameError("has a payload that is not JSON") from None
    if not isinstance(value, dict):
        raise FrameError("has a payload that is not a JSON object")
    return value
