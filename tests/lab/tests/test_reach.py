# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab says of endpoints and SSM Agents, and how a test changes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from sshkeys_lab import seed

if TYPE_CHECKING:
    from ansible_collections.sshkeys.aws.tests.lab_bench import Bench

FIRST = seed.INSTANCES[0].instance_id
STOPPED = next(each.instance_id for each in seed.INSTANCES if not each.running)
NODE = seed.MANAGED_NODES[0]


def _endpoints(bench: Bench, **asked: Any) -> list[dict[str, Any]]:
    found = bench.client("ec2").describe_instance_connect_endpoints(**asked)
    return list(found["InstanceConnectEndpoints"])


def _agents(bench: Bench, *ids: str) -> dict[str, dict[str, Any]]:
    filters = {"Filters": [{"Key": "InstanceIds", "Values": list(ids)}]} if ids else {}
    pages = bench.client("ssm").get_paginator("describe_instance_information").paginate(**filters)
    return {each["InstanceId"]: each for page in pages for each in page["InstanceInformationList"]}


def test_the_seeded_endpoint_is_in_the_network_of_the_first_instance(bench: Bench) -> None:
    (found,) = _endpoints(bench)
    (reservation,) = bench.client("ec2").describe_instances(InstanceIds=[FIRST])["Reservations"]
    instance = reservation["Instances"][0]
    assert (found["InstanceConnectEndpointId"], found["State"]) == (seed.ENDPOINT_ID, "create-complete")
    assert (found["VpcId"], found["SubnetId"]) == (instance["VpcId"], instance["SubnetId"])
    assert found["SecurityGroupIds"] == [group["GroupId"] for group in instance["NetworkInterfaces"][0]["Groups"]]
    assert found["PreserveClientIp"] is False


def test_the_default_group_lets_its_members_in(bench: Bench) -> None:
    ids = _endpoints(bench)[0]["SecurityGroupIds"]
    (group,) = bench.client("ec2").describe_security_groups(GroupIds=ids)["SecurityGroups"]
    assert [pair["GroupId"] for rule in group["IpPermissions"] for pair in rule["UserIdGroupPairs"]] == ids


def test_endpoints_are_replaced_and_filtered(bench: Bench) -> None:
    other = {"instance_connect_endpoint_id": "eice-0fedcba9876543210", "vpc_id": "vpc-9", "preserve_client_ip": True}
    bench.control("PUT", "endpoints", {"endpoints": [{"state": "create-failed", "state_message": "Full."}, other]})
    failed, good = _endpoints(bench)
    assert (failed["State"], failed["StateMessage"]) == ("create-failed", "Full.")
    assert (good["VpcId"], good["PreserveClientIp"]) == ("vpc-9", True)
    for name, value in (("vpc-id", "vpc-9"), ("instance-connect-endpoint-id", "eice-0fedcba9876543210")):
        assert _endpoints(bench, Filters=[{"Name": name, "Values": [value]}]) == [good]
    assert _endpoints(bench, InstanceConnectEndpointIds=[seed.ENDPOINT_ID]) == [failed]
    with pytest.raises(ClientError, match="'colour' is invalid"):
        _endpoints(bench, Filters=[{"Name": "colour", "Values": ["red"]}])
    bench.control("POST", "reset")
    assert [each["State"] for each in _endpoints(bench)] == ["create-complete"]


def test_agents_of_all_that_run_and_of_no_others(bench: Bench) -> None:
    found = _agents(bench)
    assert {FIRST, NODE} <= set(found)
    assert STOPPED not in found
    assert {each["PingStatus"] for each in found.values()} == {"Online"}
    assert (found[FIRST]["ResourceType"], found[NODE]["ResourceType"]) == ("EC2Instance", "ManagedInstance")
    assert set(_agents(bench, NODE, STOPPED)) == {NODE}


def test_agents_are_changed_and_sessions_follow(bench: Bench) -> None:
    client = bench.client("ssm")
    bench.control("PUT", f"agents/{FIRST}", {"information": {"AgentVersion": "2.3.50.0"}})
    assert _agents(bench, FIRST)[FIRST]["AgentVersion"] == "2.3.50.0"
    assert client.get_connection_status(Target=FIRST)["Status"] == "connected"
    for information in ({"PingStatus": "Inactive"}, None):
        bench.control("PUT", f"agents/{FIRST}", {"information": information})
        assert client.get_connection_status(Target=FIRST)["Status"] == "notconnected"
    assert _agents(bench, FIRST) == {}


def test_pages_of_agents(bench: Bench) -> None:
    client = bench.client("ssm")
    page = client.describe_instance_information(MaxResults=5)
    assert len(page["InstanceInformationList"]) == 5
    following = client.describe_instance_information(MaxResults=5, NextToken=page["NextToken"])
    assert not {each["InstanceId"] for each in page["InstanceInformationList"]} & {
        each["InstanceId"] for each in following["InstanceInformationList"]
    }


@pytest.mark.parametrize(
    ("filters", "code"),
    [
        ([{"Key": "PingStatus", "Values": ["Online"]}], "InvalidFilterKey"),
        ([{"Key": "InstanceIds", "Values": ["web-1"]}], "InvalidInstanceInformationFilterValue"),
    ],
)
def test_filters_that_the_lab_refuses(bench: Bench, filters: list[dict[str, Any]], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        bench.client("ssm").describe_instance_information(Filters=filters)
    assert caught.value.response["Error"]["Code"] == code
