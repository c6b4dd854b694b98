# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets that got out while tests ran: into what was printed, the arguments of processes, or files that are left."""

from __future__ import annotations

import os
import re
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

# The secret key of a lab, a session token of the tests, a signed address, and what each private key of OpenSSH begins
# with (PROTOCOL.key: "openssh-key-v1", in base64). The line before it is no secret, and may be looked for in a test.
_SECRET = re.compile(
    rb"labsecret[0-9a-f]{31}|labtoken[0-9a-f]{16}|X-Amz-Signature=[0-9a-f]{64}|b3BlbnNzaC1rZXktdjE[A-Za-z0-9+/=]{20}"
)
_SECONDS_BETWEEN_LOOKS = 0.1
_SECONDS_OF_DOUBT = 0.1
# What is longer is data.
_MAX_BYTES = 200_000_000


class Watch:
    """Looks at all processes of this user, from its beginning to its end, and then at files."""

    def __init__(self) -> None:
        """Begin with nothing found."""
        # The files of a file system may be a little older than the clock says.
        self.began = time.time() - _SECONDS_OF_DOUBT
        self._found: dict[bytes, str] = {}
        self._has_ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Look no more."""
        self._has_ended.set()
        self._thread.join()

    @property
    def in_arguments(self) -> list[str]:
        """The processes that had a secret among their arguments, the secret left out."""
        return list(self._found.values())

    def in_files(self, *places: Path) -> list[str]:
        """Return the files there and below that were written meanwhile and hold a secret, each with its line."""
        return [f"{path}, line {line}" for place in places for path in _files(place) for line in self._lines(path)]

    def in_new_files(self, folder: Path, *names: str) -> list[str]:
        """Return the same for what was put into a folder meanwhile that is not ours alone.

        names: patterns of what may be ours.
        """
        return self.in_files(*(entry for name in names for entry in folder.glob(name) if self._is_new(entry)))

    def _is_new(self, entry: Path) -> bool:
        # It may be gone by now, whose ever it was.
        with suppress(OSError):
            return entry.lstat().st_ctime >= self.began
        return False

    def _look(self) -> None:
        while not self._has_ended.wait(_SECONDS_BETWEEN_LOOKS):
            for process in os.scandir("/proc"):
                if process.name.isdigit():
                    with suppress(OSError):
                        self._note(Path(process.path, "cmdline").read_bytes())

    def _note(self, arguments: bytes) -> None:
        if _SECRET.search(arguments) and arguments not in self._found:
            told = _SECRET.sub(b"(secret)", arguments.replace(b"\0", b" "))
            self._found[arguments] = told.decode(errors="replace")

    def _lines(self, path: Path) -> list[int]:
        """Return the numbers of the lines with a secret, of a file of this user that was written meanwhile."""
        with suppress(OSError):
            status = path.lstat()
            is_ours = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
            if is_ours and status.st_mtime >= self.began and status.st_size <= _MAX_BYTES:
                content = path.read_bytes()
                return [content.count(b"\n", 0, found.start()) + 1 for found in _SECRET.finditer(content)]
        return []


def _files(place: Path) -> Iterator[Path]:
    yield place
    for where, _folders, names in os.walk(place):
        yield from (Path(where, name) for name in names)
