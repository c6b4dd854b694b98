# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""The filter sshkeys.aws.ssh_doctor_calls."""

from __future__ import annotations

DOCUMENTATION = r"""
name: ssh_doctor_calls
short_description: The calls that the playbook ssh_doctor makes
version_added: 0.2.0
description:
  - Groups hosts by what the connection would take from their variables - region, credentials, tunnel, endpoint and port
    - so that M(sshkeys.aws.ec2_instance_connect_info) is called once for each group.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
positional: source_cidr
options:
  _input:
    description: The variables of each host, with C(inventory_hostname).
    type: list
    elements: dict
    required: true
  source_cidr:
    description: Where connections come from. A list, or text with commas.
    type: raw
  tunnel:
    description: The tunnel of hosts that have no variable for it.
    type: str
    default: auto
  cut_off:
    description: The text that Ansible cut off on the command line.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Show how many calls the fleet needs
  ansible.builtin.debug:
    msg: "{{ (ansible_play_hosts_all | map('extract', hostvars) | sshkeys.aws.ssh_doctor_calls(none)).calls | length }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: What to ask.
  type: dict
  contains:
    calls:
      description: The calls, each with C(options) for the module, and C(hosts), the instance of each host.
      type: list
      elements: dict
    order:
      description: The hosts that are instances, as in the inventory.
      type: list
      elements: str
    strangers:
      description: The hosts that are no instances.
      type: list
      elements: str
    faults:
      description: Sentences about variables that cannot be used.
      type: list
      elements: str
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Callable

from ansible_collections.sshkeys.aws.plugins.module_utils._reach.doctor_calls import VARIABLES, doctor_calls
from ansible_collections.sshkeys.aws.plugins.plugin_utils._plain import plain


def ssh_doctor_calls(
    hosts: Sequence[Mapping[str, Any]], source_cidr: Any = None, *, tunnel: str = "auto", cut_off: str = ""
) -> dict[str, Any]:
    """Return the calls as a dict. Reads no other variables of hosts, which may be undefined or secret."""
    known = [{name: plain(host[name]) for name in VARIABLES if name in host} for host in hosts]
    found = doctor_calls(known, plain(source_cidr), tunnel=plain(tunnel), cut_off=plain(cut_off))
    return asdict(found)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"ssh_doctor_calls": ssh_doctor_calls}
