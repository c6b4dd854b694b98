# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a user as text."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import parse_public_keys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer import cells
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, line_of
from hypothesis import given, strategies as st

ALICE, BOB = (line_of(ed25519_blob(bytes([number]) * 32), name) for number, name in enumerate(("alice", "bob"), 1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.pub", ["a.pub"]),
        ("a.pub; b c.pub ;", ["a.pub", "b c.pub"]),
        ("a.pub\nb.pub", ["a.pub", "b.pub"]),
        (" ;", []),
    ],
)
def test_lists(text: str, expected: list[str]) -> None:
    assert cells.read_list(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/=/bucket/home", [("/", "/bucket/home")]),
        ("/ = /bucket/home ; /incoming=/bucket/in", [("/", "/bucket/home"), ("/incoming", "/bucket/in")]),
        ("/=/b/a\n/c=/b/c", [("/", "/b/a"), ("/c", "/b/c")]),
        # Only the first = stands between the two.
        ("/in=/bucket/a=b", [("/in", "/bucket/a=b")]),
    ],
)
def test_mappings(text: str, expected: list[tuple[str, str]]) -> None:
    assert cells.read_mappings(text) == [{"entry": entry, "target": target} for entry, target in expected]


def test_mappings_may_be_json() -> None:
    given_mappings = [{"Entry": "/a=b", "Target": "/bucket/x;y", "Type": "FILE"}]
    assert cells.read_mappings(json.dumps(given_mappings)) == given_mappings
    assert cells.read_mappings("[]") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("team=finance", {"team": "finance"}),
        ("team = finance; env=prod;", {"team": "finance", "env": "prod"}),
        ("empty=;equals=a=b", {"empty": "", "equals": "a=b"}),
        ('{"a;b": "c=d", "number": 7}', {"a;b": "c=d", "number": 7}),
        ("{}", {}),
    ],
)
def test_tags(text: str, expected: dict[str, object]) -> None:
    assert cells.read_tags(text) == expected


@pytest.mark.parametrize(("text", "expected"), [("0", 0), ("4294967295", 4294967295)])
def test_ids(text: str, expected: int) -> None:
    assert cells.read_id(text) == expected


@pytest.mark.parametrize("text", ["1;2;3", "1, 2,3", "1 2 3", "[1, 2, 3]", "1\n2\n3"])
def test_several_ids(text: str) -> None:
    assert cells.read_ids(text) == [1, 2, 3]


def test_a_policy_stays_as_it_is() -> None:
    text = '{"Version": "2012-10-17",\n "Statement": []}'
    assert cells.read_policy(text) == text


@pytest.mark.parametrize(
    ("read", "text", "sentence"),
    [
        (cells.read_mappings, "/bucket/home", "Write each element as NAME=VALUE, such as /=/bucket/home, with ;"),
        (cells.read_mappings, "=/bucket", "Write each element as NAME=VALUE"),
        (cells.read_mappings, '{"entry": "/", "target": "/b"}', "It must be a list of mappings"),
        (cells.read_mappings, '["/"]', "It must be a list of mappings"),
        (cells.read_mappings, "[", "It is not JSON: "),
        (cells.read_mappings, "[" * 90_000, "It is JSON that is nested too deeply."),
        *(
            (read, text.format(word), "It has braces that stand for nothing. Write {user_name}")
            for word in ("{username}", "{user}", "{ user_name }", "{UserName}", "{{user_name}}", "{name}")
            for read, text in (
                (cells.read_path, "/b/{}"),
                (cells.read_mappings, "/=/b/{}"),
                (cells.read_mappings, '[{{"entry": "/", "target": "/b/{}"}}]'),
            )
        ),
        (cells.read_tags, "finance", "Write each element as NAME=VALUE, such as team=finance"),
        (cells.read_tags, "a=1;a=2", "It has a tag twice."),
        (cells.read_tags, '{"a": ["b"]}', "The value of a tag must be a text."),
        (cells.read_tags, '{"a": null}', "The value of a tag must be a text."),
        (cells.read_policy, "arn:aws:iam::aws:policy/ReadOnly", "It is not JSON: "),
        (cells.read_policy, "[]", "It must be a policy, a JSON object"),
        (cells.read_path, "bucket/home", "It must begin with /, such as /bucket/home."),
        (cells.read_id, "-1", "It must be a whole number from 0 to 4294967295."),
        (cells.read_id, "4294967296", "It must be a whole number"),
        (cells.read_id, "1.0", "It must be a whole number"),
        (cells.read_id, "٣", "It must be a whole number"),
        (cells.read_ids, "1;x", "It must be a whole number"),
    ],
)
def test_faults_do_not_show_the_text(read: Any, text: str, sentence: str) -> None:
    with pytest.raises(ArgumentError) as refused:
        read(text)
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/b/{user_name}/in/{user_name}", "/b/partner/in/partner"),
        ("/b/${Transfer:UserName}", "/b/${Transfer:UserName}"),
        ("/b/{year}", "/b/{year}"),
        ("/b", "/b"),
    ],
)
def test_the_name_of_a_user_stands_in_a_path(path: str, expected: str) -> None:
    assert cells.with_user_name(cells.read_path(path), "partner") == expected


def test_tags_must_be_a_mapping() -> None:
    with pytest.raises(ArgumentError, match="It must be a mapping of names to values, and is of type list"):
        cells.tags_of(["a"])


@pytest.mark.parametrize("between", [", ", ",", "; ", ";", "\n", ",\n", " ;\n "])
def test_keys_that_follow_a_comma_or_a_semicolon_are_keys(between: str) -> None:
    found = parse_public_keys(cells.separate_keys(f"{ALICE}{between}{BOB}"))
    assert [key.line_with_comment for key in found] == [ALICE, BOB]


@pytest.mark.parametrize("comment", ["Doe, Jane", "a;b", "the key, ssh-ed25519 of the laptop"])
def test_a_comment_may_have_commas(comment: str) -> None:
    text = f"{ALICE} {comment}"
    assert cells.separate_keys(text) == text


# -- Laws -------------------------------------------------------------------------------------------------------------

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters=";=[{"), min_size=1)
NAMES = WORDS.map(str.strip).filter(bool)


@given(st.dictionaries(NAMES, NAMES))
def test_tags_that_are_written_are_read(tags: dict[str, str]) -> None:
    assert cells.read_tags(";".join(f"{name}={value}" for name, value in tags.items())) == tags
    assert cells.read_tags(json.dumps(tags)) == tags


@given(st.lists(st.integers(0, 2**32 - 1)))
def test_ids_that_are_written_are_read(ids: list[int]) -> None:
    assert cells.read_ids(";".join(map(str, ids))) == ids


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (cells.read_mappings, cells.read_tags, cells.read_policy, cells.read_id, cells.read_ids):
        with suppress(ArgumentError):
            read(text)
