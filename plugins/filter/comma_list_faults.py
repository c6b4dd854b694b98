# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter sshkeys.aws.comma_list_faults."""

from __future__ import annotations

DOCUMENTATION = r"""
name: comma_list_faults
short_description: What is wrong with lists that were given as text with commas
version_added: 0.1.0
description:
  - Returns a sentence for each list that may have lost an element, because it ends in a comma or holds nothing between
    two commas, and for what Ansible cut off on the command line.
  - Ansible cuts C(-e "server_ids=A, B") at the blank. Then C(server_ids) is V(A,), and C(B) is in the variable
    C(_raw_params).
author:
  - sshkeys.aws contributors (@sshkeys-aws)
positional: cut_off
options:
  _input:
    description: The lists, by the names of their variables.
    type: dict
    required: true
  cut_off:
    description: What Ansible cut off, as C(_raw_params) has it.
    type: str
    default: ""
seealso:
  - plugin: sshkeys.aws.comma_list
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Refuse a list that lost an element
  ansible.builtin.assert:
    that: faults == []
    fail_msg: "{{ faults | join(' ') }}"
  vars:
    faults: "{{ {'server_ids': server_ids} | sshkeys.aws.comma_list_faults(_raw_params | default('')) }}"
"""

RETURN = r"""
_value:
  description: The sentences. An empty list where nothing is wrong.
  type: list
  elements: str
  sample: []
"""

from typing import Any, Callable

from ansible_collections.sshkeys.aws.plugins.module_utils._comma_list import faults


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"comma_list_faults": faults}
