#!/usr/bin/python
# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation alone: the action plugin of this name does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ssh_access_prepare
short_description: Check what is asked of the role ssh_access for a host
version_added: 0.1.0
description:
  - The first task of the role P(sshkeys.aws.ssh_access#role), which alone uses it. It can change at any time.
  - It refuses a host of which too little is known, and makes the key pair of the run, in a folder that is gone when
    the run ends. It reads the public keys that are declared for Transfer Family users, and judges all of them.
  - It works on the controller, and sends nothing.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
options:
  instance:
    description: The host to open. Without it, no host is opened.
    type: dict
    suboptions:
      instance_id:
        description: As C(ssh_access_instance_id) of the role.
        type: str
        default: ""
      os_user:
        description: As C(ssh_access_os_user) of the role.
        type: str
        default: ""
      availability_zone:
        description: As C(ssh_access_availability_zone) of the role.
        type: str
        default: ""
      private_key_file:
        description: As C(ssh_access_private_key_file) of the role.
        type: str
        default: ""
      public_key:
        description: As C(ssh_access_public_key) of the role.
        type: str
        default: ""
      region:
        description: As C(ssh_access_region) of the role.
        type: str
        default: ""
      region_of_placement:
        description: The region in the variable C(placement) of the host. It counts if O(instance.region) is empty.
        type: str
        default: ""
      profile:
        description: As C(ssh_access_profile) of the role.
        type: str
        default: ""
      assume_role_arn:
        description: As C(ssh_access_assume_role_arn) of the role.
        type: str
        default: ""
      endpoint_url:
        description: As C(ssh_access_endpoint_url) of the role.
        type: str
        default: ""
      min_validity:
        description: As C(ssh_access_min_validity) of the role.
        type: int
        required: true
      concurrency:
        description: As C(ssh_access_concurrency) of the role.
        type: int
        required: true
      pretends:
        description: Whether the key is not to be pushed, as in check mode.
        type: bool
        default: false
  servers:
    description:
      - As C(ssh_access_transfer_servers) of the role, each with C(region), C(profile),
        C(assume_role_arn), C(endpoint_url) and C(exclusive). Without it, no user is declared.
    type: list
    elements: dict
  unsupported_keys:
    description: As C(ssh_access_transfer_unsupported_keys) of the role.
    type: str
    choices: [fail, skip]
    default: fail
  looks_for_old_keys:
    description: Whether to allow a user for whom no key is declared, because the role looks for its old keys.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Check a host, and make the key pair of this run
  sshkeys.aws.ssh_access_prepare:
    instance:
      instance_id: "{{ instance_id }}"
      os_user: ec2-user
      min_validity: 15
      concurrency: 16
"""

RETURN = r"""
host:
  description: The host, its target, what it must have in common with others to share a call, and the key for ssh.
  returned: if O(instance) is given
  type: dict
declared:
  description:
    - C(servers), each with what M(sshkeys.aws.transfer_ssh_key) and M(sshkeys.aws.transfer_user) are to be called with,
      and C(faults), a sentence for everything that is wrong.
  returned: if O(servers) is given
  type: dict
"""
