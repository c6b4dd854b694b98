# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A scenario that molecule calls successful fails where it has proved nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.tests.molecule.scenarios import ACTIONS, SCENARIOS, TaskResult, faults

DEFAULT = SCENARIOS / "default"
WEB = "i-0a4f3c1d2e5b69871"
ASSERTIONS = [
    ("The host is shut", WEB),
    ("It is there", WEB),
    ("The host has shut itself", WEB),
    ("Alice's key uploads, and mallory's is refused", "localhost"),
]
IDEMPOTENCE, VERIFY, DESTROY = 4, 5, 6


def good() -> list[TaskResult]:
    """Return the results of a run of the scenario default that has done its part."""
    results = []
    for process, (playbook, check_mode) in enumerate(ACTIONS):
        tasks = [("Do it", "localhost"), ("Do it", WEB)]
        if playbook == "verify.yml":
            tasks += ASSERTIONS
        changed = playbook == "converge.yml" and process < IDEMPOTENCE
        results += [TaskResult(task, host, "ok", changed, process, playbook, check_mode) for task, host in tasks]
    return results


def without(drop: Callable[[TaskResult], bool]) -> list[TaskResult]:
    return [each for each in good() if not drop(each)]


def test_a_scenario_that_has_done_its_part_has_no_fault() -> None:
    assert faults(DEFAULT, good()) == []


@pytest.mark.parametrize("action", range(len(ACTIONS)), ids=lambda number: f"{number} {ACTIONS[number][0]}")
def test_each_action_is_missed_where_it_did_not_run(action: int) -> None:
    (told,) = faults(DEFAULT, without(lambda each: each.process == action))
    assert told.startswith("ran ")


def test_check_mode_is_missed_where_it_was_none() -> None:
    (told,) = faults(DEFAULT, [replace(each, check_mode=False) for each in good()])
    assert told.startswith("ran ")


@pytest.mark.parametrize("host", ["localhost", WEB])
@pytest.mark.parametrize(("process", "name"), [(2, "check"), (3, "converge"), (4, "idempotence")])
def test_an_action_that_matched_no_host_is_a_fault(process: int, name: str, host: str) -> None:
    told = faults(DEFAULT, without(lambda each: (each.process, each.host) == (process, host)))
    assert f"{name} did nothing on {host}" in told


def test_a_host_that_was_only_skipped_is_a_fault() -> None:
    skipped = [replace(each, status="skipped") if (each.process, each.host) == (3, WEB) else each for each in good()]
    assert faults(DEFAULT, skipped) == [f"converge did nothing on {WEB}"]


def test_idempotence_after_no_change_is_a_fault() -> None:
    unchanged = [replace(each, changed=False) for each in good()]
    assert faults(DEFAULT, unchanged) == ["converge changed nothing, so idempotence proves nothing"]


def test_a_change_in_idempotence_is_a_fault() -> None:
    changed = [replace(each, changed=True) if each.process == IDEMPOTENCE else each for each in good()]
    assert faults(DEFAULT, changed) == ["idempotence changed something"]


@pytest.mark.parametrize(("task", "host"), ASSERTIONS)
@pytest.mark.parametrize("status", ["failed", "ignored", "skipped", "unreachable"])
def test_an_assertion_that_did_not_hold_is_a_fault(task: str, host: str, status: str) -> None:
    results = [replace(each, status=status) if each.task == task else each for each in good()]
    assert faults(DEFAULT, results) == [f"not asserted on {host}: {task}"]


def test_verify_without_an_assertion_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "converge.yml").write_text("[{hosts: localhost}]\n", encoding="utf-8")
    (tmp_path / "verify.yml").write_text("[{hosts: localhost, tasks: [{name: A, x.y.z: }]}]\n", encoding="utf-8")
    assert faults(tmp_path, good()) == ["verify asserts nothing"]
