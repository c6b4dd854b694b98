# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The versions of Ansible that are supported: an environment for each, with the tests' other requirements unchanged."""

from __future__ import annotations

import json
import os
import re
import shutil
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path

from .processes import Finished, Processes
from .project import Project, tool_path

# What the lab, the unit tests and the integration targets need beside Ansible. Linters and the like stay in .venv.
_NEEDED = ("boto3", "botocore", "cryptography", "hypothesis", "moto", "pytest", "pytest-xdist", "websockets")

# The steps that an environment runs if it names none.
_STEPS = ("units", "integration")


class NoEnvironmentError(Exception):
    """An environment cannot be made; the text is a sentence that says why."""


@dataclass(frozen=True)
class Environment:
    """One row of the matrix. The fields are those of tests/matrix.toml."""

    name: str
    python: tuple[str, ...]
    requirements: tuple[str, ...]
    steps: tuple[str, ...] = _STEPS

    @property
    def core(self) -> str:
        """The series of ansible-core, such as 2.19."""
        return self.name.split()[0]

    @property
    def part(self) -> str:
        """The folder below .build where everything of this environment is."""
        return f"matrix/{self.name.replace(' ', '-')}"


def read_environments(toml: str) -> list[Environment]:
    """Return the rows of tests/matrix.toml."""
    return [
        Environment(
            name=row["name"],
            python=tuple(row["python"]),
            requirements=tuple(row["requirements"]),
            steps=tuple(row.get("steps", _STEPS)),
        )
        for row in tomllib.loads(toml)["environment"]
    ]


def chosen(environments: Sequence[Environment], cores: Sequence[str]) -> list[Environment]:
    """Return the environments of the given series of ansible-core, or all where none is given.

    Raises ValueError for a series that there is not.
    """
    known = list(dict.fromkeys(environment.core for environment in environments))
    if unknown := [core for core in cores if core not in known]:
        raise ValueError(f"There is no ansible-core {', '.join(unknown)} in the matrix. There are: {', '.join(known)}.")
    return [environment for environment in environments if not cores or environment.core in cores]


def requirements(environment: Environment, of_tests: str) -> list[str]:
    """Return what to install: what the environment pins, and the versions in ``of_tests`` of what else is needed."""
    pinned = {_name(line): line for line in of_tests.splitlines() if line and not line.startswith("#")}
    wanted = {name: pinned[name] for name in _NEEDED} | {_name(line): line for line in environment.requirements}
    return sorted(wanted.values())


def _name(requirement: str) -> str:
    return re.split(r"[\[=<>~! ]", requirement, maxsplit=1)[0]


def make(project: Project, environment: Environment, processes: Processes) -> Project:
    """Make the virtual environment, or bring it up to date, and return the project as it is with it.

    Raises NoEnvironmentError.
    """
    interpreter = _interpreter(environment.python)
    folder = project.root / ".build" / environment.part
    folder.mkdir(parents=True, exist_ok=True)
    wanted = requirements(environment, (project.root / "tests/requirements.txt").read_text(encoding="utf-8"))
    (folder / "requirements.txt").write_text("\n".join([*wanted, ""]), encoding="utf-8")
    done = processes.run(
        ["tests/tools/setup.sh", str(folder / "venv"), str(folder / "requirements.txt")],
        cwd=project.root,
        env={**os.environ, "PYTHON": interpreter},
        log=folder / "setup.log",
    )
    if done.returncode:
        raise NoEnvironmentError(_why(done))
    return Project(project.root, environment.part, folder / "venv/bin/python")


def _interpreter(versions: Sequence[str]) -> str:
    path = tool_path(os.environ)
    for version in versions:
        if found := shutil.which(f"python{version}", path=path):
            return found
    raise NoEnvironmentError(f"None of Python {', '.join(versions)} is on PATH or in pyenv.")


def _why(done: Finished) -> str:
    """Return what a resolver says in the end."""
    lines = [line.strip() for line in done.output.splitlines() if line.strip()]
    return f"Its packages could not be installed: {' '.join(lines[-4:])} (see {done.log})."


def versions(project: Project) -> dict[str, str]:
    """Return what is installed in the environment, by the names that the table of the matrix has."""
    found = {name: _distribution(project.site_packages, name) for name in ("ansible-core", "boto3")}
    return {
        "ansible-core": found["ansible-core"],
        "amazon.aws": _collection(project.installed_collections, "amazon.aws"),
        "Python": _python(project),
        "boto3": found["boto3"],
    }


def _distribution(site_packages: Path, name: str) -> str:
    (found,) = Distribution.discover(name=name, path=[str(site_packages)])
    return found.version


def _collection(collections: Path, name: str) -> str:
    manifest = collections.joinpath(*name.split("."), "MANIFEST.json")
    return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])


def _python(project: Project) -> str:
    # Both uv and venv write this file, each with a name of its own for the version.
    settings = (project.python.parents[1] / "pyvenv.cfg").read_text(encoding="utf-8")
    found = re.search(r"^version(?:_info)? *= *([0-9.]+)", settings, re.MULTILINE)
    return found[1] if found else "?"


@dataclass(frozen=True)
class Row:
    """What came of an environment. ``why`` says why nothing ran in it, and is empty where something did."""

    environment: Environment
    versions: Mapping[str, str]
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0
    why: str = ""

    @property
    def is_fine(self) -> bool:
        """Whether this is no reason for the matrix to fail."""
        return not (self.failed or self.why)


_COLUMNS = (
    "ansible-core",
    "amazon.aws",
    "Python",
    "boto3",
    "passed",
    "failed",
    "skipped",
    "seconds",
)


def table(rows: Iterable[Row]) -> str:
    """Return the closing table, what is to be known about some of its rows, and the verdict as the last line."""
    rows = list(rows)
    cells = [["", *_COLUMNS], *(_cells(row) for row in rows if not row.why)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    notes = [f"{row.environment.name} did not run. {row.why}" for row in rows if row.why]
    notes += [
        f"{row.environment.name} runs {' and '.join(row.environment.steps)} alone."
        for row in rows
        if row.environment.steps != _STEPS
    ]
    bad = [row.environment.name for row in rows if not row.is_fine]
    verdict = f"matrix: {len(rows) - len(bad)} of {len(rows)} passed" + (f"; failed: {', '.join(bad)}" if bad else "")
    return "\n".join([*lines, "", *notes, *([""] if notes else []), verdict])


def _cells(row: Row) -> list[str]:
    numbers = (row.passed, row.failed, row.skipped)
    found = [row.versions[name] for name in _COLUMNS[:4]]
    return [row.environment.name, *found, *(str(number) for number in numbers), f"{row.seconds:.0f}"]
