# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""OpenSSH public keys: parsing, identity and fingerprints.

Pure. ``ssh-keygen -l`` accepts every key that this file accepts. No error repeats its input, not even in part: it may
be a private key pasted by mistake.

Format: sshd(8) "AUTHORIZED_KEYS FILE FORMAT"; lines.py and wire.py name the others.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import Callable

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import printable
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import (
    DAMAGED,
    NoKeyError,
    PublicKeyError,
    SeveralKeysError,
    UnsupportedTypeError,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.fingerprint import fingerprint_of
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.lines import logical_lines
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.not_a_public_key import (
    KEY_IN_COMMENT,
    SEVERAL_KEYS_ON_A_LINE,
    comment_hides_key,
    holds_several_keys,
    sentence_for_line,
    sentence_for_type,
    type_inside,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.private import PRIVATE_KEY, holds_private_key
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.wire import BITS, Reader


@dataclass(frozen=True)
class PublicKey:
    """A public key. Two keys are the same if type and blob are the same: the comment is for people.

    type: the key type as OpenSSH writes it, such as ``ssh-ed25519``.
    blob: the public key in SSH wire format, which begins with the type again.
    comment: the text after the key in its line, or an empty string; printable characters only.
    bits: the length of the key as ``ssh-keygen -l`` counts it.
    """

    type: str
    blob: bytes
    comment: str
    bits: int

    @property
    def identity(self) -> tuple[str, bytes]:
        """Type and blob, which are equal for the same key."""
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
        return fingerprint_of(self.blob)

    @property
    def fingerprint_md5(self) -> str:
        """The MD5 fingerprint as ``ssh-keygen -l -E md5`` prints it."""
        # The fingerprint is only a name. In FIPS mode MD5 needs this declaration.
        unsecured = {"usedforsecurity": False} if sys.version_info >= (3, 9) else {}
        return "MD5:" + hashlib.new("md5", self.blob, **unsecured).digest().hex(":")

    @property
    def name(self) -> str:
        """The fingerprint and the comment, for a sentence."""
        return _name(self.blob, self.comment)


def _name(blob: bytes, comment: str) -> str:
    return f"{fingerprint_of(blob)} ({comment or 'no comment'})"


def parse_public_key(text: str) -> PublicKey:
    """Read text that holds exactly one public key.

    text: a line, or the content of a ``.pub`` or RFC 4716 file.
    Raises PublicKeyError if there is no key, more than one, or one that is refused.
    """
    try:
        return _only_one(parse_public_keys(text))
    except SeveralKeysError as error:
        raise PublicKeyError(f"{error} Only one key is allowed here: give one element of the list.") from None


def parse_public_keys(
    text: str, *, leave_out: Callable[[UnsupportedTypeError], object] | None = None
) -> list[PublicKey]:
    """Read text that holds one public key or more: a line, or a file with several, such as authorized_keys.

    Empty lines and lines that begin with ``#`` are skipped; a repeated key counts once, with its first comment.
    leave_out: called for each intact key of an unsupported type; without it such a key is refused.
    Returns the keys in the order of the text: at least one, unless all were left out.
    Raises PublicKeyError for the first line that is not a public key, with its number if there are several lines:
    NoKeyError for a text without any, UnsupportedTypeError for an intact key of an unsupported type.
    """
    return _read_keys(text, _parse_declared_line, leave_out)


def read_held_key(body: str) -> PublicKey | None:
    """Read a key that a service already holds, or return None if it cannot be read.

    It is read even if it would be refused today, such as ssh-dss, or a key with a second one in its comment.
    """
    try:
        return _only_one(_read_keys(body, _parse_line))
    except PublicKeyError:
        return None


def _only_one(keys: list[PublicKey]) -> PublicKey:
    if len(keys) > 1:
        raise PublicKeyError(f"It contains {len(keys)} different keys, and only one is allowed. Give one of them.")
    return keys[0]


def _read_keys(
    text: str,
    parse_line: Callable[[str], PublicKey | None],
    leave_out: Callable[[UnsupportedTypeError], object] | None = None,
) -> list[PublicKey]:
    if holds_private_key(text):
        raise PublicKeyError(PRIVATE_KEY)
    if "\x00" in text:
        raise PublicKeyError("It is not UTF-8 text, perhaps UTF-16 as Windows writes it. Save the file as UTF-8.")
    lines = re.split(r"\r\n|\r|\n", text)
    is_one_line = sum(bool(line.strip()) for line in lines) == 1
    keys: dict[tuple[str, bytes], PublicKey] = {}
    is_empty = True
    for number, line in logical_lines(lines):
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
    """Return a key as a module's result describes it."""
    return {
        "type": key.type,
        "bits": key.bits,
        "fingerprint": key.fingerprint,
        "fingerprint_md5": key.fingerprint_md5,
        "comment": key.comment,
    }


# A key is judged several times: by the door, by the function of a module, and by the role.
@lru_cache(maxsize=65_536)
def _parse_declared_line(line: str) -> PublicKey | None:
    """Read a line that a user declares. Returns None for a comment.

    Raises PublicKeyError if the line's comment contains a key, which would be lost.
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
    if key_type not in BITS:
        _refuse_type(line, key_type, encoded, printable(comment))
    _refuse_what_is_no_key_line(line, key_type, encoded)
    blob = _decode(encoded)
    reader = Reader(blob)
    inside = reader.string()
    if inside != key_type.encode():
        declared = type_inside(encoded)
        told = f"contains an {declared} key" if declared in BITS else "contains a key of a different type"
        raise PublicKeyError(f"It says {key_type} but {told}: two keys were mixed up. Copy the .pub file again.")
    bits = BITS[key_type](reader)
    reader.end()
    return PublicKey(key_type, blob, printable(comment), bits)


def _refuse_type(line: str, key_type: str, encoded: str, comment: str) -> None:
    """Raise PublicKeyError for a key of an unsupported type; UnsupportedTypeError if it is intact."""
    sentence = "" if sentence_for_line(line) else sentence_for_type(key_type, encoded)
    if not sentence:
        return
    try:
        blob = _decode(encoded)
        reader = Reader(blob)
        inside = reader.string()
        # In all types of OpenSSH, strings follow the name. Without any there is no key.
        reader.string()
        while not reader.is_at_end:
            reader.string()
    except PublicKeyError:
        raise PublicKeyError(f"{sentence} Besides, its base64 part is damaged or cut short.") from None
    if inside == key_type.encode():
        raise UnsupportedTypeError(sentence, key_type, _name(blob, comment))
    raise PublicKeyError(sentence)


def _refuse_what_is_no_key_line(line: str, key_type: str, encoded: str) -> None:
    """Raise PublicKeyError for a line that is not ``type base64 comment`` of a known type."""
    if key_type.startswith("AAAA") and type_inside(key_type) in BITS:
        raise PublicKeyError(f"The key type is missing. Put {type_inside(key_type)} and a blank before it.")
    sentence = "" if key_type in BITS else sentence_for_line(line)
    if sentence:
        raise PublicKeyError(sentence)
    if not (key_type + encoded).isascii():
        raise PublicKeyError(
            "A character in the key or before it is not ASCII, perhaps an invisible blank from a web page or a chat. "
            "Copy the .pub file again as plain text."
        )
    if key_type not in BITS:
        raise PublicKeyError(
            "It does not begin with a key type such as ssh-ed25519 or ssh-rsa. Give a line as in a .pub file. "
            "Join a key that was broken into several lines, and give the content of a file instead of its path, such "
            "as lookup('file', PATH)."
        )
    if not encoded:
        raise PublicKeyError(f"There is nothing after {key_type}. The key is cut short: copy the .pub file again.")


def _decode(encoded: str) -> bytes:
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise PublicKeyError(DAMAGED) from None
    # Extra bits in the last character would give one key two spellings; OpenSSH refuses them too.
    if base64.b64encode(blob).decode() != encoded:
        raise PublicKeyError(DAMAGED)
    return blob
