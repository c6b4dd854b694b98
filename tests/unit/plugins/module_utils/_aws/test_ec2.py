# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a connection asks EC2, and what it makes of the answers. botocore's Stubber is the service."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws import ec2
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.ec2 import Endpoint, EndpointFacts
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, NoEndpointError, ServiceError
from ansible_collections.sshkeys.aws.tests.unit.stubs import StubbedService

INSTANCE_ID = "i-0123456789abcdef0"
READY = {"Name": "state", "Values": ["create-complete", "update-in-progress", "update-failed", "update-complete"]}


@pytest.fixture
def service() -> StubbedService:
    """Return EC2 without a script yet."""
    return StubbedService("ec2")


def described(*instance_ids: str, **known: str) -> dict[str, Any]:
    """Return an answer with these instances, of which all is known that is given."""
    return {"Reservations": [{"Instances": [{"InstanceId": each, **known}]} for each in instance_ids]}


def asked_for(*instance_ids: str) -> dict[str, Any]:
    return {"Filters": [{"Name": "instance-id", "Values": list(instance_ids)}]}


def test_an_instance(service: StubbedService) -> None:
    known = {"PrivateIpAddress": "10.0.0.7", "VpcId": "vpc-1", "SubnetId": "subnet-1", "Ipv6Address": "2001:db8::7"}
    service.stubber.add_response("describe_instances", described(INSTANCE_ID, **known), asked_for(INSTANCE_ID))
    with service.playing():
        found = ec2.instances(service.client, [INSTANCE_ID])[INSTANCE_ID]
    assert tuple(found) == ("10.0.0.7", None, "2001:db8::7", "vpc-1", "subnet-1")
    assert found.address_for_tunnel == "10.0.0.7"
    assert found._replace(private_ip_address=None).address_for_tunnel == "2001:db8::7"


def test_instances_of_one_reservation_and_of_all_pages_are_found(service: StubbedService) -> None:
    ids = ["i-1", "i-2", "i-3"]
    pages = [
        {
            "Reservations": [
                {
                    "Instances": [
                        {"InstanceId": "i-1", "PrivateIpAddress": "10.0.0.1"},
                        {"InstanceId": "i-2", "PrivateIpAddress": "10.0.0.2"},
                    ]
                }
            ],
            "NextToken": "2",
        },
        described("i-3", PrivateIpAddress="10.0.0.3"),
    ]
    for page, token in zip(pages, [{}, {"NextToken": "2"}], strict=True):
        service.stubber.add_response("describe_instances", page, {**asked_for(*ids), **token})
    with service.playing():
        found = ec2.instances(service.client, ids)
    assert {name: each.private_ip_address for name, each in found.items()} == {
        "i-1": "10.0.0.1",
        "i-2": "10.0.0.2",
        "i-3": "10.0.0.3",
    }


@pytest.mark.parametrize(("number", "chunks"), [(0, []), (200, [200]), (201, [200, 1]), (450, [200, 200, 50])])
def test_a_filter_has_no_more_values_than_the_service_takes(
    service: StubbedService, number: int, chunks: list[int]
) -> None:
    ids, left = [f"i-{each}" for each in range(number)], number
    for size in chunks:
        chunk, left = ids[number - left :][:size], left - size
        service.stubber.add_response("describe_instances", described(*chunk), asked_for(*chunk))
    with service.playing():
        assert list(ec2.instances(service.client, ids)) == ids


def test_an_unknown_instance_spoils_no_other(service: StubbedService) -> None:
    ids = [INSTANCE_ID, "i-00000000000000000"]
    service.stubber.add_response("describe_instances", described(INSTANCE_ID), asked_for(*ids))
    with service.playing():
        assert list(ec2.instances(service.client, ids)) == [INSTANCE_ID]


def test_an_unknown_instance_is_told_as_aws_tells_it() -> None:
    error = ec2.unknown_instance(INSTANCE_ID)
    assert error.code == "InvalidInstanceID.NotFound"
    assert INSTANCE_ID in str(error)
    assert "Check that this instance exists" in str(error)


@pytest.mark.parametrize("answer", [{"Reservations": [{}]}, {"Reservations": [{"Instances": [{}]}]}])
def test_an_answer_without_instances_is_a_sentence(service: StubbedService, answer: dict[str, Any]) -> None:
    """Only a service that is not EC2 answers so."""
    service.stubber.add_response("describe_instances", answer)
    with service.playing(), pytest.raises(ServiceError, match="no Reservations with instances"):
        ec2.instances(service.client, [INSTANCE_ID])


def listed(name: str, subnet_id: str, **more: str) -> dict[str, str]:
    return {
        "InstanceConnectEndpointId": f"eice-{name}",
        "DnsName": f"{name}.example.com",
        "FipsDnsName": f"{name}.fips.example.com",
        "SubnetId": subnet_id,
        **more,
    }


def known(name: str, subnet_id: str, *, has_fips: bool = True) -> EndpointFacts:
    """Return what is known of an endpoint that is listed."""
    fips = f"{name}.fips.example.com" if has_fips else None
    return EndpointFacts(f"eice-{name}", f"{name}.example.com", fips, subnet_id)


def test_all_endpoints_of_a_vpc_are_found(service: StubbedService) -> None:
    pages: list[dict[str, Any]] = [
        {"InstanceConnectEndpoints": [listed("one", "subnet-1")], "NextToken": "2"},
        {"InstanceConnectEndpoints": [listed("two", "subnet-2")]},
    ]
    asked = {"Filters": [READY, {"Name": "vpc-id", "Values": ["vpc-1"]}]}
    for page, token in zip(pages, [{}, {"NextToken": "2"}], strict=True):
        service.stubber.add_response("describe_instance_connect_endpoints", page, {**asked, **token})
    with service.playing():
        assert ec2.endpoints(service.client, None, "vpc-1") == [known("one", "subnet-1"), known("two", "subnet-2")]


def test_an_endpoint_by_its_id(service: StubbedService) -> None:
    """Its VPC is not asked for: an endpoint in another one may be the way, too."""
    answer = {"InstanceConnectEndpoints": [listed("one", "subnet-1")]}
    asked = {"Filters": [READY], "InstanceConnectEndpointIds": ["eice-one"]}
    service.stubber.add_response("describe_instance_connect_endpoints", answer, asked)
    with service.playing():
        assert ec2.endpoints(service.client, "eice-one", "vpc-1") == [known("one", "subnet-1")]


def test_an_endpoint_may_lack_names(service: StubbedService) -> None:
    service.stubber.add_response(
        "describe_instance_connect_endpoints", {"InstanceConnectEndpoints": [{"InstanceConnectEndpointId": "eice-one"}]}
    )
    with service.playing():
        assert ec2.endpoints(service.client, None, "vpc-1") == [EndpointFacts("eice-one", None, None, None)]


@pytest.mark.parametrize(
    ("subnet_id", "use_fips", "chosen"),
    [
        ("subnet-2", False, Endpoint("eice-two", "two.example.com")),
        ("subnet-9", False, Endpoint("eice-one", "one.example.com")),
        (None, False, Endpoint("eice-one", "one.example.com")),
        ("subnet-2", True, Endpoint("eice-two", "two.fips.example.com")),
        # The one in the subnet has no such name.
        ("subnet-3", True, Endpoint("eice-one", "one.fips.example.com")),
    ],
)
def test_an_endpoint_in_the_subnet_is_preferred(subnet_id: str | None, use_fips: bool, chosen: Endpoint) -> None:
    found = [known("one", "subnet-1"), known("two", "subnet-2"), known("three", "subnet-3", has_fips=False)]
    assert ec2.choose(found, None, "vpc-1", subnet_id, use_fips=use_fips) == chosen


@pytest.mark.parametrize("found", [[], [known("one", "subnet-1", has_fips=False)]])
def test_no_endpoint_is_a_sentence(found: list[EndpointFacts]) -> None:
    """Also where there is one that has no FIPS name, and one is asked for."""
    with pytest.raises(
        ArgumentError, match=r"No EC2 Instance Connect Endpoint in vpc-1.*Create one.*tunnel: never"
    ) as none:
        ec2.choose(found, None, "vpc-1", None, use_fips=True)
    assert isinstance(none.value, NoEndpointError)


def test_an_endpoint_that_was_named_and_is_not_there_is_named() -> None:
    """It is no NoEndpointError: the user wants this one, and no way without it."""
    with pytest.raises(
        ArgumentError, match=r"^No EC2 Instance Connect Endpoint named eice-one is ready\. Check .*_id"
    ) as none:
        ec2.choose([], "eice-one", "vpc-1", None, use_fips=False)
    assert not isinstance(none.value, NoEndpointError)


@pytest.mark.parametrize(("use_fips", "kind"), [(False, "vpc-1 is ready"), (True, "vpc-1 with a FIPS name is ready")])
def test_a_missing_fips_name_is_told_where_one_was_asked_for(use_fips: bool, kind: str) -> None:
    with pytest.raises(NoEndpointError, match=kind):
        ec2.choose([], None, "vpc-1", None, use_fips=use_fips)


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
