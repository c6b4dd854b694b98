# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The counts are those of the tools, and whatever ran nothing has failed."""

from __future__ import annotations

import pytest

from devtools import counts
from devtools.counts import Counts

PYTEST = """\
<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="5">
<testcase classname="a" name="test_one" time="0.1" />
<testcase classname="a" name="test_two[x]" time="0.1"><system-out>said</system-out></testcase>
<testcase classname="a" name="test_three"><failure message="no">why</failure></testcase>
<testcase classname="a" name="test_four"><error message="fixture">why</error></testcase>
<testcase classname="a" name="test_five"><skipped message="not here" /></testcase>
</testsuite></testsuites>
"""


def sanity_report(name: str, outcome: str = "") -> str:
    return (
        '<?xml version="1.0" ?>\n<testsuites errors="0"><testsuite name="ansible-test">'
        f'<testcase classname="sanity" name="{name}">{outcome}</testcase></testsuite></testsuites>'
    )


INTEGRATION = """\
WARNING: Excluding target tests marked "disabled" which require --allow-disabled or prefixing with "disabled/": a, b
Running transfer_ssh_key integration test role

PLAY [testhost] ****************************************************************

TASK [transfer_ssh_key : It is as declared] ************************************
ok: [testhost] => {
    "changed": false,
    "msg": "All assertions passed"
}

TASK [transfer_ssh_key : Each is there] ****************************************
ok: [testhost] => (item=one) => {
    "msg": "All assertions passed"
}
ok: [testhost] => (item=two) => {
    "msg": "All assertions passed"
}

PLAY RECAP *********************************************************************
testhost                   : ok=9    changed=1    unreachable=0    failed=0    skipped=1    rescued=0    ignored=0

Running ec2_instance_connect_key integration test role

TASK [ec2_instance_connect_key : It is as declared] ****************************
ok: [testhost] => {
    "msg": "All assertions passed"
}
fatal: [testhost]: FAILED! => {
    "msg": "Assertion failed"
}

PLAY RECAP *********************************************************************
testhost                   : ok=4    changed=0    unreachable=0    failed=1    skipped=0    rescued=0    ignored=0

ERROR: Command "ansible-playbook ec2.yml -i inventory" returned exit status 2.
Running inventory_script integration test script
FATAL: The 1 integration test(s) listed below (out of 3) failed. See error output above for details:
ec2_instance_connect_key
"""


def test_junit_counts_each_outcome() -> None:
    assert counts.from_junit([PYTEST]) == Counts(passed=2, failed=2, skipped=1)


def test_junit_adds_reports_up() -> None:
    assert counts.from_junit([PYTEST, PYTEST]) == Counts(passed=4, failed=4, skipped=2)


def test_sanity_counts_each_python_and_names_what_was_skipped() -> None:
    read = counts.from_sanity(
        [
            sanity_report("import-python-3.10"),
            sanity_report("import-python-3.8"),
            sanity_report("import-python-3.9", "<skipped>it could not be found.</skipped>"),
            sanity_report("import-python-3.13", "<skipped>it could not be found.</skipped>"),
            sanity_report("pslint-python-3.11", "<skipped>No tests applicable.</skipped>"),
            sanity_report("pylint", '<failure message="1 error">a.py:1:1: wrong</failure>'),
        ]
    )
    assert (read.passed, read.failed, read.skipped) == (2, 1, 3)
    assert read.note == "3 kinds of test, on Python 3.8, 3.10; skipped: import on 3.9, 3.13, pslint"


def test_integration_counts_assertions_and_failed_targets() -> None:
    read = counts.from_integration(INTEGRATION)
    assert (read.passed, read.failed, read.skipped) == (5, 1, 2)
    assert read.note == "3 targets, 13 tasks, 5 assertions"


SILENT_INTEGRATION = """\
Running silent integration test role
testhost                   : ok=3    changed=0    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
"""


def test_integration_role_without_an_assertion_has_failed() -> None:
    read = counts.from_integration(SILENT_INTEGRATION)
    assert (read.passed, read.failed) == (0, 1)
    assert "no assertion in: silent" in read.note


MOLECULE = """\
INFO     [default > converge] Executing

PLAY [Work] ********************************************************************

TASK [Say which release runs here] *********************************************
changed: [web1]

PLAY RECAP *********************************************************************
web1                       : ok=12   changed=1    unreachable=0    failed=0    skipped=7    rescued=0    ignored=0

INFO     [default > converge] Executed: Successful
INFO     [default > idempotence] Executing
web1                       : ok=12   changed=0    unreachable=0    failed=0    skipped=7    rescued=0    ignored=0
INFO     [default > idempotence] Executed: Successful
INFO     [default > verify] Executing
ok: [web1] => {
    "msg": "All assertions passed"
}
ok: [web2] => {
    "msg": "All assertions passed"
}
web1                       : ok=3    changed=0    unreachable=0    failed=0    skipped=0    rescued=0    ignored=2
INFO     [default > verify] Executed: Successful
"""


def test_molecule_counts_assertions() -> None:
    read = counts.from_molecule(MOLECULE, ["default"], leftovers=False)
    assert read == Counts(2, 0, 0, "1 scenario, 27 tasks, 2 assertions")


def test_molecule_scenario_that_did_not_run_has_failed() -> None:
    read = counts.from_molecule(MOLECULE, ["default", "rotation"], leftovers=False)
    assert (read.passed, read.failed) == (2, 1)
    assert read.note.endswith("; rotation: no converge, no idempotence, no verify, no assertion")


@pytest.mark.parametrize(
    ("said", "instead", "fault"),
    [
        ("web1                       : ok=12   changed=0", "skipping: no hosts matched", "no idempotence"),
        ("web1                       : ok=12   changed=1", "skipping: no hosts matched", "no converge"),
        ("[default > verify] Executed: Successful", "[default > verify] Executed: Missing playbook", "no verify"),
        ("[default > verify] Executed: Successful", "[default > verify] \x1b[31mExecuted: Failed\x1b[0m", "no verify"),
        ("All assertions passed", "ok", "no assertion"),
    ],
)
def test_molecule_action_that_did_nothing_has_failed(said: str, instead: str, fault: str) -> None:
    assert said in MOLECULE
    read = counts.from_molecule(MOLECULE.replace(said, instead), ["default"], leftovers=False)
    assert read.failed == 1
    assert f"default: {fault}" in read.note


def test_molecule_that_left_its_lab_has_failed() -> None:
    read = counts.from_molecule(MOLECULE, ["default"], leftovers=True)
    assert (read.failed, read.note.split("; ")[1]) == (1, "destroy has left the lab")


@pytest.mark.parametrize(
    ("tool", "output", "files"),
    [
        ("ruff format", "12 files already formatted", 12),
        ("ruff format", "1 file would be reformatted, 11 files already formatted", 12),
        ("mypy", "Success: no issues found in 1 source file", 1),
        ("mypy", "Found 113 errors in 8 files (checked 4 source files)", 4),
        ("ansible-lint", "Passed: 0 failure(s), 0 warning(s) in 14 files processed of 26 encountered.", 14),
        ("ansible-lint", "something else", 0),
    ],
)
def test_linters_say_how_many_files_they_saw(tool: str, output: str, files: int) -> None:
    assert counts.files_looked_at(tool, output) == files


def test_linter_that_saw_no_file_ran_nothing() -> None:
    nothing = counts.verdict(counts.from_linter("mypy", 0, "There are no .py[i] files in directory '.'"), 0)
    assert (nothing.failed, nothing.note) == (1, "ran nothing")


def test_ruff_check_that_saw_no_file_ran_nothing() -> None:
    output = "warning: No Python files found under the given path(s)\nAll checks passed!"
    assert counts.verdict(counts.from_ruff_check(0, output), 0).failed == 1
    assert counts.verdict(counts.from_ruff_check(0, "All checks passed!"), 0).passed == 1


def test_tool_that_fails_without_a_failed_test_has_failed() -> None:
    assert counts.verdict(Counts(passed=3), 1) == Counts(3, 1, 0, "exit status 1")


def test_only_skipped_is_nothing() -> None:
    assert counts.verdict(Counts(skipped=3), 0) == Counts(0, 1, 3, "ran nothing")


def test_verdict_leaves_an_honest_count_alone() -> None:
    assert counts.verdict(Counts(3, 1, 2, "words"), 1) == Counts(3, 1, 2, "words")
