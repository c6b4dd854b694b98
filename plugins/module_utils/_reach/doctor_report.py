# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What the playbook ssh_doctor prints: a table of hosts, and under each what is wrong and what to do. Pure."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any, Iterator, Mapping, NamedTuple, Sequence

_HEADS = ("HOST", "INSTANCE", "STATE", "BEST WAY")
# With what debug prints around a line, it fits into a terminal with 80 columns. A wide table has wider remarks.
_NARROW, _WIDE = 69, 110
# A longer name moves its own row alone.
_LONGEST_NAME = 40
_WAYS = {"direct": "direct", "endpoint": "endpoint", "session_manager": "Session Manager"}
_NOT_JUDGED = "not judged"


@dataclass(frozen=True)
class DoctorReport:
    """What the playbook prints.

    lines: the table. says: the sum, as sentences. failures: sentences about hosts that no way leads to, or that could
    not be judged.
    """

    lines: list[str]
    says: list[str]
    failures: list[str]


class _Host(NamedTuple):
    """A host. is_reached: None if it was not judged. is_perhaps: whether none of the ways to it is open for certain."""

    name: str
    instance_id: str
    state: str
    best_way: str
    remarks: Sequence[str]
    is_reached: bool | None
    is_perhaps: bool = False


def doctor_report(
    results: Sequence[Mapping[str, Any]],
    order: Sequence[str],
    strangers: Sequence[str],
    *,
    tells_all: bool,
    unusable: Mapping[str, str] | None = None,
) -> DoctorReport:
    """Return what is printed.

    results: of the module, each with ``item``, the call. order: the hosts to tell of. strangers: those that are no
    instances. tells_all: whether closed ways are told of hosts with an open one, too.
    unusable: why a host of ``order`` was not asked for, a sentence for each.
    """
    judged = {name: _Host(name, "", "", _NOT_JUDGED, [why], None) for name, why in (unusable or {}).items()}
    judged.update({host.name: host for result in results for host in _hosts(result, tells_all)})
    hosts = [judged[name] for name in order]
    rows = [(each.name, each.instance_id, each.state, each.best_way) for each in hosts]
    rows += [(name, "none", "", "no EC2 instance") for name in strangers]
    # The variable of the playbook, instead of the option of the module.
    remarks = [[remark.replace("source_cidr", "ssh_doctor_source_cidr") for remark in each.remarks] for each in hosts]
    lines = _table(rows, remarks)
    reached = [each for each in hosts if each.is_reached]
    closed = [each.name for each in hosts if each.is_reached is False]
    unjudged = [each.name for each in hosts if each.is_reached is None]
    says = [_sum(reached, len(hosts))] if hosts else ["No host is an EC2 instance."]
    failures = [f"No way leads to {_named(closed)}."] if closed else []
    failures += [f"{_named(unjudged)} could not be judged."] if unjudged else []
    if strangers:
        none = "is no EC2 instance" if len(strangers) == 1 else "are no EC2 instances"
        why = "no instance_id is set, and neither ansible_host nor the name is the id of one"
        says.append(f"{_named(strangers)} {none}: {why}.")
    if reached and not tells_all:
        says.append("To see why other ways are closed, add: -e ssh_doctor_all=true")
    return DoctorReport(lines, says + failures, failures)


def _sum(reached: Sequence[_Host], of_all: int) -> str:
    perhaps = sum(each.is_perhaps for each in reached)
    more = f", and perhaps to {perhaps} more" if perhaps else ""
    return f"A way leads to {len(reached) - perhaps} of {of_all} instances{more}."


def _hosts(result: Mapping[str, Any], tells_all: bool) -> Iterator[_Host]:
    instances = {each["instance_id"]: each for each in result.get("instances") or []}
    first = ""
    for name, instance_id in result["item"]["hosts"].items():
        instance = instances.get(instance_id)
        if instance is None:
            why = f"For the same reason as {first}." if first else str(result.get("msg") or "The module said nothing.")
            first = first or name
            yield _Host(name, instance_id, "", _NOT_JUDGED, [why], None)
        elif "error" in instance:
            error = instance["error"]
            region = result.get("region")
            asked = f" The region that was asked is {region}." if region else ""
            remark = f"{error['code']}: {error['message'].rstrip('.')}. {error['hint']}{asked}"
            yield _Host(name, instance_id, "unknown", "none", [remark], False)
        else:
            is_reached = bool(instance["best_way"])
            remarks = list(_remarks(instance, tells_all or not (is_reached and instance["best_way_is_certain"])))
            is_perhaps = is_reached and instance["ways"][instance["best_way"]]["is_open"] is not True
            state = instance["state"] or ""
            yield _Host(name, instance_id, state, _best_way(instance), remarks, is_reached, is_perhaps)


def _best_way(instance: Mapping[str, Any]) -> str:
    best = instance["best_way"]
    if not best:
        return "none"
    where = ""
    if best == "direct":
        where = f" to {instance['best_address']}"
    elif best == "endpoint" and instance["ways"]["endpoint"]["instance_connect_endpoint_id"]:
        where = f" {instance['ways']['endpoint']['instance_connect_endpoint_id']}"
    return f"{_WAYS[best]}{where}{'' if instance['best_way_is_certain'] else ', perhaps'}"


def _remarks(instance: Mapping[str, Any], tells_ways: bool) -> Iterator[str]:
    """Yield what is wrong with an instance: first what closes all ways, and then what closes each."""
    key = [*instance["pushed_key"]["reasons"]]
    yield from key
    if not tells_ways:
        return
    for name, way in instance["ways"].items():
        told = [reason for reason in way["reasons"] if reason not in key]
        if told:
            state = "not known" if way["is_open"] is None else "closed"
            yield f"{_WAYS[name]} ({state}): {' '.join(told)}"


def _table(rows: Sequence[Sequence[str]], remarks: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(_HEADS, *rows)]
    widths[0] = max(len(name) for name in (_HEADS[0], *(row[0] for row in rows)) if len(name) <= _LONGEST_NAME)
    lines = [_line(_HEADS, widths)]
    width = min(max(_NARROW, *(len(_line(row, widths)) for row in (_HEADS, *rows))), _WIDE)
    for position, row in enumerate(rows):
        lines.append(_line(row, widths))
        for remark in remarks[position] if position < len(remarks) else ():
            lines += textwrap.wrap(
                remark, width, initial_indent="  - ", subsequent_indent="    ", break_on_hyphens=False
            )
    return lines


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip()


_NAMED_AT_MOST = 10


def _named(names: Sequence[str]) -> str:
    more = len(names) - _NAMED_AT_MOST
    shown = ", ".join(names[:_NAMED_AT_MOST])
    return f"{shown} and {more} more" if more > 0 else shown
