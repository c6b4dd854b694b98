# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls to Transfer Family about servers, over real HTTP and with botocore's Stubber."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws import transfer_servers
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import TRANSFER
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.tests.unit.scripted_service import SERVER_ID, ScriptedService, client, error
from ansible_collections.sshkeys.aws.tests.unit.stubs import StubbedService

ARN = f"arn:aws:transfer:us-east-1:123456789012:server/{SERVER_ID}"


def host_key(number: int) -> dict[str, Any]:
    return {"Arn": "a" * 20, "HostKeyId": f"hostkey-{number:017x}", "Fingerprint": f"SHA256:{number}"}


def test_every_page_of_servers_is_followed(service: ScriptedService) -> None:
    """ListServers is called until there is no NextToken."""
    pages: list[tuple[list[str], dict[str, str]]] = [(["s-1", "s-2"], {"NextToken": "2"}), (["s-3"], {})]
    service.script = [
        (200, {"Servers": [{"Arn": "arn", "ServerId": each} for each in ids], **token}) for ids, token in pages
    ]
    assert transfer_servers.server_ids(client(service, TRANSFER)) == ["s-1", "s-2", "s-3"]
    assert [body.get("NextToken") for _operation, body, _time in service.requests] == [None, "2"]


def test_every_page_of_host_keys_is_followed(service: ScriptedService) -> None:
    """The SDK does not do it for ListHostKeys."""
    service.script = [
        (200, {"ServerId": SERVER_ID, "HostKeys": [host_key(1), host_key(2)], "NextToken": "2"}),
        (200, {"ServerId": SERVER_ID, "HostKeys": [], "NextToken": "3"}),
        (200, {"ServerId": SERVER_ID, "HostKeys": [host_key(3)]}),
    ]
    found = transfer_servers.listed_host_keys(client(service, TRANSFER), SERVER_ID)
    assert [key["Fingerprint"] for key in found] == ["SHA256:1", "SHA256:2", "SHA256:3"]
    assert [body for _operation, body, _time in service.requests] == [
        {"ServerId": SERVER_ID},
        {"ServerId": SERVER_ID, "NextToken": "2"},
        {"ServerId": SERVER_ID, "NextToken": "3"},
    ]


def test_pages_that_lead_in_a_circle_end(service: ScriptedService) -> None:
    service.script = [(200, {"ServerId": SERVER_ID, "HostKeys": [], "NextToken": "2"})]
    with pytest.raises(ServiceError, match="The answer has no NextToken that leads on") as failure:
        transfer_servers.listed_host_keys(client(service, TRANSFER), SERVER_ID)
    assert not failure.value.in_doubt
    assert len(service.requests) == 2


def test_a_server_is_read_by_its_id() -> None:
    stubbed = StubbedService("transfer")
    described = {"Arn": ARN, "State": "ONLINE"}
    stubbed.stubber.add_response("describe_server", {"Server": described}, {"ServerId": SERVER_ID})
    with stubbed.playing():
        assert transfer_servers.described_server(stubbed.client, SERVER_ID) == described


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "ServerNotFound"])
def test_a_server_that_does_not_exist_is_none(service: ScriptedService, code: str) -> None:
    service.script = [error(code)]
    assert transfer_servers.described_server(client(service, TRANSFER), SERVER_ID) is None


def test_another_refusal_is_an_error(service: ScriptedService) -> None:
    service.script = [error("AccessDeniedException")]
    with pytest.raises(ServiceError, match="AccessDeniedException"):
        transfer_servers.described_server(client(service, TRANSFER), SERVER_ID)


@pytest.mark.parametrize(
    ("call", "answer", "missing"),
    [
        (transfer_servers.described_server, {}, "Server with its Arn"),
        (transfer_servers.described_server, {"Server": {"State": "ONLINE"}}, "Server with its Arn"),
        (transfer_servers.listed_host_keys, {}, "HostKeys with a Fingerprint each"),
        (transfer_servers.listed_host_keys, {"HostKeys": [{"Arn": "a"}]}, "HostKeys with a Fingerprint each"),
        (transfer_servers.server_ids, {}, "Servers with a ServerId each"),
        (transfer_servers.server_ids, {"Servers": [{"Arn": "a"}]}, "Servers with a ServerId each"),
    ],
)
def test_an_answer_of_something_else_is_an_error_without_doubt(
    service: ScriptedService, call: Callable[..., object], answer: dict[str, Any], missing: str
) -> None:
    service.script = [(200, answer)]
    arguments = () if call is transfer_servers.server_ids else (SERVER_ID,)
    with pytest.raises(ServiceError, match=f"The answer has no {missing}") as failure:
        call(client(service, TRANSFER), *arguments)
    assert not failure.value.in_doubt
