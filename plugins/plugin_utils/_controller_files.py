# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of the controller, as tasks of a role or a playbook name them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.loader import lookup_loader
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, printable
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.paths import shown_path


class ControllerFiles:
    """The files that an action finds and reads: declarations.Files."""

    def __init__(
        self, find: Callable[[str, str], Any], variables: dict[str, Any], *, loader: Any, templar: Any
    ) -> None:
        """Make it for an action. find: its _find_needle, which knows where relative paths begin."""
        self._find, self._variables = find, variables
        # It decrypts what ansible-vault has encrypted.
        self._lookup = lookup_loader.get("ansible.builtin.file", loader=loader, templar=templar)

    def find(self, name: str) -> str | None:
        """Return the path of a file or a folder, None where there is none."""
        try:
            return str(self._find("files", name))
        except AnsibleError:
            return None

    def read(self, path: str) -> str:
        """Return the text of a file. Raises ArgumentError where it cannot be read."""
        try:
            (text,) = self._lookup.run([path], self._variables)
        except (AnsibleError, OSError, ValueError) as error:
            raise ArgumentError(f"The file {path} cannot be read: {printable(error)}") from error
        return str(text)

    def public_keys_in(self, folder: str) -> list[str] | None:
        """Return the paths of the ``*.pub`` files in a folder, sorted; None where there is no such folder."""
        path = self.find(folder)
        if path is None or not os.path.isdir(path):
            return None
        names = [name for name in os.listdir(path) if name.endswith(".pub") and not name.startswith(".")]
        paths = [os.path.join(path, name) for name in sorted(names)]
        return [path for path in paths if os.path.isfile(path)]

    def folders_in(self, folder: str) -> list[str]:
        """Return the paths of the folders in a folder, sorted, without hidden ones."""
        path = self.find(folder)
        if path is None or not os.path.isdir(path):
            return []
        paths = [os.path.join(path, name) for name in sorted(os.listdir(path)) if not name.startswith(".")]
        return [path for path in paths if os.path.isdir(path)]


class FilesOfCurrentFolder(ControllerFiles):
    """The files of the controller, whose relative paths begin in the current folder: users_files.Files."""

    def __init__(self, variables: dict[str, Any], *, loader: Any, templar: Any) -> None:
        """Make it for an action."""
        super().__init__(_in_current_folder, variables, loader=loader, templar=templar)

    def read(self, path: str) -> str:
        """Return the text of a file. Raises ArgumentError where it cannot be read."""
        found = self.find(path)
        if found is None or os.path.isdir(found):
            raise ArgumentError(f"There is no file {shown_path(path)} on the controller.")
        return super().read(found)


def _in_current_folder(_kind: str, name: str) -> str:
    """Return the absolute path of a file or a folder. Raises AnsibleError where there is none."""
    path = os.path.abspath(os.path.expanduser(name))
    if not os.path.exists(path):
        raise AnsibleError(f"There is no {path}.")
    return path
