# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action sshkeys.aws.ssh_access_conclude, the last task of the role ssh_access.

It waits until ssh accepts the key, and tells what was done, or why ssh was refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action.wait_for_connection import ActionModule as WaitForConnection
from ansible_collections.sshkeys.aws.plugins.module_utils import _ssh_diagnosis

ARGUMENTS: dict[str, Any] = {
    "opening": {"type": "dict"},
    "transfer": {"type": "dict"},
    "said_by": {"type": "str", "required": True},
    "timeout": {"type": "int", "default": 30},
    "port": {"type": "int", "default": 22},
}
# An sshd that refuses too many logins blocks all logins from this address.
_PAUSE_SECONDS = 3


class ActionModule(WaitForConnection):  # type: ignore[misc]  # ansible-core has no types
    """The action ssh_access_conclude."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return lines that tell what was done for a host. It fails where something failed."""
        variables = task_vars or {}
        _validated, done = self.validate_argument_spec(ARGUMENTS)
        name, said_by = str(variables["inventory_hostname"]), done["said_by"]
        says, failures = _of_transfer(done.get("transfer") or {}, name, said_by)
        opening = done.get("opening")
        if opening:
            refusal = self._wait(tmp, variables, done["timeout"]) if opening["is_open"] else ""
            if refusal:
                failures.append(_explained(refusal, opening, name, done["port"]))
            else:
                (failures if opening["result"]["msg"] else says).append(opening["says"])
        if failures:
            return {"failed": True, "msg": " ".join(failures), "summary": says}
        if not says:
            return {"changed": False}
        # Show the message without -v too, as debug does.
        return {"changed": False, "msg": says[0] if len(says) == 1 else says, "_ansible_verbose_always": True}

    def _wait(self, tmp: str | None, variables: dict[str, Any], timeout: int) -> str:
        """Try to log in until it works or the time is over. Returns what ssh said last, empty if it worked."""
        # For less than a second, ansible-core may never try, and then fails with an error of its own.
        self._task.args = {"timeout": max(timeout, 1), "sleep": _PAUSE_SECONDS}
        waited = super().run(tmp, variables)
        if not waited.get("failed"):
            return ""
        said = str(waited["msg"])
        if "Broken pipe" in said:
            # With pipelining, an ssh that is refused may end before Ansible could read why.
            said = self._ask_again() or said
        return re.sub(r"^timed out waiting for [a-z ]+: ", "", said).strip()

    def _ask_again(self) -> str:
        try:
            self._low_level_execute_command("true", sudoable=False)
        except AnsibleConnectionFailure as error:
            return str(error)
        return ""


def _of_transfer(transfer: Mapping[str, Any], name: str, said_by: str) -> tuple[list[str], list[str]]:
    """Return what is told of the Transfer Family servers, and why they are not as declared.

    name: of the host. said_by: the host that tells it, for all hosts.
    """
    says, failures = list(transfer.get("says", ())), list(transfer.get("failures", ()))
    if name == said_by:
        return says, failures
    if failures:
        return [], [
            f"{name}: no host was opened, because a Transfer Family declaration failed. {said_by} shows the reason."
        ]
    return [], []


def _explained(said: str, opening: Mapping[str, Any], name: str, port: int) -> str:
    """Return what ssh said and what that means. name: of the host. port: of its sshd."""
    cause = _ssh_diagnosis.cause_of(said)
    result = opening["result"]
    login = _ssh_diagnosis.Login(
        instance_id=opening["instance_id"],
        os_user=opening["os_user"],
        private_key_file=opening["private_key_file"],
        known_hosts=" in known_hosts",
        host_key_advice=(
            "Add the key that the instance has printed to its console output, or let ssh take an unknown one by "
            'itself: ansible_ssh_common_args: "-o StrictHostKeyChecking=accept-new".'
        ),
        port=str(port),
        more_causes=(
            "The login began more than 60 seconds after the push, so the key had expired.",
            *(
                ()
                if opening["is_pair_of_the_run"]
                else ("The private key has a passphrase, and the ssh agent does not hold the key.",)
            ),
        ),
        traces=(
            f"The log of the instance's sshd (authpriv) names the key {result['fingerprint']} and the request "
            f"{result['request_id']} where it has seen them."
        ),
    )
    target = f"{opening['instance_id']} for {opening['os_user']}"
    end = "" if said.endswith(".") else "."
    meaning = _ssh_diagnosis.meaning_of(cause, login)
    happened = f"{name}: the key was pushed to {target}, and ssh did not accept the key. It said:"
    return f"{happened} {said}{end} {meaning}"
