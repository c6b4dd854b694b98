# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Pushing a public key to EC2 instances: targets and leases make a plan, a plan makes a result.

Pure. Rules:
- A pushed key lives KEY_LIFETIME seconds, counted from before its request was sent.
- A target gets the key unless a lease shows that the same key lives there for ``min_validity`` more seconds.
- The report of a target equals its plan, except for times and request ids, which are unknown before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, NamedTuple, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._push.target import Target

# API pages of SendSSHPublicKey and SendSerialConsoleSSHPublicKey: "The key remains for 60 seconds."
KEY_LIFETIME = 60


class LeaseName(NamedTuple):
    """The identity of a push. The fields are stored in the lease's file."""

    endpoint: str
    region: str
    instance_id: str
    door: str
    fingerprint: str


@dataclass(frozen=True)
class Lease:
    """An accepted push: the time when it was sent (seconds since the epoch), and its request id."""

    pushed_at: float
    request_id: str

    def seconds_left(self, now: float) -> float:
        """Return the key's remaining lifetime; 0 for a lease from the future, whose clock cannot be trusted."""
        return self.pushed_at + KEY_LIFETIME - now if self.pushed_at <= now else 0


@dataclass(frozen=True)
class PushOutcome:
    """The state of one target at the end of a run.

    changed: whether this run pushed the key (in check mode: would push it), or may have pushed it, as the error says.
    lease: the push that made the key live, None if there is none, or none yet.
    error: the reason why the push failed. warning: a sentence, or None.
    """

    target: Target
    changed: bool
    lease: Lease | None = None
    error: ServiceError | None = None
    warning: str | None = None


@dataclass(frozen=True)
class PushPlan:
    """The pushes to make, in the order of the targets.

    live: the targets where the key already lives, with their leases.
    """

    targets: Sequence[Target]
    live: Mapping[Target, Lease]

    @property
    def pushes(self) -> list[Target]:
        """The targets that get the key, in order."""
        return [target for target in self.targets if target not in self.live]

    @property
    def after(self) -> list[PushOutcome]:
        """The expected outcomes: every push succeeds."""
        return self.merge([PushOutcome(target, changed=True) for target in self.pushes])

    def merge(self, pushed: Sequence[PushOutcome]) -> list[PushOutcome]:
        """Return the outcomes of all targets: those of the pushes, and of the targets where the key already lives."""
        outcomes = {outcome.target: outcome for outcome in pushed}
        for target, lease in self.live.items():
            outcomes[target] = PushOutcome(target, changed=False, lease=lease)
        return [outcomes[target] for target in self.targets]


def plan_pushes(
    targets: Sequence[Target], leases: Mapping[Target, Lease], *, now: float, min_validity: float, force: bool
) -> PushPlan:
    """Decide which targets get the key.

    leases: the lease of each target that has one.
    now: seconds since the epoch. min_validity: the minimum remaining seconds of a lease.
    """
    live = {
        target: lease
        for target, lease in leases.items()
        if not force and lease.seconds_left(now) > 0 and min_validity <= lease.seconds_left(now)
    }
    return PushPlan(tuple(targets), live)
