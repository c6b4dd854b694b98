# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of EC2 that moto lacks: Instance Connect Endpoints, and the console output of instances."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING
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
        self.operations: dict[str, Callable[[Call], Answer]] = {
            "DescribeInstanceConnectEndpoints": self._describe_instance_connect_endpoints,
            "GetConsoleOutput": self._get_console_output,
        }

    def boot(self, instance_id: str, host_key: str) -> None:
        """Print an instance's host key to its console."""
        self._first_boots[instance_id] = first_boot(host_key)
        self.reset()

    def reset(self) -> None:
        """Restore the output of the instances' first boot."""
        self.consoles = dict(self._first_boots)

    def _describe_instance_connect_endpoints(self, call: Call) -> Answer:
        placed = self._cloud.instance(seed.REGION, seed.INSTANCES[0].instance_id)
        if placed is None:
            return _answer(call, "<instanceConnectEndpointSet/>")
        endpoint = {
            "instanceConnectEndpointId": seed.ENDPOINT_ID,
            "dnsName": self.dns_name,
            "state": "create-complete",
            "vpcId": str(placed.vpc_id),
            "subnetId": str(placed.subnet_id),
            "availabilityZone": str(placed.availability_zone),
        }
        is_wanted = call.region == seed.REGION and self._is_wanted(call.parameters, endpoint)
        item = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in endpoint.items())
        inner = f"<item>{item}</item>" if is_wanted else ""
        return _answer(call, f"<instanceConnectEndpointSet>{inner}</instanceConnectEndpointSet>")

    @staticmethod
    def _is_wanted(asked: Mapping[str, str], endpoint: Mapping[str, str]) -> bool:
        ids = [value for name, value in asked.items() if name.startswith("InstanceConnectEndpointId.")]
        if ids and endpoint["instanceConnectEndpointId"] not in ids:
            code = "InvalidInstanceConnectEndpointId.NotFound"
            raise ServiceError(code, f"The instance connect endpoint ID '{ids[0]}' does not exist")
        members = {"state": "state", "vpc-id": "vpcId", "subnet-id": "subnetId"}
        filters = [
            name.removesuffix(".Name") for name in asked if name.startswith("Filter.") and name.endswith(".Name")
        ]
        return all(
            endpoint[members[asked[f"{each}.Name"]]]
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
