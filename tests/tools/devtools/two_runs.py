# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether modules return the same in the worker of a task as in processes. Pure: texts in, differences out."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

# What no two runs have in common, and how it is written here instead. The order counts.
_OF_ONE_RUN = (
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "REQUEST-ID"),
    (r"key-[0-9a-f]{17}\b", "KEY-ID"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
    (r"\b127\.0\.0\.1:\d+", "ADDRESS"),
    (r"\bAKIA[A-Z0-9]{16}\b", "ACCESS-KEY"),
    (r"\blabsecret[0-9a-f]{31}\b", "SECRET-KEY"),
    # Since 2.22 ansible-core masks the credentials that a module's process returns, in words of its own.
    (r'"\$REDACTED\$"', '"VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"'),
    (r"\$REDACTED\$", "********"),
    (r'[^" ]*/lab-[a-z0-9_]{8}/', "LAB/"),
    # ansible-test gives a target a folder with a name by chance.
    (r'[^" ]*/tests/output/\.tmp/[^" ]*/', "FOLDER/"),
)


def differences(one: str, other: str) -> Iterator[str]:
    """Compare what two runs of the same targets have recorded, and yield a text for each task that came out otherwise.

    one, other: lines of JSON, as tests/integration/callback_plugins/record_results.py writes them.
    """
    nothing: list[str] = []
    for mine, theirs in zip_longest(
        map(_normal, one.splitlines()), map(_normal, other.splitlines()), fillvalue=nothing
    ):
        if mine != theirs:
            name = (mine or theirs)[1].strip()
            yield "\n".join(
                [name, *difflib.unified_diff(mine, theirs, "in the worker", "in a process", lineterm="", n=3)]
            )


def _normal(line: str) -> list[str]:
    """Return the lines of a record, in the form that two runs have in common. The second one names the task."""
    for pattern, instead in _OF_ONE_RUN:
        line = re.sub(pattern, instead, line)
    record = json.loads(line, object_hook=_without_origin)
    _leave_out_imports(record["result"])
    # The order in a result is nothing that a playbook sees.
    record["result"] = json.loads(json.dumps(record["result"], sort_keys=True))
    return json.dumps(record, indent=1).splitlines()


def _without_origin(found: dict[str, Any]) -> dict[str, Any]:
    """Leave out what ansible-core 2.19 adds to the failure of a module alone: that there is no traceback."""
    if found.get("failed_when_suppressed_exception") == "(traceback unavailable)":
        del found["failed_when_suppressed_exception"]
    return found


def _leave_out_imports(result: dict[str, Any]) -> None:
    """Leave out what an import of amazon.aws warns of: the parent of all workers imports it once, outside any task."""
    told = [warning for warning in result.pop("deprecations", []) if not warning["msg"].startswith("Importing ")]
    if told:
        result["deprecations"] = told
