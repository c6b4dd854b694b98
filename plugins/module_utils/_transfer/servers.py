# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What a module tells of Transfer Family servers and their host keys. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Mapping, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.fingerprint import read_fingerprint
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Region, Report, count_and_name
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.dates import age_days, iso

# The DNS suffix of each partition (botocore, partitions.json).
DNS_SUFFIXES = {
    "aws": "amazonaws.com",
    "aws-cn": "amazonaws.com.cn",
    "aws-us-gov": "amazonaws.com",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
    "aws-eusc": "amazonaws.eu",
}
# CreateServer, SftpPorts: without any, the service uses this one.
_SFTP_PORT = 22


@dataclass(frozen=True)
class ServerReading:
    """What was read of a server, as the service answers it.

    described: the members of DescribeServer. host_keys: those of each host key of ListHostKeys. Either is None, with
    the error, if it could not be read.
    """

    server_id: str
    described: Mapping[str, Any] | None
    host_keys: Sequence[Mapping[str, Any]] | None
    error: ServiceError | None = None


def report_servers(readings: Sequence[ServerReading], now: datetime, region: Region | None = None) -> Report:
    """Turn what was read into the info module's report.

    now: the moment, with a time zone, up to which the age of keys is counted. region: of the servers, None if unknown.
    """
    servers = [_result(reading, now) for reading in readings]
    failed = [(reading.server_id, reading.error) for reading in readings if reading.error]
    failure = count_and_name(failed, len(readings), "servers", region) if failed else None
    return Report({"changed": False, "servers": servers}, (), failure)


def endpoint_of(arn: str, endpoint_type: str | None, address_allocation_ids: Sequence[str] | None) -> str | None:
    """Return the host name of a server, None if it has none.

    It is ``SERVER_ID.server.transfer.REGION.SUFFIX`` (Transfer Family API Reference, Welcome). A server in a VPC has it
    with Elastic IP addresses only. Without them its clients take the DNS names of its VPC endpoint, which EC2 tells.
    arn: such as ``arn:aws:transfer:us-east-1:123456789012:server/s-01234567890abcdef``.
    """
    parts = arn.split(":")
    if endpoint_type == "VPC_ENDPOINT" or (endpoint_type == "VPC" and not address_allocation_ids):
        return None
    _arn, partition, _service, region, _account, resource = parts if len(parts) == _PARTS_OF_ARN else [""] * 6
    suffix = DNS_SUFFIXES.get(partition)
    return f"{resource.rpartition('/')[2]}.server.transfer.{region}.{suffix}" if suffix else None


_PARTS_OF_ARN = 6


def _result(reading: ServerReading, now: datetime) -> dict[str, Any]:
    described = reading.described or {}
    # An answer that says null is one that says nothing.
    details = described.get("EndpointDetails") or {}
    provider = described.get("IdentityProviderDetails") or {}
    is_read = reading.described is not None
    default = described.get("HostKeyFingerprint")
    result = {
        "server_id": reading.server_id,
        "arn": described.get("Arn"),
        "state": described.get("State"),
        "domain": described.get("Domain"),
        "protocols": described.get("Protocols") if is_read else None,
        "endpoint": _endpoint(described, details) if is_read else None,
        "endpoint_type": described.get("EndpointType"),
        "ip_address_type": described.get("IpAddressType"),
        "ports": _ports(described) if is_read else None,
        "vpc_endpoint_id": details.get("VpcEndpointId"),
        "vpc_id": details.get("VpcId"),
        "subnet_ids": details.get("SubnetIds") or None,
        "address_allocation_ids": details.get("AddressAllocationIds") or None,
        "security_group_ids": details.get("SecurityGroupIds") or None,
        "identity_provider_type": described.get("IdentityProviderType"),
        "identity_provider": {
            "url": provider.get("Url"),
            "invocation_role": provider.get("InvocationRole"),
            "directory_id": provider.get("DirectoryId"),
            "function": provider.get("Function"),
            "sftp_authentication_methods": provider.get("SftpAuthenticationMethods"),
        },
        "security_policy_name": described.get("SecurityPolicyName"),
        "certificate": described.get("Certificate"),
        "logging_role": described.get("LoggingRole"),
        "tags": {tag["Key"]: tag["Value"] for tag in described.get("Tags") or ()} if is_read else None,
        "user_count": described.get("UserCount"),
        "host_key_fingerprint": _as_openssh(default) if default else None,
        "host_keys": _host_keys(reading.host_keys, default, now),
    }
    if reading.error:
        result["error"] = reading.error.result()
    return result


def _endpoint(described: Mapping[str, Any], details: Mapping[str, Any]) -> str | None:
    return endpoint_of(described["Arn"], described.get("EndpointType"), details.get("AddressAllocationIds"))


def _ports(described: Mapping[str, Any]) -> list[int]:
    """Return the ports of SFTP."""
    if "SFTP" not in (described.get("Protocols") or ()):
        return []
    stated = (described.get("ProtocolDetails") or {}).get("SftpPorts") or ()
    return [each["SftpPort"] for each in stated] or [_SFTP_PORT]


def _host_keys(
    keys: Sequence[Mapping[str, Any]] | None, default: str | None, now: datetime
) -> list[dict[str, Any]] | None:
    """Return host keys for a result. default: the fingerprint that DescribeServer states."""
    if keys is None:
        return None
    return [
        {
            "id": key.get("HostKeyId"),
            "type": key.get("Type"),
            "fingerprint": _as_openssh(key["Fingerprint"]),
            "description": key.get("Description"),
            "date_imported": iso(key["DateImported"]) if key.get("DateImported") else None,
            "age_days": age_days(key["DateImported"], now) if key.get("DateImported") else None,
            "is_default": bool(default) and _as_openssh(key["Fingerprint"]) == _as_openssh(default or ""),
        }
        for key in keys
    ]


def _as_openssh(stated: str) -> str:
    return read_fingerprint(stated) or stated
