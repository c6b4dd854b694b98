# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of transfer_user: what they declare, and what is refused before anything is sent."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.declared_users import declared_users
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user import (
    HomeDirectoryMapping,
    PosixProfile,
    WantedUser,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_options import (
    READ_ONLY,
    USER_OPTIONS,
    check_user_role,
    wanted_user,
)
from ansible_collections.sshkeys.aws.plugins.modules.transfer_user import OPTIONS
from ansible_collections.sshkeys.aws.tests.unit.keys import line_of, security_key_blobs
from ansible_collections.sshkeys.aws.tests.unit.transfer_users import line

ROLE = "arn:aws:iam::123456789012:role/transfer"
ELEMENT = {"user_name": {"type": "str", "required": True}, **USER_OPTIONS, **READ_ONLY}


def wanted(**given: Any) -> WantedUser:
    """Return the declaration of one user from the options of a task."""
    (found,) = all_wanted(user_name="partner", **given)
    return found


def all_wanted(**given: Any) -> list[WantedUser]:
    """Return the declarations of a task."""
    validated = ArgumentSpecValidator(OPTIONS).validate({"server_id": "s-01234567890abcdef", **given})
    assert not validated.error_messages
    return declared_users(validated.validated_parameters, ELEMENT, wanted_user)[0]


def mapping(entry: str = "/", target: str = "/bucket", **more: str) -> dict[str, str]:
    """Return a mapping as a task has it."""
    return {"entry": entry, "target": target, **more}


def test_what_is_left_out_is_left_alone() -> None:
    assert wanted() == WantedUser("partner")


def test_every_option_is_read() -> None:
    found = wanted(
        role=ROLE,
        home_directory="/bucket/home",
        home_directory_mappings=[{"Entry": "/", "Target": "/bucket", "Type": "FILE"}, mapping("/in")],
        policy={"Version": "2012-10-17"},
        posix_profile={"Uid": "1", "Gid": 2, "SecondaryGids": [5, 3, 5]},
        resource_tags={"team": "finance", "number": 7, "flag": True},
        purge_tags=False,
        public_key=line(1),
        exclusive=True,
    )
    assert found.role_arn == ROLE
    assert (found.home_directory, found.home_directory_type) == ("/bucket/home", "LOGICAL")
    assert found.home_directory_mappings == (
        HomeDirectoryMapping("/", "/bucket", "FILE"),
        HomeDirectoryMapping("/in", "/bucket"),
    )
    assert found.policy == '{"Version":"2012-10-17"}'
    assert found.posix_profile == PosixProfile(1, 2, (5, 3))
    # As amazon.aws's modules write them.
    assert found.tags == {"team": "finance", "number": "7", "flag": "True"}
    assert not found.purge_tags
    assert found.keys
    assert found.keys.exclusive
    assert len(found.keys.keys) == 1


@pytest.mark.parametrize(
    ("given", "home_type", "mappings"),
    [
        ({"home_directory_mappings": [mapping()]}, "LOGICAL", 1),
        ({"home_directory_mappings": []}, "PATH", 0),
        ({"home_directory_type": "PATH"}, "PATH", None),
        ({"home_directory_type": "LOGICAL"}, "LOGICAL", None),
        ({"home_directory_type": "LOGICAL", "home_directory_mappings": [mapping()]}, "LOGICAL", 1),
        ({"home_directory_type": "PATH", "home_directory_mappings": []}, "PATH", 0),
    ],
)
def test_the_type_follows_the_mappings(given: dict[str, Any], home_type: str, mappings: int | None) -> None:
    found = wanted(**given)
    assert found.home_directory_type == home_type
    assert (None if found.home_directory_mappings is None else len(found.home_directory_mappings)) == mappings


@pytest.mark.parametrize(
    "policy",
    [
        {"Statement": [{"Resource": "arn:aws:s3:::${Transfer:HomeBucket}/é*"}]},
        '{"Statement": [\n {"Resource": "arn:aws:s3:::${Transfer:HomeBucket}/\\u00e9*"}]}',
    ],
)
def test_a_policy_is_a_mapping_or_text_and_is_sent_compact(policy: Any) -> None:
    assert wanted(policy=policy).policy == '{"Statement":[{"Resource":"arn:aws:s3:::${Transfer:HomeBucket}/é*"}]}'


@pytest.mark.parametrize("policy", ["", {}, "{}"])
def test_an_empty_policy_is_none(policy: Any) -> None:
    assert wanted(policy=policy).policy == ""


def test_limits_are_those_of_the_model() -> None:
    long = {"a": "x" * (2048 - len('{"a":""}'))}
    assert len(str(wanted(policy=json.dumps(long, indent=4)).policy)) == 2048
    assert wanted(home_directory="/" + "x" * 1023).home_directory
    assert wanted(home_directory="").home_directory == ""
    for length in (20, 2048):
        assert wanted(role_arn="arn:aws:iam:role/".ljust(length, "x")).role_arn
    assert (
        len(wanted(home_directory_mappings=[mapping(f"/{n}") for n in range(50_000)]).home_directory_mappings or ())
        == 50_000
    )
    assert wanted(tags={"n" * 128: "v" * 256}).tags
    assert wanted(tags={str(number): "" for number in range(50)}).tags
    assert wanted(posix_profile={"uid": 0, "gid": 2**32 - 1, "secondary_gids": list(range(16))}).posix_profile


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"role_arn": "transfer"},
            r"role_arn is 'transfer', which is not the ARN of a role\. Give one such as arn:aws",
        ),
        ({"role_arn": ""}, "role_arn is '', which is not the ARN"),
        ({"role_arn": "arn:aws:iam:role/xx"}, "which is not the ARN"),
        ({"role_arn": "arn:aws:iam:role/".ljust(2049, "x")}, "which is not the ARN"),
        (
            {"home_directory_mappings": [mapping(f"/{number}") for number in range(50_001)]},
            "has 50001 entries, and AWS takes 50000",
        ),
        ({"home_directory": "bucket"}, "home_directory is 'bucket', and must be an absolute path"),
        ({"home_directory": "/bucket\n"}, "must be an absolute path in one line"),
        ({"home_directory": "/bucket\r"}, "must be an absolute path in one line"),
        ({"home_directory": "/bucket\u2028a"}, "must be an absolute path in one line"),
        ({"home_directory": "/" * 1025}, "home_directory has 1025 characters, and AWS takes at most 1024"),
        (
            {"home_directory_mappings": [mapping("in")]},
            r"home_directory_mappings\[0\].entry is 'in', and must be an abs",
        ),
        (
            {"home_directory_mappings": [mapping(), mapping("/in", "bucket")]},
            r"home_directory_mappings\[1\].target is 'bucket'",
        ),
        (
            {"home_directory_mappings": [mapping(), mapping("/in"), mapping()]},
            r"home_directory_mappings\[2\].entry is '/', which an earlier mapping has already",
        ),
        ({"home_directory_mappings": [mapping()], "home_directory_type": "PATH"}, "Mappings need LOGICAL"),
        ({"home_directory_mappings": [], "home_directory_type": "LOGICAL"}, "is an empty list. Give the mappings"),
        (
            {"policy": "{"},
            r"policy is no JSON object, but a text that is no JSON \(Expecting .* line 1 column 2 \(char 1\)\)",
        ),
        # A file with nothing in it must not widen what a user may do.
        ({"policy": " \n"}, "policy is no JSON object, but a text that is no JSON"),
        ({"policy": "[]"}, "policy is no JSON object, but of type list"),
        ({"policy": [1]}, "policy is no JSON object, but of type list"),
        ({"policy": {"a": float("nan")}}, "policy cannot be written as JSON"),
        ({"policy": {"a": {1, 2}}}, "policy cannot be written as JSON"),
        ({"policy": '{"a":' * 100_000 + "1" + "}" * 100_000}, "policy is no JSON object"),
        ({"policy": {"a": "x" * 2048}}, "policy has 2056 characters without blanks, and AWS takes at most 2048"),
        ({"posix_profile": {}}, "posix_profile is empty, and AWS cannot take the profile of a user away"),
        ({"posix_profile": {"uid": 1}}, "posix_profile has no gid"),
        ({"posix_profile": {"uid": 1, "gid": -1}}, "posix_profile.gid has -1, and must be from 0 to 4294967295"),
        ({"posix_profile": {"uid": 2**32, "gid": 1}}, "posix_profile.uid has 4294967296"),
        ({"posix_profile": {"uid": 1, "gid": 1, "secondary_gids": [-5]}}, "secondary_gids has -5"),
        (
            {"posix_profile": {"uid": 1, "gid": 1, "secondary_gids": list(range(17))}},
            "has 17 ids, and AWS takes at most",
        ),
        ({"tags": {"team": None}}, r"tags\['team'\] is null, and must be a text"),
        ({"tags": {"team": ["a"]}}, r"tags\['team'\] is of type list"),
        ({"tags": {"n" * 129: ""}}, "The name of .* has 129 characters, and AWS takes at most 128"),
        ({"tags": {"n": "v" * 257}}, "The value of 'n' has 257 characters, and AWS takes at most 256"),
        ({"tags": {str(number): "" for number in range(51)}}, "tags has 51 tags, and AWS takes at most 50"),
        ({"exclusive": True}, "exclusive=true needs public_keys"),
        ({"public_keys": []}, "public_keys is an empty list"),
        ({"public_keys": [""], "exclusive": True}, "allow_empty=true"),
        ({"public_keys": "nonsense"}, "public_keys: "),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ArgumentError, match=sentence) as refused:
        wanted(**given)
    assert re.search(r"\.$", str(refused.value))


def test_a_user_is_declared_without_keys_on_purpose() -> None:
    found = wanted(public_keys=[], exclusive=True, allow_empty=True)
    assert found.keys
    assert (found.keys.exclusive, found.keys.keys) == (True, ())


def test_nothing_else_counts_for_a_user_that_must_not_exist() -> None:
    given = {"role_arn": "nonsense", "public_keys": [], "tags": {"a": None}, "home_directory": "x", "exclusive": True}
    assert wanted(state="absent", **given) == WantedUser("partner", present=False, names_keys=True)
    # Keys of the task are those of its other users.
    users: list[Any] = ["partner", {"user_name": "auditor", "public_keys": []}]
    assert all_wanted(state="absent", public_keys=line(1), users=users) == [
        WantedUser("partner", present=False),
        WantedUser("auditor", present=False, names_keys=True),
    ]


def test_an_element_replaces_the_options_of_the_task() -> None:
    users = [
        "plain",
        {"user_name": "other", "role_arn": f"{ROLE}-2", "tags": {"b": "2"}, "purge_tags": False},
        {"user_name": "gone", "state": "absent"},
        {"user_name": "path", "home_directory_type": "PATH"},
        {"user_name": "unmapped", "home_directory_mappings": []},
        {"user_name": "keyed", "public_keys": line(2), "exclusive": False},
    ]
    plain, other, gone, path, unmapped, keyed = all_wanted(
        users=users,
        role_arn=ROLE,
        home_directory_mappings=[mapping()],
        tags={"a": "1"},
        public_keys=line(1),
        exclusive=True,
    )
    assert (plain.role_arn, plain.tags, plain.home_directory_type) == (ROLE, {"a": "1"}, "LOGICAL")
    assert (other.role_arn, other.tags, other.purge_tags) == (f"{ROLE}-2", {"b": "2"}, False)
    assert not gone.present
    assert (path.home_directory_type, path.home_directory_mappings) == ("PATH", None)
    assert (unmapped.home_directory_type, unmapped.home_directory_mappings) == ("PATH", ())
    assert plain.keys
    assert keyed.keys
    assert (plain.keys.exclusive, keyed.keys.exclusive) == (True, False)
    assert plain.keys.keys != keyed.keys.keys


@pytest.mark.parametrize("of_task", [{"home_directory_type": "PATH"}, {"home_directory_mappings": []}])
def test_mappings_of_an_element_do_not_meet_the_type_of_the_task(of_task: dict[str, Any]) -> None:
    element = {"user_name": "partner", "home_directory_mappings": [mapping()]}
    params = ArgumentSpecValidator(OPTIONS).validate(
        {"server_id": "s-01234567890abcdef", "users": [element], **of_task}
    )
    spec = {"user_name": {"type": "str", "required": True}, **USER_OPTIONS, **READ_ONLY}
    (user,), _warnings = declared_users(params.validated_parameters, spec, wanted_user)
    assert user.home_directory_type == "LOGICAL"


@pytest.mark.parametrize("kind", security_key_blobs())
def test_unsupported_keys_are_skipped_by_choice(kind: str) -> None:
    found = wanted(public_keys=[line_of(security_key_blobs()[kind]), line(1)], unsupported_keys="skip")
    assert found.keys
    assert len(found.keys.keys) == 1


def test_what_the_info_module_adds_is_ignored() -> None:
    users = [{"user_name": "partner", "arn": "arn:x", "ssh_public_keys": [{"id": "key-1"}], "policy": None}]
    assert all_wanted(users=users) == [WantedUser("partner")]


def test_the_role_of_every_partition_is_taken() -> None:
    for partition in ("aws", "aws-cn", "aws-us-gov"):
        check_user_role(f"arn:{partition}:iam::123456789012:role/path/to/name")
