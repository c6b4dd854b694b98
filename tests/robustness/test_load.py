# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Thousands of targets and of users in one call, with the benchmark's service: memory, work and connections."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.tests.bench.service import Service, running
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, line_of

MODULE_PROCESS = Path(__file__).parents[1] / "bench" / "module_process.py"
KEY = line_of(ed25519_blob(bytes([1]) * 32))
ROLE = "arn:aws:iam::123456789012:role/transfer"
CONCURRENCY = 32
MB = 1_000_000


def run(service: Service, cache: Path, module: str, options: Mapping[str, object]) -> dict[str, Any]:
    """Run a module in a process of its own, and return what it cost."""
    arguments = {
        "ANSIBLE_MODULE_ARGS": {
            "endpoint_url": service.address,
            "region": "us-east-1",
            "access_key": "AKIAIOSFODNN7EXAMPLE",
            "secret_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "concurrency": CONCURRENCY,
            **options,
        }
    }
    done = subprocess.run(
        [sys.executable, str(MODULE_PROCESS), module],
        input=json.dumps(arguments),
        env={"XDG_CACHE_HOME": str(cache), "PYTHONPATH": ":".join(sys.path)},
        text=True,
        capture_output=True,
        check=True,
    )
    cost: dict[str, Any] = json.loads(done.stdout)
    assert not cost["msg"], cost
    return cost


def push(service: Service, cache: Path, count: int, **more: object) -> dict[str, Any]:
    """Push a key to so many targets."""
    targets = [f"i-{number:017x}" for number in range(count)]
    options = {"targets": targets, "os_user": "ec2-user", "public_key": KEY, "force": True, **more}
    return run(service, cache, "ec2_instance_connect_key", options)


def declare(service: Service, cache: Path, count: int) -> dict[str, Any]:
    """Declare the key of so many users, who have it."""
    users = [f"user{number}" for number in range(count)]
    options = {"server_id": "s-01234567890abcdef", "users": users, "public_keys": KEY, "exclusive": True}
    return run(service, cache, "transfer_ssh_key", options)


def create(service: Service, cache: Path, count: int) -> dict[str, Any]:
    """Create so many users, with a key each."""
    users = [f"user{number}" for number in range(count)]
    options = {"server_id": "s-01234567890abcdef", "users": users, "role_arn": ROLE, "public_keys": KEY}
    return run(service, cache, "transfer_user", options)


def is_linear(costs: Sequence[tuple[int, dict[str, Any]]]) -> bool:
    """Return whether a thing costs no more among many than among few: processor time, since others work here too.

    The first figure has the start of the module in it, so that the last two count. Of four times as many a square would
    take four times as long each.
    """
    (some, less), (many, more) = costs[-2:]
    return bool(more["processor"] / many < 2 * less["processor"] / some)


@pytest.mark.parametrize(
    "counts", [(100, 500, 2000), pytest.param((1000, 2500, 10_000), marks=pytest.mark.exhaustive)], ids=str
)
def test_targets_by_the_thousand(tmp_path: Path, counts: Sequence[int]) -> None:
    """Work is linear, memory is bounded, and there are never more connections than calls at once."""
    costs = []
    with running("--latency=0") as service:
        for count in counts:
            costs.append((count, push(service, tmp_path, count)))
            seen = service.counts()
            assert (seen["taken"], seen["throttled"]) == (count, 0)
            assert 1 < seen["connections"] <= CONCURRENCY
    for _count, cost in costs:
        assert (cost["failed"], cost["changed"]) == (0, True)
    assert is_linear(costs), costs
    assert costs[-1][1]["peak"] < 100 * MB
    assert costs[-1][1]["peak"] - costs[0][1]["peak"] < 40 * MB


@pytest.mark.parametrize("counts", [(125, 500), pytest.param((500, 2000), marks=pytest.mark.exhaustive)], ids=str)
def test_users_by_the_hundred(tmp_path: Path, counts: Sequence[int]) -> None:
    """One call for each user, work that is linear, and no more connections than calls at once."""
    costs = []
    with running("--latency=0", f"--key-body={KEY}") as service:
        for count in counts:
            costs.append((count, declare(service, tmp_path, count)))
            seen = service.counts()
            assert (seen["taken"], seen["throttled"]) == (count, 0)
            assert 1 < seen["connections"] <= CONCURRENCY
    for _count, cost in costs:
        assert cost["changed"] is False
    assert is_linear(costs), costs
    assert costs[-1][1]["peak"] < 100 * MB


@pytest.mark.parametrize(
    "counts", [(50, 100, 400), pytest.param((200, 500, 2000), marks=pytest.mark.exhaustive)], ids=str
)
def test_new_users_by_the_hundred(tmp_path: Path, counts: Sequence[int]) -> None:
    """Three calls for each user, work that is linear, and no more connections than calls at once."""
    costs = []
    for count in counts:
        with running("--latency=0") as service:
            costs.append((count, create(service, tmp_path, count)))
            seen = service.counts()
            assert (seen["taken"], seen["throttled"]) == (3 * count, 0)
            assert 1 < seen["connections"] <= CONCURRENCY
    for _count, cost in costs:
        assert cost["changed"] is True
    assert is_linear(costs), costs
    assert costs[-1][1]["peak"] < 100 * MB


@pytest.mark.parametrize("users", [100, pytest.param(300, marks=pytest.mark.exhaustive)])
def test_new_users_of_a_service_that_throttles(tmp_path: Path, users: int) -> None:
    """No user is given up, and each of its three calls is made once that the service takes."""
    with running("--latency=0.02", "--calls-a-second=60") as service:
        cost = create(service, tmp_path, users)
        seen = service.counts()
    assert cost["changed"] is True
    assert seen["taken"] == 3 * users
    assert 0 < seen["throttled"] < 300 + 3 * users


@pytest.mark.parametrize("targets", [100, pytest.param(200, marks=pytest.mark.exhaustive)])
def test_a_service_that_throttles(tmp_path: Path, targets: int) -> None:
    """Nobody is given up, and little more is sent than what the service takes. Speed is measured by make bench."""
    with running("--latency=0.02", "--calls-a-second=20") as service:
        # As many at a time as there are unless the user says otherwise.
        cost = push(service, tmp_path, targets, concurrency=16)
        seen = service.counts()
    assert (cost["failed"], seen["taken"]) == (0, targets)
    # About 230 calls are refused in the first second, and in every second in which nobody keeps a pace.
    assert 0 < seen["throttled"] < 300 + targets
