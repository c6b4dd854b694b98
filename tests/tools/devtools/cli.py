# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line of the tools."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import platform
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from types import FrameType

from . import matrix, report
from .counts import Counts, one, some
from .integration import run_targets
from .processes import Processes
from .project import Project, find_project
from .report import Check, Result
from .secrets import Watch
from .stage import stage
from .steps import INTEGRATION_GROUPS, STEPS, Run

# What takes longest comes first, so that no long one is left to run alone.
_ORDER = ("integration", "robustness", "molecule", "units", "sanity", "lint", "package", "guides", "docs-lint", "docs")
# The steps that have to do with secrets.
_IN_THE_LAB = frozenset({"integration", "robustness", "molecule", "package", "guides"})
# More than there are cores: some of them wait for something most of the time.
_JOBS = 3


def main() -> int:
    """Run a command and return its exit status."""
    arguments = _parser().parse_args()
    project = find_project()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return int(arguments.run(project, arguments) or 0)
    except KeyboardInterrupt:
        say("Interrupted.")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests/tools", description="The tools of a developer.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    test = commands.add_parser("test", help="run the tests, or some steps of them")
    test.add_argument("steps", nargs="*", metavar="STEP", help=f"all when none is named: {', '.join(STEPS)}")
    test.add_argument("--target", action="append", default=[], help="one integration target instead of all")
    test.add_argument("--scenario", action="append", default=[], help="one molecule scenario instead of all")
    test.add_argument("--pytest", default="", metavar="ARGUMENTS", help='such as "-k expiry" or a file below tests/')
    test.add_argument("--jobs", type=int, default=_JOBS, help="how many steps run at once (default: %(default)s)")
    test.add_argument("-v", "--verbose", action="store_true", help="show all output as it comes, one step at a time")
    test.set_defaults(run=_test)

    everywhere = commands.add_parser("matrix", help="run the unit and integration tests on each supported ansible-core")
    everywhere.add_argument("cores", nargs="*", metavar="CORE", help="such as 2.20; all when none is named")
    everywhere.add_argument("--jobs", type=int, default=_JOBS, help="how many steps run at once (default: %(default)s)")
    everywhere.add_argument("-v", "--verbose", action="store_true", help="show all output as it comes")
    everywhere.set_defaults(run=_matrix)

    staging = commands.add_parser("stage", help="make the staged copy of the collection below .build")
    staging.set_defaults(run=_stage)

    demo = commands.add_parser("demo", help="run tests/demo in the lab")
    demo.set_defaults(run=_demo)

    bench = commands.add_parser("bench", help="measure the collection against what people do without it")
    bench.add_argument("--full", action="store_true", help="extrapolate nothing: 20 minutes more")
    bench.set_defaults(run=_bench)

    lab = commands.add_parser("lab", help="run the lab in the foreground")
    lab.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT")
    lab.set_defaults(run=_lab)

    execute = commands.add_parser("exec", help="run any command in the environment of the tools")
    execute.add_argument("command", nargs="+", metavar="-- COMMAND")
    execute.set_defaults(run=_execute)

    in_lab = commands.add_parser("in-lab", help="run integration targets in a lab that runs already (LAB_STATE)")
    in_lab.add_argument("targets", nargs="*")
    in_lab.add_argument("--part", default="", help="the part of .build where the staged copy is")
    in_lab.add_argument("--keys", default="", metavar="FOLDER", help="have the key pairs in there, and keep them")
    in_lab.add_argument("--in-processes", action="store_true", help="run each module in a process of its own")
    in_lab.add_argument("-v", "--verbose", action="store_true")
    in_lab.set_defaults(run=_in_lab)
    return parser


def say(text: str) -> None:
    """Print at once, so that a log shows what is going on."""
    print(text, flush=True)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


# --- Commands that become another program ----------------------------------------------------------------------------


def _stage(project: Project, _arguments: argparse.Namespace) -> None:
    files = stage(project)
    say(f"{len(files)} files in {project.staged.relative_to(project.root)}.")


def _demo(project: Project, _arguments: argparse.Namespace) -> None:
    stage(project)
    say("Starting the lab.")
    _become(project, [sys.executable, "tests/lab", "run", "--", "tests/demo/run"])


def _bench(project: Project, arguments: argparse.Namespace) -> None:
    stage(project)
    folder = project.build / "bench"
    # The AWS CLI wants versions of its own of what the tools use too.
    subprocess.run(
        ["tests/tools/setup.sh", str(folder / "venv"), "tests/bench/requirements.txt"], cwd=project.root, check=True
    )
    command = [sys.executable, "tests/bench", "--collections", str(project.build), "--output", str(folder)]
    command += ["--aws", str(folder / "venv/bin/aws"), *(["--full"] if arguments.full else [])]
    _become(project, command)


def _lab(project: Project, arguments: argparse.Namespace) -> None:
    project.make_folders()
    _become(project, [sys.executable, "tests/lab", *arguments.arguments])


def _execute(project: Project, arguments: argparse.Namespace) -> None:
    stage(project)
    # A lab that runs in another terminal is reached through these.
    lab = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "LAB_"))}
    _become(project, arguments.command, lab)


def _in_lab(project: Project, arguments: argparse.Namespace) -> None:
    project = Project(project.root, arguments.part)
    variables: dict[str, object] = {"sshkeys_aws_fast_path": not arguments.in_processes}
    if arguments.keys:
        variables["setup_lab_folder"] = arguments.keys
    run_targets(project, arguments.targets, variables, verbose=arguments.verbose)


def _become(project: Project, command: Sequence[str], more: Mapping[str, str] | None = None) -> None:
    os.chdir(project.root)
    os.execvpe(command[0], list(command), {**project.environment(), **(more or {})})


# --- test -----------------------------------------------------------------------------------------------------------


def _test(project: Project, arguments: argparse.Namespace) -> int:
    unknown = sorted(set(arguments.steps) - set(STEPS))
    if unknown:
        say(f"There is no step {', '.join(unknown)}. The steps are: {', '.join(STEPS)}.")
        return 2
    steps = [name for name in _ORDER if name in (arguments.steps or STEPS)]
    with _alone(project):
        start = time.monotonic()
        files = stage(project)
        jobs = _jobs(arguments, steps, arguments.target)
        say(
            f"Testing {len(files)} files with Python {platform.python_version()} and ansible-core "
            f"{version('ansible-core')}: {', '.join(steps)}{f', {jobs} at a time' if jobs > 1 else ''}.\n"
        )
        run = Run(
            project=project,
            files=files,
            processes=Processes(echo=arguments.verbose),
            targets=arguments.target,
            scenarios=arguments.scenario,
            pytest_arguments=shlex.split(arguments.pytest),
            verbose=arguments.verbose,
            cores=_cores(jobs),
        )
        with Watch() as watch:
            results = sorted(_run_all(steps, run, jobs), key=lambda result: list(STEPS).index(result.step))
        if not _IN_THE_LAB.isdisjoint(steps):
            results.append(_secrets(watch, project))
            say(report.step(results[-1]))
    say(report.summary(results, time.monotonic() - start))
    return int(any(result.counts.failed for result in results))


def _secrets(watch: Watch, project: Project) -> Result:
    """Look for secrets that got out in the course of a run."""
    began = time.monotonic()
    places = [project.inside(part) for part in ("", *INTEGRATION_GROUPS)]
    found = {
        "output": watch.in_files(project.logs),
        "arguments of processes": watch.in_arguments,
        "files that are left": [
            *watch.in_files(*(folder for place in places for folder in (place.home, place.tmp))),
            # What Python's tempfile, Ansible and OpenSSH leave where no TMPDIR reaches them, as behind an sshd.
            *watch.in_new_files(Path(tempfile.gettempdir()), "tmp*", "ansible*", "ssh*"),
        ],
    }
    checks = tuple(
        Check(name, one(passed=not leaks, note=some(len(leaks), "secret")), 0, "\n".join(leaks), "no log")
        for name, leaks in found.items()
    )
    return Result("secrets", checks, time.monotonic() - began)


def _groups(step: str, targets: Sequence[str]) -> Sequence[str]:
    """Return the groups of a step that can run side by side; a step that is not divided is one without a name."""
    return INTEGRATION_GROUPS if step == "integration" and not targets else ("",)


def _jobs(arguments: argparse.Namespace, steps: Sequence[str], targets: Sequence[str] = ()) -> int:
    """Return how many steps, or groups of one, run at once."""
    return 1 if arguments.verbose else min(arguments.jobs, sum(len(_groups(name, targets)) for name in steps))


def _cores(jobs: int) -> int:
    """Return how many cores each of them has."""
    return max(1, len(os.sched_getaffinity(0)) // jobs)


def _run_all(steps: Sequence[str], run: Run, jobs: int) -> list[Result]:
    results = []
    with ThreadPoolExecutor(jobs) as pool:
        parts = [(name, group) for name in steps for group in _groups(name, run.targets)]
        started = {pool.submit(_run_step, name, replace(run, group=group)): (name, group) for name, group in parts}
        pending = set(started)
        try:
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    error = future.exception()
                    results.append(_broken(*started[future], error) if error else future.result())
                    say(report.step(results[-1]))
        except BaseException:
            run.processes.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return results


def _run_step(name: str, run: Run) -> Result:
    start = time.monotonic()
    checks = tuple(STEPS[name](run))
    return Result(name, checks, time.monotonic() - start, run.group)


def _broken(name: str, group: str, error: BaseException) -> Result:
    """Return a result for a step that could not even run. The other steps still can."""
    said = "".join(traceback.format_exception(error))
    return Result(name, (Check(name, Counts(failed=1, note=str(error)), 0, said, "no log"),), 0, group)


@contextlib.contextmanager
def _alone(project: Project) -> Iterator[None]:
    """Wait for another run in this checkout: two would write the same files."""
    project.build.mkdir(parents=True, exist_ok=True)
    with (project.build / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another test run uses this checkout. Waiting for it to end.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# --- matrix ----------------------------------------------------------------------------------------------------------


def _matrix(project: Project, arguments: argparse.Namespace) -> int:
    try:
        environments = matrix.chosen(
            matrix.read_environments((project.root / "tests/matrix.toml").read_text(encoding="utf-8")), arguments.cores
        )
    except ValueError as error:
        say(str(error))
        return 2
    with _alone(Project(project.root, "matrix")):
        rows = [_matrix_row(project, environment, arguments) for environment in environments]
    say(matrix.table(rows))
    return int(not all(row.is_fine for row in rows))


def _matrix_row(project: Project, environment: matrix.Environment, arguments: argparse.Namespace) -> matrix.Row:
    """Run the steps as ``test`` does, in another environment."""
    start = time.monotonic()
    processes = Processes(echo=arguments.verbose)
    say(report.ruler(f"ansible-core {environment.name}"))
    try:
        there = matrix.make(project, environment, processes)
    except matrix.NoEnvironmentError as error:
        say(f"{error}\n")
        return matrix.Row(environment, {}, why=str(error))
    versions = matrix.versions(there)
    say(f"{', '.join(f'{name} {found}' for name, found in versions.items())}\n")
    jobs = _jobs(arguments, environment.steps)
    run = Run(there, stage(there), processes, verbose=arguments.verbose, cores=_cores(jobs))
    total = sum((result.counts for result in _run_all(environment.steps, run, jobs)), Counts())
    return matrix.Row(environment, versions, total.passed, total.failed, total.skipped, time.monotonic() - start)
