# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A task as it runs in either place: through the module's action in this process, and through a process."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader
from ansible.template import Templar
from ansible_collections.sshkeys.aws.plugins.plugin_utils import _refusal
from ansible_collections.sshkeys.aws.tests.ansible_core import ANSIBLE_CORE

_PROGRAM = Path(__file__).with_name("module_processes.py")
_PLUGINS = "ansible_collections.sshkeys.aws.plugins"
_IS_TOLD_TO_SHOW_INVOCATIONS = ANSIBLE_CORE >= (2, 21)

# What no two runs have in common, and how it is written here instead. The order counts.
_OF_ONE_RUN = (
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "REQUEST-ID"),
    (r"key-[0-9a-f]{17}\b", "KEY-ID"),
    # Of the network, which a reset of the lab makes anew.
    (r"\b(vpc|subnet|sg|acl|rtb)-[0-9a-f]{17}\b", r"\1-ID"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
    # They are of a set.
    (r'Valid booleans include: [^"]*', ""),
    # Since 2.22 ansible-core masks the credentials that a module's process returns.
    (r"VALUE_SPECIFIED_IN_NO_LOG_PARAMETER|\*{8}|labsecret[0-9a-f]{31}", "SECRET"),
)


@dataclass(frozen=True)
class Task:
    """A task with a module of this collection.

    says: what its result has to say, a pattern for its JSON. fails: whether it has to fail.
    environment: what the task sets in the environment of its module.
    """

    module: str
    arguments: Mapping[str, Any]
    says: str = ""
    fails: bool = False
    check_mode: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return what a failed test shows of it."""
        return f"{self.module}{' (check)' * self.check_mode}: {self.arguments} {self.environment or ''}"[:300]


def in_worker(task: Task) -> dict[str, Any]:
    """Run a task as the worker of ansible-playbook does, and return its result."""
    told = {
        "action": f"sshkeys.aws.{task.module}",
        "args": dict(task.arguments),
        "environment": [dict(task.environment)],
        "check_mode": task.check_mode,
        "diff": False,
        "async_val": 0,
        "timeout": 0,
        "delegate_to": None,
    }
    loader = DataLoader()
    connection = connection_loader.get("local", PlayContext(), None)
    action = importlib.import_module(f"{_PLUGINS}.action.{task.module}").ActionModule(
        SimpleNamespace(**told), connection, PlayContext(), loader, Templar(loader=loader), None
    )
    result: dict[str, Any] = action.run(
        None, {"ansible_python_interpreter": sys.executable, "ansible_inject_invocation": True}
    )
    return result


class Processes:
    """An interpreter that has imported modules, and runs tasks with them in processes."""

    def __init__(self, modules: Sequence[str]) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, str(_PROGRAM), *(f"{_PLUGINS}.modules.{module}" for module in modules)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, task: Task) -> dict[str, Any]:
        """Run a task, and return its result."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps(_call(task))}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        # An empty line comes before the result, if anything else was printed.
        while line == "\n":
            line = self._process.stdout.readline()
        result: dict[str, Any] = json.loads(line)
        return result

    def end(self) -> None:
        """End it."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def _call(task: Task) -> dict[str, Any]:
    internal: dict[str, Any] = {
        "_ansible_module_name": f"sshkeys.aws.{task.module}",
        "_ansible_verbosity": 5,
        "_ansible_check_mode": task.check_mode,
    }
    if _IS_TOLD_TO_SHOW_INVOCATIONS:
        internal["_ansible_inject_invocation"] = True
    return {
        "module": f"{_PLUGINS}.modules.{task.module}",
        "arguments": {**task.arguments, **internal},
        "environment": {**os.environ, **task.environment},
    }


def comparable(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result without what no two runs have in common, and with warnings as texts."""
    told = dict(result)
    # amazon.aws is imported once in a worker's parent, outside any task, and it warns of the import there.
    told.pop("deprecations", None)
    if "warnings" in told:
        # Since 2.19 a module returns them as messages of a type of ansible-core.
        told["warnings"] = [each if isinstance(each, str) else each["event"]["msg"] for each in told["warnings"]]
    if told.pop("_ansible_new_secrets", None) or _refusal.CORE_MASKS:
        shown = dict(told["invocation"].get("module_args", {}))
        # Since 2.22 a module's process returns them, and tells ansible-core to mask them where it shows them.
        shown.update({name: "SECRET" for name in ("secret_key", "session_token") if shown.get(name)})
        told["invocation"] = {"module_args": shown}
    text = json.dumps(told)
    for pattern, instead in _OF_ONE_RUN:
        text = re.sub(pattern, instead, text)
    found: dict[str, Any] = json.loads(text)
    return found
