# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The calls to EC2 that a connection to an instance may need, a function for each."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.calls import read, unexpected
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, ServiceError, printable

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client


class Endpoint(NamedTuple):
    """An EC2 Instance Connect Endpoint, the way to an instance without a public address."""

    id: str
    dns_name: str


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


def instance(client: EC2Client, instance_id: str) -> Instance:
    """Return an instance (DescribeInstances). Raises ServiceError."""
    answer = read(client.describe_instances, InstanceIds=[instance_id])
    try:
        found: dict[str, Any] = answer["Reservations"][0]["Instances"][0]
    except (IndexError, KeyError, TypeError) as error:
        raise unexpected(answer, "Reservations with the instance", in_doubt=False) from error
    names = ("PrivateIpAddress", "PublicIpAddress", "Ipv6Address", "VpcId", "SubnetId")
    return Instance(*(found.get(name) for name in names))


class NoEndpointError(ArgumentError):
    """No EC2 Instance Connect Endpoint of a VPC is ready."""


# The states in which an endpoint carries connections (AWS CLI, ec2-instance-connect open-tunnel).
_ENDPOINT_STATES = ("create-complete", "update-in-progress", "update-failed", "update-complete")


def endpoint(
    client: EC2Client, endpoint_id: str | None, vpc_id: str | None, subnet_id: str | None, *, use_fips: bool
) -> Endpoint:
    """Return an EC2 Instance Connect Endpoint (DescribeInstanceConnectEndpoints).

    endpoint_id: the one to use; without it, one in the VPC, preferably in the subnet. use_fips: return the FIPS name.
    Raises NoEndpointError if the VPC has none, ArgumentError if endpoint_id is not ready, and ServiceError.
    """
    wanted: dict[str, Any] = {"Filters": [{"Name": "state", "Values": list(_ENDPOINT_STATES)}]}
    if endpoint_id:
        wanted["InstanceConnectEndpointIds"] = [endpoint_id]
    else:
        wanted["Filters"].append({"Name": "vpc-id", "Values": [vpc_id]})
    pages = client.get_paginator("describe_instance_connect_endpoints").paginate(**wanted)
    found: list[dict[str, Any]] = read(pages.build_full_result).get("InstanceConnectEndpoints", [])
    in_subnet = [one for one in found if one.get("SubnetId") == subnet_id]
    name = "FipsDnsName" if use_fips else "DnsName"
    for one in (*in_subnet, *found):
        if one.get(name):
            return Endpoint(one["InstanceConnectEndpointId"], one[name])
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
