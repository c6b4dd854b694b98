# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""transfer_user_info against the lab, in this process."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.modules import transfer_user_info
from ansible_collections.sshkeys.aws.tests.modules.people import ALICE, WEAK
from ansible_collections.sshkeys.aws.tests.robustness.whole_users import (
    ROLE,
    client_of,
    described_lines,
    put_user,
    told_lines,
)
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab

USER = "newcomer"


def read(lab: RunningLab, *, check_mode: bool = False, **options: object) -> Report:
    """Read the users of the lab's server, if the options do not say otherwise."""
    return lab.run(transfer_user_info, {"server_id": lab.server_id, **options}, check_mode=check_mode)


def sent(lab: RunningLab) -> list[str]:
    """Return the calls since the journal was cleared."""
    return [request["operation"] for request in lab.requests()]


@pytest.fixture
def held(running_lab: RunningLab) -> None:
    """Let a user have a value for every option, and keys of different kinds and ages."""
    members = {
        "Role": ROLE,
        "HomeDirectoryType": "LOGICAL",
        "HomeDirectoryMappings": [{"Entry": "/", "Target": "/bucket"}],
        "HomeDirectory": "/",
        "Policy": '{"Statement": [], "Version": "2012-10-17"}',
        "PosixProfile": {"Uid": 1, "Gid": 2, "SecondaryGids": [4, 3]},
        "Tags": [{"Key": "team", "Value": "finance"}],
    }
    put_user(client_of(running_lab), running_lab.server_id, USER, members)
    keys = [{"body": ALICE.line, "date_imported": 1_600_000_000}, {"body": WEAK.line}, {"body": "nonsense"}]
    running_lab.control("PUT", f"transfer/users/{USER}", keys=keys)
    running_lab.control("DELETE", "requests")


def test_every_value_of_a_user(running_lab: RunningLab, held: None) -> None:
    told = read(running_lab, user_name=[USER], check_mode=True)
    assert (told.failure, told.warnings, told.result["changed"]) == (None, (), False)
    assert sent(running_lab) == ["DescribeUser"]
    (user,) = told.result["users"]
    keys = user.pop("ssh_public_keys")
    assert re.fullmatch(rf"arn:aws:transfer:.*:user/{running_lab.server_id}/{USER}", user.pop("arn"))
    assert sorted(user.pop("public_keys")) == sorted([ALICE.line, WEAK.line])
    assert user == {
        "user_name": USER,
        "role_arn": ROLE,
        "home_directory": "/",
        "home_directory_type": "LOGICAL",
        "home_directory_mappings": [{"entry": "/", "target": "/bucket", "type": "DIRECTORY"}],
        "policy": {"Version": "2012-10-17", "Statement": []},
        "posix_profile": {"uid": 1, "gid": 2, "secondary_gids": [3, 4]},
        "tags": {"team": "finance"},
        "allow_empty": False,
    }
    by_body = {key["body"]: key for key in keys}
    assert by_body[ALICE.line]["age_days"] > 2000
    assert by_body[ALICE.line]["date_imported"] == "2020-09-13T12:26:40Z"
    assert by_body["nonsense"]["fingerprint"] is None
    assert keys[-1] == by_body["nonsense"]


def test_every_user_of_a_server(running_lab: RunningLab, held: None) -> None:
    told = read(running_lab)
    assert (told.failure, told.result["changed"]) == (None, False)
    names = [user["user_name"] for user in told.result["users"]]
    assert sorted(names) == sorted([USER, *(user["user_name"] for user in running_lab.lab["transfer"]["users"])])
    assert sent(running_lab).count("DescribeUser") == len(names)
    assert set(sent(running_lab)) == {"ListUsers", "DescribeUser"}
    client = client_of(running_lab)
    for user in told.result["users"]:
        assert told_lines(user) == described_lines(client, running_lab.server_id, user["user_name"])
    bare = next(user for user in told.result["users"] if user["user_name"] == "archive")
    assert (bare["public_keys"], bare["allow_empty"], bare["policy"], bare["posix_profile"]) == ([], True, {}, None)


def test_a_missing_user_does_not_stop_the_others(running_lab: RunningLab, held: None) -> None:
    told = read(running_lab, user_names=[USER, "nobody-here", USER])
    assert str(told.failure).startswith("1 of 2 users failed")
    assert "nobody-here does not exist" in str(told.failure)
    good, missing = told.result["users"]
    assert good["role_arn"] == ROLE
    assert missing["error"]["code"] == "ResourceNotFoundException"
    assert set(missing) == {*good, "error"}
    assert {value for name, value in missing.items() if name not in ("user_name", "error")} == {None}


def test_nobody_is_asked_for(running_lab: RunningLab) -> None:
    told = read(running_lab, user_names=[])
    assert (told.failure, told.result["users"]) == (None, [])
    assert "user_names is an empty list" in told.result["msg"]
    assert sent(running_lab) == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"server_id": "s-1"}, "server_id 's-1' is not the id"),
        ({"user_names": ["x"]}, "user_name 'x' is not one"),
        ({"concurrency": 0}, "concurrency is 0"),
    ],
)
def test_what_cannot_work_is_refused(running_lab: RunningLab, options: dict[str, Any], sentence: str) -> None:
    refused = read(running_lab, **options)
    assert sentence in str(refused.failure)
    assert sent(running_lab) == []


def test_a_server_that_does_not_exist(running_lab: RunningLab) -> None:
    refused = read(running_lab, server_id="s-00000000000000000")
    assert re.search("Unknown server.*Check the server id.*The region was", str(refused.failure))
