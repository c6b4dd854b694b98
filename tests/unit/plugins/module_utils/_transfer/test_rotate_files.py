# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is found on disk: FILE, FILE.new, FILE.old-*, and a pair of which only one half was moved."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_files import (
    KeyFiles,
    is_fingerprint,
    is_half_moved,
    private_keys_among,
)
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair, ssh_keygen
from hypothesis import given, strategies as st

FILE = "/home/deploy/.ssh/nightly"
ENDINGS = ["", ".pub", ".new", ".new.pub", ".old-20260101T000000Z", ".old-20260101T000000Z.pub", ".old-2", "2", ".bak"]
A, B, C = (f"SHA256:{letter * 43}" for letter in "ABC")


def paths(*endings: str) -> list[str]:
    return [f"{FILE}{ending}" for ending in endings]


def listed(fingerprint: str) -> str:
    return f"256 {fingerprint} two words (ED25519)\n"


@pytest.mark.parametrize(
    ("endings", "half_moved"),
    [
        ([], False),
        (["", ".pub"], False),
        # The new pair is beside the current one.
        (["", ".pub", ".new", ".new.pub"], False),
        # The private key was moved, and the public one was not.
        (["", ".pub", ".new.pub", ".old-2", ".old-2.pub"], True),
        (["", ".new.pub"], True),
        # Both were moved.
        (["", ".pub", ".old-2", ".old-2.pub"], False),
        # The new pair has lost its public key, which is made of the private one again.
        (["", ".pub", ".new"], False),
    ],
)
def test_half_moved(endings: list[str], half_moved: bool) -> None:
    assert is_half_moved(FILE, paths(*endings)) is half_moved


def test_each_private_key_tells_its_own_fingerprint() -> None:
    found = private_keys_among(FILE, paths(*ENDINGS))
    assert list(found.items()) == [(file, file) for file in paths("", ".new", ".old-2", ".old-20260101T000000Z")]


def test_in_a_half_moved_pair_the_new_public_key_tells_it() -> None:
    found = private_keys_among(FILE, paths("", ".pub", ".new.pub", ".old-2"))
    assert found == {FILE: f"{FILE}.new.pub", f"{FILE}.old-2": f"{FILE}.old-2"}


@given(st.sets(st.sampled_from(ENDINGS)))
def test_only_what_exists_is_found_or_read(endings: set[str]) -> None:
    files = paths(*endings)
    found = private_keys_among(FILE, files)
    assert {*found, *found.values()} <= set(files)
    assert not [file for file in found if file.endswith(".pub")]
    # Of FILE.old-* none is left out, since the user may still have its key.
    assert set(found) == {
        file for file in files if file in paths("", ".new") or (".old-" in file and not file.endswith(".pub"))
    }


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (A, True),
        ("MD5:" + ":".join(["0f"] * 16), True),
        ("SHA256:abc", False),
        (f"{A}\n", False),
        ("alice@laptop", False),
    ],
)
def test_fingerprint(text: str, is_one: bool) -> None:
    assert is_fingerprint(text) is is_one


def test_what_ssh_keygen_prints_is_read(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(key_pair("ed25519").private, encoding="utf-8")
    file.chmod(0o600)
    line = ssh_keygen("-l", "-f", str(file))
    assert KeyFiles.read(FILE, {FILE: line}).current == line.split()[1]


def test_files_are_known_by_their_fingerprints() -> None:
    files = KeyFiles.read(
        FILE,
        {FILE: listed(A), f"{FILE}.new": listed(B), f"{FILE}.old-1": listed(C), f"{FILE}.old-2": "", f"{FILE}.x": A},
    )
    assert files
    assert (files.current, files.to_come, files.earlier, files.own) == (A, B, frozenset({C}), frozenset({A, C}))
    assert files.has_new
    assert not files.is_no_key


def test_what_cannot_be_read_has_no_fingerprint() -> None:
    files = KeyFiles.read(FILE, {FILE: "", f"{FILE}.new": "nonsense"})
    assert (files.current, files.to_come, files.own) == ("", "", frozenset())
    assert files.has_new
    assert files.is_no_key


def test_no_file_is_there_yet() -> None:
    files = KeyFiles.read(FILE, {})
    assert files
    assert (files.current, files.has_new, files.is_no_key) == ("", False, False)


def test_no_file_is_named() -> None:
    assert not KeyFiles.read("", {})


def test_files_that_open() -> None:
    files = KeyFiles.read(FILE, {FILE: listed(A), f"{FILE}.new": listed(B), f"{FILE}.old-1": "", f"{FILE}.old-2": A})
    held: list[dict[str, str | None]] = [{"fingerprint": B}, {"fingerprint": A}, {"fingerprint": None}]
    assert files.that_open(held) == paths("", ".new")
    assert files.that_open([{"fingerprint": None}, {"fingerprint": ""}]) == []
