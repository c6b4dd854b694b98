# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Which parts of a private key no output may show. Pure.

A private key holds its public key too, and where the bytes fall into place, in the spelling of the .pub file. That
spelling is left out, because a public key may be shown.

Formats: RFC 4253 section 6.6 and RFC 5656 section 3.1 (public keys), PROTOCOL.key of OpenSSH (which holds such a public
key whole), RFC 8017 appendix A.1.2 (the numbers of an RSA key) and RFC 5915 (those of an elliptic curve).
"""

from __future__ import annotations

import base64
import re
from typing import Iterator

from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import PublicKeyError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.wire import BITS, Reader

# ansible-core masks a text only where it stands whole, and shows long lines cut short: the shorter the parts, the less
# remains. Still shorter ones would be masked in words where they stand by chance, and so would those of few letters.
_LENGTH = 16
_LETTERS_AT_LEAST = 5

_RUN = re.compile(rf"[A-Za-z0-9+/]{{{_LENGTH},}}")
# A line end that has become text, such as in JSON.
_ESCAPED = re.compile(r"\\[nrt]")

_TYPE = re.compile(b"|".join(bytes([0, 0, 0, len(name)]) + name.encode() for name in BITS))
# An INTEGER of DER with 128 bytes or more, and the public exponent that comes after the modulus.
_LONG_INTEGER = re.compile(rb"\x02(?:\x81(.)|\x82(..))", re.DOTALL)
_EXPONENT = b"\x01\x00\x01"
# The BIT STRING of DER with the point of a curve: how it begins, the name of the curve, and the length of the point.
_POINTS = (
    (b"\x03\x42\x00\x04", b"nistp256", 65),
    (b"\x03\x62\x00\x04", b"nistp384", 97),
    (b"\x03\x81\x86\x00\x04", b"nistp521", 133),
)
# No private key is longer, and the work grows with the length.
_READ_AT_MOST = 40_000


def parts_to_mask(text: str) -> list[str]:
    """Return the base64 of a text that holds a private key, in parts of 16 to 31 letters, without its public key."""
    text = _ESCAPED.sub(" ", text[:_READ_AT_MOST])
    runs = _RUN.findall(text)
    public = [base64.b64encode(blob).decode() for blob in _public_keys("".join(runs))]
    parts = dict.fromkeys(part for run in runs for part in _cut(run))
    return [part for part in parts if len(set(part)) >= _LETTERS_AT_LEAST and not any(part in key for key in public)]


def _cut(run: str) -> Iterator[str]:
    """Yield the parts of a run of base64. The last one is as long as the others, or longer."""
    starts = range(0, len(run) - _LENGTH + 1, _LENGTH)
    for start in starts:
        yield run[start:] if start == starts[-1] else run[start : start + _LENGTH]


def _public_keys(encoded: str) -> Iterator[bytes]:
    """Yield the public keys inside base64, in wire format, wherever in it they begin."""
    for shift in range(4):
        data = _decoded(encoded[shift:])
        yield from _keys_in_wire_format(data)
        yield from _rsa_keys_in_der(data)
        for beginning, curve, length in _POINTS:
            for found in re.finditer(re.escape(beginning), data):
                point = data[found.end() - 1 : found.end() - 1 + length]
                yield _wire(b"ecdsa-sha2-" + curve, curve, point)


def _decoded(encoded: str) -> bytes:
    """Decode base64 that may have lost its end."""
    whole = encoded if len(encoded) % 4 != 1 else encoded[:-1]
    return base64.b64decode(whole + "=" * (-len(whole) % 4))


def _keys_in_wire_format(data: bytes) -> Iterator[bytes]:
    for found in _TYPE.finditer(data):
        reader = Reader(data[found.start() :])
        try:
            BITS[reader.string().decode()](reader)
        except PublicKeyError:
            continue
        yield data[found.start() : len(data) - reader.remaining]


def _rsa_keys_in_der(data: bytes) -> Iterator[bytes]:
    for found in _LONG_INTEGER.finditer(data):
        end = found.end() + int.from_bytes(found[1] or found[2], "big")
        if data[end : end + 5] == b"\x02\x03" + _EXPONENT:
            yield _wire(b"ssh-rsa", _EXPONENT, data[found.end() : end])


def _wire(*strings: bytes) -> bytes:
    """Write strings in the SSH wire format (RFC 4251 section 5)."""
    return b"".join(len(string).to_bytes(4, "big") + string for string in strings)
