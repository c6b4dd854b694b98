# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether Session Manager reaches an agent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import Agent, Unread
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.agent import judge_agent
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.verdict import OPEN, Verdict

ID = "i-0123456789abcdef0"
HEARD = datetime(2026, 11, 21, 12, 0, tzinfo=timezone(timedelta(hours=2)))


def judged(agent: Agent | None, *, has_profile: bool | None = True, hints: tuple[str, ...] = ()) -> Verdict:
    return judge_agent(ID, {ID: agent} if agent else {}, has_profile=has_profile, hints=hints)


@pytest.mark.parametrize("version", ["2.3.672.0", "2.10.0.0", "3.3.3050.0", "3.0.0", "2.3.672", None, "nonsense"])
def test_an_agent_that_is_online_and_new_enough(version: str | None) -> None:
    assert judged(Agent(ID, "Online", HEARD, version)) == OPEN


@pytest.mark.parametrize("version", ["2.3.671.9", "2.3.671", "2.2.800.0", "1.9.9.9"])
def test_an_agent_that_is_too_old(version: str) -> None:
    found = judged(Agent(ID, "Online", HEARD, version))
    assert found.is_open is False
    assert f"it is {version}, and sessions for ssh need 2.3.672.0 or later" in found.reasons[0]
    assert f"AWS-UpdateSSMAgent --instance-ids {ID}" in found.reasons[0]


@pytest.mark.parametrize("status", ["ConnectionLost", "Inactive"])
def test_an_agent_that_is_silent(status: str) -> None:
    found = judged(Agent(ID, status, HEARD), hints=("No way out.",))
    assert found.is_open is False
    assert f"last heard of at 2026-11-21 10:00 UTC (PingStatus {status})" in found.reasons[0]
    assert found.reasons[0].endswith(" No way out.")


def test_an_agent_of_which_little_is_known() -> None:
    assert "at an unknown time (PingStatus unknown)" in judged(Agent(ID)).reasons[0]


@pytest.mark.parametrize(
    ("has_profile", "says"),
    [(True, "After a boot"), (False, "has no instance profile"), (None, "activation of the managed node")],
)
def test_an_agent_that_has_not_registered(has_profile: bool | None, says: str) -> None:
    found = judged(None, has_profile=has_profile, hints=("No way out.",))
    assert found.is_open is False
    assert found.reasons[0].startswith("No SSM Agent has registered")
    assert says in found.reasons[0]
    assert found.reasons[0].endswith("No way out.")


def test_agents_that_could_not_be_read() -> None:
    assert judge_agent(ID, Unread("Refused."), has_profile=True) == Verdict(None, ("Refused.",))


def test_a_time_in_utc_stays() -> None:
    assert "2026-11-21 10:00 UTC" in judged(Agent(ID, "Inactive", HEARD.astimezone(UTC))).reasons[0]
