# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter sshkeys.aws.known_hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: known_hosts
short_description: Turn the host keys that a server shows into known_hosts lines, if they are those that it should have
version_added: 0.3.0
description:
  - Checks what C(ssh-keyscan) printed against the fingerprints that a service states, such as those that
    M(sshkeys.aws.transfer_server_info) returns, and returns lines for a C(known_hosts) file.
  - If a key is shown whose fingerprint is not stated, the filter fails and names the host, the type and both
    fingerprints. No key is returned then.
  - The filter fails too if no key was shown. A key that is stated and was not shown is fine.
  - It knows nothing of an existing C(known_hosts) file. A key in it that the service no longer states stays there.
    C(ssh-keygen -R HOST) removes it.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
positional: stated
options:
  _input:
    description:
      - What C(ssh-keyscan) printed, as text or as a list of lines. Lines of a C(known_hosts) file are fine too.
      - Comments are skipped. Ports, addresses and hashed hosts stay as they are.
    type: raw
    required: true
  stated:
    description:
      - The fingerprints that are stated, a list. Each is a SHA256 fingerprint, or a dict with C(fingerprint) and
        perhaps C(type), such as RV(sshkeys.aws.transfer_server_info#module:servers[].host_keys).
      - A fingerprint may be without C(SHA256:), may have padding, and may be a line of C(ssh-keygen -l).
    type: raw
    required: true
  names:
    description:
      - Write the lines for these hosts, in place of those that were scanned. For a port other than 22, write
        V([NAME]:PORT).
    type: list
    elements: str
    default: []
  said:
    description:
      - What C(ssh-keyscan) printed on standard error. The filter repeats it if there is no key.
      - C(ssh-keyscan) waits 5 seconds for an answer, unless its option C(-T) says otherwise.
    type: str
    default: ""
seealso:
  - module: sshkeys.aws.transfer_server_info
  - module: ansible.builtin.known_hosts
"""

EXAMPLES = r"""
- name: Ask the service for the fingerprints
  sshkeys.aws.transfer_server_info:
    server_id: s-01234567890abcdef
    region: us-east-1
  register: transfer

- name: Ask the server for its host keys
  ansible.builtin.command:
    argv: [ssh-keyscan, -p, "{{ transfer.servers[0].ports[0] }}", "{{ transfer.servers[0].endpoint }}"]
  register: scan
  changed_when: false
  # The filter says why there is no key.
  failed_when: false
  delegate_to: localhost

- name: Trust the keys that both have
  ansible.builtin.known_hosts:
    name: "{{ item.split(' ')[0] }}"
    key: "{{ item }}"
  loop: "{{ scan.stdout | sshkeys.aws.known_hosts(transfer.servers[0].host_keys, said=scan.stderr) }}"
"""

RETURN = r"""
_value:
  description: The lines, sorted, each with a host, a key type and a key.
  type: list
  elements: str
  sample:
    - sftp.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJEUvhKlSr3hlrULeHPBhV6WpNQeRpxqgSkrsrVdjMyx
"""

from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.known_hosts import known_hosts as checked_lines
from ansible_collections.sshkeys.aws.plugins.plugin_utils._plain import plain


def known_hosts(scan: Any, stated: Any, *, names: Any = (), said: Any = "") -> list[str]:
    """Return the lines. Raises AnsibleFilterError where a key is not to be trusted."""
    try:
        return checked_lines(plain(scan), plain(stated), names=plain(names), said=str(plain(said) or ""))
    except ArgumentError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"known_hosts": known_hosts}
