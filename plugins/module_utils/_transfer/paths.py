# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The paths that the variables of a playbook name: made absolute, looked at, and shown in sentences. Pure."""

from __future__ import annotations

from typing import Protocol

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import shown
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.private import holds_private_key


class Paths(Protocol):
    """The files and folders of the controller, as the user sees them in the current folder."""

    def absolute(self, path: str) -> str:
        """Return a path without ``~`` and symbolic links, from the root."""

    def is_file(self, path: str) -> bool:
        """Whether there is a file."""

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder."""


def shown_path(path: str) -> str:
    """Return a path for a sentence, however long it is, unless it is a private key."""
    return shown(path) if holds_private_key(path) or not path.isprintable() else repr(path)
