# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What modules return of the keys of users, and that check mode foretells it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._report import EMPTY_LIST, Region
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.plan import (
    HeldKey,
    KeysOutcome,
    WantedKeys,
    plan_keys,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.report import (
    report_keys,
    report_read_keys,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user import ReadUser, User
from ansible_collections.sshkeys.aws.tests.unit.transfer_users import (
    DSS,
    NOW,
    SERVER,
    UNREADABLE,
    USER,
    carried_out,
    fingerprint,
    held,
    key,
    line,
    wanteds,
    what_happened,
    worlds,
)
from hypothesis import given, strategies as st


def read(name: str, keys: tuple[HeldKey, ...] | None, error: ServiceError | None) -> ReadUser:
    """Return a user with its keys, or that it could not be read."""
    return ReadUser(name, None if keys is None else User(name, "arn", "role", keys=keys), error)


# -- What is foretold is what happens ---------------------------------------------------------------------------------


def without_what_the_service_decides(value: Any) -> Any:
    """Return a result with no ids and dates."""
    if isinstance(value, dict):
        unknown = ("id", "date_imported")
        return {
            field: without_what_the_service_decides(inner) for field, inner in value.items() if field not in unknown
        }
    if isinstance(value, list):
        return [without_what_the_service_decides(inner) for inner in value]
    return value


@given(worlds, wanteds(), st.booleans())
def test_what_is_foretold_happens(world: tuple[HeldKey, ...], wanted: WantedKeys, single: bool) -> None:
    todo = plan_keys(world, wanted)
    foretold = report_keys(SERVER, [todo.after], [], single=single)
    real = report_keys(SERVER, [what_happened(world, todo)], [], single=single)
    assert without_what_the_service_decides(foretold.result) == without_what_the_service_decides(real.result)
    assert list(foretold.warnings) == list(real.warnings) == []
    assert foretold.failure is real.failure is None
    assert json.loads(json.dumps(foretold.result)) == foretold.result


def test_what_is_foretold_happens_when_the_comment_does_not_fit() -> None:
    # The service stores no more than 2048 characters.
    todo = plan_keys((), WantedKeys(USER, True, False, (key(1, "comment " * 400),)))
    foretold = report_keys(SERVER, [todo.after], [], single=True)
    real = report_keys(SERVER, [what_happened((), todo)], [], single=True)
    assert without_what_the_service_decides(foretold.result) == without_what_the_service_decides(real.result)


def test_a_key_that_is_not_imported_yet_has_no_id_and_no_date() -> None:
    todo = plan_keys((held(1, line(1)),), WantedKeys(USER, True, True, (key(2, "new"),)))
    result = report_keys(SERVER, [todo.after], [], single=True).result
    for told in (result["ssh_public_keys"], result["imported"]):
        assert [(entry["id"], entry["date_imported"], entry["body"]) for entry in told] == [
            (None, None, line(2, "new"))
        ]
    assert [entry["id"] for entry in result["deleted"]] == [held(1, "").id]


@pytest.mark.parametrize("present", [True, False])
def test_a_user_that_does_not_exist_is_foretold_to_be_made(present: bool) -> None:
    todo = plan_keys(None, WantedKeys(USER, present, False, (key(1),)))
    assert not todo.is_done
    told = report_keys(SERVER, [todo.after], ["first"], single=True)
    assert told.failure is None
    assert told.result["changed"] == present
    assert [entry["body"] for entry in told.result["ssh_public_keys"]] == ([line(1)] if present else [])
    first, second = told.warnings
    assert first == "first"
    assert USER in second
    assert "does not exist" in second


@pytest.mark.parametrize("body", [*UNREADABLE, DSS])
def test_what_nobody_would_import_today_can_be_deleted(body: str) -> None:
    world = (held(1, body), held(2, line(1)))
    assert plan_keys(world, WantedKeys(USER, True, True, (key(1),))).deletions == world[:1]
    assert plan_keys(world, WantedKeys(USER, True, False, (key(1),))).is_done
    assert plan_keys(world, WantedKeys(USER, False, False, (), (str(world[0].id),))).deletions == world[:1]
    (user,) = report_keys(SERVER, [KeysOutcome(USER, world, world)], [], single=False).result["users"]
    (told,) = [entry for entry in user["ssh_public_keys"] if entry["id"] == world[0].id]
    assert told["body"] == body
    if body == DSS:
        assert (told["type"], told["bits"], told["fingerprint"]) == ("ssh-dss", 1024, fingerprint(DSS))
    else:
        assert [told[field] for field in ("type", "bits", "fingerprint", "fingerprint_md5", "comment")] == [None] * 5


# -- Reports ----------------------------------------------------------------------------------------------------------

ERROR = ServiceError("SomeCode", "It broke", "Run again.")


def outcome(name: str, before: Sequence[HeldKey] | None, after: Sequence[HeldKey] | None, **more: Any) -> KeysOutcome:
    return KeysOutcome(name, None if before is None else tuple(before), None if after is None else tuple(after), **more)


def test_result_of_a_key() -> None:
    (user,) = report_keys(SERVER, [outcome(USER, [], [held(1, line(1, "laptop"))])], [], single=False).result["users"]
    (told,) = user["ssh_public_keys"]
    assert told == {
        "id": "key-00000000000000001",
        "body": line(1, "laptop"),
        "type": "ssh-ed25519",
        "bits": 256,
        "fingerprint": fingerprint(line(1)),
        "fingerprint_md5": key(1).fingerprint_md5,
        "comment": "laptop",
        "date_imported": "2020-01-02T00:00:00Z",
    }


def test_report_of_a_single_user() -> None:
    old, new = held(1, line(1, "old")), held(2, line(2, "new"))
    told = report_keys(SERVER, [outcome(USER, [old], [new], imported=(new,), deleted=(old,))], ["w"], single=True)
    (user,) = told.result["users"]
    assert told.result == {
        **user,
        "changed": True,
        "server_id": SERVER,
        "users": [user],
        "diff": {
            "before_header": f"{USER} on {SERVER}",
            "after_header": f"{USER} on {SERVER}",
            "before": f"{fingerprint(line(1))} old\n",
            "after": f"{fingerprint(line(2))} new\n",
        },
    }
    assert (user["user_name"], user["changed"]) == (USER, True)
    assert [entry["id"] for entry in user["ssh_public_keys"]] == [new.id]
    assert [entry["id"] for entry in user["imported"]] == [new.id]
    assert [entry["id"] for entry in user["deleted"]] == [old.id]
    assert (told.failure, list(told.warnings)) == (None, ["w"])


def test_report_of_many_users() -> None:
    one = held(1, line(1, "one"))
    outcomes = [
        outcome("changed", [], [one], imported=(one,)),
        outcome("same", [one], [one]),
        outcome("unread", None, None, error=ERROR),
    ]
    told = report_keys(SERVER, outcomes, [], single=False)
    assert set(told.result) == {"changed", "server_id", "users", "diff"}
    assert told.result["changed"] is True
    assert [(user["user_name"], user["changed"]) for user in told.result["users"]] == [
        ("changed", True),
        ("same", False),
        ("unread", False),
    ]
    assert told.result["users"][2]["ssh_public_keys"] is None
    assert told.result["users"][2]["error"] == {"code": "SomeCode", "message": "It broke", "hint": "Run again."}
    assert all("error" not in user for user in told.result["users"][:2])
    (diff,) = told.result["diff"]
    assert diff["after_header"] == f"changed on {SERVER}"
    assert told.failure == f"1 of 3 users failed: unread on {SERVER}: SomeCode: It broke. Run again."


def test_what_was_done_is_told_when_it_failed_in_the_middle() -> None:
    one, two = held(1, line(1)), held(2, line(2))
    told = report_keys(SERVER, [outcome(USER, [one], [one, two], imported=(two,), error=ERROR)], [], single=True)
    assert told.result["changed"] is True
    assert told.result["error"]["code"] == "SomeCode"
    assert len(told.result["ssh_public_keys"]) == 2
    assert told.failure == f"{USER} on {SERVER}: SomeCode: It broke. Run again."


def test_more_than_ten_failures_are_cut() -> None:
    outcomes = [outcome(f"user{number:02}", None, None, error=ERROR) for number in range(12)]
    failure = report_keys(SERVER, outcomes, [], single=False).failure
    assert failure
    assert failure.startswith("12 of 12 users failed: ")
    assert re.findall(r"[Aa]nd (\d+) more", failure) == ["2"]
    assert [number for number in range(12) if f"user{number:02}" in failure] == list(range(10))


@given(worlds, wanteds())
def test_diff_is_a_sorted_line_for_each_key(world: tuple[HeldKey, ...], wanted: WantedKeys) -> None:
    todo = plan_keys(world, wanted)
    diff = report_keys(SERVER, [what_happened(world, todo)], [], single=True).result["diff"]
    for side, keys in (("before", world), ("after", carried_out(world, todo))):
        lines = diff[side].splitlines()
        assert lines == sorted(lines)
        assert sorted(diff[side].split("\n")) == sorted(["", *map(diff_line, keys)])


def diff_line(other: HeldKey) -> str:
    if not other.key:
        return f"{other.id} (unreadable)"
    return f"{fingerprint(other.key.line)} {other.key.comment}".rstrip()


def test_no_body_of_a_key_is_in_a_diff() -> None:
    diff = report_keys(SERVER, [outcome(USER, [held(1, line(1))], [held(2, "garbage")])], [], single=True).result[
        "diff"
    ]
    assert line(1).split(" ")[1] not in str(diff)
    assert "garbage" not in str(diff)


# -- What the info module tells ---------------------------------------------------------------------------------------


def test_report_of_holdings() -> None:
    holdings = [read("one", (held(1, line(1)),), None), read("none", (), None), read("unread", None, ERROR)]
    told = report_read_keys(SERVER, holdings, NOW)
    assert (told.result["changed"], told.result["server_id"]) == (False, SERVER)
    one, none, unread = told.result["users"]
    assert one == {"user_name": "one", "ssh_public_keys": [{**held(1, line(1)).result(), "age_days": 2515}]}
    assert none == {"user_name": "none", "ssh_public_keys": []}
    assert unread == {"user_name": "unread", "ssh_public_keys": None, "error": ERROR.result()}
    assert told.failure == f"1 of 3 users failed: unread on {SERVER}: SomeCode: It broke. Run again."
    assert report_read_keys(SERVER, holdings[:2], NOW).failure is None


@given(
    st.permutations([held(number, body) for number, body in enumerate([line(1), line(2, "b"), line(1, "c"), "", "x"])])
)
def test_order_of_the_service_does_not_matter(keys: list[HeldKey]) -> None:
    told = report_read_keys(SERVER, [read(USER, tuple(keys), None)], NOW).result
    (user,) = told["users"]
    prints = [entry["fingerprint"] for entry in user["ssh_public_keys"]]
    assert prints == [*sorted(filter(None, prints)), None, None]
    assert told == report_read_keys(SERVER, [read(USER, tuple(sorted(keys, key=str)), None)], NOW).result


@pytest.mark.parametrize("region", [None, Region("eu-central-1", "the option region")])
def test_a_failure_names_the_region_where_it_is_known(region: Region | None) -> None:
    told = [
        report_keys(SERVER, [outcome(USER, None, None, error=ERROR)], [], single=True, region=region),
        report_read_keys(SERVER, [read(USER, None, ERROR)], NOW, region),
    ]
    end = " The region was eu-central-1, from the option region." if region else ""
    assert [report.failure for report in told] == [f"{USER} on {SERVER}: SomeCode: It broke. Run again.{end}"] * 2


def test_no_users_is_nothing_to_do() -> None:
    told = report_keys(SERVER, [], [], single=False)
    assert (told.failure, told.result["changed"], told.result["diff"]) == (None, False, [])
    assert told.result["msg"] == EMPTY_LIST.format("users")
    assert "msg" not in report_keys(SERVER, [outcome(USER, [], [])], [], single=False).result


def test_warnings_of_users_follow_those_of_the_task() -> None:
    warnings = {"anna": "of anna", "bert": None, "carl": "of carl"}
    outcomes = [outcome(name, [], [], warning=warning) for name, warning in warnings.items()]
    told = report_keys(SERVER, outcomes, ["of the task"], single=False)
    assert list(told.warnings) == ["of the task", "of anna", "of carl"]
