# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Region
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.servers import (
    DNS_SUFFIXES,
    ServerReading,
    endpoint_of,
    report_servers,
)
from botocore.loaders import Loader

SERVER = "s-01234567890abcdef"
ARN = f"arn:aws:transfer:us-east-1:123456789012:server/{SERVER}"
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
ED, RSA = (f"SHA256:{letter * 42}A" for letter in "ab")
DENIED = ServiceError("AccessDeniedException", "No", "Allow it.")


def told(
    described: dict[str, Any] | None, host_keys: list[dict[str, Any]] | None = None, **more: Any
) -> dict[str, Any]:
    """Return what is told of one server."""
    report = report_servers([ServerReading(SERVER, described, host_keys, **more)], NOW)
    (server,) = report.result["servers"]
    return dict(server)


# -- The host name -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("partition", "region", "suffix"),
    [
        ("aws", "eu-central-1", "amazonaws.com"),
        ("aws-cn", "cn-north-1", "amazonaws.com.cn"),
        ("aws-us-gov", "us-gov-west-1", "amazonaws.com"),
    ],
)
def test_the_host_name_is_of_server_region_and_partition(partition: str, region: str, suffix: str) -> None:
    arn = f"arn:{partition}:transfer:{region}:123456789012:server/{SERVER}"
    assert endpoint_of(arn, "PUBLIC", None) == f"{SERVER}.server.transfer.{region}.{suffix}"


def test_each_partition_has_the_suffix_that_the_sdk_knows() -> None:
    partitions = Loader().load_data("partitions")["partitions"]
    assert {each["id"]: each["outputs"]["dnsSuffix"] for each in partitions} == DNS_SUFFIXES


@pytest.mark.parametrize(
    ("endpoint_type", "addresses", "has_name"),
    [
        ("PUBLIC", None, True),
        (None, None, True),
        ("VPC", ["eipalloc-1"], True),
        ("VPC", [], False),
        ("VPC", None, False),
        ("VPC_ENDPOINT", None, False),
    ],
)
def test_a_server_inside_a_vpc_has_no_host_name(endpoint_type: str | None, addresses: Any, has_name: bool) -> None:
    assert (endpoint_of(ARN, endpoint_type, addresses) is not None) is has_name


@pytest.mark.parametrize("arn", ["", "nonsense", ARN.replace("arn:aws:", "arn:aws-new:"), "a:b:c"])
def test_a_partition_that_nobody_knows_has_no_name(arn: str) -> None:
    assert endpoint_of(arn, "PUBLIC", None) is None


# -- What is told of a server ------------------------------------------------------------------------------------------


def test_all_that_the_service_states() -> None:
    described = {
        "Arn": ARN,
        "ServerId": SERVER,
        "State": "ONLINE",
        "Domain": "S3",
        "Protocols": ["SFTP", "FTPS"],
        "EndpointType": "VPC",
        "IpAddressType": "IPV4",
        "EndpointDetails": {
            "VpcEndpointId": "vpce-1",
            "VpcId": "vpc-1",
            "SubnetIds": ["subnet-1"],
            "AddressAllocationIds": ["eipalloc-1"],
            "SecurityGroupIds": ["sg-1"],
        },
        "IdentityProviderType": "AWS_LAMBDA",
        "IdentityProviderDetails": {"Function": "arn:aws:lambda:f", "SftpAuthenticationMethods": "PASSWORD"},
        "ProtocolDetails": {"SftpPorts": [{"SftpPort": 2222}, {"SftpPort": 22}]},
        "SecurityPolicyName": "TransferSecurityPolicy-2024-01",
        "Certificate": "arn:aws:acm:c",
        "LoggingRole": "arn:aws:iam::1:role/logs",
        "Tags": [{"Key": "Name", "Value": "partners"}, {"Key": "Empty", "Value": ""}],
        "UserCount": 7,
        "HostKeyFingerprint": f"{ED}=",
    }
    assert told(described, []) == {
        "server_id": SERVER,
        "arn": ARN,
        "state": "ONLINE",
        "domain": "S3",
        "protocols": ["SFTP", "FTPS"],
        "endpoint": f"{SERVER}.server.transfer.us-east-1.amazonaws.com",
        "endpoint_type": "VPC",
        "ip_address_type": "IPV4",
        "ports": [2222, 22],
        "vpc_endpoint_id": "vpce-1",
        "vpc_id": "vpc-1",
        "subnet_ids": ["subnet-1"],
        "address_allocation_ids": ["eipalloc-1"],
        "security_group_ids": ["sg-1"],
        "identity_provider_type": "AWS_LAMBDA",
        "identity_provider": {
            "url": None,
            "invocation_role": None,
            "directory_id": None,
            "function": "arn:aws:lambda:f",
            "sftp_authentication_methods": "PASSWORD",
        },
        "security_policy_name": "TransferSecurityPolicy-2024-01",
        "certificate": "arn:aws:acm:c",
        "logging_role": "arn:aws:iam::1:role/logs",
        "tags": {"Name": "partners", "Empty": ""},
        "user_count": 7,
        "host_key_fingerprint": ED,
        "host_keys": [],
    }


def test_what_the_service_does_not_state_is_null() -> None:
    server = told({"Arn": ARN}, [])
    nothing = {"arn", "endpoint", "server_id", "identity_provider", "tags", "ports", "host_keys"}
    assert {name for name, value in server.items() if value is not None} == nothing
    assert set(server["identity_provider"].values()) == {None}
    assert (server["tags"], server["ports"], server["host_keys"]) == ({}, [], [])


@pytest.mark.parametrize(
    ("protocols", "details", "ports"),
    [
        (["SFTP"], None, [22]),
        (["SFTP"], {"SftpPorts": []}, [22]),
        (["FTPS"], {"SftpPorts": [{"SftpPort": 2222}]}, []),
    ],
)
def test_ports_are_those_of_sftp(protocols: list[str], details: Any, ports: list[int]) -> None:
    assert told({"Arn": ARN, "Protocols": protocols, "ProtocolDetails": details}, [])["ports"] == ports


def test_host_keys_have_an_age_and_one_is_the_default() -> None:
    keys: list[dict[str, Any]] = [
        {"HostKeyId": "hostkey-1", "Type": "ssh-ed25519", "Fingerprint": ED, "DateImported": NOW - timedelta(days=3)},
        {"HostKeyId": "hostkey-2", "Type": "ssh-rsa", "Fingerprint": f"{RSA[7:]}=", "Description": "old"},
        {"Fingerprint": "in a form that nobody knows"},
    ]
    found = told({"Arn": ARN, "HostKeyFingerprint": f"{RSA}="}, keys)["host_keys"]
    assert found == [
        {
            "id": "hostkey-1",
            "type": "ssh-ed25519",
            "fingerprint": ED,
            "description": None,
            "date_imported": "2026-11-18T10:00:00Z",
            "age_days": 3,
            "is_default": False,
        },
        {
            "id": "hostkey-2",
            "type": "ssh-rsa",
            "fingerprint": RSA,
            "description": "old",
            "date_imported": None,
            "age_days": None,
            "is_default": True,
        },
        {
            "id": None,
            "type": None,
            "fingerprint": "in a form that nobody knows",
            "description": None,
            "date_imported": None,
            "age_days": None,
            "is_default": False,
        },
    ]
    assert [key["is_default"] for key in told({"Arn": ARN}, keys)["host_keys"]] == [False] * 3


# -- What could not be read --------------------------------------------------------------------------------------------


def test_a_server_that_could_not_be_read_is_told_and_nothing_of_it_is_guessed() -> None:
    server = told(None, None, error=DENIED)
    assert server.pop("error") == {"code": "AccessDeniedException", "message": "No", "hint": "Allow it."}
    assert set(server.pop("identity_provider").values()) == {None}
    assert {name for name, value in server.items() if value is not None} == {"server_id"}


def test_a_failure_counts_and_names() -> None:
    readings = [
        ServerReading(SERVER, {"Arn": ARN}, []),
        ServerReading("s-0fedcba9876543210", {"Arn": ARN}, None, DENIED),
    ]
    report = report_servers(readings, NOW, Region("us-east-1", "the option region"))
    assert report.failure == (
        "1 of 2 servers failed: s-0fedcba9876543210: AccessDeniedException: No. Allow it. The region was us-east-1, "
        "from the option region."
    )
    assert ["error" in server for server in report.result["servers"]] == [False, True]
    assert report.result["changed"] is False


def test_no_servers() -> None:
    report = report_servers([], NOW)
    assert (report.failure, report.result) == (None, {"changed": False, "servers": []})
