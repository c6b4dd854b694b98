# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The opening of a connection: which way, with which key, what it asks of AWS, and what it gives back when it fails.

botocore's Stubber is AWS, a websocket over TLS on loopback is the endpoint, and ssh prints its own configuration.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import EC2, INSTANCE_CONNECT
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import NoEndpointError, SetUpError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import accounts, facts, pushes
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.commands import Commands
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.explain import Step
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.opening import Opener
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.places import PLACES, Place, Places
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.pushes import Pushes
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab.certificate import certificate_of_its_own
from ansible_collections.sshkeys.aws.tests.unit.sdk_data import plain_session
from ansible_collections.sshkeys.aws.tests.unit.stubs import StubbedService
from botocore.config import Config
from botocore.stub import ANY, Stubber
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

INSTANCE_ID, OTHER_ID = "i-0123456789abcdef0", "i-0123456789abcdef1"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJEUvhKlSr3hlrULeHPBhV6WpNQeRpxqgSkrsrVdjMyx"
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHr0dA8n9Yz1bT4a6q2mC0k3n5v7x9zBdFhJlNpRtVxZ"
AWS = {"region": "us-east-1", "access_key": "AKIAIOSFODNN7EXAMPLE", "secret_key": "secret"}
NOBODY_WAITS = "nobody waits"
Check = Callable[[ServerConnection, Request], Awaitable[Response | None]]


class StubbedSession(Session):
    """A session whose clients play the scripts of a cloud."""

    cloud: Cloud

    def __init__(self, params: Mapping[str, Any], _preloaded: object = None) -> None:
        """Take the options of an account."""
        super().__init__(params)

    def client(self, service: str) -> Any:
        """Return the client of a service."""
        if self.params["region"] == "nowhere":
            raise SetUpError("There is no such region.")
        if self.params.get("profile") == "fips" and service == INSTANCE_CONNECT:
            return self.cloud.fips
        return self.cloud.services[service].client

    @property
    def ca_bundle(self) -> str:
        """The file with the trusted certificates. There is no such profile."""
        return Session({**self.params, "profile": None}).ca_bundle


class Cloud:
    """AWS, which expects exactly the calls of its scripts."""

    def __init__(self) -> None:
        """Expect nothing."""
        self.services = {name: StubbedService(name) for name in (EC2, INSTANCE_CONNECT)}
        self.fips = plain_session().create_client(
            INSTANCE_CONNECT,
            region_name="us-east-1",
            aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
            aws_secret_access_key="secret",
            config=Config(use_fips_endpoint=True),
        )

    def take_key(self, instance_id: str = INSTANCE_ID, *, user: str = "ec2-user", key: str = KEY) -> None:
        """Expect a push."""
        answer = {"RequestId": "request-1", "Success": True}
        asked = {"InstanceId": instance_id, "InstanceOSUser": user, "SSHPublicKey": key}
        self.services[INSTANCE_CONNECT].stubber.add_response("send_ssh_public_key", answer, asked)

    def refuse_key(self) -> None:
        """Expect a push, and refuse it."""
        self.services[INSTANCE_CONNECT].stubber.add_client_error("send_ssh_public_key", "AuthException", "Not allowed")

    def describe(self, *instance_ids: str, asked: Any = ANY, **known: str) -> None:
        """Expect the question for instances. known: of each."""
        answer = {"Reservations": [{"Instances": [{"InstanceId": each, **known} for each in instance_ids]}]}
        self.services[EC2].stubber.add_response("describe_instances", answer, {"Filters": asked})

    def describe_endpoints(self, *endpoints: Mapping[str, str]) -> None:
        """Expect the question for endpoints."""
        answer = {"InstanceConnectEndpoints": list(endpoints)}
        self.services[EC2].stubber.add_response("describe_instance_connect_endpoints", answer)

    def print_host_key(self) -> None:
        """Expect the question for the console output, which has a host key."""
        output = f"-----BEGIN SSH HOST KEY KEYS-----\n{KEY}\n-----END SSH HOST KEY KEYS-----\n"
        self.services[EC2].stubber.add_response("get_console_output", {"Output": output})


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """Return AWS. All that it expects must have come at the end of the test."""
    found = Cloud()
    monkeypatch.setattr(StubbedSession, "cloud", found, raising=False)
    monkeypatch.setattr(accounts, "Session", StubbedSession)
    with ExitStack() as playing:
        for service in found.services.values():
            playing.enter_context(service.playing())
        yield found


class Endpoint:
    """An endpoint on loopback, which sends back what comes."""

    def __init__(self, certificate: Path) -> None:
        """Listen nowhere yet. certificate: a file with its key, too."""
        self._certificate = certificate
        self.name = ""
        self.asked: list[str] = []

    @asynccontextmanager
    async def serving(self, check: Check | None = None) -> AsyncIterator[None]:
        """Answer in this block. check: refuses what it returns an answer for."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate)

        async def echo(connection: ServerConnection) -> None:
            async for message in connection:
                await connection.send(message)

        async def note(connection: ServerConnection, request: Request) -> Response | None:
            self.asked.append(request.path)
            return await check(connection, request) if check else None

        async with serve(
            echo, "127.0.0.1", 0, ssl=context, process_request=note, compression=None, close_timeout=1
        ) as server:
            (listening,) = server.sockets
            self.name = f"127.0.0.1:{listening.getsockname()[1]}"
            yield


@pytest.fixture
def endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    """Return an endpoint that does not answer yet, and whose certificate the SDK trusts."""
    made = Endpoint(certificate_of_its_own(tmp_path))
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "certificate.pem"))
    return made


class Plugin:
    """The connection plugin of a command, and what it is told."""

    def __init__(self, run: Run, connection: str) -> None:
        """Begin a command."""
        self._socket, self._broker = socket.socketpair()
        self._socket.setblocking(False)
        self._broker.setblocking(False)
        self._run, self._connection = run, connection
        run.commands.begin(connection, self._broker)

    async def told(self) -> dict[str, Any]:
        """Return the next message."""
        line = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self._socket, 10_000), 10)
        message: dict[str, Any] = json.loads(line)
        return message

    def end(self) -> None:
        """End the command."""
        self._run.commands.end(self._connection, self._broker)
        self._socket.close()
        self._broker.close()


class Run:
    """A run, the settings of its hosts, and the ssh of each connection."""

    def __init__(self, folder: Path, endpoint: Endpoint) -> None:
        """Begin, at one second to the hour of a clock for pushes."""
        self.folder, self._endpoint = folder, endpoint
        self.now = [3599.0]
        self.key_file = folder / "id_ed25519.pub"
        self.key_file.write_text(f"{KEY}\n")
        self.commands = Commands()
        self.places = Places(self.commands)
        self.opener = Opener(self.commands, self.places)
        self.opener.pushes = Pushes(lambda: self.now[0])

    def settings(self, instance_id: str = INSTANCE_ID, **told: object) -> Settings:
        """Return the settings of a host that is reached through the endpoint, unless they are told otherwise."""
        known = {
            **dict.fromkeys(Settings.__annotations__),
            "connection": instance_id,
            "instance_id": instance_id,
            "private_ip_address": "10.0.0.7",
            "name": "web1",
            "ssh": self.ssh(),
            "timeout": 10,
            "tunnel": "always",
            "instance_connect_endpoint_id": "eice-1",
            "instance_connect_endpoint_dns_name": self._endpoint.name,
            "max_tunnel_duration": 3600,
            "host_keys": "ssh",
            "known_hosts": str(self.folder / "state" / "known_hosts" / instance_id),
            "global_known_hosts": [],
            "public_key_file": str(self.key_file),
            "is_key_of_the_run": False,
            "aws": AWS,
        }
        return cast("Settings", {**known, **told})

    def direct(self, port: int, instance_id: str = INSTANCE_ID, **told: object) -> Settings:
        """Return the settings of a host that is reached at an address, at this port."""
        known = {"tunnel": "never", "public_ip_address": "127.0.0.1", "ssh": self.ssh(port)}
        return self.settings(instance_id, **{**known, **told})

    @staticmethod
    def ssh(port: int = 22, user: str = "ec2-user", *options: str) -> list[str]:
        """Return the command that prints the configuration of ssh."""
        return ["ssh", "-F", "none", "-p", str(port), "-l", user, *options, "-G", "web1"]

    async def open(self, settings: Settings) -> tuple[Step, str] | None:
        """Open a connection, and have ssh close it at once. Returns what failed."""
        connection, failure = await self.connect(settings)
        if connection:
            connection.close()
        await asyncio.wait_for(self.opener.ended(), 10)
        return failure

    async def connect(self, settings: Settings) -> tuple[socket.socket | None, tuple[Step, str] | None]:
        """Open a connection. Returns what ssh gets, and what failed."""
        ssh, ours = socket.socketpair()
        with ssh, ours:
            failure = await self.opener.open(settings, ours)
            ours.close()
            message, descriptors, _flags, _address = socket.recv_fds(ssh, 10, 1)
        # OpenSSH reads one byte.
        assert (len(message), len(descriptors)) == ((0, 0) if failure else (1, 1))
        return (socket.socket(fileno=descriptors[0]) if descriptors else None), failure

    async def places_left(self) -> int:
        """Return how many connections could take a place of the endpoint now."""
        taken: list[Place] = []

        def no_more() -> None:
            raise LookupError(NOBODY_WAITS)

        try:
            while True:
                taken.append(await self.places.take("eice-1", f"another-{len(taken)}", no_more))
        except LookupError:
            for place in taken:
                self.places.release(place)
        return len(taken)


@pytest.fixture
def run(tmp_path: Path, endpoint: Endpoint, cloud: Cloud) -> Run:
    """Return a run that has begun."""
    return Run(tmp_path, endpoint)


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """Return an instance that is reached directly."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def port_of(listening: socket.socket) -> int:
    port: int = listening.getsockname()[1]
    return port


def number_of_open_files() -> int:
    """Return how many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def eventually(condition: Callable[[], bool]) -> bool:
    """Let the loop run until the condition holds. Returns whether it does."""
    until = time.monotonic() + 10
    while not condition() and time.monotonic() < until:  # noqa: ASYNC110 - it may be about anything
        await asyncio.sleep(0.005)
    return condition()


# -- The ways ----------------------------------------------------------------------------------------------------------


def test_ssh_gets_a_tunnel_that_carries_its_bytes(run: Run, cloud: Cloud, endpoint: Endpoint) -> None:
    cloud.take_key()

    async def scenario() -> None:
        async with endpoint.serving():
            connection, failure = await run.connect(run.settings())
            assert connection, failure
            with connection:
                connection.setblocking(False)
                loop = asyncio.get_running_loop()
                await loop.sock_sendall(connection, b"SSH-2.0-")
                assert await asyncio.wait_for(loop.sock_recv(connection, 100), 10) == b"SSH-2.0-"
                assert await run.places_left() == PLACES - 1
            await asyncio.wait_for(run.opener.ended(), 10)
            assert await run.places_left() == PLACES

    asyncio.run(scenario())
    (path,) = endpoint.asked
    assert path.startswith("/openTunnel?instanceConnectEndpointId=eice-1&maxTunnelDuration=3600&privateIpAddress=10.0")


def test_ssh_gets_a_connection_to_an_address(run: Run, cloud: Cloud, listening: socket.socket) -> None:
    cloud.take_key()

    async def scenario() -> None:
        connection, failure = await run.connect(run.direct(port_of(listening)))
        assert connection, failure
        with connection:
            assert connection.getpeername() == listening.getsockname()

    asyncio.run(scenario())


def test_a_port_that_no_endpoint_has_is_told_before_a_key_is_pushed(run: Run) -> None:
    """Nothing is expected of AWS."""
    step, sentence = asyncio.run(run.open(run.settings(ssh=run.ssh(2222)))) or (None, "")
    assert step is Step.SET_UP
    assert "The port of this host is 2222" in sentence


def test_a_tunnel_trusts_what_the_account_trusts_and_nothing_else(
    run: Run, cloud: Cloud, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_CA_BUNDLE")
    cloud.take_key()

    async def scenario() -> tuple[Step, str] | None:
        async with endpoint.serving():
            return await run.open(run.settings())

    step, sentence = asyncio.run(scenario()) or (None, "")
    assert step is Step.TUNNEL
    assert "certificate verify failed" in sentence


# -- The key -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "times"), [(1, 1), (44, 1), (46, 2), (90, 2)])
def test_a_key_that_had_to_wait_is_pushed_again(
    seconds: int, times: int, run: Run, cloud: Cloud, endpoint: Endpoint
) -> None:
    """An endpoint may have no room, and an instance may have to boot, for longer than a key lives."""
    assert pushes.FRESH_SECONDS == 45
    for _number in range(times):
        cloud.take_key()

    async def take_long(_connection: ServerConnection, _request: Request) -> None:
        run.now[0] += seconds

    async def scenario() -> None:
        async with endpoint.serving(take_long):
            assert await run.open(run.settings()) is None

    asyncio.run(scenario())


def test_a_second_connection_for_the_same_user_and_instance_does_not_push(
    run: Run, cloud: Cloud, listening: socket.socket
) -> None:
    cloud.take_key()

    async def scenario() -> None:
        for _number in range(2):
            assert await run.open(run.direct(port_of(listening))) is None
            run.now[0] += 30

    asyncio.run(scenario())


def test_connections_that_come_at_once_push_once(run: Run, cloud: Cloud, listening: socket.socket) -> None:
    cloud.take_key()

    async def scenario() -> None:
        settings = run.direct(port_of(listening))
        assert await asyncio.gather(*(run.open(settings) for _number in range(5))) == [None] * 5

    asyncio.run(scenario())


@pytest.mark.parametrize("other", ["user", "instance", "key", "account"])
def test_a_connection_for_another_one_pushes(other: str, run: Run, cloud: Cloud, listening: socket.socket) -> None:
    port = port_of(listening)
    first, second = run.direct(port), run.direct(port)
    cloud.take_key()
    if other == "user":
        second["ssh"] = run.ssh(port, "admin")
        cloud.take_key(user="admin")
    elif other == "instance":
        second = run.direct(port, OTHER_ID)
        cloud.take_key(OTHER_ID)
    elif other == "key":
        another = run.folder / "another.pub"
        another.write_text(OTHER_KEY)
        second["public_key_file"] = str(another)
        cloud.take_key(key=OTHER_KEY)
    else:
        second["aws"] = {**AWS, "access_key": "AKIAI44QH8DHBEXAMPLE"}
        cloud.take_key()

    async def scenario() -> None:
        assert await run.open(first) is None
        assert await run.open(second) is None

    asyncio.run(scenario())


def test_a_key_that_sshd_has_refused_is_pushed_again(run: Run, cloud: Cloud, listening: socket.socket) -> None:
    """Those for other instances are not."""
    port = port_of(listening)
    cloud.take_key()
    cloud.take_key(OTHER_ID)
    cloud.take_key()

    async def scenario() -> None:
        for instance_id in (INSTANCE_ID, OTHER_ID):
            assert await run.open(run.direct(port, instance_id)) is None
        run.opener.push_again(run.direct(port))
        for instance_id in (INSTANCE_ID, OTHER_ID):
            assert await run.open(run.direct(port, instance_id)) is None

    asyncio.run(scenario())


def test_a_push_that_was_refused_is_told_with_the_region_and_made_again(
    run: Run, cloud: Cloud, listening: socket.socket
) -> None:
    cloud.refuse_key()
    cloud.take_key()

    async def scenario() -> None:
        settings = run.direct(port_of(listening), region_source="the option region")
        step, sentence = await run.open(settings) or (None, "")
        assert step is Step.PUSH
        assert "Not allowed" in sentence
        assert "us-east-1" in sentence
        assert "the option region" in sentence
        assert await run.open(settings) is None

    asyncio.run(scenario())


def test_a_key_that_the_service_does_not_take_is_a_sentence(run: Run, listening: socket.socket) -> None:
    run.key_file.write_text("ssh-ed25519 AAAA\n")
    step, sentence = asyncio.run(run.open(run.direct(port_of(listening)))) or (None, "")
    assert step is Step.PUSH
    assert str(run.key_file) in sentence


def test_an_account_that_cannot_be_used_is_a_failure_of_the_preparation(run: Run) -> None:
    failure = asyncio.run(run.open(run.settings(aws={**AWS, "region": "nowhere"})))
    assert failure == (Step.SET_UP, "There is no such region.")


# -- What is told ------------------------------------------------------------------------------------------------------


def test_the_way_and_the_push_are_told(run: Run, cloud: Cloud, endpoint: Endpoint, listening: socket.socket) -> None:
    """At -vvv. The second one shares the key of the first one, and goes another way."""
    cloud.take_key()

    async def scenario() -> list[dict[str, Any]]:
        async with endpoint.serving():
            plugin = Plugin(run, INSTANCE_ID)
            assert await run.open(run.settings()) is None
            run.now[0] += 5
            told = [await plugin.told()]
            assert await run.open(run.direct(port_of(listening))) is None
            told.append(await plugin.told())
            plugin.end()
            return told

    tunnel, direct = asyncio.run(scenario())
    assert tunnel.keys() == direct.keys() == {"made", "is_pushed"}
    assert (tunnel["is_pushed"], direct["is_pushed"]) == (True, False)
    assert tunnel["made"].startswith(f"{INSTANCE_ID}: ")
    assert "a key pushed for ec2-user" in tunnel["made"]
    assert "a tunnel through eice-1 to 10.0.0.7 port 22" in tunnel["made"]
    assert "a key pushed" not in direct["made"]
    assert "no push, since ec2-user got the key 5 s ago" in direct["made"]
    assert f"directly to 127.0.0.1 port {port_of(listening)}" in direct["made"]


def test_a_push_after_a_long_wait_is_told(run: Run, cloud: Cloud, endpoint: Endpoint) -> None:
    """The first one was not needed, and the second one was."""
    cloud.take_key()
    cloud.take_key()

    async def take_long(_connection: ServerConnection, _request: Request) -> None:
        run.now[0] += 20

    async def scenario() -> None:
        async with endpoint.serving(take_long):
            plugin = Plugin(run, INSTANCE_ID)
            # At 0 s, which takes 20 s; at 20 s, which takes until 40 s; at 40 s, which takes until 60 s.
            told = []
            for _number in range(3):
                assert await run.open(run.settings()) is None
                told.append((await plugin.told())["is_pushed"])
            plugin.end()
            assert told == [True, False, True]

    asyncio.run(scenario())


# -- The places of the endpoint ----------------------------------------------------------------------------------------


async def refuse(connection: ServerConnection, _request: Request) -> Response:
    """Refuse a tunnel, not for lack of room."""
    return connection.respond(HTTPStatus.FORBIDDEN, json.dumps({"ErrorCode": "AuthFailure", "Message": "No."}))


async def be_full(connection: ServerConnection, _request: Request) -> Response:
    """Have no room."""
    body = json.dumps({"ErrorCode": "TooManyConnections", "Message": "No."})
    return connection.respond(HTTPStatus.TOO_MANY_REQUESTS, body)


def test_a_tunnel_that_cannot_be_opened_gives_its_place_back(run: Run, cloud: Cloud, endpoint: Endpoint) -> None:
    cloud.take_key()

    async def scenario() -> None:
        async with endpoint.serving(refuse):
            files = number_of_open_files()
            step, sentence = await run.open(run.settings()) or (None, "")
            assert step is Step.TUNNEL
            assert "AuthFailure" in sentence
            assert await run.places_left() == PLACES
            assert await eventually(lambda: number_of_open_files() == files)

    asyncio.run(scenario())


def test_a_tunnel_whose_ssh_has_gone_gives_its_place_back(run: Run, cloud: Cloud, endpoint: Endpoint) -> None:
    cloud.take_key()

    async def scenario() -> None:
        async with endpoint.serving():
            files = number_of_open_files()
            gone, ours = socket.socketpair()
            gone.close()
            with ours:
                # It has said itself why it ended.
                assert await run.opener.open(run.settings(), ours) is None
            await asyncio.wait_for(run.opener.ended(), 10)
            assert await run.places_left() == PLACES
            assert await eventually(lambda: number_of_open_files() == files)

    asyncio.run(scenario())


def test_a_second_push_that_fails_gives_the_place_back(run: Run, cloud: Cloud, endpoint: Endpoint) -> None:
    cloud.take_key()
    cloud.refuse_key()

    async def take_long(_connection: ServerConnection, _request: Request) -> None:
        run.now[0] += 50

    async def scenario() -> None:
        async with endpoint.serving(take_long):
            step, _sentence = await run.open(run.settings()) or (None, "")
            assert step is Step.PUSH
            assert await run.places_left() == PLACES

    asyncio.run(scenario())


async def cancelled(opening: asyncio.Task[Any]) -> None:
    """Cancel an opening, and wait for its end."""
    opening.cancel()
    await asyncio.wait({opening}, timeout=10)
    assert opening.cancelled()


def test_an_opening_that_is_cancelled_while_it_waits_for_a_place_leaves_nothing(
    run: Run, cloud: Cloud, endpoint: Endpoint
) -> None:
    cloud.take_key()

    async def scenario() -> None:
        async with endpoint.serving():
            taken = [await run.places.take("eice-1", f"at work {each}", lambda: None) for each in range(PLACES)]
            plugin, (gone, ours) = Plugin(run, INSTANCE_ID), socket.socketpair()
            with gone, ours:
                tasks, files = asyncio.all_tasks(), number_of_open_files()
                opening = asyncio.create_task(run.opener.open(run.settings(), ours))
                assert "waits for a place" in (await plugin.told())["waits"]
                await cancelled(opening)
                run.places.release(taken.pop())
                assert await run.places_left() == 1
                assert await eventually(lambda: asyncio.all_tasks() == tasks)
                assert number_of_open_files() == files
            plugin.end()

    asyncio.run(scenario())
    assert endpoint.asked == []


def test_an_opening_that_is_cancelled_while_it_opens_the_websocket_leaves_nothing(
    run: Run, cloud: Cloud, endpoint: Endpoint
) -> None:
    cloud.take_key()

    async def scenario() -> None:
        never = asyncio.Event()

        async def keep_waiting(_connection: ServerConnection, _request: Request) -> None:
            await never.wait()

        async with endpoint.serving(keep_waiting):
            gone, ours = socket.socketpair()
            with gone, ours:
                tasks, files = asyncio.all_tasks(), number_of_open_files()
                opening = asyncio.create_task(run.opener.open(run.settings(), ours))
                assert await eventually(lambda: bool(endpoint.asked))
                assert await run.places_left() == PLACES - 1
                await cancelled(opening)
                assert await run.places_left() == PLACES
                never.set()
                assert await eventually(lambda: asyncio.all_tasks() == tasks)
                assert await eventually(lambda: number_of_open_files() == files)

    asyncio.run(scenario())


def test_an_endpoint_that_is_full_is_tried_again(run: Run, cloud: Cloud, endpoint: Endpoint) -> None:
    cloud.take_key()

    async def be_full_twice(connection: ServerConnection, request: Request) -> Response | None:
        return await be_full(connection, request) if len(endpoint.asked) <= 2 else None

    async def scenario() -> None:
        async with endpoint.serving(be_full_twice):
            assert await run.open(run.settings()) is None
            assert await run.places_left() == PLACES

    asyncio.run(scenario())
    assert len(endpoint.asked) == 3


def test_an_endpoint_that_stays_full_is_tried_until_the_deadline(run: Run, cloud: Cloud, endpoint: Endpoint) -> None:
    cloud.take_key()

    async def scenario() -> None:
        async with endpoint.serving(be_full):
            files, began = number_of_open_files(), time.monotonic()
            step, sentence = await run.open(run.settings(timeout=2)) or (None, "")
            assert step is Step.TUNNEL
            assert "TooManyConnections: No. It was full for the whole timeout (ansible_timeout)." in sentence
            assert "Set ansible_timeout to 90" in sentence
            assert time.monotonic() - began < 4
            assert await run.places_left() == PLACES
            assert await eventually(lambda: number_of_open_files() == files)

    asyncio.run(scenario())
    assert len(endpoint.asked) > 1


def test_places_that_stay_taken_are_a_sentence(run: Run, cloud: Cloud, endpoint: Endpoint) -> None:
    cloud.take_key()

    async def scenario() -> None:
        async with endpoint.serving():
            taken = [await run.places.take("eice-1", f"at work {each}", lambda: None) for each in range(PLACES)]
            step, sentence = await run.open(run.settings(timeout=1)) or (None, "")
            assert step is Step.TUNNEL
            assert sentence.startswith("All connections that the endpoint eice-1 carries for this run were in use for")
            run.places.release(taken.pop())
            assert await run.places_left() == 1

    asyncio.run(scenario())


def test_a_place_that_is_kept_is_the_one_that_is_taken(run: Run, cloud: Cloud, endpoint: Endpoint) -> None:
    """A command waits for it before ssh starts, and is told why."""
    cloud.take_key()

    async def scenario() -> None:
        async with endpoint.serving():
            taken = [await run.places.take("eice-1", f"at work {each}", lambda: None) for each in range(PLACES)]
            plugin = Plugin(run, INSTANCE_ID)
            keeping = asyncio.create_task(run.opener.keep_a_place(run.settings()))
            assert INSTANCE_ID in (await plugin.told())["waits"]
            assert not keeping.done()
            run.places.release(taken.pop())
            await asyncio.wait_for(keeping, 10)
            assert await run.places_left() == 0
            assert await run.open(run.settings(timeout=1)) is None
            assert await run.places_left() == 1
            plugin.end()

    asyncio.run(scenario())


# -- What EC2 is asked -------------------------------------------------------------------------------------------------


def test_hosts_that_come_at_once_ask_ec2_once(
    run: Run, cloud: Cloud, listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine, those of one crowd come farther apart.
    for name in ("_PAUSE_SECONDS", "_LONGEST_PAUSE_SECONDS"):
        monkeypatch.setattr(facts, name, 2.0)
    ids = [f"i-0123456789abcde{number:02}" for number in range(5)]
    cloud.describe(*ids, PublicIpAddress="127.0.0.1")
    for _id in ids:
        cloud.services[INSTANCE_CONNECT].stubber.add_response(
            "send_ssh_public_key", {"RequestId": "request-1", "Success": True}
        )

    async def scenario() -> None:
        unknown: dict[str, Any] = {"tunnel": "auto", "private_ip_address": None, "public_ip_address": None}
        plugins = [Plugin(run, each) for each in ids]
        hosts = [run.direct(port_of(listening), each, **unknown) for each in ids]
        assert await asyncio.gather(*(run.open(each) for each in hosts)) == [None] * 5
        for plugin in plugins:
            plugin.end()

    asyncio.run(scenario())


def test_what_ec2_says_anew_takes_the_place_of_what_it_said(run: Run, cloud: Cloud, listening: socket.socket) -> None:
    """An instance that was stopped and started has another address, and later connections need it too."""
    cloud.take_key()
    # Nobody listens there.
    cloud.describe(INSTANCE_ID, PublicIpAddress="127.0.0.2")
    cloud.describe(INSTANCE_ID, PublicIpAddress="127.0.0.1")

    async def scenario() -> None:
        settings = run.direct(port_of(listening), private_ip_address=None, public_ip_address=None)
        for _number in range(2):
            assert await run.open(settings) is None

    asyncio.run(scenario())


def test_an_unknown_instance_is_told_with_the_region(run: Run, cloud: Cloud) -> None:
    cloud.take_key()
    cloud.describe(asked=[{"Name": "instance-id", "Values": [INSTANCE_ID]}])
    settings = run.settings(tunnel="auto", private_ip_address=None)
    step, sentence = asyncio.run(run.open(settings)) or (None, "")
    assert step is Step.FIND
    assert "does not exist" in sentence
    assert "us-east-1" in sentence


def test_an_answer_is_that_of_its_account(run: Run, cloud: Cloud, listening: socket.socket) -> None:
    """A host with a wrong region must not spoil what is known of another one."""
    for _number in range(2):
        cloud.take_key()
    cloud.describe()
    cloud.describe(INSTANCE_ID, PublicIpAddress="127.0.0.1")

    async def scenario() -> None:
        settings = run.direct(port_of(listening), private_ip_address=None, public_ip_address=None)
        step, _sentence = await run.open({**settings, "aws": {**AWS, "region": "eu-west-1"}}) or (None, "")
        assert step is Step.FIND
        assert await run.open(settings) is None

    asyncio.run(scenario())


def found(endpoint: Endpoint, **more: str) -> dict[str, str]:
    """Return the endpoint as EC2 lists it."""
    return {"InstanceConnectEndpointId": "eice-1", "DnsName": endpoint.name, "SubnetId": "subnet-1", **more}


NO_ENDPOINT_GIVEN: dict[str, Any] = {
    "vpc_id": "vpc-1",
    "instance_connect_endpoint_id": None,
    "instance_connect_endpoint_dns_name": None,
}


def test_an_endpoint_that_is_created_in_the_course_of_the_run_is_found_where_there_is_no_other_way(
    run: Run, cloud: Cloud, endpoint: Endpoint
) -> None:
    cloud.take_key()

    async def scenario() -> None:
        async with endpoint.serving():
            cloud.describe_endpoints()
            step, sentence = await run.open(run.settings(**NO_ENDPOINT_GIVEN)) or (None, "")
            assert step is Step.TUNNEL
            assert "No EC2 Instance Connect Endpoint in vpc-1 is ready." in sentence
            assert "us-east-1" in sentence
            cloud.describe_endpoints(found(endpoint))
            for _number in range(2):
                assert await run.open(run.settings(**NO_ENDPOINT_GIVEN)) is None

    asyncio.run(scenario())


def test_a_host_that_has_an_address_too_does_not_ask_for_an_endpoint_each_time(
    run: Run, cloud: Cloud, listening: socket.socket
) -> None:
    cloud.take_key()
    cloud.describe_endpoints()
    told: dict[str, Any] = {"tunnel": "auto", "host": "127.0.0.1", "public_ip_address": None, **NO_ENDPOINT_GIVEN}

    async def scenario() -> None:
        for _number in range(2):
            assert await run.open(run.direct(port_of(listening), **told)) is None

    asyncio.run(scenario())


def test_an_address_that_cannot_be_reached_is_told_with_the_missing_endpoint(run: Run, cloud: Cloud) -> None:
    cloud.take_key()
    cloud.describe_endpoints()
    told: dict[str, Any] = {"tunnel": "auto", "host": "127.0.0.1", "public_ip_address": None, **NO_ENDPOINT_GIVEN}
    with socket.socket() as nobody:
        # Nobody listens there, and nobody else gets the port.
        nobody.bind(("127.0.0.1", 0))
        step, sentence = asyncio.run(run.open(run.direct(port_of(nobody), **told))) or (None, "")
    assert step is Step.CONNECT
    assert "refused" in sentence
    assert "endpoint" in sentence.lower()


def test_a_host_with_fips_gets_the_name_with_fips(run: Run, cloud: Cloud, endpoint: Endpoint) -> None:
    """A profile may ask for it, and hosts of a run may have different profiles."""
    cloud.take_key()

    async def scenario() -> None:
        async with endpoint.serving():
            listed = found(endpoint, DnsName="127.0.0.1:1", FipsDnsName=endpoint.name)
            cloud.describe_endpoints(listed)
            step, sentence = await run.open(run.settings(**NO_ENDPOINT_GIVEN)) or (None, "")
            assert step is Step.TUNNEL
            assert "cannot be reached" in sentence
            cloud.describe_endpoints(listed)
            with Stubber(cloud.fips) as stubber:
                stubber.add_response("send_ssh_public_key", {"RequestId": "request-1", "Success": True})
                assert await run.open(run.settings(aws={**AWS, "profile": "fips"}, **NO_ENDPOINT_GIVEN)) is None

    asyncio.run(scenario())


# -- The host keys -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["the user", "the system", "none"])
def test_host_keys_that_ssh_knows_are_not_asked_for(
    place: str, run: Run, cloud: Cloud, listening: socket.socket
) -> None:
    """What is written is known to the next connection."""
    known = {each: run.folder / f"known_hosts_{number}" for number, each in enumerate(("the user", "the system"))}
    for each, file in known.items():
        file.write_text(f"{INSTANCE_ID} {KEY}\n" if each == place else "")
    cloud.take_key()
    if place == "none":
        cloud.print_host_key()
    port = port_of(listening)
    settings = run.direct(
        port,
        host_keys="console",
        ssh=run.ssh(port, "ec2-user", "-o", f"UserKnownHostsFile={known['the user']}"),
        global_known_hosts=[str(known["the system"])],
    )

    async def scenario() -> None:
        for _number in range(2):
            assert await run.open(settings) is None

    asyncio.run(scenario())
    known_hosts = Path(settings["known_hosts"])
    assert known_hosts.exists() is (place == "none")
    assert place != "none" or known_hosts.read_text() == f"{INSTANCE_ID} {KEY}\n"


# -- Before ssh asks ---------------------------------------------------------------------------------------------------


def test_what_is_prepared_is_not_asked_again(run: Run, cloud: Cloud, endpoint: Endpoint) -> None:
    """Ssh takes a while to start. No key is pushed for it, which could be too old when it has started."""

    async def scenario() -> None:
        async with endpoint.serving():
            cloud.describe(INSTANCE_ID, PrivateIpAddress="10.0.0.7", VpcId="vpc-1", SubnetId="subnet-1")
            cloud.describe_endpoints(found(endpoint))
            told: dict[str, Any] = {"tunnel": "auto", "private_ip_address": None, **NO_ENDPOINT_GIVEN, "vpc_id": None}
            await run.opener.prepare(run.settings(**told))
            cloud.services[EC2].stubber.assert_no_pending_responses()
            cloud.take_key()
            assert await run.open(run.settings(**told)) is None

    asyncio.run(scenario())


def test_a_preparation_that_fails_is_made_again_by_the_connection(run: Run, cloud: Cloud, endpoint: Endpoint) -> None:
    async def scenario() -> None:
        async with endpoint.serving():
            cloud.describe_endpoints()
            with pytest.raises(NoEndpointError):
                await run.opener.prepare(run.settings(**NO_ENDPOINT_GIVEN))
            cloud.take_key()
            cloud.describe_endpoints(found(endpoint))
            assert await run.open(run.settings(**NO_ENDPOINT_GIVEN)) is None

    asyncio.run(scenario())
