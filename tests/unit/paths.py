# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A controller whose files and folders are made up."""

from __future__ import annotations

import posixpath
from collections.abc import Collection

HOME = "/home/deploy"
HERE = "/home/deploy/work"


class MadeUpPaths:
    """The paths of a controller without symbolic links, in the folder HERE."""

    def __init__(self, files: Collection[str] = (), folders: Collection[str] = (HERE,)) -> None:
        self._files, self._folders = files, folders

    def absolute(self, path: str) -> str:
        """Return a path from the root."""
        return posixpath.normpath(posixpath.join(HERE, path.replace("~", HOME, 1) if path[:1] == "~" else path))

    def is_file(self, path: str) -> bool:
        """Whether it is among the files."""
        return path in self._files

    def is_folder(self, path: str) -> bool:
        """Whether it is among the folders."""
        return path in self._folders
