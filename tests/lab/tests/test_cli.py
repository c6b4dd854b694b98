# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands start fast, print the lab's addresses, and leave no process behind, even when killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.sshkeys.aws.tests.lab_bench import Bench

from sshkeys_lab import doors, files
from sshkeys_lab.errors import LabError

if TYPE_CHECKING:
    from ansible_collections.sshkeys.aws.tests.lab_bench import KeyMaker

PROGRAM = [sys.executable, str(files.CHECKOUT / "tests" / "lab")]
PATIENCE = 20


def _processes(mark: str) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if mark in command:
            found.append(command)
    return found


def _bench(state: Path) -> Bench:
    return Bench(json.loads((state / files.LAB_FILE).read_text("utf-8"))["lab"])


def _lab(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, check=False)


def _session(bench: Bench, new_key: KeyMaker, mark: str) -> subprocess.Popen[str]:
    key = new_key()
    bench.push(key.public)
    command = bench.ssh_command(key.private, 0, f"echo open; exec sleep {mark}")
    session = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert session.stdout is not None
    assert session.stdout.readline() == "open\n"
    return session


def test_detached_lab_comes_and_goes(tmp_path: Path, new_key: KeyMaker) -> None:
    state = tmp_path / "state"
    started = _lab("up", "--detach", "--state", str(state))
    assert started.returncode == 0, started.stderr
    bench = _bench(state)
    assert bench.lab["endpoint_url"] in started.stdout
    assert f"HostKeyAlias={bench.instances[0]['instance_id']}" in started.stdout
    assert state.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in state.iterdir() if path.is_file()} == {0o600}
    assert "is running in" in _lab("up", "--state", str(state)).stderr
    with _session(bench, new_key, "86401") as session:
        assert _lab("down", "--state", str(state)).returncode == 0
        assert session.wait(PATIENCE) == 255
    assert _processes(str(state)) == _processes("sleep 86401") == []
    assert not (state / files.LAB_FILE).exists()
    assert "No lab is running" in _lab("down", "--state", str(state)).stdout


def test_killed_lab_takes_everything_with_it(tmp_path: Path, new_key: KeyMaker) -> None:
    state = tmp_path / "state"
    with subprocess.Popen([*PROGRAM, "up", "--state", str(state)], stdout=subprocess.PIPE, text=True) as lab:
        assert lab.stdout is not None
        assert "Ctrl-C" in next(line for line in lab.stdout if line.startswith("Ctrl-C"))
        with _session(_bench(state), new_key, "86402") as session:
            lab.kill()
            assert session.wait(PATIENCE) == 255
    # The folder is free only when the last process has ended.
    files.stop_claimant(state)
    assert _processes(str(state)) == _processes("sleep 86402") == []


def test_run_gives_the_environment_and_the_exit_code(tmp_path: Path) -> None:
    state = tmp_path / "state"
    script = 'test -f "$LAB_STATE" && curl -s "$AWS_URL/" && echo " $AWS_REGION" && exit 7'
    ran = _lab("run", "--state", str(state), "--", "sh", "-c", script)
    assert ran.returncode == 7
    assert "MissingAuthenticationTokenException" in ran.stdout
    assert ran.stdout.endswith(" us-east-1\n")
    assert _processes(str(state)) == []


def test_interrupted_run_stops_the_lab(tmp_path: Path) -> None:
    state = tmp_path / "state"
    command = [*PROGRAM, "run", "--state", str(state), "--", "sh", "-c", "echo begun; exec sleep 86403"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "begun\n"
        os.killpg(run.pid, signal.SIGINT)
        assert run.wait(PATIENCE) == 128 + signal.SIGINT
    assert _processes(str(state)) == _processes("sleep 86403") == []


def test_foreign_folder_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    refused = _lab("up", "--state", str(tmp_path))
    assert (refused.returncode, refused.stderr) == (1, f"{tmp_path} is not empty and not a lab's state folder.\n")
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("name", ["a blank", "a%20percent"])
def test_folder_that_ssh_cannot_read_is_refused(tmp_path: Path, name: str) -> None:
    refused = _lab("run", "--state", str(tmp_path / name), "--", "true")
    assert refused.returncode == 1
    assert refused.stderr.endswith("choose a state folder without blanks or percent signs.\n")


def test_missing_sshd_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "_SYSTEM_PATH", str(tmp_path))
    with pytest.raises(LabError, match=r"needs sshd: install the Debian package openssh-server\."):
        doors.check_machine()
