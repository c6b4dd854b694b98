# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One user, or many with options of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.declared_users import declared_users

SPEC: dict[str, Any] = {"user_name": {"type": "str", "required": True}, "state": {"type": "str"}}


def declare(params: Mapping[str, Any], user: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Declare a user by its name and state. A bad name is a fault, and each has a warning."""
    if user["user_name"] == "bad":
        raise ArgumentError("It is bad.")
    return f"{user['user_name']} {user['state'] or params['state']}", ["public_keys: weak.", "A general one."]


def declared(user_name: str | None = None, users: Any = None) -> tuple[list[str], list[str]]:
    """Read the options of a task."""
    return declared_users({"user_name": user_name, "users": users, "state": "present"}, SPEC, declare)


def test_one_user() -> None:
    assert declared("anna") == (["anna present"], ["public_keys: weak.", "A general one."])


def test_many_users_and_whose_a_warning_is() -> None:
    found, warnings = declared(users=["anna", {"user_name": "bert", "state": "absent"}])
    assert found == ["anna present", "bert absent"]
    assert warnings == ["user 'anna': public_keys: weak.", "A general one.", "user 'bert': public_keys: weak."]


def test_no_users() -> None:
    assert declared(users=[]) == ([], [])


def test_null() -> None:
    with pytest.raises(ArgumentError, match="user_name is null, and so is users"):
        declared()


def test_every_fault_is_told() -> None:
    with pytest.raises(ArgumentError) as refused:
        declared(users=["bad", "anna", "anna"])
    assert str(refused.value) == (
        "user 'bad': It is bad. user 'anna': It is declared twice. Put all declarations of a user into one element."
    )
