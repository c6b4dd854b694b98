# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which ways to an instance are tried, in which order, by what the user wants and what is known beforehand."""

from __future__ import annotations

from typing import Any, cast

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils import _ways as ways
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.ec2 import EndpointFacts
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._ways import Way, WaySettings

INSTANCE_ID, NODE_ID = "i-0123456789abcdef0", "mi-0123456789abcdef0"
PUBLIC = {"private_ip_address": "10.0.0.7", "public_ip_address": "192.0.2.7"}
PRIVATE = {"private_ip_address": "10.0.0.7"}
ENDPOINT = {"instance_connect_endpoint_id": "eice-1"}


def settings(**told: Any) -> WaySettings:
    nothing = dict.fromkeys(WaySettings.__annotations__)
    return cast("WaySettings", {**nothing, "instance_id": INSTANCE_ID, "name": "web1", **told})


@pytest.mark.parametrize("known", [{}, PUBLIC, PRIVATE, {"host": "10.0.0.7"}], ids=str)
@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"tunnel": "auto"}, [Way.PUBLIC, Way.ENDPOINT, Way.GIVEN, Way.SESSION_MANAGER, Way.PRIVATE]),
        ({"tunnel": "auto", **ENDPOINT}, [Way.PUBLIC, Way.ENDPOINT]),
        ({"tunnel": "endpoint"}, [Way.ENDPOINT]),
        ({"tunnel": "endpoint", **ENDPOINT}, [Way.ENDPOINT]),
        ({"tunnel": "session_manager"}, [Way.SESSION_MANAGER]),
        ({"tunnel": "session_manager", **ENDPOINT}, [Way.SESSION_MANAGER]),
        ({"tunnel": "never"}, [Way.DIRECT]),
        ({"tunnel": "never", **ENDPOINT}, [Way.DIRECT]),
        # A managed node.
        ({"tunnel": "auto", "instance_id": NODE_ID}, [Way.GIVEN, Way.SESSION_MANAGER]),
        ({"tunnel": "auto", "instance_id": NODE_ID, **ENDPOINT}, [Way.GIVEN, Way.SESSION_MANAGER]),
        ({"tunnel": "session_manager", "instance_id": NODE_ID}, [Way.SESSION_MANAGER]),
        ({"tunnel": "never", "instance_id": NODE_ID}, [Way.GIVEN]),
    ],
)
def test_the_ways_and_their_order(told: dict[str, str], expected: list[Way], known: dict[str, str]) -> None:
    """What is known of an instance decides later: an address that is missing makes a way none."""
    assert list(ways.ways(settings(**{**known, **told}))) == expected


def test_each_way_has_a_name_of_its_own_for_a_sentence() -> None:
    names = [way.value for way in Way]
    assert len(set(names)) == len(Way)
    assert all(name == name.strip(" .") for name in names)


@pytest.mark.parametrize(("instance_id", "is_node"), [(INSTANCE_ID, False), (NODE_ID, True), ("i-00000001", False)])
def test_what_a_managed_node_is(instance_id: str, is_node: bool) -> None:
    assert ways.is_managed_node(instance_id) is is_node


@pytest.mark.parametrize(
    ("told", "may"),
    [
        ({"tunnel": "endpoint", **PUBLIC}, True),
        ({"tunnel": "auto", **PRIVATE}, True),
        ({"tunnel": "auto", **PUBLIC}, False),
        # Nothing is known yet, and a place may be needed.
        ({"tunnel": "auto"}, True),
        ({"tunnel": "auto", **PRIVATE, "public_ip_address": ""}, True),
        ({"tunnel": "auto", **PRIVATE, "host": "10.0.0.7"}, True),
        ({"tunnel": "auto", **PRIVATE, **ENDPOINT}, True),
        ({"tunnel": "never", **PRIVATE}, False),
        ({"tunnel": "session_manager", **PRIVATE, **ENDPOINT}, False),
        ({"tunnel": "auto", "instance_id": NODE_ID}, False),
    ],
)
def test_what_may_need_an_endpoint(told: dict[str, str], may: bool) -> None:
    assert ways.may_need_endpoint(settings(**told)) is may


@pytest.mark.parametrize(
    ("told", "hostname", "address"),
    [
        ({}, "web1", None),
        ({"host": "10.0.0.7"}, "web1", "10.0.0.7"),
        ({"host": "10.0.0.7", "name": "10.0.0.7"}, "10.0.0.7", "10.0.0.7"),
        # ssh is told the id where it would not take the address for a host, and it stays the address.
        ({"host": "a@b", "name": INSTANCE_ID}, INSTANCE_ID, "a@b"),
        ({"name": INSTANCE_ID}, INSTANCE_ID, None),
        # HostName in the configuration of ssh counts more.
        ({}, "web1.example.com", "web1.example.com"),
        ({"host": "192.0.2.7"}, "web1.example.com", "web1.example.com"),
        # ssh has it in small letters, and a zone may have big ones.
        ({"host": "fe80::1%Eth0", "name": "fe80::1%Eth0"}, "fe80::1%eth0", "fe80::1%Eth0"),
        ({"name": "Web1"}, "web1", None),
        # Those of ASCII, that is.
        ({"name": "WEB-Ä"}, "web-Ä", None),
    ],
)
def test_the_address_of_the_user(told: dict[str, str], hostname: str, address: str | None) -> None:
    assert ways.address_of_the_user(settings(**told), hostname) == address


@pytest.mark.parametrize("port", [22, 3389])
def test_ports_of_endpoints(port: int) -> None:
    ways.check_port(port)


@pytest.mark.parametrize("port", [21, 23, 2222, 3388])
def test_a_port_that_no_endpoint_has(port: int) -> None:
    expected = (
        rf"is {port} \(ansible_port.*only to the ports 22 and 3389\. .*tunnel: session_manager\. .*tunnel: never\."
    )
    with pytest.raises(ArgumentError, match=expected):
        ways.check_port(port)


def test_an_instance_that_has_no_address_is_a_sentence() -> None:
    assert str(ways.no_address(INSTANCE_ID)).startswith(f"EC2 has no address of {INSTANCE_ID}.")


ONE = EndpointFacts("eice-1", "one.example.com", None, "subnet-1")
TWO = EndpointFacts("eice-2", "two.example.com", "fips.example.com", "subnet-2")
NAMELESS = EndpointFacts("eice-3", None, None, "subnet-2")


@pytest.mark.parametrize(
    ("found", "subnet_id", "use_fips", "expected"),
    [
        ([ONE, TWO], "subnet-2", False, (TWO, "two.example.com")),
        ([ONE, TWO], "subnet-9", False, (ONE, "one.example.com")),
        ([ONE, TWO], "subnet-1", True, (TWO, "fips.example.com")),
        ([NAMELESS, ONE], "subnet-2", False, (ONE, "one.example.com")),
        ([NAMELESS], "subnet-2", False, None),
        ([], None, False, None),
    ],
)
def test_the_endpoint_of_several(
    found: list[EndpointFacts], subnet_id: str | None, use_fips: bool, expected: tuple[EndpointFacts, str] | None
) -> None:
    assert ways.preferred_endpoint(found, subnet_id, use_fips=use_fips) == expected
