# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An instance in a network where every way to it is open, for tests that break one thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import (
    Acl,
    AclEntry,
    Agent,
    ConnectEndpoint,
    Image,
    Instance,
    Interface,
    Route,
    RouteTable,
    Rule,
    SecurityGroup,
    Subnet,
    Surroundings,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._network.networks import network
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.asked import Asked

ID = "i-0123456789abcdef0"
PRIVATE, PUBLIC, IPV6 = "10.0.1.7", "203.0.113.7", "2001:db8:1::7"
OFFICE = "198.51.100.0/24"

INTERFACE = Interface("subnet-1", ["sg-1"], [PRIVATE, PUBLIC, IPV6])
INSTANCE = Instance(
    ID,
    "running",
    name="web-1",
    type="t3.micro",
    image_id="ami-1",
    vpc_id="vpc-1",
    subnet_id="subnet-1",
    private_ip_address=PRIVATE,
    public_ip_address=PUBLIC,
    ipv6_address=IPV6,
    dns_names={"web-1.example.com": PUBLIC},
    has_metadata=True,
    has_profile=True,
    interfaces=[INTERFACE],
)
# One that has no address of the internet.
HIDDEN = replace(
    INSTANCE,
    public_ip_address=None,
    ipv6_address=None,
    interfaces=[replace(INTERFACE, addresses=[PRIVATE])],
)
ENDPOINT = ConnectEndpoint(
    "eice-1",
    "create-complete",
    vpc_id="vpc-1",
    subnet_id="subnet-2",
    dns_name="eice-1.example.com",
    security_group_ids=["sg-2"],
    ip_address_type="dualstack",
)
AGENT = Agent(ID, "Online", datetime(2026, 11, 21, 10, tzinfo=UTC), "3.3.3050.0")
EVERYTHING = ("0.0.0.0/0", "::/0")
LOCAL = (Route("local", "10.0.0.0/16"), Route("local", "2001:db8:1::/56"))
OUT = (Route("igw-1", "0.0.0.0/0"), Route("igw-1", "::/0"))


def ssh_from(*cidrs: str, **more: Any) -> Rule:
    """Return a rule that lets port 22 in from networks."""
    return Rule("tcp", 22, 22, cidrs, **more)


def group(group_id: str, *inbound: Rule, outbound: Sequence[Rule] = (Rule("-1", cidrs=EVERYTHING),)) -> SecurityGroup:
    """Return a security group that lets everything out."""
    return SecurityGroup(group_id, f"name-of-{group_id}", inbound, outbound)


def acl(*entries: AclEntry, subnets: Sequence[str] = ("subnet-1", "subnet-2"), acl_id: str = "acl-1") -> Acl:
    """Return an ACL that lets everything through that these entries do not decide."""
    rest = [AclEntry(100, egress, "-1", True, cidr) for egress in (False, True) for cidr in EVERYTHING]
    return Acl(acl_id, subnets, [*entries, *rest])


def deny(*, egress: bool, cidr: str = "0.0.0.0/0", ports: tuple[int, int] | None = None, number: int = 50) -> AclEntry:
    """Return an entry that denies TCP."""
    first, last = ports or (None, None)
    return AclEntry(number, egress, "6", False, cidr, first, last)


def tables(*routes: Route) -> list[RouteTable]:
    """Return the route tables of the VPC: the main one alone, with these routes besides the local ones."""
    return [RouteTable("rtb-1", "vpc-1", True, [], [*LOCAL, *routes])]


def groups(*several: SecurityGroup) -> dict[str, SecurityGroup]:
    """Return groups by their ids."""
    return {each.id: each for each in several}


AROUND = Surroundings(
    security_groups=groups(group("sg-1", ssh_from(*EVERYTHING)), group("sg-2")),
    route_tables=tables(*OUT),
    acls=[acl()],
    subnets={
        "subnet-1": Subnet("subnet-1", "vpc-1", ["10.0.1.0/24", "2001:db8:1:1::/64"]),
        "subnet-2": Subnet("subnet-2", "vpc-1", ["10.0.2.0/24", "2001:db8:1:2::/64"]),
    },
    endpoints=[ENDPOINT],
    images={"ami-1": Image("ami-1", "al2023-ami-2023.9.20251110.1-kernel-6.1-x86_64")},
    agents={ID: AGENT},
)


def around(**broken: Any) -> Surroundings:
    """Return the network with something broken in it."""
    return replace(AROUND, **broken)


def asked(*sources: str, **more: Any) -> Asked:
    """Return what is asked, for connections from these networks."""
    return Asked(sources=[network(each) for each in sources], **more)
