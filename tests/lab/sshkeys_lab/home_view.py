# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folders that a Transfer user sees, and where in the storage each of them is. Pure: it opens nothing.

The source is the guide: logical-dir-mappings.html and implement-log-dirs.html. With PATH, a user sees the storage as it
is. With LOGICAL, it sees the entries of its mappings, and the folders that lead to them and hold nothing else.
The path of a client is resolved as a text: the storage has no links, so `..` is the folder above by name.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# The names from the root to a folder or file. None of them is empty, `.` or `..`.
Parts = tuple[str, ...]

# The guide writes ${transfer:UserName}, the API ${Transfer:UserName}.
_USER_NAME = re.compile(r"\$\{transfer:username\}", re.IGNORECASE)


def parts_of(path: str) -> Parts:
    """Return the parts of an absolute path. `..` in the root is the root."""
    return tuple(part for part in posixpath.normpath(f"/{path}").split("/") if part)


@dataclass(frozen=True)
class _Mapping:
    entry: Parts
    target: Parts
    is_file: bool

    def holds(self, parts: Parts) -> bool:
        if self.is_file:
            return parts == self.entry
        return parts[: len(self.entry)] == self.entry


class HomeView:
    """What one user sees."""

    def __init__(self, user_name: str, profile: Mapping[str, Any]) -> None:
        """See what a user with this profile (members of DescribeUser) sees at its login."""
        is_logical = profile["HomeDirectoryType"] == "LOGICAL"
        mappings = profile["HomeDirectoryMappings"] if is_logical else [{"Entry": "/", "Target": "/"}]
        self._mappings = [
            _Mapping(
                parts_of(mapping["Entry"]),
                parts_of(_USER_NAME.sub(user_name, mapping["Target"])),
                mapping.get("Type") == "FILE",
            )
            for mapping in mappings
        ]
        self.landing = parts_of(_USER_NAME.sub(user_name, profile.get("HomeDirectory", "/")))

    def resolve(self, path: str) -> Parts:
        """Return the parts of a client's path. A relative one begins in the landing folder."""
        return parts_of(path if path.startswith("/") else "/".join((*self.landing, path)))

    def place(self, parts: Parts) -> Parts | None:
        """Return where in the storage a folder or file is; None if no mapping leads there. The longest entry counts."""
        holding = [mapping for mapping in self._mappings if mapping.holds(parts)]
        if not holding:
            return None
        nearest = max(holding, key=lambda mapping: len(mapping.entry))
        return (*nearest.target, *parts[len(nearest.entry) :])

    def names_in(self, parts: Parts) -> set[str]:
        """Return the names that the mappings put in a folder. It exists, if only for them, unless there are none."""
        depth = len(parts)
        return {each.entry[depth] for each in self._mappings if len(each.entry) > depth and each.entry[:depth] == parts}

    def is_entry(self, parts: Parts) -> bool:
        """Say whether this is the entry of a mapping."""
        return any(each.entry == parts for each in self._mappings)

    def folders(self) -> list[Parts]:
        """Return the folders of the storage that the mappings and the landing folder need."""
        needed = [each.target[:-1] if each.is_file else each.target for each in self._mappings]
        landing = self.place(self.landing)
        return needed if landing is None else [*needed, landing]
