# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of EC2 that moto lacks: Instance Connect Endpoints, and the console output of instances."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from xml.sax.saxutils import escape

from . import seed
from .errors import ServiceError
from .protocol import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .cloud import Cloud
    from .protocol import Call

_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"


# The members of an endpoint, and what the API calls them.
_MEMBERS = {
    "instance_connect_endpoint_id": "instanceConnectEndpointId",
    "dns_name": "dnsName",
    "state": "state",
    "state_message": "stateMessage",
    "vpc_id": "vpcId",
    "subnet_id": "subnetId",
    "availability_zone": "availabilityZone",
    "preserve_client_ip": "preserveClientIp",
    "security_group_ids": "securityGroupIdSet",
    "ip_address_type": "ipAddressType",
}
_FILTERS = {
    "instance-connect-endpoint-id": "instance_connect_endpoint_id",
    "state": "state",
    "vpc-id": "vpc_id",
    "subnet-id": "subnet_id",
}


def _members(endpoint: Mapping[str, Any]) -> str:
    """Return an endpoint in XML."""
    texts = {}
    for name, value in endpoint.items():
        if isinstance(value, list):
            texts[name] = "".join(f"<item>{escape(str(each))}</item>" for each in value)
        else:
            texts[name] = str(value).lower() if isinstance(value, bool) else escape(str(value))
    return "".join(f"<{_MEMBERS[name]}>{text}</{_MEMBERS[name]}>" for name, text in texts.items())


def first_boot(host_key: str) -> str:
    """Return what cloud-init prints when an instance boots for the first time. host_key: type and base64."""
    return (
        "[    0.000000] Linux version 6.1.0 (lab)\n"
        "ci-info: no authorized SSH keys fingerprints found for user ec2-user.\n"
        "-----BEGIN SSH HOST KEY KEYS-----\n"
        f"{host_key} root@lab\n"
        "-----END SSH HOST KEY KEYS-----\n"
        "[   14.123456] cloud-init[1234]: Cloud-init finished. Up 14.12 seconds\n"
    )


class Ec2:
    """The answers to these calls, and the state that a test can change.

    consoles: console output by instance id; dns_name: the endpoint's, set when it listens.
    """

    def __init__(self, cloud: Cloud) -> None:
        """Start with empty consoles."""
        self._cloud = cloud
        self._first_boots: dict[str, str] = {}
        self.consoles: dict[str, str] = {}
        self.dns_name = ""
        self._endpoints: list[dict[str, Any]] = [{}]
        self.operations: dict[str, Callable[[Call], Answer]] = {
            "DescribeInstanceConnectEndpoints": self._describe_instance_connect_endpoints,
            "GetConsoleOutput": self._get_console_output,
        }

    def boot(self, instance_id: str, host_key: str) -> None:
        """Print an instance's host key to its console."""
        self._first_boots[instance_id] = first_boot(host_key)
        self.reset()

    def reset(self) -> None:
        """Restore the output of the instances' first boot, and the seeded endpoint."""
        self.consoles = dict(self._first_boots)
        self._endpoints = [{}]

    def replace_endpoints(self, endpoints: list[dict[str, Any]]) -> None:
        """Put these endpoints in place of all others; raise ValueError, with a sentence, if one is none.

        What an endpoint does not say is that of the seeded one.
        """
        for each in endpoints:
            unknown = set(each) - set(_MEMBERS)
            if unknown or not isinstance(each.get("security_group_ids", []), list):
                msg = f"An endpoint takes {', '.join(_MEMBERS)}; the groups are a list. Unknown: {sorted(unknown)}."
                raise ValueError(msg)
        self._endpoints = endpoints

    def endpoints(self) -> list[dict[str, Any]]:
        """Return the endpoints, each with all members."""
        placed = self._cloud.instance(seed.REGION, seed.INSTANCES[0].instance_id)
        if placed is None:
            return []
        seeded = {
            "instance_connect_endpoint_id": seed.ENDPOINT_ID,
            "dns_name": self.dns_name,
            "state": "create-complete",
            "state_message": "",
            "vpc_id": str(placed.vpc_id),
            "subnet_id": str(placed.subnet_id),
            "availability_zone": str(placed.availability_zone),
            "preserve_client_ip": False,
            "security_group_ids": [group.id for group in placed.nics[0].group_set],
            "ip_address_type": "ipv4",
        }
        return [{**seeded, **each} for each in self._endpoints]

    def _describe_instance_connect_endpoints(self, call: Call) -> Answer:
        if call.region != seed.REGION:
            return _answer(call, "<instanceConnectEndpointSet/>")
        found = self.endpoints()
        ids = [value for name, value in call.parameters.items() if name.startswith("InstanceConnectEndpointId.")]
        missing = [each for each in ids if each not in [one["instance_connect_endpoint_id"] for one in found]]
        if missing:
            code = "InvalidInstanceConnectEndpointId.NotFound"
            raise ServiceError(code, f"The instance connect endpoint ID '{missing[0]}' does not exist")
        wanted = [each for each in found if self._is_wanted(call.parameters, ids, each)]
        items = "".join(f"<item>{_members(each)}</item>" for each in wanted)
        return _answer(call, f"<instanceConnectEndpointSet>{items}</instanceConnectEndpointSet>")

    @staticmethod
    def _is_wanted(asked: Mapping[str, str], ids: list[str], endpoint: Mapping[str, Any]) -> bool:
        filters = [
            name.removesuffix(".Name") for name in asked if name.startswith("Filter.") and name.endswith(".Name")
        ]
        unknown = [asked[f"{each}.Name"] for each in filters if asked[f"{each}.Name"] not in _FILTERS]
        if unknown:
            code = "InvalidParameterValue"
            raise ServiceError(code, f"The filter '{unknown[0]}' is invalid")
        return (not ids or endpoint["instance_connect_endpoint_id"] in ids) and all(
            endpoint[_FILTERS[asked[f"{each}.Name"]]]
            in [value for name, value in asked.items() if name.startswith(f"{each}.Value.")]
            for each in filters
        )

    def _get_console_output(self, call: Call) -> Answer:
        instance_id = call.parameters.get("InstanceId", "")
        if self._cloud.instance(call.region, instance_id) is None:
            code = "InvalidInstanceID.NotFound"
            raise ServiceError(code, f"The instance ID '{instance_id}' does not exist")
        output = base64.b64encode(self.consoles.get(instance_id, "").encode()).decode()
        now = datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        return _answer(
            call, f"<instanceId>{instance_id}</instanceId><timestamp>{now}</timestamp><output>{output}</output>"
        )


def _answer(call: Call, inner: str) -> Answer:
    body = (
        f'<{call.operation}Response xmlns="{_NAMESPACE}"><requestId>{uuid4()}</requestId>{inner}'
        f"</{call.operation}Response>"
    )
    return Answer(200, body.encode(), "text/xml")
