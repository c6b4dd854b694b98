# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The fate of keys that Transfer Family users have had for too long: reported, removed or kept.

Pure. Rules:
- A key is too old when the user has had it for more days than the limit. The oldest is judged first.
- Keys are removed only when the user asks for it, and never where the declaration of the user failed.
- A declared key stays: the next run would import it again, as new.
- The last usable key of a user stays, unless the user asks for its removal too.
- What the declaration removes or imports counts as done, also in check mode, where it is not done yet.
"""

from __future__ import annotations

from typing import Any, Iterator, Mapping, NamedTuple, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import PublicKeyError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import parse_public_keys, read_held_key

REPORTED = "reported"
REMOVED = "removed"
KEPT_AS_DECLARATION_FAILED = "kept, because the declaration failed"
KEPT_AS_DECLARED = "kept, because it is declared: remove it from the declaration"
KEPT_AS_LAST = "kept, because it is the last key of the user"
KEPT_AS_REMOVAL_FAILED = "kept, because the removal failed"


class Rules(NamedTuple):
    """limit_days: how old a key may be; 0 is no limit. removes, removes_last: what the user asks for."""

    limit_days: int
    removes: bool = False
    removes_last: bool = False


class Judged(NamedTuple):
    """old_keys: the keys that are too old, as transfer_ssh_key_info returns them, each with ``user_name`` and ``fate``.

    removals: what to remove, as the option ``users`` of transfer_ssh_key takes it.
    """

    old_keys: list[dict[str, Any]]
    removals: list[dict[str, Any]]


def judge(
    declared: Sequence[Mapping[str, Any]],
    outcomes: Sequence[Mapping[str, Any]],
    holdings: Sequence[Mapping[str, Any]],
    rules: Rules,
) -> Judged:
    """Judge the keys of the users of a server.

    declared: what transfer_ssh_key and transfer_user were called with, in their option ``users``.
    outcomes: ``users`` of their results, empty where they were not called or refused the declaration.
    holdings: ``users`` of the result of transfer_ssh_key_info.
    """
    found = Judged([], [])
    of_name = {outcome["user_name"]: outcome for outcome in outcomes}
    for holding in holdings:
        name = holding["user_name"]
        of_user = [user for user in declared if user["user_name"] == name]
        outcome = of_name.get(name, {})
        is_failed = bool(of_user) and (not outcome or "error" in outcome)
        old_keys = list(_judge_user(holding, outcome, _wanted(of_user), rules, is_failed=is_failed))
        found.old_keys.extend({**key, "user_name": name, "fate": fate} for key, fate in old_keys)
        doomed = [key["id"] for key, fate in old_keys if fate == REMOVED]
        if doomed:
            found.removals.append({"user_name": name, "ssh_public_key_ids": doomed})
    return found


def _judge_user(
    holding: Mapping[str, Any],
    outcome: Mapping[str, Any],
    wanted: frozenset[Any],
    rules: Rules,
    *,
    is_failed: bool,
) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield each key that is too old, the oldest first, and what becomes of it."""
    # In check mode, what the declaration removes is still there.
    gone = {key["id"] for key in outcome.get("deleted") or ()}
    held = [key for key in holding.get("ssh_public_keys") or () if key["id"] not in gone]
    # In check mode, what the declaration imports is not there yet.
    ids = {key["id"] for key in held}
    coming = [key for key in outcome.get("imported") or () if key["id"] not in ids]
    usable = sum(bool(key["fingerprint"]) for key in held) + len(coming)
    too_old = [key for key in held if key["age_days"] is not None and key["age_days"] > rules.limit_days]
    for key in sorted(too_old, key=lambda key: -int(key["age_days"])):
        usable_after = usable - bool(key["fingerprint"])
        fate = _fate(key, rules, is_failed=is_failed, wanted=wanted, is_last=usable_after < 1)
        if fate == REMOVED:
            usable = usable_after
        yield key, fate


def _fate(key: Mapping[str, Any], rules: Rules, *, is_failed: bool, wanted: frozenset[Any], is_last: bool) -> str:
    if not rules.removes:
        return REPORTED
    if is_failed:
        return KEPT_AS_DECLARATION_FAILED
    read = read_held_key(key["body"])
    if read and read.identity in wanted:
        return KEPT_AS_DECLARED
    if is_last and not rules.removes_last:
        return KEPT_AS_LAST
    return REMOVED


def _wanted(declared: Sequence[Mapping[str, Any]]) -> frozenset[Any]:
    """Return the identities of the keys that a user is to have."""
    texts = [text for user in declared if user.get("state") != "absent" for text in user.get("public_keys") or ()]
    return frozenset(key.identity for text in texts for key in _keys_in(text))


def _keys_in(text: str) -> list[Any]:
    try:
        # A key of a type that the service does not take is not held, either.
        return list(parse_public_keys(text, leave_out=lambda _error: None))
    except PublicKeyError:
        # It was judged before. What is passed over there, such as an empty file beside others, has no key.
        return []
