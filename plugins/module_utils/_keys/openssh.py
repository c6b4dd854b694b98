# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""OpenSSH public keys: read them, name them, measure them, and judge whether a service can use them.

Pure. A key that is read here is one that ``ssh-keygen -l`` accepts too. No error ever repeats what it was given:
a private key pasted by mistake must not come out again, not even in part.

Formats: RFC 4253 section 6.6 (blob, ssh-rsa, ssh-dss), RFC 5656 section 3.1 (ecdsa), RFC 8709 section 4 (ssh-ed25519),
RFC 4716 (SSH2 PUBLIC KEY files), sshd(8) "AUTHORIZED_KEYS FILE FORMAT" (one line a key).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import sys
from dataclasses import dataclass
from typing import Callable

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import SshKeysError, printable
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.not_a_public_key import (
    KEY_IN_COMMENT,
    SEVERAL_KEYS_ON_A_LINE,
    comment_hides_key,
    holds_several_keys,
    sentence_for_line,
    sentence_for_type,
    type_inside,
)


class PublicKeyError(SshKeysError):
    """What was given is not a public key that can be used. ``str()`` says why and what to do, never what was given."""


class NoKeyError(PublicKeyError):
    """What was given is empty: there are no lines in it but empty ones and comments."""


class SeveralKeysError(PublicKeyError):
    """A line holds several keys."""


class UnsupportedTypeError(PublicKeyError):
    """What was given is a whole public key, of a type that a service does not take.

    key_type: such as ``sk-ssh-ed25519@openssh.com``. name: the fingerprint as ``ssh-keygen -l`` prints it, and the
    comment.
    """

    def __init__(self, sentence: str, key_type: str, blob: bytes, comment: str) -> None:
        super().__init__(sentence)
        self.key_type = key_type
        self.name = _name(blob, comment)


@dataclass(frozen=True)
class PublicKey:
    """A public key. Two keys are the same when type and blob are: the comment is for people.

    type: the key type as OpenSSH writes it, such as ``ssh-ed25519``.
    blob: the public key in SSH wire format, which begins with the type again.
    comment: what follows the key in its line, or an empty string; printable characters only.
    bits: the length of the key as ``ssh-keygen -l`` counts it.
    """

    type: str
    blob: bytes
    comment: str
    bits: int

    @property
    def identity(self) -> tuple[str, bytes]:
        """What two keys must share to be the same key."""
        return self.type, self.blob

    @property
    def line(self) -> str:
        """The key in OpenSSH's one-line format, without its comment."""
        return f"{self.type} {base64.b64encode(self.blob).decode()}"

    @property
    def line_with_comment(self) -> str:
        """The key in OpenSSH's one-line format."""
        return f"{self.line} {self.comment}".rstrip()

    @property
    def fingerprint(self) -> str:
        """The SHA256 fingerprint as ``ssh-keygen -l`` prints it."""
        return _fingerprint(self.blob)

    @property
    def fingerprint_md5(self) -> str:
        """The MD5 fingerprint as ``ssh-keygen -l -E md5`` prints it."""
        # It names a key and secures nothing; a host in FIPS mode has MD5 only for whoever says so.
        unsecured = {"usedforsecurity": False} if sys.version_info >= (3, 9) else {}
        return "MD5:" + hashlib.new("md5", self.blob, **unsecured).digest().hex(":")


def _fingerprint(blob: bytes) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _name(blob: bytes, comment: str) -> str:
    return f"{_fingerprint(blob)} ({comment or 'no comment'})"


def parse_public_key(text: str) -> PublicKey:
    """Read text that holds exactly one public key.

    text: a line, or the content of a ``.pub`` or RFC 4716 file.
    Raises PublicKeyError when there is none, more than one different, or one that is refused.
    """
    try:
        return _only_one(parse_public_keys(text))
    except SeveralKeysError as error:
        raise PublicKeyError(f"{error} One key is needed here: give one element of the list.") from None


def parse_public_keys(
    text: str, *, leave_out: Callable[[UnsupportedTypeError], object] | None = None
) -> list[PublicKey]:
    """Read text that holds one public key or more: a line, or a file of several lines as authorized_keys has them.

    Empty lines and lines that begin with ``#`` are passed over; the same key twice is one key, with its first comment.
    leave_out: called for each whole key of a type that cannot be read; without it such a key is refused.
    Returns the keys in the order of the text: at least one, unless all were left out.
    Raises PublicKeyError for the first thing that is no public key, with the number of its line where there are
    several: NoKeyError where there is nothing, UnsupportedTypeError for a whole key of a type that cannot be read.
    """
    return _read_keys(text, _parse_declared_line, leave_out)


def read_held_key(body: str) -> PublicKey | None:
    """Read a key that a service holds already, or return None where it cannot be read.

    A service may hold what nobody would import today, such as ssh-dss, or a key with another one in its comment: that
    is read, not refused.
    """
    try:
        return _only_one(_read_keys(body, _parse_line))
    except PublicKeyError:
        return None


def _only_one(keys: list[PublicKey]) -> PublicKey:
    if len(keys) > 1:
        raise PublicKeyError(f"It holds {len(keys)} different keys, and one is needed. Give one of them.")
    return keys[0]


def _read_keys(
    text: str,
    parse_line: Callable[[str], PublicKey | None],
    leave_out: Callable[[UnsupportedTypeError], object] | None = None,
) -> list[PublicKey]:
    _refuse_private_key(text)
    if "\x00" in text:
        raise PublicKeyError("It is not UTF-8 text, perhaps UTF-16 as Windows writes it. Save the file as UTF-8.")
    lines = re.split(r"\r\n|\r|\n", text)
    is_one_line = sum(bool(line.strip()) for line in lines) == 1
    keys: dict[tuple[str, bytes], PublicKey] = {}
    is_empty = True
    for number, line in _logical_lines(lines):
        try:
            key = parse_line(line)
        except PublicKeyError as error:
            if not is_one_line:
                error.args = (f"Line {number}: {error}",)
            if leave_out is None or not isinstance(error, UnsupportedTypeError):
                raise
            leave_out(error)
            is_empty = False
            continue
        if key is not None:
            keys.setdefault(key.identity, key)
            is_empty = False
    if is_empty:
        raise NoKeyError("It is empty. Give a public key, the content of a .pub file.")
    return list(keys.values())


def result_of_key(key: PublicKey) -> dict[str, str | int]:
    """Return what a module's result says of a key."""
    return {
        "type": key.type,
        "bits": key.bits,
        "fingerprint": key.fingerprint,
        "fingerprint_md5": key.fingerprint_md5,
        "comment": key.comment,
    }


def judge_for_instance_connect(key: PublicKey) -> list[str]:
    """Judge whether EC2 Instance Connect can use a key. Returns warnings.

    Raises PublicKeyError where the service takes the key and it then never opens anything: the instance's
    AuthorizedKeysCommand reads only lines that begin with ``ssh``.
    """
    if key.type.startswith("ecdsa-"):
        raise PublicKeyError(
            f"EC2 Instance Connect takes {key.type} keys, but the instance then ignores them and ssh is refused. Use "
            "ssh-ed25519 or ssh-rsa: ssh-keygen -t ed25519."
        )
    return _judge(key, "EC2 Instance Connect", max_length=4096)


def judge_for_transfer(key: PublicKey) -> list[str]:
    """Judge whether Transfer Family can use a key. Returns warnings. Raises PublicKeyError where it cannot."""
    return _judge(key, "Transfer Family", max_length=_TRANSFER_MAX_LENGTH)


def judge_for_removal(_key: PublicKey) -> list[str]:
    """Let any key through: what is to be removed need not be one that the service would take today."""
    return []


def transfer_body(key: PublicKey) -> str:
    """Return what is sent to Transfer Family: the key with its comment, as far as the comment fits.

    SshPublicKeyBody has at most 2048 characters (API page of ImportSshPublicKey).
    """
    return key.line_with_comment[:_TRANSFER_MAX_LENGTH].rstrip()


_TRANSFER_MAX_LENGTH = 2048


def _judge(key: PublicKey, service: str, *, max_length: int) -> list[str]:
    if key.type == "ssh-dss":
        raise UnsupportedTypeError(
            f"It is an ssh-dss key, which {service} and OpenSSH no longer use. Make a new one: ssh-keygen -t ed25519.",
            key.type,
            key.blob,
            key.comment,
        )
    if len(key.line) > max_length:
        raise PublicKeyError(
            f"It has {len(key.line)} characters, and {service} takes at most {max_length}. Use a shorter RSA key or an "
            "ssh-ed25519 one: ssh-keygen -t ed25519."
        )
    # NIST SP 800-57 part 1: 112 bits of security need RSA 2048.
    if key.type == "ssh-rsa" and key.bits < 2048:
        name = _name(key.blob, key.comment)
        return [f"The key {name} is RSA with {key.bits} bits, which is weak: use 2048 bits or more, or ssh-ed25519."]
    return []


_PRIVATE_KEY = re.compile(
    # The first and last lines of PEM, SSH2, SSH1 and PuTTY files, whatever the label says before PRIVATE KEY; then, in
    # base64, the magic of OpenSSH's own format ("openssh-key-v1"), for a key pasted without either.
    r"(BEGIN|END)[A-Z0-9]{0,40}PRIVATEKEY|--(BEGIN|END)[A-Za-z0-9]{0,40}PRIVATEKEY|SSHPRIVATEKEYFILE|PuTTY-User-Key-File"
    r"|Private-(Lines|MAC|Hash):|DEK-Info:|b3BlbnNzaC1rZXktdjE"
)


def holds_private_key(text: str) -> bool:
    """Whether text has the marks of a private key, of whatever format."""
    # All else is taken out, because a paste may break a line anywhere, and with whatever.
    return bool(_PRIVATE_KEY.search(re.sub(r"[^A-Za-z0-9+/:-]+", "", text)))


def could_be_a_secret(text: str) -> bool:
    """Whether text may hold a private key, marked as one or not: what no result and no log may show."""
    return holds_private_key(text) or bool(_KEY_MATERIAL.search(text) and not reads_as_public(text))


# The 32 bytes of the shortest private key are 43 characters of base64, or 64 of hexadecimal.
_KEY_MATERIAL = re.compile(r"[A-Za-z0-9+/]{40}")


def reads_as_public(text: str) -> bool:
    """Whether text holds public keys and nothing else."""
    try:
        return bool(_read_keys(text, _parse_line))
    except PublicKeyError:
        return False


def _refuse_private_key(text: str) -> None:
    if holds_private_key(text):
        raise PublicKeyError(
            "It is a private key. Nothing of it was sent or is shown here. Give the public key, the .pub file beside "
            "it (ssh-keygen -y -f FILE prints it), and treat the private key as disclosed if it was pasted anywhere."
        )


_BEGIN_SSH2, _END_SSH2 = "---- BEGIN SSH2 PUBLIC KEY", "---- END SSH2 PUBLIC KEY"


def _logical_lines(lines: list[str]) -> list[tuple[int, str]]:
    """Return (line number, text) of each line that is not empty.

    An RFC 4716 block becomes one such line, and so does a block of PEM, with its line ends.
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
    # What was joined to the last line would be passed over with it.
    after = block[-1][len(_END_SSH2) :].lstrip(" -")
    return f"{_line_of_rfc4716(block[1:-1])} {after}".rstrip()


def _line_of_rfc4716(block: list[str]) -> str:
    """Turn the inside of an RFC 4716 block into an OpenSSH line. The type stands in the blob alone (section 3.4)."""
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
        raise PublicKeyError(_DAMAGED)
    return f"{key_type} {encoded} {comment}"


def _parse_declared_line(line: str) -> PublicKey | None:
    """Read a line that a user declares. Returns None for a comment.

    Raises PublicKeyError where the line holds a key that would be lost as a part of its comment.
    """
    if line.startswith("#"):
        if comment_hides_key(line):
            raise PublicKeyError(KEY_IN_COMMENT)
        return None
    if holds_several_keys(line):
        raise SeveralKeysError(SEVERAL_KEYS_ON_A_LINE)
    return _parse_line(line)


def _parse_line(line: str) -> PublicKey | None:
    """Read a line. Returns None for a comment."""
    if line.startswith("#"):
        return None
    key_type, _blank, rest = line.replace("\t", " ").partition(" ")
    encoded, _blank, comment = rest.lstrip(" ").partition(" ")
    if key_type not in _BITS:
        _refuse_type(line, key_type, encoded, printable(comment))
    _refuse_what_is_no_key_line(line, key_type, encoded)
    blob = _decode(encoded)
    reader = _Reader(blob)
    inside = reader.string()
    if inside != key_type.encode():
        declared = type_inside(encoded)
        told = f"holds a {declared} key" if declared in _BITS else "holds another kind of key"
        raise PublicKeyError(f"It says {key_type} but {told}: two keys were mixed up. Copy the .pub file again.")
    bits = _BITS[key_type](reader)
    reader.end()
    return PublicKey(key_type, blob, printable(comment), bits)


def _refuse_type(line: str, key_type: str, encoded: str, comment: str) -> None:
    """Raise PublicKeyError for a key of a type that cannot be read; UnsupportedTypeError if it is whole."""
    sentence = "" if sentence_for_line(line) else sentence_for_type(key_type, encoded)
    if not sentence:
        return
    try:
        blob = _decode(encoded)
        reader = _Reader(blob)
        inside = reader.string()
        # All types that OpenSSH has hold strings after their name. Without one there is no key.
        reader.string()
        while not reader.is_at_end:
            reader.string()
    except PublicKeyError:
        raise PublicKeyError(f"{sentence} Besides, its base64 part is damaged or cut short.") from None
    if inside == key_type.encode():
        raise UnsupportedTypeError(sentence, key_type, blob, comment)
    raise PublicKeyError(sentence)


def _refuse_what_is_no_key_line(line: str, key_type: str, encoded: str) -> None:
    """Raise PublicKeyError with the sentence that fits a line which is not ``type base64 comment`` of a known type."""
    if key_type.startswith("AAAA") and type_inside(key_type) in _BITS:
        raise PublicKeyError(f"The key type is missing. Put {type_inside(key_type)} and a blank before it.")
    sentence = "" if key_type in _BITS else sentence_for_line(line)
    if sentence:
        raise PublicKeyError(sentence)
    if not (key_type + encoded).isascii():
        raise PublicKeyError(
            "There is a character in the key or before it that is not plain ASCII, perhaps an invisible blank from a "
            "web page or a chat. Copy the .pub file again as plain text."
        )
    if key_type not in _BITS:
        raise PublicKeyError(
            "It does not begin with a key type such as ssh-ed25519 or ssh-rsa. Give a line as it stands in a .pub "
            "file; a key that was broken into several lines must be put back into one, and of a file give the content, "
            "such as lookup('file', PATH)."
        )
    if not encoded:
        raise PublicKeyError(f"There is nothing after {key_type}. The key is cut short: copy the .pub file again.")


def _decode(encoded: str) -> bytes:
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise PublicKeyError(_DAMAGED) from None
    # Bits left over in the last character would give one key two spellings; OpenSSH refuses them too.
    if base64.b64encode(blob).decode() != encoded:
        raise PublicKeyError(_DAMAGED)
    return blob


_DAMAGED = (
    "The base64 part of the key is damaged or cut short, often by a line break that was pasted into it. Copy the "
    ".pub file again and keep the key on one line."
)


class _Reader:
    """Reads the SSH wire format (RFC 4251 section 5) from the front. Raises PublicKeyError where it runs out."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def string(self) -> bytes:
        length = int.from_bytes(self._data[:4], "big")
        if len(self._data) < 4 or len(self._data) - 4 < length:
            raise PublicKeyError(_DAMAGED)
        value, self._data = self._data[4 : 4 + length], self._data[4 + length :]
        return value

    def mpint(self) -> int:
        value = self.string()
        number = int.from_bytes(value, "big")
        # One number has one spelling (RFC 4251 section 5). OpenSSH reads others and spells them anew, so that the
        # fingerprint would not be that of the blob; and it takes at most 16384 bits (sshbuf-getput-basic.c).
        if (
            value != number.to_bytes(number.bit_length() // 8 + 1 if number else 0, "big")
            or number.bit_length() > 16384
        ):
            raise PublicKeyError(_UNSOUND)
        return number

    @property
    def is_at_end(self) -> bool:
        return not self._data

    def end(self) -> None:
        if not self.is_at_end:
            raise PublicKeyError(
                f"There are {len(self._data)} bytes too many inside the key. Copy the .pub file again."
            )


_UNSOUND = "The numbers inside the key are not those of a key. Copy the .pub file again, or make a new key."


def _rsa_bits(reader: _Reader) -> int:
    _exponent, modulus = reader.mpint(), reader.mpint()
    bits = modulus.bit_length()
    # SSH_RSA_MINIMUM_MODULUS_SIZE of OpenSSH (sshkey.h): shorter keys are refused wherever they are used.
    if bits < 1024:
        raise PublicKeyError(
            f"It is RSA with {bits} bits, and OpenSSH takes none below 1024. Make a new one: ssh-keygen -t ed25519."
        )
    return bits


def _dss_bits(reader: _Reader) -> int:
    prime, _q, _g, _y = reader.mpint(), reader.mpint(), reader.mpint(), reader.mpint()
    return prime.bit_length()


def _ed25519_bits(reader: _Reader) -> int:
    if len(reader.string()) != 32:
        raise PublicKeyError(_UNSOUND)
    return 256


@dataclass(frozen=True)
class _Curve:
    """A curve y² = x³ - 3x + b over the prime p, of order n, as NIST FIPS 186-4 appendix D.1.2 gives it."""

    name: str
    bits: int
    p: int
    b: int
    n: int

    def has_key(self, x: int, y: int) -> bool:
        # The bounds are those of OpenSSH (sshkey_ec_validate_public in sshkey.c); all of them are below p.
        return (
            min(x, y).bit_length() > self.bits // 2
            and max(x, y) < self.n - 1
            and (y * y - (x * x * x - 3 * x + self.b)) % self.p == 0
        )

    def read_bits(self, reader: _Reader) -> int:
        name, point = reader.string(), reader.string()
        size = (self.bits + 7) // 8
        # Only uncompressed points (SEC 1 section 2.3.3): OpenSSH reads no others.
        if name != self.name.encode() or len(point) != 1 + 2 * size or point[:1] != b"\x04":
            raise PublicKeyError(_UNSOUND)
        x, y = int.from_bytes(point[1 : 1 + size], "big"), int.from_bytes(point[1 + size :], "big")
        if not self.has_key(x, y):
            raise PublicKeyError(_UNSOUND)
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

# How to measure each key type that can be read; what is not here is refused.
_BITS = {
    "ssh-rsa": _rsa_bits,
    "ssh-dss": _dss_bits,
    "ssh-ed25519": _ed25519_bits,
    **{f"ecdsa-sha2-{curve.name}": curve.read_bits for curve in _CURVES},
}
