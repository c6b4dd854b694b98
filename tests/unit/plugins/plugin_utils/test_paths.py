# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._paths import ControllerPaths

PATHS = ControllerPaths()


def test_paths_are_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path.resolve()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(here / "home"))
    (here / "link").symlink_to(here / "target")
    assert PATHS.absolute("a/../b") == f"{here}/b"
    assert PATHS.absolute("~/b") == f"{here}/home/b"
    assert PATHS.absolute("link/b") == f"{here}/target/b"


def test_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = [(PATHS.is_file(str(path)), PATHS.is_folder(str(path))) for path in (tmp_path / "file", tmp_path)]
    assert found == [(True, False), (False, True)]
    assert not PATHS.is_file(str(tmp_path / "x"))
    assert not PATHS.is_folder(str(tmp_path / "x"))
