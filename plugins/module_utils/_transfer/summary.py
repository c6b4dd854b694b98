# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What became of the declared Transfer Family servers: as data, and in lines for people. Pure."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, NamedTuple, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.ages import (
    KEPT_AS_REMOVAL_FAILED,
    REMOVED,
    Judged,
)


class Answers(NamedTuple):
    """The results of the modules for a server, None for a module that was not called.

    making: of transfer_user. declaring: of transfer_ssh_key. looking: of transfer_ssh_key_info. removing: of
    transfer_ssh_key for old keys.
    """

    making: Mapping[str, Any] | None = None
    declaring: Mapping[str, Any] | None = None
    looking: Mapping[str, Any] | None = None
    removing: Mapping[str, Any] | None = None


def users_of(answer: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the users in the result of a module."""
    return list((answer or {}).get("users") or ())


def all_declared(server: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what is declared for each user of a server: its keys alone, or the user itself too.

    server: as declarations.Declarations has it.
    """
    return [*server["declared"], *server["declared_users"]]


def server_result(server: Mapping[str, Any], answers: Answers, judged: Judged, *, pretends: bool) -> dict[str, Any]:
    """Return what became of a server: an element of the fact ssh_access_transfer_result.

    server: as declarations.Declarations has it. pretends: whether nothing was sent, as in check mode.
    """
    gone = {key["id"] for user in users_of(answers.removing) for key in user.get("deleted") or ()}
    users = [*users_of(answers.making), *users_of(answers.declaring)]
    told = [
        answers.making,
        answers.declaring,
        None if pretends and _misses_only_declared_users(server, answers.looking) else answers.looking,
        answers.removing,
    ]
    return {
        "server_id": server["server_id"],
        "region": server["region"],
        "profile": server["profile"],
        "users": sorted(users, key=lambda user: server["user_names"].index(user["user_name"])),
        "old_keys": [
            {**key, "fate": KEPT_AS_REMOVAL_FAILED} if key["fate"] == REMOVED and key["id"] not in gone else key
            for key in judged.old_keys
        ],
        "refused": any(
            answer and "msg" in answer and "users" not in answer for answer in (answers.making, answers.declaring)
        ),
        "msg": " ".join(f"{server['name']}: {answer['msg']}" for answer in told if answer and "msg" in answer),
    }


def _misses_only_declared_users(server: Mapping[str, Any], looking: Mapping[str, Any] | None) -> bool:
    """Return whether all users that could not be read are declared and do not exist.

    In check mode, an earlier task may be about to make them. The declaration has warned of each.
    """
    declared = [user["user_name"] for user in all_declared(server)]
    unread = [user for user in users_of(looking) if "error" in user]
    return bool(unread) and all(
        user["user_name"] in declared and user["error"]["code"] == "ResourceNotFoundException" for user in unread
    )


def failures(servers: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return why servers are not as declared. servers: as server_result returns them."""
    return [server["msg"] for server in servers if server["msg"]]


def headline(servers: Sequence[Mapping[str, Any]], *, pretends: bool, declared: int | None = None) -> str:
    """Return a sentence that counts what was declared, added, changed and removed.

    declared: the number of declared users, to count the users that failed, and not the servers.
    """
    users = [user for server in servers for user in server["users"]]
    added = sum(len(user["imported"]) for user in users)
    removed = sum(len(user["deleted"]) for user in users)
    old = [key for server in servers for key in server["old_keys"]]
    removed_as_old = sum(key["fate"] == REMOVED for key in old)
    created, updated, deleted = (
        sum(bool(user.get(what)) for user in users) for what in ("created", "updated", "deleted_user")
    )
    counts = [
        f"{_count(created, 'user')} created" if created else "",
        f"{_count(updated, 'user')} updated" if updated else "",
        f"{_count(deleted, 'user')} deleted" if deleted else "",
        f"{_count(added, 'key')} added" if added else "",
        f"{_count(removed, 'key')} removed" if removed else "",
        f"{_count(removed_as_old, 'old key')} removed" if removed_as_old else "",
        f"{_count(len(old) - removed_as_old, 'old key')} kept" if len(old) > removed_as_old else "",
        _failed_servers(servers) if declared is None else _failed_users(servers, declared),
    ]
    happened = ", ".join(count for count in counts if count) or "nothing to change"
    begins = "In check mode nothing was sent. A real run would report: " if pretends else ""
    number = len(users) if declared is None else declared
    return f"{begins}{_count(number, 'user')} of {_count(len(servers), 'server')} declared: {happened}."


def _failed_servers(servers: Sequence[Mapping[str, Any]]) -> str:
    failed = len(failures(servers))
    return f"{_count(failed, 'server')} failed" if failed else ""


def _failed_users(servers: Sequence[Mapping[str, Any]], declared: int) -> str:
    if any(server["refused"] for server in servers):
        return "the call failed"
    failed = sum("error" in user for server in servers for user in server["users"])
    return f"{failed} of {_count(declared, 'user')} failed" if failed else ""


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def lines(servers: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line for each user and key that was added (+), changed (~) or removed (-).

    There is a line also for each key that is too old (?), and for each failure (!).
    """
    return [line for server in servers for line in _lines_of_server(server)]


def _lines_of_server(server: Mapping[str, Any]) -> Iterator[str]:
    server_id = server["server_id"]
    for user in server["users"]:
        yield from (f"{server_id} {user['user_name']} {said}" for said in _about_user(user))
        if _was_gone(user):
            yield f"{server_id} {user['user_name']}: there is no such user, so nothing was deleted"
        for sign, keys in (("+", user["imported"]), ("-", user["deleted"])):
            yield from (_line(server_id, user["user_name"], sign, key) for key in keys)
        if "error" in user:
            yield f"{server_id} {user['user_name']} ! failed: {user['error']['code']}"
    if server["refused"]:
        yield f"{server_id} ! failed: the declaration is refused, and nothing was sent"
    for key in server["old_keys"]:
        sign = "-" if key["fate"] == REMOVED else "?"
        yield f"{_line(server_id, key['user_name'], sign, key)} ({key['age_days']} days old, {key['fate']})"


def _about_user(user: Mapping[str, Any]) -> Iterator[str]:
    """Yield what became of the user itself. user: of a result of transfer_user, or of transfer_ssh_key."""
    if user.get("created"):
        yield "+ the user"
    if user.get("updated"):
        yield f"~ {', '.join(user['updated'])}"
    if user.get("deleted_user"):
        yield f"- the user, with {_count(len(user['deleted_user']['ssh_public_keys']), 'key')}"


def _was_gone(user: Mapping[str, Any]) -> bool:
    """Return whether a user was to be deleted and did not exist: its name may be misspelt."""
    # Only transfer_user deletes users.
    return "deleted_user" in user and user.get("state") == "absent" and not user["deleted_user"] and "error" not in user


def _line(server_id: str, user_name: str, sign: str, key: Mapping[str, Any]) -> str:
    parts = (server_id, user_name, sign, key["fingerprint"] or key["id"], key["comment"])
    return " ".join(part for part in parts if part)
