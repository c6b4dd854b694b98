# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way through Session Manager: which calls it makes with which credentials, and what it leaves.

The websocket is real, and the calls are those of a client that notes them.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import INSTANCE_CONNECT, SSM, ClientError
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, ServiceError, SetUpError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import accounts as accounts_module
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.accounts import Accounts
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.commands import Commands
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.facts import Facts
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.host import Host
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager import (
    tunnel as tunnel_module,
    way as module,
)
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager.open_sessions import OpenSessions
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager.way import (
    SessionManagerWay,
    terminate,
)
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.tasks import start
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.websocket import open_websocket
from ansible_collections.sshkeys.aws.tests.unit.session_manager import BANNER, SessionManager
from ansible_collections.sshkeys.aws.tests.unit.websocket_server import eventually
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

INSTANCE_ID = "i-0123456789abcdef0"
SESSION_ID = "alice-0123456789abcdef0"
AWS = {"region": "us-east-1", "access_key": "AKIA0", "secret_key": "secret", "endpoint_url": "http://127.0.0.1:1"}
PATIENCE_SECONDS = 10


class Calls:
    """AWS, for clients whose access keys it notes.

    made: each call with the access key of its client. failing: the calls that it refuses. hold: lets StartSession wait.
    """

    def __init__(self) -> None:
        """Refuse nothing."""
        self.made: list[tuple[str, str]] = []
        self.arguments: list[dict[str, Any]] = []
        self.failing: dict[str, str] = {}
        self.hold: threading.Event | None = None
        self.url = ""

    def client(self, session: Session, service: str) -> Client:
        """Return the client of a session."""
        assert service in (INSTANCE_CONNECT, SSM)
        return Client(self, str(session.params["access_key"]))

    def call(self, name: str, access_key: str, **arguments: Any) -> dict[str, Any]:
        """Answer."""
        self.made.append((name, access_key))
        self.arguments.append(arguments)
        if name == "StartSession" and self.hold:
            assert self.hold.wait(PATIENCE_SECONDS)
        if name in self.failing:
            raise ClientError({"Error": {"Code": self.failing[name], "Message": "No"}}, name)
        if name == "StartSession":
            return {"SessionId": SESSION_ID, "TokenValue": "token 0", "StreamUrl": self.url}
        return {"SessionId": SESSION_ID, "TokenValue": f"token of {access_key}"}

    @property
    def names(self) -> list[str]:
        """The names of the calls."""
        return [name for name, _access_key in self.made]


class Client:
    """A client with credentials, as far as a session needs one."""

    def __init__(self, calls: Calls, access_key: str) -> None:
        """Call nothing."""
        self._calls, self._access_key = calls, access_key
        self.meta = type("Meta", (), {"endpoint_url": "http://127.0.0.1:1"})()

    def start_session(self, **arguments: Any) -> dict[str, Any]:
        """StartSession."""
        return self._calls.call("StartSession", self._access_key, **arguments)

    def resume_session(self, **arguments: Any) -> dict[str, Any]:
        """ResumeSession."""
        return self._calls.call("ResumeSession", self._access_key, **arguments)

    def terminate_session(self, **arguments: Any) -> dict[str, Any]:
        """TerminateSession."""
        return self._calls.call("TerminateSession", self._access_key, **arguments)


class Broker:
    """What a way needs of the broker, with a host."""

    def __init__(self, folder: Path, manager: SessionManager, calls: Calls) -> None:
        """Connect to nothing."""
        self.manager, self.calls = manager, calls
        calls.url = manager.url
        self.folder = folder
        self.commands = Commands()
        self.accounts = Accounts(None)
        self.tasks: set[asyncio.Task[None]] = set()
        settings = {"instance_id": INSTANCE_ID, "aws": dict(AWS), "timeout": 5, "connection": "one"}
        self.settings = cast("Settings", settings)
        self.host = Host(self.settings, self.accounts, lambda _aws, ask: Facts(ask, lambda: 0.0))
        self.sessions = OpenSessions(str(folder), "broker")
        self.way = SessionManagerWay(self.host, self.commands, self.sessions, self.keep)

    def keep(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a coroutine function."""
        start(work(), self.tasks)

    async def ended(self, *, tries: int = 1) -> None:
        """Wait for what is kept. Each session has been terminated then."""
        while self.tasks:
            assert (await asyncio.wait(set(self.tasks), timeout=PATIENCE_SECONDS))[0]
        assert self.calls.names.count("TerminateSession") == tries * self.calls.names.count("StartSession")

    def files(self) -> list[str]:
        """Return the names of the files of open sessions."""
        return [path.name for path in self.folder.iterdir()]


async def receive(ssh: socket.socket) -> bytes:
    ssh.setblocking(False)
    return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(ssh, 1000), PATIENCE_SECONDS)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Return AWS, which all clients reach."""
    calls = Calls()

    def client(session: Session, service: str) -> Client:
        return calls.client(session, service)

    monkeypatch.setattr(Session, "client", client)
    monkeypatch.setattr(tunnel_module, "_FIRST_PAUSE_SECONDS", 0.01)
    return calls


def run(folder: Path, calls: Calls, scenario: Callable[[Broker], Coroutine[Any, Any, None]]) -> None:
    async def whole() -> None:
        manager = SessionManager()
        async with manager.serving():
            before = asyncio.all_tasks()
            await scenario(Broker(folder, manager, calls))
            assert await eventually(lambda: asyncio.all_tasks() <= before)

    asyncio.run(whole())


def test_a_session_is_kept_as_long_as_it_is_open(tmp_path: Path, calls: Calls) -> None:
    async def scenario(broker: Broker) -> None:
        with await broker.way.connect(2222) as ssh:
            assert await receive(ssh) == BANNER
            assert broker.files() == [f"broker.session.{SESSION_ID}"]
            (left,) = broker.sessions.left()
            assert left == (SESSION_ID, AWS)
            assert len(broker.tasks) == 1
        await broker.ended()
        assert broker.files() == []
        assert calls.made == [("StartSession", "AKIA0"), ("TerminateSession", "AKIA0")]
        assert calls.arguments[0]["Target"] == INSTANCE_ID
        assert calls.arguments[0]["Parameters"] == {"portNumber": ["2222"]}
        assert calls.arguments[1] == {"SessionId": SESSION_ID}
        assert broker.commands.failure("one") is None
        assert f"the session {SESSION_ID} of Session Manager to port 2222 (" in str(broker.host.timing)

    run(tmp_path, calls, scenario)


def test_the_websocket_is_signed_for_its_service(tmp_path: Path, calls: Calls) -> None:
    async def scenario(broker: Broker) -> None:
        asked: list[Request] = []

        def note(_connection: ServerConnection, request: Request) -> None:
            asked.append(request)

        broker.manager.check = note
        (await broker.way.connect(22)).close()
        await broker.ended()
        (request,) = asked
        assert "Credential=AKIA0/" in request.headers["Authorization"]
        assert "/us-east-1/ssmmessages/aws4_request" in request.headers["Authorization"]
        assert request.headers["X-Amz-Date"]
        # As AWS has named it.
        assert broker.manager.url.endswith(request.path)
        assert "cell-number=AAE/+a=" in request.path

    run(tmp_path, calls, scenario)


def test_the_websocket_is_looked_after(tmp_path: Path, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session whose service is gone ends, and does not hang."""
    opened: list[float | None] = []

    async def note(*arguments: Any, **options: Any) -> Any:
        opened.append(options["ping_seconds"])
        return await open_websocket(*arguments, **options)

    monkeypatch.setattr(module, "open_websocket", note)

    async def scenario(broker: Broker) -> None:
        (await broker.way.connect(22)).close()
        await broker.ended()

    run(tmp_path, calls, scenario)
    assert opened == [20.0]


@pytest.mark.parametrize(("status", "is_explained"), [(403, True), (401, False), (503, False)])
def test_a_refused_websocket_names_its_permission(
    tmp_path: Path, calls: Calls, status: int, is_explained: bool
) -> None:
    async def scenario(broker: Broker) -> None:
        def refuse(connection: ServerConnection, _request: Request) -> Response:
            return connection.respond(HTTPStatus(status), "")

        broker.manager.check = refuse
        with pytest.raises(ArgumentError) as refused:
            await broker.way.connect(22)
        assert str(refused.value).startswith(
            f"The message service of Session Manager (ssmmessages) refused: HTTP status {status}: "
        )
        permission = "Allow ssmmessages:OpenDataChannel on arn:aws:ssm:*:*:session/${aws:userid}-* in the IAM policy"
        assert (permission in str(refused.value)) is is_explained
        await broker.ended()
        assert broker.files() == []

    run(tmp_path, calls, scenario)


def test_a_session_that_cannot_be_started_leaves_nothing(tmp_path: Path, calls: Calls) -> None:
    async def scenario(broker: Broker) -> None:
        calls.failing["StartSession"] = "TargetNotConnected"
        with pytest.raises(ServiceError, match="The SSM agent there has no connection to Session Manager"):
            await broker.way.connect(22)
        assert broker.files() == []
        assert not broker.tasks
        assert calls.names == ["StartSession"]

    run(tmp_path, calls, scenario)


@pytest.mark.parametrize("starts", [True, False])
def test_a_session_that_nobody_waits_for_any_more_is_terminated(tmp_path: Path, calls: Calls, starts: bool) -> None:
    """The end of ssh came during StartSession, which nothing can call back."""

    async def scenario(broker: Broker) -> None:
        calls.hold = threading.Event()
        if not starts:
            calls.failing["StartSession"] = "TargetNotConnected"
        connecting = asyncio.create_task(broker.way.connect(22))
        assert await eventually(lambda: bool(calls.made))
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        assert len(broker.tasks) == 1
        calls.hold.set()
        while broker.tasks:
            assert (await asyncio.wait(set(broker.tasks), timeout=PATIENCE_SECONDS))[0]
        assert calls.names == ["StartSession", "TerminateSession"][: 1 + starts]
        assert broker.files() == []
        assert not broker.manager.openings

    run(tmp_path, calls, scenario)


def test_an_opening_that_nobody_waits_for_any_more_ends_its_session(tmp_path: Path, calls: Calls) -> None:
    async def scenario(broker: Broker) -> None:
        async def say_nothing(connection: ServerConnection) -> None:
            await connection.wait_closed()

        broker.manager.script = say_nothing
        connecting = asyncio.create_task(broker.way.connect(22))
        assert await eventually(lambda: bool(broker.manager.openings))
        assert broker.files()
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        await broker.ended()
        assert broker.files() == []

    run(tmp_path, calls, scenario)


def test_a_session_is_not_waited_for_longer_than_the_user_wants(tmp_path: Path, calls: Calls) -> None:
    async def scenario(broker: Broker) -> None:
        async def say_nothing(connection: ServerConnection) -> None:
            await connection.wait_closed()

        broker.manager.script = say_nothing
        broker.settings["timeout"] = cast("int", 0.2)
        with pytest.raises(ArgumentError, match="did not begin it in time \\(ansible_timeout\\)"):
            await broker.way.connect(22)
        await broker.ended()

    run(tmp_path, calls, scenario)


def test_a_session_for_which_there_is_no_socket_is_terminated(
    tmp_path: Path, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(broker: Broker) -> None:
        def fail(*_arguments: object) -> None:
            raise OSError(24, "Too many open files")

        with monkeypatch.context() as patched:
            patched.setattr(module, "Tunnel", fail)
            with pytest.raises(ArgumentError, match=r"^No socket could be made for ssh: Too many open files\.$"):
                await broker.way.connect(22)
        await broker.ended()
        assert broker.files() == []

    run(tmp_path, calls, scenario)


def test_a_session_is_resumed_and_terminated_with_the_credentials_of_now(
    tmp_path: Path, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may last longer than those of a role."""
    monkeypatch.setattr(accounts_module, "_CLIENT_SECONDS", -1)

    async def scenario(broker: Broker) -> None:
        asked: list[str] = []

        def note(_connection: ServerConnection, request: Request) -> None:
            asked.append(request.headers["Authorization"].partition("Credential=")[2].partition("/")[0])

        broker.manager.check = note
        broker.settings["aws"]["access_key"] = {"env": "ACCESS_KEY_OF_NOW"}
        monkeypatch.setenv("ACCESS_KEY_OF_NOW", "AKIA0")
        with await broker.way.connect(22) as ssh:
            assert await receive(ssh) == BANNER
            monkeypatch.setenv("ACCESS_KEY_OF_NOW", "AKIA1")
            assert broker.manager.agent.connection
            await broker.manager.agent.connection.close(1000, "Bye")
            assert await eventually(lambda: len(broker.manager.openings) == 2)
            monkeypatch.setenv("ACCESS_KEY_OF_NOW", "AKIA2")
        await broker.ended()
        assert calls.made == [("StartSession", "AKIA0"), ("ResumeSession", "AKIA1"), ("TerminateSession", "AKIA2")]
        assert [each["TokenValue"] for each in broker.manager.openings] == ["token 0", "token of AKIA1"]
        assert asked == ["AKIA0", "AKIA1"]

    run(tmp_path, calls, scenario)


def test_when_the_run_has_ended_the_credentials_of_the_beginning_are_used(tmp_path: Path, calls: Calls) -> None:
    """A tunnel may outlive its run, whose accounts are forgotten."""

    async def scenario(broker: Broker) -> None:
        with await broker.way.connect(22) as ssh:
            assert await receive(ssh) == BANNER
            broker.accounts.forget()
            with pytest.raises(SetUpError):
                await broker.host.account()
            assert broker.manager.agent.connection
            await broker.manager.agent.connection.close(1000, "Bye")
            assert await eventually(lambda: len(broker.manager.openings) == 2)
            await broker.manager.agent.say(b"hello")
            assert await receive(ssh) == b"hello"
        await broker.ended()
        assert calls.made == [(name, "AKIA0") for name in ("StartSession", "ResumeSession", "TerminateSession")]

    run(tmp_path, calls, scenario)


def test_a_session_that_has_ended_for_aws_is_told_to_the_plugin(tmp_path: Path, calls: Calls) -> None:
    async def scenario(broker: Broker) -> None:
        plugin, broker_end = socket.socketpair()
        with plugin, broker_end, await broker.way.connect(22) as ssh:
            assert await receive(ssh) == BANNER
            broker.commands.begin("one", broker_end)
            calls.failing["ResumeSession"] = "DoesNotExistException"
            assert broker.manager.agent.connection
            await broker.manager.agent.connection.close(1000, "Bye")
            assert await receive(ssh) == b""
            told = json.loads(await receive(plugin))["failed"]
            assert told["step"] == "SESSION_ENDED"
            assert "The session has ended: it was idle for too long" in told["sentence"]
        await broker.ended()

    run(tmp_path, calls, scenario)


def test_a_session_that_could_not_be_terminated_is_left_to_the_next_broker(tmp_path: Path, calls: Calls) -> None:
    async def scenario(broker: Broker) -> None:
        calls.failing["TerminateSession"] = "InternalServerError"
        (await broker.way.connect(22)).close()
        await broker.ended(tries=3)
        (left,) = OpenSessions(str(tmp_path), "broker").left()
        assert left.id == SESSION_ID
        del calls.failing["TerminateSession"]
        await terminate(await broker.accounts.of(left.aws), left.id, broker.sessions)
        assert broker.files() == []
        # It was tried three times.
        assert calls.names.count("TerminateSession") == 3 + 1

    run(tmp_path, calls, scenario)


def test_a_websocket_may_be_opened_anew_long_after_the_deadline(tmp_path: Path, calls: Calls) -> None:
    """The time that the user gives is that of the opening."""

    async def scenario(broker: Broker) -> None:
        broker.settings["timeout"] = 1
        with await broker.way.connect(22) as ssh:
            assert await receive(ssh) == BANNER
            await asyncio.sleep(1.1)

            def slowly(_connection: ServerConnection, _request: Request) -> None:
                time.sleep(0.2)

            broker.manager.check = slowly
            assert broker.manager.agent.connection
            await broker.manager.agent.connection.close(1000, "Bye")
            assert await eventually(lambda: len(broker.manager.openings) == 2)
            assert len(broker.manager.paths) == 2
        await broker.ended()

    run(tmp_path, calls, scenario)
