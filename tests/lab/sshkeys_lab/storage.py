# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage behind the Transfer users: a folder for each bucket. It stands for S3, which knows no links.

Each name of a path is opened in the folder before it, and never through a link. So nothing outside of the storage is
reached, whatever is in it, and whoever changes it at the same time.
All methods raise OSError as the system does. A link, a pipe or a device is for them no file and no folder.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .home_view import Parts

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def refusal(number: int) -> OSError:
    """Return the system's error with a number of `errno`."""
    return OSError(number, os.strerror(number))


class Storage:
    """The buckets, as a client of SFTP sees them."""

    def __init__(self, root: Path) -> None:
        """Use the folder `root`."""
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY)

    @contextmanager
    def _folder(self, parts: Parts, *, make: bool = False) -> Iterator[int]:
        """Open a folder; give its descriptor."""
        here = os.dup(self._root)
        try:
            for name in parts:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(name, 0o700, dir_fd=here)
                below = os.open(name, _FOLDER, dir_fd=here)
                os.close(here)
                here = below
            yield here
        finally:
            os.close(here)

    @contextmanager
    def _above(self, parts: Parts, *, to_change: bool) -> Iterator[tuple[int, str]]:
        """Open the folder of a file or folder; give its descriptor, and the name in it."""
        # Only AWS makes buckets, and nothing is beside them.
        if not parts or (to_change and len(parts) == 1):
            raise refusal(errno.EACCES)
        with self._folder(parts[:-1]) as folder:
            yield folder, parts[-1]

    def make_folders(self, parts: Parts) -> None:
        """Make a folder, its bucket, and what is between, as far as it does not exist."""
        with self._folder(parts, make=True):
            pass

    def status(self, parts: Parts) -> os.stat_result:
        """Return the status of a file or folder."""
        if not parts:
            return os.fstat(self._root)
        with self._above(parts, to_change=False) as (folder, name):
            return _known(os.stat(name, dir_fd=folder, follow_symlinks=False))

    def exists(self, parts: Parts) -> bool:
        """Say whether there is a file or folder."""
        try:
            self.status(parts)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def names(self, parts: Parts) -> list[str]:
        """Return the names of the files and folders in a folder."""
        with self._folder(parts) as folder:
            names = os.listdir(folder)  # noqa: PTH208 - a path would be resolved anew
        return [name for name in names if self.exists((*parts, name))]

    def open(self, parts: Parts, flags: int) -> int:
        """Open a file with the flags of `os.open`, and return its descriptor."""
        to_change = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))
        with self._above(parts, to_change=to_change) as (folder, name):
            # It must not wait for the other end of a pipe.
            file = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600, dir_fd=folder)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise refusal(errno.EACCES)
        return file

    def remove(self, parts: Parts) -> None:
        """Remove a file."""
        with self._above(parts, to_change=True) as (folder, name):
            os.unlink(name, dir_fd=folder)

    def make_folder(self, parts: Parts) -> None:
        """Make a folder in one that exists."""
        with self._above(parts, to_change=True) as (folder, name):
            os.mkdir(name, 0o700, dir_fd=folder)

    def remove_folder(self, parts: Parts) -> None:
        """Remove an empty folder."""
        with self._above(parts, to_change=True) as (folder, name):
            os.rmdir(name, dir_fd=folder)

    def rename(self, old: Parts, new: Parts) -> None:
        """Move a file or folder to a place where there is none."""
        self.status(old)
        if self.exists(new):
            raise refusal(errno.EEXIST)
        with (
            self._above(old, to_change=True) as (old_folder, old_name),
            self._above(new, to_change=True) as (new_folder, new_name),
        ):
            os.rename(old_name, new_name, src_dir_fd=old_folder, dst_dir_fd=new_folder)


def _known(found: os.stat_result) -> os.stat_result:
    if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
        raise refusal(errno.ENOENT)
    return found
