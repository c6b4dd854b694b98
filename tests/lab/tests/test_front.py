# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which calls are accepted and recorded, and the answers of the control API."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from ansible_collections.sshkeys.aws.tests.lab_bench import Bench, KeyMaker

STRANGER = "AKIAAAAAAAAAAAAAAAAA"


@pytest.mark.parametrize(
    ("service", "operation"),
    [("transfer", "list_servers"), ("ec2", "describe_instances"), ("sts", "get_caller_identity")],
)
def test_stranger_is_refused(bench: Bench, service: str, operation: str) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(bench.client(service, access_key=STRANGER), operation)()
    assert caught.value.response["Error"] == {
        "Code": "UnrecognizedClientException",
        "Message": "The security token included in the request is invalid.",
    }
    assert bench.control("GET", "requests")["requests"] == []


def test_a_role_is_accepted_until_the_reset(bench: Bench) -> None:
    role = {"RoleArn": "arn:aws:iam::123456789012:role/fleet", "RoleSessionName": "test"}
    given = bench.client("sts").assume_role(**role)["Credentials"]
    as_role = bench.client("ec2", access_key=given["AccessKeyId"])
    assert as_role.describe_instances()["Reservations"]
    bench.control("POST", "reset")
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        as_role.describe_instances()


@pytest.mark.parametrize("path", ["", "moto-api/data.json", "latest/meta-data/"])
def test_unsigned_is_refused(bench: Bench, path: str) -> None:
    request = Request(f"{bench.lab['endpoint_url']}/{path}", headers={"X-Amz-Target": "TransferService.ListServers"})
    with pytest.raises(HTTPError) as caught:
        urlopen(request)
    with caught.value as answer:
        assert b"MissingAuthenticationTokenException" in answer.read()


def test_control_needs_the_key(bench: Bench) -> None:
    assert bench.control("POST", "reset", key=STRANGER)["status"] == 403


def test_another_region_is_empty(bench: Bench, new_key: KeyMaker) -> None:
    key = new_key().public
    with pytest.raises(ClientError, match="EC2InstanceNotFoundException"):
        bench.client("ec2-instance-connect", "eu-west-1").send_ssh_public_key(
            InstanceId=bench.instances[0]["instance_id"], InstanceOSUser="root", SSHPublicKey=key
        )
    for region in ("eu-west-1", "mars-north-1"):
        with pytest.raises(ClientError, match="Unknown server"):
            bench.client("transfer", region).describe_user(ServerId=bench.server_id, UserName="partner")
    assert bench.client("ec2", "eu-west-1").describe_instances()["Reservations"] == []


def test_journal(bench: Bench, new_key: KeyMaker) -> None:
    before = time.time()
    bench.fault("ImportSshPublicKey", "drop", after=1)
    key = new_key().public
    bench.import_key(key)
    with pytest.raises(Exception, match="Connection was closed"):
        bench.import_key(key)
    with pytest.raises(ClientError):
        bench.import_key(key)
    bench.client("ec2").describe_instances()
    entries = bench.control("GET", "requests")["requests"]
    assert [(each["operation"], each["status"], each["fault"]) for each in entries] == [
        ("ImportSshPublicKey", 200, None),
        ("ImportSshPublicKey", None, "drop"),
        ("ImportSshPublicKey", 400, None),
        ("DescribeInstances", 200, None),
    ]
    first = entries[0]
    assert first["parameters"] == {"ServerId": bench.server_id, "UserName": "partner", "SshPublicKeyBody": key}
    assert first["access_key"] == bench.lab["access_key"]
    assert (first["region"], first["service"]) == ("us-east-1", "transfer")
    assert "Boto" in first["user_agent"]
    assert before <= first["time"] <= time.time()
    assert bench.control("DELETE", "requests")["requests"] == []


def test_reset_goes_back_to_the_seed(bench: Bench, new_key: KeyMaker) -> None:
    bench.push(new_key().public)
    bench.import_key(new_key().public)
    bench.fault("ListUsers", "drop", times=None)
    bench.control("PUT", "settings", {"page_size": 50})
    bench.control("POST", "clock", {"advance": 5})
    bench.control("PUT", f"instances/{bench.instances[0]['instance_id']}", {"state": "terminated"})
    bench.control("DELETE", "transfer/users/archive")
    bench.control("POST", "reset")
    assert bench.control("GET", "requests")["requests"] == []
    assert bench.control("GET", "clock")["offset"] == 0
    assert bench.control("GET", "settings")["page_size"] == 3
    assert bench.control("GET", f"instances/{bench.instances[0]['instance_id']}")["state"] == "running"
    instance = bench.instances[0]
    assert bench.text(f"instances/{instance['instance_id']}/authorized-keys/{instance['os_user']}") == (200, "")
    users = bench.client("transfer").list_users(ServerId=bench.server_id)["Users"]
    assert users[0]["UserName"] == "archive"
    assert bench.text(f"transfer/{bench.server_id}/users/partner/authorized-keys") == (200, "")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "settings", {"colour": "red"}),
        ("PUT", "settings", {"key_quota": 0}),
        ("POST", "clock", {"advance": -1}),
        ("POST", "clock", {}),
        ("PUT", "faults", []),
        ("PUT", "instances/i-00000000000000000", {"state": "running"}),
        ("PUT", "instances/i-00000000000000000", {"state": "melting"}),
        ("PUT", "transfer/users/partner", {"keys": [5]}),
        ("POST", "transfer/users", {}),
        ("GET", "nonsense", None),
    ],
)
def test_control_explains_a_mistake(bench: Bench, method: str, path: str, body: object) -> None:
    answer = bench.control(method, path, body)
    assert answer["status"] in (400, 404)
    assert answer["error"].endswith((".", ";"))


def test_only_those_paths_are_open(bench: Bench) -> None:
    assert bench.text("instances/other")[0] == 404
    assert bench.text(f"transfer/{bench.server_id}/users/stranger/authorized-keys") == (404, "Unknown user\n")


def test_the_secret_key_is_recognisable(bench: Bench) -> None:
    """A search for leaked secrets, such as the one of tests/secrets_left.py, recognises it by this word."""
    assert re.fullmatch(r"labsecret[0-9a-f]{31}", bench.lab["secret_key"])
