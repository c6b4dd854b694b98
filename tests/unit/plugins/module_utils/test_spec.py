# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which private keys are refused in which options, and what is left alone."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.amazon.aws.plugins.module_utils.modules import aws_argument_spec
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.masking import parts_to_mask
from ansible_collections.sshkeys.aws.plugins.module_utils._spec import (
    PrivateKeyError,
    private_keys,
    refuse_private_keys,
)
from ansible_collections.sshkeys.aws.plugins.modules import (
    ec2_instance_connect_info,
    ec2_instance_connect_key,
    ec2_serial_console_key,
    transfer_server_info,
    transfer_ssh_key,
    transfer_ssh_key_info,
)
from ansible_collections.sshkeys.aws.tests.unit import keys
from ansible_collections.sshkeys.aws.tests.unit.private_keys import PRIVATE_KEYS
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

MODULES: dict[str, Any] = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        ec2_instance_connect_info,
        ec2_instance_connect_key,
        ec2_serial_console_key,
        transfer_server_info,
        transfer_ssh_key,
        transfer_ssh_key_info,
    )
}
PUBLIC = keys.key_pair("ed25519").line
PRIVATE = keys.key_pair("ed25519").private
# The inside of a PEM file, pasted without its first and last line: nothing in it says what it is.
BARE = "".join(
    ed25519.Ed25519PrivateKey.generate()
    .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    .decode()
    .splitlines()[1:-1]
)
SECURITY_KEY = (
    "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw"
    "MDAwMDAAAABHNzaDo= carol@laptop"
)


def refusals(module: str, **options: Any) -> list[str]:
    """Return the sentences with which options of a module are refused."""
    return [refusal.sentence for refusal in private_keys(MODULES[module].SPEC, options)]


# -- With marks: in any option, at any depth --------------------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("kind", PRIVATE_KEYS)
def test_each_private_key_is_refused_in_every_option(module: str, kind: str) -> None:
    spec, private = MODULES[module].SPEC, PRIVATE_KEYS[kind]()
    secret = {run for line in private.splitlines() if " " not in line for run in keys.runs(line, 12)}
    options = {**aws_argument_spec(), **spec.options, "no_such_option": {}}
    for name in [name for option, about in options.items() for name in (option, *about.get("aliases", ()))]:
        for value in (private, [PUBLIC, private], private.splitlines(), {"inside": [{"deeper": private}]}):
            found = private_keys(spec, {name: value})
            assert found
            assert not secret & {run for refusal in found for run in keys.runs(refusal.sentence, 12)}


@pytest.mark.parametrize("kind", PRIVATE_KEYS)
@pytest.mark.parametrize(("module", "option"), [("ec2_instance_connect_key", "targets"), ("transfer_ssh_key", "users")])
def test_and_in_every_option_of_an_element(module: str, option: str, kind: str) -> None:
    spec, private = MODULES[module].SPEC, PRIVATE_KEYS[kind]()
    secret = {run for line in private.splitlines() if " " not in line for run in keys.runs(line, 12)}
    inner = spec.elements[option]
    for elements in ([private], private.splitlines(), [[private]], [{"a": [{"b": private.splitlines()}]}]):
        assert private_keys(spec, {option: elements})
    for name in [name for inside, about in inner.items() for name in (inside, *about.get("aliases", ()))]:
        for value in (private, private.splitlines(), [{"deeper": private.splitlines()}], [[private]]):
            sentences = [refusal.sentence for refusal in private_keys(spec, {option: ["partner", {name: value}]})]
            assert sentences
            assert not secret & {run for sentence in sentences for run in keys.runs(sentence, 12)}


@pytest.mark.parametrize("module", MODULES)
def test_and_by_the_module_itself_before_anything_else(module: str) -> None:
    # For whoever calls it without its action plugin. There is no session to do anything with.
    with pytest.raises(PrivateKeyError, match="It is a private key"):
        MODULES[module].run({"endpoint_url": PRIVATE}, check_mode=False, session=None)


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("option", ["no_such_option", "tags", "secret_key", "aws_config", "endpoint_url"])
def test_and_in_options_that_are_not_ours(module: str, option: str) -> None:
    assert len(refusals(module, **{option: PRIVATE})) == 1
    assert len(refusals(module, **{option: {"a": [PRIVATE]}})) == 1


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"users": [PRIVATE]}, "users[0]: "),
        ({"users": ["partner", {"user_name": PRIVATE}]}, "users[1].user_name: "),
        ({"users": [{"user_name": "partner", "ssh_public_key_body": PRIVATE}]}, "users[0].ssh_public_key_body: "),
        ({"users": [{"user_name": "partner", "public_keys": [PUBLIC, PRIVATE]}]}, "users[0].public_keys[1]: "),
        ({"users": [{"no_such_name": [{"deep": PRIVATE}]}]}, "users[0].no_such_name[0].deep: "),
        ({"users": [{"a" * 30: PRIVATE}]}, f"users[0].{'a' * 30}: "),
        # It is too long for the name of an option, and could be the last line of a key.
        ({"users": [{"a" * 31: PRIVATE}]}, "users[0]: "),
        ({"users": [{PRIVATE: "partner"}]}, "users[0]: "),
        ({PRIVATE: "partner"}, "The options: "),
    ],
)
def test_the_sentence_names_the_place(options: dict[str, Any], place: str) -> None:
    (sentence,) = refusals("transfer_ssh_key", **options)
    assert sentence.startswith(f"{place}It is a private key.")


def test_a_key_that_was_split_into_its_lines_is_refused_as_a_whole() -> None:
    sentences = refusals("transfer_ssh_key", public_keys=[PUBLIC, *PRIVATE.splitlines()])
    assert [sentence.partition(":")[0] for sentence in sentences] == [
        f"public_keys[{position}]" for position in range(1, 1 + len(PRIVATE.splitlines()))
    ]


def test_the_short_last_line_of_a_key_is_not_shown() -> None:
    lines = [*PRIVATE.splitlines()[:-1], "c29tZWJvZHlAZXhhbXBsZS5jb20BAgM="]
    sentences = refusals("transfer_ssh_key_info", user_names=lines)
    assert sentences[-1] == f"user_names[{len(lines) - 1}]: It stands beside a private key, so it is not shown here."


@pytest.mark.parametrize("kind", PRIVATE_KEYS)
@pytest.mark.parametrize("option", ["public_keys", "user_name", "no_such_option"])
def test_what_is_masked_of_a_key_that_was_split(kind: str, option: str) -> None:
    """All of its lines but a short one, and neither its public key nor the name of a user beside it."""
    lines = PRIVATE_KEYS[kind]().splitlines()
    found = private_keys(transfer_ssh_key.SPEC, {option: ["partneruploadservice", *lines]})
    parts = [part for refusal in found for part in parts_to_mask(refusal.secret)]
    pairs = [keys.key_pair(of) for of in ("ed25519", "rsa-2048", "ecdsa-521")]
    pairs.append(keys.key_pair("ed25519", passphrase="correct horse"))
    shown = ["partneruploadservice", *(pair.line for pair in pairs)]
    assert [text for text in shown if any(part in text for part in parts)] == []
    public = "".join(shown)
    for line in lines:
        for run in re.findall("[A-Za-z0-9+/]{40,}", line):
            assert run[:16] in parts or run[:16] in public


# -- Without marks: only where a text can be nothing else -------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "options", "sentence"),
    [
        ("ec2_instance_connect_key", {"public_key": BARE}, "public_key: It is base64 without a key type before it"),
        ("ec2_instance_connect_key", {"instance_id": BARE}, "instance_id (text of"),
        ("ec2_instance_connect_key", {"targets": [BARE]}, "instance_id (text of"),
        ("ec2_instance_connect_key", {"instance_os_user": BARE}, "os_user (text of"),
        ("ec2_instance_connect_key", {"targets": [{"os_user": BARE}]}, "os_user (text of"),
        ("ec2_instance_connect_key", {"availability_zone": BARE}, "availability_zone (text of"),
        ("ec2_instance_connect_key", {"concurrency": BARE}, "concurrency is (text of"),
        ("ec2_serial_console_key", {"public_key": BARE}, "public_key: It is base64 without a key type before it"),
        ("ec2_serial_console_key", {"instance_id": BARE}, "instance_id (text of"),
        ("ec2_serial_console_key", {"serial_port": BARE}, "serial_port is (text of"),
        ("ec2_serial_console_key", {"force": BARE}, "force is (text of"),
        ("ec2_instance_connect_info", {"instance_id": [BARE]}, "instance_ids has (text of"),
        ("ec2_instance_connect_info", {"source_cidr": [BARE]}, "source_cidr has (text of"),
        ("ec2_instance_connect_info", {"instance_connect_endpoint_id": BARE}, "instance_connect_endpoint_id (text of"),
        ("ec2_instance_connect_info", {"tunnel": BARE}, "tunnel is (text of"),
        ("transfer_ssh_key", {"server_id": BARE}, "server_id (text of"),
        ("transfer_ssh_key", {"user_name": f"{BARE}/"}, "user_name (text of"),
        ("transfer_ssh_key", {"users": [f"{BARE}/"]}, "user_name (text of"),
        ("transfer_ssh_key", {"public_keys": [BARE]}, "public_keys[0]: It is base64 without a key type before it"),
        ("transfer_ssh_key", {"state": BARE}, "state is (text of"),
        ("transfer_ssh_key", {"users": [{"state": BARE}]}, "users[0].state is (text of"),
        ("transfer_ssh_key", {"ssh_public_key_id": [BARE]}, "ssh_public_key_ids has (text of"),
        ("transfer_ssh_key", {"replaces": [BARE]}, "replaces has (text of"),
        ("transfer_ssh_key_info", {"server_id": BARE}, "server_id (text of"),
        ("transfer_server_info", {"server_id": [f"{BARE}/"]}, "server_id (text of"),
        ("transfer_ssh_key_info", {"user_name": [f"{BARE}/"]}, "user_name (text of"),
    ],
)
def test_what_could_be_a_part_of_one_is_refused(module: str, options: dict[str, Any], sentence: str) -> None:
    (refusal,) = private_keys(MODULES[module].SPEC, options)
    assert refusal.sentence.startswith(sentence)
    assert not keys.runs(refusal.sentence, 12) & keys.runs(BARE, 12)
    with pytest.raises(PrivateKeyError, match=r".+"):
        refuse_private_keys(MODULES[module].SPEC, options)


@pytest.mark.parametrize("module", MODULES)
def test_and_in_every_option_where_it_can_be_nothing_else(module: str) -> None:
    spec = MODULES[module].SPEC
    # With a "/" it is no user name, either.
    text = f"{BARE[:40]}/{BARE[40:]}"
    closed = {
        name: about
        for name, about in spec.options.items()
        if name in spec.checks or about["type"] in ("int", "bool") or about.get("choices")
    }
    assert len(closed) >= 2
    for name in [name for option, about in closed.items() for name in (option, *about.get("aliases", ()))]:
        found = private_keys(spec, {name: text})
        assert found, name
        assert not keys.runs(BARE, 12) & {run for refusal in found for run in keys.runs(refusal.sentence, 12)}


@pytest.mark.parametrize(
    "options",
    [
        {"public_keys": [PUBLIC, SECURITY_KEY]},
        # The module tells of this one, where no part of it could be a secret.
        {"public_keys": [PUBLIC, "garbage"]},
        {"users": [{"user_name": "a" * 60, "public_keys": f"{PUBLIC}\n{PUBLIC}"}]},
        {"user_name": "BACKEND PRIVATE KEY rotation"},
        {"secret_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEYwJalrXUtnFEMI"},
        {"aws_ca_bundle": "/home/ci/work/production/certificates/of/the/company/bundle.pem"},
        {"aws_config": {"proxies": {"https": "http://proxy/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}},
        {"tags": {"Policy": BARE}},
        {"no_such_option": BARE},
        {"profile": "a" * 60},
        {"wait_timeout": 5, "exclusive": None, "concurrency": "16"},
    ],
)
def test_what_is_no_key_is_left_alone(options: dict[str, Any]) -> None:
    assert refusals("transfer_ssh_key", **options) == []


def test_all_that_is_wrong_in_the_option_is_told() -> None:
    sentences = refusals("transfer_ssh_key", public_keys=["garbage", PUBLIC, BARE], user_name="no/name")
    assert [sentence.partition(":")[0] for sentence in sentences] == ["public_keys[0]", "public_keys[2]"]
