# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The table of an audit on screen, one line for each key. Pure."""

from __future__ import annotations

import json
from typing import Iterator, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit import Audit, Server
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_keys import Key, User, short
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_servers import About

_HEADS = ("USER", "TYPE", "BITS", "AGE", "FINGERPRINT", "COMMENT", "REMARKS")
# Numbers stand at the right edge of their column.
_RIGHT = (_HEADS.index("BITS"), _HEADS.index("AGE"))
_NOTHING = "-"
_COMMENT_AT_MOST = 30
_NAMES_AT_MOST = 3
_HEAD_WIDTH = len("identity provider")

# A cell for each head.
_Row = Sequence[str]


def audit_table(audit: Audit) -> list[str]:
    """Return the lines of the table, with one table for each server. All have the same widths."""
    tables = [[row for user in server["users"] for row in _rows(user)] for server in audit["servers"]]
    rows = [_HEADS, *(row for table in tables for row in table)]
    widths = [max(map(_width, column)) for column in zip(*rows)]
    lines: list[str] = []
    for server, table in zip(audit["servers"], tables):
        # An empty line stands between servers.
        lines += [""] if lines else []
        lines.append(_title(server))
        lines += [f"  {head:{_HEAD_WIDTH}}  {told}".rstrip() for head, told in _about(server["about"])]
        lines += [_line(row, widths) for row in ((_HEADS, *table) if table else ())]
    return lines


def _title(server: Server) -> str:
    if server["error"]:
        return f"Server {server['id']} was not read"
    if server["users"]:
        return f"Server {server['id']}"
    about = server["about"]
    if about and not about["keys_count"]:
        return f"Server {server['id']} has no users of its own: its identity provider is {about['identity_provider']}"
    return f"Server {server['id']} has no users"


def _about(about: About | None) -> Iterator[tuple[str, str]]:
    """Yield what is known of a server, each with its name."""
    if about is None:
        return
    if about["unknown"]:
        yield "not described", about["unknown"]
        return
    place = about["place"] or _NOTHING
    kind = f" ({about['endpoint_type']})" if about["endpoint_type"] else ""
    ports = f", port {', '.join(map(str, about['ports']))}" if about["ports"] else ""
    yield "endpoint", f"{place}{kind}{ports}"
    yield "state", about["state"] or _NOTHING
    yield "protocols", ", ".join(about["protocols"]) or _NOTHING
    yield "identity provider", about["identity_provider"] or _NOTHING
    widest = max((len(key["type"]) for key in about["host_keys"]), default=0)
    for key in about["host_keys"]:
        age = "" if key["age_days"] is None else f"  {key['age_days']} d"
        default = ", default" if key["default"] else ""
        yield "host key", f"{key['type'] or _NOTHING:{widest}}  {key['fingerprint']}{age}{default}"
    if about["host_keys_unknown"]:
        yield "host keys", f"unknown: {about['host_keys_unknown']}"


def _rows(user: User) -> Iterator[_Row]:
    if not user["keys"]:
        remark = "no key" if user["read"] else f"not read: {user['error_code']}"
        yield (user["name"], *[_NOTHING] * 4, "", remark)
    for key in user["keys"]:
        yield (
            user["name"],
            key["type"] or _NOTHING,
            str(key["bits"] or _NOTHING),
            _NOTHING if key["age_days"] is None else f"{key['age_days']} d",
            key["fingerprint"] or key["id"],
            short(key["comment"], at_most=_COMMENT_AT_MOST),
            ", ".join(_remarks(key)),
        )


def _remarks(key: Key) -> Iterator[str]:
    if key["old"]:
        yield "old"
    if key["weak"]:
        yield "weak"
    if key["shared_with"]:
        named = ", ".join(key["shared_with"][:_NAMES_AT_MOST])
        more = len(key["shared_with"]) - _NAMES_AT_MOST
        yield f"shared with {named} and {more} more" if more > 0 else f"shared with {named}"
    if key["unreadable"]:
        yield "cannot be read"


def _line(row: _Row, widths: Sequence[int]) -> str:
    return "  ".join(_padded(text, widths[column], column) for column, text in enumerate(row)).rstrip()


def _padded(text: str, width: int, column: int) -> str:
    pad = " " * (width - _width(text))
    return f"{pad}{text}" if column in _RIGHT else f"{text}{pad}"


def _width(text: str) -> int:
    # Ansible shows the lines as JSON, where a quote or a backslash takes two columns.
    return len(json.dumps(text, ensure_ascii=False)) - 2
