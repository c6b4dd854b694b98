# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that deletes the keys of a run whose ansible-playbook was killed."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import run_guard
from ansible_collections.sshkeys.aws.tests.waiting import wait_until


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a run."""
    return tmp_path / "run" / "ssh_access"


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def guard(folder: Path, process: int) -> subprocess.Popen[bytes]:
    # A shell lets what it starts in the background ignore Ctrl-C.
    command = ["env", "--default-signal", sys.executable, "-I", "-S", str(run_guard.__file__)]
    return subprocess.Popen([*command, str(folder), str(process)])


def test_the_folder_goes_with_the_process_also_by_sigkill_and_where_nobody_collects_it(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "id_ed25519").touch()
    run = sleeper()
    guarding = guard(folder, run.pid)
    try:
        run.send_signal(signal.SIGKILL)
        # Nobody waits for the process that was killed, so it is a zombie until the end of this test.
        assert guarding.wait(timeout=20) == 0
        assert not folder.exists()
    finally:
        run.wait()


def test_the_guard_outlives_what_ends_the_run(folder: Path) -> None:
    folder.mkdir(parents=True)
    run = sleeper()
    guarding = guard(folder, run.pid)
    try:
        _until_it_ignores(guarding.pid)
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            guarding.send_signal(number)
        assert folder.exists()
        run.kill()
        assert guarding.wait(timeout=20) == 0
        assert not folder.exists()
    finally:
        run.kill()
        run.wait()


def _until_it_ignores(process: int) -> None:
    """Wait until a process ignores SIGTERM, by the mask in its status."""
    bit = 1 << (signal.SIGTERM - 1)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        status = Path(f"/proc/{process}/status").read_text()
        (ignored,) = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigIgn:")]
        if ignored & bit:
            return
        os.sched_yield()
    raise AssertionError


def test_the_guard_ends_when_the_folder_is_gone(folder: Path) -> None:
    folder.mkdir(parents=True)
    guarding = guard(folder, os.getpid())
    folder.rmdir()
    assert guarding.wait(timeout=20) == 0


def test_the_guard_needs_no_descriptor_of_the_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    monkeypatch.setattr(run_guard, "_POLL_SECONDS", 0.01)
    folder.mkdir(parents=True)
    run = sleeper()
    run.kill()
    run.wait()
    run_guard.wait(str(folder), run.pid)


# -- Of a user who logs in by hand ------------------------------------------------------------------------------------


def hold(folder: Path, kind: int = fcntl.LOCK_SH) -> int:
    """Return a descriptor that locks a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, kind)
    return descriptor


def test_a_folder_that_is_held_stays_and_nobody_waits(folder: Path) -> None:
    folder.mkdir(parents=True)
    holders = [hold(folder), hold(folder)]
    for holder in holders:
        run_guard.delete_unless_held(str(folder), waits=False)
        assert folder.exists()
        os.close(holder)
    run_guard.delete_unless_held(str(folder), waits=False)
    assert not folder.exists()


def test_the_guard_waits_until_nobody_holds_the_folder(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "id_ed25519").touch()
    holder = hold(folder)
    guarding = subprocess.Popen([sys.executable, "-I", "-S", str(run_guard.__file__), str(folder)])
    with pytest.raises(subprocess.TimeoutExpired):
        guarding.wait(0.3)
    assert (folder / "id_ed25519").exists()
    os.close(holder)
    assert guarding.wait(20) == 0
    assert not folder.exists()


def test_a_folder_that_has_taken_the_place_of_another_one_stays(folder: Path) -> None:
    """It belongs to those who have made it, and has a guard of its own."""
    folder.mkdir(parents=True)
    holder = hold(folder)
    guarding = subprocess.Popen([sys.executable, "-I", "-S", str(run_guard.__file__), str(folder)])
    _until_it_waits_for_a_lock(guarding.pid)
    # At least until here, so that the new one is another file.
    folder.rename(folder.parent / "old")
    folder.mkdir()
    os.close(holder)
    assert guarding.wait(20) == 0
    assert folder.exists()


def _until_it_waits_for_a_lock(process: int) -> None:
    wait_until(lambda: f" {process} " in _waiting_locks(), "it does not wait for a lock")


def _waiting_locks() -> str:
    return "\n".join(line for line in Path("/proc/locks").read_text().splitlines() if "->" in line)


@pytest.mark.parametrize("waits", [True, False])
def test_what_is_no_folder_any_more_is_left_alone(folder: Path, waits: bool) -> None:
    run_guard.delete_unless_held(str(folder), waits=waits)
    folder.parent.mkdir()
    target = folder.parent / "target"
    target.mkdir()
    (target / "file").touch()
    folder.symlink_to(target)
    run_guard.delete_unless_held(str(folder), waits=waits)
    assert (target / "file").exists()


def test_a_pipe_in_its_place_is_not_waited_for(folder: Path) -> None:
    """Another user may put one into /tmp as soon as the folder is deleted."""
    folder.parent.mkdir()
    os.mkfifo(folder)
    guarding = subprocess.Popen([sys.executable, "-I", "-S", str(run_guard.__file__), str(folder)])
    try:
        assert guarding.wait(20) == 0
    finally:
        guarding.kill()
    assert folder.exists()
