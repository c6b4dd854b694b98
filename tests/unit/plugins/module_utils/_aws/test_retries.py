# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When calls are sent and tried again, by a service that throttles or fails."""

from __future__ import annotations

import time
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws import instance_connect, retries as retries_of_calls
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import INSTANCE_CONNECT
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._fan_out import fan_out
from ansible_collections.sshkeys.aws.plugins.module_utils._push.target import Target
from ansible_collections.sshkeys.aws.tests.unit.scripted_service import (
    DROP,
    IMPORTED,
    KEY,
    PUSHED,
    TARGET,
    Answer,
    ScriptedService,
    client,
    error,
    import_key,
    push,
)
from hypothesis import given, strategies as st


@pytest.mark.parametrize(
    "passing",
    [
        error("ThrottlingException"),
        error("ServiceException", 500),
        error("ServiceException", 503),
        error("EC2InstanceUnavailableException"),
        DROP,
    ],
)
def test_a_passing_fault_is_outlasted(service: ScriptedService, delays: list[float], passing: Answer) -> None:
    """What passes after a few attempts is no failure, and each attempt waits longer than no time."""
    assert push(service, [*[passing] * 5, PUSHED]).request_id == "request-1"
    assert len(service.requests) == 6
    assert len(delays) == 5
    assert all(delay > 0 for delay in delays)


@pytest.mark.parametrize("code", ["ThrottlingException", "EC2InstanceUnavailableException"])
def test_a_lasting_fault_ends_within_bounds(service: ScriptedService, delays: list[float], code: str) -> None:
    """After eight attempts and at most 100 seconds the error says so."""
    with pytest.raises(ServiceError, match="tried 8 times") as failure:
        push(service, [error(code)])
    assert failure.value.code == code
    assert not failure.value.in_doubt
    assert len(service.requests) == 8
    assert sum(delays) <= 100


@pytest.mark.parametrize(
    "passing", [error("ThrottlingException"), error("ServiceException", 500), error("EC2InstanceUnavailableException")]
)
def test_a_fleet_outlasts_a_passing_fault(service: ScriptedService, delays: list[float], passing: Answer) -> None:
    """Each of a hundred targets may be tried again as often as a single one: none pays for the others."""
    made = client(service, INSTANCE_CONNECT, concurrency=16)
    targets = [Target(f"i-{number:017x}", "ec2-user") for number in range(100)]
    service.script_of_instance = {target.instance_id: [passing, passing, passing, PUSHED] for target in targets}

    def push_to(target: Target) -> str | None:
        try:
            instance_connect.push(made, target, KEY)
        except ServiceError as error:
            return str(error)
        return None

    assert fan_out(push_to, targets, 16) == [None] * 100
    assert len(service.requests) == 400


def test_the_delays_grow(service: ScriptedService, delays: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the jitter each wait for an unavailable instance is twice the one before, up to a limit."""
    monkeypatch.setattr("random.random", lambda: 1.0)
    with pytest.raises(ServiceError):
        push(service, [error("EC2InstanceUnavailableException")])
    assert delays == [1, 2, 4, 8, 16, 20, 20]


def test_transfer_says_how_long_to_wait(service: ScriptedService, delays: list[float]) -> None:
    """RetryAfterSeconds of a ThrottlingException is honoured, with a little jitter on top."""
    assert (
        import_key(service, [error("ThrottlingException", RetryAfterSeconds="3"), IMPORTED])
        == IMPORTED[1]["SshPublicKeyId"]
    )
    assert len(delays) == 1
    assert 3 <= delays[0] <= 4


@pytest.mark.parametrize("asked", ["86400", "soon", "-1"])
def test_an_unreasonable_wait_is_bounded(service: ScriptedService, delays: list[float], asked: str) -> None:
    """A service that asks for a day, or for nonsense, does not hang the task."""
    import_key(service, [error("ThrottlingException", RetryAfterSeconds=asked), IMPORTED])
    assert 0 < delays[0] <= 21


def test_a_throttled_fleet_loses_none(service: ScriptedService) -> None:
    """A service that takes 100 calls a second gets 300 from 16 threads: all arrive, in little more than its time."""
    made = client(service, INSTANCE_CONNECT, concurrency=16)
    targets = [Target(f"i-{number:017x}", "ec2-user") for number in range(300)]
    service.script = [PUSHED]
    service.calls_a_second = 100

    began = time.monotonic()
    leases = fan_out(lambda target: instance_connect.push(made, target, KEY), targets, 16)
    took = time.monotonic() - began

    assert len(leases) == 300
    assert sorted(service.taken) == sorted(target.instance_id for target in targets)
    # The bucket is full at first, so the floor is two seconds. The first second hammers, and is most of the refusals.
    assert took <= 2 * 2.0
    assert len(service.requests) <= 3 * 300


@pytest.mark.parametrize("retries", [{"mode": "adaptive"}, {"total_max_attempts": 1, "mode": "standard"}])
def test_aws_config_has_the_last_word_about_a_fleet(service: ScriptedService, retries: dict[str, Any]) -> None:
    """Whoever says how often to try does not get more tries, however much the service takes meanwhile."""
    made = client(service, INSTANCE_CONNECT, aws_config={"retries": retries})
    service.script_of_instance = {TARGET.instance_id: [error("ThrottlingException")]}
    service.script = [PUSHED]
    instance_connect.push(made, Target("i-00000000000000001", "ec2-user"), KEY)
    with pytest.raises(ServiceError):
        instance_connect.push(made, TARGET, KEY)
    assert len(service.requests) <= 1 + 5


@pytest.mark.parametrize("retries", [{"total_max_attempts": 2, "mode": "standard"}, {"max_attempts": 1}])
@pytest.mark.parametrize("code", ["ThrottlingException", "EC2InstanceUnavailableException"])
def test_aws_config_has_the_last_word(
    service: ScriptedService, delays: list[float], retries: dict[str, Any], code: str
) -> None:
    """The user's retries replace ours, for what botocore retries and for what we added."""
    with pytest.raises(ServiceError):
        push(service, [error(code)], aws_config={"retries": retries})
    assert len(service.requests) == 2
    assert len(delays) == 1


# -- The waits --------------------------------------------------------------------------------------------------------


@given(st.floats(0.01, 10), st.integers(1, 10_000))
def test_a_wait_has_bounds_however_often_a_call_is_tried(first_delay: float, attempts: int) -> None:
    assert 0 <= retries_of_calls._backoff(first_delay, attempts) <= 20


def test_a_throttled_call_backs_off_for_71_seconds_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comment at the limit says so, and 35 on average."""
    monkeypatch.setattr("random.random", lambda: 1.0)
    waits = [retries_of_calls._backoff(1.0, attempts) for attempts in range(1, retries_of_calls.TOTAL_MAX_ATTEMPTS)]
    assert sum(waits) == 71


@pytest.mark.parametrize(
    ("configured", "limit"),
    [
        ({"mode": "standard", "total_max_attempts": 8}, 8),
        ({"total_max_attempts": 1}, 1),
        ({"mode": "adaptive", "total_max_attempts": 8}, 0),
        ({}, 0),
    ],
)
def test_how_often_a_call_is_tried_is_what_its_client_says(configured: dict[str, Any], limit: int) -> None:
    assert retries_of_calls._limit(configured) == limit
