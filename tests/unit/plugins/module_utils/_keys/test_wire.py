# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Damaged keys are taken if and only if ssh-keygen takes them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import PublicKeyError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import parse_public_key
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.wire import BITS, Reader
from ansible_collections.sshkeys.aws.tests.unit import keys
from ansible_collections.sshkeys.aws.tests.unit.keys import (
    CURVES,
    DSS_TYPE,
    ECDSA_TYPES,
    ED25519_TYPE,
    KIND_OF_TYPE,
    KINDS,
    RSA_TYPE,
    blob_of_type,
    key_pair,
    line_of,
)
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, strategies as st

# -- Damaged keys: taken if and only if ssh-keygen takes them ---------------------------------------------------------


def taken(lines: Sequence[str]) -> dict[int, tuple[int, str]]:
    """Return position -> (bits, fingerprint) of each line that the collection takes."""
    found = {}
    for position, line in enumerate(lines):
        try:
            key = parse_public_key(f"{line} {position}")
        except PublicKeyError:
            continue
        found[position] = (key.bits, key.fingerprint)
    return found


def fingerprint_of(line: str) -> str:
    """Return the SHA256 fingerprint of the blob of a line, whatever it holds."""
    digest = hashlib.sha256(base64.b64decode(line.split(" ")[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def assert_judged_as_by_ssh_keygen(lines: Sequence[str]) -> None:
    ours, theirs = taken(lines), keys.accepted_by_ssh_keygen(lines)
    # ssh-keygen also takes numbers with more zeros before them than RFC 4251 section 5 allows, and spells them anew:
    # its fingerprint is then not that of the key as it was given, which is refused here.
    truth = {
        position: (known.bits, known.fingerprint)
        for position, known in theirs.items()
        if known.fingerprint == fingerprint_of(lines[position])
    }
    differing = {position for position in ours.keys() | truth.keys() if ours.get(position) != truth.get(position)}
    assert {lines[position]: (ours.get(position), truth.get(position)) for position in differing} == {}


def mutants_of(blob: bytes) -> Iterator[bytes]:
    """Yield a blob with each bit flipped, each byte lost, doubled or replaced by an extreme, and cut at each length."""
    for position in range(len(blob)):
        before, byte, after = blob[:position], blob[position], blob[position + 1 :]
        for bit in range(8):
            yield before + bytes([byte ^ (1 << bit)]) + after
        yield before + after
        yield before + bytes([byte, byte]) + after
        for value in (0x00, 0x01, 0x7F, 0x80, 0xFF):
            yield before + bytes([value]) + after
            yield before + bytes([value, byte]) + after
        yield before
    for added in (b"\x00", b"\x00" * 4, blob):
        yield blob + added


def mutated_lines(key_type: str, blob: bytes) -> list[str]:
    return [f"{key_type} {base64.b64encode(mutant).decode()}" for mutant in dict.fromkeys(mutants_of(blob))]


@pytest.mark.parametrize("key_type", [*ECDSA_TYPES, ED25519_TYPE, RSA_TYPE])
def test_every_small_damage_is_judged_as_by_ssh_keygen(key_type: str) -> None:
    assert_judged_as_by_ssh_keygen(mutated_lines(key_type, blob_of_type(key_type)))


def test_every_small_damage_of_ssh_dss_is_judged_as_by_ssh_keygen() -> None:
    if not keys.knows_dss():
        pytest.skip("this ssh-keygen was built without DSA, as OpenSSH 10 is")
    assert_judged_as_by_ssh_keygen(mutated_lines(DSS_TYPE, keys.dss_blob()))


def fields_of(blob: bytes) -> list[bytes]:
    """Return the strings of a key in wire format."""
    fields = []
    while blob:
        end = 4 + int.from_bytes(blob[:4], "big")
        fields.append(blob[4:end])
        blob = blob[end:]
    return fields


@pytest.mark.parametrize("key_type", [*ECDSA_TYPES, ED25519_TYPE, RSA_TYPE])
def test_every_field_of_another_length_is_judged_as_by_ssh_keygen(key_type: str) -> None:
    fields = fields_of(blob_of_type(key_type))
    damaged = [[*fields, b""], [*fields, fields[-1]], fields[::-1], fields[1:]]
    for position, field in enumerate(fields):
        others = [b"", b"\x00", field[:-1], field[1:], field + b"\x01", b"\x00" + field, b"\x01" + field, field * 2]
        damaged += [[*fields[:position], other, *fields[position + 1 :]] for other in others]
        damaged.append(fields[:position] + fields[position + 1 :])
        damaged.append([*fields[:position], field, *fields[position:]])
    assert_judged_as_by_ssh_keygen(
        [f"{key_type} {base64.b64encode(b''.join(map(keys.string, some))).decode()}" for some in damaged]
    )


class Edit(NamedTuple):
    """A change of a sequence: where, as a part of its length; how much goes; what comes."""

    where: float
    lost: int
    new: bytes


byte_edits = st.builds(Edit, st.floats(0, 1), st.integers(0, 6), st.binary(max_size=6))
text_edits = st.builds(
    Edit,
    st.floats(0, 1),
    st.integers(0, 5),
    st.text(alphabet="AQgw/+=B9z-_!,\"'", max_size=5).map(str.encode),
)


def edited(value: bytes, edits: Sequence[Edit]) -> bytes:
    for edit in edits:
        start = int(edit.where * len(value))
        value = value[:start] + edit.new + value[start + edit.lost :]
    return value


SMALL_KINDS = tuple(KIND_OF_TYPE.values())


@given(st.lists(st.tuples(st.sampled_from(SMALL_KINDS), st.lists(byte_edits, min_size=1, max_size=3)), min_size=20))
def test_any_damage_of_the_blob_is_judged_as_by_ssh_keygen(damages: list[tuple[str, list[Edit]]]) -> None:
    lines = []
    for kind, edits in damages:
        pair = key_pair(kind)
        lines.append(f"{pair.type} {base64.b64encode(edited(pair.blob, edits)).decode()}")
    assert_judged_as_by_ssh_keygen(lines)


@given(st.lists(st.tuples(st.sampled_from(SMALL_KINDS), st.lists(text_edits, min_size=1, max_size=2)), min_size=20))
def test_any_damage_of_the_base64_is_judged_as_by_ssh_keygen(damages: list[tuple[str, list[Edit]]]) -> None:
    pairs = [(key_pair(kind), edits) for kind, edits in damages]
    assert_judged_as_by_ssh_keygen(
        [f"{pair.type} {edited(pair.encoded.encode(), edits).decode()}" for pair, edits in pairs]
    )


@pytest.mark.parametrize("ending", ["AA==", "AB==", "AAA=", "AAB=", "AAAA"])
def test_left_over_bits_of_base64(ending: str) -> None:
    # The last bits must be zero, or one key would have several spellings.
    lines = []
    for kind in KINDS:
        pair = key_pair(kind)
        for letter in "ABCDQgwx/+":
            stem = pair.encoded.rstrip("=")
            lines.append(f"{pair.type} {stem[:-1]}{letter}{'=' * (len(pair.encoded) - len(stem))}")
        lines.append(f"{pair.type} {pair.encoded[:-4]}{ending}")
    assert_judged_as_by_ssh_keygen(lines)


def numbers_at_the_edges() -> list[bytes]:
    string, e = keys.string, keys.mpint(65537)
    head = string(b"ssh-rsa")
    full = b"\xff" * 2048
    return [
        *(
            keys.rsa_blob((1 << (bits - 1)) | 1)
            for bits in (0, 1, 768, 1016, 1023, 1024, 1025, 16383, 16384, 16385, 17000)
            if bits
        ),
        head + e + string(b""),
        head + string(b"") + string(b"\x00" + full),
        head + string(b"\x00") + keys.mpint(1 << 2047),
        head + e + string(b"\x00" + full),
        head + e + string(b"\x00\x00" + full),
        head + e + string(full),
        head + e + string(b"\x00" * 3000),
        head + e + string(b"\x00" * 2049),
        head + e + string(b"\x00" * 1000 + b"\x01" * 1049),
        head + string(b"\x00" * 2049) + keys.mpint(1 << 2047),
        head + string(b"\x81") + keys.mpint(1 << 2047),
        head + string(b"\x00" + full) + string(b"\x00" + full),
        head + keys.mpint(1 << 2047),
        head + e + keys.mpint(1 << 2047) + e,
        head,
        b"",
    ]


def test_rsa_numbers_at_the_edges_are_judged_as_by_ssh_keygen() -> None:
    assert_judged_as_by_ssh_keygen([f"ssh-rsa {base64.b64encode(blob).decode()}" for blob in numbers_at_the_edges()])


def point_near(bits: int, x: int, step: int) -> tuple[int, int]:
    """Return the point of a curve whose x is the nearest in a direction."""
    size = (bits + 7) // 8
    while True:
        try:
            public = ec.EllipticCurvePublicKey.from_encoded_point(CURVES[bits], b"\x02" + x.to_bytes(size, "big"))
        except ValueError:
            x += step
        else:
            return x, public.public_numbers().y


# NIST FIPS 186-4 appendix D.1.2.
PRIMES = {
    256: 2**256 - 2**224 + 2**192 + 2**96 - 1,
    384: 2**384 - 2**128 - 2**96 + 2**32 - 1,
    521: 2**521 - 1,
}


def order(bits: int) -> int:
    return CURVES[bits].group_order


def test_ecdsa_points_at_the_edges_are_judged_as_by_ssh_keygen() -> None:
    # OpenSSH takes no point whose coordinates are short or reach the order (sshkey_ec_validate_public in sshkey.c).
    lines = []
    for bits in CURVES:
        half = order(bits).bit_length() // 2
        for start, step in ((1, 1), ((1 << half) - 1, -1), (1 << half, 1), (order(bits) - 2, -1), (order(bits), 1)):
            lines.append(line_of(keys.ecdsa_blob(bits, *point_near(bits, start, step))))
        size = (bits + 7) // 8
        lines.append(line_of(keys.ecdsa_blob(bits, 0, 0)))
        # The same point with a coordinate written as another number of the same remainder.
        x, y = point_near(bits, 5, 1)
        lines += [
            line_of(keys.ecdsa_blob(bits, *point))
            for point in ((x + PRIMES[bits], y), (x, y + PRIMES[bits]), (x, PRIMES[bits] - y), (PRIMES[bits], y))
            if max(point) < 1 << (8 * size)
        ]
        lines.append(line_of(keys.ecdsa_blob(bits, (1 << (8 * size)) - 1, (1 << (8 * size)) - 1)))
    assert_judged_as_by_ssh_keygen(lines)


def test_other_forms_of_a_point_are_judged_as_by_ssh_keygen() -> None:
    string = keys.string
    lines = []
    for bits, curve in CURVES.items():
        name = f"nistp{bits}".encode()
        public = ec.derive_private_key(12345678901234567890, curve).public_key()
        full = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        short = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
        hybrid = bytes([6 | full[-1] & 1]) + full[1:]
        for point in (full, short, hybrid, b"\x00", b"", b"\x04", full + b"\x00", full[:-1]):
            lines += [
                line_of(string(b"ecdsa-sha2-" + name) + string(curve_name) + string(point))
                for curve_name in (name, b"nistp256", b"nistp999", b"")
            ]
    assert_judged_as_by_ssh_keygen(lines)


# -- The format -------------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=40), max_size=4), st.binary(max_size=3))
def test_strings_are_read_from_the_front(strings: list[bytes], rest: bytes) -> None:
    reader = Reader(b"".join(map(keys.string, strings)) + rest)
    assert [reader.string() for _string in strings] == strings
    assert reader.is_at_end == (not rest)
    with pytest.raises(PublicKeyError, match="damaged or cut short"):
        reader.string()


@given(st.binary(min_size=1, max_size=40), st.data())
def test_a_string_cut_anywhere_is_damaged(value: bytes, data: st.DataObject) -> None:
    written = keys.string(value)
    with pytest.raises(PublicKeyError, match="damaged or cut short"):
        Reader(written[: data.draw(st.integers(0, len(written) - 1))]).string()


# The examples of RFC 4251 section 5. No key has a negative number.
@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("00000000", 0),
        ("00000008 09a378f9b2e332a7", 0x9A378F9B2E332A7),
        ("00000002 0080", 0x80),
        ("00000002 edcc", None),
        ("00000005 ff21524111", None),
        # One number has one spelling.
        ("00000001 00", None),
        ("00000002 007f", None),
        ("00000003 000080", None),
    ],
)
def test_numbers(written: str, number: int | None) -> None:
    reader = Reader(bytes.fromhex(written))
    if number is None:
        with pytest.raises(PublicKeyError, match="numbers inside the key are not valid"):
            reader.mpint()
    else:
        assert reader.mpint() == number
        reader.end()


@given(st.integers(0, (1 << 16384) - 1))
def test_numbers_that_are_written_are_read(number: int) -> None:
    assert Reader(keys.mpint(number)).mpint() == number


@pytest.mark.parametrize("left", [1, 7])
def test_what_is_left_at_the_end_is_counted(left: int) -> None:
    reader = Reader(keys.string(b"x") + bytes(left))
    reader.string()
    with pytest.raises(PublicKeyError, match=rf"^The key has extra data at its end \({left} bytes\)"):
        reader.end()


@pytest.mark.parametrize(
    ("key_type", "bits"),
    [
        (ED25519_TYPE, 256),
        (RSA_TYPE, 1024),
        (DSS_TYPE, 1024),
        *((f"ecdsa-sha2-nistp{bits}", bits) for bits in CURVES),
    ],
)
def test_every_type_is_measured(key_type: str, bits: int) -> None:
    reader = Reader(blob_of_type(key_type))
    assert reader.string().decode() == key_type
    assert BITS[key_type](reader) == bits
    assert reader.is_at_end


def test_no_other_type_is_measured() -> None:
    assert sorted(BITS) == sorted(keys.TYPES)
