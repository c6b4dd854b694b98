# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls to EC2 Instance Connect, over real HTTP."""

from __future__ import annotations

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws import instance_connect
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.ec2 import Endpoint
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import INSTANCE_CONNECT, Credentials
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.signing import Signer
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._push.target import Target
from ansible_collections.sshkeys.aws.tests.unit.scripted_service import (
    KEY,
    PUSHED,
    TARGET,
    ScriptedService,
    client,
    push,
)


def test_push_sends_what_the_api_page_names(service: ScriptedService) -> None:
    """SendSSHPublicKey gets the key without its comment, and no Availability Zone unless there is one."""
    before = time.time()
    lease = push(service, [PUSHED])
    ((operation, body, received),) = service.requests
    assert operation == "SendSSHPublicKey"
    assert body == {"InstanceId": TARGET.instance_id, "InstanceOSUser": "ec2-user", "SSHPublicKey": KEY.line}
    assert lease.request_id == "request-1"
    assert before <= lease.pushed_at <= received


def test_push_with_availability_zone(service: ScriptedService) -> None:
    """A zone that is given is sent."""
    service.script = [PUSHED]
    made = client(service, INSTANCE_CONNECT)
    instance_connect.push(made, Target(TARGET.instance_id, "ec2-user", "us-east-1a"), KEY)
    assert service.requests[0][1]["AvailabilityZone"] == "us-east-1a"


def test_push_to_the_serial_console(service: ScriptedService) -> None:
    """A target with a serial port goes to SendSerialConsoleSSHPublicKey."""
    service.script = [PUSHED]
    made = client(service, INSTANCE_CONNECT)
    instance_connect.push(made, Target(TARGET.instance_id, serial_port=0), KEY)
    assert service.requests[0][:2] == (
        "SendSerialConsoleSSHPublicKey",
        {"InstanceId": TARGET.instance_id, "SerialPort": 0, "SSHPublicKey": KEY.line},
    )


def test_a_push_without_success_is_no_push(service: ScriptedService) -> None:
    """The API page says that Success is true when the request succeeds."""
    with pytest.raises(ServiceError, match="Success"):
        push(service, [(200, {"RequestId": "request-1", "Success": False})])


@pytest.mark.parametrize("token", [None, "IQoJb3/+=="])
def test_the_address_of_a_tunnel_is_signed(token: str | None) -> None:
    """As the AWS CLI does it: in the query, for a minute, and with nothing but the host in the signature."""
    signer = Signer(Credentials("AKIAIOSFODNN7EXAMPLE", "secret", token), "us-east-1")
    endpoint = Endpoint("eice-1", "one.example.com")
    url = urlsplit(instance_connect.tunnel_url(signer, endpoint, "10.0.0.7", 2222, 3600))
    query = {name: value[0] for name, value in parse_qs(url.query).items()}
    assert (url.scheme, url.netloc, url.path) == ("wss", "one.example.com", "/openTunnel")
    wanted = {
        "instanceConnectEndpointId": "eice-1",
        "privateIpAddress": "10.0.0.7",
        "remotePort": "2222",
        "maxTunnelDuration": "3600",
        "X-Amz-Expires": "60",
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    }
    assert wanted.items() <= query.items()
    assert query.get("X-Amz-Security-Token") == token
    assert set(query) == wanted.keys() | {"X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature"} | (
        {"X-Amz-Security-Token"} if token else set()
    )
    assert query["X-Amz-Credential"].endswith("/us-east-1/ec2-instance-connect/aws4_request")
