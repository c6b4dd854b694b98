# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a websocket is opened, with TLS, to a real server on loopback: what is sent, and what may go wrong."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import websocket
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.websocket import Peer, RefusedError
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab.certificate import certificate_of_its_own
from ansible_collections.sshkeys.aws.tests.unit.websocket_server import (
    Check,
    Handler,
    WebsocketServer,
    echo,
    eventually,
    number_of_open_files,
)
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

PEER = Peer("the service", "ansible_some_option")


class Server(WebsocketServer):
    """A server, and connections to it."""

    async def open(
        self,
        seconds: float = 5,
        ca_bundle: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        ping_seconds: float | None = None,
    ) -> ClientConnection:
        """Open a websocket, in so many seconds at most."""
        return await websocket.open_websocket(
            PEER, self.address, ca_bundle or self.ca_bundle, seconds, headers=headers, ping_seconds=ping_seconds
        )


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """Return a server that does not answer yet."""
    return Server(tmp_path)


def opened(server: Server, handler: Handler, check: Check | None = None, *, ca_bundle: str | None = None) -> None:
    """Open a websocket to a server that answers, and close it. Raises what the opening raises."""

    async def scenario() -> None:
        async with server.serving(handler, check):
            await (await server.open(ca_bundle=ca_bundle)).close()

    asyncio.run(scenario())


def opened_at_its_address(server: Server, seconds: float = 5) -> None:
    """Open a websocket where no server is. Raises what the opening raises."""
    asyncio.run(server.open(seconds))


# -- What is sent ------------------------------------------------------------------------------------------------------


def test_the_request_has_the_headers_that_are_given_and_an_address_as_it_stands(server: Server) -> None:
    """The address and the headers are signed."""
    asked: list[Request] = []

    def note(_connection: ServerConnection, request: Request) -> None:
        asked.append(request)

    async def scenario() -> None:
        async with server.serving(echo, note):
            server.address = server.address.replace("?a=b", "?role=x&cell-number=AAE/+a=")
            for headers in (None, {"Authorization": "AWS4-HMAC-SHA256 a=b, c=d", "X-Amz-Date": "20260101T000000Z"}):
                await (await server.open(headers=headers)).close()

    asyncio.run(scenario())
    plain, signed = asked
    assert plain.path == signed.path == "/openTunnel?role=x&cell-number=AAE/+a="
    assert plain.headers["User-Agent"] == "sshkeys.aws"
    assert plain.headers["Host"] == server.address.split("/")[2]
    assert "Sec-WebSocket-Extensions" not in plain.headers
    assert "Origin" not in plain.headers
    assert set(signed.headers) - set(plain.headers) == {"authorization", "x-amz-date"}
    assert signed.headers["Authorization"] == "AWS4-HMAC-SHA256 a=b, c=d"


def test_a_header_that_is_none_is_a_sentence_without_it(server: Server) -> None:
    """It may be a secret."""

    async def scenario() -> None:
        async with server.serving(echo):
            await server.open(headers={"X-Amz-Security-Token": "secret\r\nX: y"})

    with pytest.raises(ArgumentError, match="A credential contains a character that HTTP does not allow") as failed:
        asyncio.run(scenario())
    assert "secret" not in str(failed.value)


def test_a_service_may_be_reached_without_tls(server: Server) -> None:
    """One of the user's own. No certificates are read for it."""

    async def scenario() -> None:
        async with websocket_without_tls() as address:
            server.address = address
            connection = await server.open(ca_bundle="/nonexistent")
            await connection.send(b"hello")
            assert await connection.recv() == b"hello"
            await connection.close()

    asyncio.run(scenario())


@asynccontextmanager
async def websocket_without_tls() -> AsyncIterator[str]:
    """Serve in this block, at the address that is returned."""
    async with serve(echo, "127.0.0.1", 0) as serving:
        (listening,) = serving.sockets
        yield f"ws://127.0.0.1:{listening.getsockname()[1]}/"


# -- Whether the other end is there ------------------------------------------------------------------------------------


def test_an_end_that_is_gone_without_a_word_is_noticed(server: Server) -> None:
    """The system asks an idle connection whether the other end is there: after a minute, and four times."""

    async def scenario() -> None:
        async with server.serving(echo):
            connection = await server.open()
            found = connection.transport.get_extra_info("socket")
            assert found.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
            options = [found.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in names]
            assert options == [60, 15, 4]
            await connection.close()

    asyncio.run(scenario())


def test_pings_are_sent_if_they_are_asked_for_and_nobody_waits_for_the_answers(server: Server) -> None:
    """While ssh takes nothing, no answer is read."""

    async def scenario() -> None:
        async with server.serving(wait_for_the_end):
            connection = await server.open(ping_seconds=5)
            assert (connection.ping_interval, connection.ping_timeout) == (5, None)
            await connection.close()
            connection = await server.open()
            assert connection.ping_interval is None
            await connection.close()

    asyncio.run(scenario())


async def wait_for_the_end(connection: ServerConnection) -> None:
    """Take part in nothing but the end."""
    await connection.wait_closed()


def test_a_redirect_is_a_refusal(server: Server) -> None:
    """Where it leads must not get the headers, nor the messages."""

    def lead_away(_connection: ServerConnection, _request: Request) -> Response:
        return Response(302, "Found", Headers({"Location": "wss://elsewhere.invalid/"}), b"")

    async def scenario() -> None:
        async with server.serving(wait_for_the_end, lead_away):
            with pytest.raises(websocket.RefusedError, match="HTTP status 302"):
                await server.open()

    asyncio.run(scenario())


def test_a_server_that_answers_pings_is_not_given_up(server: Server) -> None:
    async def scenario() -> None:
        async with server.serving(echo):
            connection = await server.open(ping_seconds=0.05)
            await asyncio.sleep(0.3)
            await connection.send(b"hello")
            assert await connection.recv() == b"hello"
            await connection.close()

    asyncio.run(scenario())


def test_no_pings_are_sent_unless_they_are_asked_for(server: Server) -> None:
    """The library would close the websocket of a server that is slow to answer."""

    async def scenario() -> None:
        async with server.serving(echo):
            connection = await server.open()
            assert (connection.ping_interval, connection.ping_timeout) == (None, None)
            await connection.close()

    asyncio.run(scenario())


# -- What may go wrong -------------------------------------------------------------------------------------------------


def refuse(status: int, code: str) -> Check:
    """Return a check that refuses all."""

    def check(connection: ServerConnection, _request: Request) -> Response:
        response = connection.respond(HTTPStatus(status), json.dumps({"ErrorCode": code, "Message": "No."}))
        response.headers["x-amzn-requestid"] = "request-1"
        return response

    return check


def test_a_refusal_is_repeated(server: Server) -> None:
    """Its status and its code say whether it is useful to try again."""
    with pytest.raises(
        RefusedError, match=r"^The service refused: AuthFailure: No \(request id request-1\)\.$"
    ) as refused:
        opened(server, echo, refuse(403, "AuthFailure"))
    assert (refused.value.status, refused.value.code) == (403, "AuthFailure")


def test_a_long_refusal_is_cut() -> None:
    body = json.dumps({"ErrorCode": "InternalError", "Message": "x" * 10_000}).encode()
    code, message = websocket._refusal(Response(500, "Internal Server Error", Headers(), body))
    assert (code, message) == ("InternalError", "x" * 500)


def test_an_answer_that_is_no_websocket(server: Server) -> None:
    with pytest.raises(RefusedError, match=r"^The service refused: HTTP status 200: OK\.$") as refused:
        opened(server, echo, lambda connection, _request: connection.respond(HTTPStatus.OK, "<html>Welcome</html>"))
    assert (refused.value.status, refused.value.code) == (200, "HTTP status 200")


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"7", b'{"Message": "No."}', b'{"ErrorCode": "No"}', b"\xff{"])
def test_a_refusal_without_a_code_is_its_status(body: bytes) -> None:
    code, message = websocket._refusal(Response(403, "Forbidden", Headers(), body))
    assert (code, message) == ("HTTP status 403", "Forbidden")


def test_a_refusal_does_not_draw_on_the_screen() -> None:
    body = json.dumps({"ErrorCode": "\x1b[31mNo", "Message": "\x1b[2Jred."}).encode()
    response = Response(403, "Forbidden", Headers({"x-amzn-requestid": "request-1\x85"}), body)
    assert websocket._refusal(response) == ("[31mNo", "[2Jred (request id request-1)")


def test_nothing_is_left_of_a_websocket_that_was_refused(server: Server) -> None:
    async def scenario() -> None:
        async with server.serving(echo, refuse(429, "Anything")):
            tasks, files = asyncio.all_tasks(), number_of_open_files()
            for _number in range(5):
                with pytest.raises(RefusedError):
                    await server.open()
            assert await eventually(lambda: asyncio.all_tasks() == tasks)
            assert await eventually(lambda: number_of_open_files() == files)

    asyncio.run(scenario())


def test_a_certificate_that_is_not_trusted(server: Server, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    certificate_of_its_own(other)
    with pytest.raises(ArgumentError, match=r"cannot be reached: .*certificate verify failed"):
        opened(server, echo, ca_bundle=str(other / "certificate.pem"))


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
    server: Server, address: str, age: timedelta, said: str
) -> None:
    """Any other server with a certificate of that authority could read the signature, and stand in the middle."""
    server.certify(address=address, age=age)
    with pytest.raises(ArgumentError, match=f"cannot be reached: .*{said}"):
        opened(server, echo)


def test_a_file_of_certificates_is_read_once_and_again_when_it_has_changed(server: Server) -> None:
    """A run may last for hours, and reading the file takes longer than opening a websocket."""
    bundle = server.ca_bundle
    first = websocket._trusting(bundle)
    assert websocket._trusting(bundle) is first
    opened(server, echo)
    server.certify()
    second = websocket._trusting(bundle)
    assert second is not first
    assert second.get_ca_certs() != first.get_ca_certs()
    opened(server, echo)


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_file_of_certificates_that_cannot_be_read_is_a_sentence(
    server: Server, tmp_path: Path, content: str | None
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    with pytest.raises(ArgumentError, match=r"^The certificates in .*bundle\.pem cannot be read: .*AWS_CA_BUNDLE.*\.$"):
        opened(server, echo, ca_bundle=str(bundle))


def test_this_machine_is_checked_without_a_peer(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(server, echo)
    websocket.check_this_machine(server.ca_bundle)
    with pytest.raises(ArgumentError, match=r"^The certificates in .*nowhere\.pem cannot be read: .*AWS_CA_BUNDLE"):
        websocket.check_this_machine(str(tmp_path / "nowhere.pem"))
    monkeypatch.setattr(websocket, "connect", None)
    with pytest.raises(ArgumentError, match="pip install websockets"):
        websocket.check_this_machine(server.ca_bundle)


def test_nobody_answers(server: Server) -> None:
    """A server that accepts and says nothing: it ends with the timeout."""
    silent = socket.create_server(("127.0.0.1", 0))
    server.address = f"wss://127.0.0.1:{silent.getsockname()[1]}/openTunnel"
    said = r"^The service does not answer\. Check ansible_timeout, and the network path to the service\.$"
    with silent, pytest.raises(ArgumentError, match=said):
        opened_at_its_address(server, seconds=0.3)


def test_nobody_listens(server: Server) -> None:
    server.address = "wss://127.0.0.1:1/openTunnel"
    with pytest.raises(ArgumentError, match=r"^The service cannot be reached: Connection refused\.$"):
        opened_at_its_address(server)


def test_a_proxy_of_the_environment_is_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTPS_PROXY counts and not HTTP_PROXY, and NO_PROXY holds names and not parts of them."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    opened(server, echo)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with pytest.raises(ArgumentError, match="cannot be reached"):
        opened(server, echo)
    monkeypatch.setenv("NO_PROXY", "27.0.0.1")
    with pytest.raises(ArgumentError, match="cannot be reached"):
        opened(server, echo)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    opened(server, echo)


@pytest.mark.parametrize(
    ("address", "proxy"),
    [("wss://127.0.0.1:port/openTunnel?secret", ""), ("https://127.0.0.1/?secret", ""), (None, "x:secret")],
)
def test_an_address_that_cannot_be_used_is_not_repeated(
    server: Server, monkeypatch: pytest.MonkeyPatch, address: str | None, proxy: str
) -> None:
    """It is signed, and a proxy may have a password."""
    server.address = address or "wss://127.0.0.1:1/openTunnel"
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(ArgumentError, match=r"^The address of the service or of a proxy cannot be used\.") as refused:
        opened_at_its_address(server)
    assert str(refused.value).endswith("Check ansible_some_option, and HTTPS_PROXY in the environment.")
    assert "secret" not in str(refused.value)


def test_a_proxy_of_another_kind_needs_a_library(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.address = "wss://127.0.0.1:1/openTunnel"
    monkeypatch.setenv("SOCKS_PROXY", "socks5://127.0.0.1:1")
    with pytest.raises(ArgumentError, match="python-socks"):
        opened_at_its_address(server)


def test_without_the_library(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "connect", None)
    with pytest.raises(ArgumentError, match="pip install websockets"):
        opened_at_its_address(server)


def test_who_is_cancelled_leaves_nothing(server: Server) -> None:
    """Neither while the server says nothing, nor while it takes its time with the answer."""

    async def scenario() -> None:
        asked = asyncio.Event()

        async def wait(_connection: ServerConnection, _request: Request) -> None:
            asked.set()
            await asyncio.sleep(60)

        async with server.serving(echo, wait):
            tasks, files = asyncio.all_tasks(), number_of_open_files()
            opening = asyncio.create_task(server.open())
            await asked.wait()
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
            assert await eventually(lambda: number_of_open_files() <= files)
            for task in asyncio.all_tasks() - tasks:
                # The server's.
                task.cancel()

    asyncio.run(scenario())
