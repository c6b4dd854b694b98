# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The model of the playbook transfer_audit: the users and keys of Transfer Family servers, with the remarks on them.

Pure. Rules:
- A user counts if its keys were read. A server counts if its users were listed and the keys of at least one of them
  were read; a server without users counts too.
- A server that does not count has no numbers and no remarks: its ``count`` is None.
- A server that is known to have another identity provider has no users of its own, whatever a call for them returned.
- Every text is safe to print: it has no control characters, no marks that change the direction of writing, and a
  limited length.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Mapping, Sequence, TypedDict

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_chart import Chart, chart_of
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_counts import (
    Band,
    Count,
    Total,
    bands_of,
    count_of,
    number_of,
    total_of,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_keys import (
    Holders,
    SharedKey,
    User,
    audited_user,
    holders_of,
    sentences,
    shared_keys,
    short,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_servers import (
    About,
    about_server,
    notes_on,
)

# What there can be to remark, by the names that the playbook's fail_on has for it.
REMARKS = ("old", "weak", "shared", "no_key", "unreadable", "identity_provider")


class Server(TypedDict):
    """A server.

    place: its id, and its region if known. read: whether it counts. count: None if it does not.
    error: the reason, as a sentence, why its users could not be listed; empty if they could.
    users_not_read: the number of listed users that do not count.
    about: what the service states of it, None if it was not asked.
    """

    id: str
    place: str
    read: bool
    error: str
    users: list[User]
    count: Count | None
    users_not_read: int
    about: About | None


class NotRead(TypedDict):
    """The numbers of servers whose users could not be listed, and of listed users that could not be read."""

    servers: int
    users: int


class Problem(TypedDict):
    """A failed read: its subject, such as "user partner on s-01234567890abcdef in us-east-1", and the reason."""

    what: str
    error: str


class Remark(TypedDict):
    """A remark: its name in fail_on, its number, and a sentence with the number."""

    remark: str
    number: int
    sentence: str


class Audit(TypedDict):
    """The findings of the audit, for the table, the report and the end of the playbook.

    read: whether any server counts. count: None if none does. coverage: the extent of the count, a sentence.
    failures: a sentence for each problem. summary: all sentences of the end.
    described: whether anything is known of the servers themselves.
    """

    date: str
    limit: int
    read: bool
    coverage: str
    servers: list[Server]
    count: Total | None
    not_read: NotRead
    bands: list[Band]
    chart: Chart
    described: bool
    shared: list[SharedKey]
    problems: list[Problem]
    failures: list[str]
    remarked: list[Remark]
    summary: list[str]


def audit(
    results: Sequence[Mapping[str, Any]],
    limit: int,
    date: str,
    region: str = "",
    described: Mapping[str, Any] = MappingProxyType({}),
) -> Audit:
    """Return the findings on all servers.

    results: the results of transfer_ssh_key_info in a loop over server ids; ``item`` is the id.
    limit: days; a key that a user has held longer is old. date: the day of the audit, as the report shows it.
    region: the region of the servers, empty if unknown.
    described: the result of transfer_server_info for the same servers; empty if it was not called.
    Raises ArgumentError if the results or the limit have a different form.
    """
    _check(results, limit)
    results = [_of_own_users(result, described) for result in results]
    holders = holders_of(results)
    place = f" in {short(region)}" if region else ""
    servers = [_server(result, place, limit, holders, described) for result in results]
    shared = shared_keys(holders, several_servers=len(servers) > 1)
    counts = [server["count"] for server in servers if server["count"]]
    count = total_of(counts, len(shared)) if counts else None
    not_read: NotRead = {
        "servers": sum(bool(server["error"]) for server in servers),
        "users": sum(server["users_not_read"] for server in servers),
    }
    problems = [problem for server in servers for problem in _problems(server)]
    failures = [_failure(problem) for problem in problems]
    remarked = [*(_remarks(count, limit) if count else []), *_remarks_on_servers(servers)]
    # Why a server could not be read is among the failures.
    notes = [note for server in servers if not server["error"] for note in notes_on(server["place"], server["about"])]
    coverage = _coverage(count, not_read)
    bands = bands_of([key for server in servers for user in server["users"] for key in user["keys"]], limit)
    nothing = ["Nothing to remark."] if count and count["users"] and not problems else []
    return {
        "date": short(date),
        "limit": limit,
        "read": count is not None,
        "coverage": coverage,
        "servers": servers,
        "count": count,
        "not_read": not_read,
        "bands": bands,
        "chart": chart_of(bands, limit),
        "described": any(server["about"] for server in servers),
        "shared": shared,
        "problems": problems,
        "failures": failures,
        "remarked": remarked,
        "summary": [coverage, *([remark["sentence"] for remark in remarked] or nothing), *failures, *notes],
    }


def _check(results: Any, limit: Any) -> None:
    is_list = isinstance(results, Sequence) and not isinstance(results, str)
    if not is_list or not all(isinstance(result, Mapping) and "item" in result for result in results):
        raise ArgumentError(
            "The results of transfer_ssh_key_info in a loop over server ids are needed. Give the results of the "
            "variable that the task registers."
        )
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
        raise ArgumentError("The age limit must be a whole number of days, 0 or more.")


# -- Servers -----------------------------------------------------------------------------------------------------------


def _of_own_users(result: Mapping[str, Any], described: Mapping[str, Any]) -> Mapping[str, Any]:
    about = about_server(str(result["item"]), described)
    return result if about is None or about["keys_count"] else {"item": result["item"], "users": []}


def _server(
    result: Mapping[str, Any], place: str, limit: int, holders: Holders, described: Mapping[str, Any]
) -> Server:
    listed = result.get("users")
    users = [audited_user(user, str(result["item"]), limit, holders) for user in listed or []]
    is_read = listed is not None and (not users or any(user["read"] for user in users))
    why_not = sentences(result.get("msg") or "") or "The module gave no reason."
    server_id = short(result["item"])
    return {
        "id": server_id,
        "place": f"{server_id}{place}",
        "read": is_read,
        "error": why_not if listed is None else "",
        "users": users,
        "count": count_of(users) if is_read else None,
        "users_not_read": sum(not user["read"] for user in users),
        "about": about_server(str(result["item"]), described),
    }


def _problems(server: Server) -> list[Problem]:
    if server["error"]:
        return [{"what": f"server {server['place']}", "error": server["error"]}]
    return [
        {"what": f"user {user['name']} on {server['place']}", "error": user["error"]}
        for user in server["users"]
        if not user["read"]
    ]


# -- Sentences ---------------------------------------------------------------------------------------------------------


def _coverage(count: Total | None, not_read: NotRead) -> str:
    if not count:
        return "Nothing could be read."
    users, keys = number_of(count["users"], "user"), number_of(count["keys"], "key")
    counted = f"{users} with {keys} on {number_of(count['servers'], 'server')}"
    missing = ((not_read["servers"], "server"), (not_read["users"], "user"))
    named = " and ".join(number_of(number, thing) for number, thing in missing if number)
    return f"{counted}; {named} could not be read." if named else f"{counted}."


def _failure(problem: Problem) -> str:
    told = f"The {problem['what']} could not be read: {problem['error']}"
    return told if told.endswith((".", "…")) else f"{told}."


def _remarks(count: Total, limit: int) -> list[Remark]:
    keys = ("key is", "keys are")
    of_each = (
        ("old", count["old"], keys, f"older than {number_of(limit, 'day')}"),
        ("weak", count["weak"], keys, "weak"),
        ("shared", count["shared_keys"], keys, "shared between users"),
        ("no_key", count["no_key"], ("user has", "users have"), "no key"),
        ("unreadable", count["unreadable"], ("stored key", "stored keys"), "cannot be read"),
    )
    return [
        {"remark": remark, "number": number, "sentence": f"{number_of(number, *subject)} {predicate}."}
        for remark, number, subject, predicate in of_each
        if number
    ]


def _remarks_on_servers(servers: Sequence[Server]) -> list[Remark]:
    others = [server["about"] for server in servers if server["about"] and not server["about"]["keys_count"]]
    if not others:
        return []
    names = ", ".join(sorted({about["identity_provider"] for about in others}))
    subject = number_of(len(others), "server has", "servers have")
    sentence = f"{subject} another identity provider ({names}): only one with SERVICE_MANAGED has users of its own."
    return [{"remark": "identity_provider", "number": len(others), "sentence": sentence}]
