# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of public keys: which lines there are, and RFC 4716 blocks, with ssh-keygen as the truth about them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import PublicKeyError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.lines import logical_lines
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import parse_public_key, parse_public_keys
from ansible_collections.sshkeys.aws.tests.unit.keys import KINDS, ed25519_blob, key_pair, line_of, ssh_keygen
from ansible_collections.sshkeys.aws.tests.unit.refusals import refusal
from hypothesis import given, strategies as st

# -- RFC 4716 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_rfc4716_as_ssh_keygen_writes_it(kind: str, tmp_path: Path) -> None:
    pair = key_pair(kind)
    path = tmp_path / "key.pub"
    path.write_text(pair.line, encoding="utf-8")
    text = ssh_keygen("-e", "-f", str(path))
    comment = re.search(r'^Comment: "(.*)"$', text, re.MULTILINE)
    assert comment
    key = parse_public_key(text)
    assert (key.type, key.blob, key.comment) == (pair.type, pair.blob, comment[1])
    assert parse_public_key(text.replace("\n", "\r\n")) == key
    assert parse_public_key(f"\ufeff{text}") == key


RFC4716_HEADERS = {
    "no header": ("", ""),
    "unquoted comment": ("Comment: from the laptop\n", "from the laptop"),
    "quoted comment": ('Comment: "from the laptop"\n', "from the laptop"),
    "lower case": ("comment: from the laptop\n", "from the laptop"),
    "colon in the comment": ('Comment: "x: y"\n', "x: y"),
    "other headers": ("Subject: me\nComment: it\nx-command: /bin/true\n", "it"),
    "continued comment": ('Comment: "This is a comment that is longer \\\nthan one line"\n', None),
    "continued twice": ("x-note: one \\\ntwo \\\nthree\nComment: it\n", "it"),
    "continued after another one": ("Subject: me\nComment: from \\\nthe laptop\n", "from the laptop"),
    "continuation that looks like base64": ("x-note: one\\\nAAAAB3NzaC1yc2EAAAA\nComment: it\n", "it"),
}


@pytest.mark.parametrize("headers", RFC4716_HEADERS)
def test_rfc4716_headers(headers: str, tmp_path: Path) -> None:
    pair = key_pair("ecdsa-521")
    header, comment = RFC4716_HEADERS[headers]
    body = "\n".join(re.findall(".{1,70}", pair.encoded))
    text = f"---- BEGIN SSH2 PUBLIC KEY ----\n{header}{body}\n---- END SSH2 PUBLIC KEY ----\n"
    key = parse_public_key(text)
    path = tmp_path / "key"
    path.write_text(text, encoding="utf-8")
    assert ssh_keygen("-i", "-f", str(path)).strip() == key.line == pair.bare
    assert key.comment == ("This is a comment that is longer than one line" if comment is None else comment)


def test_rfc4716_among_lines(tmp_path: Path) -> None:
    pairs = [key_pair(kind) for kind in ("ed25519", "rsa-1024", "ecdsa-256")]
    path = tmp_path / "key.pub"
    path.write_text(pairs[1].line, encoding="utf-8")
    text = f"{pairs[0].line}\n{ssh_keygen('-e', '-f', str(path))}\n{pairs[2].line}\n"
    assert [key.line for key in parse_public_keys(text)] == [pair.bare for pair in pairs]


def test_rfc4716_cut_anywhere() -> None:
    pair = key_pair("rsa-1024")
    lines = ["---- BEGIN SSH2 PUBLIC KEY ----", "Comment: it", *re.findall(".{1,70}", pair.encoded)]
    for kept in range(1, len(lines) + 1):
        assert "has no END line" in refusal("\n".join(lines[:kept]))
        ended = "\n".join([*lines[:kept], "---- END SSH2 PUBLIC KEY ----"])
        if kept < len(lines):
            assert "damaged or cut short" in refusal(ended)
        else:
            assert parse_public_key(ended).blob == pair.blob


def test_a_key_that_was_joined_to_an_rfc4716_block_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "key.pub"
    path.write_text(key_pair("rsa-1024").line, encoding="utf-8")
    block, line = ssh_keygen("-e", "-f", str(path)).strip(), key_pair("ed25519").line
    for text in (f"{block},{line}", f"{block}{line}", f"{block},{block}", f"{line},{block}"):
        assert "There are several keys on one line" in refusal(text)
    assert len(parse_public_keys(f"{block}\n{line}\n{block}")) == 2


# -- Lines ------------------------------------------------------------------------------------------------------------

BEGIN, END = "---- BEGIN SSH2 PUBLIC KEY ----", "---- END SSH2 PUBLIC KEY ----"
# The same in every worker of the tests, because it stands in the names of tests.
BLOB = line_of(ed25519_blob(bytes(range(32)))).split(" ")[1]


@pytest.mark.parametrize(
    ("lines", "logical"),
    [
        ([], []),
        (["", "  ", "\ufeff"], []),
        (["a b", "", "c"], [(1, "a b"), (3, "c")]),
        (["\ufeff a \ufeff ", "\t# b"], [(1, "a"), (2, "# b")]),
        # A block of PEM is one line with line ends, to be refused as one thing.
        (
            ["x", "-----BEGIN CERTIFICATE-----", " MIIB ", "", "-----END CERTIFICATE-----", "y"],
            [(1, "x"), (2, "-----BEGIN CERTIFICATE-----\nMIIB\n\n-----END CERTIFICATE-----"), (6, "y")],
        ),
        (["-----BEGIN CERTIFICATE-----", "MIIB"], [(1, "-----BEGIN CERTIFICATE-----\nMIIB")]),
        # What only resembles the beginning of a block is a line.
        (["--- BEGIN SSH2 PUBLIC KEY", "a"], [(1, "--- BEGIN SSH2 PUBLIC KEY"), (2, "a")]),
        (["a -----BEGIN CERTIFICATE-----", "b"], [(1, "a -----BEGIN CERTIFICATE-----"), (2, "b")]),
        (["", BEGIN, BLOB, END, "a"], [(2, f"ssh-ed25519 {BLOB}"), (5, "a")]),
        ([BEGIN, "Comment: it", BLOB[:40], BLOB[40:], END], [(1, f"ssh-ed25519 {BLOB} it")]),
        # The first comment counts.
        ([BEGIN, "Comment: it", "Comment: other", BLOB, END], [(1, f"ssh-ed25519 {BLOB} it")]),
        # What was joined to the last line is kept, to be judged with it.
        ([BEGIN, BLOB, f"{END} and more"], [(1, f"ssh-ed25519 {BLOB}  and more")]),
    ],
)
def test_logical_lines(lines: list[str], logical: list[tuple[int, str]]) -> None:
    assert [(number, line.rstrip()) for number, line in logical_lines(lines)] == logical


@pytest.mark.parametrize("first", [1, 4])
def test_a_block_without_an_end_names_the_line_it_begins_in(first: int) -> None:
    with pytest.raises(PublicKeyError, match=rf"^Line {first}: the SSH2 PUBLIC KEY block has no END line"):
        logical_lines([*["x"] * (first - 1), BEGIN, BLOB])


@pytest.mark.parametrize("body", [[], ["Comment: it"], ["!"], [BLOB[:8]], ["AAAA"]])
def test_a_block_without_a_key_is_damaged(body: list[str]) -> None:
    with pytest.raises(PublicKeyError, match="damaged or cut short"):
        logical_lines([BEGIN, *body, END])


@given(st.lists(st.text(st.characters(exclude_characters="\r\n-")), max_size=6))
def test_each_line_with_something_in_it_comes_out_with_its_number(lines: list[str]) -> None:
    found = logical_lines(lines)
    assert [number for number, _line in found] == [
        number for number, line in enumerate(lines, start=1) if line.strip().strip("\ufeff").strip()
    ]
    for number, line in found:
        assert line in lines[number - 1]
        assert line == line.strip()
