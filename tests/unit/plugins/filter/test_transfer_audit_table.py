# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.sshkeys.aws.plugins.filter.transfer_audit import transfer_audit
from ansible_collections.sshkeys.aws.plugins.filter.transfer_audit_table import FilterModule

transfer_audit_table = FilterModule().filters()["transfer_audit_table"]


def test_it_takes_what_the_other_filter_returns() -> None:
    found = transfer_audit([{"item": "s-01234567890abcdef", "users": []}], 90, "2026-11-25")
    assert transfer_audit_table(found) == ["Server s-01234567890abcdef has no users"]
