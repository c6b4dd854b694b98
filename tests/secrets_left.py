# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets that must not be in the output of a command, or in a file that it leaves."""

from __future__ import annotations

import re
from pathlib import Path

# The secret key of a lab, a session token of the tests, a signed address, and what each private key of OpenSSH begins
# with (PROTOCOL.key: "openssh-key-v1", in base64). The line before it is no secret, and may be looked for in a test.
_SECRET = re.compile(
    rb"labsecret[0-9a-f]{31}|labtoken[0-9a-f]{16}|X-Amz-Signature=[0-9a-f]{64}|b3BlbnNzaC1rZXktdjE[A-Za-z0-9+/=]{20}"
)


def lines_with_secrets(content: bytes) -> list[int]:
    """Return the numbers of the lines in which a secret begins."""
    return [content.count(b"\n", 0, found.start()) + 1 for found in _SECRET.finditer(content)]


def files_with_secrets(folder: Path) -> list[str]:
    """Return the files below a folder that hold a secret, each with its lines."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
    return [
        f"{file}, line {', '.join(map(str, lines))}"
        for file in files
        if (lines := lines_with_secrets(file.read_bytes()))
    ]
