# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.filter.transfer_audit import transfer_audit
from ansible_collections.sshkeys.aws.plugins.filter.transfer_audit_end import FilterModule
from ansible_collections.sshkeys.aws.plugins.filter.transfer_audit_request import transfer_audit_request

transfer_audit_end = FilterModule().filters()["transfer_audit_end"]


def test_it_takes_what_the_other_filters_return() -> None:
    request = transfer_audit_request({"server_id": "s-01234567890abcdef", "max_key_age_days": 90, "fail_on": "no_key"})
    users = [{"user_name": "archive", "ssh_public_keys": []}]
    found = transfer_audit([{"item": "s-01234567890abcdef", "users": users}], 90, "2026-11-25")
    assert transfer_audit_end(found, request) == {
        "says": ["1 user with 0 keys on 1 server.", "1 user has no key."],
        "failures": ["1 user has no key."],
    }


READ = [{"item": "s-01234567890abcdef", "users": []}]
NOT_READ = [{"item": "s-01234567890abcdef", "msg": "No access."}]


@pytest.mark.parametrize(
    ("results", "options", "said"),
    [
        (READ, {}, "The report /srv/audit.html is unchanged."),
        (READ, {"check_mode": True}, "The report /srv/audit.html is unchanged."),
        (READ, {"is_written": True}, "The report is in /srv/audit.html."),
        (READ, {"is_written": True, "check_mode": True}, "The report would be written to /srv/audit.html."),
        (NOT_READ, {}, "No report is written to /srv/audit.html, because nothing could be read."),
        (NOT_READ, {"report_exists": True}, "The report /srv/audit.html stays as it was, because nothing could be"),
    ],
)
def test_it_says_what_became_of_the_report(results: list[Any], options: dict[str, bool], said: str) -> None:
    variables = {"server_id": "s-01234567890abcdef", "max_key_age_days": 90, "report_file": "/srv/audit.html"}
    request = transfer_audit_request(variables)
    end = transfer_audit_end(transfer_audit(results, 90, "2026-11-25"), request, **options)
    assert end["says"][-1].startswith(said)
