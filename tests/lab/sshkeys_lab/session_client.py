# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bare client of Session Manager for the lab's own tests. It can break each rule, and has no part in the lab."""

from __future__ import annotations

import asyncio
import json
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from uuid import uuid4

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from . import ssm_frames

if TYPE_CHECKING:
    from collections.abc import Mapping

    from websockets.asyncio.client import ClientConnection

    from .ssm_frames import Frame

PATIENCE = 10
RESPONSE = {
    "ClientVersion": "1.2.764.0",
    "ProcessedClientActions": [{"ActionType": "SessionType", "ActionStatus": 1, "ActionResult": None, "Error": ""}],
    "Errors": None,
}


def signed(lab: Mapping[str, Any], url: str, keys: Credentials | None = None, **changed: str) -> dict[str, str]:
    """Return the headers that sign the opening of a websocket, by default with the lab's own keys.

    changed: the `region` or the `service` of the signature.
    """
    address, _mark, query = url.replace("wss:", "https:").partition("?")
    request = AWSRequest("GET", address, params=dict(parse_qsl(query, keep_blank_values=True)))
    own = Credentials(lab["access_key"], lab["secret_key"])
    scope = {"service": "ssmmessages", "region": lab["region"], **changed}
    SigV4Auth(keys or own, scope["service"], scope["region"]).add_auth(request)
    return dict(request.headers.items())


class Client:
    """One client in one session. `websocket` is set by `open`."""

    def __init__(self, lab: Mapping[str, Any], ssm: Any, started: dict[str, Any]) -> None:
        """Use a client of the API, and the answer of StartSession. lab: as lab.json describes it."""
        self._lab = lab
        self._ssm = ssm
        self.started = started
        self.client_id = str(uuid4())
        self.number = 0
        self.websocket: ClientConnection
        self._seen: set[int] = set()

    async def connect(self, headers: dict[str, str] | None = None, url: str | None = None) -> None:
        """Open a websocket, without its first message."""
        address = url or self.started["StreamUrl"]
        self.websocket = await connect(
            address,
            additional_headers=headers if headers is not None else signed(self._lab, address),
            ssl=ssl.create_default_context(cafile=self._lab["ca_bundle"]),
            compression=None,
            ping_interval=None,
            close_timeout=1,
        )

    def opening(self, **changed: object) -> dict[str, object]:
        """Return the first message of a websocket."""
        return {
            "MessageSchemaVersion": "1.0",
            "RequestId": str(uuid4()),
            "TokenValue": self.started["TokenValue"],
            "ClientId": self.client_id,
            **changed,
        }

    async def open(self, **changed: object) -> None:
        """Open a websocket, and send its first message."""
        await self.connect()
        await self.websocket.send(json.dumps(self.opening(**changed)))

    async def resume(self) -> None:
        """Resume the session with a new token."""
        self.started |= self._ssm.resume_session(SessionId=self.started["SessionId"])
        await self.open()

    async def receive(self) -> bytes:
        """Return the next frame as it is."""
        return await asyncio.wait_for(self.websocket.recv(decode=False), PATIENCE)

    async def next(self, *, acknowledge: bool = True) -> Frame:
        """Return the next message of the agent that is new, and acknowledge it and those that are not."""
        while True:
            frame = ssm_frames.decode(await self.receive())
            if frame.message_type != ssm_frames.OUTPUT:
                continue
            if acknowledge:
                # The session may have ended while its last messages wait here.
                with suppress(ConnectionClosed):
                    await self.websocket.send(ssm_frames.acknowledge(frame))
            if frame.number not in self._seen:
                self._seen.add(frame.number)
                return frame

    def message(self, payload: bytes, payload_type: int = ssm_frames.DATA, number: int | None = None) -> bytes:
        """Return a message with the next number, or another one."""
        if number is None:
            number, self.number = self.number, self.number + 1
        return ssm_frames.encode(ssm_frames.INPUT, payload, payload_type=payload_type, number=number)

    async def send(self, payload: bytes, payload_type: int = ssm_frames.DATA) -> bytes:
        """Send a message, and return it."""
        message = self.message(payload, payload_type)
        await self.websocket.send(message)
        return message

    async def shake_hands(self) -> None:
        """Open a websocket and do the handshake."""
        await self.open()
        request = await self.next()
        assert request.payload_type == ssm_frames.HANDSHAKE_REQUEST
        await self.send(json.dumps(RESPONSE).encode(), ssm_frames.HANDSHAKE_RESPONSE)
        complete = await self.next()
        assert complete.payload_type == ssm_frames.HANDSHAKE_COMPLETE

    async def begin(self) -> bytes:
        """Do the handshake, and return the banner of sshd."""
        await self.shake_hands()
        return (await self.next()).payload

    async def acknowledged(self) -> int:
        """Return the number of the next message that the agent acknowledges."""
        while True:
            frame = ssm_frames.decode(await self.receive())
            if frame.message_type == ssm_frames.ACKNOWLEDGE:
                return int(json.loads(frame.payload)["AcknowledgedMessageSequenceNumber"])
            if frame.message_type == ssm_frames.OUTPUT:
                await self.websocket.send(ssm_frames.acknowledge(frame))

    async def closed(self) -> str | None:
        """Read to the end; return the Output of channel_closed, or None without one."""
        output = None
        with suppress(ConnectionClosed):
            async for data in self.websocket:
                if isinstance(data, bytes) and data[4:18] == b"channel_closed":
                    output = json.loads(data[116:])["Output"]
        return output
