# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which users the info modules read, in which calls. botocore's Stubber is the service."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Region, Report
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.read_users import read_users
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user import ReadUser
from ansible_collections.sshkeys.aws.tests.unit.stubs import StubbedService, StubbedSession

SERVER_ID = "s-01234567890abcdef"
ARN = "arn:aws:transfer:" + "0" * 20


def read(service: StubbedService, **options: Any) -> tuple[Report, list[ReadUser]]:
    """Read users, and return the report and what it was made of."""
    found: list[ReadUser] = []

    def make_report(server_id: str, users: Sequence[ReadUser], now: datetime, region: Region | None) -> Report:
        assert server_id == SERVER_ID
        assert abs((datetime.now(tz=UTC) - now).total_seconds()) < 60
        assert (region is not None) == any(user.error for user in users)
        found.extend(users)
        return Report({"users": [user.user_name for user in users]})

    params = {"server_id": SERVER_ID, "user_names": None, "concurrency": 1, "region": "us-east-1", **options}
    with service.playing():
        return read_users(params, StubbedSession(params, service.connect), make_report), found


def expect_read(service: StubbedService, name: str, *, is_there: bool = True) -> None:
    """Expect DescribeUser."""
    asked = {"ServerId": SERVER_ID, "UserName": name}
    if is_there:
        service.stubber.add_response("describe_user", {"ServerId": SERVER_ID, "User": {"Arn": ARN}}, asked)
    else:
        members = {"ResourceType": "User", "Resource": name, "Message": "no"}
        service.stubber.add_client_error(
            "describe_user", "ResourceNotFoundException", "no", modeled_fields=members, expected_params=asked
        )


def expect_list(service: StubbedService, *names: str) -> None:
    """Expect ListUsers."""
    users = [{"Arn": ARN, "UserName": name} for name in names]
    answer = {"ServerId": SERVER_ID, "Users": users}
    service.stubber.add_response("list_users", answer, {"ServerId": SERVER_ID})


def test_every_user_of_a_server_but_for_those_who_have_gone() -> None:
    service = StubbedService("transfer")
    expect_list(service, "anna", "bert")
    expect_read(service, "anna")
    expect_read(service, "bert", is_there=False)
    assert read(service)[0].result["users"] == ["anna"]


def test_the_users_that_are_named_once_each() -> None:
    service = StubbedService("transfer")
    expect_read(service, "bert", is_there=False)
    expect_read(service, "anna")
    report, users = read(service, user_names=["bert", "anna", "bert"])
    assert report.result["users"] == ["bert", "anna"]
    assert users[0].error
    assert "Check the spelling of the user name" in users[0].error.hint
    assert users[1].user


def test_no_names() -> None:
    report, users = read(StubbedService("transfer"), user_names=[])
    assert "user_names is an empty list" in report.result["msg"]
    assert users == []


def test_users_that_cannot_be_listed() -> None:
    service = StubbedService("transfer")
    service.stubber.add_client_error("list_users", "AccessDeniedException", "no")
    report, _users = read(service)
    assert str(report.failure).startswith("AccessDeniedException: no")
    assert str(report.failure).endswith(
        f"The server was {SERVER_ID}. The region was us-east-1, from the option region."
    )


@pytest.mark.parametrize("wrong", [{"server_id": "s-1"}, {"user_names": ["a b"]}, {"concurrency": 0}])
def test_a_wrong_option_is_refused_before_any_call(wrong: dict[str, Any]) -> None:
    service = StubbedService("transfer")
    with pytest.raises(ArgumentError):
        read(service, **wrong)
    assert service.connections == 0
