# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Whether an EC2 Instance Connect Endpoint reaches a port of an instance. Pure.

The endpoint sends from its own network interface; with client IP preservation the packets have the address of the
client instead. What reaches the endpoint from outside, IAM decides, and no rule of a group. (EC2 User Guide, "Security
groups for EC2 Instance Connect Endpoint".)
"""

from __future__ import annotations

import ipaddress
from typing import NamedTuple, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import printable
from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import (
    Acl,
    ConnectEndpoint,
    Instance,
    Interface,
    Read,
    Surroundings,
    Unread,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._network.networks import (
    EVERYWHERE,
    Network,
    covers,
    named,
    network,
    networks,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._network.routes import kind_of, route_to, table_of
from ansible_collections.sshkeys.aws.plugins.module_utils._network.security_groups import inbound, outbound, peers
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.asked import Asked
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.flow import Flow, groups_of, through_acl
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.verdict import OPEN, Verdict, all_of, closed, unknown
from ansible_collections.sshkeys.aws.plugins.module_utils._ways import (
    ENDPOINT_STATES,
    PORTS_OF_ENDPOINTS,
    preferred_endpoint,
)

# EC2 User Guide, "Create an EC2 Instance Connect Endpoint": instance types without client IP preservation.
_NO_CLIENT_IP = ("c1", "cg1", "cg2", "g1", "hi1", "m1", "m2", "m3", "t1")
_JOINED = ("pcx-", "tgw-", "vpce-", "eni-", "i-", "arn:", "")


def endpoint_for(instance: Instance, asked: Asked, around: Surroundings) -> ConnectEndpoint | None:
    """Return the endpoint that a connection takes, None if there is none that is ready, or if that is not known."""
    if isinstance(around.endpoints, Unread):
        return None
    ready = [each for each in _candidates(instance, asked, around.endpoints) if each.state in ENDPOINT_STATES]
    found = preferred_endpoint(ready, instance.subnet_id, use_fips=asked.use_fips)
    return found[0] if found else None


def judge_endpoint(instance: Instance, asked: Asked, around: Surroundings) -> Verdict:
    """Return whether the endpoint that a connection takes reaches an instance that runs."""
    if asked.port not in PORTS_OF_ENDPOINTS:
        return closed(
            f"The port is {asked.port}, and endpoints connect only to the ports "
            f"{' and '.join(map(str, PORTS_OF_ENDPOINTS))}. Let sshd listen on port 22 too, or take another way."
        )
    if isinstance(around.endpoints, Unread):
        return unknown(around.endpoints.why)
    endpoint = endpoint_for(instance, asked, around)
    if endpoint is None:
        return closed(_none_is_ready(instance, asked, around.endpoints))
    address = instance.private_ip_address or instance.ipv6_address
    if not address:
        return closed("EC2 has no address of the instance, which an endpoint could connect to.")
    return all_of(
        [_judge_kind(endpoint, instance, address), _judge_network(endpoint, instance, address, asked, around)]
    )


def _candidates(instance: Instance, asked: Asked, endpoints: Sequence[ConnectEndpoint]) -> list[ConnectEndpoint]:
    if asked.endpoint_id:
        return [each for each in endpoints if each.id == asked.endpoint_id]
    return [each for each in endpoints if each.vpc_id == instance.vpc_id]


def _none_is_ready(instance: Instance, asked: Asked, endpoints: Sequence[ConnectEndpoint]) -> str:
    found = _candidates(instance, asked, endpoints)
    where = f"named {printable(asked.endpoint_id):.60}" if asked.endpoint_id else f"in {instance.vpc_id}"
    create = (
        "Check its id, and the region."
        if asked.endpoint_id
        else "Create one in a subnet of the VPC: aws ec2 create-instance-connect-endpoint."
    )
    if not found:
        return f"There is no EC2 Instance Connect Endpoint {where}. {create}"
    told = []
    for each in found:
        why = f" ({printable(each.state_message).rstrip('.'):.200})" if each.state_message else ""
        lacking = " and has no FIPS name" if asked.use_fips else " and has no DNS name"
        nameless = lacking if each.state in ENDPOINT_STATES else ""
        told.append(f"{each.id} is {each.state}{nameless}{why}")
    wait = any(each.state == "create-in-progress" for each in found)
    what = "Wait until it is create-complete." if wait else "Delete it, and create another one."
    return f"No EC2 Instance Connect Endpoint {where} is ready: {'; '.join(told)}. {what}"


def _judge_kind(endpoint: ConnectEndpoint, instance: Instance, address: str) -> Verdict:
    version = ipaddress.ip_address(address).version
    lacking = {"ipv4": 6, "ipv6": 4}.get(endpoint.ip_address_type or "")
    if lacking == version:
        return closed(
            f"The endpoint {endpoint.id} is for {str(endpoint.ip_address_type).replace('ipv', 'IPv')} alone, and the "
            f"address of the instance is {address}. Create an endpoint of the type dualstack."
        )
    if endpoint.preserves_client_ip and str(instance.type).partition(".")[0] in _NO_CLIENT_IP:
        return closed(
            f"The endpoint {endpoint.id} preserves client IP addresses, which the instance type {instance.type} does "
            "not support. Create an endpoint with preserveClientIp=false."
        )
    if endpoint.preserves_client_ip and endpoint.vpc_id != instance.vpc_id:
        return closed(
            f"The endpoint {endpoint.id} preserves client IP addresses, and so reaches only instances in its own VPC, "
            f"{endpoint.vpc_id}. Create an endpoint in {instance.vpc_id}, or one with preserveClientIp=false."
        )
    return OPEN


def _judge_network(
    endpoint: ConnectEndpoint, instance: Instance, address: str, asked: Asked, around: Surroundings
) -> Verdict:
    version = ipaddress.ip_address(address).version
    interface = instance.interface_at(address) or (instance.interfaces or [Interface(instance.subnet_id, [])])[0]
    target = network(address)
    own = _addresses(endpoint, around, version)
    senders = asked.sources_of(version) if endpoint.preserves_client_ip else own
    if isinstance(senders, Unread):
        flow = Flow([EVERYWHERE[version]])
        flow.doubt(senders.why)
    elif not senders:
        return closed(
            f"The endpoint {endpoint.id} preserves client IP addresses, and source_cidr has none of IPv{version}."
            if endpoint.preserves_client_ip
            else f"The subnet {endpoint.subnet_id} of the endpoint {endpoint.id} has no IPv{version} addresses."
        )
    else:
        flow = Flow(senders)
    tunnel = _Tunnel(endpoint, interface, target)
    _out_of_endpoint(flow, tunnel, asked, around)
    _into_instance(flow, tunnel, asked, around)
    if endpoint.vpc_id != instance.vpc_id:
        _between_vpcs(flow, endpoint, target, around)
    if endpoint.subnet_id != interface.subnet_id:
        _through_acls(flow, tunnel, asked, around.acls)
    return flow.verdict


def _addresses(endpoint: ConnectEndpoint, around: Surroundings, version: int) -> Read[Sequence[Network]]:
    """Return the addresses that the endpoint may have: those of its subnet."""
    if isinstance(around.subnets, Unread):
        return around.subnets
    subnet = around.subnets.get(endpoint.subnet_id or "")
    if subnet is None:
        return Unread(f"EC2 does not return {endpoint.subnet_id}, the subnet of the endpoint {endpoint.id}.")
    return networks(subnet.cidrs, version)


class _Tunnel(NamedTuple):
    """An endpoint, and where in the network it connects to."""

    endpoint: ConnectEndpoint
    interface: Interface
    target: Network


def _out_of_endpoint(flow: Flow, tunnel: _Tunnel, asked: Asked, around: Surroundings) -> None:
    endpoint, interface, target = tunnel
    groups, unread = groups_of(endpoint.security_group_ids, around.security_groups)
    allowed = peers(outbound(groups), asked.port, target.version, around.prefix_lists)
    if covers(allowed.networks, [target]) or set(allowed.group_ids) & set(interface.group_ids):
        return
    if not endpoint.security_group_ids:
        flow.doubt(f"EC2 names no security group of the endpoint {endpoint.id}, so its rules are unknown.")
        return
    if unread or allowed.unread:
        flow.doubt(" ".join([*unread, *allowed.unread]))
        return
    flow.close(
        f"The security group {', '.join(map(str, groups))} of the endpoint {endpoint.id} does not let TCP port "
        f"{asked.port} out to {target.network_address}. Add an outbound rule for it, to the security group of the "
        "instance or to the CIDR of the VPC."
    )


def _into_instance(flow: Flow, tunnel: _Tunnel, asked: Asked, around: Surroundings) -> None:
    endpoint, interface, version = tunnel.endpoint, tunnel.interface, flow.version
    groups, unread = groups_of(interface.group_ids, around.security_groups)
    allowed = peers(inbound(groups), asked.port, version, around.prefix_lists)
    if set(allowed.group_ids) & set(endpoint.security_group_ids):
        return
    unread = [*unread, *allowed.unread]
    may_be_member = bool(allowed.group_ids) and not endpoint.security_group_ids
    possible = [EVERYWHERE[version]] if unread or may_be_member else allowed.networks
    which = f"The security group{'s' if len(groups) > 1 else ''} {', '.join(map(str, groups))} of the instance"
    from_group = f"the security group of the endpoint ({', '.join(endpoint.security_group_ids) or 'unknown'})"
    not_let = f"{'do' if len(groups) > 1 else 'does'} not let TCP port {asked.port} in"
    if not endpoint.preserves_client_ip:
        sentence = (
            f"{which} {not_let} from the endpoint {endpoint.id}, neither from {from_group} nor from its subnet "
            f"{endpoint.subnet_id} ({named(flow.senders)}). Add an inbound rule for TCP port {asked.port} from "
            f"{from_group}."
        )
    elif asked.sources:
        sentence = (
            f"{which} {not_let} from the endpoint {endpoint.id}, which preserves client IP addresses: neither from "
            f"{from_group} nor from {named(flow.senders)}. Add an inbound rule for TCP port {asked.port} from "
            f"{from_group}."
        )
    elif allowed.networks:
        sentence = (
            f"The endpoint {endpoint.id} preserves client IP addresses, and {which[0].lower()}{which[1:]} {not_let} "
            f"from {from_group}, only from {named(allowed.networks)}. Whether you connect from there cannot be known: "
            "set source_cidr."
        )
    else:
        sentence = (
            f"{which} {not_let} from the endpoint {endpoint.id}, which preserves client IP addresses: neither from "
            f"{from_group} nor from any address. Add an inbound rule for TCP port {asked.port} from {from_group}."
        )
    flow.narrow(allowed.networks, possible, " ".join(unread) or sentence)


def _between_vpcs(flow: Flow, endpoint: ConnectEndpoint, target: Network, around: Surroundings) -> None:
    if isinstance(around.route_tables, Unread):
        flow.doubt(around.route_tables.why)
        return
    table = table_of(around.route_tables, endpoint.vpc_id, endpoint.subnet_id)
    route = route_to(table, target, around.prefix_lists) if table else None
    if table is None:
        flow.doubt(f"EC2 returns no route table of {endpoint.subnet_id}, the subnet of the endpoint {endpoint.id}.")
    elif route is None or not route.is_active or kind_of(route.target) not in _JOINED:
        flow.close(
            f"The endpoint {endpoint.id} is in {endpoint.vpc_id}, whose route table {table.id} does not lead to "
            f"{target.network_address} in the VPC of the instance. Take an endpoint in that VPC."
        )
    else:
        flow.note(
            f"The endpoint {endpoint.id} is in another VPC, {endpoint.vpc_id}. Whether the VPC of the instance routes "
            "back is not judged."
        )


def _through_acls(flow: Flow, tunnel: _Tunnel, asked: Asked, acls: Read[Sequence[Acl]]) -> None:
    endpoint, interface, target = tunnel
    if isinstance(acls, Unread):
        flow.doubt(acls.why)
        return
    of_endpoint = next((each for each in acls if endpoint.subnet_id in each.subnet_ids), None)
    of_instance = next((each for each in acls if interface.subnet_id in each.subnet_ids), None)
    for acl, subnet_id in ((of_endpoint, endpoint.subnet_id), (of_instance, interface.subnet_id)):
        if acl is None:
            flow.doubt(f"EC2 returns no network ACL of {subnet_id}, so its entries are unknown.")
    if of_endpoint:
        through_acl(flow, of_endpoint, asked.port, [target], into=False, subnet_id=endpoint.subnet_id)
    if of_instance:
        through_acl(flow, of_instance, asked.port, None, into=True, subnet_id=interface.subnet_id)
