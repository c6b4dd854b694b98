# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What transfer_ssh_key_info reads, in which calls, and what it tells. botocore's Stubber is the service."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.module_utils._spec import PrivateKeyError
from ansible_collections.sshkeys.aws.plugins.modules import transfer_ssh_key_info
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair, runs
from ansible_collections.sshkeys.aws.tests.unit.stubs import StubbedService

SERVER_ID = "s-01234567890abcdef"
ALICE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJEUvhKlSr3hlrULeHPBhV6WpNQeRpxqgSkrsrVdjMyx alice@laptop"
BOB = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB bob, on his laptop"
ARN = "arn:aws:transfer:" + "0" * 20
REGION = " The region was eu-central-1, from the option region."


class Service(StubbedService):
    """A Transfer service that expects exactly the calls of a script, in order."""

    def __init__(self) -> None:
        """Make it without a script."""
        super().__init__("transfer")

    def expect_users(self, *pages: Sequence[str]) -> None:
        """Expect ListUsers until there is no page left."""
        tokens = [*(f"page {number}" for number in range(1, len(pages))), None]
        for number, names in enumerate(pages):
            answer: dict[str, Any] = {
                "ServerId": SERVER_ID,
                "Users": [{"Arn": ARN, "UserName": name} for name in names],
            }
            asked = {"ServerId": SERVER_ID, **({"NextToken": tokens[number - 1]} if number else {})}
            if tokens[number]:
                answer["NextToken"] = tokens[number]
            self.stubber.add_response("list_users", answer, asked)

    def expect_read(self, user_name: str, *bodies: str, days: int = 3) -> None:
        """Expect DescribeUser and answer with these keys, each imported so many days ago."""
        imported = datetime.now(tz=UTC) - timedelta(days=days, minutes=1)
        keys = [
            {"SshPublicKeyId": f"key-{number:017x}", "SshPublicKeyBody": body, "DateImported": imported}
            for number, body in enumerate(bodies)
        ]
        answer = {"ServerId": SERVER_ID, "User": {"Arn": ARN, "SshPublicKeys": keys}}
        self.stubber.add_response("describe_user", answer, {"ServerId": SERVER_ID, "UserName": user_name})

    def refuse_read(self, user_name: str, code: str, resource_type: str = "") -> None:
        """Expect DescribeUser and refuse it."""
        resource = {"ResourceType": resource_type, "Resource": user_name, "Message": "No."}
        self.stubber.add_client_error(
            "describe_user",
            code,
            "No.",
            modeled_fields=resource if resource_type else None,
            expected_params={"ServerId": SERVER_ID, "UserName": user_name},
        )

    def run(self, *, check_mode: bool = False, **options: Any) -> Report:
        """Run the module's function with a task's options, and check that every expected call was made."""
        # One call after the other, in the order of the script.
        given = {"server_id": SERVER_ID, "concurrency": 1, **options}
        return self.run_module(transfer_ssh_key_info, given, check_mode=check_mode, region="eu-central-1")


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    """Return a service without a script yet."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    return Service()


def bodies(report: Report) -> dict[str, list[str] | None]:
    """Return the keys of each user, None where they were not read."""
    return {
        user["user_name"]: None if user["ssh_public_keys"] is None else [key["body"] for key in user["ssh_public_keys"]]
        for user in report.result["users"]
    }


@pytest.mark.parametrize("check_mode", [False, True])
def test_one_user_is_one_call(service: Service, check_mode: bool) -> None:
    """A user by name is not looked for among all others, in check mode neither."""
    service.expect_read("partner", ALICE)
    told = service.run(user_name=["partner"], check_mode=check_mode)
    assert (told.failure, told.warnings) == (None, ())
    assert (told.result["changed"], told.result["server_id"]) == (False, SERVER_ID)
    (user,) = told.result["users"]
    (key,) = user["ssh_public_keys"]
    assert (key["id"], key["body"], key["age_days"]) == ("key-00000000000000000", ALICE, 3)
    assert key["fingerprint"] == "SHA256:v4K2SCakkhOJ9gLiuwJrrfcWc3wCYzvGBWaMKche8CU"


def test_some_users_are_read_once_each_in_the_order_of_the_task(service: Service) -> None:
    service.expect_read("carl", BOB)
    service.expect_read("anna")
    told = service.run(user_names=["carl", "anna", "carl"])
    assert bodies(told) == {"carl": [BOB], "anna": []}
    assert list(bodies(told)) == ["carl", "anna"]


def test_every_user_of_every_page_is_read(service: Service) -> None:
    service.expect_users(["anna", "bert"], [], ["carl"])
    for name in ("anna", "bert", "carl"):
        service.expect_read(name, ALICE)
    assert bodies(service.run()) == {"anna": [ALICE], "bert": [ALICE], "carl": [ALICE]}


def test_a_server_without_users(service: Service) -> None:
    service.expect_users([])
    told = service.run()
    assert (told.failure, told.result["users"], "msg" in told.result) == (None, [], False)


def test_an_empty_list_is_nothing_to_do(service: Service) -> None:
    """It is a list, and not what is left out."""
    told = service.run(user_names=[])
    assert (told.failure, told.result["changed"], told.result["users"]) == (None, False, [])
    assert told.result["msg"].startswith("user_names is an empty list, so there is nothing to do")


def test_a_user_who_was_named_and_does_not_exist_is_a_failure_after_all_others(service: Service) -> None:
    service.expect_read("anna", ALICE)
    service.refuse_read("bert", "ResourceNotFoundException", "User")
    service.expect_read("carl", BOB)
    told = service.run(user_names=["anna", "bert", "carl"])
    assert bodies(told) == {"anna": [ALICE], "bert": None, "carl": [BOB]}
    assert told.failure == (
        f"1 of 3 users failed: bert on {SERVER_ID}: ResourceNotFoundException: The user bert does not exist on "
        f"{SERVER_ID}. Check the spelling of the user name, and the server.{REGION}"
    )
    assert told.result["users"][1]["error"]["code"] == "ResourceNotFoundException"


def test_a_user_who_was_listed_and_is_gone_is_no_user(service: Service) -> None:
    """Somebody deleted the user since the service listed it."""
    service.expect_users(["anna", "bert"])
    service.refuse_read("anna", "ResourceNotFoundException", "User")
    service.expect_read("bert", BOB)
    told = service.run()
    assert told.failure is None
    assert bodies(told) == {"bert": [BOB]}


def test_all_users_who_were_listed_are_gone(service: Service) -> None:
    service.expect_users(["anna"])
    service.refuse_read("anna", "ResourceNotFoundException", "User")
    told = service.run()
    assert (told.failure, told.result["users"]) == (None, [])


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize(
    ("code", "resource_type"), [("AccessDeniedException", ""), ("ResourceNotFoundException", "Server")]
)
def test_a_user_who_cannot_be_read_does_not_stop_the_others(
    service: Service, listed: bool, code: str, resource_type: str
) -> None:
    if listed:
        service.expect_users(["anna", "bert"])
    service.refuse_read("anna", code, resource_type)
    service.expect_read("bert", BOB)
    told = service.run(user_names=None if listed else ["anna", "bert"])
    assert told.failure
    assert told.failure.startswith(f"1 of 2 users failed: anna on {SERVER_ID}: {code}: No. ")
    assert told.failure.endswith(REGION)
    assert bodies(told) == {"anna": None, "bert": [BOB]}
    assert told.result["users"][0]["error"]["message"] == "No."
    assert "error" not in told.result["users"][1]


def test_users_who_cannot_be_listed_are_a_failure_without_users(service: Service) -> None:
    """Nothing is known then, not even that there are none."""
    service.stubber.add_client_error("list_users", "ResourceNotFoundException", "Unknown server")
    told = service.run()
    assert told.failure
    assert told.failure.startswith("ResourceNotFoundException: Unknown server. ")
    assert told.failure.endswith(f" The server was {SERVER_ID}.{REGION}")
    assert told.result == {}


def test_what_reads_only_leaves_nothing_in_doubt(service: Service) -> None:
    service.stubber.add_client_error("describe_user", "InternalServiceError", "Broken", http_status_code=500)
    told = service.run(user_names=["anna"])
    assert told.failure
    assert "unknown whether" not in told.failure


def test_what_is_stored_and_is_no_key_is_told(service: Service) -> None:
    service.expect_read("anna", "garbage", ALICE)
    (user,) = service.run(user_names=["anna"]).result["users"]
    first, second = user["ssh_public_keys"]
    assert (first["body"], second["body"], second["id"]) == (ALICE, "garbage", "key-00000000000000000")
    assert [second[field] for field in ("type", "bits", "fingerprint", "comment")] == [None] * 4


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"server_id": "s-1"}, "^server_id 's-1' is not the id of a Transfer Family server"),
        ({"user_names": ["anna", "a"]}, "^user_name 'a' is not one that Transfer Family accepts"),
        ({"concurrency": 0}, "^concurrency is 0"),
    ],
)
def test_wrong_options_are_sentences(service: Service, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ArgumentError, match=sentence):
        service.run(**options)
    assert service.connections == 0


@pytest.mark.parametrize("options", [{"user_names": ["anna", "{}"]}, {"user_name": ["{}"]}, {"server_id": "{}"}])
def test_a_private_key_is_refused_before_anything_else(service: Service, options: dict[str, Any]) -> None:
    private = key_pair("ed25519").private
    given: dict[str, Any] = {
        name: [text.format(private) for text in value] if isinstance(value, list) else value.format(private)
        for name, value in options.items()
    }
    with pytest.raises(PrivateKeyError, match="It is a private key") as caught:
        service.run(**given)
    assert not runs(str(caught.value), 12) & runs(private.partition("\n")[2], 12)
    assert service.connections == 0
