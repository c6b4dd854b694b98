# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfer Family: users and their keys, checked as strictly as by the service. moto's backend holds the users."""

from __future__ import annotations

import base64
import re
import secrets
import threading
from typing import TYPE_CHECKING, Any

from . import model, public_key, transfer_users
from .cloud import set_profile
from .errors import ServiceError
from .protocol import TRANSFER
from .transfer_users import invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from moto.transfer.types import Server, User

    from .clock import LabClock
    from .cloud import Cloud
    from .protocol import Call
    from .settings import Settings

# Other types match the pattern of the body, but the service refuses them when it reads the key.
KEY_TYPES = ("ssh-rsa", "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")


# The kinds of resource as the service's messages name them, and the ResourceType of each.
_SERVER, _USER, _KEY = "server", "user", "SSH public key"
_TYPES = {_SERVER: "Server", _USER: "User", _KEY: "SshPublicKey"}


def _not_found(kind: str, resource: str) -> ServiceError:
    members = {"Resource": resource, "ResourceType": _TYPES[kind]}
    return ServiceError("ResourceNotFoundException", f"Unknown {kind}", members=members)


def _exists(kind: str, resource: str) -> ServiceError:
    members = {"Resource": resource, "ResourceType": _TYPES[kind]}
    return ServiceError("ResourceExistsException", f"The {kind} already exists", members=members)


def set_members(members: dict[str, Any]) -> dict[str, Any]:
    """Return `members` without unset ones, at any depth, as the service does."""
    inner = {name: set_members(value) if isinstance(value, dict) else value for name, value in members.items()}
    return {name: value for name, value in inner.items() if value not in (None, {}, [])}


def _identity(body: str) -> public_key.PublicKey | None:
    try:
        return public_key.parse(body)
    except ValueError:
        return None


class Transfer:
    """The operations on servers, users and keys that moto checks too little."""

    def __init__(self, cloud: Cloud, clock: LabClock, settings: Settings) -> None:
        """Use the users of `cloud`."""
        self._cloud = cloud
        self._clock = clock
        self._settings = settings
        self._lock = threading.RLock()
        # How many more calls of DescribeUser do not find a new user, by its ARN.
        self._late: dict[str, int] = {}
        self.operations: dict[str, Callable[[Call], dict[str, object]]] = {
            "ImportSshPublicKey": self._import_ssh_public_key,
            "DeleteSshPublicKey": self._delete_ssh_public_key,
            "DescribeUser": self._describe_user,
            "ListUsers": self._list_users,
            "CreateUser": self._create_user,
            "UpdateUser": self._update_user,
            "DeleteUser": self._delete_user,
            "TagResource": self._tag_resource,
            "UntagResource": self._untag_resource,
            "ListTagsForResource": self._list_tags_for_resource,
            "DeleteServer": self._delete_server,
        }

    def answer(self, call: Call) -> dict[str, object]:
        """Serve one of `operations`, one call at a time; raise ServiceError if the service refuses the call."""
        model.check(TRANSFER, call.operation, call.parameters, code="ValidationException")
        with self._lock:
            return self.operations[call.operation](call)

    def clear(self) -> None:
        """Forget which users are new."""
        self._late.clear()

    def held_keys(self, region: str, server_id: str, user_name: str) -> list[str]:
        """Return the bodies of the keys that a user holds now; raise ServiceError if there is no such user.

        They open nothing, and are not returned, if the server has another identity provider.
        """
        with self._lock:
            transfer_users.refuse_other_providers(self._server(region, server_id))
            return [key["ssh_public_key_body"] for key in self._user(region, server_id, user_name).ssh_public_keys]

    def profile(self, region: str, server_id: str, user_name: str) -> dict[str, Any]:
        """Return what CreateUser and UpdateUser have set; raise ServiceError if there is no such user."""
        with self._lock:
            return transfer_users.profile_of(self._user(region, server_id, user_name))

    def set_keys(self, region: str, server_id: str, user_name: str, keys: Iterable[tuple[str, float | None]]) -> None:
        """Give a user exactly `keys`, unchecked: pairs of body and date (seconds since 1970; None is now)."""
        with self._lock:
            user = self._user(region, server_id, user_name)
            user.ssh_public_keys.clear()
            for body, imported in keys:
                self._hold(user, body, imported)

    def set_tags(self, region: str, server_id: str, user_name: str, tags: Mapping[str, str]) -> None:
        """Give a user exactly `tags`, unchecked, such as those that only AWS itself sets."""
        with self._lock:
            user = self._user(region, server_id, user_name)
            user.tags = [{"Key": key, "Value": value} for key, value in tags.items()]

    def create_user(self, region: str, server_id: str, user_name: str) -> None:
        """Create a user without keys and with any name; raise ServiceError if it exists or its server does not."""
        with self._lock:
            self._refuse_existing_user(self._server(region, server_id), user_name)
            self._cloud.create_user(region, server_id, user_name)

    def delete_user(self, region: str, server_id: str, user_name: str) -> None:
        """Delete a user and its keys; raise ServiceError if there is no such user."""
        with self._lock:
            self._user(region, server_id, user_name)
            self._cloud.delete_user(region, server_id, user_name)

    def _server(self, region: str, server_id: str) -> Server:
        server = self._cloud.server(region, server_id)
        if server is None:
            raise _not_found(_SERVER, server_id)
        return server

    def _user(self, region: str, server_id: str, user_name: str) -> User:
        for user in self._server(region, server_id)._users:  # noqa: SLF001 - moto has no public attribute for them
            if user.user_name == user_name:
                return user
        raise _not_found(_USER, user_name)

    def _server_of(self, call: Call) -> Server:
        server = self._server(call.region, call.parameters["ServerId"])
        transfer_users.refuse_other_providers(server)
        return server

    def _user_of(self, call: Call) -> User:
        return self._user(call.region, self._server_of(call).server_id, call.parameters["UserName"])

    @staticmethod
    def _refuse_existing_user(server: Server, user_name: str) -> None:
        if any(user.user_name == user_name for user in server._users):  # noqa: SLF001 - see _user
            raise _exists(_USER, user_name)

    @staticmethod
    def _valid_key(body: str) -> public_key.PublicKey:
        key = _identity(body)
        if key is None or key.key_type not in KEY_TYPES:
            raise invalid("Unsupported or invalid SSH public key format")
        return key

    def _hold(self, user: User, body: str, imported: float | None = None) -> str:
        key_id = f"key-{secrets.token_hex(9)[:17]}"
        date = round(self._clock.now() if imported is None else imported, 3)
        user.ssh_public_keys.append(
            {"ssh_public_key_id": key_id, "ssh_public_key_body": body, "date_imported": str(date)}
        )
        return key_id

    def _import_ssh_public_key(self, call: Call) -> dict[str, object]:
        user = self._user_of(call)
        body = call.parameters["SshPublicKeyBody"]
        key = self._valid_key(body)
        for held in user.ssh_public_keys:
            if _identity(held["ssh_public_key_body"]) == key:
                raise _exists(_KEY, held["ssh_public_key_id"])
        if len(user.ssh_public_keys) >= self._settings.key_quota:
            quota = self._settings.key_quota
            raise invalid(f"The maximum number of SSH public keys per user ({quota}) would be exceeded")
        key_id = self._hold(user, body)
        return {"ServerId": user.server_id, "SshPublicKeyId": key_id, "UserName": user.user_name}

    def _delete_ssh_public_key(self, call: Call) -> dict[str, object]:
        user = self._user_of(call)
        key_id = call.parameters["SshPublicKeyId"]
        for key in user.ssh_public_keys:
            if key["ssh_public_key_id"] == key_id:
                user.ssh_public_keys.remove(key)
                return {}
        raise _not_found(_KEY, key_id)

    def _describe_user(self, call: Call) -> dict[str, object]:
        user = self._user_of(call)
        if self._late.get(user.arn, 0) > 0:
            self._late[user.arn] -= 1
            raise _not_found(_USER, user.user_name)
        # The API's example of DescribeUser has these two lists where they are empty, and nothing else that is unset.
        described = {
            "Arn": user.arn,
            "UserName": user.user_name,
            **transfer_users.profile_of(user),
            "Tags": user.tags,
            "SshPublicKeys": [
                {
                    "DateImported": float(key["date_imported"]),
                    "SshPublicKeyBody": key["ssh_public_key_body"],
                    "SshPublicKeyId": key["ssh_public_key_id"],
                }
                for key in user.ssh_public_keys
            ],
        }
        return {"ServerId": user.server_id, "User": described}

    def _list_users(self, call: Call) -> dict[str, object]:
        server = self._server_of(call)
        last = self._last_of_page_before(call.parameters.get("NextToken"))
        size = min(call.parameters.get("MaxResults", self._settings.page_size), self._settings.page_size)
        users = sorted(server._users, key=lambda user: user.user_name)  # noqa: SLF001 - see _user
        rest = [user for user in users if user.user_name > last]
        listed = [
            set_members(
                {
                    "Arn": user.arn,
                    "HomeDirectory": user.home_directory,
                    "HomeDirectoryType": user.home_directory_type,
                    "Role": user.role,
                    "SshPublicKeyCount": len(user.ssh_public_keys),
                    "UserName": user.user_name,
                }
            )
            for user in rest[:size]
        ]
        page: dict[str, object] = {"ServerId": server.server_id, "Users": listed}
        if len(rest) > size:
            page["NextToken"] = self._token(rest[size - 1].user_name)
        return page

    @staticmethod
    def _token(last_of_page: str) -> str:
        return base64.urlsafe_b64encode(last_of_page.encode()).decode()

    @staticmethod
    def _last_of_page_before(token: str | None) -> str:
        try:
            return base64.b64decode(token or "", altchars=b"-_", validate=True).decode()
        except ValueError as error:
            code = "InvalidNextTokenException"
            raise ServiceError(code, "The NextToken parameter is invalid.") from error

    def _create_user(self, call: Call) -> dict[str, object]:
        parameters = call.parameters
        server, user_name = self._server_of(call), parameters["UserName"]
        self._refuse_existing_user(server, user_name)
        profile = transfer_users.changed({}, parameters)
        transfer_users.check_profile(profile, server, self._settings)
        tags = transfer_users.tagged([], parameters.get("Tags", []))
        body = parameters.get("SshPublicKeyBody")
        if body is not None:
            self._valid_key(body)
        self._cloud.create_user(call.region, server.server_id, user_name)
        user = self._user_of(call)
        set_profile(user, profile)
        user.tags = tags
        if body is not None:
            self._hold(user, body)
        self._late[user.arn] = self._settings.late_users
        return {"ServerId": server.server_id, "UserName": user_name}

    def _update_user(self, call: Call) -> dict[str, object]:
        user = self._user_of(call)
        profile = transfer_users.changed(transfer_users.profile_of(user), call.parameters)
        transfer_users.check_profile(profile, self._server_of(call), self._settings)
        set_profile(user, profile)
        return {"ServerId": user.server_id, "UserName": user.user_name}

    def _delete_user(self, call: Call) -> dict[str, object]:
        user = self._user_of(call)
        self.delete_user(call.region, user.server_id, user.user_name)
        return {}

    def _tagged(self, call: Call) -> User:
        arn = call.parameters["Arn"]
        found = re.fullmatch(r"arn:[\w-]+:transfer:([\w-]+):\d{12}:user/([^/]+)/([^/]+)", arn)
        user = self._user(found[1], found[2], found[3]) if found and found[1] == call.region else None
        if user is None or user.arn != arn:
            members = {"Resource": arn, "ResourceType": "Arn"}
            code = "ResourceNotFoundException"
            raise ServiceError(code, "Unknown resource", members=members)
        return user

    def _tag_resource(self, call: Call) -> dict[str, object]:
        user = self._tagged(call)
        user.tags = transfer_users.tagged(user.tags, call.parameters["Tags"])
        return {}

    def _untag_resource(self, call: Call) -> dict[str, object]:
        user = self._tagged(call)
        user.tags = transfer_users.untagged(user.tags, call.parameters["TagKeys"])
        return {}

    def _list_tags_for_resource(self, call: Call) -> dict[str, object]:
        user = self._tagged(call)
        last = self._last_of_page_before(call.parameters.get("NextToken"))
        tags = sorted(user.tags, key=lambda tag: tag["Key"])
        rest = [tag for tag in tags if tag["Key"] > last or not last]
        size = call.parameters.get("MaxResults", len(tags) or 1)
        page: dict[str, object] = {"Arn": user.arn, "Tags": rest[:size]}
        if len(rest) > size:
            page["NextToken"] = self._token(rest[size - 1]["Key"])
        return page

    def _delete_server(self, call: Call) -> dict[str, object]:
        server = self._server(call.region, call.parameters["ServerId"])
        self._cloud.delete_server(call.region, server.server_id)
        return {}
