# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effect of each kind of fault on a real client."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from sshkeys_lab.faults import KINDS

if TYPE_CHECKING:
    from ansible_collections.sshkeys.aws.tests.lab_bench import Bench, KeyMaker


def _held(bench: Bench) -> int:
    described = bench.client("transfer").describe_user(ServerId=bench.server_id, UserName="partner")
    return len(described["User"]["SshPublicKeys"])


def _refused(bench: Bench, public_key: str) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        bench.import_key(public_key)
    return dict(caught.value.response)


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        ("throttle", "ThrottlingException", 400),
        ("internal", "InternalServiceError", 500),
        ("unavailable", "ServiceUnavailableException", 503),
    ],
)
def test_mishaps_of_transfer(bench: Bench, new_key: KeyMaker, fault: str, code: str, status: int) -> None:
    bench.fault("ImportSshPublicKey", fault)
    response = _refused(bench, new_key().public)
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert _held(bench) == 0


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("throttle", "ThrottlingException"),
        ("internal", "ServiceException"),
        ("unavailable", "EC2InstanceUnavailableException"),
    ],
)
def test_mishaps_of_instance_connect(bench: Bench, new_key: KeyMaker, fault: str, code: str) -> None:
    bench.fault("SendSSHPublicKey", fault)
    with pytest.raises(ClientError) as caught:
        bench.push(new_key().public)
    assert caught.value.response["Error"]["Code"] == code


def test_mishap_of_ec2_is_xml(bench: Bench) -> None:
    bench.fault("DescribeInstances", "throttle")
    with pytest.raises(ClientError, match="RequestLimitExceeded"):
        bench.client("ec2").describe_instances()


def test_throttle_says_when_to_come_back(bench: Bench, new_key: KeyMaker) -> None:
    bench.fault("ImportSshPublicKey", "throttle", retry_after_seconds=7)
    assert _refused(bench, new_key().public)["RetryAfterSeconds"] == "7"


def test_error_of_any_kind(bench: Bench, new_key: KeyMaker) -> None:
    bench.fault("ImportSshPublicKey", "error", code="AccessDeniedException", message="No.", status=403)
    response = _refused(bench, new_key().public)
    assert response["Error"] == {"Code": "AccessDeniedException", "Message": "No."}
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize(
    ("fault", "failure", "takes_effect"),
    [
        ("drop", ConnectionClosedError, False),
        ("reset", ConnectionClosedError, False),
        ("hang", ReadTimeoutError, False),
        # botocore reads both as answers without members: it checks neither the body's length nor that it is JSON.
        ("not_json", KeyError, False),
        ("lost_answer", ConnectionClosedError, True),
        ("stall", ReadTimeoutError, True),
        ("cut", KeyError, True),
    ],
)
def test_transport(
    bench: Bench, new_key: KeyMaker, fault: str, failure: type[Exception], *, takes_effect: bool
) -> None:
    bench.fault("ImportSshPublicKey", fault)
    with pytest.raises(failure):
        bench.import_key(new_key().public)
    assert _held(bench) == int(takes_effect)


def test_slow(bench: Bench, new_key: KeyMaker) -> None:
    bench.fault("ImportSshPublicKey", "slow", seconds=0.3)
    started = time.monotonic()
    bench.import_key(new_key().public)
    assert time.monotonic() - started >= 0.3
    assert bench.control("GET", "requests")["requests"][0]["seconds"] >= 0.3


def test_meet(bench: Bench, new_key: KeyMaker) -> None:
    """The first call is answered when the second one has come; both take effect at once."""
    bench.fault("ImportSshPublicKey", "meet", times=None)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(bench.import_key, new_key().public)
        while _held(bench) == 0:
            assert not first.done()
        assert not first.done()
        bench.import_key(new_key().public)
        first.result()
    assert _held(bench) == 2


def test_nobody_waits_for_a_fault_that_is_gone(bench: Bench, new_key: KeyMaker) -> None:
    bench.fault("ImportSshPublicKey", "meet", calls=3)
    with ThreadPoolExecutor() as pool:
        alone = pool.submit(bench.import_key, new_key().public)
        while _held(bench) == 0:
            assert not alone.done()
        bench.control("DELETE", "faults")
        alone.result()


def test_times_after_and_match(bench: Bench, new_key: KeyMaker) -> None:
    bench.fault("ImportSshPublicKey", "throttle", times=2, after=1, match={"UserName": "partner"})
    key = new_key().public
    bench.import_key(key)
    bench.import_key(key, "auditor")
    refusals = [_refused(bench, key)["Error"]["Code"] for _time in range(3)]
    assert refusals == ["ThrottlingException", "ThrottlingException", "ResourceExistsException"]


def test_for_ever_until_deleted(bench: Bench, new_key: KeyMaker) -> None:
    bench.fault("ImportSshPublicKey", "internal", times=None)
    key = new_key().public
    assert {_refused(bench, key)["Error"]["Code"] for _time in range(3)} == {"InternalServiceError"}
    bench.control("DELETE", "faults")
    bench.import_key(key)


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"operation": "ListUsers", "fault": "earthquake"},
        {"operation": "ListUsers", "fault": "error"},
        {"operation": "ListUsers", "fault": "drop", "times": "often"},
        {"operation": "ListUsers", "fault": "drop", "why": "because"},
    ],
)
def test_an_invalid_fault_is_refused(bench: Bench, fault: dict[str, object]) -> None:
    answer = bench.control("PUT", "faults", {"faults": [fault]})
    assert (answer["status"], answer["error"][-1]) == (400, ".")


def test_every_kind_is_tested() -> None:
    transport = {"drop", "reset", "hang", "stall", "not_json", "lost_answer", "cut", "slow", "meet"}
    assert transport | {"error", "throttle", "internal", "unavailable"} == KINDS
