# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The users of an audit and their keys: which keys are old or weak, and which users share one. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence, TypedDict

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import printable

# NIST SP 800-131A allows no RSA signature with fewer bits. OpenSSH has turned ssh-dss off by default since 7.0.
_RSA_BITS_AT_LEAST = 2048


class Key(TypedDict):
    """A key of a user. All from ``type`` to ``fingerprint`` may be None, as transfer_ssh_key_info returns them.

    shared_with: the other users who have it, with "on SERVER" where that is another server.
    unreadable: whether what is stored is not a key.
    """

    id: str
    type: str | None
    bits: int | None
    age_days: int | None
    date_imported: str | None
    fingerprint: str | None
    comment: str
    old: bool
    weak: bool
    shared_with: list[str]
    unreadable: bool


class User(TypedDict):
    """A user of a server.

    read: whether its keys are known. error: why not, a sentence; empty if they are. error_code: the code of that.
    remarked: whether there is a remark about it, or it was not read.
    """

    name: str
    read: bool
    error: str
    error_code: str
    keys: list[Key]
    remarked: bool


class SharedKey(TypedDict):
    """A key that users of different names have. server: where, if the audit has several and all are on one."""

    fingerprint: str
    users: list[str]
    server: str


@dataclass(frozen=True)
class Holder:
    """A user who has a key. The names are as the service has them, not yet safe to print."""

    server: str
    user: str

    def label(self, *, with_server: bool) -> str:
        """Name the user, safe to print."""
        return f"{short(self.user)} on {short(self.server)}" if with_server else short(self.user)


# Who has each key, by its SHA256 fingerprint.
Holders = Mapping[str, Sequence[Holder]]


def short(text: object, *, at_most: int = 120) -> str:
    """Return foreign text without what must not be printed, and cut after a number of characters."""
    safe = printable(text)
    return safe if len(safe) <= at_most else f"{safe[: at_most - 1]}…"


def sentences(text: object) -> str:
    """Return foreign sentences, safe to print. They may be longer than names and comments."""
    return short(text, at_most=2000)


# -- Who shares a key -------------------------------------------------------------------------------------------------


def holders_of(results: Sequence[Mapping[str, Any]]) -> Holders:
    """Return who has each key that can be read, in the order of the results of transfer_ssh_key_info."""
    holders: dict[str, list[Holder]] = {}
    for result in results:
        for user in result.get("users") or []:
            for key in _held(user) or []:
                if key.get("fingerprint"):
                    holder = Holder(str(result["item"]), str(user.get("user_name")))
                    holders.setdefault(str(key["fingerprint"]), []).append(holder)
    return holders


def shared_keys(holders: Holders, *, several_servers: bool) -> list[SharedKey]:
    """Return the keys that users of different names have.

    several_servers: whether the audit has several, so that a key needs the name of its own.
    """
    return [
        _shared_key(fingerprint, who, several_servers=several_servers)
        for fingerprint, who in holders.items()
        if len({holder.user for holder in who}) > 1
    ]


def _shared_key(fingerprint: str, who: Sequence[Holder], *, several_servers: bool) -> SharedKey:
    across_servers = len({holder.server for holder in who}) > 1
    return {
        "fingerprint": short(fingerprint),
        "users": list(dict.fromkeys(holder.label(with_server=across_servers) for holder in who)),
        "server": short(who[0].server) if several_servers and not across_servers else "",
    }


# -- Users and their keys ---------------------------------------------------------------------------------------------


def audited_user(user: Mapping[str, Any], server: str, limit: int, holders: Holders) -> User:
    """Return a user of transfer_ssh_key_info with what there is to remark about each key.

    server: the id of its server, as the holders have it. limit: a key that the user has had for more days is old.
    """
    held = _held(user)
    error = user.get("error") or {}
    holder = Holder(server, str(user.get("user_name")))
    keys = [_key(key, holder, limit, holders) for key in held or []]
    fine = bool(keys) and not any(key["old"] or key["weak"] or key["shared_with"] or key["unreadable"] for key in keys)
    return {
        "name": short(user.get("user_name")),
        "read": held is not None,
        "error": _told(error) if held is None else "",
        "error_code": short(error.get("code", "Unknown")) if held is None else "",
        "keys": keys,
        "remarked": not fine,
    }


def _held(user: Mapping[str, Any]) -> Sequence[Mapping[str, Any]] | None:
    """Return the keys of a user, None where they could not be read."""
    return None if "error" in user else user.get("ssh_public_keys")


def _told(error: Mapping[str, Any]) -> str:
    if not error:
        return "The module did not say why."
    return sentences(f"{str(error.get('message', '')).rstrip('.')} ({error.get('code')}). {error.get('hint', '')}")


def _key(key: Mapping[str, Any], holder: Holder, limit: int, holders: Holders) -> Key:
    age, fingerprint = key.get("age_days"), key.get("fingerprint")
    others = [other for other in holders.get(fingerprint or "", ()) if other.user != holder.user]
    return {
        "id": short(key.get("id")),
        "type": _short_or_none(key.get("type")),
        "bits": key.get("bits"),
        "age_days": age,
        "date_imported": _short_or_none(key.get("date_imported")),
        "fingerprint": _short_or_none(fingerprint),
        "comment": short(key.get("comment") or ""),
        "old": age is not None and age > limit,
        "weak": _is_weak(key.get("type"), key.get("bits")),
        "shared_with": list(dict.fromkeys(other.label(with_server=other.server != holder.server) for other in others)),
        "unreadable": not fingerprint,
    }


def _is_weak(key_type: str | None, bits: int | None) -> bool:
    return key_type == "ssh-dss" or (key_type == "ssh-rsa" and bits is not None and bits < _RSA_BITS_AT_LEAST)


def _short_or_none(text: object) -> str | None:
    return None if text is None else short(text)
