# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ten thousand targets and two thousand users in one call, with the benchmark's service: memory, time, connections."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.tests.bench.service import Service, running
from ansible_collections.sshkeys.aws.tests.robustness.figures import Figure
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, line_of

MODULE_PROCESS = Path(__file__).parents[1] / "bench" / "module_process.py"
KEY = line_of(ed25519_blob(bytes([1]) * 32))
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


def is_linear(costs: Sequence[tuple[int, dict[str, Any]]]) -> bool:
    """Return whether a thing costs no more among many than among few: processor time, since others work here too.

    The first figure has the start of the module in it, so that the last two count.
    """
    (some, less), (many, more) = costs[-2:]
    return bool(more["processor"] / many <= 1.25 * less["processor"] / some)


def test_ten_thousand_targets(tmp_path: Path, figure: Figure) -> None:
    """Time is linear, memory is bounded, and there are never more connections than calls at once."""
    costs = []
    with running("--latency=0") as service:
        for count in (1000, 3000, 10_000):
            costs.append((count, push(service, tmp_path, count)))
            seen = service.counts()
            assert seen["taken"] == count
            assert seen["connections"] <= CONCURRENCY
    for count, cost in costs:
        assert (cost["failed"], cost["changed"]) == (0, True)
        figure(f"{count} at once", f"{cost['processor']:.2f} s of processor time, {cost['peak'] / MB:.0f} MB")
    assert is_linear(costs), costs
    assert costs[-1][1]["peak"] < 100 * MB
    assert costs[-1][1]["peak"] - costs[0][1]["peak"] < 40 * MB


def test_two_thousand_users(tmp_path: Path, figure: Figure) -> None:
    """One call for each user, and no more connections than calls at once."""
    costs = []
    with running("--latency=0", f"--key-body={KEY}") as service:
        for count in (500, 2000):
            costs.append((count, declare(service, tmp_path, count)))
            seen = service.counts()
            assert seen["taken"] == count
            assert seen["connections"] <= CONCURRENCY
    for count, cost in costs:
        assert cost["changed"] is False
        figure(f"{count} at once", f"{cost['processor']:.2f} s of processor time, {cost['peak'] / MB:.0f} MB")
    assert costs[-1][1]["peak"] < 100 * MB


@pytest.mark.parametrize(("calls_a_second", "targets"), [(20, 200)])
def test_a_service_that_throttles(tmp_path: Path, calls_a_second: int, targets: int, figure: Figure) -> None:
    """Nobody is given up, and little more is sent than what the service takes."""
    with running("--latency=0.02", f"--calls-a-second={calls_a_second}") as service:
        # As many at a time as there are unless the user says otherwise.
        cost = push(service, tmp_path, targets, concurrency=16)
        seen = service.counts()
    floor = (targets - calls_a_second) / calls_a_second
    figure("throttled", f"{cost['seconds']:.1f} s, floor {floor:.1f} s, {seen['throttled']} calls refused")
    assert (cost["failed"], seen["taken"]) == (0, targets)
    assert cost["seconds"] < 2 * floor
    assert seen["throttled"] < 2 * targets
