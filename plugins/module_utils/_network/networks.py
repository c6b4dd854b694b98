# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Sets of IP addresses, as networks that do not overlap. Pure."""

from __future__ import annotations

import ipaddress
from typing import Iterable, Sequence, Union

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import shown

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

EVERYWHERE = {4: ipaddress.ip_network("0.0.0.0/0"), 6: ipaddress.ip_network("::/0")}


def network(text: str) -> Network:
    """Return the network of a CIDR, or of one address. Raises ValueError."""
    return ipaddress.ip_network(text.strip(), strict=False)


def no_network(text: str) -> str:
    """Return what is wrong with a text that is no network, as the end of a sentence. Empty for a network."""
    try:
        network(text)
    except ValueError:
        return (
            f"{shown(text)}, which is neither a network in CIDR notation, such as 198.51.100.0/24, nor an IP address."
        )
    return ""


def networks(texts: Iterable[str], version: int) -> list[Network]:
    """Return the networks of CIDRs, those of one version of IP. What is no CIDR is left out."""
    found: list[Network] = []
    for text in texts:
        try:
            each = network(text)
        except ValueError:
            continue
        if each.version == version:
            found.append(each)
    return tidy(found)


def tidy(some: Iterable[Network]) -> list[Network]:
    """Return the same addresses in as few networks as possible, none of which overlap. All are of one version."""
    return list(ipaddress.collapse_addresses(some))  # type: ignore[type-var]


def common(some: Sequence[Network], others: Sequence[Network]) -> list[Network]:
    """Return the addresses that are in both."""
    found: list[Network] = []
    for one in some:
        for other in others:
            if is_inside(one, other):
                found.append(one)
            elif is_inside(other, one):
                found.append(other)
    return tidy(found)


def without(some: Sequence[Network], other: Network) -> list[Network]:
    """Return the addresses that are not in another network."""
    left: list[Network] = []
    for one in some:
        if is_inside(one, other):
            continue
        if is_inside(other, one):
            left += one.address_exclude(other)  # type: ignore[arg-type]
        else:
            left.append(one)
    return tidy(left)


def is_inside(inner: Network, outer: Network) -> bool:
    """Return whether all addresses of a network are in another one."""
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def covers(some: Sequence[Network], wanted: Sequence[Network]) -> bool:
    """Return whether all wanted addresses are in some networks."""
    return tidy(common(some, wanted)) == tidy(wanted)


def named(some: Sequence[Network], at_most: int = 4) -> str:
    """Return networks for a sentence: ``anywhere``, or their CIDRs."""
    if any(each.prefixlen == 0 for each in some):
        return "anywhere"
    shown = [str(each) for each in some[:at_most]]
    more = len(some) - at_most
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
