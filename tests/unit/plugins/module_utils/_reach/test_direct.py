# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an address is open: each case breaks one thing of a network where it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import (
    Interface,
    Route,
    RouteTable,
    Rule,
    Unread,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._network.networks import network
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.asked import Asked
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.direct import judge_address
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.verdict import Verdict
from ansible_collections.sshkeys.aws.tests.unit.networks import (
    HIDDEN,
    INSTANCE,
    IPV6,
    LOCAL,
    OFFICE,
    OUT,
    PRIVATE,
    PUBLIC,
    acl,
    around,
    asked,
    deny,
    group,
    groups,
    ssh_from,
    tables,
)
from hypothesis import given, strategies as st

INSIDE = "10.0.2.9"


def judged(address: str = PUBLIC, *sources: str, **broken: Any) -> Verdict:
    """Return the verdict for an address, for connections from these networks, in a network that is broken."""
    return judge_address(INSTANCE, address, asked(*sources), around(**broken))


@pytest.mark.parametrize("address", [PUBLIC, IPV6, "WEB-1.example.com"])
def test_what_lets_everybody_in_is_open_whoever_asks(address: str) -> None:
    found = judged(address)
    assert (found.is_open, found.reasons) == (True, ())
    assert "source_cidr is not set" in found.notes[0]


@pytest.mark.parametrize(("address", "source"), [(PUBLIC, OFFICE), (IPV6, "2001:db8:7::/48"), (PRIVATE, INSIDE)])
def test_what_lets_a_source_in_is_open_to_it(address: str, source: str) -> None:
    assert judged(address, source) == Verdict(True)


# What is broken, and what is said of the public address, for connections from the office.
BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "no rule": (
        {"security_groups": groups(group("sg-1"))},
        "The security group sg-1 (name-of-sg-1) does not let TCP port 22 in from 198.51.100.0/24. Add an inbound rule",
    ),
    "another source": (
        {"security_groups": groups(group("sg-1", ssh_from("192.0.2.0/24")))},
        "not let TCP port 22 in from 198.51.100.0/24, only from 192.0.2.0/24.",
    ),
    "another port": ({"security_groups": groups(group("sg-1", Rule("tcp", 443, 443, ["0.0.0.0/0"])))}, "does not let"),
    "udp": ({"security_groups": groups(group("sg-1", Rule("udp", 22, 22, ["0.0.0.0/0"])))}, "does not let TCP port 22"),
    "IPv6 alone": ({"security_groups": groups(group("sg-1", ssh_from("::/0")))}, "does not let TCP port 22"),
    # A public address is reached from outside, where no member of a group is seen as one.
    "members of a group": (
        {"security_groups": groups(group("sg-1", ssh_from(group_ids=["sg-9"])))},
        "only from members of sg-9.",
    ),
    "no default route": (
        {"route_tables": tables()},
        "The route table rtb-1 of subnet-1 has no route to 198.51.100.0/24.",
    ),
    "blackhole": (
        {"route_tables": tables(Route("igw-9", "0.0.0.0/0", is_active=False))},
        "that leads nowhere (blackhole): its target igw-9 is gone",
    ),
    "NAT": (
        {"route_tables": tables(Route("nat-1", "0.0.0.0/0"))},
        "by a NAT gateway (nat-1), which lets no connections in",
    ),
    "own table": (
        {"route_tables": [*tables(*OUT), RouteTable("rtb-2", "vpc-1", False, ["subnet-1"], LOCAL)]},
        "The route table rtb-2 of subnet-1 has no route",
    ),
    "another way back": (
        {"route_tables": tables(*OUT, Route("tgw-1", OFFICE))},
        "by a transit gateway (tgw-1), and connections to the public address 203.0.113.7 come by an internet gateway",
    ),
    "denied before it is allowed": (
        {"acls": [acl(deny(egress=False, ports=(22, 22)))]},
        "The network ACL acl-1 of subnet-1 does not let TCP port 22 in from 198.51.100.0/24.",
    ),
    "no answers": (
        {"acls": [acl(deny(egress=True, ports=(1024, 65535)))]},
        "does not let the answers out to 198.51.100.0/24. An ACL keeps no state: allow the TCP ports 1024-65535",
    ),
}


@pytest.mark.parametrize(("broken", "says"), BROKEN.values(), ids=BROKEN)
def test_what_closes_it(broken: dict[str, Any], says: str) -> None:
    found = judged(PUBLIC, OFFICE, **broken)
    assert found.is_open is False
    assert len(found.reasons) == 1
    assert says in found.reasons[0]


@pytest.mark.parametrize("name", [name for name in BROKEN if name != "another way back"])
def test_it_is_not_open_to_everybody_either(name: str) -> None:
    assert judged(PUBLIC, **BROKEN[name][0]).is_open is not True


def test_everything_that_is_wrong_is_told_at_once() -> None:
    broken = around(
        security_groups=groups(group("sg-1")), route_tables=tables(), acls=[acl(deny(egress=False), deny(egress=True))]
    )
    found = judge_address(INSTANCE, PUBLIC, asked(OFFICE), broken)
    assert found.is_open is False
    assert [reason.split(" of ")[0][:18] for reason in found.reasons] == [
        "The route table rt",
        "The security group",
        "The network ACL ac",
        "The network ACL ac",
    ]


# What is doubtful, for connections from the office.
DOUBTFUL: dict[str, tuple[dict[str, Any], str]] = {
    "a part of it": (
        {"security_groups": groups(group("sg-1", ssh_from("198.51.100.0/25")))},
        "in from 198.51.100.0/24, only from 198.51.100.0/25",
    ),
    "an appliance": (
        {"route_tables": tables(Route("vpce-1", "0.0.0.0/0"))},
        "by a VPC endpoint (vpce-1), and what is behind that cannot be known",
    ),
    "a part is denied": ({"acls": [acl(deny(egress=False, cidr="198.51.100.7/32"))]}, "in from 198.51.100.7/32"),
    "no groups": ({"security_groups": Unread("No groups.")}, "No groups."),
    "a group is missing": ({"security_groups": {}}, "EC2 does not return sg-1, so its rules are unknown."),
    "no routes": ({"route_tables": Unread("No routes.")}, "No routes."),
    "no table": ({"route_tables": []}, "returns no route table of subnet-1"),
    "no ACLs": ({"acls": Unread("No ACLs.")}, "No ACLs."),
    "no ACL": ({"acls": []}, "returns no network ACL of subnet-1"),
    "a prefix list": (
        {
            "security_groups": groups(group("sg-1", ssh_from(prefix_list_ids=["pl-1"]))),
            "prefix_lists": {"pl-1": Unread("No prefix lists.")},
        },
        "No prefix lists.",
    ),
}


@pytest.mark.parametrize(("broken", "says"), DOUBTFUL.values(), ids=DOUBTFUL)
def test_what_cannot_be_known(broken: dict[str, Any], says: str) -> None:
    found = judged(PUBLIC, OFFICE, **broken)
    assert found.is_open is None
    assert says in found.reasons[0]


@pytest.mark.parametrize("unread", ["security_groups", "route_tables", "acls"])
@pytest.mark.parametrize("closed_by", ["no rule", "no default route", "no answers"])
def test_what_is_closed_for_certain_stays_so_whatever_else_is_unknown(unread: str, closed_by: str) -> None:
    broken = {unread: Unread("Refused."), **BROKEN[closed_by][0]}
    assert judged(PUBLIC, OFFICE, **broken).is_open is False


def test_rules_of_several_groups_and_prefix_lists_count_together() -> None:
    rules = groups(group("sg-1", ssh_from("198.51.100.0/25")), group("sg-3", ssh_from(prefix_list_ids=["pl-1"])))
    interface = replace(INSTANCE.interfaces[0], group_ids=["sg-1", "sg-3"])
    instance = replace(INSTANCE, interfaces=[interface])
    broken = around(security_groups=rules, prefix_lists={"pl-1": ["198.51.100.128/25"]})
    assert judge_address(instance, PUBLIC, asked(OFFICE), broken).is_open is True
    broken = around(security_groups=rules, prefix_lists={"pl-1": ["192.0.2.0/24"]})
    (reason,) = judge_address(instance, PUBLIC, asked(OFFICE), broken).reasons
    assert reason.startswith(
        "The security groups sg-1 (name-of-sg-1) and sg-3 (name-of-sg-3) do not let TCP port 22 in"
    )


def test_outbound_rules_of_the_instance_do_not_matter() -> None:
    silent = groups(group("sg-1", ssh_from("0.0.0.0/0"), outbound=[]))
    assert judged(PUBLIC, OFFICE, security_groups=silent) == Verdict(True)


def test_the_ports_of_linux_are_enough_and_the_rest_is_a_note() -> None:
    found = judged(PUBLIC, OFFICE, acls=[acl(deny(egress=True, ports=(1024, 32767)))])
    assert (found.is_open, found.reasons) == (True, ())
    assert "a part of the TCP ports 1024-65535 only" in found.notes[0]
    assert judged(PUBLIC, OFFICE, acls=[acl(deny(egress=True, ports=(1024, 50000)))]).is_open is None


def test_each_interface_has_its_own_groups_and_subnet() -> None:
    second = Interface("subnet-3", ["sg-3"], ["10.0.3.7", "203.0.113.8"], ["203.0.113.8"])
    instance = replace(INSTANCE, interfaces=[*INSTANCE.interfaces, second])
    rules = {"security_groups": groups(group("sg-1", ssh_from("0.0.0.0/0")), group("sg-3"))}
    network_of_both = around(**rules, acls=[acl(subnets=["subnet-1", "subnet-3"])])
    assert judge_address(instance, PUBLIC, asked(OFFICE), network_of_both).is_open is True
    found = judge_address(instance, "203.0.113.8", asked(OFFICE), network_of_both)
    assert found.is_open is False
    assert "sg-3" in found.reasons[0]


@pytest.mark.parametrize(
    ("source", "routes", "is_open", "says"),
    [
        (INSIDE, [], True, ""),
        (
            "172.16.0.0/16",
            [Route("pcx-1", "172.16.0.0/12")],
            True,
            "by a VPC peering connection (pcx-1). Whether its other end",
        ),
        ("172.16.0.0/16", [Route("tgw-1", "0.0.0.0/0")], True, "by a transit gateway (tgw-1)"),
        (
            "172.16.0.0/16",
            [],
            False,
            "has no route to 172.16.0.0/16, and the instance has no public address. Join the networks",
        ),
        (
            OFFICE,
            list(OUT),
            False,
            "so the private address 10.0.1.7 is not reached from there, and the instance has no public address.",
        ),
        (
            OFFICE,
            [Route("nat-1", "0.0.0.0/0")],
            False,
            "by a NAT gateway (nat-1), so the private address 10.0.1.7 is not reached",
        ),
        ("2001:db8:7::/48", list(OUT), False, "10.0.1.7 is an IPv4 address, and source_cidr has none of IPv4."),
        ("172.16.0.0/16", [Route("eni-1", "0.0.0.0/0")], None, "by a network interface (eni-1)"),
    ],
)
def test_a_private_address(source: str, routes: list[Route], is_open: bool | None, says: str) -> None:
    found = judge_address(HIDDEN, PRIVATE, asked(source), around(route_tables=tables(*routes)))
    assert found.is_open is is_open
    assert says in " ".join([*found.reasons, *found.notes])


def test_whether_a_private_address_is_reached_cannot_be_known_without_a_source() -> None:
    found = judge_address(HIDDEN, PRIVATE, Asked(), around())
    assert found.is_open is None
    assert "set source_cidr" in found.reasons[0]
    closed = judge_address(HIDDEN, PRIVATE, Asked(), around(security_groups=groups(group("sg-1"))))
    assert closed.is_open is False
    assert "in from nowhere" in closed.reasons[1]


def test_a_source_inside_the_vpc_may_be_a_member_of_a_group() -> None:
    members = groups(group("sg-1", ssh_from(group_ids=["sg-9"])))
    assert judge_address(HIDDEN, PRIVATE, asked(INSIDE), around(security_groups=members)).is_open is None


def test_an_acl_judges_nothing_inside_its_subnet() -> None:
    closed = [acl(deny(egress=False), deny(egress=True))]
    assert judge_address(HIDDEN, PRIVATE, asked("10.0.1.9"), around(acls=closed)).is_open is True
    assert judge_address(HIDDEN, PRIVATE, asked("10.0.2.9"), around(acls=closed)).is_open is False


def test_from_inside_the_vpc_a_public_address_is_no_way() -> None:
    found = judged(PUBLIC, INSIDE)
    assert found.is_open is False
    assert "reached only by its private address" in found.reasons[0]


def test_one_of_several_sources_that_is_not_let_in_makes_it_uncertain() -> None:
    rules = groups(group("sg-1", ssh_from(OFFICE)))
    found = judged(PUBLIC, OFFICE, "192.0.2.7", security_groups=rules)
    assert found.is_open is None
    assert (
        "in from 192.0.2.7/32, only from 198.51.100.0/24. Add an inbound rule for TCP port 22 from 192.0.2.7/32."
        in (found.reasons[0])
    )


def test_without_a_source_it_is_said_who_is_let_in() -> None:
    found = judged(PUBLIC, security_groups=groups(group("sg-1", ssh_from(OFFICE))))
    assert found.is_open is None
    assert (
        "lets TCP port 22 in only from 198.51.100.0/24. Whether you connect from there cannot be known"
        in found.reasons[0]
    )


@pytest.mark.parametrize(
    ("source", "routes"),
    [("2001:db8:1:2::/64", []), ("2001:db8:9::/48", [Route("pcx-1", "2001:db8:9::/48")])],
)
def test_ipv6_has_one_address_for_the_internet_and_for_joined_networks(source: str, routes: list[Route]) -> None:
    assert judged(IPV6, source, route_tables=tables(*routes)).is_open is True


def test_a_source_of_which_a_part_is_inside_the_vpc() -> None:
    found = judge_address(HIDDEN, PRIVATE, asked("10.0.0.0/8"), around(route_tables=tables()))
    assert found.is_open is None
    assert (
        "has no route to 10.1.0.0/16, 10.2.0.0/15, 10.4.0.0/14, 10.8.0.0/13 and 4 more, and the instance"
        in found.reasons[0]
    )


def test_anywhere_as_a_source_is_where_the_default_route_leads() -> None:
    assert judged(PUBLIC, "0.0.0.0/0").is_open is True


def test_ipv6_needs_a_gateway_that_lets_connections_in() -> None:
    found = judged(IPV6, "2001:db8:7::/48", route_tables=tables(Route("eigw-1", "::/0")))
    assert found.is_open is False
    assert "by an egress-only internet gateway (eigw-1), which lets no connections in" in found.reasons[0]


@pytest.mark.parametrize("address", ["bastion.example.com", "192.0.2.99", "no address"])
def test_an_address_that_ec2_does_not_know(address: str) -> None:
    found = judged(address, OFFICE)
    assert found.is_open is None
    assert f"{address} is no address of the instance that EC2 knows" in found.reasons[0]


def test_an_instance_whose_interfaces_are_not_told() -> None:
    bare = replace(INSTANCE, interfaces=[])
    assert judge_address(bare, PUBLIC, asked(OFFICE), around()).is_open is False


CIDRS = st.builds(lambda last, prefix: f"198.51.100.{last}/{prefix}", st.integers(0, 255), st.integers(24, 32))


@given(st.lists(CIDRS, max_size=4), CIDRS, CIDRS)
def test_another_rule_never_closes_anything(cidrs: list[str], more: str, source: str) -> None:
    order = {False: 0, None: 1, True: 2}
    fewer = judged(PUBLIC, source, security_groups=groups(group("sg-1", ssh_from(*cidrs))))
    wider = judged(PUBLIC, source, security_groups=groups(group("sg-1", ssh_from(*cidrs, more))))
    assert order[fewer.is_open] <= order[wider.is_open]


@given(st.lists(CIDRS, max_size=4), CIDRS)
def test_it_is_open_only_where_each_sender_is_let_in(cidrs: list[str], source: str) -> None:
    found = judged(PUBLIC, source, security_groups=groups(group("sg-1", ssh_from(*cidrs))))
    let_in = [any(address in network(cidr) for cidr in cidrs) for address in network(source)]
    assert found.is_open is (True if all(let_in) else None if any(let_in) else False)
    assert bool(found.reasons) is (found.is_open is not True)
