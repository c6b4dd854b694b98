# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of ansible-playbook, as a user starts them: what was printed, and what each task returned on each host."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab
from ansible_collections.sshkeys.aws.tests.secrets_left import lines_with_secrets
from ansible_collections.sshkeys.aws.tests.unit.keys import make_key_file

_CALLBACKS = Path(__file__).parent / "plays" / "callback_plugins"
# This machine, without ssh; and beside it a host that nobody reaches (RFC 5737), for tasks that are delegated.
_HERE = {"all": {"hosts": {"localhost": {"ansible_connection": "local"}}}}
HERE_AND_ELSEWHERE = {
    "all": {"hosts": {"localhost": {"ansible_connection": "local"}, "elsewhere": {"ansible_host": "192.0.2.1"}}}
}
# No run of a test takes as long.
_SECONDS = 240


@dataclass(frozen=True)
class TaskResult:
    """What a task returned on a host. status: ok, failed, ignored (a failure), skipped, or unreachable."""

    task: str
    host: str
    status: str
    result: Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """A run that has ended: its exit status, what it printed, and the results of its tasks in order."""

    status: int
    output: str
    results: Sequence[TaskResult]

    def all_of(self, task: str, host: str | None = None) -> list[TaskResult]:
        """Return the results of the tasks of that name, on one host or on all."""
        # A task of a role has the role's name in front: "ssh_access : Push the key".
        named = [each for each in self.results if task in {each.task, each.task.split(" : ", 1)[-1]}]
        return [each for each in named if host in {None, each.host}]

    def of(self, task: str, host: str | None = None) -> Mapping[str, Any]:
        """Return what the one task of that name returned. Fails where there is none, or more than one."""
        found = self.all_of(task, host)
        assert len(found) == 1, f"{len(found)} results of {task!r} on {host or 'all hosts'}:\n{self.output}"
        return found[0].result

    def recap(self, host: str) -> dict[str, int]:
        """Return the numbers of the play recap for a host, such as changed and failed."""
        (line,) = re.findall(rf"^{re.escape(host)} +: (ok=.*)", self.output, re.MULTILINE)
        return {name: int(number) for name, number in (each.split("=") for each in line.split())}

    def assert_succeeded(self) -> None:
        """Fail with all that was printed where the run has failed."""
        assert self.status == 0, self.output


@dataclass(frozen=True)
class StartedRun:
    """A run that goes on."""

    process: subprocess.Popen[str]
    results_file: Path

    def finish(self, *, may_print_secrets: bool = False) -> Run:
        """Wait for its end. Unless the playbook itself shows secrets, none may be in its output, or in a result."""
        try:
            output, _nothing = self.process.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            output, _nothing = self.process.communicate()
            raise AssertionError(f"ansible-playbook did not end within {_SECONDS} seconds:\n{output}") from None
        recorded = self.results_file.read_text("utf-8")
        assert may_print_secrets or not lines_with_secrets(output.encode()), output
        assert may_print_secrets or not lines_with_secrets(recorded.encode()), recorded
        results = [_task_result(line) for line in recorded.splitlines()]
        return Run(self.process.returncode, output, results)

    def kill(self) -> None:
        """Kill it, its workers, and what these have started. A run that has ended stays as it is."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)


def _task_result(line: str) -> TaskResult:
    told = json.loads(line)
    return TaskResult(told["task"], told["host"], told["status"], told["result"])


class Controller:
    """A folder to run ansible-playbook in, beside a lab."""

    def __init__(self, lab: RunningLab, folder: Path) -> None:
        """Take a lab, and a folder that a test may write to."""
        self.lab = lab
        self.folder = folder
        self._started: list[StartedRun] = []

    def end(self) -> None:
        """Kill the runs that go on, as those of a test that has failed do."""
        for started in self._started:
            started.kill()

    def write(self, name: str, content: object) -> Path:
        """Write a file below the folder: a text as it is, all else as JSON, which is YAML too."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else json.dumps(content, indent=2)
        path.write_text(text, encoding="utf-8")
        return path

    def make_key(self, name: str, key_type: str = "ed25519", *options: str) -> str:
        """Make a key pair ``keys/NAME`` below the folder, and return the line of its public key."""
        path = self.folder / "keys" / name
        path.parent.mkdir(exist_ok=True)
        return make_key_file(path, f"{name}@laptop", key_type, *options)

    def run(
        self,
        playbook: str | Path,
        *arguments: str,
        inventory: str | Mapping[str, Any] | None = None,
        variables: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        may_print_secrets: bool = False,
    ) -> Run:
        """Run a playbook to its end. The options are those of ``start`` and ``StartedRun.finish``."""
        started = self.start(playbook, *arguments, inventory=inventory, variables=variables, environment=environment)
        return started.finish(may_print_secrets=may_print_secrets)

    def start(
        self,
        playbook: str | Path,
        *arguments: str,
        inventory: str | Mapping[str, Any] | None = None,
        variables: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        through: Sequence[str] = (),
    ) -> StartedRun:
        """Start a playbook, in a session of its own.

        playbook: a path, or the full name of one in a collection. inventory: as for ``-i``, or the content of one; this
        machine unless given. variables: extra variables. environment: what comes on top of the test's. through: a
        command to run ansible-playbook through, such as strace.
        """
        number = len(self._started) + 1
        results = self.write(f"results-{number}.jsonl", "")
        if not isinstance(inventory, str):
            inventory = str(self.write(f"inventory-{number}.json", inventory or _HERE))
        # In a file: everybody can read the arguments of a process.
        everything = {"ansible_python_interpreter": "{{ ansible_playbook_python }}", **(variables or {})}
        extra_vars = self.write(f"variables-{number}.json", everything)
        process = subprocess.Popen(
            [*through, "ansible-playbook", "-i", inventory, "-e", f"@{extra_vars}", str(playbook), *arguments],
            cwd=self.folder,
            env={
                **os.environ,
                "ANSIBLE_CALLBACK_PLUGINS": str(_CALLBACKS),
                "ANSIBLE_CALLBACKS_ENABLED": "record_results",
                "ANSIBLE_LOCALHOST_WARNING": "false",
                "SSHKEYS_TEST_RESULTS": str(results),
                **(environment or {}),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._started.append(StartedRun(process, results))
        return self._started[-1]
