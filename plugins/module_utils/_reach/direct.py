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
    Acl,
    Instance,
    Interface,
    Route,
    RouteTable,
    SecurityGroup,
    Subnet,
    Surroundings,
    Unread,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._network.networks import (
    EVERYWHERE,
    Network,
    common,
    covers,
    is_inside,
    named,
    network,
    networks,
    tidy,
    without,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._network.routes import (
    is_default,
    kind_of,
    named as named_target,
    route_to,
    routes_of,
    table_of,
    unread_lists,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._network.security_groups import Peers, inbound, peers
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.asked import Asked
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.flow import Flow, groups_of, through_acl
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.verdict import Verdict, closed, unknown

# Targets behind which other private networks are.
_JOINING = ("pcx-", "tgw-", "vgw-", "lgw-", "arn:")
_PRIVATE_WAYS = ("local", *_JOINING)
# Targets behind which the internet is, from where connections come in, too.
_PUBLIC_WAYS = ("igw-",)
# Targets that may pass packets on to anywhere. A carrier gateway lets its carrier's network in, and no other one.
_APPLIANCES = ("vpce-", "eni-", "i-", "cagw-", "")


_UNIQUE_LOCAL = ipaddress.ip_network("fc00::/7")
# RFC 1918, RFC 6598 and RFC 4193.
_PRIVATE_NETWORKS = (
    *map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")),
    _UNIQUE_LOCAL,
)


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
    inside = _address_inside(instance, address, asked, around)
    address = inside or known
    at = ipaddress.ip_address(address)
    senders = asked.sources_of(at.version)
    if not senders:
        other = ""
        if instance.ipv6_address and isinstance(at, ipaddress.IPv4Address):
            other = f" The instance has the IPv6 address {instance.ipv6_address}, too: set ansible_host to it."
        return closed(f"{address} is an IPv{at.version} address, and source_cidr has none of IPv{at.version}.{other}")
    interface = instance.interface_at(address) or (instance.interfaces or [Interface(instance.subnet_id, [])])[0]
    place = _Place(address, interface, instance.vpc_id, _is_public(instance, address), bool(instance.public_ip_address))
    flow = Flow(senders, are_unknown=not asked.sources)
    _through_routes(flow, place, asked, around)
    _through_groups(flow, place, asked, around)
    _through_acls(flow, place, asked, around)
    if inside:
        flow.note(f"Inside the VPC the name stands for the private address {inside}, if DNS is enabled there.")
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


def _address_inside(instance: Instance, name: str, asked: Asked, around: Surroundings) -> str | None:
    """Return the private address that a public DNS name stands for if all connections come from inside the VPC.

    (VPC User Guide, "DNS attributes for your VPC".)
    """
    at = instance.dns_names.get(name.lower())
    is_public = at is not None and at == instance.public_ip_address
    if not asked.sources or not is_public or isinstance(around.route_tables, Unread):
        return None
    table = table_of(around.route_tables, instance.vpc_id, instance.subnet_id)
    vpc = networks((each.cidr for each in table.routes if each.cidr and each.target == "local") if table else (), 4)
    senders = asked.sources_of(4)
    return instance.private_ip_address if senders and covers(vpc, senders) else None


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
    at = at._replace(table=table.id)
    unread = unread_lists(table, around.prefix_lists)
    for sender in flow.senders:
        if sender.prefixlen == 0:
            _to_the_internet(flow, table, at, asked, around)
        elif unread:
            flow.doubt(" ".join(unread))
        else:
            for route, part in routes_of(table, sender, around.prefix_lists):
                _through_route(flow, route, part, named(part), at)


def _to_the_internet(flow: Flow, table: RouteTable, at: _Place, asked: Asked, around: Surroundings) -> None:
    """Let all senders through the default route. The other routes lead to networks of one's own."""
    who, anywhere = "the internet", EVERYWHERE[flow.version]
    default = route_to(table, anywhere, around.prefix_lists)
    why_not = _why_no_route_back(default, who, _where(at), at)
    if not why_not:
        _through_route(flow, default, [anywhere], who, at)
        return
    # A part of the internet may have a route of its own.
    by_right, by_appliance, of_ones_own = [
        tidy(
            each
            for route, part in routes_of(table, anywhere, around.prefix_lists)
            if route and route.is_active and kind_of(route.target) in kinds
            for each in part
        )
        for kinds in (_PUBLIC_WAYS if at.is_public else _PRIVATE_WAYS, _APPLIANCES, _PRIVATE_WAYS)
    ]
    if by_right and covers([*by_right, *of_ones_own], [anywhere]):
        return
    unread = unread_lists(table, around.prefix_lists)
    perhaps = [anywhere] if unread else tidy([*by_right, *by_appliance])
    if by_right and at.is_public and not unread:
        ask = "" if asked.sources else " Whether you connect from there cannot be known: set source_cidr."
        why_not = f"{_where(at)} leads by an internet gateway only to {named(by_right)}.{ask}"
    flow.narrow(by_right, perhaps, " ".join(unread) or why_not)


def _through_route(flow: Flow, route: Route | None, part: Sequence[Network], who: str, at: _Place) -> None:
    """Let a part of the senders through a route. who: the part, for a sentence."""
    others: list[Network] = list(flow.senders)
    for each in part:
        others = without(others, each)
    kind = kind_of(route.target) if route else ""
    where = _where(at)
    why_not = _why_no_route_back(route, who, where, at)
    if why_not:
        flow.narrow(others, others, why_not)
    elif route and kind in _APPLIANCES:
        why = f"{where} leads to {who} by {named_target(route.target)}, and what is behind that cannot be known."
        flow.narrow(others, flow.senders, why)
    elif route and kind in _JOINING and is_default(route) and not all(_is_private(each) for each in part):
        flow.narrow(
            others,
            flow.senders,
            f"{where} leads to {who} by its default route, to {named_target(route.target)}. Whether connections from "
            f"there come to {at.address} by it cannot be known.",
        )
    elif route and kind in _JOINING:
        flow.note(
            f"{who} is reached by {named_target(route.target)}. Whether its other end routes back cannot be known."
        )


def _where(at: _Place) -> str:
    return f"The route table {at.table} of {at.interface.subnet_id}"


def _is_private(some: Network) -> bool:
    return any(is_inside(some, each) for each in _PRIVATE_NETWORKS)


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


def _through_acls(flow: Flow, at: _Place, asked: Asked, around: Surroundings) -> None:
    interface = at.interface
    if isinstance(around.acls, Unread):
        flow.doubt(around.acls.why)
        return
    acl = next((each for each in around.acls if interface.subnet_id in each.subnet_ids), None)
    if acl is None:
        flow.doubt(f"EC2 returns no network ACL of {interface.subnet_id}, so its entries are unknown.")
        return
    subnets = {} if isinstance(around.subnets, Unread) else around.subnets
    own = subnets.get(interface.subnet_id or "")
    if asked.sources and own and covers(networks(own.cidrs, flow.version), flow.senders):
        # Packets inside a subnet pass no ACL.
        return
    through_acl(flow, acl, asked.port, None, into=True, subnet_id=interface.subnet_id)
    if not asked.sources or (at.is_public and not at.is_ipv6):
        return
    of_subnet = {subnet_id: each for each in around.acls for subnet_id in each.subnet_ids}
    for subnet in subnets.values():
        if subnet.id in of_subnet and subnet.id != interface.subnet_id and subnet.vpc_id == at.vpc_id:
            _out_of_subnet(flow, subnet, of_subnet[subnet.id], at, asked.port)


def _out_of_subnet(flow: Flow, subnet: Subnet, acl: Acl, at: _Place, port: int) -> None:
    """Let those senders that are in another subnet of the VPC through its ACL."""
    from_there = common(flow.senders, networks(subnet.cidrs, flow.version))
    if not from_there:
        return
    part = Flow(from_there)
    through_acl(part, acl, port, [network(at.address)], into=False, subnet_id=subnet.id)
    others = list(flow.senders)
    for each in from_there:
        others = without(others, each)
    for reason in part.verdict.reasons:
        flow.narrow(others, [*others, *part.possible], reason)
    for note in part.verdict.notes:
        flow.note(note)
