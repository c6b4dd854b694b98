# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys that exist for a run only."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import user_folder
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.run_folder import controller
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.run_keys import RunKeys
from ansible_collections.sshkeys.aws.tests.waiting import wait_until

_LINE = "ssh-ed25519 AAAA agent"


def keys(folder: Path) -> RunKeys:
    """Return the keys in a folder, for a run whose ansible-playbook is this process."""
    return RunKeys(str(folder), controller())


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return the folder of a run, and its guard. That ends when the folder is gone."""
    path = tmp_path / "ssh_access"
    keys(path).make_folder()
    yield path
    shutil.rmtree(path, ignore_errors=True)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_pair_is_made_once_and_is_private(folder: Path) -> None:
    path = Path(keys(folder).pair())
    assert path == folder / "id_ed25519"
    assert (mode(folder), mode(path)) == (0o700, 0o600)
    public = Path(f"{path}.pub").read_text()
    assert public.startswith("ssh-ed25519 ")
    assert keys(folder).pair() == str(path)
    assert Path(f"{path}.pub").read_text() == public


def test_a_key_of_the_agent_is_written_once_and_is_private(folder: Path) -> None:
    path = Path(keys(folder).public_key_file(f"{_LINE}\n"))
    assert path.read_text() == f"{_LINE}\n"
    assert mode(path) == 0o600
    assert keys(folder).public_key_file(f"{_LINE}\n") == str(path)
    assert sorted(file.name for file in folder.iterdir()) == sorted(["guard", path.name])


def _pair_of(folder: Path) -> str:
    run_keys = keys(folder)
    run_keys.make_folder()
    return Path(f"{run_keys.pair()}.pub").read_text()


def test_hosts_that_come_at_once_share_the_pair_and_the_guard(tmp_path: Path) -> None:
    # A lock of a file holds between threads as between processes, since each opens it for itself.
    folder = tmp_path / "run"
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(_pair_of, [folder] * 16))) == 1
    assert (folder / "guard").read_text().isdigit()
    shutil.rmtree(folder)


def test_the_folder_is_guarded_where_no_ctrl_c_reaches(folder: Path) -> None:
    """That goes to the processes of a session that has a terminal."""
    guard = int((folder / "guard").read_text())
    command_line = Path(f"/proc/{guard}/cmdline")
    # It is empty until the system has made the new process.
    wait_until(lambda: bool(command_line.read_text()), "the guard does not start")
    command = command_line.read_text().split("\0")
    assert command[-3:-1] == [str(folder), str(controller())]
    assert os.getsid(guard) == guard


def test_the_guard_waits_for_ansible_playbook_and_not_for_who_started_it(tmp_path: Path) -> None:
    """The broker goes on for a while when the run has ended."""
    with subprocess.Popen(["sleep", "60"]) as playbook:
        RunKeys(str(tmp_path / "run"), playbook.pid).make_folder()
        playbook.kill()
    wait_until(lambda: not (tmp_path / "run").exists(), "the folder outlives the run")


def test_a_folder_that_is_there_gets_a_guard_and_keeps_what_is_in_it(tmp_path: Path) -> None:
    """The connection plugin writes its settings there before the broker runs."""
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    (folder / "settings.json").touch()
    keys(folder).make_folder()
    assert (folder / "guard").read_text().isdigit()
    assert (folder / "settings.json").exists()
    shutil.rmtree(folder)


def test_a_folder_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArgumentError, match=r"^The folder for the keys of the run, .* cannot be used: .*ANSIBLE_LOCAL"):
        keys(tmp_path / "file" / "folder").make_folder()


@pytest.mark.parametrize("ask", [RunKeys.pair, lambda run_keys: run_keys.public_key_file(_LINE)])
def test_there_are_no_keys_when_the_run_has_ended(folder: Path, ask: Callable[[RunKeys], str]) -> None:
    """They would be left behind in a folder that nobody deletes any more."""
    shutil.rmtree(folder)
    with pytest.raises(ArgumentError, match=r"^The folder for the keys of the run, .* cannot be used: .*ANSIBLE_LOCAL"):
        ask(keys(folder))
    assert not folder.exists()


def test_a_pair_that_cannot_be_made_is_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ArgumentError, match="No key pair can be made"):
        keys(folder).pair()
    monkeypatch.undo()
    assert Path(keys(folder).pair()).exists()


def test_a_run_that_has_ended_gets_no_folder_again(tmp_path: Path) -> None:
    """ansible-playbook has deleted the folder around it."""
    with pytest.raises(ArgumentError, match="cannot be used"):
        keys(tmp_path / "gone" / "ssh_access").make_folder()
    assert not list(tmp_path.iterdir())


# -- Of a user who logs in by hand ------------------------------------------------------------------------------------


def test_the_guard_of_a_user_waits_for_no_process(tmp_path: Path) -> None:
    folder = tmp_path / "sshkeys.aws"
    with user_folder.held(str(folder)):
        RunKeys(str(folder), None).make_folder()
        command_line = Path(f"/proc/{int((folder / 'guard').read_text())}/cmdline")
        wait_until(lambda: command_line.read_text().endswith(f"run_guard.py\0{folder}\0"), "the guard does not start")
        path = Path(RunKeys(str(folder), None).pair())
        assert (mode(folder), mode(path)) == (0o700, 0o600)
    wait_until(lambda: not folder.exists(), "the folder is left")


def test_a_folder_of_a_user_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    sentence = r"^The folder for the key of your ssh, .* cannot be used: .*Look at it, and at XDG_RUNTIME_DIR\.$"
    with pytest.raises(ArgumentError, match=sentence):
        RunKeys(str(tmp_path / "file" / "folder"), None).make_folder()
