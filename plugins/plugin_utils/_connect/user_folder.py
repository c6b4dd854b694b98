# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder of a user who logs in by hand: the sockets of brokers, and the key pair that they share.

Each of its processes holds it by a shared lock. The kernel drops the lock of a process that ends, however it ends, and
whoever gets an exclusive lock deletes the folder (run_guard.py). So the key outlives no broker.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
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
        _make(folder)
        descriptor = _lock(folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _make(folder: str) -> None:
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, mode=0o700)
        found = os.lstat(folder)
    except OSError as error:
        raise ArgumentError(
            f"The folder for the key of your ssh, {folder}, cannot be made: {error.strerror}. Run ansible-playbook "
            "sshkeys.aws.ssh_config where you log in, with the XDG_RUNTIME_DIR or TMPDIR that you have there."
        ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise ArgumentError(
            f"The folder for the key of your ssh, {folder}, is not a folder that you own and that nobody else can "
            "enter. Look at who has made it, and delete it."
        )


def _lock(folder: str) -> int | None:
    """Return the open and locked folder, None if another process has just deleted it. Raises ArgumentError."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return None
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    with contextlib.suppress(OSError):
        if os.path.samestat(os.fstat(descriptor), os.stat(folder)):
            return descriptor
    os.close(descriptor)
    return None
