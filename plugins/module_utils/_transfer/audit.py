# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What the playbook transfer_audit says of Transfer Family servers: who has which key, how old, how strong, shared.

Pure. Rules:
- Only what was read counts. A user counts if its keys are known. A server counts if its users are known, and the keys
  of at least one of them unless it has no users.
- What does not count has no numbers: ``count`` is None, and there is no remark about it.
- Every text is safe to print: it has no control characters and no marks that turn the direction of writing, and it has
  an end.
"""

from __future__ import annotations

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

# What there can be to remark, by the names that the playbook's fail_on has for it.
REMARKS = ("old", "weak", "shared", "no_key", "unreadable")


class Server(TypedDict):
    """A server.

    place: its id, and its region where that is known. read: whether it counts. count: None if it does not.
    error: why its users could not be listed, a sentence; empty if they could.
    users_not_read: how many of the users listed do not count.
    """

    id: str
    place: str
    read: bool
    error: str
    users: list[User]
    count: Count | None
    users_not_read: int


class NotRead(TypedDict):
    """How many servers could not list their users, and how many of the users listed could not be read."""

    servers: int
    users: int


class Problem(TypedDict):
    """What could not be read, such as "user partner on s-01234567890abcdef in us-east-1", and why."""

    what: str
    error: str


class Remark(TypedDict):
    """What there is to remark, by the name that fail_on has for it, as a sentence with its number."""

    remark: str
    number: int
    sentence: str


class Audit(TypedDict):
    """What the audit found, for the table, the report and the end of the playbook.

    read: whether any server counts. count: None if none does. coverage: over how much it counts, a sentence.
    failures: a sentence for each problem. summary: all sentences of the end.
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
    shared: list[SharedKey]
    problems: list[Problem]
    failures: list[str]
    remarked: list[Remark]
    summary: list[str]


def audit(results: Sequence[Mapping[str, Any]], limit: int, date: str, region: str = "") -> Audit:
    """Return what there is to say of the servers that were read.

    results: what transfer_ssh_key_info returned in a loop over the ids of servers, which ``item`` holds.
    limit: a key that a user has had for more days is old. date: the day of the audit, as the report shows it.
    region: where the servers are, empty if that is not known.
    Raises ArgumentError where the results or the limit are something else.
    """
    _check(results, limit)
    holders = holders_of(results)
    place = f" in {short(region)}" if region else ""
    servers = [_server(result, place, limit, holders) for result in results]
    shared = shared_keys(holders, several_servers=len(servers) > 1)
    counts = [server["count"] for server in servers if server["count"]]
    count = total_of(counts, len(shared)) if counts else None
    not_read: NotRead = {
        "servers": sum(bool(server["error"]) for server in servers),
        "users": sum(server["users_not_read"] for server in servers),
    }
    problems = [problem for server in servers for problem in _problems(server)]
    failures = [_failure(problem) for problem in problems]
    remarked = _remarks(count, limit) if count else []
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
        "chart": chart_of(bands),
        "shared": shared,
        "problems": problems,
        "failures": failures,
        "remarked": remarked,
        "summary": [coverage, *([remark["sentence"] for remark in remarked] or nothing), *failures],
    }


def _check(results: Any, limit: Any) -> None:
    is_list = isinstance(results, Sequence) and not isinstance(results, str)
    if not is_list or not all(isinstance(result, Mapping) and "item" in result for result in results):
        raise ArgumentError(
            "The results of transfer_ssh_key_info are needed, in a loop over the ids of servers. Give the results of "
            "the variable that the task registers."
        )
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
        raise ArgumentError("The limit of age must be a whole number of days, 0 or more.")


# -- Servers ----------------------------------------------------------------------------------------------------------


def _server(result: Mapping[str, Any], place: str, limit: int, holders: Holders) -> Server:
    listed = result.get("users")
    users = [audited_user(user, str(result["item"]), limit, holders) for user in listed or []]
    is_read = listed is not None and (not users or any(user["read"] for user in users))
    why_not = sentences(result.get("msg") or "") or "The module said nothing."
    server_id = short(result["item"])
    return {
        "id": server_id,
        "place": f"{server_id}{place}",
        "read": is_read,
        "error": why_not if listed is None else "",
        "users": users,
        "count": count_of(users) if is_read else None,
        "users_not_read": sum(not user["read"] for user in users),
    }


def _problems(server: Server) -> list[Problem]:
    if server["error"]:
        return [{"what": f"server {server['place']}", "error": server["error"]}]
    return [
        {"what": f"user {user['name']} on {server['place']}", "error": user["error"]}
        for user in server["users"]
        if not user["read"]
    ]


# -- Sentences --------------------------------------------------------------------------------------------------------


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
