# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A strict model of the users of one Transfer server, with the methods of a client, and draws of what it may hold."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.plan import WantedKeys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user import (
    LOGICAL,
    PATH,
    HomeDirectoryMapping,
    PosixProfile,
    WantedUser,
)
from ansible_collections.sshkeys.aws.tests.unit.stubs import StubbedService
from ansible_collections.sshkeys.aws.tests.unit.transfer_users import USER, line, wanted_keys
from botocore.exceptions import ClientError
from hypothesis import strategies as st

ROLE, OTHER_ROLE = "arn:aws:iam::123456789012:role/transfer", "arn:aws:iam::123456789012:role/other"
ARN = f"arn:aws:transfer:us-east-1:123456789012:user/s-01234567890abcdef/{USER}"
TOLD = {"ResponseMetadata": {"RequestId": "request-1"}}


def refusal(operation: str, code: str, message: str, **members: str) -> ClientError:
    """Return an error of the service."""
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}, **members}
    return ClientError(answer, operation)


class TransferService:
    """One server with at most one user, which is called as a client of botocore.

    described: the user as DescribeUser returns it, None if there is none. calls: the changes, in order.
    before_call: is called before each call with the name of its operation, and may raise.
    """

    def __init__(self, described: dict[str, Any] | None = None) -> None:
        """Begin with a user, or with none."""
        self.described = described
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.reads = 0
        self.before_call: Callable[[str], None] = lambda _operation: None
        self._ids = itertools.count(100)
        self.meta = StubbedService("transfer").client.meta

    @property
    def operations(self) -> list[str]:
        """The operations that changed something, or tried to."""
        return [operation for operation, _members in self.calls]

    def describe_user(self, **_members: Any) -> dict[str, Any]:
        """Answer DescribeUser."""
        self.reads += 1
        self.before_call("DescribeUser")
        return {"User": deepcopy(self._user("DescribeUser")), **TOLD}

    def create_user(self, **members: Any) -> dict[str, Any]:
        """Answer CreateUser."""
        self._note("CreateUser", members)
        if self.described is not None:
            raise refusal("CreateUser", "ResourceExistsException", "User exists", ResourceType="User")
        fields = self._fields(members)
        self.described = {"Arn": ARN, "HomeDirectoryType": PATH, **fields}
        self._check_home("CreateUser")
        if members.get("Tags"):
            self.described["Tags"] = members["Tags"]
        if "SshPublicKeyBody" in members:
            self._hold(members["SshPublicKeyBody"])
        return {"UserName": USER, **TOLD}

    def update_user(self, **members: Any) -> dict[str, Any]:
        """Answer UpdateUser."""
        self._note("UpdateUser", members)
        described = self._user("UpdateUser")
        described.update(self._fields(members))
        if described.get("HomeDirectoryType") == PATH:
            described.pop("HomeDirectoryMappings", None)
        self._check_home("UpdateUser")
        return {"UserName": USER, **TOLD}

    def delete_user(self, **members: Any) -> dict[str, Any]:
        """Answer DeleteUser."""
        self._note("DeleteUser", members)
        self._user("DeleteUser")
        self.described = None
        return dict(TOLD)

    def tag_resource(self, **members: Any) -> dict[str, Any]:
        """Answer TagResource."""
        self._note("TagResource", members)
        tags = {tag["Key"]: tag["Value"] for tag in self._user("TagResource").get("Tags", [])}
        tags.update({tag["Key"]: tag["Value"] for tag in members["Tags"]})
        return self._set_tags(tags)

    def untag_resource(self, **members: Any) -> dict[str, Any]:
        """Answer UntagResource."""
        self._note("UntagResource", members)
        tags = {tag["Key"]: tag["Value"] for tag in self._user("UntagResource").get("Tags", [])}
        return self._set_tags({name: value for name, value in tags.items() if name not in members["TagKeys"]})

    def import_ssh_public_key(self, **members: Any) -> dict[str, Any]:
        """Answer ImportSshPublicKey."""
        self._note("ImportSshPublicKey", members)
        self._user("ImportSshPublicKey")
        return {"SshPublicKeyId": self._hold(members["SshPublicKeyBody"]), **TOLD}

    def delete_ssh_public_key(self, **members: Any) -> dict[str, Any]:
        """Answer DeleteSshPublicKey."""
        self._note("DeleteSshPublicKey", members)
        keys = self._user("DeleteSshPublicKey")["SshPublicKeys"]
        gone = [key for key in keys if key["SshPublicKeyId"] == members["SshPublicKeyId"]]
        if not gone:
            raise refusal("DeleteSshPublicKey", "ResourceNotFoundException", "Unknown key", ResourceType="SshPublicKey")
        keys.remove(gone[0])
        return dict(TOLD)

    def _note(self, operation: str, members: dict[str, Any]) -> None:
        self.calls.append((operation, members))
        self.before_call(operation)

    def _user(self, operation: str) -> dict[str, Any]:
        if self.described is None:
            raise refusal(operation, "ResourceNotFoundException", "Unknown user", ResourceType="User")
        return self.described

    @staticmethod
    def _fields(members: dict[str, Any]) -> dict[str, Any]:
        others = ("ServerId", "UserName", "Tags", "SshPublicKeyBody")
        return {name: value for name, value in members.items() if name not in others}

    def _check_home(self, operation: str) -> None:
        described = self._user(operation)
        if (described.get("HomeDirectoryType") == LOGICAL) != bool(described.get("HomeDirectoryMappings")):
            raise refusal(operation, "InvalidRequestException", "HomeDirectoryMappings need LOGICAL, and LOGICAL them")

    def _hold(self, body: str) -> str:
        keys = self._user("ImportSshPublicKey").setdefault("SshPublicKeys", [])
        if any(key["SshPublicKeyBody"].split(" ")[:2] == body.split(" ")[:2] for key in keys):
            raise refusal("ImportSshPublicKey", "ResourceExistsException", "Key exists", ResourceType="SshPublicKey")
        key_id = f"key-{next(self._ids):017x}"
        imported = datetime(2026, 11, 26, tzinfo=UTC) + timedelta(seconds=int(key_id[4:], 16))
        keys.append({"SshPublicKeyId": key_id, "SshPublicKeyBody": body, "DateImported": imported})
        return key_id

    def _set_tags(self, tags: dict[str, str]) -> dict[str, Any]:
        self._user("TagResource")["Tags"] = [{"Key": name, "Value": value} for name, value in tags.items()]
        return dict(TOLD)


# -- What a user may be, and what may be declared ----------------------------------------------------------------------

some_roles = st.sampled_from([ROLE, OTHER_ROLE])
some_paths = st.sampled_from(["/bucket", "/bucket/home", "/bucket/home/${Transfer:UserName}"])
some_policies = st.sampled_from([{"Version": "2012-10-17", "Statement": []}, {"Statement": [], "Version": "x", "é": 1}])
some_profiles = st.builds(
    PosixProfile, st.sampled_from([0, 1000]), st.sampled_from([0, 2**32 - 1]), st.sampled_from([(), (5,), (7, 5)])
)
some_tags = st.dictionaries(
    st.sampled_from(["team", "env", "aws:stack"]), st.sampled_from(["", "a", "AAAA" * 20]), max_size=3
)
some_mappings = st.dictionaries(
    st.sampled_from(["/", "/incoming", "/a.txt"]),
    st.tuples(some_paths, st.sampled_from([None, "DIRECTORY", "FILE"])),
    max_size=3,
).map(lambda found: tuple(HomeDirectoryMapping(entry, *rest) for entry, rest in found.items()))


@st.composite
def described_users(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a user as DescribeUser returns it; an unset member is missing, or empty."""
    mappings = draw(some_mappings)
    keys = draw(st.lists(st.integers(0, 5), unique=True, max_size=4))
    profile = draw(st.none() | some_profiles)
    members: dict[str, Any] = {
        "Arn": ARN,
        "UserName": USER,
        "Role": draw(some_roles),
        "HomeDirectory": draw(st.sampled_from(["", "/"]) | some_paths),
        "HomeDirectoryType": LOGICAL if mappings else draw(st.sampled_from([PATH, ""])),
        "HomeDirectoryMappings": [
            {"Entry": each.entry, "Target": each.target, **({"Type": each.type} if each.type else {})}
            for each in mappings
        ],
        "Policy": draw(st.just("") | some_policies.map(lambda policy: json.dumps(policy, indent=1))),
        "Tags": [{"Key": name, "Value": value} for name, value in draw(some_tags).items()],
        "SshPublicKeys": [
            {
                "SshPublicKeyId": f"key-{number:017x}",
                "SshPublicKeyBody": line(number, "of old"),
                "DateImported": datetime(2020, 1, 1 + number, tzinfo=UTC),
            }
            for number in keys
        ],
    }
    if profile:
        members["PosixProfile"] = {
            "Uid": profile.uid,
            "Gid": profile.gid,
            "SecondaryGids": list(profile.secondary_gids),
        }
    return {name: value for name, value in members.items() if value or draw(st.booleans())}


@st.composite
def wanted_users(draw: st.DrawFn, *, present: bool | None = None) -> WantedUser:
    """Draw what a task may declare for a user."""
    if not (draw(st.booleans()) if present is None else present):
        return WantedUser(USER, present=False)
    mappings = draw(st.none() | some_mappings)
    home_type = draw(st.sampled_from([None, PATH])) if mappings is None else LOGICAL if mappings else PATH
    policy = draw(st.none() | st.just("") | some_policies.map(lambda given: json.dumps(given, separators=(",", ":"))))
    return WantedUser(
        USER,
        role_arn=draw(some_roles),
        home_directory=draw(st.none() | st.just("") | some_paths),
        home_directory_type=home_type,
        home_directory_mappings=mappings,
        policy=policy,
        posix_profile=draw(st.none() | some_profiles),
        tags=draw(st.none() | some_tags),
        purge_tags=draw(st.booleans()),
        keys=draw(st.none() | st.builds(WantedKeys, st.just(USER), st.just(True), st.booleans(), wanted_keys)),
    )
