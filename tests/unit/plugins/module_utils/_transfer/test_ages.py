# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of the keys that a user has had for too long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer import ages
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.ages import Judged, Rules, judge
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, line_of
from hypothesis import given, strategies as st

LIMIT = 90
REPORT, REMOVE, REMOVE_LAST = Rules(LIMIT), Rules(LIMIT, True), Rules(LIMIT, True, True)


def line(number: int, comment: str = "laptop") -> str:
    return line_of(ed25519_blob(bytes([number]) * 32), comment)


def held(number: int, age_days: int | None, *, is_usable: bool = True) -> dict[str, Any]:
    """Return a key as transfer_ssh_key_info returns it."""
    return {
        "id": f"key-{number:017x}",
        "body": line(number) if is_usable else "damaged",
        "fingerprint": f"SHA256:{number}" if is_usable else None,
        "comment": "laptop",
        "age_days": age_days,
    }


def declared(*numbers: int, user_name: str = "partner", state: str = "present") -> dict[str, Any]:
    return {"user_name": user_name, "state": state, "public_keys": [line(number, "declared") for number in numbers]}


def outcome(imported: Sequence[Any] = (), deleted: Sequence[Any] = (), **more: Any) -> dict[str, Any]:
    return {"user_name": "partner", "imported": [*imported], "deleted": [*deleted], **more}


def holding(*keys: dict[str, Any]) -> dict[str, Any]:
    return {"user_name": "partner", "ssh_public_keys": [*keys]}


def fates(judged: Judged) -> list[tuple[int, str]]:
    return [(key["age_days"], key["fate"]) for key in judged.old_keys]


@pytest.mark.parametrize(
    ("of_user", "outcomes", "rules", "expected"),
    [
        ([], [], REPORT, [(400, ages.REPORTED), (100, ages.REPORTED)]),
        ([], [], REMOVE, [(400, ages.REMOVED), (100, ages.KEPT_AS_LAST)]),
        ([], [], REMOVE_LAST, [(400, ages.REMOVED), (100, ages.REMOVED)]),
        # What is declared stays, however it is written, and whatever its comment.
        ([declared(1)], [outcome()], REMOVE, [(400, ages.KEPT_AS_DECLARED), (100, ages.REMOVED)]),
        ([declared(1)], [outcome()], REMOVE_LAST, [(400, ages.KEPT_AS_DECLARED), (100, ages.REMOVED)]),
        # What is declared to be absent does not.
        ([declared(1, state="absent")], [outcome()], REMOVE, [(400, ages.REMOVED), (100, ages.KEPT_AS_LAST)]),
        # A declaration that failed, for the user or as a whole.
        (
            [declared(3)],
            [outcome(error={})],
            REMOVE,
            [(400, ages.KEPT_AS_DECLARATION_FAILED), (100, ages.KEPT_AS_DECLARATION_FAILED)],
        ),
        ([declared(3)], [], REMOVE, [(400, ages.KEPT_AS_DECLARATION_FAILED), (100, ages.KEPT_AS_DECLARATION_FAILED)]),
        # In check mode: what comes counts, and what goes does not.
        ([declared(3)], [outcome(imported=[{"id": None}])], REMOVE, [(400, ages.REMOVED), (100, ages.REMOVED)]),
        ([declared(2)], [outcome(deleted=[held(1, None)])], REMOVE, [(100, ages.KEPT_AS_DECLARED)]),
        # For real, what has come is there, and counts once.
        ([declared(2)], [outcome(imported=[held(2, 0)])], REMOVE, [(400, ages.REMOVED), (100, ages.KEPT_AS_DECLARED)]),
    ],
)
def test_fates(of_user: list[Any], outcomes: list[Any], rules: Rules, expected: list[tuple[int, str]]) -> None:
    assert fates(judge(of_user, outcomes, [holding(held(2, 100), held(1, 400))], rules)) == expected


def test_ages_that_are_not_too_old() -> None:
    assert judge([], [], [holding(held(1, LIMIT), held(2, None), held(3, 0))], REMOVE_LAST) == Judged([], [])


def test_a_user_that_could_not_be_read_has_no_old_keys() -> None:
    assert judge([], [], [{"user_name": "partner", "ssh_public_keys": None, "error": {}}], REMOVE) == Judged([], [])


def test_a_damaged_key_is_no_usable_one() -> None:
    judged = judge([], [], [holding(held(1, 400), held(2, 300, is_usable=False))], REMOVE)
    assert fates(judged) == [(400, ages.KEPT_AS_LAST), (300, ages.REMOVED)]


def test_what_is_removed_is_named_for_the_module() -> None:
    judged = judge([], [], [holding(held(1, 400), held(2, 10))], REMOVE)
    assert judged.removals == [{"user_name": "partner", "ssh_public_key_ids": [held(1, 400)["id"]]}]
    assert judged.old_keys == [{**held(1, 400), "user_name": "partner", "fate": ages.REMOVED}]


# -- Laws -------------------------------------------------------------------------------------------------------------

KEYS = st.lists(
    st.builds(held, st.integers(1, 6), st.one_of(st.none(), st.integers(0, 200)), is_usable=st.booleans()),
    unique_by=lambda key: key["id"],
)
RULES = st.builds(Rules, st.integers(1, 150), st.booleans(), st.booleans())
NUMBERS = st.sets(st.integers(1, 6))


def removed(judged: Judged) -> set[str]:
    return {key_id for removal in judged.removals for key_id in removal["ssh_public_key_ids"]}


@given(KEYS, NUMBERS, RULES)
def test_a_declared_key_is_never_removed(keys: list[Any], numbers: set[int], rules: Rules) -> None:
    judged = judge([declared(*numbers)], [outcome()], [holding(*keys)], rules)
    wanted = {line(number).split()[1] for number in numbers}
    gone = removed(judged)
    assert not [key for key in keys if key["id"] in gone and key["fingerprint"] and key["body"].split()[1] in wanted]


@given(KEYS, RULES)
def test_the_last_usable_key_stays_unless_told(keys: list[Any], rules: Rules) -> None:
    gone = removed(judge([], [], [holding(*keys)], rules))
    left = [key for key in keys if key["fingerprint"] and key["id"] not in gone]
    if not rules.removes_last and any(key["fingerprint"] for key in keys):
        assert left


@given(KEYS, NUMBERS, RULES)
def test_nothing_goes_that_is_young_or_not_asked_for(keys: list[Any], numbers: set[int], rules: Rules) -> None:
    judged = judge([declared(*numbers)], [outcome()], [holding(*keys)], rules)
    old = {key["id"] for key in keys if key["age_days"] is not None and key["age_days"] > rules.limit_days}
    assert {key["id"] for key in judged.old_keys} == old
    assert removed(judged) <= (old if rules.removes else set())
    assert removed(judged) == {key["id"] for key in judged.old_keys if key["fate"] == ages.REMOVED}
    assert not removed(judge([declared(*numbers)], [outcome(error={})], [holding(*keys)], rules))


@given(KEYS, NUMBERS, RULES)
def test_check_mode_foresees_what_the_run_does(keys: list[Any], numbers: set[int], rules: Rules) -> None:
    """The declaration adds what is missing and deletes the rest. In check mode, neither has happened by then."""
    have = {key["id"] for key in keys}
    new = [held(number, 0) for number in sorted(numbers) if held(number, 0)["id"] not in have]
    going = [key for key in keys if key["id"] not in {held(number, 0)["id"] for number in numbers}]
    of_user = [declared(*numbers)]
    checked = judge(of_user, [outcome([{**key, "id": None} for key in new], going)], [holding(*keys)], rules)
    after = [key for key in keys if key not in going] + new
    real = judge(of_user, [outcome(new, going)], [holding(*after)], rules)
    assert checked == real
