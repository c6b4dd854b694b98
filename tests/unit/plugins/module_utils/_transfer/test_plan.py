# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans for the keys of a user, carried out in a small model of the service."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import NamedTuple

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import PublicKey, parse_public_key
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.plan import (
    HeldKey,
    KeysOutcome,
    WantedKeys,
    plan_keys,
)
from ansible_collections.sshkeys.aws.tests.unit.transfer_users import (
    DSS,
    NOW,
    USER,
    carried_out,
    held,
    identities,
    key,
    line,
    some_comments,
    some_ids,
    steps,
    wanted_keys,
    wanteds,
    worlds,
)
from hypothesis import given, strategies as st


@pytest.mark.parametrize(
    ("outcome", "changed"),
    [
        (KeysOutcome(USER, (), ()), False),
        (KeysOutcome(USER, (), (), imported=(held(1, line(1)),)), True),
        (KeysOutcome(USER, (), (), deleted=(held(1, line(1)),)), True),
        (KeysOutcome(USER, (), (), error=ServiceError("Code", "It broke", "Run again.")), False),
        (KeysOutcome(USER, (), (), error=ServiceError("Code", "It broke", "Run again.", in_doubt=True)), True),
    ],
)
def test_changed(outcome: KeysOutcome, *, changed: bool) -> None:
    assert outcome.changed is changed


# -- Laws of plans ----------------------------------------------------------------------------------------------------


@given(worlds, wanteds())
def test_a_plan_carried_out_leaves_nothing_to_do(world: tuple[HeldKey, ...], wanted: WantedKeys) -> None:
    todo = plan_keys(world, wanted)
    after = carried_out(world, todo)
    again = plan_keys(after, wanted)
    assert again.is_done
    assert not again.after.changed
    assert todo.is_done == (after == world)


@given(worlds, wanted_keys)
def test_exclusive_means_exactly_these(world: tuple[HeldKey, ...], keys: tuple[PublicKey, ...]) -> None:
    after = carried_out(world, plan_keys(world, WantedKeys(USER, True, True, keys)))
    assert identities(after) == identities(keys)


@given(worlds, wanted_keys)
def test_present_adds_and_never_deletes(world: tuple[HeldKey, ...], keys: tuple[PublicKey, ...]) -> None:
    todo = plan_keys(world, WantedKeys(USER, True, False, keys))
    assert todo.deletions == ()
    after = carried_out(world, todo)
    assert after[: len(world)] == world
    assert identities(after) == identities(world) | identities(keys)


@given(worlds, wanted_keys.filter(bool), some_ids)
def test_replaces_removes_these_and_no_wanted_key(
    world: tuple[HeldKey, ...], keys: tuple[PublicKey, ...], replaces: tuple[str, ...]
) -> None:
    after = carried_out(world, plan_keys(world, WantedKeys(USER, True, False, keys, (), replaces)))
    kept = tuple(other for other in world if other.id not in replaces or identities([other]) & identities(keys))
    assert after[: len(kept)] == kept
    assert identities(after) == identities(kept) | identities(keys)


@given(worlds, wanted_keys, st.lists(st.integers(0, 8), max_size=4))
def test_absent_removes_these_and_never_imports(
    world: tuple[HeldKey, ...], keys: tuple[PublicKey, ...], gone: list[int]
) -> None:
    key_ids = tuple(f"key-{number:017x}" for number in gone)
    todo = plan_keys(world, WantedKeys(USER, False, False, keys, key_ids))
    assert todo.imports == ()
    after = carried_out(world, todo)
    assert after == tuple(
        other for other in world if other.id not in key_ids and not identities([other]) & identities(keys)
    )


@given(worlds, wanteds(), st.data())
def test_comments_never_matter(world: tuple[HeldKey, ...], wanted: WantedKeys, data: st.DataObject) -> None:
    def with_another_comment(other: HeldKey) -> HeldKey:
        if not other.key:
            return other
        return HeldKey.stored(str(other.id), f"{other.key.line} {data.draw(some_comments)}", other.date_imported)

    renamed = tuple(with_another_comment(other) for other in world)
    keys = tuple(replace(other, comment=data.draw(some_comments)) for other in wanted.keys)
    one, other = plan_keys(world, wanted), plan_keys(renamed, replace(wanted, keys=keys))
    assert [imported.identity for imported in one.imports] == [imported.identity for imported in other.imports]
    assert [doomed.id for doomed in one.deletions] == [doomed.id for doomed in other.deletions]


@given(worlds, wanted_keys.filter(bool), st.none() | some_ids)
def test_nobody_is_locked_out_by_a_rotation(
    world: tuple[HeldKey, ...], keys: tuple[PublicKey, ...], replaces: tuple[str, ...] | None
) -> None:
    todo = plan_keys(world, WantedKeys(USER, True, replaces is None, keys, (), replaces or ()))
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
def test_order_of_imports_and_deletions_is_that_of_the_lists(world: tuple[HeldKey, ...], wanted: WantedKeys) -> None:
    todo = plan_keys(world, wanted)
    assert list(todo.imports) == [wished for wished in wanted.keys if wished in todo.imports]
    assert list(todo.deletions) == [other for other in world if other in todo.deletions]


def test_a_held_ssh_dss_key_can_be_named_by_its_text() -> None:
    world = (held(1, DSS), held(2, line(1)))
    assert plan_keys(world, WantedKeys(USER, False, False, (parse_public_key(DSS),))).deletions == world[:1]


def test_a_key_held_twice() -> None:
    world = (held(1, line(1, "one")), held(2, line(1, "two")))
    assert plan_keys(world, WantedKeys(USER, True, True, (key(1),))).is_done
    assert plan_keys(world, WantedKeys(USER, False, False, (key(1),))).deletions == world


def test_a_user_with_nothing_declared_and_nothing_held_is_done() -> None:
    assert plan_keys((), WantedKeys(USER, True, True, ())).is_done
    assert not plan_keys(None, WantedKeys(USER, True, True, ())).is_done


# -- Held keys -------------------------------------------------------------------------------------------------------


def test_date_in_another_time_zone() -> None:
    there = datetime(2026, 11, 21, 3, 0, 59, 999999, tzinfo=timezone(timedelta(hours=-7)))
    assert HeldKey.stored("key-1", line(1), there).result()["date_imported"] == "2026-11-21T10:00:59Z"


@pytest.fixture
def _far_from_utc() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as zone:
        zone.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_far_from_utc")
def test_a_date_is_told_in_utc_wherever_the_module_runs() -> None:
    there = datetime(2026, 11, 21, 3, 0, 59, tzinfo=timezone(timedelta(hours=-7)))
    assert HeldKey.stored("key-1", line(1), there).result()["date_imported"] == "2026-11-21T10:00:59Z"


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


# -- What can be declared ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key_id", ["key-01234567890abcdef", "s-01234567890abcdef:user.name@example.com:public_key:1764090000.5"]
)
def test_replaces_takes_the_ids_of_aws_and_of_moto(key_id: str) -> None:
    assert WantedKeys(USER, True, False, (key(1),), (), (key_id,)).replaces == (key_id,)


class Declared(NamedTuple):
    """What can be declared, until a test changes it."""

    user_name: str = USER
    present: bool = True
    exclusive: bool = False
    keys: tuple[PublicKey, ...] = (key(1),)
    key_ids: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ("key-01234567890abcdef",)


@pytest.mark.parametrize("value", ["", "alice@my laptop", key(1).fingerprint, key(1).fingerprint_md5, line(1)])
def test_replaces_takes_ids_only(value: str) -> None:
    with pytest.raises(ArgumentError, match=r"replaces has .*not the id of a key"):
        WantedKeys(USER, True, False, (key(1),), (), ("key-01234567890abcdef", value))


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        (Declared(present=False), "replaces names keys that new keys replace, and is allowed only with state=present"),
        (Declared(exclusive=True), "exclusive=true and replaces contradict each other"),
        (Declared(keys=()), "replaces is set, but public_keys has no key to replace the old ones"),
        (Declared(user_name="x"), "user_name 'x' is not one that Transfer Family accepts"),
        (Declared(present=False, replaces=(), key_ids=("key-1",)), "ssh_public_key_ids has 'key-1', which is not"),
    ],
)
def test_what_cannot_be_declared(declared: Declared, sentence: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{re.escape(sentence)}"):
        WantedKeys(**declared._asdict())
