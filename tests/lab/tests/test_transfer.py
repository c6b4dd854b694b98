# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfer Family refuses and pages as the real service does."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from ansible_collections.sshkeys.aws.tests.lab_bench import Bench, KeyMaker

ROLE = "arn:aws:iam::123456789012:role/transfer"
UNKNOWN_SERVER = "s-00000000000000000"


def _refusal(bench: Bench, operation: str, **parameters: object) -> dict[str, Any]:
    named = {"ServerId": bench.server_id, "UserName": "partner", **parameters}
    with pytest.raises(ClientError) as caught:
        getattr(bench.client("transfer"), operation)(**named)
    response: dict[str, Any] = dict(caught.value.response)
    return response


def _keys(bench: Bench, user: str = "partner") -> list[dict[str, Any]]:
    described = bench.client("transfer").describe_user(ServerId=bench.server_id, UserName=user)
    keys: list[dict[str, Any]] = described["User"]["SshPublicKeys"]
    return keys


def test_imported_key_is_described_as_it_was_given(bench: Bench, new_key: KeyMaker) -> None:
    assert _keys(bench) == []
    body = new_key().public
    first, second = bench.import_key(body), bench.import_key(new_key("rsa", "-b", "2048").public)
    assert all(re.fullmatch("key-[0-9a-f]{17}", key_id) for key_id in (first, second))
    assert first != second
    held = _keys(bench)
    assert (held[0]["SshPublicKeyId"], held[0]["SshPublicKeyBody"]) == (first, body)
    assert abs(held[0]["DateImported"].timestamp() - bench.control("GET", "clock")["now"]) < 10


@pytest.mark.parametrize(
    "wrong",
    [
        {"ServerId": "s-0123456789ABCDEF0"},
        {"UserName": "-partner"},
        {"UserName": "u" * 101},
        {"SshPublicKeyBody": "\ufeffssh-ed25519 AAAA"},
        {"SshPublicKeyBody": "sk-ssh-ed25519@openssh.com AAAA"},
        {"SshPublicKeyBody": "ssh-ed25519-cert-v01@openssh.com AAAA"},
        {"SshPublicKeyBody": 'command="true" ssh-ed25519 AAAA'},
        {"SshPublicKeyBody": "ssh-ed25519 AAAA one\nssh-ed25519 AAAA two"},
        {"SshPublicKeyBody": "ssh-ed25519 " + "A" * 2048},
    ],
)
def test_what_the_model_does_not_allow(bench: Bench, wrong: dict[str, str]) -> None:
    response = _refusal(bench, "import_ssh_public_key", **{"SshPublicKeyBody": "ssh-ed25519 AAAA", **wrong})
    assert response["Error"]["Code"] == "ValidationException"
    assert re.match("(1 validation error|2 validation errors) detected: Value '", response["Error"]["Message"])


def test_validation_speaks_as_the_service_does(bench: Bench) -> None:
    message = _refusal(bench, "delete_ssh_public_key", SshPublicKeyId="key-ZZZZZZZZZZZZZZZZZ")["Error"]["Message"]
    assert message == (
        "1 validation error detected: Value 'key-ZZZZZZZZZZZZZZZZZ' at 'sshPublicKeyId' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: key-[0-9a-f]{17}"
    )


@pytest.mark.parametrize("body", ["ssh-ed25519 AAAA", "ssh-dss AAAAB3NzaC1kc3M=", "ssh-rsa "])
def test_garbage_that_the_pattern_lets_through(bench: Bench, body: str) -> None:
    error = _refusal(bench, "import_ssh_public_key", SshPublicKeyBody=body)["Error"]
    assert error == {"Code": "InvalidRequestException", "Message": "Unsupported or invalid SSH public key format"}


def test_blob_of_a_different_type(bench: Bench, new_key: KeyMaker) -> None:
    body = new_key().public.replace("ssh-ed25519", "ssh-rsa")
    assert _refusal(bench, "import_ssh_public_key", SshPublicKeyBody=body)["Error"]["Code"] == "InvalidRequestException"


def test_unknown_resources(bench: Bench, new_key: KeyMaker) -> None:
    key = new_key().public
    for wrong, message, kind in (
        ({"ServerId": UNKNOWN_SERVER}, "Unknown server", "Server"),
        ({"UserName": "nobody-here"}, "Unknown user", "User"),
    ):
        for operation, more in (
            ("import_ssh_public_key", {"SshPublicKeyBody": key}),
            ("delete_ssh_public_key", {"SshPublicKeyId": "key-00000000000000000"}),
            ("describe_user", {}),
            ("delete_user", {}),
        ):
            response = _refusal(bench, operation, **wrong, **more)
            assert response["Error"] == {"Code": "ResourceNotFoundException", "Message": message}
            assert (response["Resource"], response["ResourceType"]) == (*wrong.values(), kind)
    response = _refusal(bench, "delete_ssh_public_key", SshPublicKeyId="key-00000000000000000")
    assert response["Error"] == {"Code": "ResourceNotFoundException", "Message": "Unknown SSH public key"}


def test_same_key_with_a_different_comment_exists(bench: Bench, new_key: KeyMaker) -> None:
    body = new_key().public
    bench.import_key(body)
    response = _refusal(bench, "import_ssh_public_key", SshPublicKeyBody=body.replace("a key", "the same key"))
    assert response["Error"]["Code"] == "ResourceExistsException"
    bench.import_key(body, "auditor")


def test_quota(bench: Bench, new_key: KeyMaker) -> None:
    bench.control("PUT", "settings", {"key_quota": 2})
    bench.import_key(new_key().public)
    bench.import_key(new_key().public)
    error = _refusal(bench, "import_ssh_public_key", SshPublicKeyBody=new_key().public)["Error"]
    assert error["Code"] == "InvalidRequestException"
    assert "maximum number of SSH public keys" in error["Message"]


def _pages(bench: Bench, **more: object) -> list[list[str]]:
    pages: list[list[str]] = []
    token: dict[str, str] = {}
    while True:
        page = bench.client("transfer").list_users(ServerId=bench.server_id, **more, **token)
        pages.append([user["UserName"] for user in page["Users"]])
        if "NextToken" not in page:
            return pages
        token = {"NextToken": page["NextToken"]}


def test_list_users_comes_in_pages(bench: Bench, new_key: KeyMaker) -> None:
    bench.import_key(new_key().public)
    everyone = sorted(user["user_name"] for user in bench.lab["transfer"]["users"])
    assert _pages(bench) == [everyone[:3], everyone[3:6], everyone[6:]]
    assert [len(page) for page in _pages(bench, MaxResults=2)] == [2, 2, 2, 1]
    bench.control("PUT", "settings", {"page_size": 100})
    assert _pages(bench) == [everyone]
    listed = bench.client("transfer").list_users(ServerId=bench.server_id)["Users"]
    assert [user["UserName"] for user in listed if user["SshPublicKeyCount"] == 1] == ["partner"]
    empty = bench.client("transfer").list_users(ServerId=bench.lab["transfer"]["empty_server"])
    assert (empty["Users"], "NextToken" in empty) == ([], False)


def test_list_users_refuses_a_forged_token(bench: Bench) -> None:
    with pytest.raises(ClientError, match="InvalidNextTokenException"):
        bench.client("transfer").list_users(ServerId=bench.server_id, NextToken="%%%")


def test_users_and_servers_come_and_go(bench: Bench, new_key: KeyMaker) -> None:
    client = bench.client("transfer")
    server_id = client.create_server()["ServerId"]
    assert client.describe_server(ServerId=server_id)["Server"]["IdentityProviderType"] == "SERVICE_MANAGED"
    body = new_key().public
    client.create_user(ServerId=server_id, UserName="fresh", Role=ROLE, SshPublicKeyBody=body)
    described = client.describe_user(ServerId=server_id, UserName="fresh")["User"]
    assert [key["SshPublicKeyBody"] for key in described["SshPublicKeys"]] == [body]
    refused = _refusal(bench, "create_user", ServerId=server_id, UserName="fresh", Role=ROLE)
    assert refused["Error"]["Code"] == "ResourceExistsException"
    refused = _refusal(bench, "create_user", UserName="other", Role=ROLE, SshPublicKeyBody="ssh-rsa AAAA")
    assert refused["Error"]["Code"] == "InvalidRequestException"
    client.delete_user(ServerId=server_id, UserName="fresh")
    client.delete_server(ServerId=server_id)
    with pytest.raises(ClientError, match="Unknown server"):
        client.describe_server(ServerId=server_id)


def test_control_seeds_what_the_service_would_refuse(bench: Bench) -> None:
    old = "ssh-dss " + base64.b64encode(b"old").decode()
    keys = [old, {"body": old, "date_imported": 86400.5}]
    bench.control("PUT", "transfer/users/auditor", {"keys": keys, "date_imported": 3600})
    held = _keys(bench, "auditor")
    assert [key["SshPublicKeyBody"] for key in held] == [old, old]
    assert [key["DateImported"].timestamp() for key in held] == [3600, 86400.5]
    assert bench.control("POST", "transfer/users", {"user_name": "guest"})["status"] == 200
    assert _keys(bench, "guest") == []
    assert bench.control("DELETE", "transfer/users/guest")["status"] == 200
    assert bench.control("DELETE", "transfer/users/guest") == {"status": 404, "error": "Unknown user: guest."}
