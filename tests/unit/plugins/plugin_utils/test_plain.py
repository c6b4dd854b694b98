# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._plain import is_template, plain
from hypothesis import given, strategies as st


class Text(str):
    __slots__ = ()


class Number(int):
    pass


class Fraction(float):
    pass


class Dict(dict[Any, Any]):
    pass


class List(list[Any]):
    pass


def types_in(value: Any) -> set[type]:
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return {type(value)}.union(*map(types_in, inner))


@pytest.mark.parametrize("value", ["a", 1, 0, 1.5, True, False, None, [], {}, [1, ["a"]], {"a": {"b": [None]}}])
def test_what_is_plain_stays_equal(value: Any) -> None:
    assert plain(value) == value
    assert types_in(plain(value)) == types_in(value)


def test_what_is_made_of_it_becomes_plain() -> None:
    value = Dict({Text("a"): List([Text("b"), Number(2), Fraction(1.5), (True, None)])})
    assert plain(value) == {"a": ["b", 2, 1.5, [True, None]]}
    assert types_in(plain(value)) == {dict, list, str, int, float, bool, type(None)}


def test_a_copy_is_made() -> None:
    value = {"a": [1]}
    plain(value)["a"].append(2)
    assert value == {"a": [1]}


def test_what_is_something_else_stays() -> None:
    value = object()
    assert plain([value]) == [value]


values = st.recursive(
    st.one_of(st.text().map(Text), st.integers().map(Number), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner).map(List), st.dictionaries(st.text().map(Text), inner).map(Dict)),
)


@given(values)
def test_all_of_it_is_plain_and_equal(value: Any) -> None:
    assert plain(value) == value
    assert types_in(plain(value)) <= {dict, list, str, int, bool, type(None)}


@pytest.mark.parametrize(
    ("value", "is_one"), [("{{ nobody }}", True), ("a{% if b %}", True), ("{ }", False), ("", False), (22, False)]
)
def test_a_template_that_is_left_is_one(value: object, is_one: bool) -> None:
    assert is_template(value) is is_one
