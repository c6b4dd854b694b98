# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transfer users as a whole: put there and read by a client of their own, and compared line by line."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import boto3
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab
from botocore.exceptions import ClientError

ROLE, OTHER_ROLE = "arn:aws:iam::123456789012:role/one", "arn:aws:iam::123456789012:role/two"


def client_of(running_lab: RunningLab) -> Any:
    """Return a client of nobody's task for a lab on the wire."""
    return boto3.client(
        "transfer",
        endpoint_url=running_lab.lab["endpoint_url"],
        region_name=running_lab.lab["region"],
        aws_access_key_id=running_lab.lab["access_key"],
        aws_secret_access_key=running_lab.lab["secret_key"],
    )


def put_user(
    client: Any, server_id: str, name: str, members: Mapping[str, Any] | None, keys: Sequence[str] = ()
) -> None:
    """Let a user be as these members of CreateUser say, with these keys; None lets it not exist."""
    with contextlib.suppress(ClientError):
        client.delete_user(ServerId=server_id, UserName=name)
    if members is None:
        return
    client.create_user(ServerId=server_id, UserName=name, **members)
    for key in keys:
        client.import_ssh_public_key(ServerId=server_id, UserName=name, SshPublicKeyBody=key)


def described_lines(client: Any, server_id: str, name: str) -> list[str]:
    """Return what DescribeUser says of a user, a line for each value, sorted; nothing if it does not exist."""
    try:
        user = client.describe_user(ServerId=server_id, UserName=name)["User"]
    except ClientError:
        return []
    profile = user.get("PosixProfile")
    return _lines(
        {
            "role_arn": user["Role"],
            "home_directory": user.get("HomeDirectory", ""),
            "home_directory_type": user.get("HomeDirectoryType", "PATH"),
            "policy": json.loads(user["Policy"]) if user.get("Policy") else {},
            "posix_profile": profile and [profile["Uid"], profile["Gid"], sorted(profile.get("SecondaryGids", []))],
        },
        (
            (mapping["Entry"], mapping["Target"], mapping.get("Type", "DIRECTORY"))
            for mapping in user.get("HomeDirectoryMappings", [])
        ),
        {tag["Key"]: tag["Value"] for tag in user.get("Tags", [])},
        (key["SshPublicKeyBody"] for key in user["SshPublicKeys"]),
    )


def told_lines(said: Mapping[str, Any] | None) -> list[str]:
    """Return the same of a user in a result."""
    if said is None or said["role_arn"] is None:
        return []
    profile = said["posix_profile"]
    return _lines(
        {
            **{name: said[name] for name in ("role_arn", "home_directory", "home_directory_type", "policy")},
            "posix_profile": profile and [profile["uid"], profile["gid"], profile["secondary_gids"]],
        },
        ((mapping["entry"], mapping["target"], mapping["type"]) for mapping in said["home_directory_mappings"]),
        said["tags"],
        (key["body"] for key in said["ssh_public_keys"]),
    )


def _lines(
    fields: Mapping[str, Any], mappings: Iterable[tuple[str, ...]], tags: Mapping[str, str], keys: Iterable[str]
) -> list[str]:
    """Each line begins with the name of the option that it belongs to."""
    return sorted(
        [
            *(f"{name} {json.dumps(value, sort_keys=True)}" for name, value in fields.items()),
            *(f"home_directory_mappings {' '.join(mapping)}" for mapping in mappings),
            *(f"tags {name}={value}" for name, value in tags.items()),
            *(f"public_keys {key}" for key in keys),
        ]
    )


def differing(some: Iterable[str], others: Iterable[str]) -> list[str]:
    """Return the options in which the lines of two users differ, sorted."""
    return sorted({line.split(" ")[0] for line in set(some) ^ set(others)})
