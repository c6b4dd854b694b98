# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The staged copy is the checkout's files, no more and no less."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from devtools.stage import listing, mirror


def write(path: Path, text: str = "text") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    write(root / "README.md")
    write(root / "plugins/modules/one.py")
    write(root / "ignored/file")
    write(root / ".venv/lib/thing.py")
    write(root / ".gitignore", "/.venv/\n/ignored/\n")
    (root / "link").symlink_to("README.md")
    return root


@pytest.fixture
def repository(checkout: Path) -> Path:
    subprocess.run(["git", "init", "--quiet", "."], cwd=checkout, check=True)
    return checkout


def mirrored(copy: Path) -> set[str]:
    return {str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_symlink() or path.is_file()}


def test_listing_is_what_git_would_track(repository: Path) -> None:
    assert listing(repository) == [".gitignore", "README.md", "link", "plugins/modules/one.py"]


def test_listing_leaves_out_what_was_deleted_but_is_tracked(repository: Path) -> None:
    subprocess.run(["git", "add", "."], cwd=repository, check=True)
    (repository / "README.md").unlink()
    assert "README.md" not in listing(repository)


def test_listing_without_git_is_everything_but_our_own(checkout: Path) -> None:
    assert listing(checkout) == [".gitignore", "README.md", "ignored/file", "link", "plugins/modules/one.py"]


def test_mirror_copies_contents_modes_and_links(checkout: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    (checkout / "plugins/modules/one.py").chmod(0o755)
    files = listing(checkout)
    mirror(checkout, copy, files)
    assert mirrored(copy) == set(files)
    assert (copy / "link").readlink() == Path("README.md")
    assert os.access(copy / "plugins/modules/one.py", os.X_OK)


def test_mirror_follows_changes_and_deletions(checkout: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    mirror(checkout, copy, listing(checkout))
    write(checkout / "README.md", "changed")
    (checkout / "plugins/modules/one.py").unlink()
    write(checkout / "plugins/two.py")
    (checkout / "link").unlink()
    write(checkout / "link", "no longer a link")
    mirror(checkout, copy, listing(checkout))
    assert mirrored(copy) == set(listing(checkout))
    assert (copy / "README.md").read_text(encoding="utf-8") == "changed"
    assert not (copy / "link").is_symlink()
    assert not (copy / "plugins/modules").exists()


def test_mirror_replaces_a_folder_by_a_file_and_back(checkout: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    write(checkout / "thing/inner")
    mirror(checkout, copy, listing(checkout))
    (checkout / "thing/inner").unlink()
    (checkout / "thing").rmdir()
    write(checkout / "thing")
    mirror(checkout, copy, listing(checkout))
    assert (copy / "thing").is_file()
    (checkout / "thing").unlink()
    write(checkout / "thing/inner")
    mirror(checkout, copy, listing(checkout))
    assert (copy / "thing/inner").is_file()


def test_mirror_copies_only_what_changed(checkout: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    mirror(checkout, copy, listing(checkout))
    before = {name: (copy / name).lstat().st_ino for name in listing(checkout)}
    write(checkout / "README.md", "changed")
    mirror(checkout, copy, listing(checkout))
    changed = {name for name, inode in before.items() if (copy / name).lstat().st_ino != inode}
    assert changed <= {"README.md"}


def test_mirror_keeps_results_and_the_repository(checkout: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    write(copy / "tests/output/junit/report.xml")
    write(copy / ".git/HEAD")
    write(copy / "stale/file")
    mirror(checkout, copy, listing(checkout))
    assert (copy / "tests/output/junit/report.xml").exists()
    assert (copy / ".git/HEAD").exists()
    assert not (copy / "stale").exists()
