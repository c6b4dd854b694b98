# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit import Audit, audit
from hypothesis import given, strategies as st

SERVER = "s-01234567890abcdef"
OTHER = "s-0fedcba9876543210"
DENIED = {"code": "AccessDeniedException", "message": "No.", "hint": "Allow it."}


def key(fingerprint: str | None = "SHA256:a", **changes: Any) -> dict[str, Any]:
    unreadable = {"type": None, "bits": None, "comment": None} if fingerprint is None else {}
    return {
        "id": "key-01234567890abcdef",
        "body": "ssh-ed25519 AAAA alice@laptop",
        "type": "ssh-ed25519",
        "bits": 256,
        "fingerprint": fingerprint,
        "comment": "alice@laptop",
        "date_imported": "2026-11-21T10:00:00Z",
        "age_days": 4,
        **unreadable,
        **changes,
    }


def user(name: str, *keys: dict[str, Any]) -> dict[str, Any]:
    return {"user_name": name, "ssh_public_keys": list(keys)}


def unread(name: str, **error: str) -> dict[str, Any]:
    return {"user_name": name, "ssh_public_keys": None, "error": {**DENIED, **error}}


def server(*users: dict[str, Any], item: str = SERVER) -> dict[str, Any]:
    return {"item": item, "users": list(users)}


def lost(msg: str = "ExpiredTokenException: Expired. Log in again.", item: str = SERVER) -> dict[str, Any]:
    return {"item": item, "msg": msg}


def audited(*results: dict[str, Any], limit: int = 90) -> Audit:
    return audit(list(results), limit, "2026-11-25", "us-east-1")


def only_key(of: dict[str, Any], limit: int = 90) -> Any:
    return audited(server(user("partner", of)), limit=limit)["servers"][0]["users"][0]["keys"][0]


# -- What there is to remark ------------------------------------------------------------------------------------------


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


# -- Who shares a key -------------------------------------------------------------------------------------------------


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


def test_a_key_shared_on_two_servers_counts_on_each_and_once_in_all() -> None:
    both = [user("alice", key()), user("bobby", key())]
    found = audited(server(*both), server(*both, item=OTHER))
    assert found["count"]
    assert (found["count"]["shared"], found["count"]["shared_keys"]) == (2, 1)


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


@pytest.mark.parametrize(
    ("limit", "labels"),
    [
        (90, ["0-30 days", "31-60 days", "61-90 days", "91-180 days", "181-360 days", "361-720 days", "over 720 days"]),
        (2, ["0 days", "1 day", "2 days", "3-4 days", "5-8 days", "9-16 days", "over 16 days"]),
        (1, ["0 days", "1 day", "2 days", "3-4 days", "5-8 days", "over 8 days"]),
        (0, ["0 days", "over 0 days"]),
    ],
)
def test_the_limit_ends_a_band_of_ages(limit: int, labels: list[str]) -> None:
    bands = audited(server(), limit=limit)["bands"]
    shown = [band["label"].replace("\N{EN DASH}", "-") for band in bands]
    assert shown == labels
    last_fine = [label for label, band in zip(shown, bands, strict=True) if not band["old"]][-1]
    assert last_fine.split("-")[-1].split()[0] == str(limit)


def test_each_key_is_in_the_band_of_its_age() -> None:
    ages = [0, 30, 31, 90, 91, 720, 721, 9999, None]
    keys = [key(f"SHA256:{number}", age_days=age) for number, age in enumerate(ages)]
    bands = audited(server(user("alice", *keys)))["bands"]
    assert [band["count"] for band in bands] == [2, 1, 1, 1, 0, 1, 2]
    assert [band["old"] for band in bands] == [False] * 3 + [True] * 4


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


def test_a_user_that_was_not_read_is_no_user_without_a_key() -> None:
    found = audited(server(user("alice", key()), unread("bobby")))
    bobby = found["servers"][0]["users"][1]
    assert (bobby["read"], bobby["keys"], bobby["remarked"]) == (False, [], True)
    assert (bobby["error"], bobby["error_code"]) == ("No (AccessDeniedException). Allow it.", "AccessDeniedException")
    assert found["count"]
    assert (found["count"]["users"], found["count"]["no_key"]) == (1, 0)
    assert found["remarked"] == []


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

ANYTHING = st.text(max_size=300)
FINGERPRINTS = st.sampled_from(["SHA256:a", "SHA256:b", "SHA256:c"]) | ANYTHING.map("SHA256:{}".format)
NAMES = st.sampled_from(["alice", "bobby", "carol"]) | ANYTHING
KEYS = st.builds(
    key,
    st.none() | FINGERPRINTS,
    type=st.sampled_from(["ssh-rsa", "ssh-dss", "ssh-ed25519"]) | ANYTHING,
    bits=st.integers(0, 8192),
    age_days=st.none() | st.integers(0, 4000),
    comment=ANYTHING,
    id=ANYTHING,
)
READ = st.builds(lambda name, keys: user(name, *keys), NAMES, st.lists(KEYS, max_size=4))
UNREAD = st.builds(unread, NAMES, code=ANYTHING, message=ANYTHING, hint=ANYTHING)
READ_SERVERS = st.builds(
    lambda users, item: server(*users, item=item), st.lists(READ | UNREAD, max_size=4), st.just(SERVER) | ANYTHING
)
SERVERS = st.lists(READ_SERVERS | st.builds(lost, ANYTHING, ANYTHING), max_size=3)
LIMITS = st.integers(0, 3000)


def texts_in(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in texts_in(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in texts_in(inner)]
    return [value] if isinstance(value, str) else []


@given(SERVERS, LIMITS)
def test_a_server_counts_what_its_users_have(results: list[dict[str, Any]], limit: int) -> None:
    for one in audited(*results, limit=limit)["servers"]:
        read = [user for user in one["users"] if user["read"]]
        assert one["users_not_read"] == len(one["users"]) - len(read)
        if one["count"]:
            assert one["count"]["users"] == len(read)
            assert one["count"]["keys"] == sum(len(user["keys"]) for user in read)
            assert one["count"]["no_key"] == sum(user["keys"] == [] for user in read)
            for remark in ("old", "weak", "unreadable"):
                assert one["count"][remark] == sum(key[remark] for user in read for key in user["keys"])


@given(SERVERS, LIMITS)
def test_the_total_is_the_sum_of_the_servers(results: list[dict[str, Any]], limit: int) -> None:
    found = audited(*results, limit=limit)
    counts = [one["count"] for one in found["servers"] if one["count"]]
    assert (found["count"] is None) == (counts == []) == (not found["read"])
    if found["count"]:
        total: dict[str, Any] = {**found["count"]}
        assert total.pop("servers") == len(counts)
        assert total.pop("shared_keys") == len(found["shared"])
        assert total == {name: sum(count[name] for count in counts) for name in counts[0]}  # type: ignore[literal-required]


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


@given(SERVERS, LIMITS)
def test_every_key_with_an_age_is_in_one_band(results: list[dict[str, Any]], limit: int) -> None:
    found = audited(*results, limit=limit)
    keys = [key for one in found["servers"] for user in one["users"] for key in user["keys"]]
    assert sum(band["count"] for band in found["bands"]) == sum(key["age_days"] is not None for key in keys)
    assert sum(band["count"] for band in found["bands"] if band["old"]) == sum(key["old"] for key in keys)


@given(SERVERS, LIMITS)
def test_users_who_share_a_key_name_each_other(results: list[dict[str, Any]], limit: int) -> None:
    found = audited(*results, limit=limit)
    keys = [key for one in found["servers"] for user in one["users"] for key in user["keys"]]
    assert {key["fingerprint"] for key in keys if key["shared_with"]} == {one["fingerprint"] for one in found["shared"]}


@given(SERVERS, LIMITS, ANYTHING)
def test_every_text_is_safe_to_print_and_has_an_end(results: list[dict[str, Any]], limit: int, text: str) -> None:
    found = audit(results, limit, text, text)
    for told in texts_in(found):
        assert not [unicodedata.name(one, repr(one)) for one in told if unicodedata.category(one)[0] == "C"]
        assert not [one for one in told if unicodedata.category(one) in ("Zl", "Zp")]
        assert len(told) <= 2500
    # Plain data, which ansible-core may copy, tag and write down.
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("mark", ["\x1b[31m", "\x07", "\n", "\u202e", "\u200f", "\u2066", "\u00ad", "\ufeff", "\udc80"])
def test_a_mark_becomes_a_blank(mark: str) -> None:
    told = only_key(key(comment=f"a{mark}b"))["comment"]
    assert told in ("a b", "a [31mb")
