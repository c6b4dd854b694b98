# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that pushes a key, with leases on a real file system. botocore's Stubber is the service."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, SetUpError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import PublicKey, parse_public_key
from ansible_collections.sshkeys.aws.plugins.module_utils._push.plan import KEY_LIFETIME
from ansible_collections.sshkeys.aws.plugins.module_utils._push.run import push_key
from ansible_collections.sshkeys.aws.plugins.module_utils._push.target import Target
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, line_of
from ansible_collections.sshkeys.aws.tests.unit.stubs import StubbedService, StubbedSession

KEY, OTHER_KEY = (parse_public_key(line_of(ed25519_blob(bytes([number]) * 32), "laptop")) for number in (1, 2))
ONE, TWO, THREE = (Target(f"i-0123456789abcdef{number}", "ec2-user") for number in range(3))
CONSOLE = Target(ONE.instance_id, serial_port=0)


class Service(StubbedService):
    """An Instance Connect service that expects exactly the calls of a script, in order."""

    def __init__(self) -> None:
        """Make it without a script."""
        super().__init__("ec2-instance-connect")

    def expect(self, target: Target, key: PublicKey = KEY, request_id: str = "request") -> None:
        """Expect the push of a key to a target, and answer that it is live."""
        answer = {"RequestId": request_id, "Success": True}
        arguments: dict[str, Any] = {"InstanceId": target.instance_id, "SSHPublicKey": key.line}
        if target.os_user is None:
            expected = {**arguments, "SerialPort": target.serial_port}
            self.stubber.add_response("send_serial_console_ssh_public_key", answer, expected)
        else:
            self.stubber.add_response("send_ssh_public_key", answer, {**arguments, "InstanceOSUser": target.os_user})

    def refuse(self, code: str, http_status_code: int = 400) -> None:
        """Expect a push and refuse it."""
        self.stubber.add_client_error("send_ssh_public_key", code, "No.", http_status_code=http_status_code)

    def run(
        self,
        *targets: Target,
        key: PublicKey = KEY,
        check_mode: bool = False,
        warnings: Sequence[str] = (),
        **options: Any,
    ) -> Report:
        """Push a key to targets, one after the other, and check that every expected call was made."""
        params = {"region": "us-east-1", "endpoint_url": None, "force": False, "min_validity": 15, **options}
        session = StubbedSession(params, self.connect)
        with self.playing():
            return push_key(
                targets, key, warnings, params, single=len(targets) == 1, check_mode=check_mode, session=session
            )


@pytest.fixture
def service() -> Service:
    """Return a service without a script yet."""
    return Service()


@pytest.fixture(autouse=True)
def leases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a cache of its own, and return the folder for leases, which is not made yet."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/sshkeys.aws/leases"


def test_a_lease_is_written_for_each_push_and_read_by_the_next_run(service: Service, leases: Path) -> None:
    for target, request_id in ((ONE, "first"), (TWO, "second"), (CONSOLE, "third")):
        service.expect(target, request_id=request_id)
    first = service.run(ONE, TWO, CONSOLE)
    assert first.result["changed"] is True
    assert len(list(leases.iterdir())) == 3
    second = service.run(ONE, TWO, CONSOLE)
    assert second.result["changed"] is False
    assert [target["request_id"] for target in second.result["targets"]] == ["first", "second", "third"]
    assert second.result["expires_at"] == first.result["expires_at"]


def test_no_client_is_made_when_nothing_is_to_be_pushed(service: Service) -> None:
    service.expect(ONE)
    service.run(ONE)
    assert service.connections == 1
    for check_mode in (False, True):
        service.run(ONE, check_mode=check_mode)
        service.run(check_mode=check_mode)
    assert service.connections == 1


def test_only_what_has_no_lease_is_pushed(service: Service) -> None:
    service.expect(TWO)
    service.run(TWO)
    service.expect(ONE)
    service.expect(THREE)
    told = service.run(ONE, TWO, THREE)
    assert [target["changed"] for target in told.result["targets"]] == [True, False, True]


def test_another_key_has_a_lease_of_its_own(service: Service) -> None:
    for key in (KEY, OTHER_KEY):
        service.expect(ONE, key)
        assert service.run(ONE, key=key).result["changed"] is True
    for key in (KEY, OTHER_KEY):
        assert service.run(ONE, key=key).result["changed"] is False


@pytest.mark.parametrize(
    "another",
    [
        {"region": "eu-central-1"},
        {"endpoint_url": "https://another.example"},
        {"profile": "another"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_a_lease_counts_only_in_its_own_region_and_at_its_own_endpoint(
    service: Service, another: dict[str, Any]
) -> None:
    service.expect(ONE, request_id="here")
    service.run(ONE)
    service.expect(ONE, request_id="there")
    assert service.run(ONE, **another).result["request_id"] == "there"
    assert service.run(ONE).result["request_id"] == "here"
    assert service.run(ONE, **another).result["request_id"] == "there"


class CountingClient:
    """A client that counts how many calls are under way, and lets each wait until others are."""

    def __init__(self, together: int) -> None:
        """together: how many calls must be under way before any of them ends."""
        self._together = threading.Barrier(together)
        self._lock, self._under_way, self.most = threading.Lock(), 0, 0

    def send_ssh_public_key(self, **_arguments: Any) -> dict[str, Any]:
        """Take a key."""
        with self._lock:
            self._under_way += 1
            self.most = max(self.most, self._under_way)
        self._together.wait(10)
        with self._lock:
            self._under_way -= 1
        return {"RequestId": "request", "Success": True}


@pytest.mark.parametrize("concurrency", [1, 2])
def test_as_many_calls_are_made_at_once_as_the_task_says(concurrency: int) -> None:
    client = CountingClient(concurrency)
    params = {"region": "us-east-1", "force": False, "min_validity": 15, "concurrency": concurrency}
    targets = [Target(f"i-{number:017x}", "ec2-user") for number in range(4)]
    session = StubbedSession(params, lambda: client)
    report = push_key(targets, KEY, (), params, single=False, check_mode=False, session=session)
    assert report.failure is None
    assert client.most == concurrency


def test_force_pushes_in_any_case(service: Service) -> None:
    for _time in range(2):
        service.expect(ONE)
        assert service.run(ONE, force=True).result["changed"] is True


def test_check_mode_makes_a_client_and_neither_calls_nor_writes(service: Service, leases: Path) -> None:
    told = service.run(ONE, TWO, check_mode=True)
    assert told.result["changed"] is True
    assert [target["request_id"] for target in told.result["targets"]] == [None, None]
    assert service.connections == 1
    assert not leases.exists()


def test_a_target_that_is_named_twice_is_pushed_to_once(service: Service) -> None:
    service.expect(ONE)
    assert len(service.run(ONE, Target(ONE.instance_id, "ec2-user"), ONE).result["targets"]) == 1


def test_what_is_refused_leaves_no_lease(service: Service, leases: Path) -> None:
    service.refuse("EC2InstanceNotFoundException")
    service.expect(TWO)
    told = service.run(ONE, TWO)
    assert told.failure
    assert told.failure.startswith(f"1 of 2 targets failed: {ONE.instance_id} (user ec2-user): EC2InstanceNotFound")
    assert told.failure.endswith(" The region was us-east-1, from the option region.")
    assert [(target["changed"], target["success"]) for target in told.result["targets"]] == [
        (False, False),
        (True, True),
    ]
    assert len(list(leases.iterdir())) == 1
    service.expect(ONE)
    assert service.run(ONE, TWO).failure is None


def test_what_nobody_knows_is_a_change_without_a_lease(service: Service, leases: Path) -> None:
    service.refuse("ServiceException", http_status_code=500)
    told = service.run(ONE)
    assert (told.result["changed"], told.result["success"]) == (True, False)
    assert told.failure
    assert "unknown whether" in told.failure
    assert not leases.exists()


def test_an_answer_that_is_no_success_is_a_failure(service: Service, leases: Path) -> None:
    service.stubber.add_response("send_ssh_public_key", {"RequestId": "request", "Success": False})
    told = service.run(ONE)
    assert told.failure
    assert "UnexpectedAnswer: The answer has no Success" in told.failure
    assert not leases.exists()


def test_a_lease_that_cannot_be_written_is_one_warning(service: Service, leases: Path) -> None:
    leases.parents[1].mkdir()
    leases.parent.write_text("in the way")
    service.expect(ONE)
    service.expect(TWO)
    told = service.run(ONE, TWO, warnings=["The key is weak."])
    assert told.failure is None
    assert told.result["changed"] is True
    first, second = told.warnings
    assert first == "The key is weak."
    assert second.startswith("The key was pushed, but no lease could be written, so the next run will push it")
    assert second.endswith(f"{leases}: Not a directory")


def test_a_user_without_a_home_folder_is_told_that_there_is_no_lease(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "nowhere")
    service.expect(ONE)
    (warning,) = service.run(ONE).warnings
    assert warning.endswith("is not an absolute path: this user has no home folder")


def test_ended_leases_are_swept_after_a_push(service: Service, leases: Path) -> None:
    service.expect(ONE)
    service.run(ONE)
    (old,) = leases.iterdir()
    ended = time.time() - KEY_LIFETIME - 1
    os.utime(old, (ended, ended))
    service.run(ONE)
    assert old.exists(), "a run that pushes nothing writes nothing"
    service.expect(TWO)
    service.run(TWO)
    assert not old.exists()


@pytest.mark.parametrize("seconds", [-1, KEY_LIFETIME + 1])
def test_min_validity_beyond_the_life_of_a_key(service: Service, seconds: int) -> None:
    with pytest.raises(ArgumentError, match=f"^min_validity is {seconds}, and must be 0 to {KEY_LIFETIME} seconds"):
        service.run(ONE, min_validity=seconds)
    assert service.connections == 0


@pytest.mark.parametrize("seconds", [0, KEY_LIFETIME])
def test_min_validity_within_the_life_of_a_key(service: Service, seconds: int) -> None:
    service.expect(ONE)
    assert service.run(ONE, min_validity=seconds).failure is None


def test_two_zones_of_one_target_are_refused(service: Service) -> None:
    with pytest.raises(ArgumentError, match="twice, with availability_zone None and 'us-east-1a'"):
        service.run(ONE, Target(ONE.instance_id, "ec2-user", "us-east-1a"))
    assert service.connections == 0


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_run_needs_a_region_also_where_a_lease_would_do(service: Service, check_mode: bool) -> None:
    service.expect(ONE)
    service.run(ONE)
    with pytest.raises(SetUpError, match="No region is configured"):
        service.run(ONE, region=None, check_mode=check_mode)
