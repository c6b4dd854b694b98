# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The variables of the playbook transfer_rotate: read, checked, and put into one request. Pure.

A relative path is made absolute here, in the current folder of the user: modules run in the folder of the playbook.
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass, replace
from typing import Any, Collection, Iterator, Mapping

from ansible_collections.sshkeys.aws.plugins.module_utils._booleans import as_boolean, no_boolean
from ansible_collections.sshkeys.aws.plugins.module_utils._comma_list import elements, faults as comma_list_faults
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import shown
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.private import PRIVATE_KEY, holds_private_key
from ansible_collections.sshkeys.aws.plugins.module_utils._ssh_options import letters_in, options_in
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.paths import Paths, shown_path
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_files import new_file_of

_MISSPELT = frozenset({"keep_key", "keep_keys", "keep_old_key", "replace", "replaced"})
_SSH_PORT = "22"
_LAST_PORT = 65535


# What is wrong with the others is said without the text.
_NO_PLACE_FOR_A_KEY = (
    "server_id",
    "user_name",
    "private_key_file",
    "key_comment",
    "sftp_host",
    "sftp_port",
    "sftp_user",
    "ssh_args",
)
# With any of these in ssh_args, the user says how ssh knows the host key.
_OF_HOST_KEYS = frozenset(
    {
        "userknownhostsfile",
        "globalknownhostsfile",
        "stricthostkeychecking",
        "knownhostscommand",
        "verifyhostkeydns",
        "nohostauthenticationforlocalhost",
    }
)


@dataclass(frozen=True)
class RotateRequest:
    """What a rotation is asked to do.

    faults: sentences that say why it must not begin; empty where it may. Where the variables cannot be read, the keys
      and files are left out.
    who: the user and its server, for sentences.
    public_keys: the text of each given key. public_key_files: the absolute paths of files with more of them.
    replaces: as given, a list or text with commas; None or empty text where nothing is named.
    private_key_file: FILE, the absolute path of the private key that a new one takes the place of; empty with given
      keys. folder: the folder of FILE. new_file: FILE.new. Both are empty with given keys.
    key_comment: the comment of a new pair.
    keep_old_keys: whether nothing is removed for now.
    sftp_host, sftp_port, sftp_user: where to log in with the new key; the host is empty where no login is asked for.
    ssh_args: more arguments for that.
    checks_host_key: whether the server must show a host key that the service states, because there is a login and
      ssh_args does not say how ssh knows the host key.
    """

    faults: tuple[str, ...]
    server_id: str
    user_name: str
    who: str
    public_keys: tuple[str, ...]
    public_key_files: tuple[str, ...]
    replaces: Any
    private_key_file: str
    folder: str
    new_file: str
    key_comment: str
    keep_old_keys: bool
    sftp_host: str
    sftp_port: str
    sftp_user: str
    ssh_args: str
    checks_host_key: bool


def read_rotate_request(
    variables: Mapping[str, Any], paths: Paths, *, defined: Collection[str] = (), cut_off: str = ""
) -> RotateRequest:
    """Read what a rotation is asked to do.

    variables: the values of the variables that the playbook documents, by name; None for one that is not set.
    defined: the names of all variables that are set.
    cut_off: what Ansible found after a blank on the command line and put into ``_raw_params``; empty if nothing.
    """
    secrets = [name for name in _NO_PLACE_FOR_A_KEY if holds_private_key(str(variables.get(name) or ""))]
    if secrets:
        variables = {**variables, **dict.fromkeys(secrets)}
    names_of_files = _names_of_files(variables.get("public_key_files"), paths)
    lists = {"public_key_files": names_of_files, "replaces": variables.get("replaces") or None}
    unreadable = [f"{name}: {PRIVATE_KEY}" for name in secrets]
    unreadable += comma_list_faults(lists, cut_off) + _faults_of_types(variables)
    if unreadable:
        variables = {**variables, "public_keys": None, "private_key_file": None}
        names_of_files = None
    file = _text(variables, "private_key_file")
    file = paths.absolute(file) if file else ""
    server_id, user_name = _text(variables, "server_id"), _text(variables, "user_name")
    request = RotateRequest(
        faults=tuple(unreadable),
        server_id=server_id,
        user_name=user_name,
        who=f"{user_name} on {server_id}",
        public_keys=_given_keys(variables.get("public_keys")),
        public_key_files=tuple(map(paths.absolute, elements(names_of_files))),
        replaces=variables.get("replaces"),
        private_key_file=file,
        folder=os.path.dirname(file),
        new_file=new_file_of(file) if file else "",
        key_comment=str(variables.get("key_comment") or f"{user_name}@{server_id}"),
        keep_old_keys=as_boolean(_text(variables, "keep_old_keys")) or False,
        sftp_host=_text(variables, "sftp_host"),
        sftp_port=_text(variables, "sftp_port") or _SSH_PORT,
        sftp_user=_text(variables, "sftp_user") or user_name,
        ssh_args=_text(variables, "ssh_args"),
        checks_host_key=bool(_text(variables, "sftp_host")) and not _says_host_keys(_text(variables, "ssh_args")),
    )
    # Nothing more is said of variables that could not be read.
    return request if unreadable else replace(request, faults=tuple(_faults(request, variables, paths, set(defined))))


def _text(variables: Mapping[str, Any], name: str) -> str:
    value = variables.get(name)
    return str(value).strip() if value else ""


def _words(ssh_args: str) -> list[str] | None:
    """Return the words of arguments, None where a quote has no end."""
    try:
        return shlex.split(ssh_args)
    except ValueError:
        return None


def _says_host_keys(ssh_args: str) -> bool:
    """Return whether arguments of sftp say how it knows host keys, or name a configuration that may say so."""
    words = _words(ssh_args) or []
    return bool(
        any(letter == "F" for letter, _value in letters_in(words, "sftp"))
        or _OF_HOST_KEYS.intersection(told.keyword for told in options_in(words, "sftp"))
    )


def _names_of_files(value: Any, paths: Paths) -> Any:
    """Return public_key_files as a list where it is the name of one file, since that may hold a comma."""
    return [value] if isinstance(value, str) and value and paths.is_file(paths.absolute(value)) else value or None


def _given_keys(value: Any) -> tuple[str, ...]:
    if not value:
        return ()
    return (value,) if isinstance(value, str) else tuple(map(str, value))


# -- What is wrong ----------------------------------------------------------------------------------------------------


def _faults_of_types(variables: Mapping[str, Any]) -> list[str]:
    keys, file = variables.get("public_keys") or "", variables.get("private_key_file") or ""
    if isinstance(file, str) and isinstance(keys, (str, list, tuple)):
        return []
    fault = (
        "public_keys must be a key or a list of keys, and private_key_file the name of one file. For "
        "example: -e private_key_file=~/.ssh/partner."
    )
    return [fault]


def _faults(
    request: RotateRequest, variables: Mapping[str, Any], paths: Paths, defined: Collection[str]
) -> Iterator[str]:
    if not request.server_id or not request.user_name:
        yield "Say whose keys to replace, such as -e server_id=s-01234567890abcdef -e user_name=partner."
    yield from _faults_of_keys(request, paths, defined)
    if request.private_key_file and (
        paths.is_folder(request.private_key_file) or request.private_key_file.endswith(".pub")
    ):
        yield (
            f"private_key_file is {shown_path(request.private_key_file)}, and must be the file of a private key, which "
            "need not exist yet."
        )
    if request.sftp_host and not request.private_key_file:
        yield (
            "sftp_host is set, but there is no private key to log in with. Leave it out, or give private_key_file "
            "instead of public keys."
        )
    if not re.fullmatch(r"[0-9]{1,5}", request.sftp_port) or not 1 <= int(request.sftp_port) <= _LAST_PORT:
        yield f"sftp_port is {shown(request.sftp_port)}, and must be the number of a port."
    if _words(request.ssh_args) is None:
        yield "ssh_args has a quote without an end. Quote it as for a shell, such as '-o \"ProxyCommand=ssh bastion\"'."
    refusal = no_boolean("keep_old_keys", _text(variables, "keep_old_keys"))
    if refusal:
        yield refusal


def _faults_of_keys(request: RotateRequest, paths: Paths, defined: Collection[str]) -> Iterator[str]:
    misspelt = sorted(_MISSPELT.intersection(defined))
    is_given = not {"public_keys", "public_key_files"}.isdisjoint(defined)
    if misspelt:
        yield (
            f"There is no variable {', '.join(misspelt)}. The names are public_keys, public_key_files, "
            "private_key_file, replaces and keep_old_keys."
        )
    elif is_given == bool(request.private_key_file):
        yield (
            "Give either public_keys or public_key_files, when somebody else has made the key pair, or "
            "private_key_file, to have one made."
        )
    if is_given and not request.public_key_files and not any(key.strip() for key in request.public_keys):
        yield (
            "There is no key in public_keys and public_key_files. The user would lose every key, which this playbook "
            "never does."
        )
    missing = [file for file in request.public_key_files if not paths.is_file(file)]
    if missing:
        yield f"public_key_files has {', '.join(map(shown_path, missing))}, and there is no such file."
