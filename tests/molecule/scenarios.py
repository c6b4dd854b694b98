# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run of a molecule scenario, and what it has really done.

Molecule also calls an action successful that matched no host, had no playbook, or asserted nothing. So each
ansible-playbook that it starts writes down the results of its tasks, and ``faults`` says what is missing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = ROOT / "extensions" / "molecule"
LAB = ROOT / "tests" / "lab"
CALLBACKS = ROOT / "tests" / "plays" / "callback_plugins"

# What each scenario does, and whether in check mode: test_sequence in config.yml.
ACTIONS = [
    ("create.yml", False),
    ("prepare.yml", False),
    ("converge.yml", True),
    ("converge.yml", False),
    ("converge.yml", False),
    ("verify.yml", False),
    ("destroy.yml", False),
]
_ASSERT = "ansible.builtin.assert"


@dataclass(frozen=True)
class TaskResult:
    """What a task returned on a host, and the ansible-playbook that ran it."""

    task: str
    host: str
    status: str
    changed: bool
    process: int
    playbook: str
    check_mode: bool


def read_results(file: Path) -> list[TaskResult]:
    """Read what tests/plays/callback_plugins/record_results.py has written."""
    return [_task_result(json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]


def _task_result(told: Mapping[str, Any]) -> TaskResult:
    names = ("task", "host", "status", "process", "playbook", "check_mode")
    return TaskResult(changed=bool(told["result"].get("changed")), **{name: told[name] for name in names})


def faults(scenario: Path, results: Iterable[TaskResult]) -> list[str]:
    """Return what a scenario has not done that it must have done to prove something. scenario: its folder."""
    actions = [list(group) for _process, group in groupby(results, key=lambda each: each.process)]
    # A task may have a check mode of its own.
    done = [(results[0].playbook, any(each.check_mode for each in results)) for results in actions]
    if done != ACTIONS:
        return [f"ran {_in_words(done)} instead of {_in_words(ACTIONS)}"]
    _create, _prepare, checked, converged, again, verified, _destroy = actions
    found = []
    for name, action in (("check", checked), ("converge", converged), ("idempotence", again)):
        missing = _hosts_of_plays(scenario / "converge.yml") - _hosts(action, "ok")
        found += [f"{name} did nothing on {host}" for host in sorted(missing)]
    if not any(each.changed for each in converged):
        found.append("converge changed nothing, so idempotence proves nothing")
    if any(each.changed for each in again):
        found.append("idempotence changed something")
    return found + list(_not_asserted(scenario / "verify.yml", verified))


def _in_words(actions: Sequence[tuple[str, bool]]) -> str:
    return ", ".join(f"{playbook} in check mode" if check_mode else playbook for playbook, check_mode in actions)


def _hosts(results: Iterable[TaskResult], status: str) -> set[str]:
    return {each.host for each in results if each.status == status}


def _not_asserted(verify: Path, results: Sequence[TaskResult]) -> Iterator[str]:
    """Yield the assertions of a playbook that have not held on each host of their play."""
    plays = _plays(verify)
    assertions = [(play, task) for play in plays for task in play.get("tasks", []) if _ASSERT in task]
    if not assertions:
        yield "verify asserts nothing"
    for play, task in assertions:
        held = _hosts((each for each in results if each.task == task["name"]), "ok")
        yield from (f"not asserted on {host}: {task['name']}" for host in sorted(_members(play["hosts"]) - held))


def _plays(playbook: Path) -> list[dict[str, Any]]:
    plays: list[dict[str, Any]] = yaml.safe_load(playbook.read_text(encoding="utf-8"))
    return plays


def _hosts_of_plays(playbook: Path) -> set[str]:
    # The playbooks of the collection that are imported run on the controller.
    return set().union(*(_members(play.get("hosts", "localhost")) for play in _plays(playbook)))


def _members(name: str) -> set[str]:
    """Return the hosts of a group in the inventory of the scenarios, or localhost."""
    if name == "localhost":
        return {name}
    inventory = yaml.safe_load((SCENARIOS / "inventory.yml").read_text(encoding="utf-8"))
    return set(inventory["all"]["children"][name]["hosts"])


# -- Running one ---------------------------------------------------------------------------------------------------

# Ends what is left when the standard input closes, also where the process at its other end was killed. A line says
# that molecule has ended by itself. The lab is no child of molecule, which destroys nothing when it is interrupted.
_GUARD = 'read -r _ended || kill -s KILL -- "-$1"; exec "$2" "$3" down --state "$4"'


@dataclass(frozen=True)
class Ended:
    """A run of molecule that has ended: its exit status, what it printed, and the results of all tasks."""

    status: int
    output: str
    results: Sequence[TaskResult]


def run_molecule(folder: Path, *arguments: str) -> Ended:
    """Run molecule with all its files in a folder. No process of a lab is left when it returns or raises."""
    ephemeral, results = folder / "molecule", folder / "results.jsonl"
    results.touch()
    environment = {
        **os.environ,
        "HOME": str(folder / "home"),
        "MOLECULE_EPHEMERAL_DIRECTORY": str(ephemeral),
        "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
        "ANSIBLE_CALLBACKS_ENABLED": "record_results",
        "SSHKEYS_TEST_RESULTS": str(results),
    }
    (folder / "home").mkdir(exist_ok=True)
    with subprocess.Popen(
        ["molecule", *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as molecule:
        guard = subprocess.Popen(
            ["sh", "-c", _GUARD, "sh", str(molecule.pid), sys.executable, str(LAB), str(ephemeral / "lab")],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert guard.stdin
        try:
            output, _nothing = molecule.communicate()
            guard.stdin.write(b"\n")
        finally:
            guard.stdin.close()
            guard.wait()
    return Ended(molecule.returncode, output, read_results(results))
