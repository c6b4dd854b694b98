# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a command in a staged copy of the checkout: ``staged.py COMMAND [ARGUMENT ...]``.

Ansible finds a collection in a folder ``ansible_collections/NAMESPACE/NAME``, next to those it depends on, and
ansible-test wants that folder to be a real one. So the files of the checkout are copied to
``.build/ansible_collections/sshkeys/aws``, and the command runs there, with the tools of .venv first on PATH.

Nothing of the user's own settings comes along. Temporary files go to a run folder, which is deleted when the command
has ended. Its path is short, and has no blank: the paths of sockets may be no longer than about a hundred bytes, and
internal-sftp cannot start in a folder with a blank in its name.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
# An environment of the matrix has everything beside it.
BUILD = CHECKOUT / ".build" if Path(sys.prefix).name == ".venv" else Path(sys.prefix).parent
STAGED = BUILD / "ansible_collections" / "sshkeys" / "aws"
_NEIGHBOURS = ("amazon", "ansible", "community")
# Folders that the tools make in the staged copy for themselves.
_KEPT = {".git", "output"}
# Where git cannot say what is part of the collection, as in an unpacked archive.
_NEVER_STAGED = {".git", ".venv", ".build", "__pycache__", ".ansible", ".hypothesis", ".mypy_cache", ".ruff_cache"}
# What a user has set for other work.
_FOREIGN = re.compile(
    "ANSIBLE_|AWS_|BOTO|GIT_|LANG|LC_|LAB_|MAKE|MFLAGS|MOLECULE_|MYPY|PYTEST|PYTHON|RUFF_|SSH_|VIRTUAL_ENV|XDG_"
)


def main(arguments: list[str]) -> int:
    """Stage, run the command, and return its exit status as a shell does."""
    stage(CHECKOUT, STAGED)
    run_folder = Path(tempfile.mkdtemp(prefix="sshkeys-", dir="/tmp"))
    try:
        command = subprocess.Popen(arguments, cwd=STAGED, env=environment(os.environ, run_folder))
        # A Ctrl-C reaches the command too. It ends in its own way, and this program after it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda number, _frame: command.send_signal(number))
        status = command.wait()
    finally:
        shutil.rmtree(run_folder, ignore_errors=True)
    return 128 - status if status < 0 else status


def environment(ours: Mapping[str, str], run_folder: Path) -> dict[str, str]:
    """Return the environment of the command. ours: that of this program."""
    home, cache = BUILD / "home", BUILD / "cache"
    for folder in (home, cache):
        folder.mkdir(parents=True, exist_ok=True)
    _link_pip_settings(Path.home(), home)
    clean = {name: value for name, value in ours.items() if not _FOREIGN.match(name)}
    return clean | {
        "HOME": str(home),
        "TMPDIR": str(run_folder),
        "PATH": tool_path(ours, Path(sys.executable)),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "CHECKOUT": str(CHECKOUT),
        "ANSIBLE_COLLECTIONS_PATH": str(BUILD),
        # Modules of the staged copy and of amazon.aws can be imported by their full name.
        "PYTHONPATH": str(BUILD),
        "PYTHONPYCACHEPREFIX": str(cache / "pycache"),
        # The checkout ignores .build. A tool that asks git for the files of the staged copy must not be told "none".
        "GIT_CEILING_DIRECTORIES": str(CHECKOUT),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(cache / "hypothesis"),
        "RUFF_CACHE_DIR": str(cache / "ruff"),
        # No test talks to the metadata address of EC2, where an SDK without credentials looks for them.
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _link_pip_settings(theirs: Path, home: Path) -> None:
    """Let pip find the user's own index: ansible-test hands none of pip's variables on."""
    for name in (".config/pip/pip.conf", ".pip/pip.conf"):
        if (theirs / name).is_file() and theirs != home:
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).unlink(missing_ok=True)
            (home / name).symlink_to(theirs / name)


def tool_path(ours: Mapping[str, str], python: Path) -> str:
    """Return a PATH on which the tools beside ``python`` come first and every Python interpreter can really be run.

    pyenv puts shims on PATH. They exist for interpreters that are not active, and fail: ansible-test takes them for
    interpreters. So they go, and the interpreters behind them come last.
    """
    folders = [folder for folder in ours.get("PATH", os.defpath).split(os.pathsep) if folder]
    # os.path.isdir: somebody else's folder may be closed to us.
    shims = [
        folder
        for folder in folders
        if Path(folder).name == "shims" and os.path.isdir(f"{folder}/../versions")  # noqa: PTH112
    ]
    roots = {Path(folder).parent for folder in shims} | {Path(ours[name]) for name in ("PYENV_ROOT",) if name in ours}
    behind = [str(found) for root in sorted(roots) for found in sorted(root.glob("versions/3.*.*/bin"))]
    return os.pathsep.join(
        dict.fromkeys([str(python.parent), *(folder for folder in folders if folder not in shims), *behind])
    )


def stage(checkout: Path, copy: Path) -> None:
    """Make the staged copy the same as the checkout, and put the collections of .venv next to it."""
    copy.mkdir(parents=True, exist_ok=True)
    (site_packages,) = Path(sys.prefix).glob("lib/python3.*/site-packages")
    for name in _NEIGHBOURS:
        link, target = copy.parents[1] / name, site_packages / "ansible_collections" / name
        if not link.is_symlink() or link.readlink() != target:
            link.unlink(missing_ok=True)
            link.symlink_to(target)
    _mirror(checkout, copy, listing(checkout))
    # ansible-test, ansible-lint and antsibull-docs ask git for the files.
    if shutil.which("git"):
        subprocess.run(["git", "init", "--quiet", "."], cwd=copy, check=True, env=_plain_git())


def listing(root: Path) -> list[str]:
    """Return the files of the collection: what git tracks or would track, or all where there is no git."""
    # An unpacked archive may lie inside somebody's repository, which knows nothing of it.
    if (root / ".git").exists() and shutil.which("git"):
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=root, capture_output=True, check=True, env=_plain_git()).stdout.decode()
        return sorted(name for name in set(listed.split("\0")) if name and os.path.lexists(root / name))
    return _walk(root, _NEVER_STAGED)


def _mirror(source: Path, copy: Path, files: list[str]) -> None:
    """Copy what changed, and delete what vanished."""
    vanished = set(_walk(copy, _KEPT)) - set(files)
    for name in vanished:
        (copy / name).unlink()
    for name in files:
        ours, theirs = source / name, copy / name
        if not os.path.lexists(theirs) or _look(ours) != _look(theirs):
            if theirs.is_dir() and not theirs.is_symlink():
                shutil.rmtree(theirs)
            theirs.unlink(missing_ok=True)
            theirs.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ours, theirs, follow_symlinks=False)
    folders = {folder for name in vanished for folder in Path(copy, name).parents if copy in folder.parents}
    for folder in sorted(folders, reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


def _walk(root: Path, left_out: set[str]) -> list[str]:
    files = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in left_out]
        links = [name for name in folders if Path(folder, name).is_symlink()]
        files += [str(Path(folder, name).relative_to(root)) for name in (*names, *links)]
    return sorted(files)


def _look(path: Path) -> tuple[int, int, int, str]:
    """Return what changes when a file does."""
    status = path.lstat()
    return status.st_mode, status.st_size, status.st_mtime_ns, str(path.readlink()) if path.is_symlink() else ""


def _plain_git() -> dict[str, str]:
    # A git hook that runs the tests sets GIT_DIR and more, which would point git at the wrong repository.
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
