# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real playbooks, at the same time."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.sshkeys.aws.tests.robustness.figures import Figure
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, line_of

KEYS = [line_of(ed25519_blob(bytes([number]) * 32), f"key-{number}") for number in range(1, 10)]


def start(folder: Path, module: str, options: Mapping[str, object], hosts: int = 1) -> subprocess.Popen[str]:
    """Start a playbook of one task, each host of which is this one. Its results can be read."""
    playbook, inventory = folder / "play.yml", ",".join(f"host{number}" for number in range(hosts)) + ","
    playbook.write_text(
        json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [{f"sshkeys.aws.{module}": options}]}]),
        encoding="utf-8",
    )
    command = ["ansible-playbook", "-i", inventory, "-c", "local", str(playbook)]
    # The same interpreter, so that each task is a worker and they come at once.
    command += ["-e", "ansible_python_interpreter={{ ansible_playbook_python }}"]
    environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_FORKS": "25"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def results(process: subprocess.Popen[str]) -> dict[str, dict[str, Any]]:
    """Wait for a playbook, and return the result of its task on each host."""
    printed, _errors = process.communicate(timeout=120)
    hosts: dict[str, dict[str, Any]] = json.loads(printed)["plays"][0]["tasks"][0]["hosts"]
    return hosts


def bodies(keys: Sequence[dict[str, Any]]) -> set[str]:
    return {key["body"] for key in keys}


def test_two_playbooks_rotate_a_user(running_lab: RunningLab, tmp_path: Path, figure: Figure) -> None:
    """Three times, since chance decides who is first; and once at least they meet."""
    gave_way = 0
    for attempt in range(3):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        gave_way += race(running_lab, folder)
    assert gave_way
    figure("playbooks that met another one and gave way", gave_way)


def race(running_lab: RunningLab, folder: Path) -> int:
    """Let two playbooks rotate a user, and return how many of them failed.

    The user ends with the keys of one of them; and that one says so, and what the other one claims has happened.
    """
    running_lab.control("DELETE", "requests")
    running_lab.hold("partner", KEYS[:3])
    wanted = [set(KEYS[3:6]), set(KEYS[6:9])]
    # Slow enough for the one to meet the other.
    slow = {"fault": "slow", "seconds": 0.3, "times": None}
    running_lab.misbehave(*({"operation": name, **slow} for name in ("ImportSshPublicKey", "DeleteSshPublicKey")))
    user = {"server_id": running_lab.server_id, "user_name": "partner", "exclusive": True}
    runs = []
    for number, keys in enumerate(wanted):
        own = folder / str(number)
        own.mkdir()
        runs.append(start(own, "transfer_ssh_key", {**user, "public_keys": sorted(keys)}))
    said = [results(run)["host0"] for run in runs]
    held = set(running_lab.held("partner"))
    assert held in wanted
    last = said[wanted.index(held)]
    assert not last.get("failed")
    assert bodies(last["ssh_public_keys"]) == held
    accepted = [request for request in running_lab.requests() if request["status"] == 200]
    for result, keys in zip(said, wanted, strict=True):
        assert bodies(result["imported"]) <= keys
        imported = {
            request["parameters"]["SshPublicKeyBody"]
            for request in accepted
            if request["operation"] == "ImportSshPublicKey"
        }
        assert bodies(result["imported"]) <= imported
    deleted = [request for request in accepted if request["operation"] == "DeleteSshPublicKey"]
    assert sum(len(result["deleted"]) for result in said) <= len(deleted)
    return sum(bool(result.get("failed")) for result in said)


def test_twenty_five_forks_push_the_same_key(running_lab: RunningLab, tmp_path: Path) -> None:
    """All succeed, the key is live, and one lease is left: whoever comes later sends nothing."""
    instance_id = running_lab.instance_ids[0]
    options = {"instance_id": instance_id, "os_user": "ubuntu", "public_key": KEYS[0]}
    push = partial(start, tmp_path, "ec2_instance_connect_key", options, hosts=25)
    # Slow enough for some to meet.
    running_lab.misbehave({"operation": "SendSSHPublicKey", "fault": "slow", "seconds": 1.0, "times": None})
    said = results(push())
    assert len(said) == 25
    assert all(result["success"] for result in said.values())
    assert running_lab.live(instance_id, "ubuntu") == [KEYS[0].rsplit(" ", 1)[0]]
    pushes = len(running_lab.requests())
    assert pushes > 1
    assert pushes == sum(result["changed"] for result in said.values())
    assert [path.suffix for path in (tmp_path / "cache").rglob("*") if path.is_file()] == [".lease"]
    assert not any(result["changed"] for result in results(push()).values())
    assert len(running_lab.requests()) == pushes
