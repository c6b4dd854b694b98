# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which error a text is refused with: what calls the parser decides by its kind."""

from __future__ import annotations

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import SshKeysError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import (
    DAMAGED,
    NoKeyError,
    PublicKeyError,
    SeveralKeysError,
    UnsupportedTypeError,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import parse_public_key, parse_public_keys
from ansible_collections.sshkeys.aws.tests.unit import keys
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair, line_of

LINE = key_pair("ed25519").line
TOKEN_TYPE = "sk-ssh-ed25519@openssh.com"
TOKEN = line_of(keys.security_key_blobs()[TOKEN_TYPE], "token")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", NoKeyError),
        ("# nobody\n", NoKeyError),
        (f"{LINE},{LINE}", SeveralKeysError),
        (TOKEN, UnsupportedTypeError),
        (TOKEN[:-20], PublicKeyError),
        (LINE[:40], PublicKeyError),
        ("hello", PublicKeyError),
        (key_pair("ed25519").private, PublicKeyError),
    ],
    ids=["empty", "comment", "several", "unsupported", "cut unsupported", "cut", "no key", "private"],
)
@pytest.mark.parametrize("before", ["", f"{key_pair('ecdsa-256').line}\n"], ids=["alone", "second"])
def test_the_kind_of_an_error(text: str, kind: type[PublicKeyError], before: str) -> None:
    if before and kind is NoKeyError:
        assert len(parse_public_keys(before + text)) == 1
        return
    with pytest.raises(PublicKeyError) as caught:
        parse_public_keys(before + text)
    assert caught.value.__class__ is kind
    # The module's entry puts it into words as it does all that is raised on purpose.
    assert isinstance(caught.value, SshKeysError)


def test_where_one_key_is_needed_several_on_a_line_are_not_split() -> None:
    with pytest.raises(PublicKeyError) as caught:
        parse_public_key(f"{LINE},{LINE}")
    assert caught.value.__class__ is PublicKeyError


@pytest.mark.parametrize("before", ["", f"{LINE}\n\n"])
def test_an_unsupported_key_is_named_wherever_it_stands(before: str) -> None:
    with pytest.raises(UnsupportedTypeError) as caught:
        parse_public_keys(before + TOKEN)
    (truth,) = keys.truth_about(TOKEN)
    assert (caught.value.key_type, caught.value.name) == (TOKEN_TYPE, f"{truth.fingerprint} (token)")
    assert str(caught.value).startswith("Line 3: It is" if before else "It is")


@pytest.mark.parametrize("cut", [1, 4, 10, 40])
def test_what_is_damaged_says_so_in_one_sentence(cut: int) -> None:
    with pytest.raises(PublicKeyError) as caught:
        parse_public_key(key_pair("ed25519").bare[:-cut])
    assert str(caught.value) == DAMAGED
