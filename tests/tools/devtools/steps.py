# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a test run: which commands, and how to read what they say.

A new step is a function that takes a Run and yields checks, and a line in STEPS.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import counts, two_runs
from .counts import Counts
from .docs import Docsite
from .pip_seed import seed_pip
from .processes import Finished, Processes
from .project import Project
from .report import Check
from .stage import stage

_DOCUMENTED = ("become", "cache", "callback", "connection", "filter", "inventory", "lookup", "modules", "test", "vars")


@dataclass(frozen=True)
class Run:
    """What a step needs to know: the project, its files, and what the user asked for."""

    project: Project
    files: Sequence[str]
    processes: Processes
    targets: Sequence[str] = ()
    # Integration targets that have this alias, in a staged copy and a lab of their own. Empty for all.
    group: str = ""
    scenarios: Sequence[str] = ()
    pytest_arguments: Sequence[str] = ()
    verbose: bool = False
    # Cores for one step: those that run side by side share them.
    cores: int = 1

    def check(
        self,
        name: str,
        command: Sequence[str],
        read: Callable[[Finished], Counts],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Check:
        """Run a command in the staged copy and read its counts."""
        project = self.project
        log = project.logs / f"{re.sub(r'[^a-z0-9]+', '-', name)}.log"
        done = self.processes.run(
            command, cwd=cwd or project.staged, env={**project.environment(), **(env or {})}, log=log
        )
        verdict = counts.verdict(read(done), done.returncode)
        return Check(name, verdict, done.seconds, done.output, str(log.relative_to(project.root)))

    def present(self, *folders: str) -> list[str]:
        """Return those of the folders that have a Python file in them."""
        return [folder for folder in folders if any(re.match(rf"{folder}/.*\.py$", name) for name in self.files)]

    def cache(self, name: str) -> str:
        """Return a folder where a tool keeps what makes its next run faster."""
        return str(self.project.cache / name)


Step = Callable[[Run], Iterator[Check]]


def lint(run: Run) -> Iterator[Check]:
    """Check style, types and spelling."""
    env = {"RUFF_CACHE_DIR": run.cache("ruff")}
    yield run.check(
        "ruff check",
        ["ruff", "check", "--output-format", "concise", "."],
        lambda done: counts.from_ruff_check(done.returncode, done.output),
        env=env,
    )
    yield run.check("ruff format", ["ruff", "format", "--check", "."], _linter("ruff format"), env=env)
    yield from _mypy(run)
    yield run.check("ansible-lint", ["ansible-lint", "--strict"], _linter("ansible-lint"))
    yaml = [name for name in run.files if name.endswith((".yml", ".yaml"))]
    yield run.check("yamllint", ["yamllint", "--strict", "--format", "parsable", "."], _silent(yaml))
    yield from _workflows(run)
    # Unit tests feed damaged words to the code on purpose.
    prose = [name for name in run.files if not name.startswith("tests/unit/")]
    yield run.check("codespell", ["codespell", *prose], _silent(prose))


def _workflows(run: Run) -> Iterator[Check]:
    """Check what GitHub reads: its form, and whether a workflow gives more rights away than it needs."""
    schemas = {"github-workflows": r"\.github/workflows/.+\.ya?ml", "dependabot": r"\.github/dependabot\.ya?ml"}
    for schema, pattern in schemas.items():
        files = [name for name in run.files if re.fullmatch(pattern, name)]
        command = ["check-jsonschema", f"--builtin-schema=vendor.{schema}", *files]
        yield run.check(f"schema {schema}", command, _silent(files))
    workflows = [name for name in run.files if re.fullmatch(schemas["github-workflows"], name)]
    yield run.check("zizmor", ["zizmor", "--offline", "--no-progress", ".github"], _silent(workflows))


# What is imported as part of the collection's package.
_IN_THE_PACKAGE = ("unit", "guides", "integration", "robustness")


def _mypy(run: Run) -> Iterator[Check]:
    """Check each program on its own: the lab and the tools are no part of the collection's package."""
    build, staged = run.project.build, run.project.staged
    groups = {
        "collection": (build, run.present("plugins", *(f"tests/{name}" for name in _IN_THE_PACKAGE))),
        "lab": (staged / "tests/lab", run.present("tests/lab")),
        "bench": (staged / "tests/bench", run.present("tests/bench")),
        "tools": (staged / "tests/tools", run.present("tests/tools", "tests/package")),
    }
    for name, (base, folders) in groups.items():
        if not folders:
            continue
        yield run.check(
            f"mypy {name}",
            [
                *("mypy", "--config-file", str(staged / "pyproject.toml"), "--cache-dir", run.cache(f"mypy/{name}")),
                *("--namespace-packages", "--explicit-package-bases"),
                *(str((staged / folder).relative_to(build)) for folder in folders),
            ],
            _linter("mypy"),
            # mypy takes the current folder for a base of packages too.
            cwd=build,
            env={"MYPYPATH": f"{base}:{build}"},
        )


def docs_lint(run: Run) -> Iterator[Check]:
    """Check the documentation of the plugins, and the changelog."""
    documented = [name for name in run.files if re.match(rf"plugins/({'|'.join(_DOCUMENTED)})/[^_][^/]*\.py$", name)]
    yield run.check(
        "antsibull-docs",
        ["antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs=dependent", "."],
        _silent(documented, "plugin"),
    )
    changes = [name for name in run.files if re.match(r"changelogs/(fragments/.+|changelog)\.ya?ml$", name)]
    yield run.check("antsibull-changelog", ["antsibull-changelog", "lint"], _silent(changes))


def docs(run: Run) -> Iterator[Check]:
    """Build the documentation as a site of HTML."""
    site = Docsite(run.project)
    site.make_folders()
    collected = run.check("antsibull-docs collection", site.collect(), _made(site.rst, "*.rst"))
    yield collected
    if collected.passed:
        site.add_images()
        where = str(site.index.relative_to(run.project.root))
        yield run.check("sphinx-build", site.render(), _made(site.html, "*.html", f", {where} is the first"))


def guides(run: Run) -> Iterator[Check]:
    """Check what the guides say, and run examples of them in the lab."""
    yield _pytest_in_lab(run, "guides")


def sanity(run: Run) -> Iterator[Check]:
    """Run all of ansible-test's sanity tests, on every Python that is there."""
    seed_pip(run.project)
    reports = run.project.staged / "tests" / "output" / "junit"
    pattern = "ansible-test-sanity-*.xml"
    for old in reports.glob(pattern):
        old.unlink()
    yield run.check(
        "ansible-test sanity",
        ["ansible-test", "sanity", "--local", "--color", "no", "--junit", *(["-v"] if run.verbose else [])],
        lambda _done: counts.from_sanity(report.read_text(encoding="utf-8") for report in reports.glob(pattern)),
    )


def units(run: Run) -> Iterator[Check]:
    """Run the unit tests of the collection, of the lab and of the tools."""
    report = run.project.logs / "units.xml"
    report.unlink(missing_ok=True)
    chosen = [argument for argument in run.pytest_arguments if argument.startswith("tests/")]
    folders = [] if chosen else run.present("tests/unit", "tests/lab/tests", "tests/tools/tests")
    yield run.check(
        "pytest",
        [
            *(*_pytest(run, report), f"--numprocesses={run.cores if run.cores > 1 else 0}"),
            *(*folders, *run.pytest_arguments),
        ],
        _junit(report),
    )


# Groups run side by side: one would take longer than all other steps together.
INTEGRATION_GROUPS = ("modules", "plays", "connection")


def integration(run: Run) -> Iterator[Check]:
    """Run the integration targets in the lab, those of the modules twice: in the worker of a task, and in processes."""
    copy = run.project.inside(run.group)
    stage(copy)
    name = f"ansible-test integration {run.group}"
    if run.group != "modules":
        yield _ansible_test_integration(run, copy, name)
        return
    # The same key pairs, so that the results can be compared.
    keys = f"--keys={copy.build / 'keys'}"
    yield _ansible_test_integration(run, copy, name, keys)
    in_worker = _take(copy.results)
    yield _ansible_test_integration(run, copy, f"{name} (in processes)", keys, "--in-processes")
    yield _same_results(in_worker, _take(copy.results))


def _ansible_test_integration(run: Run, copy: Project, name: str, *options: str) -> Check:
    """Run the targets that are wanted in a staged copy, and in a lab of their own."""
    root, python = run.project.root, str(run.project.python)
    inside = [python, str(root / "tests/tools"), "in-lab", f"--part={copy.part}", *options]
    # The slash tells an alias from a target.
    inside += [*(["-v"] if run.verbose else []), *(run.targets or ([f"{run.group}/"] if run.group else []))]
    return run.check(
        name.strip(),
        [python, str(root / "tests/lab"), "run", "--", *inside],
        lambda done: counts.from_integration(done.output),
        cwd=root,
    )


def _take(file: Path) -> str:
    """Read a file that is there or not, and delete it."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    file.unlink(missing_ok=True)
    return text


def _same_results(in_worker: str, in_processes: str) -> Check:
    """Compare the results of each task in the two runs."""
    different = list(two_runs.differences(in_worker, in_processes))
    equal = len(in_worker.splitlines()) - len(different)
    told = counts.verdict(Counts(max(equal, 0), len(different), 0, counts.some(equal, "equal result")), 0)
    return Check("worker and process alike", told, 0, "\n\n".join(different), "no log")


def molecule(run: Run) -> Iterator[Check]:
    """Run the molecule scenarios, in one lab."""
    there = [found[1] for name in run.files if (found := re.match(r"extensions/molecule/([^/]+)/molecule\.yml$", name))]
    ephemeral = run.project.build / "molecule"
    # What an interrupted run has left would make molecule believe that its lab still runs.
    _end_lab(run, ephemeral / "lab")
    shutil.rmtree(ephemeral, ignore_errors=True)
    chosen = [argument for scenario in run.scenarios for argument in ("-s", scenario)]
    try:
        yield run.check(
            "molecule test",
            ["molecule", "test", *(chosen or ["--all"])],
            lambda done: counts.from_molecule(
                done.output, run.scenarios or there, leftovers=(ephemeral / "lab").exists()
            ),
            env={"MOLECULE_EPHEMERAL_DIRECTORY": str(ephemeral)},
        )
    finally:
        # Molecule does not destroy when it is interrupted, and the lab is no child of it.
        _end_lab(run, ephemeral / "lab")


def robustness(run: Run) -> Iterator[Check]:
    """Let everything go wrong: faults, kills, races, hostile input and load, in the lab."""
    yield _pytest_in_lab(run, "robustness", *run.pytest_arguments)


def package(run: Run) -> Iterator[Check]:
    """Build the tarball, look into it, install it, and use it as an automation controller does."""
    yield _pytest_in_lab(run, "package")


STEPS: Mapping[str, Step] = {
    "lint": lint,
    "docs-lint": docs_lint,
    "docs": docs,
    "guides": guides,
    "sanity": sanity,
    "units": units,
    "integration": integration,
    "molecule": molecule,
    "robustness": robustness,
    "package": package,
}


def _pytest(run: Run, report: Path) -> list[str]:
    """Return the command that runs pytest and writes a JUnit report."""
    return [str(run.project.python), "-m", "pytest", "-o", f"cache_dir={run.cache('pytest')}", f"--junitxml={report}"]


def _pytest_in_lab(run: Run, folder: str, *arguments: str) -> Check:
    """Run the tests of a folder below tests/ in a lab of their own."""
    report = run.project.logs / f"{folder}.xml"
    report.unlink(missing_ok=True)
    lab = [str(run.project.python), str(run.project.root / "tests/lab"), "run", "--"]
    return run.check(
        f"pytest {folder}, in the lab", [*lab, *_pytest(run, report), f"tests/{folder}", *arguments], _junit(report)
    )


def _junit(report: Path) -> Callable[[Finished], Counts]:
    """Read the JUnit report, if there is one."""
    return lambda _done: counts.from_junit([report.read_text(encoding="utf-8")] if report.exists() else [])


def _end_lab(run: Run, state: Path) -> None:
    """End the lab that runs in the background there, if one does, and delete its files. Interruptions do not matter."""
    command = [str(run.project.python), str(run.project.root / "tests/lab"), "down", "--state", str(state)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(state, ignore_errors=True)


def _linter(tool: str) -> Callable[[Finished], Counts]:
    return lambda done: counts.from_linter(tool, done.returncode, done.output)


def _made(folder: Path, pattern: str, words: str = "") -> Callable[[Finished], Counts]:
    """Read a tool that makes pages: those that are there when it has ended stand for what it did."""

    def read(done: Finished) -> Counts:
        pages = list(folder.rglob(pattern))
        note = counts.some(len(pages), "page") + words
        return counts.one(passed=done.returncode == 0, note=note) if pages else Counts()

    return read


def _silent(files: Sequence[str], kind: str = "file") -> Callable[[Finished], Counts]:
    """Read a tool that says nothing when all is well: what it was given to look at stands for what it did."""

    def read(done: Finished) -> Counts:
        return counts.one(passed=done.returncode == 0, note=counts.some(len(files), kind)) if files else Counts()

    return read
