# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of the declared servers, as data and in lines."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer import summary
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.ages import (
    KEPT_AS_REMOVAL_FAILED,
    REMOVED,
    REPORTED,
    Judged,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.summary import Answers, server_result

SERVER_ID = "s-01234567890abcdef"
SERVER = {
    "name": f"{SERVER_ID} us-east-1",
    "server_id": SERVER_ID,
    "region": "us-east-1",
    "profile": "",
    "user_names": ["auditor", "partner"],
    "declared": [{"user_name": "partner"}],
    "declared_users": [],
}
NOTHING = Judged([], [])
NOT_FOUND = {"code": "ResourceNotFoundException"}


def key(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"key-{number}", "fingerprint": f"SHA256:{number}", "comment": f"c{number}", **more}


def user(imported: tuple[int, ...] = (), deleted: tuple[int, ...] = (), **more: Any) -> dict[str, Any]:
    return {
        "user_name": "partner",
        "imported": [key(number) for number in imported],
        "deleted": [key(number) for number in deleted],
        **more,
    }


def result(
    declaring: dict[str, Any] | None = None,
    looking: dict[str, Any] | None = None,
    removing: dict[str, Any] | None = None,
    *,
    making: dict[str, Any] | None = None,
    judged: Judged = NOTHING,
    pretends: bool = False,
) -> dict[str, Any]:
    return server_result(SERVER, Answers(making, declaring, looking, removing), judged, pretends=pretends)


def test_fields_of_the_fact() -> None:
    assert result({"users": [user()]}) == {
        "server_id": SERVER_ID,
        "region": "us-east-1",
        "profile": "",
        "users": [user()],
        "old_keys": [],
        "refused": False,
        "msg": "",
    }


def test_a_refused_declaration() -> None:
    found = result({"msg": "users: no."})
    assert found["refused"]
    assert found["msg"] == f"{SERVER_ID} us-east-1: users: no."
    assert summary.lines([found]) == [f"{SERVER_ID} ! failed: the declaration is refused, and nothing was sent"]


def test_every_failure_is_told() -> None:
    found = result({"msg": "One.", "users": []}, {"msg": "Two."}, {"msg": "Three."})
    assert found["msg"] == " ".join(f"{SERVER_ID} us-east-1: {number}." for number in ("One", "Two", "Three"))
    assert summary.failures([found, result()]) == [found["msg"]]


@pytest.mark.parametrize("users", [[], [user()]])
@pytest.mark.parametrize("pretends", [False, True])
def test_a_server_whose_keys_could_not_be_looked_at_is_a_failure(users: list[dict[str, Any]], pretends: bool) -> None:
    """No user is missing there."""
    found = result(None, {"msg": "No access.", "users": users}, pretends=pretends)
    assert found["msg"] == f"{SERVER_ID} us-east-1: No access."


@pytest.mark.parametrize(
    ("unread", "pretends", "is_failure"),
    [
        ({"user_name": "partner", "error": NOT_FOUND}, True, False),
        ({"user_name": "partner", "error": NOT_FOUND}, False, True),
        ({"user_name": "somebody", "error": NOT_FOUND}, True, True),
        ({"user_name": "partner", "error": {"code": "AccessDeniedException"}}, True, True),
    ],
)
def test_a_user_that_an_earlier_task_may_make(unread: dict[str, Any], pretends: bool, is_failure: bool) -> None:
    found = result(None, {"msg": "It does not exist.", "users": [unread]}, pretends=pretends)
    assert bool(found["msg"]) is is_failure


def test_lines() -> None:
    old = [
        key(4, user_name="partner", age_days=400, fate=REMOVED),
        key(5, user_name="partner", age_days=300, fate=REMOVED),
        {**key(6, user_name="partner", age_days=200, fate=REPORTED), "fingerprint": None, "comment": None},
    ]
    removing = {"users": [user(deleted=(4,))], "msg": "1 of 2 failed."}
    found = result({"users": [user((1, 2), (3,), error={"code": "E"})]}, None, removing, judged=Judged(old, []))
    assert summary.lines([found]) == [
        f"{SERVER_ID} partner + SHA256:1 c1",
        f"{SERVER_ID} partner + SHA256:2 c2",
        f"{SERVER_ID} partner - SHA256:3 c3",
        f"{SERVER_ID} partner ! failed: E",
        f"{SERVER_ID} partner - SHA256:4 c4 (400 days old, removed)",
        f"{SERVER_ID} partner ? SHA256:5 c5 (300 days old, {KEPT_AS_REMOVAL_FAILED})",
        f"{SERVER_ID} partner ? key-6 (200 days old, reported)",
    ]
    assert summary.headline([found], pretends=False) == (
        "1 user of 1 server declared: 2 keys added, 1 key removed, 1 old key removed, 2 old keys kept, 1 server failed."
    )


def made(user_name: str = "partner", **more: Any) -> dict[str, Any]:
    return {**user(), "user_name": user_name, "created": False, "updated": [], "deleted_user": None, **more}


def test_users_themselves_are_told_of_before_their_keys() -> None:
    found = result(
        {"users": [user((5,))]},
        making={
            "users": [
                {**user((1,)), **made("auditor", created=True, imported=[key(1)])},
                made("auditor", updated=["policy", "tags"], deleted=[key(2)]),
                made("auditor", deleted_user={"ssh_public_keys": [key(3)]}),
                made("auditor", deleted_user={"ssh_public_keys": []}, error={"code": "E"}),
            ]
        },
    )
    assert [each["user_name"] for each in found["users"]] == [*["auditor"] * 4, "partner"]
    assert summary.lines([found]) == [
        f"{SERVER_ID} auditor + the user",
        f"{SERVER_ID} auditor + SHA256:1 c1",
        f"{SERVER_ID} auditor ~ policy, tags",
        f"{SERVER_ID} auditor - SHA256:2 c2",
        f"{SERVER_ID} auditor - the user, with 1 key",
        f"{SERVER_ID} auditor - the user, with 0 keys",
        f"{SERVER_ID} auditor ! failed: E",
        f"{SERVER_ID} partner + SHA256:5 c5",
    ]
    assert summary.headline([found], pretends=False) == (
        "5 users of 1 server declared: 1 user created, 1 user updated, 2 users deleted, 2 keys added, 1 key removed."
    )


def test_users_are_in_the_order_of_their_declaration() -> None:
    found = result({"users": [{**user(), "user_name": "auditor"}]}, making={"users": [made("partner")]})
    assert [each["user_name"] for each in found["users"]] == ["auditor", "partner"]


def test_a_refused_declaration_of_users() -> None:
    found = result({"users": [user()]}, making={"msg": "No."})
    assert found["refused"]
    assert found["msg"] == f"{SERVER_ID} us-east-1: No."


def test_headline_of_nothing() -> None:
    assert summary.headline([result({"users": [user()]})], pretends=False) == (
        "1 user of 1 server declared: nothing to change."
    )
    assert summary.headline([], pretends=True) == (
        "In check mode nothing was sent. A real run would report: 0 users of 0 servers declared: nothing to change."
    )
