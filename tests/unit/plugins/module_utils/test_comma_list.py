# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._comma_list import elements, faults
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from hypothesis import given, strategies as st

NAMES = st.lists(st.text("abcXYZ019-_.@:", min_size=1), unique=True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, []),
        ("", []),
        ("A", ["A"]),
        ("A,B", ["A", "B"]),
        ("A, B", ["A", "B"]),
        ("A,A", ["A"]),
        (["A", " B "], ["A", "B"]),
        ([], []),
    ],
)
def test_elements(value: Any, expected: list[str]) -> None:
    assert elements(value) == expected
    assert faults({"server_ids": value}) == []


@pytest.mark.parametrize("value", [1, True, {"A": 1}])
def test_what_is_no_list_is_refused(value: Any) -> None:
    with pytest.raises(ArgumentError, match="of type"):
        elements(value)
    (fault,) = faults({"server_ids": value})
    assert fault.startswith("server_ids is of type ")


class TaggedDict(dict[str, int]):
    """A type of its own made of a dict, as ansible-core 2.19 and later hand them over."""


@pytest.mark.parametrize(("value", "name"), [(1, "int"), (True, "bool"), ({"A": 1}, "dict"), (TaggedDict(A=1), "dict")])
def test_the_type_is_the_one_that_people_know(value: Any, name: str) -> None:
    (fault,) = faults({"server_ids": value})
    assert fault.startswith(f"server_ids is of type {name}. ")
    with pytest.raises(ArgumentError, match=f"of type {name}"):
        elements(value)


@pytest.mark.parametrize("value", ["A,", "A, ", "A,B,", ","])
def test_a_list_that_ends_in_a_comma_was_cut(value: str) -> None:
    (fault,) = faults({"server_ids": value})
    assert "server_ids is '" in fault
    assert "ends in a comma" in fault
    assert "at the first blank" in fault
    assert "-e server_ids=A,B" in fault


@pytest.mark.parametrize("value", ["A,,B", ",A", "A, ,B", ["A", ""], ["A", None]])
def test_an_empty_element_is_a_fault(value: Any) -> None:
    (fault,) = faults({"fail_on": value})
    assert fault.startswith("fail_on ")


def test_what_ansible_cut_off_is_a_fault() -> None:
    (fault,) = faults({"server_ids": "A"}, "B")
    assert "'B'" in fault


@pytest.mark.parametrize("file", ["sftp.yml", "../vars/all.YAML", "~/my-vars.json"])
def test_a_file_without_its_at_sign(file: str) -> None:
    assert faults({}, file) == [f"{file!r} is no variable. To read the variables in that file, write -e @{file}."]
    assert len(faults({}, f"{file} other.yml")) == 2


@pytest.mark.parametrize("text", ["B", "a=b.yml", "sftp.yml B", ".yml", "two words.txt"])
def test_what_is_no_file_was_cut_off(text: str) -> None:
    (fault,) = faults({}, text)
    assert fault.startswith("Ansible cut off ")


def test_what_was_cut_off_is_not_shown_when_it_is_long() -> None:
    (fault,) = faults({}, "b3BlbnNzaC1rZXktdjE" * 10)
    assert "b3BlbnNzaC1rZXktdjE" not in fault


def test_each_list_has_its_own_sentence() -> None:
    assert [fault.split()[0] for fault in faults({"server_ids": "A,", "fail_on": "old,", "user_names": "u"})] == [
        "server_ids",
        "fail_on",
    ]


@given(NAMES)
def test_text_and_list_are_the_same(names: list[str]) -> None:
    assert elements(",".join(names)) == elements(names) == names
    assert faults({"names": ",".join(names)}) == faults({"names": names}) == []


@given(NAMES.filter(bool), st.data())
def test_no_list_that_was_cut_after_a_comma_is_taken_for_whole(names: list[str], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(names)))
    assert faults({"names": ",".join(names[:cut]) + ","})
