# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of Session Manager's websocket for a client, each of which it may break. Pure: no socket and no clock.

A breach ends the session, except for the two that the service or the agent puts up with: see `ClientRules.note`.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Any
from uuid import UUID

from . import ssm_frames
from .ssm_frames import Frame

# What the agent asks for. A client answers each action.
REQUESTED_ACTION = "SessionType"
# How many messages may be on their way: what the client has sent and the agent has not acknowledged.
MOST_IN_FLIGHT = 64
# The largest that the real service is known to take.
LARGEST_PAYLOAD = 32 * 1024
_STATUSES = (1, 2, 3)
# Milliseconds from 2001 to 2286. Seconds and microseconds are outside.
_CREATED = range(10**12, 10**13)
_OPENING = {"MessageSchemaVersion", "RequestId", "TokenValue", "ClientId"}
_ACKNOWLEDGEMENT = {
    "AcknowledgedMessageType",
    "AcknowledgedMessageId",
    "AcknowledgedMessageSequenceNumber",
    "IsSequentialMessage",
}
_ACTION = {"ActionType", "ActionStatus", "ActionResult", "Error"}
_CLIENT_VERSION = re.compile(r"\d+\.\d+\.\d+\.\d+")


class Breach(Exception):  # noqa: N818 - it is not an error of the lab
    """The client has broken a rule. The text is a sentence."""


def _require(holds: object, sentence: str) -> None:
    if not holds:
        raise Breach(sentence)


def _object(payload: bytes | str, what: str) -> dict[str, Any]:
    try:
        value = json.loads(payload)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        msg = f"{what} is not a JSON object."
        raise Breach(msg)
    return value


def _is_uuid(value: object) -> bool:
    try:
        return isinstance(value, str) and str(UUID(value)) == value
    except ValueError:
        return False


def _is_version(value: object) -> bool:
    return isinstance(value, str) and _CLIENT_VERSION.fullmatch(value) is not None


class ClientRules:
    """What one client has sent and received in a session.

    violations: a sentence for each breach; bytes_up, bytes_down: the data, each message counted once;
    resent: messages that the client has sent again; most_in_flight: the most that were on their way at a time.
    """

    def __init__(self) -> None:
        """Start before the first websocket."""
        self.violations: list[str] = []
        self.bytes_up = 0
        self.bytes_down = 0
        self.resent = 0
        self.most_in_flight = 0
        self._client_id: str | None = None
        self._request_ids: set[str] = set()
        self._openings = 0
        # What makes a message the same when it comes again, by its number.
        self._sent: dict[int, tuple[bytes, bytes, int]] = {}
        self._next = 0
        self._in_flight: set[int] = set()
        self._delivered: dict[int, bytes] = {}
        self._may_send = False
        self._sshd_has_spoken = False

    def note(self, sentence: str) -> None:
        """Record a breach, once."""
        if sentence not in self.violations:
            self.violations.append(sentence)

    # -- What the service and the agent do -----------------------------------------------------------------------------

    def delivered(self, data: bytes) -> bool:
        """Take note of a frame for the client; return whether it is a message that it has not had before."""
        if data[4:36] != ssm_frames.OUTPUT:
            return False
        number = int.from_bytes(data[48:56], "big")
        if number in self._delivered:
            return False
        self._delivered[number] = data[64:80]
        payload_type = int.from_bytes(data[112:116], "big")
        if payload_type == ssm_frames.HANDSHAKE_COMPLETE:
            self._may_send = True
        elif payload_type == ssm_frames.DATA:
            self._sshd_has_spoken = True
            self.bytes_down += len(data) - ssm_frames.SMALLEST
        return True

    def acknowledged(self, number: int) -> None:
        """Take note that the agent has acknowledged a message."""
        self._in_flight.discard(number)

    # -- What the client does ------------------------------------------------------------------------------------------

    def opening(self, message: str | bytes) -> str:
        """Check the first message of a websocket; return its token."""
        _require(isinstance(message, str), "The first message of a websocket is not text.")
        opening = _object(message, "The opening of a websocket")
        members = set(opening) - {"ClientVersion"}
        _require(members == _OPENING, f"The opening has the members {', '.join(sorted(opening))}.")
        _require(opening["MessageSchemaVersion"] == "1.0", "MessageSchemaVersion of the opening is not 1.0.")
        for name in ("RequestId", "ClientId"):
            _require(_is_uuid(opening[name]), f"{name} of the opening is not a UUID with hyphens.")
        version = opening.get("ClientVersion", "1.2.0.0")
        _require(_is_version(version), "ClientVersion of the opening is not four numbers.")
        _require(isinstance(opening["TokenValue"], str), "TokenValue of the opening is not text.")
        _require(opening["RequestId"] not in self._request_ids, "RequestId of the opening is that of an earlier one.")
        is_same = self._client_id in (None, opening["ClientId"])
        _require(is_same, "ClientId of the opening is not that of the session's first websocket.")
        self._client_id = opening["ClientId"]
        self._request_ids.add(opening["RequestId"])
        return str(opening["TokenValue"])

    @property
    def client_id(self) -> str:
        """The id of the client, empty before its first opening."""
        return self._client_id or ""

    def opened(self) -> None:
        """Take note that the service has accepted an opening."""
        self._openings += 1

    def received(self, data: bytes) -> bool:
        """Check a frame of the client; return whether it is new input. Raise Breach if a rule is broken."""
        try:
            frame = ssm_frames.decode(data)
        except ValueError as error:
            raise Breach(str(error)) from error
        self._check_fields(frame)
        if frame.message_type == ssm_frames.ACKNOWLEDGE:
            self._check_acknowledgement(frame)
            return False
        return self._check_input(frame)

    @staticmethod
    def _check_fields(frame: Frame) -> None:
        """Check what holds for all frames. The common case is one comparison."""
        kind = frame.message_type
        if (
            frame.header_length == ssm_frames.HEADER_LENGTH
            and (kind in (ssm_frames.INPUT, ssm_frames.ACKNOWLEDGE))
            and frame.schema_version == 1
            and frame.created in _CREATED
            and frame.payload_length == len(frame.payload)
            and frame.digest == sha256(frame.payload).digest()
            and ssm_frames.is_version_4(frame.message_id)
        ):
            return
        _require(frame.header_length == ssm_frames.HEADER_LENGTH, f"The header length is {frame.header_length}.")
        known = (ssm_frames.INPUT, ssm_frames.ACKNOWLEDGE)
        _require(kind in known, f"The message type is {kind!r}: it is unknown, or not padded by blanks.")
        _require(frame.schema_version == 1, f"The schema version is {frame.schema_version}.")
        _require(frame.created in _CREATED, f"The creation date is {frame.created}, not milliseconds since 1970.")
        length = len(frame.payload)
        _require(frame.payload_length == length, f"The payload length is {frame.payload_length} instead of {length}.")
        _require(frame.digest == sha256(frame.payload).digest(), "The digest is not that of the payload.")
        raise Breach("The message id is not a UUID of version 4 with its halves swapped.")

    def _check_acknowledgement(self, frame: Frame) -> None:
        _require(frame.number == 0, f"An acknowledgement has the number {frame.number}.")
        _require(frame.flags == ssm_frames.SYN_FIN, f"An acknowledgement has the flags {frame.flags}.")
        _require(frame.payload_type == 0, f"An acknowledgement has the payload type {frame.payload_type}.")
        said = _object(frame.payload, "An acknowledgement")
        _require(set(said) == _ACKNOWLEDGEMENT, f"An acknowledgement has the members {', '.join(sorted(said))}.")
        of = said["AcknowledgedMessageType"]
        _require(of == "output_stream_data", f"An acknowledgement is of the message type {of}.")
        _require(said["IsSequentialMessage"] is True, "An acknowledgement is not of a sequential message.")
        number = said["AcknowledgedMessageSequenceNumber"]
        is_number = isinstance(number, int) and not isinstance(number, bool)
        message_id = self._delivered.get(number) if is_number else None
        if message_id is None:
            msg = f"An acknowledgement is of the message {number}, which the client has not had."
            raise Breach(msg)
        is_right = said["AcknowledgedMessageId"] == ssm_frames.id_text(message_id)
        _require(is_right, f"The acknowledgement of message {number} has the id of another one.")

    def _check_input(self, frame: Frame) -> bool:
        _require(frame.flags == 0, f"The message {frame.number} has the flags {frame.flags}.")
        _require(len(frame.payload) <= LARGEST_PAYLOAD, f"The message {frame.number} has {len(frame.payload)} bytes.")
        same = (frame.message_id, frame.digest, frame.payload_type)
        known = self._sent.get(frame.number)
        if known is not None:
            _require(known == same, f"The message {frame.number} came again with another id or content.")
            self.resent += 1
            return False
        self._check_number(frame.number)
        self._check_payload(frame)
        self._sent[frame.number] = same
        while self._next in self._sent:
            self._next += 1
        self._in_flight.add(frame.number)
        count = len(self._in_flight)
        self.most_in_flight = max(self.most_in_flight, count)
        _require(count <= MOST_IN_FLIGHT, f"{count} messages are on their way; {MOST_IN_FLIGHT} may be.")
        if frame.payload_type == ssm_frames.DATA:
            self.bytes_up += len(frame.payload)
        return True

    def _check_number(self, number: int) -> None:
        # A websocket keeps the order, so the first one cannot have gaps. What the client sent to one that broke may be
        # lost, and comes again, before or after new messages.
        farthest = self._next if self._openings <= 1 else self._next + MOST_IN_FLIGHT - 1
        _require(0 <= number <= farthest, f"The message {number} came, but not yet the message {self._next}.")

    def _check_payload(self, frame: Frame) -> None:
        number, kind = frame.number, frame.payload_type
        if number == 0:
            _require(0 in self._delivered, "The client sent a message before the HandshakeRequest.")
            _require(
                kind == ssm_frames.HANDSHAKE_RESPONSE,
                f"The first message has the payload type {kind}, and is no HandshakeResponse.",
            )
            self._check_response(frame.payload)
            return
        _require(kind != ssm_frames.HANDSHAKE_RESPONSE, "The client sent a second HandshakeResponse.")
        _require(kind in (ssm_frames.DATA, ssm_frames.FLAG), f"The message {number} has the payload type {kind}.")
        _require(self._may_send, f"The message {number} came before HandshakeComplete; the agent throws it away.")
        if kind == ssm_frames.FLAG:
            _require(
                frame.payload == ssm_frames.TERMINATE_SESSION,
                f"The flag {frame.payload.hex()} is not that of the end of a session.",
            )
            return
        _require(frame.payload, f"The message {number} is empty.")
        if not self._sshd_has_spoken:
            self.note("The client sent data before sshd has spoken; the agent may refuse it.")

    @staticmethod
    def _check_response(payload: bytes) -> None:
        response = _object(payload, "The HandshakeResponse")
        members = {"ClientVersion", "ProcessedClientActions", "Errors"}
        _require(set(response) == members, f"The HandshakeResponse has the members {', '.join(sorted(response))}.")
        _require(_is_version(response["ClientVersion"]), "ClientVersion of the HandshakeResponse is not four numbers.")
        actions = response["ProcessedClientActions"]
        is_list = isinstance(actions, list) and all(isinstance(each, dict) for each in actions)
        _require(is_list, "ProcessedClientActions is not a list of objects.")
        for action in actions:
            _require(set(action) == _ACTION, f"A processed action has the members {', '.join(sorted(action))}.")
            _require(action["ActionStatus"] in _STATUSES, f"An action has the status {action['ActionStatus']}.")
            _require(isinstance(action["Error"], str), "Error of an action is not text.")
        answered = [action["ActionType"] for action in actions]
        is_answered = answered == [REQUESTED_ACTION]
        _require(is_answered, f"The HandshakeResponse answers {answered}, and was asked {[REQUESTED_ACTION]}.")
