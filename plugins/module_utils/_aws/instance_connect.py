# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The calls to EC2 Instance Connect, a function for each, which makes the request and reads the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.calls import call, unexpected
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.ec2 import Endpoint
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import INSTANCE_CONNECT
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.signing import Signer
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import PublicKey

if TYPE_CHECKING:
    from ansible_collections.sshkeys.aws.plugins.module_utils._push.target import Target
    from mypy_boto3_ec2_instance_connect import EC2InstanceConnectClient


class Pushed(NamedTuple):
    """A push that was accepted: when it was sent, in seconds since the epoch, and its request id."""

    pushed_at: float
    request_id: str


def push(client: EC2InstanceConnectClient, target: Target, key: PublicKey) -> Pushed:
    """Push a key to a target (SendSSHPublicKey, SendSerialConsoleSSHPublicKey). Raises ServiceError."""
    if target.os_user is None:
        answer = call(
            client.send_serial_console_ssh_public_key,
            InstanceId=target.instance_id,
            SerialPort=target.serial_port,
            SSHPublicKey=key.line,
        )
    else:
        zone = {"AvailabilityZone": target.availability_zone} if target.availability_zone else {}
        answer = call(
            client.send_ssh_public_key,
            InstanceId=target.instance_id,
            InstanceOSUser=target.os_user,
            SSHPublicKey=key.line,
            **zone,
        )
    if not answer.content.get("Success"):
        raise unexpected(answer.content, "Success")
    return Pushed(answer.sent_at, str(answer.content.get("RequestId", "")))


# Seconds in which the URL of a tunnel must be opened (AWS CLI, ec2-instance-connect open-tunnel).
_URL_SECONDS = 60


def tunnel_url(signer: Signer, endpoint: Endpoint, address: str, port: int, max_duration: int) -> str:
    """Return the signed URL of a tunnel (openTunnel, as the AWS CLI uses it). Sends nothing.

    address: the private address of the instance. max_duration: seconds after which AWS ends the tunnel.
    """
    query = {
        "instanceConnectEndpointId": endpoint.id,
        "maxTunnelDuration": str(max_duration),
        "privateIpAddress": address,
        "remotePort": str(port),
    }
    url = f"https://{endpoint.dns_name}/openTunnel"
    # The SDK has no operation for openTunnel.
    return signer.signed_url(INSTANCE_CONNECT, url, query, _URL_SECONDS).replace("https://", "wss://", 1)
