# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The calls to Transfer Family, a function for each, which makes the request and reads the answer."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Mapping, NamedTuple, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.calls import call, read, unexpected
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError

if TYPE_CHECKING:
    from mypy_boto3_transfer import TransferClient


class StoredKey(NamedTuple):
    """A key of a user, as DescribeUser returns it. The body may be no key."""

    id: str
    body: str
    date_imported: datetime


class StoredUser(NamedTuple):
    """A user, as DescribeUser returns it. A text that it does not have is empty.

    home_directory_mappings: an entry, its target, and its type or None, for each.
    posix_profile: uid, gid and secondary gids; None without a profile.
    """

    arn: str
    role: str
    home_directory: str
    home_directory_type: str
    home_directory_mappings: tuple[tuple[str, str, str | None], ...]
    policy: str
    posix_profile: tuple[int, int, tuple[int, ...]] | None
    tags: dict[str, str]
    keys: tuple[StoredKey, ...]


def user_names(client: TransferClient, server_id: str) -> list[str]:
    """Return the names of all users of a server, from all pages (ListUsers). Raises ServiceError."""
    answer = read(client.get_paginator("list_users").paginate(ServerId=server_id).build_full_result)
    try:
        return [user["UserName"] for user in answer["Users"]]
    except (KeyError, TypeError) as error:
        raise unexpected(answer, "Users with a UserName each", in_doubt=False) from error


def describe_user(client: TransferClient, server_id: str, user_name: str) -> StoredUser | None:
    """Return a user with its keys, or None if it does not exist (DescribeUser). Raises ServiceError."""
    try:
        answer = read(client.describe_user, ServerId=server_id, UserName=user_name)
    except ServiceError as error:
        if error.is_missing_user:
            return None
        raise
    try:
        return _stored(answer["User"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise unexpected(answer, "User with its members", in_doubt=False) from error


def _stored(described: Mapping[str, Any]) -> StoredUser:
    profile = described.get("PosixProfile") or {}
    gids = tuple(int(gid) for gid in profile.get("SecondaryGids") or ())
    return StoredUser(
        str(described.get("Arn") or ""),
        str(described.get("Role") or ""),
        str(described.get("HomeDirectory") or ""),
        str(described.get("HomeDirectoryType") or ""),
        tuple(
            (str(each["Entry"]), str(each["Target"]), each.get("Type"))
            for each in described.get("HomeDirectoryMappings") or ()
        ),
        str(described.get("Policy") or ""),
        # moto describes a profile without members.
        (int(profile["Uid"]), int(profile["Gid"]), gids) if "Uid" in profile else None,
        {str(tag["Key"]): str(tag["Value"]) for tag in described.get("Tags") or ()},
        tuple(
            StoredKey(str(key["SshPublicKeyId"]), str(key["SshPublicKeyBody"]), key["DateImported"])
            for key in described.get("SshPublicKeys") or ()
        ),
    )


def create_user(
    client: TransferClient,
    server_id: str,
    user_name: str,
    members: Mapping[str, Any],
    *,
    tags: Mapping[str, str],
    key_body: str | None,
) -> None:
    """Create a user (CreateUser). Raises ServiceError.

    members: of the call, without those of the next options. key_body: the user's first key, if any.
    """
    members = _without_unknown(client, members)
    if tags:
        members["Tags"] = _tags(tags)
    if key_body is not None:
        members["SshPublicKeyBody"] = key_body
    answer = call(client.create_user, ServerId=server_id, UserName=user_name, **members).content
    if "UserName" not in answer:
        raise unexpected(answer, "UserName")


def update_user(client: TransferClient, server_id: str, user_name: str, members: Mapping[str, Any]) -> None:
    """Change a user (UpdateUser). members: of the call, those that change. Raises ServiceError."""
    members = _without_unknown(client, members)
    answer = call(client.update_user, ServerId=server_id, UserName=user_name, **members).content
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


def _without_unknown(client: TransferClient, members: Mapping[str, Any]) -> dict[str, Any]:
    """Return members without those that an old SDK does not know and that say only what AWS does anyway.

    botocore knows the Type of a mapping since 2023.
    """
    mappings = members.get("HomeDirectoryMappings")
    if not mappings:
        return dict(members)
    entry: Any = client.meta.service_model.shape_for("HomeDirectoryMapEntry")
    if "Type" in entry.members:
        return dict(members)
    plain = [
        {name: value for name, value in mapping.items() if (name, value) != ("Type", "DIRECTORY")}
        for mapping in mappings
    ]
    return {**members, "HomeDirectoryMappings": plain}


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
