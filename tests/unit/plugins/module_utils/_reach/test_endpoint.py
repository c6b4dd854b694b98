# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an endpoint reaches an instance: each case breaks one thing of a network where it does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import (
    ConnectEndpoint,
    Instance,
    Route,
    RouteTable,
    Rule,
    Subnet,
    Unread,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.asked import Asked
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.endpoint import endpoint_for, judge_endpoint
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.verdict import OPEN, Verdict
from ansible_collections.sshkeys.aws.tests.unit.networks import (
    AROUND,
    ENDPOINT,
    EVERYTHING,
    HIDDEN,
    INSTANCE,
    IPV6,
    OFFICE,
    PRIVATE,
    acl,
    around,
    asked,
    deny,
    group,
    groups,
    ssh_from,
    tables,
)

ANYBODY = Asked()
PRESERVING = replace(ENDPOINT, preserves_client_ip=True, ip_address_type="ipv4")
ONLY_IPV6 = replace(
    INSTANCE,
    private_ip_address=None,
    public_ip_address=None,
    interfaces=[replace(INSTANCE.interfaces[0], addresses=[IPV6])],
)


def judged(instance: Instance = HIDDEN, wanted: Asked = ANYBODY, **broken: Any) -> Verdict:
    return judge_endpoint(instance, wanted, around(**broken))


@pytest.mark.parametrize("source", [[], [OFFICE], ["10.0.9.9"]])
@pytest.mark.parametrize("instance", [HIDDEN, INSTANCE, ONLY_IPV6])
def test_where_nothing_is_broken_it_is_open(instance: Instance, source: list[str]) -> None:
    assert judged(instance, asked(*source)) == OPEN


# No route is needed inside a VPC, nor a public address, nor anything of the direct way.
@pytest.mark.parametrize(
    "broken",
    [
        {"route_tables": tables()},
        {"route_tables": Unread("Refused.")},
        {"security_groups": groups(group("sg-1", ssh_from(group_ids=["sg-2"])), group("sg-2"))},
        {"security_groups": groups(group("sg-1", ssh_from("10.0.0.0/16")), group("sg-2"))},
        {"security_groups": groups(group("sg-1", ssh_from("10.0.2.0/24")), group("sg-2"))},
        {
            "security_groups": groups(
                group("sg-1", ssh_from(*EVERYTHING)), group("sg-2", outbound=[ssh_from(group_ids=["sg-1"])])
            )
        },
        {
            "security_groups": groups(
                group("sg-1", ssh_from(*EVERYTHING)), group("sg-2", outbound=[ssh_from("10.0.1.7/32")])
            )
        },
        {"endpoints": [replace(ENDPOINT, state=state) for state in ("update-failed",)]},
    ],
    ids=str,
)
def test_what_does_not_matter(broken: dict[str, Any]) -> None:
    assert judged(HIDDEN, **broken) == OPEN


CLOSED = {
    "no endpoint": ({"endpoints": []}, "There is no EC2 Instance Connect Endpoint in vpc-1. Create one"),
    "another VPC's": (
        {"endpoints": [replace(ENDPOINT, vpc_id="vpc-9")]},
        "There is no EC2 Instance Connect Endpoint in vpc-1.",
    ),
    "failed": (
        {"endpoints": [replace(ENDPOINT, state="create-failed", state_message="No free address.")]},
        "is ready: eice-1 is create-failed (No free address). Delete it, and create another one.",
    ),
    "not yet": ({"endpoints": [replace(ENDPOINT, state="create-in-progress")]}, "Wait until it is create-complete."),
    "deleted": ({"endpoints": [replace(ENDPOINT, state="delete-in-progress")]}, "eice-1 is delete-in-progress."),
    "nameless": ({"endpoints": [replace(ENDPOINT, dns_name=None)]}, "and has no DNS name"),
    "not let in": (
        {"security_groups": groups(group("sg-1"), group("sg-2"))},
        (
            "The security group sg-1 (name-of-sg-1) of the instance does not let TCP port 22 in from the endpoint "
            "eice-1, neither from the security group of the endpoint (sg-2) nor from its subnet subnet-2 (10.0.2.0/24)."
        ),
    ),
    "let in from elsewhere": (
        {"security_groups": groups(group("sg-1", ssh_from("10.0.1.0/24", group_ids=["sg-9"])), group("sg-2"))},
        "Add an inbound rule for TCP port 22 from the security group of the endpoint (sg-2).",
    ),
    "not let out": (
        {"security_groups": groups(group("sg-1", ssh_from(*EVERYTHING)), group("sg-2", outbound=[]))},
        "The security group sg-2 (name-of-sg-2) of the endpoint eice-1 does not let TCP port 22 out to 10.0.1.7.",
    ),
    "let out to another port": (
        {
            "security_groups": groups(
                group("sg-1", ssh_from(*EVERYTHING)), group("sg-2", outbound=[Rule("tcp", 3389, 3389, EVERYTHING)])
            )
        },
        "does not let TCP port 22 out",
    ),
    "ACL out": (
        {
            "acls": [
                acl(deny(egress=True, ports=(22, 22)), subnets=["subnet-2"], acl_id="acl-2"),
                acl(subnets=["subnet-1"]),
            ]
        },
        "The network ACL acl-2 of subnet-2 does not let TCP port 22 out to 10.0.1.7/32.",
    ),
    "ACL back in": (
        {
            "acls": [
                acl(deny(egress=False, ports=(1024, 65535)), subnets=["subnet-2"], acl_id="acl-2"),
                acl(subnets=["subnet-1"]),
            ]
        },
        "The network ACL acl-2 of subnet-2 does not let the answers in from 10.0.1.7/32.",
    ),
    "ACL in": (
        {
            "acls": [
                acl(subnets=["subnet-2"], acl_id="acl-2"),
                acl(deny(egress=False, ports=(22, 22)), subnets=["subnet-1"]),
            ]
        },
        "The network ACL acl-1 of subnet-1 does not let TCP port 22 in from 10.0.2.0/24.",
    ),
    "ACL back out": (
        {
            "acls": [
                acl(subnets=["subnet-2"], acl_id="acl-2"),
                acl(deny(egress=True, ports=(1024, 65535)), subnets=["subnet-1"]),
            ]
        },
        "The network ACL acl-1 of subnet-1 does not let the answers out to 10.0.2.0/24.",
    ),
    "IPv6 alone": (
        {"endpoints": [replace(ENDPOINT, ip_address_type="ipv6")]},
        "is for IPv6 alone, and the address of the instance is 10.0.1.7.",
    ),
}


@pytest.mark.parametrize(("broken", "says"), CLOSED.values(), ids=CLOSED)
def test_what_closes_it(broken: dict[str, Any], says: str) -> None:
    found = judged(HIDDEN, **broken)
    assert found.is_open is False
    assert says in " ".join(found.reasons)


def test_an_ipv4_endpoint_does_not_reach_ipv6() -> None:
    found = judged(ONLY_IPV6, endpoints=[replace(ENDPOINT, ip_address_type="ipv4")])
    assert "is for IPv4 alone, and the address of the instance is 2001:db8:1::7" in found.reasons[0]
    # An endpoint of which the SDK is too old to tell.
    assert judged(ONLY_IPV6, endpoints=[replace(ENDPOINT, ip_address_type=None)]).is_open is True


def test_inside_one_subnet_no_acl_judges() -> None:
    same = [replace(ENDPOINT, subnet_id="subnet-1")]
    closed = [acl(deny(egress=False), deny(egress=True))]
    assert judged(HIDDEN, endpoints=same, acls=closed) == OPEN


@pytest.mark.parametrize(
    ("sources", "cidrs", "group_ids", "is_open", "says"),
    [
        ([OFFICE], [OFFICE], [], True, ""),
        ([OFFICE], [], ["sg-2"], True, ""),
        # The subnet of the endpoint is not where the packets come from.
        (
            [OFFICE],
            ["10.0.2.0/24"],
            [],
            False,
            "preserves client IP addresses: neither from the security group of the endpoint",
        ),
        ([], ["0.0.0.0/0"], [], True, ""),
        ([], [OFFICE], [], None, "only from 198.51.100.0/24. Whether you connect from there cannot be known"),
        ([], [], [], False, "nor from any address"),
        (["2001:db8:7::/48"], ["0.0.0.0/0"], [], False, "source_cidr has none of IPv4"),
    ],
)
def test_an_endpoint_that_preserves_client_addresses(
    sources: list[str], cidrs: list[str], group_ids: list[str], is_open: bool | None, says: str
) -> None:
    rules = groups(group("sg-1", ssh_from(*cidrs, group_ids=group_ids)), group("sg-2"))
    found = judged(HIDDEN, asked(*sources), endpoints=[PRESERVING], security_groups=rules)
    assert found.is_open is is_open
    assert says in " ".join(found.reasons)


def test_old_instance_types_have_no_client_addresses() -> None:
    old = replace(HIDDEN, type="m3.large")
    assert judged(old, endpoints=[PRESERVING]).is_open is False
    assert judged(old) == OPEN
    assert judged(replace(HIDDEN, type="m1mega.large"), endpoints=[PRESERVING]).is_open is True


@pytest.mark.parametrize(("port", "is_open"), [(22, True), (3389, True), (2222, False)])
def test_ports_of_endpoints(port: int, is_open: bool) -> None:
    rules = groups(group("sg-1", Rule("-1", cidrs=EVERYTHING)), group("sg-2"))
    assert judged(HIDDEN, asked(port=port), security_groups=rules).is_open is is_open


@pytest.mark.parametrize("name", ["endpoints", "security_groups", "subnets", "acls"])
def test_what_could_not_be_read_is_unknown(name: str) -> None:
    found = judged(HIDDEN, ANYBODY, **{name: Unread(f"No {name}.")})
    assert found.is_open is None
    assert f"No {name}." in found.reasons


def test_an_endpoint_whose_groups_are_not_told() -> None:
    found = judged(HIDDEN, endpoints=[replace(ENDPOINT, security_group_ids=[])])
    assert found.is_open is None
    assert found.reasons == ("EC2 names no security group of the endpoint eice-1, so its rules are unknown.",)


def test_the_endpoint_of_the_subnet_is_preferred_as_the_connection_does() -> None:
    near = replace(ENDPOINT, id="eice-2", subnet_id="subnet-1")
    both = around(endpoints=[ENDPOINT, near])
    assert endpoint_for(HIDDEN, Asked(), both) is near
    assert endpoint_for(replace(HIDDEN, subnet_id="subnet-7"), Asked(), both) is ENDPOINT
    named = ConnectEndpoint("eice-3", "create-complete", vpc_id="vpc-1", fips_dns_name="fips.example.com")
    assert endpoint_for(HIDDEN, Asked(use_fips=True), around(endpoints=[ENDPOINT, named])) is named
    assert endpoint_for(HIDDEN, Asked(), around(endpoints=Unread("Refused."))) is None


FOREIGN = replace(ENDPOINT, id="eice-9", vpc_id="vpc-9", subnet_id="subnet-9")
SUBNETS = {**AROUND.subnets, "subnet-9": Subnet("subnet-9", "vpc-9", ["172.16.0.0/24"])}  # type: ignore[dict-item]
ACLS = [acl(), acl(subnets=["subnet-9"], acl_id="acl-9")]


@pytest.mark.parametrize(
    ("routes", "is_open"),
    [
        ([Route("pcx-1", "10.0.0.0/16")], True),
        ([], False),
        ([Route("pcx-1", "10.0.0.0/16", is_active=False)], False),
        ([Route("igw-9", "0.0.0.0/0")], False),
    ],
)
def test_a_named_endpoint_of_another_vpc(routes: list[Route], is_open: bool) -> None:
    wanted = asked(endpoint_id="eice-9")
    route_tables = [*tables(), RouteTable("rtb-9", "vpc-9", True, [], routes)]
    found = judged(HIDDEN, wanted, endpoints=[FOREIGN], route_tables=route_tables, subnets=SUBNETS, acls=ACLS)
    assert found.is_open is is_open
    text = " ".join([*found.reasons, *found.notes])
    assert ("is in another VPC, vpc-9" if is_open else "does not lead to 10.0.1.7") in text


def test_a_named_endpoint_that_preserves_addresses_reaches_its_own_vpc_alone() -> None:
    found = judged(HIDDEN, asked(endpoint_id="eice-9"), endpoints=[replace(FOREIGN, preserves_client_ip=True)])
    assert found.is_open is False
    assert "reaches only instances in its own VPC, vpc-9" in found.reasons[0]


def test_a_named_endpoint_that_there_is_not() -> None:
    found = judged(HIDDEN, asked(endpoint_id="eice-7"), endpoints=[])
    assert found.reasons == ("There is no EC2 Instance Connect Endpoint named eice-7. Check its id, and the region.",)


def test_an_instance_without_an_address() -> None:
    found = judged(replace(HIDDEN, private_ip_address=None))
    assert "no address of the instance" in found.reasons[0]
    assert PRIVATE not in str(found)
