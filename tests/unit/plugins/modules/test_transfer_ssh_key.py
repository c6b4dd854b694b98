# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What transfer_ssh_key makes of its options, and which calls a run costs: botocore's Stubber plays the service."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.modules import transfer_ssh_key
from ansible_collections.sshkeys.aws.tests.unit.stubs import StubbedService

SERVER_ID = "s-01234567890abcdef"
ALICE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJEUvhKlSr3hlrULeHPBhV6WpNQeRpxqgSkrsrVdjMyx alice@laptop"
BOB = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB bob, on his laptop"
CAROL = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC carol"
KEY_ID = "key-01234567890abcdef"


class Service(StubbedService):
    """A Transfer service that expects exactly the calls of a script, in order."""

    def __init__(self) -> None:
        """Make it without a script."""
        super().__init__("transfer")

    def expect_read(self, user_name: str, *bodies: str) -> None:
        """Expect DescribeUser and answer with these keys."""
        keys = [
            {"SshPublicKeyId": f"key-{number:017x}", "SshPublicKeyBody": body, "DateImported": datetime.now(tz=UTC)}
            for number, body in enumerate(bodies)
        ]
        answer = {"ServerId": SERVER_ID, "User": {"Arn": "arn:aws:transfer:" + "0" * 20, "SshPublicKeys": keys}}
        self.stubber.add_response("describe_user", answer, {"ServerId": SERVER_ID, "UserName": user_name})

    def run(self, *, check_mode: bool = False, **options: Any) -> Report:
        """Run the module's function with a task's options, and check that every expected call was made."""
        validated = ArgumentSpecValidator(transfer_ssh_key.ARGUMENTS).validate({"server_id": SERVER_ID, **options})
        assert not validated.error_messages
        with self.playing():
            return transfer_ssh_key.run(validated.validated_parameters, check_mode=check_mode, connect=self.connect)


@pytest.fixture
def service() -> Service:
    """Return a service without a script yet."""
    return Service()


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_user_as_declared_costs_one_call(service: Service, check_mode: bool) -> None:
    """One DescribeUser, in check mode too."""
    service.expect_read("partner", ALICE)
    report = service.run(user_name="partner", public_keys=[ALICE], exclusive=True, check_mode=check_mode)
    assert report.failure is None
    assert report.result["changed"] is False


def test_check_mode_changes_nothing(service: Service) -> None:
    """A change is foreseen with one DescribeUser and nothing else; a key to come has neither id nor date."""
    service.expect_read("partner", ALICE)
    report = service.run(user_name="partner", public_keys=[BOB], exclusive=True, check_mode=True)
    (imported,) = report.result["imported"]
    assert (imported["id"], imported["date_imported"], imported["body"]) == (None, None, BOB)
    assert [key["body"] for key in report.result["deleted"]] == [ALICE]
    assert report.result["ssh_public_keys"] == report.result["imported"]
    assert report.result["diff"]["before"].endswith(" alice@laptop\n")
    assert report.result["diff"]["after"].endswith(" bob, on his laptop\n")


def test_the_same_key_twice_is_one_key(service: Service) -> None:
    """Two comments do not make two keys."""
    service.expect_read("partner")
    other_comment = ALICE.replace("alice@laptop", "alice@home")
    report = service.run(user_name="partner", public_keys=[ALICE, other_comment], check_mode=True)
    assert [key["comment"] for key in report.result["imported"]] == ["alice@laptop"]


def test_a_comma_in_a_comment_is_no_second_key(service: Service) -> None:
    """A single string is one key, not a list to be split at commas."""
    service.expect_read("partner")
    report = service.run(user_name="partner", public_key=BOB, check_mode=True)
    assert [key["comment"] for key in report.result["imported"]] == ["bob, on his laptop"]


def test_users_take_from_the_task_what_they_leave_out(service: Service) -> None:
    """Names alone take everything from the task; a dict what it does not say itself."""
    service.expect_read("anna", BOB)
    service.expect_read("bert", ALICE, BOB)
    service.expect_read("carl", ALICE, BOB)
    service.expect_read("dora", ALICE, BOB)
    report = service.run(
        users=[
            "anna",
            {"user_name": "bert", "ssh_public_key_body": BOB},
            {"user_name": "carl", "exclusive": False},
            {"user_name": "dora", "state": "absent", "ssh_public_key_id": "key-00000000000000001"},
        ],
        public_keys=[ALICE],
        exclusive=True,
        check_mode=True,
        concurrency=1,
    )
    bodies = {
        user["user_name"]: sorted(key["body"] for key in user["ssh_public_keys"]) for user in report.result["users"]
    }
    assert bodies == {"anna": [ALICE], "bert": [BOB], "carl": sorted([ALICE, BOB]), "dora": [ALICE]}
    assert "ssh_public_keys" not in report.result
    assert [diff["before_header"] for diff in report.result["diff"]] == [
        f"{name} on {SERVER_ID}" for name in ("anna", "bert", "dora")
    ]


def test_users_take_what_they_replace_from_the_task(service: Service) -> None:
    """Its own list is enough for an element; one that only removes keys replaces none; a wanted key stays."""
    for name in ("anna", "bert", "carl", "dora"):
        service.expect_read(name, BOB, CAROL)
    report = service.run(
        users=[
            "anna",
            {"user_name": "bert", "replaces": ["key-00000000000000001"]},
            {"user_name": "carl", "state": "absent"},
            {"user_name": "dora", "public_keys": BOB},
        ],
        public_keys=[ALICE],
        replaces=["key-00000000000000000", "key-00000000000000007"],
        check_mode=True,
        concurrency=1,
    )
    bodies = {
        user["user_name"]: sorted(key["body"] for key in user["ssh_public_keys"]) for user in report.result["users"]
    }
    assert bodies == {
        "anna": sorted([ALICE, CAROL]),
        "bert": sorted([ALICE, BOB]),
        "carl": sorted([BOB, CAROL]),
        "dora": sorted([BOB, CAROL]),
    }


def test_no_users_is_nothing_to_do(service: Service) -> None:
    """An empty list is a list."""
    report = service.run(users=[], public_keys=[ALICE])
    assert (report.failure, report.result["changed"], report.result["users"]) == (None, False, [])


def test_a_missing_user_is_foreseen_in_check_mode(service: Service) -> None:
    """An earlier task may be about to make the user: a warning and a predicted change."""
    service.stubber.add_client_error("describe_user", "ResourceNotFoundException", "Unknown user")
    report = service.run(user_name="partner", public_keys=[ALICE], check_mode=True)
    assert report.failure is None
    assert report.result["changed"] is True
    assert "partner does not exist" in report.warnings[0]


def test_one_bad_user_does_not_stop_the_others(service: Service) -> None:
    """All are tried; the failure counts and names, and every result is there."""
    service.stubber.add_client_error("describe_user", "ResourceNotFoundException", "Unknown user")
    service.expect_read("bert", ALICE)
    report = service.run(users=["anna", "bert"], public_keys=[ALICE], concurrency=1)
    assert report.failure is not None
    assert report.failure.startswith(
        f"1 of 2 users failed: anna on {SERVER_ID}: ResourceNotFoundException: The user anna"
    )
    assert [user["ssh_public_keys"] is None for user in report.result["users"]] == [True, False]


def test_a_weak_key_is_a_warning_once(service: Service) -> None:
    """RSA below 2048 bits works, and the warning is not repeated for each user."""
    modulus = b"\x00" + b"\xc1" * 128
    blob = b"\0\0\0\7ssh-rsa" + b"\0\0\0\3\1\0\1" + len(modulus).to_bytes(4, "big") + modulus
    weak = f"ssh-rsa {base64.b64encode(blob).decode()} old@laptop"
    service.expect_read("anna")
    service.expect_read("bert")
    report = service.run(users=["anna", "bert"], public_keys=weak, concurrency=1, check_mode=True)
    assert len(report.warnings) == 1
    assert "1024 bits" in report.warnings[0]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"server_id": "s-1"}, "server_id 's-1' is not the id"),
        ({"user_name": "x", "public_keys": []}, "user_name 'x' is not one that"),
        ({"user_name": "DOMAIN\\user", "public_keys": []}, "is not one that Transfer Family takes"),
        ({}, "public_keys is missing"),
        ({"state": "absent"}, "public_keys and ssh_public_key_ids are missing"),
        ({"ssh_public_key_ids": [KEY_ID]}, "goes with state=absent only"),
        ({"ssh_public_key_ids": ["key-1"], "state": "absent"}, "has 'key-1', which is not the id of a key"),
        ({"public_keys": [], "state": "absent", "exclusive": True}, "contradict each other"),
        ({"public_keys": [ALICE], "replaces": [KEY_ID], "exclusive": True}, "exclusive=true and replaces contradict"),
        ({"public_keys": [ALICE], "replaces": [KEY_ID], "state": "absent"}, "replaces .* goes with state=present only"),
        ({"public_keys": [], "replaces": [KEY_ID]}, "replaces is set, but public_keys has no key"),
        ({"public_keys": [ALICE], "replaces": ["alice laptop"]}, "replaces has 'alice laptop', which is not the id"),
        (
            {"users": [{"user_name": "anna", "state": "absent", "replaces": [KEY_ID]}], "public_keys": [ALICE]},
            "user 'anna': replaces .* goes with state=present only",
        ),
        (
            {"users": [{"user_name": "anna", "replaces": [KEY_ID]}], "public_keys": [ALICE], "exclusive": True},
            "user 'anna': exclusive=true and replaces contradict",
        ),
        ({"public_keys": [ALICE], "concurrency": 0}, "concurrency is 0"),
        ({"public_keys": [ALICE], "wait_timeout": -1}, "wait_timeout is -1"),
        ({"public_keys": ["nonsense", ALICE, ALICE[:60]]}, r"(?s)public_keys\[0\]: .*public_keys\[2\]: "),
        ({"public_keys": [ALICE, 5]}, r"public_keys\[1\] is of type int"),
        ({"public_keys": {"a": 1}}, r"public_keys is of type dict"),
        ({"public_keys": "", "exclusive": True}, "public_keys: It is empty"),
        ({"public_keys": [""], "exclusive": True}, r"public_keys\[0\]: It is empty"),
        ({"public_keys": "# none\n", "exclusive": True}, "public_keys: It is empty"),
        ({"public_keys": {}, "exclusive": True}, "public_keys is of type dict"),
        ({"public_keys": False, "exclusive": True}, "public_keys is of type bool"),
        (
            {"users": [{"user_name": "anna", "public_keys": ""}], "exclusive": True},
            "user 'anna': public_keys: It is empty",
        ),
        ({"public_keys": ["nonsense", 5]}, r"(?s)public_keys\[0\]: .*public_keys\[1\] is of type int"),
        (
            {"users": [{"name": "anna"}], "public_keys": []},
            r"users\[0\] has unsupported names: 'name'. It takes .*user_name",
        ),
        ({"users": [["anna"]], "public_keys": []}, r"users\[0\] is of type list"),
        ({"users": ["anna", "anna"], "public_keys": []}, "user 'anna': It is declared twice"),
        (
            {"users": [{"user_name": "anna", "state": "absent", "exclusive": True, "public_keys": []}]},
            "user 'anna': exclusive=true and state=absent contradict",
        ),
        (
            {"users": ["anna", {"user_name": "bert", "public_keys": ["nonsense"]}], "public_keys": [ALICE]},
            r"user 'bert': public_keys\[0\]: ",
        ),
    ],
)
def test_wrong_options_are_sentences(service: Service, options: dict[str, Any], sentence: str) -> None:
    """Nothing is connected to, let alone sent, before everything is judged."""
    who = {} if "users" in options else {"user_name": "partner"}
    with pytest.raises(ArgumentError, match=sentence):
        service.run(**{**who, **options})
    assert service.connections == 0
