# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What there is to remark about the keys of users, and who shares one."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_keys import (
    Holder,
    audited_user,
    holders_of,
    sentences,
    shared_keys,
    short,
)
from ansible_collections.sshkeys.aws.tests.unit.audit_results import (
    ANYTHING,
    DENIED,
    LIMITS,
    OTHER,
    READ,
    SERVER,
    SERVERS,
    UNREAD,
    audited,
    key,
    lost,
    only_key,
    server,
    unread,
    user,
)
from hypothesis import given, strategies as st


@pytest.mark.parametrize(
    ("age", "limit", "old"), [(90, 90, False), (91, 90, True), (0, 0, False), (1, 0, True), (None, 0, False)]
)
def test_a_key_is_old_beyond_the_limit(age: int | None, limit: int, old: bool) -> None:
    assert only_key(key(age_days=age), limit)["old"] is old


@pytest.mark.parametrize(
    ("key_type", "bits", "weak"),
    [
        ("ssh-dss", 1024, True),
        ("ssh-rsa", 2047, True),
        ("ssh-rsa", 2048, False),
        ("ssh-rsa", None, False),
        ("ssh-ed25519", 256, False),
        ("ecdsa-sha2-nistp256", 256, False),
    ],
)
def test_a_key_is_weak_by_its_type_and_length(key_type: str, bits: int | None, weak: bool) -> None:
    assert only_key(key(type=key_type, bits=bits))["weak"] is weak


def test_what_is_stored_and_is_no_key_is_unreadable_and_nothing_else() -> None:
    told = only_key(key(None))
    assert (told["unreadable"], told["weak"], told["shared_with"]) == (True, False, [])
    assert (told["type"], told["bits"], told["fingerprint"], told["comment"]) == (None, None, None, "")


def test_two_unreadable_keys_are_not_shared() -> None:
    assert audited(server(user("alice", key(None)), user("bobby", key(None))))["shared"] == []


def test_the_values_of_a_key_are_handed_on() -> None:
    assert only_key(key()) == {
        "id": "key-01234567890abcdef",
        "type": "ssh-ed25519",
        "bits": 256,
        "age_days": 4,
        "date_imported": "2026-11-21T10:00:00Z",
        "fingerprint": "SHA256:a",
        "comment": "alice@laptop",
        "old": False,
        "weak": False,
        "shared_with": [],
        "unreadable": False,
    }


@pytest.mark.parametrize(
    ("keys", "remarked"),
    [
        ([key()], False),
        ([], True),
        ([key(age_days=91)], True),
        ([key(), key("SHA256:b", type="ssh-dss")], True),
        ([key(None)], True),
        ([key("SHA256:of bobby")], True),
    ],
)
def test_a_user_is_remarked_for_any_of_its_keys_or_for_none(keys: list[dict[str, Any]], remarked: bool) -> None:
    users = audited(server(user("alice", *keys), user("bobby", key("SHA256:of bobby"))))["servers"][0]["users"]
    assert users[0]["remarked"] is remarked


def test_users_of_one_server_share_a_key() -> None:
    found = audited(server(user("alice", key()), user("bobby", key(comment="mine")), user("carol", key("SHA256:c"))))
    alice, bobby, carol = found["servers"][0]["users"]
    assert [one["keys"][0]["shared_with"] for one in (alice, bobby, carol)] == [["bobby"], ["alice"], []]
    assert found["shared"] == [{"fingerprint": "SHA256:a", "users": ["alice", "bobby"], "server": ""}]


def test_users_of_two_servers_share_a_key() -> None:
    found = audited(server(user("alice", key())), server(user("bobby", key()), item=OTHER))
    assert found["servers"][0]["users"][0]["keys"][0]["shared_with"] == [f"bobby on {OTHER}"]
    assert found["servers"][1]["users"][0]["keys"][0]["shared_with"] == [f"alice on {SERVER}"]
    users = [f"alice on {SERVER}", f"bobby on {OTHER}"]
    assert found["shared"] == [{"fingerprint": "SHA256:a", "users": users, "server": ""}]


def test_a_key_shared_on_one_of_two_servers_names_it() -> None:
    found = audited(server(), server(user("alice", key()), user("bobby", key()), item=OTHER))
    assert [shared["server"] for shared in found["shared"]] == [OTHER]


def test_users_of_one_name_on_two_servers_are_the_same_to_the_audit() -> None:
    found = audited(server(user("alice", key())), server(user("alice", key()), item=OTHER))
    assert found["shared"] == []
    assert found["remarked"] == []


def test_a_user_who_has_a_key_twice_is_named_once() -> None:
    found = audited(server(user("alice", key(), key()), user("bobby", key())))
    assert found["servers"][0]["users"][1]["keys"][0]["shared_with"] == ["alice"]
    assert found["shared"][0]["users"] == ["alice", "bobby"]


def test_a_user_that_was_not_read_is_no_user_without_a_key() -> None:
    found = audited(server(user("alice", key()), unread("bobby")))
    bobby = found["servers"][0]["users"][1]
    assert (bobby["read"], bobby["keys"], bobby["remarked"]) == (False, [], True)
    assert (bobby["error"], bobby["error_code"]) == ("No (AccessDeniedException). Allow it.", "AccessDeniedException")
    assert found["count"]
    assert (found["count"]["users"], found["count"]["no_key"]) == (1, 0)
    assert found["remarked"] == []


@given(SERVERS, LIMITS)
def test_users_who_share_a_key_name_each_other(results: list[dict[str, Any]], limit: int) -> None:
    found = audited(*results, limit=limit)
    keys = [key for one in found["servers"] for user in one["users"] for key in user["keys"]]
    assert {key["fingerprint"] for key in keys if key["shared_with"]} == {one["fingerprint"] for one in found["shared"]}


@pytest.mark.parametrize("mark", ["\x1b[31m", "\x07", "\n", "\u202e", "\u200f", "\u2066", "\u00ad", "\ufeff", "\udc80"])
def test_a_mark_becomes_a_blank(mark: str) -> None:
    told = only_key(key(comment=f"a{mark}b"))["comment"]
    assert told in ("a b", "a [31mb")


# -- The functions of the file ----------------------------------------------------------------------------------------


def test_who_holds_a_key_in_the_order_of_the_results() -> None:
    results = [
        server(user("alice", key(), key("SHA256:b")), unread("bobby"), user("carol", key(None))),
        lost(item="s-1"),
        server(user("dave", key()), item=OTHER),
    ]
    assert holders_of(results) == {
        "SHA256:a": [Holder(SERVER, "alice"), Holder(OTHER, "dave")],
        "SHA256:b": [Holder(SERVER, "alice")],
    }


def test_a_user_who_was_not_read_holds_nothing() -> None:
    half_read = {**user("alice", key()), "error": DENIED}
    assert holders_of([server(half_read)]) == {}
    assert audited_user(half_read, SERVER, 90, {})["read"] is False


@pytest.mark.parametrize(
    ("who", "several_servers", "shared"),
    [
        ([Holder(SERVER, "alice")], False, None),
        ([Holder(SERVER, "alice"), Holder(OTHER, "alice")], True, None),
        ([Holder(SERVER, "alice"), Holder(SERVER, "bobby")], False, (["alice", "bobby"], "")),
        ([Holder(SERVER, "alice"), Holder(SERVER, "bobby")], True, (["alice", "bobby"], SERVER)),
        (
            [Holder(SERVER, "alice"), Holder(OTHER, "bobby"), Holder(SERVER, "alice")],
            True,
            ([f"alice on {SERVER}", f"bobby on {OTHER}"], ""),
        ),
    ],
)
def test_shared_keys(who: list[Holder], several_servers: bool, shared: tuple[list[str], str] | None) -> None:
    found = shared_keys({"SHA256:a": who}, several_servers=several_servers)
    assert [(one["users"], one["server"]) for one in found] == ([shared] if shared else [])


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (DENIED, "No (AccessDeniedException). Allow it."),
        ({"code": "Code", "message": "No", "hint": "Do it."}, "No (Code). Do it."),
        ({}, "The module gave no reason."),
        (None, "The module gave no reason."),
    ],
)
def test_why_a_user_was_not_read(error: dict[str, str] | None, sentence: str) -> None:
    told = audited_user({"user_name": "alice", "ssh_public_keys": None, "error": error}, SERVER, 90, {})
    assert (told["read"], told["error"], told["keys"], told["remarked"]) == (False, sentence, [], True)
    assert told["error_code"] == (error or {}).get("code", "Unknown")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("alice", "alice"),
        ("a" * 120, "a" * 120),
        ("a" * 121, "a" * 119 + "…"),
        ("\x1b[31mred", "[31mred"),
        (None, "None"),
        (7, "7"),
    ],
)
def test_names_and_comments_are_short(text: object, shown: str) -> None:
    assert short(text) == shown


@pytest.mark.parametrize(("text", "shown"), [("a" * 2000, "a" * 2000), ("a" * 2001, "a" * 1999 + "…")])
def test_sentences_have_an_end(text: str, shown: str) -> None:
    assert sentences(text) == shown


@given(ANYTHING | st.text(min_size=2000, max_size=2100))
def test_sentences_may_be_longer_than_names(text: str) -> None:
    assert len(short(text)) <= 120
    assert len(sentences(text)) <= 2000
    assert short(text).isprintable()
    assert sentences(text).isprintable()
    assert short(text).rstrip("…") in sentences(text)


@given(READ | UNREAD, LIMITS)
def test_an_audited_user_says_all_there_is_to_remark(one: dict[str, Any], limit: int) -> None:
    told = audited_user(one, SERVER, limit, holders_of([server(one)]))
    assert len(told["keys"]) == len(one["ssh_public_keys"] or [])
    # Alone, nobody shares a key with another.
    assert not any(found["shared_with"] for found in told["keys"])
    faults = [found for found in told["keys"] if found["old"] or found["weak"] or found["unreadable"]]
    assert told["remarked"] == (not told["read"] or not told["keys"] or bool(faults))
