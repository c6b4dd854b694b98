# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the controller, as a task of the role finds and reads them."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader
from ansible.template import Templar
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.plugin_utils import _controller_files
from ansible_collections.sshkeys.aws.plugins.plugin_utils._controller_files import ControllerFiles, FilesOfCurrentFolder


@pytest.fixture
def files(tmp_path: Path) -> ControllerFiles:
    """Return the files below a folder, which relative paths begin at."""

    def find(_kind: str, name: str) -> str:
        path = tmp_path / name
        if not path.exists():
            raise AnsibleError(f"{name} is not there")
        return str(path)

    loader: Any = DataLoader()
    templar = Templar(loader=loader)
    found = ControllerFiles(find, {}, loader=loader, templar=templar)
    # Names of collections are known only where Ansible's own importer is.
    found._lookup = lookup_loader.get("file", loader=loader, templar=templar)
    return found


def test_a_file_is_found_and_read(files: ControllerFiles, tmp_path: Path) -> None:
    (tmp_path / "alice, bob.pub").write_text("ssh-ed25519 AAAA\n")
    path = files.find("alice, bob.pub")
    assert path == str(tmp_path / "alice, bob.pub")
    assert files.read(path).strip() == "ssh-ed25519 AAAA"


def test_what_is_not_there_is_none(files: ControllerFiles) -> None:
    assert files.find("nobody.pub") is None
    assert files.public_keys_in("nowhere") is None


def test_a_file_that_cannot_be_read_is_named(files: ControllerFiles, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=f"The file {tmp_path}.* cannot be read"):
        files.read(str(tmp_path / "nobody.pub"))


def test_the_public_keys_of_a_folder_are_sorted(
    files: ControllerFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever order the file system has them."""
    names = ["b.pub", "a.pub", "c.pub"]
    for name in names:
        (tmp_path / name).touch()
    monkeypatch.setattr(_controller_files, "os", SimpleNamespace(path=os.path, listdir=lambda _path: names))
    assert files.public_keys_in(".") == [f"{tmp_path}/{name}" for name in sorted(names)]


def test_the_public_keys_of_a_folder(files: ControllerFiles, tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    for name in ("b.pub", "a.pub", ".hidden.pub", "a"):
        (folder / name).touch()
    (folder / "c.pub").mkdir()
    assert files.public_keys_in("keys") == [str(folder / "a.pub"), str(folder / "b.pub")]
    (tmp_path / "file.pub").touch()
    assert files.public_keys_in("file.pub") is None


# -- In the current folder --------------------------------------------------------------------------------------------


@pytest.fixture
def here(files: ControllerFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FilesOfCurrentFolder:
    """Return the files of the current folder, which is a folder of the test."""
    monkeypatch.chdir(tmp_path)
    loader: Any = DataLoader()
    found = FilesOfCurrentFolder({}, loader=loader, templar=Templar(loader=loader))
    found._lookup = files._lookup
    return found


def test_relative_paths_begin_in_the_current_folder(here: FilesOfCurrentFolder, tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "a.pub").write_text("a")
    assert here.read("keys/a.pub") == here.read(f"{tmp_path}/keys/a.pub") == "a"
    assert here.public_keys_in("keys") == [f"{tmp_path}/keys/a.pub"]


def test_a_home_folder_is_found(here: FilesOfCurrentFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "users.csv").write_text("user_name")
    assert here.read("~/users.csv") == "user_name"


@pytest.mark.parametrize("name", ["lost.csv", "folder"])
def test_no_file_is_read_where_there_is_none(here: FilesOfCurrentFolder, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ArgumentError, match=f"^There is no file '{name}' on the controller.$"):
        here.read(name)


def test_folders_of_a_folder(files: ControllerFiles, tmp_path: Path) -> None:
    for name in ("b", "a", ".git"):
        (tmp_path / "keys" / name).mkdir(parents=True)
    (tmp_path / "keys" / "c.pub").touch()
    assert files.folders_in("keys") == [f"{tmp_path}/keys/a", f"{tmp_path}/keys/b"]
    assert files.folders_in("nowhere") == []
