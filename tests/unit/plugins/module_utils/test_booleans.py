# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is true, what is false, and what is neither."""

from __future__ import annotations

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._booleans import as_boolean, no_boolean


@pytest.mark.parametrize(
    ("value", "is_true"),
    [
        *zip((True, 1, "yes", "True", " on ", "1", "t", "Y"), [True] * 8, strict=True),
        *zip((False, 0, "", "no", "FALSE", "off", "0", "f", "n"), [False] * 9, strict=True),
        *zip(("maybe", "truee", 2, None, [], "2"), [None] * 6, strict=True),
    ],
)
def test_a_value_is_true_or_false_or_neither(value: object, is_true: bool | None) -> None:
    assert as_boolean(value) is is_true
    assert bool(no_boolean("flag", value)) is (is_true is None)


def test_what_is_neither_is_a_sentence() -> None:
    assert no_boolean("flag", "maybe") == "flag is 'maybe', and must be true or false."
