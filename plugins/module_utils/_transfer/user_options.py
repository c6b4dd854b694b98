# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The options of transfer_user: an argument spec, and the declaration of a user from the options that are set.

Limits and patterns are those of the service model of Transfer Family (botocore, 2018-11-05).
"""

from __future__ import annotations

import json
import re
from typing import Any, Mapping

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, printable, shown, type_name
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.key_options import KEY_OPTIONS, declared_keys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.names import check_user_name
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.plan import WantedKeys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user import (
    DIRECTORY,
    LOGICAL,
    PATH,
    HomeDirectoryMapping,
    PosixProfile,
    WantedUser,
    read_policy,
)

# The options for one user, in the task as a whole or in an element of ``users``.
USER_OPTIONS: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "absent"]},
    "role_arn": {"type": "str", "aliases": ["role"]},
    "home_directory": {"type": "str"},
    "home_directory_type": {"type": "str", "choices": [PATH, LOGICAL]},
    "home_directory_mappings": {
        "type": "list",
        "elements": "dict",
        "options": {
            "entry": {"type": "str", "required": True, "aliases": ["Entry"]},
            "target": {"type": "str", "required": True, "aliases": ["Target"]},
            "type": {"type": "str", "choices": [DIRECTORY, "FILE"], "aliases": ["Type"]},
        },
    },
    "policy": {"type": "raw"},
    "posix_profile": {
        "type": "dict",
        "options": {
            # Not required for ansible-core: an empty profile gets a sentence of its own.
            "uid": {"type": "int", "aliases": ["Uid"]},
            "gid": {"type": "int", "aliases": ["Gid"]},
            "secondary_gids": {"type": "list", "elements": "int", "aliases": ["SecondaryGids"]},
        },
    },
    "tags": {"type": "dict", "aliases": ["resource_tags"]},
    "purge_tags": {"type": "bool"},
    **KEY_OPTIONS,
}

# These two belong together: one of a user must not meet the other of a task, a server or a default.
FORM_OF_HOME = ("home_directory_type", "home_directory_mappings")

# What transfer_user_info returns of a user and nobody can declare.
READ_ONLY: dict[str, Any] = {"arn": {"type": "str"}, "ssh_public_keys": {"type": "raw"}}

_ROLE_ARN = re.compile(r"arn:.*role/\S+")
_ROLE_ARN_LENGTH = range(20, 2049)
_PATH_LENGTH_AT_MOST = 1024
_LINE_BREAKS = tuple("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
_MAPPINGS_AT_MOST = 50000
_POLICY_LENGTH_AT_MOST = 2048
_POSIX_IDS = range(2**32)
_SECONDARY_GIDS_AT_MOST = 16
_TAGS_AT_MOST = 50
_TAG_NAME_LENGTH_AT_MOST = 128
_TAG_VALUE_LENGTH_AT_MOST = 256


def check_user_role(role_arn: str) -> None:
    """Raise ArgumentError unless this can be the ARN of a user's role."""
    # The length first: the time that the pattern takes grows with its square.
    if len(role_arn) not in _ROLE_ARN_LENGTH or not _ROLE_ARN.fullmatch(role_arn):
        raise ArgumentError(
            f"role_arn is {shown(role_arn)}, which is not the ARN of a role. Give one such as "
            "arn:aws:iam::123456789012:role/transfer."
        )


def wanted_user(params: Mapping[str, Any], user: Mapping[str, Any]) -> tuple[WantedUser, list[str]]:
    """Complete an element of ``users`` with the options of the task, and read all of them. Returns it with warnings.

    Raises ArgumentError.
    """
    name = user["user_name"]
    check_user_name(name)
    options = _merged(params, user)
    if options["state"] == "absent":
        # Keys of the task are those of its other users.
        own_keys = params["public_keys"] if params["users"] is None else user["public_keys"]
        return WantedUser(name, present=False, names_keys=own_keys is not None), []
    if options["role_arn"] is not None:
        check_user_role(options["role_arn"])
    if options["home_directory"]:
        _check_path("home_directory", options["home_directory"])
    home_type, mappings = _home(options)
    keys, warnings = _keys(options, name, params["unsupported_keys"])
    wanted = WantedUser(
        name,
        role_arn=options["role_arn"],
        home_directory=options["home_directory"],
        home_directory_type=home_type,
        home_directory_mappings=mappings,
        policy=_policy(options["policy"]),
        posix_profile=_posix_profile(options["posix_profile"]),
        tags=_tags(options["tags"]),
        purge_tags=options["purge_tags"],
        keys=keys,
    )
    return wanted, warnings


def _merged(params: Mapping[str, Any], user: Mapping[str, Any]) -> dict[str, Any]:
    """Return each option of an element, or of the task where the element leaves it out."""
    merged = {name: params[name] if user[name] is None else user[name] for name in USER_OPTIONS}
    if any(user[name] is not None for name in FORM_OF_HOME):
        merged.update({name: user[name] for name in FORM_OF_HOME})
    return merged


def _home(options: Mapping[str, Any]) -> tuple[str | None, tuple[HomeDirectoryMapping, ...] | None]:
    """Return home_directory_type and home_directory_mappings, the first derived from the second if it is left out."""
    home_type, given = options["home_directory_type"], options["home_directory_mappings"]
    if given is None:
        return home_type, None
    if home_type is None:
        home_type = LOGICAL if given else PATH
    if given and home_type == PATH:
        raise ArgumentError(
            "home_directory_type is PATH, and home_directory_mappings is not empty. Mappings need LOGICAL: remove one "
            "of the two options."
        )
    if not given and home_type == LOGICAL:
        raise ArgumentError(
            "home_directory_type is LOGICAL, and home_directory_mappings is an empty list. Give the mappings, or leave "
            "them out to keep those that the user has."
        )
    return home_type, _mappings(given)


def _mappings(given: list[Mapping[str, Any]]) -> tuple[HomeDirectoryMapping, ...]:
    if len(given) > _MAPPINGS_AT_MOST:
        raise ArgumentError(f"home_directory_mappings has {len(given)} entries, and AWS takes {_MAPPINGS_AT_MOST}.")
    seen: set[str] = set()
    for position, mapping in enumerate(given):
        place = f"home_directory_mappings[{position}]"
        for name in ("entry", "target"):
            _check_path(f"{place}.{name}", mapping[name])
        if mapping["entry"] in seen:
            raise ArgumentError(
                f"{place}.entry is {shown(mapping['entry'])}, which an earlier mapping has already. Map each path once."
            )
        seen.add(mapping["entry"])
    return tuple(HomeDirectoryMapping(mapping["entry"], mapping["target"], mapping["type"]) for mapping in given)


def _check_path(place: str, path: str) -> None:
    # A dot of AWS's pattern matches no line break.
    if not path.startswith("/") or len(path.splitlines()) > 1 or path.endswith(_LINE_BREAKS):
        raise ArgumentError(
            f"{place} is {shown(path)}, and must be an absolute path in one line, such as /bucket/home/partner."
        )
    if len(path) > _PATH_LENGTH_AT_MOST:
        raise ArgumentError(f"{place} has {len(path)} characters, and AWS takes at most {_PATH_LENGTH_AT_MOST}.")


def _policy(given: Any) -> str | None:
    """Return a policy as compact JSON, because its length is limited; empty for none."""
    if given is None:
        return None
    policy = given
    if isinstance(given, str):
        policy = read_policy(given) if given else {}
    if not isinstance(policy, Mapping):
        raise ArgumentError(
            f"policy is no JSON object, but {_described(given, policy)}. Give the document of the policy as a mapping, "
            "or as its text."
        )
    try:
        text = json.dumps(policy, separators=(",", ":"), ensure_ascii=False, allow_nan=False) if policy else ""
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"policy cannot be written as JSON: {error}. Use texts, numbers, lists and mappings."
        ) from None
    if len(text) > _POLICY_LENGTH_AT_MOST:
        raise ArgumentError(
            f"policy has {len(text)} characters without blanks, and AWS takes at most {_POLICY_LENGTH_AT_MOST}. "
            "Shorten it, or move a part to the policy of the role."
        )
    return text


def _described(given: Any, policy: Any) -> str:
    if isinstance(given, str) and policy == given:
        return f"a text that is no JSON ({_json_fault(given)})"
    return f"of type {type_name(policy)}"


def _json_fault(text: str) -> str:
    """Return where a text is no JSON, without the text."""
    try:
        json.loads(text)
    except ValueError as error:
        return printable(error)
    except RecursionError:
        return "it is nested too deeply"
    return ""


def _posix_profile(given: Mapping[str, Any] | None) -> PosixProfile | None:
    if given is None:
        return None
    missing = [name for name in ("uid", "gid") if given[name] is None]
    if missing == ["uid", "gid"]:
        raise ArgumentError(
            "posix_profile is empty, and AWS cannot take the profile of a user away. Delete the user and create it "
            "again, or leave posix_profile out."
        )
    if missing:
        raise ArgumentError(f"posix_profile has no {missing[0]}. Give uid and gid.")
    gids = given["secondary_gids"] or []
    for place, number in [("uid", given["uid"]), ("gid", given["gid"]), *(("secondary_gids", gid) for gid in gids)]:
        if number not in _POSIX_IDS:
            raise ArgumentError(f"posix_profile.{place} has {number}, and must be from 0 to {_POSIX_IDS[-1]}.")
    distinct = tuple(dict.fromkeys(gids))
    if len(distinct) > _SECONDARY_GIDS_AT_MOST:
        raise ArgumentError(
            f"posix_profile.secondary_gids has {len(distinct)} ids, and AWS takes at most {_SECONDARY_GIDS_AT_MOST}."
        )
    return PosixProfile(given["uid"], given["gid"], distinct)


def _tags(given: Mapping[Any, Any] | None) -> dict[str, str] | None:
    if given is None:
        return None
    if len(given) > _TAGS_AT_MOST:
        raise ArgumentError(f"tags has {len(given)} tags, and AWS takes at most {_TAGS_AT_MOST}.")
    return dict(_tag(name, value) for name, value in given.items())


def _tag(name: Any, value: Any) -> tuple[str, str]:
    """Return a tag as texts. Other modules for AWS write numbers and booleans as Python does, and so does this one."""
    text = str(name)
    if value is None or isinstance(value, (Mapping, list, tuple)):
        raise ArgumentError(
            f"tags[{shown(text)}] is {'null' if value is None else f'of type {type_name(value)}'}, and must be a text. "
            "A variable without a value is null."
        )
    for what, length, limit in (
        ("name", len(text), _TAG_NAME_LENGTH_AT_MOST),
        ("value", len(str(value)), _TAG_VALUE_LENGTH_AT_MOST),
    ):
        if length > limit:
            raise ArgumentError(
                f"tags: The {what} of {shown(text)} has {length} characters, and AWS takes at most {limit}."
            )
    return text, str(value)


def _keys(options: Mapping[str, Any], name: str, unsupported_keys: str) -> tuple[WantedKeys | None, list[str]]:
    if options["public_keys"] is None:
        if options["exclusive"]:
            raise ArgumentError(
                "exclusive=true needs public_keys, the keys that the user keeps. To keep all keys as they are, set "
                "exclusive=false."
            )
        return None, []
    keys, warnings = declared_keys(
        options["public_keys"],
        name,
        present=True,
        allow_empty=options["allow_empty"],
        unsupported_keys=unsupported_keys,
    )
    return WantedKeys(name, True, options["exclusive"], keys), warnings
