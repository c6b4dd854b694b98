# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action sshkeys.aws.transfer_rotate_key_pair, which the playbook transfer_rotate makes its new pair with."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._spec import Spec
from ansible_collections.sshkeys.aws.plugins.plugin_utils._lasting_key_pair import ensure
from ansible_collections.sshkeys.aws.plugins.plugin_utils._plain import plain
from ansible_collections.sshkeys.aws.plugins.plugin_utils._refusal import refusal

ARGUMENTS: dict[str, dict[str, Any]] = {
    "path": {"type": "path", "required": True},
    "comment": {"type": "str", "default": ""},
}


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core has no types
    """The action sshkeys.aws.transfer_rotate_key_pair. It runs on the controller, and has no module."""

    _requires_connection = False

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the public key and whether the pair was made. Raises AnsibleActionFail."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        refused = refusal(Spec(ARGUMENTS), self._task.args)
        if refused:
            return refused
        _validated, arguments = self.validate_argument_spec(ARGUMENTS)
        arguments = plain(arguments)
        try:
            pair = ensure(arguments["path"], arguments["comment"], check_mode=self._task.check_mode)
        except ArgumentError as error:
            raise AnsibleActionFail(str(error)) from error
        return {**result, **pair._asdict()}
