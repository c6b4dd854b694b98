# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder of a user who logs in by hand: the sockets of brokers, and the key pair that they share.

Each of its processes holds it by a shared lock. The kernel drops the lock of a process that ends, however it ends. The
process that then gets an exclusive lock deletes the folder (run_guard.py), or what is in it. So the key ends with the
last broker.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError

_NAME = "sshkeys.aws"


def path() -> str:
    """Return where the folder is: in XDG_RUNTIME_DIR, which the system deletes when the user has logged out.

    Without it, the folder is one of its own below TMPDIR or /tmp (XDG Base Directory Specification).
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(runtime) and os.path.isdir(runtime):
        return os.path.join(runtime, _NAME)
    return os.path.join(tempfile.gettempdir(), f"{_NAME}-{os.geteuid()}")


@contextlib.contextmanager
def held(folder: str) -> Iterator[int]:
    """Hold the folder, which is made if it is not there.

    Yields a file descriptor. A process that inherits it holds the folder, too. Raises ArgumentError.
    """
    descriptor = None
    while descriptor is None:
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder, mode=0o700)
        except OSError as error:
            raise ArgumentError(
                f"The folder for the key of your ssh, {folder}, cannot be made: {error.strerror}. Run ansible-playbook "
                "sshkeys.aws.ssh_config where you log in, with the XDG_RUNTIME_DIR or TMPDIR that you have there."
            ) from error
        descriptor = _lock(folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(folder: str) -> int | None:
    """Return the open and locked folder, None if another process has just deleted it. Raises ArgumentError."""
    try:
        # Not through a link, which another user can put into /tmp when the folder is deleted.
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _not_private(folder) from error
    try:
        found = os.fstat(descriptor)
        if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise _not_private(folder)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _empty(folder, found)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if is_at(folder, found):
            kept, descriptor = descriptor, -1
            return kept
    finally:
        if descriptor >= 0:
            os.close(descriptor)
    return None


def _empty(folder: str, found: os.stat_result) -> None:
    """Delete what is in a folder that no other process holds, such as a key of before the machine lost its power.

    found: the folder that is locked.
    """
    if is_at(folder, found):
        for entry in list(os.scandir(folder)):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                os.unlink(entry.path)


def is_at(folder: str, found: os.stat_result) -> bool:
    """Return whether a folder that was opened is still at this path. found: the opened one."""
    try:
        return os.path.samestat(found, os.lstat(folder))
    except OSError:
        return False


def _not_private(folder: str) -> ArgumentError:
    return ArgumentError(
        f"The folder for the key of your ssh, {folder}, is not a folder that you own and that nobody else can enter. "
        "Look at who has made it, and delete it."
    )
