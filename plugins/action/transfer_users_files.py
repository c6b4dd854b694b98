# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action sshkeys.aws.transfer_users_files: the users that a CSV file or a folder of the controller declares."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.sshkeys.aws.plugins.module_utils._spec import Spec
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.users_files import Asked, read_users
from ansible_collections.sshkeys.aws.plugins.plugin_utils._controller_files import FilesOfCurrentFolder
from ansible_collections.sshkeys.aws.plugins.plugin_utils._plain import plain
from ansible_collections.sshkeys.aws.plugins.plugin_utils._refusal import refusal

DEFAULTS: dict[str, dict[str, Any]] = {
    "role_arn": {"type": "str"},
    "home_directory": {"type": "str"},
    "home_directory_type": {"type": "str", "choices": ["PATH", "LOGICAL"]},
    "home_directory_mappings": {"type": "raw"},
    "policy": {"type": "raw"},
    "posix_profile": {"type": "dict"},
    "tags": {"type": "raw"},
}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "csv": {"type": "path"},
    "folder": {"type": "path"},
    "bucket": {"type": "str"},
    **DEFAULTS,
    "allow_empty": {"type": "bool", "default": False},
    "unsupported_keys": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
}


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core has no types
    """The action sshkeys.aws.transfer_users_files. It runs on the controller, and has no module."""

    _requires_connection = False

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the users, or all that is wrong."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        refused = refusal(Spec(ARGUMENTS, free_form=("tags", "policy")), self._task.args)
        if refused:
            return refused
        _validated, arguments = self.validate_argument_spec(ARGUMENTS)
        arguments = plain(arguments)
        asked = Asked(
            csv=arguments["csv"] or "",
            folder=arguments["folder"] or "",
            bucket=arguments["bucket"] or "",
            defaults={name: arguments[name] for name in DEFAULTS},
            allow_empty=arguments["allow_empty"],
            unsupported_keys=arguments["unsupported_keys"],
        )
        files = FilesOfCurrentFolder(task_vars or {}, loader=self._loader, templar=self._templar)
        read = read_users(asked, files)
        if read.faults:
            return {"failed": True, "msg": " ".join(read.faults)}
        return {**result, "changed": False, "users": plain(read.users)}
