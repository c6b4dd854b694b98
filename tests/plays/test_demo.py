# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo tells its story to the end."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab
from ansible_collections.sshkeys.aws.tests.secrets_left import lines_with_secrets

DEMO = Path(__file__).resolve().parents[1] / "demo"


# make demo runs it too, and the tests of the modules and the role prove more.
@pytest.mark.exhaustive
def test_demo_proves_each_of_its_assertions(running_lab: RunningLab) -> None:
    plays = yaml.safe_load((DEMO / "demo.yml").read_text(encoding="utf-8"))
    assertions = [task for play in plays for task in play["tasks"] if "ansible.builtin.assert" in task]
    done = subprocess.run([DEMO / "run"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(assertions)} things proved." in done.stdout
    assert lines_with_secrets((done.stdout + done.stderr).encode()) == []
