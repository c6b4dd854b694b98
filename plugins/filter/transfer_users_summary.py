# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter sshkeys.aws.transfer_users_summary."""

from __future__ import annotations

DOCUMENTATION = r"""
name: transfer_users_summary
short_description: What the playbook transfer_users says at its end, and why it fails
version_added: 0.3.0
description:
  - Counts what was created, changed and deleted, and names each user and key.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
positional: server_id, declared
options:
  _input:
    description: What M(sshkeys.aws.transfer_user) returned, also if it has failed.
    type: dict
    required: true
  server_id:
    description: The id of the server.
    type: str
    required: true
  declared:
    description: How many users the module was given.
    type: int
    required: true
  check_mode:
    description: Whether nothing was sent.
    type: bool
    default: false
  variables:
    description: The values of the variables of the playbook, by name. P(sshkeys.aws.transfer_users_faults#filter) takes
      the same.
    type: dict
    default: {}
  defined:
    description: The names of all variables that are set, to tell beside a failure which may have lost its prefix.
    type: list
    elements: str
    default: []
seealso:
  - module: sshkeys.aws.transfer_user
"""

EXAMPLES = r"""
- name: Sum up
  ansible.builtin.debug:
    msg: "{{ (made | sshkeys.aws.transfer_users_summary('s-01234567890abcdef', made.users | length)).says }}"
"""

RETURN = r"""
_value:
  description: The end of the playbook.
  type: dict
  contains:
    says:
      description:
        - A sentence that counts, and a line for each user and key that was added (C(+)), changed (C(~)) or removed
          (C(-)), for each failure (C(!)), and for each user that was to be deleted and does not exist.
      type: list
      elements: str
    failures:
      description: Sentences that say why the playbook fails. An empty list where it does not.
      type: list
      elements: str
"""

from types import MappingProxyType
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.users_request import hints_about_names
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.users_summary import sum_up_users
from ansible_collections.sshkeys.aws.plugins.plugin_utils._plain import plain


def transfer_users_summary(
    result: Mapping[str, Any],
    server_id: str,
    declared: int,
    *,
    check_mode: bool = False,
    variables: Mapping[str, Any] = MappingProxyType({}),
    defined: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the end as a dict."""
    hints = hints_about_names(plain(dict(variables)), plain(defined))
    end = sum_up_users(plain(server_id), plain(result), declared=int(declared), check_mode=check_mode, hints=hints)
    as_dict: dict[str, Any] = plain(end._asdict())
    return as_dict


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"transfer_users_summary": transfer_users_summary}
