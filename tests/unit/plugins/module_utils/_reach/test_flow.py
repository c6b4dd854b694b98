# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Senders that get through one thing after another."""

from __future__ import annotations

from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import Unread
from ansible_collections.sshkeys.aws.plugins.module_utils._network.networks import network
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.flow import Flow, groups_of, through_acl
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.verdict import OPEN, Verdict
from ansible_collections.sshkeys.aws.tests.unit.networks import acl, deny, group, groups

OFFICE, HALF = network("198.51.100.0/24"), network("198.51.100.0/25")
EVERYBODY, HOST = network("0.0.0.0/0"), network("10.0.1.7")


def test_what_lets_everybody_through_leaves_no_reason() -> None:
    flow = Flow([OFFICE])
    flow.narrow([EVERYBODY], [EVERYBODY], "Nobody.")
    assert flow.verdict == OPEN


def test_half_of_the_senders_is_no_certainty_and_the_other_half_closes() -> None:
    flow = Flow([OFFICE])
    flow.narrow([HALF], [HALF], "Half.")
    assert flow.verdict == Verdict(None, ("Half.",))
    other = network("198.51.100.128/25")
    flow.narrow([other], [other], "The other half.")
    assert flow.verdict == Verdict(False, ("Half.", "The other half."))


def test_a_doubt_closes_nothing() -> None:
    flow = Flow([OFFICE])
    flow.doubt("Unknown.")
    flow.note("By the way.")
    assert flow.verdict == Verdict(None, ("Unknown.",), ("By the way.",))
    flow.close("Closed.")
    assert flow.verdict.is_open is False


def test_an_acl_that_sees_the_same_other_end_for_all_senders() -> None:
    flow = Flow([OFFICE])
    through_acl(flow, acl(deny(egress=False, cidr="198.51.100.7/32")), 22, [HOST], into=False, subnet_id="subnet-2")
    assert flow.verdict == OPEN
    through_acl(flow, acl(deny(egress=True, cidr="10.0.1.7/32")), 22, [HOST], into=False, subnet_id="subnet-2")
    (reason,) = flow.verdict.reasons[:1]
    assert reason.startswith("The network ACL acl-1 of subnet-2 does not let TCP port 22 out to 10.0.1.7/32.")
    assert flow.verdict.is_open is False


def test_answers_to_a_part_of_the_ports_are_a_doubt() -> None:
    flow = Flow([OFFICE])
    through_acl(flow, acl(deny(egress=False, ports=(40000, 65535))), 22, [HOST], into=False, subnet_id="subnet-2")
    assert flow.verdict.is_open is None
    assert "does not let the answers in from 10.0.1.7/32" in flow.verdict.reasons[0]


def test_groups_that_are_missing_are_told() -> None:
    known = groups(group("sg-1"))
    assert groups_of(["sg-1"], known) == ([known["sg-1"]], [])
    found, unread = groups_of(["sg-1", "sg-9"], known)
    assert found == [known["sg-1"]]
    assert unread == ["EC2 does not return sg-9, so its rules are unknown."]
    assert groups_of(["sg-1"], Unread("Refused.")) == ([], ["Refused."])
