# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which targets get the key."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._push.plan import Lease, PushOutcome, plan_pushes
from ansible_collections.sshkeys.aws.plugins.module_utils._push.target import Target
from ansible_collections.sshkeys.aws.tests.unit.fleet import FLEET, NOW, leases_of_a_run, targets_of_a_run, validities
from hypothesis import given, strategies as st


@pytest.mark.parametrize(
    ("age", "min_validity", "pushes"),
    [
        (0, 15, False),
        (0, 60, False),
        (0.5, 60, True),
        (44, 15, False),
        (45, 15, False),
        (45.5, 15, True),
        (59, 0, False),
        (59.5, 0, False),
        (60, 0, True),
        (60.5, 0, True),
        (600, 0, True),
        (-0.5, 0, True),
        (-1, 15, True),
        (-1000, 0, True),
        (float("nan"), 0, True),
        (float("inf"), 0, True),
        (float("-inf"), 0, True),
    ],
)
def test_whether_a_lease_counts(age: float, min_validity: int, pushes: bool) -> None:
    target, lease = FLEET[0], Lease(NOW - age, "earlier")
    todo = plan_pushes([target], {target: lease}, now=NOW, min_validity=min_validity, force=False)
    assert todo.pushes == ([target] if pushes else [])
    (outcome,) = todo.after
    assert outcome == (PushOutcome(target, changed=True) if pushes else PushOutcome(target, changed=False, lease=lease))


@given(targets_of_a_run, leases_of_a_run, validities)
def test_force_pushes_to_all(targets: list[Target], leases: dict[Target, Lease], validity: int) -> None:
    todo = plan_pushes(targets, leases, now=NOW, min_validity=validity, force=True)
    assert todo.pushes == targets
    assert todo.after == [PushOutcome(target, changed=True) for target in targets]


@given(targets_of_a_run, leases_of_a_run, validities, st.booleans(), st.randoms())
def test_a_plan_is_about_each_target_once_in_order(
    targets: list[Target], leases: dict[Target, Lease], validity: int, force: bool, random: Any
) -> None:
    todo = plan_pushes(targets, leases, now=NOW, min_validity=validity, force=force)
    assert [outcome.target for outcome in todo.after] == targets
    assert [outcome.target for outcome in todo.after if outcome.changed] == todo.pushes
    # However the pushes end, and in whatever order.
    ends = [
        PushOutcome(
            target, changed=random.random() < 0.5, error=ServiceError("C", "m", "h") if random.random() < 0.5 else None
        )
        for target in todo.pushes
    ]
    random.shuffle(ends)
    merged = todo.merge(ends)
    assert [outcome.target for outcome in merged] == targets
    assert {id(outcome) for outcome in ends} <= {id(outcome) for outcome in merged}


@given(targets_of_a_run, leases_of_a_run, validities, validities)
def test_asking_for_more_time_never_pushes_less(
    targets: list[Target], leases: dict[Target, Lease], one: int, other: int
) -> None:
    less, more = sorted((one, other))
    some = plan_pushes(targets, leases, now=NOW, min_validity=less, force=False).pushes
    assert set(some) <= set(plan_pushes(targets, leases, now=NOW, min_validity=more, force=False).pushes)


@given(targets_of_a_run, leases_of_a_run, validities)
def test_a_second_run_has_nothing_to_do(targets: list[Target], leases: dict[Target, Lease], validity: int) -> None:
    first = plan_pushes(targets, leases, now=NOW, min_validity=validity, force=False)
    left = {**leases, **{target: Lease(NOW, "new") for target in first.pushes}}
    second = plan_pushes(targets, left, now=NOW, min_validity=validity, force=False)
    assert second.pushes == []
    assert not any(outcome.changed for outcome in second.after)


@pytest.mark.parametrize(
    ("pushed_at", "now", "left"),
    [(NOW, NOW, 60), (NOW, NOW + 59.5, 0.5), (NOW, NOW + 60, 0), (NOW, NOW + 90, -30), (NOW + 0.5, NOW, 0)],
)
def test_how_long_a_lease_lasts(pushed_at: float, now: float, left: float) -> None:
    assert Lease(pushed_at, "request").seconds_left(now) == left
