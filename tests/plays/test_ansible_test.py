# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-test integration, the command that users and Ansible's own CI run a collection's targets with."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab

COLLECTION = Path(__file__).parents[2]
CONFIGURATION = COLLECTION / "tests" / "integration" / "integration_config.yml"


@pytest.fixture
def configured(running_lab: RunningLab) -> Iterator[RunningLab]:
    """Lead the targets to the lab by a file, since ansible-test hands on no variable of the environment."""
    CONFIGURATION.touch(mode=0o600)
    CONFIGURATION.write_text(json.dumps({"lab": running_lab.lab}), encoding="utf-8")
    yield running_lab
    CONFIGURATION.unlink()


@pytest.mark.skipif(" " in sys.executable, reason="ansible-test starts no interpreter with a blank in its path")
def test_each_module_runs_under_ansible_test(configured: RunningLab) -> None:
    assert CONFIGURATION.stat().st_mode & 0o777 == 0o600
    done = subprocess.run(
        ["ansible-test", "integration", "--local", "--color", "no", "modules"],
        cwd=COLLECTION,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # A target that asserted nothing has shown nothing.
    assert "All assertions passed" in done.stdout
    (recap,) = re.findall(r"testhost +: ok=(\d+) .*failed=(\d+) .*ignored=(\d+)", done.stdout)
    assert recap == ("11", "0", "0"), done.stdout
    calls = [call["operation"] for call in configured.requests()]
    of_keys = [
        "SendSSHPublicKey",
        "SendSerialConsoleSSHPublicKey",
        *["DescribeUser", "ImportSshPublicKey", "DescribeUser"],
        "DescribeUser",
        "DescribeUser",
    ]
    assert calls[: len(of_keys)] == of_keys
    # Two users of a task are served in any order.
    of_users = {operation: calls[len(of_keys) :].count(operation) for operation in ("CreateUser", "DeleteUser")}
    assert of_users == {"CreateUser": 2, "DeleteUser": 2}
    assert not {"UpdateUser", "TagResource", "UntagResource"} & set(calls)
