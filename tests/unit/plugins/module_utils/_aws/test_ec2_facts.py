# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of EC2 about the ways to instances, and what is made of it. botocore's Stubber is the service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws import ec2_facts
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
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
from ansible_collections.sshkeys.aws.tests.unit.stubs import StubbedService

VPC = [{"Name": "vpc-id", "Values": ["vpc-1"]}]


@pytest.fixture
def service() -> StubbedService:
    """Return EC2 without a script yet."""
    return StubbedService("ec2")


def told(service: StubbedService, method: str, call: Callable[..., Any], *answers: dict[str, Any], **more: Any) -> Any:
    """Return what a call with the filter for a VPC makes of the pages of an answer."""
    for number, answer in enumerate(answers):
        token = {"NextToken": str(number)} if number else {}
        following = {"NextToken": str(number + 1)} if number + 1 < len(answers) else {}
        service.stubber.add_response(method, {**answer, **following}, {"Filters": VPC, **more, **token})
    with service.playing():
        return call(service.client, VPC)


def test_instances(service: StubbedService) -> None:
    interfaces = [
        {
            "SubnetId": "subnet-1",
            "PrivateIpAddress": "10.0.0.7",
            "Association": {"PublicIp": "203.0.113.7"},
            "Groups": [{"GroupId": "sg-1", "GroupName": "web"}],
            "Ipv6Addresses": [{"Ipv6Address": "2001:db8::7"}],
            "PrivateIpAddresses": [
                {"PrivateIpAddress": "10.0.0.7", "Association": {"PublicIp": "203.0.113.7"}},
                {"PrivateIpAddress": "10.0.0.8", "Association": {"PublicIp": "203.0.113.8"}},
            ],
        }
    ]
    full = {
        "InstanceId": "i-1",
        "State": {"Name": "running"},
        "Tags": [{"Key": "Name", "Value": "web-1"}],
        "InstanceType": "t3.micro",
        "PlatformDetails": "Linux/UNIX",
        "ImageId": "ami-1",
        "Placement": {"AvailabilityZone": "us-east-1a"},
        "VpcId": "vpc-1",
        "SubnetId": "subnet-1",
        "PrivateIpAddress": "10.0.0.7",
        "PublicIpAddress": "203.0.113.7",
        "PublicDnsName": "EC2-203-0-113-7.example.com",
        "PrivateDnsName": "",
        "MetadataOptions": {"HttpEndpoint": "disabled"},
        "IamInstanceProfile": {"Arn": "arn:aws:iam::111122223333:instance-profile/web"},
        "NetworkInterfaces": interfaces,
    }
    bare = {
        "InstanceId": "i-2",
        "State": {"Name": "terminated"},
        "Platform": "windows",
        "SecurityGroups": [{"GroupId": "sg-2"}],
    }
    pages = [{"Reservations": [{"Instances": [full]}]}, {"Reservations": [{"Instances": [bare]}]}]
    found = told(service, "describe_instances", ec2_facts.instances, *pages, MaxResults=1000)
    assert found == [
        Instance(
            "i-1",
            "running",
            "web-1",
            "t3.micro",
            "Linux/UNIX",
            False,
            "ami-1",
            "us-east-1a",
            "vpc-1",
            "subnet-1",
            "10.0.0.7",
            "203.0.113.7",
            "2001:db8::7",
            {"ec2-203-0-113-7.example.com": "203.0.113.7"},
            False,
            True,
            [
                Interface(
                    "subnet-1",
                    ["sg-1"],
                    ["10.0.0.7", "10.0.0.8", "203.0.113.7", "203.0.113.8", "2001:db8::7"],
                    ["203.0.113.7", "203.0.113.8"],
                )
            ],
        ),
        Instance("i-2", "terminated", platform="Windows", is_windows=True, interfaces=[Interface(None, ["sg-2"])]),
    ]


def test_without_filters_all_instances_are_asked_for(service: StubbedService) -> None:
    service.stubber.add_response("describe_instances", {"Reservations": []}, {"MaxResults": 1000})
    with service.playing():
        assert ec2_facts.instances(service.client, []) == []


def test_security_groups(service: StubbedService) -> None:
    rule = {
        "IpProtocol": "tcp",
        "FromPort": 22,
        "ToPort": 23,
        "IpRanges": [{"CidrIp": "198.51.100.0/24"}],
        "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}],
        "PrefixListIds": [{"PrefixListId": "pl-1"}],
        "UserIdGroupPairs": [
            {"GroupId": "sg-2"},
            {"GroupId": "sg-3", "PeeringStatus": "deleted"},
            {"GroupId": "sg-4", "PeeringStatus": "active"},
        ],
    }
    group = {
        "GroupId": "sg-1",
        "GroupName": "web",
        "IpPermissions": [rule],
        "IpPermissionsEgress": [{"IpProtocol": "-1"}],
    }
    (found,) = told(service, "describe_security_groups", ec2_facts.security_groups, {"SecurityGroups": [group]})
    inbound = Rule("tcp", 22, 23, ["198.51.100.0/24", "2001:db8::/32"], ["pl-1"], ["sg-2", "sg-4"])
    assert found == SecurityGroup("sg-1", "web", [inbound], [Rule("-1", None, None, [], [], [])])


def test_route_tables(service: StubbedService) -> None:
    table = {
        "RouteTableId": "rtb-1",
        "VpcId": "vpc-1",
        "Associations": [{"Main": True}, {"Main": False, "SubnetId": "subnet-1"}],
        "Routes": [
            {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"},
            {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "blackhole"},
            {"DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": "eigw-1"},
            {"DestinationPrefixListId": "pl-1", "TransitGatewayId": "tgw-1"},
            {"DestinationCidrBlock": "192.0.2.0/24", "NetworkInterfaceId": "eni-1", "InstanceId": "i-1"},
            {"DestinationCidrBlock": "203.0.113.0/24"},
        ],
    }
    (found,) = told(service, "describe_route_tables", ec2_facts.route_tables, {"RouteTables": [table]})
    routes = [
        Route("local", "10.0.0.0/16"),
        Route("nat-1", "0.0.0.0/0", None, False),
        Route("eigw-1", "::/0"),
        Route("tgw-1", None, "pl-1"),
        Route("eni-1", "192.0.2.0/24"),
        Route("", "203.0.113.0/24"),
    ]
    assert found == RouteTable("rtb-1", "vpc-1", True, ["subnet-1"], routes)


def test_acls(service: StubbedService) -> None:
    acl = {
        "NetworkAclId": "acl-1",
        "Associations": [{"SubnetId": "subnet-1"}],
        "Entries": [
            {
                "RuleNumber": 90,
                "Egress": False,
                "Protocol": "6",
                "RuleAction": "deny",
                "CidrBlock": "0.0.0.0/0",
                "PortRange": {"From": 22, "To": 23},
            },
            {"RuleNumber": 101, "Egress": True, "Protocol": "-1", "RuleAction": "allow", "Ipv6CidrBlock": "::/0"},
        ],
    }
    (found,) = told(service, "describe_network_acls", ec2_facts.acls, {"NetworkAcls": [acl]})
    entries = [AclEntry(90, False, "6", False, "0.0.0.0/0", 22, 23), AclEntry(101, True, "-1", True, "::/0")]
    assert found == Acl("acl-1", ["subnet-1"], entries)


def test_subnets_endpoints_and_images(service: StubbedService) -> None:
    subnet = {
        "SubnetId": "subnet-1",
        "VpcId": "vpc-1",
        "CidrBlock": "10.0.0.0/24",
        "Ipv6CidrBlockAssociationSet": [{"Ipv6CidrBlock": "2001:db8::/64"}],
    }
    found = told(service, "describe_subnets", ec2_facts.subnets, {"Subnets": [subnet]})
    assert found == [Subnet("subnet-1", "vpc-1", ["10.0.0.0/24", "2001:db8::/64"])]
    endpoint = {
        "InstanceConnectEndpointId": "eice-1",
        "State": "create-failed",
        "StateMessage": "No address.",
        "VpcId": "vpc-1",
        "SubnetId": "subnet-1",
        "PreserveClientIp": True,
        "SecurityGroupIds": ["sg-1"],
    }
    found = told(
        service,
        "describe_instance_connect_endpoints",
        ec2_facts.connect_endpoints,
        {"InstanceConnectEndpoints": [endpoint]},
    )
    assert found == [
        ConnectEndpoint("eice-1", "create-failed", "No address.", "vpc-1", "subnet-1", None, None, True, ["sg-1"])
    ]
    image = {"ImageId": "ami-1", "Name": "al2023"}
    found = told(service, "describe_images", ec2_facts.images, {"Images": [image]}, IncludeDeprecated=True)
    assert found == [Image("ami-1", "al2023")]


def test_a_prefix_list(service: StubbedService) -> None:
    pages: list[dict[str, Any]] = [
        {"Entries": [{"Cidr": "192.0.2.0/24"}], "NextToken": "1"},
        {"Entries": [{"Cidr": "203.0.113.0/24"}]},
    ]
    for page, token in zip(pages, [{}, {"NextToken": "1"}], strict=True):
        service.stubber.add_response("get_managed_prefix_list_entries", page, {"PrefixListId": "pl-1", **token})
    with service.playing():
        assert ec2_facts.prefix_list(service.client, "pl-1") == ["192.0.2.0/24", "203.0.113.0/24"]


CALLS: dict[str, Callable[..., Any]] = {
    "describe_instances": ec2_facts.instances,
    "describe_security_groups": ec2_facts.security_groups,
    "describe_route_tables": ec2_facts.route_tables,
    "describe_network_acls": ec2_facts.acls,
    "describe_subnets": ec2_facts.subnets,
    "describe_instance_connect_endpoints": ec2_facts.connect_endpoints,
    "describe_images": ec2_facts.images,
    "get_managed_prefix_list_entries": lambda client, _filters: ec2_facts.prefix_list(client, "pl-1"),
}


@pytest.mark.parametrize("method", CALLS)
def test_an_answer_without_its_member_is_not_from_ec2(service: StubbedService, method: str) -> None:
    service.stubber.add_response(method, {})
    with service.playing(), pytest.raises(ServiceError, match="UnexpectedAnswer") as caught:
        CALLS[method](service.client, VPC)
    assert not caught.value.in_doubt


@pytest.mark.parametrize("method", CALLS)
def test_a_refusal(service: StubbedService, method: str) -> None:
    service.stubber.add_client_error(method, "UnauthorizedOperation", "Not you.", http_status_code=403)
    with service.playing(), pytest.raises(ServiceError, match="Not you") as caught:
        CALLS[method](service.client, VPC)
    assert caught.value.code == "UnauthorizedOperation"


def test_an_answer_that_lacks_something_inside_is_not_from_ec2(service: StubbedService) -> None:
    service.stubber.add_response("describe_instances", {"Reservations": [{"Instances": [{"InstanceId": "i-1"}]}]})
    with service.playing(), pytest.raises(ServiceError, match="no Reservations that can be read"):
        ec2_facts.instances(service.client, [])
