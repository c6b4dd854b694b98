# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Instance Connect Endpoint, and EC2's answers about endpoints and consoles."""

from __future__ import annotations

import asyncio
import json
import ssl
from contextlib import ExitStack
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

if TYPE_CHECKING:
    from types import TracebackType

    from ansible_collections.sshkeys.aws.tests.lab_bench import Bench
    from websockets.asyncio.client import ClientConnection


def address(bench: Bench, *, secret_key: str | None = None, **changed: str) -> str:
    """Return the signed address of a tunnel to the first instance."""
    endpoint = bench.lab["instance_connect_endpoint"]
    query = {
        "instanceConnectEndpointId": endpoint["id"],
        "remotePort": "22",
        "privateIpAddress": bench.instances[0]["private_ip_address"],
        **changed,
    }
    request = AWSRequest("GET", f"https://{endpoint['dns_name']}/openTunnel?{urlencode(query)}")
    credentials = Credentials(bench.lab["access_key"], secret_key or bench.lab["secret_key"])
    SigV4QueryAuth(credentials, "ec2-instance-connect", bench.lab["region"], 60).add_auth(request)
    return str(request.url).replace("https:", "wss:")


class Tunnel:
    """A tunnel that is open, from its construction to the end of a `with` block."""

    def __init__(self, url: str, ca_bundle: str) -> None:
        """Open it; raise InvalidStatus if it is refused."""
        with ExitStack() as undo:
            self._runner = undo.enter_context(asyncio.Runner())
            self._connection = self._runner.run(self._open(url, ssl.create_default_context(cafile=ca_bundle)))
            undo.pop_all()

    @staticmethod
    async def _open(url: str, trust: ssl.SSLContext) -> ClientConnection:
        return await connect(url, ssl=trust, compression=None, close_timeout=1, ping_interval=None)

    def __enter__(self) -> Self:
        """Give the tunnel."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        with self._runner:
            self._runner.run(self._connection.close())

    def recv(self) -> bytes:
        """Return the next message."""
        return self._runner.run(self._connection.recv(decode=False))

    def send(self, message: str) -> None:
        """Send text."""
        self._runner.run(self._connection.send(message))


def tunnel(bench: Bench, url: str | None = None, **changed: str) -> Tunnel:
    """Open a tunnel."""
    return Tunnel(url or address(bench, **changed), bench.lab["ca_bundle"])


def refusal(bench: Bench, url: str | None = None, **changed: str) -> tuple[int, str]:
    """Open a tunnel that is refused; return status and code."""
    with pytest.raises(InvalidStatus) as refused:
        tunnel(bench, url, **changed)
    response = refused.value.response
    assert response.headers["x-amzn-requestid"]
    return response.status_code, json.loads(response.body or b"")["ErrorCode"]


def test_a_real_sshd_is_behind_it(bench: Bench) -> None:
    """The tunnel carries the sshd's greeting, and the journal has the call."""
    with tunnel(bench) as opened:
        assert opened.recv().startswith(b"SSH-2.0-OpenSSH")
    (call,) = bench.control("GET", "requests")["requests"]
    assert (call["operation"], call["status"]) == ("OpenTunnel", HTTPStatus.SWITCHING_PROTOCOLS)
    assert call["parameters"]["privateIpAddress"] == bench.instances[0]["private_ip_address"]


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"instanceConnectEndpointId": "eice-0"}, 404, "InvalidInstanceConnectEndpointId.NotFound"),
        ({"remotePort": "2222"}, 400, "InvalidParameter"),
        ({"maxTunnelDuration": "3601"}, 400, "InvalidParameter"),
        ({"maxTunnelDuration": "0"}, 400, "InvalidParameter"),
        ({"privateIpAddress": ""}, 400, "InvalidParameter"),
    ],
)
def test_what_the_service_refuses(bench: Bench, changed: dict[str, str], status: int, code: str) -> None:
    """Each refusal has its own code."""
    assert refusal(bench, **changed) == (status, code)


def test_a_signature_is_checked(bench: Bench) -> None:
    """A wrong secret, and an address changed after signing, are refused."""
    assert refusal(bench, address(bench, secret_key="wrong")) == (403, "AuthFailure")
    assert refusal(bench, address(bench).replace("remotePort=22", "remotePort=3389")) == (403, "AuthFailure")
    assert bench.control("GET", "requests")["requests"] == []


def test_a_target_that_cannot_be_reached(bench: Bench) -> None:
    """The tunnel opens, and closes with AWS's reason."""
    with tunnel(bench, privateIpAddress="10.99.99.99") as opened, pytest.raises(ConnectionClosed) as closed:
        opened.recv()
    assert closed.value.rcvd
    assert closed.value.rcvd.reason == "Unable to connect to target"


def test_text_is_a_protocol_error(bench: Bench) -> None:
    """Only binary messages are allowed."""
    with tunnel(bench) as opened:
        opened.recv()
        opened.send("text")
        with pytest.raises(ConnectionClosed) as closed:
            opened.recv()
    assert closed.value.rcvd
    assert closed.value.rcvd.code == 1003


def test_connections_are_counted(bench: Bench) -> None:
    """A connection above the limit is refused until another one ends."""
    bench.control("PUT", "settings", {"tunnel_limit": 1})
    with tunnel(bench) as opened:
        opened.recv()
        assert refusal(bench) == (429, "ConnectionLimitExceeded")
        assert bench.control("POST", "tunnels/end", {"code": None})["ended"] == 1
        with pytest.raises(ConnectionClosed):
            opened.recv()


def endpoints(bench: Bench, **asked: Any) -> list[str]:
    """Return the ids of the endpoints that EC2 lists."""
    answer = bench.client("ec2").describe_instance_connect_endpoints(**asked)
    return [endpoint["InstanceConnectEndpointId"] for endpoint in answer["InstanceConnectEndpoints"]]


def test_ec2_lists_the_endpoint(bench: Bench) -> None:
    """It can be filtered by id, VPC and state."""
    (found,) = bench.client("ec2").describe_instance_connect_endpoints()["InstanceConnectEndpoints"]
    known = bench.lab["instance_connect_endpoint"]
    assert (found["InstanceConnectEndpointId"], found["DnsName"]) == (known["id"], known["dns_name"])
    assert endpoints(bench, Filters=[{"Name": "vpc-id", "Values": [found["VpcId"]]}]) == [known["id"]]
    assert endpoints(bench, Filters=[{"Name": "vpc-id", "Values": ["vpc-0"]}]) == []
    assert endpoints(bench, Filters=[{"Name": "state", "Values": ["create-failed"]}]) == []
    with pytest.raises(ClientError, match="NotFound"):
        endpoints(bench, InstanceConnectEndpointIds=["eice-0"])


def test_an_instance_prints_its_host_key(bench: Bench) -> None:
    """A test can replace the console output; a reset restores it."""
    instance = bench.instances[0]["instance_id"]
    printed = bench.client("ec2").get_console_output(InstanceId=instance)["Output"]
    assert "-----BEGIN SSH HOST KEY KEYS-----\nssh-ed25519 " in printed
    bench.control("PUT", f"instances/{instance}", {"console": "Welcome."})
    assert bench.client("ec2").get_console_output(InstanceId=instance)["Output"] == "Welcome."
    bench.control("POST", "reset")
    assert bench.client("ec2").get_console_output(InstanceId=instance)["Output"] == printed
