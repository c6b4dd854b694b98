# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""One run of a module that pushes a key: read the leases, plan, apply the plan and report."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Mapping, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._aws import instance_connect
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import INSTANCE_CONNECT
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._fan_out import fan_out
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import PublicKey
from ansible_collections.sshkeys.aws.plugins.module_utils._push.leases import LeaseDirectory, default_directory
from ansible_collections.sshkeys.aws.plugins.module_utils._push.plan import (
    KEY_LIFETIME,
    Lease,
    LeaseName,
    PushOutcome,
    PushPlan,
    plan_pushes,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._push.report import report_pushes
from ansible_collections.sshkeys.aws.plugins.module_utils._push.target import Target, unique_targets
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report

if TYPE_CHECKING:
    from mypy_boto3_ec2_instance_connect import EC2InstanceConnectClient


# The common options of the modules that push a key; the doc fragment ``_push`` documents them.
PUSH_OPTIONS: dict[str, Any] = {
    "public_key": {"type": "str", "required": True, "aliases": ["ssh_public_key"], "no_log": False},
    "force": {"type": "bool", "default": False},
    "min_validity": {"type": "int", "default": 15},
}


def push_key(
    targets: Sequence[Target],
    key: PublicKey,
    warnings: Sequence[str],
    params: Mapping[str, Any],
    *,
    single: bool,
    check_mode: bool,
    session: Session,
) -> Report:
    """Make a key live at each target, and report.

    single: whether the task named one target.
    params: the options ``force``, ``min_validity`` (seconds) and, for many targets, ``concurrency``.
    session: makes the client, only if there is a key to push.
    Raises ArgumentError and SetUpError; failures of single targets are in the report.
    """
    _check_min_validity(params["min_validity"])
    targets = unique_targets(targets)
    directory = LeaseDirectory(default_directory())
    names = {target: _lease_name(session, target, key) for target in targets}
    found = {target: directory.read(name) for target, name in names.items()}
    leases = {target: lease for target, lease in found.items() if lease}
    todo = plan_pushes(targets, leases, now=time.time(), min_validity=params["min_validity"], force=params["force"])
    # In check mode too: making a client checks its settings, and sends nothing.
    client = session.client(INSTANCE_CONNECT) if todo.pushes else None
    if check_mode or client is None:
        outcomes = todo.after
    else:
        outcomes = _apply(client, todo, key, directory, names, concurrency=params.get("concurrency", 1))
    return report_pushes(outcomes, key, warnings, single=single, now=time.time(), region=session.region)


def _apply(
    client: EC2InstanceConnectClient,
    todo: PushPlan,
    key: PublicKey,
    directory: LeaseDirectory,
    names: Mapping[Target, LeaseName],
    *,
    concurrency: int,
) -> list[PushOutcome]:
    def push_to(target: Target) -> PushOutcome:
        try:
            lease = Lease(*instance_connect.push(client, target, key))
        except ServiceError as error:
            return PushOutcome(target, changed=error.in_doubt, error=error)
        return PushOutcome(target, changed=True, lease=lease, warning=_write(directory, names[target], lease))

    outcomes = todo.merge(fan_out(push_to, todo.pushes, concurrency))
    directory.sweep(time.time())
    return outcomes


def _write(directory: LeaseDirectory, name: LeaseName, lease: Lease) -> str | None:
    """Write a lease. Returns a warning if that fails, because the push itself has succeeded."""
    try:
        directory.write(name, lease)
    except OSError as error:
        # The sentence names no file, so that it is the same for a whole fleet.
        return (
            "The key was pushed, but no lease could be written, so the next run will push it again: "
            f"{default_directory()}: {error.strerror or error}"
        )
    return None


def _check_min_validity(seconds: int) -> None:
    if not 0 <= seconds <= KEY_LIFETIME:
        raise ArgumentError(
            f"min_validity is {seconds}, and must be 0 to {KEY_LIFETIME} seconds: a key lives {KEY_LIFETIME} "
            "seconds. Use force to push in any case."
        )


def _lease_name(session: Session, target: Target, key: PublicKey) -> LeaseName:
    return LeaseName(
        endpoint=session.endpoint,
        region=session.region.name,
        instance_id=target.instance_id,
        door=target.door,
        fingerprint=key.fingerprint,
    )
