# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The SSH wire format of public keys: the numbers inside a blob, and their validation. Pure.

A blob is valid here if and only if OpenSSH accepts it.

Formats: RFC 4251 section 5 (strings and numbers), RFC 4253 section 6.6 (ssh-rsa, ssh-dss), RFC 5656 section 3.1
(ecdsa), RFC 8709 section 4 (ssh-ed25519).
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import DAMAGED, PublicKeyError


class Reader:
    """Reads the SSH wire format (RFC 4251 section 5) from the start. Raises PublicKeyError at a premature end."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def string(self) -> bytes:
        length = int.from_bytes(self._data[:4], "big")
        if len(self._data) < 4 or len(self._data) - 4 < length:
            raise PublicKeyError(DAMAGED)
        value, self._data = self._data[4 : 4 + length], self._data[4 + length :]
        return value

    def mpint(self) -> int:
        value = self.string()
        number = int.from_bytes(value, "big")
        # A number has one encoding (RFC 4251 section 5). OpenSSH reads others and encodes them again, which changes the
        # fingerprint; and it accepts at most 16384 bits (sshbuf-getput-basic.c).
        if (
            value != number.to_bytes(number.bit_length() // 8 + 1 if number else 0, "big")
            or number.bit_length() > 16384
        ):
            raise PublicKeyError(_INVALID)
        return number

    @property
    def remaining(self) -> int:
        """The number of bytes that have not been read yet."""
        return len(self._data)

    @property
    def is_at_end(self) -> bool:
        return not self._data

    def end(self) -> None:
        if not self.is_at_end:
            raise PublicKeyError(
                f"The key has extra data at its end ({len(self._data)} bytes). Copy the .pub file again."
            )


_INVALID = "The numbers inside the key are not valid. Copy the .pub file again, or make a new key."


def _rsa_bits(reader: Reader) -> int:
    _exponent, modulus = reader.mpint(), reader.mpint()
    bits = modulus.bit_length()
    # SSH_RSA_MINIMUM_MODULUS_SIZE of OpenSSH (sshkey.h): it refuses shorter keys everywhere.
    if bits < 1024:
        raise PublicKeyError(
            f"It is RSA with {bits} bits, and OpenSSH accepts none below 1024. Make a new one: ssh-keygen -t ed25519."
        )
    return bits


def _dss_bits(reader: Reader) -> int:
    prime, _q, _g, _y = reader.mpint(), reader.mpint(), reader.mpint(), reader.mpint()
    return prime.bit_length()


def _ed25519_bits(reader: Reader) -> int:
    if len(reader.string()) != 32:
        raise PublicKeyError(_INVALID)
    return 256


@dataclass(frozen=True)
class _Curve:
    """A curve y² = x³ - 3x + b over the prime p, of order n, from NIST FIPS 186-4 appendix D.1.2."""

    name: str
    bits: int
    p: int
    b: int
    n: int

    def has_key(self, x: int, y: int) -> bool:
        # OpenSSH's bounds (sshkey_ec_validate_public in sshkey.c); all of them are below p.
        return (
            min(x, y).bit_length() > self.bits // 2
            and max(x, y) < self.n - 1
            and (y * y - (x * x * x - 3 * x + self.b)) % self.p == 0
        )

    def read_bits(self, reader: Reader) -> int:
        name, point = reader.string(), reader.string()
        size = (self.bits + 7) // 8
        # Only uncompressed points (SEC 1 section 2.3.3): OpenSSH reads no others.
        if name != self.name.encode() or len(point) != 1 + 2 * size or point[:1] != b"\x04":
            raise PublicKeyError(_INVALID)
        x, y = int.from_bytes(point[1 : 1 + size], "big"), int.from_bytes(point[1 + size :], "big")
        if not self.has_key(x, y):
            raise PublicKeyError(_INVALID)
        return self.bits


_CURVES = (
    _Curve(
        "nistp256",
        256,
        2**256 - 2**224 + 2**192 + 2**96 - 1,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    ),
    _Curve(
        "nistp384",
        384,
        2**384 - 2**128 - 2**96 + 2**32 - 1,
        0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    ),
    _Curve(
        "nistp521",
        521,
        2**521 - 1,
        0x0051953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109E156193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00,
        0x01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409,
    ),
)

# A function for each supported key type: it takes a Reader positioned after the type, and returns the bits as
# ssh-keygen -l counts them. A type that is not here is refused.
BITS = {
    "ssh-rsa": _rsa_bits,
    "ssh-dss": _dss_bits,
    "ssh-ed25519": _ed25519_bits,
    **{f"ecdsa-sha2-{curve.name}": curve.read_bits for curve in _CURVES},
}
