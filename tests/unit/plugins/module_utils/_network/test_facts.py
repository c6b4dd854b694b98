# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a few facts say by themselves."""

from __future__ import annotations

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import (
    Agent,
    Instance,
    Interface,
    SecurityGroup,
)


def test_the_interface_that_has_an_address() -> None:
    first, second = (
        Interface("subnet-1", ["sg-1"], ["10.0.0.7"]),
        Interface("subnet-2", ["sg-2"], ["10.0.1.7", "203.0.113.7"]),
    )
    instance = Instance("i-1", "running", interfaces=[first, second])
    assert instance.interface_at("203.0.113.7") is second
    assert instance.interface_at("10.0.0.7") is first
    assert instance.interface_at("10.0.0.8") is None


@pytest.mark.parametrize(
    ("agent", "platform"),
    [
        (Agent("i-1", platform_name="Ubuntu", platform_version="24.04", platform_type="Linux"), "Ubuntu 24.04"),
        (Agent("i-1", platform_type="Linux"), "Linux"),
        (Agent("i-1"), None),
    ],
)
def test_the_platform_of_an_agent(agent: Agent, platform: str | None) -> None:
    assert agent.platform == platform


def test_a_group_is_named_with_its_name_if_it_has_one() -> None:
    assert [str(SecurityGroup("sg-1", "web")), str(SecurityGroup("sg-1", ""))] == ["sg-1 (web)", "sg-1"]
