# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real server for websockets with TLS, on loopback, and what tests of its clients look at."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from socket import socket

from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab.certificate import certificate_of_its_own
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

Handler = Callable[[ServerConnection], Awaitable[None]]
Check = Callable[[ServerConnection, Request], Response | Awaitable[Response | None] | None]


class WebsocketServer:
    """A server: what it does with a connection, and where it is."""

    def __init__(self, folder: Path) -> None:
        """Make its certificate in a folder."""
        self._folder = folder
        self._certificate = certificate_of_its_own(folder)
        self.ca_bundle = str(folder / "certificate.pem")
        self.address = ""

    def certify(self, *, address: str = "127.0.0.1", age: timedelta = timedelta(days=1)) -> None:
        """Have another certificate, which is trusted too."""
        self._certificate = certificate_of_its_own(self._folder, address=address, age=age)

    @asynccontextmanager
    async def serving(self, handler: Handler, check: Check | None = None) -> AsyncIterator[None]:
        """Answer in this block. check: refuses what it returns an answer for."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate)
        async with serve(
            handler, "127.0.0.1", 0, ssl=context, process_request=check, compression=None, close_timeout=1
        ) as server:
            (listening,) = server.sockets
            self.address = f"wss://127.0.0.1:{listening.getsockname()[1]}/openTunnel?a=b"
            yield


class Watched(socket):
    """A socket that notes how often it was closed while the event loop watched it.

    The loop would go on to watch its number, which another socket may get.
    """

    watched_when_closed = 0

    def close(self) -> None:
        """Close it."""
        loop, number = asyncio.get_running_loop(), self.fileno()
        if number >= 0:
            self.watched_when_closed += loop.remove_reader(number) + loop.remove_writer(number)
        super().close()


async def echo(connection: ServerConnection) -> None:
    """Send back what comes."""
    async for message in connection:
        await connection.send(message)


async def eventually(condition: Callable[[], bool]) -> bool:
    """Let the loop run until the condition holds. Returns whether it does."""
    until = time.monotonic() + 10
    while not condition() and time.monotonic() < until:  # noqa: ASYNC110 - it may be about anything
        await asyncio.sleep(0.005)
    return condition()


def number_of_open_files() -> int:
    """Return how many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))
