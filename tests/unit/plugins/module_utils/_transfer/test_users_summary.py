# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of the playbook transfer_users."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.users_summary import sum_up_users

SERVER_ID = "s-01234567890abcdef"
KEY = {"id": "key-1", "fingerprint": "SHA256:1", "comment": "alice"}


def user(name: str, **more: Any) -> dict[str, Any]:
    nothing: dict[str, Any] = {"created": False, "updated": [], "imported": [], "deleted": [], "deleted_user": None}
    return {"user_name": name, **nothing, **more}


def test_what_was_done() -> None:
    users = [
        user("partner", created=True, imported=[KEY]),
        user("auditor", updated=["tags"]),
        user("former", deleted_user={"ssh_public_keys": [KEY]}),
        user("same"),
    ]
    # failed_when sets it.
    told = sum_up_users(
        SERVER_ID, {"users": users, "msg": "The user former is deleted.", "failed": False}, declared=4, check_mode=False
    )
    assert told.failures == []
    assert told.says == [
        "4 users of 1 server declared: 1 user created, 1 user updated, 1 user deleted, 1 key added.",
        f"{SERVER_ID} partner + the user",
        f"{SERVER_ID} partner + SHA256:1 alice",
        f"{SERVER_ID} auditor ~ tags",
        f"{SERVER_ID} former - the user, with 1 key",
    ]


def test_check_mode() -> None:
    told = sum_up_users(SERVER_ID, {"users": [user("partner")]}, declared=1, check_mode=True)
    assert told.says == [
        "In check mode nothing was sent. A real run would report: 1 user of 1 server declared: nothing to change."
    ]


def test_a_user_that_failed() -> None:
    users = [user("partner", error={"code": "E"}), user("auditor", created=True), user("courier")]
    told = sum_up_users(
        SERVER_ID, {"users": users, "msg": "1 of 3 users failed.", "failed": False}, declared=3, check_mode=False
    )
    assert told.says == [
        "3 users of 1 server declared: 1 user created, 1 of 3 users failed.",
        f"{SERVER_ID} partner ! failed: E",
        f"{SERVER_ID} auditor + the user",
    ]
    assert told.failures == [f"{SERVER_ID}: 1 of 3 users failed."]


def test_hints_are_told_beside_a_failure_alone() -> None:
    failed = sum_up_users(SERVER_ID, {"msg": "No."}, declared=1, check_mode=False, hints=["Is it x?"])
    assert failed.failures == [f"{SERVER_ID}: No.", "Is it x?"]
    done = sum_up_users(SERVER_ID, {"users": [user("partner")]}, declared=1, check_mode=False, hints=["Is it x?"])
    assert done.failures == []


def test_a_user_to_delete_that_does_not_exist() -> None:
    users = [user("supplyer", state="absent"), user("gone", state="absent", error={"code": "E"})]
    told = sum_up_users(SERVER_ID, {"users": users, "msg": "No."}, declared=2, check_mode=False)
    assert told.says[1:] == [
        f"{SERVER_ID} supplyer: there is no such user, so nothing was deleted",
        f"{SERVER_ID} gone ! failed: E",
    ]


@pytest.mark.parametrize(
    ("declared", "end"),
    [
        (3, "3 users of 1 server declared: the call failed."),
        (1, "1 user of 1 server declared: the call failed."),
    ],
)
def test_a_call_that_was_refused(declared: int, end: str) -> None:
    told = sum_up_users(SERVER_ID, {"msg": "No.", "failed": False}, declared=declared, check_mode=False)
    assert told.failures == [f"{SERVER_ID}: No."]
    assert told.says == [end, f"{SERVER_ID} ! failed: the declaration is refused, and nothing was sent"]
