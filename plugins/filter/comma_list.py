# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter sshkeys.aws.comma_list."""

from __future__ import annotations

DOCUMENTATION = r"""
name: comma_list
short_description: The elements of a list that may be given as text with commas
version_added: 0.1.0
description:
  - Returns each element once, in order, without blanks around it. Empty elements are left out. The filter
    P(sshkeys.aws.comma_list_faults#filter) tells of them.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
options:
  _input:
    description: A list, or text with commas between the elements.
    type: raw
    required: true
seealso:
  - plugin: sshkeys.aws.comma_list_faults
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Audit the servers that were given as -e server_ids=s-01234567890abcdef,s-0fedcba9876543210
  ansible.builtin.debug:
    msg: "{{ server_ids | sshkeys.aws.comma_list }}"
"""

RETURN = r"""
_value:
  description: The elements.
  type: list
  elements: str
  sample: [s-01234567890abcdef, s-0fedcba9876543210]
"""

from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.sshkeys.aws.plugins.module_utils._comma_list import elements
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError


def comma_list(value: Any) -> list[str]:
    """Return the elements. Raises AnsibleFilterError where the value is neither a list nor text."""
    try:
        return elements(value)
    except ArgumentError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"comma_list": comma_list}
