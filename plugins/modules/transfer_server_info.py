#!/usr/bin/python
# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Describe AWS Transfer Family servers and their host keys."""

from __future__ import annotations

DOCUMENTATION = r"""
module: transfer_server_info
short_description: Describe AWS Transfer Family servers and their host keys
version_added: 0.3.0
description:
  - Describes one, several or all AWS Transfer Family servers of a region, with host name, ports, identity provider and
    the fingerprints of the host keys.
  - The filter P(sshkeys.aws.known_hosts#filter) checks the host keys that a server shows against these fingerprints.
  - Its own options are O(server_ids), O(concurrency) and O(assume_role_arn). All others are those of every module for
    AWS.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
options:
  server_ids:
    description:
      - The ids of the servers. Without it, every server of the region is described.
      - If a server cannot be read, the task fails after it has read all others.
    type: list
    elements: str
    aliases: [server_id]
  concurrency:
    description:
      - The maximum number of servers to read at the same time.
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
  - The credentials need C(transfer:DescribeServer) and C(transfer:ListHostKeys) on the servers, and
    C(transfer:ListServers) to describe every server.
seealso:
  - plugin: sshkeys.aws.known_hosts
    plugin_type: filter
  - module: sshkeys.aws.transfer_ssh_key_info
  - name: DescribeServer
    description: The API page.
    link: https://docs.aws.amazon.com/transfer/latest/APIReference/API_DescribeServer.html
  - name: ListHostKeys
    description: The API page.
    link: https://docs.aws.amazon.com/transfer/latest/APIReference/API_ListHostKeys.html
"""

EXAMPLES = r"""
- name: Describe a server
  sshkeys.aws.transfer_server_info:
    server_id: s-01234567890abcdef
    region: us-east-1
  register: transfer

- name: Show the host name and the fingerprints, to send to a partner
  ansible.builtin.debug:
    msg: "{{ [transfer.servers[0].endpoint] + transfer.servers[0].host_keys | map(attribute='fingerprint') }}"

- name: Describe every server of the region
  sshkeys.aws.transfer_server_info:
    region: us-east-1
  register: every

- name: Name the servers on which the keys of users do not count
  ansible.builtin.debug:
    msg: "{{ every.servers | rejectattr(*managed) | map(attribute='server_id') }}"
  vars:
    managed: [identity_provider_type, equalto, SERVICE_MANAGED]
"""

RETURN = r"""
msg:
  description: The reason why there was nothing to do, or why the task failed.
  returned: when O(server_ids) is an empty list, or on failure
  type: str
  sample: server_ids is an empty list, so there is nothing to do, and no call was made to AWS. This is not an error.
servers:
  description:
    - The servers, in the order of O(server_ids) or of the service.
    - A field is V(null) if the service does not state it, or if the server could not be read.
  returned: when the servers could be listed
  type: list
  elements: dict
  contains:
    server_id:
      description: The id of the server.
      type: str
      returned: always
      sample: s-01234567890abcdef
    arn:
      description: The ARN of the server.
      type: str
      returned: always
      sample: arn:aws:transfer:us-east-1:123456789012:server/s-01234567890abcdef
    state:
      description: The state, V(ONLINE), V(OFFLINE), V(STARTING), V(STOPPING), V(START_FAILED) or V(STOP_FAILED).
      type: str
      returned: always
      sample: ONLINE
    domain:
      description: The storage, V(S3) or V(EFS).
      type: str
      returned: always
      sample: S3
    protocols:
      description: The protocols, of V(SFTP), V(FTPS), V(FTP) and V(AS2).
      type: list
      elements: str
      returned: always
      sample: [SFTP]
    endpoint:
      description:
        - The host name that clients connect to. A name of your own is not among what the service states.
        - V(null) for a server in a VPC without Elastic IP addresses. Its clients take the DNS names of its VPC
          endpoint, which M(amazon.aws.ec2_vpc_endpoint_info) returns for RV(servers[].vpc_endpoint_id).
      type: str
      returned: always
      sample: s-01234567890abcdef.server.transfer.us-east-1.amazonaws.com
    endpoint_type:
      description: The type of the endpoint, V(PUBLIC), V(VPC) or V(VPC_ENDPOINT).
      type: str
      returned: always
      sample: PUBLIC
    ip_address_type:
      description: The type of its addresses, V(IPV4) or V(DUALSTACK). V(null) with an SDK that does not know it.
      type: str
      returned: always
      sample: IPV4
    ports:
      description:
        - The ports of SFTP. An empty list if the server has no SFTP.
        - An SDK that does not know C(SftpPorts) shows V(22) alone.
      type: list
      elements: int
      returned: always
      sample: [22]
    vpc_endpoint_id:
      description: The VPC endpoint of a server in a VPC.
      type: str
      returned: always
      sample: vpce-01234567890abcdef
    vpc_id:
      description: The VPC of such a server.
      type: str
      returned: always
      sample: vpc-01234567890abcdef
    subnet_ids:
      description: The subnets of such a server.
      type: list
      elements: str
      returned: always
      sample: [subnet-01234567890abcdef]
    address_allocation_ids:
      description: The allocation ids of the Elastic IP addresses of such a server.
      type: list
      elements: str
      returned: always
      sample: [eipalloc-01234567890abcdef]
    security_group_ids:
      description:
        - The security groups of such a server. The API page of DescribeServer says that the service leaves them out;
          M(amazon.aws.ec2_vpc_endpoint_info) returns them.
      type: list
      elements: str
      returned: always
      sample: [sg-01234567890abcdef]
    identity_provider_type:
      description:
        - The source of the users, V(SERVICE_MANAGED), V(API_GATEWAY), V(AWS_DIRECTORY_SERVICE) or V(AWS_LAMBDA).
        - The keys that M(sshkeys.aws.transfer_ssh_key) declares count with V(SERVICE_MANAGED) only.
      type: str
      returned: always
      sample: SERVICE_MANAGED
    identity_provider:
      description: The details of an identity provider other than V(SERVICE_MANAGED).
      type: dict
      returned: always
      contains:
        url:
          description: The URL of an API Gateway.
          type: str
          returned: always
          sample: https://abcdef0123.execute-api.us-east-1.amazonaws.com/prod
        invocation_role:
          description: The ARN of the role with which it is called.
          type: str
          returned: always
          sample: arn:aws:iam::123456789012:role/transfer-idp
        directory_id:
          description: The id of a directory.
          type: str
          returned: always
          sample: d-0123456789
        function:
          description: The ARN of a Lambda function.
          type: str
          returned: always
          sample: arn:aws:lambda:us-east-1:123456789012:function:transfer-idp
        sftp_authentication_methods:
          description: Whether users authenticate with a password, a key or both.
          type: str
          returned: always
          sample: PUBLIC_KEY_OR_PASSWORD
    security_policy_name:
      description: The security policy, which says what algorithms the server accepts.
      type: str
      returned: always
      sample: TransferSecurityPolicy-2024-01
    certificate:
      description: The ARN of the certificate of FTPS.
      type: str
      returned: always
      sample: arn:aws:acm:us-east-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef
    logging_role:
      description: The ARN of the role with which the server writes logs.
      type: str
      returned: always
      sample: arn:aws:iam::123456789012:role/transfer-logging
    tags:
      description: The tags.
      type: dict
      returned: always
      sample: {Name: partners}
    user_count:
      description: The number of users that the service manages.
      type: int
      returned: always
      sample: 42
    host_key_fingerprint:
      description: The SHA256 fingerprint of the default host key, as OpenSSH writes it.
      type: str
      returned: always
      sample: SHA256:v4K2SCakkhOJ9gLiuwJrrfcWc3wCYzvGBWaMKche8CU
    host_keys:
      description: The host keys, in the order of the service. V(null) if they could not be read.
      type: list
      elements: dict
      returned: always
      contains:
        id:
          description: The id of the host key.
          type: str
          returned: always
          sample: hostkey-01234567890abcdef
        type:
          description: The key type.
          type: str
          returned: always
          sample: ssh-ed25519
        fingerprint:
          description: The SHA256 fingerprint, as OpenSSH writes it.
          type: str
          returned: always
          sample: SHA256:v4K2SCakkhOJ9gLiuwJrrfcWc3wCYzvGBWaMKche8CU
        description:
          description: The description of the host key.
          type: str
          returned: always
          sample: from the old server
        date_imported:
          description: When the host key was added to the server, ISO 8601 in UTC.
          type: str
          returned: always
          sample: "2026-11-21T10:00:00Z"
        age_days:
          description: The number of whole days since then.
          type: int
          returned: always
          sample: 42
        is_default:
          description: Whether its fingerprint is RV(servers[].host_key_fingerprint).
          type: bool
          returned: always
          sample: true
    error:
      description: Why the server, or its host keys, could not be read.
      type: dict
      returned: when it failed
      contains:
        code:
          description:
            - The error code of the service, the name of the SDK's error, or V(UnexpectedAnswer) if the answer is not
              from the service.
          type: str
          returned: always
          sample: AccessDeniedException
        message:
          description: The service's message, with the request id and the number of attempts.
          type: str
          returned: always
          sample: >-
            The host keys could not be read. User: arn:aws:iam::123456789012:user/alice is not authorized to perform:
            transfer:ListHostKeys
        hint:
          description: The remedy.
          type: str
          returned: always
          sample: Allow the action that the message names in the IAM policy of these credentials.
"""

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, Mapping

from ansible_collections.sshkeys.aws.plugins.module_utils._arguments import check_concurrency
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.role import ROLE_OPTIONS, check_role_arn
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import TRANSFER
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.transfer_servers import (
    described_server,
    listed_host_keys,
    server_ids,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._entry import enter
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._fan_out import fan_out
from ansible_collections.sshkeys.aws.plugins.module_utils._report import EMPTY_LIST, Report, in_region
from ansible_collections.sshkeys.aws.plugins.module_utils._spec import Spec, refuse_private_keys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.names import check_server_id
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.servers import ServerReading, report_servers

OPTIONS: dict[str, Any] = {
    "server_ids": {"type": "list", "elements": "str", "aliases": ["server_id"]},
    "concurrency": {"type": "int", "default": 16},
    **ROLE_OPTIONS,
}

SPEC = Spec(OPTIONS, checks={"server_ids": check_server_id, "assume_role_arn": check_role_arn})


def run(params: Mapping[str, Any], *, check_mode: bool, session: Session) -> Report:
    """Read the servers. Raises SshKeysError before anything is sent."""
    del check_mode  # It reads only.
    refuse_private_keys(SPEC, params)
    check_concurrency(params["concurrency"])
    for server_id in params["server_ids"] or []:
        check_server_id(server_id)
    client = session.client(TRANSFER)

    def read(server_id: str) -> ServerReading | None:
        try:
            described = described_server(client, server_id)
        except ServiceError as error:
            return ServerReading(server_id, None, None, error)
        if described is None:
            return None
        try:
            return ServerReading(server_id, described, listed_host_keys(client, server_id))
        except ServiceError as error:
            told = replace(error, message=f"The host keys could not be read. {error.message}")
            return ServerReading(server_id, described, None, told)

    listed = params["server_ids"] is None
    try:
        ids = server_ids(client) if listed else list(dict.fromkeys(params["server_ids"]))
    except ServiceError as error:
        return Report(failure=f"{error}{in_region(session.known_region)}")
    found = zip(ids, fan_out(read, ids, params["concurrency"]))
    # A server that was deleted after the servers were listed is none of them.
    readings = [reading or _missing(server_id) for server_id, reading in found if reading or not listed]
    region = session.known_region if any(reading.error for reading in readings) else None
    report = report_servers(readings, datetime.now(tz=timezone.utc), region)
    if params["server_ids"] == []:
        report.result["msg"] = EMPTY_LIST.format("server_ids")
    return report


def _missing(server_id: str) -> ServerReading:
    hint = "Check the server id, and the region and account of the task."
    error = ServiceError("ResourceNotFoundException", f"The server {server_id} does not exist", hint)
    return ServerReading(server_id, None, None, error)


def main() -> None:
    """Run as a module."""
    enter(SPEC, run)


if __name__ == "__main__":
    main()
