# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is a private key, or a part of one, and that no refusal repeats any of it."""

from __future__ import annotations

import base64
import re
import string
from collections.abc import Callable
from typing import NamedTuple

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import PublicKeyError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import (
    parse_public_key,
    parse_public_keys,
    read_held_key,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.private import could_be_part_of_one, holds_private_key
from ansible_collections.sshkeys.aws.tests.unit.keys import KINDS, key_pair, runs
from ansible_collections.sshkeys.aws.tests.unit.private_keys import PEM, PKCS8, PLAIN, PRIVATE_KEYS, secrets_of
from ansible_collections.sshkeys.aws.tests.unit.refusals import everything_said
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given, strategies as st

IN_WHAT: dict[str, Callable[[str], str]] = {
    "alone": lambda private: private,
    "CRLF": lambda private: re.sub("\r?\n", "\r\n", private),
    "BOM": lambda private: f"\ufeff{private}",
    "after its public key": lambda private: f"{key_pair('ed25519').line}\n{private}",
    "after a comment line": lambda private: f"# mine\n\n{private}",
    "before a public key": lambda private: f"{private}\n{key_pair('ed25519').line}\n",
    "as a comment of a public key": lambda private: f"{key_pair('ed25519').bare} {private}",
    "indented": lambda private: re.sub("^", "    ", private, flags=re.MULTILINE),
    "quoted": lambda private: re.sub("^", "> ", private, flags=re.MULTILINE),
    "on one line": lambda private: re.sub(r"\s*\n", " ", private),
    "with escaped line ends": lambda private: re.sub("\r?\n", r"\\n", private),
    "UTF-16 read as bytes": lambda private: "\udcff\udcfe" + "".join(f"{character}\x00" for character in private),
    "first line broken": lambda private: f"{private[:9]}\n{private[9:]}",
    "first line broken by blanks": lambda private: f"{private[:12]} {private[12:20]}\t{private[20:]}",
}


@pytest.mark.parametrize("in_what", IN_WHAT)
@pytest.mark.parametrize("name", PRIVATE_KEYS)
def test_private_key(name: str, in_what: str) -> None:
    private = PRIVATE_KEYS[name]()
    for parse in (parse_public_key, parse_public_keys):
        sentence, said = everything_said(IN_WHAT[in_what](private), parse)
        assert sentence.startswith("It is a private key.")
        assert not runs(said, 8) & secrets_of(private)
    assert read_held_key(IN_WHAT[in_what](private)) is None


@pytest.mark.parametrize("name", [name for name in PRIVATE_KEYS if name != "SSH1"])
def test_private_key_without_its_first_line(name: str) -> None:
    private = PRIVATE_KEYS[name]()
    sentence, said = everything_said(private.partition("\n")[2], parse_public_keys)
    assert not runs(said, 8) & secrets_of(private)
    assert "private key" in sentence


# Of an encrypted PKCS1 key the first line inside is no part of the key.
@pytest.mark.parametrize("name", [name for name in PRIVATE_KEYS if not re.match("SSH|PuTTY|PKCS1 enc", name)])
@pytest.mark.parametrize("joint", ["\n", "", " "])
def test_body_of_a_private_key(name: str, joint: str) -> None:
    private = PRIVATE_KEYS[name]()
    body = joint.join(private.splitlines()[1:-1])
    sentence, said = everything_said(body, parse_public_keys)
    assert "private key" in sentence
    assert not runs(said, 8) & secrets_of(private)


class Secret(NamedTuple):
    first_line: str
    body: str
    last_line: str

    @property
    def text(self) -> str:
        return f"{self.first_line}\n{self.body}\n{self.last_line}\n"


PEM_NAMES = ("RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED ", "")


@st.composite
def secrets(draw: st.DrawFn) -> Secret:
    """Draw a private key of which every character of the body is random or real."""
    seed = draw(st.binary(min_size=32, max_size=32))
    private = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    if draw(st.booleans()):
        form = draw(st.sampled_from([PKCS8, serialization.PrivateFormat.OpenSSH]))
        first, *body, last = private.private_bytes(PEM, form, PLAIN).decode().splitlines()
        return Secret(first, "\n".join(body), last)
    name = draw(st.sampled_from(PEM_NAMES))
    encoded = base64.b64encode(draw(st.binary(min_size=30, max_size=400))).decode()
    width = draw(st.sampled_from([64, 70, 76, 1000]))
    return Secret(
        f"-----BEGIN {name}PRIVATE KEY-----",
        "\n".join(encoded[start : start + width] for start in range(0, len(encoded), width)),
        f"-----END {name}PRIVATE KEY-----",
    )


surroundings = st.one_of(
    st.just(""),
    st.text(max_size=20),
    st.sampled_from(["# mine\n", "---- BEGIN SSH2 PUBLIC KEY ----\nComment: x\n", "ssh-ed25519 ", "sk-", '"', "AAAA"]),
    st.sampled_from(KINDS).map(lambda kind: key_pair(kind).line + "\n"),
)


@given(secret=secrets(), before=surroundings, after=surroundings, data=st.data())
def test_no_part_of_a_private_key_comes_out(secret: Secret, before: str, after: str, data: st.DataObject) -> None:
    text = secret.text
    broken_at = data.draw(st.integers(0, len(secret.first_line)), label="the first line is broken at")
    broken_by = data.draw(st.sampled_from(["", "\n", "\r\n", " ", "\t", "\n    ", "\x00"]), label="by")
    cut_at = data.draw(st.integers(len(secret.first_line), len(text)), label="the text is cut at")
    line_end = data.draw(st.sampled_from(["\n", "\r\n", " ", "\\n", ""]), label="line ends")
    pasted = text[:broken_at] + broken_by + text[broken_at:cut_at].replace("\n", line_end)
    sentence, said = everything_said(before + pasted + after, parse_public_keys)
    assert "private key" in sentence
    assert not runs(said, 8) & secrets_of(text)


@given(secret=secrets(), before=surroundings, data=st.data())
def test_no_part_of_a_fragment_of_a_private_key_comes_out(secret: Secret, before: str, data: st.DataObject) -> None:
    # Nobody can tell what a fragment is, so that no more than its silence can be asked for.
    start = data.draw(st.integers(0, len(secret.text)))
    fragment = secret.text[start : data.draw(st.integers(start, len(secret.text)))]
    try:
        parse_public_keys(before + fragment)
    except PublicKeyError:
        _sentence, said = everything_said(before + fragment, parse_public_keys)
        assert not runs(said, 8) & secrets_of(secret.text)


# -- The functions of the file ----------------------------------------------------------------------------------------

# Nobody types a private key by accident, and words about one must stay possible wherever a text is free.
SENTENCES = (
    "",
    "BACKEND PRIVATE KEY rotation",
    "ROTATE THE BACKEND PRIVATE KEY",
    "FRONT-END PRIVATE KEY",
    "FRONT\u2011END PRIVATE KEY",
    "FRONT\u2010END PRIVATE KEY of the portal",
    "ROTATE THE SSH PRIVATE KEY FILE EVERY YEAR",
    "SSH PRIVATE KEY FILE",
    "private key",
    "-----BEGIN PUBLIC KEY-----",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "---- BEGIN SSH2 PUBLIC KEY ----",
    "the label is BEGIN RSA PRIVATE KEY or another one",
    "openssh-key-v1",
    "Private lines: 14",
)


@pytest.mark.parametrize("text", SENTENCES)
def test_words_about_a_private_key_are_none(text: str) -> None:
    assert not holds_private_key(text)
    assert not holds_private_key(f"first line\n{text}, in the comment\nlast line")


@pytest.mark.parametrize("kind", KINDS)
def test_a_public_key_is_no_private_key_but_could_be_a_part_of_one(kind: str) -> None:
    assert not holds_private_key(key_pair(kind).line)
    assert could_be_part_of_one(key_pair(kind).line)


LABELS = tuple(f"{where} {name}PRIVATE KEY" for where in ("BEGIN", "END") for name in (*PEM_NAMES, "SSH2 ENCRYPTED "))
# What word processors and chats make of five hyphens, or of two and of the others.
DASHES = (
    *("-----", "----", "--", "\u2013", "\u2014", "\u2013\u2013-", "\u2015"),
    *("\u2010" * 5, "\u2011" * 5, "\u2012" * 5, "\u2212" * 4),
)


@pytest.mark.parametrize("dashes", DASHES)
@pytest.mark.parametrize("label", LABELS)
def test_a_label_with_whatever_dashes(label: str, dashes: str) -> None:
    for text in (f"{dashes}{label}{dashes}", f"{dashes}{label}", f"{dashes} {label} {dashes}", f"{label}{dashes}"):
        assert holds_private_key(text)
        assert holds_private_key(f"comment of a key {text}\nMC4C")


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\n\n"])
@pytest.mark.parametrize("label", LABELS)
def test_a_label_without_dashes_is_one_on_a_line_of_its_own(label: str, line_end: str) -> None:
    for text in (label, f"  {label} ", f"> {label}", f"- {label}."):
        assert holds_private_key(f"mine{line_end}{text}{line_end}MC4CAQAwBQYDK2Vw")


MARKS = (
    *(f"-----{label}-----" for label in LABELS),
    "SSH PRIVATE KEY FILE FORMAT 1.1",
    "PuTTY-User-Key-File-3: ssh-rsa",
    "Private-Lines: 14",
    "Private-MAC: 8f3c",
    "Private-Hash: 8f3c",
    "DEK-Info: AES-128-CBC,00",
    base64.b64encode(b"openssh-key-v1\0").decode(),
)
# What stands in a label or in base64 belongs to the mark. All else may stand in between.
noise = st.text(
    st.characters(
        exclude_characters=f"{string.ascii_letters}{string.digits}+/:-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
    ),
    max_size=3,
)


@given(mark=st.sampled_from(MARKS), data=st.data())
def test_a_mark_is_found_wherever_it_stands_and_however_it_is_broken(mark: str, data: st.DataObject) -> None:
    broken = "".join(character + data.draw(noise) for character in mark)
    assert holds_private_key(broken)
    before, after = data.draw(st.text(max_size=20)), data.draw(st.text(max_size=20))
    assert holds_private_key(f"{before}{mark}{after}")


@given(st.text(), st.text())
def test_text_around_a_private_key_never_hides_it(before: str, after: str) -> None:
    assert holds_private_key(before + key_pair("ed25519").private + after)


@pytest.mark.parametrize(
    ("text", "could"),
    [
        ("", False),
        ("a" * 39, False),
        ("a" * 40, True),
        (f"key: {'aB3+/' * 8}!", True),
        (" ".join(["a" * 39] * 3), False),
        # A path may look the same.
        ("/home/ci/work/production/certs/bundle/of/the/company", True),
        ("SHA256:v4K2SCakkhOJ9gLiuwJrrfcWc3wCYzvGBWaMKche8CU", True),
        # Hexadecimal, as others print the shortest key.
        ("0f" * 32, True),
    ],
)
def test_what_could_be_a_part_of_one(text: str, could: bool) -> None:
    assert could_be_part_of_one(text) == could


@pytest.mark.parametrize("name", [name for name in PRIVATE_KEYS if name != "SSH1"])
def test_each_private_key_could_be_told_by_one_of_its_lines(name: str) -> None:
    assert any(could_be_part_of_one(line) for line in PRIVATE_KEYS[name]().splitlines()[1:])
