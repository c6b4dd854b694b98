# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom the rules of groups let through."""

from __future__ import annotations

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import Rule, SecurityGroup, Unread
from ansible_collections.sshkeys.aws.plugins.module_utils._network.security_groups import (
    inbound,
    is_about,
    outbound,
    peers,
)

OFFICE = "198.51.100.0/24"


@pytest.mark.parametrize(
    ("protocol", "ports", "is_it"),
    [
        ("tcp", (22, 22), True),
        ("6", (22, 22), True),
        ("tcp", (0, 65535), True),
        ("tcp", (None, None), True),
        ("tcp", (-1, -1), True),
        ("-1", (None, None), True),
        # Ports of a rule for all protocols do not count.
        ("-1", (443, 443), True),
        ("tcp", (22, None), True),
        ("tcp", (20, 21), False),
        ("tcp", (23, 65535), False),
        ("udp", (22, 22), False),
        ("17", (22, 22), False),
        ("icmp", (-1, -1), False),
    ],
)
def test_which_rules_are_about_a_port(protocol: str, ports: tuple[int | None, int | None], is_it: bool) -> None:
    assert is_about(protocol, *ports, 22) is is_it


def test_rules_of_all_groups_count_together_and_each_version_by_itself() -> None:
    web = SecurityGroup(
        "sg-1", "web", [Rule("tcp", 22, 22, [OFFICE, "2001:db8::/32"])], [Rule("-1", cidrs=["0.0.0.0/0"])]
    )
    base = SecurityGroup(
        "sg-2",
        "base",
        [Rule("tcp", 22, 22, ["203.0.113.7/32"], group_ids=["sg-9", "sg-9"]), Rule("udp", 22, 22, ["0.0.0.0/0"])],
    )
    found = peers(inbound([web, base]), 22, 4, {})
    assert [str(each) for each in found.networks] == [OFFICE, "203.0.113.7/32"]
    assert (found.group_ids, found.unread) == (["sg-9"], [])
    assert [str(each) for each in peers(inbound([web, base]), 22, 6, {}).networks] == ["2001:db8::/32"]
    assert [str(each) for each in peers(outbound([web, base]), 22, 4, {}).networks] == ["0.0.0.0/0"]
    assert peers(inbound([web, base]), 443, 4, {}).networks == []


def test_prefix_lists_are_their_entries_where_they_could_be_read() -> None:
    rules = [Rule("tcp", 22, 22, prefix_list_ids=["pl-1", "pl-2", "pl-3"])]
    found = peers(rules, 22, 4, {"pl-1": [OFFICE], "pl-2": Unread("Not allowed.")})
    assert [str(each) for each in found.networks] == [OFFICE]
    assert found.unread == ["Not allowed.", "The prefix list pl-3 was not read."]
