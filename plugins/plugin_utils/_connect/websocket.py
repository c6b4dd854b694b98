# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The opening of a websocket to AWS. The library does the framing, the handshake and the proxies of the environment."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

try:
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidHeaderValue, InvalidProxy, InvalidStatus, InvalidURI, WebSocketException

    class _Connect(connect):
        """A connection that follows no redirect, which would lead secrets in headers and messages elsewhere."""

        def process_redirect(self, exc: Exception) -> Exception:
            """Return the answer as the refusal that it is."""
            return exc

except ImportError:
    connect = None  # type: ignore[assignment, misc]

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, capitalized, printable

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection
    from websockets.http11 import Response

# Messages that the library may have read and that ssh has not taken, and bytes that wait to be sent. Each tunnel of a
# run has these, and they are as fast as the library's 16 messages.
_MAX_QUEUE = 4
_WRITE_LIMIT = 65_536
CLOSE_SECONDS = 2


class Peer(NamedTuple):
    """The server at the other end. name: for a sentence. check: what to check if its address cannot be used."""

    name: str
    check: str

    @property
    def unusable(self) -> str:
        """The sentence for an address that cannot be used. The library's message has the URL, perhaps with a secret."""
        where = f"Check {self.check}, and HTTPS_PROXY in the environment."
        return f"The address of {self.name} or of a proxy cannot be used. {where}"


class RefusedError(ArgumentError):
    """The server has answered, and refused. status: of HTTP. code: of AWS, or one that names the status."""

    def __init__(self, sentence: str, status: int, code: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code


async def open_websocket(
    peer: Peer,
    url: str,
    ca_bundle: str,
    seconds: float,
    *,
    headers: Mapping[str, str] | None = None,
    ping_seconds: float | None = None,
) -> ClientConnection:
    """Open a websocket.

    url: of the scheme wss, or ws. ca_bundle: a file with the certificates to trust. seconds: how long it may take.
    headers: of the request. ping_seconds: how often to send a ping, so that the connection is never quiet for longer;
    None for never.
    Raises RefusedError, and ArgumentError for every other failure.
    """
    _check_library()
    trusted = await asyncio.to_thread(_trusting, ca_bundle) if url.startswith("wss:") else None
    try:
        connection = await _Connect(
            url,
            ssl=trusted,
            compression=None,
            max_size=None,
            max_queue=_MAX_QUEUE,
            write_limit=_WRITE_LIMIT,
            ping_interval=ping_seconds,
            ping_timeout=None,
            open_timeout=max(seconds, 0.1),
            close_timeout=CLOSE_SECONDS,
            additional_headers=headers,
            user_agent_header="sshkeys.aws",
        )
    except InvalidStatus as refused:
        code, message = _refusal(refused.response)
        sentence = f"{capitalized(peer.name)} refused: {code}: {message}."
        raise RefusedError(sentence, refused.response.status_code, code) from refused
    except TimeoutError as error:
        raise ArgumentError(
            f"{capitalized(peer.name)} does not answer. Check ansible_timeout, and the network path to {peer.name}."
        ) from error
    except (InvalidProxy, InvalidURI) as error:
        raise ArgumentError(peer.unusable) from error
    except InvalidHeaderValue:
        # The message repeats the header.
        raise ArgumentError(
            "A credential contains a character that HTTP does not allow. Check session_token for line breaks."
        ) from None
    except (OSError, WebSocketException, ImportError) as error:
        raise _unreachable(peer, error) from error
    except ValueError as error:
        raise ArgumentError(peer.unusable) from error
    _keep_alive(connection)
    return connection


def check_this_machine(ca_bundle: str) -> None:
    """Raise ArgumentError if no websocket can be opened from here, whatever its peer is. Blocks to read the file.

    ca_bundle: a file with the certificates to trust. What is read of it serves the websockets that are opened later.
    """
    _check_library()
    _trusting(ca_bundle)


def _check_library() -> None:
    if connect is None:
        raise ArgumentError(
            "A tunnel needs the Python package websockets (15.0 or later) in addition to boto3, for the Python "
            "that runs ansible-playbook: pip install websockets."
        )


def _trusting(ca_bundle: str) -> ssl.SSLContext:
    try:
        found = os.stat(ca_bundle)
        return _context(ca_bundle, found.st_mtime_ns, found.st_size)
    except OSError as error:
        raise ArgumentError(
            f"The certificates in {ca_bundle} cannot be read: {printable(error.strerror or error)}. Check "
            "AWS_CA_BUNDLE in the environment, and ca_bundle in the profile."
        ) from error


@lru_cache(maxsize=8)
def _context(ca_bundle: str, _changed_at: int, _size: int) -> ssl.SSLContext:
    """Return a context for all tunnels that trust the same file: to read it takes longer than to open a tunnel."""
    return ssl.create_default_context(cafile=ca_bundle)


def _unreachable(peer: Peer, error: Exception) -> ArgumentError:
    # asyncio's message for these errors describes its attempts to connect.
    said = os.strerror(error.errno) if isinstance(error, ConnectionError) and error.errno else error
    advice = _TLS if isinstance(error, ssl.SSLCertVerificationError) else ""
    return ArgumentError(f"{capitalized(peer.name)} cannot be reached: {printable(said).rstrip('.')}.{advice}")


_TLS = (
    " If a proxy on the way inspects TLS, put the certificate of its authority into a file with the others, and name "
    "the file in AWS_CA_BUNDLE."
)


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
