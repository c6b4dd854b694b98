# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfer Family takes, keeps and refuses what a user is made of as the real service does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from ansible_collections.sshkeys.aws.tests.lab_bench import Bench, KeyMaker

ROLE = "arn:aws:iam::123456789012:role/transfer"
POLICY = json.dumps({"Version": "2012-10-17", "Statement": []})
INVALID = "InvalidRequestException"


def _mapping(entry: str, target: str = "/bucket/home", **more: str) -> dict[str, str]:
    return {"Entry": entry, "Target": target, **more}


FULL: dict[str, Any] = {
    "Role": ROLE,
    "HomeDirectoryType": "LOGICAL",
    "HomeDirectory": "/outgoing",
    "HomeDirectoryMappings": [_mapping("/outgoing", "/b/out"), _mapping("/list.csv", "/b/list.csv", Type="FILE")],
    "Policy": POLICY,
    "PosixProfile": {"Uid": 0, "Gid": 4294967295, "SecondaryGids": [7, 5]},
}


def _create(bench: Bench, **given: object) -> None:
    named = {"ServerId": bench.server_id, "UserName": "courier", "Role": ROLE, **given}
    bench.client("transfer").create_user(**named)


def _update(bench: Bench, **given: object) -> None:
    bench.client("transfer").update_user(ServerId=bench.server_id, UserName="courier", **given)


def _described(bench: Bench, user: str = "courier") -> dict[str, Any]:
    user_now: dict[str, Any] = bench.client("transfer").describe_user(ServerId=bench.server_id, UserName=user)["User"]
    return user_now


def _profile(bench: Bench) -> dict[str, Any]:
    described = _described(bench)
    return {name: described[name] for name in described if name not in ("Arn", "UserName", "SshPublicKeys", "Tags")}


def _unchecked(bench: Bench) -> Any:
    """Give a client that sends what botocore itself would refuse."""
    return bench._session.create_client(
        "transfer",
        region_name="us-east-1",
        endpoint_url=bench.lab["endpoint_url"],
        aws_access_key_id=bench.lab["access_key"],
        aws_secret_access_key=bench.lab["secret_key"],
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
    )


def test_a_user_is_described_as_it_was_created(bench: Bench, new_key: KeyMaker) -> None:
    key = new_key().public
    _create(bench, **FULL, SshPublicKeyBody=key, Tags=[{"Key": "team", "Value": "a"}, {"Key": "Zone", "Value": ""}])
    described = _described(bench)
    assert {name: described[name] for name in FULL} == FULL
    assert described["Tags"] == [{"Key": "team", "Value": "a"}, {"Key": "Zone", "Value": ""}]
    assert [each["SshPublicKeyBody"] for each in described["SshPublicKeys"]] == [key]
    assert described["Arn"] == f"arn:aws:transfer:us-east-1:123456789012:user/{bench.server_id}/courier"


def test_what_is_unset_is_left_out(bench: Bench) -> None:
    _create(bench, Policy="", HomeDirectory="")
    assert set(_described(bench)) == {"Arn", "UserName", "Role", "HomeDirectoryType", "Tags", "SshPublicKeys"}
    assert _profile(bench) == {"Role": ROLE, "HomeDirectoryType": "PATH"}


@pytest.mark.parametrize(
    ("given", "gone"),
    [
        ({}, ()),
        ({"Role": f"{ROLE}/other"}, ()),
        ({"Policy": '{"Version": "2008-10-17"}'}, ()),
        ({"Policy": ""}, ("Policy",)),
        ({"HomeDirectory": ""}, ("HomeDirectory",)),
        ({"HomeDirectory": "/outgoing/today"}, ()),
        ({"PosixProfile": {"Uid": 5, "Gid": 5}}, ()),
        ({"HomeDirectoryMappings": [_mapping("/")]}, ()),
        ({"HomeDirectoryType": "PATH"}, ("HomeDirectoryMappings",)),
    ],
)
def test_an_update_changes_what_it_is_given(bench: Bench, given: dict[str, Any], gone: tuple[str, ...]) -> None:
    _create(bench, **FULL)
    _update(bench, **given)
    expected = {name: value for name, value in (FULL | given).items() if name not in gone}
    assert _profile(bench) == expected


@pytest.mark.parametrize(
    ("wrong", "value", "place", "constraint"),
    [
        ({"HomeDirectoryMappings": []}, "'[]'", "homeDirectoryMappings", "have length greater than or equal to 1"),
        (
            {"HomeDirectoryMappings": [_mapping("/"), _mapping("relative")]},
            "'relative'",
            "homeDirectoryMappings.2.member.entry",
            "satisfy regular expression pattern: /.*",
        ),
        (
            {"HomeDirectoryMappings": [{"Entry": "/"}]},
            "null",
            "homeDirectoryMappings.1.member.target",
            "not be null",
        ),
        (
            {"HomeDirectoryMappings": [_mapping("/", Type="LINK")]},
            "'LINK'",
            "homeDirectoryMappings.1.member.type",
            "satisfy enum value set: [FILE, DIRECTORY]",
        ),
        (
            {"HomeDirectoryType": "CHROOT"},
            "'CHROOT'",
            "homeDirectoryType",
            "satisfy enum value set: [PATH, LOGICAL]",
        ),
        (
            {"HomeDirectory": "bucket"},
            "'bucket'",
            "homeDirectory",
            "satisfy regular expression pattern: (|/.*)",
        ),
        (
            {"PosixProfile": {"Uid": -1, "Gid": 0}},
            "'-1'",
            "posixProfile.uid",
            "have value greater than or equal to 0",
        ),
        (
            {"PosixProfile": {"Uid": 0, "Gid": 4294967296}},
            "'4294967296'",
            "posixProfile.gid",
            "have value less than or equal to 4294967295",
        ),
        (
            {"Tags": [{"Key": "k" * 129, "Value": ""}]},
            f"'{'k' * 129}'",
            "tags.1.member.key",
            "have length less than or equal to 128",
        ),
    ],
)
def test_the_model_is_checked_at_any_depth(
    bench: Bench, wrong: dict[str, Any], value: str, place: str, constraint: str
) -> None:
    with pytest.raises(ClientError) as caught:
        _unchecked(bench).create_user(ServerId=bench.server_id, UserName="courier", Role=ROLE, **wrong)
    failed = f"Value {value} at '{place}' failed to satisfy constraint: Member must {constraint}"
    error = caught.value.response["Error"]
    assert error == {"Code": "ValidationException", "Message": f"1 validation error detected: {failed}"}


def test_a_list_that_is_too_long(bench: Bench) -> None:
    profile = {"Uid": 1, "Gid": 1, "SecondaryGids": list(range(17))}
    with pytest.raises(ClientError, match=r"at 'posixProfile.secondaryGids' failed .* less than or equal to 16"):
        _unchecked(bench).create_user(ServerId=bench.server_id, UserName="courier", Role=ROLE, PosixProfile=profile)


def test_a_value_of_another_type(bench: Bench) -> None:
    with pytest.raises(ClientError, match=r"SerializationException.*posixProfile\.uid is not of the type long"):
        _unchecked(bench).create_user(
            ServerId=bench.server_id, UserName="courier", Role=ROLE, PosixProfile={"Uid": True, "Gid": 1}
        )


LOGICAL = {"HomeDirectoryType": "LOGICAL"}


@pytest.mark.parametrize(
    ("wrong", "code", "message"),
    [
        (LOGICAL, INVALID, "must be provided when HomeDirectoryType is LOGICAL"),
        ({"HomeDirectoryMappings": [_mapping("/")]}, INVALID, "only when HomeDirectoryType is LOGICAL"),
        (
            {"HomeDirectoryType": "PATH", "HomeDirectoryMappings": [_mapping("/")]},
            INVALID,
            "only when HomeDirectoryType is LOGICAL",
        ),
        (LOGICAL | {"HomeDirectoryMappings": [_mapping("/a"), _mapping("/a/")]}, INVALID, "Entry /a/ more than once"),
        (LOGICAL | {"HomeDirectoryMappings": [_mapping("/a", "/bucket/")]}, INVALID, "must not end with a slash"),
        (
            LOGICAL | {"HomeDirectoryMappings": [_mapping(f"/{number}") for number in range(2001)]},
            INVALID,
            "has 2001 entries, and the maximum is 2000",
        ),
        (
            LOGICAL | {"HomeDirectoryMappings": [_mapping("/a")], "HomeDirectory": "/ab"},
            INVALID,
            "The HomeDirectory /ab is in no Entry",
        ),
        ({"Policy": "arn:aws:iam::aws:policy/AmazonS3FullAccess"}, INVALID, "Policy is not a valid JSON"),
        ({"Policy": "[]"}, INVALID, "Policy is not a valid JSON"),
        ({"Role": "arn:aws:iam::123456789012:user/role/x"}, INVALID, "is not an ARN of an IAM role"),
        ({"Role": "arn:aws-cn:iam::123456789012:role/x"}, INVALID, "in the partition aws"),
        ({"Role": "arn:aws:iam::210987654321:role/x"}, "AccessDeniedException", "Cross-account pass role"),
        ({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}, INVALID, "a Key more than once"),
        ({"Tags": [{"Key": "AWS:a", "Value": "1"}]}, INVALID, "prefix aws:"),
        ({"SshPublicKeyBody": "ssh-rsa AAAA"}, INVALID, "Unsupported or invalid SSH public key format"),
    ],
)
def test_what_the_service_refuses(bench: Bench, wrong: dict[str, Any], code: str, message: str) -> None:
    with pytest.raises(ClientError, match=message) as caught:
        _create(bench, **wrong)
    assert caught.value.response["Error"]["Code"] == code
    with pytest.raises(ClientError, match="Unknown user"):
        _described(bench)


@pytest.mark.parametrize(
    ("held", "wrong", "message"),
    [
        ({}, LOGICAL, "must be provided"),
        ({}, {"HomeDirectoryMappings": [_mapping("/")]}, "only when HomeDirectoryType is LOGICAL"),
        (FULL, {"HomeDirectoryMappings": [_mapping("/incoming")]}, "The HomeDirectory /outgoing is in no Entry"),
        (FULL, {"Role": "arn:aws:iam::123456789012:roles"}, "ValidationException"),
        (FULL, {"Policy": "no"}, "Policy is not a valid JSON"),
    ],
)
def test_a_refused_update_changes_nothing(
    bench: Bench, held: dict[str, Any], wrong: dict[str, Any], message: str
) -> None:
    _create(bench, **held)
    before = _described(bench)
    with pytest.raises(ClientError, match=message):
        _update(bench, **wrong)
    assert _described(bench) == before


def test_overlapping_mappings_are_a_setting(bench: Bench) -> None:
    overlapping = LOGICAL | {"HomeDirectoryMappings": [_mapping("/"), _mapping("/incoming")]}
    bench.control("PUT", "settings", {"overlapping_mappings": False})
    with pytest.raises(ClientError, match="The Entry /incoming of HomeDirectoryMappings overlaps with another one"):
        _create(bench, **overlapping)
    bench.control("PUT", "settings", {"overlapping_mappings": True})
    _create(bench, **overlapping)


def test_a_role_that_may_not_be_assumed(bench: Bench) -> None:
    bench.control("PUT", "settings", {"unassumable_roles": [ROLE]})
    with pytest.raises(ClientError, match=f"Unable to assume the role {ROLE}"):
        _create(bench)
    _create(bench, Role=f"{ROLE}/other")
    with pytest.raises(ClientError, match=INVALID):
        _update(bench, Role=ROLE)


def test_describe_user_finds_a_new_user_late(bench: Bench, new_key: KeyMaker) -> None:
    bench.control("PUT", "settings", {"late_users": 2})
    _create(bench)
    for _time in range(2):
        with pytest.raises(ClientError, match="Unknown user"):
            _described(bench)
    bench.import_key(new_key().public, "courier")
    assert len(_described(bench)["SshPublicKeys"]) == 1


# -- Tags --------------------------------------------------------------------------------------------------------------


def _tags(*names: str, value: str = "") -> list[dict[str, str]]:
    return [{"Key": name, "Value": value} for name in names]


def _listed(bench: Bench, arn: str, **more: object) -> dict[str, Any]:
    page: dict[str, Any] = bench.client("transfer").list_tags_for_resource(Arn=arn, **more)
    return page


def test_tags_are_set_replaced_listed_and_removed(bench: Bench) -> None:
    client = bench.client("transfer")
    arn = _described(bench, "partner")["Arn"]
    client.tag_resource(Arn=arn, Tags=_tags("b", "a", "c"))
    client.tag_resource(Arn=arn, Tags=_tags("a", value="new"))
    client.untag_resource(Arn=arn, TagKeys=["b", "unknown"])
    assert _described(bench, "partner")["Tags"] == [*_tags("a", value="new"), *_tags("c")]
    first = _listed(bench, arn, MaxResults=1)
    assert (first["Arn"], first["Tags"]) == (arn, _tags("a", value="new"))
    rest = _listed(bench, arn, MaxResults=1, NextToken=first["NextToken"])
    assert (rest["Tags"], "NextToken" in rest) == (_tags("c"), False)


def test_a_user_has_at_most_fifty_tags(bench: Bench) -> None:
    client = bench.client("transfer")
    arn = _described(bench, "partner")["Arn"]
    client.tag_resource(Arn=arn, Tags=_tags(*(f"k{number}" for number in range(50))))
    client.tag_resource(Arn=arn, Tags=_tags("k7", value="again"))
    with pytest.raises(ClientError, match="would have 51 tags, and the maximum is 50"):
        client.tag_resource(Arn=arn, Tags=_tags("one-more"))


def test_tags_of_aws_belong_to_aws(bench: Bench) -> None:
    client = bench.client("transfer")
    arn = _described(bench, "partner")["Arn"]
    assert bench.control("PUT", "transfer/users/partner", {"tags": {"aws:cloudformation:stack-name": "s"}})["tags"]
    for call, given in (
        (client.tag_resource, {"Tags": _tags("aws:x")}),
        (client.untag_resource, {"TagKeys": ["aws:cloudformation:stack-name"]}),
    ):
        with pytest.raises(ClientError, match="prefix aws:"):
            call(Arn=arn, **given)
    client.tag_resource(Arn=arn, Tags=_tags("mine"))
    assert _described(bench, "partner")["Tags"] == [*_tags("aws:cloudformation:stack-name", value="s"), *_tags("mine")]


@pytest.mark.parametrize("name", ["nobody-here", "partner/more"])
def test_tags_of_an_unknown_resource(bench: Bench, name: str) -> None:
    arn = _described(bench, "partner")["Arn"].replace("partner", name)
    client = bench.client("transfer")
    for call, given in (
        (client.tag_resource, {"Tags": _tags("a")}),
        (client.untag_resource, {"TagKeys": ["a"]}),
        (client.list_tags_for_resource, {}),
    ):
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            call(Arn=arn, **given)


# -- The server --------------------------------------------------------------------------------------------------------


def test_a_server_with_another_identity_provider_has_no_users(bench: Bench, new_key: KeyMaker) -> None:
    client = bench.client("transfer")
    function = "arn:aws:lambda:us-east-1:123456789012:function:users"
    server_id = client.create_server(IdentityProviderType="AWS_LAMBDA", IdentityProviderDetails={"Function": function})[
        "ServerId"
    ]
    user = {"ServerId": server_id, "UserName": "courier"}
    for call, given in (
        (client.create_user, user | {"Role": ROLE}),
        (client.update_user, user),
        (client.describe_user, user),
        (client.delete_user, user),
        (client.list_users, {"ServerId": server_id}),
        (client.import_ssh_public_key, user | {"SshPublicKeyBody": new_key().public}),
        (client.delete_ssh_public_key, user | {"SshPublicKeyId": "key-00000000000000000"}),
    ):
        with pytest.raises(ClientError) as caught:
            call(**given)
        assert caught.value.response["Error"] == {
            "Code": INVALID,
            "Message": f"The identity provider of the server {server_id} is AWS_LAMBDA, not SERVICE_MANAGED",
        }
