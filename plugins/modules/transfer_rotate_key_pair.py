#!/usr/bin/python
# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation alone: the action plugin of this name does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: transfer_rotate_key_pair
short_description: Make the new key pair of a rotation on the controller
version_added: 0.1.0
description:
  - Makes an ed25519 key pair without a passphrase with C(ssh-keygen), unless there is one already. Only its owner can
    read both files. The playbook C(sshkeys.aws.transfer_rotate) makes the new pair of a user with it.
  - An ed25519 pair that is there stays. Its public key file is written again where it is missing, or has another key or
    comment.
  - What is in the way and is not such a pair stays too, and the task fails.
  - It is an action. Whatever host the task is for, the pair is on the controller.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
requirements:
  - C(ssh-keygen) on the controller
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: posix
options:
  path:
    description:
      - The file of the private key. The public key has the same name with C(.pub).
    type: path
    required: true
  comment:
    description:
      - The comment of the public key.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Make a key pair
  sshkeys.aws.transfer_rotate_key_pair:
    path: ~/.ssh/partner.new
    comment: partner@s-01234567890abcdef
  register: pair

- name: Import its public key
  sshkeys.aws.transfer_ssh_key:
    server_id: s-01234567890abcdef
    user_name: partner
    public_keys: "{{ pair.public_key }}"
    region: us-east-1
"""

RETURN = r"""
public_key:
  description: The public key. An empty string in check mode, where the pair would be made.
  returned: success
  type: str
  sample: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJEUvhKlSr3hlrULeHPBhV6WpNQeRpxqgSkrsrVdjMyx partner@s-01234567890abcdef
"""
