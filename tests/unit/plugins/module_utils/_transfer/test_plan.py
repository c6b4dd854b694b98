# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans for the keys of a user, carried out in a small model of the service that stores what it is given."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import PublicKey, parse_public_key
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.policy import transfer_body
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.names import check_server_id, check_user_name
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.plan import (
    HeldKey,
    UserOutcome,
    UserPlan,
    Wanted,
    plan_user,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.report import Holding, report_holdings, report_users
from ansible_collections.sshkeys.aws.tests.unit.keys import dss_blob, ed25519_blob, key_pair, line_of, rsa_line, runs
from ansible_collections.sshkeys.aws.tests.unit.models import allows, near
from hypothesis import given, settings, strategies as st

SERVER = "s-01234567890abcdef"
USER = "partner"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


def line(number: int, comment: str = "") -> str:
    return line_of(ed25519_blob(bytes([number]) * 32), comment)


def key(number: int, comment: str = "") -> PublicKey:
    return parse_public_key(line(number, comment))


def fingerprint(text: str) -> str:
    """Return the SHA256 fingerprint of a line, as ssh-keygen defines it."""
    digest = hashlib.sha256(base64.b64decode(text.split(" ")[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def held(number: int, body: str) -> HeldKey:
    return HeldKey.stored(f"key-{number:017x}", body, LONG_AGO + timedelta(days=number))


# -- A small model of the service -------------------------------------------------------------------------------------

UNREADABLE = ("", "garbage", "ssh-rsa", "ssh-ed25519 AAAA", "\x00", "ssh-rsa !!!! x", rsa_line(512))
DSS = line_of(dss_blob(), "old")

numbers = st.integers(0, 5)
some_comments = st.sampled_from(["", "laptop", "phone of somebody", "größer, 日本"])
bodies = st.one_of(
    st.builds(line, numbers, some_comments),
    st.builds(line, numbers, some_comments),
    st.sampled_from([*UNREADABLE, DSS]),
    st.text(max_size=30),
)
# The service may hold a key twice, and what nobody would import today.
worlds = st.lists(bodies, max_size=6).map(lambda held_bodies: tuple(held(*pair) for pair in enumerate(held_bodies)))
wanted_keys = st.dictionaries(numbers, some_comments, max_size=4).map(
    lambda wanted: tuple(key(number, comment) for number, comment in wanted.items())
)


some_ids = st.lists(st.integers(0, 8).map("key-{:017x}".format), max_size=3).map(tuple)


@st.composite
def wanteds(draw: st.DrawFn) -> Wanted:
    present = draw(st.booleans())
    exclusive, keys, key_ids = present and draw(st.booleans()), draw(wanted_keys), draw(some_ids)
    replaces = key_ids if present and not exclusive and keys else ()
    return Wanted(USER, present, exclusive, keys, () if present else key_ids, replaces)


def steps(world: tuple[HeldKey, ...], todo: UserPlan) -> Iterator[tuple[HeldKey, ...]]:
    """Yield what the user holds after each step of a plan."""
    for number, wanted in enumerate(todo.imports, start=100):
        assert not any(other.key and other.key.identity == wanted.identity for other in world), (
            "ResourceExistsException"
        )
        world = (*world, replace(held(number, transfer_body(wanted)), date_imported=NOW))
        yield world
    for doomed in todo.deletions:
        assert doomed in world, "ResourceNotFoundException"
        world = tuple(other for other in world if other.id != doomed.id)
        yield world


def carried_out(world: tuple[HeldKey, ...], todo: UserPlan) -> tuple[HeldKey, ...]:
    return [world, *steps(world, todo)][-1]


def identities(keys: Sequence[HeldKey] | Sequence[PublicKey]) -> set[Any]:
    """Return what the keys are, whatever their comments; an unreadable one is only itself."""
    return {
        (other.key.identity if other.key else other.id) if isinstance(other, HeldKey) else other.identity
        for other in keys
    }


@pytest.mark.parametrize(
    ("outcome", "changed"),
    [
        (UserOutcome(USER, (), ()), False),
        (UserOutcome(USER, (), (), imported=(held(1, line(1)),)), True),
        (UserOutcome(USER, (), (), deleted=(held(1, line(1)),)), True),
        (UserOutcome(USER, (), (), error=ServiceError("Code", "It broke", "Run again.")), False),
        (UserOutcome(USER, (), (), error=ServiceError("Code", "It broke", "Run again.", in_doubt=True)), True),
    ],
)
def test_changed(outcome: UserOutcome, *, changed: bool) -> None:
    assert outcome.changed is changed


# -- Laws of plans ----------------------------------------------------------------------------------------------------


@given(worlds, wanteds())
@settings(max_examples=200)
def test_a_plan_carried_out_leaves_nothing_to_do(world: tuple[HeldKey, ...], wanted: Wanted) -> None:
    todo = plan_user(world, wanted)
    after = carried_out(world, todo)
    again = plan_user(after, wanted)
    assert again.is_done
    assert not again.after.changed
    assert todo.is_done == (after == world)


@given(worlds, wanted_keys)
def test_exclusive_means_exactly_these(world: tuple[HeldKey, ...], keys: tuple[PublicKey, ...]) -> None:
    after = carried_out(world, plan_user(world, Wanted(USER, True, True, keys)))
    assert identities(after) == identities(keys)


@given(worlds, wanted_keys)
def test_present_adds_and_never_deletes(world: tuple[HeldKey, ...], keys: tuple[PublicKey, ...]) -> None:
    todo = plan_user(world, Wanted(USER, True, False, keys))
    assert todo.deletions == ()
    after = carried_out(world, todo)
    assert after[: len(world)] == world
    assert identities(after) == identities(world) | identities(keys)


@given(worlds, wanted_keys.filter(bool), some_ids)
def test_replaces_removes_these_and_no_wanted_key(
    world: tuple[HeldKey, ...], keys: tuple[PublicKey, ...], replaces: tuple[str, ...]
) -> None:
    after = carried_out(world, plan_user(world, Wanted(USER, True, False, keys, (), replaces)))
    kept = tuple(other for other in world if other.id not in replaces or identities([other]) & identities(keys))
    assert after[: len(kept)] == kept
    assert identities(after) == identities(kept) | identities(keys)


@given(worlds, wanted_keys, st.lists(st.integers(0, 8), max_size=4))
def test_absent_removes_these_and_never_imports(
    world: tuple[HeldKey, ...], keys: tuple[PublicKey, ...], gone: list[int]
) -> None:
    key_ids = tuple(f"key-{number:017x}" for number in gone)
    todo = plan_user(world, Wanted(USER, False, False, keys, key_ids))
    assert todo.imports == ()
    after = carried_out(world, todo)
    assert after == tuple(
        other for other in world if other.id not in key_ids and not identities([other]) & identities(keys)
    )


@given(worlds, wanteds(), st.data())
def test_comments_never_matter(world: tuple[HeldKey, ...], wanted: Wanted, data: st.DataObject) -> None:
    def with_another_comment(other: HeldKey) -> HeldKey:
        if not other.key:
            return other
        return HeldKey.stored(str(other.id), f"{other.key.line} {data.draw(some_comments)}", other.date_imported)

    renamed = tuple(with_another_comment(other) for other in world)
    keys = tuple(replace(other, comment=data.draw(some_comments)) for other in wanted.keys)
    one, other = plan_user(world, wanted), plan_user(renamed, replace(wanted, keys=keys))
    assert [imported.identity for imported in one.imports] == [imported.identity for imported in other.imports]
    assert [doomed.id for doomed in one.deletions] == [doomed.id for doomed in other.deletions]


@given(worlds, wanted_keys.filter(bool), st.none() | some_ids)
def test_nobody_is_locked_out_by_a_rotation(
    world: tuple[HeldKey, ...], keys: tuple[PublicKey, ...], replaces: tuple[str, ...] | None
) -> None:
    todo = plan_user(world, Wanted(USER, True, replaces is None, keys, (), replaces or ()))
    usable = identities(keys) | {other.key.identity for other in world if other.key}
    had_a_key = any(other.key for other in world)
    deleted = False
    for before, after in pairwise([world, *steps(world, todo)]):
        deleted = deleted or len(after) < len(before)
        assert not (deleted and len(after) > len(before)), "an import stands behind a deletion"
        assert identities(after) & usable or not had_a_key
        # Nothing old goes before all that is new is there.
        assert not deleted or identities(keys) <= identities(after)


@given(worlds, wanteds())
def test_order_of_imports_and_deletions_is_that_of_the_lists(world: tuple[HeldKey, ...], wanted: Wanted) -> None:
    todo = plan_user(world, wanted)
    assert list(todo.imports) == [wished for wished in wanted.keys if wished in todo.imports]
    assert list(todo.deletions) == [other for other in world if other in todo.deletions]


@pytest.mark.parametrize("body", [*UNREADABLE, DSS])
def test_what_nobody_would_import_today_can_be_deleted(body: str) -> None:
    world = (held(1, body), held(2, line(1)))
    assert plan_user(world, Wanted(USER, True, True, (key(1),))).deletions == world[:1]
    assert plan_user(world, Wanted(USER, True, False, (key(1),))).is_done
    assert plan_user(world, Wanted(USER, False, False, (), (str(world[0].id),))).deletions == world[:1]
    (user,) = report_users(SERVER, [UserOutcome(USER, world, world)], [], single=False).result["users"]
    (told,) = [entry for entry in user["ssh_public_keys"] if entry["id"] == world[0].id]
    assert told["body"] == body
    if body == DSS:
        assert (told["type"], told["bits"], told["fingerprint"]) == ("ssh-dss", 1024, fingerprint(DSS))
    else:
        assert [told[field] for field in ("type", "bits", "fingerprint", "fingerprint_md5", "comment")] == [None] * 5


def test_a_held_ssh_dss_key_can_be_named_by_its_text() -> None:
    world = (held(1, DSS), held(2, line(1)))
    assert plan_user(world, Wanted(USER, False, False, (parse_public_key(DSS),))).deletions == world[:1]


def test_a_key_held_twice() -> None:
    world = (held(1, line(1, "one")), held(2, line(1, "two")))
    assert plan_user(world, Wanted(USER, True, True, (key(1),))).is_done
    assert plan_user(world, Wanted(USER, False, False, (key(1),))).deletions == world


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


def what_happened(world: tuple[HeldKey, ...], todo: UserPlan) -> UserOutcome:
    after = carried_out(world, todo)
    imported = tuple(other for other in after if other.date_imported == NOW)
    return UserOutcome(USER, world, after, imported, todo.deletions)


@given(worlds, wanteds(), st.booleans())
@settings(max_examples=200)
def test_what_is_foretold_happens(world: tuple[HeldKey, ...], wanted: Wanted, single: bool) -> None:
    todo = plan_user(world, wanted)
    foretold = report_users(SERVER, [todo.after], [], single=single)
    real = report_users(SERVER, [what_happened(world, todo)], [], single=single)
    assert without_what_the_service_decides(foretold.result) == without_what_the_service_decides(real.result)
    assert list(foretold.warnings) == list(real.warnings) == []
    assert foretold.failure is real.failure is None
    assert json.loads(json.dumps(foretold.result)) == foretold.result


def test_what_is_foretold_happens_when_the_comment_does_not_fit() -> None:
    # The service stores no more than 2048 characters.
    todo = plan_user((), Wanted(USER, True, False, (key(1, "comment " * 400),)))
    foretold = report_users(SERVER, [todo.after], [], single=True)
    real = report_users(SERVER, [what_happened((), todo)], [], single=True)
    assert without_what_the_service_decides(foretold.result) == without_what_the_service_decides(real.result)


def test_a_key_that_is_not_imported_yet_has_no_id_and_no_date() -> None:
    todo = plan_user((held(1, line(1)),), Wanted(USER, True, True, (key(2, "new"),)))
    result = report_users(SERVER, [todo.after], [], single=True).result
    for told in (result["ssh_public_keys"], result["imported"]):
        assert [(entry["id"], entry["date_imported"], entry["body"]) for entry in told] == [
            (None, None, line(2, "new"))
        ]
    assert [entry["id"] for entry in result["deleted"]] == [held(1, "").id]


@pytest.mark.parametrize("present", [True, False])
def test_a_user_that_does_not_exist_is_foretold_to_be_made(present: bool) -> None:
    todo = plan_user(None, Wanted(USER, present, False, (key(1),)))
    assert not todo.is_done
    told = report_users(SERVER, [todo.after], ["first"], single=True)
    assert told.failure is None
    assert told.result["changed"] == present
    assert [entry["body"] for entry in told.result["ssh_public_keys"]] == ([line(1)] if present else [])
    first, second = told.warnings
    assert first == "first"
    assert USER in second
    assert "does not exist" in second


def test_a_user_with_nothing_declared_and_nothing_held_is_done() -> None:
    assert plan_user((), Wanted(USER, True, True, ())).is_done
    assert not plan_user(None, Wanted(USER, True, True, ())).is_done


# -- Reports ----------------------------------------------------------------------------------------------------------

ERROR = ServiceError("SomeCode", "It broke", "Run again.")


def outcome(name: str, before: Sequence[HeldKey] | None, after: Sequence[HeldKey] | None, **more: Any) -> UserOutcome:
    return UserOutcome(name, None if before is None else tuple(before), None if after is None else tuple(after), **more)


def test_result_of_a_key() -> None:
    (user,) = report_users(SERVER, [outcome(USER, [], [held(1, line(1, "laptop"))])], [], single=False).result["users"]
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


def test_date_in_another_time_zone() -> None:
    there = datetime(2026, 11, 21, 3, 0, 59, 999999, tzinfo=timezone(timedelta(hours=-7)))
    assert HeldKey.stored("key-1", line(1), there).result()["date_imported"] == "2026-11-21T10:00:59Z"


def test_report_of_a_single_user() -> None:
    old, new = held(1, line(1, "old")), held(2, line(2, "new"))
    told = report_users(SERVER, [outcome(USER, [old], [new], imported=(new,), deleted=(old,))], ["w"], single=True)
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
    told = report_users(SERVER, outcomes, [], single=False)
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
    told = report_users(SERVER, [outcome(USER, [one], [one, two], imported=(two,), error=ERROR)], [], single=True)
    assert told.result["changed"] is True
    assert told.result["error"]["code"] == "SomeCode"
    assert len(told.result["ssh_public_keys"]) == 2
    assert told.failure == f"{USER} on {SERVER}: SomeCode: It broke. Run again."


def test_more_than_ten_failures_are_cut() -> None:
    outcomes = [outcome(f"user{number:02}", None, None, error=ERROR) for number in range(12)]
    failure = report_users(SERVER, outcomes, [], single=False).failure
    assert failure
    assert failure.startswith("12 of 12 users failed: ")
    assert re.findall(r"[Aa]nd (\d+) more", failure) == ["2"]
    assert [number for number in range(12) if f"user{number:02}" in failure] == list(range(10))


@given(worlds, wanteds())
def test_diff_is_a_sorted_line_for_each_key(world: tuple[HeldKey, ...], wanted: Wanted) -> None:
    todo = plan_user(world, wanted)
    diff = report_users(SERVER, [what_happened(world, todo)], [], single=True).result["diff"]
    for side, keys in (("before", world), ("after", carried_out(world, todo))):
        lines = diff[side].splitlines()
        assert lines == sorted(lines)
        assert sorted(diff[side].split("\n")) == sorted(["", *map(diff_line, keys)])


def diff_line(other: HeldKey) -> str:
    if not other.key:
        return f"{other.id} (unreadable)"
    return f"{fingerprint(other.key.line)} {other.key.comment}".rstrip()


def test_no_body_of_a_key_is_in_a_diff() -> None:
    diff = report_users(SERVER, [outcome(USER, [held(1, line(1))], [held(2, "garbage")])], [], single=True).result[
        "diff"
    ]
    assert line(1).split(" ")[1] not in str(diff)
    assert "garbage" not in str(diff)


# -- What the info module tells ---------------------------------------------------------------------------------------


def test_report_of_holdings() -> None:
    holdings = [Holding("one", (held(1, line(1)),), None), Holding("none", (), None), Holding("unread", None, ERROR)]
    told = report_holdings(SERVER, holdings, NOW)
    assert (told.result["changed"], told.result["server_id"]) == (False, SERVER)
    one, none, unread = told.result["users"]
    assert one == {"user_name": "one", "ssh_public_keys": [{**held(1, line(1)).result(), "age_days": 2515}]}
    assert none == {"user_name": "none", "ssh_public_keys": []}
    assert unread == {"user_name": "unread", "ssh_public_keys": None, "error": ERROR.result()}
    assert told.failure == f"1 of 3 users failed: unread on {SERVER}: SomeCode: It broke. Run again."
    assert report_holdings(SERVER, holdings[:2], NOW).failure is None


@pytest.mark.parametrize(
    ("age", "days"),
    [
        (timedelta(0), 0),
        (timedelta(hours=23, minutes=59, seconds=59), 0),
        (timedelta(days=1), 1),
        (timedelta(days=1, hours=23), 1),
        (timedelta(days=366), 366),
        # The clock of the service is ahead of ours.
        (timedelta(seconds=-1), 0),
        (timedelta(minutes=-10), 0),
    ],
)
@pytest.mark.parametrize("hours", [0, 9, -7])
def test_age_days(age: timedelta, days: int, hours: int) -> None:
    imported = (NOW - age).astimezone(timezone(timedelta(hours=hours)))
    assert HeldKey.stored("key-1", line(1), imported).age_days(NOW) == days


def test_a_key_to_come_has_no_age() -> None:
    assert HeldKey.to_come(key(1)).age_days(NOW) is None


@given(
    st.permutations([held(number, body) for number, body in enumerate([line(1), line(2, "b"), line(1, "c"), "", "x"])])
)
def test_order_of_the_service_does_not_matter(keys: list[HeldKey]) -> None:
    told = report_holdings(SERVER, [Holding(USER, tuple(keys), None)], NOW).result
    (user,) = told["users"]
    prints = [entry["fingerprint"] for entry in user["ssh_public_keys"]]
    assert prints == [*sorted(filter(None, prints)), None, None]
    assert told == report_holdings(SERVER, [Holding(USER, tuple(sorted(keys, key=str)), None)], NOW).result


# -- Values are what the service's model allows -----------------------------------------------------------------------


def is_allowed(check: Callable[[str], object], value: str) -> bool:
    try:
        check(value)
    except ArgumentError as error:
        said = str(error)
    else:
        return True
    # What is much longer than it may be was not meant for this option, and need not be repeated.
    assert repr(value) in said or len(value) > 40
    return False


def wanted_user(name: str) -> Wanted:
    return Wanted(name, True, False, ())


def wanted_key_id(key_id: str) -> Wanted:
    return Wanted(USER, False, False, (), ("key-01234567890abcdef", key_id))


@pytest.mark.parametrize(
    "key_id", ["key-01234567890abcdef", "s-01234567890abcdef:user.name@example.com:public_key:1764090000.5"]
)
def test_replaces_takes_the_ids_of_aws_and_of_moto(key_id: str) -> None:
    assert Wanted(USER, True, False, (key(1),), (), (key_id,)).replaces == (key_id,)


@pytest.mark.parametrize("value", ["", "alice@my laptop", key(1).fingerprint, key(1).fingerprint_md5, line(1)])
def test_replaces_takes_ids_only(value: str) -> None:
    with pytest.raises(ArgumentError, match=r"replaces has .*not the id of a key"):
        Wanted(USER, True, False, (key(1),), (), ("key-01234567890abcdef", value))


@given(near("ServerId"))
@settings(max_examples=200)
def test_server_id(value: str) -> None:
    assert is_allowed(check_server_id, value) == allows("ServerId", value)


@given(near("UserName"))
@settings(max_examples=250)
def test_user_name(value: str) -> None:
    assert is_allowed(wanted_user, value) == is_allowed(check_user_name, value) == allows("UserName", value)


@given(near("SshPublicKeyId"))
@settings(max_examples=200)
def test_key_id(value: str) -> None:
    assert is_allowed(wanted_key_id, value) == allows("SshPublicKeyId", value)


@pytest.mark.parametrize(
    "key_id",
    [f"{SERVER}:partner:public_key:1764093600.0", "mock_ssh_public_key_id_{ssh_public_key_body}_{now}"],
)
def test_the_ids_of_moto_can_be_given_back(key_id: str) -> None:
    assert wanted_key_id(key_id).key_ids[1] == key_id


@pytest.mark.parametrize("check", [check_server_id, wanted_user, wanted_key_id])
def test_no_part_of_a_private_key_in_the_wrong_option_comes_out(check: Callable[[str], object]) -> None:
    private = key_pair("ed25519").private
    with pytest.raises(ArgumentError) as caught:
        check(private)
    assert not runs(str(caught.value), 8) & runs("".join(private.splitlines()[1:-1]), 8)


@pytest.mark.parametrize(
    ("shape", "check", "value", "allowed"),
    [
        ("ServerId", check_server_id, SERVER, True),
        ("ServerId", check_server_id, "s-01234567890ABCDEF", False),
        ("ServerId", check_server_id, f"{SERVER}\n", False),
        ("ServerId", check_server_id, f"{SERVER}0", False),
        ("ServerId", check_server_id, "", False),
        ("UserName", wanted_user, "abc", True),
        ("UserName", wanted_user, "ab", False),
        ("UserName", wanted_user, "_.-", True),
        ("UserName", wanted_user, ".ab", False),
        ("UserName", wanted_user, "user@corp.example.com", True),
        ("UserName", wanted_user, "a" * 100, True),
        ("UserName", wanted_user, "a" * 101, False),
        ("UserName", wanted_user, "größe", False),
        ("UserName", wanted_user, "abc\n", False),
        ("UserName", wanted_user, "a b c", False),
        ("UserName", wanted_user, "", False),
        ("SshPublicKeyId", wanted_key_id, "key-01234567890abcdef", True),
        ("SshPublicKeyId", wanted_key_id, "key-01234567890abcde", False),
        ("SshPublicKeyId", wanted_key_id, "KEY-01234567890abcdef", False),
        ("SshPublicKeyId", wanted_key_id, "", False),
    ],
)
def test_values(shape: str, check: Callable[[str], object], value: str, allowed: bool) -> None:
    assert allows(shape, value) == allowed, "the table is wrong"
    assert is_allowed(check, value) == allowed
