# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter hands the report over."""

from __future__ import annotations

from ansible_collections.sshkeys.aws.plugins.filter.ssh_doctor_report import FilterModule

REPORT = FilterModule().filters()["ssh_doctor_report"]


def test_it_is_a_dict() -> None:
    asked = {"order": ["web"], "strangers": ["router"]}
    lost = {"msg": "Lost.", "item": {"hosts": {"web": "i-0123456789abcdef0"}}}
    told = REPORT([lost], asked, tells_all=True)
    assert set(told) == {"lines", "says", "failures"}
    assert "  - Lost." in told["lines"]
    assert told["failures"] == ["web could not be judged."]
