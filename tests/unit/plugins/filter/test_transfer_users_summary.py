# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.sshkeys.aws.plugins.filter.transfer_users_summary import FilterModule

transfer_users_summary = FilterModule().filters()["transfer_users_summary"]
USER: dict[str, Any] = {"user_name": "partner", "created": True, "imported": [], "deleted": []}


def test_it_returns_lines_and_failures() -> None:
    assert transfer_users_summary({"users": [USER]}, "s-01234567890abcdef", 1) == {
        "says": ["1 user of 1 server declared: 1 user created.", "s-01234567890abcdef partner + the user"],
        "failures": [],
    }


def test_it_knows_check_mode() -> None:
    says = transfer_users_summary({"users": [USER]}, "s-01234567890abcdef", 1, check_mode=True)["says"]
    assert says[0].startswith("In check mode nothing was sent.")


def test_it_tells_which_variable_may_have_lost_its_prefix() -> None:
    failures = transfer_users_summary({"msg": "No."}, "s-01234567890abcdef", 1, defined=["region"])["failures"]
    assert failures[1:] == [
        "The variable region is set, and this playbook does not read it. Is it transfer_users_region?"
    ]
