# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a rotation may trust the server that it logs in to."""

from __future__ import annotations

import base64
import shlex
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.fingerprint import fingerprint_of
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_host_keys import (
    RotateHostKeys,
    host_key_fault,
    host_key_options,
    stated_host_keys,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_request import (
    RotateRequest,
    read_rotate_request,
)
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob
from ansible_collections.sshkeys.aws.tests.unit.paths import MadeUpPaths

BLOBS = [ed25519_blob(letter * 32) for letter in (b"a", b"b")]
FINGERPRINTS = [fingerprint_of(blob) for blob in BLOBS]
LINES = [f"[sftp.example.com]:2222 ssh-ed25519 {base64.b64encode(blob).decode()}\n" for blob in BLOBS]
KEY = {"type": "ssh-ed25519", "fingerprint": FINGERPRINTS[0]}
STATED = RotateHostKeys(stated=[KEY])


def request(**variables: Any) -> RotateRequest:
    ours = {"server_id": "s-01234567890abcdef", "user_name": "partner", "private_key_file": "key"}
    return read_rotate_request({**ours, **variables}, MadeUpPaths())


LOGIN = request(sftp_host="sftp.example.com")


def described(host_keys: Any, default: str | None = FINGERPRINTS[0], **more: Any) -> dict[str, Any]:
    return {"servers": [{"host_keys": host_keys, "host_key_fingerprint": default}], **more}


@pytest.mark.parametrize("asked", [request(), request(sftp_host="x", ssh_args="-o UserKnownHostsFile=f")])
def test_without_a_check_nothing_is_known(asked: RotateRequest) -> None:
    assert stated_host_keys(asked, described([KEY])) == RotateHostKeys()


def test_what_the_service_states_is_known() -> None:
    assert stated_host_keys(LOGIN, described([KEY])) == STATED


def test_the_default_key_counts_where_it_is_not_listed() -> None:
    other = {"type": "ssh-rsa", "fingerprint": FINGERPRINTS[1]}
    found = stated_host_keys(LOGIN, described([other]))
    assert [key["fingerprint"] for key in found.stated] == [FINGERPRINTS[1], FINGERPRINTS[0]]
    assert [key["fingerprint"] for key in stated_host_keys(LOGIN, described([])).stated] == [FINGERPRINTS[0]]


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (described(None, msg="AccessDeniedException: No. Allow it."), "AccessDeniedException: No. Allow it."),
        ({"msg": "No region is configured."}, "No region is configured."),
        ({"servers": [], "msg": "The server does not exist."}, "The server does not exist."),
        (described([], None), "It states none."),
        ({}, "It states none."),
    ],
)
def test_what_is_unknown_has_a_reason(result: dict[str, Any], reason: str) -> None:
    found = stated_host_keys(LOGIN, result)
    assert found == RotateHostKeys(unknown=f"The host keys that the service states are unknown: {reason}")


def test_it_is_read_from_what_the_filter_returns() -> None:
    assert RotateHostKeys.read({"stated": [KEY], "unknown": "", "fault": "", "login_args": ""}) == STATED
    assert RotateHostKeys.read({}) == RotateHostKeys()


def test_a_stated_key_has_no_fault() -> None:
    assert host_key_fault(STATED, LINES[0], "") == ""


def test_a_key_that_is_not_stated_is_a_fault() -> None:
    said = host_key_fault(STATED, LINES[1], "")
    assert said.startswith(f"[sftp.example.com]:2222 shows an ssh-ed25519 key with the fingerprint {FINGERPRINTS[1]}")
    assert "If sftp_host is a server of your own in front" in said
    assert said.endswith(" Nothing was changed.")


def test_a_server_that_shows_none_is_a_fault() -> None:
    said = host_key_fault(STATED, "", "ssh: connect to host x port 22: Connection refused\nConnection closed.")
    assert said == (
        "The server showed no host key. It said: ssh: connect to host x port 22: Connection refused Connection closed. "
        "Check the host name and the port, and that this host reaches them. Nothing was changed."
    )


def test_a_fingerprint_in_a_form_that_nobody_knows_is_a_fault() -> None:
    odd = RotateHostKeys(stated=[{"type": "ssh-ed25519", "fingerprint": "odd"}])
    assert host_key_fault(odd, LINES[0], "").endswith("CU. Nothing was changed.")


@pytest.mark.parametrize(("is_first", "checking"), [(True, "accept-new"), (False, "yes")])
def test_one_file_is_where_host_keys_are(is_first: bool, checking: str) -> None:
    words = shlex.split(host_key_options("/a b/50%", is_first=is_first))
    assert words[::2] == ["-o"] * 4
    assert words[1::2] == [
        'UserKnownHostsFile="/a b/50%%"',
        "GlobalKnownHostsFile=/dev/null",
        f"StrictHostKeyChecking={checking}",
        "HashKnownHosts=no",
    ]
