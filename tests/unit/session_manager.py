# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A session of Session Manager on loopback: the websocket of the service, and the agent behind it.

The frames are made and read by the collection's own code, whose tests compare it with frames of AWS's programs.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager import frames
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager.frames import Flag, PayloadType
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager.tunnel import SERVER, Service
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.tasks import stop
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.websocket import open_websocket
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

Script = Callable[[ServerConnection], Awaitable[None]]

BANNER = b"SSH-2.0-OpenSSH_9.6\r\n"
PORT_SESSION = {"ActionType": "SessionType", "ActionParameters": {"SessionType": "Port", "Properties": {}}}
_PATIENCE_SECONDS = 10


def _frame(message_type: str, number: int, payload_type: int, payload: bytes) -> bytes:
    created = int(time.time() * 1000)
    return frames.encode(frames.Frame(message_type, number, 0, uuid4(), created, payload_type, payload))


class Agent:
    """The agent on the instance, and sshd behind it. It outlives the websockets of its session.

    received: the bytes of ssh. flags: what the client told by flags. acknowledges: whether it acknowledges what comes.
    unacknowledged: what the client has not acknowledged, by its number. responses: to the handshake.
    """

    def __init__(self) -> None:
        """Begin without a websocket."""
        self.connection: ServerConnection | None = None
        self.received = bytearray()
        self.flags: list[bytes] = []
        self.responses: list[dict[str, object]] = []
        self.unacknowledged: dict[int, bytes] = {}
        self.acknowledges = True
        self.closes_at_flag = True
        self._expected = 0
        self._early: dict[int, frames.Frame] = {}
        self._number = 0
        self._responded = asyncio.Event()

    @property
    def has_begun(self) -> bool:
        """Whether it has sent anything."""
        return self._number > 0

    async def send(self, payload_type: int, payload: bytes) -> None:
        """Send a message, now or over the next websocket."""
        number = self._number
        self._number += 1
        message = self.unacknowledged[number] = _frame(frames.OUTPUT, number, payload_type, payload)
        await self._send(message)

    async def request_handshake(self, *actions: object) -> None:
        """Ask for the handshake, and wait for the answer."""
        request = json.dumps({"AgentVersion": "3.3.0.0", "RequestedClientActions": actions or (PORT_SESSION,)})
        await self.send(PayloadType.HANDSHAKE_REQUEST, request.encode())
        await self._responded.wait()

    async def complete_handshake(self) -> None:
        """Go through the handshake."""
        await self.request_handshake()
        await self.send(PayloadType.HANDSHAKE_COMPLETE, b'{"HandshakeTimeToComplete":1,"CustomerMessage":""}')

    async def say(self, data: bytes, size: int = 1024) -> None:
        """Send bytes of sshd, in messages of a size."""
        for begin in range(0, len(data), size):
            await self.send(PayloadType.DATA, data[begin : begin + size])

    async def send_again(self) -> None:
        """Send all that is not acknowledged, over another websocket."""
        for message in list(self.unacknowledged.values()):
            await self._send(message)

    async def close_channel(self, reason: str = "") -> None:
        """End the session, as the service tells it."""
        told = json.dumps({"MessageType": "channel_closed", "SchemaVersion": 1, "Output": reason})
        await self._send(_frame(frames.CHANNEL_CLOSED, 0, PayloadType.NONE, told.encode()))

    async def receive(self, connection: ServerConnection) -> None:
        """Process the messages of a websocket."""
        with suppress(ConnectionClosed):
            async for message in connection:
                assert isinstance(message, bytes)
                await self._receive(frames.decode(message))

    async def _receive(self, frame: frames.Frame) -> None:
        if frame.message_type == frames.ACKNOWLEDGE:
            self.unacknowledged.pop(frames.read_acknowledgement(frame.payload).sequence_number, None)
            return
        assert frame.message_type == frames.INPUT
        if not self.acknowledges:
            return
        acknowledgement = frames.acknowledgement(frame, uuid4(), int(time.time() * 1000))
        await self._send(frames.encode(acknowledgement))
        self._early.setdefault(frame.sequence_number, frame)
        while self._expected in self._early:
            await self._take(self._early[self._expected])
            self._expected += 1

    async def _take(self, frame: frames.Frame) -> None:
        if frame.payload_type == PayloadType.HANDSHAKE_RESPONSE:
            self.responses.append(json.loads(frame.payload))
            self._responded.set()
        elif frame.payload_type == PayloadType.FLAG:
            self.flags.append(frame.payload)
            if self.closes_at_flag and frame.payload == frames.flag(Flag.TERMINATE_SESSION):
                await self.close_channel()
        else:
            assert frame.payload_type == PayloadType.DATA
            self.received += frame.payload

    async def _send(self, message: bytes) -> None:
        if self.connection:
            with suppress(ConnectionClosed):
                await self.connection.send(message)


class SessionManager:
    """The service for one session.

    scripts: what it does with a websocket, by its number; ``carry`` for all others. openings: the first message of
    each. paths: where each was opened. calls: what was called, in order. failures: what the next calls raise, by the
    name of the call.
    """

    def __init__(self) -> None:
        """Start the session."""
        self.agent = Agent()
        self.scripts: dict[int, Script] = {}
        self.script: Script = self.carry
        self.openings: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.calls: list[str] = []
        self.failures: dict[str, list[Exception]] = {}
        self.hangs: set[str] = set()
        self.ping_seconds: float | None = None
        self.url = ""
        self.check: Callable[[ServerConnection, Request], Response | None] | None = None

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[SessionManager]:
        """Answer in this block."""
        async with serve(
            self._handle, "127.0.0.1", 0, compression=None, max_size=None, close_timeout=0.2, process_request=self._look
        ) as server:
            (listening,) = server.sockets
            self.url = (
                f"ws://127.0.0.1:{listening.getsockname()[1]}/v1/data-channel/alice-0abc?role=x&cell-number=AAE/+a="
            )
            yield self

    async def carry(self, connection: ServerConnection) -> None:
        """Let sshd answer, or go on."""
        if self.agent.has_begun:
            await self.agent.send_again()
        else:
            await self.agent.complete_handshake()
            await self.agent.say(BANNER)
        await connection.wait_closed()

    def _look(self, connection: ServerConnection, request: Request) -> Response | None:
        self.paths.append(request.path)
        return self.check(connection, request) if self.check else None

    async def _handle(self, connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            self.openings.append(json.loads(await connection.recv()))
            self.agent.connection = connection
            receiving = asyncio.create_task(self.agent.receive(connection))
            try:
                await self.scripts.get(len(self.openings) - 1, self.script)(connection)
            finally:
                await stop(receiving)

    # -- The calls -----------------------------------------------------------------------------------------------------

    def service(self) -> Service:
        """Return the service as the tunnel sees it."""
        return Service(self._open, self._resume, self._terminate)

    async def _called(self, name: str) -> None:
        self.calls.append(name)
        if name in self.hangs:
            await asyncio.sleep(_PATIENCE_SECONDS)
        failures = self.failures.get(name)
        if failures:
            # The last one again and again.
            raise failures.pop(0) if len(failures) > 1 else failures[0]

    async def _open(self) -> ClientConnection:
        await self._called("open")
        return await open_websocket(SERVER, self.url, "", 5, ping_seconds=self.ping_seconds)

    async def _resume(self) -> str:
        await self._called("resume")
        return f"token {self.calls.count('resume')}"

    async def _terminate(self) -> None:
        await self._called("terminate")
