# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Packets on their way to a port, and back: which addresses of their senders get through. Pure."""

from __future__ import annotations

from typing import Iterable, Mapping, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._network.acls import (
    CLIENT_PORTS,
    LINUX_PORTS,
    Passage,
    passage,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import (
    Acl,
    Read,
    SecurityGroup,
    Unread,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._network.networks import (
    Network,
    common,
    covers,
    named,
    tidy,
    without,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.verdict import Verdict


class Flow:
    """Senders, and those of them that get through all that was looked at so far.

    certain: those that get through for certain. possible: those that may, since not all could be read.
    """

    def __init__(self, senders: Sequence[Network]) -> None:
        """Let all of them through at first."""
        self.senders = tidy(senders)
        self.certain: Sequence[Network] = self.senders
        self.possible: Sequence[Network] = self.senders
        self._reasons: list[str] = []
        self._notes: list[str] = []

    def narrow(self, certain: Sequence[Network], possible: Sequence[Network], reason: str) -> None:
        """Let through those alone that are in these networks too. reason: a sentence if that leaves any out."""
        if not covers(certain, self.senders):
            self._reasons.append(reason)
        self.certain, self.possible = common(self.certain, certain), common(self.possible, possible)

    def doubt(self, reason: str) -> None:
        """Let nobody through for certain, and leave the others possible."""
        self._reasons.append(reason)
        self.certain = []

    def close(self, reason: str) -> None:
        """Let nobody through."""
        self.narrow([], [], reason)

    def note(self, note: str) -> None:
        """Add what limits the verdict."""
        self._notes.append(note)

    @property
    def version(self) -> int:
        """The version of IP."""
        return self.senders[0].version

    @property
    def verdict(self) -> Verdict:
        """Open if all senders get through for certain, closed if none may."""
        if covers(self.certain, self.senders):
            return Verdict(True, (), tuple(dict.fromkeys(self._notes)))
        is_open = None if self.possible else False
        return Verdict(is_open, tuple(dict.fromkeys(self._reasons)), tuple(dict.fromkeys(self._notes)))


def groups_of(
    group_ids: Iterable[str], security_groups: Read[Mapping[str, SecurityGroup]]
) -> tuple[list[SecurityGroup], list[str]]:
    """Return groups, and sentences about those that could not be read."""
    ids = list(group_ids)
    if isinstance(security_groups, Unread):
        return [], [security_groups.why]
    missing = [each for each in ids if each not in security_groups]
    why = [f"EC2 does not return {', '.join(missing)}, so its rules are unknown."] if missing else []
    return [security_groups[each] for each in ids if each in security_groups], why


def through_acl(
    flow: Flow, acl: Acl, port: int, others: Sequence[Network] | None, *, into: bool, subnet_id: str | None
) -> None:
    """Let a flow to a port through the ACL of a subnet, and its answers back.

    into: whether the packets enter the subnet; else they leave it.
    others: what the entries see at the other end, the same for all senders; None for the senders themselves.
    """
    seen = list(flow.senders if others is None else others)
    forth = passage(acl, seen, (port, port), is_egress=not into)
    answers = passage(acl, seen, CLIENT_PORTS, is_egress=into)
    answers_of_linux = passage(acl, seen, LINUX_PORTS, is_egress=into)
    where = f"The network ACL {acl.id} of {subnet_id}"
    in_or_out, from_or_to = ("in", "from") if into else ("out", "to")
    back_in_or_out, to_or_from = ("out", "to") if into else ("in", "from")
    ports = f"{CLIENT_PORTS[0]}-{CLIENT_PORTS[1]}"
    _narrow(
        flow,
        others,
        forth,
        forth,
        f"{where} does not let TCP port {port} {in_or_out} {from_or_to} {_left(seen, forth)}. Allow it by an entry "
        "with a lower number than any that denies it.",
    )
    _narrow(
        flow,
        others,
        answers_of_linux,
        answers,
        f"{where} does not let the answers {back_in_or_out} {to_or_from} {_left(seen, answers_of_linux)}. An ACL keeps "
        f"no state: allow the TCP ports {ports}, which clients take.",
    )
    if covers(answers_of_linux.all_ports, seen) and not covers(answers.all_ports, seen):
        flow.note(
            f"{where} lets answers {back_in_or_out} on a part of the TCP ports {ports} only. The ports of Linux are "
            "among them; other systems and NAT devices may take others."
        )


def _narrow(flow: Flow, others: Sequence[Network] | None, sure: Passage, perhaps: Passage, reason: str) -> None:
    if others is None:
        flow.narrow(sure.all_ports, perhaps.some_ports, reason)
    elif not covers(sure.all_ports, others):
        if perhaps.some_ports:
            flow.doubt(reason)
        else:
            flow.close(reason)


def _left(seen: Sequence[Network], passed: Passage) -> str:
    """Return those who do not get through, for a sentence."""
    left = list(seen)
    for each in passed.all_ports:
        left = without(left, each)
    return named(left)
