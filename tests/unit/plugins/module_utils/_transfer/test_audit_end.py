# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of an audit: what became of the report, and why the playbook fails."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit import audit
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_end import AuditEnd, audit_end
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_request import AuditRequest

REPORT = "/srv/report.html"
SERVER = "s-01234567890abcdef"
READ = {"item": SERVER, "users": [{"user_name": "archive", "ssh_public_keys": []}]}
LOST = {"item": SERVER, "msg": "ExpiredTokenException: Expired."}
STAYS = f"The report {REPORT} stays as it was, because nothing could be read."
NONE = f"No report is written to {REPORT}, because nothing could be read."
COULD_NOT = f"The server {SERVER} could not be read: ExpiredTokenException: Expired."


def end(*results: dict[str, Any], report: str = REPORT, fail_on: tuple[str, ...] = (), **state: bool) -> AuditEnd:
    request = AuditRequest((), (SERVER,), (), 90, report, fail_on)
    state = {"report_exists": False, "is_written": False, "check_mode": False, **state}
    return audit_end(audit(list(results), 90, "2026-11-25"), request, **state)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"report_exists": True, "is_written": True}, f"The report is in {REPORT}."),
        ({"report_exists": True}, f"The report {REPORT} is unchanged."),
        ({"is_written": True, "check_mode": True}, f"The report would be written to {REPORT}."),
        ({"report_exists": True, "is_written": True, "check_mode": True}, f"The report would be written to {REPORT}."),
        ({"report_exists": True, "check_mode": True}, f"The report {REPORT} is unchanged."),
    ],
)
def test_the_report(state: Any, said: str) -> None:
    assert end(READ, **state) == AuditEnd(("1 user with 0 keys on 1 server.", "1 user has no key.", said), ())


@pytest.mark.parametrize(("report_exists", "said"), [(True, STAYS), (False, NONE)])
@pytest.mark.parametrize("check_mode", [True, False])
def test_nothing_was_read(report_exists: bool, check_mode: bool, said: str) -> None:
    found = end(LOST, report_exists=report_exists, check_mode=check_mode)
    assert found == AuditEnd(("Nothing could be read.", COULD_NOT, said), (COULD_NOT, said))


def test_no_report_was_asked_for() -> None:
    assert end(LOST, report="") == AuditEnd(("Nothing could be read.", COULD_NOT), (COULD_NOT,))
    assert "report" not in " ".join(end(READ, report="").says)


@pytest.mark.parametrize(
    ("fail_on", "failures"), [((), ()), (("old", "weak"), ()), (("no_key", "old"), ("1 user has no key.",))]
)
def test_remarks_that_fail(fail_on: tuple[str, ...], failures: tuple[str, ...]) -> None:
    assert end(READ, fail_on=fail_on, is_written=True).failures == failures
