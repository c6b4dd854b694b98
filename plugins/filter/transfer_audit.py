# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter sshkeys.aws.transfer_audit."""

from __future__ import annotations

DOCUMENTATION = r"""
name: transfer_audit
short_description: What there is to remark about the keys of Transfer Family users
version_added: 0.1.0
description:
  - Takes what M(sshkeys.aws.transfer_ssh_key_info) read of one server or several. Returns which keys are old, weak or
    shared between users, which users have none, and what could not be read.
  - Only what was read counts. A server or a user that could not be read has no numbers.
  - The playbook C(sshkeys.aws.transfer_audit) makes its table and its report of this.
  - Every text is safe to print. It has no control characters and no marks that turn the direction of writing, and long
    texts are cut.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
positional: limit, date
options:
  _input:
    description:
      - The results of M(sshkeys.aws.transfer_ssh_key_info) in a loop over the ids of servers, with the loop variable
        C(item). A result without C(users) stands for a server that could not be read, and its C(msg) says why.
    type: list
    elements: dict
    required: true
  limit:
    description: A key is old if the user has had it for more days than this.
    type: int
    required: true
  date:
    description: The day of the audit, which is returned as it is.
    type: str
    required: true
  region:
    description: The region of the servers, for sentences that name one. Leave it out if it is not known.
    type: str
    default: ""
  described:
    description:
      - The result of M(sshkeys.aws.transfer_server_info) for the same servers. A server that could not be described
        is audited all the same.
    type: dict
    default: {}
seealso:
  - module: sshkeys.aws.transfer_ssh_key_info
  - module: sshkeys.aws.transfer_server_info
"""

EXAMPLES = r"""
- name: Read the keys of two servers
  sshkeys.aws.transfer_ssh_key_info:
    server_id: "{{ item }}"
    region: us-east-1
  loop: [s-01234567890abcdef, s-0fedcba9876543210]
  register: server
  failed_when: false

- name: Say what there is to remark
  ansible.builtin.debug:
    msg: "{{ audit.summary }}"
  vars:
    today: "{{ now(utc=true).strftime('%Y-%m-%d') }}"
    audit: "{{ server.results | sshkeys.aws.transfer_audit(90, today, region='us-east-1') }}"
"""

RETURN = r"""
_value:
  description: What the audit found.
  type: dict
  contains:
    date:
      description: The day of the audit.
      type: str
      sample: "2026-11-25"
    limit:
      description: The limit of age in days.
      type: int
      sample: 90
    read:
      description: Whether at least one server was read.
      type: bool
      sample: true
    coverage:
      description: Over how much the numbers count, as a sentence.
      type: str
      sample: 12 users with 20 keys on 1 server; 1 server and 2 users could not be read.
    count:
      description:
        - The numbers over all servers that were read, V(null) if none was. They are C(servers), C(users), C(keys),
          C(old), C(weak), C(shared), C(shared_keys), C(no_key) and C(unreadable). C(shared) is the sum over the
          servers. In C(shared_keys) a key of users on several servers counts once.
      type: dict
    not_read:
      description: How many C(servers) could not list their users, and how many C(users) could not be read.
      type: dict
      sample: {servers: 1, users: 2}
    servers:
      description: The servers, in the order of the input.
      type: list
      elements: dict
      contains:
        id:
          description: The id of the server.
          type: str
        place:
          description: The id, and the region where that is known.
          type: str
          sample: s-01234567890abcdef in us-east-1
        read:
          description: Whether the server was read. If no user of those listed could be read, it was not.
          type: bool
        error:
          description: Why the users could not be listed. Empty if they could.
          type: str
        count:
          description: The numbers of this server, as those over all, V(null) if it was not read.
          type: dict
        users_not_read:
          description: How many of the users listed could not be read.
          type: int
        about:
          description: What the service states of the server. V(null) if it was not asked.
          type: dict
          contains:
            unknown:
              description: Why the server could not be described. Empty if it could.
              type: str
            state:
              description: The state.
              type: str
            place:
              description: The host name, or the VPC endpoint of a server without one.
              type: str
            endpoint_type:
              description: The type of the endpoint.
              type: str
            ports:
              description: The ports of SFTP.
              type: list
              elements: int
            protocols:
              description: The protocols.
              type: list
              elements: str
            identity_provider:
              description: The type of the identity provider.
              type: str
            keys_count:
              description: Whether the keys of its users count. They do with V(SERVICE_MANAGED) only.
              type: bool
            host_keys:
              description: The host keys, with C(type), C(fingerprint), C(age_days) and C(default).
              type: list
              elements: dict
            host_keys_unknown:
              description: Why only the host keys are unknown. Empty if they are known.
              type: str
        users:
          description: The users that were listed.
          type: list
          elements: dict
          contains:
            name:
              description: The name of the user.
              type: str
            read:
              description: Whether the keys could be read.
              type: bool
            error:
              description: Why the keys could not be read. Empty if they could.
              type: str
            error_code:
              description: The error code of that.
              type: str
            remarked:
              description: Whether there is a remark about the user or one of its keys, or the user could not be read.
              type: bool
            keys:
              description:
                - The keys, with C(id), C(type), C(bits), C(age_days), C(date_imported), C(fingerprint) and C(comment)
                  as the module returns them, with C(old), C(weak) and C(unreadable), and with C(shared_with), the names
                  of the other users.
              type: list
              elements: dict
    bands:
      description: How many keys there are of each age, with C(label), C(old) and C(count).
      type: list
      elements: dict
      sample:
        - {label: over 720 days, old: true, count: 3}
    chart:
      description:
        - The same as bars of a drawing, with C(height), C(limit_at) and C(bars). Each bar has the C(label), C(old) and
          C(count) of its band, where it begins, C(top), and its C(length).
      type: dict
    described:
      description: Whether anything is known of the servers themselves.
      type: bool
    shared:
      description: The keys that users of different names have, with C(fingerprint), C(users) and C(server).
      type: list
      elements: dict
    problems:
      description: What could not be read, C(what), and why, C(error).
      type: list
      elements: dict
    failures:
      description: The problems as sentences.
      type: list
      elements: str
    remarked:
      description: Each kind of remark that there is, with C(remark), C(number) and C(sentence).
      type: list
      elements: dict
      sample:
        - {remark: old, number: 2, sentence: 2 keys are older than 90 days.}
    summary:
      description: All that there is to say at the end, as sentences.
      type: list
      elements: str
"""

from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit import Audit, audit
from ansible_collections.sshkeys.aws.plugins.plugin_utils._plain import plain


def transfer_audit(results: Any, limit: Any, date: Any, region: str = "", described: Any = None) -> Audit:
    """Return what the audit found. Raises AnsibleFilterError where the input cannot be used."""
    try:
        return audit(plain(results), plain(limit), plain(date), plain(region), plain(described or {}))
    except ArgumentError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"transfer_audit": transfer_audit}
