# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of the playbook transfer_users."""

from __future__ import annotations

from typing import Any

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
        SERVER_ID, {"users": users, "msg": "The user former is deleted.", "failed": False}, check_mode=False
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
    told = sum_up_users(SERVER_ID, {"users": [user("partner")]}, check_mode=True)
    assert told.says == [
        "In check mode nothing was sent. A real run would report: 1 user of 1 server declared: nothing to change."
    ]


def test_a_user_that_failed() -> None:
    failed = user("partner", error={"code": "E"})
    told = sum_up_users(
        SERVER_ID, {"users": [failed], "msg": "1 of 1 users failed.", "failed": False}, check_mode=False
    )
    assert told.says == [
        "1 user of 1 server declared: 1 server failed.",
        f"{SERVER_ID} partner ! failed: E",
    ]
    assert told.failures == [f"{SERVER_ID}: 1 of 1 users failed."]


def test_a_call_that_was_refused() -> None:
    told = sum_up_users(SERVER_ID, {"msg": "No.", "failed": False}, check_mode=False)
    assert told.failures == [f"{SERVER_ID}: No."]
    assert told.says[1:] == [f"{SERVER_ID} ! failed: the declaration is refused, and nothing was sent"]
