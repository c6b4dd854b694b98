# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which way is taken to an instance, by what is known of it."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.ec2 import Instance
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import ways
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.explain import Step
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.steps import FailedError

INSTANCE_ID = "i-0123456789abcdef0"


PRIVATE = {"private_ip_address": "10.0.0.7"}


PUBLIC = {**PRIVATE, "public_ip_address": "192.0.2.7"}


# What EC2 knows of a private instance, and of a public one.
HIDDEN = Instance("10.0.0.7", None, None, "vpc-1", "subnet-1")


OPEN = Instance("10.0.0.7", "192.0.2.7", None, "vpc-1", "subnet-1")


def known_of(hostname: str, told: dict[str, str]) -> Settings:
    nothing = dict.fromkeys(Settings.__annotations__)
    return cast("Settings", {**nothing, "instance_id": INSTANCE_ID, "name": hostname, **told})


@pytest.mark.parametrize(
    ("told", "hostname", "known", "address", "asked"),
    [
        # auto: a tunnel for an instance without a public address.
        ({"tunnel": "auto", **PRIVATE}, "web1", None, None, 0),
        ({"tunnel": "auto", **PRIVATE, "public_ip_address": ""}, "web1", None, None, 0),
        ({"tunnel": "auto", **PRIVATE, "host": "10.0.0.7"}, "10.0.0.7", None, None, 0),
        ({"tunnel": "auto", **PUBLIC}, "web1", None, "192.0.2.7", 0),
        ({"tunnel": "auto", **PUBLIC, "host": "web1.example.com"}, "web1.example.com", None, "web1.example.com", 0),
        # ssh is told the id where it would not take the address for a host, and it stays the address.
        ({"tunnel": "auto", **PUBLIC, "host": "a@b", "name": INSTANCE_ID}, INSTANCE_ID, None, "a@b", 0),
        # HostName in the configuration of ssh counts more. ssh has it in small letters, and a zone may have big ones.
        ({"tunnel": "never", "host": "web1", "name": "web1"}, "192.0.2.9", None, "192.0.2.9", 0),
        ({"tunnel": "never", "host": "fe80::1%Eth0", "name": "fe80::1%Eth0"}, "fe80::1%eth0", None, "fe80::1%Eth0", 0),
        # Nothing is known but the id.
        ({"tunnel": "auto"}, INSTANCE_ID, HIDDEN, None, 1),
        ({"tunnel": "auto"}, INSTANCE_ID, OPEN, "192.0.2.7", 1),
        # always, whatever is known.
        ({"tunnel": "always", **PUBLIC}, "web1", None, None, 0),
        ({"tunnel": "always", "host": "192.0.2.7"}, "192.0.2.7", None, None, 0),
        # never: the address of the user, the public one, the private one, the name, what EC2 says.
        ({"tunnel": "never", **PUBLIC, "host": "192.0.2.99"}, "192.0.2.99", None, "192.0.2.99", 0),
        ({"tunnel": "never", **PUBLIC}, "web1", None, "192.0.2.7", 0),
        ({"tunnel": "never", **PRIVATE}, "web1", None, "10.0.0.7", 0),
        ({"tunnel": "never", "name": "web1"}, "web1.example.com", None, "web1.example.com", 0),
        # A name is in small letters for ssh, and that makes no other one of it.
        ({"tunnel": "auto", **PUBLIC, "name": "Web1"}, "web1", None, "192.0.2.7", 0),
        # Those of ASCII, that is.
        ({"tunnel": "auto", **PUBLIC, "name": "WEB-Ä"}, "web-Ä", None, "192.0.2.7", 0),
        ({"tunnel": "never", "name": "web1"}, "web1", OPEN, "192.0.2.7", 1),
        ({"tunnel": "never"}, INSTANCE_ID, Instance(None, None, "2001:db8::7", "vpc-1", "subnet-1"), "2001:db8::7", 1),
        ({"tunnel": "never"}, INSTANCE_ID, HIDDEN, "10.0.0.7", 1),
        ({"tunnel": "never"}, INSTANCE_ID, OPEN, "192.0.2.7", 1),
    ],
)
def test_the_way(told: dict[str, str], hostname: str, known: Instance | None, address: str | None, asked: int) -> None:
    questions: list[Instance] = []

    async def ask() -> Instance:
        assert known
        questions.append(known)
        return known

    assert asyncio.run(ways.direct_address(known_of(hostname, told), hostname, ask)) == address
    assert len(questions) == asked


def test_an_instance_that_has_no_address_is_a_sentence() -> None:
    async def ask() -> Instance:
        return Instance(None, None, None, None, None)

    with pytest.raises(ArgumentError, match=f"EC2 has no address of {INSTANCE_ID}"):
        asyncio.run(ways.direct_address(known_of("web1", {"tunnel": "never"}), "web1", ask))


@pytest.mark.parametrize(
    ("told", "hostname", "address"),
    [
        ({"tunnel": "auto", **PRIVATE}, "web1", None),
        ({"tunnel": "auto", **PRIVATE, "host": "10.0.0.7"}, "web1", "10.0.0.7"),
        ({"tunnel": "auto", "name": "web1"}, "10.0.0.7", "10.0.0.7"),
        ({"tunnel": "auto", "instance_connect_endpoint_id": "eice-1", "host": "10.0.0.7"}, "web1", None),
        ({"tunnel": "always", "host": "10.0.0.7"}, "web1", None),
    ],
)
def test_the_way_where_there_is_no_endpoint(told: dict[str, str], hostname: str, address: str | None) -> None:
    assert ways.address_without_endpoint(known_of(hostname, told), hostname) == address


@pytest.mark.parametrize(
    ("told", "may"),
    [
        ({"tunnel": "always", **PUBLIC}, True),
        ({"tunnel": "auto", **PRIVATE}, True),
        ({"tunnel": "auto", **PUBLIC}, False),
        # Nothing is known yet, and a place may be needed.
        ({"tunnel": "auto"}, True),
        ({"tunnel": "auto", **PRIVATE, "host": "10.0.0.7"}, True),
        ({"tunnel": "never", **PRIVATE}, False),
    ],
)
def test_what_may_need_a_tunnel(told: dict[str, str], may: bool) -> None:
    assert ways.may_tunnel(known_of("web1", told)) is may


@pytest.mark.parametrize(
    ("told", "must"),
    [
        ({"tunnel": "always", **PUBLIC}, True),
        ({"tunnel": "auto", **PRIVATE}, True),
        ({"tunnel": "auto", **PUBLIC}, False),
        # EC2 may know a public address, and the VPC may have no endpoint.
        ({"tunnel": "auto"}, False),
        ({"tunnel": "auto", **PRIVATE, "host": "10.0.0.7"}, False),
        ({"tunnel": "never", **PRIVATE}, False),
    ],
)
def test_what_needs_a_tunnel_in_any_case(told: dict[str, str], must: bool) -> None:
    assert ways.must_tunnel(known_of("web1", told), "web1") is must


@pytest.mark.parametrize("port", [22, 3389])
def test_ports_of_endpoints(port: int) -> None:
    ways.check_port(port)


def test_a_port_that_no_endpoint_has() -> None:
    with pytest.raises(
        ArgumentError, match=r"is 2222 \(ansible_port.*only to the ports 22 and 3389\. .*tunnel: never\."
    ):
        ways.check_port(2222)


@pytest.mark.parametrize(
    ("before", "now", "connected"),
    [
        ("192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", "192.0.2.2", "192.0.2.1"),
        ("closed", "192.0.2.2", "192.0.2.2"),
        # Started again without a public address: it takes the tunnel.
        ("closed", None, None),
        (None, "192.0.2.2", None),
        ("closed", "closed", "failed"),
        ("closed", "closed too", "failed"),
    ],
)
def test_an_instance_that_was_started_again_is_found(
    before: str | None, now: str | None, connected: str | None
) -> None:
    """EC2 is asked anew only where there is no way to what it has said before."""
    asked: list[bool] = []
    opened = socket.socket()

    async def find(*, anew: bool) -> str | None:
        asked.append(anew)
        return now if anew else before

    async def open_to(address: str) -> socket.socket:
        if address.startswith("closed"):
            raise FailedError(Step.CONNECT, "No.")
        assert address == connected
        return opened

    with opened:
        if connected == "failed":
            with pytest.raises(FailedError):
                asyncio.run(ways.reach(find, open_to))
        else:
            assert asyncio.run(ways.reach(find, open_to)) is (opened if connected else None)
    assert asked == ([False, True] if before == "closed" else [False])
