# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.sshkeys.aws.plugins.filter.transfer_replaces import FilterModule
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import parse_public_key
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, line_of

transfer_replaces = FilterModule().filters()["transfer_replaces"]


def line(number: int) -> str:
    return line_of(ed25519_blob(bytes([number]) * 32), f"key-{number}")


def held(number: int) -> dict[str, Any]:
    key = parse_public_key(line(number))
    return {
        "id": f"key-{number:017x}",
        "fingerprint": key.fingerprint,
        "fingerprint_md5": key.fingerprint_md5,
        "comment": key.comment,
    }


def test_it_returns_lists_and_dicts() -> None:
    result = transfer_replaces([held(1), held(3)], who="partner", public_keys=[line(2)], replaces="key-1")
    assert (result["replaced"], result["stays"], result["ids"]) == ([held(1)], [held(3)], [held(1)["id"]])
    assert (result["faults"], result["may_make_room"], result["login_file"]) == ([], False, "")


@pytest.mark.parametrize("replaces", [5, {"a": 1}])
def test_it_raises_what_ansible_shows_to_the_user(replaces: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="of type"):
        transfer_replaces([held(1)], who="partner", public_keys=[line(2)], replaces=replaces)
