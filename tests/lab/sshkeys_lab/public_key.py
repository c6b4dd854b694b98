# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A parser of OpenSSH public key lines, as strict as a service that decodes the blob, and no stricter."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

# The number of length-prefixed fields in a blob by type, including the type name (RFC 4253, 5656, 8709, PROTOCOL.u2f).
FIELDS = {
    "ssh-rsa": 3,
    "ssh-dss": 5,
    "ssh-ed25519": 2,
    "ecdsa-sha2-nistp256": 3,
    "ecdsa-sha2-nistp384": 3,
    "ecdsa-sha2-nistp521": 3,
    "sk-ssh-ed25519@openssh.com": 3,
    "sk-ecdsa-sha2-nistp256@openssh.com": 4,
}


@dataclass(frozen=True)
class PublicKey:
    """The identity of a key: its type name and decoded blob. The comment does not count."""

    key_type: str
    blob: bytes


def _fields(blob: bytes) -> list[bytes]:
    found: list[bytes] = []
    at = 0
    while at < len(blob):
        end = at + 4 + int.from_bytes(blob[at : at + 4], "big")
        if end > len(blob):
            msg = "the blob is truncated"
            raise ValueError(msg)
        found.append(blob[at + 4 : end])
        at = end
    return found


def parse(line: str) -> PublicKey:
    """Read one public key line, which may have blanks around it; raise ValueError if it is not one."""
    words = line.strip().split(None, 2)
    if len(words) < 2 or "\n" in line.strip():
        msg = "not one public key line"
        raise ValueError(msg)
    key_type = words[0]
    try:
        blob = base64.b64decode(words[1], validate=True)
    except binascii.Error as error:
        msg = "the blob is not base64"
        raise ValueError(msg) from error
    fields = _fields(blob)
    if not fields or fields[0] != key_type.encode() or len(fields) != FIELDS.get(key_type):
        msg = "the blob is not a key of its type"
        raise ValueError(msg)
    return PublicKey(key_type, blob)
