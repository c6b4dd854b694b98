# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys that exist for a run only."""

from __future__ import annotations

import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import run_guard
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.run_keys import RunKeys

_LINE = "ssh-ed25519 AAAA agent"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return the folder of a run. Its guard ends when it is gone."""
    path = tmp_path / "run" / "ssh_access"
    yield path
    subprocess.run(["rm", "-rf", str(path)], check=True)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_pair_is_made_once_and_is_private(folder: Path) -> None:
    path = Path(RunKeys(str(folder)).pair())
    assert path == folder / "id_ed25519"
    assert (mode(folder), mode(path)) == (0o700, 0o600)
    public = Path(f"{path}.pub").read_text()
    assert public.startswith("ssh-ed25519 ")
    assert RunKeys(str(folder)).pair() == str(path)
    assert Path(f"{path}.pub").read_text() == public


def test_a_key_of_the_agent_is_written_once_and_is_private(folder: Path) -> None:
    path = Path(RunKeys(str(folder)).public_key_file(f"{_LINE}\n"))
    assert path.read_text() == f"{_LINE}\n"
    assert mode(path) == 0o600
    assert RunKeys(str(folder)).public_key_file(f"{_LINE}\n") == str(path)
    assert sorted(file.name for file in folder.iterdir()) == sorted(["guard", path.name])


def _pair_of(folder: str) -> str:
    return Path(f"{RunKeys(folder).pair()}.pub").read_text()


def test_hosts_that_come_at_once_share_the_pair_and_the_guard(folder: Path) -> None:
    with multiprocessing.get_context("fork").Pool(8) as pool:
        assert len(set(pool.map(_pair_of, [str(folder)] * 16))) == 1
    assert (folder / "guard").read_text().isdigit()


def test_a_folder_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArgumentError, match=r"^The folder for the keys of the run, .* cannot be used: .*ANSIBLE_LOCAL"):
        RunKeys(str(tmp_path / "file" / "folder")).pair()


# -- The guard --------------------------------------------------------------------------------------------------------


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def guard(folder: Path, process: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-I", "-S", str(run_guard.__file__), str(folder), str(process)])


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
