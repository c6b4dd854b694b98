# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets of addresses: the laws of sets hold, whatever the networks."""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._network import networks
from ansible_collections.sshkeys.aws.plugins.module_utils._network.networks import EVERYWHERE, Network
from hypothesis import given, strategies as st


def net(text: str) -> Network:
    return networks.network(text)


# Networks that are small, so that their addresses can be listed, and near one another, so that they overlap.
SMALL = st.builds(lambda last, prefix: net(f"192.0.2.{last}/{prefix}"), st.integers(0, 31), st.integers(27, 32))
SETS = st.lists(SMALL, max_size=5)


def addresses(some: list[Network]) -> set[object]:
    return {address for each in some for address in each}


@given(SETS, SETS)
def test_what_is_common_is_in_both(some: list[Network], others: list[Network]) -> None:
    assert addresses(networks.common(some, others)) == addresses(some) & addresses(others)


@given(SETS, SMALL)
def test_what_is_left_without_a_network(some: list[Network], other: Network) -> None:
    assert addresses(networks.without(some, other)) == addresses(some) - addresses([other])


@given(SETS, SETS)
def test_what_covers_others(some: list[Network], others: list[Network]) -> None:
    assert networks.covers(some, others) is (addresses(others) <= addresses(some))


@given(SETS)
def test_tidy_networks_are_the_same_addresses_and_do_not_overlap(some: list[Network]) -> None:
    tidied = networks.tidy(some)
    assert addresses(tidied) == addresses(some)
    assert sum(each.num_addresses for each in tidied) == len(addresses(some))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("192.0.2.7", "192.0.2.7/32"), ("192.0.2.7/24", "192.0.2.0/24"), (" 2001:db8::1 ", "2001:db8::1/128")],
)
def test_an_address_is_its_own_network_and_bits_of_a_host_do_not_count(text: str, expected: str) -> None:
    assert str(networks.network(text)) == expected


@pytest.mark.parametrize("text", ["", "office", "192.0.2.0/33", "192.0.2", "10.0.0.0/8,192.0.2.0/24"])
def test_what_is_no_network(text: str) -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        networks.network(text)


def test_networks_of_one_version_alone() -> None:
    texts = ["192.0.2.0/25", "2001:db8::/32", "192.0.2.128/25", "nonsense"]
    assert networks.networks(texts, 4) == [ipaddress.ip_network("192.0.2.0/24")]
    assert networks.networks(texts, 6) == [ipaddress.ip_network("2001:db8::/32")]


def test_versions_do_not_mix() -> None:
    assert networks.common([net("0.0.0.0/0")], [net("::/0")]) == []
    assert networks.without([net("192.0.2.0/24")], net("::/0")) == [net("192.0.2.0/24")]
    assert not networks.is_inside(net("192.0.2.0/24"), net("::/0"))


def test_networks_in_a_sentence() -> None:
    some = [net(f"192.0.2.{each}") for each in range(0, 12, 2)]
    assert networks.named(some) == "192.0.2.0/32, 192.0.2.2/32, 192.0.2.4/32, 192.0.2.6/32 and 2 more"
    assert networks.named([EVERYWHERE[6]]) == "anywhere"
