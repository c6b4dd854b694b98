# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The molecule scenarios, as their users run them, each in a lab of its own."""

from __future__ import annotations

import fcntl
import subprocess
import time
from pathlib import Path
from typing import NoReturn

import pytest
from ansible_collections.sshkeys.aws.tests.molecule.scenarios import SCENARIOS, faults, run_molecule
from ansible_collections.sshkeys.aws.tests.secrets_left import files_with_secrets, lines_with_secrets

NAMES = sorted(path.parent.name for path in SCENARIOS.glob("*/molecule.yml"))
# The one that the guide shows.
FIRST = "default"


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a short path: there are sockets below it."""
    return tmp_path_factory.mktemp("m")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == FIRST else pytest.mark.exhaustive) for name in NAMES]
)
def test_scenario(folder: Path, name: str) -> None:
    done = run_molecule(folder, "test", "-s", name)
    assert done.status == 0, done.output
    assert faults(SCENARIOS / name, done.results) == [], done.output
    # destroy has deleted the lab, and nothing secret is anywhere else.
    assert not (folder / "molecule" / "lab").exists()
    assert lines_with_secrets(done.output.encode()) == []
    assert files_with_secrets(folder / "home") == []


def test_the_scenario_of_the_guide_is_one() -> None:
    assert FIRST in NAMES
    assert len(NAMES) == 5


@pytest.mark.exhaustive
def test_no_lab_is_left_where_a_run_is_interrupted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = folder / "molecule" / "lab"

    def interrupt(molecule: subprocess.Popen[str]) -> NoReturn:
        while not (state / "lab.json").exists():
            assert molecule.poll() is None, "molecule has ended before the lab began"
            time.sleep(0.05)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_molecule(folder, "test", "-s", FIRST)
    # The lock is free when no process of the lab is left.
    with (state / "lab.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
