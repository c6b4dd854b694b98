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
    description: The tunnel of hosts that have no variable for it. Without it, that of the configuration of Ansible.
    type: str
  port:
    description: The port of hosts that have no variable for it. Without it, that of the configuration of Ansible.
    type: int
  flags:
    description: The variables that must be true or false, by their names.
    type: dict
    default: {}
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
      description:
        - The calls, each with C(options) for the module, C(hosts), the instance of each host, C(label), a short name,
          and C(has_credentials), whether its options have some.
      type: list
      elements: dict
    order:
      description: The hosts to tell of, as in the inventory.
      type: list
      elements: str
    strangers:
      description: The hosts that are no instances.
      type: list
      elements: str
    unusable:
      description: Why a host of RV(_value.order) has no call, a sentence for each.
      type: dict
    faults:
      description: Sentences about variables that cannot be used.
      type: list
      elements: str
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Callable

from ansible import constants as C  # noqa: N812 - as ansible-core names it
from ansible.errors import AnsibleError
from ansible.plugins.loader import connection_loader
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import shown
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.doctor_calls import VARIABLES, doctor_calls
from ansible_collections.sshkeys.aws.plugins.plugin_utils._plain import is_template, plain
from jinja2 import Undefined, UndefinedError


def ssh_doctor_calls(
    hosts: Sequence[Mapping[str, Any]],
    source_cidr: Any = None,
    *,
    tunnel: str | None = None,
    port: int | None = None,
    flags: Mapping[str, Any] | None = None,
    cut_off: str = "",
) -> dict[str, Any]:
    """Return the calls as a dict. Reads no other variables of hosts, which may be undefined or secret."""
    known: list[dict[str, Any]] = []
    unread: dict[str, str] = {}
    for host in hosts:
        variables: dict[str, Any] = {}
        for name in VARIABLES:
            try:
                if name in host:
                    variables[name] = _defined(host[name])
            except (AnsibleError, UndefinedError) as error:
                why = str(error).strip().rstrip(".")
                unread.setdefault(variables["inventory_hostname"], f"{name} cannot be read: {why}. {_REMEDY}")
        known.append(variables)
    found = doctor_calls(
        known,
        plain(source_cidr),
        tunnel=plain(tunnel) or _configured("tunnel"),
        port=plain(port) or _configured("port"),
        cut_off=plain(cut_off),
        unread=unread,
        flags=plain(flags or {}),
    )
    return asdict(found)


def _configured(option: str) -> Any:
    """Return an option of the connection as the environment and ansible.cfg have it, whatever hosts say."""
    # This defines the options of the connection, by the name of its module. It starts nothing.
    connection = connection_loader.get("sshkeys.aws.ec2_instance_connect", class_only=True).__module__
    return plain(C.config.get_config_value(option, plugin_type="connection", plugin_name=connection, variables={}))


_REMEDY = "Correct this variable of the host."


def _defined(value: Any) -> Any:
    """Return a plain value. Raises UndefinedError for one that is undefined."""
    if isinstance(value, Undefined):
        # It says why by itself.
        str(value)
    found = plain(value)
    for text in found.values() if isinstance(found, dict) else [found]:
        if is_template(text):
            raise UndefinedError(f"a variable in {shown(text)} is undefined")
    return found


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"ssh_doctor_calls": ssh_doctor_calls}
