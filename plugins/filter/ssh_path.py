# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter sshkeys.aws.ssh_path."""

from __future__ import annotations

DOCUMENTATION = r"""
name: ssh_path
short_description: A path as the variable ansible_ssh_private_key_file takes it
version_added: 0.1.0
description:
  - Ansible hands C(ansible_ssh_private_key_file) to ssh between double quotes, and changes nothing in it. There ssh
    reads C(%h) and the like as its own, and backslashes and double quotes as escapes. This filter protects them.
  - Most paths stay as they are.
notes:
  - A double quote, and a backslash before a quote or another backslash, need OpenSSH 8.7 or later.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
options:
  _input:
    description: A path. It must not hold C(${), which ssh takes for a variable of the environment in any case.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Use a key in a workspace whose name has a percent sign, such as feature%2Ffoo
  ansible.builtin.set_fact:
    ansible_ssh_private_key_file: "{{ (playbook_dir ~ '/deploy_key') | sshkeys.aws.ssh_path }}"
"""

RETURN = r"""
_value:
  description: The path, as ssh reads it between double quotes.
  type: str
  sample: /srv/feature%%2Ffoo/deploy_key
"""

from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.sshkeys.aws.plugins.module_utils._ssh_options import UnusablePathError, escaped


def ssh_path(path: str) -> str:
    """Return the path. Raises AnsibleFilterError where it is no text, or ssh cannot be told of it."""
    if not isinstance(path, str):
        raise AnsibleFilterError(f"A path is needed, and this is of type {type(path).__name__}.")
    try:
        return escaped(path)
    except UnusablePathError as error:
        raise AnsibleFilterError(f"The path of the private key {error}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"ssh_path": ssh_path}
