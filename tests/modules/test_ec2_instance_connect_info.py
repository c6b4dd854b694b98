# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ec2_instance_connect_info against networks of the lab, real ones that are broken in one way each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import botocore.session
import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.modules import ec2_instance_connect_info
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab
from ansible_collections.sshkeys.aws.tests.unit.sdk_data import plain_session

OFFICE, ELSEWHERE = "198.51.100.0/24", "192.0.2.0/24"
MISSING, OF_THE_RIGHT_FORM = "i-00000000000000000", "mi-00000000000000000"


@dataclass
class Vpc:
    """A VPC with a public subnet, a subnet for an endpoint, and one without a way out, made by calls to EC2."""

    lab: RunningLab
    ids: dict[str, str] = field(default_factory=dict)

    @cached_property
    def ec2(self) -> Any:
        """A client of EC2 in the lab."""
        session: botocore.session.Session = plain_session()
        return session.create_client(
            "ec2",
            region_name=self.lab.lab["region"],
            endpoint_url=self.lab.lab["endpoint_url"],
            aws_access_key_id=self.lab.lab["access_key"],
            aws_secret_access_key=self.lab.lab["secret_key"],
        )

    def build(self) -> Vpc:
        """Make it, with everything open."""
        ids, ec2 = self.ids, self.ec2
        ids["vpc"] = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        for number, name in enumerate(("public", "endpoint", "private"), start=1):
            made = ec2.create_subnet(VpcId=ids["vpc"], CidrBlock=f"10.9.{number}.0/24")
            ids[name] = made["Subnet"]["SubnetId"]
        ids["igw"] = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=ids["igw"], VpcId=ids["vpc"])
        ids["table"] = ec2.create_route_table(VpcId=ids["vpc"])["RouteTable"]["RouteTableId"]
        ec2.associate_route_table(RouteTableId=ids["table"], SubnetId=ids["public"])
        self.route("0.0.0.0/0", GatewayId=ids["igw"])
        ids["of endpoint"] = self.group("endpoint")
        self.endpoint()
        return self

    def group(self, name: str, *rules: Mapping[str, Any]) -> str:
        """Make a security group with inbound rules, and return its id."""
        made = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.ids["vpc"])
        group_id: str = made["GroupId"]
        if rules:
            self.ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=list(rules))
        return group_id

    def route(self, cidr: str, **target: str) -> None:
        """Put a route into the table of the public subnet."""
        self.ec2.create_route(RouteTableId=self.ids["table"], DestinationCidrBlock=cidr, **target)

    def endpoint(self, **more: Any) -> None:
        """Have one endpoint, in the subnet for it."""
        place = {"vpc_id": self.ids["vpc"], "subnet_id": self.ids["endpoint"]}
        groups = {"security_group_ids": [self.ids["of endpoint"]]}
        self.lab.control("PUT", "endpoints", endpoints=[{**place, **groups, **more}])

    def instance(self, *group_ids: str, subnet: str = "public", is_public: bool = True, **more: Any) -> str:
        """Run an instance, and return its id."""
        interface = {
            "DeviceIndex": 0,
            "SubnetId": self.ids[subnet],
            "Groups": list(group_ids),
            "AssociatePublicIpAddress": is_public,
        }
        run = self.ec2.run_instances(
            ImageId="ami-1", MinCount=1, MaxCount=1, InstanceType="t3.micro", NetworkInterfaces=[interface], **more
        )
        instance_id: str = run["Instances"][0]["InstanceId"]
        self.lab.control("PUT", f"agents/{instance_id}", information={})
        return instance_id


def tcp(port: int, *cidrs: str, groups: Sequence[str] = (), lists: Sequence[str] = ()) -> dict[str, Any]:
    """Return an inbound rule."""
    return {
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": port,
        "IpRanges": [{"CidrIp": cidr} for cidr in cidrs],
        "UserIdGroupPairs": [{"GroupId": group} for group in groups],
        "PrefixListIds": [{"PrefixListId": each} for each in lists],
    }


def judge(lab: RunningLab, *instance_ids: str, **options: object) -> Report:
    """Run the module for instances, or for all if none is named."""
    named = {"instance_ids": list(instance_ids)} if instance_ids else {}
    return lab.run(ec2_instance_connect_info, {**named, **options})


def one(lab: RunningLab, instance_id: str, **options: object) -> dict[str, Any]:
    """Return what is said of one instance."""
    report = judge(lab, instance_id, **options)
    assert report.failure is None, report.failure
    (found,) = report.result["instances"]
    assert found["instance_id"] == instance_id
    return dict(found)


def is_open(found: Mapping[str, Any]) -> tuple[bool | None, bool | None, bool | None]:
    """Return whether each way is open: direct, endpoint, Session Manager."""
    return tuple(found["ways"][way]["is_open"] for way in ("direct", "endpoint", "session_manager"))


def sent(lab: RunningLab) -> Counter[str]:
    return Counter(request["operation"] for request in lab.requests())


@pytest.fixture
def vpc(running_lab: RunningLab) -> Vpc:
    return Vpc(running_lab).build()


def test_where_everything_is_open(vpc: Vpc) -> None:
    group = vpc.group("web", tcp(22, OFFICE, groups=[vpc.ids["of endpoint"]]))
    found = one(vpc.lab, vpc.instance(group), source_cidr=OFFICE)
    assert is_open(found) == (True, True, True)
    assert (found["best_way"], found["best_way_is_certain"]) == ("direct", True)
    assert found["best_address"] == found["public_ip_address"] == found["ways"]["direct"]["address"]
    assert (found["vpc_id"], found["subnet_id"]) == (vpc.ids["vpc"], vpc.ids["public"])
    assert found["ways"]["session_manager"]["ping_status"] == "Online"


def test_a_source_that_no_rule_names(vpc: Vpc) -> None:
    instance = vpc.instance(vpc.group("web", tcp(22, ELSEWHERE)), vpc.group("more", tcp(443, "0.0.0.0/0")))
    found = one(vpc.lab, instance, source_cidr=OFFICE)
    assert is_open(found) == (False, False, True)
    (reason,) = found["ways"]["direct"]["reasons"]
    assert f"do not let TCP port 22 in from {OFFICE}, only from {ELSEWHERE}." in reason
    assert "(web)" in reason
    assert "(more)" in reason
    assert found["best_way"] == "session_manager"
    # Who asks from where is not known here.
    assert is_open(one(vpc.lab, instance)) == (None, False, True)


def test_a_prefix_list_that_a_rule_names(vpc: Vpc) -> None:
    entries = [{"Cidr": OFFICE}]
    made = vpc.ec2.create_managed_prefix_list(
        PrefixListName="office", MaxEntries=2, AddressFamily="IPv4", Entries=entries
    )
    list_id = made["PrefixList"]["PrefixListId"]
    instance = vpc.instance(vpc.group("web", tcp(22, lists=[list_id])))
    assert is_open(one(vpc.lab, instance, source_cidr="198.51.100.7"))[0] is True
    assert is_open(one(vpc.lab, instance, source_cidr=ELSEWHERE))[0] is False


def test_routes(vpc: Vpc) -> None:
    group = vpc.group("web", tcp(22, "0.0.0.0/0"))
    unrouted = one(vpc.lab, vpc.instance(group, subnet="private"), source_cidr=OFFICE)
    assert is_open(unrouted) == (False, True, True)
    assert f"of {vpc.ids['private']} has no route to {OFFICE}." in unrouted["ways"]["direct"]["reasons"][0]
    hidden = one(vpc.lab, vpc.instance(group, subnet="private", is_public=False), source_cidr="10.9.3.9")
    assert is_open(hidden) == (True, True, True)
    # Of the ways of a connection, the private address is the last.
    assert hidden["best_way"] == "endpoint"
    assert hidden["public_ip_address"] is None
    joined = vpc.ec2.create_vpc_peering_connection(VpcId=vpc.ids["vpc"], PeerVpcId=vpc.ids["vpc"])
    vpc.route("172.16.0.0/12", VpcPeeringConnectionId=joined["VpcPeeringConnection"]["VpcPeeringConnectionId"])
    peer = one(vpc.lab, vpc.instance(group, is_public=False), source_cidr="172.16.5.0/24")
    assert peer["ways"]["direct"]["is_open"] is True
    assert "by a VPC peering connection (pcx-" in peer["ways"]["direct"]["notes"][0]


def test_an_acl_denies_before_it_allows_and_forgets_the_way_back(vpc: Vpc) -> None:
    group = vpc.group("web", tcp(22, "0.0.0.0/0"))
    instance = vpc.instance(group)
    (acl,) = vpc.ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc.ids["vpc"]]}])["NetworkAcls"]
    entry = {"NetworkAclId": acl["NetworkAclId"], "Protocol": "6", "RuleAction": "deny", "CidrBlock": OFFICE}
    assert is_open(one(vpc.lab, instance, source_cidr=OFFICE)) == (True, True, True)
    vpc.ec2.create_network_acl_entry(**entry, RuleNumber=50, Egress=True, PortRange={"From": 1024, "To": 65535})
    back = one(vpc.lab, instance, source_cidr=OFFICE)
    assert is_open(back) == (False, True, True)
    assert "does not let the answers out to 198.51.100.0/24" in back["ways"]["direct"]["reasons"][0]
    vpc.ec2.create_network_acl_entry(**entry, RuleNumber=51, Egress=False, PortRange={"From": 22, "To": 22})
    both = one(vpc.lab, instance, source_cidr=OFFICE)
    assert len(both["ways"]["direct"]["reasons"]) == 2
    # The endpoint is in another subnet, and its addresses are not the office's.
    assert both["best_way"] == "endpoint"


@pytest.mark.parametrize(
    ("endpoint", "is_it", "says"),
    [
        ({}, True, ""),
        ({"state": "create-failed", "state_message": "No free address."}, False, "is create-failed (No free address)"),
        ({"state": "create-in-progress"}, False, "Wait until it is create-complete"),
        ({"vpc_id": "vpc-0"}, False, "There is no EC2 Instance Connect Endpoint in vpc-"),
        ({"security_group_ids": []}, None, "EC2 names no security group of the endpoint"),
        ({"ip_address_type": "ipv6"}, False, "is for IPv6 alone"),
        ({"preserve_client_ip": True}, True, ""),
    ],
    ids=str,
)
def test_endpoints(vpc: Vpc, endpoint: dict[str, Any], is_it: bool | None, says: str) -> None:
    known = vpc.ec2.meta.service_model.shape_for("Ec2InstanceConnectEndpoint").members
    if "ip_address_type" in endpoint and "IpAddressType" not in known:
        pytest.skip("This version of the SDK knows no address types of endpoints.")
    group = vpc.group("web", tcp(22, groups=[vpc.ids["of endpoint"]]))
    vpc.endpoint(**endpoint)
    found = one(vpc.lab, vpc.instance(group, is_public=False))
    assert found["ways"]["endpoint"]["is_open"] is is_it
    assert says in " ".join(found["ways"]["endpoint"]["reasons"])


def test_an_endpoint_that_preserves_addresses_needs_a_rule_for_the_client(vpc: Vpc) -> None:
    instance = vpc.instance(vpc.group("web", tcp(22, "10.9.0.0/16")))
    assert one(vpc.lab, instance, source_cidr=OFFICE)["ways"]["endpoint"]["is_open"] is True
    vpc.endpoint(preserve_client_ip=True)
    found = one(vpc.lab, instance, source_cidr=OFFICE)["ways"]["endpoint"]
    assert found["is_open"] is False
    assert "which preserves client IP addresses: neither from" in found["reasons"][0]


def test_a_named_endpoint_and_another_port(vpc: Vpc) -> None:
    instance = vpc.instance(vpc.group("web", tcp(22, "0.0.0.0/0"), tcp(2222, "0.0.0.0/0")))
    named = one(vpc.lab, instance, instance_connect_endpoint_id="eice-00000000000000000", source_cidr=OFFICE)
    assert is_open(named) == (True, False, True)
    assert "named eice-00000000000000000. Check its id" in named["ways"]["endpoint"]["reasons"][0]
    other = one(vpc.lab, instance, port=2222, source_cidr=OFFICE)
    assert is_open(other) == (True, False, True)
    assert "connect only to the ports 22 and 3389" in other["ways"]["endpoint"]["reasons"][0]


@pytest.mark.parametrize(
    ("information", "says"),
    [
        (None, "No SSM Agent has registered, and the instance has no instance profile."),
        ({"PingStatus": "ConnectionLost", "LastPingDateTime": 1_750_000_000}, "last heard of at 2025-06-15 15:06 UTC"),
        ({"PingStatus": "Inactive"}, "PingStatus Inactive"),
        ({"AgentVersion": "2.3.50.0"}, "it is 2.3.50.0, and sessions for ssh need 2.3.672.0 or later"),
    ],
    ids=str,
)
def test_agents(vpc: Vpc, information: dict[str, Any] | None, says: str) -> None:
    instance = vpc.instance(vpc.group("web"), subnet="private", is_public=False)
    vpc.lab.control("PUT", f"agents/{instance}", information=information)
    found = one(vpc.lab, instance)["ways"]["session_manager"]
    assert found["is_open"] is False
    assert says in found["reasons"][0]


def test_metadata_and_images(vpc: Vpc) -> None:
    group = vpc.group("web", tcp(22, "0.0.0.0/0"))
    deaf = one(vpc.lab, vpc.instance(group, MetadataOptions={"HttpEndpoint": "disabled"}), source_cidr=OFFICE)
    assert is_open(deaf) == (False, False, False)
    assert deaf["best_way"] is None
    assert "The instance metadata is turned off" in deaf["pushed_key"]["reasons"][0]


def test_states(running_lab: RunningLab) -> None:
    instance = running_lab.instance_ids[0]
    for state in ("stopped", "terminated"):
        running_lab.control("PUT", f"instances/{instance}", state=state)
        found = one(running_lab, instance)
        assert (found["state"], found["best_way"], is_open(found)) == (state, None, (False, False, False))
        assert found["ways"]["endpoint"]["reasons"][0].startswith(f"The instance is {state}.")


def test_ids_that_do_not_exist_are_named_and_the_others_are_judged(running_lab: RunningLab) -> None:
    first, node = running_lab.instance_ids[0], running_lab.lab["managed_nodes"][0]["instance_id"]
    told = judge(running_lab, first, MISSING, node, OF_THE_RIGHT_FORM, first)
    assert str(told.failure).startswith(f"2 of 4 instances failed: {MISSING}: InvalidInstanceID.NotFound")
    assert f"knows no managed node {OF_THE_RIGHT_FORM}" in str(told.failure)
    assert running_lab.lab["region"] in str(told.failure)
    found = told.result["instances"]
    assert [each["instance_id"] for each in found] == [first, MISSING, node, OF_THE_RIGHT_FORM]
    assert [each["best_way"] for each in found] == ["endpoint", None, "session_manager", None]


REFUSALS = {
    "DescribeInstances": ("ec2", ("direct", "endpoint")),
    "DescribeSecurityGroups": ("ec2", ("direct", "endpoint")),
    "DescribeRouteTables": ("ec2", ("direct",)),
    "DescribeNetworkAcls": ("ec2", ("direct", "endpoint")),
    "DescribeSubnets": ("ec2", ("endpoint",)),
    "DescribeInstanceConnectEndpoints": ("ec2", ("endpoint",)),
    "DescribeImages": ("ec2", ()),
    "DescribeInstanceInformation": ("ssm", ("session_manager",)),
}


@pytest.mark.parametrize("operation", REFUSALS)
def test_what_is_refused_is_unknown_and_the_rest_is_judged(vpc: Vpc, operation: str) -> None:
    service, unknown = REFUSALS[operation]
    instance = vpc.instance(vpc.group("web", tcp(22, OFFICE, "10.9.0.0/16")))
    code = "UnauthorizedOperation" if service == "ec2" else "AccessDeniedException"
    vpc.lab.misbehave({"operation": operation, "fault": "error", "code": code, "status": 400, "times": None})
    told = judge(vpc.lab, instance, source_cidr=OFFICE)
    assert told.failure is None
    action = f"{service}:{operation}"
    assert [each["action"] for each in told.result["errors"]] == [action]
    (warning,) = told.warnings
    assert warning.startswith(f"{action} was refused. {code}: ")
    (found,) = told.result["instances"]
    for way, verdict in found["ways"].items():
        assert verdict["is_open"] is (None if way in unknown else True), way
        if way in unknown:
            assert f"The credentials may not call {action}" in " ".join(verdict["reasons"])


def test_a_fleet_of_500_is_at_most_20_calls(running_lab: RunningLab) -> None:
    crowd = running_lab.control("POST", "crowd", count=500)["instances"]
    ids = [each["instance_id"] for each in crowd]
    running_lab.control("DELETE", "requests")
    told = judge(running_lab, *ids)
    assert sent(running_lab).total() <= 20
    assert {each["best_way"] for each in told.result["instances"]} == {"endpoint"}
    running_lab.control("DELETE", "requests")
    everything = judge(running_lab)
    assert len(everything.result["instances"]) == 500 + len(running_lab.lab["instances"])
    assert sent(running_lab).total() <= 20


def test_a_role_is_assumed_for_all_calls(running_lab: RunningLab) -> None:
    found = one(running_lab, running_lab.instance_ids[0], assume_role_arn="arn:aws:iam::123456789012:role/deploy")
    assert found["best_way"] == "endpoint"
    keys = {request["operation"]: request["access_key"] for request in running_lab.requests()}
    assert keys.pop("AssumeRole") == running_lab.lab["access_key"]
    assert running_lab.lab["access_key"] not in keys.values()
    assert len(set(keys.values())) == 1


def test_filters(running_lab: RunningLab) -> None:
    first = running_lab.lab["instances"][0]["instance_id"]
    found = judge(running_lab, filters={"tag:Name": f"lab-{first[-4:]}"}).result["instances"]
    assert [each["instance_id"] for each in found] == [first]
    assert found[0]["name"] == f"lab-{first[-4:]}"
    assert judge(running_lab, filters={"vpc-id": "vpc-0"}).result["instances"] == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"instance_ids": ["web"]}, "instance_ids has 'web'"),
        ({"source_cidr": ["office"]}, "source_cidr has 'office'"),
        ({"port": 0}, "port is 0"),
    ],
    ids=str,
)
def test_what_cannot_work_is_refused_before_anything_is_sent(
    running_lab: RunningLab, options: dict[str, Any], sentence: str
) -> None:
    assert sentence in str(running_lab.run(ec2_instance_connect_info, options).failure)
    assert running_lab.requests() == []
