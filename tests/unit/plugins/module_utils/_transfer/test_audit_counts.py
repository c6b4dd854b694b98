# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The numbers of an audit."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_counts import (
    bands_of,
    count_of,
    number_of,
    total_of,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_keys import User, audited_user, holders_of
from ansible_collections.sshkeys.aws.tests.unit.audit_results import (
    LIMITS,
    OTHER,
    READ,
    SERVER,
    SERVERS,
    UNREAD,
    audited,
    key,
    server,
    unread,
    user,
)
from hypothesis import given, strategies as st


def test_a_key_shared_on_two_servers_counts_on_each_and_once_in_all() -> None:
    both = [user("alice", key()), user("bobby", key())]
    found = audited(server(*both), server(*both, item=OTHER))
    assert found["count"]
    assert (found["count"]["shared"], found["count"]["shared_keys"]) == (2, 1)


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
def test_every_key_with_an_age_is_in_one_band(results: list[dict[str, Any]], limit: int) -> None:
    found = audited(*results, limit=limit)
    keys = [key for one in found["servers"] for user in one["users"] for key in user["keys"]]
    assert sum(band["count"] for band in found["bands"]) == sum(key["age_days"] is not None for key in keys)
    assert sum(band["count"] for band in found["bands"] if band["old"]) == sum(key["old"] for key in keys)


# -- The functions of the file ----------------------------------------------------------------------------------------

users_of_a_server = st.lists(READ | UNREAD, max_size=4)


def audited_users(users: list[dict[str, Any]], limit: int = 90) -> list[User]:
    """Return users as an audit has them."""
    holders = holders_of([server(*users)])
    return [audited_user(one, SERVER, limit, holders) for one in users]


def test_a_key_that_two_users_share_counts_once() -> None:
    users = audited_users([user("alice", key()), user("bobby", key(), key("SHA256:b")), user("carol", key())])
    assert count_of(users) == {
        "users": 3,
        "keys": 4,
        "old": 0,
        "weak": 0,
        "shared": 1,
        "no_key": 0,
        "unreadable": 0,
    }


def test_nothing_counts_of_a_user_who_was_not_read() -> None:
    assert count_of(audited_users([unread("alice")])) == count_of([])
    assert set(count_of([]).values()) == {0}


@given(users_of_a_server, users_of_a_server, LIMITS)
def test_two_servers_are_counted_as_one_of_all_users_but_for_what_they_share(
    some: list[dict[str, Any]], others: list[dict[str, Any]], limit: int
) -> None:
    counts = [count_of(audited_users(users, limit)) for users in (some, others)]
    total = {**total_of(counts, 7)}
    assert (total.pop("servers"), total.pop("shared_keys"), total.pop("shared")) == (
        2,
        7,
        counts[0]["shared"] + counts[1]["shared"],
    )
    together = {**count_of(audited_users([*some, *others], limit))}
    together.pop("shared")
    assert total == together


def test_the_total_of_nothing() -> None:
    assert total_of([], 0) == {**count_of([]), "servers": 0, "shared_keys": 0}


@given(st.integers(0, 10_000), st.lists(st.integers(0, 100_000), max_size=20))
def test_bands_cover_every_age_once_and_the_limit_ends_one(limit: int, ages: list[int]) -> None:
    (told,) = audited_users(
        [user("alice", *(key(f"SHA256:{number}", age_days=age) for number, age in enumerate(ages)))]
    )
    bands = bands_of(told["keys"], limit)
    assert sum(band["count"] for band in bands) == len(ages)
    assert sum(band["count"] for band in bands if band["old"]) == sum(age > limit for age in ages)
    assert len({band["label"] for band in bands}) == len(bands)
    assert [band["old"] for band in bands] == sorted(band["old"] for band in bands)


@pytest.mark.parametrize(
    ("number", "words", "said"),
    [
        (0, ("key",), "0 keys"),
        (1, ("key",), "1 key"),
        (2, ("key",), "2 keys"),
        (1, ("other party", "other parties"), "1 other party"),
        (3, ("other party", "other parties"), "3 other parties"),
    ],
)
def test_a_number_and_what_it_counts(number: int, words: tuple[str, ...], said: str) -> None:
    assert number_of(number, *words) == said
