# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter sshkeys.aws.transfer_rotate_host_keys."""

from __future__ import annotations

DOCUMENTATION = r"""
name: transfer_rotate_host_keys
short_description: Whether the playbook transfer_rotate may trust the server of its login
version_added: 0.3.0
description:
  - Says which host keys the service states, with which arguments sftp looks for them, and what is wrong with the one
    that the server shows.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
positional: request
options:
  _input:
    description: The result of M(sshkeys.aws.transfer_server_info). An empty dict if it was not called.
    type: dict
    required: true
  request:
    description: What P(sshkeys.aws.transfer_rotate_request#filter) returned.
    type: dict
    required: true
  file:
    description: The C(known_hosts) file of the login.
    type: path
    default: ""
  shown:
    description: The content of that file after ssh has asked the server. Without it, C(fault) is an empty string.
    type: str
  said:
    description: What sftp printed on standard error then.
    type: str
    default: ""
seealso:
  - plugin: sshkeys.aws.known_hosts
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Refuse a server that is not the one that it should be
  ansible.builtin.fail:
    msg: "{{ host_keys.fault }}"
  when: host_keys.fault != ''
  vars:
    shown: "{{ lookup('ansible.builtin.file', known_hosts.path) }}"
    host_keys: "{{ server | sshkeys.aws.transfer_rotate_host_keys(request, shown=shown) }}"
"""

RETURN = r"""
_value:
  description: What is known of the host keys.
  type: dict
  contains:
    stated:
      description: The host keys that the service states. An empty list if they are not asked for, or unknown.
      type: list
      elements: dict
    unknown:
      description: A sentence that says why they are unknown. An empty string if they are known, or not asked for.
      type: str
    fault:
      description: Why the server must not be trusted, as sentences. An empty string if it may be.
      type: str
    ask_args:
      description: Arguments with which sftp writes the key that the server shows to O(file). Empty without O(file).
      type: str
    login_args:
      description: Arguments with which sftp trusts the keys in O(file) only. Empty without O(file).
      type: str
"""

from dataclasses import asdict
from typing import Any, Callable, Mapping

from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_host_keys import (
    host_key_fault,
    host_key_options,
    stated_host_keys,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_request import RotateRequest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._plain import plain


def transfer_rotate_host_keys(
    described: Mapping[str, Any], request: Mapping[str, Any], *, file: str = "", shown: Any = None, said: Any = ""
) -> dict[str, Any]:
    """Return what is known."""
    host_keys = stated_host_keys(RotateRequest(**plain(request)), plain(described))
    result: dict[str, Any] = plain(asdict(host_keys))
    return {
        **result,
        "fault": "" if shown is None else host_key_fault(host_keys, plain(shown), str(plain(said) or "")),
        "ask_args": host_key_options(plain(file), is_first=True) if file else "",
        "login_args": host_key_options(plain(file), is_first=False) if file else "",
    }


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"transfer_rotate_host_keys": transfer_rotate_host_keys}
