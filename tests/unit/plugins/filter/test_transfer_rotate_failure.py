# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.filter.transfer_rotate_failure import FilterModule
from ansible_collections.sshkeys.aws.plugins.filter.transfer_rotate_request import transfer_rotate_request

transfer_rotate_failure = FilterModule().filters()["transfer_rotate_failure"]
REQUEST = transfer_rotate_request(
    {"server_id": "s-01234567890abcdef", "user_name": "partner", "private_key_file": "/srv/key"}
)


@pytest.mark.parametrize(
    ("users", "said"),
    [
        ([{"ssh_public_keys": []}], "partner on s-01234567890abcdef now has no keys."),
        ([{"error": {}}], "The current keys of partner on s-01234567890abcdef could not be read."),
        ([], "The current keys of partner on s-01234567890abcdef could not be read."),
    ],
)
def test_it_takes_what_the_module_returned(users: list[dict[str, Any]], said: str) -> None:
    told = transfer_rotate_failure({"msg": "Not today."}, REQUEST, task="Import the new key", users=users)
    assert told.startswith(f"Import the new key: Not today. {said}")


def test_it_takes_what_the_lookup_returned() -> None:
    lines = {"/srv/key.new": f"256 SHA256:{'A' * 43} no comment (ED25519)"}
    users = [{"ssh_public_keys": [{"id": "key-1", "fingerprint": f"SHA256:{'A' * 43}", "comment": ""}]}]
    told = transfer_rotate_failure({}, REQUEST, task="x", is_login=False, users=users, private_keys=lines)
    assert "The private key files that work: /srv/key.new." in told


def test_a_login_is_told_as_one() -> None:
    told = transfer_rotate_failure({"stderr": "Permission denied"}, REQUEST, task="x", is_login=True)
    assert told.startswith("sftp could not log in on ")
    assert "x: " not in told
