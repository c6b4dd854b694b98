# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ec2_instance_connect_key makes of its options, and what a run costs. botocore's Stubber is the service."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, SetUpError
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.modules import ec2_instance_connect_key
from ansible_collections.sshkeys.aws.tests.unit.stubs import StubbedService

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJEUvhKlSr3hlrULeHPBhV6WpNQeRpxqgSkrsrVdjMyx"
ONE, TWO = "i-0123456789abcdef0", "i-0123456789abcdef1"


class Service(StubbedService):
    """An Instance Connect service that expects exactly the calls of a script, in order."""

    def __init__(self) -> None:
        """Make it without a script."""
        super().__init__("ec2-instance-connect")

    def expect_push(self, instance_id: str, os_user: str = "ec2-user", **more: str) -> None:
        """Expect SendSSHPublicKey and answer that the key is live."""
        expected = {"InstanceId": instance_id, "InstanceOSUser": os_user, "SSHPublicKey": KEY, **more}
        self.stubber.add_response("send_ssh_public_key", {"RequestId": f"for {instance_id}", "Success": True}, expected)

    def run(self, *, check_mode: bool = False, **options: Any) -> Report:
        """Run the module's function with a task's options, and check that every expected call was made."""
        of_amazon = {"region": options.pop("region", "us-east-1"), "endpoint_url": options.pop("endpoint_url", None)}
        # One call after the other, in the order of the script.
        given = {"public_key": f"{KEY} alice@laptop", "concurrency": 1, **options}
        return self.run_module(ec2_instance_connect_key, given, check_mode=check_mode, **of_amazon)


@pytest.fixture
def service() -> Service:
    """Return a service without a script yet."""
    return Service()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a cache folder of its own, and return it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_one_instance(service: Service) -> None:
    """The fields of the only target also stand at the top."""
    service.expect_push(ONE, AvailabilityZone="us-east-1a")
    report = service.run(instance_id=ONE, instance_os_user="ec2-user", availability_zone="us-east-1a")
    assert report.failure is None
    assert report.result["request_id"] == f"for {ONE}"
    assert {name: report.result[name] for name in report.result["targets"][0]} == report.result["targets"][0]


def test_inside_the_lease_no_client_is_made(service: Service) -> None:
    """The second run finds the first one's lease: it sends nothing, and tells the first one's request id."""
    service.expect_push(ONE)
    first = service.run(instance_id=ONE, os_user="ec2-user")
    second = service.run(instance_id=ONE, os_user="ec2-user")
    assert service.connections == 1
    assert second.result == {
        **first.result,
        "changed": False,
        "targets": [{**first.result["targets"][0], "changed": False}],
    }


@pytest.mark.parametrize(
    "other",
    [
        {"os_user": "ubuntu"},
        {"instance_id": TWO},
        {"force": True},
        {"min_validity": 60},
        {"region": "eu-central-1"},
        {"endpoint_url": "http://127.0.0.1:9"},
    ],
)
def test_another_push_is_not_covered_by_the_lease(service: Service, other: dict[str, Any]) -> None:
    """A lease speaks for one endpoint, region, instance, OS user and key, and only while long enough."""
    first: dict[str, Any] = {"instance_id": ONE, "os_user": "ec2-user"}
    service.expect_push(ONE)
    service.run(**first)
    again = {**first, **other}
    service.expect_push(again["instance_id"], again["os_user"])
    assert service.run(**again).result["changed"] is True


def test_many_targets(service: Service) -> None:
    """Ids and dicts, once each, with the task's options where a dict is silent."""
    service.expect_push(ONE, AvailabilityZone="us-east-1a")
    service.expect_push(TWO, "ubuntu", AvailabilityZone="us-east-1b")
    targets = [ONE, {"instance_id": TWO, "os_user": "ubuntu", "availability_zone": "us-east-1b"}, ONE]
    report = service.run(targets=targets, os_user="ec2-user", availability_zone="us-east-1a")
    assert [target["os_user"] for target in report.result["targets"]] == ["ec2-user", "ubuntu"]
    assert "instance_id" not in report.result


def test_no_targets_is_nothing_to_do(service: Service) -> None:
    """An empty list is a list."""
    report = service.run(targets=[], os_user="ec2-user")
    assert report.result["msg"].startswith("targets is an empty list, so no key was pushed")
    assert (report.failure, report.result["changed"], report.result["expires_at"]) == (None, False, None)
    assert service.connections == 0


def test_check_mode_sends_nothing_and_leaves_no_lease(service: Service, cache: Path) -> None:
    """A push is foreseen; the client is made, so that what it needs is checked."""
    report = service.run(instance_id=ONE, os_user="ec2-user", check_mode=True)
    assert (report.result["changed"], report.result["success"], report.result["expires_at"]) == (True, True, None)
    assert service.connections == 1
    assert list(cache.iterdir()) == []


def test_one_bad_target_does_not_stop_the_others(service: Service) -> None:
    """All are tried; the failure counts and names, every result is there, and only the good one leaves a lease."""
    service.stubber.add_client_error("send_ssh_public_key", "EC2InstanceNotFoundException", "no such instance")
    service.expect_push(TWO)
    report = service.run(targets=[ONE, TWO], os_user="ec2-user")
    assert report.failure is not None
    assert report.failure.startswith(
        f"1 of 2 targets failed: {ONE} (user ec2-user): EC2InstanceNotFoundException: no such"
    )
    assert [target["success"] for target in report.result["targets"]] == [False, True]
    assert report.failure.endswith(" The region was us-east-1, from the option region.")
    assert report.result["targets"][0]["error"]["hint"].startswith("Check that this instance exists")
    assert report.result["changed"] is True
    service.expect_push(ONE)
    assert service.run(targets=[ONE, TWO], os_user="ec2-user").failure is None


def test_a_lease_folder_that_cannot_be_made(service: Service, cache: Path) -> None:
    """The keys are pushed all the same, and one warning says that they will be pushed again."""
    (cache / "sshkeys.aws").write_text("in the way")
    service.expect_push(ONE)
    service.expect_push(TWO)
    report = service.run(targets=[ONE, TWO], os_user="ec2-user")
    assert report.failure is None
    assert len(report.warnings) == 1
    assert "push it again" in report.warnings[0]


def test_a_damaged_lease_is_no_lease(service: Service, cache: Path) -> None:
    """Whatever stands in the file, the key is pushed again."""
    service.expect_push(ONE)
    service.run(instance_id=ONE, os_user="ec2-user")
    (lease,) = (cache / "sshkeys.aws" / "leases").iterdir()
    assert lease.stat().st_mode & 0o777 == 0o600
    assert lease.parent.stat().st_mode & 0o777 == 0o700
    lease.write_bytes(os.urandom(100))
    service.expect_push(ONE)
    assert service.run(instance_id=ONE, os_user="ec2-user").result["changed"] is True


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"instance_id": "i-XYZ"}, "instance_id 'i-XYZ' is not the id"),
        ({"instance_id": ONE + "\n"}, "is not the id"),
        ({"os_user": "12345"}, "os_user '12345'"),
        ({"os_user": "DOMAIN\\user"}, "no domain with a backslash"),
        ({"os_user": None}, "os_user is missing for i-0123456789abcdef0"),
        ({"availability_zone": "here"}, "availability_zone 'here'"),
        ({"min_validity": 61}, "min_validity is 61"),
        ({"min_validity": -1}, "min_validity is -1"),
        ({"concurrency": 0}, "concurrency is 0"),
        ({"public_key": ""}, "public_key: It is empty"),
        ({"public_key": "ecdsa-sha2-nistp256 AAAA"}, "public_key: "),
        ({"instance_id": None, "targets": [{"os_user": "x"}]}, r"targets\[0\]: .*instance_id"),
        (
            {"instance_id": None, "targets": [None]},
            r"targets\[0\] must be a string or a dict, and is of type NoneType, probably from a variable without",
        ),
        ({"instance_id": None}, "^instance_id is null"),
        (
            {"instance_id": None, "targets": [ONE, {"instance_id": ONE, "availability_zone": "us-east-1a"}]},
            "twice, with availability_zone None and 'us-east-1a'",
        ),
    ],
)
def test_wrong_options_are_sentences(service: Service, options: dict[str, Any], sentence: str) -> None:
    """Nothing is connected to before everything is judged."""
    with pytest.raises(ArgumentError, match=sentence):
        service.run(**{"instance_id": ONE, "os_user": "ec2-user", **options})
    assert service.connections == 0


def test_no_region_is_a_sentence_inside_the_lease_too(
    service: Service, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    """Where calls would go must be known, because a lease speaks for one region."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(cache / "config"))
    with pytest.raises(SetUpError, match="No region is configured"):
        service.run(instance_id=ONE, os_user="ec2-user", region=None, check_mode=True)
