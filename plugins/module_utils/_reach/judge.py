# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Which ways to an instance are open, and which one a connection takes. Pure.

The order of the ways is the connection's own (_ways.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import printable
from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import (
    ConnectEndpoint,
    Instance,
    Surroundings,
    Unread,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._network.networks import EVERYWHERE
from ansible_collections.sshkeys.aws.plugins.module_utils._network.routes import kind_of, route_to, table_of
from ansible_collections.sshkeys.aws.plugins.module_utils._network.security_groups import outbound, peers
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.agent import judge_agent
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.asked import Asked
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.direct import judge_address
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.endpoint import endpoint_for, judge_endpoint
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.flow import groups_of
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.key import judge_key
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.verdict import (
    OPEN,
    Verdict,
    all_of,
    closed,
    unknown,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._ways import Way, WaySettings, ways

DIRECT, ENDPOINT, SESSION_MANAGER = "direct", "endpoint", "session_manager"
_NAMES = {Way.ENDPOINT: ENDPOINT, Way.SESSION_MANAGER: SESSION_MANAGER}


@dataclass(frozen=True)
class Judged:
    """What is said of the ways to an instance or a managed node.

    key: whether it accepts a pushed key. The verdicts of the ways need that too. address: of the direct way.
    best_way: None if none is open. is_certain: whether all is known that decides it. best_address: of a direct way.
    """

    key: Verdict
    direct: Verdict
    endpoint: Verdict
    session_manager: Verdict
    address: str | None = None
    endpoint_id: str | None = None
    best_way: str | None = None
    is_certain: bool = True
    best_address: str | None = None


def judge(instance: Instance, asked: Asked, around: Surroundings) -> Judged:
    """Judge the ways to an instance."""
    if instance.state != "running":
        none = closed(_not_running(instance))
        return Judged(none, none, none, none)
    key = judge_key(instance, around.images, around.agents)
    network = {
        Way.ENDPOINT: judge_endpoint(instance, asked, around),
        Way.SESSION_MANAGER: judge_agent(
            instance.id,
            around.agents,
            has_profile=instance.has_profile,
            hints=_hints(instance, around),
        ),
    }
    given = asked.addresses.get(instance.id)
    addresses = _addresses(instance, given)
    order = ways(_settings(instance.id, asked, given, instance.public_ip_address))
    tried = [(way, addresses.get(way)) for way in order if way in network or addresses.get(way)]
    verdicts: dict[str, Verdict] = {}
    for address in [address for _way, address in tried if address] or [addresses[Way.DIRECT] or ""]:
        verdicts[address] = judge_address(instance, address, asked, around) if address else _NO_ADDRESS
    return _judged(key, verdicts, network, tried, endpoint_for(instance, asked, around))


def judge_node(node_id: str, asked: Asked, around: Surroundings) -> Judged:
    """Judge the ways to a managed node, of which AWS knows nothing but its agent. No key is pushed to it."""
    given = asked.addresses.get(node_id)
    network = {
        Way.ENDPOINT: closed("An EC2 Instance Connect Endpoint reaches instances only, and no managed nodes."),
        Way.SESSION_MANAGER: judge_agent(node_id, around.agents, has_profile=None),
    }
    order = ways(_settings(node_id, asked, given, None))
    tried = [
        (way, given if way is Way.GIVEN else None) for way in order if way in network or (way is Way.GIVEN and given)
    ]
    direct = (
        unknown(f"Whether {printable(given):.100} answers cannot be known from AWS.")
        if given
        else closed("AWS knows no address of a managed node. Set ansible_host if there is one.")
    )
    return _judged(OPEN, {given or "": direct}, network, tried, None)


def judge_unread(instance_id: str, asked: Asked, why: str, session_manager: Verdict) -> Judged:
    """Return what is said of an instance of which EC2 could not be asked. session_manager: that of its agent."""
    cannot = unknown(why)
    may_be_taken = Way.SESSION_MANAGER in ways(_settings(instance_id, asked, None, None))
    best = SESSION_MANAGER if session_manager.is_open and may_be_taken else None
    return Judged(cannot, cannot, cannot, session_manager, best_way=best, is_certain=False)


_NO_ADDRESS = closed("EC2 has no address of the instance.")


def _settings(instance_id: str, asked: Asked, given: str | None, public: str | None) -> WaySettings:
    return {
        "instance_id": instance_id,
        "tunnel": asked.tunnel,
        "instance_connect_endpoint_id": asked.endpoint_id,
        "public_ip_address": public,
        "host": given,
        "name": instance_id,
    }


def _addresses(instance: Instance, given: str | None) -> Mapping[Way, str | None]:
    """Return the address of each way without a tunnel, as the connection finds it (_connect/opening.py)."""
    public, private = instance.public_ip_address, instance.private_ip_address or instance.ipv6_address
    return {
        Way.PUBLIC: (given or public) if public else None,
        Way.GIVEN: given,
        Way.PRIVATE: private,
        Way.DIRECT: given or public or private,
    }


def _judged(
    key: Verdict,
    by_address: Mapping[str, Verdict],
    network: Mapping[Way, Verdict],
    tried: Sequence[tuple[Way, str | None]],
    endpoint: ConnectEndpoint | None,
) -> Judged:
    """Put verdicts together. tried: the ways that a connection tries, in order, with the address of a direct one."""
    address, direct = _direct(by_address)
    if key.is_open is False:
        best, is_certain = None, True
    else:
        best, is_certain = _best(
            [(way, at, network[way] if way in network else by_address[at or ""]) for way, at in tried]
        )
    # What the key lacks closes every way. A note about the image closes none.
    for_key = [Verdict(key.is_open if key.reasons else True, key.reasons)]
    return Judged(
        key,
        all_of([direct, *for_key]),
        all_of([network[Way.ENDPOINT], *for_key]),
        all_of([network[Way.SESSION_MANAGER], *for_key]),
        address,
        endpoint.id if endpoint else None,
        _NAMES.get(best[0], DIRECT) if best else None,
        is_certain and (key.is_open is not None or not key.reasons),
        best[1] if best else None,
    )


def _direct(by_address: Mapping[str, Verdict]) -> tuple[str | None, Verdict]:
    """Return the first address that is open, or may be, or else the one that lacks least, with the verdict."""
    for state in (True, None):
        for address, verdict in by_address.items():
            if verdict.is_open is state:
                return address or None, verdict
    address = min(by_address, key=lambda each: len(by_address[each].reasons))
    return address or None, by_address[address]


def _best(
    tried: Sequence[tuple[Way, str | None, Verdict]],
) -> tuple[tuple[Way, str | None] | None, bool]:
    """Return the first way that is open, or else the first that may be, and whether it is certain."""
    certain = [position for position, (_way, _at, verdict) in enumerate(tried) if verdict.is_open]
    possible = [position for position, (_way, _at, verdict) in enumerate(tried) if verdict.is_open is None]
    if certain:
        is_certain = not any(position < certain[0] for position in possible)
        return tried[certain[0]][:2], is_certain
    return (tried[possible[0]][:2], False) if possible else (None, True)


def _not_running(instance: Instance) -> str:
    what = {
        "pending": "Wait until it runs.",
        "stopped": f"Start it: aws ec2 start-instances --instance-ids {instance.id}.",
        "stopping": "Wait until it has stopped, and start it.",
    }.get(instance.state, "Launch another one.")
    return f"The instance is {instance.state}. {what}"


def _hints(instance: Instance, around: Surroundings) -> list[str]:
    """Return what keeps an agent from Systems Manager, as far as the network around the instance shows."""
    hints: list[str] = []
    if instance.has_metadata is False:
        hints.append("The instance metadata is turned off, and the agent gets its credentials there.")
    if not isinstance(around.route_tables, Unread):
        table = table_of(around.route_tables, instance.vpc_id, instance.subnet_id)
        route = route_to(table, EVERYWHERE[4], around.prefix_lists) if table else None
        if table and (route is None or not route.is_active):
            hints.append(
                f"Its route table {table.id} has no working default route, so without VPC endpoints it reaches neither "
                "service."
            )
        elif route and kind_of(route.target) == "igw-" and not instance.public_ip_address:
            hints.append(
                f"Its default route leads to the internet gateway {route.target}, and the instance has no public "
                "address, so without VPC endpoints it reaches neither service."
            )
    groups, unread = groups_of([each for one in instance.interfaces for each in one.group_ids], around.security_groups)
    allowed = [peers(outbound(groups), 443, version, around.prefix_lists) for version in (4, 6)]
    if groups and not unread and not any(each.networks or each.group_ids or each.unread for each in allowed):
        hints.append("Its security groups let no TCP port 443 out, which the agent needs.")
    return hints
