# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The options user_name and users of the modules for Transfer users: one user, or many with options of their own."""

from __future__ import annotations

from typing import Any, Callable, Mapping, TypeVar

from ansible_collections.sshkeys.aws.plugins.module_utils._arguments import expand
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, shown

Declaration = TypeVar("Declaration")

DECLARED_TWICE = "It is declared twice. Put all declarations of a user into one element."


def declared_users(
    params: Mapping[str, Any],
    element_options: Mapping[str, Any],
    declare: Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[Declaration, list[str]]],
) -> tuple[list[Declaration], list[str]]:
    """Return the declaration of each user, and warnings.

    params: the options of the task, with user_name or users. element_options: the argument spec of an element of users.
    declare: takes the options of the task and those of an element, and returns a declaration and warnings. It raises
    ArgumentError.
    Raises ArgumentError that names every fault of every user.
    """
    is_single = params["users"] is None
    if is_single and params["user_name"] is None:
        raise ArgumentError(
            "user_name is null, and so is users. Give a name, or a list. A variable without a value is null."
        )
    elements = [params["user_name"]] if is_single else params["users"]
    declared: list[Declaration] = []
    names: set[str] = set()
    warnings: list[str] = []
    faults: list[str] = []
    for user in expand(elements, option="users", name="user_name", spec=element_options):
        name = user["user_name"]
        who = "" if is_single else f"user {shown(name)}: "
        if name in names:
            faults.append(f"{who}{DECLARED_TWICE}")
        names.add(name)
        try:
            declaration, about_user = declare(params, user)
        except ArgumentError as error:
            faults.append(f"{who}{error}")
            continue
        declared.append(declaration)
        warnings += [f"{who}{sentence}" if sentence.startswith("public_keys") else sentence for sentence in about_user]
    if faults:
        raise ArgumentError(" ".join(faults))
    return declared, list(dict.fromkeys(warnings))
