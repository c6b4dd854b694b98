# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules tell of whole users."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Region
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.declared_users import declared_users
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.held_user import held_user
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user import PosixProfile, ReadUser, User
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_options import (
    READ_ONLY,
    USER_OPTIONS,
    wanted_user,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_plan import UserOutcome, plan_user
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_report import (
    report_read_users,
    report_users,
)
from ansible_collections.sshkeys.aws.plugins.modules.transfer_user import OPTIONS
from ansible_collections.sshkeys.aws.tests.unit.transfer_service import TransferService, described_users
from ansible_collections.sshkeys.aws.tests.unit.transfer_users import (
    DSS,
    NOW,
    SERVER,
    UNREADABLE,
    USER,
    fingerprint,
    held,
    line,
)
from hypothesis import given

ERROR = ServiceError("SomeCode", "It broke", "Run again.")
PLAIN = User(USER, "arn", "role", tags={"b": "2", "a": "1"}, keys=(held(1, line(1, "laptop")),))


def outcome(before: User | None, after: User | None, **more: Any) -> UserOutcome:
    """Return the outcome of one user."""
    return UserOutcome(USER, before, after, **more)


def diff_of(before: User | None, after: User | None) -> dict[str, str]:
    """Return the diff of one user."""
    diff: dict[str, str] = report_users(SERVER, [outcome(before, after)], [], single=True).result["diff"]
    return diff


# -- What is read can be declared --------------------------------------------------------------------------------------


@given(described_users())
def test_what_is_read_changes_nothing_when_it_is_declared(described: dict[str, Any]) -> None:
    client: Any = TransferService(described)
    user = held_user(client, SERVER, USER)
    result = report_read_users(SERVER, [ReadUser(USER, user, None)], NOW).result
    # As a playbook hands it on.
    users = json.loads(json.dumps(result["users"]))
    validated = ArgumentSpecValidator(OPTIONS).validate({"server_id": SERVER, "users": users})
    assert not validated.error_messages
    spec = {"user_name": {"type": "str", "required": True}, **USER_OPTIONS, **READ_ONLY}
    (wanted,), _warnings = declared_users(validated.validated_parameters, spec, wanted_user)
    assert plan_user(user, wanted).is_done


@pytest.mark.parametrize("body", [*UNREADABLE, DSS])
def test_a_key_that_cannot_be_declared_is_told_and_not_declared(body: str) -> None:
    user = replace(PLAIN, keys=(held(1, line(1)), held(2, body)))
    (told,) = report_read_users(SERVER, [ReadUser(USER, user, None)], NOW).result["users"]
    assert (told["public_keys"], told["allow_empty"]) == ([line(1)], False)
    assert len(told["ssh_public_keys"]) == 2
    alone = replace(PLAIN, keys=(held(2, body),))
    (told,) = report_read_users(SERVER, [ReadUser(USER, alone, None)], NOW).result["users"]
    # Declared as it is, with exclusive, it would lose its key.
    assert (told["public_keys"], told["allow_empty"]) == (None, False)


def test_keys_are_told_as_they_are_stored() -> None:
    (told,) = report_read_users(SERVER, [ReadUser(USER, PLAIN, None)], NOW).result["users"]
    assert told["public_keys"] == [line(1, "laptop")]


def test_what_is_unset_cannot_change_anything() -> None:
    user = replace(PLAIN, role_arn="", home_directory_type="LOGICAL")
    (told,) = report_read_users(SERVER, [ReadUser(USER, user, None)], NOW).result["users"]
    assert told["role_arn"] is told["home_directory_mappings"] is None


def test_a_user_that_stays_is_not_told_as_deleted() -> None:
    report = report_users(SERVER, [outcome(PLAIN, PLAIN)], [], single=True)
    assert "msg" not in report.result
    assert report.result["deleted_user"] is None


def test_warnings_of_outcomes_come_after_those_of_options() -> None:
    report = report_users(SERVER, [outcome(PLAIN, PLAIN, warnings=("second",))], ["first"], single=True)
    assert list(report.warnings) == ["first", "second"]


@pytest.mark.parametrize("numbers", [(1, 2, 3, 4), (4, 3, 2, 1)])
def test_a_diff_has_no_line_for_what_is_unset_and_keys_in_order(numbers: tuple[int, ...]) -> None:
    after = diff_of(None, replace(PLAIN, keys=tuple(held(number, line(number)) for number in numbers)))["after"]
    assert not [each for each in after.split("\n") if each.startswith(("policy", "home_directory:", "posix_profile"))]
    shown = [each for each in after.split("\n") if each.startswith("public_keys")]
    assert shown == sorted(f"public_keys: {fingerprint(line(number))}" for number in numbers)


def test_a_key_with_another_one_in_its_comment_is_declared_without_the_comment() -> None:
    """A lookup that joins files with a comma makes such a line, and AWS stores it."""
    joined = f"{line(2, 'alice')},{line(3, 'bob')}"
    user = replace(PLAIN, keys=(held(2, joined),))
    (told,) = report_read_users(SERVER, [ReadUser(USER, user, None)], NOW).result["users"]
    assert told["public_keys"] == [line(2)]
    assert told["ssh_public_keys"][0]["body"] == joined


def test_a_user_without_keys_may_be_declared_without_keys() -> None:
    (told,) = report_read_users(SERVER, [ReadUser(USER, replace(PLAIN, keys=()), None)], NOW).result["users"]
    assert (told["public_keys"], told["allow_empty"]) == ([], True)


def test_a_user_that_could_not_be_read() -> None:
    report = report_read_users(SERVER, [ReadUser(USER, PLAIN, None), ReadUser("other", None, ERROR)], NOW)
    first, second = report.result["users"]
    assert first["ssh_public_keys"][0]["age_days"] == 2515
    assert set(second) == {*first, "error"}
    assert {value for name, value in second.items() if name not in ("user_name", "error")} == {None}
    assert report.failure == f"1 of 2 users failed: other on {SERVER}: SomeCode: It broke. Run again."


# -- The outcome -------------------------------------------------------------------------------------------------------


def test_the_fields_of_one_user_are_also_at_the_top() -> None:
    result = report_users(SERVER, [outcome(None, PLAIN, created=True)], ["first"], single=True)
    (user,) = result.result["users"]
    assert result.warnings == ["first"]
    assert {**result.result, **user} == result.result
    assert (user["state"], user["created"], user["changed"], user["deleted_user"]) == ("present", True, True, None)
    assert list(user["tags"]) == ["a", "b"]


def test_what_went_with_a_deleted_user_is_told() -> None:
    report = report_users(SERVER, [outcome(PLAIN, None, gone=True)], [], single=False)
    (user,) = report.result["users"]
    assert (user["state"], user["role_arn"], user["ssh_public_keys"]) == ("absent", None, None)
    assert user["deleted_user"]["tags"] == {"a": "1", "b": "2"}
    assert report.result["msg"] == (
        f"With the user {USER} go its keys: {fingerprint(line(1))} laptop; and its tags: a=1, b=2."
    )


def test_what_went_is_told_with_a_failure() -> None:
    outcomes = [outcome(PLAIN, None, gone=True), outcome(None, None, error=ERROR)]
    report = report_users(SERVER, outcomes, [], single=False)
    # The module's exit takes the failure as its msg.
    assert "msg" not in report.result
    assert str(report.failure).startswith("1 of 2 users failed: ")
    assert f"With the user {USER} go its keys: " in str(report.failure)


def test_what_is_not_known_is_null() -> None:
    report = report_users(SERVER, [outcome(PLAIN, PLAIN, is_known=False, error=ERROR)], [], single=False)
    (user,) = report.result["users"]
    assert (user["state"], user["role_arn"], user["tags"], user["ssh_public_keys"]) == (None,) * 4
    assert user["error"] == ERROR.result()


def test_a_failure_names_user_server_and_region() -> None:
    region = Region("eu-central-1", "the option region")
    report = report_users(SERVER, [outcome(None, None, error=ERROR)], [], single=True, region=region)
    assert report.failure == (
        f"{USER} on {SERVER}: SomeCode: It broke. Run again. The region was eu-central-1, from the option region."
    )


def test_no_users() -> None:
    report = report_users(SERVER, [], [], single=False)
    assert (report.result["changed"], report.result["diff"]) == (False, [])
    assert "users is an empty list" in report.result["msg"]


# -- The diff ----------------------------------------------------------------------------------------------------------


def test_a_diff_has_a_line_for_each_value() -> None:
    user = replace(
        PLAIN,
        home_directory="/bucket",
        policy='{"Version":"2012-10-17","Id":"x"}',
        posix_profile=PosixProfile(1, 2, (4, 3)),
    )
    assert diff_of(None, user)["before"] == ""
    assert diff_of(None, user)["after"].splitlines() == [
        "role_arn: role",
        "home_directory: /bucket",
        "home_directory_type: PATH",
        "policy: {",
        '  "Id": "x",',
        '  "Version": "2012-10-17"',
        "}",
        'posix_profile: {"uid": 1, "gid": 2, "secondary_gids": [3, 4]}',
        "tags.a: 1",
        "tags.b: 2",
        f"public_keys: {fingerprint(line(1))} laptop",
    ]


ESCAPES = "a\nb\x1b[2J\u202e"


def test_no_value_makes_a_line_of_a_diff_or_does_anything_to_a_terminal() -> None:
    user = replace(
        PLAIN, policy=json.dumps({"a": ESCAPES}, ensure_ascii=False), home_directory=ESCAPES, tags={"t": ESCAPES}
    )
    lines = diff_of(None, user)["after"].split("\n")
    assert all(line.isprintable() for line in lines)
    assert "tags.t: a b [2J" in lines
    assert '  "a": "a\\nb\\u001b[2J "' in lines
    assert "policy: no  JSON" in diff_of(None, replace(PLAIN, policy="no \nJSON"))["after"].split("\n")


def test_what_went_with_a_deleted_user_does_nothing_to_a_terminal() -> None:
    gone = outcome(replace(PLAIN, tags={"t": ESCAPES}), None, gone=True)
    assert report_users(SERVER, [gone], [], single=True).result["msg"].endswith("its tags: t=a b [2J.")


def test_no_body_of_a_key_is_in_a_diff() -> None:
    assert line(1).split(" ")[1] not in str(diff_of(None, PLAIN))


def test_only_users_that_change_have_a_diff_among_many() -> None:
    outcomes = [outcome(PLAIN, PLAIN), outcome(PLAIN, None)]
    assert len(report_users(SERVER, outcomes, [], single=False).result["diff"]) == 1
