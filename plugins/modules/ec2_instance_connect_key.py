#!/usr/bin/python
# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Push a public key to EC2 instances with EC2 Instance Connect."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ec2_instance_connect_key
short_description: Open an OS user of EC2 instances to an SSH key for 60 seconds
version_added: 0.1.0
description:
  - Pushes a public key to one EC2 instance, or to many at once, with EC2 Instance Connect (C(SendSSHPublicKey)).
  - For 60 seconds, the holder of the matching private key can log in as that OS user. Nothing is left on the instance.
  - Its own options are O(instance_id), O(targets), O(os_user), O(availability_zone), O(public_key), O(force),
    O(min_validity), O(concurrency) and O(assume_role_arn). All others are those of every module for AWS.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
options:
  instance_id:
    description:
      - The id of the instance.
      - Exactly one of O(instance_id) and O(targets) is needed.
    type: str
  targets:
    description:
      - Several instances. All are tried; if any fails, the task fails at the end and returns every result.
      - Each is an instance id, or a dictionary with C(instance_id) and, if they differ from those of the task,
        C(os_user) (alias C(instance_os_user)) and C(availability_zone).
      - The same OS user of the same instance counts once.
    type: list
    elements: raw
  os_user:
    description:
      - The OS user to open, such as V(ec2-user) or V(ubuntu). It must exist on the instance.
      - Required unless each of O(targets) has its own.
    type: str
    aliases: [instance_os_user]
  availability_zone:
    description:
      - The Availability Zone of the instance, such as V(us-east-1a). The service finds the instance without it.
    type: str
  concurrency:
    description:
      - The maximum number of requests at the same time.
    type: int
    default: 16
extends_documentation_fragment:
  - sshkeys.aws._attributes
  - sshkeys.aws._attributes.action_group
  - sshkeys.aws._attributes.fast_path
  - sshkeys.aws._push
  - sshkeys.aws._role
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - sshkeys.aws._attributes.sdk
notes:
  - The instance needs the package C(ec2-instance-connect), which Amazon Linux 2 and later and Ubuntu 20.04 and later
    have, instance metadata turned on, and no C(AuthorizedKeysCommand) of its own in its sshd configuration.
  - The credentials need C(ec2-instance-connect:SendSSHPublicKey) on the instance. The condition key C(ec2:osuser)
    limits them to an OS user.
seealso:
  - module: sshkeys.aws.ec2_serial_console_key
  - name: SendSSHPublicKey
    description: The API page.
    link: https://docs.aws.amazon.com/ec2-instance-connect/latest/APIReference/API_SendSSHPublicKey.html
"""

EXAMPLES = r"""
- name: Open one instance for sixty seconds
  sshkeys.aws.ec2_instance_connect_key:
    instance_id: i-0123456789abcdef0
    os_user: ec2-user
    public_key: "{{ lookup('file', '~/.ssh/id_ed25519.pub') }}"
    region: us-east-1
  delegate_to: localhost

- name: Open an instance for a program that calls ssh by itself
  sshkeys.aws.ec2_instance_connect_key:
    instance_id: i-0123456789abcdef0
    os_user: ec2-user
    public_key: "{{ lookup('file', '~/.ssh/id_ed25519.pub') }}"
    region: us-east-1
  delegate_to: localhost
  register: pushed

- name: Log in as the push says
  ansible.builtin.command:
    argv: "{{ ['ssh', '-i', '~/.ssh/id_ed25519'] + pushed.ssh_options + ['203.0.113.10', 'uptime'] }}"
  delegate_to: localhost
  changed_when: false

- name: Work on the fleet, with the variables that the aws_ec2 inventory sets
  hosts: aws_ec2
  # No user can log in yet.
  gather_facts: false
  tasks:
    - name: Open every instance of the play in one call
      sshkeys.aws.ec2_instance_connect_key:
        targets: >-
          {{ ansible_play_hosts | map('extract', hostvars) | selectattr('instance_id', 'defined')
             | map(attribute='instance_id') | select | list }}
        os_user: ec2-user
        public_key: "{{ lookup('file', '~/.ssh/id_ed25519.pub') }}"
        region: us-east-1
      delegate_to: localhost
      run_once: true

    - name: Gather facts, now that ssh accepts the key
      ansible.builtin.setup:

- name: Open instances with different OS users
  sshkeys.aws.ec2_instance_connect_key:
    targets:
      - i-0123456789abcdef0
      - instance_id: i-0123456789abcdef1
        os_user: ubuntu
        availability_zone: us-east-1b
    os_user: ec2-user
    public_key: "{{ lookup('file', '~/.ssh/id_ed25519.pub') }}"
    region: us-east-1
  delegate_to: localhost

- name: Continue with the instances that could be opened
  sshkeys.aws.ec2_instance_connect_key:
    targets: >-
      {{ ansible_play_hosts | map('extract', hostvars) | selectattr('instance_id', 'defined')
         | map(attribute='instance_id') | select | list }}
    os_user: ec2-user
    public_key: "{{ lookup('file', '~/.ssh/id_ed25519.pub') }}"
    region: us-east-1
  delegate_to: localhost
  run_once: true
  register: opened
  failed_when: opened.targets is not defined or opened.targets | selectattr('success') | length == 0

- name: Show the instances that could not be opened
  ansible.builtin.debug:
    var: opened.msg
  run_once: true
  when: opened.msg is defined

- name: End the play for them
  ansible.builtin.meta: end_host
  when: instance_id | default('') not in opened.targets | selectattr('success') | map(attribute='instance_id')
"""

RETURN = r"""
msg:
  description: The reason why there was nothing to do, or why the task failed.
  returned: when O(targets) is an empty list, or on failure
  type: str
  sample: >-
    targets is an empty list, so no key was pushed. This is not an error: a group may have no hosts.
changed:
  description:
    - Whether the key was pushed to any target, or would be in check mode. V(true) also if that is unknown, as an error
      says.
  returned: always
  type: bool
  sample: true
key:
  description: The key that was pushed.
  returned: when the arguments are valid and AWS could be called
  type: dict
  contains:
    type:
      description: The key type.
      type: str
      returned: always
      sample: ssh-ed25519
    bits:
      description: The length of the key.
      type: int
      returned: always
      sample: 256
    fingerprint:
      description: The SHA256 fingerprint, which the instance writes to its log when the key is used.
      type: str
      returned: always
      sample: SHA256:v4K2SCakkhOJ9gLiuwJrrfcWc3wCYzvGBWaMKche8CU
    fingerprint_md5:
      description: The MD5 fingerprint.
      type: str
      returned: always
      sample: MD5:78:92:3a:02:8d:55:32:43:5e:89:7a:9c:1a:01:92:b3
    comment:
      description: The comment of the key. It was not sent.
      type: str
      returned: always
      sample: alice@laptop
region:
  description: The region that was called.
  returned: when the arguments are valid and AWS could be called
  type: str
  sample: us-east-1
region_source:
  description: The source of the region.
  returned: when the arguments are valid and AWS could be called
  type: str
  sample: the option region
expires_at:
  description: The earliest expiry of the key at any target, ISO 8601 in UTC. V(null) if it is live nowhere, or not
    yet in check mode.
  returned: when the arguments are valid and AWS could be called
  type: str
  sample: "2026-11-21T10:01:00Z"
targets:
  description:
    - The outcome at each target, in the order of O(targets).
    - If O(instance_id) was given, the fields of its only element are also at the top level of the result.
  returned: when the arguments are valid and AWS could be called
  type: list
  elements: dict
  contains:
    instance_id:
      description: The id of the instance.
      type: str
      returned: always
      sample: i-0123456789abcdef0
    os_user:
      description: The OS user that the key opens.
      type: str
      returned: always
      sample: ec2-user
    ssh_options:
      description:
        - The arguments with which ssh, sftp and scp use the push, as a list. C(| join(' ')) makes a line of them, for
          C(ansible_ssh_common_args) or a shell.
        - They name the OS user, offer no other keys of an agent than the one that you name (C(IdentitiesOnly)), and
          look up the host key under the instance id (C(HostKeyAlias)), because addresses are given out again.
        - The private key and the address are not among them. The module does not know them. Name the key with C(-i) or
          C(ansible_ssh_private_key_file).
        - Where C(ansible_user) is set, Ansible names that user before these arguments, and ssh takes the first.
      type: list
      elements: str
      returned: always
      sample: ["-o", "User=ec2-user", "-o", "IdentitiesOnly=yes", "-o", "HostKeyAlias=i-0123456789abcdef0"]
    changed:
      description:
        - Whether the key was pushed, or would be in check mode. V(true) also if that is unknown, as the error says.
      type: bool
      returned: always
      sample: true
    success:
      description: Whether the key is live, or would be in check mode.
      type: bool
      returned: always
      sample: true
    request_id:
      description:
        - The request id of the push, or of the earlier one that is still live, which the instance writes to its log.
          V(null) if there was none.
      type: str
      returned: always
      sample: 9f1f7a5d-8a51-4f6c-9d59-3a2f8f1c5f0e
    pushed_at:
      description:
        - When the push, or the earlier one that is still live, was sent, ISO 8601 in UTC. V(null) if there was none.
      type: str
      returned: always
      sample: "2026-11-21T10:00:00Z"
    expires_at:
      description: When the key expires, ISO 8601 in UTC. V(null) if there was no push.
      type: str
      returned: always
      sample: "2026-11-21T10:01:00Z"
    error:
      description: Why the push failed.
      type: dict
      returned: when the push failed
      contains:
        code:
          description:
            - The error code of the service, the name of the SDK's error, or V(UnexpectedAnswer) if the answer is not
              from the service.
          type: str
          returned: always
          sample: EC2InstanceStateInvalidException
        message:
          description: The service's message, with the request id and the number of attempts.
          type: str
          returned: always
          sample: The instance is not in a valid state
        hint:
          description: The remedy.
          type: str
          returned: always
          sample: "Start the instance: a key can be pushed only to a running instance."
"""

from typing import Any, Mapping

from ansible_collections.sshkeys.aws.plugins.module_utils._arguments import (
    check_concurrency,
    expand,
    one_public_key,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.role import ROLE_OPTIONS, check_role_arn
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session
from ansible_collections.sshkeys.aws.plugins.module_utils._entry import enter
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.policy import judge_for_instance_connect
from ansible_collections.sshkeys.aws.plugins.module_utils._push.run import PUSH_OPTIONS, push_key
from ansible_collections.sshkeys.aws.plugins.module_utils._push.target import (
    Target,
    check_availability_zone,
    check_instance_id,
    check_os_user,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.module_utils._spec import Spec, check_public_keys, refuse_private_keys

TARGET_OPTIONS: dict[str, Any] = {
    "instance_id": {"type": "str", "required": True},
    "os_user": {"type": "str", "aliases": ["instance_os_user"]},
    "availability_zone": {"type": "str"},
}

OPTIONS: dict[str, Any] = {
    "instance_id": {"type": "str"},
    "targets": {"type": "list", "elements": "raw"},
    "os_user": {"type": "str", "aliases": ["instance_os_user"]},
    "availability_zone": {"type": "str"},
    "concurrency": {"type": "int", "default": 16},
    **PUSH_OPTIONS,
    **ROLE_OPTIONS,
}

SPEC = Spec(
    OPTIONS,
    elements={"targets": TARGET_OPTIONS},
    checks={
        "public_key": check_public_keys,
        "instance_id": check_instance_id,
        "targets": check_instance_id,
        "os_user": check_os_user,
        "availability_zone": check_availability_zone,
        "assume_role_arn": check_role_arn,
    },
    mutually_exclusive=[("instance_id", "targets")],
    required_one_of=[("instance_id", "targets")],
)


def run(params: Mapping[str, Any], *, check_mode: bool, session: Session) -> Report:
    """Make the key live at every target. Raises SshKeysError before anything is sent."""
    refuse_private_keys(SPEC, params)
    check_concurrency(params["concurrency"])
    key, warnings = one_public_key(params["public_key"], "public_key", judge_for_instance_connect)
    single = params["targets"] is None
    if single and params["instance_id"] is None:
        raise ArgumentError(
            "instance_id is null, and so is targets. Give the id of an instance, or a list. A variable without a value "
            "is null."
        )
    given = [params["instance_id"]] if single else params["targets"]
    targets = [
        _target(element, params) for element in expand(given, option="targets", name="instance_id", spec=TARGET_OPTIONS)
    ]
    return push_key(targets, key, warnings, params, single=single, check_mode=check_mode, session=session)


def _target(element: Mapping[str, Any], params: Mapping[str, Any]) -> Target:
    """Complete an element of ``targets`` with the options of the task."""
    os_user = element["os_user"] or params["os_user"]
    if not os_user:
        raise ArgumentError(
            f"os_user is missing for {element['instance_id']}: set it for the task or for this target, such as "
            "ec2-user."
        )
    return Target(element["instance_id"], os_user, element["availability_zone"] or params["availability_zone"])


def main() -> None:
    """Run as a module."""
    enter(SPEC, run)


if __name__ == "__main__":
    main()
