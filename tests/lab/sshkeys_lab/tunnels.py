# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An EC2 Instance Connect Endpoint: a signed websocket over TLS for each connection, and a limit on their number."""

from __future__ import annotations

import asyncio
import hmac
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SdkCredentials
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Response

from . import seed
from .errors import ServiceError
from .event_loop import EventLoop
from .protocol import INSTANCE_CONNECT, Call
from .websocket_server import listen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request

    from .front import Credentials, Services

_MAX_BYTES = 65_000
_PORTS = ("22", "3389")
_DURATION = range(1, 3601)


class Tunnels:
    """The endpoint, which listens from its construction until `stop`.

    Asynchronous, because one thread cannot read from a Python SSL socket while another writes to it.
    """

    def __init__(
        self, services: Services, credentials: Credentials, certificate: Path, port_of: Callable[[str], int | None]
    ) -> None:
        """Listen on a free port of loopback.

        certificate: a file with the certificate and its key; port_of: the port of the sshd behind a private address.
        """
        self._services = services
        self._credentials = credentials
        self._port_of = port_of
        self._open: set[ServerConnection] = set()
        # A connection counts from its handshake on, before it is in _open.
        self._taken = 0
        self._loop = EventLoop()
        self._server, self.dns_name = self._loop.run(listen(self._serve, self._check, certificate, _MAX_BYTES))

    def stop(self) -> None:
        """Accept no more tunnels, and end the open ones."""
        self._loop.run(self._close())
        self._loop.stop()

    async def _close(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    def end(self, code: int | None, reason: str) -> int:
        """End all open tunnels with a close code and a reason, or, without a code, by breaking the connection.

        Returns their number.
        """
        return self._loop.run(self._end(code, reason))

    async def _end(self, code: int | None, reason: str) -> int:
        ended = list(self._open)
        for tunnel in ended:
            if code is None:
                tunnel.transport.abort()
            else:
                await tunnel.close(code, reason)
        return len(ended)

    # -- The handshake -------------------------------------------------------------------------------------------------

    def _check(self, _connection: ServerConnection, request: Request) -> Response | None:
        """Return the refusal that the service would give, or None to accept the handshake."""
        url = urlsplit(request.path)
        query = dict(parse_qsl(url.query))
        scope = query.get("X-Amz-Credential", "").split("/")
        call = Call(
            INSTANCE_CONNECT,
            "OpenTunnel",
            scope[2] if len(scope) > 2 else "",
            scope[0],
            {name: value for name, value in query.items() if not name.startswith("X-Amz-")},
            request.headers.get("User-Agent", ""),
            uses_json=True,
        )
        try:
            if url.path != "/openTunnel":
                code = "InvalidRequest"
                raise ServiceError(code, "There is nothing here", status=404)
            self._check_signature(request, query)
            entry = self._services.journal.record(call)
            fault = self._services.faults.take(call)
            refusal = fault.error(INSTANCE_CONNECT) if fault else None
            entry.fault = fault.fault if fault else None
            if refusal:
                raise refusal
            self._check_target(call.parameters)
            self._take_place()
        except ServiceError as error:
            return _refusal(error)
        entry.status = 101
        return None

    def _check_signature(self, request: Request, query: Mapping[str, str]) -> None:
        """Sign the same address again and compare the signatures."""
        signed_at = query.get("X-Amz-Date", "")
        scope = query.get("X-Amz-Credential", "").split("/")
        code = "AuthFailure"
        mine = {self._credentials.access_key: self._credentials.secret_key}
        secret_key = {**self._services.role_secrets, **mine}.get(scope[0])
        if secret_key is None or scope[3:4] != [INSTANCE_CONNECT]:
            raise ServiceError(code, "The security token included in the request is invalid", status=403)
        moment = datetime.strptime(signed_at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if datetime.now(tz=UTC) > moment + timedelta(seconds=int(query["X-Amz-Expires"])):
            raise ServiceError(code, "Signature expired", status=403)
        path, _mark, given = request.path.rpartition("&X-Amz-Signature=")
        keys = SdkCredentials(scope[0], secret_key)
        auth = SigV4QueryAuth(keys, INSTANCE_CONNECT, scope[2], int(query["X-Amz-Expires"]))
        again = AWSRequest("GET", f"https://{request.headers['Host']}{path}", {"host": request.headers["Host"]})
        again.context["timestamp"] = signed_at
        expected = auth.signature(auth.string_to_sign(again, auth.canonical_request(again)), again)
        if not hmac.compare_digest(expected, given):
            raise ServiceError(code, "The request signature we calculated does not match", status=403)

    def _check_target(self, asked: Mapping[str, str]) -> None:
        code = "InvalidParameter"
        if asked.get("instanceConnectEndpointId") != seed.ENDPOINT_ID:
            missing = "InvalidInstanceConnectEndpointId.NotFound"
            raise ServiceError(missing, "The instance connect endpoint does not exist", status=404)
        if asked.get("remotePort") not in _PORTS:
            raise ServiceError(code, "remotePort must be one of 22, 3389")
        duration = asked.get("maxTunnelDuration", "3600")
        if not duration.isdecimal() or int(duration) not in _DURATION:
            raise ServiceError(code, "maxTunnelDuration must be between 1 and 3600")
        if not asked.get("privateIpAddress"):
            raise ServiceError(code, "privateIpAddress is required")

    def _take_place(self) -> None:
        if self._taken >= self._services.settings.tunnel_limit:
            code = "ConnectionLimitExceeded"
            raise ServiceError(code, "The endpoint has its maximum of connections", status=429)
        self._taken += 1

    # -- The tunnel ----------------------------------------------------------------------------------------------------

    async def _serve(self, tunnel: ServerConnection) -> None:
        self._open.add(tunnel)
        try:
            await self._carry(tunnel)
        finally:
            self._open.discard(tunnel)
            self._taken -= 1

    async def _carry(self, tunnel: ServerConnection) -> None:
        asked = dict(parse_qsl(urlsplit(tunnel.request.path if tunnel.request else "").query))
        port = self._port_of(asked["privateIpAddress"])
        try:
            from_instance, to_instance = await asyncio.open_connection("127.0.0.1", port or 0)
        except OSError:
            await tunnel.close(CloseCode.INTERNAL_ERROR, "Unable to connect to target")
            return
        sending = asyncio.create_task(_send(from_instance, tunnel))
        try:
            async with asyncio.timeout(int(asked.get("maxTunnelDuration", "3600"))):
                await _receive(tunnel, to_instance)
        except TimeoutError:
            await tunnel.close(CloseCode.NORMAL_CLOSURE, "Too long")
        except (OSError, ConnectionClosed):
            pass
        finally:
            sending.cancel()
            to_instance.close()


async def _receive(tunnel: ServerConnection, to_instance: asyncio.StreamWriter) -> None:
    """Copy the tunnel's messages to the instance until the tunnel ends."""
    async for message in tunnel:
        if isinstance(message, str):
            await tunnel.close(CloseCode.UNSUPPORTED_DATA, "Text is not allowed")
            return
        to_instance.write(message)
        await to_instance.drain()


async def _send(from_instance: asyncio.StreamReader, tunnel: ServerConnection) -> None:
    """Copy the instance's output to the tunnel, and close the tunnel at its end."""
    with suppress(OSError, ConnectionClosed):
        while data := await from_instance.read(_MAX_BYTES):
            await tunnel.send(data)
        await tunnel.close(CloseCode.NORMAL_CLOSURE, "")


def _refusal(error: ServiceError) -> Response:
    body = json.dumps({"ErrorCode": error.code, "Message": error.message}).encode()
    headers = Headers({"x-amzn-requestid": str(uuid4()), "Content-Length": str(len(body))})
    return Response(error.status, HTTPStatus(error.status).phrase, headers, body)
