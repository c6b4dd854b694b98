# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Files of public keys, line by line: an RFC 4716 block becomes one line in OpenSSH's format. Pure.

Formats: sshd(8) "AUTHORIZED_KEYS FILE FORMAT" (one line a key), RFC 4716 (SSH2 PUBLIC KEY files), RFC 7468 (PEM).
"""

from __future__ import annotations

from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import DAMAGED, PublicKeyError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.not_a_public_key import type_inside

_BEGIN_SSH2, _END_SSH2 = "---- BEGIN SSH2 PUBLIC KEY", "---- END SSH2 PUBLIC KEY"


def logical_lines(lines: list[str]) -> list[tuple[int, str]]:
    """Return (line number, text) of each line that is not empty.

    An RFC 4716 block becomes one such line. So does a PEM block, which keeps its line breaks.
    """
    logical: list[tuple[int, str]] = []
    block: list[str] | None = None
    begun_at, ends_with = 0, ""
    for number, line in enumerate((line.strip().strip("\ufeff").strip() for line in lines), start=1):
        if block is None and line.startswith((_BEGIN_SSH2, "-----BEGIN")):
            block, begun_at = [line], number
            ends_with = _END_SSH2 if line.startswith(_BEGIN_SSH2) else "-----END"
        elif block is not None:
            block.append(line)
        elif line:
            logical.append((number, line))
        if block is not None and line.startswith(ends_with):
            logical.append((begun_at, _line_of_block(block)))
            block = None
    if block is not None and ends_with == _END_SSH2:
        raise PublicKeyError(
            f"Line {begun_at}: the SSH2 PUBLIC KEY block has no END line. The file is cut short: copy it again."
        )
    if block is not None:
        logical.append((begun_at, "\n".join(block)))
    return logical


def _line_of_block(block: list[str]) -> str:
    if not block[0].startswith(_BEGIN_SSH2):
        return "\n".join(block)
    # Keep text that was joined to the END line, so that it is not silently dropped.
    after = block[-1][len(_END_SSH2) :].lstrip(" -")
    return f"{_line_of_rfc4716(block[1:-1])} {after}".rstrip()


def _line_of_rfc4716(block: list[str]) -> str:
    """Turn the inside of an RFC 4716 block into an OpenSSH line. Only the blob has the type (section 3.4)."""
    headers: list[str] = []
    body = []
    continues = False
    for line in block:
        if continues:
            headers[-1] = headers[-1][:-1] + line
        elif ":" in line:
            headers.append(line)
        else:
            body.append(line)
            continue
        continues = line.endswith("\\")
    comments = [
        value.strip()
        for tag, _colon, value in (header.partition(":") for header in headers)
        if tag.lower() == "comment"
    ]
    comment = comments[0].strip('"') if comments else ""
    encoded = "".join(body)
    key_type = type_inside(encoded)
    if not key_type:
        raise PublicKeyError(DAMAGED)
    return f"{key_type} {encoded} {comment}"
