# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A user, read from a service that plays a script."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.held_user import held_user
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user import (
    HomeDirectoryMapping,
    PosixProfile,
    User,
    members_of,
)
from ansible_collections.sshkeys.aws.tests.unit.stubs import StubbedService

SERVER_ID = "s-01234567890abcdef"
ARN = "arn:aws:transfer:us-east-1:123456789012:user/s-01234567890abcdef/partner"
ROLE = "arn:aws:iam::123456789012:role/transfer"
MAPPINGS = [{"Entry": "/", "Target": "/b"}, {"Entry": "/a", "Target": "/b/a", "Type": "FILE"}]


def read(described: dict[str, Any]) -> User | None:
    """Read a user as the service describes it."""
    service = StubbedService("transfer")
    answer = {"ServerId": SERVER_ID, "User": {"Arn": ARN, "Role": ROLE, **described}}
    service.stubber.add_response("describe_user", answer, {"ServerId": SERVER_ID, "UserName": "partner"})
    with service.playing():
        return held_user(service.client, SERVER_ID, "partner")


def test_every_field_is_read_and_sent_as_it_was() -> None:
    fields = {
        "role_arn": ROLE,
        "home_directory": "/b",
        "home_directory_type": "LOGICAL",
        "home_directory_mappings": (HomeDirectoryMapping("/", "/b"), HomeDirectoryMapping("/a", "/b/a", "FILE")),
        "policy": "{}",
        "posix_profile": PosixProfile(0, 1, (2,)),
    }
    members = members_of(fields)
    assert members["HomeDirectoryMappings"] == MAPPINGS
    assert members["PosixProfile"] == {"Uid": 0, "Gid": 1, "SecondaryGids": [2]}
    assert read(members) == User("partner", ARN, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("described", [{}, {"HomeDirectoryType": "PATH", "HomeDirectoryMappings": MAPPINGS}])
def test_without_logical_no_mapping_counts(described: dict[str, Any]) -> None:
    assert read(described) == User("partner", ARN, ROLE)


def test_a_user_that_does_not_exist() -> None:
    service = StubbedService("transfer")
    service.stubber.add_client_error("describe_user", "ResourceNotFoundException", "Unknown user partner")
    with service.playing():
        assert held_user(service.client, SERVER_ID, "partner") is None
