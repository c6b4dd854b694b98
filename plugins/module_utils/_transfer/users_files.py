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
- A user without a declared key is a fault, unless allow_empty is set: then its keys stay as they are. Where it is
  declared that a user has no key, they are removed.
- All keys are judged, and all faults are found, before anything is sent.
"""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Iterator, Mapping, NamedTuple, Protocol, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._arguments import faults_of_keys
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, shown, type_name
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.policy import judge_for_transfer
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.private import could_be_part_of_one
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer import cells
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.names import is_user_name
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.paths import shown_path
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_check import FIELDS, check_fields
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_options import FORM_OF_HOME
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.users_csv import (
    COLUMNS,
    Fault,
    FileUser,
    Place,
    hides_values,
    read_users_csv,
    told,
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
    general: list[str] = []
    if not asked.csv and not asked.folder:
        general.append("Give a CSV file or a folder with the users.")
    defaults = _defaults(asked.defaults, general)
    faults: list[Fault] = []
    found: dict[str, FileUser] = {}
    if asked.csv:
        found.update(_users_of_csv(asked, files, general, faults))
    if asked.folder:
        _add_folder(asked.folder, files, found, general, faults)
    users = []
    for user in found.values():
        texts = _read_keys(user, files, faults)
        faults += _faults_of_keys(user, texts, asked)
        users.append((user, _completed(user, defaults), [each.text for each in texts]))
    # Sentences about fields show values.
    if not hides_values(faults):
        faults += [fault for user, completed, _texts in users for fault in _faults_of_fields(user, completed)]
    sentences = [
        *general,
        *told([fault for fault in faults if fault.place.file == asked.csv]),
        *told([fault for fault in faults if fault.place.file != asked.csv]),
    ]
    if sentences:
        return Users([], sentences)
    return Users([_element(user, completed, texts, asked) for user, completed, texts in users], [])


# -- Where users are declared -----------------------------------------------------------------------------------------


def _users_of_csv(asked: Asked, files: Files, general: list[str], faults: list[Fault]) -> dict[str, FileUser]:
    try:
        text = files.read(asked.csv)
    except ArgumentError as error:
        general.append(str(error))
        return {}
    table = read_users_csv(text, asked.csv, bucket=asked.bucket)
    faults += table.faults
    return {user.user_name: user for user in table.users}


def _add_folder(folder: str, files: Files, users: dict[str, FileUser], general: list[str], faults: list[Fault]) -> None:
    """Add the users of a folder to those of a CSV file."""
    key_files = files.public_keys_in(folder)
    if key_files is None:
        general.append(f"There is no folder {shown_path(folder)} on the controller.")
        return
    folders = files.folders_in(folder)
    if not key_files and not folders:
        general.append(
            f"{shown_path(folder)} has no file NAME.pub, and no folder NAME with *.pub files, for a user NAME."
        )
    of_users = [(os.path.basename(path)[: -len(".pub")], path, [path]) for path in key_files]
    of_users += [(os.path.basename(path), path, files.public_keys_in(path) or []) for path in folders]
    for user_name, path, paths in of_users:
        try:
            COLUMNS["user_name"](user_name)
        except ArgumentError as error:
            sentence = f"It is named after a user, and {shown(user_name)} is no such name. {error}"
            faults.append(Fault(Place(shown_path(path)), sentence))
            continue
        user = users.setdefault(user_name, FileUser(user_name, Place(path)))
        if user.is_absent:
            sentence = (
                f"state is absent for {shown(user_name)}, and the folder has keys of the user: {shown_path(path)}. "
                "Delete either."
            )
            faults.append(Fault(user.place, sentence))
        user.key_files += [(Place(each), each) for each in paths]
        if not paths:
            user.keyless = user.keyless or Place(path)


# -- The keys of a user -----------------------------------------------------------------------------------------------


class _Text(NamedTuple):
    """A text with keys.

    label: the beginning of a sentence about its keys. place: where the text, or its file, is declared.
    """

    label: str
    place: Place
    text: str


def _read_keys(user: FileUser, files: Files, faults: list[Fault]) -> list[_Text]:
    """Return the texts with the keys of a user, and add a fault for each file that cannot be read."""
    if user.is_absent:
        return []
    texts = [_Text(str(place), place, text) for place, text in user.keys]
    for place, name in user.key_files:
        # A name in a table is relative to the table.
        path = os.path.join(os.path.dirname(place.file), name) if place.column else name
        label = f"{place}: {shown_path(name)}" if place.column else name
        try:
            texts.append(_Text(label, place, files.read(path)))
        except ArgumentError as error:
            faults.append(Fault(place, str(error), name if place.column else ""))
    return texts


def _faults_of_keys(user: FileUser, texts: Sequence[_Text], asked: Asked) -> Iterator[Fault]:
    """Yield what is wrong with the keys of a user."""
    if user.is_absent:
        return
    allow_empty = _may_be_empty(user, asked)
    whole = user.place._replace(user_name=user.user_name)
    for sentence in faults_of_keys(
        [(each.label, each.text) for each in texts],
        str(whole),
        judge_for_transfer,
        unsupported_keys=asked.unsupported_keys,
        if_empty=None if allow_empty else _IF_EMPTY,
        how_to_skip="unsupported_keys: skip (transfer_users_unsupported_keys of the playbook)",
    ):
        of_text = next((each for each in texts if sentence.startswith(f"{each.label}: ")), None)
        place = of_text.place if of_text else whole
        # What does not begin as a public key may be a line of a private one. It hides the values of other cells.
        value = of_text.text if of_text and "AAAA" not in of_text.text else ""
        yield Fault(place, sentence[len(f"{place}: ") :], value, is_shown=False)
    yield from _faults_of_keyless(user, allow_empty=allow_empty)


def _faults_of_keyless(user: FileUser, *, allow_empty: bool) -> Iterator[Fault]:
    """Yield what is wrong with a user without a key."""
    name, has_keys = shown(user.user_name), bool(user.keys or user.key_files)
    if user.keyless and user.keyless.column and has_keys:
        other, _text = [*user.keys, *user.key_files][0]
        yield Fault(user.keyless, _KEYLESS_WITH_KEYS.format(name, other), cells.NOTHING)
    if has_keys or allow_empty or not user.faulty.isdisjoint(("public_keys", "public_key_files", "allow_empty")):
        return
    if user.keyless:
        yield Fault(user.keyless, f"The user {name} has no key. {_IF_EMPTY}")
    else:
        yield Fault(user.place, _NO_KEY.format(name))


_IF_EMPTY = (
    "If the user may have no key, set allow_empty to true for it. The keys that it has are then removed, unless "
    "exclusive is false."
)
_NO_KEY = (
    "No key is declared for the user {}, so it could not log in if it is created. Give public_keys or "
    "public_key_files. If the user may have no key, set allow_empty to true for it; then the keys of a user that "
    "exists stay. To remove them, write [] in public_keys too."
)
_KEYLESS_WITH_KEYS = "It says that the user {} has no key, and {} says something else. Remove one of the two."


def _may_be_empty(user: FileUser, asked: Asked) -> bool:
    return bool(user.options.get("allow_empty", asked.allow_empty))


# -- The other options of a user --------------------------------------------------------------------------------------

_ANY_NAME = "user"
_HOME = ("home_directory", *FORM_OF_HOME)


def _completed(user: FileUser, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a user, but for its keys, with what they leave to defaults."""
    options = {name: value for name, value in user.options.items() if name != "allow_empty"}
    if user.is_absent:
        return options
    has_form = any(name in options or name in user.faulty for name in FORM_OF_HOME)
    left_out = _HOME if has_form else ()
    taken = {name: value for name, value in defaults.items() if name not in left_out}
    completed = {**taken, **options}
    if "home_directory" in completed:
        completed["home_directory"] = cells.with_user_name(completed["home_directory"], user.user_name)
    if "home_directory_mappings" in completed:
        completed["home_directory_mappings"] = [
            {
                name: cells.with_user_name(value, user.user_name) if isinstance(value, str) else value
                for name, value in mapping.items()
            }
            for mapping in completed["home_directory_mappings"]
        ]
    return completed


def _faults_of_fields(user: FileUser, completed: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what the module would refuse."""
    if user.is_absent:
        return
    fields = {name: value for name, value in completed.items() if name in FIELDS}
    if not {"uid", "gid"} <= set(user.options.get("posix_profile", ("uid", "gid"))):
        # The file has a fault for it.
        del fields["posix_profile"]
    home = {name: fields.pop(name) for name in _HOME if name in fields}
    # A name with a fault of its own is no fault of each option.
    user_name = user.user_name if is_user_name(user.user_name) else _ANY_NAME
    for group in (home, *({name: value} for name, value in fields.items())):
        try:
            check_fields(user_name, group)
        except ArgumentError as error:
            yield Fault(user.place._replace(user_name=user.user_name), str(error))


def _element(user: FileUser, completed: Mapping[str, Any], texts: list[str], asked: Asked) -> dict[str, Any]:
    """Return a user as an element of the option of the module. texts: with its keys."""
    named = {"user_name": user.user_name, **completed}
    if user.is_absent:
        return named
    if not (user.keys or user.key_files or user.keyless):
        # The keys of the user stay, whatever the task says of other users.
        return {**named, "exclusive": False}
    return {**named, "public_keys": texts, **({"allow_empty": True} if _may_be_empty(user, asked) else {})}


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
