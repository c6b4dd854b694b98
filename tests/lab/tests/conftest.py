# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab of the worker, in its seeded state before each test."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.tests.lab_bench import Bench, KeyMaker
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab


@pytest.fixture
def bench(lab_of_worker: RunningLab) -> Bench:
    """Give the lab in its seeded state."""
    bench = Bench(lab_of_worker.lab)
    bench.control("POST", "reset")
    return bench


@pytest.fixture
def new_key(tmp_path: Path) -> KeyMaker:
    """Give a maker of key pairs."""
    return KeyMaker(tmp_path)
