# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The paths of the controller, as module_utils/_transfer/paths.py asks for them."""

from __future__ import annotations

import os


class ControllerPaths:
    """The files and folders of the controller. A relative path begins in the current folder of the user."""

    def absolute(self, path: str) -> str:
        """Return a path without ``~`` and symbolic links, from the root."""
        return os.path.realpath(os.path.expanduser(path))

    def is_file(self, path: str) -> bool:
        """Whether there is a file."""
        return os.path.isfile(path)

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder."""
        return os.path.isdir(path)
