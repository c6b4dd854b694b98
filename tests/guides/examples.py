# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is in an example: its plays, its tasks, and the roles that it applies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible.playbook.block import Block as AnsibleBlock
from ansible.playbook.task import Task

_TASK_KEYWORDS = {*Task.fattributes, *AnsibleBlock.fattributes}
_LISTS_OF_TASKS = ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers")


def tasks(example: Any) -> Iterator[dict[str, Any]]:
    """Yield each task of a list of plays or tasks, and of the blocks in it."""
    for each in example:
        if is_play(each) or any(name in each for name in _LISTS_OF_TASKS):
            for name in _LISTS_OF_TASKS:
                yield from tasks(each.get(name, []))
        else:
            yield each


def is_play(each: dict[str, Any]) -> bool:
    """Whether an element of a playbook or of an example is a play."""
    return "hosts" in each


def action(task: dict[str, Any]) -> tuple[str, Any]:
    """Return the module of a task, and what it is given."""
    (found,) = ((name, given) for name, given in task.items() if name not in _TASK_KEYWORDS)
    return found


@dataclass(frozen=True)
class UseOfRole:
    """A role that an example applies.

    ``how`` is ``roles``, ``import_role`` or ``include_role``; ``keywords`` are those of the task, or of the element of
    ``roles``; ``apply`` is what ``include_role`` hands on to the tasks of the role.
    """

    role: str
    how: str
    entry_point: str
    keywords: dict[str, Any]
    apply: dict[str, Any]


def uses_of_roles(example: Any) -> Iterator[UseOfRole]:
    """Yield each role that a list of plays or tasks applies."""
    for play in filter(is_play, example):
        for each in play.get("roles", []):
            keywords = {"role": each} if isinstance(each, str) else each
            yield UseOfRole(keywords["role"], "roles", "main", keywords, {})
    for task in tasks(example):
        name, given = action(task)
        how = name.rpartition(".")[2]
        if how in {"import_role", "include_role"}:
            yield UseOfRole(given["name"], how, given.get("tasks_from", "main"), task, given.get("apply", {}))
