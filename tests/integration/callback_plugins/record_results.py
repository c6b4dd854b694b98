# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each task with a module of the collection returned, for tests/tools to compare the two ways a module runs."""

from __future__ import annotations

DOCUMENTATION = r"""
name: record_results
type: notification
short_description: Write down the results of this collection's modules
description:
  - Appends a line of JSON for each task with a module of sshkeys.aws to C(tests/output/results.jsonl).
"""

import json
from pathlib import Path
from typing import Any

from ansible import constants as C  # noqa: N812 - as ansible-core names it
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):  # type: ignore[misc]  # ansible-core has no types
    """The callback record_results."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "record_results"
    # ansible-test says which callbacks are enabled, and does not know of this one.
    CALLBACK_NEEDS_ENABLED = False

    def v2_runner_on_ok(self, result: Any) -> None:
        """Note a task that went well."""
        self._record(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Note a task that failed."""
        self._record(result)

    def _record(self, result: Any) -> None:
        # Since ansible-core 2.19 what begins with an underscore here is deprecated.
        task, told = getattr(result, "task", None) or result._task, getattr(result, "result", None) or result._result
        if task.resolved_action and task.resolved_action.startswith("sshkeys.aws."):
            with self._file().open("a", encoding="utf-8") as file:
                file.write(json.dumps({"task": task.get_name(), "result": told}, default=str) + "\n")

    def _file(self) -> Path:
        # ansible-test runs a target in a copy of the collection below tests/output.
        (output,) = (folder for folder in Path(C.CONFIG_FILE).parents if folder.match("tests/output"))
        return output / "results.jsonl"
