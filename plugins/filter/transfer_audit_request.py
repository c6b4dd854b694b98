# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter sshkeys.aws.transfer_audit_request."""

from __future__ import annotations

DOCUMENTATION = r"""
name: transfer_audit_request
short_description: What the playbook transfer_audit is asked for, and what is wrong with it
version_added: 0.1.0
description:
  - Reads and checks the variables of the playbook C(sshkeys.aws.transfer_audit), which says what each of them means.
  - A relative path is made absolute, and begins in the current folder.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
options:
  _input:
    description:
      - The values of the variables, by name. V(null) for one that is not set.
      - C(max_key_age_days) needs a value. Without C(report_file) there is no report.
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
seealso:
  - plugin: sshkeys.aws.transfer_audit
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Refuse variables that cannot be used
  ansible.builtin.fail:
    msg: "{{ request.faults | join(' ') }}"
  when: request.faults | length > 0
  vars:
    variables: "{{ {'server_ids': server_ids, 'max_key_age_days': 90, 'report_file': 'transfer-audit.html'} }}"
    request: "{{ variables | sshkeys.aws.transfer_audit_request(defined=query('ansible.builtin.varnames', '.')) }}"
"""

RETURN = r"""
_value:
  description: The request.
  type: dict
  contains:
    faults:
      description: Sentences that say why the audit must not begin. An empty list where nothing is wrong.
      type: list
      elements: str
    server_ids:
      description: The ids of the servers, each once.
      type: list
      elements: str
    user_names:
      description: The users to read, and no others. An empty list for all.
      type: list
      elements: str
    limit:
      description: A key is old if the user has had it for more days than this.
      type: int
    report_file:
      description: The absolute path of the report. An empty string for none.
      type: str
    fail_on:
      description: The remarks that make the playbook fail.
      type: list
      elements: str
      sample: [old, weak]
"""

from dataclasses import asdict
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_request import read_audit_request
from ansible_collections.sshkeys.aws.plugins.plugin_utils._paths import ControllerPaths
from ansible_collections.sshkeys.aws.plugins.plugin_utils._plain import plain


def transfer_audit_request(
    variables: Mapping[str, Any], defined: Sequence[str] = (), cut_off: str = ""
) -> dict[str, Any]:
    """Return the request as a dict."""
    request = read_audit_request(plain(variables), ControllerPaths(), defined=plain(defined), cut_off=plain(cut_off))
    result: dict[str, Any] = plain(asdict(request))
    return result


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"transfer_audit_request": transfer_audit_request}
