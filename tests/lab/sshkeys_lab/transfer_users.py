# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of Transfer Family for a user: its role, home, policy and tags.

The sources, as far as there are any:

- The guide, logical-dir-mappings.html: a service-managed user has at most 2,000 mappings, a target cannot end with a
  slash, and HomeDirectory is `/` for LOGICAL if it is left out.
- The guide, implement-log-dirs.html: with LOGICAL, HomeDirectory must correspond to a mapping, which "the service
  validates during both user creation and updates".
- The API, CreateUser: LOGICAL needs mappings, and mappings can be set only with LOGICAL.
- boto/boto3#3280: CreateUser refuses a policy with "Policy is not a valid JSON".
- "Cross-account pass role is not allowed" is what IAM says for each service that takes a role.
- The guide of tags, tagging.html: at most 50 tags, unique keys, and no key with the prefix `aws:`, in any case.

Nothing public shows the service's words for the other refusals. Their sentences are the lab's own, and their code is
InvalidRequestException, the only one that the model has for them. It is unknown, too, whether the service takes
an Entry below another one: the guide forbids "overlapping paths", and has an example of them.
"""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING, Any

from .errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from moto.transfer.types import Server, User

    from .settings import Settings

SERVICE_MANAGED = "SERVICE_MANAGED"
PATH, LOGICAL = "PATH", "LOGICAL"

_PROFILE = ("HomeDirectory", "HomeDirectoryType", "HomeDirectoryMappings", "Policy", "PosixProfile", "Role")
_MOST_MAPPINGS = 2000
_MOST_TAGS = 50
# The model's pattern lets through what is no ARN of a role.
_ROLE = re.compile(r"arn:([\w-]+):iam::(\d{12}):role/[\w+=,.@/-]+", re.ASCII)


def invalid(message: str) -> ServiceError:
    """Return an InvalidRequestException."""
    return ServiceError("InvalidRequestException", message)


def refuse_other_providers(server: Server) -> None:
    """Raise ServiceError unless the server manages its users itself."""
    provider = server.identity_provider_type or SERVICE_MANAGED
    name = getattr(provider, "value", provider)
    if name != SERVICE_MANAGED:
        raise invalid(f"The identity provider of the server {server.server_id} is {name}, not {SERVICE_MANAGED}")


# -- The profile: what CreateUser sets and UpdateUser changes, in the names and forms of the API ----------------------


def profile_of(user: User) -> dict[str, Any]:
    """Return the profile of a user, without what is unset."""
    posix = user.posix_profile
    profile = {
        "HomeDirectory": user.home_directory,
        "HomeDirectoryType": user.home_directory_type,
        "HomeDirectoryMappings": [
            _set({name: mapping.get(name.lower()) for name in ("Entry", "Target", "Type")})
            for mapping in user.home_directory_mappings
        ],
        "Policy": user.policy,
        "PosixProfile": _set(
            {"Uid": posix.get("uid"), "Gid": posix.get("gid"), "SecondaryGids": posix.get("secondary_gids")}
        ),
        "Role": user.role,
    }
    return _set(profile)


def changed(held: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return a profile after a call with these parameters: what they leave out stays, what they empty goes.

    PATH takes the mappings away. That is the lab's reading: the API has no other way to be rid of them, because a list
    of mappings has at least one.
    Raises ServiceError for mappings that the home does not take.
    """
    given = {name: parameters[name] for name in _PROFILE if name in parameters}
    profile = {"HomeDirectoryType": PATH, **held, **given}
    if profile["HomeDirectoryType"] == PATH:
        if "HomeDirectoryMappings" in given:
            raise invalid("HomeDirectoryMappings can be set only when HomeDirectoryType is LOGICAL")
        profile.pop("HomeDirectoryMappings", None)
    return _set(profile)


def _set(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value not in (None, "", [], {})}


def check_profile(profile: Mapping[str, Any], server: Server, settings: Settings) -> None:
    """Raise ServiceError if a user of the server cannot have this profile."""
    _check_role(profile["Role"], server, settings)
    if profile["HomeDirectoryType"] == LOGICAL:
        _check_mappings(profile.get("HomeDirectoryMappings", []), settings)
        _check_logical_home(profile.get("HomeDirectory", "/"), profile["HomeDirectoryMappings"])
    if "Policy" in profile:
        _check_policy(profile["Policy"])


def _check_role(role: str, server: Server, settings: Settings) -> None:
    found = _ROLE.fullmatch(role)
    _arn, partition, _service, _region, account, _resource = server.arn.split(":", 5)
    if found is None or found[1] != partition:
        raise invalid(f"The role {role} is not an ARN of an IAM role in the partition {partition}")
    if found[2] != account:
        code = "AccessDeniedException"
        raise ServiceError(code, "Cross-account pass role is not allowed.")
    if role in settings.unassumable_roles:
        raise invalid(f"Unable to assume the role {role}")


def _check_mappings(mappings: list[dict[str, str]], settings: Settings) -> None:
    if not mappings:
        raise invalid("HomeDirectoryMappings must be provided when HomeDirectoryType is LOGICAL")
    if len(mappings) > _MOST_MAPPINGS:
        raise invalid(f"HomeDirectoryMappings has {len(mappings)} entries, and the maximum is {_MOST_MAPPINGS}")
    entries: set[str] = set()
    for mapping in mappings:
        entry, target = posixpath.normpath(mapping["Entry"]), mapping["Target"]
        if entry in entries:
            raise invalid(f"HomeDirectoryMappings has the Entry {mapping['Entry']} more than once")
        if target.endswith("/"):
            raise invalid(f"The Target {target} of HomeDirectoryMappings must not end with a slash")
        entries.add(entry)
    for entry in entries:
        if not settings.overlapping_mappings and any(is_within(entry, other) for other in entries - {entry}):
            raise invalid(f"The Entry {entry} of HomeDirectoryMappings overlaps with another one")


def _check_logical_home(home: str, mappings: Iterable[Mapping[str, str]]) -> None:
    if home != "/" and not any(is_within(home, mapping["Entry"]) for mapping in mappings):
        raise invalid(f"The HomeDirectory {home} is in no Entry of HomeDirectoryMappings")


def is_within(path: str, folder: str) -> bool:
    """Say whether an absolute path is a folder or below it, both without `..`."""
    path, folder = posixpath.normpath(path), posixpath.normpath(folder)
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def _check_policy(policy: str) -> None:
    try:
        document = json.loads(policy)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise invalid("Policy is not a valid JSON")


# -- Tags --------------------------------------------------------------------------------------------------------------


def tagged(held: Iterable[Mapping[str, str]], given: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return the tags of a resource after `given` have been set on it; raise ServiceError if they cannot be."""
    keys = [tag["Key"] for tag in given]
    _refuse_reserved(keys)
    if len(set(keys)) < len(keys):
        raise invalid("Tags has a Key more than once")
    tags = {tag["Key"]: tag["Value"] for tag in (*held, *given)}
    if len(tags) > _MOST_TAGS:
        raise invalid(f"The resource would have {len(tags)} tags, and the maximum is {_MOST_TAGS}")
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def untagged(held: Iterable[dict[str, str]], keys: Iterable[str]) -> list[dict[str, str]]:
    """Return the tags of a resource after those with `keys` have been removed. A key that it has not is no error."""
    gone = list(keys)
    _refuse_reserved(gone)
    return [tag for tag in held if tag["Key"] not in gone]


def _refuse_reserved(keys: Iterable[str]) -> None:
    for key in keys:
        if key.lower().startswith("aws:"):
            raise invalid(f"The tag key {key} has the prefix aws:, which is reserved")
