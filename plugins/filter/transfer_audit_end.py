# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter sshkeys.aws.transfer_audit_end."""

from __future__ import annotations

DOCUMENTATION = r"""
name: transfer_audit_end
short_description: What the playbook transfer_audit says at its end, and why it fails
version_added: 0.1.0
description:
  - Says what was found, and what became of the report.
author:
  - sshkeys.aws contributors (@sshkeys-aws)
positional: request
options:
  _input:
    description: What P(sshkeys.aws.transfer_audit#filter) returned.
    type: dict
    required: true
  request:
    description: What P(sshkeys.aws.transfer_audit_request#filter) returned.
    type: dict
    required: true
  report_exists:
    description: Whether the file of the report is there.
    type: bool
    default: false
  is_written:
    description: Whether the report was written, or would have been in check mode.
    type: bool
    default: false
  check_mode:
    description: Whether nothing was written.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Sum up
  ansible.builtin.debug:
    msg: "{{ (audit | sshkeys.aws.transfer_audit_end(request, is_written=written is changed)).says }}"
"""

RETURN = r"""
_value:
  description: The end of the audit.
  type: dict
  contains:
    says:
      description: All that there is to say, as sentences.
      type: list
      elements: str
    failures:
      description: Sentences that say why the playbook fails. An empty list where it does not.
      type: list
      elements: str
"""

from dataclasses import asdict
from typing import Any, Callable, Mapping

from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit import Audit
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_end import audit_end
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_request import AuditRequest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._plain import plain


def transfer_audit_end(
    audit: Audit,
    request: Mapping[str, Any],
    *,
    report_exists: bool = False,
    is_written: bool = False,
    check_mode: bool = False,
) -> dict[str, Any]:
    """Return the end as a dict."""
    end = audit_end(
        plain(audit),
        AuditRequest(**plain(request)),
        report_exists=report_exists,
        is_written=is_written,
        check_mode=check_mode,
    )
    result: dict[str, Any] = plain(asdict(end))
    return result


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"transfer_audit_end": transfer_audit_end}
