# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is a private key, and what could be a part of one."""

from __future__ import annotations

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.private import could_be_part_of_one, holds_private_key
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair
from ansible_collections.sshkeys.aws.tests.unit.private_keys import PRIVATE_KEYS


@pytest.mark.parametrize("name", PRIVATE_KEYS)
def test_each_private_key_is_one(name: str) -> None:
    assert holds_private_key(PRIVATE_KEYS[name]())
    assert could_be_part_of_one(PRIVATE_KEYS[name]())


@pytest.mark.parametrize(
    "text",
    [
        "BACKEND PRIVATE KEY rotation",
        "the private key of alice",
        "BEGIN PUBLIC KEY",
        "/etc/ssl/PRIVATE KEY/bundle.pem",
        "",
        *(key_pair(kind).line for kind in ("ed25519", "ecdsa-256", "rsa-1024")),
    ],
)
def test_what_is_none(text: str) -> None:
    assert not holds_private_key(text)
