# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What an audit says at its end: the summary, what became of the report, and why the playbook fails. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit import Audit
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_request import AuditRequest


@dataclass(frozen=True)
class AuditEnd:
    """The end of an audit, in sentences. failures: why the playbook fails; empty where it succeeds."""

    says: tuple[str, ...]
    failures: tuple[str, ...]


def audit_end(
    audit: Audit, request: AuditRequest, *, report_exists: bool, is_written: bool, check_mode: bool
) -> AuditEnd:
    """Return what there is to say at the end.

    report_exists: whether the file of the report is there now. is_written: whether this run has written it, or would
      have in check mode. The report is written only where something could be read.
    """
    about_report = []
    if request.report_file:
        about_report = [_about_report(audit, request.report_file, report_exists, is_written, check_mode=check_mode)]
    remarked = [remark["sentence"] for remark in audit["remarked"] if remark["remark"] in request.fail_on]
    return AuditEnd(
        says=(*audit["summary"], *about_report),
        failures=(*audit["failures"], *remarked, *([] if audit["read"] else about_report)),
    )


def _about_report(audit: Audit, report_file: str, report_exists: bool, is_written: bool, *, check_mode: bool) -> str:
    if not audit["read"]:
        # A report of what could not be read would take the place of one that says something.
        stays = f"The report {report_file} stays as it was"
        return f"{stays if report_exists else f'No report is written to {report_file}'}, because nothing could be read."
    if not is_written:
        return f"The report {report_file} is unchanged."
    return f"The report {'would be written to' if check_mode else 'is in'} {report_file}."
