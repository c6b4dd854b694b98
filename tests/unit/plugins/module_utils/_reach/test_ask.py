# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which calls are made, how few, and what is left when some fail. The calls themselves are those of _aws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws import ec2_facts, ssm_facts
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.filters import Filters
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import Agent, Instance, Route, Unread
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.ask import Asking, Found, is_refusal
from ansible_collections.sshkeys.aws.tests.unit.networks import (
    AROUND,
    ENDPOINT,
    INSTANCE,
    group,
    ssh_from,
    tables,
)

REFUSED = ServiceError("UnauthorizedOperation", "Not you.", "Ask.")
BROKEN = ServiceError("InternalError", "Broken.", "Wait.")
NODE = "mi-0123456789abcdef0"


class Aws:
    """What AWS has, and the calls that it got."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have a network where everything is open."""
        self.calls: Counter[str] = Counter()
        self.values: dict[str, list[str]] = {}
        self.errors: dict[str, ServiceError] = {}
        self.has: dict[str, Sequence[Any]] = {
            "instances": [INSTANCE],
            "security_groups": list(AROUND.security_groups.values()),  # type: ignore[union-attr]
            "route_tables": AROUND.route_tables,  # type: ignore[dict-item]
            "acls": AROUND.acls,  # type: ignore[dict-item]
            "subnets": [],
            "connect_endpoints": [ENDPOINT],
            "images": [],
        }
        for name in self.has:
            monkeypatch.setattr(ec2_facts, name, self._call(name))
        monkeypatch.setattr(ssm_facts, "agents", self._agents)
        monkeypatch.setattr(ec2_facts, "prefix_list", self._prefix_list)

    def _note(self, name: str, values: Sequence[str]) -> None:
        self.calls[name] += 1
        self.values.setdefault(name, []).extend(values)
        if name in self.errors:
            raise self.errors[name]

    def _call(self, name: str) -> Callable[..., Sequence[Any]]:
        def call(_client: Any, filters: Filters) -> Sequence[Any]:
            self._note(name, [value for each in filters for value in each["Values"]])
            found = self.has[name]
            if name == "instances":
                return [each for each in found if not filters or each.id in filters[0]["Values"]]
            return found

        return call

    def _agents(self, _client: Any, ids: Sequence[str]) -> Sequence[Agent]:
        self._note("agents", ids)
        return [Agent(each, "Online") for each in ids]

    def _prefix_list(self, _client: Any, prefix_list_id: str) -> Sequence[str]:
        self._note("prefix_list", [prefix_list_id])
        return ["198.51.100.0/24"]

    def ask(self, ids: Sequence[str] | None, *, endpoint_id: str | None = None) -> Found:
        """Ask as the module does."""
        return Asking(None, None, 4).ask(ids, [], port=22, endpoint_id=endpoint_id)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    return Aws(monkeypatch)


def fleet(number: int) -> list[Instance]:
    return [replace(INSTANCE, id=f"i-{each:017x}") for each in range(number)]


def test_one_instance_is_one_call_of_each(aws: Aws) -> None:
    found = aws.ask([INSTANCE.id, NODE])
    assert set(aws.calls.values()) == {1}
    assert set(aws.calls) == {*aws.has, "agents"}
    assert aws.values["agents"] == [INSTANCE.id, NODE]
    assert aws.values["instances"] == [INSTANCE.id]
    assert sorted(aws.values["security_groups"]) == ["sg-1", "sg-2"]
    assert found.errors == {}
    assert found.instances == [INSTANCE]


@pytest.mark.parametrize("named", [True, False])
def test_a_fleet_is_few_calls(aws: Aws, named: bool) -> None:
    aws.has["instances"] = fleet(500)
    found = aws.ask([each.id for each in fleet(500)] if named else None)
    assert aws.calls.total() <= 20
    assert aws.calls["agents"] == 10
    assert not isinstance(found.instances, Unread)
    assert len(found.instances) == 500
    assert sorted(aws.values["agents"]) == sorted(each.id for each in fleet(500))


def test_of_instances_that_do_not_run_nothing_else_is_asked(aws: Aws) -> None:
    aws.has["instances"] = [replace(INSTANCE, state="stopped")]
    aws.ask([INSTANCE.id])
    assert aws.calls == {"instances": 1}


def test_managed_nodes_alone_need_no_ec2(aws: Aws) -> None:
    aws.ask([NODE])
    assert aws.calls == {"agents": 1}


def test_a_named_endpoint_is_asked_for_by_its_id_and_its_vpc_after_it(aws: Aws) -> None:
    aws.has["connect_endpoints"] = [replace(ENDPOINT, id="eice-9", vpc_id="vpc-9")]
    aws.ask([INSTANCE.id], endpoint_id="eice-9")
    assert aws.values["connect_endpoints"] == ["eice-9"]
    assert aws.values["route_tables"] == ["vpc-1", "vpc-9"]


def test_prefix_lists_of_rules_for_the_port_and_of_routes(aws: Aws) -> None:
    rules = [
        ssh_from(prefix_list_ids=["pl-1"]),
        replace(ssh_from(prefix_list_ids=["pl-2"]), first_port=443, last_port=443),
    ]
    aws.has["security_groups"] = [group("sg-1", *rules)]
    aws.has["route_tables"] = tables(Route("tgw-1", prefix_list_id="pl-3"), Route("vpce-1", prefix_list_id="pl-4"))
    found = aws.ask([INSTANCE.id])
    assert aws.values["prefix_list"] == ["pl-1", "pl-3"]
    assert found.around.prefix_lists == {"pl-1": ["198.51.100.0/24"], "pl-3": ["198.51.100.0/24"]}
    aws.errors["prefix_list"] = REFUSED
    (unread,) = set(aws.ask([INSTANCE.id]).around.prefix_lists.values())
    assert isinstance(unread, Unread)
    assert "may not call ec2:GetManagedPrefixListEntries" in unread.why


MEMBERS = {
    "security_groups": ("security_groups", "ec2:DescribeSecurityGroups"),
    "route_tables": ("route_tables", "ec2:DescribeRouteTables"),
    "acls": ("acls", "ec2:DescribeNetworkAcls"),
    "subnets": ("subnets", "ec2:DescribeSubnets"),
    "connect_endpoints": ("endpoints", "ec2:DescribeInstanceConnectEndpoints"),
    "images": ("images", "ec2:DescribeImages"),
    "agents": ("agents", "ssm:DescribeInstanceInformation"),
}


@pytest.mark.parametrize("error", [REFUSED, BROKEN], ids=lambda error: error.code)
@pytest.mark.parametrize("name", MEMBERS)
def test_a_call_that_fails_leaves_the_others(aws: Aws, name: str, error: ServiceError) -> None:
    member, action = MEMBERS[name]
    aws.errors[name] = error
    found = aws.ask([INSTANCE.id])
    hint = "Allow the action in the IAM policy of these credentials." if error is REFUSED else error.hint
    assert {name: each.result() for name, each in found.errors.items()} == {
        action: {"code": error.code, "message": error.message, "hint": hint}
    }
    unread = getattr(found.around, member)
    assert isinstance(unread, Unread)
    says = (
        f"The credentials may not call {action}, so " if error is REFUSED else f"{action} failed (InternalError), so "
    )
    assert unread.why.startswith(says)
    others = [each for each, _action in MEMBERS.values() if each != member]
    assert not any(isinstance(getattr(found.around, each), Unread) for each in others)


def test_without_instances_their_agents_are_asked_all_the_same(aws: Aws) -> None:
    aws.errors["instances"] = REFUSED
    found = aws.ask([INSTANCE.id, NODE])
    assert isinstance(found.instances, Unread)
    assert aws.calls == {"instances": 1, "agents": 1}
    assert aws.values["agents"] == [INSTANCE.id, NODE]


def test_one_part_of_a_fleet_that_fails_makes_the_whole_unknown(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.has["instances"] = fleet(120)

    def agents(_client: Any, ids: Sequence[str]) -> Sequence[Agent]:
        if fleet(120)[60].id in ids:
            raise BROKEN
        return [Agent(each, "Online") for each in ids]

    monkeypatch.setattr(ssm_facts, "agents", agents)
    assert isinstance(aws.ask(None).around.agents, Unread)


@pytest.mark.parametrize(
    ("code", "is_one"),
    [
        ("UnauthorizedOperation", True),
        ("AccessDeniedException", True),
        ("AccessDenied", True),
        ("Throttling", False),
        ("AuthFailure", False),
    ],
)
def test_refusals(code: str, is_one: bool) -> None:
    assert is_refusal(ServiceError(code, "No.", "")) is is_one


def test_a_role_that_may_not_be_assumed_is_no_refusal_of_one_call() -> None:
    message = "User: arn:aws:iam::111122223333:user/x is not authorized to perform: sts:AssumeRole on resource: y"
    assert not is_refusal(ServiceError("AccessDenied", message, ""))
