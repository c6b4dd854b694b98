# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps that a declaration asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.plan import WantedKeys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user import (
    HomeDirectoryMapping,
    PosixProfile,
    User,
    WantedUser,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_plan import UserOutcome, plan_user
from ansible_collections.sshkeys.aws.tests.unit.transfer_users import USER, held, key, line

ROLE = "arn:aws:iam::123456789012:role/transfer"
ROOT = HomeDirectoryMapping("/", "/bucket")
HELD = User(
    USER,
    "arn",
    ROLE,
    home_directory="/bucket",
    home_directory_type="LOGICAL",
    home_directory_mappings=(ROOT,),
    policy='{"Version": "2012-10-17"}',
    posix_profile=PosixProfile(1, 2),
    tags={"a": "1", "aws:stack": "x"},
    keys=(held(1, line(1)),),
)


@pytest.mark.parametrize(
    ("declared", "fields"),
    [
        ({"role_arn": ROLE}, {}),
        ({"role_arn": f"{ROLE}-2"}, {"role_arn": f"{ROLE}-2"}),
        ({"home_directory": "/bucket"}, {}),
        ({"home_directory": ""}, {"home_directory": ""}),
        ({"policy": '{"Version":"2012-10-17"}'}, {}),
        ({"policy": ""}, {"policy": ""}),
        ({"posix_profile": PosixProfile(1, 2)}, {}),
        ({"posix_profile": PosixProfile(1, 3)}, {"posix_profile": PosixProfile(1, 3)}),
        ({"home_directory_type": "LOGICAL", "home_directory_mappings": (ROOT,)}, {}),
        # The type stays, so only the mappings are sent.
        (
            {"home_directory_type": "LOGICAL", "home_directory_mappings": (ROOT._replace(target="/b"),)},
            {"home_directory_mappings": (ROOT._replace(target="/b"),)},
        ),
        ({"home_directory_type": "PATH", "home_directory_mappings": ()}, {"home_directory_type": "PATH"}),
        ({"home_directory_type": "PATH"}, {"home_directory_type": "PATH"}),
    ],
)
def test_only_what_differs_is_changed(declared: dict[str, Any], fields: dict[str, Any]) -> None:
    todo = plan_user(HELD, WantedUser(USER, **declared))
    assert todo.fields == fields
    assert todo.is_done == (not fields)
    hidden = ["home_directory_mappings"] if fields.get("home_directory_type") == "PATH" else []
    assert list(todo.updated) == sorted([*fields, *hidden])


@pytest.mark.parametrize(
    ("tags", "purge_tags", "untag", "tag"),
    [
        (None, True, (), {}),
        ({"a": "1"}, True, (), {}),
        ({"a": "2"}, True, (), {"a": "2"}),
        ({"b": "1"}, True, ("a",), {"b": "1"}),
        ({"b": "1"}, False, (), {"b": "1"}),
        ({}, True, ("a",), {}),
        ({}, False, (), {}),
        ({"a": "1", "aws:stack": "x"}, True, (), {}),
        # Another server's, or what nobody may set.
        ({"a": "1", "aws:stack": "y", "AWS:other": "z"}, True, (), {}),
    ],
)
def test_tags(tags: dict[str, str] | None, purge_tags: bool, untag: tuple[str, ...], tag: dict[str, str]) -> None:
    todo = plan_user(HELD, WantedUser(USER, tags=tags, purge_tags=purge_tags))
    assert (todo.untag, todo.tag) == (untag, tag)
    assert todo.is_done == (not untag and not tag)


def test_a_new_user_needs_a_role_and_gets_only_what_is_set() -> None:
    wanted = WantedUser(USER, role_arn=ROLE, home_directory="", policy="", tags={}, home_directory_type="PATH")
    todo = plan_user(None, wanted)
    assert (todo.creation, todo.fault, todo.first_key) == (True, None, None)
    assert todo.fields == {"role_arn": ROLE, "home_directory_type": "PATH"}
    assert plan_user(None, WantedUser(USER)).fault
    assert not plan_user(HELD, WantedUser(USER)).fault


def test_a_user_is_created_with_the_first_of_its_keys() -> None:
    todo = plan_user(None, WantedUser(USER, role_arn=ROLE, keys=WantedKeys(USER, True, True, (key(2), key(1)))))
    assert todo.first_key == key(2)
    assert plan_user(HELD, WantedUser(USER, keys=WantedKeys(USER, True, True, (key(2),)))).first_key is None


def test_tags_of_aws_are_not_given_to_a_new_user() -> None:
    todo = plan_user(None, WantedUser(USER, role_arn=ROLE, tags=HELD.tags))
    assert todo.tag == {"a": "1"}
    assert todo.outcome.after
    assert todo.outcome.after.tags == {"a": "1"}


@pytest.mark.parametrize("before", [HELD, replace(HELD, home_directory_mappings=(), home_directory_type="PATH")])
def test_what_is_told_as_updated_is_what_differs(before: User) -> None:
    wanted = WantedUser(
        USER, home_directory_type="PATH", home_directory_mappings=(), tags={}, policy="", role_arn="other"
    )
    outcome = plan_user(before, wanted).outcome
    assert outcome.after
    after = vars(outcome.after)
    changed = [name for name, value in vars(before).items() if after[name] != value]
    assert list(outcome.updated) == sorted(changed)


@pytest.mark.parametrize(
    ("declared", "warning"),
    [
        (
            {"home_directory_type": "PATH", "home_directory_mappings": (), "home_directory": ""},
            "home_directory_mappings is empty",
        ),
        ({"policy": ""}, "policy is empty"),
        # This one is no accident.
        ({"home_directory_type": "PATH", "home_directory": ""}, None),
        ({"policy": "{}"}, None),
    ],
)
def test_an_empty_value_that_opens_more_is_a_warning(declared: dict[str, Any], warning: str | None) -> None:
    wanted = WantedUser(USER, role_arn=ROLE, **declared)
    found = plan_user(HELD, wanted).outcome.warnings
    assert [warning in each for each in found if warning] == [True] * bool(warning)
    assert len(found) == bool(warning)
    plain = User(USER, "arn", ROLE)
    assert plan_user(plain, wanted).outcome.warnings == plan_user(None, wanted).outcome.warnings == ()


def test_keys_beside_a_deletion_may_be_all_that_should_go() -> None:
    gone = WantedUser(USER, present=False, names_keys=True)
    assert "To take only keys away" in plan_user(HELD, gone).outcome.warnings[0]
    assert plan_user(None, gone).outcome.warnings == ()
    assert plan_user(HELD, replace(gone, names_keys=False)).outcome.warnings == ()


@pytest.mark.parametrize(
    ("home", "entries", "warns"),
    [
        ("/out", ["/in"], True),
        ("/incoming", ["/in"], True),
        ("/in", ["/out", "/in"], False),
        ("/in/below", ["/in/"], False),
        ("/anything", ["/"], False),
        ("/", ["/in"], False),
        ("", ["/in"], False),
    ],
)
def test_a_home_in_no_mapping_is_a_warning(home: str, entries: list[str], warns: bool) -> None:
    mappings = tuple(HomeDirectoryMapping(entry, "/bucket") for entry in entries)
    wanted = WantedUser(
        USER,
        role_arn=ROLE,
        home_directory=home,
        home_directory_type="LOGICAL",
        home_directory_mappings=mappings,
    )
    for held_before in (None, User(USER, "arn", ROLE)):
        assert ["AWS refuses that" in each for each in plan_user(held_before, wanted).outcome.warnings] == (
            [True] if warns else []
        )
    # What is so already is not told each time.
    held_now = replace(HELD, home_directory=home, home_directory_mappings=mappings)
    assert plan_user(held_now, WantedUser(USER, tags={})).outcome.warnings == ()


def test_a_home_that_stays_while_its_meaning_changes_is_a_warning() -> None:
    path = User(USER, "arn", ROLE, home_directory="/bucket/home")
    mapped = WantedUser(USER, home_directory_type="LOGICAL", home_directory_mappings=(ROOT,))
    (found,) = plan_user(path, mapped).outcome.warnings
    assert "stays '/bucket/home', and is a path that the user sees from now on" in found
    (found,) = plan_user(HELD, WantedUser(USER, home_directory_type="PATH")).outcome.warnings
    assert "is a path in S3 or EFS from now on" in found
    assert plan_user(path, replace(mapped, home_directory="")).outcome.warnings == ()


def test_deletion() -> None:
    gone = WantedUser(USER, present=False)
    todo = plan_user(HELD, gone)
    assert (todo.deletion, todo.is_done, todo.outcome.gone, todo.outcome.changed) == (True, False, True, True)
    todo = plan_user(None, gone)
    assert (todo.deletion, todo.is_done, todo.outcome.gone, todo.outcome.changed) == (False, True, False, False)


def test_keys_alone_are_something_to_do() -> None:
    assert not plan_user(HELD, WantedUser(USER, keys=WantedKeys(USER, True, False, (key(2),)))).is_done
    assert plan_user(HELD, WantedUser(USER, keys=WantedKeys(USER, True, False, (key(1),)))).is_done


def test_nothing_of_a_new_user_is_updated() -> None:
    assert plan_user(None, WantedUser(USER, role_arn=ROLE, tags={"a": "1"})).updated == ()


def test_mappings_that_are_not_there_are_not_taken_away() -> None:
    todo = plan_user(replace(HELD, home_directory_mappings=()), WantedUser(USER, home_directory_type="PATH"))
    assert todo.updated == ("home_directory_type",)


def test_logical_needs_mappings() -> None:
    plain = replace(HELD, home_directory_type="PATH", home_directory_mappings=())
    todo = plan_user(plain, WantedUser(USER, home_directory_type="LOGICAL"))
    assert todo.fault
    assert "has no mappings" in todo.fault.message
    assert (todo.outcome.after, todo.outcome.changed) == (plain, False)
    wanted = WantedUser(USER, home_directory_type="LOGICAL", home_directory_mappings=(ROOT,))
    assert not plan_user(plain, wanted).fault


def test_a_user_without_a_role_is_a_missing_user() -> None:
    fault = plan_user(None, WantedUser(USER)).fault
    assert fault
    assert (fault.is_missing_user, fault.resource_type) == (True, "User")


def test_a_tag_gets_its_new_value() -> None:
    after = plan_user(HELD, WantedUser(USER, tags={"a": "2"})).outcome.after
    assert after
    assert after.tags == {"a": "2", "aws:stack": "x"}


def test_the_order_of_groups_is_no_difference() -> None:
    before = replace(HELD, posix_profile=PosixProfile(1, 2, (5, 7)))
    assert plan_user(before, WantedUser(USER, posix_profile=PosixProfile(1, 2, (7, 5)))).is_done


@pytest.mark.parametrize("in_doubt", [True, False])
def test_what_nobody_knows_counts_as_a_change(in_doubt: bool) -> None:
    error = ServiceError("Code", "It broke", "Run again.", in_doubt=in_doubt)
    assert UserOutcome(USER, HELD, HELD, error=error).changed is in_doubt


def test_what_path_hides_is_not_foretold() -> None:
    after = plan_user(HELD, WantedUser(USER, home_directory_type="PATH")).outcome.after
    assert after
    assert after.home_directory_mappings == ()
