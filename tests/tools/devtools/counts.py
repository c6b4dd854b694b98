# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many tests a tool ran, read from what it wrote. Pure: text in, numbers out."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Counts:
    """Numbers of tests, and a few words about them for a reader."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    note: str = ""

    @property
    def executed(self) -> int:
        """How many tests really ran."""
        return self.passed + self.failed

    def __add__(self, other: Counts) -> Counts:
        """Add the numbers; the words are dropped."""
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)


def some(number: int, thing: str) -> str:
    """Return a number of things in words."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def one(*, passed: bool, note: str = "") -> Counts:
    """Return the counts of a tool that gives one verdict on everything it looks at."""
    return Counts(passed=int(passed), failed=int(not passed), note=note)


def verdict(counts: Counts, returncode: int) -> Counts:
    """Return the counts as they are, unless the tool failed without a failed test or ran nothing at all."""
    if returncode and not counts.failed:
        return Counts(counts.passed, 1, counts.skipped, f"exit status {returncode}")
    if not counts.executed:
        return Counts(0, 1, counts.skipped, "ran nothing")
    return counts


# --- One verdict over many files -----------------------------------------------------------------------------------

_FILES_LOOKED_AT = {
    "ruff format": r"(\d+) files? (?:already formatted|would be reformatted)",
    "mypy": r"(?:no issues found in|checked) (\d+) source files?",
    "ansible-lint": r"in (\d+) files processed",
}


def files_looked_at(tool: str, output: str) -> int:
    """Return how many files a linter says that it has looked at."""
    return sum(int(number) for number in re.findall(_FILES_LOOKED_AT[tool], output))


def from_linter(tool: str, returncode: int, output: str) -> Counts:
    """Return one verdict for a linter that says how many files it has looked at."""
    files = files_looked_at(tool, output)
    if returncode == 0 and not files:
        return Counts()
    return one(passed=returncode == 0, note=some(files, "file"))


def from_ruff_check(returncode: int, output: str) -> Counts:
    """Return one verdict for ``ruff check``, which ends well where it has found no file."""
    if "No Python files found" in output:
        return Counts()
    return one(passed=returncode == 0)


# --- JUnit ---------------------------------------------------------------------------------------------------------


def _cases(reports: Iterable[str]) -> Iterator[ET.Element]:
    for report in reports:
        yield from ET.fromstring(report).iter("testcase")


def _is(case: ET.Element, *outcomes: str) -> bool:
    return any(case.find(outcome) is not None for outcome in outcomes)


def from_junit(reports: Iterable[str]) -> Counts:
    """Count the test cases of JUnit reports, such as pytest writes them."""
    total = Counts()
    for case in _cases(reports):
        if _is(case, "failure", "error"):
            total += Counts(failed=1)
        elif _is(case, "skipped"):
            total += Counts(skipped=1)
        else:
            total += Counts(passed=1)
    return total


def _in_order(versions: Iterable[str]) -> str:
    return ", ".join(sorted(versions, key=lambda version: [int(part) for part in version.split(".")]))


def from_sanity(reports: Iterable[str]) -> Counts:
    """Count the tests of ``ansible-test sanity --junit``: one report a test, and one a Python version for some."""
    reports = list(reports)
    counts = from_junit(reports)
    tests, versions = set(), set()
    skipped: dict[str, set[str]] = {}
    for case in _cases(reports):
        name, _separator, version = case.get("name", "").partition("-python-")
        tests.add(name)
        if _is(case, "skipped"):
            # What does not apply to this collection does so on every Python.
            nowhere = "applicable" in (case.findtext("skipped") or "")
            skipped.setdefault(name, set()).update(() if nowhere else (version,))
        elif version:
            versions.add(version)
    note = some(len(tests), "kind") + " of test"
    if versions:
        note += f", on Python {_in_order(versions)}"
    if skipped:
        note += "; skipped: " + ", ".join(
            f"{name} on {_in_order(where)}" if any(where) else name for name, where in sorted(skipped.items())
        )
    return Counts(counts.passed, counts.failed, counts.skipped, note)


# --- ansible-test integration --------------------------------------------------------------------------------------


@dataclass
class Target:
    """What one integration target did."""

    name: str
    is_script: bool
    tasks: int = 0
    assertions: int = 0
    failed: bool = False


@dataclass
class Targets:
    """What ``ansible-test integration`` did, target by target."""

    ran: list[Target] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


_TARGET = re.compile(r"Running (\S+) integration test (role|script)")
_RECAP = re.compile(r"\S+ +: ok=(\d+) +changed=\d+ +unreachable=\d+ +failed=\d+")
_EXCLUDED = re.compile(r"WARNING: Excluding .*: (.+)")
_FAILED_LIST = "integration test(s) listed below"


def read_targets(output: str) -> Targets:
    """Read the output of ``ansible-test integration --continue-on-error``."""
    targets = Targets()
    failed: set[str] | None = None
    for line in output.splitlines():
        if failed is not None:
            failed.add(line.strip())
        elif found := _TARGET.match(line):
            targets.ran.append(Target(found[1], is_script=found[2] == "script"))
        elif found := _EXCLUDED.match(line):
            targets.skipped += found[1].split(", ")
        elif _FAILED_LIST in line:
            failed = set()
        elif targets.ran:
            if recap := _RECAP.match(line):
                targets.ran[-1].tasks += int(recap[1])
            elif "All assertions passed" in line:
                targets.ran[-1].assertions += 1
    for target in targets.ran:
        # A role that passes and has asserted nothing has proved nothing. A script asserts in its own way.
        proved = target.is_script or target.assertions
        target.failed = target.name in (failed or ()) or not proved
    return targets


def from_integration(output: str) -> Counts:
    """Count assertions that held, and targets that failed."""
    targets = read_targets(output)
    passed = sum(target.assertions or int(target.is_script and not target.failed) for target in targets.ran)
    failed = sum(target.failed for target in targets.ran)
    tasks = sum(target.tasks for target in targets.ran)
    note = ", ".join((some(len(targets.ran), "target"), some(tasks, "task"), some(passed, "assertion")))
    if silent := [target.name for target in targets.ran if not target.is_script and not target.assertions]:
        note += f"; no assertion in: {', '.join(silent)}"
    return Counts(passed, failed, len(targets.skipped), note)


# --- molecule ------------------------------------------------------------------------------------------------------

_ACTION = re.compile(r"\S+ +\[(?P<scenario>\S+) > (?P<action>\w+)\] (?P<state>Executing|Executed: .+)")

# What each scenario must have done. Molecule says "successful" of an action without a playbook, without a host, and
# without an assertion.
_MOLECULE_ACTIONS = ("converge", "idempotence", "verify")


@dataclass
class Scenario:
    """What one molecule scenario did. ``tasks`` and ``assertions`` are those of each action that succeeded."""

    tasks: dict[str, int] = field(default_factory=dict)
    assertions: dict[str, int] = field(default_factory=dict)

    @property
    def faults(self) -> list[str]:
        """What is missing for it to have proved something."""
        faults = [f"no {action}" for action in _MOLECULE_ACTIONS if not self.tasks.get(action)]
        return [*faults, *([] if self.assertions.get("verify") else ["no assertion"])]


def read_scenarios(output: str) -> dict[str, Scenario]:
    """Read the output of ``molecule test``: scenarios by name."""
    scenarios: dict[str, Scenario] = {}
    tasks = assertions = 0
    for line in output.splitlines():
        if found := _ACTION.match(line):
            if found["state"] == "Executed: Successful":
                scenario = scenarios.setdefault(found["scenario"], Scenario())
                scenario.tasks[found["action"]] = tasks
                scenario.assertions[found["action"]] = assertions
            tasks = assertions = 0
        elif recap := _RECAP.match(line):
            tasks += int(recap[1])
        elif "All assertions passed" in line:
            assertions += 1
    return scenarios


def from_molecule(output: str, wanted: Iterable[str], *, leftovers: bool) -> Counts:
    """Count assertions that held, and wanted scenarios that did not do their part.

    leftovers: whether files of the lab were still there when molecule had ended.
    """
    scenarios = read_scenarios(output)
    faults = {name: scenarios.get(name, Scenario()).faults for name in wanted}
    told = [f"{name}: {', '.join(missing)}" for name, missing in faults.items() if missing]
    told += ["destroy has left the lab"] if leftovers else []
    tasks = sum(sum(scenario.tasks.values()) for scenario in scenarios.values())
    passed = sum(sum(scenario.assertions.values()) for scenario in scenarios.values())
    words = (some(len(faults), "scenario"), some(tasks, "task"), some(passed, "assertion"))
    return Counts(passed, len(told), 0, "; ".join([", ".join(words), *told]))
