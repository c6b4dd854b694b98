# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What network ACLs let through. Pure.

The entry with the lowest number that fits decides, and what fits none is denied. An ACL keeps no state: answers need an
entry of their own, for the port of the client. It judges what passes the border of its subnet, and nothing inside.
(VPC User Guide, "Network ACL rules" and "Ephemeral ports".)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import Acl, AclEntry
from ansible_collections.sshkeys.aws.plugins.module_utils._network.networks import (
    Network,
    common,
    network,
    tidy,
    without,
)

_TCP = ("6", "tcp", "-1")
# The ports that clients take: all that any system may take, and those of Linux (VPC User Guide, "Ephemeral ports").
CLIENT_PORTS = (1024, 65535)
LINUX_PORTS = (32768, 60999)


@dataclass(frozen=True)
class Passage:
    """Which addresses an ACL lets through.

    all_ports: those with all ports of the range. some_ports: those with any port of it.
    """

    all_ports: Sequence[Network]
    some_ports: Sequence[Network]


def passage(acl: Acl, some: Sequence[Network], ports: tuple[int, int], *, is_egress: bool) -> Passage:
    """Return which of some addresses an ACL lets through.

    ports: the first and the last of the range of TCP ports that the packets go to.
    is_egress: whether they leave the subnet. The addresses are then where they go, else where they come from.
    """
    entries = sorted(
        (each for each in acl.entries if each.is_egress is is_egress and each.protocol in _TCP),
        key=lambda each: each.number,
    )
    every: list[Network] = list(some)
    anything: list[Network] = []
    for port in _steps(entries, ports):
        passed = _passed(entries, some, port)
        every = common(every, passed)
        anything += passed
    return Passage(every, tidy(anything))


def _steps(entries: Sequence[AclEntry], ports: tuple[int, int]) -> list[int]:
    """Return a port of each part of a range in which all entries say the same."""
    first, last = ports
    begins = {first}
    for entry in entries:
        if not _is_for_all_ports(entry):
            begins |= {int(entry.first_port or 0), int(entry.last_port or 0) + 1}
    return sorted(port for port in begins if first <= port <= last)


def _passed(entries: Sequence[AclEntry], some: Sequence[Network], port: int) -> list[Network]:
    left, passed = list(some), list(some[:0])
    for entry in entries:
        if not left:
            break
        if not _is_for_all_ports(entry) and not int(entry.first_port or 0) <= port <= int(entry.last_port or 0):
            continue
        try:
            about = network(entry.cidr)
        except ValueError:
            continue
        if entry.is_allowing:
            passed += common(left, [about])
        left = without(left, about)
    return tidy(passed)


def _is_for_all_ports(entry: AclEntry) -> bool:
    return entry.protocol == "-1" or entry.first_port is None
