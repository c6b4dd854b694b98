#!/usr/bin/python
# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Push a public key to the serial console of an EC2 instance."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ec2_serial_console_key
short_description: Open the serial console of an EC2 instance to an SSH key for 60 seconds
version_added: 0.1.0
description:
  - Pushes a public key to the serial console of an EC2 instance (C(SendSerialConsoleSSHPublicKey)).
  - For 60 seconds, the holder of the matching private key can open the console with ssh, even if the network or the
    boot of the instance is broken.
  - Its own options are O(instance_id), O(serial_port), O(public_key), O(force), O(min_validity) and
    O(assume_role_arn). All others are those of every module for AWS.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
options:
  instance_id:
    description:
      - The id of the instance.
    type: str
    required: true
  serial_port:
    description:
      - The serial port of the instance. Only V(0) exists.
    type: int
    default: 0
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
  - The serial console must be turned on for the account in the region, the instance type must be built on the Nitro
    System, and there can be one session at a time. To do more than read the output, you need an OS user with a
    password.
  - The credentials need C(ec2-instance-connect:SendSerialConsoleSSHPublicKey) on the instance.
seealso:
  - module: sshkeys.aws.ec2_instance_connect_key
  - name: Connect to the EC2 Serial Console
    description: AWS's table of the console hosts and their fingerprints.
    link: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/connect-to-serial-console.html
  - name: SendSerialConsoleSSHPublicKey
    description: The API page.
    link: https://docs.aws.amazon.com/ec2-instance-connect/latest/APIReference/API_SendSerialConsoleSSHPublicKey.html
"""

EXAMPLES = r"""
- name: Open the serial console for sixty seconds
  sshkeys.aws.ec2_serial_console_key:
    instance_id: i-0123456789abcdef0
    public_key: "{{ lookup('file', '~/.ssh/id_ed25519.pub') }}"
    region: us-east-1
  delegate_to: localhost
  register: console

- name: Show the command that connects, and the fingerprint to compare
  ansible.builtin.debug:
    msg:
      - "{{ console.ssh_command }} -i ~/.ssh/id_ed25519"
      - "{{ console.host_key_fingerprint }}"
"""

RETURN = r"""
changed:
  description: Whether the key was pushed, or would be in check mode. V(true) also if that is unknown; see the error.
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
      description: The comment of the key. It was not sent.
      type: str
      returned: always
      sample: alice@laptop
instance_id:
  description: The id of the instance.
  returned: when the arguments are valid and AWS could be called
  type: str
  sample: i-0123456789abcdef0
serial_port:
  description: The serial port.
  returned: when the arguments are valid and AWS could be called
  type: int
  sample: 0
ssh_command:
  description:
    - The command that opens the console, for AWS's own console host of the region. O(endpoint_url) changes the API that
      is called, and not this host.
    - Append C(-i) and the path of the private key, unless ssh finds the key by itself.
    - V(null) for a region whose console host was not in AWS's documentation when this release was made.
  returned: when the arguments are valid and AWS could be called
  type: str
  sample: ssh i-0123456789abcdef0.port0@serial-console.ec2-instance-connect.us-east-1.aws
host_key_fingerprint:
  description:
    - The fingerprint of the console host's key in that region, as AWS documents it. ssh prints the fingerprint of the
      key that it was offered when it connects for the first time. Accept the key only if both are equal.
    - V(null) if RV(ssh_command) is.
  returned: when the arguments are valid and AWS could be called
  type: str
  sample: SHA256:dXwn5ma/xadVMeBZGEru5l2gx+yI5LDiJaLUcz0FMmw
success:
  description: Whether the key is live, or would be in check mode.
  returned: when the arguments are valid and AWS could be called
  type: bool
  sample: true
request_id:
  description: The request id of the push, or of the earlier one that is still live. V(null) if there was none.
  returned: when the arguments are valid and AWS could be called
  type: str
  sample: 9f1f7a5d-8a51-4f6c-9d59-3a2f8f1c5f0e
pushed_at:
  description:
    - When the push, or the earlier one that is still live, was sent, ISO 8601 in UTC. V(null) if there was none.
  returned: when the arguments are valid and AWS could be called
  type: str
  sample: "2026-11-21T10:00:00Z"
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
  description: When the key expires, ISO 8601 in UTC. V(null) if there was no push.
  returned: when the arguments are valid and AWS could be called
  type: str
  sample: "2026-11-21T10:01:00Z"
targets:
  description: The same outcome as a list of one, for playbooks that treat both modules that push keys alike.
  returned: when the arguments are valid and AWS could be called
  type: list
  elements: dict
error:
  description: Why the push failed.
  returned: when the push failed
  type: dict
  contains:
    code:
      description:
        - The error code of the service, the name of the SDK's error, or V(UnexpectedAnswer) if the answer is not
          from the service.
      type: str
      returned: always
      sample: SerialConsoleAccessDisabledException
    message:
      description: The service's message, with the request id and the number of attempts.
      type: str
      returned: always
      sample: Your account is not authorized to use the EC2 Serial Console
    hint:
      description: The remedy.
      type: str
      returned: always
      sample: Turn the serial console on for the account in this region (ec2:EnableSerialConsoleAccess).
"""

from dataclasses import replace
from typing import Any, Mapping

from ansible_collections.sshkeys.aws.plugins.module_utils._arguments import one_public_key
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.role import ROLE_OPTIONS, check_role_arn
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session
from ansible_collections.sshkeys.aws.plugins.module_utils._entry import enter
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.policy import judge_for_instance_connect
from ansible_collections.sshkeys.aws.plugins.module_utils._push.run import PUSH_OPTIONS, push_key
from ansible_collections.sshkeys.aws.plugins.module_utils._push.serial_console import SERIAL_CONSOLES
from ansible_collections.sshkeys.aws.plugins.module_utils._push.target import Target, check_instance_id
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.module_utils._spec import Spec, check_public_keys, refuse_private_keys

OPTIONS: dict[str, Any] = {
    "instance_id": {"type": "str", "required": True},
    "serial_port": {"type": "int", "default": 0},
    **PUSH_OPTIONS,
    **ROLE_OPTIONS,
}

SPEC = Spec(
    OPTIONS,
    checks={"public_key": check_public_keys, "instance_id": check_instance_id, "assume_role_arn": check_role_arn},
)


def run(params: Mapping[str, Any], *, check_mode: bool, session: Session) -> Report:
    """Make the key live at the serial console. Raises SshKeysError before anything is sent."""
    refuse_private_keys(SPEC, params)
    key, warnings = one_public_key(params["public_key"], "public_key", judge_for_instance_connect)
    target = Target(params["instance_id"], serial_port=params["serial_port"])
    report = push_key([target], key, warnings, params, single=True, check_mode=check_mode, session=session)
    console = SERIAL_CONSOLES.get(session.region.name)
    to_connect = {
        "ssh_command": console and console.ssh_command(target.instance_id, params["serial_port"]),
        "host_key_fingerprint": console and console.fingerprint,
    }
    return replace(report, result={**report.result, **to_connect})


def main() -> None:
    """Run as a module."""
    enter(SPEC, run)


if __name__ == "__main__":
    main()
