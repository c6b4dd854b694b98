# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""A Transfer Family user: what the service holds of it, and what may be declared. Pure.

Options and fields are named as AWS names them, in snake case: ``role_arn`` is the member Role.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Mapping, NamedTuple

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.plan import HeldKey, WantedKeys

# The values of home_directory_type, and the one of a user for whom none was set (API page of CreateUser).
PATH, LOGICAL = "PATH", "LOGICAL"
# What an entry of HomeDirectoryMappings points to if it does not say (API page of HomeDirectoryMapEntry).
DIRECTORY = "DIRECTORY"


class HomeDirectoryMapping(NamedTuple):
    """An entry of HomeDirectoryMappings: a path that the user sees, and the path in S3 or EFS behind it.

    type: FILE or DIRECTORY, None for the service's default.
    """

    entry: str
    target: str
    type: str | None = None

    def result(self) -> dict[str, str]:
        """Return it as a module's result describes it."""
        return {"entry": self.entry, "target": self.target, "type": self.type or DIRECTORY}


class PosixProfile(NamedTuple):
    """The POSIX identity of a user in EFS. The order of secondary_gids has no meaning."""

    uid: int
    gid: int
    secondary_gids: tuple[int, ...] = ()

    def result(self) -> dict[str, Any]:
        """Return it as a module's result describes it."""
        return {"uid": self.uid, "gid": self.gid, "secondary_gids": sorted(self.secondary_gids)}


@dataclass(frozen=True)
class User:
    """A user as the service holds it.

    arn: None for a user that is not created yet.
    home_directory, policy: empty if the user has none. home_directory_type: PATH or LOGICAL.
    home_directory_mappings: those that count, so none with PATH.
    policy: the text that the service holds.
    """

    user_name: str
    arn: str | None
    role_arn: str
    home_directory: str = ""
    home_directory_type: str = PATH
    home_directory_mappings: tuple[HomeDirectoryMapping, ...] = ()
    policy: str = ""
    posix_profile: PosixProfile | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[HeldKey, ...] = ()


@dataclass(frozen=True)
class WantedUser:
    """The declaration of a task for one user. None leaves a field as it is.

    present: whether the user must exist; if not, nothing else counts.
    home_directory, policy: an empty text takes the value away. policy: JSON as it is sent.
    home_directory_mappings: an empty tuple takes the mappings away.
    tags: those to set; with purge_tags the user gets no others.
    keys: the keys to hold. names_keys: without ``present``, whether keys are declared all the same.
    """

    user_name: str
    present: bool = True
    role_arn: str | None = None
    home_directory: str | None = None
    home_directory_type: str | None = None
    home_directory_mappings: tuple[HomeDirectoryMapping, ...] | None = None
    policy: str | None = None
    posix_profile: PosixProfile | None = None
    tags: Mapping[str, str] | None = None
    purge_tags: bool = True
    keys: WantedKeys | None = None
    names_keys: bool = False


@dataclass(frozen=True)
class ReadUser:
    """A user as it was read; None, with the error, if it could not be read."""

    user_name: str
    user: User | None
    error: ServiceError | None


# The member of CreateUser and UpdateUser for each field of User that they set.
_MEMBERS = {
    "role_arn": "Role",
    "home_directory": "HomeDirectory",
    "home_directory_type": "HomeDirectoryType",
    "home_directory_mappings": "HomeDirectoryMappings",
    "policy": "Policy",
    "posix_profile": "PosixProfile",
}


def members_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of CreateUser or UpdateUser for fields of a user, by the names of User."""
    return {_MEMBERS[name]: _member(value) for name, value in fields.items()}


def _member(value: Any) -> Any:
    if isinstance(value, PosixProfile):
        # Also an empty list: the profile is one value.
        return {"Uid": value.uid, "Gid": value.gid, "SecondaryGids": list(value.secondary_gids)}
    if isinstance(value, tuple):
        return [
            {"Entry": each.entry, "Target": each.target, **({"Type": each.type} if each.type else {})} for each in value
        ]
    return value


def same_mappings(some: tuple[HomeDirectoryMapping, ...], others: tuple[HomeDirectoryMapping, ...]) -> bool:
    """Return whether mappings show a user the same. Their order has no meaning, since each path is mapped once."""
    return _in_order(some) == _in_order(others)


def _in_order(mappings: tuple[HomeDirectoryMapping, ...]) -> list[dict[str, str]]:
    return sorted((mapping.result() for mapping in mappings), key=lambda mapping: mapping["entry"])


def same_policy(some: str, other: str) -> bool:
    """Return whether policies are the same JSON. Texts that are no JSON are compared as they are."""
    return _canonical(some) == _canonical(other)


def _canonical(text: str) -> str:
    policy = read_policy(text)
    # As JSON, in which true is not 1.
    return text if isinstance(policy, str) else json.dumps(policy, sort_keys=True)


def read_policy(text: str) -> Any:
    """Return a policy as JSON, as its text if it is no JSON, and None if there is none."""
    if not text:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def same_posix_profile(some: PosixProfile | None, other: PosixProfile | None) -> bool:
    """Return whether two profiles are the same identity."""
    return _identity(some) == _identity(other)


def _identity(profile: PosixProfile | None) -> dict[str, Any] | None:
    return profile.result() if profile else None
