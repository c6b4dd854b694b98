# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server of websockets over TLS, as AWS has them: no compression, and no pings of its own."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from websockets.asyncio.server import serve

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from websockets.asyncio.server import Server, ServerConnection
    from websockets.http11 import Request, Response


async def listen(
    handler: Callable[[ServerConnection], Awaitable[None]],
    check: Callable[[ServerConnection, Request], Response | None],
    certificate: Path,
    max_bytes: int,
) -> tuple[Server, str]:
    """Listen on a free port of loopback; return the server, and its host and port.

    check: returns the refusal of a handshake, or None; certificate: a file with the certificate and its key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = await serve(
        handler,
        "127.0.0.1",
        0,
        ssl=context,
        process_request=check,
        compression=None,
        max_size=max_bytes,
        ping_interval=None,
        close_timeout=2,
    )
    (listening,) = server.sockets
    return server, f"127.0.0.1:{listening.getsockname()[1]}"
