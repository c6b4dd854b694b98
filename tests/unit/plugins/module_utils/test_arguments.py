# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._arguments import (
    check_concurrency,
    expand,
    faults_of_inner_options,
    one_public_key,
    public_keys,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import PublicKeyError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import PublicKey
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.policy import (
    judge_for_instance_connect,
    judge_for_transfer,
)
from ansible_collections.sshkeys.aws.tests.unit.keys import (
    COMMENT,
    dss_blob,
    ecdsa_blob,
    ed25519_blob,
    line_of,
    rsa_line,
    security_key_blobs,
)
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, strategies as st

# Keys that are the same in every process, for they are in the names of tests.
POINT = ec.derive_private_key(12345678901234567890, ec.SECP256R1()).public_key().public_numbers()
ED25519, ECDSA, RSA = LINES = [
    line_of(ed25519_blob(b"\x21" * 32), COMMENT),
    line_of(ecdsa_blob(256, POINT.x, POINT.y), COMMENT),
    f"{rsa_line(2048)} {COMMENT}",
]
DSS = line_of(dss_blob(), "old")
TOKEN = line_of(security_key_blobs()["sk-ssh-ed25519@openssh.com"], "token")
PRIVATE = (
    ed25519.Ed25519PrivateKey.from_private_bytes(b"\x21" * 32)
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)

SPEC: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "port": {"type": "int", "aliases": ["door"]},
    "state": {"type": "str", "choices": ["open", "shut"]},
    "exclusive": {"type": "bool"},
}


def expanded(elements: list[Any]) -> list[dict[str, Any]]:
    return [
        {option: element[option] for option in SPEC}
        for element in expand(elements, option="things", name="name", spec=SPEC)
    ]


def fault_in(elements: list[Any]) -> str:
    with pytest.raises(ArgumentError) as caught:
        expand(elements, option="things", name="name", spec=SPEC)
    return str(caught.value)


# -- Lists of names or dicts ------------------------------------------------------------------------------------------


def thing(
    name: str, port: int | None = None, state: str | None = None, exclusive: bool | None = None
) -> dict[str, Any]:
    return {"name": name, "port": port, "state": state, "exclusive": exclusive}


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ([], []),
        (["a"], [thing("a")]),
        (["a", {"name": "b"}, "c"], [thing("a"), thing("b"), thing("c")]),
        ([{"name": "a", "port": 22, "state": "open", "exclusive": True}], [thing("a", 22, "open", exclusive=True)]),
        ([{"name": "a", "door": 22}], [thing("a", 22)]),
        ([{"name": "a", "port": "22", "exclusive": "no"}], [thing("a", 22, exclusive=False)]),
        ([{"name": "a", "port": None, "exclusive": None}], [thing("a")]),
        (["a", "a"], [thing("a"), thing("a")]),
    ],
)
def test_expand(elements: list[Any], expected: list[dict[str, Any]]) -> None:
    assert expanded(elements) == expected


@pytest.mark.parametrize(
    ("element", "words"),
    [
        (1, ["int", "string or a dict"]),
        (None, ["NoneType", "string or a dict"]),
        (["a"], ["list", "string or a dict"]),
        (True, ["bool", "string or a dict"]),
        ({}, ["name", "missing"]),
        ({"port": 1}, ["name", "missing"]),
        ({"name": "a", "colour": "red"}, ["colour", "upported"]),
        ({"name": "a", "port": "high"}, ["port", "high"]),
        ({"name": "a", "state": "ajar"}, ["state", "ajar", "open, shut"]),
        ({"name": "a", "exclusive": "perhaps"}, ["exclusive", "perhaps"]),
        ({"name": "a", "port": [1]}, ["port", "int"]),
        ({"name": None}, ["name is null"]),
        ({"name": "a", 1: 2}, ["1", "upported"]),
        ({1: 2}, ["1", "upported"]),
        ({"name": "a", None: "x"}, ["None", "upported"]),
    ],
)
@pytest.mark.parametrize("position", [0, 2])
def test_fault_of_an_element(element: Any, words: list[str], position: int) -> None:
    said = fault_in([*["good"] * position, element, "good"])
    assert said.startswith(f"things[{position}]")
    for word in words:
        assert word in said
    assert said.endswith(".")
    assert said.count("things[") == 1


@pytest.mark.parametrize(
    ("element", "kind"), [(None, "NoneType, probably from a variable without a value"), (5, "int")]
)
def test_an_element_that_is_null_is_probably_a_variable_without_a_value(element: Any, kind: str) -> None:
    assert fault_in([element]) == f"things[0] must be a string or a dict, and is of type {kind}."


def test_all_faults_are_in_one_message() -> None:
    said = fault_in([3, "good", {}, {"name": "a", "colour": "red", "port": "x"}, [], {"name": "b"}])
    places = [place for place in range(6) if f"things[{place}]" in said]
    assert places == [0, 2, 3, 4]
    assert "colour" in said
    assert "port" in said
    assert said.index("things[0]") < said.index("things[2]") < said.index("things[3]") < said.index("things[4]")


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)
# YAML allows keys that are no strings.
keys_of_yaml = st.one_of(st.sampled_from([*SPEC, "door"]), st.text(max_size=5), st.integers(), st.none(), st.booleans())
elements_of_yaml = st.one_of(json_values, st.dictionaries(keys_of_yaml, json_values, max_size=4))


@given(st.lists(elements_of_yaml, max_size=4))
def test_whatever_yaml_can_say_is_expanded_or_refused(elements: list[Any]) -> None:
    try:
        result = expanded(elements)
    except ArgumentError:
        assert "things[" in fault_in(elements)
    else:
        assert len(result) == len(elements)
        for given_element, element in zip(elements, result, strict=True):
            assert isinstance(element["name"], str)
            assert isinstance(given_element, (str, dict))


# -- One public key ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "faults"),
    [
        (None, []),
        ({"entry": "/"}, []),
        ([{"entry": "/"}], []),
        ("entry=/", []),
        (5, ["home must be a dict, and is of type int"]),
        (True, ["home must be a dict, and is of type bool"]),
        (
            [{}, None, [1]],
            ["home[1] must be a dict, and is of type NoneType", "home[2] must be a dict, and is of type list"],
        ),
    ],
)
def test_options_with_options_inside(value: Any, faults: list[str]) -> None:
    """ansible-core's validator would raise a TypeError."""
    spec = {
        "home": {"type": "list", "elements": "dict", "options": {"entry": {"type": "str"}}},
        "other": {"type": "int"},
    }
    assert faults_of_inner_options(spec, {"home": value, "other": 5}) == faults
    if faults:
        with pytest.raises(ArgumentError, match=r"users\[0\]: home"):
            expand(
                [{"user_name": "a", "home": value}], option="users", name="user_name", spec={"user_name": {}, **spec}
            )


def test_one_public_key() -> None:
    key, warnings = one_public_key(ED25519, "public_key", judge_for_instance_connect)
    assert (key.line_with_comment, warnings) == (ED25519, [])


def test_one_public_key_with_a_warning() -> None:
    key, warnings = one_public_key(rsa_line(1024), "public_key", judge_for_instance_connect)
    assert key.bits == 1024
    assert len(warnings) == 1
    assert key.fingerprint in warnings[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "It is empty"),
        ("hello", "does not begin with a key type"),
        (f"{ED25519}\n{ECDSA}", "2 different keys"),
        (ECDSA, "the instance ignores them"),
        (PRIVATE, "It is a private key"),
    ],
)
def test_fault_of_one_public_key(text: str, words: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        one_public_key(text, "public_key", judge_for_instance_connect)
    assert str(caught.value).startswith("public_key: ")
    assert words in str(caught.value)
    # A chained error would be printed with a traceback.
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


# -- Public keys ------------------------------------------------------------------------------------------------------


def read(value: Any) -> tuple[list[str], list[str]]:
    found, warnings = public_keys(value, "public_keys", judge_for_transfer)
    return [key.line_with_comment for key in found], warnings


def fault_of(value: Any) -> str:
    with pytest.raises(ArgumentError) as caught:
        read(value)
    assert caught.value.__cause__ is None
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([], []),
        ((), []),
        (LINES[0], LINES[:1]),
        (LINES, LINES),
        (tuple(LINES), LINES),
        ("\n".join(LINES), LINES),
        (["\n".join(LINES[:2]), f"# and\n\n{LINES[2]}\n"], LINES),
        (LINES[::-1], LINES[::-1]),
        ([LINES[0], LINES[1], LINES[0]], LINES[:2]),
        ([LINES[1], f"{LINES[0]}\n{LINES[1]}"], [LINES[1], LINES[0]]),
        ([LINES[0], LINES[0].replace(COMMENT, "another comment")], LINES[:1]),
    ],
)
def test_public_keys(value: Any, expected: list[str]) -> None:
    assert read(value) == (expected, [])


@pytest.mark.parametrize("comment", ["a, b, c", "comma,comma", "x,ssh-rsa", "['y', 'z']"])
def test_comma_in_the_comment_of_a_single_string(comment: str) -> None:
    line = ED25519.replace(COMMENT, comment)
    assert read(line) == ([line], [])
    assert read([line]) == ([line], [])


def test_a_weak_key_is_warned_of_once() -> None:
    weak, other = rsa_line(1024), rsa_line(1536)
    _lines, warnings = read([weak, LINES[0], f"{weak} again", f"{other} it\n{weak}"])
    assert len(warnings) == 2
    assert "1024 bits" in warnings[0]
    assert "1536 bits" in warnings[1]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (5, ["int", "string"]),
        (None, ["NoneType", "string"]),
        ({"key": LINES[0]}, ["dict", "string"]),
        ([LINES[0], 5], ["public_keys[1]", "int", "string"]),
        ([LINES[0], None], ["public_keys[1]", "NoneType", "string"]),
        ([[LINES[0]]], ["public_keys[0]", "list", "string"]),
        ("hello", ["public_keys: It does not begin"]),
        (["hello"], ["public_keys[0]: It does not begin"]),
        ([*LINES, f"{LINES[0]}\n\nhello"], ["public_keys[3]: Line 3: It does not begin"]),
        ([""], ["public_keys[0]: It is empty"]),
        ("", ["public_keys: It is empty"]),
        ([LINES[0], PRIVATE], ["public_keys[1]: It is a private key"]),
        ([rsa_line(16384)], ["public_keys[0]: It has", "2048"]),
    ],
)
def test_fault_of_public_keys(value: Any, words: list[str]) -> None:
    said = fault_of(value)
    assert said.startswith("public_keys")
    for word in words:
        assert word in said


@pytest.mark.parametrize("text", [TOKEN, f"{ED25519}\n{TOKEN}", DSS], ids=["token", "token after a key", "ssh-dss"])
def test_a_key_that_the_service_does_not_take_is_skipped_only_by_choice(text: str) -> None:
    with pytest.raises(ArgumentError, match="Or set unsupported_keys=skip"):
        public_keys([text, ED25519], "public_keys", judge_for_transfer)
    keys, (warning,) = public_keys([text, ED25519], "public_keys", judge_for_transfer, unsupported_keys="skip")
    assert [key.line_with_comment for key in keys] == [ED25519]
    assert warning.startswith("public_keys[0]: The service does not accept SHA256:")
    with pytest.raises(ArgumentError, match="No key remains"):
        public_keys([TOKEN], "public_keys", judge_for_transfer, unsupported_keys="skip", if_empty=None)


def test_one_bad_key_in_a_list_of_ten() -> None:
    values = [line_of(ed25519_blob(bytes([number]) * 32)) for number in range(10)]
    values[6] = values[6][:-5]
    said = fault_of(values)
    assert "public_keys[6]: The base64 part of the key is damaged" in said
    assert said.count("public_keys[") == 1


def test_every_bad_key_is_named() -> None:
    said = fault_of([LINES[0], "hello", LINES[1], 5, PRIVATE, "", rsa_line(512)])
    places = [place for place in range(7) if f"public_keys[{place}]" in said]
    assert places == [1, 3, 4, 5, 6]


def test_every_key_is_judged_even_when_another_cannot_be_read() -> None:
    judged = []

    def judge(key: PublicKey) -> list[str]:
        judged.append(key.line_with_comment)
        raise PublicKeyError("Not this one.")

    with pytest.raises(ArgumentError) as caught:
        public_keys([LINES[0], "hello", LINES[1]], "public_keys", judge)
    assert judged == LINES[:2]
    assert str(caught.value).count("Not this one.") == 2


# -- Concurrency ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 2, 16, 10000])
def test_concurrency(concurrency: int) -> None:
    check_concurrency(concurrency)


@pytest.mark.parametrize("concurrency", [0, -1, -(2**70)])
def test_no_concurrency(concurrency: int) -> None:
    with pytest.raises(ArgumentError, match=rf"^concurrency is {concurrency}, and must be 1 or more\.$"):
        check_concurrency(concurrency)
