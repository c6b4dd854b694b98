# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way through an endpoint: which one, a place of it, what it is asked, and what it gives back when it fails."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import EC2
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import endpoint_tunnel
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.endpoint_way import EndpointWay
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.explain import Step
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.host import Host
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.places import PLACES
from ansible_collections.sshkeys.aws.tests.unit.openings import (
    AWS,
    INSTANCE_ID,
    NO_ENDPOINT_GIVEN,
    Cloud,
    Endpoint,
    Plugin,
    Run,
    be_full,
    refuse,
)
from ansible_collections.sshkeys.aws.tests.unit.websocket_server import eventually, number_of_open_files
from botocore.stub import Stubber
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response


@pytest.fixture
def run(tmp_path: Path, endpoint: Endpoint, cloud: Cloud) -> Run:
    """Return a run that has begun."""
    del cloud
    return Run(tmp_path, endpoint)


def way_of(run: Run, **told: Any) -> EndpointWay:
    """Return the way to a host."""
    opener = run.opener
    known = {"instance_connect_endpoint_dns_name": "eice-1.example.com"}
    host = Host(run.settings(**{**known, **told}), opener.accounts, opener.facts)
    return EndpointWay(host, run.commands, run.places, opener.give_back_after)


# -- The endpoint ------------------------------------------------------------------------------------------------------


def test_an_endpoint_of_the_user_is_asked_of_nobody(run: Run, cloud: Cloud) -> None:
    way = way_of(run, instance_connect_endpoint_id="eice-7", instance_connect_endpoint_dns_name="eice-7.example.com")
    assert asyncio.run(way.endpoint(remembers_none=False)) == ("eice-7", "eice-7.example.com")
    assert cloud.clients == []


LISTED = ({"InstanceConnectEndpointId": "eice-1", "DnsName": "one.example.com", "SubnetId": "subnet-1"},)


@pytest.mark.parametrize(
    ("told", "asked"),
    [
        ({**NO_ENDPOINT_GIVEN}, {"Filters": ["state", "vpc-id"]}),
        (
            {"instance_connect_endpoint_id": "eice-1", "instance_connect_endpoint_dns_name": None},
            {"Filters": ["state"], "InstanceConnectEndpointIds": ["eice-1"]},
        ),
    ],
)
def test_ec2_is_asked_for_the_endpoints_of_the_vpc_or_for_the_one_of_the_user(
    told: dict[str, Any], asked: dict[str, list[str]], run: Run, cloud: Cloud
) -> None:
    seen: list[dict[str, Any]] = []
    stubber = cloud.services[EC2].stubber
    cloud.describe_endpoints(*LISTED)
    events = stubber.client.meta.events
    events.register("before-parameter-build.ec2.*", lambda params, **_more: seen.append(params), "of-this-test")
    try:
        found = asyncio.run(way_of(run, **told).endpoint(remembers_none=False))
    finally:
        events.unregister("before-parameter-build.ec2.*", unique_id="of-this-test")
    assert found == ("eice-1", "one.example.com")
    (params,) = seen
    assert {**params, "Filters": [each["Name"] for each in params["Filters"]]} == asked


def test_ec2_is_asked_for_the_vpc_where_it_is_unknown_and_an_endpoint_in_the_subnet_is_preferred(
    run: Run, cloud: Cloud
) -> None:
    cloud.describe(INSTANCE_ID, VpcId="vpc-7", SubnetId="subnet-2")
    second = {"InstanceConnectEndpointId": "eice-2", "DnsName": "two.example.com", "SubnetId": "subnet-2"}
    cloud.describe_endpoints(*LISTED, second)
    way = way_of(run, **{**NO_ENDPOINT_GIVEN, "vpc_id": None, "subnet_id": "subnet-1"})
    assert asyncio.run(way.endpoint(remembers_none=False)).id == "eice-2"


def test_the_endpoint_is_told_the_address_that_ec2_knows(run: Run, cloud: Cloud, endpoint: Endpoint) -> None:
    cloud.take_key()
    cloud.describe(INSTANCE_ID, Ipv6Address="2001:db8::7")

    async def scenario() -> None:
        async with endpoint.serving():
            assert await run.open(run.settings(private_ip_address=None, max_tunnel_duration=77)) is None

    asyncio.run(scenario())
    (path,) = endpoint.asked
    assert "&maxTunnelDuration=77&privateIpAddress=2001%3Adb8%3A%3A7&remotePort=22&" in path


def test_an_instance_without_an_address_is_a_sentence(run: Run, cloud: Cloud) -> None:
    cloud.describe(INSTANCE_ID)
    with pytest.raises(ArgumentError, match=f"EC2 has no address of {INSTANCE_ID}"):
        asyncio.run(way_of(run, private_ip_address=None).connect(22, remembers_none=False))


def test_a_port_that_no_endpoint_has_is_a_sentence_and_takes_no_place(run: Run) -> None:
    async def scenario() -> None:
        with pytest.raises(ArgumentError, match="port of this host is 23"):
            await way_of(run).connect(23, remembers_none=False)
        assert await run.places_left() == PLACES

    asyncio.run(scenario())


@pytest.mark.parametrize("name", ["[::1", "a b"])
def test_a_name_of_an_endpoint_that_is_none_is_a_sentence(name: str, run: Run, cloud: Cloud) -> None:
    cloud.take_key()
    step, sentence = asyncio.run(run.open(run.settings(instance_connect_endpoint_dns_name=name))) or (None, "")
    assert step is Step.TUNNEL
    assert sentence in (
        endpoint_tunnel.ENDPOINT.unusable,
        "The endpoint cannot be reached: [Errno -2] Name or service not known.",
    )


@pytest.mark.parametrize("remembers_none", [True, False])
def test_that_there_is_no_endpoint_is_remembered_if_it_is_wanted(remembers_none: bool, run: Run, cloud: Cloud) -> None:
    for _number in range(1 if remembers_none else 2):
        cloud.describe_endpoints()

    async def scenario() -> None:
        way = way_of(run, **NO_ENDPOINT_GIVEN)
        for _number in range(2):
            with pytest.raises(ArgumentError, match="No EC2 Instance Connect Endpoint in vpc-1 is ready"):
                await way.connect(22, remembers_none=remembers_none)

    asyncio.run(scenario())


def test_the_end_of_a_tunnel_is_told_with_its_step(run: Run, cloud: Cloud, endpoint: Endpoint) -> None:
    cloud.take_key()

    async def scenario() -> dict[str, Any]:
        async with endpoint.serving():
            plugin = Plugin(run, INSTANCE_ID)
            connection, _failure = await run.connect(run.settings())
            assert connection
            assert "made" in await plugin.told()
            with connection:
                await endpoint.end(1011, "Unable to connect to target")
                told = await plugin.told()
            plugin.end()
            await asyncio.wait_for(run.opener.ended(), 10)
            return told

    failed = asyncio.run(scenario())["failed"]
    assert failed["step"] == Step.TUNNEL_ENDED.name
    assert "Unable to connect to target (1011)" in failed["sentence"]


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


# -- The places of the endpoint ----------------------------------------------------------------------------------------


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
            assert sentence.startswith("All connections that the endpoint eice-1 carries for you were in use for")
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
            cloud.describe_endpoints(endpoint.listed())
            for _number in range(2):
                assert await run.open(run.settings(**NO_ENDPOINT_GIVEN)) is None

    asyncio.run(scenario())


def test_a_host_with_fips_gets_the_name_with_fips(run: Run, cloud: Cloud, endpoint: Endpoint) -> None:
    """A profile may ask for it, and hosts of a run may have different profiles."""
    cloud.take_key()

    async def scenario() -> None:
        async with endpoint.serving():
            listed = endpoint.listed(DnsName="127.0.0.1:1", FipsDnsName=endpoint.name)
            cloud.describe_endpoints(listed)
            step, sentence = await run.open(run.settings(**NO_ENDPOINT_GIVEN)) or (None, "")
            assert step is Step.TUNNEL
            assert "cannot be reached" in sentence
            cloud.describe_endpoints(listed)
            with Stubber(cloud.fips) as stubber:
                stubber.add_response("send_ssh_public_key", {"RequestId": "request-1", "Success": True})
                assert await run.open(run.settings(aws={**AWS, "profile": "fips"}, **NO_ENDPOINT_GIVEN)) is None

    asyncio.run(scenario())
