# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The private key file of a rotation, and the files beside it. Pure.

FILE.new is the new pair until it takes the place of FILE. FILE.old-* are pairs that were in FILE earlier. A rotation is
unfinished where the user has the keys of FILE and of a FILE.old-*, and there is no FILE.new. Then only the removal is
left. A run that was killed between its two moves has put FILE.new into FILE, and has left FILE.new.pub.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Iterable, Mapping, Sequence

# As ssh-keygen -l prints them, with -E md5 too.
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}|MD5:[0-9a-f]{2}(:[0-9a-f]{2}){15}")


def is_fingerprint(text: str) -> bool:
    """Whether a text has the form of a fingerprint."""
    return bool(_FINGERPRINT.fullmatch(text))


def new_file_of(path: str) -> str:
    """Return the file of the new pair until it takes the place of FILE."""
    return f"{path}.new"


def is_half_moved(path: str, files: Iterable[str]) -> bool:
    """Whether a run was killed after it had moved the private key of the new pair and before it moved the public one.

    files: the paths of the files in the folder of FILE.
    """
    new, there = new_file_of(path), set(files)
    return new not in there and f"{new}.pub" in there


def private_keys_among(path: str, files: Iterable[str]) -> dict[str, str]:
    """Return the paths of FILE, FILE.new and each FILE.old-* that exist, with the file that tells the fingerprint.

    ssh-keygen believes the FILE.pub that stands beside a private key. In a pair that is half moved, that is the public
    key of the pair before it.
    files: the paths of the files in the folder of FILE.
    """
    there = set(files)
    earlier = sorted(file for file in there if file.startswith(f"{path}.old-") and not file.endswith(".pub"))
    found = [file for file in (path, new_file_of(path)) if file in there] + earlier
    tells = {path: f"{new_file_of(path)}.pub"} if is_half_moved(path, there) else {}
    return {file: tells.get(file, file) for file in found}


@dataclass(frozen=True)
class KeyFiles:
    """The fingerprints of the keys in FILE and beside it. False where there is no private key file.

    path: FILE, or an empty string.
    fingerprints: by path, for each private key file that exists; empty where ssh-keygen cannot read it.
    """

    path: str
    fingerprints: Mapping[str, str]

    @classmethod
    def read(cls, path: str, lines: Mapping[str, str]) -> KeyFiles:
        """Make it of the line that ``ssh-keygen -l`` prints about each file, empty where it cannot read the file."""
        return cls(path, {file: _fingerprint_in(line) for file, line in lines.items()})

    def __bool__(self) -> bool:
        return bool(self.path)

    @property
    def is_no_key(self) -> bool:
        """Whether FILE exists and holds no key."""
        return self.fingerprints.get(self.path) == ""

    @property
    def new(self) -> str:
        """FILE.new, whether it exists or not."""
        return new_file_of(self.path)

    @property
    def has_new(self) -> bool:
        """Whether there is a FILE.new, be it a key or not."""
        return self.new in self.fingerprints

    @property
    def current(self) -> str:
        """The fingerprint of the key in FILE, empty where there is none."""
        return self.fingerprints.get(self.path, "")

    @property
    def to_come(self) -> str:
        """The fingerprint of the key in FILE.new, empty where there is none."""
        return self.fingerprints.get(self.new, "")

    @property
    def earlier(self) -> frozenset[str]:
        """The fingerprints of the keys in each FILE.old-*."""
        begins = f"{self.path}.old-"
        return frozenset(found for file, found in self.fingerprints.items() if found and file.startswith(begins))

    @property
    def own(self) -> frozenset[str]:
        """The fingerprints of the keys that FILE holds or held."""
        return self.earlier | ({self.current} - {""})

    def that_open(self, held: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return the paths of the files that hold a key of the user, sorted."""
        opening = {key["fingerprint"] for key in held}
        return sorted(file for file, found in self.fingerprints.items() if found and found in opening)


def _fingerprint_in(line: str) -> str:
    """Return the fingerprint in a line of ssh-keygen -l, or an empty string where it is no such line."""
    return next((word for word in line.split()[1:2] if is_fingerprint(word)), "")
