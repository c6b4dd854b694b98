# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Transfer Family users and their keys, as a CSV file and a folder declare them: for the module transfer_user.

Pure, but for the files that it is given a way to read. Rules:
- A folder has a file ``NAME.pub`` or a folder ``NAME`` with ``*.pub`` files for each user. With a CSV file too, a user
  may be in either, and the keys of both are added up.
- Defaults complete what a user leaves out. A user with mappings, or a type of home, of its own takes no part of its
  home from them. A home_directory of its own replaces that of the defaults alone, so that it lets no user out of
  mappings.
- In home_directory and home_directory_mappings, ``{user_name}`` stands for the name of each user.
- All keys are judged, and all faults are found, before anything is sent.
"""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Mapping, NamedTuple, Protocol, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._arguments import judged_keys
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, shown, type_name
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.policy import judge_for_transfer
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.private import could_be_part_of_one
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer import cells
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.paths import shown_path
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_check import FIELDS, check_fields
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.users_csv import (
    COLUMNS,
    FileUser,
    Place,
    read_users_csv,
)


class Files(Protocol):
    """The files of the controller. Paths are absolute, or relative to the current folder."""

    def read(self, path: str) -> str:
        """Return the text of a file. Raises ArgumentError where it cannot be read."""

    def public_keys_in(self, folder: str) -> list[str] | None:
        """Return the paths of the ``*.pub`` files in a folder, sorted; None where there is no such folder."""

    def folders_in(self, folder: str) -> list[str]:
        """Return the paths of the folders in a folder, sorted, without hidden ones."""


class Asked(NamedTuple):
    """What to read. csv, folder: paths, empty for none. bucket: of the column ``home_dir``.

    defaults: options of the module transfer_user for all users, as lists and mappings or as text; None for one that is
      not set.
    allow_empty: whether users may have no key. unsupported_keys: as the module has it.
    """

    csv: str = ""
    folder: str = ""
    bucket: str = ""
    defaults: Mapping[str, Any] = {}
    allow_empty: bool = False
    unsupported_keys: str = "fail"


class Users(NamedTuple):
    """users: as the option of the module transfer_user has them. faults: sentences; with any, there are no users."""

    users: list[dict[str, Any]]
    faults: list[str]


def read_users(asked: Asked, files: Files) -> Users:
    """Read the users, and their keys."""
    faults: list[str] = []
    if not asked.csv and not asked.folder:
        faults.append("Give a CSV file or a folder with the users.")
    defaults = _defaults(asked.defaults, faults)
    found: dict[str, FileUser] = {}
    if asked.csv:
        found.update(_users_of_csv(asked, files, faults))
    if asked.folder:
        _add_folder(asked.folder, files, found, faults)
    users = []
    for user in found.values():
        try:
            users.append(_declared(user, asked, defaults, files))
        except ArgumentError as error:
            faults.append(str(error))
    return Users([] if faults else users, faults)


# -- Where users are declared -----------------------------------------------------------------------------------------


def _users_of_csv(asked: Asked, files: Files, faults: list[str]) -> dict[str, FileUser]:
    try:
        text = files.read(asked.csv)
    except ArgumentError as error:
        faults.append(str(error))
        return {}
    table = read_users_csv(text, asked.csv, bucket=asked.bucket)
    faults += table.faults
    for user in table.users:
        # Names are relative to the file that has them.
        user.key_files = [(place, os.path.join(os.path.dirname(asked.csv), name)) for place, name in user.key_files]
    return {user.user_name: user for user in table.users}


def _add_folder(folder: str, files: Files, users: dict[str, FileUser], faults: list[str]) -> None:
    """Add the users of a folder to those of a CSV file."""
    key_files = files.public_keys_in(folder)
    if key_files is None:
        faults.append(f"There is no folder {shown_path(folder)} on the controller.")
        return
    folders = files.folders_in(folder)
    if not key_files and not folders:
        faults.append(
            f"{shown_path(folder)} has no file NAME.pub, and no folder NAME with *.pub files, for a user NAME."
        )
    of_users = [(os.path.basename(path)[: -len(".pub")], path, [path]) for path in key_files]
    of_users += [(os.path.basename(path), path, files.public_keys_in(path) or []) for path in folders]
    for user_name, path, paths in of_users:
        try:
            COLUMNS["user_name"](user_name)
        except ArgumentError as error:
            faults.append(
                f"{shown_path(path)}: It is named after a user, and {shown(user_name)} is no such name. {error}"
            )
            continue
        user = users.setdefault(user_name, FileUser(user_name, Place(path)))
        if user.is_absent:
            faults.append(
                f"{user.place}: state is absent for {shown(user_name)}, and the folder has keys of the user: "
                f"{shown_path(path)}. Delete either."
            )
        user.key_files += [(Place(each), each) for each in paths]


# -- What a user is declared with -------------------------------------------------------------------------------------


def _declared(user: FileUser, asked: Asked, defaults: Mapping[str, Any], files: Files) -> dict[str, Any]:
    """Return a user as the module takes it. Raises ArgumentError."""
    if user.is_absent:
        return {"user_name": user.user_name, "state": "absent"}
    options = dict(user.options)
    allow_empty = options.pop("allow_empty", asked.allow_empty)
    texts = [(str(place), text) for place, text in user.keys]
    faults = []
    for place, path in user.key_files:
        try:
            texts.append((path, files.read(path)))
        except ArgumentError as error:
            faults.append(str(error) if place.file == path else f"{place}: {error}")
    try:
        keys, _warnings = judged_keys(
            texts,
            f"{user.place}, user {shown(user.user_name)}",
            judge_for_transfer,
            unsupported_keys=asked.unsupported_keys,
            if_empty=None if allow_empty else _IF_EMPTY,
            how_to_skip="unsupported_keys: skip (transfer_users_unsupported_keys of the playbook)",
        )
        if not keys and not faults and not texts and not allow_empty:
            faults.append(f"{user.place}: The user {shown(user.user_name)} has no key. {_IF_EMPTY}")
    except ArgumentError as error:
        faults.append(str(error))
    completed = _completed(options, defaults, user.user_name)
    fields = {name: value for name, value in completed.items() if name in FIELDS}
    try:
        check_fields(user.user_name, fields)
    except ArgumentError as error:
        faults.append(f"{user.place}, user {shown(user.user_name)}: {error}")
    if faults:
        raise ArgumentError(" ".join(faults))
    return {
        "user_name": user.user_name,
        **completed,
        "public_keys": [text for _place, text in texts],
        **({"allow_empty": True} if allow_empty else {}),
    }


_IF_EMPTY = "If the user may have no key, set allow_empty to true for it."
_FORM_OF_HOME = ("home_directory_type", "home_directory_mappings")


def _completed(options: Mapping[str, Any], defaults: Mapping[str, Any], user_name: str) -> dict[str, Any]:
    has_form = any(name in options for name in _FORM_OF_HOME)
    left_out = ("home_directory", *_FORM_OF_HOME) if has_form else ()
    taken = {name: value for name, value in defaults.items() if name not in left_out}
    completed = {**taken, **options}
    if "home_directory" in completed:
        completed["home_directory"] = cells.with_user_name(completed["home_directory"], user_name)
    if "home_directory_mappings" in completed:
        completed["home_directory_mappings"] = [
            {
                name: cells.with_user_name(value, user_name) if isinstance(value, str) else value
                for name, value in mapping.items()
            }
            for mapping in completed["home_directory_mappings"]
        ]
    return completed


# -- Defaults ---------------------------------------------------------------------------------------------------------


def _defaults(given: Mapping[str, Any], faults: list[str]) -> dict[str, Any]:
    """Return defaults as the module takes them."""
    found = {}
    for name, value in given.items():
        if value is None or value == "":
            continue
        try:
            found[name] = _READERS.get(name, COLUMNS.get(name, _as_it_is))(value)
        except ArgumentError as error:
            hides = not isinstance(value, str) or could_be_part_of_one(value)
            faults.append(f"{name}: {'' if hides else f'{shown(value)}. '}{error}")
    return found


def _as_it_is(value: Any) -> Any:
    return value


def _mappings(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, str):
        return cells.read_mappings(value)
    if not isinstance(value, Sequence) or not all(isinstance(each, Mapping) for each in value):
        raise ArgumentError(
            f"It must be a list of mappings, each with entry and target, and is of type {type_name(value)}."
        )
    return cells.mappings_of(value)


def _policy(value: Any) -> str:
    if isinstance(value, Mapping):
        return json.dumps(value)
    if not isinstance(value, str):
        raise ArgumentError(f"It must be a policy, as a mapping or as JSON, and is of type {type_name(value)}.")
    return cells.read_policy(value)


def _tags(value: Any) -> dict[str, str]:
    return cells.read_tags(value) if isinstance(value, str) else cells.tags_of(value)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "home_directory_mappings": _mappings,
    "policy": _policy,
    "tags": _tags,
}
