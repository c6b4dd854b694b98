# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a user itself, checked before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_check import FIELDS, check_fields

ROLE = "arn:aws:iam::123456789012:role/sftp"


def test_the_fields_are_the_options_of_the_module_without_those_of_keys() -> None:
    assert FIELDS == (
        "role_arn",
        "home_directory",
        "home_directory_type",
        "home_directory_mappings",
        "policy",
        "posix_profile",
        "tags",
        "purge_tags",
    )


def test_a_number_in_place_of_a_dict() -> None:
    with pytest.raises(ArgumentError, match="posix_profile must be a dict, and is of type int"):
        check_fields("partner", {"posix_profile": 5})


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"role_arn": ROLE, "home_directory": "", "policy": "", "tags": {}, "home_directory_mappings": []},
        {"home_directory_mappings": [{"Entry": "/", "Target": "/b", "Type": "FILE"}], "policy": {"a": 1}},
        {"posix_profile": {"uid": "1", "gid": 2, "secondary_gids": [3]}},
    ],
)
def test_what_the_module_takes(fields: dict[str, Any]) -> None:
    check_fields("partner", fields)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"role_arn": "x"}, "role_arn is 'x', which is not the ARN of a role."),
        ({"home_directory_type": "x"}, "value of home_directory_type must be one of: PATH, LOGICAL, got: x."),
        ({"posix_profile": {"uid": 1}}, "posix_profile has no gid. Give uid and gid."),
        ({"home_directory_mappings": [{"entry": "/"}]}, "missing required arguments: target"),
        ({"policy": "x"}, "policy is no JSON object, but a text that is no JSON"),
    ],
)
def test_what_it_refuses(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ArgumentError) as refused:
        check_fields("partner", fields)
    assert str(refused.value).startswith(sentence)
