# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a command in a staged copy of the checkout: ``staged.py COMMAND [ARGUMENT ...]``.

Ansible finds a collection in a folder ``ansible_collections/NAMESPACE/NAME``, next to those it depends on, and
ansible-test wants that folder to be a real one. So the files of the checkout are copied to
``.build/ansible_collections/sshkeys/aws``, and the command runs there, with the tools of .venv first on PATH.

Nothing of the user's own settings comes along. Temporary files go to a run folder, which is deleted when the command
has ended. Its path is short, and has no blank: the paths of sockets may be no longer than about a hundred bytes, and
ssh takes a blank in the path of its known_hosts for the end of it.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
# An environment of the matrix has everything beside it.
BUILD = CHECKOUT / ".build" if Path(sys.prefix).name == ".venv" else Path(sys.prefix).parent
STAGED = BUILD / "ansible_collections" / "sshkeys" / "aws"
_NEIGHBOURS = ("amazon", "ansible", "community")
# Folders that the tools make in the staged copy for themselves.
_KEPT = {".git", "output"}
# What a user has set for other work.
_FOREIGN = re.compile(
    "ANSIBLE_|AWS_|BASH_ENV|BOTO|CDPATH|FORCE_COLOR|GIT_|HYPOTHESIS|LANG|LC_|LAB_|MAKE|MFLAGS|MOLECULE_|MYPY|PIP_REQUIRE|"
    "PIP_USER|PY_COLORS|PYTEST|PYTHON|RUFF_|SSH_|VIRTUAL_ENV|XDG_"
)
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# What a command, and what it has started, has to end after a signal.
_GRACE_SECONDS = 10
_PR_SET_CHILD_SUBREAPER = 36


class _InterruptedError(BaseException):
    """One of _ENDINGS has arrived."""


def main(arguments: list[str]) -> int:
    """Stage, run the command, and return its exit status as a shell does. A signal ends all that it has started."""
    for number in _ENDINGS:
        signal.signal(number, _interrupt)
    # What loses its parent becomes a child of this program, and is found: prctl(2).
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    ending = 0
    try:
        with (
            _staged(),
            tempfile.TemporaryDirectory(prefix="sshkeys-", dir="/tmp", ignore_cleanup_errors=True) as folder,
        ):
            try:
                status = subprocess.run(
                    arguments, cwd=STAGED, env=environment(os.environ, Path(folder)), check=False
                ).returncode
            except _InterruptedError as interrupted:
                (ending,) = interrupted.args
                _end_all()
    except _InterruptedError as interrupted:
        (ending,) = interrupted.args
    if ending:
        # A shell goes on to its next command unless this one has died of the signal.
        signal.signal(ending, signal.SIG_DFL)
        os.kill(os.getpid(), ending)
    return 128 - status if status < 0 else status


def _interrupt(number: int, _frame: object) -> None:
    for other in _ENDINGS:
        signal.signal(other, signal.SIG_IGN)
    raise _InterruptedError(number)


def _end_all() -> None:
    """End every process below this one: politely, then not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        until = time.monotonic() + _GRACE_SECONDS
        for process in _descendants():
            with suppress(ProcessLookupError):
                os.kill(process, number)
        while _descendants() and time.monotonic() < until:
            time.sleep(0.1)


def _descendants() -> list[int]:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # PID (NAME) STATE PARENT, and a name may hold anything: proc(5).
            state, parent = status.read_text(errors="replace").rpartition(")")[2].split()[:2]
            parents[int(status.parent.name)] = int(parent) if state != "Z" else 0
    found = [os.getpid()]
    for process in found:
        found += [child for child, parent in parents.items() if parent == process]
    return found[1:]


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
        "PASSED": str(cache / "passed"),
        # No test talks to the metadata address of EC2, where an SDK without credentials looks for them.
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _link_pip_settings(theirs: Path, home: Path) -> None:
    """Let pip find the user's own index: ansible-test hands none of pip's variables on."""
    for name in (".config/pip/pip.conf", ".pip/pip.conf"):
        if (theirs / name).is_file() and not (home / name).exists():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
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


@contextmanager
def _staged() -> Iterator[None]:
    """Make the staged copy the same as the checkout, and keep others from changing it until the block ends."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        if not _is_staged(CHECKOUT, STAGED):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(
                    "Another command runs in this checkout, which has changed since. Waiting for it to end.", flush=True
                )
                fcntl.flock(lock, fcntl.LOCK_EX)
            stage(CHECKOUT, STAGED)
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield


def stage(checkout: Path, copy: Path) -> None:
    """Copy what changed and delete what vanished, and put the collections of .venv next to the copy."""
    copy.mkdir(parents=True, exist_ok=True)
    for link, target in _neighbours(copy).items():
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    vanished, changed = _differences(checkout, copy)
    for name in (*vanished, *changed):
        ours, theirs = checkout / name, copy / name
        if theirs.is_dir() and not theirs.is_symlink():
            shutil.rmtree(theirs)
        theirs.unlink(missing_ok=True)
        if name in changed:
            theirs.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ours, theirs, follow_symlinks=False)
        elif not any(theirs.parent.iterdir()):
            os.removedirs(theirs.parent)
    # ansible-test, ansible-lint and antsibull-docs ask git for the files.
    subprocess.run(["git", "init", "--quiet", "."], cwd=copy, check=True, env=_plain_git())


def _is_staged(checkout: Path, copy: Path) -> bool:
    links = _neighbours(copy).items()
    return all(link.is_symlink() and link.readlink() == target for link, target in links) and not any(
        _differences(checkout, copy)
    )


def _neighbours(copy: Path) -> dict[Path, Path]:
    """Return the links beside the copy, and where they lead: a renewed .venv may have another Python."""
    (site_packages,) = Path(sys.prefix).glob("lib/python3.*/site-packages")
    return {copy.parents[1] / name: site_packages / "ansible_collections" / name for name in _NEIGHBOURS}


def listing(root: Path) -> list[str]:
    """Return the files of the collection: what git tracks or would track."""
    # safe.directory: a container's user seldom owns the checkout.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, check=True, env=_plain_git()).stdout.decode()
    # What ends with a slash is a repository of its own.
    return sorted(
        name for name in set(listed.split("\0")) if name[-1:] not in {"", "/"} and os.path.lexists(root / name)
    )


def _differences(checkout: Path, copy: Path) -> tuple[list[str], list[str]]:
    """Return the files that should not be in the copy, and those that are not the same in it."""
    files = listing(checkout)
    vanished = sorted(set(_walk(copy)) - set(files))
    return vanished, [name for name in files if _signature(checkout / name) != _signature(copy / name)]


def _walk(root: Path) -> list[str]:
    files = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in _KEPT]
        links = [name for name in folders if Path(folder, name).is_symlink()]
        files += [str(Path(folder, name).relative_to(root)) for name in (*names, *links)]
    return files


def _signature(path: Path) -> tuple[int, int, int, str] | None:
    """Return what changes when a file does, None where there is none."""
    if not os.path.lexists(path):
        return None
    status = path.lstat()
    return status.st_mode, status.st_size, status.st_mtime_ns, str(path.readlink()) if path.is_symlink() else ""


def _plain_git() -> dict[str, str]:
    # A git hook that runs the tests sets GIT_DIR and more, which would point git at the wrong repository.
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
