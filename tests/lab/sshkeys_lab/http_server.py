# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP/1.1 on loopback. It owns its connections, so it can also break one on purpose."""

from __future__ import annotations

import os
import socket
import struct
import threading
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, cast

from .protocol import Answer, Delivery, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Handler(BaseHTTPRequestHandler):
    """One connection, kept alive between requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        front = cast("HttpServer", self.server).answer
        path, _mark, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if front is not None:
            self._deliver(front(Request(self.command, path, query, cast("Mapping[str, str]", self.headers), body)))

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the names that http.server looks for

    def _deliver(self, answer: Answer) -> None:
        if answer.delivery in (Delivery.HANG, Delivery.NONE, Delivery.RESET):
            self.close_connection = True
            if answer.delivery is Delivery.HANG:
                # Ends when the client closes the connection; more data from the client gets no answer.
                while self.rfile.read(1):
                    pass
            if answer.delivery is Delivery.RESET:
                self._reset()
            return
        fields = {"Content-Type": answer.content_type, "Content-Length": str(len(answer.body)), **answer.headers}
        head = f"HTTP/1.1 {answer.status} {responses.get(answer.status, '')}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        body = answer.body
        if answer.delivery is Delivery.CUT:
            self.close_connection = True
            body = body[: len(body) // 2]
        # One write is one packet.
        self.wfile.write(f"{head}\r\n".encode("latin-1") + body)

    def _reset(self) -> None:
        # SO_LINGER 0 makes close() send a reset. http.server would shut the connection down first, so bypass it.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def log_message(self, *_args: object) -> None:
        """Log nothing: the journal has the calls."""


class HttpServer(ThreadingHTTPServer):
    """A server on a free port of 127.0.0.1; it listens from its construction, and answers from `start` on."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self) -> None:
        """Listen."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer: Callable[[Request], Answer] | None = None

    @property
    def url(self) -> str:
        """The server's URL, without a slash at the end."""
        return f"http://127.0.0.1:{self.server_port}"

    def start(self, answer: Callable[[Request], Answer]) -> None:
        """Answer requests with `answer`, each connection in its own thread, until `stop`."""
        self.answer = answer
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        """Stop accepting connections."""
        if self.answer is not None:
            self.shutdown()
        self.server_close()

    def handle_error(self, *_args: object) -> None:
        """Log nothing: tests often drop a connection in the middle of a request."""
