# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The calls to EC2 that tell who can reach an instance, a function for each.

Everything is found by filters: a request for ids fails if one of them is unknown. Each function raises ServiceError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Iterator, Mapping, Sequence, TypeVar

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.calls import read, unexpected
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.filters import Filters
from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import (
    Acl,
    AclEntry,
    ConnectEndpoint,
    Image,
    Instance,
    Interface,
    Route,
    RouteTable,
    Rule,
    SecurityGroup,
    Subnet,
)

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

Fact = TypeVar("Fact")
# The service's limit for a page of instances. By default a page may have fewer.
_INSTANCES_OF_A_PAGE = 1000


def instances(client: EC2Client, filters: Filters) -> list[Instance]:
    """Return the instances that fit filters, or all (DescribeInstances)."""
    pages = client.get_paginator("describe_instances")
    reservations = _described(pages, "Reservations", filters, PaginationConfig={"PageSize": _INSTANCES_OF_A_PAGE})
    return _facts(
        lambda reservation: [_instance(each) for each in reservation["Instances"]], reservations, "Reservations"
    )


def security_groups(client: EC2Client, filters: Filters) -> list[SecurityGroup]:
    """Return security groups (DescribeSecurityGroups)."""
    found = _described(client.get_paginator("describe_security_groups"), "SecurityGroups", filters)
    return _facts(lambda each: [_security_group(each)], found, "SecurityGroups")


def route_tables(client: EC2Client, filters: Filters) -> list[RouteTable]:
    """Return route tables (DescribeRouteTables)."""
    found = _described(client.get_paginator("describe_route_tables"), "RouteTables", filters)
    return _facts(lambda each: [_route_table(each)], found, "RouteTables")


def acls(client: EC2Client, filters: Filters) -> list[Acl]:
    """Return network ACLs (DescribeNetworkAcls)."""
    found = _described(client.get_paginator("describe_network_acls"), "NetworkAcls", filters)
    return _facts(lambda each: [_acl(each)], found, "NetworkAcls")


def subnets(client: EC2Client, filters: Filters) -> list[Subnet]:
    """Return subnets (DescribeSubnets)."""
    found = _described(client.get_paginator("describe_subnets"), "Subnets", filters)
    return _facts(lambda each: [_subnet(each)], found, "Subnets")


def connect_endpoints(client: EC2Client, filters: Filters) -> list[ConnectEndpoint]:
    """Return EC2 Instance Connect Endpoints in any state (DescribeInstanceConnectEndpoints)."""
    pages = client.get_paginator("describe_instance_connect_endpoints")
    found = _described(pages, "InstanceConnectEndpoints", filters)
    return _facts(lambda each: [_connect_endpoint(each)], found, "InstanceConnectEndpoints")


def images(client: EC2Client, filters: Filters) -> list[Image]:
    """Return AMIs, also deprecated ones (DescribeImages). One that was deregistered, or is not shared, is missing."""
    found = _described(client.get_paginator("describe_images"), "Images", filters, IncludeDeprecated=True)
    return _facts(lambda each: [Image(each["ImageId"], each.get("Name") or "")], found, "Images")


def prefix_list(client: EC2Client, prefix_list_id: str) -> list[str]:
    """Return the CIDRs of a prefix list (GetManagedPrefixListEntries)."""
    pages = client.get_paginator("get_managed_prefix_list_entries").paginate(PrefixListId=prefix_list_id)
    answer = read(pages.build_full_result)
    try:
        return [str(each["Cidr"]) for each in answer["Entries"]]
    except (KeyError, TypeError) as error:
        raise unexpected(answer, "Entries with a Cidr each", in_doubt=False) from error


def _described(pages: Any, member: str, filters: Filters, **more: Any) -> list[dict[str, Any]]:
    """Return what all pages of an answer have under a member. Raises ServiceError."""
    wanted = {"Filters": list(filters)} if filters else {}
    answer = read(pages.paginate(**wanted, **more).build_full_result)
    found = answer.get(member)
    # An answer without any has an empty list. A page of HTML from a proxy has none.
    if not isinstance(found, list):
        raise unexpected(answer, member, in_doubt=False)
    return found


def _facts(
    facts_of: Callable[[dict[str, Any]], Sequence[Fact]], found: Sequence[dict[str, Any]], member: str
) -> list[Fact]:
    try:
        return [fact for each in found for fact in facts_of(each)]
    except (AttributeError, KeyError, TypeError) as error:
        raise unexpected({}, f"{member} that can be read", in_doubt=False) from error


def _instance(each: Mapping[str, Any]) -> Instance:
    interfaces = [_interface(one) for one in each.get("NetworkInterfaces", [])]
    tags = {tag["Key"]: tag["Value"] for tag in each.get("Tags", [])}
    metadata = each.get("MetadataOptions", {}).get("HttpEndpoint")
    is_windows = str(each.get("Platform", "")).lower() == "windows"
    names = {"PublicDnsName": "PublicIpAddress", "PrivateDnsName": "PrivateIpAddress"}
    return Instance(
        id=each["InstanceId"],
        state=each["State"]["Name"],
        name=tags.get("Name") or None,
        type=each.get("InstanceType"),
        platform=each.get("PlatformDetails") or ("Windows" if is_windows else None),
        is_windows=is_windows,
        image_id=each.get("ImageId") or None,
        availability_zone=each.get("Placement", {}).get("AvailabilityZone"),
        vpc_id=each.get("VpcId"),
        subnet_id=each.get("SubnetId"),
        private_ip_address=each.get("PrivateIpAddress") or None,
        public_ip_address=each.get("PublicIpAddress") or None,
        ipv6_address=each.get("Ipv6Address") or next((one for one in _ipv6_addresses(each)), None),
        dns_names={
            each[name].lower(): each[address] for name, address in names.items() if each.get(name) and each.get(address)
        },
        has_metadata=None if metadata is None else metadata == "enabled",
        has_profile=bool(each.get("IamInstanceProfile")),
        interfaces=interfaces
        or [Interface(each.get("SubnetId"), [group["GroupId"] for group in each.get("SecurityGroups", [])])],
    )


def _ipv6_addresses(each: Mapping[str, Any]) -> Iterator[str]:
    for interface in each.get("NetworkInterfaces", []):
        for address in interface.get("Ipv6Addresses", []):
            yield address["Ipv6Address"]


def _interface(each: Mapping[str, Any]) -> Interface:
    private = [each, *each.get("PrivateIpAddresses", [])]
    public = [one.get("Association", {}).get("PublicIp") for one in private]
    addresses = [
        *(one.get("PrivateIpAddress") for one in private),
        *public,
        *(one["Ipv6Address"] for one in each.get("Ipv6Addresses", [])),
    ]
    return Interface(
        each.get("SubnetId"),
        [group["GroupId"] for group in each.get("Groups", [])],
        [address for address in dict.fromkeys(addresses) if address],
        [address for address in dict.fromkeys(public) if address],
    )


def _security_group(each: Mapping[str, Any]) -> SecurityGroup:
    return SecurityGroup(
        each["GroupId"],
        each.get("GroupName") or "",
        [_rule(rule) for rule in each.get("IpPermissions", [])],
        [_rule(rule) for rule in each.get("IpPermissionsEgress", [])],
    )


def _rule(each: Mapping[str, Any]) -> Rule:
    return Rule(
        str(each["IpProtocol"]),
        each.get("FromPort"),
        each.get("ToPort"),
        [
            *(one["CidrIp"] for one in each.get("IpRanges", [])),
            *(one["CidrIpv6"] for one in each.get("Ipv6Ranges", [])),
        ],
        [one["PrefixListId"] for one in each.get("PrefixListIds", [])],
        [
            one["GroupId"]
            for one in each.get("UserIdGroupPairs", [])
            # A rule is stale if it names a group of another VPC and the peering has ended. It lets nobody in.
            if one.get("GroupId") and one.get("PeeringStatus", "active") == "active"
        ],
    )


_TARGETS = (
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "EgressOnlyInternetGatewayId",
    "NetworkInterfaceId",
    "InstanceId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
)


def _route_table(each: Mapping[str, Any]) -> RouteTable:
    associations = each.get("Associations", [])
    return RouteTable(
        each["RouteTableId"],
        each.get("VpcId") or "",
        any(one.get("Main") for one in associations),
        [one["SubnetId"] for one in associations if one.get("SubnetId")],
        [
            Route(
                next((route[name] for name in _TARGETS if route.get(name)), ""),
                route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock"),
                route.get("DestinationPrefixListId"),
                route.get("State", "active") == "active",
                route.get("Origin") == "EnableVgwRoutePropagation",
            )
            for route in each.get("Routes", [])
        ],
    )


def _acl(each: Mapping[str, Any]) -> Acl:
    return Acl(
        each["NetworkAclId"],
        [one["SubnetId"] for one in each.get("Associations", []) if one.get("SubnetId")],
        [
            AclEntry(
                int(one["RuleNumber"]),
                bool(one["Egress"]),
                str(one["Protocol"]),
                one["RuleAction"] == "allow",
                one.get("CidrBlock") or one.get("Ipv6CidrBlock") or "",
                one.get("PortRange", {}).get("From"),
                one.get("PortRange", {}).get("To"),
            )
            for one in each.get("Entries", [])
        ],
    )


def _subnet(each: Mapping[str, Any]) -> Subnet:
    ipv6 = [one["Ipv6CidrBlock"] for one in each.get("Ipv6CidrBlockAssociationSet", []) if one.get("Ipv6CidrBlock")]
    return Subnet(each["SubnetId"], each["VpcId"], [one for one in (each.get("CidrBlock"), *ipv6) if one])


def _connect_endpoint(each: Mapping[str, Any]) -> ConnectEndpoint:
    return ConnectEndpoint(
        each["InstanceConnectEndpointId"],
        each.get("State") or "",
        each.get("StateMessage") or None,
        each.get("VpcId"),
        each.get("SubnetId"),
        each.get("DnsName") or None,
        each.get("FipsDnsName") or None,
        bool(each.get("PreserveClientIp")),
        list(each.get("SecurityGroupIds", [])),
        each.get("IpAddressType"),
    )
