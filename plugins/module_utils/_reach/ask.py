# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Ask AWS for all that tells which ways to instances are open, in few calls.

Each call may be refused. What it would have told is then unknown, and the others are made all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Callable, Iterable, Iterator, Mapping, Sequence, Tuple

from ansible_collections.sshkeys.aws.plugins.module_utils._aws import ec2_facts, ssm_facts
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.filters import Filters, by_ids
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._fan_out import fan_out
from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import (
    Instance,
    Read,
    RouteTable,
    SecurityGroup,
    Surroundings,
    Unread,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._network.security_groups import is_about
from ansible_collections.sshkeys.aws.plugins.module_utils._ways import is_managed_node

INSTANCES = "ec2:DescribeInstances"
_GROUPS = "ec2:DescribeSecurityGroups"
_TABLES = "ec2:DescribeRouteTables"
_ACLS = "ec2:DescribeNetworkAcls"
_SUBNETS = "ec2:DescribeSubnets"
_ENDPOINTS = "ec2:DescribeInstanceConnectEndpoints"
_IMAGES = "ec2:DescribeImages"
_PREFIX_LISTS = "ec2:GetManagedPrefixListEntries"
_AGENTS = "ssm:DescribeInstanceInformation"
_WHAT = {
    INSTANCES: "the instance",
    _GROUPS: "the security groups",
    _TABLES: "the route tables",
    _ACLS: "the network ACLs",
    _SUBNETS: "the subnets",
    _ENDPOINTS: "the EC2 Instance Connect Endpoints",
    _IMAGES: "the image",
    _PREFIX_LISTS: "the addresses of the prefix lists",
    _AGENTS: "the SSM Agent",
}
_ALLOW = "Allow the action in the IAM policy of these credentials."
# A call to make: its IAM action, and a function that makes it.
Job = Tuple[str, Callable[[], Sequence[Any]]]


@dataclass(frozen=True)
class Found:
    """What AWS has told. errors: of the calls that failed, by their IAM actions."""

    instances: Read[Sequence[Instance]]
    around: Surroundings
    errors: Mapping[str, ServiceError] = field(default_factory=dict)


class Asking:
    """Asks AWS. No call that fails stops the others."""

    def __init__(self, ec2: Any, ssm: Any, concurrency: int) -> None:
        """Ask nothing yet. ec2, ssm: clients. concurrency: the maximum number of calls at the same time."""
        self._ec2, self._ssm, self._concurrency = ec2, ssm, concurrency
        self._errors: dict[str, ServiceError] = {}

    def ask(self, instance_ids: Sequence[str] | None, filters: Filters, *, port: int, endpoint_id: str | None) -> Found:
        """Ask for all that tells which ways to instances are open.

        instance_ids: instances and managed nodes; None for the instances that fit filters, or all.
        port: the TCP port of interest. endpoint_id: the only endpoint of interest, None for all of the VPCs.
        """
        known_to_ec2 = [each for each in instance_ids or () if not is_managed_node(each)]
        nodes = [each for each in instance_ids or () if is_managed_node(each)]
        wanted = [filters] if instance_ids is None else by_ids("instance-id", known_to_ec2)
        instances = self._all((INSTANCES, partial(ec2_facts.instances, self._ec2, each)) for each in wanted).get(
            INSTANCES, []
        )
        running: Sequence[Instance] = []
        agents_of = known_to_ec2
        if not isinstance(instances, Unread):
            running = [each for each in instances if each.state == "running"]
            agents_of = [each.id for each in running]
        told = self._all([*self._around(running, endpoint_id), *self._agents([*agents_of, *nodes])])
        self._of_endpoints(told, running)
        prefix_lists = self._groups_and_prefix_lists(told, running, port)
        around = Surroundings(
            security_groups=_by_id(told.get(_GROUPS, [])),
            route_tables=told.get(_TABLES, []),
            acls=told.get(_ACLS, []),
            subnets=_by_id(told.get(_SUBNETS, [])),
            endpoints=told.get(_ENDPOINTS, []),
            images=_by_id(told.get(_IMAGES, [])),
            agents=_by_id(told.get(_AGENTS, []), "instance_id"),
            prefix_lists=prefix_lists,
        )
        return Found(instances, around, dict(self._errors))

    def _around(self, running: Sequence[Instance], endpoint_id: str | None) -> Iterator[Job]:
        vpc_ids = _once(each.vpc_id for each in running)
        yield from self._in_vpcs(vpc_ids)
        wanted = by_ids("vpc-id", vpc_ids)
        if endpoint_id and running:
            wanted = by_ids("instance-connect-endpoint-id", [endpoint_id])
        for each in wanted:
            yield _ENDPOINTS, partial(ec2_facts.connect_endpoints, self._ec2, each)
        for each in by_ids("image-id", _once(one.image_id for one in running)):
            yield _IMAGES, partial(ec2_facts.images, self._ec2, each)

    def _in_vpcs(self, vpc_ids: Sequence[str]) -> Iterator[Job]:
        for each in by_ids("vpc-id", vpc_ids):
            yield _TABLES, partial(ec2_facts.route_tables, self._ec2, each)
            yield _ACLS, partial(ec2_facts.acls, self._ec2, each)
            yield _SUBNETS, partial(ec2_facts.subnets, self._ec2, each)

    def _agents(self, ids: Sequence[str]) -> Iterator[Job]:
        size = ssm_facts.AGENTS_OF_A_PAGE
        for first in range(0, len(ids), size):
            yield _AGENTS, partial(ssm_facts.agents, self._ssm, ids[first : first + size])

    def _of_endpoints(self, told: dict[str, Read[Any]], running: Sequence[Instance]) -> None:
        """Ask for the network of endpoints in VPCs of no instance, which a user may have named."""
        endpoints = told.get(_ENDPOINTS, [])
        if isinstance(endpoints, Unread):
            return
        seen = {each.vpc_id for each in running}
        elsewhere = [each for each in _once(one.vpc_id for one in endpoints) if each not in seen]
        for action, more in self._all(self._in_vpcs(elsewhere)).items():
            have = told.get(action, [])
            told[action] = more if isinstance(more, Unread) else have if isinstance(have, Unread) else [*have, *more]

    def _groups_and_prefix_lists(
        self, told: dict[str, Read[Any]], running: Sequence[Instance], port: int
    ) -> dict[str, Read[Sequence[str]]]:
        """Put the security groups to what was told. Returns the prefix lists that they and the routes name."""
        endpoints = told.get(_ENDPOINTS, [])
        ids = [
            *(each for instance in running for interface in instance.interfaces for each in interface.group_ids),
            *(each for one in (() if isinstance(endpoints, Unread) else endpoints) for each in one.security_group_ids),
        ]
        wanted = by_ids("group-id", _once(ids))
        told.update(self._all((_GROUPS, partial(ec2_facts.security_groups, self._ec2, each)) for each in wanted))
        groups, tables = told.get(_GROUPS, []), told.get(_TABLES, [])
        lists = _once(
            [
                *([] if isinstance(groups, Unread) else _lists_of_groups(groups, port)),
                *([] if isinstance(tables, Unread) else _lists_of_tables(tables)),
            ]
        )

        def entries(prefix_list_id: str) -> Read[Sequence[str]]:
            found = self._one((_PREFIX_LISTS, partial(ec2_facts.prefix_list, self._ec2, prefix_list_id)))
            return self._unread(_PREFIX_LISTS, found) if isinstance(found, ServiceError) else found

        return dict(zip(lists, fan_out(entries, lists, self._concurrency)))

    def _all(self, jobs: Iterable[Job]) -> dict[str, Read[Any]]:
        """Make calls. Returns what all calls of each action have told together."""
        wanted = list(jobs)
        told: dict[str, Read[Any]] = {}
        for (action, _call), answer in zip(wanted, fan_out(self._one, wanted, self._concurrency)):
            have = told.get(action, [])
            if isinstance(answer, ServiceError):
                told[action] = self._unread(action, answer)
            elif not isinstance(have, Unread):
                told[action] = [*have, *answer]
        return told

    @staticmethod
    def _one(job: Job) -> Sequence[Any] | ServiceError:
        try:
            return job[1]()
        except ServiceError as error:
            return error

    def _unread(self, action: str, error: ServiceError) -> Unread:
        # The remedies for these codes are those of a connection, and here the action is known.
        self._errors[action] = replace(error, hint=_ALLOW) if is_refusal(error) else error
        what = f"so {_WHAT[action]} cannot be judged"
        if is_refusal(error):
            return Unread(f"The credentials may not call {action}, {what}. Allow the action in their IAM policy.")
        return Unread(f"{action} failed ({error.code}), {what}.")


def is_refusal(error: ServiceError) -> bool:
    """Return whether the credentials may not make a call. A role of a profile that they may not assume is more."""
    return error.code in ("UnauthorizedOperation", "AccessDenied", "AccessDeniedException") and (
        "sts:" not in error.message
    )


def _once(ids: Iterable[str | None]) -> list[str]:
    return [each for each in dict.fromkeys(ids) if each]


def _by_id(told: Read[Sequence[Any]], name: str = "id") -> Read[Any]:
    return told if isinstance(told, Unread) else {getattr(each, name): each for each in told}


def _lists_of_groups(groups: Iterable[SecurityGroup], port: int) -> Iterator[str]:
    for group in groups:
        for rule in (*group.inbound, *group.outbound):
            if is_about(rule.protocol, rule.first_port, rule.last_port, port):
                yield from rule.prefix_list_ids


def _lists_of_tables(tables: Iterable[RouteTable]) -> Iterator[str]:
    for table in tables:
        for route in table.routes:
            # Those of gateway endpoints hold the addresses of a service, from which nobody connects.
            if route.prefix_list_id and not route.target.startswith("vpce-"):
                yield route.prefix_list_id
