# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.fingerprint import fingerprint_of, read_fingerprint
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, make_key_file
from hypothesis import given, strategies as st

BARE = "v4K2SCakkhOJ9gLiuwJrrfcWc3wCYzvGBWaMKche8CU"
WRITTEN = f"SHA256:{BARE}"


@pytest.mark.parametrize(
    "text",
    [
        WRITTEN,
        f"{WRITTEN}=",
        BARE,
        f"{BARE}=",
        f"sha256:{BARE}",
        f" {WRITTEN}\n",
        f"256 {WRITTEN} a comment (ED25519)",
        f"2048 {WRITTEN}= no comment (RSA)",
    ],
)
def test_every_form_is_read(text: str) -> None:
    assert read_fingerprint(text) == WRITTEN


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SHA256:",
        WRITTEN[:-1],
        f"{WRITTEN}A",
        f"{WRITTEN}==",
        f"x{WRITTEN}",
        # The last character stands for four bits only.
        f"{WRITTEN[:-1]}V",
        f"{BARE} and more",
        "MD5:78:92:3a:02:8d:55:32:43:5e:89:7a:9c:1a:01:92:b3",
        "SHA512:" + "A" * 86,
    ],
)
def test_what_states_none(text: str) -> None:
    assert read_fingerprint(text) is None


def test_it_is_that_of_ssh_keygen(tmp_path: Path) -> None:
    line = make_key_file(tmp_path / "key", "a key", "ed25519")
    told = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(tmp_path / "key.pub")], capture_output=True, text=True, check=True
    ).stdout
    assert read_fingerprint(told) == fingerprint_of(base64.b64decode(line.split()[1]))


@given(st.binary(min_size=1, max_size=200), st.sampled_from(["{}", "{}=", "256 {} alice (RSA)"]))
def test_what_is_written_is_read(blob: bytes, form: str) -> None:
    assert read_fingerprint(form.format(fingerprint_of(blob))) == fingerprint_of(blob)


@given(st.text(max_size=120))
def test_any_text_states_a_fingerprint_or_none(text: str) -> None:
    found = read_fingerprint(text)
    assert found is None or (found[7:] in text and read_fingerprint(found) == found)


def test_two_keys_have_two_fingerprints() -> None:
    assert fingerprint_of(ed25519_blob(b"a" * 32)) != fingerprint_of(ed25519_blob(b"b" * 32))
