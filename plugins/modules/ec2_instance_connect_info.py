#!/usr/bin/python
# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Say by which ways ssh reaches EC2 instances, and why not by the others."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ec2_instance_connect_info
short_description: Say by which ways ssh reaches EC2 instances, and why not by the others
version_added: 0.2.0
description:
  - Judges for each EC2 instance whether ssh with a pushed key can reach it directly, through an EC2 Instance Connect
    Endpoint and through Session Manager. For each way that is closed it says why, and what to do.
  - It reads what AWS says of instances, their images, networks, endpoints and SSM Agents. It changes nothing, pushes no
    key and connects to no instance. So a firewall on the instance, its sshd, and what lies outside of AWS are not
    judged.
  - A whole fleet is read in few calls. An instance more costs no call of its own.
  - Its own options are O(instance_ids), O(filters), O(source_cidr), O(port), O(tunnel),
    O(instance_connect_endpoint_id), O(addresses), O(concurrency) and O(assume_role_arn). All others are those of every
    module for AWS.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
options:
  instance_ids:
    description:
      - The ids of instances, and of managed nodes of Systems Manager (C(mi-...)). Without it, every instance of the
        region that fits O(filters) is judged, and no managed node.
      - If one does not exist, the task fails after it has judged all others.
    type: list
    elements: str
    aliases: [instance_id]
  filters:
    description:
      - Filters for the instances, as for M(amazon.aws.ec2_instance_info). See
        U(https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html).
      - Mutually exclusive with O(instance_ids).
    type: dict
    default: {}
  source_cidr:
    description:
      - The addresses that connections come from, as the instances see them, in CIDR notation. An address alone is its
        own network.
      - AWS does not know where connections will come from. Without this option, a public address counts as open if the
        rules let everybody in. If they let in only some addresses, C(is_open) is V(null), and so it is for a private
        address.
      - A way is open if it is open to all of these addresses. If it is open to only some of them, its C(is_open) is
        V(null).
    type: list
    elements: str
  port:
    description:
      - The TCP port of sshd.
    type: int
    default: 22
  tunnel:
    description:
      - The ways that may be taken, as in the option of the same name of
        P(sshkeys.aws.ec2_instance_connect#connection). It decides only RV(instances[].best_way). All ways are judged,
        whatever it is.
    type: str
    choices: [auto, endpoint, session_manager, never]
    default: auto
  instance_connect_endpoint_id:
    description:
      - The EC2 Instance Connect Endpoint to judge. Without it, the one that the connection would take is judged.
    type: str
  addresses:
    description:
      - The addresses that the inventory gives the hosts (C(ansible_host)), by the id of the instance. The connection
        prefers them to those that EC2 knows.
    type: dict
    default: {}
  concurrency:
    description:
      - The maximum number of calls at the same time.
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
  - The credentials need C(ec2:DescribeInstances), C(ec2:DescribeSecurityGroups), C(ec2:DescribeRouteTables),
    C(ec2:DescribeNetworkAcls), C(ec2:DescribeSubnets), C(ec2:DescribeInstanceConnectEndpoints),
    C(ec2:DescribeImages), C(ssm:DescribeInstanceInformation), and, where rules name prefix lists,
    C(ec2:GetManagedPrefixListEntries). If one is refused, what it would have told is V(null) with the reason, and the
    rest is judged.
  - Whether the credentials may push keys, open tunnels and start sessions is not judged. These actions have no dry run.
  - The order of the ways is that of the connection. Both decide it by the same function.
seealso:
  - plugin: sshkeys.aws.ec2_instance_connect
    plugin_type: connection
  - module: sshkeys.aws.ec2_instance_connect_key
  - module: amazon.aws.ec2_instance_info
  - name: EC2 Instance Connect Endpoint
    description: Security groups for endpoints.
    link: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/eice-security-groups.html
"""

EXAMPLES = r"""
- name: Judge one instance, for connections from the office
  sshkeys.aws.ec2_instance_connect_info:
    instance_id: i-0123456789abcdef0
    source_cidr: 198.51.100.0/24
    region: us-east-1
  register: judged

- name: Show why each way is closed
  ansible.builtin.debug:
    msg: "{{ item.key }}: {{ item.value.reasons | join(' ') }}"
  loop: "{{ judged.instances[0].ways | dict2items | rejectattr('value.is_open', 'true') | list }}"
  loop_control:
    label: "{{ item.key }}"

- name: Judge all running web servers
  sshkeys.aws.ec2_instance_connect_info:
    filters:
      tag:Role: web
      instance-state-name: running
    region: us-east-1
  register: web

- name: Stop here unless each of them can be reached
  ansible.builtin.assert:
    that: web.instances | rejectattr('best_way') | length == 0
    fail_msg: "No way to {{ web.instances | rejectattr('best_way') | map(attribute='instance_id') | join(', ') }}."

- name: Ask whether one endpoint reaches the fleet
  sshkeys.aws.ec2_instance_connect_info:
    instance_ids: >-
      {{ groups['aws_ec2'] | map('extract', hostvars) | selectattr('instance_id', 'defined')
         | map(attribute='instance_id') | select | list }}
    tunnel: endpoint
    instance_connect_endpoint_id: eice-0123456789abcdef0
    region: us-east-1

- name: Judge a managed node, which only Session Manager reaches
  sshkeys.aws.ec2_instance_connect_info:
    instance_ids:
      - mi-0123456789abcdef0
    region: us-east-1

- name: Judge every instance of the region for an sshd on another port
  sshkeys.aws.ec2_instance_connect_info:
    port: 2222
    source_cidr:
      - 198.51.100.7
      - 2001:db8:7::/48
    region: us-east-1
"""

RETURN = r"""
msg:
  description: The reason why there was nothing to do, or why the task failed.
  returned: when O(instance_ids) is an empty list, or on failure
  type: str
  sample: instance_ids is an empty list, so there is nothing to do, and no call was made to AWS. This is not an error.
region:
  description: The region that was asked.
  returned: when AWS was asked
  type: str
  sample: us-east-1
instances:
  description:
    - The instances and managed nodes, in the order of O(instance_ids) or of the service.
    - A fact that AWS does not tell is V(null).
  returned: when the instances could be listed
  type: list
  elements: dict
  contains:
    instance_id:
      description: The id of the instance or of the managed node.
      type: str
      returned: always
      sample: i-0123456789abcdef0
    name:
      description: The tag C(Name), or the name of the computer of a managed node.
      type: str
      returned: always
      sample: web-1
    state:
      description: The state. V(null) for a managed node.
      type: str
      returned: always
      sample: running
    platform:
      description: The platform as EC2 names it, or the system that the agent of a managed node reports.
      type: str
      returned: always
      sample: Linux/UNIX
    image_id:
      description: The id of the AMI.
      type: str
      returned: always
      sample: ami-0123456789abcdef0
    image_name:
      description: The name of the AMI.
      type: str
      returned: always
      sample: al2023-ami-2023.9.20251110.1-kernel-6.1-x86_64
    instance_type:
      description: The instance type.
      type: str
      returned: always
      sample: t3.micro
    availability_zone:
      description: The Availability Zone.
      type: str
      returned: always
      sample: us-east-1a
    vpc_id:
      description: The VPC.
      type: str
      returned: always
      sample: vpc-0123456789abcdef0
    subnet_id:
      description: The subnet.
      type: str
      returned: always
      sample: subnet-0123456789abcdef0
    private_ip_address:
      description: The private IPv4 address.
      type: str
      returned: always
      sample: 10.0.0.7
    public_ip_address:
      description: The public IPv4 address.
      type: str
      returned: always
      sample: 203.0.113.7
    ipv6_address:
      description: The IPv6 address.
      type: str
      returned: always
      sample: 2001:db8::7
    best_way:
      description:
        - The way that the connection takes first with this O(tunnel), as far as can be told. V(direct), V(endpoint) or
          V(session_manager). It is V(null) if no way is open.
        - It is the first way that is open for certain. If there is none, it is the first one that may be open.
      type: str
      returned: always
      sample: endpoint
    best_way_is_certain:
      description: Whether everything is known that decides RV(instances[].best_way).
      type: bool
      returned: when the instance exists
      sample: true
    best_address:
      description: The address of the best way if that is V(direct).
      type: str
      returned: when the instance exists
      sample: 203.0.113.7
    pushed_key:
      description:
        - Whether a key that EC2 Instance Connect has pushed opens the instance. What it lacks stands in the reasons of
          each way, too. A managed node needs no pushed key, so it is open there.
      type: dict
      returned: when the instance exists
      contains:
        is_open:
          description: Whether it does, V(null) where that cannot be known.
          type: bool
          returned: always
          sample: true
        reasons:
          description: Why it does not, or why that is not known. A list of sentences.
          type: list
          elements: str
          returned: always
          sample: []
        notes:
          description: What else is good to know. A list of sentences.
          type: list
          elements: str
          returned: always
          sample: []
    ways:
      description:
        - The ways. Each has C(is_open) (V(true), V(false), or V(null) where it cannot be known), C(reasons) (sentences
          that say why it is not open, or not known to be) and C(notes) (sentences about the limits of what is said).
      type: dict
      returned: when the instance exists
      contains:
        direct:
          description:
            - A connection to an address of the instance. C(address) is the address that was judged. With V(auto) for
              O(tunnel) it is the first one that is open, or the one that lacks least.
          type: dict
          returned: always
          sample:
            address: 203.0.113.7
            is_open: false
            notes: []
            reasons:
              - >-
                The security group sg-0123456789abcdef0 (web) does not let TCP port 22 in from 198.51.100.0/24. Add an
                inbound rule for TCP port 22 from 198.51.100.0/24.
        endpoint:
          description:
            - A tunnel through an EC2 Instance Connect Endpoint. C(instance_connect_endpoint_id) is the endpoint that
              the connection would take.
          type: dict
          returned: always
          sample:
            instance_connect_endpoint_id: eice-0123456789abcdef0
            is_open: true
            notes: []
            reasons: []
        session_manager:
          description:
            - A session of Session Manager. C(ping_status), C(agent_version) and C(last_ping_at) (ISO 8601 in UTC) are
              those of the SSM Agent.
          type: dict
          returned: always
          sample:
            agent_version: 3.3.3050.0
            is_open: false
            last_ping_at: "2026-11-21T10:00:00Z"
            notes: []
            ping_status: ConnectionLost
            reasons:
              - >-
                The SSM Agent was last heard of at 2026-11-21 10:00 UTC (PingStatus ConnectionLost). Check that the
                agent runs and still has its permissions and a way to ssm and ssmmessages of the region, by a NAT
                gateway or by VPC endpoints.
    error:
      description: Why there is nothing to say of the instance, with C(code), C(message) and C(hint).
      type: dict
      returned: when it does not exist
      sample:
        code: InvalidInstanceID.NotFound
        hint: Check that this instance exists in the region and account of these credentials.
        message: The instance ID 'i-0123456789abcdef0' does not exist
errors:
  description:
    - The calls that failed. A call that the credentials may not make does not fail the task. Any other failure does,
      after all else was judged.
  returned: when AWS was asked
  type: list
  elements: dict
  contains:
    action:
      description: The IAM action of the call.
      type: str
      returned: always
      sample: ec2:DescribeNetworkAcls
    code:
      description: The error code of the service, or the name of the SDK's error.
      type: str
      returned: always
      sample: UnauthorizedOperation
    message:
      description: The service's message.
      type: str
      returned: always
      sample: You are not authorized to perform this operation
    hint:
      description: The remedy.
      type: str
      returned: always
      sample: Allow the action in the IAM policy of these credentials.
"""

import re
from typing import Any, Mapping

from ansible_collections.amazon.aws.plugins.module_utils.transformation import ansible_dict_to_boto3_filter_list
from ansible_collections.sshkeys.aws.plugins.module_utils._arguments import check_concurrency
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.role import ROLE_OPTIONS, check_role_arn
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import EC2, SSM
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session, uses_fips
from ansible_collections.sshkeys.aws.plugins.module_utils._entry import enter
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, shown, type_name
from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import Unread
from ansible_collections.sshkeys.aws.plugins.module_utils._network.networks import network, no_network
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.ask import INSTANCES, Asking, is_refusal
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.asked import Asked, is_id
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.report import report_instances
from ansible_collections.sshkeys.aws.plugins.module_utils._report import EMPTY_LIST, Report, count_and_name, in_region
from ansible_collections.sshkeys.aws.plugins.module_utils._spec import Spec, refuse_private_keys

OPTIONS: dict[str, Any] = {
    "instance_ids": {"type": "list", "elements": "str", "aliases": ["instance_id"]},
    "filters": {"type": "dict", "default": {}},
    "source_cidr": {"type": "list", "elements": "str"},
    "port": {"type": "int", "default": 22},
    "tunnel": {"type": "str", "choices": ["auto", "endpoint", "session_manager", "never"], "default": "auto"},
    "instance_connect_endpoint_id": {"type": "str"},
    "addresses": {"type": "dict", "default": {}},
    "concurrency": {"type": "int", "default": 16},
    **ROLE_OPTIONS,
}

_ENDPOINT_ID = re.compile(r"eice-[0-9a-f]{8,17}")
_LARGEST_PORT = 65535


def check_id(instance_id: str) -> None:
    """Raise ArgumentError unless this is the id of an instance or of a managed node."""
    if not is_id(instance_id):
        raise ArgumentError(
            f"instance_ids has {shown(instance_id)}, which is not the id of an instance or of a managed node: it must "
            "be 'i-' and 8 or 17 hexadecimal digits, such as i-0123456789abcdef0, or 'mi-' and 17 of them."
        )


def check_cidr(cidr: str) -> None:
    """Raise ArgumentError unless this is a network in CIDR notation, or an address."""
    wrong = no_network(cidr)
    if wrong:
        raise ArgumentError(f"source_cidr has {wrong}")


def check_endpoint_id(endpoint_id: str) -> None:
    """Raise ArgumentError unless this is the id of an EC2 Instance Connect Endpoint."""
    if not _ENDPOINT_ID.fullmatch(endpoint_id):
        raise ArgumentError(
            f"instance_connect_endpoint_id {shown(endpoint_id)} is not the id of an EC2 Instance Connect Endpoint: it "
            "must be 'eice-' and hexadecimal digits, such as eice-0123456789abcdef0."
        )


SPEC = Spec(
    OPTIONS,
    checks={
        "instance_ids": check_id,
        "source_cidr": check_cidr,
        "instance_connect_endpoint_id": check_endpoint_id,
        "assume_role_arn": check_role_arn,
    },
    mutually_exclusive=[("instance_ids", "filters")],
)


def run(params: Mapping[str, Any], *, check_mode: bool, session: Session) -> Report:
    """Judge the ways to instances. Raises SshKeysError before anything is sent."""
    del check_mode  # It reads only.
    refuse_private_keys(SPEC, params)
    ids = None if params["instance_ids"] is None else list(dict.fromkeys(params["instance_ids"]))
    _check(params)
    if ids == []:
        return Report({"changed": False, "instances": [], "msg": EMPTY_LIST.format("instance_ids")})
    ec2, ssm = session.client(EC2), session.client(SSM, reads_only=True)
    asked = Asked(
        port=params["port"],
        sources=[network(each) for each in params["source_cidr"] or []],
        tunnel=params["tunnel"],
        endpoint_id=params["instance_connect_endpoint_id"] or None,
        addresses={name: str(address) for name, address in (params["addresses"] or {}).items() if address},
        use_fips=uses_fips(ec2),
    )
    filters = ansible_dict_to_boto3_filter_list(params["filters"] or {})
    found = Asking(ec2, ssm, params["concurrency"]).ask(ids, filters, port=asked.port, endpoint_id=asked.endpoint_id)
    result: dict[str, Any] = {
        "changed": False,
        "region": session.region.name,
        "errors": [{"action": action, **error.result()} for action, error in found.errors.items()],
    }
    if ids is None and isinstance(found.instances, Unread):
        return Report(result, failure=f"{found.errors[INSTANCES]}{in_region(session.known_region)}")
    told = result["instances"] = report_instances(ids, found.instances, asked, found.around)
    warnings = [f"{action} was refused. {error}" for action, error in found.errors.items() if is_refusal(error)]
    failures = [f"{action}: {error}" for action, error in found.errors.items() if not is_refusal(error)]
    missing = [
        (each["instance_id"], f"{each['error']['code']}: {each['error']['message']}. {each['error']['hint']}")
        for each in told
        if "error" in each
    ]
    if missing:
        failures.append(count_and_name(missing, len(told), "instances", session.known_region))
    elif failures:
        failures.append(in_region(session.known_region).strip())
    return Report(result, warnings, " ".join(failures) or None)


def _check(params: Mapping[str, Any]) -> None:
    """Raise ArgumentError for options that cannot be used."""
    check_concurrency(params["concurrency"])
    for instance_id in params["instance_ids"] or []:
        check_id(instance_id)
    for cidr in params["source_cidr"] or []:
        check_cidr(cidr)
    if params["source_cidr"] == []:
        raise ArgumentError("source_cidr is an empty list. Name a network, or omit the option.")
    if not 1 <= params["port"] <= _LARGEST_PORT:
        raise ArgumentError(f"port is {params['port']}, and must be between 1 and {_LARGEST_PORT}.")
    if params["instance_connect_endpoint_id"]:
        check_endpoint_id(params["instance_connect_endpoint_id"])
    for name, address in (params["addresses"] or {}).items():
        if address is not None and not isinstance(address, str):
            raise ArgumentError(
                f"addresses has a value of type {type_name(address)} for {shown(str(name))}: it must be text."
            )


def main() -> None:
    """Run as a module."""
    enter(SPEC, run)


if __name__ == "__main__":
    main()
