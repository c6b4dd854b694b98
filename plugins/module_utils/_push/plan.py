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

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Mapping, NamedTuple, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, ServiceError, shown
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import PublicKey, result_of_key
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Region, Report, count_and_name

# API pages of SendSSHPublicKey and SendSerialConsoleSSHPublicKey: "The key remains for 60 seconds."
KEY_LIFETIME = 60

# The service model of EC2 Instance Connect (botocore, 2018-04-02).
_INSTANCE_ID = re.compile(r"i-[a-f0-9]{8,30}")
_OS_USER = re.compile(
    r"[A-Za-z_][A-Za-z0-9@._-]{0,30}[A-Za-z0-9$_-]?|(?=.{2,32}$)[0-9]{1,32}[A-Za-z@._-][A-Za-z0-9@._-]*[A-Za-z0-9$_-]?"
)
_AVAILABILITY_ZONE = re.compile(r"(?=.{6,32}$)(\w+-){2,3}\d+\w+", re.ASCII)


def check_instance_id(instance_id: str) -> None:
    """Raise ArgumentError unless this is the id of an EC2 instance."""
    if not _INSTANCE_ID.fullmatch(instance_id):
        raise ArgumentError(
            f"instance_id {shown(instance_id)} is not the id of an EC2 instance: it must be 'i-' and "
            "hexadecimal digits, such as i-0123456789abcdef0."
        )


def check_os_user(os_user: str, of: str = "") -> None:
    """Raise ArgumentError unless EC2 Instance Connect takes this OS user. of: whose it is, with a blank before it."""
    if not _OS_USER.fullmatch(os_user):
        raise ArgumentError(
            f"os_user {shown(os_user)}{of} is not an OS user that EC2 Instance Connect takes: use 1 to 32 letters, "
            "digits and @ . _ -, not digits alone, and no domain with a backslash."
        )


def check_availability_zone(availability_zone: str, of: str = "") -> None:
    """Raise ArgumentError unless this is an Availability Zone. of: whose it is, with a blank before it."""
    if not _AVAILABILITY_ZONE.fullmatch(availability_zone):
        raise ArgumentError(
            f"availability_zone {shown(availability_zone)}{of} is not an Availability Zone: give one such as "
            "us-east-1a, or leave it out."
        )


class Endpoint(NamedTuple):
    """An EC2 Instance Connect Endpoint, through which an instance without a public address is reached."""

    id: str
    dns_name: str


@dataclass(frozen=True)
class Target:
    """Where a key is pushed to: an OS user of an instance, or its serial console.

    Exactly one of os_user and serial_port is not None.
    Raises ArgumentError where the service's model does not allow a value.
    """

    instance_id: str
    os_user: str | None = None
    availability_zone: str | None = None
    serial_port: int | None = None

    def __post_init__(self) -> None:
        """Check the values against the service's model."""
        check_instance_id(self.instance_id)
        if self.os_user is not None:
            check_os_user(self.os_user, f" for {self.instance_id}")
        if self.availability_zone is not None:
            check_availability_zone(self.availability_zone, f" for {self.instance_id}")
        if self.serial_port not in (None, 0):
            raise ArgumentError(
                f"serial_port is {self.serial_port} for {self.instance_id}, and the only serial port is 0."
            )

    @property
    def door(self) -> str:
        """What the key opens at the instance, as text that no other kind of target has."""
        return f"serial console {self.serial_port}" if self.os_user is None else f"user {self.os_user}"

    def result(self) -> dict[str, Any]:
        """Return what names the target in a result."""
        if self.os_user is None:
            return {"instance_id": self.instance_id, "serial_port": self.serial_port}
        return {"instance_id": self.instance_id, "os_user": self.os_user}


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
class Outcome:
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
class Plan:
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
    def after(self) -> list[Outcome]:
        """What is foreseen: every push succeeds."""
        return self.merge([Outcome(target, changed=True) for target in self.pushes])

    def merge(self, pushed: Sequence[Outcome]) -> list[Outcome]:
        """Put the outcomes of the pushes among the targets where nothing was to be done."""
        outcomes = {outcome.target: outcome for outcome in pushed}
        for target, lease in self.live.items():
            outcomes[target] = Outcome(target, changed=False, lease=lease)
        return [outcomes[target] for target in self.targets]


def unique_targets(targets: Sequence[Target]) -> list[Target]:
    """Return each target once, in order. Raises ArgumentError where one is named with two Availability Zones."""
    seen: dict[tuple[str, str], Target] = {}
    for target in targets:
        first = seen.setdefault((target.instance_id, target.door), target)
        if first != target:
            raise ArgumentError(
                f"targets has {target.instance_id} ({target.door}) twice, with availability_zone "
                f"{first.availability_zone!r} and {target.availability_zone!r}: keep one of them."
            )
    return list(seen.values())


def plan(
    targets: Sequence[Target], leases: Mapping[Target, Lease], *, now: float, min_validity: float, force: bool
) -> Plan:
    """Decide which targets get the key.

    leases: the lease of each target that has one.
    now: seconds since the epoch. min_validity: seconds that a lease must still have.
    """
    live = {
        target: lease
        for target, lease in leases.items()
        if not force and lease.seconds_left(now) > 0 and min_validity <= lease.seconds_left(now)
    }
    return Plan(tuple(targets), live)


def report(
    outcomes: Sequence[Outcome],
    key: PublicKey,
    warnings: Sequence[str],
    *,
    single: bool,
    now: float,
    region: Region | None = None,
) -> Report:
    """Turn the outcomes of a run, or of a plan, into what the module returns.

    single: whether the task named one target; then that target's fields also stand at the top.
    now: when the run ended, seconds since the epoch. region: where the targets are, if that is known.
    """
    results = [_result(outcome) for outcome in outcomes]
    result: dict[str, Any] = {
        **(results[0] if single else {}),
        "changed": any(outcome.changed for outcome in outcomes),
        "key": result_of_key(key),
        "expires_at": min((entry["expires_at"] for entry in results if entry["expires_at"]), default=None),
        "targets": results,
        **({"region": region.name, "region_source": region.source} if region else {}),
    }
    failed = [
        (f"{outcome.target.instance_id} ({outcome.target.door})", outcome.error)
        for outcome in outcomes
        if outcome.error
    ]
    failure = count_and_name(failed, len(outcomes), "targets", region) if failed else None
    if not outcomes:
        result["msg"] = _NOTHING_TO_DO
    # What went wrong on this host went wrong for every target alike.
    own_warnings = dict.fromkeys(outcome.warning for outcome in outcomes if outcome.warning)
    return Report(result, [*warnings, *own_warnings, *_too_late(outcomes, now)], failure)


_NOTHING_TO_DO = (
    "targets is an empty list, so there is nothing to do, and no key was pushed. That is no error: a group may have no "
    "hosts."
)


def _too_late(outcomes: Sequence[Outcome], now: float) -> list[str]:
    """Return a warning where keys that were pushed in this run have ended already."""
    pushes = [outcome.lease.pushed_at for outcome in outcomes if outcome.changed and outcome.lease]
    ended = [pushed_at for pushed_at in pushes if pushed_at + KEY_LIFETIME <= now]
    if not ended:
        return []
    return [
        (
            f"The pushes took {now - min(pushes):.0f} seconds, and a key lives {KEY_LIFETIME}: at {len(ended)} of "
            f"{len(pushes)} targets it has ended already. Push to fewer at a time, for example with serial in the "
            "play, and connect to them before the next ones."
        )
    ]


def _result(outcome: Outcome) -> dict[str, Any]:
    lease = outcome.lease
    result: dict[str, Any] = {
        **outcome.target.result(),
        "changed": outcome.changed,
        "success": outcome.error is None,
        "request_id": lease.request_id if lease else None,
        "pushed_at": _iso(lease.pushed_at) if lease else None,
        "expires_at": _iso(lease.pushed_at + KEY_LIFETIME) if lease else None,
    }
    if outcome.error:
        result["error"] = outcome.error.result()
    return result


def _iso(seconds: float) -> str:
    """Write seconds since the epoch as ISO 8601 in UTC; a part of a second is dropped, which errs on the safe side."""
    return datetime.fromtimestamp(int(seconds), tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
