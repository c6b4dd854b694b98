# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The calls to EC2 that a connection to an instance may need, a function for each."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.calls import read, unexpected
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.filters import by_ids
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import (
    ArgumentError,
    NoEndpointError,
    ServiceError,
    hint_for,
    printable,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._ways import ENDPOINT_STATES, preferred_endpoint

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client


class Endpoint(NamedTuple):
    """An EC2 Instance Connect Endpoint, the way to an instance without a public address."""

    id: str
    dns_name: str


class EndpointFacts(NamedTuple):
    """What EC2 says of an endpoint; None for what it lacks."""

    id: str
    dns_name: str | None
    fips_dns_name: str | None
    subnet_id: str | None


class Instance(NamedTuple):
    """The facts about an instance that a connection needs; None for a fact that it lacks."""

    private_ip_address: str | None
    public_ip_address: str | None
    ipv6_address: str | None
    vpc_id: str | None
    subnet_id: str | None

    @property
    def address_for_tunnel(self) -> str | None:
        """The address at which an endpoint reaches the instance."""
        return self.private_ip_address or self.ipv6_address


def instances(client: EC2Client, instance_ids: Sequence[str]) -> dict[str, Instance]:
    """Return those of these instances that there are, by their ids (DescribeInstances). Raises ServiceError.

    They are found by a filter: a request for ids fails if one of them is unknown.
    """
    found: dict[str, Instance] = {}
    pages = client.get_paginator("describe_instances")
    for filters in by_ids("instance-id", instance_ids):
        answer = read(pages.paginate(Filters=filters).build_full_result)
        try:
            for reservation in answer.get("Reservations", []):
                for each in reservation["Instances"]:
                    found[each["InstanceId"]] = Instance(*(each.get(name) for name in _FACTS))
        except (KeyError, TypeError) as error:
            raise unexpected(answer, "Reservations with instances", in_doubt=False) from error
    return found


_FACTS = ("PrivateIpAddress", "PublicIpAddress", "Ipv6Address", "VpcId", "SubnetId")


def unknown_instance(instance_id: str) -> ServiceError:
    """Return the error for an instance that EC2 does not know, with AWS's code for it."""
    code = "InvalidInstanceID.NotFound"
    return ServiceError(code, f"The instance ID '{instance_id}' does not exist", hint_for(code))


def endpoints(client: EC2Client, endpoint_id: str | None, vpc_id: str | None) -> list[EndpointFacts]:
    """Return EC2 Instance Connect Endpoints that carry connections (DescribeInstanceConnectEndpoints).

    endpoint_id: the only one to return; without it, all of the VPC. Raises ServiceError.
    """
    wanted: dict[str, Any] = {"Filters": [{"Name": "state", "Values": list(ENDPOINT_STATES)}]}
    if endpoint_id:
        wanted["InstanceConnectEndpointIds"] = [endpoint_id]
    else:
        wanted["Filters"].append({"Name": "vpc-id", "Values": [vpc_id]})
    pages = client.get_paginator("describe_instance_connect_endpoints").paginate(**wanted)
    found: list[dict[str, Any]] = read(pages.build_full_result).get("InstanceConnectEndpoints", [])
    return [
        EndpointFacts(each["InstanceConnectEndpointId"], *(each.get(name) for name in _FACTS_OF_ENDPOINT))
        for each in found
    ]


_FACTS_OF_ENDPOINT = ("DnsName", "FipsDnsName", "SubnetId")


def choose(
    found: Sequence[EndpointFacts],
    endpoint_id: str | None,
    vpc_id: str | None,
    subnet_id: str | None,
    *,
    use_fips: bool,
) -> Endpoint:
    """Return an endpoint of those that were found, preferably in the subnet. Pure.

    found: by ``endpoints``, for the same endpoint_id and vpc_id. use_fips: return the FIPS name.
    Raises NoEndpointError if the VPC has none, and ArgumentError if endpoint_id is not ready.
    """
    preferred = preferred_endpoint(found, subnet_id, use_fips=use_fips)
    if preferred:
        return Endpoint(preferred[0].id, preferred[1])
    kind = " with a FIPS name" if use_fips else ""
    if endpoint_id:
        raise ArgumentError(
            f"No EC2 Instance Connect Endpoint named {printable(endpoint_id):.60}{kind} is ready. Check "
            "ansible_ec2_instance_connect_endpoint_id, and the state of the endpoint: aws ec2 "
            "describe-instance-connect-endpoints."
        )
    raise NoEndpointError(
        f"No EC2 Instance Connect Endpoint in {printable(vpc_id):.60}{kind} is ready. Create one in a subnet of the "
        "VPC: aws ec2 create-instance-connect-endpoint. If this controller is inside the VPC, or has a VPN to it, "
        "connect without one: ansible_ec2_instance_connect_tunnel: never."
    )


def console_output(client: EC2Client, instance_id: str) -> tuple[str, datetime | None]:
    """Return the console output of an instance and the time of its last change (GetConsoleOutput). Raises ServiceError.

    It is at most the last 64 KB. Nitro instances return the current output, others an older copy.
    """
    try:
        answer = read(client.get_console_output, InstanceId=instance_id, Latest=True)
    except ServiceError as error:
        if error.code != "UnsupportedOperation":
            raise
        answer = read(client.get_console_output, InstanceId=instance_id)
    # botocore has decoded the base64.
    return str(answer.get("Output") or ""), answer.get("Timestamp")
