# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Where route tables lead. Pure.

The most specific active or inactive route that fits decides; one that leads nowhere (blackhole) drops the packets. (VPC
User Guide, "Route priority".)
"""

from __future__ import annotations

from typing import Mapping, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import Read, Route, RouteTable, Unread
from ansible_collections.sshkeys.aws.plugins.module_utils._network.networks import (
    Network,
    common,
    is_inside,
    networks,
    without,
)

# How the ids of the targets of routes begin, and what they are, for a sentence.
_TARGETS = (
    ("igw-", "an internet gateway"),
    ("nat-", "a NAT gateway"),
    ("eigw-", "an egress-only internet gateway"),
    ("pcx-", "a VPC peering connection"),
    ("tgw-", "a transit gateway"),
    ("vgw-", "a virtual private gateway"),
    ("vpce-", "a VPC endpoint"),
    ("eni-", "a network interface"),
    ("i-", "an instance"),
    ("cagw-", "a carrier gateway"),
    ("lgw-", "a local gateway"),
    ("arn:", "a core network"),
)


def table_of(tables: Sequence[RouteTable], vpc_id: str | None, subnet_id: str | None) -> RouteTable | None:
    """Return the route table of a subnet: its own, or else the main one of the VPC."""
    for table in tables:
        if subnet_id in table.subnet_ids:
            return table
    return next((table for table in tables if table.is_main and table.vpc_id == vpc_id), None)


def route_to(table: RouteTable, destination: Network, prefix_lists: Mapping[str, Read[Sequence[str]]]) -> Route | None:
    """Return the route that packets to a network take, None if there is none for all of it."""
    fitting = [
        (each.prefixlen, not route.prefix_list_id, route)
        for route in table.routes
        for each in networks(_cidrs(route, prefix_lists), destination.version)
        if is_inside(destination, each)
    ]
    return max(fitting, key=lambda fit: fit[:2])[2] if fitting else None


def routes_of(
    table: RouteTable, destination: Network, prefix_lists: Mapping[str, Read[Sequence[str]]]
) -> list[tuple[Route | None, list[Network]]]:
    """Return the routes that packets to a network take, with the parts of it; None for the part without a route."""
    several = [
        (-each.prefixlen, bool(route.prefix_list_id), position, each, route)
        for position, route in enumerate(table.routes)
        for each in networks(_cidrs(route, prefix_lists), destination.version)
    ]
    left: list[Network] = [destination]
    found: dict[int, tuple[Route | None, list[Network]]] = {}
    # The most specific route comes first, and takes its part away from the others.
    for _length, _is_list, position, each, route in sorted(several, key=lambda one: one[:3]):
        part = common(left, [each])
        if part:
            found.setdefault(position, (route, []))[1].extend(part)
            left = without(left, each)
    return [*found.values(), *([(None, left)] if left else [])]


def _cidrs(route: Route, prefix_lists: Mapping[str, Read[Sequence[str]]]) -> Sequence[str]:
    if route.cidr:
        return [route.cidr]
    entries = prefix_lists.get(route.prefix_list_id or "", ())
    return () if isinstance(entries, Unread) else entries


def kind_of(target: str) -> str:
    """Return the kind of a target, as its id begins: ``igw-``, ``local``, ... Empty for one that is not known."""
    return next((begin for begin, _name in _TARGETS if target.startswith(begin)), target if target == "local" else "")


def named(target: str) -> str:
    """Return a target for a sentence."""
    what = dict(_TARGETS).get(kind_of(target))
    return f"{what} ({target})" if what else target
