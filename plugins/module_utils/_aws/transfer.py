# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The calls to Transfer Family, a function for each, which makes the request and reads the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.calls import call, read, unexpected
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.plan import HeldKey
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user import (
    LOGICAL,
    PATH,
    HomeDirectoryMapping,
    PosixProfile,
    User,
)

if TYPE_CHECKING:
    from mypy_boto3_transfer import TransferClient


def user_names(client: TransferClient, server_id: str) -> list[str]:
    """Return the names of all users of a server, from all pages (ListUsers). Raises ServiceError."""
    answer = read(client.get_paginator("list_users").paginate(ServerId=server_id).build_full_result)
    try:
        return [user["UserName"] for user in answer["Users"]]
    except (KeyError, TypeError) as error:
        raise unexpected(answer, "Users with a UserName each", in_doubt=False) from error


def describe_user(client: TransferClient, server_id: str, user_name: str) -> User | None:
    """Return a user with its keys, or None if it does not exist (DescribeUser). Raises ServiceError."""
    try:
        answer = read(client.describe_user, ServerId=server_id, UserName=user_name)
    except ServiceError as error:
        if error.is_missing_user:
            return None
        raise
    try:
        return _user(user_name, answer["User"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise unexpected(answer, "User with its members", in_doubt=False) from error


def _user(user_name: str, described: Mapping[str, Any]) -> User:
    home_type = str(described.get("HomeDirectoryType") or PATH)
    mappings = described.get("HomeDirectoryMappings") or () if home_type == LOGICAL else ()
    profile = described.get("PosixProfile") or {}
    return User(
        user_name,
        described.get("Arn"),
        str(described.get("Role") or ""),
        home_directory=str(described.get("HomeDirectory") or ""),
        home_directory_type=home_type,
        home_directory_mappings=tuple(
            HomeDirectoryMapping(str(each["Entry"]), str(each["Target"]), each.get("Type")) for each in mappings
        ),
        policy=str(described.get("Policy") or ""),
        # moto describes a profile without members.
        posix_profile=PosixProfile(
            int(profile["Uid"]), int(profile["Gid"]), tuple(int(gid) for gid in profile.get("SecondaryGids") or ())
        )
        if "Uid" in profile
        else None,
        tags={str(tag["Key"]): str(tag["Value"]) for tag in described.get("Tags") or ()},
        keys=tuple(
            HeldKey.stored(str(key["SshPublicKeyId"]), str(key["SshPublicKeyBody"]), key["DateImported"])
            for key in described.get("SshPublicKeys") or ()
        ),
    )


# The member of CreateUser and UpdateUser for each field of User.
_MEMBERS = {
    "role_arn": "Role",
    "home_directory": "HomeDirectory",
    "home_directory_type": "HomeDirectoryType",
    "home_directory_mappings": "HomeDirectoryMappings",
    "policy": "Policy",
    "posix_profile": "PosixProfile",
}


def create_user(
    client: TransferClient,
    server_id: str,
    user_name: str,
    fields: Mapping[str, Any],
    *,
    tags: Mapping[str, str],
    key_body: str | None,
) -> None:
    """Create a user (CreateUser). Raises ServiceError.

    fields: values by the names of the fields of User, with role_arn. key_body: the user's first key, if any.
    """
    members = _members(fields)
    if tags:
        members["Tags"] = _tags(tags)
    if key_body is not None:
        members["SshPublicKeyBody"] = key_body
    answer = call(client.create_user, ServerId=server_id, UserName=user_name, **members).content
    if "UserName" not in answer:
        raise unexpected(answer, "UserName")


def update_user(client: TransferClient, server_id: str, user_name: str, fields: Mapping[str, Any]) -> None:
    """Change some fields of a user (UpdateUser). fields: as for create_user. Raises ServiceError."""
    answer = call(client.update_user, ServerId=server_id, UserName=user_name, **_members(fields)).content
    if "UserName" not in answer:
        raise unexpected(answer, "UserName")


def delete_user(client: TransferClient, server_id: str, user_name: str) -> None:
    """Delete a user with its keys and tags (DeleteUser). Raises ServiceError."""
    _require_request_id(call(client.delete_user, ServerId=server_id, UserName=user_name).content)


def tag_resource(client: TransferClient, arn: str, tags: Mapping[str, str]) -> None:
    """Set tags (TagResource). The other tags stay. Raises ServiceError."""
    _require_request_id(call(client.tag_resource, Arn=arn, Tags=_tags(tags)).content)


def untag_resource(client: TransferClient, arn: str, names: Sequence[str]) -> None:
    """Take tags away (UntagResource). Raises ServiceError."""
    _require_request_id(call(client.untag_resource, Arn=arn, TagKeys=list(names)).content)


def _members(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {_MEMBERS[name]: _member(value) for name, value in fields.items()}


def _member(value: Any) -> Any:
    if isinstance(value, PosixProfile):
        gids = {"SecondaryGids": list(value.secondary_gids)} if value.secondary_gids else {}
        return {"Uid": value.uid, "Gid": value.gid, **gids}
    if isinstance(value, tuple):
        return [
            {"Entry": each.entry, "Target": each.target, **({"Type": each.type} if each.type else {})} for each in value
        ]
    return value


def _tags(tags: Mapping[str, str]) -> list[Any]:
    return [{"Key": name, "Value": value} for name, value in tags.items()]


def _require_request_id(answer: Mapping[str, Any]) -> None:
    # The real answer has no members. botocore reads a page of HTML from a proxy as such an answer too.
    if not answer.get("ResponseMetadata", {}).get("RequestId"):
        raise unexpected(answer, "request id")


def import_key(client: TransferClient, server_id: str, user_name: str, body: str) -> str:
    """Import a key (ImportSshPublicKey). Returns its id. Raises ServiceError."""
    answer = call(client.import_ssh_public_key, ServerId=server_id, UserName=user_name, SshPublicKeyBody=body).content
    if "SshPublicKeyId" not in answer:
        raise unexpected(answer, "SshPublicKeyId")
    return str(answer["SshPublicKeyId"])


def delete_key(client: TransferClient, server_id: str, user_name: str, key_id: str) -> None:
    """Delete a key (DeleteSshPublicKey). Raises ServiceError."""
    _require_request_id(
        call(client.delete_ssh_public_key, ServerId=server_id, UserName=user_name, SshPublicKeyId=key_id).content
    )
