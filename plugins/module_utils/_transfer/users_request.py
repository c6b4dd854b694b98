# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The variables of the playbook transfer_users: what is wrong with them, before any file is read. Pure."""

from __future__ import annotations

import difflib
from typing import Any, Collection, Iterable, Iterator, Mapping

from ansible_collections.sshkeys.aws.plugins.module_utils._booleans import no_boolean
from ansible_collections.sshkeys.aws.plugins.module_utils._comma_list import (
    faults as comma_list_faults,
    names_files,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import shown
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.private import PRIVATE_KEY, holds_private_key
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.names import is_server_id

_PREFIX = "transfer_users_"
# What the other playbooks for Transfer users read without the prefix.
_BARE = ("server_id", "region", "profile", "assume_role_arn", "endpoint_url")
_BOOLEANS = ("transfer_users_exclusive", "transfer_users_allow_empty")


def faults_of_users_request(
    variables: Mapping[str, Any], *, defined: Collection[str] = (), cut_off: str = ""
) -> list[str]:
    """Return sentences that say why the playbook must not begin. An empty list where it may.

    variables: the values of the variables that the playbook documents, by name; None for one that is not set and has no
      default.
    defined: the names of all variables that are set.
    cut_off: what Ansible found after a blank on the command line and put into ``_raw_params``; empty if nothing.
    """
    secrets = [name for name, value in variables.items() if isinstance(value, str) and holds_private_key(value)]
    if secrets:
        return [f"{name}: {PRIVATE_KEY}" for name in secrets]
    found = comma_list_faults({}, cut_off)
    # The variables are in the file.
    found += [] if names_files(cut_off) else _faults(variables, set(defined))
    return [*found, *hints_about_names(variables, defined)] if found else []


def hints_about_names(variables: Mapping[str, Any], defined: Collection[str]) -> list[str]:
    """Return a sentence for each variable that may have lost its prefix. It is worth telling beside a failure alone.

    An inventory may have a variable such as ``region`` for other reasons. variables, defined: as for
    faults_of_users_request.
    """
    return [
        f"The variable {name} is set, and this playbook does not read it. Is it {_PREFIX}{name}?"
        for name in _BARE
        if name in defined and not variables.get(f"{_PREFIX}{name}")
    ]


def _faults(variables: Mapping[str, Any], defined: Collection[str]) -> Iterator[str]:
    for name in sorted(defined):
        if name.startswith(_PREFIX) and name not in variables:
            meant = _meant(name, variables)
            yield f"There is no variable {name}. {f'Is it {meant}?' if meant else _NAMES}"
    server_id = str(variables.get("transfer_users_server_id") or "")
    if not server_id:
        yield (
            "Say on which server the users are, such as -e transfer_users_server_id=s-01234567890abcdef. All variables "
            "of this playbook begin with transfer_users_."
        )
    elif not is_server_id(server_id):
        yield f"transfer_users_server_id is {shown(server_id)}, which is not the id of a server: s-01234567890abcdef."
    if not variables.get("transfer_users_csv") and not variables.get("transfer_users_folder"):
        yield (
            "Say where the users are: a CSV file in transfer_users_csv, or a folder with their public keys in "
            "transfer_users_folder."
        )
    for name in (name for name in _BOOLEANS if name in variables):
        value = str(variables[name]).strip()
        # The filter default takes an empty text for a value, and Ansible takes it for no boolean.
        refusal = no_boolean(name, value or "neither")
        if refusal:
            yield refusal if value else f"{name} is empty, and must be true or false."


def _meant(name: str, variables: Iterable[str]) -> str:
    """Return the variable that a name may mean, empty if none is close."""
    longer = [known for known in variables if known.startswith(name)]
    # All begin alike, so only the rest tells which is close.
    rests = [known[len(_PREFIX) :] for known in variables]
    close = difflib.get_close_matches(name[len(_PREFIX) :], rests, n=1)
    return next(iter(longer), f"{_PREFIX}{close[0]}" if close else "")


_NAMES = "The comment at the head of the playbook has the names."
