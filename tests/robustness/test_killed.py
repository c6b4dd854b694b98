# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run is killed at each of its calls: the next run ends it, and during a rotation the user gets in.

The sftp server is a real one, and so is SIGKILL.
"""

from __future__ import annotations

import multiprocessing
import os
import shlex
import signal
import subprocess
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.modules import transfer_ssh_key, transfer_user
from ansible_collections.sshkeys.aws.tests.robustness.whole_users import (
    OTHER_ROLE,
    ROLE,
    client_of,
    described_lines,
    differing,
    put_user,
    told_lines,
)
from ansible_collections.sshkeys.aws.tests.running_lab import Prepare, RunningLab
from ansible_collections.sshkeys.aws.tests.unit.keys import make_key_file

USER = "partner"


@dataclass(frozen=True)
class Rotation:
    """A rotation of a user from some keys to as many others, each with the file of its private key."""

    old: dict[str, Path]
    new: dict[str, Path]

    def options(self, running_lab: RunningLab) -> dict[str, Any]:
        """Declare the new keys and no others."""
        user = {"server_id": running_lab.server_id, "user_name": USER}
        return {**user, "public_keys": list(self.new), "exclusive": True}

    def may_be_held(self, keys: Collection[str]) -> bool:
        """Return whether a user can hold these keys and no others in the middle of it, and still get in."""
        return bool(keys) and set(keys) <= {*self.old, *self.new}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Make ten key pairs: public line -> file of the private key."""
    folder = tmp_path_factory.mktemp("keys")
    made = {}
    for number in range(10):
        path = folder / f"key{number}"
        made[make_key_file(path, path.name)] = path
    return made


def deadly(event: str, number: int) -> Prepare:
    """Return what makes a client kill its process at one of its calls.

    event: ``before-send`` for a call that does not reach the service, ``response-received`` for one whose answer has
    come. number: of the call, from 0.
    """
    seen: list[None] = []

    def count_and_kill(**_event: object) -> None:
        if len(seen) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        seen.append(None)

    def prepare(client: Any) -> None:
        client.meta.events.register(event, count_and_kill)

    return prepare


def run_and_die(
    running_lab: RunningLab, module: ModuleType, options: Mapping[str, Any], event: str, number: int
) -> None:
    """Run a module in a process that is killed at a call."""
    process = multiprocessing.get_context("fork").Process(
        target=running_lab.run,
        args=(module, options),
        kwargs={"prepare": deadly(event, number)},
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def can_log_in(running_lab: RunningLab, private_key: Path) -> bool:
    """Return whether the key opens the user's sftp server."""
    (door,) = (user for user in running_lab.lab["transfer"]["users"] if user["user_name"] == USER)
    command = ["sftp", *shlex.split(running_lab.lab["ssh_common_args"]), "-i", str(private_key), "-b", os.devnull]
    command += ["-P", str(door["port"]), f"{door['login_user']}@{door['host']}"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("count", [3, pytest.param(5, marks=pytest.mark.exhaustive)], ids="{} keys".format)
@pytest.mark.parametrize("has_room", [True, False], ids=["room for all", "no room"])
def test_killed_at_every_call(running_lab: RunningLab, pairs: dict[str, Path], has_room: bool, count: int) -> None:
    """At each call, before and after it took effect: an old key or a new one opens, and the next run is the last."""
    lines = list(pairs.items())
    rotation = Rotation(dict(lines[:count]), dict(lines[5 : 5 + count]))
    running_lab.control("PUT", "settings", key_quota=10 if has_room else count)
    running_lab.hold(USER, list(rotation.old))
    assert running_lab.run(transfer_ssh_key, rotation.options(running_lab)).failure is None
    calls = [request["operation"] for request in running_lab.requests()]
    assert Counter(calls)["DeleteSshPublicKey"] == count
    seen: set[tuple[str, ...]] = set()
    for number, event in product(range(len(calls)), ("before-send", "response-received")):
        where = f"{calls[number]}, call {number}, {event}"
        running_lab.hold(USER, list(rotation.old))
        running_lab.control("DELETE", "requests")
        run_and_die(running_lab, transfer_ssh_key, rotation.options(running_lab), event, number)
        assert len(running_lab.requests()) == number + (event == "response-received"), where

        held = tuple(running_lab.held(USER))
        assert rotation.may_be_held(held), where
        if held not in seen:
            assert any(can_log_in(running_lab, pairs[key]) for key in held), f"nobody gets in after {where}"
            seen.add(held)
        report = running_lab.run(transfer_ssh_key, rotation.options(running_lab))
        assert report.failure is None, where
        assert running_lab.held(USER) == sorted(rotation.new), where
    # After each import, and after each deletion.
    assert len(seen) == 2 * count + 1


# -- A whole user ------------------------------------------------------------------------------------------------------

BEFORE: dict[str, Any] = {
    "Role": ROLE,
    "HomeDirectory": "/bucket",
    "Tags": [{"Key": "team", "Value": "finance"}, {"Key": "old", "Value": "x"}],
}
AFTER: dict[str, Any] = {
    "role_arn": OTHER_ROLE,
    "home_directory": "",
    "home_directory_mappings": [{"entry": "/", "target": "/bucket/home"}],
    "tags": {"team": "sales", "new": "y"},
    "exclusive": True,
}
# Whether the user exists before, and what is declared.
TASKS: dict[str, tuple[bool, dict[str, Any]]] = {
    "create": (False, AFTER),
    "update": (True, AFTER),
    "delete": (True, {"state": "absent"}),
}


@pytest.mark.parametrize("task", TASKS)
def test_a_whole_user_at_every_call(running_lab: RunningLab, pairs: dict[str, Path], task: str) -> None:
    """Before and after each call took effect: the next run does what is left, says only that, and is the last."""
    lines = list(pairs)
    exists, declared = TASKS[task]
    keys = {} if "state" in declared else {"public_keys": lines[2:5]}
    client = client_of(running_lab)
    options = {"server_id": running_lab.server_id, "user_name": "newcomer", **declared, **keys}

    def begin() -> list[str]:
        put_user(client, running_lab.server_id, "newcomer", BEFORE if exists else None, lines[:2])
        running_lab.control("DELETE", "requests")
        return described_lines(client, running_lab.server_id, "newcomer")

    before = begin()
    running_lab.control("DELETE", "requests")
    undisturbed = running_lab.run(transfer_user, options)
    assert undisturbed.failure is None
    calls = [request["operation"] for request in running_lab.requests()]
    wanted = described_lines(client, running_lab.server_id, "newcomer")
    assert bool(wanted) is (task != "delete")
    for number, event in product(range(len(calls)), ("before-send", "response-received")):
        where = f"{calls[number]}, call {number}, {event}"
        begin()
        running_lab.control("DELETE", "requests")
        run_and_die(running_lab, transfer_user, options, event, number)
        assert len(running_lab.requests()) == number + (event == "response-received"), where
        left = described_lines(client, running_lab.server_id, "newcomer")
        # Each value is the old one or the new one.
        assert set(left) <= {*before, *wanted}, where
        foreseen = running_lab.run(transfer_user, options, check_mode=True)
        report = running_lab.run(transfer_user, options)
        assert report.failure is None, where
        assert told_lines(foreseen.result) == told_lines(report.result) == wanted, where
        assert described_lines(client, running_lab.server_id, "newcomer") == wanted, where
        assert report.result["changed"] is (left != wanted), where
        updated = [name for name in differing(left, wanted) if name != "public_keys"] if left and wanted else []
        assert report.result["updated"] == foreseen.result["updated"] == updated, where
        assert running_lab.run(transfer_user, options).result["changed"] is False, where
