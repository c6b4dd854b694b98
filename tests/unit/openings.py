# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections that are opened without a broker: AWS, an endpoint and an agent for them, the run, and the plugin.

botocore's Stubber is AWS, and a websocket over TLS on loopback is the endpoint. Another websocket is the service of
Session Manager, with the agent and an sshd behind it. ssh prints its own configuration.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import uuid4

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import EC2, INSTANCE_CONNECT, SSM
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.signing import Signer
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import SetUpError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.commands import Commands
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.explain import Step
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.opening import Opener
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.places import Place, Places
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.pushes import Pushes
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager import frames
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager.frames import Frame, PayloadType
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager.open_sessions import OpenSessions
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings
from ansible_collections.sshkeys.aws.tests.unit.sdk_data import plain_session
from ansible_collections.sshkeys.aws.tests.unit.stubs import StubbedService
from ansible_collections.sshkeys.aws.tests.unit.websocket_server import WebsocketServer
from botocore.config import Config
from botocore.stub import ANY, Stubber
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

INSTANCE_ID, OTHER_ID, NODE_ID = "i-0123456789abcdef0", "i-0123456789abcdef1", "mi-0123456789abcdef0"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJEUvhKlSr3hlrULeHPBhV6WpNQeRpxqgSkrsrVdjMyx"
AWS = {"region": "us-east-1", "access_key": "AKIAIOSFODNN7EXAMPLE", "secret_key": "secret"}
# For settings: which endpoint it is must be asked.
NO_ENDPOINT_GIVEN: dict[str, Any] = {
    "vpc_id": "vpc-1",
    "instance_connect_endpoint_id": None,
    "instance_connect_endpoint_dns_name": None,
}
# No packet can be sent there over TCP.
UNREACHABLE = "224.0.0.1"
NOBODY_WAITS = "nobody waits"
Check = Callable[[ServerConnection, Request], Awaitable[Response | None]]


class StubbedSession(Session):
    """A session whose clients play the scripts of a cloud."""

    cloud: Cloud

    def __init__(self, params: Mapping[str, Any], _preloaded: object = None) -> None:
        """Take the options of an account."""
        super().__init__(params)

    def client(self, service: str, *, reads_only: bool = False) -> Any:
        """Return the client of a service."""
        del reads_only
        if self.params["region"] == "nowhere":
            raise SetUpError("There is no such region.")
        self.cloud.clients.append(service)
        if self.params.get("profile") == "fips" and service == INSTANCE_CONNECT:
            return self.cloud.fips
        return self.cloud.services[service].client

    # There is no such profile.

    @property
    def ca_bundle(self) -> str:
        """The file with the trusted certificates."""
        return Session({**self.params, "profile": None}).ca_bundle

    def signer(self) -> Signer:
        """Return a signer with the credentials of the options."""
        return Session({**self.params, "profile": None}).signer()


class SessionManager(StubbedService):
    """Session Manager with an endpoint_url of the user, whose answers may name a websocket anywhere."""

    def __init__(self) -> None:
        """Take a client without a script."""
        session = plain_session()
        session.set_credentials("AKIAIOSFODNN7EXAMPLE", "secret")
        self.client = session.create_client(SSM, region_name="us-east-1", endpoint_url="http://127.0.0.1:1")
        self.stubber = Stubber(self.client)
        self.connections = 0


class Cloud:
    """AWS, which expects exactly the calls of its scripts."""

    def __init__(self) -> None:
        """Expect nothing."""
        self.services = {**{name: StubbedService(name) for name in (EC2, INSTANCE_CONNECT)}, SSM: SessionManager()}
        # The services whose clients were made.
        self.clients: list[str] = []
        self._sessions = 0
        self.fips = plain_session().create_client(
            INSTANCE_CONNECT,
            region_name="us-east-1",
            aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
            aws_secret_access_key="secret",  # noqa: S106 - of nobody
            config=Config(use_fips_endpoint=True),
        )

    @contextmanager
    def playing(self) -> Iterator[None]:
        """Play the scripts. All that they expect must have come at the end."""
        with ExitStack() as playing:
            for service in self.services.values():
                playing.enter_context(service.playing())
            yield

    # -- EC2 Instance Connect --

    def take_key(self, instance_id: str = INSTANCE_ID, *, user: str = "ec2-user", key: str = KEY) -> None:
        """Expect a push."""
        answer = {"RequestId": "request-1", "Success": True}
        asked = {"InstanceId": instance_id, "InstanceOSUser": user, "SSHPublicKey": key}
        self.services[INSTANCE_CONNECT].stubber.add_response("send_ssh_public_key", answer, asked)

    def refuse_key(self) -> None:
        """Expect a push, and refuse it."""
        self.services[INSTANCE_CONNECT].stubber.add_client_error("send_ssh_public_key", "AuthException", "Not allowed")

    # -- EC2 --

    def describe(self, *instance_ids: str, asked: Any = ANY, **known: str) -> None:
        """Expect the question for instances. known: of each."""
        answer = {"Reservations": [{"Instances": [{"InstanceId": each, **known} for each in instance_ids]}]}
        self.services[EC2].stubber.add_response("describe_instances", answer, {"Filters": asked})

    def describe_endpoints(self, *endpoints: Mapping[str, str]) -> None:
        """Expect the question for endpoints."""
        answer = {"InstanceConnectEndpoints": list(endpoints)}
        self.services[EC2].stubber.add_response("describe_instance_connect_endpoints", answer)

    def fail(self, operation: str, code: str) -> None:
        """Expect a call of EC2, such as "describe_instances", and refuse it."""
        self.services[EC2].stubber.add_client_error(operation, code, "No.")

    def print_host_key(self) -> None:
        """Expect the question for the console output, which has a host key."""
        output = f"-----BEGIN SSH HOST KEY KEYS-----\n{KEY}\n-----END SSH HOST KEY KEYS-----\n"
        self.services[EC2].stubber.add_response("get_console_output", {"Output": output})

    # -- Session Manager --

    def start_session(self, url: str, target: str = INSTANCE_ID, port: int = 22) -> str:
        """Expect the start of a session, and its end. Returns its id. url: of the websocket."""
        self._sessions += 1
        session_id = f"alice-0123456789abcdef{self._sessions}"
        asked = {
            "Target": target,
            "DocumentName": "AWS-StartSSHSession",
            "Parameters": {"portNumber": [str(port)]},
            "Reason": ANY,
        }
        answer = {"SessionId": session_id, "TokenValue": f"token-{self._sessions}", "StreamUrl": url}
        self.services[SSM].stubber.add_response("start_session", answer, asked)
        self.terminate_session(session_id)
        return session_id

    def terminate_session(self, session_id: str) -> None:
        """Expect the end of a session."""
        self.services[SSM].stubber.add_response(
            "terminate_session", {"SessionId": session_id}, {"SessionId": session_id}
        )

    def refuse_session(self, code: str) -> None:
        """Expect the start of a session, and refuse it."""
        self.services[SSM].stubber.add_client_error("start_session", code, "No.")


class Endpoint:
    """An endpoint on loopback, which sends back what comes."""

    def __init__(self, folder: Path) -> None:
        """Listen nowhere yet. folder: for its certificate."""
        self._server = WebsocketServer(folder)
        self.name = ""
        self.asked: list[str] = []
        self._open: list[ServerConnection] = []

    async def end(self, code: int, reason: str) -> None:
        """End all tunnels."""
        for each in self._open:
            await each.close(code, reason)

    @asynccontextmanager
    async def serving(self, check: Check | None = None) -> AsyncIterator[None]:
        """Answer in this block. check: refuses what it returns an answer for."""

        async def echo(connection: ServerConnection) -> None:
            self._open.append(connection)
            async for message in connection:
                await connection.send(message)

        async def note(connection: ServerConnection, request: Request) -> Response | None:
            self.asked.append(request.path)
            return await check(connection, request) if check else None

        async with self._server.serving(echo, note):
            self.name = urlsplit(self._server.address).netloc
            yield

    def listed(self, **more: str) -> dict[str, str]:
        """Return the endpoint as EC2 lists it."""
        return {"InstanceConnectEndpointId": "eice-1", "DnsName": self.name, "SubnetId": "subnet-1", **more}


# What an sshd says first.
BANNER = b"SSH-2.0-sshd_of_a_test\r\n"


class Agent:
    """The agent on an instance, behind the message service on loopback, with an sshd that sends back what comes."""

    def __init__(self) -> None:
        """Listen nowhere yet."""
        self.url = ""
        # The tokens of the websockets, in order.
        self.tokens: list[str] = []
        self.authorizations: list[str] = []

    @asynccontextmanager
    async def serving(
        self,
        check: Check | None = None,
        *,
        refusal: str = "",
        before_sshd: Callable[[], None] = lambda: None,
    ) -> AsyncIterator[None]:
        """Answer in this block.

        check: as for Endpoint. refusal: what the agent says if it cannot connect to sshd. before_sshd: is called before
        sshd says something.
        """

        async def note(connection: ServerConnection, request: Request) -> Response | None:
            self.authorizations.append(request.headers.get("Authorization", ""))
            return await check(connection, request) if check else None

        async def answer(connection: ServerConnection) -> None:
            self.tokens.append(json.loads(await connection.recv())["TokenValue"])
            await _carry(connection, refusal, before_sshd)

        async with serve(answer, "127.0.0.1", 0, process_request=note, compression=None, close_timeout=1) as server:
            (listening,) = server.sockets
            where = f"127.0.0.1:{listening.getsockname()[1]}"
            self.url = f"ws://{where}/v1/data-channel/alice-1?role=publish_subscribe&cell-number=AAE/+a="
            yield


async def _carry(connection: ServerConnection, refusal: str, before_sshd: Callable[[], None]) -> None:
    """Do as the agent does, on the websocket of the client."""
    sent = 0

    async def send(payload_type: PayloadType, payload: bytes) -> None:
        nonlocal sent
        frame = Frame(frames.OUTPUT, sent, 0, uuid4(), 1, payload_type, payload)
        sent += 1
        await connection.send(frames.encode(frame))

    async def close(output: str) -> None:
        payload = json.dumps({"Output": output}).encode()
        await connection.send(frames.encode(Frame(frames.CHANNEL_CLOSED, 0, 0, uuid4(), 1, PayloadType.NONE, payload)))
        await connection.close()

    action = {"ActionType": "SessionType", "ActionParameters": {"SessionType": "Port"}}
    await send(PayloadType.HANDSHAKE_REQUEST, json.dumps({"RequestedClientActions": [action]}).encode())
    async for message in connection:
        assert isinstance(message, bytes)
        frame = frames.decode(message)
        if frame.message_type == frames.ACKNOWLEDGE:
            continue
        await connection.send(frames.encode(frames.acknowledgement(frame, uuid4(), 1)))
        if frame.payload_type == PayloadType.HANDSHAKE_RESPONSE:
            await send(PayloadType.HANDSHAKE_COMPLETE, b'{"CustomerMessage":""}')
            if refusal:
                return await close(refusal)
            before_sshd()
            await send(PayloadType.DATA, BANNER)
        elif frame.payload_type == PayloadType.DATA:
            await send(PayloadType.DATA, frame.payload)
        else:
            assert frame.payload == frames.flag(frames.Flag.TERMINATE_SESSION)
            return await close("")
    return None


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
        self.sessions = OpenSessions(str(folder), "broker")
        self.opener = Opener(self.commands, self.places, self.sessions)
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
            "tunnel": "endpoint",
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

    def auto(self, port: int = 22, **told: object) -> Settings:
        """Return the settings of a host without a public address, which is reached over the first open way."""
        known = {"tunnel": "auto", "private_ip_address": UNREACHABLE, "ssh": self.ssh(port), **NO_ENDPOINT_GIVEN}
        return self.settings(**{**known, **told})

    def node(self, port: int = 22, **told: object) -> Settings:
        """Return the settings of a managed node."""
        nothing = {**NO_ENDPOINT_GIVEN, "vpc_id": None, "private_ip_address": None}
        known = {"instance_id": NODE_ID, "tunnel": "auto", "ssh": self.ssh(port), **nothing}
        return self.settings(**{**known, **told})

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

    async def made(self, settings: Settings) -> str:
        """Open a connection, and have ssh close it at once. Returns what the plugin is told of it."""
        plugin = Plugin(self, settings["connection"])
        try:
            failure = await self.open(settings)
            assert failure is None, failure
            return str((await plugin.told())["made"])
        finally:
            plugin.end()

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


async def refuse(connection: ServerConnection, _request: Request) -> Response:
    """Refuse a tunnel, not for lack of room."""
    return connection.respond(HTTPStatus.FORBIDDEN, json.dumps({"ErrorCode": "AuthFailure", "Message": "No."}))


async def be_full(connection: ServerConnection, _request: Request) -> Response:
    """Have no room."""
    body = json.dumps({"ErrorCode": "TooManyConnections", "Message": "No."})
    return connection.respond(HTTPStatus.TOO_MANY_REQUESTS, body)


def port_of(listening: socket.socket) -> int:
    """Return the port of a socket."""
    port: int = listening.getsockname()[1]
    return port
