# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which route packets take."""

from __future__ import annotations

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import Route, RouteTable, Unread
from ansible_collections.sshkeys.aws.plugins.module_utils._network.networks import network
from ansible_collections.sshkeys.aws.plugins.module_utils._network.routes import (
    kind_of,
    named,
    route_to,
    routes_of,
    table_of,
)

LOCAL, DEFAULT = Route("local", "10.0.0.0/16"), Route("igw-1", "0.0.0.0/0")


def target(routes: list[Route], destination: str, **prefix_lists: list[str]) -> str | None:
    lists = {name.replace("_", "-"): entries for name, entries in prefix_lists.items()}
    found = route_to(RouteTable("rtb-1", "vpc-1", True, [], routes), network(destination), lists)
    return found.target if found else None


@pytest.mark.parametrize(
    ("routes", "destination", "expected"),
    [
        ([LOCAL], "198.51.100.7/32", None),
        ([LOCAL, DEFAULT], "198.51.100.7/32", "igw-1"),
        ([DEFAULT, LOCAL], "10.0.3.7/32", "local"),
        ([LOCAL, DEFAULT, Route("pcx-1", "198.51.100.0/24")], "198.51.100.7/32", "pcx-1"),
        # The most specific one counts, also if it leads nowhere.
        ([DEFAULT, Route("nat-1", "198.51.100.0/24", is_active=False)], "198.51.100.7/32", "nat-1"),
        ([DEFAULT], "0.0.0.0/0", "igw-1"),
        ([DEFAULT], "2001:db8::7/128", None),
        ([DEFAULT, Route("eigw-1", "::/0")], "2001:db8::7/128", "eigw-1"),
        # A part of the destination is not all of it.
        ([Route("pcx-1", "198.51.100.0/25")], "198.51.100.0/24", None),
    ],
)
def test_the_route(routes: list[Route], destination: str, expected: str | None) -> None:
    assert target(routes, destination) == expected


def test_a_route_to_a_prefix_list_is_one_to_each_of_its_entries() -> None:
    routes = [DEFAULT, Route("tgw-1", prefix_list_id="pl-1")]
    assert target(routes, "198.51.100.7/32", pl_1=["198.51.100.0/24"]) == "tgw-1"
    assert target(routes, "203.0.113.7/32", pl_1=["198.51.100.0/24"]) == "igw-1"
    table = RouteTable("rtb-1", "vpc-1", True, [], routes)
    found = route_to(table, network("198.51.100.7"), {"pl-1": Unread("Not allowed.")})
    assert found is DEFAULT
    # Where both are alike, the route by CIDR comes first (VPC User Guide, "Route priority").
    both = [Route("tgw-1", prefix_list_id="pl-1"), Route("pcx-1", "198.51.100.0/24")]
    assert target(both, "198.51.100.7/32", pl_1=["198.51.100.0/24"]) == "pcx-1"


@pytest.mark.parametrize(
    ("routes", "destination", "expected"),
    [
        ([LOCAL, DEFAULT], "198.51.100.0/24", {"igw-1": ["198.51.100.0/24"]}),
        ([LOCAL], "198.51.100.0/24", {"": ["198.51.100.0/24"]}),
        (
            [Route("pcx-1", "198.51.100.0/25")],
            "198.51.100.0/24",
            {"pcx-1": ["198.51.100.0/25"], "": ["198.51.100.128/25"]},
        ),
        (
            [DEFAULT, Route("pcx-1", "198.51.100.0/25"), Route("tgw-1", "198.51.100.0/26")],
            "198.51.100.0/24",
            {"tgw-1": ["198.51.100.0/26"], "pcx-1": ["198.51.100.64/26"], "igw-1": ["198.51.100.128/25"]},
        ),
    ],
)
def test_the_routes_of_all_parts_of_a_network(
    routes: list[Route], destination: str, expected: dict[str, list[str]]
) -> None:
    found = routes_of(RouteTable("rtb-1", "vpc-1", True, [], routes), network(destination), {})
    told = {route.target if route else "": [str(each) for each in part] for route, part in found}
    assert told == expected


def test_a_subnet_has_its_own_table_or_the_main_one_of_its_vpc() -> None:
    foreign = RouteTable("rtb-0", "vpc-0", True)
    main, own = RouteTable("rtb-1", "vpc-1", True), RouteTable("rtb-2", "vpc-1", False, ["subnet-2"])
    tables = [foreign, main, own]
    assert table_of(tables, "vpc-1", "subnet-2") is own
    assert table_of(tables, "vpc-1", "subnet-1") is main
    assert table_of([own], "vpc-1", "subnet-1") is None


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("igw-0a", "igw-", "an internet gateway (igw-0a)"),
        ("i-0a", "i-", "an instance (i-0a)"),
        ("local", "local", "local"),
        (
            "arn:aws:networkmanager::1:core-network/c",
            "arn:",
            "a core network (arn:aws:networkmanager::1:core-network/c)",
        ),
        ("new-0a", "", "new-0a"),
        ("", "", ""),
    ],
)
def test_kinds_of_targets(text: str, kind: str, name: str) -> None:
    assert (kind_of(text), named(text)) == (kind, name)
