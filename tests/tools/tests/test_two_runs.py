# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two runs of the same targets differ by chance in some places, and in no other place unnoticed."""

from __future__ import annotations

import json

import pytest

from devtools.two_runs import differences

ONE = {
    "task": "transfer_ssh_key : Declare",
    "result": {
        "changed": True,
        "request_id": "b54c6ede-5cda-4190-b0fa-54de79941f94",
        "expires_at": "2026-11-22T02:29:29Z",
        "endpoint_url": "http://127.0.0.1:44447",
        "secret_key": "labsecrete091348751b9e46edd8ef510576485f",
        "diff": "SHA256:abc alice\nkey-73b11605f44b37d24 (unreadable)",
    },
}
OTHER_RUN = {
    "request_id": "740473dd-2767-4767-8f15-0488d0aa36a8",
    "expires_at": "2026-11-22T02:31:00Z",
    "endpoint_url": "http://127.0.0.1:1025",
    "secret_key": "labsecret21a3b2f951cf2e3e1100a85e38f6563",
    "diff": "SHA256:abc alice\nkey-5551703011e5e6269 (unreadable)",
}


def record(**other: object) -> str:
    return json.dumps({**ONE, "result": {**ONE["result"], **other}})  # type: ignore[dict-item]


def test_what_is_of_one_run_makes_no_difference() -> None:
    assert list(differences(record(), record(**OTHER_RUN))) == []


def test_what_an_import_warns_of_makes_no_difference() -> None:
    deprecations = [{"msg": "Importing 'to_native' from 'ansible.module_utils._text' is deprecated."}]
    assert list(differences(record(), record(deprecations=deprecations))) == []


def test_a_traceback_that_there_is_not_makes_no_difference() -> None:
    told = {"failed_when_suppressed_exception": "(traceback unavailable)"}
    assert list(differences(record(results=[{}]), record(results=[told], **told))) == []


def test_the_order_of_a_result_makes_no_difference() -> None:
    assert list(differences(record(more={"a": 1, "b": 2}), record(more={"b": 2, "a": 1}))) == []


def test_a_folder_of_the_lab_makes_no_difference() -> None:
    one, other = ({"path": f"/checkout/.build/lab-{chance}/credentials"} for chance in ("3_x81ab0", "k2j5ww8q"))
    assert list(differences(record(**one), record(**other))) == []


@pytest.mark.parametrize(
    "other",
    [
        {"changed": False},
        {"deprecations": [{"msg": "Something else is deprecated."}]},
        {"request_id": None},
        {"diff": "SHA256:def alice"},
        {"more": 1},
        {"endpoint_url": "http://127.0.0.1"},
        {"failed_when_suppressed_exception": "a traceback"},
    ],
)
def test_all_else_does(other: dict[str, object]) -> None:
    (told,) = differences(record(), record(**other))
    assert "Declare" in told
    assert next(iter(other)) in told


def test_a_task_that_only_one_of_them_ran_does() -> None:
    (told,) = differences(record(), f"{record()}\n{record()}")
    assert "Declare" in told
