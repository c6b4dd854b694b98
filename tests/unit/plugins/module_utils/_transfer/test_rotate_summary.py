# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rotation says at its end, and in check mode what it would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.replaces import Replacement, decide
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_host_keys import RotateHostKeys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_request import (
    RotateRequest,
    read_rotate_request,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_summary import rotate_summary
from ansible_collections.sshkeys.aws.tests.unit.paths import HERE, MadeUpPaths
from hypothesis import given, strategies as st

FILE, OLD = f"{HERE}/partner", f"{HERE}/partner.old-20261121T101500Z"


def key(letter: str) -> dict[str, Any]:
    return {"id": f"key-{letter}", "body": f"ssh-ed25519 {letter}", "fingerprint": f"SHA256:{letter}", "comment": ""}


A, B, C = map(key, "ABC")
DECISION = decide([], who="partner on s-01234567890abcdef")
SKIPPED = {"changed": False, "skipped": True}


def request(**variables: Any) -> RotateRequest:
    whose = {"server_id": "s-01234567890abcdef", "user_name": "partner"}
    return read_rotate_request({**whose, **variables}, MadeUpPaths(), defined=variables)


GIVEN = request(public_keys="x")
OURS = request(private_key_file="partner", sftp_host="sftp.example.com")


def result(has: Sequence[Any], imported: Sequence[Any] = (), deleted: Sequence[Any] = ()) -> dict[str, Any]:
    return {"ssh_public_keys": list(has), "imported": list(imported), "deleted": list(deleted)}


def summary(
    asked: RotateRequest, *results: dict[str, Any], decision: Replacement = DECISION, **options: Any
) -> list[str]:
    first, *lines = rotate_summary(asked, decision, [A, B], results, backup_file=OLD, **options)
    assert first == "partner on s-01234567890abcdef:"
    return lines


def test_given_keys() -> None:
    assert summary(GIVEN, result([B, C], [C], [A])) == ["  came  SHA256:C", "  went  SHA256:A", "  stays SHA256:B"]


def test_given_keys_in_check_mode() -> None:
    lines = summary(GIVEN, result([B, C], [C], [A]), check_mode=True)
    assert lines == ["  would come  SHA256:C", "  would go    SHA256:A", "  would stay  SHA256:B"]


def test_nothing_was_to_be_done() -> None:
    assert summary(GIVEN, result([A, B])) == ["  stays SHA256:A", "  stays SHA256:B", "Nothing to do."]


def test_what_stays_for_now_is_said_last() -> None:
    decision = replace(DECISION, later="Kept for now: SHA256:A.")
    assert summary(GIVEN, result([A, B, C], [C]), decision=decision)[-1] == "Kept for now: SHA256:A."


HAD_PAIR = replace(DECISION, file_fingerprint="SHA256:A")
LOGGED_IN = "The new key has logged in by sftp on sftp.example.com, port 22."


def test_a_new_pair() -> None:
    # The call after the one that put the new key in has removed the old one.
    lines = summary(OURS, SKIPPED, result([A, B, C], [C]), result([B, C], [], [A]), decision=HAD_PAIR, new_key="x")
    assert lines == [
        "  came  SHA256:C",
        "  went  SHA256:A",
        "  stays SHA256:B",
        f"The new private key is in {FILE}.",
        f"The pair that was there is in {OLD}.",
        LOGGED_IN,
    ]


def test_a_new_pair_in_check_mode() -> None:
    lines = summary(OURS, SKIPPED, result([B], [], [A]), decision=HAD_PAIR, check_mode=True)
    assert lines == [
        "  would come  a new ed25519 key, partner@s-01234567890abcdef",
        "  would go    SHA256:A",
        "  would stay  SHA256:B",
        f"The new pair would be made in {FILE}.new, and then put into {FILE}.",
        f"The pair that is there would be kept in {OLD}.",
        "Before an old key goes, sftp would log in on sftp.example.com, port 22.",
    ]


def test_in_check_mode_a_pair_that_is_there_is_not_made() -> None:
    lines = summary(OURS, result([A, B, C], [C]), decision=HAD_PAIR, new_key="x", check_mode=True)
    assert lines[0] == "  would come  SHA256:C"


@pytest.mark.parametrize("changes", [{"file_fingerprint": ""}, {"is_backed_up": True}])
def test_a_pair_that_is_not_kept_now_is_not_said_to_be(changes: dict[str, Any]) -> None:
    for check_mode in (False, True):
        lines = summary(OURS, decision=replace(HAD_PAIR, **changes), check_mode=check_mode)
        assert not [line for line in lines if OLD in line]


def test_an_unfinished_rotation() -> None:
    decision = replace(HAD_PAIR, only_removes=True)
    lines = summary(OURS, result([B], [], [A]), decision=decision)
    assert lines[2:] == [
        f"No new pair was made: an earlier run has put one into {FILE} and left the old key.",
        LOGGED_IN,
    ]
    lines = summary(OURS, result([B], [], [A]), decision=decision, check_mode=True)
    assert lines[0] == "  would go    SHA256:A"
    assert lines[2].startswith("No new pair would be made: ")


@pytest.mark.parametrize(("check_mode", "words"), [(False, "was tried"), (True, "would be tried")])
def test_no_login_was_asked_for(check_mode: bool, words: str) -> None:
    lines = summary(request(private_key_file="partner"), check_mode=check_mode)
    assert lines[-1] == f"No login {words}: sftp_host is not set."
    assert "login" not in " ".join(summary(GIVEN, check_mode=check_mode))


def test_a_call_that_was_refused_does_not_count() -> None:
    refused = {**result([A, B]), "error": {"code": "InvalidRequestException"}}
    assert "  came  SHA256:C" in summary(OURS, refused, result([B, C], [C], [A]))


def test_without_any_call_the_keys_from_before_stay() -> None:
    assert summary(GIVEN, SKIPPED, {})[:2] == ["  stays SHA256:A", "  stays SHA256:B"]


@given(st.lists(st.sampled_from("ABCDE"), unique=True), st.lists(st.sampled_from("ABCDE"), unique=True), st.booleans())
def test_each_key_has_one_line(before: list[str], after: list[str], check_mode: bool) -> None:
    came = [key(name) for name in after if name not in before]
    went = [key(name) for name in before if name not in after]
    lines = rotate_summary(
        GIVEN,
        DECISION,
        [key(name) for name in before],
        [result([key(name) for name in after], came, went)],
        check_mode=check_mode,
    )
    shown = [line.split()[-1] for line in lines if "SHA256:" in line]
    assert sorted(shown) == sorted(f"SHA256:{name}" for name in {*before, *after})
    assert ("Nothing to do." in lines) is (set(before) == set(after))


@pytest.mark.parametrize("check_mode", [False, True])
def test_it_says_how_the_host_key_is_known(check_mode: bool) -> None:
    stated = "The host key there is one that the service states."
    lines = summary(OURS, SKIPPED, check_mode=check_mode, host_keys=RotateHostKeys(stated=[{}]))
    assert stated in lines
    lines = summary(OURS, SKIPPED, check_mode=check_mode, host_keys=RotateHostKeys(unknown="Unknown."))
    assert "The host key there is known from a known_hosts file. Unknown." in lines
    assert not [line for line in summary(OURS, SKIPPED, check_mode=check_mode) if "host key" in line]
