# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The opening of a connection: over which way, with which key, what it asks of AWS, and what it says when it fails."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.ec2 import Instance
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import EC2, INSTANCE_CONNECT, SSM
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import NoEndpointError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import direct, facts, pushes, websocket
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.explain import Step
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.opening import Opener
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.places import PLACES
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager.open_sessions import OpenSession
from ansible_collections.sshkeys.aws.tests.unit.openings import (
    AWS,
    BANNER,
    INSTANCE_ID,
    KEY,
    NO_ENDPOINT_GIVEN,
    NODE_ID,
    OTHER_ID,
    UNREACHABLE,
    Agent,
    Cloud,
    Endpoint,
    Plugin,
    Run,
    be_full,
    port_of,
    refuse,
)
from ansible_collections.sshkeys.aws.tests.unit.websocket_server import eventually, number_of_open_files
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request

OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHr0dA8n9Yz1bT4a6q2mC0k3n5v7x9zBdFhJlNpRtVxZ"


@pytest.fixture
def run(tmp_path: Path, endpoint: Endpoint, cloud: Cloud) -> Run:
    """Return a run that has begun."""
    del cloud
    return Run(tmp_path, endpoint)


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


@pytest.mark.parametrize("tunnel", ["endpoint", "auto"])
def test_a_port_that_no_endpoint_has_is_told_before_a_key_is_pushed(tunnel: str, run: Run) -> None:
    """If nothing but the endpoint of the user can be the way. Nothing is expected of AWS."""
    step, sentence = asyncio.run(run.open(run.settings(ssh=run.ssh(2222), tunnel=tunnel))) or (None, "")
    assert step is Step.SET_UP
    assert "The port of this host is 2222" in sentence


@pytest.mark.parametrize("tunnel", ["endpoint", "session_manager", "auto"])
@pytest.mark.parametrize(
    ("lacks", "says"),
    [("library", "pip install websockets"), ("certificates", "nowhere.pem cannot be read: No such file")],
)
def test_what_this_machine_lacks_for_a_tunnel_is_told_before_a_key_is_pushed(
    tunnel: str, lacks: str, says: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If nothing but a tunnel can be the way. Nothing is expected of AWS."""
    if lacks == "library":
        monkeypatch.setattr(websocket, "connect", None)
    else:
        monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere.pem")
    step, sentence = asyncio.run(run.open(run.settings(tunnel=tunnel))) or (None, "")
    assert step is Step.SET_UP
    assert says in sentence


# -- Which way is taken ------------------------------------------------------------------------------------------------

HERE = "127.0.0.1"
THROUGH_ENDPOINT, THROUGH_SESSION = "a tunnel through eice-1 to", "of Session Manager to port 22"


def test_auto_goes_to_the_public_address_and_asks_for_nothing_else(
    run: Run, cloud: Cloud, listening: socket.socket
) -> None:
    cloud.take_key()
    port = port_of(listening)
    made = asyncio.run(run.made(run.auto(port, public_ip_address=HERE)))
    assert f"directly to {HERE} port {port}" in made


def test_auto_goes_to_the_public_address_that_ec2_knows(run: Run, cloud: Cloud, listening: socket.socket) -> None:
    cloud.take_key()
    cloud.describe(INSTANCE_ID, PublicIpAddress=HERE, PrivateIpAddress=UNREACHABLE)
    made = asyncio.run(run.made(run.auto(port_of(listening), private_ip_address=None)))
    assert f"directly to {HERE} port" in made


@pytest.mark.parametrize("public", [None, "", UNREACHABLE])
def test_auto_goes_through_the_endpoint_where_no_public_address_is_open(
    public: str | None, run: Run, cloud: Cloud, endpoint: Endpoint
) -> None:
    """Although the user has set an address, which may be that of a machine inside the VPC alone."""
    cloud.take_key()

    async def scenario() -> str:
        async with endpoint.serving():
            cloud.describe_endpoints(endpoint.listed())
            return await run.made(run.auto(public_ip_address=public, host="host.invalid"))

    assert THROUGH_ENDPOINT in asyncio.run(scenario())


def test_auto_goes_to_the_address_of_the_user_where_there_is_no_endpoint(
    run: Run, cloud: Cloud, listening: socket.socket
) -> None:
    cloud.take_key()
    cloud.describe_endpoints()
    made = asyncio.run(run.made(run.auto(port_of(listening), host=HERE)))
    assert f"directly to {HERE} port" in made


def test_the_address_of_the_user_may_be_that_of_the_configuration_of_ssh(
    run: Run, cloud: Cloud, listening: socket.socket
) -> None:
    cloud.take_key()
    cloud.describe_endpoints()
    port = port_of(listening)
    settings = run.auto(port, host=UNREACHABLE, ssh=run.ssh(port, "ec2-user", "-o", f"HostName={HERE}"))
    assert f"directly to {HERE} port" in asyncio.run(run.made(settings))


@pytest.mark.parametrize("host", [None, "host.invalid"])
def test_auto_goes_through_session_manager_where_no_address_of_the_user_is_open(
    host: str | None, run: Run, cloud: Cloud, agent: Agent
) -> None:
    cloud.take_key()
    cloud.describe_endpoints()

    async def scenario() -> str:
        async with agent.serving():
            cloud.start_session(agent.url)
            return await run.made(run.auto(host=host, private_ip_address=HERE))

    assert THROUGH_SESSION in asyncio.run(scenario())


def test_auto_goes_to_the_private_address_where_session_manager_is_closed(
    run: Run, cloud: Cloud, listening: socket.socket
) -> None:
    cloud.take_key()
    cloud.describe_endpoints()
    cloud.refuse_session("TargetNotConnected")
    made = asyncio.run(run.made(run.auto(port_of(listening), private_ip_address=HERE)))
    assert f"directly to {HERE} port" in made


def test_the_private_address_is_asked_of_ec2_where_it_is_unknown(
    run: Run, cloud: Cloud, listening: socket.socket
) -> None:
    cloud.take_key()
    cloud.describe(INSTANCE_ID, PrivateIpAddress=HERE, VpcId="vpc-1")
    cloud.describe_endpoints()
    cloud.refuse_session("TargetNotConnected")
    made = asyncio.run(run.made(run.auto(port_of(listening), private_ip_address=None, vpc_id=None)))
    assert f"directly to {HERE} port" in made


def test_auto_with_an_endpoint_of_the_user_looks_for_no_way_beside_it(run: Run, cloud: Cloud) -> None:
    """Nobody listens at the endpoint."""
    cloud.take_key()
    told: dict[str, Any] = {
        "public_ip_address": UNREACHABLE,
        "host": None,
        "private_ip_address": HERE,
        "instance_connect_endpoint_id": "eice-1",
        "instance_connect_endpoint_dns_name": "127.0.0.1:1",
    }
    step, sentence = asyncio.run(run.open(run.auto(**told))) or (None, "")
    assert step is Step.WAYS
    assert sentence.startswith(f"(1) Its public address: {UNREACHABLE} port 22: Network is unreachable.")
    assert " (2) An EC2 Instance Connect Endpoint: The endpoint cannot be reached" in sentence
    assert "(3)" not in sentence


def test_the_user_can_name_session_manager(run: Run, cloud: Cloud, agent: Agent, listening: socket.socket) -> None:
    """EC2 is asked for nothing, whatever is known."""
    cloud.take_key()
    settings = run.direct(port_of(listening), tunnel="session_manager", ssh=run.ssh(2222), host=HERE)

    async def scenario() -> str:
        async with agent.serving():
            cloud.start_session(agent.url, port=2222)
            return await run.made(settings)

    assert "of Session Manager to port 2222" in asyncio.run(scenario())


def test_a_session_carries_the_bytes_of_ssh(run: Run, cloud: Cloud, agent: Agent) -> None:
    cloud.take_key()

    async def scenario() -> None:
        async with agent.serving():
            cloud.start_session(agent.url)
            files = number_of_open_files()
            connection, failure = await run.connect(run.settings(tunnel="session_manager"))
            assert connection, failure
            with connection:
                connection.setblocking(False)
                loop = asyncio.get_running_loop()
                assert await asyncio.wait_for(loop.sock_recv(connection, 100), 10) == BANNER
                await loop.sock_sendall(connection, b"SSH-2.0-OpenSSH")
                assert await asyncio.wait_for(loop.sock_recv(connection, 100), 10) == b"SSH-2.0-OpenSSH"
                # The session takes no place of an endpoint.
                assert await run.places_left() == PLACES
                assert len(run.sessions.left()) == 1
            await asyncio.wait_for(run.opener.ended(), 10)
            assert run.sessions.left() == []
            assert await eventually(lambda: number_of_open_files() == files)

    asyncio.run(scenario())
    assert agent.tokens == ["token-1"]
    (authorization,) = agent.authorizations
    assert "/us-east-1/ssmmessages/aws4_request" in authorization


def test_a_host_that_goes_another_way_takes_no_place_of_the_endpoint(run: Run, cloud: Cloud, agent: Agent) -> None:
    """It was expected to need one."""
    cloud.take_key()
    cloud.describe_endpoints()

    async def scenario() -> None:
        async with agent.serving():
            cloud.start_session(agent.url)
            assert run.places.expect(INSTANCE_ID)
            assert await run.places_left() == PLACES - 1
            connection, failure = await run.connect(run.auto())
            assert connection, failure
            with connection:
                assert await run.places_left() == PLACES
            await asyncio.wait_for(run.opener.ended(), 10)

    asyncio.run(scenario())


def test_a_place_that_was_expected_is_kept_until_the_way_is_known(run: Run, cloud: Cloud, endpoint: Endpoint) -> None:
    """Another host waits for a place, and must not get that of one that is about to go through the endpoint."""
    cloud.take_key()

    async def scenario() -> None:
        async with endpoint.serving():
            cloud.describe_endpoints(endpoint.listed())
            for connection in (INSTANCE_ID, *(f"another-{number}" for number in range(PLACES - 1))):
                assert run.places.expect(connection)
            waiting = asyncio.create_task(run.places.keep("eice-1", "who waits", lambda: None))
            await asyncio.sleep(0)
            connected, failure = await run.connect(run.auto(public_ip_address=UNREACHABLE, timeout=1))
            assert connected, failure
            assert not waiting.done()
            connected.close()
            await asyncio.wait_for(run.opener.ended(), 10)
            await asyncio.wait_for(waiting, 10)

    asyncio.run(scenario())


# -- What closes a way, and what does not ------------------------------------------------------------------------------


async def silent(_connection: ServerConnection, _request: Request) -> None:
    """Answer nothing for longer than a host of a test waits."""
    await asyncio.sleep(2.5)


@pytest.mark.parametrize("check", [refuse, silent, None], ids=["refuses", "is silent", "is not there"])
def test_an_endpoint_that_refuses_or_does_not_answer_is_closed(
    check: Any, run: Run, cloud: Cloud, endpoint: Endpoint, agent: Agent
) -> None:
    cloud.take_key()

    async def scenario() -> str:
        async with agent.serving():
            if check:
                async with endpoint.serving(check):
                    cloud.describe_endpoints(endpoint.listed())
                    cloud.start_session(agent.url)
                    return await run.made(run.auto(timeout=1))
            cloud.describe_endpoints(endpoint.listed(DnsName="127.0.0.1:1"))
            cloud.start_session(agent.url)
            return await run.made(run.auto(timeout=1))

    assert THROUGH_SESSION in asyncio.run(scenario())


def test_an_endpoint_is_closed_for_a_port_that_none_has(
    run: Run, cloud: Cloud, endpoint: Endpoint, agent: Agent
) -> None:
    cloud.take_key()

    async def scenario() -> str:
        async with endpoint.serving(), agent.serving():
            cloud.describe_endpoints(endpoint.listed())
            cloud.start_session(agent.url, port=2222)
            return await run.made(run.auto(2222))

    assert "of Session Manager to port 2222" in asyncio.run(scenario())
    assert endpoint.asked == []


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "AccessDenied", "AccessDeniedException"])
def test_a_missing_permission_for_ec2_closes_the_ways_that_need_it(
    code: str, run: Run, cloud: Cloud, agent: Agent
) -> None:
    """Session Manager needs nothing of EC2. For the public address and for the endpoint, EC2 is asked."""
    cloud.take_key()
    cloud.fail("describe_instances", code)
    cloud.fail("describe_instances", code)

    async def scenario() -> str:
        async with agent.serving():
            cloud.start_session(agent.url)
            return await run.made(run.auto(private_ip_address=None, vpc_id=None))

    assert THROUGH_SESSION in asyncio.run(scenario())


def test_a_missing_permission_to_look_for_endpoints_closes_that_way(run: Run, cloud: Cloud, agent: Agent) -> None:
    cloud.take_key()
    cloud.fail("describe_instance_connect_endpoints", "UnauthorizedOperation")

    async def scenario() -> str:
        async with agent.serving():
            cloud.start_session(agent.url)
            return await run.made(run.auto())

    assert THROUGH_SESSION in asyncio.run(scenario())


@pytest.mark.parametrize(
    "code", ["TargetNotConnected", "AccessDeniedException", "InvalidDocument", "InternalServerError"]
)
def test_a_session_that_cannot_be_started_closes_session_manager(
    code: str, run: Run, cloud: Cloud, listening: socket.socket
) -> None:
    cloud.take_key()
    cloud.describe_endpoints()
    cloud.refuse_session(code)
    made = asyncio.run(run.made(run.auto(port_of(listening), private_ip_address=HERE)))
    assert f"directly to {HERE} port" in made


@pytest.mark.parametrize("fault", ["the service refuses", "the service is silent", "no sshd listens"])
def test_a_session_that_does_not_reach_sshd_closes_session_manager(
    fault: str, run: Run, cloud: Cloud, agent: Agent, listening: socket.socket
) -> None:
    """The session is terminated in any case."""
    cloud.take_key()
    cloud.describe_endpoints()
    check = {"the service refuses": refuse, "the service is silent": silent}.get(fault)

    async def scenario() -> str:
        async with agent.serving(check, refusal="Unable to connect to specified port: refused"):
            port = port_of(listening)
            cloud.start_session(agent.url, port=port)
            return await run.made(run.auto(port, private_ip_address=HERE, timeout=1))

    assert f"directly to {HERE} port" in asyncio.run(scenario())
    assert run.sessions.left() == []


def greet_one(listening: socket.socket) -> socket.socket:
    """Accept a connection as sshd does, and return it."""
    connection, _address = listening.accept()
    connection.sendall(b"SSH-2.0-sshd\r\n")
    return connection


@pytest.mark.parametrize("way", ["public", "given", "private"])
def test_an_address_that_refuses_is_open(way: str, run: Run, cloud: Cloud) -> None:
    """The instance is there, and boots perhaps. So the next task tries that way again, and no other one."""
    cloud.take_key()
    told: dict[str, Any] = {
        "public": {"public_ip_address": HERE},
        "given": {"host": HERE},
        "private": {"private_ip_address": HERE},
    }[way]
    if way != "public":
        cloud.describe_endpoints()
    if way == "private":
        cloud.refuse_session("TargetNotConnected")
    with socket.socket() as nobody:
        # Nobody listens there, and nobody else gets the port.
        nobody.bind((HERE, 0))
        settings = run.auto(port_of(nobody), **told)

        async def scenario() -> str:
            failures = [await run.open(settings) for _number in range(2)]
            for step, sentence in filter(None, failures):
                # With the reasons why the ways before it were closed, if there are any.
                assert step is (Step.CONNECT if way == "public" else Step.WAYS)
                assert f"{HERE} port {port_of(nobody)}: Connection refused." in sentence
            assert None not in failures
            nobody.listen()
            greeting = asyncio.ensure_future(asyncio.to_thread(greet_one, nobody))
            made = await run.made(settings)
            (await greeting).close()
            return made

        assert f"directly to {HERE} port" in asyncio.run(scenario())


def test_an_endpoint_that_is_full_is_open(run: Run, cloud: Cloud, endpoint: Endpoint) -> None:
    cloud.take_key()

    async def scenario() -> str:
        async with endpoint.serving(be_full):
            cloud.describe_endpoints(endpoint.listed())
            step, sentence = await run.open(run.auto(timeout=1)) or (None, "")
        assert step is Step.TUNNEL
        return sentence

    assert "It was full for the whole timeout" in asyncio.run(scenario())


def test_an_endpoint_whose_places_are_all_in_use_is_open(run: Run, cloud: Cloud, endpoint: Endpoint) -> None:
    cloud.take_key()

    async def scenario() -> str:
        async with endpoint.serving():
            cloud.describe_endpoints(endpoint.listed())
            for each in range(PLACES):
                await run.places.take("eice-1", f"at work {each}", lambda: None)
            step, sentence = await run.open(run.auto(timeout=1)) or (None, "")
            assert step is Step.TUNNEL
            return sentence

    assert "were in use for the whole timeout" in asyncio.run(scenario())


@pytest.mark.parametrize(
    ("operation", "step"),
    [("describe_instances", Step.FIND), ("describe_instance_connect_endpoints", Step.TUNNEL)],
)
def test_ec2_that_throttles_closes_no_way(operation: str, step: Step, run: Run, cloud: Cloud) -> None:
    cloud.take_key()
    cloud.fail(operation, "RequestLimitExceeded")
    private = None if operation == "describe_instances" else "10.0.0.7"
    failed, sentence = asyncio.run(run.open(run.auto(private_ip_address=private))) or (None, "")
    assert failed is step
    assert sentence.startswith("RequestLimitExceeded: No.")
    assert "The region was us-east-1" in sentence


@pytest.mark.parametrize("code", ["ThrottlingException", "Throttling", "TooManyRequestsException"])
def test_session_manager_that_throttles_is_open(code: str, run: Run, cloud: Cloud, agent: Agent) -> None:
    """The private address is not tried, and the next task tries Session Manager again."""
    cloud.take_key()
    cloud.describe_endpoints()
    cloud.refuse_session(code)

    async def scenario() -> str:
        async with agent.serving():
            # There is no time to try it again.
            step, sentence = await run.open(run.auto(timeout=0)) or (None, "")
            assert step is Step.WAYS
            assert f"(2) Session Manager: {code}: No." in sentence
            assert "(3)" not in sentence
            cloud.start_session(agent.url)
            return await run.made(run.auto())

    assert THROUGH_SESSION in asyncio.run(scenario())


def test_an_instance_that_ec2_does_not_know_is_tried_no_other_way(run: Run, cloud: Cloud) -> None:
    cloud.take_key()
    cloud.describe()
    step, sentence = asyncio.run(run.open(run.auto(private_ip_address=None, host=HERE))) or (None, "")
    assert step is Step.FIND
    assert sentence.startswith("InvalidInstanceID.NotFound: ")


def test_an_instance_that_has_lost_its_public_address_is_reached_another_way(
    run: Run, cloud: Cloud, agent: Agent
) -> None:
    """It was stopped and started, and another machine may have that address now, which refuses."""
    cloud.take_key()
    cloud.describe(INSTANCE_ID, PublicIpAddress=HERE)
    cloud.describe(INSTANCE_ID, PrivateIpAddress=UNREACHABLE)
    cloud.describe_endpoints()
    with socket.socket() as nobody:
        nobody.bind((HERE, 0))
        port = port_of(nobody)

        async def scenario() -> str:
            async with agent.serving():
                cloud.start_session(agent.url, port=port)
                return await run.made(run.auto(port, private_ip_address=None))

        assert f"of Session Manager to port {port}" in asyncio.run(scenario())


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"public_ip_address": UNREACHABLE, "host": "host.invalid"}, ["host.invalid", UNREACHABLE]),
        ({"host": UNREACHABLE}, [UNREACHABLE]),
    ],
    ids=["public and given", "given and private"],
)
def test_an_address_is_tried_once_although_two_ways_lead_to_it(
    told: dict[str, Any], expected: list[str], run: Run, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ansible_host counts more than the public address, and may be the private one. Each costs the whole timeout."""
    cloud.take_key()
    for _number in range(2):
        cloud.describe_endpoints()
        cloud.refuse_session("TargetNotConnected")
    tried: list[str] = []
    connect = direct.connect

    def note(address: str, *more: Any, **named: Any) -> Any:
        tried.append(address)
        return connect(address, *more, **named)

    monkeypatch.setattr(direct, "connect", note)

    async def scenario() -> None:
        # When no way was open, the next connection tries it again.
        for _number in range(2):
            tried.clear()
            step, sentence = await run.open(run.auto(**told)) or (None, "")
            assert step is Step.WAYS
            assert tried == expected
            assert sentence.count(f"{expected[0]} port 22") == 1

    asyncio.run(scenario())


# -- What a run remembers ----------------------------------------------------------------------------------------------


def test_a_closed_way_is_not_tried_again(run: Run, cloud: Cloud, listening: socket.socket) -> None:
    """AWS is asked nothing any more, and each address is tried once."""
    cloud.take_key()
    cloud.describe_endpoints()
    cloud.refuse_session("TargetNotConnected")
    settings = run.auto(port_of(listening), public_ip_address=UNREACHABLE, private_ip_address=HERE)

    async def scenario() -> None:
        for _number in range(3):
            assert f"directly to {HERE} port" in await run.made(settings)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "other",
    [
        {"tunnel": "session_manager"},
        {"aws": {**AWS, "access_key": "AKIAI44QH8DHBEXAMPLE"}},
        {"instance_id": OTHER_ID},
        {"host": "host.invalid"},
        {"name": "web2"},
        "port",
    ],
    ids=str,
)
def test_other_settings_have_a_memory_of_their_own(
    other: Any, run: Run, cloud: Cloud, agent: Agent, listening: socket.socket
) -> None:
    """Session Manager was closed for the first connection. Each may differ by what a task has changed."""
    port = port_of(listening)
    instance_id = other.get("instance_id", INSTANCE_ID) if other != "port" else INSTANCE_ID
    cloud.take_key()
    cloud.describe_endpoints()
    cloud.refuse_session("TargetNotConnected")
    if other != "port" and other.keys() & {"aws", "instance_id"}:
        cloud.take_key(instance_id)
    if other != "port" and "aws" in other:
        cloud.describe_endpoints()

    async def scenario() -> None:
        async with agent.serving():
            first = run.auto(port, private_ip_address=HERE)
            assert f"directly to {HERE}" in await run.made(first)
            second = run.auto(2222) if other == "port" else run.auto(port, private_ip_address=HERE, **other)
            cloud.start_session(agent.url, instance_id, 2222 if other == "port" else port)
            assert "of Session Manager" in await run.made(second)
            # And the first one has its own, still.
            assert f"directly to {HERE}" in await run.made(first)

    asyncio.run(scenario())


def test_an_endpoint_that_the_user_names_later_is_tried(
    run: Run, cloud: Cloud, endpoint: Endpoint, agent: Agent
) -> None:
    """That way was closed as long as nobody knew of one."""
    cloud.take_key()
    cloud.describe_endpoints()

    async def scenario() -> None:
        async with endpoint.serving(), agent.serving():
            cloud.start_session(agent.url)
            assert THROUGH_SESSION in await run.made(run.auto())
            named: dict[str, Any] = {
                "instance_connect_endpoint_id": "eice-1",
                "instance_connect_endpoint_dns_name": endpoint.name,
            }
            assert THROUGH_ENDPOINT in await run.made(run.auto(host=None, **named))

    asyncio.run(scenario())


def test_all_ways_are_tried_again_after_none_was_open(run: Run, cloud: Cloud, endpoint: Endpoint, agent: Agent) -> None:
    """A task may have created an endpoint, or the agent of the instance may have connected."""
    cloud.take_key()

    async def scenario() -> None:
        async with endpoint.serving(), agent.serving():
            for _number in range(2):
                cloud.describe_endpoints()
                cloud.refuse_session("TargetNotConnected")
                step, _sentence = await run.open(run.auto()) or (None, "")
                assert step is Step.WAYS
            cloud.describe_endpoints(endpoint.listed())
            assert THROUGH_ENDPOINT in await run.made(run.auto())

    asyncio.run(scenario())


def test_what_is_known_of_endpoints_counts_again_when_a_way_was_open(run: Run, cloud: Cloud, agent: Agent) -> None:
    """EC2 is asked for one after all ways were closed, and not each time from then on."""
    cloud.take_key()

    async def scenario() -> None:
        async with agent.serving():
            cloud.describe_endpoints()
            cloud.refuse_session("TargetNotConnected")
            assert await run.open(run.auto())
            cloud.describe_endpoints()
            cloud.start_session(agent.url)
            assert THROUGH_SESSION in await run.made(run.auto())
            cloud.start_session(agent.url)
            # It has a memory of its own, and shares what EC2 has said of the VPC.
            assert THROUGH_SESSION in await run.made(run.auto(name="web2"))

    asyncio.run(scenario())


def test_an_endpoint_is_asked_for_where_it_is_the_only_way_although_another_host_has_found_none(
    run: Run, cloud: Cloud, endpoint: Endpoint, agent: Agent
) -> None:
    cloud.take_key()
    cloud.describe_endpoints()

    async def scenario() -> None:
        async with endpoint.serving(), agent.serving():
            cloud.start_session(agent.url)
            assert THROUGH_SESSION in await run.made(run.auto())
            cloud.describe_endpoints(endpoint.listed())
            assert THROUGH_ENDPOINT in await run.made(run.auto(tunnel="endpoint"))

    asyncio.run(scenario())


def test_an_endpoint_of_its_own_option_is_asked_for_each_time(run: Run, cloud: Cloud, endpoint: Endpoint) -> None:
    cloud.take_key()

    async def scenario() -> None:
        async with endpoint.serving():
            settings = run.auto(tunnel="endpoint")
            for _number in range(2):
                cloud.describe_endpoints()
                step, _sentence = await run.open(settings) or (None, "")
                assert step is Step.TUNNEL
            cloud.describe_endpoints(endpoint.listed())
            assert THROUGH_ENDPOINT in await run.made(settings)

    asyncio.run(scenario())


def test_nothing_is_remembered_after_the_end_of_the_run(run: Run, cloud: Cloud) -> None:
    cloud.take_key()
    settings = run.auto(tunnel="never")
    assert asyncio.run(run.open(settings))
    closed_ways = run.opener.closed_ways(settings, 22)
    assert closed_ways.all_were_closed
    assert run.opener.closed_ways(settings, 22) is closed_ways
    run.opener.forget()
    assert run.opener.closed_ways(settings, 22) is not closed_ways


# -- What is said when all ways are closed -----------------------------------------------------------------------------


def test_the_sentence_says_of_each_way_why_it_is_closed(run: Run, cloud: Cloud) -> None:
    cloud.take_key()
    cloud.describe_endpoints()
    cloud.refuse_session("TargetNotConnected")
    told: dict[str, Any] = {
        "public_ip_address": UNREACHABLE,
        "host": "host.invalid",
        "private_ip_address": "255.255.255.255",
    }
    step, sentence = asyncio.run(run.open(run.auto(**told))) or (None, "")
    assert step is Step.WAYS
    told_of = [
        "(1) Its public address: host.invalid port 22: ",
        " Set ansible_host to an address. (2) An EC2 Instance Connect Endpoint: No EC2 Instance Connect Endpoint",
        " (3) Session Manager: TargetNotConnected: No. The SSM agent there has no connection",
        " (4) Its private address: 255.255.255.255 port 22: Network is unreachable. Look at the security group",
    ]
    places = [sentence.find(each) for each in told_of]
    assert places[0] == 0
    assert places == sorted(places)
    assert -1 not in places
    assert "find another way" not in sentence
    assert "route. The region was us-east-1, from " in sentence


def test_connections_at_once_are_all_told_of_all_ways(run: Run, cloud: Cloud) -> None:
    """They share the memory of their host."""
    cloud.take_key()
    nobody: dict[str, Any] = {
        "instance_connect_endpoint_id": "eice-1",
        "instance_connect_endpoint_dns_name": "127.0.0.1:1",
    }
    settings = run.auto(public_ip_address=UNREACHABLE, host=None, **nobody)

    async def scenario() -> None:
        for failure in await asyncio.gather(*(run.open(settings) for _number in range(4))):
            assert failure
            assert failure[0] is Step.WAYS
            assert failure[1].startswith("(1) Its public address: ")
            assert "(2) An EC2 Instance Connect Endpoint: " in failure[1]

    asyncio.run(scenario())


# -- Managed nodes -----------------------------------------------------------------------------------------------------


def test_a_managed_node_gets_no_key_and_ec2_is_asked_nothing(run: Run, cloud: Cloud, agent: Agent) -> None:
    """Nothing is expected of either."""

    async def scenario() -> dict[str, Any]:
        async with agent.serving():
            cloud.start_session(agent.url, NODE_ID)
            plugin = Plugin(run, INSTANCE_ID)
            settings = run.node(connection=INSTANCE_ID)
            await run.opener.prepare(settings)
            assert await run.open(settings) is None
            told = await plugin.told()
            plugin.end()
            return told

    told = asyncio.run(scenario())
    assert told["made"].startswith(f"{NODE_ID}: the configuration of ssh")
    assert THROUGH_SESSION in told["made"]
    assert "push" not in told["made"]
    # So the plugin does not have the key pushed again if sshd refuses it.
    assert told.get("is_pushed", True)
    assert EC2 not in cloud.clients


@pytest.mark.parametrize(
    ("tunnel", "host", "way"),
    [
        ("auto", HERE, "directly"),
        ("auto", UNREACHABLE, "of Session Manager"),
        ("never", HERE, "directly"),
        ("session_manager", HERE, "of Session Manager"),
    ],
)
def test_the_ways_to_a_managed_node(  # noqa: PLR0917 - fixtures
    tunnel: str, host: str, way: str, run: Run, cloud: Cloud, agent: Agent, listening: socket.socket
) -> None:
    async def scenario() -> str:
        async with agent.serving():
            port = port_of(listening)
            if way != "directly":
                cloud.start_session(agent.url, NODE_ID, port)
            return await run.made(run.node(port, tunnel=tunnel, host=host))

    assert way in asyncio.run(scenario())


def test_a_managed_node_without_an_address_and_without_a_tunnel(run: Run) -> None:
    failure = asyncio.run(run.open(run.node(tunnel="never")))
    assert failure == (Step.FIND, "There is no address of the host, and so no way to it. Set ansible_host.")


def test_a_managed_node_has_one_way_and_the_sentence_is_its_failure(run: Run, cloud: Cloud) -> None:
    cloud.refuse_session("TargetNotConnected")
    step, sentence = asyncio.run(run.open(run.node())) or (None, "")
    assert step is Step.SESSION
    assert sentence.startswith("TargetNotConnected: No. The SSM agent there has no connection")


@pytest.mark.parametrize("is_known", [True, False])
def test_the_host_keys_of_a_managed_node_are_known_or_it_is_a_sentence(
    is_known: bool, run: Run, cloud: Cloud, agent: Agent
) -> None:
    """A managed node has no console output."""
    known = run.folder / "known_hosts_of_the_user"
    known.write_text(f"{NODE_ID} {KEY}\n" if is_known else "")
    settings = run.node(host_keys="console", ssh=run.ssh(22, "ec2-user", "-o", f"UserKnownHostsFile={known}"))

    async def scenario() -> tuple[Step, str] | None:
        async with agent.serving():
            if is_known:
                cloud.start_session(agent.url, NODE_ID)
            return await run.open(settings)

    failure = asyncio.run(scenario())
    if is_known:
        assert failure is None
    else:
        assert failure
        assert failure[0] is Step.HOST_KEYS
        assert failure[1].startswith(f"No host keys of {NODE_ID} are known, and a managed node has no console output")
    assert EC2 not in cloud.clients


# -- The sessions of a broker that was killed --------------------------------------------------------------------------


def test_sessions_that_a_killed_broker_has_left_are_terminated(run: Run, cloud: Cloud) -> None:
    """Each with its own account. One that cannot be used keeps no other one."""
    run.sessions.add(OpenSession("bob-1", {**AWS, "region": "nowhere"}))
    run.sessions.add(OpenSession("alice-1", AWS))
    cloud.terminate_session("alice-1")

    async def scenario() -> None:
        of_the_next_broker = Opener(run.commands, run.places, run.sessions)
        of_the_next_broker.end_sessions_of_a_killed_broker()
        await asyncio.wait_for(of_the_next_broker.ended(), 10)

    asyncio.run(scenario())
    assert [each.id for each in run.sessions.left()] == ["bob-1"]


def test_a_session_that_cannot_be_terminated_is_kept_for_the_next_broker(run: Run, cloud: Cloud) -> None:
    run.sessions.add(OpenSession("alice-1", AWS))
    cloud.services[SSM].stubber.add_client_error("terminate_session", "InternalServerError", "No.")

    async def scenario() -> None:
        of_the_next_broker = Opener(run.commands, run.places, run.sessions)
        of_the_next_broker.end_sessions_of_a_killed_broker()
        await asyncio.wait_for(of_the_next_broker.ended(), 10)

    asyncio.run(scenario())
    assert [each.id for each in run.sessions.left()] == ["alice-1"]


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


@pytest.mark.parametrize(("seconds", "times"), [(44, 1), (46, 2)])
def test_a_key_that_had_to_wait_for_a_session_is_pushed_again(
    seconds: int, times: int, run: Run, cloud: Cloud, agent: Agent
) -> None:
    for _number in range(times):
        cloud.take_key()

    def take_long() -> None:
        run.now[0] += seconds

    async def scenario() -> None:
        async with agent.serving(before_sshd=take_long):
            cloud.start_session(agent.url)
            plugin = Plugin(run, INSTANCE_ID)
            assert await run.open(run.settings(tunnel="session_manager")) is None
            told = await plugin.told()
            plugin.end()
            assert told["is_pushed"]
            assert told["made"].count("a key pushed") == times

    asyncio.run(scenario())


def test_a_second_push_that_fails_ends_the_session(run: Run, cloud: Cloud, agent: Agent) -> None:
    cloud.take_key()
    cloud.refuse_key()

    def take_long() -> None:
        run.now[0] += 50

    async def scenario() -> None:
        async with agent.serving(before_sshd=take_long):
            cloud.start_session(agent.url)
            step, _sentence = await run.open(run.settings(tunnel="session_manager")) or (None, "")
            assert step is Step.PUSH

    asyncio.run(scenario())
    assert run.sessions.left() == []


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
    assert tunnel.keys() == direct.keys() == {"made", "is_pushed", "closed_ways"}
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
            cloud.describe_endpoints(endpoint.listed())
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
            cloud.describe_endpoints(endpoint.listed())
            assert await run.open(run.settings(**NO_ENDPOINT_GIVEN)) is None

    asyncio.run(scenario())


def test_what_session_manager_needs_is_prepared_where_it_is_the_only_way(run: Run, cloud: Cloud) -> None:
    asyncio.run(run.opener.prepare(run.settings(tunnel="session_manager")))
    assert SSM in cloud.clients


def test_what_session_manager_needs_is_prepared_where_there_is_no_endpoint(run: Run, cloud: Cloud) -> None:
    cloud.describe_endpoints()
    asyncio.run(run.opener.prepare(run.auto()))
    assert SSM in cloud.clients


@pytest.mark.parametrize("tunnel", ["auto", "endpoint"])
def test_what_session_manager_needs_is_not_prepared_where_an_endpoint_is(
    tunnel: str, run: Run, cloud: Cloud, endpoint: Endpoint
) -> None:
    cloud.describe_endpoints(endpoint.listed(DnsName="eice-1.example.com"))
    asyncio.run(run.opener.prepare(run.auto(tunnel=tunnel)))
    assert SSM not in cloud.clients


def test_an_endpoint_that_only_the_user_wants_is_looked_for_before_session_manager_is_not(
    run: Run, cloud: Cloud
) -> None:
    """With that option, Session Manager is no way."""
    cloud.describe_endpoints()
    settings = run.auto(tunnel="endpoint")
    with pytest.raises(NoEndpointError):
        asyncio.run(run.opener.prepare(settings))
    assert SSM not in cloud.clients


@pytest.mark.parametrize("public", [None, HERE])
def test_a_place_is_kept_only_where_the_public_address_is_unknown_to_ec2(
    public: str | None, run: Run, cloud: Cloud, endpoint: Endpoint
) -> None:
    known = {"PublicIpAddress": public} if public else {}
    cloud.describe(INSTANCE_ID, VpcId="vpc-1", **known)
    if not public:
        cloud.describe_endpoints(endpoint.listed(DnsName="eice-1.example.com"))

    async def scenario() -> int:
        await run.opener.keep_a_place(run.auto(private_ip_address=None, vpc_id=None))
        return await run.places_left()

    assert asyncio.run(scenario()) == (PLACES if public else PLACES - 1)


# -- Of a user who logs in by hand ------------------------------------------------------------------------------------


def test_what_is_known_of_ssh_is_not_asked(run: Run, cloud: Cloud, endpoint: Endpoint) -> None:
    """It connects already, with what its command line and its files say."""
    cloud.take_key(user="admin")
    known = {"user": "admin", "port": "22", "hostname": INSTANCE_ID}

    async def scenario() -> None:
        async with endpoint.serving():
            assert await run.open(run.settings(ssh=["false"], configuration=known)) is None

    asyncio.run(scenario())


def test_a_tunnel_is_open_until_ssh_closes_it(run: Run, cloud: Cloud, endpoint: Endpoint) -> None:
    cloud.take_key()

    async def scenario() -> None:
        async with endpoint.serving():
            assert not run.opener.has_tunnels()
            connection, failure = await run.connect(run.settings())
            assert connection, failure
            assert run.opener.has_tunnels()
            connection.close()
            await asyncio.wait_for(run.opener.ended(), 10)
            assert not run.opener.has_tunnels()

    asyncio.run(scenario())


def test_facts_that_are_forgotten_are_asked_again_and_keys_are_not_pushed_again(run: Run, cloud: Cloud) -> None:
    async def ask(_instance_ids: Sequence[str]) -> dict[str, Instance]:
        return {}

    settings = run.settings()
    first = run.opener.facts(settings["aws"], ask)
    ways = run.opener.closed_ways(settings, 22)
    run.opener.forget_facts()
    assert run.opener.facts(settings["aws"], ask) is not first
    assert run.opener.closed_ways(settings, 22) is not ways
    del cloud
