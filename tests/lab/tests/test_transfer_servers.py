# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfer Family states the host keys that its sftp servers show, unless a test wants it otherwise."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from ansible_collections.sshkeys.aws.tests.lab_bench import Bench

UNKNOWN = "s-00000000000000000"


def _scanned(bench: Bench) -> dict[str, str]:
    """Return the fingerprints of the host keys that a door shows, by type, as ssh-keyscan finds them."""
    door = bench.lab["transfer"]["users"][0]
    done = subprocess.run(
        ["ssh-keyscan", "-p", str(door["port"]), door["host"]], capture_output=True, text=True, check=True
    )
    lines = [line.split() for line in done.stdout.splitlines() if not line.startswith("#")]
    digests = {key_type: hashlib.sha256(base64.b64decode(blob)).digest() for _host, key_type, blob in lines}
    return {key_type: "SHA256:" + base64.b64encode(each).decode().rstrip("=") for key_type, each in digests.items()}


def _stated(bench: Bench) -> dict[str, str]:
    listed = bench.client("transfer").list_host_keys(ServerId=bench.server_id)["HostKeys"]
    return {key["Type"]: key["Fingerprint"] for key in listed}


def test_the_stated_host_keys_are_those_that_the_door_shows(bench: Bench) -> None:
    assert _stated(bench) == _scanned(bench)
    assert set(_stated(bench)) == {"ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256"}


def test_each_host_key_is_described_as_it_is_listed(bench: Bench) -> None:
    client = bench.client("transfer")
    for listed in client.list_host_keys(ServerId=bench.server_id)["HostKeys"]:
        found = client.describe_host_key(ServerId=bench.server_id, HostKeyId=listed["HostKeyId"])["HostKey"]
        assert found.pop("HostKeyFingerprint") == listed.pop("Fingerprint")
        assert found == listed


def test_host_keys_and_servers_come_in_pages(bench: Bench) -> None:
    bench.control("PUT", "settings", {"page_size": 2})
    client = bench.client("transfer")
    first = client.list_host_keys(ServerId=bench.server_id)
    second = client.list_host_keys(ServerId=bench.server_id, NextToken=first["NextToken"])
    assert [len(page["HostKeys"]) for page in (first, second)] == [2, 1]
    assert "NextToken" not in second
    pages = [client.list_servers(MaxResults=1)]
    pages.append(client.list_servers(MaxResults=1, NextToken=pages[0]["NextToken"]))
    ids = [server["ServerId"] for page in pages for server in page["Servers"]]
    assert ids == sorted([bench.server_id, bench.lab["transfer"]["empty_server"]])
    with pytest.raises(ClientError, match="InvalidNextTokenException"):
        client.list_servers(NextToken="nonsense")


def test_a_server_is_described(bench: Bench) -> None:
    server: dict[str, Any] = bench.client("transfer").describe_server(ServerId=bench.server_id)["Server"]
    assert server["HostKeyFingerprint"] == f"{_stated(bench)['ssh-ed25519']}="
    assert (server["State"], server["EndpointType"], server["Protocols"]) == ("ONLINE", "PUBLIC", ["SFTP"])
    assert (server["IdentityProviderType"], server["UserCount"]) == ("SERVICE_MANAGED", 7)


@pytest.mark.parametrize("operation", ["describe_server", "list_host_keys"])
def test_an_unknown_server(bench: Bench, operation: str) -> None:
    with pytest.raises(ClientError, match="Unknown server") as caught:
        getattr(bench.client("transfer"), operation)(ServerId=UNKNOWN)
    response: dict[str, Any] = dict(caught.value.response)
    assert response["ResourceType"] == "Server"


def test_an_unknown_host_key(bench: Bench) -> None:
    with pytest.raises(ClientError, match="Unknown host key"):
        bench.client("transfer").describe_host_key(ServerId=bench.server_id, HostKeyId="hostkey-" + "f" * 17)


def test_somebody_else_answers_until_a_reset(bench: Bench) -> None:
    stated = _stated(bench)
    path = f"transfer/servers/{bench.server_id}"
    assert bench.control("PUT", path, {"shown": ["impostor"]})["shown"] == ["impostor"]
    assert _stated(bench) == stated
    shown = _scanned(bench)
    assert set(shown) == {"ssh-ed25519"}
    assert shown["ssh-ed25519"] not in stated.values()
    bench.control("PUT", path, {"shown": ["ssh-rsa"]})
    assert _scanned(bench) == {"ssh-rsa": stated["ssh-rsa"]}
    bench.control("POST", "reset")
    assert _scanned(bench) == stated


def test_what_is_stated_can_be_changed(bench: Bench) -> None:
    host_keys = [{"type": "ssh-rsa", "description": "old", "imported": 86400}, {"type": "x", "fingerprint": "odd"}]
    changed = {
        "state": "OFFLINE",
        "endpoint_type": "VPC",
        "endpoint_details": {"VpcId": "vpc-0123456789abcdef0"},
        "identity_provider_type": "AWS_LAMBDA",
        "protocols": ["FTPS"],
        "host_keys": host_keys,
    }
    rsa = _stated(bench)["ssh-rsa"]
    assert bench.control("PUT", f"transfer/servers/{bench.server_id}", changed)["status"] == 200
    client = bench.client("transfer")
    server = client.describe_server(ServerId=bench.server_id)["Server"]
    assert (server["State"], server["EndpointType"], server["Protocols"]) == ("OFFLINE", "VPC", ["FTPS"])
    assert (server["IdentityProviderType"], server["EndpointDetails"]) == (
        "AWS_LAMBDA",
        {"VpcId": "vpc-0123456789abcdef0"},
    )
    with pytest.raises(ClientError, match="InvalidRequestException"):
        client.create_user(
            ServerId=bench.server_id, UserName="fresh", Role="arn:aws:iam::123456789012:role/lab-transfer"
        )
    first, second = client.list_host_keys(ServerId=bench.server_id)["HostKeys"]
    assert (first["Fingerprint"], first["Description"], first["DateImported"].timestamp()) == (rsa, "old", 86400)
    assert (second["Fingerprint"], "Description" in second) == ("odd", False)


@pytest.mark.parametrize(
    "wrong", [{"colour": "red"}, {"shown": ["ssh-dss"]}, {"shown": []}, {"host_keys": [{"type": "x"}]}]
)
def test_what_a_server_does_not_take(bench: Bench, wrong: dict[str, object]) -> None:
    assert bench.control("PUT", f"transfer/servers/{bench.server_id}", wrong)["status"] == 400
    assert bench.control("PUT", f"transfer/servers/{UNKNOWN}", {})["status"] == 404
