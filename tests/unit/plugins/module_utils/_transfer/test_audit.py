# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the report of an audit says."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit import audit
from ansible_collections.sshkeys.aws.tests.unit.audit_results import (
    ANYTHING,
    DENIED,
    DESCRIBED,
    LIMITS,
    OTHER,
    SERVER,
    SERVERS,
    audited,
    described,
    key,
    lost,
    server,
    unread,
    user,
)
from hypothesis import given

# -- Numbers and sentences --------------------------------------------------------------------------------------------


def test_all_is_counted() -> None:
    found = audited(
        server(
            user("alice", key(age_days=400), key("SHA256:weak", type="ssh-rsa", bits=1024)),
            user("bobby", key()),
            user("carol", key(None)),
            user("dave"),
        ),
        server(item=OTHER),
    )
    counts = {"users": 4, "keys": 4, "old": 1, "weak": 1, "shared": 1, "no_key": 1, "unreadable": 1}
    assert found["count"] == {**counts, "servers": 2, "shared_keys": 1}
    assert [one["count"] for one in found["servers"]] == [counts, dict.fromkeys(counts, 0)]
    assert found["summary"] == [
        "4 users with 4 keys on 2 servers.",
        "1 key is older than 90 days.",
        "1 key is weak.",
        "1 key is shared between users.",
        "1 user has no key.",
        "1 stored key cannot be read.",
    ]
    assert [(remark["remark"], remark["number"]) for remark in found["remarked"]] == [
        ("old", 1),
        ("weak", 1),
        ("shared", 1),
        ("no_key", 1),
        ("unreadable", 1),
    ]


def test_several_are_several() -> None:
    weak = [key(f"SHA256:{number}", type="ssh-dss", age_days=2) for number in "ab"]
    found = audited(
        server(user("alice", *weak), user("bobby", *weak, key(None), key(None)), user("carol"), user("david")), limit=1
    )
    assert found["summary"] == [
        "4 users with 6 keys on 1 server.",
        "6 keys are older than 1 day.",
        "4 keys are weak.",
        "2 keys are shared between users.",
        "2 users have no key.",
        "2 stored keys cannot be read.",
    ]


def test_nothing_to_remark() -> None:
    assert audited(server(user("alice", key())))["summary"] == ["1 user with 1 key on 1 server.", "Nothing to remark."]


def test_a_server_without_users_is_read_and_nothing_is_said_about_its_keys() -> None:
    found = audited(server())
    assert found["read"]
    assert found["summary"] == ["0 users with 0 keys on 1 server."]


# -- What could not be read -------------------------------------------------------------------------------------------


def test_a_server_that_was_not_read_has_no_numbers() -> None:
    found = audited(lost())
    (only,) = found["servers"]
    assert (only["read"], only["count"], only["users"], only["users_not_read"]) == (False, None, [], 0)
    assert (found["read"], found["count"], found["remarked"]) == (False, None, [])
    told = f"The server {SERVER} in us-east-1 could not be read: ExpiredTokenException: Expired. Log in again."
    assert found["failures"] == [told]
    assert found["summary"] == ["Nothing could be read.", told]


def test_a_server_of_which_no_user_was_read_was_not_read() -> None:
    # With user_names the users are not listed, and an expired token is met with each of them.
    found = audited(server(unread("alice"), unread("bobby")))
    assert (found["read"], found["servers"][0]["read"], found["servers"][0]["count"]) == (False, False, None)
    assert found["servers"][0]["users_not_read"] == 2
    assert found["summary"][0] == "Nothing could be read."
    assert found["failures"] == [
        f"The user {name} on {SERVER} in us-east-1 could not be read: No (AccessDeniedException). Allow it."
        for name in ("alice", "bobby")
    ]


def test_the_numbers_say_over_how_much_they_count() -> None:
    found = audited(server(user("alice", key()), unread("bobby"), unread("carol")), lost(item=OTHER))
    assert found["coverage"] == "1 user with 1 key on 1 server; 1 server and 2 users could not be read."
    assert found["not_read"] == {"servers": 1, "users": 2}
    assert found["summary"] == [found["coverage"], *found["failures"]]
    assert [problem["what"] for problem in found["problems"]] == [
        f"user bobby on {SERVER} in us-east-1",
        f"user carol on {SERVER} in us-east-1",
        f"server {OTHER} in us-east-1",
    ]


@pytest.mark.parametrize(
    ("results", "coverage"),
    [
        ([server(user("alice")), lost(item=OTHER)], "1 user with 0 keys on 1 server; 1 server could not be read."),
        ([server(user("alice"), unread("bobby"))], "1 user with 0 keys on 1 server; 1 user could not be read."),
        ([server(), server(unread("bobby"), item=OTHER)], "0 users with 0 keys on 1 server; 1 user could not be read."),
    ],
)
def test_only_what_there_is_is_named(results: list[dict[str, Any]], coverage: str) -> None:
    assert audited(*results)["coverage"] == coverage


def test_the_region_is_named_where_it_is_known() -> None:
    assert audit([server()], 90, "2026-11-25")["servers"][0]["place"] == SERVER
    assert audit([server()], 90, "2026-11-25", "eu-west-1")["servers"][0]["place"] == f"{SERVER} in eu-west-1"


@pytest.mark.parametrize("msg", [None, "", "\x1b\n"])
def test_a_module_that_says_nothing_is_told_too(msg: str | None) -> None:
    found = audited({"item": SERVER, "msg": msg})
    assert found["failures"] == [f"The server {SERVER} in us-east-1 could not be read: The module gave no reason."]
    nameless = audited(server({"user_name": "alice", "ssh_public_keys": None}))
    assert nameless["failures"][0].endswith("could not be read: The module gave no reason.")


@pytest.mark.parametrize(
    ("msg", "end"), [("No answer", "No answer."), ("No answer.", "No answer."), ("x" * 3000, "x…")]
)
def test_a_failure_ends_as_a_sentence_and_has_an_end(msg: str, end: str) -> None:
    (failure,) = audited(lost(msg))["failures"]
    assert failure.endswith(end)
    assert len(failure) < 2100


# -- The servers themselves -------------------------------------------------------------------------------------------


def test_a_server_whose_users_are_not_its_own_is_remarked() -> None:
    others = [described(identity_provider_type="AWS_LAMBDA"), described(server_id=OTHER)]
    found = audited(server(user("alice", key())), server(item=OTHER), servers=others)
    sentence = (
        "1 server has another identity provider (AWS_LAMBDA): only one with SERVICE_MANAGED has users of its own."
    )
    assert found["remarked"] == [{"remark": "identity_provider", "number": 1, "sentence": sentence}]
    assert found["summary"] == ["0 users with 0 keys on 2 servers.", sentence]
    assert [one["about"] and one["about"]["keys_count"] for one in found["servers"]] == [False, True]
    both = audited(
        server(),
        lost(item=OTHER),
        servers=[
            described(identity_provider_type="AWS_LAMBDA"),
            described(server_id=OTHER, identity_provider_type="API_GATEWAY"),
        ],
    )
    assert both["remarked"][0]["sentence"].startswith(
        "2 servers have another identity provider (API_GATEWAY, AWS_LAMBDA)"
    )


@pytest.mark.parametrize("result", [lost(), {"item": SERVER, "skipped": True}])
def test_a_server_that_has_no_users_of_its_own_is_no_failure(result: dict[str, Any]) -> None:
    found = audited(result, servers=[described(identity_provider_type="AWS_LAMBDA")])
    assert (found["read"], found["failures"], found["problems"]) == (True, [], [])
    assert found["servers"][0]["error"] == ""
    assert audited(result)["failures"]


def test_an_audit_that_may_not_describe_servers_says_so_and_does_not_fail() -> None:
    found = audited(server(user("alice", key())), servers=[described(arn=None, error=DENIED)])
    told = f"The server {SERVER} in us-east-1 could not be described: No (AccessDeniedException). Allow it."
    assert found["summary"] == ["1 user with 1 key on 1 server.", "Nothing to remark.", told]
    assert (found["failures"], found["problems"], found["described"]) == ([], [], True)


def test_a_server_that_could_not_be_read_at_all_is_told_once() -> None:
    found = audited(lost(), servers=[described(arn=None, error=DENIED)])
    assert len(found["summary"]) == 2
    assert not [sentence for sentence in found["summary"] if "described" in sentence]


def test_without_a_description_nothing_is_said_of_servers() -> None:
    found = audited(server(user("alice", key())))
    assert (found["described"], found["servers"][0]["about"]) == (False, None)


# -- What cannot be an audit ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("results", [None, "text", {"results": []}, [1], [{"users": []}]])
def test_what_are_no_results_is_refused(results: Any) -> None:
    with pytest.raises(ArgumentError, match="results of transfer_ssh_key_info"):
        audit(results, 90, "2026-11-25")


@pytest.mark.parametrize("limit", [-1, "90", True, None, 1.5])
def test_what_is_no_limit_is_refused(limit: Any) -> None:
    with pytest.raises(ArgumentError, match="whole number of days"):
        audit([], limit, "2026-11-25")


# -- Laws -------------------------------------------------------------------------------------------------------------


def texts_in(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in texts_in(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in texts_in(inner)]
    return [value] if isinstance(value, str) else []


@given(SERVERS, LIMITS)
def test_nothing_unread_counts(results: list[dict[str, Any]], limit: int) -> None:
    found = audited(*results, limit=limit)
    only_read = [
        {**result, "users": [user for user in result["users"] if "error" not in user]}
        for result in results
        if "users" in result and (not result["users"] or any("error" not in user for user in result["users"]))
    ]
    without = audited(*only_read, limit=limit)
    assert found["count"] == without["count"]
    assert found["remarked"] == without["remarked"]
    assert found["bands"] == without["bands"]
    assert len(found["failures"]) == found["not_read"]["servers"] + found["not_read"]["users"]


@given(SERVERS, LIMITS, ANYTHING, DESCRIBED)
def test_every_text_is_safe_to_print_and_has_an_end(
    results: list[dict[str, Any]], limit: int, text: str, servers: list[dict[str, Any]]
) -> None:
    found = audit(results, limit, text, text, {"servers": servers})
    for told in texts_in(found):
        assert not [unicodedata.name(one, repr(one)) for one in told if unicodedata.category(one)[0] == "C"]
        assert not [one for one in told if unicodedata.category(one) in ("Zl", "Zp")]
        assert len(told) <= 2500
    # Plain data, which ansible-core may copy, tag and write down.
    assert json.loads(json.dumps(found)) == found
