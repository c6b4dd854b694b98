# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter sshkeys.aws.transfer_rotate_failure."""

from __future__ import annotations

DOCUMENTATION = r"""
name: transfer_rotate_failure
short_description: What the playbook transfer_rotate says when it fails in the middle
version_added: 0.1.0
description:
  - Says what failed, which keys the user has now, and which private key files work.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
positional: request
options:
  _input:
    description: The result of the task that failed, C(ansible_failed_result).
    type: dict
    required: true
  request:
    description: What P(sshkeys.aws.transfer_rotate_request#filter) returned.
    type: dict
    required: true
  task:
    description: The name of that task.
    type: str
    required: true
  is_login:
    description: Whether that was the login with the new key.
    type: bool
    default: false
  users:
    description:
      - The C(users) that P(sshkeys.aws.transfer_ssh_key_info#module) returned after the failure. An empty list if they
        could not be read.
    type: list
    elements: dict
    default: []
  private_keys:
    description: The C(private_keys) that P(sshkeys.aws.private_key_files#lookup) returned after the failure.
    type: dict
    default: {}
  host_keys:
    description: What P(sshkeys.aws.transfer_rotate_host_keys#filter) returned.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Report the failure, and the current keys and files
  ansible.builtin.fail:
    msg: >-
      {{ ansible_failed_result | sshkeys.aws.transfer_rotate_failure(
         request, task=ansible_failed_task.name, users=after.users | default([])) }}
"""

RETURN = r"""
_value:
  description: One paragraph.
  type: str
"""

from typing import Any, Callable, Mapping, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_failure import rotate_failure
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_files import KeyFiles
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_host_keys import RotateHostKeys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_request import RotateRequest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._plain import plain


def transfer_rotate_failure(
    failed: Mapping[str, Any],
    request: Mapping[str, Any],
    *,
    task: str,
    is_login: Any = False,
    users: Sequence[Mapping[str, Any]] = (),
    private_keys: Mapping[str, str] | None = None,
    host_keys: Mapping[str, Any] | None = None,
) -> str:
    """Return the paragraph."""
    asked = RotateRequest(**plain(request))
    return rotate_failure(
        asked,
        plain(failed),
        task=plain(task),
        is_login=bool(is_login),
        held=plain(users)[0].get("ssh_public_keys") if users else None,
        files=KeyFiles.read(asked.private_key_file, plain(private_keys or {})),
        host_keys=RotateHostKeys.read(plain(host_keys or {})),
    )


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"transfer_rotate_failure": transfer_rotate_failure}
