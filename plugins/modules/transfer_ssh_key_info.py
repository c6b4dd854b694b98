#!/usr/bin/python
# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""List the SSH keys of AWS Transfer Family users."""

from __future__ import annotations

DOCUMENTATION = r"""
module: transfer_ssh_key_info
short_description: List the SSH keys of AWS Transfer Family users
version_added: 0.1.0
description:
  - Lists the SSH public keys of one, several or all users of an AWS Transfer Family server, with type, length,
    fingerprints and age.
  - Its own options are O(server_id), O(user_names), O(concurrency) and O(assume_role_arn). All others are those of
    every module for AWS.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
options:
  server_id:
    description:
      - The id of the server.
    type: str
    required: true
  user_names:
    description:
      - The names of the users. Without it, every user of the server is listed.
      - If a user does not exist, the task fails after it has read all others.
    type: list
    elements: str
    aliases: [user_name]
  concurrency:
    description:
      - The maximum number of users to read at the same time.
    type: int
    default: 16
extends_documentation_fragment:
  - sshkeys.aws._attributes
  - sshkeys.aws._attributes.action_group
  - sshkeys.aws._attributes.fast_path
  - sshkeys.aws._attributes.info_module
  - sshkeys.aws._role
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - sshkeys.aws._attributes.sdk
notes:
  - The credentials need C(transfer:DescribeUser) on the users, and C(transfer:ListUsers) on the server to list every
    user.
seealso:
  - module: sshkeys.aws.transfer_ssh_key
  - name: DescribeUser
    description: The API page.
    link: https://docs.aws.amazon.com/transfer/latest/APIReference/API_DescribeUser.html
"""

EXAMPLES = r"""
- name: Read every user of a server
  sshkeys.aws.transfer_ssh_key_info:
    server_id: s-01234567890abcdef
    region: us-east-1
  register: server

- name: Show the keys that are older than a year
  ansible.builtin.debug:
    msg: "{{ item.0.user_name }} has {{ item.1.fingerprint or item.1.id }}, imported {{ item.1.date_imported }}"
  loop: "{{ server.users | subelements('ssh_public_keys') | selectattr('1.age_days', '>', 365) | list }}"
  loop_control:
    label: "{{ item.1.id }}"

- name: Read one user
  sshkeys.aws.transfer_ssh_key_info:
    server_id: s-01234567890abcdef
    user_name: partner
    region: us-east-1
"""

RETURN = r"""
msg:
  description: The reason why there was nothing to do, or why the task failed.
  returned: when O(user_names) is an empty list, or on failure
  type: str
  sample: user_names is an empty list, so there is nothing to do, and no call was made to AWS. This is not an error.
server_id:
  description: The id of the server.
  returned: when the users could be listed
  type: str
  sample: s-01234567890abcdef
users:
  description: The users, in the order of O(user_names) or of the service.
  returned: when the users could be listed
  type: list
  elements: dict
  contains:
    user_name:
      description: The name of the user.
      type: str
      returned: always
      sample: partner
    ssh_public_keys:
      description: The keys of the user, sorted by fingerprint. V(null) if they could not be read.
      type: list
      elements: dict
      returned: always
      contains:
        id:
          description: The id of the key.
          type: str
          returned: always
          sample: key-01234567890abcdef
        body:
          description: The key as it is stored, with its comment.
          type: str
          returned: always
          sample: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJEUvhKlSr3hlrULeHPBhV6WpNQeRpxqgSkrsrVdjMyx alice@laptop
        type:
          description: The key type. This and the next fields of the key are V(null) if the stored key cannot be read.
          type: str
          returned: always
          sample: ssh-ed25519
        bits:
          description: The length of the key.
          type: int
          returned: always
          sample: 256
        fingerprint:
          description: The SHA256 fingerprint.
          type: str
          returned: always
          sample: SHA256:v4K2SCakkhOJ9gLiuwJrrfcWc3wCYzvGBWaMKche8CU
        fingerprint_md5:
          description: The MD5 fingerprint.
          type: str
          returned: always
          sample: MD5:78:92:3a:02:8d:55:32:43:5e:89:7a:9c:1a:01:92:b3
        comment:
          description: The comment of the key.
          type: str
          returned: always
          sample: alice@laptop
        date_imported:
          description: When the key was imported, ISO 8601 in UTC.
          type: str
          returned: always
          sample: "2026-11-21T10:00:00Z"
        age_days:
          description: The number of whole days since the import.
          type: int
          returned: always
          sample: 42
    error:
      description: Why the user could not be read.
      type: dict
      returned: when it failed
      contains:
        code:
          description:
            - The error code of the service, the name of the SDK's error, or V(UnexpectedAnswer) if the answer is not
              from the service.
          type: str
          returned: always
          sample: ResourceNotFoundException
        message:
          description: The service's message, with the request id and the number of attempts.
          type: str
          returned: always
          sample: The user partner does not exist on s-01234567890abcdef
        hint:
          description: The remedy.
          type: str
          returned: always
          sample: Check the spelling of the user name, and the server.
"""

from typing import Any, Mapping

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session
from ansible_collections.sshkeys.aws.plugins.module_utils._entry import enter
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.module_utils._spec import refuse_private_keys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.read_users import READ_SPEC, read_users
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.report import report_read_keys

SPEC = READ_SPEC


def run(params: Mapping[str, Any], *, check_mode: bool, session: Session) -> Report:
    """Read the keys of the users. Raises SshKeysError before anything is sent."""
    refuse_private_keys(SPEC, params)
    del check_mode  # It reads only.
    return read_users(params, session, report_read_keys)


def main() -> None:
    """Run as a module."""
    enter(SPEC, run)


if __name__ == "__main__":
    main()
