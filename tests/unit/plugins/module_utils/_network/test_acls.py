# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an ACL lets through: the entry with the lowest number decides, for each address and port."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._network.acls import CLIENT_PORTS, passage
from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import Acl, AclEntry
from ansible_collections.sshkeys.aws.plugins.module_utils._network.networks import Network, network
from hypothesis import given, strategies as st

ANYWHERE = "0.0.0.0/0"
OFFICE = "198.51.100.0/24"


def entry(number: int, what: str, cidr: str = ANYWHERE, ports: tuple[int, int] | None = None, **more: Any) -> AclEntry:
    first, last = ports or (None, None)
    return AclEntry(number, more.get("is_egress", False), more.get("protocol", "6"), what == "allow", cidr, first, last)


def passed(*entries: AclEntry, sender: str = OFFICE, port: int = 22) -> list[str]:
    found = passage(Acl("acl-1", [], entries), [network(sender)], (port, port), is_egress=False)
    assert found.all_ports == found.some_ports
    return [str(each) for each in found.all_ports]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], []),
        ([entry(100, "allow")], [OFFICE]),
        # The order of the answer does not count, the number does.
        ([entry(100, "allow"), entry(90, "deny", ports=(22, 22))], []),
        ([entry(90, "allow", OFFICE, (22, 22)), entry(100, "deny")], [OFFICE]),
        ([entry(90, "deny", ports=(23, 80)), entry(100, "allow")], [OFFICE]),
        ([entry(90, "deny", protocol="17"), entry(100, "allow")], [OFFICE]),
        ([entry(90, "deny", protocol="-1"), entry(100, "allow")], []),
        ([entry(90, "deny", is_egress=True), entry(100, "allow")], [OFFICE]),
        ([entry(90, "deny", "198.51.100.128/25"), entry(100, "allow")], ["198.51.100.0/25"]),
        ([entry(90, "deny", "2001:db8::/32"), entry(100, "allow", "::/0")], []),
        ([entry(90, "deny", "nonsense"), entry(100, "allow")], [OFFICE]),
    ],
)
def test_what_an_acl_lets_in(entries: list[AclEntry], expected: list[str]) -> None:
    assert passed(*entries) == expected


@pytest.mark.parametrize(
    ("entries", "all_ports", "some_ports"),
    [
        ([entry(100, "allow", ports=(1024, 65535))], [OFFICE], [OFFICE]),
        ([entry(100, "allow", ports=(32768, 65535))], [], [OFFICE]),
        ([entry(90, "deny", ports=(3389, 3389)), entry(100, "allow")], [], [OFFICE]),
        ([entry(90, "deny", ports=(22, 22)), entry(100, "allow")], [OFFICE], [OFFICE]),
        ([entry(100, "allow", ports=(443, 443))], [], []),
    ],
)
def test_a_range_of_ports(entries: list[AclEntry], all_ports: list[str], some_ports: list[str]) -> None:
    found = passage(Acl("acl-1", [], entries), [network(OFFICE)], CLIENT_PORTS, is_egress=False)
    assert [str(each) for each in found.all_ports] == all_ports
    assert [str(each) for each in found.some_ports] == some_ports


ENTRIES = st.builds(
    lambda number, is_allowing, last, prefix, first_port, size: AclEntry(
        number, False, "6", is_allowing, f"192.0.2.{last}/{prefix}", first_port, first_port + size
    ),
    st.integers(1, 50),
    st.booleans(),
    st.integers(0, 15),
    st.integers(28, 32),
    st.integers(1, 8),
    st.integers(0, 4),
)


def naive(entries: list[AclEntry], address: object, port: int) -> bool:
    """Return what an ACL does to one packet."""
    for each in sorted(entries, key=lambda each: each.number):
        if address in network(each.cidr) and int(each.first_port or 0) <= port <= int(each.last_port or 0):
            return each.is_allowing
    return False


@given(st.lists(ENTRIES, max_size=6, unique_by=lambda each: each.number), st.integers(1, 12), st.integers(0, 4))
def test_it_does_to_networks_what_it_does_to_each_packet(entries: list[AclEntry], first: int, size: int) -> None:
    senders: list[Network] = [network("192.0.2.0/28")]
    found = passage(Acl("acl-1", [], entries), senders, (first, first + size), is_egress=False)
    for address in senders[0]:
        each = [naive(entries, address, port) for port in range(first, first + size + 1)]
        assert any(address in one for one in found.all_ports) is all(each)
        assert any(address in one for one in found.some_ports) is any(each)
