# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work that takes long shows how far it is, and short work does not: for ansible-playbook and for ansible-runner."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import ansible_runner
import pytest
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, line_of

KEY = line_of(ed25519_blob(bytes([1]) * 32), "a key")
SENTENCE = re.compile(r"sshkeys\.aws\.ec2_instance_connect_key: (\d) of 6 done after (\d+) seconds\.")
# Six calls, two at a time, of which each is answered after so many seconds.
SECONDS_OF_A_LONG_CALL = 3.5


@pytest.fixture
def playbook(running_lab: RunningLab, tmp_path: Path) -> Path:
    """Write a playbook that pushes to six instances."""
    task = {
        "name": "Push",
        "sshkeys.aws.ec2_instance_connect_key": {
            "targets": running_lab.instance_ids[:6],
            "os_user": "ubuntu",
            "public_key": KEY,
            "concurrency": 2,
        },
    }
    play = {"name": "Push", "hosts": "localhost", "gather_facts": False, "tasks": [task]}
    path = tmp_path / "project" / "play.yml"
    path.parent.mkdir()
    path.write_text(json.dumps([play]), encoding="utf-8")
    return path


def slow_down(running_lab: RunningLab) -> None:
    running_lab.misbehave(
        {"operation": "SendSSHPublicKey", "fault": "slow", "seconds": SECONDS_OF_A_LONG_CALL, "times": None}
    )


def test_short_work_says_nothing(playbook: Path) -> None:
    """What takes less than five seconds is as quiet as ever."""
    done = subprocess.run(["ansible-playbook", str(playbook)], capture_output=True, text=True, check=True)
    assert "done after" not in done.stdout + done.stderr


def test_long_work_says_how_far_it_is(running_lab: RunningLab, playbook: Path) -> None:
    """On standard error, so that a program can still read what a callback writes to standard output."""
    slow_down(running_lab)
    environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
    done = subprocess.run(
        ["ansible-playbook", str(playbook)], capture_output=True, text=True, check=True, env=environment
    )
    (said,) = SENTENCE.findall(done.stderr)
    assert said == ("2", "5")
    assert json.loads(done.stdout)["stats"]["localhost"]["changed"] == 1


def test_long_work_says_so_to_a_controller(running_lab: RunningLab, playbook: Path) -> None:
    """What ansible-runner makes an event of, a controller shows in the output of the job."""
    slow_down(running_lab)
    run: Any = ansible_runner.run(private_data_dir=str(playbook.parents[1]), playbook=playbook.name, quiet=True)
    assert run.status == "successful"
    assert [event["event"] for event in run.events if SENTENCE.search(event["stdout"])] == ["verbose"]
