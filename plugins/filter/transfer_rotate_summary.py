# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter sshkeys.aws.transfer_rotate_summary."""

from __future__ import annotations

DOCUMENTATION = r"""
name: transfer_rotate_summary
short_description: What the playbook transfer_rotate says at its end
version_added: 0.1.0
description:
  - Says which keys came, went and stayed, where the new pair is, and whether a login has proven it.
  - In check mode it says what would happen.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
positional: request, decision
options:
  _input:
    description:
      - The results of the calls of P(sshkeys.aws.transfer_ssh_key#module), in their order. A call that was skipped or
        refused does not count.
    type: list
    elements: dict
    required: true
  request:
    description: What P(sshkeys.aws.transfer_rotate_request#filter) returned.
    type: dict
    required: true
  decision:
    description: What P(sshkeys.aws.transfer_replaces#filter) returned.
    type: dict
    required: true
  held:
    description: The keys that the user had before.
    type: list
    elements: dict
    required: true
  new_key:
    description: The public key of the new pair. An empty string where there is none yet, as in check mode.
    type: str
    default: ""
  backup_file:
    description: Where the pair that was in the private key file is kept, unless an earlier rotation has kept it.
    type: str
    default: ""
  check_mode:
    description: Whether nothing was done.
    type: bool
    default: false
  host_keys:
    description: What P(sshkeys.aws.transfer_rotate_host_keys#filter) returned.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Sum up
  ansible.builtin.debug:
    msg: "{{ [declared] | sshkeys.aws.transfer_rotate_summary(request, decision, held=held) }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
  sample:
    - "partner on s-01234567890abcdef:"
    - "  came  SHA256:v4K2SCakkhOJ9gLiuwJrrfcWc3wCYzvGBWaMKche8CU alice@laptop"
"""

from typing import Any, Callable, Mapping, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.replaces import Replacement
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_host_keys import RotateHostKeys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_request import RotateRequest
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_summary import rotate_summary
from ansible_collections.sshkeys.aws.plugins.plugin_utils._plain import plain


def transfer_rotate_summary(
    results: Sequence[Mapping[str, Any]],
    request: Mapping[str, Any],
    decision: Mapping[str, Any],
    held: Sequence[Mapping[str, Any]],
    *,
    host_keys: Mapping[str, Any] | None = None,
    **options: Any,
) -> list[str]:
    """Return the lines."""
    return rotate_summary(
        RotateRequest(**plain(request)),
        Replacement(**plain(decision)),
        plain(held),
        plain(results),
        host_keys=RotateHostKeys.read(plain(host_keys or {})),
        **plain(options),
    )


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"transfer_rotate_summary": transfer_rotate_summary}
