# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Pushing a public key to EC2 instances: targets and leases make a plan, a plan makes a result.

Pure. Rules:
- A key that was pushed lives KEY_LIFETIME seconds, counted from before its request was sent.
- A target is pushed to unless a lease says that the same key lives there for ``min_validity`` seconds more.
- What is planned for a target is what is reported for it; only times and request ids are unknown before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, NamedTuple, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._push.target import Target

# API pages of SendSSHPublicKey and SendSerialConsoleSSHPublicKey: "The key remains for 60 seconds."
KEY_LIFETIME = 60


class LeaseName(NamedTuple):
    """What makes a push the same as an earlier one. The fields are stored in the lease's file."""

    endpoint: str
    region: str
    instance_id: str
    door: str
    fingerprint: str


@dataclass(frozen=True)
class Lease:
    """An accepted push: when it was sent (seconds since the epoch), and its request id."""

    pushed_at: float
    request_id: str

    def seconds_left(self, now: float) -> float:
        """Return for how long the key still lives; 0 for a lease from the future, whose clock cannot be trusted."""
        return self.pushed_at + KEY_LIFETIME - now if self.pushed_at <= now else 0


@dataclass(frozen=True)
class PushOutcome:
    """What stands at one target at the end of a run.

    changed: whether the key was pushed now (in check mode: would be), or may have been, which the error says then.
    lease: the push that makes the key live, None where there is none, or none yet.
    error: why the push failed. warning: a sentence, or None.
    """

    target: Target
    changed: bool
    lease: Lease | None = None
    error: ServiceError | None = None
    warning: str | None = None


@dataclass(frozen=True)
class PushPlan:
    """What is to be done, in the order of the targets.

    live: the targets where the key lives already, with the lease that says so.
    pushes: the targets that get the key.
    """

    targets: Sequence[Target]
    live: Mapping[Target, Lease]

    @property
    def pushes(self) -> list[Target]:
        """The targets that get the key, in order."""
        return [target for target in self.targets if target not in self.live]

    @property
    def after(self) -> list[PushOutcome]:
        """What is foreseen: every push succeeds."""
        return self.merge([PushOutcome(target, changed=True) for target in self.pushes])

    def merge(self, pushed: Sequence[PushOutcome]) -> list[PushOutcome]:
        """Put the outcomes of the pushes among the targets where nothing was to be done."""
        outcomes = {outcome.target: outcome for outcome in pushed}
        for target, lease in self.live.items():
            outcomes[target] = PushOutcome(target, changed=False, lease=lease)
        return [outcomes[target] for target in self.targets]


def plan_pushes(
    targets: Sequence[Target], leases: Mapping[Target, Lease], *, now: float, min_validity: float, force: bool
) -> PushPlan:
    """Decide which targets get the key.

    leases: the lease of each target that has one.
    now: seconds since the epoch. min_validity: seconds that a lease must still have.
    """
    live = {
        target: lease
        for target, lease in leases.items()
        if not force and lease.seconds_left(now) > 0 and min_validity <= lease.seconds_left(now)
    }
    return PushPlan(tuple(targets), live)
