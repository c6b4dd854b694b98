# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print a playbook as a story: plays are chapters, tasks are steps, and what an assert proved stands under its step."""

from __future__ import annotations

DOCUMENTATION = r"""
name: story
type: stdout
short_description: Print a playbook as a story
description:
  - Plays are chapters, tasks are steps, and what an assert proved stands under its step.
"""

import textwrap
from typing import Any

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """The story, and the count of what was proved at its end."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "story"

    def __init__(self) -> None:
        """Begin with nothing proved."""
        super().__init__()
        self._chapter = 0
        self._proofs = 0

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Print a play as a chapter."""
        self._chapter += 1
        self._tell(f"\n{self._chapter}. {play.get_name()}", "bright blue")

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Print a task as a step; an assert speaks for itself when it has passed."""
        if not _proves(task):
            self._tell(f"   {task.get_name()}")

    def v2_runner_on_ok(self, result: Any) -> None:
        """Print what an assert proved."""
        # ansible-core 2.19 has made the task public, and kept the old name for a while.
        if _proves(result._task):
            self._proofs += 1
            self._tell(_indented("proved: ", result._result["msg"]), "green")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Print why a step failed."""
        if not ignore_errors:
            self._tell(_indented("FAILED: ", str(result._result.get("msg", result._result))), "red")

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Print the end of the story."""
        failed = bool(stats.failures or stats.dark)
        end = ", and then a step failed." if failed else "."
        self._tell(f"\n{self._proofs} things proved{end}", "red" if failed else "green")

    def _tell(self, text: str, color: str | None = None) -> None:
        self._display.display(text, color=color)


def _proves(task: Any) -> bool:
    return bool(task.action in ("assert", "ansible.builtin.assert"))


def _indented(label: str, text: str) -> str:
    return textwrap.fill(text, width=110, initial_indent=f"     {label}", subsequent_indent=" " * (5 + len(label)))
