# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""One run of a module that pushes a key: leases are read, a plan is made, carried out and reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Mapping, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils import _api
from ansible_collections.sshkeys.aws.plugins.module_utils._arguments import check_concurrency
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._fan_out import fan_out
from ansible_collections.sshkeys.aws.plugins.module_utils._instance_connect import (
    KEY_LIFETIME,
    Lease,
    LeaseName,
    Outcome,
    Plan,
    Target,
    plan,
    report,
    unique_targets,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._leases import LeaseDirectory, default_directory, now
from ansible_collections.sshkeys.aws.plugins.module_utils._public_key import PublicKey
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report

if TYPE_CHECKING:
    from mypy_boto3_ec2_instance_connect import EC2InstanceConnectClient


# The options that every module which pushes a key has; the doc fragment ``_push`` documents them.
PUSH_ARGUMENTS: dict[str, Any] = {
    # no_log until it is known to be a public key: see _front.
    "public_key": {"type": "str", "required": True, "aliases": ["ssh_public_key"], "no_log": True},
    "force": {"type": "bool", "default": False},
    "min_validity": {"type": "int", "default": 15},
    "concurrency": {"type": "int", "default": 16},
}


def push_key(
    targets: Sequence[Target],
    key: PublicKey,
    warnings: Sequence[str],
    params: Mapping[str, Any],
    *,
    single: bool,
    check_mode: bool,
    connect: Callable[[], EC2InstanceConnectClient],
) -> Report:
    """Make a key live at each target, and report.

    single: whether the task named one target.
    params: the options ``force``, ``min_validity`` (seconds) and ``concurrency``, and those of amazon.aws.
    connect: makes the client; called only when something is to be pushed.
    Raises ArgumentError and SetUpError; what fails at a target is in the report.
    """
    check_concurrency(params["concurrency"])
    _check_min_validity(params["min_validity"])
    targets = unique_targets(targets)
    book = _LeaseBook(LeaseDirectory(default_directory()), _api.scope(params), key)
    found = {target: book.read(target) for target in targets}
    leases = {target: lease for target, lease in found.items() if lease}
    todo = plan(targets, leases, now=now(), min_validity=params["min_validity"], force=params["force"])
    # In check mode too: what a client needs can be checked without sending anything.
    client = connect() if todo.pushes else None
    outcomes = todo.after if check_mode or client is None else _apply(client, todo, key, book, params["concurrency"])
    return report(outcomes, key, [*warnings, *book.warnings], single=single)


def _check_min_validity(seconds: int) -> None:
    if not 0 <= seconds <= KEY_LIFETIME:
        raise ArgumentError(
            f"min_validity is {seconds}, and must be 0 to {KEY_LIFETIME} seconds: a key lives {KEY_LIFETIME} "
            "seconds. Use force to push in any case."
        )


class _LeaseBook:
    """The leases of one key in one scope, and the warning that they could not be written."""

    def __init__(self, directory: LeaseDirectory, scope: _api.Scope, key: PublicKey) -> None:
        self._directory, self._scope, self._key = directory, scope, key
        self.warnings: list[str] = []

    def read(self, target: Target) -> Lease | None:
        return self._directory.read(self._name(target))

    def write(self, target: Target, lease: Lease) -> None:
        try:
            self._directory.write(self._name(target), lease)
        except OSError as error:
            # The key is live, which counts more; and one sentence serves for a whole fleet.
            self.warnings[:] = [
                f"The key was pushed, but that could not be noted for the next run, which will push it again: {error}"
            ]

    def sweep(self) -> None:
        self._directory.sweep(now())

    def _name(self, target: Target) -> LeaseName:
        return LeaseName(*self._scope, target.instance_id, target.door, self._key.fingerprint)


def _apply(
    client: EC2InstanceConnectClient, todo: Plan, key: PublicKey, book: _LeaseBook, concurrency: int
) -> list[Outcome]:
    def push_to(target: Target) -> Outcome:
        try:
            lease = _api.push(client, target, key)
        except ServiceError as error:
            return Outcome(target, changed=False, error=error)
        book.write(target, lease)
        return Outcome(target, changed=True, lease=lease)

    outcomes = todo.merge(fan_out(push_to, todo.pushes, concurrency))
    book.sweep()
    return outcomes
