# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks of a playbook on this host, as far as an action plugin sees them."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader
from ansible.template import Templar


class Task(SimpleNamespace):
    """The keywords of a task."""

    def copy(self) -> Task:
        """Return another task with the same keywords."""
        return Task(**vars(self))


class ModuleCalls:
    """Stands in for all modules that an action calls: it notes each call, and answers with what a test has set."""

    def __init__(self) -> None:
        """Answer with nothing."""
        self.calls: list[Task] = []
        self.answers: dict[str, Any] = {}

    def get(self, name: str, task: Task, **_of_the_loader: Any) -> Any:
        """Return the action plugin of a module, as the loader of plugins does."""
        answer = self.answers.get(name.rpartition(".")[2], {})

        def run(task_vars: Mapping[str, Any]) -> Any:
            del task_vars
            self.calls.append(task)
            if isinstance(answer, Exception):
                raise answer
            return dict(answer)

        return SimpleNamespace(run=run)


def action_of(
    plugin: Any, name: str, arguments: Mapping[str, Any], modules: ModuleCalls | None = None, **task: Any
) -> Any:
    """Return an action plugin as a task with these arguments gets it.

    plugin: its class. name: of the action. modules: what it calls. task: keywords of the task.
    """
    told = {
        "action": f"sshkeys.aws.{name}",
        "args": dict(arguments),
        "environment": None,
        "check_mode": False,
        "diff": False,
        "async_val": 0,
        "timeout": 0,
        "delegate_to": None,
        "module_defaults": [],
        **task,
    }
    loader = DataLoader()
    connection = connection_loader.get("local", PlayContext(), None)
    action = plugin(Task(**told), connection, PlayContext(), loader, Templar(loader=loader), None)
    if modules:
        # Since 2.19 ansible-core ignores the loaders that it is given.
        action._shared_loader_obj = SimpleNamespace(action_loader=modules)  # noqa: SLF001
    return action
