# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.sshkeys.aws.plugins.filter.known_hosts import FilterModule
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import parse_public_key
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, line_of

known_hosts = FilterModule().filters()["known_hosts"]
LINE = f"one {line_of(ed25519_blob(b'a' * 32), '')}".strip()
STATED = [{"type": "ssh-ed25519", "fingerprint": parse_public_key(LINE.partition(" ")[2]).fingerprint}]


def test_it_returns_lines() -> None:
    assert known_hosts(LINE, STATED) == [LINE]
    assert known_hosts(LINE, STATED, names=["two"], said=None) == [LINE.replace("one", "two")]


@pytest.mark.parametrize(
    ("scan", "options", "sentence"),
    [
        ("", {"said": "Connection refused"}, "showed no host key. It said: Connection refused."),
        (LINE, {"names": ["a b"]}, "names has an element that is 'a b'"),
    ],
)
def test_it_raises_what_ansible_shows_to_the_user(scan: str, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AnsibleFilterError, match=sentence):
        known_hosts(scan, STATED, **options)
