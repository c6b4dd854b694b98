# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What the rules of security groups let through. Pure.

Rules only allow, and those of all groups of an interface count together. A group keeps state: what it lets in, it lets
answer. (VPC User Guide, "Security group rules".)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Mapping, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import Read, Rule, SecurityGroup, Unread
from ansible_collections.sshkeys.aws.plugins.module_utils._network.networks import Network, networks

# By name and by number (IANA, protocol numbers). -1 is all.
_TCP = ("tcp", "6", "-1")


@dataclass(frozen=True)
class Peers:
    """Who may send to a port, or be sent to.

    networks: by address, of one version of IP. group_ids: as members of groups.
    unread: why the addresses of a prefix list are not known, a sentence each.
    """

    networks: Sequence[Network]
    group_ids: Sequence[str]
    unread: Sequence[str]


def peers(rules: Iterable[Rule], port: int, version: int, prefix_lists: Mapping[str, Read[Sequence[str]]]) -> Peers:
    """Return whom rules let through to a TCP port. version: of IP. prefix_lists: the CIDRs of each."""
    cidrs: list[str] = []
    group_ids: list[str] = []
    unread: list[str] = []
    for rule in rules:
        if not is_about(rule.protocol, rule.first_port, rule.last_port, port):
            continue
        cidrs += rule.cidrs
        group_ids += rule.group_ids
        for prefix_list_id in rule.prefix_list_ids:
            entries = prefix_lists.get(prefix_list_id, Unread(f"The prefix list {prefix_list_id} was not read."))
            if isinstance(entries, Unread):
                unread.append(entries.why)
            else:
                cidrs += entries
    return Peers(networks(cidrs, version), list(dict.fromkeys(group_ids)), list(dict.fromkeys(unread)))


def inbound(groups: Iterable[SecurityGroup]) -> list[Rule]:
    """Return the inbound rules of groups."""
    return [rule for group in groups for rule in group.inbound]


def outbound(groups: Iterable[SecurityGroup]) -> list[Rule]:
    """Return the outbound rules of groups."""
    return [rule for group in groups for rule in group.outbound]


def is_about(protocol: str, first_port: int | None, last_port: int | None, port: int) -> bool:
    """Return whether a rule or an entry is about a TCP port."""
    if protocol not in _TCP:
        return False
    # A rule for all protocols has no ports, or those of its first ones, which do not count.
    if protocol == "-1" or first_port is None or first_port == -1:
        return True
    return first_port <= port <= (first_port if last_port is None else last_port)
