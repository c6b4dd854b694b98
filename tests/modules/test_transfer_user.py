# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""transfer_user against the lab, in this process: real calls, and real logins to what a user is declared to see."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.modules import transfer_user, transfer_user_info
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab.seed import EMPTY_SERVER_ID
from ansible_collections.sshkeys.aws.tests.logins import opens_transfer_user
from ansible_collections.sshkeys.aws.tests.modules.people import ALICE, BOB, CAROL, DAVE, ERIN, SECURITY_KEY, Person
from ansible_collections.sshkeys.aws.tests.robustness.whole_users import (
    OTHER_ROLE,
    ROLE,
    client_of,
    described_lines,
    differing,
    put_user,
    told_lines,
)
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab
from ansible_collections.sshkeys.aws.tests.unit.sdk_data import plain_session

USER = "newcomer"
READ, CREATE, UPDATE, DELETE = "DescribeUser", "CreateUser", "UpdateUser", "DeleteUser"
TAG, UNTAG, IMPORT, DELETE_KEY = "TagResource", "UntagResource", "ImportSshPublicKey", "DeleteSshPublicKey"
STATEMENT = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
POLICY: dict[str, Any] = {"Version": "2012-10-17", "Statement": [STATEMENT]}
HOME = {"entry": "/", "target": "/bucket/home/${transfer:UserName}"}

# The lowest supported SDK is older than the Type of a mapping. What it does not know is not sent if AWS does it anyway.
_MAPPING: Any = plain_session().get_service_model("transfer").shape_for("HomeDirectoryMapEntry")
KNOWS_TYPE = "Type" in _MAPPING.members
TYPE_DIRECTORY = {"Type": "DIRECTORY"} if KNOWS_TYPE else {}


def declare(lab: RunningLab, *, check_mode: bool = False, **options: Any) -> Report:
    """Declare one user, if the options do not name users."""
    user = {} if {"users", "user_name"} & set(options) else {"user_name": USER}
    return lab.run(transfer_user, {"server_id": lab.server_id, **user, **options}, check_mode=check_mode)


def sent(lab: RunningLab) -> list[str]:
    """Return the calls since the journal was cleared."""
    return [request["operation"] for request in lab.requests()]


def lines(lab: RunningLab, name: str = USER, server_id: str = "") -> list[str]:
    """Return what stands, read by another client, a line for each value."""
    return described_lines(client_of(lab), server_id or lab.server_id, name)


def changes(lab: RunningLab, **options: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Declare in check mode, for real, in check mode again and for real again, and compare the four.

    Returns the result of the second step, and its calls.
    """
    before = lines(lab)
    lab.control("DELETE", "requests")
    check = declare(lab, check_mode=True, **options)
    assert sent(lab) == [READ]
    lab.control("DELETE", "requests")
    real = declare(lab, **options)
    requests = lab.requests()
    assert (check.failure, real.failure) == (None, None)
    assert (check.result["changed"], real.result["changed"]) == (True, True)
    assert check.warnings == real.warnings
    assert _without_ids(check.result) == _without_ids(real.result)
    (user,) = real.result["users"]
    assert {name: real.result[name] for name in user} == user
    after = lines(lab)
    assert told_lines(real.result) == after
    if before and after:
        assert real.result["updated"] == [name for name in differing(before, after) if name != "public_keys"]
    check_again = declare(lab, check_mode=True, **options)
    lab.control("DELETE", "requests")
    again = declare(lab, **options)
    assert sent(lab) == [READ]
    assert check_again.result == again.result
    assert (again.failure, again.result["changed"], again.result["updated"]) == (None, False, [])
    assert again.result["diff"]["before"] == again.result["diff"]["after"] == real.result["diff"]["after"]
    return real.result, requests


def _without_ids(value: object) -> object:
    if isinstance(value, dict):
        unknown = ("id", "date_imported", "arn")
        return {name: None if name in unknown else _without_ids(told) for name, told in value.items()}
    return [_without_ids(told) for told in value] if isinstance(value, list) else value


def operations(requests: list[dict[str, Any]]) -> list[str]:
    """Return the operations of calls."""
    return [request["operation"] for request in requests]


def parameters(requests: list[dict[str, Any]], operation: str) -> dict[str, Any]:
    """Return the parameters of the only call of an operation, but for those that every call has."""
    (found,) = [request["parameters"] for request in requests if request["operation"] == operation]
    return {name: value for name, value in found.items() if name not in ("ServerId", "UserName", "Arn")}


def does(lab: RunningLab, person: Person, folder: Path, batch: str = "") -> bool:
    """Return whether a person logs in as the user with sftp, which then carries out the commands of a batch."""
    users = (*lab.lab["transfer"]["users"], *lab.lab["transfer"]["new_users"])
    (user,) = (user for user in users if user["user_name"] == USER)
    return opens_transfer_user(lab, user, person.private_key(folder), batch)


def stored(lab: RunningLab, path: str) -> Path:
    """Return the file behind a path in S3."""
    return Path(lab.lab["transfer"]["storage"], path.lstrip("/"))


@pytest.fixture
def existing(running_lab: RunningLab) -> None:
    """Let the user exist, with a value for every option but the POSIX profile."""
    members = {
        "Role": ROLE,
        "HomeDirectory": "/bucket/home",
        "Policy": json.dumps(POLICY, indent=1),
        "Tags": [{"Key": "team", "Value": "finance"}, {"Key": "old", "Value": "x"}],
    }
    put_user(client_of(running_lab), running_lab.server_id, USER, members, [ALICE.line])


# -- A new user --------------------------------------------------------------------------------------------------------


def test_a_user_is_made_with_keys_and_logs_in_to_what_its_mappings_show(
    running_lab: RunningLab, tmp_path: Path
) -> None:
    mappings = [HOME, {"entry": "/incoming", "target": "/bucket/incoming/partner", "type": "DIRECTORY"}]
    options = {"role_arn": ROLE, "home_directory_mappings": mappings, "tags": {"team": "finance"}}
    result, requests = changes(
        running_lab, **options, policy=POLICY, public_keys=[ALICE.line, DAVE.line, ERIN.line], exclusive=True
    )
    assert operations(requests) == [READ, CREATE, IMPORT, IMPORT, READ]
    created = parameters(requests, CREATE)
    assert json.loads(created.pop("Policy")) == POLICY
    assert created == {
        "Role": ROLE,
        "HomeDirectoryType": "LOGICAL",
        "HomeDirectoryMappings": [
            {"Entry": "/", "Target": HOME["target"]},
            {"Entry": "/incoming", "Target": "/bucket/incoming/partner", **TYPE_DIRECTORY},
        ],
        "Tags": [{"Key": "team", "Value": "finance"}],
        "SshPublicKeyBody": ALICE.line,
    }
    assert (result["created"], result["updated"], result["state"]) == (True, [], "present")
    assert re.fullmatch(rf"arn:aws:transfer:.*:user/{running_lab.server_id}/{USER}", result["arn"])
    assert sorted(key["comment"] for key in result["imported"]) == sorted(
        person.comment for person in (ALICE, DAVE, ERIN)
    )
    assert all(re.fullmatch("key-[0-9a-f]{17}", key["id"]) for key in result["imported"])
    (tmp_path / "upload").write_text("a file")
    for person in (ALICE, DAVE, ERIN):
        assert does(running_lab, person, tmp_path, f"put {tmp_path}/upload /incoming/from-{person.name}\n")
        assert stored(running_lab, f"/bucket/incoming/partner/from-{person.name}").read_text() == "a file"
    assert does(running_lab, ALICE, tmp_path, f"put {tmp_path}/upload at-home\n")
    assert stored(running_lab, f"/bucket/home/{USER}/at-home").read_text() == "a file"
    assert not does(running_lab, BOB, tmp_path)


def test_a_user_is_made_with_nothing_but_a_role(running_lab: RunningLab) -> None:
    result, requests = changes(running_lab, role_arn=ROLE)
    assert operations(requests) == [READ, CREATE, READ]
    assert parameters(requests, CREATE) == {"Role": ROLE}
    assert (result["home_directory"], result["home_directory_type"]) == ("", "PATH")
    assert result["home_directory_mappings"] == result["ssh_public_keys"] == []
    assert (result["policy"], result["posix_profile"], result["tags"]) == ({}, None, {})


def test_a_user_is_not_made_without_a_role(running_lab: RunningLab) -> None:
    for check_mode in (True, False):
        refused = declare(running_lab, public_keys=ALICE.line, check_mode=check_mode)
        assert f"The user {USER} does not exist, and no role_arn is given" in str(refused.failure)
        assert refused.result["changed"] is False
    assert set(sent(running_lab)) == {READ}


def test_a_new_user_may_be_unknown_for_a_while(running_lab: RunningLab) -> None:
    running_lab.control("PUT", "settings", late_users=10)
    made = declare(running_lab, role_arn=ROLE, public_keys=[ALICE.line, BOB.line])
    assert (made.failure, made.result["created"]) == (None, True)
    assert sent(running_lab).count(CREATE) == 1


# -- Each option -------------------------------------------------------------------------------------------------------

# What is declared, the options that change, and the parameters of UpdateUser.
FIELDS: dict[str, tuple[dict[str, Any], list[str], dict[str, Any]]] = {
    "role_arn": ({"role_arn": OTHER_ROLE}, ["role_arn"], {"Role": OTHER_ROLE}),
    "role": ({"role": OTHER_ROLE}, ["role_arn"], {"Role": OTHER_ROLE}),
    "home_directory": ({"home_directory": "/bucket/b"}, ["home_directory"], {"HomeDirectory": "/bucket/b"}),
    "home_directory taken away": ({"home_directory": ""}, ["home_directory"], {"HomeDirectory": ""}),
    "mappings": (
        {"home_directory_mappings": [{"Entry": "/", "Target": "/bucket", "Type": "DIRECTORY"}], "home_directory": "/"},
        ["home_directory", "home_directory_mappings", "home_directory_type"],
        {
            "HomeDirectory": "/",
            "HomeDirectoryType": "LOGICAL",
            "HomeDirectoryMappings": [{"Entry": "/", "Target": "/bucket", **TYPE_DIRECTORY}],
        },
    ),
    "policy as a mapping": ({"policy": {"Version": "2012-10-17"}}, ["policy"], {"Policy": '{"Version":"2012-10-17"}'}),
    "policy as text": ({"policy": ' {"Statement": [ ]}'}, ["policy"], {"Policy": '{"Statement":[]}'}),
    "policy taken away": ({"policy": {}}, ["policy"], {"Policy": ""}),
    "posix_profile": (
        {"posix_profile": {"Uid": 0, "Gid": 5, "SecondaryGids": [7, 6, 7]}},
        ["posix_profile"],
        {"PosixProfile": {"Uid": 0, "Gid": 5, "SecondaryGids": [7, 6]}},
    ),
}


@pytest.mark.parametrize("case", FIELDS)
@pytest.mark.usefixtures("existing")
def test_only_what_is_declared_and_differs_is_changed(running_lab: RunningLab, case: str) -> None:
    options, updated, members = FIELDS[case]
    result, requests = changes(running_lab, **options)
    assert operations(requests) == [READ, UPDATE, READ]
    assert parameters(requests, UPDATE) == members
    assert result["updated"] == updated


@pytest.mark.usefixtures("existing")
def test_the_same_in_another_form_is_no_change(running_lab: RunningLab) -> None:
    before = lines(running_lab)
    running_lab.control("DELETE", "requests")
    for policy in (POLICY, json.dumps(POLICY), json.dumps(POLICY, sort_keys=True, indent=8)):
        same = declare(
            running_lab,
            role_arn=ROLE,
            home_directory="/bucket/home",
            home_directory_type="PATH",
            home_directory_mappings=[],
            policy=policy,
            tags={"old": "x", "team": "finance"},
            public_keys=f"{ALICE.pair.bare} at home",
            exclusive=True,
        )
        assert (same.failure, same.result["changed"]) == (None, False)
    assert sent(running_lab) == [READ] * 3
    assert lines(running_lab) == before


@pytest.mark.usefixtures("existing")
def test_from_path_to_mappings_to_other_mappings_and_back(running_lab: RunningLab, tmp_path: Path) -> None:
    two = [HOME, {"entry": "/out", "target": "/bucket/out"}]
    changes(running_lab, home_directory_mappings=two, home_directory="")
    assert does(running_lab, ALICE, tmp_path, "cd /out\n")
    same = declare(running_lab, home_directory_mappings=[{**two[1], "type": "DIRECTORY"}, two[0]])
    assert same.result["changed"] is False
    result, requests = changes(running_lab, home_directory_mappings=[HOME])
    # The type stays, so it is not sent.
    assert parameters(requests, UPDATE) == {
        "HomeDirectoryMappings": [{"Entry": "/", "Target": HOME["target"]}],
    }
    result, requests = changes(running_lab, home_directory_mappings=[], home_directory="/bucket/home")
    assert parameters(requests, UPDATE) == {"HomeDirectoryType": "PATH", "HomeDirectory": "/bucket/home"}
    assert result["home_directory_mappings"] == []
    assert does(running_lab, ALICE, tmp_path, "cd /bucket/home\n")


@pytest.mark.parametrize(
    ("options", "tags", "calls"),
    [
        ({"tags": {"team": "sales"}}, {"team": "sales"}, [UNTAG, TAG]),
        ({"tags": {"team": "sales"}, "purge_tags": False}, {"team": "sales", "old": "x"}, [TAG]),
        ({"tags": {"team": "finance"}}, {"team": "finance"}, [UNTAG]),
        ({"tags": {}}, {}, [UNTAG]),
        ({"resource_tags": {"a": 1, "b": True, "team": "finance", "old": "x"}}, None, [TAG]),
    ],
)
@pytest.mark.usefixtures("existing")
def test_tags(running_lab: RunningLab, options: dict[str, Any], tags: dict[str, str] | None, calls: list[str]) -> None:
    result, requests = changes(running_lab, **options)
    assert operations(requests) == [READ, *calls, READ]
    assert result["tags"] == ({"a": "1", "b": "True", "team": "finance", "old": "x"} if tags is None else tags)
    assert result["updated"] == ["tags"]
    if UNTAG in calls:
        gone = {"team", "old"} - set(result["tags"])
        assert set(parameters(requests, UNTAG)["TagKeys"]) == gone
    if TAG in calls:
        assert len(parameters(requests, TAG)["Tags"]) == (2 if tags is None else 1)


@pytest.mark.usefixtures("existing")
def test_tags_of_aws_stay(running_lab: RunningLab) -> None:
    tags = {"aws:cloudformation:stack-name": "s", "team": "finance"}
    running_lab.control("PUT", f"transfer/users/{USER}", tags=tags)
    result, _requests = changes(running_lab, tags={})
    assert result["tags"] == {"aws:cloudformation:stack-name": "s"}


@pytest.mark.usefixtures("existing")
def test_fields_come_before_tags_and_tags_before_keys(running_lab: RunningLab, tmp_path: Path) -> None:
    result, requests = changes(
        running_lab, role_arn=OTHER_ROLE, tags={"team": "sales"}, public_keys=[BOB.line, CAROL.line], exclusive=True
    )
    assert operations(requests) == [READ, UPDATE, UNTAG, TAG, IMPORT, IMPORT, DELETE_KEY, READ]
    assert [key["fingerprint"] for key in result["deleted"]] == [ALICE.fingerprint]
    assert does(running_lab, BOB, tmp_path)
    assert not does(running_lab, ALICE, tmp_path)


@pytest.mark.usefixtures("existing")
def test_keys_without_exclusive_are_added_and_left_out_they_stay(running_lab: RunningLab) -> None:
    result, requests = changes(running_lab, public_keys=[BOB.line])
    assert operations(requests) == [READ, IMPORT, READ]
    assert len(result["ssh_public_keys"]) == 2
    changes(running_lab, role_arn=OTHER_ROLE)
    assert running_lab.held(USER) == sorted([ALICE.line, BOB.line])
    changes(running_lab, public_keys=[], allow_empty=True, exclusive=True)
    assert running_lab.held(USER) == []


def test_a_key_that_the_service_does_not_take_is_skipped_by_choice(running_lab: RunningLab) -> None:
    changes(running_lab, role_arn=ROLE, public_keys=[SECURITY_KEY, ALICE.line], unsupported_keys="skip")
    assert running_lab.held(USER) == [ALICE.line]


# -- Deletion ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("existing")
def test_a_deletion_tells_what_went(running_lab: RunningLab, tmp_path: Path) -> None:
    before = lines(running_lab)
    assert does(running_lab, ALICE, tmp_path)
    result, requests = changes(running_lab, state="absent", role_arn=OTHER_ROLE, public_keys=[BOB.line])
    assert operations(requests) == [READ, DELETE]
    assert told_lines(result["deleted_user"]) == before
    assert (result["state"], result["deleted"], result["ssh_public_keys"]) == ("absent", [], None)
    for told in (USER, ALICE.fingerprint, "team=finance", "old=x"):
        assert told in result["msg"]
    assert result["diff"]["after"] == ""
    assert ALICE.fingerprint in result["diff"]["before"]
    assert lines(running_lab) == []


# -- Many users --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("existing")
def test_many_users_each_with_its_own_declaration(running_lab: RunningLab, tmp_path: Path) -> None:
    users: list[Any] = [
        "courier",
        {"user_name": USER, "tags": {"team": "sales"}, "home_directory": ""},
        {"user_name": "supplier", "role_arn": OTHER_ROLE, "public_keys": [BOB.line], "home_directory_type": "PATH"},
        {"user_name": "archive", "state": "absent"},
        {"user_name": "nobody-here", "state": "absent"},
    ]
    options = {"users": users, "role_arn": ROLE, "home_directory_mappings": [HOME], "public_keys": [CAROL.line]}
    check, real, check_again, again = (
        declare(running_lab, check_mode=check_mode, **options) for check_mode in (True, False, True, False)
    )
    assert [told.failure for told in (check, real, check_again, again)] == [None] * 4
    assert [told.result["changed"] for told in (check, real, check_again, again)] == [True, True, False, False]
    assert _without_ids(check.result) == _without_ids(real.result)
    told = {user["user_name"]: user for user in real.result["users"]}
    assert list(told) == ["courier", USER, "supplier", "archive", "nobody-here"]
    assert [user["created"] for user in told.values()] == [True, False, True, False, False]
    assert [user["state"] for user in told.values()] == ["present", "present", "present", "absent", "absent"]
    assert [user["changed"] for user in told.values()] == [True, True, True, True, False]
    assert told["supplier"]["home_directory_type"] == "PATH"
    assert told[USER]["tags"] == {"team": "sales"}
    assert len(real.result["diff"]) == 4
    assert again.result["diff"] == []
    for name in ("courier", USER, "supplier"):
        assert lines(running_lab, name) == told_lines(told[name])
    assert does(running_lab, CAROL, tmp_path)


def test_one_bad_user_does_not_stop_the_others(running_lab: RunningLab) -> None:
    bad = "arn:aws:iam::123456789012:role/nobody-may-assume-it"
    running_lab.control("PUT", "settings", unassumable_roles=[bad])
    users = ["courier", {"user_name": USER, "role_arn": bad}, {"user_name": "billing", "state": "absent"}]
    partly = declare(running_lab, users=users, role_arn=ROLE)
    assert str(partly.failure).startswith(f"1 of 3 users failed: {USER} on")
    courier, failed, gone = partly.result["users"]
    assert (courier["created"], failed["changed"], gone["state"]) == (True, False, "absent")
    assert "iam:PassRole" in failed["error"]["hint"]
    assert "The user does not exist" in failed["error"]["message"]
    assert lines(running_lab) == []


def test_users_is_an_empty_list(running_lab: RunningLab) -> None:
    told = declare(running_lab, users=[])
    assert (told.failure, told.result["changed"], told.result["users"]) == (None, False, [])
    assert "users is an empty list" in told.result["msg"]
    assert sent(running_lab) == []


# -- Refusals ----------------------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "malformed server": ({"server_id": "s-1"}, "server_id 's-1' is not the id"),
    "malformed user": ({"user_name": "x"}, "user_name 'x' is not one"),
    "no user": ({"user_name": None}, "user_name is null"),
    "role": ({"role_arn": "transfer"}, "role_arn is 'transfer', which is not the ARN of a role"),
    "relative home": ({"home_directory": "bucket"}, "must be an absolute path"),
    "relative target": ({"home_directory_mappings": [{"entry": "/", "target": "bucket"}]}, r"mappings\[0\].target"),
    "an entry twice": ({"home_directory_mappings": [HOME, {**HOME}]}, "Map each path once"),
    "path with mappings": ({"home_directory_mappings": [HOME], "home_directory_type": "PATH"}, "Mappings need LOGICAL"),
    "policy": ({"policy": "Allow"}, "policy is no JSON object"),
    "profile": ({"posix_profile": {"uid": 5}}, "posix_profile has no gid"),
    "tags": ({"tags": {"a": None}}, r"tags\['a'\] is null"),
    "an empty lookup": ({"public_keys": []}, "public_keys is an empty list"),
    "exclusive without keys": ({"exclusive": True}, "exclusive=true needs public_keys"),
    "a security key": ({"public_keys": SECURITY_KEY}, "FIDO security key"),
    "a private key": ({"policy": ALICE.pair.private}, "policy: It is a private key"),
    "a private key in a tag": ({"tags": {"a": ALICE.pair.private}}, "tags.a: It is a private key"),
    "a user twice": ({"users": [USER, USER]}, "It is declared twice"),
    "an unknown option of a user": (
        {"users": [{"user_name": USER, "roles": ROLE}]},
        "unsupported options: 'roles'",
    ),
    "one bad user": (
        {"users": ["courier", {"user_name": USER, "home_directory": "x"}]},
        f"user '{USER}': home_",
    ),
    "concurrency": ({"concurrency": 0}, "concurrency is 0"),
}


@pytest.mark.parametrize("check_mode", [False, True], ids=["real", "check"])
def test_what_cannot_work_is_refused_before_anything_is_sent(running_lab: RunningLab, *, check_mode: bool) -> None:
    for case, (options, sentence) in REFUSED.items():
        refused = declare(running_lab, check_mode=check_mode, **{"role_arn": ROLE, **options})
        assert re.search(sentence, str(refused.failure)), (case, refused.failure)
        assert refused.result == {}, case
    assert running_lab.requests() == []


# What the service refuses, as the lab words it, and the hint.
UNTIL_SENT: dict[str, tuple[dict[str, Any], str]] = {
    "a role of another account": ({"role_arn": "arn:aws:iam::210987654321:role/x"}, "Check role_arn"),
    "a home outside of the mappings": (
        {"home_directory_mappings": [{"entry": "/in", "target": "/bucket"}], "home_directory": "/bucket/out"},
        "home_directory is a path that the user sees",
    ),
    "a target with a slash": ({"home_directory_mappings": [{"entry": "/", "target": "/b/"}]}, "Check home_directory"),
}


@pytest.mark.parametrize("case", UNTIL_SENT)
@pytest.mark.usefixtures("existing")
def test_what_the_service_refuses_has_a_hint_and_changes_nothing(running_lab: RunningLab, case: str) -> None:
    options, hint = UNTIL_SENT[case]
    before = lines(running_lab)
    for name in (USER, "courier"):
        refused = declare(running_lab, **{"role_arn": ROLE, **options}, user_name=name)
        assert hint in str(refused.failure)
        assert refused.result["changed"] is False
        assert "Before that, the task changed nothing" in refused.result["error"]["message"]
    assert (lines(running_lab), lines(running_lab, "courier")) == (before, [])


def test_a_server_that_does_not_exist(running_lab: RunningLab) -> None:
    refused = declare(running_lab, server_id="s-00000000000000000", role_arn=ROLE)
    assert re.search("Unknown server.*Check the server id.*The region was", str(refused.failure))


# -- What info returns can be given back -------------------------------------------------------------------------------


def generated(chance: random.Random) -> tuple[dict[str, Any], list[str]]:
    """Return members of CreateUser, each there or not, and the keys of the user."""
    members: dict[str, Any] = {"Role": chance.choice((ROLE, OTHER_ROLE))}
    if chance.random() < 0.5:
        entries = chance.sample(("/", "/incoming", "/outgoing/é", "/a b"), chance.randint(1, 4))
        members["HomeDirectoryType"] = "LOGICAL"
        members["HomeDirectoryMappings"] = [
            {
                "Entry": entry,
                "Target": f"/bucket/{number}/${{transfer:UserName}}",
                **({"Type": chance.choice(("FILE", "DIRECTORY"))} if KNOWS_TYPE and chance.random() < 0.5 else {}),
            }
            for number, entry in enumerate(entries)
        ]
        home = chance.choice(entries)
    else:
        home = chance.choice(("/", "/bucket", "/bucket/a b/é"))
        if chance.random() < 0.5:
            members["HomeDirectoryType"] = "PATH"
    if chance.random() < 0.5:
        members["HomeDirectory"] = home
    if chance.random() < 0.5:
        members["Policy"] = json.dumps(POLICY, indent=chance.choice((None, 2)), ensure_ascii=chance.random() < 0.5)
    if chance.random() < 0.5:
        gids = {"SecondaryGids": chance.sample(range(100), chance.randint(1, 16))} if chance.random() < 0.5 else {}
        members["PosixProfile"] = {"Uid": chance.choice((0, 2**32 - 1)), "Gid": chance.choice((0, 1000)), **gids}
    if chance.random() < 0.5:
        values = ("", "finance", "é / + - @", "AAAAC3NzaC1lZDI1NTE5AAAAIJEUvhKlSr3hlrULeHPBhV6WpNQeRpxqgSkrsrVdjMyx")
        count = chance.randint(1, 4)
        members["Tags"] = [{"Key": f"tag {number}", "Value": chance.choice(values)} for number in range(count)]
    people = chance.sample((ALICE, BOB, CAROL, DAVE, ERIN), chance.randint(0, 5))
    comments = ("", " of old", f" {ALICE.name},{BOB.line}", " # a, b", "\tx")
    return members, [person.pair.bare + chance.choice(comments) for person in people]


def test_a_hundred_users_that_were_read_are_given_back(running_lab: RunningLab) -> None:
    """On their own server nothing changes and only reads are made. On an empty one the same users are made."""
    chance, client = random.Random(20261126), client_of(running_lab)
    running_lab.control("PUT", "settings", page_size=1000)
    names = [f"user-{number}" for number in range(100)]
    for name in names:
        members, keys = generated(chance)
        put_user(client, running_lab.server_id, name, members, keys)
    running_lab.control("PUT", f"transfer/users/{names[0]}", tags={"aws:cloudformation:stack-name": "s", "a": "b"})
    read = running_lab.run(transfer_user_info, {"server_id": running_lab.server_id})
    assert (read.failure, read.warnings) == (None, ())
    # As a playbook hands it on.
    users = json.loads(json.dumps([user for user in read.result["users"] if user["user_name"] in names]))
    assert len(users) == 100
    before = {name: lines(running_lab, name) for name in names}
    assert {user["user_name"]: told_lines(user) for user in users} == before
    running_lab.control("DELETE", "requests")
    for exclusive in (False, True):
        back = declare(running_lab, users=users, exclusive=exclusive)
        assert (back.failure, back.result["changed"]) == (None, False)
    assert sent(running_lab) == [READ] * 200
    assert {name: lines(running_lab, name) for name in names} == before

    running_lab.control("DELETE", "requests")
    made = declare(running_lab, users=users, server_id=EMPTY_SERVER_ID)
    assert made.failure is None
    assert all(user["created"] for user in made.result["users"])
    assert set(sent(running_lab)) == {READ, CREATE, IMPORT}
    for name in names:
        assert _settable(lines(running_lab, name, EMPTY_SERVER_ID)) == _settable(before[name]), name
    again = declare(running_lab, users=users, server_id=EMPTY_SERVER_ID)
    assert (again.failure, again.result["changed"]) == (None, False)


def _settable(found: list[str]) -> list[str]:
    """Leave out the tags of AWS, and a comment that is another key."""
    lines = [line.partition(f" {ALICE.name},")[0] for line in found]
    return [line.replace("\t", " ") for line in lines if not line.startswith("tags aws:")]


# -- Bad days ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("existing")
def test_changes_through_a_bad_minute(running_lab: RunningLab) -> None:
    """They are made once, without an error, and told as they are."""
    faults: list[Mapping[str, object]] = [
        {"operation": operation, "fault": fault}
        for operation in (UPDATE, UNTAG, TAG, IMPORT, DELETE_KEY)
        for fault in ("throttle", "lost_answer")
    ]
    running_lab.misbehave(*faults)
    options: dict[str, Any] = {"role_arn": OTHER_ROLE, "tags": {"new": ""}, "public_keys": [BOB.line]}
    options["exclusive"] = True
    changed = declare(running_lab, **options)
    assert changed.failure is None
    assert changed.result["updated"] == ["role_arn", "tags"]
    assert [key["comment"] for key in changed.result["imported"]] == [BOB.comment]
    assert [key["comment"] for key in changed.result["deleted"]] == [ALICE.comment]
    assert [fault["times"] for fault in running_lab.control("GET", "faults")["faults"]] == [0] * len(faults)
    assert declare(running_lab, **options).result["changed"] is False


def test_a_creation_and_a_deletion_whose_answers_are_lost(running_lab: RunningLab) -> None:
    running_lab.misbehave(*({"operation": operation, "fault": "lost_answer"} for operation in (CREATE, DELETE)))
    made = declare(running_lab, role_arn=ROLE, public_keys=[ALICE.line])
    assert (made.failure, made.result["created"], len(made.result["imported"])) == (None, True, 1)
    gone = declare(running_lab, state="absent")
    assert (gone.failure, gone.result["changed"], bool(gone.result["deleted_user"])) == (None, True, True)
