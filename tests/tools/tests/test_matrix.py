# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The matrix covers what the collection says that it supports, and its verdict is about what really ran."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from devtools import matrix
from devtools.matrix import Environment, Row, chosen, read_environments, requirements, table
from devtools.processes import Processes
from devtools.project import Project, find_project
from devtools.steps import STEPS

ROOT = find_project().root
ENVIRONMENTS = read_environments((ROOT / "tests/matrix.toml").read_text(encoding="utf-8"))
OF_TESTS = (ROOT / "tests/requirements.txt").read_text(encoding="utf-8")

OLD = Environment("2.18", ("3.11",), ("ansible==11.13.0",))
NEW = Environment("2.22", ("3.13",), ("ansible==15.0.0a3",))
VERSIONS = dict.fromkeys(("ansible-core", "amazon.aws", "Python", "boto3"), "1.2.3")


def test_oldest_supported_ansible_is_in_it() -> None:
    lowest = yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))["requires_ansible"]
    assert f"ansible-core=={lowest.removeprefix('>=')}" in ENVIRONMENTS[0].requirements


def test_what_an_execution_environment_gets_at_least_is_in_it() -> None:
    """The lower bounds of meta/ee-requirements.txt are no promise that nobody has tried."""
    lines = (ROOT / "meta/ee-requirements.txt").read_text(encoding="utf-8").splitlines()
    lowest = {line.replace(">=", "==") for line in lines if line and not line.startswith("#")}
    assert lowest
    assert any(lowest <= set(environment.requirements) for environment in ENVIRONMENTS)


def test_every_environment_runs_steps_that_there_are() -> None:
    for environment in ENVIRONMENTS:
        assert environment.steps
        assert set(environment.steps) <= set(STEPS)


def test_ansible_of_the_ordinary_tests_is_in_it() -> None:
    (ansible,) = re.findall(r"^ansible==.*$", OF_TESTS, re.MULTILINE)
    assert ansible in {requirement for environment in ENVIRONMENTS for requirement in environment.requirements}


def test_every_environment_has_its_own_folder_and_exact_versions() -> None:
    assert len({environment.part for environment in ENVIRONMENTS}) == len(ENVIRONMENTS)
    for environment in ENVIRONMENTS:
        wanted = requirements(environment, OF_TESTS)
        assert [line for line in wanted if not re.fullmatch(r"[a-z0-9-]+(\[server\])?==[0-9]+[0-9abrc.]+", line)] == []
        assert any(line.startswith(f"ansible-core=={environment.core}.") for line in wanted)


def test_every_core_is_a_job_of_the_workflow() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8"))
    commands = workflow["jobs"]["make"]["strategy"]["matrix"]["command"]
    cores = list(dict.fromkeys(environment.core for environment in ENVIRONMENTS))
    assert [command.removeprefix("matrix CORE=") for command in commands if command.startswith("matrix")] == cores


def test_environment_overrides_what_the_tests_pin() -> None:
    of_tests = "# comment\nboto3==2\nbotocore==2\ncryptography==3\nhypothesis==4\nmoto[server]==5\npytest==6\n"
    of_tests += "pytest-xdist==7\nruff==8\nansible==12.0.0\nwebsockets==9\n"
    environment = Environment("2.18", ("3.11",), ("ansible==11.0.0", "boto3==1"))
    assert requirements(environment, of_tests) == [
        *("ansible==11.0.0", "boto3==1", "botocore==2", "cryptography==3", "hypothesis==4", "moto[server]==5"),
        *("pytest-xdist==7", "pytest==6", "websockets==9"),
    ]


def test_environments_are_chosen_by_core() -> None:
    assert chosen([OLD, NEW], []) == [OLD, NEW]
    assert chosen([OLD, NEW], ["2.22"]) == [NEW]
    with pytest.raises(ValueError, match=r"no ansible-core 2\.2 in the matrix.*2\.18, 2\.22"):
        chosen([OLD, NEW], ["2.2"])


def test_missing_interpreter_is_said(tmp_path: Path) -> None:
    with pytest.raises(matrix.NoEnvironmentError, match=r"None of Python 3\.98, 3\.99 is on PATH"):
        matrix.make(Project(tmp_path), Environment("2.99", ("3.98", "3.99"), ()), Processes())


def test_table_has_a_row_for_each_that_ran() -> None:
    shown = table([Row(OLD, VERSIONS, 7, 0, 1, 12.3)])
    assert ["2.18", *["1.2.3"] * 4, "7", "0", "1", "12"] in [line.split() for line in shown.splitlines()]
    assert shown.splitlines()[-1] == "matrix: 1 of 1 passed"


@pytest.mark.parametrize("row", [Row(OLD, VERSIONS, 7, 1), Row(OLD, {}, why="No Python.")])
def test_what_failed_or_did_not_run_fails_the_matrix(row: Row) -> None:
    assert not row.is_fine
    assert table([row]).splitlines()[-1] == "matrix: 0 of 1 passed; failed: 2.18"


def test_steps_that_are_left_out_are_said() -> None:
    (environment,) = read_environments(
        '[[environment]]\nname = "2.18 old"\npython = []\nrequirements = []\nsteps = ["integration"]\n'
    )
    assert "2.18 old runs integration alone." in table([Row(environment, VERSIONS, 7)])
    assert environment.part == "matrix/2.18-old"


def test_why_something_did_not_run_is_said() -> None:
    assert "2.18 did not run. No Python." in table([Row(OLD, {}, why="No Python.")])


def test_versions_are_read_from_the_environment(tmp_path: Path) -> None:
    packages = tmp_path / "venv/lib/python3.11/site-packages"
    for name, number in (("ansible_core", "2.18.0"), ("boto3", "1.28.0")):
        (packages / f"{name}-{number}.dist-info").mkdir(parents=True)
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n"
        (packages / f"{name}-{number}.dist-info/METADATA").write_text(metadata, encoding="utf-8")
    collection = packages / "ansible_collections/amazon/aws"
    collection.mkdir(parents=True)
    (collection / "MANIFEST.json").write_text('{"collection_info": {"version": "9.0.0"}}', encoding="utf-8")
    (tmp_path / "venv/pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.7\n", encoding="utf-8")
    assert matrix.versions(Project(tmp_path, python=tmp_path / "venv/bin/python")) == {
        "ansible-core": "2.18.0",
        "amazon.aws": "9.0.0",
        "Python": "3.11.7",
        "boto3": "1.28.0",
    }
