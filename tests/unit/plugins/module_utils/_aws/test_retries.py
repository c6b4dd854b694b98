# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When calls are sent and tried again, by a service that throttles or fails."""

from __future__ import annotations

from types import SimpleNamespace
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
    """A service that takes 100 calls a second gets 300 from 16 threads: all arrive, and few are sent more than once."""
    made = client(service, INSTANCE_CONNECT, concurrency=16)
    targets = [Target(f"i-{number:017x}", "ec2-user") for number in range(300)]
    service.script = [PUSHED]
    service.calls_a_second = 100

    leases = fan_out(lambda target: instance_connect.push(made, target, KEY), targets, 16)

    assert len(leases) == 300
    assert sorted(service.taken) == sorted(target.instance_id for target in targets)
    # The first second hammers, and is most of the refusals.
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


# -- The decision after each attempt, with a clock that the test moves -------------------------------------------------


class Clock:
    """The functions of the module time that wait: nothing waits."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.now = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        """Return the time, which a test sets."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Note it."""
        self.slept.append(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock of the retries. Waits are the longest that jitter allows."""
    clock = Clock()
    monkeypatch.setattr(retries_of_calls, "time", clock)
    monkeypatch.setattr(retries_of_calls, "random", SimpleNamespace(random=lambda: 1.0))
    return clock


LIMIT = retries_of_calls.TOTAL_MAX_ATTEMPTS
THROTTLED = ["ThrottlingException", "Throttling", "RequestLimitExceeded", "TooManyRequestsException"]


def delay(
    retries: retries_of_calls._Retries, code: str | None, attempts: int = 1, *, status: int = 400, **answer: str
) -> float | None:
    """Return how long a call waits after an answer with an error; None where it is left to botocore."""
    config = SimpleNamespace(retries={"mode": "standard", "total_max_attempts": LIMIT})
    response = SimpleNamespace(status_code=status), {"Error": {"Code": code}, **answer}
    return retries.delay_before_retry(response, attempts, {"context": {"client_config": config}})


def succeed(retries: retries_of_calls._Retries) -> None:
    """Tell of a call that was taken."""
    assert delay(retries, None, status=200) is None


@pytest.mark.parametrize(("code", "status"), [*((code, 400) for code in THROTTLED), ("Anything", 429)])
def test_what_a_service_says_when_it_throttles_slows_every_call_down(clock: Clock, code: str, status: int) -> None:
    """After a second in which it took one call, each call waits for its turn."""
    retries = retries_of_calls._Retries(is_limited=False)
    assert delay(retries, code, status=status) == 1.0
    clock.now = 0.5
    succeed(retries)
    clock.now = 1.0
    retries.await_turn()
    retries.await_turn()
    assert clock.slept == pytest.approx([1 / 1.2])


@pytest.mark.parametrize(("code", "status"), [("AuthException", 400), ("ServiceException", 500)])
def test_what_is_no_throttling_slows_nothing_down(clock: Clock, code: str, status: int) -> None:
    retries = retries_of_calls._Retries(is_limited=False)
    delay(retries, code, status=status)
    succeed(retries)
    clock.now = 1.0
    retries.await_turn()
    retries.await_turn()
    assert clock.slept == []


def test_a_service_that_takes_no_call_at_all_is_given_up_after_a_minute(clock: Clock) -> None:
    retries = retries_of_calls._Retries(is_limited=False)
    assert delay(retries, "Throttling") is not None
    clock.now = 60.0
    assert delay(retries, "Throttling") is not None
    clock.now = 60.1
    assert delay(retries, "Throttling") is None


@pytest.mark.parametrize(("attempts", "waits"), [(LIMIT - 1, True), (LIMIT, False)])
def test_a_throttled_call_that_no_other_call_passes_has_a_limit(clock: Clock, attempts: int, waits: bool) -> None:
    retries = retries_of_calls._Retries(is_limited=False)
    assert (delay(retries, "Throttling", attempts) is not None) is waits


@pytest.mark.parametrize(("since_success", "waits"), [(20.0, True), (20.1, False)])
def test_while_other_calls_pass_a_throttled_one_has_no_limit(clock: Clock, since_success: float, waits: bool) -> None:
    retries = retries_of_calls._Retries(is_limited=False)
    succeed(retries)
    clock.now = since_success
    assert (delay(retries, "Throttling", 1000) is not None) is waits


@pytest.mark.parametrize(("attempts", "waits"), [(LIMIT - 1, True), (LIMIT, False)])
def test_a_limit_of_the_user_counts_also_while_other_calls_pass(clock: Clock, attempts: int, waits: bool) -> None:
    retries = retries_of_calls._Retries(is_limited=True)
    succeed(retries)
    assert (delay(retries, "Throttling", attempts) is not None) is waits


@pytest.mark.parametrize(("since_success", "seconds"), [(0.0, 0.1), (1.0, 0.1), (1.1, 1.0)])
def test_while_other_calls_pass_a_throttled_one_comes_back_soon(
    clock: Clock, since_success: float, seconds: float
) -> None:
    retries = retries_of_calls._Retries(is_limited=False)
    succeed(retries)
    clock.now = since_success
    assert delay(retries, "Throttling") == seconds


@pytest.mark.parametrize(("asked", "seconds"), [("0", 1.0), ("3", 4.0), ("20", 21.0), ("21", 21.0)])
def test_a_wait_that_the_service_asks_for_has_jitter_and_a_limit(clock: Clock, asked: str, seconds: float) -> None:
    assert delay(retries_of_calls._Retries(is_limited=False), "Throttling", RetryAfterSeconds=asked) == seconds


@pytest.mark.parametrize(
    ("code", "status", "attempts", "seconds"),
    [
        ("ServiceException", 500, 1, 0.25),
        ("ServiceException", 599, 2, 0.5),
        ("ServiceException", 500, LIMIT - 1, 16.0),
        ("ServiceException", 500, LIMIT, None),
        ("EC2InstanceUnavailableException", 400, 1, 1.0),
        ("EC2InstanceUnavailableException", 400, LIMIT - 1, 20.0),
        ("EC2InstanceUnavailableException", 400, LIMIT, None),
        ("AuthException", 400, 1, None),
    ],
)
def test_other_errors(clock: Clock, code: str, status: int, attempts: int, seconds: float | None) -> None:
    assert delay(retries_of_calls._Retries(is_limited=False), code, attempts, status=status) == seconds


def test_a_call_waits_for_its_turn_before_it_is_signed(service: ScriptedService, clock: Clock) -> None:
    """A signature expires."""
    made = client(service, INSTANCE_CONNECT)
    happened: list[str] = []
    clock.slept = happened  # type: ignore[assignment]  # only that there was a wait is of interest
    made.meta.events.register("before-sign.ec2-instance-connect", lambda **_event: happened.append("signed"))
    service.script = [error("ThrottlingException"), PUSHED]
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("botocore.endpoint.time", clock)
        instance_connect.push(made, TARGET, KEY)
    clock.now = 0.9
    instance_connect.push(made, TARGET, KEY)
    clock.now = 1.0
    instance_connect.push(made, TARGET, KEY)
    happened.clear()
    instance_connect.push(made, TARGET, KEY)
    assert happened == [pytest.approx(1 / 1.2), "signed"]


def test_a_broken_connection_is_left_to_botocore(clock: Clock) -> None:
    assert retries_of_calls._Retries(is_limited=False).delay_before_retry(None, 1, {}) is None


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
