# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several runs declare one user at the same time: it ends as one of them declared, and a run that gives up says so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import parse_public_key
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.held_user import held_user
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.plan import WantedKeys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user import User, WantedUser
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_apply import carry_out
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_plan import UserOutcome, plan_user
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab import seed
from ansible_collections.sshkeys.aws.tests.robustness.in_process import in_process_lab
from ansible_collections.sshkeys.aws.tests.robustness.turns import MakeTurns, transfer
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, line_of
from hypothesis import HealthCheck, example, given, settings, strategies as st

USER = "newcomer"
ROLES = tuple(f"arn:aws:iam::123456789012:role/{name}" for name in ("one", "two", "three"))
HOMES = ("/bucket/one", "/bucket/two", "/bucket/three")
KEYS = tuple(parse_public_key(line_of(ed25519_blob(bytes([number]) * 32), f"key-{number}")) for number in range(1, 5))
ABSENT = WantedUser(USER, present=False)
CREATE, UPDATE, DELETE = "CreateUser", "UpdateUser", "DeleteUser"


def declared(number: int, keys: Sequence[int] = ()) -> WantedUser:
    """Return a declaration that has nothing in common with one of another number, but keys of the same number."""
    wanted = WantedKeys(USER, present=True, exclusive=True, keys=tuple(KEYS[key] for key in keys or [number]))
    tags = {"run": str(number), str(number): ""}
    return WantedUser(USER, role_arn=ROLES[number], home_directory=HOMES[number], tags=tags, keys=wanted)


def begin(wanted: WantedUser | None) -> None:
    """Let the user be as declared, or not exist, and clear the journal."""
    if stands():
        carry_out(transfer(), seed.SERVER_ID, plan_user(stands(), ABSENT))
    if wanted:
        carry_out(transfer(), seed.SERVER_ID, plan_user(None, wanted))
    in_process_lab().front.services.journal.clear()


def stands() -> User | None:
    """Return the user as it is."""
    return held_user(transfer(), seed.SERVER_ID, USER)


def settle(wanted: WantedUser) -> UserOutcome:
    """Do what transfer_user does for one user."""
    return carry_out(transfer(), seed.SERVER_ID, plan_user(stands(), wanted))


def race(turns: MakeTurns, wanted: Sequence[WantedUser], order: Sequence[int]) -> list[UserOutcome]:
    """Run declarations at the same time. Returns their outcomes."""
    at_work = turns(order)
    for each in wanted:
        at_work.add(partial(settle, each))
    at_work.play()
    return [at_work.results[number] for number in range(len(wanted))]


def accepted() -> list[dict[str, Any]]:
    """Return the calls that the service accepted."""
    return [call for call in in_process_lab().front.services.journal.read() if call["status"] == 200]


def check(wanted: Sequence[WantedUser], outcomes: Sequence[UserOutcome]) -> None:
    """Fail unless the user is as one run declared that says so, and no run claims what the service did not accept."""
    calls = accepted()
    end = stands()
    is_met = [plan_user(end, each).is_done for each in wanted]
    done = [met and not outcome.error for met, outcome in zip(is_met, outcomes, strict=True)]
    assert any(done), (end, outcomes)
    for outcome in outcomes:
        if outcome.error:
            assert outcome.error.hint
            assert "Before that, the task" in outcome.error.message
    for name, operation in (("created", CREATE), ("gone", DELETE)):
        claims = sum(getattr(outcome, name) for outcome in outcomes)
        assert claims <= sum(call["operation"] == operation for call in calls), (name, outcomes)
    bodies_sent = sum("SshPublicKeyBody" in call["parameters"] for call in calls)
    assert sum(len(outcome.imported) for outcome in outcomes) <= bodies_sent
    for outcome in outcomes:
        bodies = [key.body for key in outcome.imported]
        assert len(bodies) == len(set(bodies))


a_race = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
orders = st.lists(st.integers(0, 1), max_size=60)
key_numbers = st.lists(st.integers(0, 3), unique=True, min_size=1, max_size=3)
declarations = st.just(ABSENT) | st.builds(declared, st.integers(0, 2), key_numbers)


@a_race
@given(before=st.none() | st.builds(declared, st.just(2)), wanted=st.tuples(declarations, declarations), order=orders)
@example(before=None, wanted=(declared(0), declared(1)), order=[])
@example(before=declared(2), wanted=(declared(0), declared(1)), order=[])
@example(before=declared(2), wanted=(declared(0, [0, 3]), declared(1, [1, 3])), order=[0, 1] * 6)
@example(before=declared(2), wanted=(declared(0), ABSENT), order=[])
@example(before=None, wanted=(declared(0), ABSENT), order=[0, 1, 0, 0, 1])
def test_two_runs_at_once(
    turns: MakeTurns, before: WantedUser | None, wanted: tuple[WantedUser, WantedUser], order: list[int]
) -> None:
    """Whatever the order of their calls."""
    begin(before)
    check(wanted, race(turns, wanted, order))


@a_race
@given(st.lists(declarations, min_size=3, max_size=4), st.lists(st.integers(0, 3), max_size=80))
def test_more_runs_at_once(turns: MakeTurns, wanted: list[WantedUser], order: list[int]) -> None:
    begin(declared(2))
    check(wanted, race(turns, wanted, order))


PAIRS = {
    "create and create": (None, declared(0), declared(1)),
    "create and delete": (None, declared(0), ABSENT),
    "update and delete": (declared(2), declared(0), ABSENT),
    "delete and delete": (declared(2), ABSENT, ABSENT),
    "update and update": (declared(2), declared(0), declared(1)),
    "a key of both": (declared(2), declared(0, [0, 3]), declared(1, [1, 3])),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_at_each_call(turns: MakeTurns, pair: str) -> None:
    """One stops before each of its calls, and the other one makes each number of its own in between."""
    before, *wanted = PAIRS[pair]
    for stop, between, last in product(range(7), range(1, 12), (0, 1)):
        begin(before)
        check(wanted, race(turns, wanted, [0] * stop + [1] * between + [last] * 60))


DISJOINT = {
    "role_arn": WantedUser(USER, role_arn=ROLES[0]),
    "home_directory": WantedUser(USER, home_directory=HOMES[0]),
    "policy": WantedUser(USER, policy=json.dumps({"Version": "2012-10-17"})),
    "tags": WantedUser(USER, tags={"team": "finance"}),
    "keys": WantedUser(USER, keys=WantedKeys(USER, present=True, exclusive=True, keys=KEYS[:2])),
}


@pytest.mark.parametrize(("one", "other"), [(one, other) for one, other in product(DISJOINT, repeat=2) if one < other])
def test_runs_that_declare_different_options_leave_each_other_alone(turns: MakeTurns, one: str, other: str) -> None:
    """Both are done, whatever the order, and each says only what it changed itself."""
    wanted = [DISJOINT[one], DISJOINT[other]]
    for stop, between in product(range(5), range(1, 6)):
        begin(declared(2))
        outcomes = race(turns, wanted, [0] * stop + [1] * between)
        assert [outcome.error for outcome in outcomes] == [None, None]
        assert all(plan_user(stands(), each).is_done for each in wanted)
        for outcome, name in zip(outcomes, (one, other), strict=True):
            assert outcome.updated == (() if name == "keys" else (name,))
            assert bool(outcome.imported) is (name == "keys")
        counts = [call["operation"] for call in accepted()]
        assert counts.count(UPDATE) == len({one, other} & {"role_arn", "home_directory", "policy"})


def test_more_keys_than_one_call_takes(turns: MakeTurns) -> None:
    """The user is deleted between the creation and the import of its second key."""
    begin(None)
    wanted = [declared(0, [0, 1, 2]), ABSENT]
    for stop in range(8):
        begin(None)
        outcomes = race(turns, wanted, [0] * stop + [1] * 2 + [0] * 60)
        check(wanted, outcomes)
        assert not outcomes[1].error


def test_what_is_not_declared_stays(turns: MakeTurns) -> None:
    """A run without keys leaves those that another one imports."""
    begin(declared(2))
    fields = replace(declared(0), keys=None)
    keys = WantedUser(USER, keys=declared(1).keys)
    outcomes = race(turns, [fields, keys], [0, 1] * 20)
    check([fields, keys], outcomes)
    end = stands()
    assert end
    assert [key.key.identity for key in end.keys if key.key] == [KEYS[1].identity]
