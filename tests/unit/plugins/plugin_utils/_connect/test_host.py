# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of a host, and what EC2 is asked about it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.ec2 import Instance
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import EC2
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError, SetUpError
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Region
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.accounts import Accounts
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.facts import AskInstances, Facts
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.host import Host
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings
from ansible_collections.sshkeys.aws.tests.unit.stubs import StubbedService

INSTANCE_ID = "i-0123456789abcdef0"
AWS = {"region": "us-east-1"}
OF_THE_PROFILE = Region("eu-central-1", "the profile fleet")


class AccountsOfTests:
    """The accounts of a run: one, for these options, or none."""

    def __init__(self) -> None:
        self.ec2 = StubbedService(EC2)
        self.asked: list[Mapping[str, Any]] = []
        self.is_closed = False

    async def of(self, aws: Mapping[str, Any]) -> Any:
        self.asked.append(aws)
        if self.is_closed:
            raise SetUpError("The run has ended.")
        services = {EC2: self.ec2.client}
        return SimpleNamespace(client=services.__getitem__, session=SimpleNamespace(known_region=OF_THE_PROFILE))


@pytest.fixture
def accounts() -> AccountsOfTests:
    return AccountsOfTests()


def host_of(accounts: AccountsOfTests, **told: Any) -> Host:
    nothing = dict.fromkeys(Settings.__annotations__)
    settings = cast("Settings", {**nothing, "instance_id": INSTANCE_ID, "aws": AWS, "timeout": 7, **told})

    def facts_of(aws: Mapping[str, Any], ask: AskInstances) -> Facts:
        assert aws == AWS
        return Facts(ask, lambda: 0.0)

    return Host(settings, cast("Accounts", accounts), facts_of)


def test_a_step_may_take_as_long_as_the_user_says(accounts: AccountsOfTests) -> None:
    before = time.monotonic()
    deadline = host_of(accounts).deadline()
    assert before + 7 <= deadline <= time.monotonic() + 7


def test_the_account_is_that_of_the_options(accounts: AccountsOfTests) -> None:
    assert asyncio.run(host_of(accounts).account()).client(EC2) is accounts.ec2.client
    assert accounts.asked == [AWS]


@pytest.mark.parametrize(
    ("source", "region"),
    [("the variable placement", Region("us-east-1", "the variable placement")), (None, OF_THE_PROFILE)],
)
def test_the_region_and_its_source(source: str | None, region: Region, accounts: AccountsOfTests) -> None:
    assert asyncio.run(host_of(accounts, region_source=source).region()) == region


def test_a_region_of_the_user_is_known_without_the_account(accounts: AccountsOfTests) -> None:
    accounts.is_closed = True
    assert asyncio.run(host_of(accounts, region_source="a variable").region()) == Region("us-east-1", "a variable")
    with pytest.raises(SetUpError):
        asyncio.run(host_of(accounts).region())


def test_ec2_is_asked_with_the_client_of_the_account(accounts: AccountsOfTests) -> None:
    def ask(client: Any, *about: str) -> tuple[Any, ...]:
        return client, *about

    assert asyncio.run(host_of(accounts).ask_ec2(ask, "one", "two")) == (accounts.ec2.client, "one", "two")


def test_ec2_is_asked_about_an_instance_once_and_anew_if_it_must(accounts: AccountsOfTests) -> None:
    for address in ("192.0.2.1", "192.0.2.2"):
        accounts.ec2.stubber.add_response(
            "describe_instances",
            {"Reservations": [{"Instances": [{"InstanceId": INSTANCE_ID, "PublicIpAddress": address}]}]},
            {"Filters": [{"Name": "instance-id", "Values": [INSTANCE_ID]}]},
        )
    host = host_of(accounts)

    async def scenario() -> list[str | None]:
        found = [await host.instance(), await host.instance(), await host.instance(anew=True), await host.instance()]
        assert all(isinstance(each, Instance) for each in found)
        return [each.public_ip_address for each in found]

    with accounts.ec2.playing():
        assert asyncio.run(scenario()) == ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2"]


def test_an_instance_that_ec2_does_not_know_is_an_error(accounts: AccountsOfTests) -> None:
    accounts.ec2.stubber.add_response("describe_instances", {"Reservations": []})
    with accounts.ec2.playing(), pytest.raises(ServiceError, match=f"'{INSTANCE_ID}' does not exist"):
        asyncio.run(host_of(accounts).instance())
