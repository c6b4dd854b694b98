# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tunnel over a real websocket with TLS: bytes both ways, how it ends, and how it is refused."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import endpoint_tunnel
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.explain import Step
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab.certificate import certificate_of_its_own
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab.event_loop import EventLoop
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

Handler = Callable[[ServerConnection], Awaitable[None]]
Check = Callable[[ServerConnection, Request], Response | None]


class Endpoint:
    """An endpoint on loopback: what it does with a connection, and where it is."""

    def __init__(self, folder: Path, running: ExitStack) -> None:
        """Make its certificate in a folder."""
        self._folder = folder
        self._certificate = certificate_of_its_own(folder)
        self._running = running
        self.ca_bundle = str(folder / "certificate.pem")
        self.address = ""
        self.asked = 0

    def certify(self, *, address: str = "127.0.0.1", age: timedelta = timedelta(days=1)) -> None:
        """Have another certificate, which is trusted too."""
        self._certificate = certificate_of_its_own(self._folder, address=address, age=age)

    def start(self, handler: Handler, check: Check | None = None) -> None:
        """Begin to answer. check: refuses what it returns an answer for."""
        loop = EventLoop()

        async def listen() -> Server:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._certificate)
            return await serve(
                handler, "127.0.0.1", 0, ssl=context, process_request=check, compression=None, close_timeout=1
            )

        server = loop.run(listen(), 10)
        (listening,) = server.sockets
        self.address = f"wss://127.0.0.1:{listening.getsockname()[1]}/openTunnel?a=b"

        async def close() -> None:
            server.close()
            await server.wait_closed()

        def stop() -> None:
            loop.run(close(), 10)
            loop.stop()

        self._running.callback(stop)

    def open(self, seconds: float = 5, ca_bundle: str | None = None) -> endpoint_tunnel.Tunnel:
        """Open a tunnel, in so many seconds at most."""

        def sign() -> str:
            self.asked += 1
            return self.address

        return endpoint_tunnel.Tunnel(sign, ca_bundle or self.ca_bundle, time.monotonic() + seconds)


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Endpoint]:
    """Return an endpoint that does not answer yet."""
    with ExitStack() as running:
        yield Endpoint(tmp_path, running)


async def echo(connection: ServerConnection) -> None:
    """Send back what comes."""
    async for message in connection:
        await connection.send(message)


def pumped(tunnel: endpoint_tunnel.Tunnel) -> tuple[socket.socket, Callable[[], str]]:
    """Pump between a tunnel and a socket. Returns its other end, and what waits for the end and says why."""
    ours, theirs = socket.socketpair()
    said: list[str] = []

    def tell_of(step: Step, sentence: str) -> None:
        assert step is Step.TUNNEL_ENDED
        said.append(sentence)

    thread = threading.Thread(target=tunnel.carry, args=(ours, tell_of), daemon=True)
    thread.start()

    def ended() -> str:
        thread.join(10)
        assert not thread.is_alive(), "the pump has not ended"
        return " ".join(said)

    return theirs, ended


def close(tunnel: endpoint_tunnel.Tunnel) -> None:
    """Close a tunnel, as ssh does."""
    theirs, ended = pumped(tunnel)
    theirs.close()
    assert ended() == ""


def test_every_byte_arrives_both_ways(endpoint: Endpoint) -> None:
    """More than all buffers on the way hold, while nobody reads: each direction waits for the other end."""
    endpoint.start(echo)
    theirs, ended = pumped(endpoint.open())
    sent = os.urandom(20_000_000)
    threading.Thread(target=theirs.sendall, args=(sent,), daemon=True).start()
    received = bytearray()
    while len(received) < len(sent):
        received += theirs.recv(1_000_000)
    assert hashlib.sha256(received).digest() == hashlib.sha256(sent).digest()
    theirs.close()
    assert ended() == ""


def test_messages_are_as_long_as_the_service_takes(endpoint: Endpoint) -> None:
    lengths: list[int] = []
    done = threading.Event()

    async def measure(connection: ServerConnection) -> None:
        async for message in connection:
            assert isinstance(message, bytes)
            lengths.append(len(message))
            if sum(lengths) == 1_000_000:
                done.set()

    endpoint.start(measure)
    theirs, ended = pumped(endpoint.open())
    theirs.sendall(bytes(1_000_000))
    assert done.wait(10)
    theirs.close()
    assert ended() == ""
    assert max(lengths) <= 65_000


def test_a_long_message_of_the_endpoint_arrives(endpoint: Endpoint) -> None:
    """More than the library takes by default, which is 1 MiB."""
    sent = os.urandom(1_500_000)

    async def send(connection: ServerConnection) -> None:
        await connection.send(sent)
        await connection.wait_closed()

    endpoint.start(send)
    theirs, ended = pumped(endpoint.open())
    theirs.settimeout(10)
    received = bytearray()
    while len(received) < len(sent) and (data := theirs.recv(1_000_000)):
        received += data
    assert bytes(received) == sent
    theirs.close()
    assert ended() == ""


def test_an_endpoint_that_answers_no_ping_is_not_given_up(endpoint: Endpoint) -> None:
    """The library would close the tunnel of one that is slow to answer. The system looks after dead ends."""
    endpoint.start(echo)
    tunnel = endpoint.open()
    assert tunnel._connection.ping_interval is None
    close(tunnel)


def test_the_endpoint_is_told_of_the_end_where_ssh_has_died(endpoint: Endpoint) -> None:
    """Its place is free at once."""
    ended_with: list[int | None] = []
    done = threading.Event()

    async def send_without_end(connection: ServerConnection) -> None:
        try:
            while True:
                await connection.send(bytes(10_000))
        except ConnectionClosed as closed:
            ended_with.append(closed.rcvd.code if closed.rcvd else None)
            done.set()

    endpoint.start(send_without_end)
    theirs, ended = pumped(endpoint.open())
    theirs.recv(1)
    theirs.close()
    assert ended() == ""
    assert done.wait(10)
    assert ended_with == [1000]


def test_a_side_that_has_nothing_more_to_say_may_still_listen(endpoint: Endpoint) -> None:
    """Half-close: what comes after it still arrives."""
    told = threading.Event()

    async def answer_late(connection: ServerConnection) -> None:
        await connection.recv()
        await asyncio.to_thread(told.wait, 10)
        await connection.send(b"late")
        with pytest.raises(ConnectionClosed):
            await connection.recv()

    endpoint.start(answer_late)
    theirs, ended = pumped(endpoint.open())
    theirs.sendall(b"question")
    theirs.shutdown(socket.SHUT_WR)
    told.set()
    assert theirs.recv(100) == b"late"
    theirs.close()
    assert ended() == ""


@pytest.mark.parametrize("has_more_to_say", [True, False])
def test_a_tunnel_that_is_idle_takes_no_time(endpoint: Endpoint, has_more_to_say: bool) -> None:
    """Also where one side has closed and the other one still listens."""
    endpoint.start(echo)
    theirs, ended = pumped(endpoint.open())
    theirs.sendall(b"hello")
    assert theirs.recv(100) == b"hello"
    if not has_more_to_say:
        theirs.shutdown(socket.SHUT_WR)
    began = time.process_time()
    # What is measured is that nothing happens meanwhile.
    time.sleep(1)
    assert time.process_time() - began < 0.05
    theirs.close()
    assert ended() == ""


@pytest.mark.parametrize(
    ("code", "reason", "said"),
    [
        (1000, "", ""),
        (1011, "Unable to connect to target", "The endpoint ended the tunnel: Unable to connect to target (1011)."),
        (1011, "", "The endpoint ended the tunnel: no reason given (1011)."),
        (1011, "\x1b[31mred", "The endpoint ended the tunnel: [31mred (1011)."),
    ],
)
def test_the_reason_of_an_end_is_told(endpoint: Endpoint, code: int, reason: str, said: str) -> None:
    endpoint.start(lambda connection: connection.close(code, reason))
    theirs, ended = pumped(endpoint.open())
    assert ended() == said
    assert theirs.recv(1) == b""


def test_text_is_no_part_of_the_protocol(endpoint: Endpoint) -> None:
    endpoint.start(lambda connection: connection.send("text"))
    _theirs, ended = pumped(endpoint.open())
    assert "sent text" in ended()


def test_a_connection_that_breaks_is_told(endpoint: Endpoint) -> None:

    async def break_off(connection: ServerConnection) -> None:
        connection.transport.abort()

    endpoint.start(break_off)
    _theirs, ended = pumped(endpoint.open())
    assert ended() == "The connection to the endpoint broke."


def refuse(status: int, code: str, times: int = 1_000_000) -> Check:
    """Return a check that refuses so often."""
    left = [times]

    def check(connection: ServerConnection, _request: Request) -> Response | None:
        if not left[0]:
            return None
        left[0] -= 1
        response = connection.respond(HTTPStatus(status), json.dumps({"ErrorCode": code, "Message": "No."}))
        response.headers["x-amzn-requestid"] = "request-1"
        return response

    return check


def test_a_refusal_is_repeated(endpoint: Endpoint) -> None:
    endpoint.start(echo, refuse(403, "AuthFailure"))
    with pytest.raises(ArgumentError, match=r"^The endpoint refused: AuthFailure: No \(request id request-1\)\.$"):
        endpoint.open()
    assert endpoint.asked == 1


@pytest.mark.parametrize(
    ("status", "code"), [(429, "Anything"), (400, "ConnectionLimitExceeded"), (400, "Throttling"), (503, "Anything")]
)
def test_a_full_endpoint_is_waited_for(endpoint: Endpoint, status: int, code: str) -> None:
    """Each attempt is signed anew."""
    endpoint.start(echo, refuse(status, code, times=2))
    close(endpoint.open())
    assert endpoint.asked == 3


def test_a_full_endpoint_is_waited_for_within_the_timeout(endpoint: Endpoint) -> None:
    endpoint.start(echo, refuse(429, "TooManyConnections"))
    with pytest.raises(ArgumentError, match=r"It was full for the whole timeout .* Set ansible_timeout to 90"):
        endpoint.open(seconds=3)


def test_a_long_refusal_is_cut() -> None:
    body = json.dumps({"ErrorCode": "InternalError", "Message": "x" * 10_000}).encode()
    code, message = endpoint_tunnel._refusal(Response(500, "Internal Server Error", Headers(), body))
    assert (code, message) == ("InternalError", "x" * 500)


def test_an_answer_that_is_no_tunnel(endpoint: Endpoint) -> None:
    endpoint.start(echo, lambda connection, _request: connection.respond(HTTPStatus.OK, "<html>Welcome</html>"))
    with pytest.raises(ArgumentError, match="HTTP status 200: OK"):
        endpoint.open()


def test_a_certificate_that_is_not_trusted(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.start(echo)
    other = tmp_path / "other"
    other.mkdir()
    certificate_of_its_own(other)
    with pytest.raises(ArgumentError, match=r"cannot be reached: .*certificate verify failed"):
        endpoint.open(ca_bundle=str(other / "certificate.pem"))


@pytest.mark.parametrize(
    ("address", "age", "said"),
    [
        ("127.0.0.2", timedelta(days=1), "IP address mismatch, certificate is not valid for '127.0.0.1'"),
        ("127.0.0.1", timedelta(days=3), "certificate has expired"),
        ("127.0.0.1", timedelta(days=-1), "certificate is not yet valid"),
    ],
    ids=["for another name", "expired", "not yet valid"],
)
def test_a_certificate_of_a_trusted_authority_must_be_right_too(
    endpoint: Endpoint, address: str, age: timedelta, said: str
) -> None:
    """Any other server with a certificate of that authority could read the signature, and stand in the middle."""
    endpoint.certify(address=address, age=age)
    endpoint.start(echo)
    with pytest.raises(ArgumentError, match=f"cannot be reached: .*{said}"):
        endpoint.open()


def test_an_end_that_is_gone_without_a_word_is_noticed(endpoint: Endpoint) -> None:
    """The system asks an idle connection whether the other end is there: after a minute, and four times."""
    endpoint.start(echo)
    tunnel = endpoint.open()
    connection = tunnel._connection.transport.get_extra_info("socket")
    assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
    options = [connection.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in names]
    assert options == [60, 15, 4]
    close(tunnel)


def test_an_endpoint_that_does_not_take_part_in_the_end_keeps_nobody_waiting(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One side is closed by ssh, and the endpoint answers nothing any more, not even the end."""
    monkeypatch.setattr(endpoint_tunnel, "_CLOSE_SECONDS", 0.1)
    stopped = threading.Event()

    async def fall_silent(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await asyncio.to_thread(stopped.wait, 20)

    endpoint.start(fall_silent)
    try:
        close(endpoint.open())
    finally:
        stopped.set()


def test_nobody_answers(endpoint: Endpoint) -> None:
    """An endpoint that accepts and says nothing: it ends with the timeout."""
    silent = socket.create_server(("127.0.0.1", 0))
    endpoint.address = f"wss://127.0.0.1:{silent.getsockname()[1]}/openTunnel"
    with silent, pytest.raises(ArgumentError, match="does not answer"):
        endpoint.open(seconds=0.3)


def test_nobody_listens(endpoint: Endpoint) -> None:
    endpoint.address = "wss://127.0.0.1:1/openTunnel"
    with pytest.raises(ArgumentError, match=r"cannot be reached: .*refused"):
        endpoint.open()


def test_a_proxy_of_the_environment_is_used(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTPS_PROXY counts and not HTTP_PROXY, and NO_PROXY holds names and not parts of them."""
    endpoint.start(echo)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    close(endpoint.open())
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with pytest.raises(ArgumentError, match="cannot be reached"):
        endpoint.open()
    monkeypatch.setenv("NO_PROXY", "27.0.0.1")
    with pytest.raises(ArgumentError, match="cannot be reached"):
        endpoint.open()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    close(endpoint.open())


@pytest.mark.parametrize(
    ("address", "proxy"),
    [("wss://127.0.0.1:port/openTunnel?secret", ""), ("https://127.0.0.1/?secret", ""), (None, "x:secret")],
)
def test_an_address_that_cannot_be_used_is_not_repeated(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, address: str | None, proxy: str
) -> None:
    """It is signed, and a proxy may have a password."""
    endpoint.address = address or "wss://127.0.0.1:1/openTunnel"
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(ArgumentError, match=r"^The address of the endpoint or of a proxy cannot be used\.") as refused:
        endpoint.open()
    assert "secret" not in str(refused.value)


def test_a_proxy_of_another_kind_needs_a_library(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint.address = "wss://127.0.0.1:1/openTunnel"
    monkeypatch.setenv("SOCKS_PROXY", "socks5://127.0.0.1:1")
    with pytest.raises(ArgumentError, match="python-socks"):
        endpoint.open()


def test_without_the_library(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_tunnel, "connect", None)
    with pytest.raises(ArgumentError, match="pip install websockets"):
        endpoint.open()
