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

    shared_with: the other users who hold it, with "on SERVER" if that is a different server.
    unreadable: whether the stored text is not a key.
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

    read: whether its keys were read. error, error_code: the reason, as a sentence, and its code; empty if they were.
    remarked: whether there is a remark on it, or it was not read.
    """

    name: str
    read: bool
    error: str
    error_code: str
    keys: list[Key]
    remarked: bool


class SharedKey(TypedDict):
    """A key that users of different names hold. server: their server, if it is one and the audit has several."""

    fingerprint: str
    users: list[str]
    server: str


@dataclass(frozen=True)
class Holder:
    """A user who holds a key. The names are the service's, not yet safe to print."""

    server: str
    user: str

    def label(self, *, with_server: bool) -> str:
        """Return the user's name, safe to print."""
        return f"{short(self.user)} on {short(self.server)}" if with_server else short(self.user)


# The holders of each key, by its SHA256 fingerprint.
Holders = Mapping[str, Sequence[Holder]]


def short(text: object, *, at_most: int = 120) -> str:
    """Return foreign text without unsafe characters, cut to a maximum length."""
    safe = printable(text)
    return safe if len(safe) <= at_most else f"{safe[: at_most - 1]}…"


def sentences(text: object) -> str:
    """Return foreign sentences, safe to print. They may be longer than names and comments."""
    return short(text, at_most=2000)


# -- Shared keys -------------------------------------------------------------------------------------------------------


def holders_of(results: Sequence[Mapping[str, Any]]) -> Holders:
    """Return the holders of each readable key, in the order of the results of transfer_ssh_key_info."""
    holders: dict[str, list[Holder]] = {}
    for result in results:
        for user in result.get("users") or []:
            for key in _held(user) or []:
                if key.get("fingerprint"):
                    holder = Holder(str(result["item"]), str(user.get("user_name")))
                    holders.setdefault(str(key["fingerprint"]), []).append(holder)
    return holders


def shared_keys(holders: Holders, *, several_servers: bool) -> list[SharedKey]:
    """Return the keys that users of different names hold.

    several_servers: whether the audit has several servers, so that a key needs the name of its server.
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


# -- Users and their keys ----------------------------------------------------------------------------------------------


def audited_user(user: Mapping[str, Any], server: str, limit: int, holders: Holders) -> User:
    """Return a user of transfer_ssh_key_info with the remarks on each key.

    server: the id of its server, as in the holders. limit: days; a key that the user has held longer is old.
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
    """Return the keys of a user, None if they could not be read."""
    return None if "error" in user else user.get("ssh_public_keys")


def _told(error: Mapping[str, Any]) -> str:
    if not error:
        return "The module gave no reason."
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
