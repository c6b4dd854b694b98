# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rotation is asked to do, by its variables."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_request import (
    RotateRequest,
    read_rotate_request,
)
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, key_pair, line_of, runs
from ansible_collections.sshkeys.aws.tests.unit.paths import HERE, HOME, MadeUpPaths
from hypothesis import given, strategies as st

WHOSE = {"server_id": "s-01234567890abcdef", "user_name": "partner"}
LINE = line_of(ed25519_blob(b"1" * 32), "alice@laptop")
PATHS = MadeUpPaths(
    files=[f"{HERE}/a.pub", f"{HERE}/b.pub", f"{HERE}/doe,jane.pub", f"{HOME}/.ssh/partner"],
    folders=[HERE, f"{HOME}/.ssh"],
)


def asked(cut_off: str = "", also_defined: tuple[str, ...] = (), **variables: Any) -> RotateRequest:
    """Read a request of a user and its server."""
    variables = {**WHOSE, **variables}
    return read_rotate_request(variables, PATHS, defined=[*variables, *also_defined], cut_off=cut_off)


def fine(**variables: Any) -> RotateRequest:
    request = asked(**variables)
    assert request.faults == ()
    return request


# -- What is read -----------------------------------------------------------------------------------------------------


def test_given_keys() -> None:
    request = fine(public_keys=LINE)
    assert request == RotateRequest(
        faults=(),
        server_id="s-01234567890abcdef",
        user_name="partner",
        who="partner on s-01234567890abcdef",
        public_keys=(LINE,),
        public_key_files=(),
        replaces=None,
        private_key_file="",
        folder="",
        new_file="",
        key_comment="partner@s-01234567890abcdef",
        keep_old_keys=False,
        sftp_host="",
        sftp_port="22",
        sftp_user="partner",
        ssh_args="",
        checks_host_key=False,
    )


def test_a_private_key_file() -> None:
    request = fine(private_key_file=" ~/.ssh/partner ", sftp_host=" sftp.example.com ", sftp_port=2222, sftp_user="x")
    assert (request.private_key_file, request.folder) == (f"{HOME}/.ssh/partner", f"{HOME}/.ssh")
    assert request.new_file == f"{HOME}/.ssh/partner.new"
    assert (request.sftp_host, request.sftp_port, request.sftp_user) == ("sftp.example.com", "2222", "x")


@pytest.mark.parametrize(
    ("ssh_args", "checks"),
    [
        ("", True),
        ("-o ProxyJump=bastion -v", True),
        ("-o HostKeyAlgorithms=ssh-rsa", True),
        ("-o UserKnownHostsFile=/k", False),
        ("-oUserKnownHostsFile=/k", False),
        ("-vo 'userknownhostsfile /k'", False),
        ("-o GlobalKnownHostsFile=/k", False),
        ("-o StrictHostKeyChecking=no", False),
        ("-o 'KnownHostsCommand=/bin/keys %H'", False),
        ("-o VerifyHostKeyDNS=yes", False),
        ("-o NoHostAuthenticationForLocalhost=yes", False),
        ("-F ~/.ssh/config", False),
        ("-vFconfig", False),
    ],
)
def test_the_host_key_is_checked_unless_ssh_args_says_how_ssh_knows_it(ssh_args: str, checks: bool) -> None:
    request = fine(private_key_file="key", sftp_host="x", ssh_args=f" {ssh_args}")
    assert (request.ssh_args, request.checks_host_key) == (ssh_args, checks)
    assert not fine(private_key_file="key", ssh_args=ssh_args).checks_host_key


def test_a_quote_without_an_end_is_refused() -> None:
    (fault,) = asked(private_key_file="key", sftp_host="x", ssh_args="-o 'ProxyCommand=ssh bastion").faults
    assert fault.startswith("ssh_args has a quote without an end.")


@pytest.mark.parametrize("port", ["1", 65535, " 2222 "])
def test_ports(port: Any) -> None:
    assert fine(private_key_file="key", sftp_host="x", sftp_port=port).sftp_port == str(port).strip()


def test_a_private_key_file_need_not_exist() -> None:
    assert fine(private_key_file="deeper/key").private_key_file == f"{HERE}/deeper/key"


@pytest.mark.parametrize(
    ("given_files", "files"),
    [
        ("a.pub", ["a.pub"]),
        ("a.pub,b.pub", ["a.pub", "b.pub"]),
        ("a.pub , b.pub", ["a.pub", "b.pub"]),
        (["a.pub", "b.pub", "a.pub"], ["a.pub", "b.pub"]),
        # The name of a file may hold a comma.
        ("doe,jane.pub", ["doe,jane.pub"]),
        (f"{HERE}/doe,jane.pub", ["doe,jane.pub"]),
    ],
)
def test_files_with_given_keys(given_files: Any, files: list[str]) -> None:
    assert fine(public_key_files=given_files).public_key_files == tuple(f"{HERE}/{file}" for file in files)


@pytest.mark.parametrize(
    ("given_keys", "keys"), [(LINE, (LINE,)), ([LINE], (LINE,)), ([LINE, "x"], (LINE, "x")), ((LINE,), (LINE,))]
)
def test_given_keys_are_texts(given_keys: Any, keys: tuple[str, ...]) -> None:
    assert fine(public_keys=given_keys).public_keys == keys


@pytest.mark.parametrize("replaces", [None, "alice@laptop", "a,b", ["a", "b"], [], "all"])
def test_what_is_replaced_is_handed_on(replaces: Any) -> None:
    assert fine(public_keys=LINE, replaces=replaces).replaces == replaces


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        *((value, True) for value in (True, "true", "Yes", "on", 1, " true ")),
        *((value, False) for value in (False, "false", "NO", "off", 0, "", None)),
    ],
)
def test_keep_old_keys(value: Any, kept: bool) -> None:
    assert fine(public_keys=LINE, keep_old_keys=value).keep_old_keys is kept


@pytest.mark.parametrize("value", ["ture", "2", 2, "keep", "none"])
def test_keep_old_keys_is_not_guessed(value: Any) -> None:
    # Taken for false, it would cost the old keys.
    (fault,) = asked(public_keys=LINE, keep_old_keys=value).faults
    assert fault == f"keep_old_keys is '{value}', and must be true or false."


# -- What is wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "faults"),
    [
        ({"public_keys": LINE, "server_id": None}, ["Say whose keys to replace"]),
        ({"public_keys": LINE, "user_name": "  "}, ["Say whose keys to replace"]),
        ({}, ["Give either public_keys or public_key_files"]),
        ({"private_key_file": ""}, ["Give either public_keys or public_key_files"]),
        ({"public_keys": LINE, "private_key_file": "key"}, ["Give either public_keys or public_key_files"]),
        ({"public_keys": None, "private_key_file": "key"}, ["Give either", "There is no key in public_keys"]),
        ({"public_keys": []}, ["There is no key in public_keys and public_key_files"]),
        ({"public_keys": [" "], "public_key_files": ""}, ["There is no key in public_keys and public_key_files"]),
        ({"public_keys": "", "public_key_files": []}, ["There is no key in public_keys and public_key_files"]),
        ({"public_key_files": ["a.pub", "x,y.pub"]}, [f"public_key_files has '{HERE}/x,y.pub', and there is no such"]),
        ({"private_key_file": "."}, [f"private_key_file is '{HERE}', and must be the file of a private key"]),
        ({"private_key_file": "a.pub"}, [f"private_key_file is '{HERE}/a.pub', and must be the file of a private"]),
        ({"public_keys": LINE, "sftp_host": "x"}, ["sftp_host is set, but there is no private key to log in with"]),
        ({"public_keys": LINE, "sftp_port": "ssh"}, ["sftp_port is 'ssh', and must be the number of a port."]),
        *(
            ({"public_keys": LINE, "sftp_port": port}, [f"sftp_port is '{port}', and must be the number of a port."])
            for port in ("-1", "0", "65536", "022222", "\N{ARABIC-INDIC DIGIT TWO}")
        ),
        ({"public_keys": LINE, "sftp_port": "22\n-o ProxyCommand=x"}, ["sftp_port is '22\\n-o ProxyCommand=x'"]),
        ({"public_keys": LINE, "replace": "x"}, ["There is no variable replace."]),
        ({"keep_keys": 1, "keep_old_key": 1}, ["There is no variable keep_keys, keep_old_key."]),
        # A list that lost an element, and then nothing else is said.
        ({"public_key_files": "a.pub,", "sftp_port": "ssh"}, ["public_key_files is 'a.pub,', which ends in a comma"]),
        ({"public_keys": LINE, "replaces": "a,"}, ["replaces is 'a,', which ends in a comma"]),
        ({"public_keys": LINE, "replaces": 5}, ["replaces is of type int"]),
        # Another type.
        ({"public_keys": {"a": 1}}, ["public_keys must be a key or a list of keys"]),
        ({"public_keys": 5}, ["public_keys must be a key or a list of keys"]),
        ({"private_key_file": ["a"]}, ["public_keys must be a key or a list of keys"]),
    ],
)
def test_what_cannot_be_meant_is_refused(variables: dict[str, Any], faults: list[str]) -> None:
    request = asked(**variables)
    assert [said[: len(fault)] for said, fault in zip(request.faults, faults, strict=True)] == faults
    assert all(fault.endswith(".") for fault in request.faults)


def test_what_ansible_cut_off_is_refused() -> None:
    (fault,) = asked(public_keys=LINE, replaces="alice@laptop", cut_off="bob@laptop").faults
    assert fault.startswith("Ansible cut off 'bob@laptop'")


def test_a_name_of_another_purpose_is_no_misspelt_one() -> None:
    assert asked(also_defined=("keep_old_keys", "replaces", "inventory_dir"), public_keys=LINE).faults == ()


# -- Laws -------------------------------------------------------------------------------------------------------------

texts = st.one_of(st.none(), st.sampled_from(["", " ", "a.pub", "a.pub,", "x", "all", LINE, "~/.ssh/partner", "22"]))
values = st.one_of(texts, st.booleans(), st.integers(-1, 3), st.lists(texts, max_size=2), st.just({"a": "b"}))
NAMES = [
    *("server_id", "user_name", "public_keys", "public_key_files", "replaces", "private_key_file"),
    *("key_comment", "keep_old_keys", "sftp_host", "sftp_port", "sftp_user"),
]


@given(st.dictionaries(st.sampled_from(NAMES), values))
def test_a_request_without_faults_has_all_that_a_rotation_needs(variables: dict[str, Any]) -> None:
    request = read_rotate_request(variables, PATHS, defined=variables)
    assert all(fault.endswith(".") for fault in request.faults)
    if request.faults:
        return
    assert request.server_id
    assert request.user_name
    # Never both, and never neither.
    assert bool(request.private_key_file) != bool(request.public_keys or request.public_key_files)
    assert request.new_file == (f"{request.private_key_file}.new" if request.private_key_file else "")
    assert all(PATHS.is_file(file) for file in request.public_key_files)
    assert request.sftp_port.isdecimal()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("in_list", [False, True])
def test_nothing_of_a_private_key_comes_out(name: str, in_list: bool) -> None:
    private = key_pair("ed25519").private
    variables: dict[str, Any] = {"public_keys": LINE, name: [private] if in_list else private}
    if name == "private_key_file":
        del variables["public_keys"]
    request = asked(**variables)
    said = " ".join(request.faults)
    assert not runs(said, 8) & runs("".join(private.splitlines()[1:-1]), 8)
    # Keys and the names of those to replace are handed on, and refused when they are read.
    assert request.faults or name in {"public_keys", "replaces"}
