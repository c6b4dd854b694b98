# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bare client of Session Manager, which can also break each rule."""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from uuid import uuid4

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from websockets.asyncio.client import connect

from sshkeys_lab import ssm_frames

if TYPE_CHECKING:
    from ansible_collections.sshkeys.aws.tests.lab_bench import Bench
    from websockets.asyncio.client import ClientConnection

    from sshkeys_lab.ssm_frames import Frame

PATIENCE = 10
RESPONSE = {
    "ClientVersion": "1.2.764.0",
    "ProcessedClientActions": [{"ActionType": "SessionType", "ActionStatus": 1, "ActionResult": None, "Error": ""}],
    "Errors": None,
}


def start(bench: Bench, target: str | None = None, **changed: Any) -> dict[str, Any]:
    """Start a session with an instance, by default the first one."""
    wanted = {
        "Target": target or bench.instances[0]["instance_id"],
        "DocumentName": "AWS-StartSSHSession",
        "Parameters": {"portNumber": ["22"]},
        **changed,
    }
    started: dict[str, Any] = bench.client("ssm").start_session(**wanted)
    return started


def signed(bench: Bench, url: str, *, role: dict[str, str] | None = None, **changed: str) -> dict[str, str]:
    """Return the headers that sign the opening of a websocket. role: credentials of AssumeRole."""
    address, _mark, query = url.replace("wss:", "https:").partition("?")
    request = AWSRequest("GET", address, params=dict(parse_qsl(query, keep_blank_values=True)))
    keys = (bench.lab["access_key"], changed.get("secret_key", bench.lab["secret_key"]), None)
    if role:
        keys = (role["AccessKeyId"], role["SecretAccessKey"], role["SessionToken"])
    region = changed.get("region", bench.lab["region"])
    SigV4Auth(Credentials(*keys), changed.get("service", "ssmmessages"), region).add_auth(request)
    return {name: value for name, value in request.headers.items() if name != "Content-Length"}


class Client:
    """One client in one session. `websocket` is set by `open`."""

    def __init__(self, bench: Bench, started: dict[str, Any]) -> None:
        """Use the answer of StartSession."""
        self._bench = bench
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
            additional_headers=headers if headers is not None else signed(self._bench, address),
            ssl=ssl.create_default_context(cafile=self._bench.lab["ca_bundle"]),
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
        self.started |= self._bench.client("ssm").resume_session(SessionId=self.started["SessionId"])
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
        async for data in self.websocket:
            if isinstance(data, bytes) and data[4:18] == b"channel_closed":
                output = json.loads(data[116:])["Output"]
        return output
