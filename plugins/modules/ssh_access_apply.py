#!/usr/bin/python
# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation alone: the action plugin of this name does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ssh_access_apply
short_description: Make all calls to AWS that the role ssh_access needs
version_added: 0.1.0
description:
  - The second task of the role P(sshkeys.aws.ssh_access#role), which alone uses it. It can change at any time.
  - It calls M(sshkeys.aws.transfer_user), M(sshkeys.aws.transfer_ssh_key), M(sshkeys.aws.transfer_ssh_key_info) and
    M(sshkeys.aws.ec2_instance_connect_key), as tasks with these modules would.
  - If a declared user fails, all others are tried, and no host is opened.
  - It also takes the options of C(module_defaults) for the group C(sshkeys.aws.aws), and hands them on.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
options:
  asked:
    description: What M(sshkeys.aws.ssh_access_prepare) has returned for each host.
    type: list
    elements: dict
    required: true
  unsupported_keys:
    description: As C(ssh_access_transfer_unsupported_keys) of the role.
    type: str
    choices: [fail, skip]
    default: fail
  wait_timeout:
    description: As C(ssh_access_transfer_wait_timeout) of the role.
    type: int
    default: 0
  concurrency:
    description: As C(ssh_access_concurrency) of the role, for Transfer Family.
    type: int
    default: 16
  max_key_age_days:
    description: As C(ssh_access_transfer_max_key_age_days) of the role.
    type: int
    default: 0
  remove_old_keys:
    description: As C(ssh_access_transfer_remove_old_keys) of the role.
    type: bool
    default: false
  remove_last_key:
    description: As C(ssh_access_transfer_remove_last_key) of the role.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Push the key, and apply the declarations
  sshkeys.aws.ssh_access_apply:
    asked: "{{ ansible_play_batch | map('extract', hostvars) | map(attribute='prepared') | list }}"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
hosts:
  description: What became of each host, by its name.
  returned: success
  type: dict
transfer:
  description: What became of the servers, what is told of them, and why they are not as declared.
  returned: if users were declared
  type: dict
said_by:
  description: The host that tells of the servers for all hosts.
  returned: success
  type: str
"""
