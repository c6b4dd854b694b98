# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The numbers of an audit. Pure. Only users whose keys were read count."""

from __future__ import annotations

from typing import Sequence, TypedDict

from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_keys import Key, User


class Count(TypedDict):
    """The numbers of a server. All are sums over its counted users, except ``shared``, which counts each key once."""

    users: int
    keys: int
    old: int
    weak: int
    shared: int
    no_key: int
    unreadable: int


class Total(Count):
    """The sums over all counted servers; ``shared_keys`` counts each key once."""

    servers: int
    shared_keys: int


class Band(TypedDict):
    """The number of keys in a range of ages. old: whether the range is above the limit."""

    label: str
    old: bool
    count: int


def count_of(users: Sequence[User]) -> Count:
    """Count the users of a server whose keys were read, and their keys."""
    read = [user for user in users if user["read"]]
    keys = [key for user in read for key in user["keys"]]
    return {
        "users": len(read),
        "keys": len(keys),
        "old": sum(key["old"] for key in keys),
        "weak": sum(key["weak"] for key in keys),
        "shared": len({key["fingerprint"] for key in keys if key["shared_with"]}),
        "no_key": sum(not user["keys"] for user in read),
        "unreadable": sum(key["unreadable"] for key in keys),
    }


def total_of(counts: Sequence[Count], shared_keys: int) -> Total:
    """Add up the counts of servers. shared_keys: the number of keys that users share, on all of them."""
    return {
        "users": sum(count["users"] for count in counts),
        "keys": sum(count["keys"] for count in counts),
        "old": sum(count["old"] for count in counts),
        "weak": sum(count["weak"] for count in counts),
        "shared": sum(count["shared"] for count in counts),
        "no_key": sum(count["no_key"] for count in counts),
        "unreadable": sum(count["unreadable"] for count in counts),
        "servers": len(counts),
        "shared_keys": shared_keys,
    }


def bands_of(keys: Sequence[Key], limit: int) -> list[Band]:
    """Count keys by bands of age, which end at 1/3, 2/3, 1, 2, 4 and 8 times the limit, and one for older keys."""
    ages = [key["age_days"] for key in keys if key["age_days"] is not None]
    ends = sorted({limit // 3, limit * 2 // 3, limit, limit * 2, limit * 4, limit * 8})
    begins = [0, *(end + 1 for end in ends)]
    bands: list[Band] = [
        {"label": _days(begin, end), "old": begin > limit, "count": sum(begin <= age <= end for age in ages)}
        for begin, end in zip(begins, ends)
    ]
    beyond = sum(age > ends[-1] for age in ages)
    return [*bands, {"label": f"over {number_of(ends[-1], 'day')}", "old": True, "count": beyond}]


def _days(begin: int, end: int) -> str:
    return number_of(begin, "day") if begin == end else f"{begin}\N{EN DASH}{end} days"


def number_of(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun, such as "1 key" or "2 keys". many: an irregular plural."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"
