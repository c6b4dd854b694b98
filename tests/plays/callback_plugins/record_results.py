# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each task of a run returned on each host, for tests/playbooks.py."""

from __future__ import annotations

DOCUMENTATION = r"""
name: record_results
type: notification
short_description: Write down the results of all tasks
description:
  - Appends a line of JSON for each task on each host, and for each item of a loop, to the file that
    E(SSHKEYS_TEST_RESULTS) names. Each line also has the process id of ansible-playbook, the name of its playbook,
    and whether it was in check mode, for a program that runs it several times.
"""

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import filter_loader

# The parent loads the filters once, and its workers need not. Each task on each host has a worker, which would look for
# the filters of ansible-core and of the collection again: up to 0.04 CPU seconds.
filter_loader.get("sshkeys.aws.comma_list")


class CallbackModule(CallbackBase):  # type: ignore[misc]  # ansible-core has no types
    """The callback record_results."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "record_results"
    CALLBACK_NEEDS_ENABLED = True

    _playbook = ""

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Note the name of the playbook."""
        self._playbook = Path(playbook._file_name).name

    def v2_runner_on_ok(self, result: Any) -> None:
        """Note a task that went well."""
        self._record(result, "ok")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Note a task that failed."""
        self._record(result, "ignored" if ignore_errors else "failed")

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Note a task that was skipped."""
        self._record(result, "skipped")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Note a host that could not be reached."""
        self._record(result, "unreachable")

    def _record(self, result: Any, status: str) -> None:
        # Since ansible-core 2.19 what begins with an underscore here is deprecated.
        task, host = getattr(result, "task", None) or result._task, getattr(result, "host", None) or result._host
        told = getattr(result, "result", None) or result._result
        line = {"task": task.get_name(), "host": host.get_name(), "status": status, "result": told}
        line |= {"process": os.getpid(), "playbook": self._playbook, "check_mode": bool(task.check_mode)}
        with Path(os.environ["SSHKEYS_TEST_RESULTS"]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, default=str) + "\n")
