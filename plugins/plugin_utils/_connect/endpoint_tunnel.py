# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tunnel through an EC2 Instance Connect Endpoint: a websocket whose binary messages are the bytes of ssh.

This file copies between the websocket and the socket of ssh.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

try:
    from websockets.exceptions import ConnectionClosed
    from websockets.frames import CloseCode
except ImportError:
    # Without the library, no websocket is opened, which says so.
    pass

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, printable
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import websocket
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.tasks import stop

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

# The service's limit for a message.
_MAX_BYTES = 65_000
# The answers of an endpoint with too many connections, or too many new ones at once.
_FULL = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_FULL_CODE = ("limit", "quota", "throttl", "toomany")
# Those of them that are about places, and not about how fast they are asked for.
_NO_PLACE_CODE = ("limit", "quota")
ENDPOINT = websocket.Peer("the endpoint", "ansible_ec2_instance_connect_endpoint_dns_name")
# Poll interval for the end of a side that only listens.
_LOOK_SECONDS = 0.1


class EndpointFullError(ArgumentError):
    """The endpoint has too many connections, or too many new ones at once.

    has_no_place: whether it has too many connections.
    """

    def __init__(self, sentence: str, *, has_no_place: bool) -> None:
        super().__init__(sentence)
        self.has_no_place = has_no_place


class Tunnel:
    """An open tunnel, and ssh at its near end."""

    def __init__(self, connection: ClientConnection, tell: Callable[[str], None]) -> None:
        """Copy until one of both ends. tell: takes the reason, unless ssh ended the tunnel or the end was normal."""
        try:
            self._local, self.for_ssh = socket.socketpair()
        except OSError:
            connection.transport.abort()
            raise
        self._carrying = asyncio.create_task(self._carry(connection, tell))

    async def close(self) -> None:
        """Let ssh see the end of its connection. Returns when ssh has ended, too."""
        with contextlib.suppress(OSError):
            self._local.shutdown(socket.SHUT_WR)
        await asyncio.wait({self._carrying}, timeout=websocket.CLOSE_SECONDS)
        self._carrying.cancel()
        await self.wait()

    async def wait(self) -> None:
        """Return when the tunnel has ended."""
        await asyncio.wait({self._carrying})

    async def _carry(self, connection: ClientConnection, tell: Callable[[str], None]) -> None:
        with self._local:
            try:
                ended = await _pump(connection, self._local)
            finally:
                connection.transport.abort()
            if ended:
                # Before ssh sees the end.
                tell(ended)


async def open_websocket(url: str, ca_bundle: str, seconds: float) -> ClientConnection:
    """Open the websocket of a tunnel. url: signed a moment ago; the other parameters are those of ``websocket``.

    Raises EndpointFullError, and ArgumentError for every other failure.
    """
    try:
        return await websocket.open_websocket(ENDPOINT, url, ca_bundle, seconds)
    except websocket.RefusedError as refused:
        is_full = refused.status in _FULL or any(word in refused.code.lower() for word in _FULL_CODE)
        if not is_full:
            raise
        has_no_place = any(word in refused.code.lower() for word in _NO_PLACE_CODE)
        raise EndpointFullError(str(refused), has_no_place=has_no_place) from refused


async def _pump(tunnel: ClientConnection, local: socket.socket) -> str:
    """Copy bytes both ways until one side ends. Returns the reason if the tunnel ended abnormally, else "".

    Each direction writes before it reads again, so no data piles up in between.
    """
    local.setblocking(False)
    loop = asyncio.get_running_loop()
    sending = loop.create_task(_send(tunnel, local))
    try:
        while True:
            message = await tunnel.recv()
            if isinstance(message, str):
                await tunnel.close(CloseCode.UNSUPPORTED_DATA)
                return "The endpoint sent text, which the protocol does not allow."
            await loop.sock_sendall(local, message)
    except ConnectionClosed as closed:
        return _why(closed)
    except OSError:
        await tunnel.close()
        return ""
    finally:
        await stop(sending)


def _why(closed: ConnectionClosed) -> str:
    """Return the reason for the end of a tunnel, "" for a normal end."""
    received = closed.rcvd
    # The tunnel was closed because ssh had ended.
    if closed.sent and not closed.rcvd_then_sent:
        return ""
    if received is None:
        return "The connection to the endpoint broke."
    if received.code == CloseCode.NORMAL_CLOSURE:
        return ""
    return f"The endpoint ended the tunnel: {printable(received.reason) or 'no reason given'} ({received.code})."


async def _send(tunnel: ClientConnection, local: socket.socket) -> None:
    """Copy ssh's data to the tunnel, and close the tunnel when ssh has ended."""
    # An ssh that was killed may have left unread what came for it, which is an error.
    with contextlib.suppress(OSError, ConnectionClosed):
        while data := await asyncio.get_running_loop().sock_recv(local, _MAX_BYTES):
            await tunnel.send(data)
    # ssh sends no more data, and may still listen. Without a mask, poll reports only its end.
    listening = select.poll()
    listening.register(local, 0)
    while not listening.poll(0):  # noqa: ASYNC110 - event loops cannot wait for that event alone
        await asyncio.sleep(_LOOK_SECONDS)
    await tunnel.close()
