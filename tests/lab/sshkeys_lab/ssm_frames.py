# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The frames of Session Manager's websocket, as bytes: https://github.com/aws/session-manager-plugin has the layout.

All integers are big-endian. A message id is a UUID whose halves are swapped on the wire.
"""

from __future__ import annotations

import json
import os
import struct
import time
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

_HEAD = struct.Struct(">I32sIQqQ16s32sII")
# channel_closed has no payload type.
_HEAD_OF_CLOSED = struct.Struct(">I32sIQqQ16s32sI")
HEADER_LENGTH = 116
_HEADER_LENGTH_OF_CLOSED = 112
SMALLEST = _HEAD.size

# Message types as the plugin and the agent write them: padded by blanks.
INPUT = b"input_stream_data".ljust(32)
OUTPUT = b"output_stream_data".ljust(32)
ACKNOWLEDGE = b"acknowledge".ljust(32)

SYN = 1
SYN_FIN = 3

DATA = 1
HANDSHAKE_REQUEST = 5
HANDSHAKE_RESPONSE = 6
HANDSHAKE_COMPLETE = 7
FLAG = 10
TERMINATE_SESSION = (2).to_bytes(4, "big")


class Frame(NamedTuple):
    """A frame with all its fields, none of them checked. message_type and message_id are as on the wire."""

    header_length: int
    message_type: bytes
    schema_version: int
    created: int
    number: int
    flags: int
    message_id: bytes
    digest: bytes
    payload_type: int
    payload_length: int
    payload: bytes


def decode(data: bytes) -> Frame:
    """Take a frame apart; raise ValueError, with a sentence, if it is too short for a header."""
    if len(data) < SMALLEST:
        msg = f"A frame of {len(data)} bytes is shorter than its header."
        raise ValueError(msg)
    return Frame._make((*_HEAD.unpack_from(data), data[SMALLEST:]))


def fresh_id() -> bytes:
    """Make a UUID of version 4, as on the wire."""
    made = bytearray(os.urandom(16))
    # Bytes 6 and 8 of the UUID hold its version and its variant.
    made[14] = made[14] & 0x0F | 0x40
    made[0] = made[0] & 0x3F | 0x80
    return bytes(made)


def is_version_4(message_id: bytes) -> bool:
    """Say whether an id on the wire is a UUID of version 4, which one with its halves in the wrong order rarely is."""
    return message_id[14] >> 4 == 4 and message_id[0] >> 6 == 2


def id_text(message_id: bytes) -> str:
    """Return the text form of an id on the wire."""
    digits = (message_id[8:] + message_id[:8]).hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def encode(message_type: bytes, payload: bytes, *, payload_type: int = 0, number: int = 0, flags: int = 0) -> bytes:
    """Make a frame as the plugin and the agent do."""
    head = _HEAD.pack(
        HEADER_LENGTH,
        message_type,
        1,
        int(time.time() * 1000),
        number,
        flags,
        fresh_id(),
        sha256(payload).digest(),
        payload_type,
        len(payload),
    )
    return head + payload


def acknowledgement_payload(message_type: bytes, message_id: bytes, number: int) -> bytes:
    """Return the JSON of an acknowledgement, byte for byte as Go writes it."""
    return (
        f'{{"AcknowledgedMessageType":"{message_type.rstrip().decode()}","AcknowledgedMessageId":"{id_text(message_id)}",'
        f'"AcknowledgedMessageSequenceNumber":{number},"IsSequentialMessage":true}}'
    ).encode()


def acknowledge(frame: Frame) -> bytes:
    """Make the acknowledgement of a frame."""
    payload = acknowledgement_payload(frame.message_type, frame.message_id, frame.number)
    return encode(ACKNOWLEDGE, payload, flags=SYN_FIN)


def channel_closed(session_id: str, destination: str, output: str) -> bytes:
    """Make the frame with which the service ends a session. output: why, empty for a normal end."""
    message_id = fresh_id()
    now = datetime.now(tz=UTC)
    payload = json.dumps(
        {
            "MessageId": id_text(message_id),
            "CreatedDate": now.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
            "DestinationId": destination,
            "SessionId": session_id,
            "MessageType": "channel_closed",
            "SchemaVersion": 1,
            "Output": output,
        },
        separators=(",", ":"),
    ).encode()
    head = _HEAD_OF_CLOSED.pack(
        _HEADER_LENGTH_OF_CLOSED,
        b"channel_closed",
        1,
        int(now.timestamp() * 1000),
        0,
        SYN_FIN,
        message_id,
        sha256(payload).digest(),
        len(payload),
    )
    return head + payload


def publication(message_type: str) -> bytes:
    """Make `start_publication` or `pause_publication`, with zeros where the service leaves them."""
    return _HEAD.pack(HEADER_LENGTH, message_type.encode(), 1, 0, 0, SYN_FIN, fresh_id(), bytes(32), 0, 0)
