# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a connection asks EC2, and what it makes of the answers. botocore's Stubber is the service."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws import ec2
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.ec2 import Endpoint
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, ServiceError
from ansible_collections.sshkeys.aws.tests.unit.stubs import StubbedService

INSTANCE_ID = "i-0123456789abcdef0"
READY = {"Name": "state", "Values": ["create-complete", "update-in-progress", "update-failed", "update-complete"]}


@pytest.fixture
def service() -> StubbedService:
    """Return EC2 without a script yet."""
    return StubbedService("ec2")


def test_an_instance(service: StubbedService) -> None:
    known = {"PrivateIpAddress": "10.0.0.7", "VpcId": "vpc-1", "SubnetId": "subnet-1", "Ipv6Address": "2001:db8::7"}
    answer = {"Reservations": [{"Instances": [{"InstanceId": INSTANCE_ID, **known}]}]}
    service.stubber.add_response("describe_instances", answer, {"InstanceIds": [INSTANCE_ID]})
    with service.playing():
        found = ec2.instance(service.client, INSTANCE_ID)
    assert tuple(found) == ("10.0.0.7", None, "2001:db8::7", "vpc-1", "subnet-1")
    assert found.address_for_tunnel == "10.0.0.7"
    assert found._replace(private_ip_address=None).address_for_tunnel == "2001:db8::7"


def test_an_instance_that_is_not_there(service: StubbedService) -> None:
    service.stubber.add_client_error("describe_instances", "InvalidInstanceID.NotFound", "It does not exist")
    service.stubber.add_response("describe_instances", {"Reservations": []})
    with service.playing():
        with pytest.raises(ServiceError, match="Check that this instance exists"):
            ec2.instance(service.client, INSTANCE_ID)
        with pytest.raises(ServiceError, match="no Reservations with the instance"):
            ec2.instance(service.client, INSTANCE_ID)


def listed(name: str, subnet_id: str, **more: str) -> dict[str, str]:
    return {
        "InstanceConnectEndpointId": f"eice-{name}",
        "DnsName": f"{name}.example.com",
        "FipsDnsName": f"{name}.fips.example.com",
        "SubnetId": subnet_id,
        **more,
    }


@pytest.mark.parametrize(
    ("subnet_id", "use_fips", "found"),
    [
        ("subnet-2", False, Endpoint("eice-two", "two.example.com")),
        ("subnet-9", False, Endpoint("eice-one", "one.example.com")),
        (None, False, Endpoint("eice-one", "one.example.com")),
        ("subnet-2", True, Endpoint("eice-two", "two.fips.example.com")),
    ],
)
def test_an_endpoint_in_the_subnet_is_preferred(
    service: StubbedService, subnet_id: str | None, use_fips: bool, found: Endpoint
) -> None:
    pages: list[dict[str, Any]] = [
        {"InstanceConnectEndpoints": [listed("one", "subnet-1")], "NextToken": "2"},
        {"InstanceConnectEndpoints": [listed("two", "subnet-2")]},
    ]
    asked = {"Filters": [READY, {"Name": "vpc-id", "Values": ["vpc-1"]}]}
    for page, token in zip(pages, [{}, {"NextToken": "2"}], strict=True):
        service.stubber.add_response("describe_instance_connect_endpoints", page, {**asked, **token})
    with service.playing():
        assert ec2.endpoint(service.client, None, "vpc-1", subnet_id, use_fips=use_fips) == found


def test_an_endpoint_by_its_id(service: StubbedService) -> None:
    answer = {"InstanceConnectEndpoints": [listed("one", "subnet-1")]}
    asked = {"Filters": [READY], "InstanceConnectEndpointIds": ["eice-one"]}
    service.stubber.add_response("describe_instance_connect_endpoints", answer, asked)
    with service.playing():
        assert ec2.endpoint(service.client, "eice-one", None, None, use_fips=False).dns_name == "one.example.com"


@pytest.mark.parametrize("there", [[], [{"InstanceConnectEndpointId": "eice-one", "DnsName": "one.example.com"}]])
def test_no_endpoint_is_a_sentence(service: StubbedService, there: list[dict[str, str]]) -> None:
    """Also where there is one that has no FIPS name, and one is asked for."""
    service.stubber.add_response("describe_instance_connect_endpoints", {"InstanceConnectEndpoints": there})
    with (
        service.playing(),
        pytest.raises(ArgumentError, match=r"No EC2 Instance Connect Endpoint in vpc-1.*Create one.*tunnel: never"),
    ):
        ec2.endpoint(service.client, None, "vpc-1", None, use_fips=True)


def test_an_endpoint_that_was_named_and_is_not_there_is_named(service: StubbedService) -> None:
    service.stubber.add_response("describe_instance_connect_endpoints", {"InstanceConnectEndpoints": []})
    with (
        service.playing(),
        pytest.raises(ArgumentError, match=r"^No EC2 Instance Connect Endpoint named eice-one is ready\. Check .*_id"),
    ):
        ec2.endpoint(service.client, "eice-one", "vpc-1", None, use_fips=False)


@pytest.mark.parametrize(("use_fips", "kind"), [(False, "vpc-1 is ready"), (True, "vpc-1 with a FIPS name is ready")])
def test_a_missing_fips_name_is_told_where_one_was_asked_for(
    service: StubbedService, use_fips: bool, kind: str
) -> None:
    service.stubber.add_response("describe_instance_connect_endpoints", {"InstanceConnectEndpoints": []})
    with service.playing(), pytest.raises(ec2.NoEndpointError, match=kind):
        ec2.endpoint(service.client, None, "vpc-1", None, use_fips=use_fips)


def test_console_output_of_an_instance_that_has_only_old_one(service: StubbedService) -> None:
    """The latest is for Nitro alone (GetConsoleOutput)."""
    now = datetime.now(tz=UTC)
    service.stubber.add_client_error(
        "get_console_output",
        "UnsupportedOperation",
        "Not for this type",
        expected_params={"InstanceId": INSTANCE_ID, "Latest": True},
    )
    answer = {"Output": "V2VsY29tZS4=", "Timestamp": now}
    service.stubber.add_response("get_console_output", answer, {"InstanceId": INSTANCE_ID})
    with service.playing():
        assert ec2.console_output(service.client, INSTANCE_ID) == ("Welcome.", now)


def test_console_output_that_may_not_be_read(service: StubbedService) -> None:
    service.stubber.add_client_error("get_console_output", "UnauthorizedOperation", "You are not authorized")
    with (
        service.playing(),
        pytest.raises(ServiceError, match=r"Allow the action in the IAM policy .*ec2:GetConsoleOutput"),
    ):
        ec2.console_output(service.client, INSTANCE_ID)
