# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What transfer_ssh_key makes of its options, and which calls a run costs: botocore's Stubber plays the service."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.modules import transfer_ssh_key
from ansible_collections.sshkeys.aws.tests.unit import keys
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
        given = {"server_id": SERVER_ID, **options}
        of_amazon = {"region": given.pop("region")} if "region" in given else {}
        return self.run_module(transfer_ssh_key, given, check_mode=check_mode, **of_amazon)


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
    assert report.result["msg"].startswith("users is an empty list, so there is nothing to do")


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


# -- A declaration without a key --------------------------------------------------------------------------------------

# What an empty file, a lookup that finds nothing, or a typing error may give.
EMPTY: list[Any] = [[], "", " \n", [""], ["", "# nobody\n"], "# nobody\n"]


@pytest.mark.parametrize("empty", EMPTY)
@pytest.mark.parametrize("options", [{}, {"exclusive": True}, {"exclusive": False}, {"state": "absent"}])
@pytest.mark.parametrize("place", ["task", "users", "users that take it from the task"])
def test_a_declaration_without_a_key_is_refused(
    service: Service, empty: Any, options: dict[str, Any], place: str
) -> None:
    """With a sentence that names the user, what is empty, and what to do."""
    given: dict[str, Any] = {
        "task": {"user_name": "partner", "public_keys": empty, **options},
        "users": {"users": [{"user_name": "partner", "public_keys": empty, **options}]},
        "users that take it from the task": {"users": ["partner"], "public_keys": empty, **options},
    }[place]
    with pytest.raises(ArgumentError) as caught:
        service.run(**given)
    said = str(caught.value)
    assert "'partner'" in said
    assert "public_keys" in said
    assert ("would stay" if options.get("state") == "absent" else "set allow_empty=true") in said
    assert service.connections == 0


@pytest.mark.parametrize("empty", EMPTY)
@pytest.mark.parametrize("place", ["task", "users"])
@pytest.mark.parametrize("exclusive", [True, False])
def test_a_user_who_may_have_no_key(service: Service, empty: Any, place: str, exclusive: bool) -> None:
    """What is declared is done: all keys go with exclusive, and nothing changes without."""
    service.expect_read("partner", ALICE, BOB)
    declared = {"user_name": "partner", "public_keys": empty, "allow_empty": True}
    given: dict[str, Any] = declared if place == "task" else {"users": [declared]}
    report = service.run(**given, exclusive=exclusive, check_mode=True)
    (user,) = report.result["users"]
    assert sorted(key["body"] for key in user["deleted"]) == (sorted([ALICE, BOB]) if exclusive else [])


def test_a_user_may_say_otherwise_than_the_task(service: Service) -> None:
    """A user's own allow_empty counts."""
    strict = {"user_name": "partner", "public_keys": [], "allow_empty": False}
    with pytest.raises(ArgumentError, match="public_keys is an empty list"):
        service.run(users=[strict], allow_empty=True)


def test_an_empty_text_beside_a_key_is_refused(service: Service) -> None:
    """The file of one of two people may be empty."""
    for allow_empty in (False, True):
        with pytest.raises(
            ArgumentError, match=r"^public_keys\[1\]: It is empty\. Give a public key.* Check the file or the lookup"
        ):
            service.run(user_name="partner", public_keys=[ALICE, ""], allow_empty=allow_empty)


def test_a_query_in_a_list_is_told(service: Service) -> None:
    """It is a list already."""
    with pytest.raises(
        ArgumentError, match=r"public_keys\[0\] must be a string, and is of type list\. A query\(\) returns"
    ):
        service.run(user_name="partner", public_keys=[[ALICE, BOB]])


def test_an_empty_list_of_ids_is_none(service: Service) -> None:
    """A user that names none takes the keys of the task."""
    service.expect_read("partner")
    users = [{"user_name": "partner", "ssh_public_key_ids": []}]
    report = service.run(users=users, public_keys=ALICE, check_mode=True)
    assert [key["body"] for key in report.result["users"][0]["imported"]] == [ALICE]


def test_a_key_that_nobody_can_have_need_not_be_removed(service: Service) -> None:
    """The sentence says why, and does not tell to make another one."""
    with pytest.raises(ArgumentError, match=r"so no user has SHA256:.*Remove it, or set unsupported_keys=skip"):
        service.run(user_name="partner", public_keys=[TOKEN, ALICE], state="absent")


@pytest.mark.parametrize("state", ["present", "absent"])
def test_two_keys_on_one_line_are_refused(service: Service, state: str) -> None:
    """As lookup('file', 'alice.pub', 'bob.pub') makes them of two files."""
    with pytest.raises(ArgumentError, match=r"^public_keys: There are several keys on one line.* query\(\)"):
        service.run(user_name="partner", public_keys=f"{ALICE},{BOB}", state=state)
    assert service.connections == 0


# -- Keys of types that Transfer Family does not take -----------------------------------------------------------------

TOKEN = keys.line_of(keys.security_key_blobs()["sk-ssh-ed25519@openssh.com"], "token")
DSS = keys.line_of(keys.dss_blob(), "old")


@pytest.mark.parametrize("other", [TOKEN, DSS])
@pytest.mark.parametrize("join", [lambda *lines: list(lines), lambda *lines: "\n".join(lines)], ids=["list", "text"])
def test_keys_of_other_types_are_left_out_by_choice(service: Service, other: str, join: Callable[..., Any]) -> None:
    """Each with a warning that names it by its fingerprint."""
    service.expect_read("partner")
    report = service.run(user_name="partner", public_keys=join(other, ALICE), unsupported_keys="skip", check_mode=True)
    assert [key["body"] for key in report.result["imported"]] == [ALICE]
    (warning,) = report.warnings
    assert re.search(
        r"^public_keys.*SHA256:\S{43} \((token|old)\) of type (sk-ssh-ed25519@openssh.com|ssh-dss)", warning
    )
    with pytest.raises(ArgumentError, match="unsupported_keys=skip"):
        service.run(user_name="partner", public_keys=join(other, ALICE))


def test_a_user_of_whom_no_key_remains_is_refused(service: Service) -> None:
    """Not even an empty declaration that is meant makes it one."""
    users = [{"user_name": "anna", "public_keys": ALICE}, {"user_name": "bert", "public_keys": [TOKEN, DSS]}]
    with pytest.raises(ArgumentError, match=r"user 'bert': public_keys: No key remains.*SHA256:.*SHA256:"):
        service.run(users=users, unsupported_keys="skip", allow_empty=True, exclusive=True)
    assert service.connections == 0


def test_a_damaged_key_is_not_left_out(service: Service) -> None:
    """Nobody knows what it would have been."""
    with pytest.raises(ArgumentError, match=r"public_keys\[1\]: It is the key of a FIDO.*damaged"):
        service.run(user_name="partner", public_keys=[ALICE, TOKEN[:-20]], unsupported_keys="skip")


def test_an_ssh_dss_key_can_be_removed(service: Service) -> None:
    """A service may hold what it would not take today."""
    service.expect_read("partner", DSS, ALICE)
    report = service.run(
        user_name="partner", public_keys=[DSS, TOKEN], state="absent", unsupported_keys="skip", check_mode=True
    )
    assert [key["body"] for key in report.result["deleted"]] == [DSS]


# -- What is said of where --------------------------------------------------------------------------------------------


def test_a_failure_names_the_region_and_what_named_it(service: Service) -> None:
    """The wrong region is the likeliest cause of a server that is not found."""
    service.stubber.add_client_error("describe_user", "ResourceNotFoundException", "Unknown server")
    report = service.run(user_name="partner", public_keys=ALICE, region="eu-central-1")
    assert report.failure
    assert report.failure.startswith(f"partner on {SERVER_ID}: ResourceNotFoundException: Unknown server")
    assert report.failure.endswith("The region was eu-central-1, from the option region.")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"user_name": None, "public_keys": [ALICE]}, "user_name is null"),
        (
            {"public_keys": [ALICE], "state": "absent", "allow_empty": True},
            "allow_empty=true and state=absent contradict",
        ),
        (
            {"users": [{"user_name": "anna", "public_keys": [ALICE], "state": "absent", "allow_empty": True}]},
            "user 'anna': allow_empty=true and state=absent contradict",
        ),
        (
            {"public_keys": [], "ssh_public_key_ids": [KEY_ID], "state": "absent"},
            "public_keys is an empty list.*would stay",
        ),
        ({"public_keys": "https://github.com/octocat.keys"}, "ansible.builtin.url"),
        ({"server_id": "s-1"}, "server_id 's-1' is not the id"),
        ({"user_name": "x", "public_keys": []}, "user_name 'x' is not one that"),
        ({"user_name": "DOMAIN\\user", "public_keys": []}, "is not one that Transfer Family accepts"),
        ({}, "public_keys is missing"),
        ({"state": "absent"}, "public_keys and ssh_public_key_ids are missing"),
        ({"ssh_public_key_ids": [KEY_ID]}, "allowed only with state=absent"),
        ({"ssh_public_key_ids": ["key-1"], "state": "absent"}, "has 'key-1', which is not the id of a key"),
        ({"public_keys": [], "state": "absent", "exclusive": True}, "contradict each other"),
        ({"public_keys": [ALICE], "replaces": [KEY_ID], "exclusive": True}, "exclusive=true and replaces contradict"),
        (
            {"public_keys": [ALICE], "replaces": [KEY_ID], "state": "absent"},
            "replaces .* allowed only with state=present",
        ),
        ({"public_keys": [], "allow_empty": True, "replaces": [KEY_ID]}, "replaces is set, but public_keys has no key"),
        ({"public_keys": [ALICE], "replaces": ["alice laptop"]}, "replaces has 'alice laptop', which is not the id"),
        (
            {"users": [{"user_name": "anna", "state": "absent", "replaces": [KEY_ID]}], "public_keys": [ALICE]},
            "user 'anna': replaces .* allowed only with state=present",
        ),
        (
            {"users": [{"user_name": "anna", "replaces": [KEY_ID]}], "public_keys": [ALICE], "exclusive": True},
            "user 'anna': exclusive=true and replaces contradict",
        ),
        ({"public_keys": [ALICE], "concurrency": 0}, "concurrency is 0"),
        ({"public_keys": [ALICE], "wait_timeout": -1}, "wait_timeout is -1"),
        ({"public_keys": ["nonsense", ALICE, ALICE[:60]]}, r"(?s)public_keys\[0\]: .*public_keys\[2\]: "),
        ({"public_keys": [ALICE, 5]}, r"public_keys\[1\] must be a string, and is of type int"),
        ({"public_keys": {"a": 1}}, r"public_keys must be a string, and is of type dict"),
        ({"public_keys": "", "exclusive": True}, "public_keys: It is empty"),
        ({"public_keys": [""], "exclusive": True}, r"public_keys\[0\]: It is empty"),
        ({"public_keys": "# none\n", "exclusive": True}, "public_keys: It is empty"),
        ({"public_keys": {}, "exclusive": True}, "public_keys must be a string, and is of type dict"),
        ({"public_keys": False, "exclusive": True}, "public_keys must be a string, and is of type bool"),
        (
            {"users": [{"user_name": "anna", "public_keys": ""}], "exclusive": True},
            "user 'anna': public_keys: It is empty",
        ),
        (
            {"public_keys": ["nonsense", 5]},
            r"(?s)public_keys\[0\]: .*public_keys\[1\] must be a string, and is of type int",
        ),
        (
            {"users": [{"name": "anna"}], "public_keys": []},
            r"users\[0\] has unsupported options: 'name'. The options are .*user_name",
        ),
        ({"users": [["anna"]], "public_keys": []}, r"users\[0\] must be a string or a dict, and is of type list"),
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
