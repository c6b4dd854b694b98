#!/usr/bin/python
# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Create, change and delete AWS Transfer Family users, with their SSH keys."""

from __future__ import annotations

DOCUMENTATION = r"""
module: transfer_user
short_description: Create, change and delete AWS Transfer Family users, with their SSH keys
version_added: 0.3.0
description:
  - Makes one user of an AWS Transfer Family server, or many at once, as declared. The role, the home directory, the
    policy, the tags and the SSH public keys of a user are one declaration, in one task.
  - Only what is declared and differs is changed. What is left out stays.
  - All options of all users are checked before the first call is made.
  - A user is created with all of its fields, its tags and its first key in one call. Fields and tags of a user that
    exists are changed before its keys, so that a new key never opens what the declaration closes. Old keys are removed
    last, so that nobody is locked out. To remove a key before the user is allowed more, use an earlier task. For keys,
    everything is as in M(sshkeys.aws.transfer_ssh_key).
  - If another run of this module changes the same user at the same time, the user ends as one of them declared. A run
    that gives up fails, and says what the user lacks.
  - Its own options are O(server_id), O(user_name), O(users), O(state), O(role_arn), O(home_directory),
    O(home_directory_type), O(home_directory_mappings), O(policy), O(posix_profile), O(tags), O(purge_tags),
    O(public_keys), O(exclusive), O(allow_empty), O(unsupported_keys), O(concurrency) and O(assume_role_arn). All others
    are those of every module for AWS.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
options:
  server_id:
    description:
      - The id of the server. Its identity provider must be V(SERVICE_MANAGED).
    type: str
    required: true
  user_name:
    description:
      - The name of the user.
      - Exactly one of O(user_name) and O(users) is needed.
    type: str
  users:
    description:
      - Several users. All are tried; if any fails, the task fails at the end and returns every result.
      - Each is a user name, or a dictionary with C(user_name) and, if they differ from those of the task, any of
        C(state), C(role_arn), C(home_directory), C(home_directory_type), C(home_directory_mappings), C(policy),
        C(posix_profile), C(tags), C(purge_tags), C(public_keys), C(exclusive) and C(allow_empty). A value of a user
        replaces that of the task as a whole, so tags are not merged. C(home_directory_type) and
        C(home_directory_mappings) of a user replace both of the task.
      - The C(users) that M(sshkeys.aws.transfer_user_info) returns can be given as they are. Their C(arn) and
        C(ssh_public_keys) are ignored.
    type: list
    elements: raw
  state:
    description:
      - With V(present) the user exists and is as declared.
      - With V(absent) the user is deleted, with all of its keys and tags, and all other options of the user are
        ignored. Its files stay.
      - To remove only keys, use M(sshkeys.aws.transfer_ssh_key). The module warns if O(public_keys) is given for a user
        that it deletes.
    type: str
    choices: [present, absent]
    default: present
  role_arn:
    description:
      - The ARN of the IAM role that controls what the user can read and write in S3 or EFS.
      - Needed to create a user.
    type: str
    aliases: [role]
  home_directory:
    description:
      - The directory in which the user begins, an absolute path as the user sees it.
      - With V(PATH), its first part is the bucket or the file system. With V(LOGICAL), it must be one of the entries of
        O(home_directory_mappings) or below one, and AWS refuses any other.
      - An empty text takes it away.
    type: str
  home_directory_type:
    description:
      - With V(PATH) the user sees the absolute paths of S3 or EFS. With V(LOGICAL) it sees the paths of
        O(home_directory_mappings) and nothing else.
      - V(LOGICAL) needs mappings, in O(home_directory_mappings) or those that the user has.
      - If it is left out, it follows O(home_directory_mappings), V(LOGICAL) if there are any and V(PATH) if the list is
        empty. If both are left out, the type stays.
    type: str
    choices: [PATH, LOGICAL]
  home_directory_mappings:
    description:
      - The paths that the user sees, and the paths in S3 or EFS behind them. The order has no meaning.
      - A single mapping of V(/) locks the user into one directory.
      - An empty list takes all mappings away, and the user sees absolute paths again (V(PATH)), of all that its role
        allows. The module warns of that, because an expression that finds nothing gives an empty list too.
      - The names that AWS's own JSON has, such as C(Entry), are accepted too.
    type: list
    elements: dict
    suboptions:
      entry:
        description: The path that the user sees, absolute.
        type: str
        required: true
        aliases: [Entry]
      target:
        description:
          - The path in S3 or EFS, absolute, without a slash at its end. C(${transfer:UserName}) in it stands for the
            name of the user.
        type: str
        required: true
        aliases: [Target]
      type:
        description:
          - What the path leads to. If it is left out, AWS takes V(DIRECTORY).
          - V(FILE) needs a botocore that knows this member, of November 2023 or later.
        type: str
        choices: [DIRECTORY, FILE]
        aliases: [Type]
  policy:
    description:
      - A session policy, which narrows what O(role_arn) allows, as a mapping or as JSON text. It can have the variables
        C(${Transfer:UserName}), C(${Transfer:HomeDirectory}) and C(${Transfer:HomeBucket}).
      - It is compared as JSON, so blanks and the order of members have no meaning, and it is sent without blanks,
        because AWS limits it to 2048 characters.
      - An empty text or mapping takes it away. The module warns of that.
    type: raw
  posix_profile:
    description:
      - The POSIX identity of the user, for a server whose domain is EFS. It is compared as a whole.
      - It can be changed but not removed.
    type: dict
    suboptions:
      uid:
        description: The user id. Required.
        type: int
        aliases: [Uid]
      gid:
        description: The group id. Required.
        type: int
        aliases: [Gid]
      secondary_gids:
        description: The ids of further groups, at most 16. The order has no meaning.
        type: list
        elements: int
        aliases: [SecondaryGids]
  tags:
    description:
      - The tags of the user. With O(purge_tags=true) an empty mapping takes all tags away.
    type: dict
    aliases: [resource_tags]
  purge_tags:
    description:
      - Whether to remove the tags that are not in O(tags).
      - Tags of AWS, whose names begin with C(aws:), are neither set nor removed, so those of a user that CloudFormation
        has made can be given back.
      - Without O(tags) nothing is removed.
    type: bool
    default: true
  public_keys:
    description:
      - The public keys, a list of strings or one string. Each string is the line of a C(.pub) file, or the content of a
        file with one key or more, such as C(authorized_keys) or an RFC 4716 file.
      - V(ssh-ed25519), V(ssh-rsa) and V(ecdsa-sha2-nistp256), V(ecdsa-sha2-nistp384), V(ecdsa-sha2-nistp521) keys work.
      - A repeated key counts once.
      - A line has one key. A line with a second key after the first is refused, because OpenSSH reads all text after a
        key as its comment. Ansible's C(lookup) joins several results with commas into such a line. Use C(query),
        which returns a list.
      - If it is left out, the keys stay. A declaration without a key is refused, unless O(allow_empty=true) is set.
      - If the user is created, it is created with the first of them, and the others are imported after that.
    type: raw
    aliases: [public_key, ssh_public_key_body]
  exclusive:
    description:
      - Whether to remove all other keys of the user. It needs O(public_keys).
      - This option is not loop aware. In a task with C(loop), each iteration removes the keys that the previous one
        imported, and the user ends with only the last key. Give all keys of a user to one task, as a list.
    type: bool
    default: false
  allow_empty:
    description:
      - Whether O(public_keys) may have no key. Otherwise it must not be empty, nor have only texts without a key,
        because a lookup that finds nothing gives the same.
      - With O(exclusive=true) and no key, all keys of the user are removed. Without O(exclusive) nothing changes.
    type: bool
    default: false
  unsupported_keys:
    description:
      - What to do with an intact public key of a type that Transfer Family does not accept, such as
        V(sk-ssh-ed25519@openssh.com). The published keys of a person often include one.
      - With V(fail) the task fails before anything is sent.
      - With V(skip) such keys are skipped, with a warning that names each by its fingerprint. If no key of the user
        remains, the task fails. A damaged key always fails.
    type: str
    choices: [fail, skip]
    default: fail
  concurrency:
    description:
      - The maximum number of users to change at the same time.
    type: int
    default: 16
extends_documentation_fragment:
  - sshkeys.aws._attributes
  - sshkeys.aws._attributes.action_group
  - sshkeys.aws._attributes.fast_path
  - sshkeys.aws._role
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - sshkeys.aws._attributes.sdk
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
notes:
  - The credentials need C(transfer:DescribeUser), C(transfer:CreateUser), C(transfer:UpdateUser),
    C(transfer:DeleteUser), C(transfer:TagResource), C(transfer:UntagResource), C(transfer:ImportSshPublicKey) and
    C(transfer:DeleteSshPublicKey) on the users, as far as they are used, C(transfer:CreateUser) also on the server, and
    C(iam:PassRole) on the role.
  - Throttled requests, errors of the service and broken connections are tried again, up to eight times in all. Set
    C(retries) in O(aws_config) to change that.
seealso:
  - module: sshkeys.aws.transfer_user_info
  - module: sshkeys.aws.transfer_ssh_key
  - name: CreateUser
    description: The API page.
    link: https://docs.aws.amazon.com/transfer/latest/APIReference/API_CreateUser.html
"""

EXAMPLES = r"""
- name: Make a user that sees only its own directory, with the keys of two people
  sshkeys.aws.transfer_user:
    server_id: s-01234567890abcdef
    user_name: partner
    role_arn: arn:aws:iam::123456789012:role/transfer
    home_directory_mappings:
      - entry: /
        target: /bucket/home/partner
    tags:
      team: finance
    public_keys: "{{ query('file', 'keys/alice.pub', 'keys/bob.pub') }}"
    exclusive: true
    region: us-east-1

- name: Make many users in one call, with a role and a form of home for all
  sshkeys.aws.transfer_user:
    server_id: s-01234567890abcdef
    role_arn: arn:aws:iam::123456789012:role/transfer
    home_directory_mappings:
      - entry: /
        target: /bucket/home/${transfer:UserName}
    users:
      - user_name: partner
        public_keys: "{{ lookup('file', 'keys/alice.pub') }}"
      - user_name: auditor
        public_keys: "{{ lookup('file', 'keys/carol.pub') }}"
        tags:
          access: read-only
      - user_name: former-partner
        state: absent
    region: us-east-1

- name: Let a user see absolute paths again, and begin in a directory of its own
  sshkeys.aws.transfer_user:
    server_id: s-01234567890abcdef
    user_name: partner
    home_directory_mappings: []
    home_directory: /bucket/home/partner
    region: us-east-1

- name: Show a user two directories and a file of different buckets, and begin in one of them
  sshkeys.aws.transfer_user:
    server_id: s-01234567890abcdef
    user_name: partner
    home_directory_mappings:
      - entry: /incoming
        target: /bucket/incoming/partner
      - entry: /outgoing
        target: /other-bucket/outgoing/partner
      - entry: /terms.pdf
        target: /other-bucket/terms-2026.pdf
        type: FILE
    home_directory: /incoming
    region: us-east-1

- name: Narrow what the role allows by a session policy
  sshkeys.aws.transfer_user:
    server_id: s-01234567890abcdef
    user_name: partner
    policy:
      Version: "2012-10-17"
      Statement:
        - Effect: Allow
          Action: [s3:GetObject, s3:PutObject]
          Resource: arn:aws:s3:::${Transfer:HomeBucket}/home/${Transfer:UserName}/*
    region: us-east-1

- name: Make a user of a server whose domain is EFS
  sshkeys.aws.transfer_user:
    server_id: s-01234567890abcdef
    user_name: builder
    role_arn: arn:aws:iam::123456789012:role/transfer-efs
    home_directory: /fs-0123456789abcdef0/home/builder
    posix_profile:
      uid: 1000
      gid: 1000
      secondary_gids: [2000]
    region: us-east-1

- name: Delete a user with its keys, and keep its files
  sshkeys.aws.transfer_user:
    server_id: s-01234567890abcdef
    user_name: former-partner
    state: absent
    region: us-east-1

- name: Read the users of a server
  sshkeys.aws.transfer_user_info:
    server_id: s-01234567890abcdef
    region: us-east-1
  register: old_server

- name: Make the same users on another server
  sshkeys.aws.transfer_user:
    server_id: s-0fedcba9876543210
    users: "{{ old_server.users }}"
    region: us-east-1
"""

RETURN = r"""
msg:
  description:
    - What went with the deleted users and which users did not exist, the reason why there was nothing to do, or why the
      task failed.
  returned: when a user was to be deleted, when O(users) is an empty list, or on failure
  type: str
  sample: >-
    With the user former-partner go its keys: SHA256:v4K2SCakkhOJ9gLiuwJrrfcWc3wCYzvGBWaMKche8CU alice@laptop; and its
    tags: none.
changed:
  description:
    - Whether any user was changed, or would be in check mode. V(true) also if that is unknown, as an error says.
  returned: always
  type: bool
  sample: true
server_id:
  description: The id of the server.
  returned: when the arguments are valid and AWS could be called
  type: str
  sample: s-01234567890abcdef
users:
  description:
    - The outcome for each user, in the order of O(users).
    - If O(user_name) was given, the fields of its only element are also at the top level of the result.
    - The fields of a user that does not exist, or could not be read, are V(null).
  returned: when the arguments are valid and AWS could be called
  type: list
  elements: dict
  contains:
    user_name:
      description: The name of the user.
      type: str
      returned: always
      sample: partner
    changed:
      description:
        - Whether this user was changed, or would be in check mode. V(true) also if that is unknown, as the error says.
      type: bool
      returned: always
      sample: true
    state:
      description: V(present) or V(absent), as it is after the change. V(null) if the user could not be read.
      type: str
      returned: always
      sample: present
    created:
      description: Whether the user was created, or would be in check mode.
      type: bool
      returned: always
      sample: false
    updated:
      description: The options of a user that existed which were changed, or would be in check mode, without the keys.
      type: list
      elements: str
      returned: always
      sample: [policy, tags]
    arn:
      description: The ARN of the user. V(null) in check mode for a user that is not created yet.
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
    ssh_public_keys:
      description: The keys of the user after the change, sorted by fingerprint.
      type: list
      elements: dict
      returned: always
      contains:
        id:
          description: The id of the key. V(null) in check mode for a key that is not imported yet.
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
          description: When the key was imported, ISO 8601 in UTC. V(null) in check mode for a key that is not
            imported yet.
          type: str
          returned: always
          sample: "2026-11-21T10:00:00Z"
    imported:
      description: The keys that this run imported, or would in check mode, each as in RV(users[].ssh_public_keys).
      type: list
      elements: dict
      returned: always
      sample: []
    deleted:
      description:
        - The keys that this run deleted, or would in check mode, each as in RV(users[].ssh_public_keys). Those of a
          deleted user are in RV(users[].deleted_user).
      type: list
      elements: dict
      returned: always
      sample: []
    deleted_user:
      description:
        - The user that was deleted, or would be in check mode, with all of its fields and its C(ssh_public_keys).
          Otherwise V(null).
      type: dict
      returned: always
      sample: null
    error:
      description: Why the user is not as declared.
      type: dict
      returned: when it failed
      contains:
        code:
          description:
            - The error code of the service, the name of the SDK's error, V(UnexpectedAnswer) if the answer is not
              from the service, or V(NotAsDeclared) if another client changed the user at the same time.
          type: str
          returned: always
          sample: InvalidRequestException
        message:
          description:
            - The service's message, the changes of this run before it, and what the user lacks; and whether it is
              unknown if AWS carried out the call.
          type: str
          returned: always
          sample: >-
            Unsupported identity provider (request id 1f0c2b3a). Before that, the task changed nothing. The user does
            not exist
        hint:
          description: The remedy.
          type: str
          returned: always
          sample: >-
            Only a server with the identity provider SERVICE_MANAGED has users of its own. For any other server, manage
            users and keys in its identity provider.
diff:
  description:
    - The user before and after, one line for each field, tag and key, the keys with fingerprint and comment.
    - A dictionary if O(user_name) was given, otherwise a list with one for each user that changed.
  returned: when the arguments are valid and AWS could be called
  type: raw
  sample:
    before_header: partner on s-01234567890abcdef
    after_header: partner on s-01234567890abcdef
    before: "role_arn: arn:aws:iam::123456789012:role/transfer\nhome_directory_type: PATH\n"
    after: "role_arn: arn:aws:iam::123456789012:role/transfer\nhome_directory_type: PATH\ntags.team: finance\n"
"""

from typing import Any, Mapping

from ansible_collections.sshkeys.aws.plugins.module_utils._arguments import check_concurrency
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.role import ROLE_OPTIONS, check_role_arn
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import TRANSFER
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session
from ansible_collections.sshkeys.aws.plugins.module_utils._entry import enter
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._fan_out import fan_out
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.module_utils._spec import Spec, check_public_keys, refuse_private_keys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.declared_users import declared_users
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.held_user import held_user
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.names import check_server_id, check_user_name
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user import WantedUser
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_apply import carry_out
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_errors import with_hint
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_options import (
    READ_ONLY,
    USER_OPTIONS,
    check_user_role,
    wanted_user,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_plan import UserOutcome, plan_user
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_report import report_users

OPTIONS: dict[str, Any] = {
    "server_id": {"type": "str", "required": True},
    "user_name": {"type": "str"},
    "users": {"type": "list", "elements": "raw"},
    **USER_OPTIONS,
    "state": {**USER_OPTIONS["state"], "default": "present"},
    "purge_tags": {**USER_OPTIONS["purge_tags"], "default": True},
    "exclusive": {**USER_OPTIONS["exclusive"], "default": False},
    "allow_empty": {**USER_OPTIONS["allow_empty"], "default": False},
    "unsupported_keys": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
    "concurrency": {"type": "int", "default": 16},
    **ROLE_OPTIONS,
}

_ELEMENT_OPTIONS: dict[str, Any] = {"user_name": {"type": "str", "required": True}, **USER_OPTIONS, **READ_ONLY}

SPEC = Spec(
    OPTIONS,
    elements={"users": _ELEMENT_OPTIONS},
    checks={
        "server_id": check_server_id,
        "user_name": check_user_name,
        "users": check_user_name,
        "role_arn": check_user_role,
        "public_keys": check_public_keys,
        "assume_role_arn": check_role_arn,
    },
    free_form=("tags", "policy"),
    mutually_exclusive=[("user_name", "users")],
    required_one_of=[("user_name", "users")],
)


def run(params: Mapping[str, Any], *, check_mode: bool, session: Session) -> Report:
    """Make every user as declared. Raises SshKeysError before anything is sent."""
    refuse_private_keys(SPEC, params)
    check_server_id(params["server_id"])
    check_concurrency(params["concurrency"])
    wanted, warnings = declared_users(params, _ELEMENT_OPTIONS, wanted_user)
    client = session.client(TRANSFER)

    def settle(user: WantedUser) -> UserOutcome:
        try:
            held = held_user(client, params["server_id"], user.user_name)
        except ServiceError as error:
            return UserOutcome(user.user_name, None, None, is_known=False, error=with_hint(error))
        todo = plan_user(held, user)
        return todo.outcome if check_mode else carry_out(client, params["server_id"], todo)

    outcomes = fan_out(settle, wanted, params["concurrency"])
    has_failed = any(outcome.error for outcome in outcomes)
    region = session.known_region if has_failed else None
    return report_users(params["server_id"], outcomes, warnings, single=params["users"] is None, region=region)


def main() -> None:
    """Run as a module."""
    enter(SPEC, run)


if __name__ == "__main__":
    main()
