# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""transfer_ssh_key_info against the lab, in this process."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.modules import transfer_ssh_key_info
from ansible_collections.sshkeys.aws.tests.modules.people import ALICE, WEAK
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab

USER = "partner"


def read(lab: RunningLab, *, check_mode: bool = False, **options: object) -> Report:
    """Read the users of the lab's server, if the options do not say otherwise."""
    return lab.run(transfer_ssh_key_info, {"server_id": lab.server_id, **options}, check_mode=check_mode)


def sent(lab: RunningLab) -> list[str]:
    """Return the calls since the lab's first state."""
    return [request["operation"] for request in lab.requests()]


@pytest.fixture
def held(running_lab: RunningLab) -> None:
    """Let the user hold keys of different kinds and ages."""
    keys = [{"body": ALICE.line, "date_imported": 1_600_000_000}, {"body": WEAK.line}, {"body": "nonsense"}]
    running_lab.control("PUT", f"transfer/users/{USER}", keys=keys)


def test_every_user_and_every_key_of_a_server(running_lab: RunningLab, held: None) -> None:
    told = read(running_lab)
    assert (told.failure, told.warnings, told.result["changed"]) == (None, (), False)
    names = [user["user_name"] for user in running_lab.lab["transfer"]["users"]]
    assert sorted(user["user_name"] for user in told.result["users"]) == sorted(names)
    # Three names a page.
    assert sent(running_lab).count("ListUsers") == 3
    assert sent(running_lab).count("DescribeUser") == len(names) == 7
    assert set(sent(running_lab)) == {"ListUsers", "DescribeUser"}
    keys = next(user["ssh_public_keys"] for user in told.result["users"] if user["user_name"] == USER)
    by_body = {key["body"]: key for key in keys}
    assert len(keys) == len(by_body) == 3
    alice, weak, unreadable = by_body[ALICE.line], by_body[WEAK.line], by_body["nonsense"]
    assert (alice["fingerprint"], alice["comment"]) == (ALICE.fingerprint, ALICE.comment)
    assert alice["date_imported"] == "2020-09-13T12:26:40Z"
    assert alice["age_days"] > 2000
    assert alice["fingerprint_md5"].startswith("MD5:")
    assert (weak["type"], weak["bits"], weak["age_days"]) == ("ssh-rsa", 1024, 0)
    assert unreadable["fingerprint"] is unreadable["type"] is unreadable["bits"] is None
    # What cannot be read comes last.
    assert keys[-1] == unreadable


def test_one_user_in_check_mode(running_lab: RunningLab, held: None) -> None:
    every = read(running_lab).result["users"]
    running_lab.control("DELETE", "requests")
    one = read(running_lab, user_name=[USER], check_mode=True)
    assert one.result["users"] == [user for user in every if user["user_name"] == USER]
    assert sent(running_lab) == ["DescribeUser"]


def test_a_missing_user_does_not_stop_the_others(running_lab: RunningLab, held: None) -> None:
    told = read(running_lab, user_names=[USER, "nobody-here", "auditor"])
    assert str(told.failure).startswith("1 of 3 users failed")
    assert "nobody-here does not exist" in str(told.failure)
    users = told.result["users"]
    assert [user["user_name"] for user in users] == [USER, "nobody-here", "auditor"]
    assert len(users[0]["ssh_public_keys"]) == 3
    assert users[1]["ssh_public_keys"] is None
    assert users[1]["error"]["code"] == "ResourceNotFoundException"
    assert users[2]["ssh_public_keys"] == []


def test_a_server_without_users(running_lab: RunningLab) -> None:
    assert read(running_lab, server_id=running_lab.lab["transfer"]["empty_server"]).result["users"] == []


def test_a_server_that_does_not_exist(running_lab: RunningLab) -> None:
    refused = read(running_lab, server_id="s-00000000000000000")
    for told in ("Unknown server", "Check the server id", "s-00000000000000000", running_lab.lab["region"]):
        assert told in str(refused.failure)
    assert "users" not in refused.result


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"server_id": "s-1"}, "server_id 's-1' is not the id"),
        ({"user_names": ["x"]}, "user_name 'x' is not one"),
        ({"concurrency": 0}, "concurrency is 0"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_what_cannot_work_is_refused_before_anything_is_sent(
    running_lab: RunningLab, options: dict[str, Any], sentence: str
) -> None:
    assert sentence in str(read(running_lab, **options).failure)
    assert running_lab.requests() == []


def test_an_empty_list_reads_nobody(running_lab: RunningLab) -> None:
    told = read(running_lab, user_names=[])
    assert (told.failure, told.result["users"]) == (None, [])
    assert running_lab.requests() == []


def test_a_user_that_is_deleted_while_all_are_read_is_none_of_them(running_lab: RunningLab) -> None:
    gone = {"operation": "DescribeUser", "match": {"UserName": "reports"}, "times": None}
    running_lab.misbehave(
        {**gone, "fault": "error", "code": "ResourceNotFoundException", "message": "Unknown user", "status": 400}
    )
    told = read(running_lab)
    assert told.failure is None
    assert len(told.result["users"]) == 6


def test_a_user_that_cannot_be_read_does_not_stop_the_others(running_lab: RunningLab) -> None:
    running_lab.misbehave(
        {"operation": "DescribeUser", "match": {"UserName": "reports"}, "fault": "internal", "times": None}
    )
    told = read(running_lab)
    assert str(told.failure).startswith("1 of 7 users failed: reports on")
    assert "tried 8 times" in str(told.failure)
    # A call that reads leaves nothing in doubt.
    assert "unknown whether" not in str(told.failure)
    assert [user["ssh_public_keys"] for user in told.result["users"]].count([]) == 6


def test_a_page_that_is_throttled_is_asked_for_again(running_lab: RunningLab) -> None:
    running_lab.misbehave({"operation": "ListUsers", "fault": "throttle", "times": 2, "after": 1})
    assert len(read(running_lab).result["users"]) == 7
    assert sent(running_lab).count("ListUsers") == 5
