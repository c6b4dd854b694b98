# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of the playbook transfer_users."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.users_request import faults_of_users_request
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair, runs

VARIABLES: dict[str, Any] = {
    "transfer_users_server_id": "s-01234567890abcdef",
    "transfer_users_csv": "users.csv",
    "transfer_users_folder": None,
    "transfer_users_profile": None,
    "transfer_users_role_arn": None,
    "transfer_users_exclusive": True,
    "transfer_users_allow_empty": False,
}


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"transfer_users_csv": None, "transfer_users_folder": "keys"},
        {"transfer_users_folder": "keys", "transfer_users_exclusive": "no", "transfer_users_allow_empty": "yes"},
    ],
)
def test_what_can_be_used(variables: dict[str, Any]) -> None:
    given = {**VARIABLES, **variables}
    assert faults_of_users_request(given, defined=[*given, "server_id", "inventory_hostname"]) == []


def test_the_playbook_has_the_defaults() -> None:
    given = {"transfer_users_server_id": "s-01234567890abcdef", "transfer_users_csv": "users.csv"}
    assert faults_of_users_request(given) == []


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        (
            {"transfer_users_server_id": None},
            "Say on which server the users are, such as -e transfer_users_server_id=s",
        ),
        ({"transfer_users_server_id": "s-1"}, "transfer_users_server_id is 's-1', which is not the id of a server"),
        ({"transfer_users_csv": ""}, "Say where the users are: a CSV file in transfer_users_csv, or a folder"),
        ({"transfer_users_exclusive": "maybe"}, "transfer_users_exclusive is 'maybe', and must be true or false."),
        # The module would take null for its own default, and let other keys in.
        ({"transfer_users_exclusive": None}, "transfer_users_exclusive is 'None', and must be true or false."),
        ({"transfer_users_allow_empty": ""}, "transfer_users_allow_empty is empty, and must be true or false."),
    ],
)
def test_faults(variables: dict[str, Any], sentence: str) -> None:
    (fault,) = faults_of_users_request({**VARIABLES, **variables})
    assert fault.startswith(sentence)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("transfer_users_role", "There is no variable transfer_users_role. Is it transfer_users_role_arn?"),
        ("transfer_users_exclusiv", "There is no variable transfer_users_exclusiv. Is it transfer_users_exclusive?"),
        ("transfer_users_folders", "There is no variable transfer_users_folders. Is it transfer_users_folder?"),
        ("transfer_users_x", "There is no variable transfer_users_x. The comment at the head of the playbook has"),
    ],
)
def test_misspelt_names(name: str, sentence: str) -> None:
    (fault,) = faults_of_users_request(VARIABLES, defined=[*VARIABLES, name])
    assert fault.startswith(sentence)


def test_what_ansible_cut_off() -> None:
    (fault,) = faults_of_users_request(VARIABLES, cut_off="env=prod")
    assert fault.startswith("Ansible cut off 'env=prod'")


def test_a_file_of_variables_without_its_at_sign_is_the_only_fault() -> None:
    assert faults_of_users_request({}, cut_off="sftp.yml") == [
        "'sftp.yml' is no variable. To read the variables in that file, write -e @sftp.yml."
    ]


def test_names_without_the_prefix_are_told_beside_a_fault() -> None:
    bare = ["server_id", "region", "profile", "assume_role_arn", "endpoint_url"]
    given = {**VARIABLES, "transfer_users_server_id": None, "transfer_users_profile": "production"}
    _server, *hints = faults_of_users_request(given, defined=[*given, *bare])
    assert hints == [
        f"The variable {name} is set, and this playbook does not read it. Is it transfer_users_{name}?"
        for name in bare
        if name != "profile"
    ]


def test_a_private_key_is_not_shown() -> None:
    private = key_pair("ed25519").private
    (fault,) = faults_of_users_request({**VARIABLES, "transfer_users_role_arn": private}, cut_off="x")
    assert fault.startswith("transfer_users_role_arn: It is a private key.")
    assert not runs(fault, 8) & runs("".join(private.splitlines()[1:-1]), 8)
