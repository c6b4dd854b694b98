# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Session Manager's data channels: the websocket service between clients and agents, and the sessions."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Response

from . import seed, signature
from .errors import ServiceError
from .event_loop import EventLoop
from .protocol import DATA_CHANNELS, Call
from .ssm_session import Link, Session
from .websocket_server import listen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request

    from .front import Credentials, Services
    from .ssm_agent import Target

# A frame with the largest payload, and room for one that breaks the rule.
_MAX_BYTES = 2**17
_SECONDS_FOR_OPENING = 15
# How often the sessions look at the lab's clock, which a test moves.
_LOOK = 0.1


class DataChannels:
    """The service, which listens from its construction until `stop`, and the sessions since the last reset.

    All sessions live in one event loop. The methods without an underscore may be called from any other thread.
    """

    def __init__(self, services: Services, credentials: Credentials, certificate: Path) -> None:
        """Listen on a free port of loopback. certificate: a file with the certificate and its key."""
        self._services = services
        self._credentials = credentials
        self._sessions: dict[str, Session] = {}
        self._by_path: dict[str, Session] = {}
        self._loop = EventLoop()
        self._server, where = self._loop.run(listen(self._serve, self._check, certificate, _MAX_BYTES))
        self._address = f"wss://{where}"
        self._watch = self._loop.run(self._begin_watch())

    async def _begin_watch(self) -> asyncio.Task[None]:
        return asyncio.create_task(self._look_at_the_clock())

    def stop(self) -> None:
        """Accept no more websockets, and end all sessions."""
        self._loop.run(self._stop())
        self._loop.stop()

    async def _stop(self) -> None:
        self._watch.cancel()
        await self._forget()
        self._server.close()
        await self._server.wait_closed()

    async def _look_at_the_clock(self) -> None:
        while True:
            await asyncio.sleep(_LOOK)
            self._check_time()

    def _check_time(self) -> None:
        for session in list(self._sessions.values()):
            session.look_at_the_clock()

    # -- What the API and the control API do ---------------------------------------------------------------------------

    def start(self, asked: tuple[str, str | None], target: Target) -> dict[str, str]:
        """Start a session; return the answer of StartSession. asked: the target of StartSession, and its reason."""
        return self._loop.run(self._start(asked, target))

    async def _start(self, asked: tuple[str, str | None], target: Target) -> dict[str, str]:
        session = Session(self._services.session_manager, self._services.clock, asked, target)
        self._sessions[session.session_id] = session
        self._by_path[session.path] = session
        return {**self._names(session), "TokenValue": session.new_token()}

    def resume(self, session_id: str) -> dict[str, str] | None:
        """Return the answer of ResumeSession, without a token if the session has timed out; None if it has ended."""
        return self._loop.run(self._resume(session_id))

    async def _resume(self, session_id: str) -> dict[str, str] | None:
        self._check_time()
        session = self._sessions.get(session_id)
        if session is None:
            return None
        token = session.resume()
        if token is not None:
            return {**self._names(session), "TokenValue": token}
        return self._names(session) if session.state == "timed out" else None

    def _names(self, session: Session) -> dict[str, str]:
        return {"SessionId": session.session_id, "StreamUrl": f"{self._address}{session.path}"}

    def terminate(self, session_id: str) -> None:
        """End a session, if it has not ended."""
        self._loop.run(self._terminate(session_id))

    async def _terminate(self, session_id: str) -> None:
        session = self._sessions.get(session_id)
        if session is not None:
            session.end("TerminateSession")

    def describe(self) -> list[dict[str, Any]]:
        """Return all sessions, in the order of their start."""
        return self._loop.run(self._describe())

    async def _describe(self) -> list[dict[str, Any]]:
        self._check_time()
        return [session.describe() for session in self._sessions.values()]

    def close(self, code: int | None, reason: str) -> int:
        """Close all websockets of clients without channel_closed, or, without a code, break them.

        Returns their number.
        """
        return self._loop.run(self._close(code, reason))

    async def _close(self, code: int | None, reason: str) -> int:
        return sum(session.close(code, reason) for session in self._sessions.values() if session.ended_by is None)

    def forget(self) -> None:
        """End all sessions and forget them."""
        self._loop.run(self._forget())

    async def _forget(self) -> None:
        for session in self._sessions.values():
            session.forget()
        self._sessions.clear()
        self._by_path.clear()

    # -- The handshake of a websocket ----------------------------------------------------------------------------------

    def _check(self, _connection: ServerConnection, request: Request) -> Response | None:
        """Return the refusal that the service would give, or None to accept the handshake."""
        try:
            mine = {self._credentials.access_key: self._credentials.secret_key}
            scope = (seed.REGION, DATA_CHANNELS)
            signed = signature.check(request.path, request.headers, scope, mine, self._services.role_secrets)
            call = Call(
                DATA_CHANNELS,
                "OpenDataChannel",
                signed.region,
                signed.access_key,
                {"SessionId": urlsplit(request.path).path.rpartition("/")[2]},
                request.headers.get("User-Agent", ""),
                uses_json=True,
            )
            entry = self._services.journal.record(call)
            fault = self._services.faults.take(call)
            refusal = fault.error(DATA_CHANNELS) if fault else None
            entry.fault = fault.fault if fault else None
            try:
                if refusal:
                    raise refusal
                self._check_request(request)
            except ServiceError as error:
                entry.status = error.status
                raise
        except ServiceError as error:
            return _refusal(error)
        entry.status = HTTPStatus.SWITCHING_PROTOCOLS
        return None

    def _check_request(self, request: Request) -> None:
        code = "InvalidRequest"
        if "Sec-WebSocket-Protocol" in request.headers:
            raise ServiceError(code, "Session Manager has no subprotocol")
        session = self._by_path.get(request.path)
        if session is None or session.ended_by is not None:
            raise ServiceError(code, "There is no such session, or the address is not its StreamUrl", status=404)

    # -- The websocket -------------------------------------------------------------------------------------------------

    async def _serve(self, websocket: ServerConnection) -> None:
        session = self._by_path.get(websocket.request.path if websocket.request else "")
        if session is None:
            return
        link = Link(websocket)
        try:
            async with asyncio.timeout(_SECONDS_FOR_OPENING):
                opening = await websocket.recv()
            if not session.open(opening, link):
                link.cut(CloseCode.POLICY_VIOLATION, "The opening is not accepted")
            receive: Callable[[str | bytes, Link], None] = session.from_client
            # Also after its end: what a client still sends must not keep the closing handshake waiting.
            async for message in websocket:
                receive(message, link)
        except (ConnectionClosed, TimeoutError):
            pass
        finally:
            session.lost(link)
            with suppress(ConnectionClosed):
                await websocket.close()


def _refusal(error: ServiceError) -> Response:
    body = json.dumps({"ErrorCode": error.code, "Message": error.message}).encode()
    headers = Headers({"x-amzn-requestid": str(uuid4()), "Content-Length": str(len(body))})
    return Response(error.status, HTTPStatus(error.status).phrase, headers, body)
