# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Whether a port of an address of an instance is open to connections without a tunnel. Pure.

Only what AWS shows is judged. A firewall at the other end, or one on the instance, is not seen.
"""

from __future__ import annotations

import ipaddress
from typing import NamedTuple, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import printable
from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import (
    Instance,
    Interface,
    Route,
    SecurityGroup,
    Surroundings,
    Unread,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._network.networks import (
    EVERYWHERE,
    Network,
    covers,
    named,
    network,
    without,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._network.routes import (
    kind_of,
    named as named_target,
    route_to,
    routes_of,
    table_of,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._network.security_groups import Peers, inbound, peers
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.asked import Asked
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.flow import Flow, groups_of, through_acl
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.verdict import Verdict, closed, unknown

# Targets behind which other private networks are.
_PRIVATE_WAYS = ("local", "pcx-", "tgw-", "vgw-", "lgw-", "arn:")
# Targets behind which the internet is, from where connections come in, too.
_PUBLIC_WAYS = ("igw-", "cagw-")
# Targets that may pass packets on to anywhere.
_APPLIANCES = ("vpce-", "eni-", "i-", "")


_UNIQUE_LOCAL = ipaddress.ip_network("fc00::/7")


class _Place(NamedTuple):
    """An address of an instance, and the interface that has it."""

    address: str
    interface: Interface
    vpc_id: str | None
    is_public: bool
    instance_has_public_address: bool
    table: str = ""

    @property
    def is_ipv6(self) -> bool:
        """Whether it is an IPv6 address. Networks that are joined use the same one as the internet."""
        return ":" in self.address

    @property
    def ways_back(self) -> Sequence[str]:
        """The kinds of targets by which packets may go back that came to it."""
        if self.is_ipv6 and self.is_public:
            return (*_PUBLIC_WAYS, *_PRIVATE_WAYS)
        return _PUBLIC_WAYS if self.is_public else _PRIVATE_WAYS


def judge_address(instance: Instance, address: str, asked: Asked, around: Surroundings) -> Verdict:
    """Return whether an address of an instance that runs is open. Raises no error for an address that is none."""
    known = _own_address(instance, address)
    if known is None:
        return unknown(
            f"{printable(address):.100} is no address of the instance that EC2 knows, so whether it leads there cannot "
            "be told."
        )
    address = known
    at = ipaddress.ip_address(address)
    senders = asked.sources_of(at.version)
    if not senders:
        return closed(f"{address} is an IPv{at.version} address, and source_cidr has none of IPv{at.version}.")
    interface = instance.interface_at(address) or (instance.interfaces or [Interface(instance.subnet_id, [])])[0]
    place = _Place(address, interface, instance.vpc_id, _is_public(instance, address), bool(instance.public_ip_address))
    flow = Flow(senders)
    _through_routes(flow, place, asked, around)
    _through_groups(flow, place, asked, around)
    _through_acls(flow, interface, asked, around)
    if not asked.sources:
        flow.note("source_cidr is not set, so this is judged by the rules alone, for connections from anywhere.")
    return flow.verdict


def _own_address(instance: Instance, address: str) -> str | None:
    """Return the address that a text stands for, None if it is none of the instance."""
    named_address = instance.dns_names.get(address.lower())
    if named_address:
        return named_address
    try:
        text = str(ipaddress.ip_address(address))
    except ValueError:
        return None
    own = [instance.public_ip_address, instance.private_ip_address, instance.ipv6_address]
    return text if text in own or instance.interface_at(text) else None


def _is_public(instance: Instance, address: str) -> bool:
    """Return whether an address of an instance is one of the internet."""
    at = ipaddress.ip_address(address)
    if isinstance(at, ipaddress.IPv6Address):
        return at not in _UNIQUE_LOCAL
    # A VPC may have private addresses that look like those of the internet.
    public = [each for interface in instance.interfaces for each in interface.public_ipv4_addresses]
    return address in (instance.public_ip_address, *public)


def _through_routes(flow: Flow, at: _Place, asked: Asked, around: Surroundings) -> None:
    if not at.is_public and not asked.sources:
        flow.doubt(
            f"{at.address} is a private address{_no_public(at)}. Whether the connections come from inside its VPC, or "
            "from a network that is joined to it, cannot be known: set source_cidr."
        )
        return
    if isinstance(around.route_tables, Unread):
        flow.doubt(around.route_tables.why)
        return
    table = table_of(around.route_tables, at.vpc_id, at.interface.subnet_id)
    if table is None:
        flow.doubt(f"EC2 returns no route table of {at.interface.subnet_id}, so its routes are unknown.")
        return
    for sender in flow.senders:
        # Anywhere is where the default route leads; the others lead to networks of one's own.
        is_anywhere = sender.prefixlen == 0
        whole = [(route_to(table, sender, around.prefix_lists), [sender])]
        for route, part in whole if is_anywhere else routes_of(table, sender, around.prefix_lists):
            who = "the internet" if is_anywhere else named(part)
            _through_route(flow, route, part, who, at._replace(table=table.id))


def _through_route(flow: Flow, route: Route | None, part: Sequence[Network], who: str, at: _Place) -> None:
    """Let a part of the senders through a route. who: the part, for a sentence."""
    others: list[Network] = list(flow.senders)
    for each in part:
        others = without(others, each)
    kind = kind_of(route.target) if route else ""
    where = f"The route table {at.table} of {at.interface.subnet_id}"
    why_not = _why_no_route_back(route, who, where, at)
    if why_not:
        flow.narrow(others, others, why_not)
    elif route and kind in _APPLIANCES:
        why = f"{where} leads to {who} by {named_target(route.target)}, and what is behind that cannot be known."
        flow.narrow(others, flow.senders, why)
    elif route and kind not in ("igw-", "cagw-", "local"):
        flow.note(
            f"{who} is reached by {named_target(route.target)}. Whether its other end routes back cannot be known."
        )


def _why_no_route_back(route: Route | None, who: str, where: str, at: _Place) -> str:
    """Return why packets that came to an address cannot go back to the sender, empty if they can."""
    advice = " Add a route to an internet gateway." if at.is_public else _PRIVATE_HINT
    if route is None:
        return f"{where} has no route to {who}{_no_public(at)}.{advice}"
    by, kind = named_target(route.target), kind_of(route.target)
    told = f"{where} leads to {who} by {by}"
    if not route.is_active:
        return (
            f"{where} has a route to {who} that leads nowhere (blackhole): its target {route.target} is gone. Replace "
            "the route."
        )
    if kind in _APPLIANCES or kind in at.ways_back:
        why = ""
    elif kind == "local":
        why = f"{who} is inside the VPC, from where {at.address} is reached only by its private address."
    elif kind in _PRIVATE_WAYS:
        why = f"{told}, and connections to the public address {at.address} come by an internet gateway."
    elif at.is_public:
        why = f"{told}, which lets no connections in.{advice}"
    else:
        why = f"{told}, so the private address {at.address} is not reached from there{_no_public(at)}.{advice}"
    return why


def _no_public(at: _Place) -> str:
    """Return the end of a sentence about a private address, empty where the instance has a public one, too."""
    return "" if at.is_public or at.instance_has_public_address else ", and the instance has no public address"


_PRIVATE_HINT = " Join the networks by peering, a transit gateway or a VPN, or take another way."


def _through_groups(flow: Flow, at: _Place, asked: Asked, around: Surroundings) -> None:
    version = flow.version
    groups, unread = groups_of(at.interface.group_ids, around.security_groups)
    allowed = peers(inbound(groups), asked.port, version, around.prefix_lists)
    unread = [*unread, *allowed.unread]
    # The members of a group are seen by their private IPv4 addresses, or by IPv6.
    may_be_members = bool(allowed.group_ids) and (at.is_ipv6 or not at.is_public)
    possible = [EVERYWHERE[version]] if unread or may_be_members else allowed.networks
    sentences = [*unread, *_groups_sentence(groups, allowed, asked, version)]
    flow.narrow(allowed.networks, possible, " ".join(sentences))


def _groups_sentence(groups: Sequence[SecurityGroup], allowed: Peers, asked: Asked, version: int) -> list[str]:
    if not groups:
        return []
    which = f"{'The security groups' if len(groups) > 1 else 'The security group'} {_listed(list(map(str, groups)))}"
    let = "let" if len(groups) > 1 else "lets"
    port = f"TCP port {asked.port}"
    only = " and ".join(
        [
            *([f"from {named(allowed.networks)}"] if allowed.networks else []),
            *([f"from members of {_listed(allowed.group_ids)}"] if allowed.group_ids else []),
        ]
    )
    if not asked.sources:
        if not only:
            return [f"{which} {let} {port} in from nowhere. Add an inbound rule for {port} from where you connect."]
        return [
            f"{which} {let} {port} in only {only}. Whether you connect from there cannot be known: set source_cidr."
        ]
    missing = [each for each in asked.sources_of(version) if not covers(allowed.networks, [each])]
    what = f"{which} {'do' if len(groups) > 1 else 'does'} not let {port} in from {named(missing)}"
    told = f"{what}, only {only}." if only else f"{what}."
    return [f"{told} Add an inbound rule for {port} from {named(missing)}."]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _through_acls(flow: Flow, interface: Interface, asked: Asked, around: Surroundings) -> None:
    if isinstance(around.acls, Unread):
        flow.doubt(around.acls.why)
        return
    acl = next((each for each in around.acls if interface.subnet_id in each.subnet_ids), None)
    if acl is None:
        flow.doubt(f"EC2 returns no network ACL of {interface.subnet_id}, so its entries are unknown.")
        return
    subnet = {} if isinstance(around.subnets, Unread) else around.subnets
    own = subnet.get(interface.subnet_id or "")
    inside = [network(each) for each in own.cidrs] if own else []
    if asked.sources and covers([each for each in inside if each.version == flow.version], flow.senders):
        # Packets inside a subnet pass no ACL.
        return
    through_acl(flow, acl, asked.port, None, into=True, subnet_id=interface.subnet_id)
