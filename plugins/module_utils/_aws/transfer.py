# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The calls to Transfer Family, a function for each, which makes the request and reads the answer."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.calls import call, read, unexpected
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError

if TYPE_CHECKING:
    from mypy_boto3_transfer import TransferClient


class StoredKey(NamedTuple):
    """A key of a user, as DescribeUser returns it. The body may be no key."""

    id: str
    body: str
    date_imported: datetime


def user_names(client: TransferClient, server_id: str) -> list[str]:
    """Return the names of all users of a server, from all pages (ListUsers). Raises ServiceError."""
    answer = read(client.get_paginator("list_users").paginate(ServerId=server_id).build_full_result)
    try:
        return [user["UserName"] for user in answer["Users"]]
    except (KeyError, TypeError) as error:
        raise unexpected(answer, "Users with a UserName each", in_doubt=False) from error


def stored_keys(client: TransferClient, server_id: str, user_name: str) -> tuple[StoredKey, ...] | None:
    """Return the keys of a user, or None if the user does not exist (DescribeUser). Raises ServiceError."""
    try:
        answer = read(client.describe_user, ServerId=server_id, UserName=user_name)
    except ServiceError as error:
        if error.is_missing_user:
            return None
        raise
    try:
        return tuple(
            StoredKey(str(key["SshPublicKeyId"]), str(key["SshPublicKeyBody"]), key["DateImported"])
            for key in answer["User"].get("SshPublicKeys", [])
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise unexpected(answer, "User with its SshPublicKeys", in_doubt=False) from error


def import_key(client: TransferClient, server_id: str, user_name: str, body: str) -> str:
    """Import a key (ImportSshPublicKey). Returns its id. Raises ServiceError."""
    answer = call(client.import_ssh_public_key, ServerId=server_id, UserName=user_name, SshPublicKeyBody=body).content
    if "SshPublicKeyId" not in answer:
        raise unexpected(answer, "SshPublicKeyId")
    return str(answer["SshPublicKeyId"])


def delete_key(client: TransferClient, server_id: str, user_name: str, key_id: str) -> None:
    """Delete a key (DeleteSshPublicKey). Raises ServiceError."""
    answer = call(client.delete_ssh_public_key, ServerId=server_id, UserName=user_name, SshPublicKeyId=key_id).content
    # The real answer has no members. botocore reads a page of HTML from a proxy as such an answer too.
    if not answer.get("ResponseMetadata", {}).get("RequestId"):
        raise unexpected(answer, "request id")
