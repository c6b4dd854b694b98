# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of Systems Manager about agents. botocore's Stubber is the service."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws import ssm_facts
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import Agent
from ansible_collections.sshkeys.aws.tests.unit.stubs import StubbedService

ASKED = {
    "Filters": [{"Key": "InstanceIds", "Values": ["i-0123456789abcdef0", "mi-0123456789abcdef0"]}],
    "MaxResults": 50,
}
IDS = ASKED["Filters"][0]["Values"]  # type: ignore[index]
HEARD = datetime(2026, 11, 21, 10, tzinfo=UTC)


@pytest.fixture
def service() -> StubbedService:
    """Return Systems Manager without a script yet."""
    return StubbedService("ssm")


def test_agents_of_all_pages(service: StubbedService) -> None:
    full = {
        "InstanceId": IDS[0],
        "PingStatus": "Online",
        "LastPingDateTime": HEARD,
        "AgentVersion": "3.3.3050.0",
        "PlatformName": "Ubuntu",
        "PlatformVersion": "24.04",
        "PlatformType": "Linux",
        "ComputerName": "web-1",
        "IPAddress": "10.0.0.7",
    }
    service.stubber.add_response(
        "describe_instance_information", {"InstanceInformationList": [full], "NextToken": "1"}, ASKED
    )
    more = {"InstanceInformationList": [{"InstanceId": IDS[1]}]}
    service.stubber.add_response("describe_instance_information", more, {**ASKED, "NextToken": "1"})
    with service.playing():
        found = ssm_facts.agents(service.client, IDS)
    assert found == [
        Agent(IDS[0], "Online", HEARD, "3.3.3050.0", "Ubuntu", "24.04", "Linux", "web-1", "10.0.0.7"),
        Agent(IDS[1]),
    ]


def test_an_answer_without_the_list_is_not_from_systems_manager(service: StubbedService) -> None:
    service.stubber.add_response("describe_instance_information", {})
    with service.playing(), pytest.raises(ServiceError, match="UnexpectedAnswer"):
        ssm_facts.agents(service.client, IDS)


def test_a_refusal(service: StubbedService) -> None:
    service.stubber.add_client_error("describe_instance_information", "AccessDeniedException", "Not you.")
    with service.playing(), pytest.raises(ServiceError, match="Not you"):
        ssm_facts.agents(service.client, IDS)
