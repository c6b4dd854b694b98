# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The lease files: a record of recent pushes on the host that runs the module.

EC2 Instance Connect has no call that lists live keys, so every accepted push leaves a small file. A lease holds no
secret. A lease that is missing, unreadable, damaged, from the future or owned by a different user does not count: the
key is pushed again, which does no harm. For the same reason there is no lock: two writers both push.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import tempfile
from typing import Any

from ansible_collections.sshkeys.aws.plugins.module_utils._push.plan import KEY_LIFETIME, Lease, LeaseName

_SUFFIX = ".lease"
# A lease is a few hundred bytes; a larger file is not a lease.
_MAX_BYTES = 4096


def default_directory() -> str:
    """Return the folder of the user's leases, below XDG_CACHE_HOME or ``~/.cache`` (XDG Base Directory)."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    # The specification ignores relative paths.
    if not os.path.isabs(cache):
        cache = os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(cache, "sshkeys.aws", "leases")


class LeaseDirectory:
    """The folder that holds the leases, mode 0700, each a file of mode 0600."""

    def __init__(self, path: str) -> None:
        """Set the folder, which is made with the first lease."""
        self._path = path

    def read(self, name: LeaseName) -> Lease | None:
        """Return the lease of this name, or None if there is none that can be trusted."""
        try:
            self._check_is_ours()
            content = self._read_file(self._file(name))
            return _decode(content, name)
        except (OSError, ValueError, OverflowError, RecursionError):
            return None

    def write(self, name: LeaseName, lease: Lease) -> None:
        """Write a lease atomically. Raises OSError if the folder cannot be used."""
        if not os.path.isabs(self._path):
            raise FileNotFoundError(f"{self._path} is not an absolute path: this user has no home folder")
        os.makedirs(self._path, mode=0o700, exist_ok=True)
        self._check_is_ours()
        descriptor, temporary = tempfile.mkstemp(dir=self._path, suffix=".new")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump({**name._asdict(), "pushed_at": lease.pushed_at, "request_id": lease.request_id}, file)
            os.replace(temporary, self._file(name))
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise

    def sweep(self, now: float) -> None:
        """Remove expired leases, and the temporary files of writers that died. Never raises OSError.

        now: seconds since the epoch.
        """
        with contextlib.suppress(OSError):
            self._check_is_ours()
            with os.scandir(self._path) as entries:
                for entry in entries:
                    if entry.name.endswith((_SUFFIX, ".new")):
                        _remove_when_old(entry, now)

    def _file(self, name: LeaseName) -> str:
        # A digest, because an OS user or an endpoint may have characters that a file name may not.
        return os.path.join(self._path, hashlib.sha256(json.dumps(name).encode()).hexdigest() + _SUFFIX)

    def _check_is_ours(self) -> None:
        """Raise PermissionError unless the folder is a real one that only this user can write to."""
        status = os.lstat(self._path)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o022:
            raise PermissionError(f"{self._path} is not a folder that belongs to this user alone")

    def _read_file(self, path: str) -> bytes:
        # O_NOFOLLOW and O_NONBLOCK: a link or a pipe put there by an attacker must neither mislead nor hang the module.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
                raise PermissionError(f"{path} is not a file of this user")
            return file.read(_MAX_BYTES)


def _decode(content: bytes, name: LeaseName) -> Lease:
    """Read a lease file. Raises ValueError if it is damaged or belongs to a different push."""
    values: Any = json.loads(content)
    if not isinstance(values, dict) or any(values.get(field) != value for field, value in name._asdict().items()):
        raise ValueError("the lease is not the one of this push")
    pushed_at, request_id = values.get("pushed_at"), values.get("request_id")
    if isinstance(pushed_at, bool) or not isinstance(pushed_at, (int, float)) or not isinstance(request_id, str):
        raise ValueError("the lease is damaged")
    return Lease(float(pushed_at), request_id)


def _remove_when_old(entry: os.DirEntry[str], now: float) -> None:
    with contextlib.suppress(OSError):
        if entry.stat(follow_symlinks=False).st_mtime + KEY_LIFETIME < now:
            os.unlink(entry.path)
