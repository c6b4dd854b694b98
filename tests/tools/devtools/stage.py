# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The staged copy: the collection in a folder where Ansible looks for collections, next to those it depends on.

ansible-test wants ``ansible_collections/sshkeys/aws`` as the current folder, a real one and not a link.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

from .project import Project

_NAMESPACES_NEXT_DOOR = ("amazon", "ansible", "community")

# What the tools leave in the staged copy for themselves, or for the reader of their results.
_KEPT = (".git", "tests/output")

# Where git cannot say what is part of the collection.
_NEVER_STAGED = {
    *(".git", ".venv", ".build", "__pycache__"),
    *(".ansible", ".hypothesis", ".mypy_cache", ".nox", ".pytest_cache", ".ruff_cache"),
}


def stage(project: Project) -> list[str]:
    """Make the staged copy the same as the checkout and return the files in it, relative to it."""
    project.make_folders()
    _link_neighbours(project)
    files = listing(project.root)
    mirror(project.root, project.staged, files)
    _make_repository(project)
    return files


def listing(root: Path) -> list[str]:
    """Return the files of the collection: what git tracks or would track, or all where there is no git."""
    # An unpacked archive may lie inside somebody's repository, which knows nothing of it.
    if not (root / ".git").exists():
        return sorted(_walk(root))
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=root, capture_output=True, check=True, env=_plain_git()).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        return sorted(_walk(root))
    files = {name for name in listed.split("\0") if name}
    return sorted(name for name in files if os.path.lexists(root / name))


def _walk(root: Path) -> list[str]:
    files = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in _NEVER_STAGED]
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        files += [str((Path(folder) / name).relative_to(root)) for name in (*names, *links)]
    return files


def mirror(source: Path, copy: Path, files: list[str]) -> None:
    """Copy what changed and delete what vanished."""
    copy.mkdir(parents=True, exist_ok=True)
    wanted = set(files)
    for name in _walk_for_deletion(copy):
        if name not in wanted:
            (copy / name).unlink()
    _delete_empty_folders(copy)
    for name in files:
        if not _is_same(source / name, copy / name):
            _copy(source / name, copy / name)


def _walk_for_deletion(copy: Path) -> list[str]:
    return [name for name in _walk_all(copy) if not name.startswith(tuple(f"{kept}/" for kept in _KEPT))]


def _walk_all(copy: Path) -> list[str]:
    files = []
    for folder, folders, names in os.walk(copy):
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        files += [str((Path(folder) / name).relative_to(copy)) for name in (*names, *links)]
    return files


def _delete_empty_folders(copy: Path) -> None:
    kept = {copy / name for name in _KEPT}
    for folder, _folders, _names in os.walk(copy, topdown=False):
        path = Path(folder)
        inside_kept = path in kept or any(parent in kept for parent in path.parents)
        if path != copy and not inside_kept and not any(path.iterdir()):
            path.rmdir()


def _is_same(source: Path, copy: Path) -> bool:
    try:
        ours, theirs = source.lstat(), copy.lstat()
    except FileNotFoundError:
        return False
    if stat.S_ISLNK(ours.st_mode):
        return stat.S_ISLNK(theirs.st_mode) and source.readlink() == copy.readlink()
    return (ours.st_mode, ours.st_size, ours.st_mtime_ns) == (theirs.st_mode, theirs.st_size, theirs.st_mtime_ns)


def _copy(source: Path, copy: Path) -> None:
    if copy.is_dir() and not copy.is_symlink():
        shutil.rmtree(copy)
    copy.unlink(missing_ok=True)
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, copy, follow_symlinks=False)


def _link_neighbours(project: Project) -> None:
    """Put the collections of .venv next to ours: ansible-test looks for dependencies there and nowhere else."""
    project.staged.parent.mkdir(parents=True, exist_ok=True)
    for namespace in _NAMESPACES_NEXT_DOOR:
        link = project.build / "ansible_collections" / namespace
        target = project.installed_collections / namespace
        if link.is_symlink() and link.readlink() == target:
            continue
        link.unlink(missing_ok=True)
        link.symlink_to(target)


def _make_repository(project: Project) -> None:
    """Make the staged copy a git repository of its own.

    ansible-test, ansible-lint and antsibull-docs ask git for the files. Without this they find the repository of the
    checkout, which ignores .build, and see none. Where there is no git, none of them asks.
    """
    if not (project.staged / ".git").exists() and shutil.which("git"):
        subprocess.run(["git", "init", "--quiet", "."], cwd=project.staged, check=True, env=_plain_git())


def _plain_git() -> dict[str, str]:
    # A git hook that runs the tests sets GIT_DIR and more, which would point git at the wrong repository.
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
