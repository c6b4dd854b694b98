# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tunnel through an EC2 Instance Connect Endpoint: a websocket whose binary messages are the bytes of ssh.

The library does the framing, the handshake and the proxies of the environment. This file puts a refusal into words, and
copies between the websocket and the socket of ssh.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import socket
import ssl
from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

try:
    from websockets.asyncio.client import connect
    from websockets.exceptions import ConnectionClosed, InvalidProxy, InvalidStatus, InvalidURI, WebSocketException
    from websockets.frames import CloseCode
except ImportError:
    connect = None  # type: ignore[assignment, misc]

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, printable
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.tasks import stop

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection
    from websockets.http11 import Response

# The service's limit for a message.
_MAX_BYTES = 65_000
# Messages that the library may have read and that ssh has not taken, and bytes that wait to be sent. Each tunnel of a
# run has these, and they are as fast as the library's 16 messages.
_MAX_QUEUE = 4
_WRITE_LIMIT = 65_536
# The answers of an endpoint with too many connections, or too many new ones at once.
_FULL = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_FULL_CODE = ("limit", "quota", "throttl", "toomany")
# Those of them that are about places, and not about how fast they are asked for.
_NO_PLACE_CODE = ("limit", "quota")
# The library's message repeats the URL, and its signature is a secret.
UNUSABLE = (
    "The address of the endpoint or of a proxy cannot be used. Check ansible_ec2_instance_connect_endpoint_dns_name, "
    "and HTTPS_PROXY in the environment."
)
_CLOSE_SECONDS = 2
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
        await asyncio.wait({self._carrying}, timeout=_CLOSE_SECONDS)
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
    """Open the websocket of a tunnel.

    url: signed a moment ago. ca_bundle: a file with the certificates to trust. seconds: how long it may take.
    Raises EndpointFullError, and ArgumentError for every other failure.
    """
    if connect is None:
        raise ArgumentError(
            "A tunnel needs the Python package websockets (15.0 or later) in addition to boto3, for the Python "
            "that runs ansible-playbook: pip install websockets."
        )
    try:
        trusted = await asyncio.to_thread(_trusting, ca_bundle)
    except OSError as error:
        raise ArgumentError(
            f"The certificates in {ca_bundle} cannot be read: {printable(error.strerror or error)}. Check "
            "AWS_CA_BUNDLE in the environment, and ca_bundle in the profile."
        ) from error
    try:
        tunnel = await connect(
            url,
            ssl=trusted,
            compression=None,
            max_size=None,
            max_queue=_MAX_QUEUE,
            write_limit=_WRITE_LIMIT,
            ping_interval=None,
            open_timeout=max(seconds, 0.1),
            close_timeout=_CLOSE_SECONDS,
            user_agent_header="sshkeys.aws",
        )
    except InvalidStatus as refused:
        code, message = _refusal(refused.response)
        is_full = refused.response.status_code in _FULL or any(word in code.lower() for word in _FULL_CODE)
        sentence = f"The endpoint refused: {code}: {message}."
        if is_full:
            has_no_place = any(word in code.lower() for word in _NO_PLACE_CODE)
            raise EndpointFullError(sentence, has_no_place=has_no_place) from refused
        raise ArgumentError(sentence) from refused
    except TimeoutError as error:
        raise ArgumentError(
            "The endpoint does not answer. Check ansible_timeout, and the network path to the endpoint."
        ) from error
    except (InvalidProxy, InvalidURI) as error:
        raise ArgumentError(UNUSABLE) from error
    except (OSError, WebSocketException, ImportError) as error:
        raise _unreachable(error) from error
    except ValueError as error:
        raise ArgumentError(UNUSABLE) from error
    _keep_alive(tunnel)
    return tunnel


def _trusting(ca_bundle: str) -> ssl.SSLContext:
    found = os.stat(ca_bundle)
    return _context(ca_bundle, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=8)
def _context(ca_bundle: str, _changed_at: int, _size: int) -> ssl.SSLContext:
    """Return a context for all tunnels that trust the same file: to read it takes longer than to open a tunnel."""
    return ssl.create_default_context(cafile=ca_bundle)


def _unreachable(error: Exception) -> ArgumentError:
    # asyncio's message for these errors describes its attempts to connect.
    said = os.strerror(error.errno) if isinstance(error, ConnectionError) and error.errno else error
    return ArgumentError(f"The endpoint cannot be reached: {printable(said).rstrip('.')}.")


# Without keepalive, a network path that silently disappeared would never be noticed.
_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}


def _keep_alive(tunnel: ClientConnection) -> None:
    """Let the system check that the other end is still there."""
    connection = tunnel.transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        # Not every system has all of them.
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _refusal(response: Response) -> tuple[str, str]:
    """Return the code and the message of a refusal."""
    request_id = response.headers.get("x-amzn-requestid", "")
    try:
        told = json.loads(response.body or b"")
        code, message = str(told["ErrorCode"]), str(told["Message"])
    except (KeyError, TypeError, ValueError):
        code, message = f"HTTP status {response.status_code}", response.reason_phrase
    request = f" (request id {printable(request_id)})" if request_id else ""
    return printable(code), printable(message).rstrip(".")[:500] + request


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
