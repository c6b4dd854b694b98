# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is masked of a private key, and of its public key."""

from __future__ import annotations

import base64
import random
import re
import time

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.masking import parts_to_mask
from ansible_collections.sshkeys.aws.tests.unit.keys import MAKE, key_pair, runs
from ansible_collections.sshkeys.aws.tests.unit.private_keys import (
    PEM,
    PKCS8,
    PLAIN,
    PRIVATE_KEYS,
    TRADITIONAL,
    private_key_of,
)

# The long RSA keys take a while to make.
KINDS = [kind for kind in MAKE if kind not in ("rsa-3072", "rsa-4096")]
MASK = "\x00"


def masked(text: str, parts: list[str]) -> str:
    """Mask parts of a text, as ansible-core does."""
    for part in sorted(parts, key=len, reverse=True):
        text = text.replace(part, MASK)
    return text


@pytest.mark.parametrize("name", PRIVATE_KEYS)
@pytest.mark.parametrize("joint", ["\n", "\\n", " "], ids=["lines", "escaped", "one line"])
def test_no_line_of_a_private_key_remains(name: str, joint: str) -> None:
    text = joint.join(PRIVATE_KEYS[name]().splitlines())
    shown = masked(text, parts_to_mask(text))
    public = {part for kind in ("ed25519", "rsa-2048", "ecdsa-521") for part in runs(key_pair(kind).encoded, 16)}
    # Words of labels and headers, and beside the public key less than a part.
    assert not re.search(r"[A-Za-z0-9+/]{32}", masked(shown, list(public)))


def test_of_a_line_that_is_cut_short_little_remains() -> None:
    private = key_pair("rsa-2048").private
    line = private.splitlines()[3]
    for length in range(len(line)):
        assert not re.search(r"[A-Za-z0-9+/]{32}", masked(line[:length], parts_to_mask(private)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("passphrase", ["", "correct horse"])
def test_nothing_of_the_public_key_is_masked(kind: str, passphrase: str) -> None:
    pair = key_pair(kind, passphrase=passphrase)
    others = [key_pair(other).line for other in KINDS]
    key = private_key_of(kind)
    pems = [
        key.private_bytes(PEM, form, PLAIN).decode() for form in (PKCS8, *([TRADITIONAL] if kind != "ed25519" else []))
    ]
    for text in (pair.private, f"{pair.line}\n{pair.private}", f"{pair.private}{pair.line}", *pems):
        parts = parts_to_mask(text)
        assert parts
        for line in (pair.line, *others):
            assert masked(line, parts) == line, text


def test_nothing_of_the_public_key_of_putty_is_masked() -> None:
    line = key_pair("rsa-2048").line
    for version in ("PuTTY 2", "PuTTY 3 encrypted"):
        assert masked(line, parts_to_mask(PRIVATE_KEYS[version]())) == line


def test_a_long_key_is_masked_to_its_end() -> None:
    """RSA with 16384 bits has about as many letters."""
    run = base64.b64encode(random.Random(1).randbytes(9_400)).decode().rstrip("=")
    parts = parts_to_mask(run)
    assert "".join(parts) == run


@pytest.mark.parametrize(("run", "is_masked"), [("abcda" * 4, False), ("abcde" * 4, True)])
def test_what_has_few_letters_may_be_a_word(run: str, is_masked: bool) -> None:
    """A line of dots or of zeros in other output is not masked."""
    assert bool(parts_to_mask(run)) is is_masked


def test_what_begins_like_many_keys_takes_no_time() -> None:
    began = time.monotonic()
    parts_to_mask("-----BEGIN PRIVATE KEY-----" + "AAAAB3NzaC1yc2EA" * 50_000)
    assert time.monotonic() - began < 20


def test_what_stands_in_other_texts_by_chance_is_not_masked() -> None:
    assert parts_to_mask("-----BEGIN PRIVATE KEY-----\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nshort\n") == []
