# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders of a run: whose they are, where they are, and files that are written once."""

from __future__ import annotations

import multiprocessing
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ansible import constants as C  # noqa: N812 - as ansible-core names it
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.run_folder import (
    controller,
    run_folder,
    state_folder,
    write_once,
)


@pytest.fixture(autouse=True)
def local_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test the temporary folder of a run of its own, and return it."""
    monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(tmp_path / "local_tmp"))
    return tmp_path / "local_tmp"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_folder_of_the_run_is_private_and_lies_in_the_one_that_ansible_deletes(local_tmp: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        folder = Path(run_folder())
    finally:
        os.umask(before)
    assert folder == local_tmp / "sshkeys.aws"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert run_folder() == str(folder)


@pytest.mark.parametrize(
    ("variable", "folder"),
    [
        ("/state", "/state/sshkeys.aws"),
        (None, "/home/somebody/.local/state/sshkeys.aws"),
        ("", "/home/somebody/.local/state/sshkeys.aws"),
        # The specification has relative paths ignored.
        ("state", "/home/somebody/.local/state/sshkeys.aws"),
    ],
)
def test_what_outlives_a_run_is_where_the_user_keeps_state(
    variable: str | None, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    if variable is None:
        monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    else:
        monkeypatch.setenv("XDG_STATE_HOME", variable)
    assert state_folder() == folder


# What ansible-playbook and the worker of a task say of the controller.
WORKER = """
import multiprocessing, os
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.run_folder import controller

queue = multiprocessing.get_context("fork").Queue()
worker = multiprocessing.get_context("fork").Process(target=lambda: queue.put(controller()))
worker.start()
print(queue.get(timeout=20) == os.getpid() == controller())
"""


def test_the_controller_is_the_same_in_the_worker_of_a_task() -> None:
    places = os.pathsep.join([str(Path(__file__).parents[8]), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", WORKER], env={**os.environ, "PYTHONPATH": places}, capture_output=True, check=False
    )
    assert done.stdout == b"True\n", done.stderr.decode()


def test_the_controller_of_a_process_without_a_parent_is_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: None)
    assert controller() == os.getpid()


def test_a_file_is_named_after_what_is_in_it(tmp_path: Path) -> None:
    one, two = (write_once(str(tmp_path), text, ".json") for text in ("one", "größer"))
    assert [Path(path).read_text(encoding="utf-8") for path in (one, two)] == ["one", "größer"]
    assert write_once(str(tmp_path), "one", ".pub") == one.removesuffix(".json") + ".pub"
    assert all(path.endswith(".json") for path in (one, two))


def test_a_file_is_written_once(tmp_path: Path) -> None:
    path = Path(write_once(str(tmp_path), "one", ".json"))
    inode = path.stat().st_ino
    assert write_once(str(tmp_path), "one", ".json") == str(path)
    assert path.stat().st_ino == inode
    path.unlink()
    assert write_once(str(tmp_path), "one", ".json") == str(path)
    assert path.exists()


def test_what_is_written_is_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = Path(write_once(str(tmp_path), "secret", ".json"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_workers_that_write_the_same_leave_one_whole_file(tmp_path: Path) -> None:
    text = "x" * 1_000_000
    with ThreadPoolExecutor(8) as pool:
        paths = set(pool.map(lambda _number: write_once(str(tmp_path), text, ".json"), range(16)))
    (path,) = paths
    assert [str(file) for file in tmp_path.iterdir() if file.is_file()] == [path]
    assert Path(path).read_text(encoding="utf-8") == text
