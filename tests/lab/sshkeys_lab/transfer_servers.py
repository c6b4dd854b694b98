# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfer Family's servers and their host keys: what the service states of them, which a test may change."""

from __future__ import annotations

import base64
import hashlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from . import model
from .errors import ServiceError
from .protocol import TRANSFER
from .transfer import set_members

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from moto.transfer.types import Server

    from .cloud import Cloud
    from .protocol import Call
    from .settings import Settings

_Item = TypeVar("_Item")

# In the order in which sshd shows them. ListHostKeys gives them with these dates, in seconds since 1970.
HOST_KEY_TYPES = ("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256")
_IMPORTED = {"ssh-ed25519": 1_764_547_200.0, "ssh-rsa": 1_620_000_000.0, "ecdsa-sha2-nistp256": 1_764_547_200.0}
# What a server shows when somebody else answers in its place.
IMPOSTOR = "impostor"
_WORDS = ("state", "endpoint_type", "identity_provider_type", "security_policy_name", "logging_role", "domain")


def _made_up(key_type: str) -> str:
    """Return the line of a key that no private half is known of, for a lab without doors."""
    strings = (key_type.encode(), key_type.encode() * 3)
    blob = b"".join(len(each).to_bytes(4, "big") + each for each in strings)
    return f"{key_type} {base64.b64encode(blob).decode()}"


def fingerprint(public_line: str) -> str:
    """Return the SHA256 fingerprint of a public key, as ssh-keygen writes it."""
    digest = hashlib.sha256(base64.b64decode(public_line.split(" ")[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


@dataclass(frozen=True)
class StatedKey:
    """A host key as the service states it. imported: seconds since 1970."""

    id: str
    type: str
    fingerprint: str
    description: str
    imported: float


@dataclass
class Stated:
    """What a test has changed of what the service states of a server: members of DescribeServer, and host keys."""

    members: dict[str, Any] = field(default_factory=dict)
    host_keys: list[StatedKey] | None = None


class TransferServers:
    """DescribeServer, ListServers, ListHostKeys and DescribeHostKey."""

    def __init__(self, cloud: Cloud, settings: Settings) -> None:
        """State the servers of `cloud`, each with the same host keys."""
        self._cloud = cloud
        self._settings = settings
        self._lock = threading.Lock()
        self._stated: dict[str, Stated] = {}
        # The public keys of the sshds, by type. Set when the doors open.
        self.public_lines: dict[str, str] = {each: _made_up(each) for each in HOST_KEY_TYPES}
        # Lets the sshds of all users show keys of these types, or the impostor's. Set when the doors open.
        self.show: Callable[[Sequence[str]], None] = lambda _types: None
        self._shown: Sequence[str] = HOST_KEY_TYPES
        self.operations: dict[str, Callable[[Call], dict[str, object]]] = {
            "DescribeServer": self._describe_server,
            "ListServers": self._list_servers,
            "ListHostKeys": self._list_host_keys,
            "DescribeHostKey": self._describe_host_key,
        }

    def answer(self, call: Call) -> dict[str, object]:
        """Serve one of `operations`; raise ServiceError if the service refuses the call."""
        model.check(TRANSFER, call.operation, call.parameters, code="ValidationException")
        with self._lock:
            return self.operations[call.operation](call)

    def reset(self) -> None:
        """State what is true again, and let the sshds show it."""
        self._stated.clear()
        self._let_show(HOST_KEY_TYPES)

    def read(self, region: str, server_id: str) -> dict[str, object]:
        """Return what the control API says of a server; raise ServiceError if there is none."""
        self._server(region, server_id)
        keys = [vars(key) for key in self._host_keys(server_id)]
        return {"server_id": server_id, "shown": list(self._shown), "host_keys": keys}

    def change(self, region: str, server_id: str, body: Mapping[str, Any]) -> None:
        """Change what is stated of a server, and what its sshds show; raise ValueError for a wrong value."""
        self._server(region, server_id)
        known = {*_WORDS, "endpoint_details", "identity_provider_details", "protocols", "ports", "host_keys", "shown"}
        if set(body) - known:
            msg = f"A server takes {', '.join(sorted(known))}."
            raise ValueError(msg)
        stated = self._stated.setdefault(server_id, Stated())
        for name in _WORDS:
            if name in body:
                stated.members["".join(word.capitalize() for word in name.split("_"))] = body[name]
        for name, member in (
            ("endpoint_details", "EndpointDetails"),
            ("identity_provider_details", "IdentityProviderDetails"),
            ("protocols", "Protocols"),
        ):
            if name in body:
                stated.members[member] = body[name]
        if "ports" in body:
            ports = [{"SftpPort": port, "CommunicationMode": "SERVER_TALK_FIRST"} for port in body["ports"]]
            stated.members["ProtocolDetails"] = {"SftpPorts": ports}
        if "identity_provider_type" in body:
            # The operations on users ask moto's server.
            self._cloud.set_identity_provider(region, server_id, body["identity_provider_type"])
        if "host_keys" in body:
            stated.host_keys = [self._stated_key(number, key) for number, key in enumerate(body["host_keys"])]
        if "shown" in body:
            self._let_show(body["shown"])

    def _let_show(self, types: Sequence[str]) -> None:
        if not types or set(types) - {*HOST_KEY_TYPES, IMPOSTOR}:
            msg = f"A server can show keys of the types {', '.join(HOST_KEY_TYPES)}, or that of an {IMPOSTOR}."
            raise ValueError(msg)
        if list(types) != list(self._shown):
            self.show(types)
            self._shown = list(types)

    def _stated_key(self, number: int, key: Mapping[str, Any]) -> StatedKey:
        key_type = str(key.get("type"))
        known = self.public_lines.get(key_type)
        told = key.get("fingerprint") or (fingerprint(known) if known else "")
        if not told:
            types = ", ".join(HOST_KEY_TYPES)
            msg = (
                f"A host key takes type, description, imported and fingerprint. Without it, the type is one of {types}."
            )
            raise ValueError(msg)
        imported = float(key.get("imported", _IMPORTED.get(key_type, 0.0)))
        return StatedKey(f"hostkey-{number:017x}", key_type, str(told), str(key.get("description", "")), imported)

    def _host_keys(self, server_id: str) -> list[StatedKey]:
        stated = self._stated.get(server_id, Stated()).host_keys
        if stated is not None:
            return stated
        return [self._stated_key(number, {"type": each}) for number, each in enumerate(HOST_KEY_TYPES)]

    def _server(self, region: str, server_id: str) -> Server:
        server = self._cloud.server(region, server_id)
        if server is None:
            members = {"Resource": server_id, "ResourceType": "Server"}
            code = "ResourceNotFoundException"
            raise ServiceError(code, "Unknown server", members=members)
        return server

    def _members(self, server: Server) -> dict[str, Any]:
        """Return the members of a server in DescribeServer, without unset ones."""
        members = set_members(server.to_dict())
        defaults = {"Domain": "S3", "EndpointType": "PUBLIC", "IdentityProviderType": "SERVICE_MANAGED"}
        stated = self._stated.get(server.server_id, Stated()).members
        keys = self._host_keys(server.server_id)
        described = {
            **defaults,
            **members,
            "UserCount": len(server._users),  # noqa: SLF001 - moto has no public attribute for them
            # With padding, which ssh-keygen leaves out: no page of AWS says which of the two it is.
            "HostKeyFingerprint": f"{keys[0].fingerprint}=" if keys else None,
            **stated,
        }
        return set_members(described)

    def _describe_server(self, call: Call) -> dict[str, object]:
        return {"Server": self._members(self._server(call.region, call.parameters["ServerId"]))}

    def _list_servers(self, call: Call) -> dict[str, object]:
        listed = ("Arn", "Domain", "EndpointType", "IdentityProviderType", "LoggingRole", "ServerId", "State")
        servers = [self._members(each) for each in self._cloud.servers(call.region)]
        page, token = self._page(call, [*sorted(servers, key=lambda each: str(each["ServerId"]))])
        told = [{name: each[name] for name in (*listed, "UserCount") if name in each} for each in page]
        return {"Servers": told, **token}

    def _list_host_keys(self, call: Call) -> dict[str, object]:
        server = self._server(call.region, call.parameters["ServerId"])
        page, token = self._page(call, self._host_keys(server.server_id))
        return {
            "ServerId": server.server_id,
            "HostKeys": [{**self._key_members(server, key), "Fingerprint": key.fingerprint} for key in page],
            **token,
        }

    def _describe_host_key(self, call: Call) -> dict[str, object]:
        server = self._server(call.region, call.parameters["ServerId"])
        wanted = call.parameters["HostKeyId"]
        for key in self._host_keys(server.server_id):
            if key.id == wanted:
                return {"HostKey": {**self._key_members(server, key), "HostKeyFingerprint": key.fingerprint}}
        code = "ResourceNotFoundException"
        raise ServiceError(code, "Unknown host key", members={"Resource": wanted, "ResourceType": "HostKey"})

    @staticmethod
    def _key_members(server: Server, key: StatedKey) -> dict[str, object]:
        arn = server.arn.replace(f":server/{server.server_id}", f":host-key/{server.server_id}/{key.id}")
        described = {"Description": key.description} if key.description else {}
        return {"Arn": arn, "HostKeyId": key.id, "Type": key.type, "DateImported": key.imported, **described}

    def _page(self, call: Call, items: list[_Item]) -> tuple[list[_Item], dict[str, object]]:
        """Return a page, and the token of the next one: the number of items before it."""
        size = min(call.parameters.get("MaxResults", self._settings.page_size), self._settings.page_size)
        begin = _begin_of_page(call.parameters.get("NextToken"))
        end = begin + size
        return items[begin:end], ({"NextToken": f"page-{end}"} if end < len(items) else {})


def _begin_of_page(token: str | None) -> int:
    try:
        return int((token or "page-0").removeprefix("page-"))
    except ValueError as error:
        code = "InvalidNextTokenException"
        raise ServiceError(code, "The NextToken parameter is invalid.") from error
