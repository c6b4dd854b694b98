# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What transfer_server_info reads, in which calls, and what it tells. botocore's Stubber is the service."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.module_utils._spec import PrivateKeyError
from ansible_collections.sshkeys.aws.plugins.modules import transfer_server_info
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair, runs
from ansible_collections.sshkeys.aws.tests.unit.stubs import StubbedService

ONE, TWO, THREE = (f"s-{number:017x}" for number in (1, 2, 3))
ARN = "arn:aws:transfer:eu-central-1:123456789012:server/"
REGION = " The region was eu-central-1, from the option region."


class Service(StubbedService):
    """A Transfer service that expects exactly the calls of a script, in order."""

    def __init__(self) -> None:
        """Make it without a script."""
        super().__init__("transfer")

    def expect_servers(self, *ids: str) -> None:
        """Expect ListServers."""
        servers = [{"Arn": ARN + each, "ServerId": each} for each in ids]
        self.stubber.add_response("list_servers", {"Servers": servers}, {})

    def expect_read(self, server_id: str) -> None:
        """Expect DescribeServer and ListHostKeys."""
        self.expect_description(server_id)
        keys = [{"Arn": "a" * 20, "HostKeyId": "hostkey-" + "0" * 17, "Fingerprint": "odd"}]
        answer = {"ServerId": server_id, "HostKeys": keys}
        self.stubber.add_response("list_host_keys", answer, {"ServerId": server_id})

    def expect_description(self, server_id: str) -> None:
        """Expect DescribeServer."""
        answer = {"Server": {"Arn": ARN + server_id, "ServerId": server_id, "State": "ONLINE"}}
        self.stubber.add_response("describe_server", answer, {"ServerId": server_id})

    def refuse(self, operation: str, code: str, **expected: str) -> None:
        """Expect a call and refuse it."""
        self.stubber.add_client_error(operation, code, "No.", expected_params=expected)

    def run(self, **options: Any) -> Report:
        """Run the module's function with a task's options, and check that every expected call was made."""
        given = {"concurrency": 1, **options}
        return self.run_module(transfer_server_info, given, check_mode=False, region="eu-central-1")


@pytest.fixture
def service() -> Service:
    return Service()


def states(report: Report) -> dict[str, Any]:
    return {server["server_id"]: server["state"] for server in report.result["servers"]}


@pytest.mark.parametrize("option", ["server_id", "server_ids"])
def test_named_servers_are_read_once_each_and_in_their_order(service: Service, option: str) -> None:
    service.expect_read(TWO)
    service.expect_read(ONE)
    told = service.run(**{option: [TWO, ONE, TWO]})
    assert told.failure is None
    assert list(states(told)) == [TWO, ONE]
    assert told.result["servers"][0]["endpoint"] == f"{TWO}.server.transfer.eu-central-1.amazonaws.com"


def test_every_server_of_the_region_is_read(service: Service) -> None:
    service.expect_servers(ONE, TWO)
    service.expect_read(ONE)
    service.expect_read(TWO)
    assert states(service.run()) == {ONE: "ONLINE", TWO: "ONLINE"}


def test_no_server_is_no_failure(service: Service) -> None:
    service.expect_servers()
    told = service.run()
    assert (told.failure, told.result) == (None, {"changed": False, "servers": []})


def test_an_empty_list_reads_nothing(service: Service) -> None:
    told = service.run(server_ids=[])
    assert (told.failure, told.result["servers"]) == (None, [])
    assert told.result["msg"].startswith("server_ids is an empty list, so there is nothing to do")


def test_host_keys_that_may_not_be_read_are_told_and_not_guessed(service: Service) -> None:
    service.expect_description(ONE)
    service.refuse("list_host_keys", "AccessDeniedException", ServerId=ONE)
    service.expect_read(TWO)
    told = service.run(server_ids=[ONE, TWO])
    assert told.failure == (
        f"1 of 2 servers failed: {ONE}: AccessDeniedException: The host keys could not be read. No. Allow the action "
        f"that the message names in the IAM policy of these credentials.{REGION}"
    )
    first, second = told.result["servers"]
    assert (first["state"], first["host_keys"]) == ("ONLINE", None)
    assert first["error"]["message"] == "The host keys could not be read. No."
    assert len(second["host_keys"]) == 1
    assert "error" not in second


def test_a_server_that_cannot_be_read_does_not_stop_the_others(service: Service) -> None:
    service.refuse("describe_server", "AccessDeniedException", ServerId=ONE)
    service.expect_read(TWO)
    told = service.run(server_ids=[ONE, TWO])
    assert str(told.failure).startswith(f"1 of 2 servers failed: {ONE}: AccessDeniedException: No. ")
    assert states(told) == {ONE: None, TWO: "ONLINE"}


def test_a_server_that_was_named_and_does_not_exist_is_a_failure(service: Service) -> None:
    service.refuse("describe_server", "ResourceNotFoundException", ServerId=ONE)
    told = service.run(server_ids=[ONE])
    assert told.failure == (
        f"{ONE}: ResourceNotFoundException: The server {ONE} does not exist. Check the server id, and the region and "
        f"account of the task.{REGION}"
    )


def test_a_server_that_was_listed_and_is_gone_is_no_server(service: Service) -> None:
    service.expect_servers(ONE, TWO, THREE)
    service.expect_read(ONE)
    service.refuse("describe_server", "ResourceNotFoundException", ServerId=TWO)
    service.expect_read(THREE)
    told = service.run()
    assert told.failure is None
    assert states(told) == {ONE: "ONLINE", THREE: "ONLINE"}


def test_servers_that_cannot_be_listed_are_a_failure_without_servers(service: Service) -> None:
    service.refuse("list_servers", "AccessDeniedException")
    told = service.run()
    assert str(told.failure).startswith("AccessDeniedException: No. ")
    assert str(told.failure).endswith(REGION)
    assert told.result == {}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"server_id": ["s-1"]}, "^server_id 's-1' is not the id of a Transfer Family server"),
        ({"concurrency": 0}, "^concurrency is 0"),
    ],
)
def test_wrong_options_are_sentences(service: Service, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ArgumentError, match=sentence):
        service.run(**options)
    assert service.connections == 0


def test_a_private_key_is_refused_before_anything_else(service: Service) -> None:
    private = key_pair("ed25519").private
    with pytest.raises(PrivateKeyError, match="It is a private key") as caught:
        service.run(server_ids=[ONE, private])
    assert not runs(str(caught.value), 12) & runs(private.partition("\n")[2], 12)
    assert service.connections == 0
