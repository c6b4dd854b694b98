# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which ways are open together, and which one a connection takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import Image, Instance, Route, Rule, Unread
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.judge import judge, judge_node, judge_unread
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.verdict import OPEN, unknown
from ansible_collections.sshkeys.aws.tests.unit.networks import (
    AGENT,
    HIDDEN,
    ID,
    INSTANCE,
    IPV6,
    OFFICE,
    PRIVATE,
    PUBLIC,
    around,
    asked,
    group,
    groups,
    ssh_from,
    tables,
)

NODE = "mi-0123456789abcdef0"
NO_AGENT: dict[str, Any] = {"agents": {}}
NO_ENDPOINT: dict[str, Any] = {"endpoints": []}
NO_RULE: dict[str, Any] = {"security_groups": groups(group("sg-1"), group("sg-2"))}


@pytest.mark.parametrize(
    ("instance", "options", "broken", "best"),
    [
        (INSTANCE, {}, {}, ("direct", True, PUBLIC)),
        (HIDDEN, {}, {}, ("endpoint", True, None)),
        (HIDDEN, {}, NO_ENDPOINT, ("session_manager", True, None)),
        # Nothing is certain about a private address.
        (HIDDEN, {}, {**NO_ENDPOINT, **NO_AGENT}, ("direct", False, PRIVATE)),
        (INSTANCE, {}, {**NO_RULE, **NO_AGENT}, (None, True, None)),
        (INSTANCE, {}, NO_RULE, ("session_manager", True, None)),
        # Whether the public address is open is not known, and it would be tried first.
        (INSTANCE, {}, {"route_tables": Unread("Refused.")}, ("endpoint", False, None)),
        (HIDDEN, {}, {"endpoints": Unread("Refused.")}, ("session_manager", False, None)),
        (HIDDEN, {}, {"endpoints": Unread("Refused."), **NO_AGENT}, ("endpoint", False, None)),
        # What may be taken.
        (INSTANCE, {"tunnel": "endpoint"}, {}, ("endpoint", True, None)),
        (INSTANCE, {"tunnel": "session_manager"}, {}, ("session_manager", True, None)),
        (INSTANCE, {"tunnel": "never"}, {}, ("direct", True, PUBLIC)),
        (INSTANCE, {"tunnel": "endpoint"}, NO_ENDPOINT, (None, True, None)),
        (HIDDEN, {"endpoint_id": "eice-1"}, {}, ("endpoint", True, None)),
        # A named endpoint leaves no other way but a public address.
        (HIDDEN, {"endpoint_id": "eice-9"}, NO_ENDPOINT, (None, True, None)),
        (INSTANCE, {"endpoint_id": "eice-9"}, NO_ENDPOINT, ("direct", True, PUBLIC)),
        # An address of the inventory comes before Session Manager, and in place of the public one.
        (HIDDEN, {"addresses": {ID: PRIVATE}}, NO_ENDPOINT, ("session_manager", False, None)),
        (INSTANCE, {"addresses": {ID: IPV6}}, {}, ("direct", True, IPV6)),
        (INSTANCE, {"addresses": {ID: "bastion.example.com"}}, {}, ("endpoint", False, None)),
        (INSTANCE, {"addresses": {"i-0fedcba9876543210": PRIVATE}}, {}, ("direct", True, PUBLIC)),
    ],
)
def test_the_way_that_a_connection_takes(
    instance: Instance, options: dict[str, Any], broken: dict[str, Any], best: tuple[str | None, bool, str | None]
) -> None:
    found = judge(instance, asked(**options), around(**broken))
    assert (found.best_way, found.is_certain, found.best_address) == best


def test_from_inside_the_vpc_the_private_address_is_the_last_way() -> None:
    found = judge(INSTANCE, asked("10.0.2.9"), around(**NO_ENDPOINT, **NO_AGENT))
    assert (found.best_way, found.best_address, found.address) == ("direct", PRIVATE, PRIVATE)
    assert judge(INSTANCE, asked("10.0.2.9"), around()).best_way == "endpoint"
    assert judge(INSTANCE, asked("10.0.2.9", tunnel="never"), around()).best_way is None


def test_all_ways_are_judged_whichever_may_be_taken() -> None:
    found = judge(INSTANCE, asked(OFFICE, tunnel="session_manager"), around())
    assert (found.direct.is_open, found.endpoint.is_open, found.session_manager.is_open) == (True, True, True)
    assert (found.address, found.endpoint_id) == (PUBLIC, "eice-1")


@pytest.mark.parametrize("state", ["pending", "shutting-down", "terminated", "stopping", "stopped"])
def test_no_way_leads_to_an_instance_that_does_not_run(state: str) -> None:
    found = judge(replace(INSTANCE, state=state), asked(), around())
    assert (found.best_way, found.is_certain) == (None, True)
    for verdict in (found.key, found.direct, found.endpoint, found.session_manager):
        assert verdict.is_open is False
        assert verdict.reasons[0].startswith(f"The instance is {state}. ")


def test_without_metadata_no_way_leads_in_and_each_says_so() -> None:
    found = judge(replace(INSTANCE, has_metadata=False), asked(OFFICE), around())
    assert found.best_way is None
    assert found.is_certain
    for verdict in (found.key, found.direct, found.endpoint, found.session_manager):
        assert verdict.is_open is False
        assert "metadata is turned off" in verdict.reasons[-1]


def test_an_image_that_probably_lacks_the_package_makes_each_way_uncertain() -> None:
    found = judge(INSTANCE, asked(OFFICE), around(images={"ami-1": Image("ami-1", "debian-12-amd64")}))
    assert (found.best_way, found.is_certain) == ("direct", False)
    assert [each.is_open for each in (found.direct, found.endpoint, found.session_manager)] == [None] * 3
    custom = judge(INSTANCE, asked(OFFICE), around(images={"ami-1": Image("ami-1", "golden")}))
    assert (custom.best_way, custom.is_certain, custom.direct.is_open, custom.key.is_open) == (
        "direct",
        True,
        True,
        None,
    )


@pytest.mark.parametrize(
    ("instance", "broken", "says"),
    [
        (HIDDEN, {"route_tables": tables()}, "has no working default route"),
        (
            HIDDEN,
            {"route_tables": tables(Route("nat-1", "0.0.0.0/0", is_active=False))},
            "has no working default route",
        ),
        (HIDDEN, {}, "the instance has no public address"),
        (
            INSTANCE,
            {"security_groups": groups(group("sg-1", outbound=[Rule("tcp", 80, 80, ["0.0.0.0/0"])]))},
            "let no TCP port 443 out",
        ),
        (replace(INSTANCE, has_profile=False), {}, "has no instance profile"),
    ],
)
def test_what_keeps_an_agent_away_is_a_hint(instance: Instance, broken: dict[str, Any], says: str) -> None:
    found = judge(instance, asked(), around(**broken, **NO_AGENT))
    assert found.session_manager.is_open is False
    assert says in found.session_manager.reasons[0]
    # None of it matters to an agent that is there.
    assert judge(instance, asked(), around(**broken)).session_manager.is_open is True


def test_an_agent_behind_a_nat_gateway_lacks_nothing() -> None:
    found = judge(HIDDEN, asked(), around(route_tables=tables(Route("nat-1", "0.0.0.0/0")), **NO_AGENT))
    assert "without VPC endpoints" not in found.session_manager.reasons[0]


@pytest.mark.parametrize(
    ("options", "broken", "best"),
    [
        ({}, {}, ("session_manager", True)),
        ({"tunnel": "session_manager"}, {}, ("session_manager", True)),
        ({"tunnel": "endpoint"}, {}, (None, True)),
        ({"tunnel": "never"}, {}, (None, True)),
        ({"addresses": {NODE: "192.0.2.7"}}, {}, ("session_manager", False)),
        ({"tunnel": "never", "addresses": {NODE: "192.0.2.7"}}, {}, ("direct", False)),
        ({}, NO_AGENT, (None, True)),
    ],
)
def test_a_managed_node(options: dict[str, Any], broken: dict[str, Any], best: tuple[str | None, bool]) -> None:
    agents = {"agents": {NODE: replace(AGENT, instance_id=NODE)}, **broken}
    found = judge_node(NODE, asked(**options), around(**agents))
    assert (found.best_way, found.is_certain) == best
    assert found.key == OPEN
    assert found.endpoint.is_open is False


def test_an_instance_of_which_ec2_could_not_be_asked() -> None:
    assert judge_unread(ID, asked(), "Refused.", OPEN).best_way == "session_manager"
    assert judge_unread(ID, asked(tunnel="endpoint"), "Refused.", OPEN).best_way is None
    found = judge_unread(ID, asked(), "Refused.", unknown("No."))
    assert (found.best_way, found.is_certain, found.direct) == (None, False, unknown("Refused."))


def test_a_rule_for_one_address_of_several_ways() -> None:
    """The public address is closed to the office and the private one open to the VPC: both are sources."""
    rules = groups(group("sg-1", ssh_from("10.0.0.0/16")), group("sg-2"))
    found = judge(INSTANCE, asked("10.0.2.9", tunnel="auto"), around(security_groups=rules, **NO_ENDPOINT, **NO_AGENT))
    assert (found.best_way, found.best_address) == ("direct", PRIVATE)
