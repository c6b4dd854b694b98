# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The calls to Transfer Family about servers, a function for each, which makes the request and reads the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.calls import read, unexpected
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError

if TYPE_CHECKING:
    from mypy_boto3_transfer import TransferClient

# ServerNotFound is that of moto, which people use to test their playbooks.
_MISSING = frozenset({"ResourceNotFoundException", "ServerNotFound"})


def server_ids(client: TransferClient) -> list[str]:
    """Return the ids of all servers of the region, from all pages (ListServers). Raises ServiceError."""
    answer = read(client.get_paginator("list_servers").paginate().build_full_result)
    try:
        return [str(server["ServerId"]) for server in answer["Servers"]]
    except (KeyError, TypeError) as error:
        raise unexpected(answer, "Servers with a ServerId each", in_doubt=False) from error


def described_server(client: TransferClient, server_id: str) -> dict[str, Any] | None:
    """Return the members of a server, or None if the server does not exist (DescribeServer). Raises ServiceError."""
    try:
        answer = read(client.describe_server, ServerId=server_id)
    except ServiceError as error:
        if error.code in _MISSING:
            return None
        raise
    server = answer.get("Server")
    if not isinstance(server, dict) or not isinstance(server.get("Arn"), str):
        raise unexpected(answer, "Server with its Arn", in_doubt=False)
    return server


def listed_host_keys(client: TransferClient, server_id: str) -> list[dict[str, Any]]:
    """Return the members of each host key of a server, from all pages (ListHostKeys). Raises ServiceError."""
    # The SDK has no paginator for this call.
    found: list[dict[str, Any]] = []
    token, seen = "", set()
    while True:
        answer = read(client.list_host_keys, ServerId=server_id, **({"NextToken": token} if token else {}))
        keys = answer.get("HostKeys")
        if not isinstance(keys, list) or not all(isinstance(key.get("Fingerprint"), str) for key in keys):
            raise unexpected(answer, "HostKeys with a Fingerprint each", in_doubt=False)
        found += keys
        token = answer.get("NextToken") or ""
        if not token:
            return found
        if token in seen:
            raise unexpected(answer, "NextToken that leads on", in_doubt=False)
        seen.add(token)
