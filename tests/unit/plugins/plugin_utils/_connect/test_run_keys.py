# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys that exist for a run only."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.run_folder import controller
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
    # A lock of a file holds between threads as between processes, since each opens it for itself.
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(_pair_of, [str(folder)] * 16))) == 1
    assert (folder / "guard").read_text().isdigit()


def test_the_folder_is_guarded_where_no_ctrl_c_reaches(folder: Path) -> None:
    """That goes to the processes of a session that has a terminal."""
    RunKeys(str(folder)).pair()
    guard = int((folder / "guard").read_text())
    command = Path(f"/proc/{guard}/cmdline").read_text().split("\0")
    assert command[-3:-1] == [str(folder), str(controller())]
    assert os.getsid(guard) == guard


def test_a_folder_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArgumentError, match=r"^The folder for the keys of the run, .* cannot be used: .*ANSIBLE_LOCAL"):
        RunKeys(str(tmp_path / "file" / "folder")).pair()


# -- The guard --------------------------------------------------------------------------------------------------------
