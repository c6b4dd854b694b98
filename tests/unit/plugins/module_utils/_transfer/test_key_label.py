# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.key_label import label, labels

ALICE = {"id": "key-01234567890abcdef", "fingerprint": "SHA256:a", "comment": "alice@laptop"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "SHA256:a alice@laptop"),
        # A key that is foreseen in check mode has no id.
        ({"id": None}, "SHA256:a alice@laptop"),
        ({"comment": ""}, "SHA256:a"),
        ({"comment": None}, "SHA256:a"),
        ({"fingerprint": None, "comment": None}, "key-01234567890abcdef (unreadable)"),
    ],
)
def test_a_key_has_a_name(changes: dict[str, Any], said: str) -> None:
    assert label({**ALICE, **changes}) == said


def test_several_keys() -> None:
    assert labels([ALICE, {**ALICE, "comment": ""}]) == "SHA256:a alice@laptop, SHA256:a"
    assert labels([]) == ""
