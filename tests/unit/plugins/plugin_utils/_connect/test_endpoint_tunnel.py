# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tunnel over a real websocket with TLS: bytes both ways, how it ends, what it leaves, and whether it is full."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import socket
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import endpoint_tunnel, websocket
from ansible_collections.sshkeys.aws.tests.unit.websocket_server import (
    Check,
    Handler,
    Watched,
    WebsocketServer,
    echo,
    eventually,
    number_of_open_files,
)
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response


class Endpoint(WebsocketServer):
    """An endpoint on loopback, and tunnels through it."""

    async def open(self, seconds: float = 5, ca_bundle: str | None = None) -> ClientConnection:
        """Open the websocket of a tunnel, in so many seconds at most."""
        return await endpoint_tunnel.open_websocket(self.address, ca_bundle or self.ca_bundle, seconds)

    async def ssh(self) -> Ssh:
        """Open a tunnel for an ssh."""
        return Ssh(await self.open())


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


async def listen(connection: ServerConnection) -> None:
    """Send nothing until the end."""
    await connection.wait_closed()


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
    monkeypatch.setattr(websocket, "CLOSE_SECONDS", 0.1)

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
    monkeypatch.setattr(websocket, "CLOSE_SECONDS", 60)

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
    monkeypatch.setattr(websocket, "CLOSE_SECONDS", 0.1)

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
    monkeypatch.setattr(websocket, "CLOSE_SECONDS", 0.2)

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


def opened(endpoint: Endpoint, check: Check) -> None:
    """Open a tunnel to an endpoint that answers, and close it. Raises what the opening raises."""

    async def scenario() -> None:
        async with endpoint.serving(echo, check):
            await Ssh(await endpoint.open()).end()

    asyncio.run(scenario())


def refuse(status: int, code: str) -> Check:
    """Return a check that refuses all."""

    def check(connection: ServerConnection, _request: Request) -> Response:
        return connection.respond(HTTPStatus(status), json.dumps({"ErrorCode": code, "Message": "No."}))

    return check


def test_a_refusal_is_that_of_the_endpoint(endpoint: Endpoint) -> None:
    with pytest.raises(ArgumentError, match=r"^The endpoint refused: AuthFailure: No\.$") as refused:
        opened(endpoint, refuse(403, "AuthFailure"))
    assert not isinstance(refused.value, endpoint_tunnel.EndpointFullError)


@pytest.mark.parametrize(
    ("status", "code", "has_no_place"),
    [
        (429, "Anything", False),
        (503, "Anything", False),
        (400, "Throttling", False),
        (400, "TooManyRequests", False),
        (400, "ConnectionLimitExceeded", True),
        (429, "ServiceQuotaExceeded", True),
    ],
)
def test_a_full_endpoint_is_told_from_one_that_refuses(
    endpoint: Endpoint, status: int, code: str, has_no_place: bool
) -> None:
    """It may be waited for, and a place may be given up where there is none."""
    with pytest.raises(endpoint_tunnel.EndpointFullError, match=rf"^The endpoint refused: {code}: No\.$") as full:
        opened(endpoint, refuse(status, code))
    assert full.value.has_no_place is has_no_place


def test_an_endpoint_is_asked_for_no_sign_of_life(endpoint: Endpoint) -> None:
    """And it is sent nothing but the signed address."""
    asked: list[Request] = []

    def note(_connection: ServerConnection, request: Request) -> None:
        asked.append(request)

    opened(endpoint, note)
    assert asked[0].path == "/openTunnel?a=b"
    assert "Authorization" not in asked[0].headers


def test_an_address_that_cannot_be_used_names_where_it_is_from(endpoint: Endpoint) -> None:
    endpoint.address = "wss://127.0.0.1:port/openTunnel"
    with pytest.raises(ArgumentError, match=r"Check ansible_ec2_instance_connect_endpoint_dns_name, and HTTPS_PROXY"):
        asyncio.run(endpoint.open())
