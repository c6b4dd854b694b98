# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sentence about a rotation that failed in the middle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_failure import rotate_failure
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_files import KeyFiles
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_host_keys import RotateHostKeys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_request import read_rotate_request
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotation import _FULL_HINT
from ansible_collections.sshkeys.aws.tests.unit.paths import HERE, MadeUpPaths

FILE = f"{HERE}/partner"
WHO = "partner on s-01234567890abcdef"
FINGERPRINTS = {letter: f"SHA256:{letter * 43}" for letter in "ABC"}


def key(letter: str) -> dict[str, Any]:
    return {"id": f"key-{letter}", "fingerprint": FINGERPRINTS[letter], "comment": f"{letter.lower()}@laptop"}


def said(
    failed: Mapping[str, Any],
    *,
    is_login: bool = False,
    held: Sequence[Mapping[str, Any]] | None = (),
    files: Mapping[str, str] | None = None,
    host_keys: RotateHostKeys | None = None,
    **variables: Any,
) -> str:
    """Return the sentence. files: by what follows FILE in the name of a file, the letter of its key."""
    ours = {"server_id": "s-01234567890abcdef", "user_name": "partner", "private_key_file": "partner"}
    request = read_rotate_request({**ours, **variables}, MadeUpPaths(), defined=())
    lines = {f"{FILE}{end}": f"256 {FINGERPRINTS.get(letter, '')} x" for end, letter in (files or {}).items()}
    path = request.private_key_file
    return rotate_failure(
        request,
        failed,
        task="Remove the old keys",
        is_login=is_login,
        held=held,
        files=KeyFiles.read(path, lines),
        host_keys=host_keys or RotateHostKeys(),
    )


def test_what_failed_and_what_stands() -> None:
    told = said(
        {"msg": "AccessDeniedException: Not allowed.\nAllow it. "},
        held=[key("A"), key("B"), key("C")],
        files={"": "B", ".old-1": "A"},
    )
    assert told == (
        "Remove the old keys: AccessDeniedException: Not allowed. Allow it. "
        f"{WHO} now has 3 keys: {FINGERPRINTS['A']} a@laptop, {FINGERPRINTS['B']} b@laptop, {FINGERPRINTS['C']} "
        f"c@laptop. The private key files that work: {FILE}, {FILE}.old-1."
    )


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (None, f"The current keys of {WHO} could not be read."),
        ([], f"{WHO} now has no keys."),
        ([key("A")], f"{WHO} now has 1 key: {FINGERPRINTS['A']} a@laptop."),
        ([{"id": "key-1", "fingerprint": None, "comment": None}], f"{WHO} now has 1 key: key-1 (unreadable)."),
    ],
)
def test_the_keys_of_the_user(held: Sequence[Mapping[str, Any]] | None, words: str) -> None:
    assert words in said({"msg": "x"}, held=held)


@pytest.mark.parametrize(
    ("held", "files", "words"),
    [
        ([key("A")], {"": "B", ".new": ""}, f"None of the private key files works. {FILE}.new"),
        ([key("A"), key("B")], {"": "A", ".new": "B"}, f"files that work: {FILE}, {FILE}.new. {FILE}.new"),
        # Which files work is not known either.
        (None, {"": "A", ".new": "B"}, f"could not be read. {FILE}.new"),
    ],
)
def test_private_key_files(held: Any, files: dict[str, str], words: str) -> None:
    told = said({"msg": "x"}, held=held, files=files)
    assert told.replace("The next run continues with the pair in ", "").endswith(f"{words}.")


def test_given_keys_have_no_files() -> None:
    told = said({"msg": "x"}, held=[key("A")], private_key_file=None, public_keys="x")
    assert told.endswith("a@laptop.")


def test_the_login_failed() -> None:
    failed = {"stderr": "\nPermission denied (publickey).\r\nConnection closed.  \r\n", "msg": "non-zero return code"}
    told = said(failed, is_login=True, sftp_host="sftp.example.com", sftp_port=2222)
    assert told.startswith(
        "sftp could not log in on sftp.example.com, port 2222, with the new key: Permission denied (publickey). "
        f"Connection closed. No old key was removed. {WHO}"
    )


@pytest.mark.parametrize("failed", [{"msg": "No such file: sftp"}, {"stderr": " ", "msg": "No such file: sftp"}])
def test_the_login_did_not_begin(failed: dict[str, str]) -> None:
    assert "with the new key: No such file: sftp. No old key was removed." in said(failed, is_login=True, sftp_host="x")


def test_a_full_user_and_a_login() -> None:
    failed = {"msg": f"InvalidRequestException: Too many. {_FULL_HINT}"}
    advice = "With sftp_host, no key is removed before the login. Remove a key first, or omit sftp_host."
    assert advice in said(failed, sftp_host="sftp.example.com")
    assert advice not in said(failed)
    assert advice not in said({"msg": "Not today."}, sftp_host="sftp.example.com")


def test_the_result_of_a_loop() -> None:
    results = [{"msg": "ok"}, {"failed": True, "msg": "No space left on device"}]
    failed = {"msg": "One or more items failed", "results": results}
    assert said(failed).startswith("Remove the old keys: No space left on device. ")


@pytest.mark.parametrize("failed", [{}, {"msg": None}, {"msg": ""}, {"results": []}])
def test_a_task_that_says_nothing(failed: dict[str, Any]) -> None:
    assert said(failed).startswith("Remove the old keys: It failed. ")


def test_it_is_one_line_that_can_be_printed() -> None:
    told = said({"msg": "red \x1b[31m\n\n  and   \t more."})
    assert told.isprintable()
    assert "  " not in told


UNVERIFIED = {"stderr": "Host key verification failed.\nConnection closed."}


def test_a_host_key_that_ssh_does_not_know_is_explained() -> None:
    unknown = "The host keys that the service states are unknown: AccessDeniedException: No. Allow it."
    told = said(UNVERIFIED, is_login=True, sftp_host="x", sftp_port=2222, host_keys=RotateHostKeys(unknown=unknown))
    assert "No old key was removed. The host key is unknown, or differs from the known one. " in told
    assert f"It is looked up under [x]:2222 in known_hosts. {unknown} The filter sshkeys.aws.known_hosts turns" in told


def test_a_host_key_of_the_users_own_files_is_explained() -> None:
    told = said(UNVERIFIED, is_login=True, sftp_host="x", ssh_args="-o UserKnownHostsFile=/k")
    assert "It is looked up under x in known_hosts. ssh_args says how ssh knows host keys. Without" in told


def test_a_host_key_that_has_changed_since_is_explained() -> None:
    told = said(UNVERIFIED, is_login=True, sftp_host="x", host_keys=RotateHostKeys(stated=[{}]))
    assert "It has changed since this playbook checked it. Run again." in told


def test_another_end_of_a_login_says_nothing_of_host_keys() -> None:
    told = said({"stderr": "Permission denied (publickey)."}, is_login=True, sftp_host="x")
    assert "host key" not in told
