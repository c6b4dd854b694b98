# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action sshkeys.aws.ssh_access_apply: the calls of the role ssh_access, by the modules of this collection.

One task makes all calls, because Ansible prints a header for each task, even for a skipped one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.sshkeys.aws.plugins.module_utils._push.hosts import Host, opening_of, shared_calls
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.ages import Rules
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.apply import apply
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.declarations import Declarations, union

ARGUMENTS: dict[str, Any] = {
    "asked": {"type": "list", "elements": "dict", "required": True},
    "unsupported_keys": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
    "wait_timeout": {"type": "int", "default": 0},
    "concurrency": {"type": "int", "default": 16},
    "max_key_age_days": {"type": "int", "default": 0},
    "remove_old_keys": {"type": "bool", "default": False},
    "remove_last_key": {"type": "bool", "default": False},
}
_COLLECTION = "sshkeys.aws"
_PUSH = "ec2_instance_connect_key"


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core has no types
    """The action ssh_access_apply."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Make all calls. Returns what became of each host and each server."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        given = self._task.args
        # module_defaults of the group may add options of the AWS modules. Pass them on.
        aws = {name: value for name, value in given.items() if name not in ARGUMENTS}
        self._task.args = {name: value for name, value in given.items() if name in ARGUMENTS}
        _validated, options = self.validate_argument_spec(ARGUMENTS)
        calls = _Calls(partial(self._call, variables, aws))
        result: dict[str, Any] = {"said_by": str(variables["inventory_hostname"]), "hosts": {}}
        declared = [Declarations(**asked["declared"]) for asked in options["asked"] if "declared" in asked]
        if declared:
            all_declared = union(declared)
            if all_declared.faults:
                return {"failed": True, "msg": f"ssh_access_transfer_servers: {' '.join(all_declared.faults)}"}
            result["transfer"] = _apply_declarations(
                all_declared.servers, calls, options, pretends=self._task.check_mode
            )
        if not result.get("transfer", {}).get("failures"):
            hosts = [Host.of(asked["host"]) for asked in options["asked"] if "host" in asked]
            result["hosts"] = _open(hosts, calls)
        return {**result, **calls.told()}

    def _call(
        self,
        variables: dict[str, Any],
        aws: Mapping[str, Any],
        module: str,
        arguments: Mapping[str, Any],
        pretends: bool,
    ) -> dict[str, Any]:
        """Call a module as a task with it would, and return its result, also when it failed.

        aws: options of amazon.aws, which count less than the arguments. pretends: whether to call it in check mode.
        """
        task = self._task.copy()
        task.action = f"{_COLLECTION}.{module}"
        task.args = {**aws, **self._defaults(task.action), **arguments}
        task.check_mode = pretends
        plugin = self._shared_loader_obj.action_loader.get(
            task.action,
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        try:
            result: dict[str, Any] = plugin.run(task_vars=variables)
        except AnsibleError as error:
            result = {"failed": True, "msg": str(error)}
        return result

    def _defaults(self, module: str) -> dict[str, Any]:
        """Return the module_defaults of a module. The task already has those of its group."""
        found: dict[str, Any] = {}
        for defaults in self._task.module_defaults or ():
            found.update(self._templar.template(defaults.get(module) or {}))
        return found


def _apply_declarations(
    servers: Sequence[Mapping[str, Any]], calls: _Calls, options: Mapping[str, Any], *, pretends: bool
) -> dict[str, Any]:
    rules = Rules(options["max_key_age_days"], options["remove_old_keys"], options["remove_last_key"])
    applied = apply(
        servers,
        partial(calls.call, pretends=pretends),
        rules,
        unsupported_keys=options["unsupported_keys"],
        wait_timeout=options["wait_timeout"],
        concurrency=options["concurrency"],
        pretends=pretends,
    )
    return applied._asdict()


def _open(hosts: Sequence[Host], calls: _Calls) -> dict[str, Any]:
    """Push the keys. Returns what became of each host, by its name."""
    openings: dict[str, Any] = {}
    for shared in shared_calls(hosts):
        call = shared.call
        arguments = {
            **call.aws,
            "targets": shared.targets,
            "public_key": call.public_key,
            "min_validity": call.min_validity,
            "concurrency": call.concurrency,
        }
        answer = calls.call(_PUSH, arguments, pretends=call.pretends, is_change=not call.is_pair_of_the_run)
        openings.update({host.name: opening_of(host, answer).as_dict() for host in shared.hosts})
    return openings


class _Calls:
    """What modules are called with, and what they have told."""

    def __init__(self, call: Callable[[str, Mapping[str, Any], bool], dict[str, Any]]) -> None:
        """call: see ActionModule._call."""
        self._call = call
        self._is_changed = False
        self._warnings: list[Any] = []
        self._diffs: list[Any] = []

    def call(
        self, module: str, arguments: Mapping[str, Any], *, pretends: bool, is_change: bool = True
    ) -> dict[str, Any]:
        """Call a module. is_change: whether what it changes outlives the run. For the rest see ActionModule._call."""
        result = self._call(module, arguments, pretends)
        self._is_changed = self._is_changed or (is_change and bool(result.get("changed")))
        self._warnings += [warning for warning in result.get("warnings") or () if warning not in self._warnings]
        diff = result.get("diff") or []
        self._diffs += diff if isinstance(diff, list) else [diff]
        return result

    def told(self) -> dict[str, Any]:
        """Return what all calls together have told, as a result has it."""
        return {
            "changed": self._is_changed,
            **({"warnings": self._warnings} if self._warnings else {}),
            **({"diff": self._diffs} if self._diffs else {}),
        }
