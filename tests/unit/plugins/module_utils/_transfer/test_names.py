# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ids and names are what the service's model allows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.names import (
    check_key_id,
    check_replaced_id,
    check_server_id,
    check_user_name,
    is_key_id,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.plan import WantedKeys
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair, runs
from ansible_collections.sshkeys.aws.tests.unit.models import allows, near
from ansible_collections.sshkeys.aws.tests.unit.transfer_users import SERVER, USER
from hypothesis import given


def is_allowed(check: Callable[[str], object], value: str) -> bool:
    try:
        check(value)
    except ArgumentError as error:
        said = str(error)
    else:
        return True
    # What is much longer than it may be was not meant for this option, and need not be repeated.
    assert repr(value) in said or len(value) > 40
    return False


def wanted_user(name: str) -> WantedKeys:
    return WantedKeys(name, True, False, ())


def wanted_key_id(key_id: str) -> WantedKeys:
    return WantedKeys(USER, False, False, (), ("key-01234567890abcdef", key_id))


@given(near("ServerId"))
def test_server_id(value: str) -> None:
    assert is_allowed(check_server_id, value) == allows("ServerId", value)


@given(near("UserName"))
def test_user_name(value: str) -> None:
    assert is_allowed(wanted_user, value) == is_allowed(check_user_name, value) == allows("UserName", value)


@given(near("SshPublicKeyId"))
def test_key_id(value: str) -> None:
    assert is_allowed(wanted_key_id, value) == allows("SshPublicKeyId", value)


@pytest.mark.parametrize(
    "key_id",
    [f"{SERVER}:partner:public_key:1764093600.0", "mock_ssh_public_key_id_{ssh_public_key_body}_{now}"],
)
def test_the_ids_of_moto_can_be_given_back(key_id: str) -> None:
    assert wanted_key_id(key_id).key_ids[1] == key_id


@pytest.mark.parametrize("check", [check_server_id, wanted_user, wanted_key_id])
def test_no_part_of_a_private_key_in_the_wrong_option_comes_out(check: Callable[[str], object]) -> None:
    private = key_pair("ed25519").private
    with pytest.raises(ArgumentError) as caught:
        check(private)
    assert not runs(str(caught.value), 8) & runs("".join(private.splitlines()[1:-1]), 8)


@pytest.mark.parametrize(
    ("shape", "check", "value", "allowed"),
    [
        ("ServerId", check_server_id, SERVER, True),
        ("ServerId", check_server_id, "s-01234567890ABCDEF", False),
        ("ServerId", check_server_id, f"{SERVER}\n", False),
        ("ServerId", check_server_id, f"{SERVER}0", False),
        ("ServerId", check_server_id, "", False),
        ("UserName", wanted_user, "abc", True),
        ("UserName", wanted_user, "ab", False),
        ("UserName", wanted_user, "_.-", True),
        ("UserName", wanted_user, ".ab", False),
        ("UserName", wanted_user, "user@corp.example.com", True),
        ("UserName", wanted_user, "a" * 100, True),
        ("UserName", wanted_user, "a" * 101, False),
        ("UserName", wanted_user, "größe", False),
        ("UserName", wanted_user, "abc\n", False),
        ("UserName", wanted_user, "a b c", False),
        ("UserName", wanted_user, "", False),
        ("SshPublicKeyId", wanted_key_id, "key-01234567890abcdef", True),
        ("SshPublicKeyId", wanted_key_id, "key-01234567890abcde", False),
        ("SshPublicKeyId", wanted_key_id, "KEY-01234567890abcdef", False),
        ("SshPublicKeyId", wanted_key_id, "", False),
    ],
)
def test_values(shape: str, check: Callable[[str], object], value: str, allowed: bool) -> None:
    assert allows(shape, value) == allowed, "the table is wrong"
    assert is_allowed(check, value) == allowed


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("key-01234567890abcdef", True),
        (f"{SERVER}:partner:public_key:1764093600.0", True),
        (f"{SERVER}:user.name@example.com:public_key:1764090000.5", True),
        ("mock_ssh_public_key_id_{ssh_public_key_body}_{now}", True),
        ("key-01234567890abcdef\n", False),
        ("key-01234567890abcdefg", False),
        (f"{SERVER}:partner:public_key:", False),
        (f"{SERVER}:a:b:public_key:1764093600.0", False),
        ("mock_ssh_public_key_id_", False),
        ("alice@my laptop", False),
        ("SHA256:v4K2SCakkhOJ9gLiuwJrrfcWc3wCYzvGBWaMKche8CU", False),
        ("", False),
    ],
)
def test_what_is_the_id_of_a_key(text: str, is_one: bool) -> None:
    assert is_key_id(text) == is_one
    assert is_allowed(check_key_id, text) == is_allowed(check_replaced_id, text) == is_one


@given(near("SshPublicKeyId"))
def test_whatever_the_service_takes_can_be_named(value: str) -> None:
    assert is_key_id(value) == is_allowed(check_key_id, value) == is_allowed(check_replaced_id, value)
    assert is_key_id(value) or not allows("SshPublicKeyId", value)


@pytest.mark.parametrize(
    ("check", "sentence"),
    [
        (
            check_key_id,
            "ssh_public_key_ids has 'x', which is not the id of a key: it must be 'key-' and 17 hexadecimal",
        ),
        (check_replaced_id, "replaces has 'x', which is not the id of a key. Give one that transfer_ssh_key_info"),
        (
            check_server_id,
            "server_id 'x' is not the id of a Transfer Family server: it must be 's-' and 17 hexadecimal",
        ),
        (check_user_name, "user_name 'x' is not one that Transfer Family accepts: use 3 to 100 letters, digits and"),
    ],
)
def test_a_refusal_names_the_option_and_what_it_takes(check: Callable[[str], object], sentence: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        check("x")
    assert str(caught.value).startswith(sentence)
