# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rotation of five keys is killed at each of its calls: the user gets in, and the next run ends it.

The sftp server is a real one, and so is SIGKILL.
"""

from __future__ import annotations

import multiprocessing
import os
import shlex
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.modules import transfer_ssh_key
from ansible_collections.sshkeys.aws.tests.robustness.figures import Figure
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab

USER = "partner"
SECONDS_AT_MOST = 30.0


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Make ten key pairs: public line -> file of the private key. The first five are the old ones."""
    folder = tmp_path_factory.mktemp("keys")
    made = {}
    for number in range(10):
        path = folder / f"key{number}"
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)]
        subprocess.run(command, check=True)
        made[Path(f"{path}.pub").read_text(encoding="utf-8").strip()] = path
    return made


def options(running_lab: RunningLab, pairs: Mapping[str, Path]) -> dict[str, Any]:
    """Declare the new keys and no others."""
    keys = list(pairs)[5:]
    return {"server_id": running_lab.server_id, "user_name": USER, "public_keys": keys, "exclusive": True}


def kill_when_in_flight(running_lab: RunningLab, process: Any) -> None:
    """Kill a process when the call that is struck has reached the service."""
    end = time.monotonic() + SECONDS_AT_MOST
    while not any(call["fault"] for call in running_lab.requests()):
        assert time.monotonic() < end, "The call did not come."
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode == -signal.SIGKILL


def can_log_in(running_lab: RunningLab, private_key: Path) -> bool:
    """Return whether the key opens the user's sftp server."""
    (door,) = (user for user in running_lab.lab["transfer"]["users"] if user["user_name"] == USER)
    command = ["sftp", *shlex.split(running_lab.lab["ssh_common_args"]), "-i", str(private_key), "-b", os.devnull]
    command += ["-P", str(door["port"]), f"{door['login_user']}@{door['host']}"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("quota", [10, 5], ids=["room for all", "no room"])
def test_killed_at_every_call(running_lab: RunningLab, pairs: dict[str, Path], quota: int, figure: Figure) -> None:
    """At each call, before and after it took effect: an old key or a new one opens, and the next run is the last."""
    old, new = list(pairs)[:5], list(pairs)[5:]
    running_lab.control("PUT", "settings", key_quota=quota)
    running_lab.hold(USER, old)
    assert running_lab.run(transfer_ssh_key, options(running_lab, pairs)).failure is None
    calls = [request["operation"] for request in running_lab.requests()]
    assert Counter(calls)["DeleteSshPublicKey"] == 5
    seen: set[tuple[str, ...]] = set()
    for number, operation in enumerate(calls):
        for fault in ("hang", "stall"):
            running_lab.hold(USER, old)
            running_lab.control("DELETE", "requests")
            after = Counter(calls[:number])[operation]
            running_lab.misbehave({"operation": operation, "fault": fault, "after": after, "times": None})
            process = multiprocessing.get_context("fork").Process(
                target=running_lab.run,
                args=(transfer_ssh_key, options(running_lab, pairs)),
                kwargs={"aws_config": {"read_timeout": 60}},
            )
            process.start()
            kill_when_in_flight(running_lab, process)
            running_lab.misbehave()

            held = running_lab.held(USER)
            where = f"{operation} {after}, {fault}"
            assert set(held) <= {*old, *new}, where
            assert held, f"nobody gets in after {where}"
            if tuple(held) not in seen:
                assert any(can_log_in(running_lab, pairs[key]) for key in held), f"nobody gets in after {where}"
                seen.add(tuple(held))
            report = running_lab.run(transfer_ssh_key, options(running_lab, pairs))
            assert report.failure is None, where
            assert running_lab.held(USER) == sorted(new), where
    figure("kills in a rotation of five keys", 2 * len(calls))
    figure("different keys that the user had then", len(seen))
