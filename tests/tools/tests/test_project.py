# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tools run in an environment of their own, with interpreters that can be run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from devtools.pip_seed import versions_in
from devtools.project import Project, tool_path


@pytest.fixture
def pyenv(tmp_path: Path) -> Path:
    root = tmp_path / "pyenv"
    for name in ("shims", "versions/3.8.18/bin", "versions/3.13.0/bin", "versions/2.7.18/bin", "versions/work/bin"):
        (root / name).mkdir(parents=True)
    return root


def test_shims_give_way_to_interpreters(pyenv: Path) -> None:
    path = tool_path({"PATH": f"/usr/local/bin:{pyenv}/shims:/usr/bin"}).split(":")
    assert path == [
        str(Path(sys.executable).parent),
        "/usr/local/bin",
        "/usr/bin",
        f"{pyenv}/versions/3.13.0/bin",
        f"{pyenv}/versions/3.8.18/bin",
    ]


def test_pyenv_is_found_by_its_variable_too(pyenv: Path) -> None:
    assert f"{pyenv}/versions/3.8.18/bin" in tool_path({"PATH": "/usr/bin", "PYENV_ROOT": str(pyenv)}).split(":")


def test_shims_of_something_else_stay(tmp_path: Path) -> None:
    (tmp_path / "shims").mkdir()
    assert f"{tmp_path}/shims" in tool_path({"PATH": f"{tmp_path}/shims"}).split(":")


def test_environment_is_free_of_the_developers_own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "ANSIBLE_STRATEGY", "GIT_DIR", "PYTHONPATH", "XDG_CACHE_HOME", "SSH_AUTH_SOCK"):
        monkeypatch.setenv(name, "foreign")
    monkeypatch.setenv("PIP_INDEX_URL", "needed")
    environment = Project(tmp_path).environment()
    assert "foreign" not in environment.values()
    assert environment["PIP_INDEX_URL"] == "needed"
    assert environment["HOME"] == str(tmp_path / ".build/home")


def test_another_environment_is_apart_from_the_usual_one(tmp_path: Path) -> None:
    project = Project(tmp_path, "matrix/2.18", tmp_path / "venv/bin/python")
    environment = project.environment()
    assert environment["PATH"].split(":")[0] == str(tmp_path / "venv/bin")
    for name in ("HOME", "TMPDIR", "ANSIBLE_COLLECTIONS_PATH", "PYTHONPATH"):
        assert Path(environment[name]).is_relative_to(tmp_path / ".build/matrix/2.18")


def test_pip_versions_are_read_from_ansible_test() -> None:
    source = "    default_packages = dict(\n        pip='24.2',\n    )\n    override = {'3.8': dict(pip='21.1')}\n"
    assert versions_in(source) == ["21.1", "24.2"]
