# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.tests.unit.connection_run import Run
from ansible_collections.sshkeys.aws.tests.waiting import wait_until


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Return a run that has begun."""
    begun = Run(tmp_path)
    try:
        yield begun
    finally:
        begun.controller.kill()
        begun.controller.wait()
        wait_until(lambda: not begun.brokers() + begun.processes("run_guard.py"), "a process is left")
