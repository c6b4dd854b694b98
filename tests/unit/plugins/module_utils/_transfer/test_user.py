# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When two values of a user are the same."""

from __future__ import annotations

import json

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user import (
    HomeDirectoryMapping,
    PosixProfile,
    read_policy,
    same_mappings,
    same_policy,
    same_posix_profile,
)
from ansible_collections.sshkeys.aws.tests.unit.transfer_service import some_mappings
from hypothesis import given, strategies as st

A, B = HomeDirectoryMapping("/", "/bucket"), HomeDirectoryMapping("/in", "/bucket/in", "FILE")


@given(some_mappings.flatmap(lambda mappings: st.tuples(st.just(mappings), st.permutations(mappings))))
def test_the_order_of_mappings_has_no_meaning(
    pair: tuple[tuple[HomeDirectoryMapping, ...], list[HomeDirectoryMapping]],
) -> None:
    assert same_mappings(pair[0], tuple(pair[1]))


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        ((A, B), True),
        ((A._replace(type="DIRECTORY"), B), True),
        ((A._replace(type="FILE"), B), False),
        ((A, B._replace(type=None)), False),
        ((A._replace(target="/other"), B), False),
        ((A._replace(entry="/other"), B), False),
        ((A,), False),
        ((), False),
    ],
)
def test_mappings_are_the_same_if_all_of_each_is(other: tuple[HomeDirectoryMapping, ...], is_same: bool) -> None:
    assert same_mappings((B, A), other) == is_same


@pytest.mark.parametrize(
    ("some", "other", "is_same"),
    [
        ('{"a": [1, 2]}', ' {"a":[1,2]} ', True),
        ('{"a": 1, "b": 2}', '{"b": 2, "a": 1}', True),
        ('{"a": [1, 2]}', '{"a": [2, 1]}', False),
        ('{"a": "1"}', '{"a": 1}', False),
        ('{"a": true}', '{"a": 1}', False),
        ('{"a": false}', '{"a": 0}', False),
        ("", "", True),
        ("", "{}", False),
        ("no json", "no json", True),
        ("no json", "no  json", False),
        ("[" * 100_000, "", False),
    ],
)
def test_policies_are_compared_as_json(some: str, other: str, is_same: bool) -> None:
    assert same_policy(some, other) == is_same
    assert same_policy(other, some) == is_same


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner)))
def test_a_policy_is_read_as_it_was_written(policy: object) -> None:
    assert read_policy(json.dumps(policy)) == policy


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        (PosixProfile(1, 2, (3, 4)), True),
        (PosixProfile(1, 2, (4, 3)), True),
        (PosixProfile(1, 2, (3,)), False),
        (PosixProfile(1, 3, (3, 4)), False),
        (PosixProfile(2, 2, (3, 4)), False),
        (None, False),
    ],
)
def test_profiles_are_the_same_identity(other: PosixProfile | None, is_same: bool) -> None:
    assert same_posix_profile(PosixProfile(1, 2, (3, 4)), other) == is_same


def test_no_profile_is_not_the_profile_of_root() -> None:
    assert not same_posix_profile(None, PosixProfile(0, 0))
    assert same_posix_profile(None, None)
