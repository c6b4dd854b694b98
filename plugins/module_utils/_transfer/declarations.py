# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What is declared for the users of Transfer Family servers, in texts, files and folders: calls to make, and faults.

Pure, but for the files that it is given a way to read. Rules:
- All keys of all servers are judged before anything is sent.
- A fault names the user, the server, and the option or the file that it is in.
- The name of a file counts as it is written: a comma or a semicolon in it is a part of the name.
- A user with an option of the user itself, or whose server has a default of one, is made. Otherwise it must exist.
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator, Mapping, NamedTuple, Protocol, Sequence

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.sshkeys.aws.plugins.module_utils._arguments import judged_keys
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, shown
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.policy import judge_for_removal, judge_for_transfer
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.private import holds_private_key
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.declared_users import DECLARED_TWICE
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.names import check_server_id, check_user_name
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.paths import shown_path
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_check import FIELDS, check_fields
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_options import FORM_OF_HOME


class Files(Protocol):
    """The files of the controller."""

    def find(self, name: str) -> str | None:
        """Return the path of a file or a folder that is named relative to the playbook, None where there is none."""

    def read(self, path: str) -> str:
        """Return the text of a file. Raises ArgumentError where it cannot be read."""

    def public_keys_in(self, folder: str) -> list[str] | None:
        """Return the paths of the ``*.pub`` files in a folder, sorted; None where there is no such folder."""


class Declarations(NamedTuple):
    """What is declared.

    servers: a dict for each, with ``name`` (of the server, for people), ``server_id``, ``region``, ``profile``, ``aws``
    (the options of amazon.aws that are set), ``user_names``, and two lists of dicts: ``declared`` as the option
    ``users`` of transfer_ssh_key takes them, and ``declared_users`` as that of transfer_user takes them.
    faults: sentences; where there are any, nothing may be sent.
    """

    servers: list[dict[str, Any]]
    faults: list[str]


def read_declarations(
    servers: Sequence[Mapping[str, Any]], files: Files, *, unsupported_keys: str, looks_for_old_keys: bool
) -> Declarations:
    """Read what is declared for each server.

    servers: as the role's variable ssh_access_transfer_servers has them, each with ``endpoint_url``, ``region``,
    ``profile``, ``assume_role_arn`` and ``exclusive``.
    unsupported_keys: as transfer_ssh_key has it. looks_for_old_keys: whether there is something to do for a user, or a
    server, for which no key is declared.
    """
    return union(
        Declarations([read], faults)
        for read, faults in (_read_server(server, files, unsupported_keys, looks_for_old_keys) for server in servers)
    )


def union(parts: Iterable[Declarations]) -> Declarations:
    """Return what is declared in several places, such as for several hosts: each server and each fault once.

    A server that is declared in two ways is a fault.
    """
    parts = list(parts)
    servers: list[dict[str, Any]] = []
    for server in (server for part in parts for server in part.servers):
        if server not in servers:
            servers.append(server)
    # A server that one host declares with its region, and another host without, is one server.
    names: dict[str, list[str]] = {}
    for server in servers:
        names.setdefault(server["server_id"], []).append(server["name"])
    faults = [
        f"Server {of_one[0]} has {len(of_one)} different declarations. Declare it once, with all of its users."
        for of_one in names.values()
        if len(of_one) > 1
    ]
    faults += [fault for part in parts for fault in part.faults]
    return Declarations(servers, list(dict.fromkeys(faults)))


def _read_server(
    server: Mapping[str, Any], files: Files, unsupported_keys: str, looks_for_old_keys: bool
) -> tuple[dict[str, Any], list[str]]:
    """Return a server as Declarations has it, and its faults."""
    server_id, region, profile = (str(server.get(option) or "") for option in ("server_id", "region", "profile"))
    name = " ".join(_named(part) for part in (server_id, region, profile) if part)
    options = {
        "region": region,
        "profile": profile,
        **{option: server.get(option) for option in ("assume_role_arn", "endpoint_url")},
    }
    users = server.get("users") or []
    user_names = ["" if user["user_name"] is None else str(user["user_name"]) for user in users]
    declared: list[dict[str, Any]] = []
    declared_users: list[dict[str, Any]] = []
    faults = _faults_of_server(name, server_id, user_names)
    for user_name, user in zip(user_names, users):
        who = f"User {shown(user_name)} of {name}: "
        try:
            check_user_name(user_name)
            exclusive = _boolean(server, "exclusive", otherwise=True)
            named = {**user, "user_name": user_name}
            fields = _fields_of_user(named, _fields(server))
            found = _read_user(named, fields, files, unsupported_keys, exclusive=exclusive)
        except ArgumentError as error:
            faults.append(f"{who}{error}")
            continue
        if found:
            (declared_users if fields else declared).append(found)
        elif not looks_for_old_keys:
            faults.append(f"{who}{_NO_KEY}")
    if not users and not looks_for_old_keys:
        faults.append(f"Server {name}: {_NO_USERS}")
    read = {
        "name": name,
        "server_id": server_id,
        "region": region,
        "profile": profile,
        "aws": {option: value for option, value in options.items() if value},
        "user_names": user_names,
        "declared": declared,
        "declared_users": declared_users,
    }
    return read, faults


def _named(text: str) -> str:
    """Return what names a server for a sentence, unless it is a private key."""
    return shown(text) if holds_private_key(text) else text


def _faults_of_server(name: str, server_id: str, user_names: Sequence[str]) -> list[str]:
    faults = []
    try:
        check_server_id(server_id)
    except ArgumentError as error:
        faults.append(str(error))
    twice = [user_name for user_name in dict.fromkeys(user_names) if user_names.count(user_name) > 1]
    faults += [f"User {shown(user_name)} of {name}: {DECLARED_TWICE}" for user_name in twice]
    return faults


_NO_KEY = (
    "No key is declared. Give public_keys, public_key_files or public_key_folder. If the user may have no key, give "
    "public_keys: [] and allow_empty: true. To look for old keys alone, set ssh_access_transfer_max_key_age_days."
)
_NO_KEY_OF_WHOLE_USER = (
    "No key is declared, so the user could not log in if it is created. Give public_keys, public_key_files or "
    "public_key_folder. If the user may have no key, set allow_empty: true; then the keys of a user that exists stay."
)
_NO_USERS = (
    "It has no users. Declare them, or set ssh_access_transfer_max_key_age_days to look for the old keys of every user."
)


def _fields(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of the user itself that a user has, or a server for all of them. Raises ArgumentError."""
    fields = {name: options[name] for name in FIELDS if options.get(name) is not None}
    if "purge_tags" in fields:
        fields["purge_tags"] = _boolean(options, "purge_tags", otherwise=True)
    return fields


def _fields_of_user(user: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is declared for the user itself, empty where only its keys are. Raises ArgumentError.

    defaults: those of its server.
    """
    own = _fields(user)
    if (user.get("state") or "present") != "present":
        if all(user.get(option) is None for option in _KEY_SOURCES):
            raise ArgumentError(_ABSENT_WITHOUT_KEYS)
        if own:
            raise ArgumentError(_ABSENT_WITH_FIELDS.format(", ".join(own)))
        return {}
    if not own.keys().isdisjoint(FORM_OF_HOME):
        defaults = {name: value for name, value in defaults.items() if name not in FORM_OF_HOME}
    fields = {**defaults, **own}
    if not set(fields) - {"purge_tags"}:
        return {}
    check_fields(user["user_name"], fields)
    return fields


_ABSENT_WITH_FIELDS = (
    "state: absent removes the declared keys, and the user stays. Beside it these have no meaning: {}. Remove them. To "
    "delete the user, use sshkeys.aws.transfer_user or the playbook transfer_users."
)
_ABSENT_WITHOUT_KEYS = (
    "state: absent removes the declared keys, and none is declared. To delete the user, use sshkeys.aws.transfer_user "
    "or the playbook transfer_users."
)
_KEY_SOURCES = ("public_keys", "public_key_files", "public_key_folder")


def _read_user(
    user: Mapping[str, Any], fields: Mapping[str, Any], files: Files, unsupported_keys: str, *, exclusive: bool
) -> dict[str, Any] | None:
    """Return what is declared for a user as transfer_ssh_key takes it, None where nothing is. Raises ArgumentError.

    fields: of the user itself. If there are any, it is returned as transfer_user takes it.
    """
    allow_empty = _boolean(user, "allow_empty", otherwise=False)
    is_present = (user.get("state") or "present") == "present"
    if all(user.get(option) is None for option in _KEY_SOURCES):
        if fields and not allow_empty:
            raise ArgumentError(_NO_KEY_OF_WHOLE_USER)
        return {"user_name": user["user_name"], **fields} if fields else None
    if allow_empty and not is_present:
        raise ArgumentError("allow_empty: true and state: absent contradict each other. Remove one of them.")
    texts = list(_texts(user, files, allow_empty=allow_empty))
    keys, _warnings = judged_keys(
        texts,
        "public_keys",
        judge_for_transfer if is_present else judge_for_removal,
        unsupported_keys=unsupported_keys,
        if_empty=None if allow_empty else _if_empty(is_present),
        how_to_skip="ssh_access_transfer_unsupported_keys: skip",
    )
    if not keys and not allow_empty:
        raise ArgumentError(f"There is no key in its declaration. {_if_empty(is_present)}")
    declared = {
        "user_name": user["user_name"],
        "state": "present" if is_present else "absent",
        **fields,
        "exclusive": is_present and _boolean(user, "exclusive", otherwise=exclusive),
        "public_keys": [text for _place, text in texts],
    }
    return {**declared, "allow_empty": True} if allow_empty else declared


def _boolean(options: Mapping[str, Any], option: str, *, otherwise: bool) -> bool:
    """Return an option as Ansible reads a boolean. The argument spec of a role checks a text, and leaves it a text."""
    value = options.get(option)
    if value is None:
        return otherwise
    try:
        return bool(boolean(value))
    except TypeError:
        raise ArgumentError(f"{option} is {shown(str(value))}, and must be true or false.") from None


def _if_empty(is_present: bool) -> str:
    if is_present:
        return "If the user may have no key, set allow_empty: true for it."
    return "With state: absent, give the keys to remove."


def _texts(user: Mapping[str, Any], files: Files, *, allow_empty: bool) -> Iterator[tuple[str, Any]]:
    """Yield where each text with keys is from, and the text. Raises ArgumentError."""
    given = user.get("public_keys")
    if isinstance(given, (list, tuple)):
        for position, text in enumerate(_flat(given)):
            yield f"public_keys[{position}]", text
    elif given is not None:
        yield "public_keys", given
    for name in _names_of_files(user.get("public_key_files")):
        path = files.find(name)
        if path is None:
            raise ArgumentError(
                f"public_key_files has {shown_path(name)}, and there is no such file on the controller. A relative "
                "path begins at the folder of the playbook; several files are a list."
            )
        yield name, files.read(path)
    folder = user.get("public_key_folder")
    if folder is not None:
        yield from _texts_of_folder(folder, files, allow_empty=allow_empty)


def _flat(elements: Sequence[Any]) -> Iterator[Any]:
    """Yield the elements of lists in lists: a query() may stand in a list."""
    for element in elements:
        if isinstance(element, (list, tuple)):
            yield from _flat(element)
        else:
            yield element


def _names_of_files(given: Any) -> list[str]:
    names = list(_flat(given)) if isinstance(given, (list, tuple)) else [given] if given is not None else []
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise ArgumentError(
                f"public_key_files has {shown(str(name))}, which is not the name of a file. Give a name, or a list of "
                "names."
            )
    return names


def _texts_of_folder(folder: Any, files: Files, *, allow_empty: bool) -> Iterator[tuple[str, str]]:
    if not isinstance(folder, str) or not folder.strip():
        raise ArgumentError(
            f"public_key_folder is {shown(str(folder))}, which is not the name of a folder. Give one folder, or leave "
            "it out."
        )
    paths = files.public_keys_in(folder)
    if paths is None:
        raise ArgumentError(
            f"public_key_folder is {shown_path(folder)}, and there is no such folder on the controller. A relative "
            "path begins at the folder of the playbook."
        )
    if not paths and not allow_empty:
        raise ArgumentError(
            f"There is no *.pub file in public_key_folder {shown_path(folder)}. If the user may have no key, set "
            "allow_empty: true for it."
        )
    for path in paths:
        yield path, files.read(path)
