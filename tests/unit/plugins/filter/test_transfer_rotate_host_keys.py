# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ansible_collections.sshkeys.aws.plugins.filter.transfer_rotate_host_keys import FilterModule
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_request import read_rotate_request
from ansible_collections.sshkeys.aws.tests.unit.paths import MadeUpPaths

rotate_host_keys = FilterModule().filters()["transfer_rotate_host_keys"]
REQUEST = asdict(
    read_rotate_request(
        {"server_id": "s-01234567890abcdef", "user_name": "partner", "private_key_file": "key", "sftp_host": "x"},
        MadeUpPaths(),
    )
)
KEY = {"type": "ssh-ed25519", "fingerprint": "SHA256:v4K2SCakkhOJ9gLiuwJrrfcWc3wCYzvGBWaMKche8CU"}
SERVER: dict[str, Any] = {"servers": [{"host_keys": [KEY], "host_key_fingerprint": None}]}


def test_nothing_is_wrong_before_the_server_is_asked() -> None:
    assert rotate_host_keys(SERVER, REQUEST) == {
        "stated": [KEY],
        "unknown": "",
        "fault": "",
        "ask_args": "",
        "login_args": "",
    }


def test_a_file_makes_arguments() -> None:
    found = rotate_host_keys(SERVER, REQUEST, file="/known_hosts")
    assert "StrictHostKeyChecking=accept-new" in found["ask_args"]
    assert "StrictHostKeyChecking=yes" in found["login_args"]


def test_what_the_server_shows_is_compared() -> None:
    assert "It said: Nothing." in rotate_host_keys(SERVER, REQUEST, shown="", said="Nothing.")["fault"]


def test_without_an_answer_of_the_service_there_is_a_reason() -> None:
    found = rotate_host_keys({"msg": "Not allowed."}, REQUEST)
    assert (found["stated"], found["unknown"]) == (
        [],
        "The host keys that the service states are unknown: Not allowed.",
    )
