# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long each task of a playbook took."""

from __future__ import annotations

DOCUMENTATION = r"""
name: task_seconds
type: notification
short_description: Write down how long each task took
description:
  - Appends a line of JSON for each task to the file that E(BENCH_TASKS) names.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):  # type: ignore[misc]  # ansible-core has no types
    """The callback task_seconds: from the start of a task until its last host has ended."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "task_seconds"
    CALLBACK_NEEDS_ENABLED = False

    def __init__(self) -> None:
        """Begin without a task."""
        super().__init__()
        self._name, self._began, self._ended = "", 0.0, 0.0

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Note the task before, and begin with this one."""
        self._note()
        self._name, self._began = task.get_name(), time.monotonic()
        self._ended = self._began

    def v2_runner_on_ok(self, result: Any) -> None:
        """Note that a host has ended."""
        self._ended = time.monotonic()

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Fail the whole measurement: nothing that failed is measured."""
        raise RuntimeError(f"{self._name} failed")

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Note the last task."""
        self._note()

    def _note(self) -> None:
        if self._name:
            with Path(os.environ["BENCH_TASKS"]).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"task": self._name, "seconds": self._ended - self._began}) + "\n")
