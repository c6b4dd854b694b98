# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets that must not be in the output of a command, or in a file that it leaves."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# The secret key of a lab, a session token of the tests, a signed address, and what each private key of OpenSSH begins
# with (PROTOCOL.key: "openssh-key-v1", in base64). The line before it is no secret, and may be looked for in a test.
_SECRET = re.compile(
    rb"labsecret[0-9a-f]{31}|labtoken[0-9a-f]{16}|X-Amz-Signature=[0-9a-f]{64}|b3BlbnNzaC1rZXktdjE[A-Za-z0-9+/=]{20}"
)


def lines_with_secrets(content: bytes) -> list[int]:
    """Return the numbers of the lines in which a secret begins."""
    return [content.count(b"\n", 0, found.start()) + 1 for found in _SECRET.finditer(content)]


def files_with_secrets(*folders: Path) -> list[str]:
    """Return the files below folders that hold a secret, each with its lines."""
    files = [file for folder in folders for file in sorted(folder.rglob("*")) if not file.is_symlink()]
    found = {file: _lines_of(file) for file in files}
    return [f"{file}, line {', '.join(map(str, lines))}" for file, lines in found.items() if lines]


@contextmanager
def no_secret_left(*folders: Path, seconds: float = 10) -> Iterator[None]:
    """Fail if a secret is in a file below folders after the block. One that was there before it is another test's.

    seconds: another process deletes the key of a run that was killed, which may take a moment.
    """
    before = set(files_with_secrets(*folders))
    yield
    end = time.monotonic() + seconds
    while left := [file for file in files_with_secrets(*folders) if file not in before]:
        assert time.monotonic() < end, f"Files with secrets are left: {'; '.join(left)}"
        time.sleep(0.05)


def _lines_of(file: Path) -> list[int]:
    # It may be deleted at this moment. What its owner cannot read is no leak.
    with suppress(FileNotFoundError, PermissionError):
        return lines_with_secrets(file.read_bytes()) if file.is_file() else []
    return []
