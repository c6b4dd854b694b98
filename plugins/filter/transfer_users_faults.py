# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter sshkeys.aws.transfer_users_faults."""

from __future__ import annotations

DOCUMENTATION = r"""
name: transfer_users_faults
short_description: What is wrong with the variables of the playbook transfer_users
version_added: 0.3.0
description:
  - Checks the variables of the playbook C(sshkeys.aws.transfer_users), which says what each of them means. It reads no
    file.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
options:
  _input:
    description: The values of the variables, by name. V(null) for one that is not set and has no default.
    type: dict
    required: true
  defined:
    description: The names of all variables that are set, to find misspelt ones.
    type: list
    elements: str
    default: []
  cut_off:
    description: The variable C(_raw_params), into which Ansible puts what it cuts off an argument of C(-e) at a blank.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Refuse variables that cannot be used
  ansible.builtin.fail:
    msg: "{{ faults | join(' ') }}"
  when: faults | length > 0
  vars:
    variables: "{{ {'transfer_users_server_id': 's-01234567890abcdef', 'transfer_users_csv': 'users.csv'} }}"
    faults: "{{ variables | sshkeys.aws.transfer_users_faults(defined=query('ansible.builtin.varnames', '.')) }}"
"""

RETURN = r"""
_value:
  description: Sentences that say why the playbook must not begin. An empty list where nothing is wrong.
  type: list
  elements: str
"""

from typing import Any, Callable, Mapping, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.users_request import faults_of_users_request
from ansible_collections.sshkeys.aws.plugins.plugin_utils._plain import plain


def transfer_users_faults(variables: Mapping[str, Any], defined: Sequence[str] = (), cut_off: str = "") -> list[str]:
    """Return the faults."""
    return faults_of_users_request(plain(variables), defined=plain(defined), cut_off=plain(cut_off))


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"transfer_users_faults": transfer_users_faults}
