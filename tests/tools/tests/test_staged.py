# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The staged copy is the same as the checkout, and a command in it runs in an environment of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import staged


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a checkout with a file that it ignores, and with one that git does not know yet."""
    root = tmp_path / "a checkout"
    (root / "plugins").mkdir(parents=True)
    for name, text in {".gitignore": "*.log", "plugins/a.py": "a", "new": "n", "some.log": "l"}.items():
        (root / name).write_text(text)
    (root / "link").symlink_to("new")
    subprocess.run(["git", "init", "--quiet", str(root)], check=True)
    subprocess.run(["git", "-C", str(root), "add", "plugins"], check=True)
    return root


def content(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text() for name in staged.listing(folder)}


def test_the_copy_has_what_git_tracks_or_would_track(source: Path, tmp_path: Path) -> None:
    copy = tmp_path / "c/sshkeys/aws"
    staged.stage(source, copy)
    assert list(content(copy)) == [".gitignore", "link", "new", "plugins/a.py"]
    assert content(copy) == content(source)
    assert (copy / "link").is_symlink()
    assert (tmp_path / "c/amazon/aws/galaxy.yml").exists() or (tmp_path / "c/amazon/aws/MANIFEST.json").exists()


def test_the_copy_follows_every_change(source: Path, tmp_path: Path) -> None:
    copy = tmp_path / "c/sshkeys/aws"
    staged.stage(source, copy)
    (copy / "tests/output").mkdir(parents=True)
    (copy / "tests/output/kept").touch()
    (source / "plugins/a.py").unlink()
    (source / "new").write_text("longer than before")
    (source / "link").unlink()
    (source / "link").write_text("a file in its place")
    staged.stage(source, copy)
    assert {name: text for name, text in content(copy).items() if "output" not in name} == content(source)
    assert not (copy / "plugins").exists()
    assert (copy / "tests/output/kept").exists()


def test_an_archive_without_git_is_staged_whole_but_for_what_tools_make(tmp_path: Path) -> None:
    for name in ("a", ".venv/b", "plugins/c", "plugins/__pycache__/d"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert staged.listing(tmp_path) == ["a", "plugins/c"]


def test_the_environment_is_free_of_the_users_own_settings(tmp_path: Path) -> None:
    foreign = ("AWS_PROFILE", "ANSIBLE_STRATEGY", "GIT_DIR", "PYTHONPATH", "XDG_CACHE_HOME", "SSH_AUTH_SOCK", "TMPDIR")
    ours = dict.fromkeys(foreign, "foreign") | {"PIP_INDEX_URL": "needed", "HOME": "foreign"}
    environment = staged.environment(ours, tmp_path)
    assert "foreign" not in environment.values()
    assert environment["PIP_INDEX_URL"] == "needed"
    assert environment["TMPDIR"] == str(tmp_path)


def test_interpreters_take_the_place_of_the_shims_of_pyenv(tmp_path: Path) -> None:
    for name in ("shims", "versions/3.8.18/bin", "versions/3.13.0/bin", "versions/2.7.18/bin", "versions/work/bin"):
        (tmp_path / name).mkdir(parents=True)
    path = staged.tool_path({"PATH": f"/usr/local/bin:{tmp_path}/shims:/usr/bin"}, Path("/venv/bin/python"))
    behind = [f"{tmp_path}/versions/3.13.0/bin", f"{tmp_path}/versions/3.8.18/bin"]
    assert path.split(":") == ["/venv/bin", "/usr/local/bin", "/usr/bin", *behind]
    by_variable = staged.tool_path({"PATH": "/usr/bin", "PYENV_ROOT": str(tmp_path)}, Path("/venv/bin/python"))
    assert by_variable.split(":") == ["/venv/bin", "/usr/bin", *behind]


@pytest.mark.parametrize(("command", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143)])
def test_the_run_folder_goes_with_the_command_and_the_status_is_its(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, status: int
) -> None:
    monkeypatch.setattr(staged, "CHECKOUT", source)
    monkeypatch.setattr(staged, "BUILD", source / ".build")
    monkeypatch.setattr(staged, "STAGED", source / ".build/ansible_collections/sshkeys/aws")
    told = tmp_path / "told"
    assert staged.main(["sh", "-c", f"echo $TMPDIR >'{told}'; {command}"]) == status
    run_folder = Path(told.read_text().strip())
    assert run_folder.name.startswith("sshkeys-")
    assert not run_folder.exists()
