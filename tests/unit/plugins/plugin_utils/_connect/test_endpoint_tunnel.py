# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tunnel over a real websocket with TLS: bytes both ways, how it ends, what it leaves, and how it is refused."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import endpoint_tunnel
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab.certificate import certificate_of_its_own
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

Handler = Callable[[ServerConnection], Awaitable[None]]
Check = Callable[[ServerConnection, Request], Response | None]


class Endpoint:
    """An endpoint on loopback: what it does with a connection, and where it is."""

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

    async def open(self, seconds: float = 5, ca_bundle: str | None = None) -> ClientConnection:
        """Open the websocket of a tunnel, in so many seconds at most."""
        return await endpoint_tunnel.open_websocket(self.address, ca_bundle or self.ca_bundle, seconds)

    async def ssh(self) -> Ssh:
        """Open a tunnel for an ssh."""
        return Ssh(await self.open())


class Watched(socket.socket):
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


class Ssh:
    """An ssh at the near end of a tunnel, and what the tunnel tells of its end."""

    def __init__(self, connection: ClientConnection) -> None:
        """Begin to carry what ssh sends."""
        self.said: list[str] = []
        self.tunnel = endpoint_tunnel.Tunnel(connection, self.said.append)
        self.near_end = self.tunnel._local = Watched(fileno=self.tunnel._local.detach())
        self._socket = self.tunnel.for_ssh
        self._socket.setblocking(False)

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def receive(self) -> bytes:
        """Return what comes next, which is nothing at the end."""
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self._socket, 1_000_000), 10)

    async def receive_all(self, length: int) -> bytes:
        """Return so many bytes, or fewer if the end comes before."""
        received = bytearray()
        while len(received) < length and (data := await self.receive()):
            received += data
        return bytes(received)

    def say_no_more(self) -> None:
        """Send the end, and still listen."""
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """End."""
        self._socket.close()

    async def ended(self) -> str:
        """Wait for the end of the tunnel. Returns what it told."""
        await asyncio.wait_for(self.tunnel.wait(), 10)
        assert not self.near_end.watched_when_closed
        return " ".join(self.said)

    async def end(self) -> None:
        """End, and let the tunnel end."""
        self.close()
        assert await self.ended() == ""


@pytest.fixture
def endpoint(tmp_path: Path) -> Endpoint:
    """Return an endpoint that does not answer yet."""
    return Endpoint(tmp_path)


async def echo(connection: ServerConnection) -> None:
    """Send back what comes."""
    async for message in connection:
        await connection.send(message)


async def listen(connection: ServerConnection) -> None:
    """Send nothing until the end."""
    await connection.wait_closed()


async def eventually(condition: Callable[[], bool]) -> bool:
    """Let the loop run until the condition holds. Returns whether it does."""
    until = time.monotonic() + 10
    while not condition() and time.monotonic() < until:  # noqa: ASYNC110 - it may be about anything
        await asyncio.sleep(0.005)
    return condition()


# -- What is carried ---------------------------------------------------------------------------------------------------


def test_every_byte_arrives_both_ways(endpoint: Endpoint) -> None:
    """More than all buffers on the way hold, while nobody reads: each direction waits for the other end."""
    sent = os.urandom(20_000_000)

    async def scenario() -> None:
        async with endpoint.serving(echo):
            ssh = await endpoint.ssh()
            sending = asyncio.create_task(ssh.send(sent))
            received = await ssh.receive_all(len(sent))
            await sending
            assert hashlib.sha256(received).digest() == hashlib.sha256(sent).digest()
            await ssh.end()

    asyncio.run(scenario())


def test_tunnels_of_one_loop_carry_their_bytes_unmixed(endpoint: Endpoint) -> None:
    async def talk(content: bytes) -> None:
        ssh = await endpoint.ssh()
        sending = asyncio.create_task(ssh.send(content))
        assert await ssh.receive_all(len(content)) == content
        await sending
        await ssh.end()

    async def scenario() -> None:
        async with endpoint.serving(echo):
            await asyncio.gather(*(talk(os.urandom(500_000)) for _number in range(10)))

    asyncio.run(scenario())


def test_an_endpoint_does_not_send_faster_than_ssh_reads(endpoint: Endpoint) -> None:
    """Else the data of a slow ssh would pile up in the process that carries those of all others."""
    sent: list[int] = []

    async def send_without_end(connection: ServerConnection) -> None:
        while True:
            await connection.send(bytes(60_000))
            sent.append(60_000)

    async def scenario() -> None:
        async with endpoint.serving(send_without_end):
            ssh = await endpoint.ssh()
            # It comes to rest: nothing more is taken between two looks.
            before = -1
            while before != sum(sent):
                before = sum(sent)
                await asyncio.sleep(0.3)
            assert 0 < before < 20_000_000
            await ssh.receive_all(before)
            assert await eventually(lambda: sum(sent) > before)
            await ssh.end()

    asyncio.run(scenario())


def test_messages_are_as_long_as_the_service_takes(endpoint: Endpoint) -> None:
    lengths: list[int] = []

    async def measure(connection: ServerConnection) -> None:
        async for message in connection:
            assert isinstance(message, bytes)
            lengths.append(len(message))

    async def scenario() -> None:
        async with endpoint.serving(measure):
            ssh = await endpoint.ssh()
            await ssh.send(bytes(1_000_000))
            assert await eventually(lambda: sum(lengths) == 1_000_000)
            await ssh.end()

    asyncio.run(scenario())
    assert max(lengths) <= 65_000


def test_a_long_message_of_the_endpoint_arrives(endpoint: Endpoint) -> None:
    """More than the library takes by default, which is 1 MiB."""
    sent = os.urandom(1_500_000)

    async def send(connection: ServerConnection) -> None:
        await connection.send(sent)
        await connection.wait_closed()

    async def scenario() -> None:
        async with endpoint.serving(send):
            ssh = await endpoint.ssh()
            assert await ssh.receive_all(len(sent)) == sent
            await ssh.end()

    asyncio.run(scenario())


def test_an_endpoint_that_answers_no_ping_is_not_given_up(endpoint: Endpoint) -> None:
    """The library would close the tunnel of one that is slow to answer. The system looks after dead ends."""

    async def scenario() -> None:
        async with endpoint.serving(echo):
            connection = await endpoint.open()
            assert connection.ping_interval is None
            await Ssh(connection).end()

    asyncio.run(scenario())


@pytest.mark.parametrize("has_more_to_say", [True, False])
def test_a_tunnel_that_is_idle_takes_no_time(endpoint: Endpoint, has_more_to_say: bool) -> None:
    """Also where one side has closed and the other one still listens."""

    async def scenario() -> None:
        async with endpoint.serving(echo):
            ssh = await endpoint.ssh()
            await ssh.send(b"hello")
            assert await ssh.receive() == b"hello"
            if not has_more_to_say:
                ssh.say_no_more()
            began = time.process_time()
            # What is measured is that nothing happens in this time.
            await asyncio.sleep(1)
            assert time.process_time() - began < 0.05
            await ssh.end()

    asyncio.run(scenario())


# -- How it ends -------------------------------------------------------------------------------------------------------


def test_the_endpoint_is_told_of_the_end_where_ssh_has_died(endpoint: Endpoint) -> None:
    """Its place is free at once."""
    ended_with: list[int | None] = []

    async def send_without_end(connection: ServerConnection) -> None:
        try:
            while True:
                await connection.send(bytes(10_000))
        except ConnectionClosed as closed:
            ended_with.append(closed.rcvd.code if closed.rcvd else None)

    async def scenario() -> None:
        async with endpoint.serving(send_without_end):
            ssh = await endpoint.ssh()
            await ssh.receive()
            await ssh.end()
            assert await eventually(lambda: bool(ended_with))

    asyncio.run(scenario())
    assert ended_with == [1000]


def test_a_side_that_has_nothing_more_to_say_may_still_listen(endpoint: Endpoint) -> None:
    """Half-close: what comes after it still arrives."""

    async def scenario() -> None:
        said_no_more = asyncio.Event()

        async def answer_late(connection: ServerConnection) -> None:
            await connection.recv()
            await said_no_more.wait()
            await connection.send(b"late")
            with pytest.raises(ConnectionClosed):
                await connection.recv()

        async with endpoint.serving(answer_late):
            ssh = await endpoint.ssh()
            await ssh.send(b"question")
            ssh.say_no_more()
            said_no_more.set()
            assert await ssh.receive() == b"late"
            await ssh.end()

    asyncio.run(scenario())


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
    async def scenario() -> None:
        async with endpoint.serving(lambda connection: connection.close(code, reason)):
            ssh = await endpoint.ssh()
            assert await ssh.ended() == said
            assert await ssh.receive() == b""
            ssh.close()

    asyncio.run(scenario())


def test_the_reason_is_told_before_ssh_sees_the_end(endpoint: Endpoint) -> None:
    """The plugin asks for it as soon as ssh has failed."""

    async def scenario() -> None:
        async with endpoint.serving(lambda connection: connection.close(1011, "Out of order")):
            seen: list[bool] = []
            tunnel: endpoint_tunnel.Tunnel

            def tell(_sentence: str) -> None:
                with pytest.raises(BlockingIOError):
                    tunnel.for_ssh.recv(1)
                seen.append(True)

            tunnel = endpoint_tunnel.Tunnel(await endpoint.open(), tell)
            with tunnel.for_ssh:
                tunnel.for_ssh.setblocking(False)
                await tunnel.wait()
                assert seen == [True]
                assert tunnel.for_ssh.recv(1) == b""

    asyncio.run(scenario())


def test_text_is_no_part_of_the_protocol(endpoint: Endpoint) -> None:
    async def scenario() -> None:
        async with endpoint.serving(lambda connection: connection.send("text")):
            ssh = await endpoint.ssh()
            assert "sent text" in await ssh.ended()
            ssh.close()

    asyncio.run(scenario())


async def break_off(connection: ServerConnection) -> None:
    """End without a word."""
    connection.transport.abort()


def test_a_connection_that_breaks_is_told(endpoint: Endpoint) -> None:
    async def scenario() -> None:
        async with endpoint.serving(break_off):
            ssh = await endpoint.ssh()
            assert await ssh.ended() == "The connection to the endpoint broke."
            ssh.close()

    asyncio.run(scenario())


def test_an_endpoint_that_does_not_take_part_in_the_end_keeps_nobody_waiting(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One side is closed by ssh, and the endpoint answers nothing any more, not even the end."""
    monkeypatch.setattr(endpoint_tunnel, "_CLOSE_SECONDS", 0.1)

    async def scenario() -> None:
        stopped = asyncio.Event()

        async def fall_silent(connection: ServerConnection) -> None:
            connection.transport.pause_reading()
            await stopped.wait()
            connection.transport.resume_reading()

        async with endpoint.serving(fall_silent):
            ssh = await endpoint.ssh()
            await ssh.end()
            stopped.set()

    asyncio.run(scenario())


def test_a_tunnel_that_is_closed_lets_ssh_see_the_end_and_waits_for_its_own(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until ssh has ended, the next one would still share its connection."""
    monkeypatch.setattr(endpoint_tunnel, "_CLOSE_SECONDS", 60)

    async def scenario() -> None:
        async with endpoint.serving(echo):
            ssh = await endpoint.ssh()
            closing = asyncio.create_task(ssh.tunnel.close())
            assert await ssh.receive() == b""
            # What ssh says last still reaches the endpoint, which sends it back to nobody.
            await ssh.send(b"bye")
            assert not closing.done()
            ssh.close()
            await asyncio.wait_for(closing, 10)
            assert await ssh.ended() == ""

    asyncio.run(scenario())


def test_a_tunnel_that_is_closed_does_not_wait_for_ever_for_an_ssh_that_hangs(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint_tunnel, "_CLOSE_SECONDS", 0.1)

    async def scenario() -> None:
        async with endpoint.serving(echo):
            ssh = await endpoint.ssh()
            await asyncio.wait_for(ssh.tunnel.close(), 10)
            assert await ssh.ended() == ""
            ssh.close()

    asyncio.run(scenario())


def test_a_tunnel_that_has_ended_may_be_closed(endpoint: Endpoint) -> None:
    async def scenario() -> None:
        async with endpoint.serving(echo):
            ssh = await endpoint.ssh()
            await ssh.end()
            await ssh.tunnel.close()

    asyncio.run(scenario())


# -- What it leaves ----------------------------------------------------------------------------------------------------


async def ended_by_ssh(ssh: Ssh) -> None:
    """End ssh, whose process is gone."""
    ssh.close()


async def ended_by_an_ssh_that_sends(ssh: Ssh) -> None:
    """End ssh while a message is on its way."""
    await ssh.send(bytes(200_000))
    ssh.close()


async def ended_by_an_ssh_that_says_no_more(ssh: Ssh) -> None:
    """End ssh after it has sent its end."""
    ssh.say_no_more()
    ssh.close()


async def ended_by_the_run(ssh: Ssh) -> None:
    """Close the tunnel, while ssh does not react."""
    await ssh.tunnel.close()
    ssh.close()


async def ended_by_the_endpoint(ssh: Ssh) -> None:
    """Wait for the endpoint."""
    await ssh.tunnel.wait()
    ssh.close()


def number_of_open_files() -> int:
    """Return how many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize(
    ("handler", "end"),
    [
        (echo, ended_by_ssh),
        (listen, ended_by_an_ssh_that_sends),
        (echo, ended_by_an_ssh_that_says_no_more),
        (echo, ended_by_the_run),
        (lambda connection: connection.close(1000), ended_by_the_endpoint),
        (lambda connection: connection.close(1011, "No"), ended_by_the_endpoint),
        (lambda connection: connection.send("text"), ended_by_the_endpoint),
        (break_off, ended_by_the_endpoint),
    ],
    ids=["ssh", "ssh sends", "ssh says no more", "the run", "the endpoint", "with a reason", "with text", "broken"],
)
def test_nothing_is_left_of_a_tunnel_that_has_ended(
    endpoint: Endpoint, handler: Handler, end: Callable[[Ssh], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No task, no file, and no number that the event loop watches: the process makes all tunnels of a run."""
    monkeypatch.setattr(endpoint_tunnel, "_CLOSE_SECONDS", 0.2)

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        async with endpoint.serving(handler):
            tasks, files = asyncio.all_tasks(), number_of_open_files()
            ssh = await endpoint.ssh()
            number = ssh.near_end.fileno()
            await end(ssh)
            await ssh.ended()
            # The endpoint, in this process too, ends a moment later.
            assert await eventually(lambda: asyncio.all_tasks() == tasks)
            assert await eventually(lambda: number_of_open_files() == files)
            assert not loop.remove_reader(number)
            assert not loop.remove_writer(number)

    asyncio.run(scenario())


def test_a_new_tunnel_may_get_the_numbers_of_one_that_has_ended(endpoint: Endpoint) -> None:
    """What is left of the old one must not take the readiness of the new one, which would hang."""

    async def scenario() -> None:
        async with endpoint.serving(echo):
            ssh = await endpoint.ssh()
            for number in range(20):
                content = os.urandom(1_000 + number)
                await ssh.send(content)
                assert await ssh.receive_all(len(content)) == content
                before = ssh
                before.close()
                # It is opened while the one before it ends.
                ssh = await asyncio.wait_for(endpoint.ssh(), 10)
                assert await before.ended() == ""
            await ssh.end()

    asyncio.run(scenario())


# -- How it is opened --------------------------------------------------------------------------------------------------


def opened(endpoint: Endpoint, handler: Handler, check: Check | None = None, *, ca_bundle: str | None = None) -> None:
    """Open a tunnel to an endpoint that answers, and close it. Raises what the opening raises."""

    async def scenario() -> None:
        async with endpoint.serving(handler, check):
            await Ssh(await endpoint.open(ca_bundle=ca_bundle)).end()

    asyncio.run(scenario())


def opened_at_its_address(endpoint: Endpoint, seconds: float = 5) -> None:
    """Open a tunnel where no endpoint is. Raises what the opening raises."""
    asyncio.run(endpoint.open(seconds))


def refuse(status: int, code: str) -> Check:
    """Return a check that refuses all."""

    def check(connection: ServerConnection, _request: Request) -> Response:
        response = connection.respond(HTTPStatus(status), json.dumps({"ErrorCode": code, "Message": "No."}))
        response.headers["x-amzn-requestid"] = "request-1"
        return response

    return check


def test_a_refusal_is_repeated(endpoint: Endpoint) -> None:
    with pytest.raises(
        ArgumentError, match=r"^The endpoint refused: AuthFailure: No \(request id request-1\)\.$"
    ) as refused:
        opened(endpoint, echo, refuse(403, "AuthFailure"))
    assert not isinstance(refused.value, endpoint_tunnel.EndpointFullError)


@pytest.mark.parametrize(
    ("status", "code"), [(429, "Anything"), (400, "ConnectionLimitExceeded"), (400, "Throttling"), (503, "Anything")]
)
def test_a_full_endpoint_is_told_from_one_that_refuses(endpoint: Endpoint, status: int, code: str) -> None:
    """It may be waited for."""
    with pytest.raises(endpoint_tunnel.EndpointFullError, match=rf"^The endpoint refused: {code}: No "):
        opened(endpoint, echo, refuse(status, code))


def test_a_long_refusal_is_cut() -> None:
    body = json.dumps({"ErrorCode": "InternalError", "Message": "x" * 10_000}).encode()
    code, message = endpoint_tunnel._refusal(Response(500, "Internal Server Error", Headers(), body))
    assert (code, message) == ("InternalError", "x" * 500)


def test_an_answer_that_is_no_tunnel(endpoint: Endpoint) -> None:
    with pytest.raises(ArgumentError, match="HTTP status 200: OK"):
        opened(endpoint, echo, lambda connection, _request: connection.respond(HTTPStatus.OK, "<html>Welcome</html>"))


def test_nothing_is_left_of_a_tunnel_that_was_refused(endpoint: Endpoint) -> None:
    async def scenario() -> None:
        async with endpoint.serving(echo, refuse(429, "Anything")):
            tasks, files = asyncio.all_tasks(), number_of_open_files()
            for _number in range(5):
                with pytest.raises(endpoint_tunnel.EndpointFullError):
                    await endpoint.open()
            assert await eventually(lambda: asyncio.all_tasks() == tasks)
            assert await eventually(lambda: number_of_open_files() == files)

    asyncio.run(scenario())


def test_a_certificate_that_is_not_trusted(endpoint: Endpoint, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    certificate_of_its_own(other)
    with pytest.raises(ArgumentError, match=r"cannot be reached: .*certificate verify failed"):
        opened(endpoint, echo, ca_bundle=str(other / "certificate.pem"))


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
    with pytest.raises(ArgumentError, match=f"cannot be reached: .*{said}"):
        opened(endpoint, echo)


def test_a_file_of_certificates_is_read_once_and_again_when_it_has_changed(endpoint: Endpoint) -> None:
    """A run may last for hours, and reading the file takes longer than opening a tunnel."""
    bundle = endpoint.ca_bundle
    first = endpoint_tunnel._trusting(bundle)
    assert endpoint_tunnel._trusting(bundle) is first
    opened(endpoint, echo)
    endpoint.certify()
    second = endpoint_tunnel._trusting(bundle)
    assert second is not first
    assert second.get_ca_certs() != first.get_ca_certs()
    opened(endpoint, echo)


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_file_of_certificates_that_cannot_be_read_is_a_sentence(
    endpoint: Endpoint, tmp_path: Path, content: str | None
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    with pytest.raises(ArgumentError, match=r"\.$"):
        opened(endpoint, echo, ca_bundle=str(bundle))


def test_an_end_that_is_gone_without_a_word_is_noticed(endpoint: Endpoint) -> None:
    """The system asks an idle connection whether the other end is there: after a minute, and four times."""

    async def scenario() -> None:
        async with endpoint.serving(echo):
            connection = await endpoint.open()
            found = connection.transport.get_extra_info("socket")
            assert found.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
            options = [found.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in names]
            assert options == [60, 15, 4]
            await Ssh(connection).end()

    asyncio.run(scenario())


def test_nobody_answers(endpoint: Endpoint) -> None:
    """An endpoint that accepts and says nothing: it ends with the timeout."""
    silent = socket.create_server(("127.0.0.1", 0))
    endpoint.address = f"wss://127.0.0.1:{silent.getsockname()[1]}/openTunnel"
    with silent, pytest.raises(ArgumentError, match="does not answer"):
        opened_at_its_address(endpoint, seconds=0.3)


def test_nobody_listens(endpoint: Endpoint) -> None:
    endpoint.address = "wss://127.0.0.1:1/openTunnel"
    with pytest.raises(ArgumentError, match=r"cannot be reached: .*refused"):
        opened_at_its_address(endpoint)


def test_a_proxy_of_the_environment_is_used(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTPS_PROXY counts and not HTTP_PROXY, and NO_PROXY holds names and not parts of them."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    opened(endpoint, echo)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with pytest.raises(ArgumentError, match="cannot be reached"):
        opened(endpoint, echo)
    monkeypatch.setenv("NO_PROXY", "27.0.0.1")
    with pytest.raises(ArgumentError, match="cannot be reached"):
        opened(endpoint, echo)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    opened(endpoint, echo)


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
        opened_at_its_address(endpoint)
    assert "secret" not in str(refused.value)


def test_a_proxy_of_another_kind_needs_a_library(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint.address = "wss://127.0.0.1:1/openTunnel"
    monkeypatch.setenv("SOCKS_PROXY", "socks5://127.0.0.1:1")
    with pytest.raises(ArgumentError, match="python-socks"):
        opened_at_its_address(endpoint)


def test_without_the_library(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_tunnel, "connect", None)
    with pytest.raises(ArgumentError, match="pip install websockets"):
        opened_at_its_address(endpoint)
