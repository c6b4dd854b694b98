# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What transfer_user calls, and what it refuses before any call. botocore's Stubber is the service."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._spec import PrivateKeyError
from ansible_collections.sshkeys.aws.plugins.modules import transfer_user
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair
from ansible_collections.sshkeys.aws.tests.unit.stubs import StubbedService

SERVER_ID = "s-01234567890abcdef"
ROLE = "arn:aws:iam::123456789012:role/transfer"
ARN = "arn:aws:transfer:us-east-1:123456789012:user/s-01234567890abcdef/partner"
ALICE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJEUvhKlSr3hlrULeHPBhV6WpNQeRpxqgSkrsrVdjMyx alice@laptop"
# The middle of a private key without its marks, which may as well be any other base64.
BASE64 = key_pair("ed25519").private.split("\n")[2]


class Service(StubbedService):
    """A Transfer service that expects exactly the calls of a script, in order."""

    def __init__(self) -> None:
        """Make it without a script."""
        super().__init__("transfer")

    def expect_read(self, name: str = "partner", **members: Any) -> None:
        """Expect DescribeUser; without members there is no such user."""
        asked = {"ServerId": SERVER_ID, "UserName": name}
        if members:
            answer = {"ServerId": SERVER_ID, "User": {"Arn": ARN, "Role": ROLE, **members}}
            self.stubber.add_response("describe_user", answer, asked)
        else:
            fields = {"ResourceType": "User", "Resource": name, "Message": "no"}
            self.stubber.add_client_error(
                "describe_user", "ResourceNotFoundException", "no", modeled_fields=fields, expected_params=asked
            )

    def run(self, *, check_mode: bool = False, **options: Any) -> Any:
        """Run the module for "partner"."""
        given = {"server_id": SERVER_ID, "concurrency": 1, **options}
        if "users" not in given:
            given["user_name"] = "partner"
        return self.run_module(transfer_user, given, check_mode=check_mode, region="us-east-1")


@pytest.fixture
def service() -> Service:
    """Return the service without a script."""
    return Service()


def test_nothing_to_do_is_one_call(service: Service) -> None:
    service.expect_read(Tags=[{"Key": "team", "Value": "finance"}])
    report = service.run(role_arn=ROLE, tags={"team": "finance"})
    assert (report.result["changed"], report.failure) == (False, None)


@pytest.mark.parametrize("check_mode", [True, False])
def test_check_mode_reads_only(service: Service, check_mode: bool) -> None:
    service.expect_read()
    if not check_mode:
        user = {"ServerId": SERVER_ID, "UserName": "partner"}
        asked = {**user, "Role": ROLE, "Tags": [{"Key": "a", "Value": "b"}], "SshPublicKeyBody": ALICE}
        service.stubber.add_response("create_user", user, asked)
        key = {"SshPublicKeyId": "key-01234567890abcdef", "SshPublicKeyBody": ALICE, "DateImported": 0}
        service.expect_read(Tags=[{"Key": "a", "Value": "b"}], SshPublicKeys=[key])
    report = service.run(check_mode=check_mode, role_arn=ROLE, tags={"a": "b"}, public_keys=ALICE)
    assert report.failure is None
    assert (report.result["changed"], report.result["created"], report.result["state"]) == (True, True, "present")
    assert "tags.a: b" in report.result["diff"]["after"]


def test_every_user_has_its_outcome(service: Service) -> None:
    service.expect_read("anna", HomeDirectory="/b")
    service.expect_read("bert")
    report = service.run(users=["anna", "bert"])
    anna, bert = report.result["users"]
    assert (anna["state"], bert["state"], "error" in anna) == ("present", "absent", False)
    assert "no role_arn is given to create it with" in bert["error"]["message"]
    assert report.failure.startswith(f"1 of 2 users failed: bert on {SERVER_ID}: ResourceNotFoundException: ")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"server_id": "s-1"}, "server_id 's-1' is not the id"),
        ({"users": ["a b"]}, "user_name 'a b' is not one"),
        ({"concurrency": 0}, "concurrency is 0"),
        ({"users": [{"user_name": "anna", "role_arn": "x"}]}, "user 'anna': role_arn is 'x'"),
        ({"users": [{"user_name": "anna", "rolle": "x"}]}, "users.0. has unsupported options: 'rolle'"),
    ],
)
def test_a_wrong_option_is_refused_before_any_call(service: Service, given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ArgumentError, match=sentence):
        service.run(**given)
    assert service.connections == 0


@pytest.mark.parametrize(
    "given",
    [
        {"role_arn": BASE64},
        {"tags": {"a": key_pair("ed25519").private}},
        {"policy": {"Statement": [{"Sid": key_pair("ed25519").private}]}},
        {"policy": key_pair("ed25519").private},
        {"home_directory": key_pair("ed25519").private},
        {"home_directory_mappings": [{"entry": "/", "target": key_pair("ed25519").private}]},
        {"public_keys": BASE64},
        {"users": [{"user_name": "anna", "tags": {key_pair("ed25519").private: ""}}]},
        {"users": [{"user_name": "anna", "public_keys": [ALICE, BASE64]}]},
    ],
)
def test_a_private_key_is_refused_and_not_repeated(service: Service, given: dict[str, Any]) -> None:
    with pytest.raises(PrivateKeyError) as refused:
        service.run(**given)
    assert BASE64 not in str(refused.value)
    assert service.connections == 0


@pytest.mark.parametrize(
    "tags",
    [{"team": BASE64}, {BASE64: "a"}, {"user_name": BASE64}, {"public_keys": BASE64}, {"state": BASE64}],
)
def test_a_tag_that_merely_looks_like_base64_is_taken(service: Service, tags: dict[str, str]) -> None:
    (pair,) = tags.items()
    service.expect_read(Tags=[{"Key": pair[0], "Value": pair[1]}])
    assert service.run(tags=tags).failure is None
    service.expect_read("anna", Tags=[{"Key": pair[0], "Value": pair[1]}])
    assert service.run(users=[{"user_name": "anna", "resource_tags": tags}]).failure is None


def test_a_policy_that_merely_looks_like_base64_is_taken(service: Service) -> None:
    policy = {"Statement": [{"Resource": BASE64, "public_keys": BASE64, "Sid": BASE64}]}
    service.expect_read(HomeDirectory="/b")
    assert service.run(check_mode=True, policy=policy).failure is None
