#!/usr/bin/python
# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read AWS Transfer Family users, in the form in which they are declared."""

from __future__ import annotations

DOCUMENTATION = r"""
module: transfer_user_info
short_description: Read AWS Transfer Family users, in the form in which they are declared
version_added: 0.3.0
description:
  - Reads one, several or all users of an AWS Transfer Family server, with their role, home directory, policy, tags and
    SSH public keys.
  - The result can be given to M(sshkeys.aws.transfer_user) as its C(users), which then changes nothing. So users that
    exist can become a declaration, or be made again on another server.
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
  - module: sshkeys.aws.transfer_user
  - name: DescribeUser
    description: The API page.
    link: https://docs.aws.amazon.com/transfer/latest/APIReference/API_DescribeUser.html
"""

EXAMPLES = r"""
- name: Read every user of a server
  sshkeys.aws.transfer_user_info:
    server_id: s-01234567890abcdef
    region: us-east-1
  register: server

- name: Show the users that see the absolute paths of the bucket
  ansible.builtin.debug:
    msg: "{{ item.user_name }} begins in {{ item.home_directory or '/' }}"
  loop: "{{ server.users | selectattr('home_directory_type', 'eq', 'PATH') }}"
  loop_control:
    label: "{{ item.user_name }}"

- name: Give all of them another role, and leave everything else as it is
  sshkeys.aws.transfer_user:
    server_id: s-01234567890abcdef
    users: "{{ server.users | map(attribute='user_name') }}"
    role_arn: arn:aws:iam::123456789012:role/transfer-2026
    region: us-east-1

- name: Read one user
  sshkeys.aws.transfer_user_info:
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
  description:
    - The users, in the order of O(user_names) or of the service. If a user could not be read, all but its name are
      V(null).
  returned: when the users could be listed
  type: list
  elements: dict
  contains:
    user_name:
      description: The name of the user.
      type: str
      returned: always
      sample: partner
    arn:
      description: The ARN of the user.
      type: str
      returned: always
      sample: arn:aws:transfer:us-east-1:123456789012:user/s-01234567890abcdef/partner
    role_arn:
      description: The ARN of the role that controls what the user can read and write.
      type: str
      returned: always
      sample: arn:aws:iam::123456789012:role/transfer
    home_directory:
      description: The directory in which the user begins. Empty if it has none.
      type: str
      returned: always
      sample: /bucket/home/partner
    home_directory_type:
      description: V(PATH) or V(LOGICAL).
      type: str
      returned: always
      sample: LOGICAL
    home_directory_mappings:
      description: The mappings that count. None with V(PATH).
      type: list
      elements: dict
      returned: always
      contains:
        entry:
          description: The path that the user sees.
          type: str
          returned: always
          sample: /incoming
        target:
          description: The path in S3 or EFS behind it.
          type: str
          returned: always
          sample: /bucket/incoming/partner
        type:
          description: V(DIRECTORY) or V(FILE).
          type: str
          returned: always
          sample: DIRECTORY
    policy:
      description: The session policy, as a mapping; as text if AWS holds one that is no JSON. Empty if there is none.
      type: raw
      returned: always
      sample: {"Version": "2012-10-17", "Statement": []}
    posix_profile:
      description: The POSIX identity in EFS. V(null) if there is none.
      type: dict
      returned: always
      contains:
        uid:
          description: The user id.
          type: int
          returned: always
          sample: 1000
        gid:
          description: The group id.
          type: int
          returned: always
          sample: 1000
        secondary_gids:
          description: The ids of further groups, sorted.
          type: list
          elements: int
          returned: always
          sample: [2000]
    tags:
      description: The tags.
      type: dict
      returned: always
      sample: {"team": "finance"}
    public_keys:
      description:
        - The public keys, as they are stored. A stored text that is no key, or one that the service no longer accepts,
          is only in RV(users[].ssh_public_keys). V(null), which leaves the keys alone, if the user has only such keys.
        - A key that was stored with another key in its comment is without the comment here.
      type: list
      elements: str
      returned: always
      sample:
        - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJEUvhKlSr3hlrULeHPBhV6WpNQeRpxqgSkrsrVdjMyx alice@laptop
    allow_empty:
      description: Whether the user has no key, so that it can be declared without one.
      type: bool
      returned: always
      sample: false
    ssh_public_keys:
      description: The keys of the user, sorted by fingerprint.
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
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_report import report_read_users

SPEC = READ_SPEC


def run(params: Mapping[str, Any], *, check_mode: bool, session: Session) -> Report:
    """Read the users. Raises SshKeysError before anything is sent."""
    refuse_private_keys(SPEC, params)
    del check_mode  # It reads only.
    return read_users(params, session, report_read_users)


def main() -> None:
    """Run as a module."""
    enter(SPEC, run)


if __name__ == "__main__":
    main()
