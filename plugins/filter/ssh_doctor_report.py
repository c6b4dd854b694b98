# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""The filter sshkeys.aws.ssh_doctor_report."""

from __future__ import annotations

DOCUMENTATION = r"""
name: ssh_doctor_report
short_description: What the playbook ssh_doctor prints
version_added: 0.2.0
description:
  - Lays out which way leads to each host, and under it what is wrong and what to do.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
positional: asked
options:
  _input:
    description:
      - The results of M(sshkeys.aws.ec2_instance_connect_info) in a loop over the calls of
        P(sshkeys.aws.ssh_doctor_calls#filter).
    type: list
    elements: dict
    required: true
  asked:
    description: What P(sshkeys.aws.ssh_doctor_calls#filter) returned.
    type: dict
    required: true
  tells_all:
    description: Whether closed ways are told of hosts with an open one, too.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show which way leads to each host
  ansible.builtin.debug:
    msg: "{{ (judged.results | sshkeys.aws.ssh_doctor_report(asked)).lines }}"
"""

RETURN = r"""
_value:
  description: What to print.
  type: dict
  contains:
    lines:
      description: The table.
      type: list
      elements: str
    says:
      description: The sum, as sentences.
      type: list
      elements: str
    failures:
      description: Sentences about the hosts that no way leads to, or that could not be judged.
      type: list
      elements: str
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Callable

from ansible_collections.sshkeys.aws.plugins.module_utils._reach.doctor_report import doctor_report
from ansible_collections.sshkeys.aws.plugins.plugin_utils._plain import plain


def ssh_doctor_report(
    results: Sequence[Mapping[str, Any]], asked: Mapping[str, Any], *, tells_all: bool = False
) -> dict[str, Any]:
    """Return the report as a dict."""
    order, strangers = plain(asked["order"]), plain(asked["strangers"])
    return asdict(doctor_report(plain(results), order, strangers, tells_all=tells_all))


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"ssh_doctor_report": ssh_doctor_report}
