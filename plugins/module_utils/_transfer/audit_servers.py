# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The servers of an audit: where they are, who logs in there, and what their host keys are. Pure.

An audit may have the permission to read users and not to describe servers. Then it says so, and all else is as before.
"""

from __future__ import annotations

from typing import Any, Mapping, TypedDict

from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_keys import sentences, short

# CreateUser: users, and their keys, belong to servers with this identity provider only.
_MANAGED = "SERVICE_MANAGED"


class HostKey(TypedDict):
    """A host key. type, fingerprint: empty if the service does not state them. default: whether it is the default."""

    type: str
    fingerprint: str
    age_days: int | None
    default: bool


class About(TypedDict):
    """What the service states of a server. A text is empty if it is unknown.

    unknown: the reason, as a sentence, why the server could not be described; empty if it could.
    place: the host name, or the VPC endpoint of a server without one. ports: those of SFTP.
    keys_count: whether it has users of its own, whose keys open it. False only if it is known that it has none.
    host_keys_unknown: the reason why only the host keys are unknown; empty if they are known.
    """

    unknown: str
    state: str
    place: str
    endpoint_type: str
    ports: list[int]
    protocols: list[str]
    identity_provider: str
    keys_count: bool
    host_keys: list[HostKey]
    host_keys_unknown: str


def about_server(server_id: str, described: Mapping[str, Any]) -> About | None:
    """Return what is known of a server, None if it was not asked for.

    described: the result of transfer_server_info for all servers; empty if it was not called.
    """
    if not described:
        return None
    servers = described.get("servers")
    if servers is None:
        return _about({}, sentences(described.get("msg") or "") or _NO_REASON, "")
    server = next((each for each in servers if each.get("server_id") == server_id), None)
    if server is None:
        return None
    error = server.get("error")
    why_not = _told(error) if error else ""
    is_read = server.get("arn") is not None
    return _about(server, "" if is_read else why_not or _NO_REASON, why_not if is_read else "")


_NO_REASON = "The module gave no reason."


def _told(error: Mapping[str, Any]) -> str:
    return sentences(f"{str(error.get('message', '')).rstrip('.')} ({error.get('code')}). {error.get('hint', '')}")


def _about(server: Mapping[str, Any], unknown: str, host_keys_unknown: str) -> About:
    provider = server.get("identity_provider_type")
    endpoint, vpc_endpoint = server.get("endpoint"), server.get("vpc_endpoint_id")
    return {
        "unknown": unknown,
        "state": short(server.get("state") or ""),
        "place": short(endpoint or (f"VPC endpoint {vpc_endpoint}" if vpc_endpoint else "")),
        "endpoint_type": short(server.get("endpoint_type") or ""),
        "ports": list(server.get("ports") or ()),
        "protocols": [short(protocol) for protocol in server.get("protocols") or ()],
        "identity_provider": short(provider or ""),
        "keys_count": not provider or provider == _MANAGED,
        "host_keys": [
            {
                "type": short(key.get("type") or ""),
                "fingerprint": short(key.get("fingerprint") or ""),
                "age_days": key.get("age_days"),
                "default": bool(key.get("is_default")),
            }
            for key in server.get("host_keys") or ()
        ],
        "host_keys_unknown": host_keys_unknown,
    }


def notes_on(place: str, about: About | None) -> list[str]:
    """Return what there is to say of a server at the end, as sentences. place: its id, and its region if known."""
    if about is None:
        return []
    if about["unknown"]:
        return [f"The server {place} could not be described: {about['unknown']}"]
    if about["host_keys_unknown"]:
        return [f"The host keys of {place} are unknown: {about['host_keys_unknown']}"]
    return []
