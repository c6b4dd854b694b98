#!/usr/bin/python
# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep the SSH keys of AWS Transfer Family users as declared."""

from __future__ import annotations

DOCUMENTATION = r"""
module: transfer_ssh_key
short_description: Keep the SSH keys of AWS Transfer Family users as declared
version_added: 0.1.0
description:
  - Imports and deletes the SSH public keys of one user of an AWS Transfer Family server, or of many at once, until
    they are as declared.
  - Two keys are the same if their type and their key data are the same. The comment does not count.
  - New keys are imported before old ones are deleted, so that a rotation locks out no user. If the service refuses a
    key because the user is full, the oldest of the keys to delete is deleted before it.
  - All keys are checked before the first call is made.
  - If another run of this module changes the same user at the same time, the user ends as one of them declared. The
    run that gives up fails, and lists the keys of the user.
  - Its own options are O(server_id), O(user_name), O(users), O(public_keys), O(ssh_public_key_ids), O(replaces),
    O(state), O(exclusive), O(allow_empty), O(unsupported_keys), O(wait_timeout), O(concurrency) and
    O(assume_role_arn). All others are those of every module for AWS.
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
      - The user must exist, even with O(state=absent). M(sshkeys.aws.transfer_user) creates users.
      - Exactly one of O(user_name) and O(users) is needed.
    type: str
  users:
    description:
      - Several users. All are tried; if any fails, the task fails at the end and returns every result.
      - Each is a user name, or a dictionary with C(user_name) and, if they differ from those of the task,
        C(public_keys), C(ssh_public_key_ids), C(replaces), C(state), C(exclusive) and C(allow_empty).
    type: list
    elements: raw
  public_keys:
    description:
      - The public keys, a list of strings or one string. Each string is the line of a C(.pub) file, or the content of a
        file with one key or more, such as C(authorized_keys) or an RFC 4716 file.
      - V(ssh-ed25519), V(ssh-rsa) and V(ecdsa-sha2-nistp256), V(ecdsa-sha2-nistp384), V(ecdsa-sha2-nistp521) keys work.
      - A repeated key counts once.
      - A line has one key. A line with a second key after the first is refused, because OpenSSH reads all text after a
        key as its comment. Ansible's C(lookup) joins several results with commas into such a line. Use C(query),
        which returns a list.
      - Required with O(state=present). A declaration without a key is refused, unless O(allow_empty=true) is set.
    type: raw
    aliases: [public_key, ssh_public_key_body]
  ssh_public_key_ids:
    description:
      - The ids of keys to remove, with O(state=absent). An id that the user does not have is not an error.
    type: list
    elements: str
    aliases: [ssh_public_key_id]
  replaces:
    description:
      - With O(state=present), the ids of keys that O(public_keys) replace. They are deleted after the new keys are
        imported. If the user is full, the oldest of them is deleted first. All other keys stay.
      - An id that the user does not have is not an error. A key that is also in O(public_keys) stays.
      - It cannot be used with O(exclusive).
    type: list
    elements: str
  state:
    description:
      - With V(present) the user has the keys. With V(absent) the user does not have them.
    type: str
    choices: [present, absent]
    default: present
  exclusive:
    description:
      - With O(state=present), remove all other keys of the user.
      - This option is not loop aware. In a task with C(loop), each iteration removes the keys that the previous one
        imported, and the user ends with only the last key. Give all keys of a user to one task, as a list.
    type: bool
    default: false
  allow_empty:
    description:
      - Whether a declaration without a key is allowed. Otherwise O(public_keys) must not be empty, nor have only texts
        without a key, because a lookup that finds nothing gives the same.
      - With O(exclusive=true) and no key, all keys of the user are removed. Without O(exclusive) nothing changes.
      - It cannot be used with O(state=absent), because without a key there is nothing to remove.
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
  wait_timeout:
    description:
      - The seconds to wait for a user that does not exist yet, because it was created a moment ago.
    type: int
    default: 0
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
    details:
      - Outside check mode the task fails if a user does not exist. In check mode it only warns, because an earlier task
        may create the user.
  diff_mode:
    support: full
  idempotent:
    support: full
notes:
  - The number of keys of a user is limited by a quota of the service. The module does not check it beforehand.
  - The credentials need C(transfer:DescribeUser), C(transfer:ImportSshPublicKey) and C(transfer:DeleteSshPublicKey)
    on the users.
  - Throttled requests, errors of the service and broken connections are tried again, up to eight times in all. Set
    C(retries) in O(aws_config) to change that.
seealso:
  - module: sshkeys.aws.transfer_ssh_key_info
  - name: ImportSshPublicKey
    description: The API page.
    link: https://docs.aws.amazon.com/transfer/latest/APIReference/API_ImportSshPublicKey.html
"""

EXAMPLES = r"""
- name: Allow exactly these keys to log in as "partner"
  sshkeys.aws.transfer_ssh_key:
    server_id: s-01234567890abcdef
    user_name: partner
    public_keys:
      - "{{ lookup('file', 'keys/alice.pub') }}"
      - "{{ lookup('file', 'keys/bob.pub') }}"
    exclusive: true
    region: us-east-1

- name: Add a key and leave the others alone
  sshkeys.aws.transfer_ssh_key:
    server_id: s-01234567890abcdef
    user_name: partner
    public_keys: "{{ lookup('file', 'keys/carol.pub') }}"
    region: us-east-1

- name: Replace a key and leave the others alone
  sshkeys.aws.transfer_ssh_key:
    server_id: s-01234567890abcdef
    user_name: partner
    public_keys: "{{ lookup('file', 'keys/alice-2026.pub') }}"
    replaces: [key-01234567890abcdef]
    region: us-east-1

- name: Remove a key, whatever its comment
  sshkeys.aws.transfer_ssh_key:
    server_id: s-01234567890abcdef
    user_name: partner
    public_keys: "{{ lookup('file', 'keys/bob.pub') }}"
    state: absent
    region: us-east-1

- name: Remove a key by its id
  sshkeys.aws.transfer_ssh_key:
    server_id: s-01234567890abcdef
    user_name: partner
    ssh_public_key_id: key-01234567890abcdef
    state: absent
    region: us-east-1

- name: Declare many users in one call
  sshkeys.aws.transfer_ssh_key:
    server_id: s-01234567890abcdef
    users:
      - user_name: partner
        public_keys: "{{ query('file', 'keys/alice.pub', 'keys/bob.pub') }}"
      - user_name: auditor
        public_keys: "{{ lookup('file', 'keys/carol.pub') }}"
      - user_name: former-partner
        public_keys: []
        allow_empty: true
    exclusive: true
    region: us-east-1

- name: Use a person's published keys, except those that Transfer Family does not accept
  sshkeys.aws.transfer_ssh_key:
    server_id: s-01234567890abcdef
    user_name: partner
    public_keys: "{{ query('ansible.builtin.url', 'https://github.com/octocat.keys') }}"
    unsupported_keys: skip
    region: us-east-1

- name: Give a newly created user its first key
  sshkeys.aws.transfer_ssh_key:
    server_id: s-01234567890abcdef
    user_name: newcomer
    public_keys: "{{ lookup('file', 'keys/dave.pub') }}"
    wait_timeout: 30
    region: us-east-1
"""

RETURN = r"""
msg:
  description: The reason why there was nothing to do, or why the task failed.
  returned: when O(users) is an empty list, or on failure
  type: str
  sample: users is an empty list, so there is nothing to do, and no call was made to AWS. This is not an error.
changed:
  description:
    - Whether any key was imported or deleted, or would be in check mode. V(true) also if that is unknown, as an error
      says.
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
        - Whether a key of this user was imported or deleted, or would be in check mode. V(true) also if that is
          unknown, as the error says.
      type: bool
      returned: always
      sample: true
    ssh_public_keys:
      description: The keys of the user after the change, sorted by fingerprint. V(null) if they could not be read.
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
      description: The keys that this run deleted, or would in check mode, each as in RV(users[].ssh_public_keys).
      type: list
      elements: dict
      returned: always
      sample: []
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
          sample: ResourceNotFoundException
        message:
          description:
            - The service's message, the changes of this run before it, and the keys that the user has now; and whether
              it is unknown if AWS carried out the call.
          type: str
          returned: always
          sample: The user partner does not exist on s-01234567890abcdef
        hint:
          description: The remedy.
          type: str
          returned: always
          sample: >-
            Create the user first, for example with transfer_user. If it was created a moment ago, raise wait_timeout,
            now 0 seconds.
diff:
  description:
    - The keys before and after, one line for each with fingerprint and comment.
    - A dictionary if O(user_name) was given, otherwise a list with one for each user that changed.
  returned: when the arguments are valid and AWS could be called
  type: raw
  sample:
    before_header: partner on s-01234567890abcdef
    after_header: partner on s-01234567890abcdef
    before: ""
    after: "SHA256:v4K2SCakkhOJ9gLiuwJrrfcWc3wCYzvGBWaMKche8CU alice@laptop\n"
"""

from typing import Any, Mapping

from ansible_collections.sshkeys.aws.plugins.module_utils._arguments import check_concurrency
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.role import ROLE_OPTIONS, check_role_arn
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import TRANSFER
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session
from ansible_collections.sshkeys.aws.plugins.module_utils._entry import enter
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, ServiceError, shown
from ansible_collections.sshkeys.aws.plugins.module_utils._fan_out import fan_out
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import PublicKey
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.module_utils._spec import Spec, check_public_keys, refuse_private_keys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.declared_users import declared_users
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.held_keys import held_keys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.key_options import KEY_OPTIONS, declared_keys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.names import (
    check_key_id,
    check_replaced_id,
    check_server_id,
    check_user_name,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.plan import KeysOutcome, WantedKeys, plan_keys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.report import report_keys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotation import rotate

# The options of the declaration for one user, in the task as a whole or in an element of ``users``.
USER_OPTIONS: dict[str, Any] = {
    **KEY_OPTIONS,
    "ssh_public_key_ids": {"type": "list", "elements": "str", "aliases": ["ssh_public_key_id"], "no_log": False},
    "replaces": {"type": "list", "elements": "str"},
    "state": {"type": "str", "choices": ["present", "absent"]},
}

OPTIONS: dict[str, Any] = {
    "server_id": {"type": "str", "required": True},
    "user_name": {"type": "str"},
    "users": {"type": "list", "elements": "raw"},
    **USER_OPTIONS,
    "state": {**USER_OPTIONS["state"], "default": "present"},
    "exclusive": {**USER_OPTIONS["exclusive"], "default": False},
    "allow_empty": {**USER_OPTIONS["allow_empty"], "default": False},
    "unsupported_keys": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
    "wait_timeout": {"type": "int", "default": 0},
    "concurrency": {"type": "int", "default": 16},
    **ROLE_OPTIONS,
}

_ELEMENT_OPTIONS: dict[str, Any] = {"user_name": {"type": "str", "required": True}, **USER_OPTIONS}

SPEC = Spec(
    OPTIONS,
    elements={"users": _ELEMENT_OPTIONS},
    checks={
        "server_id": check_server_id,
        "user_name": check_user_name,
        "users": check_user_name,
        "public_keys": check_public_keys,
        "ssh_public_key_ids": check_key_id,
        "replaces": check_replaced_id,
        "assume_role_arn": check_role_arn,
    },
    mutually_exclusive=[("user_name", "users")],
    required_one_of=[("user_name", "users")],
)


def run(params: Mapping[str, Any], *, check_mode: bool, session: Session) -> Report:
    """Make the keys of every user as declared. Raises SshKeysError before anything is sent."""
    refuse_private_keys(SPEC, params)
    check_server_id(params["server_id"])
    check_concurrency(params["concurrency"])
    if params["wait_timeout"] < 0:
        raise ArgumentError(f"wait_timeout is {params['wait_timeout']}, and must be 0 or more seconds.")
    if params["state"] == "absent":
        _refuse_with_absent(params)
    wanted, warnings = declared_users(params, _ELEMENT_OPTIONS, _wanted_of_user)
    client = session.client(TRANSFER)

    def settle(user: WantedKeys) -> KeysOutcome:
        try:
            held = held_keys(client, params["server_id"], user.user_name)
        except ServiceError as error:
            return KeysOutcome(user.user_name, None, None, error=error)
        todo = plan_keys(held, user)
        return todo.after if check_mode else rotate(client, params["server_id"], todo, params["wait_timeout"])

    outcomes = fan_out(settle, wanted, params["concurrency"])
    has_failed = any(outcome.error for outcome in outcomes)
    region = session.known_region if has_failed else None
    return report_keys(params["server_id"], outcomes, warnings, single=params["users"] is None, region=region)


def _refuse_with_absent(options: Mapping[str, Any]) -> None:
    """Raise ArgumentError if options of a task or of a user contradict their state=absent."""
    for option in ("exclusive", "allow_empty"):
        if options[option]:
            raise ArgumentError(
                f"{option}=true and state=absent contradict each other. To remove every key, use state=present with "
                "public_keys: [], exclusive=true and allow_empty=true."
            )


def _wanted_of_user(params: Mapping[str, Any], user: Mapping[str, Any]) -> tuple[WantedKeys, list[str]]:
    """Complete an element of ``users`` with the options of the task. Raises ArgumentError."""
    check_user_name(user["user_name"])
    present = (user["state"] or params["state"]) == "present"
    if not present:
        _refuse_with_absent(user)
    # Keys of a user, given as texts or as ids, replace both kinds of the task.
    keys_from = params if user["public_keys"] is None and not user["ssh_public_key_ids"] else user
    texts, key_ids = keys_from["public_keys"], keys_from["ssh_public_key_ids"] or []
    name = shown(user["user_name"])
    if present and key_ids:
        raise ArgumentError("ssh_public_key_ids names keys to remove, and is allowed only with state=absent.")
    if texts is None and present:
        raise ArgumentError(f"public_keys is missing. Give the keys that the user {name} must have.")
    if texts is None and not key_ids:
        raise ArgumentError(
            f"public_keys and ssh_public_key_ids are missing or empty. Give the keys to remove from the user {name}."
        )
    keys: tuple[PublicKey, ...] = ()
    warnings: list[str] = []
    if texts is not None:
        keys, warnings = declared_keys(
            texts,
            user["user_name"],
            present=present,
            allow_empty=params["allow_empty"] if user["allow_empty"] is None else user["allow_empty"],
            unsupported_keys=params["unsupported_keys"],
        )
    exclusive = params["exclusive"] if user["exclusive"] is None else user["exclusive"]
    replaces = _replaces(params, user, present)
    return WantedKeys(user["user_name"], present, present and exclusive, keys, tuple(key_ids), replaces), warnings


def _replaces(params: Mapping[str, Any], user: Mapping[str, Any], present: bool) -> tuple[str, ...]:
    # The task's replaces does not apply to an element that only removes keys.
    inherits = user["replaces"] is None and (present or user["state"] is None)
    return tuple((params["replaces"] if inherits else user["replaces"]) or ())


def main() -> None:
    """Run as a module."""
    enter(SPEC, run)


if __name__ == "__main__":
    main()
