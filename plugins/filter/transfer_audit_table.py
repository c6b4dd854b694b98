# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter sshkeys.aws.transfer_audit_table."""

from __future__ import annotations

DOCUMENTATION = r"""
name: transfer_audit_table
short_description: The table that the playbook transfer_audit shows
version_added: 0.1.0
description:
  - Lays out who has which key on Transfer Family servers, with one line for each key.
  - The columns are aligned when Ansible prints the lines as JSON.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
options:
  _input:
    description: What P(sshkeys.aws.transfer_audit#filter) returned.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show who has which key
  ansible.builtin.debug:
    msg: "{{ server.results | sshkeys.aws.transfer_audit(90, '2026-11-25') | sshkeys.aws.transfer_audit_table }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
  sample:
    - Server s-01234567890abcdef
    - USER     TYPE         BITS   AGE  FINGERPRINT                                         COMMENT       REMARKS
    - partner  ssh-ed25519   256  12 d  SHA256:v4K2SCakkhOJ9gLiuwJrrfcWc3wCYzvGBWaMKche8CU  alice@laptop
"""

from typing import Any, Callable

from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit import Audit
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_table import audit_table
from ansible_collections.sshkeys.aws.plugins.plugin_utils._plain import plain


def transfer_audit_table(audit: Audit) -> list[str]:
    """Return the lines."""
    return audit_table(plain(audit))


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"transfer_audit_table": transfer_audit_table}
