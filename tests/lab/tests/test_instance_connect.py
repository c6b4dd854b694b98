# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EC2 Instance Connect refuses what the real service refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from ansible_collections.sshkeys.aws.tests.lab_bench import Bench, KeyMaker

UNKNOWN = "i-00000000000000000"


def _refusal(bench: Bench, public_key: str, number: int = 0, **more: object) -> str:
    with pytest.raises(ClientError) as caught:
        bench.push(public_key, number, **more)
    return str(caught.value.response["Error"]["Code"])


def test_success_has_its_own_request_id(bench: Bench, new_key: KeyMaker) -> None:
    key = new_key()
    first, second = bench.push(key.public), bench.push(key.public)
    assert first["Success"] is second["Success"] is True
    assert first["RequestId"] != second["RequestId"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"InstanceId": "i-XYZ1234567"},
        {"InstanceId": "i-" + "0" * 31},
        {"InstanceOSUser": "12345"},
        {"InstanceOSUser": "DOMAIN\\user"},
        {"SSHPublicKey": "ssh-ed25519 " + "A" * 4096},
        {"SSHPublicKey": "ssh-ed25519 " + "A" * 68},
        {"SSHPublicKey": "ssh-ed25519 " + "?" * 68},
        {"AvailabilityZone": "somewhere"},
        {"AvailabilityZone": "us-east-1b"},
    ],
)
def test_invalid_arguments(bench: Bench, new_key: KeyMaker, wrong: dict[str, Any]) -> None:
    assert _refusal(bench, new_key().public, **wrong) == "InvalidArgsException"


@pytest.mark.parametrize("os_user", ["user@corp.example.com", "svc$", "1a", "ec2-user"])
def test_every_os_user_of_the_pattern(bench: Bench, new_key: KeyMaker, os_user: str) -> None:
    assert bench.push(new_key().public, InstanceOSUser=os_user)["Success"] is True


def test_bare_key_of_eighty_characters(bench: Bench, new_key: KeyMaker) -> None:
    bare = new_key().public.removesuffix(" a key")
    assert len(bare) == 80
    assert bench.push(bare, AvailabilityZone="us-east-1a")["Success"] is True


def test_instances_that_cannot_take_a_key(bench: Bench, new_key: KeyMaker) -> None:
    key = new_key().public
    assert _refusal(bench, key, InstanceId=UNKNOWN) == "EC2InstanceNotFoundException"
    assert _refusal(bench, key, 3) == "EC2InstanceStateInvalidException"
    instance_id = bench.instances[0]["instance_id"]
    bench.control("PUT", f"instances/{instance_id}", {"unavailable": True})
    assert _refusal(bench, key) == "EC2InstanceUnavailableException"
    bench.control("PUT", f"instances/{instance_id}", {"unavailable": False, "state": "terminated"})
    assert _refusal(bench, key) == "EC2InstanceStateInvalidException"


def _serial_refusal(bench: Bench, public_key: str, number: int = 0, port: int = 0) -> str:
    with pytest.raises(ClientError) as caught:
        bench.client("ec2-instance-connect").send_serial_console_ssh_public_key(
            InstanceId=bench.instances[number]["instance_id"], SSHPublicKey=public_key, SerialPort=port
        )
    return str(caught.value.response["Error"]["Code"])


def test_serial_console(bench: Bench, new_key: KeyMaker) -> None:
    key = new_key().public
    pushed = bench.client("ec2-instance-connect").send_serial_console_ssh_public_key(
        InstanceId=bench.instances[0]["instance_id"], SSHPublicKey=key
    )
    assert pushed["Success"] is True
    assert _serial_refusal(bench, key, port=1) == "InvalidArgsException"
    assert _serial_refusal(bench, key, 3) == "EC2InstanceStateInvalidException"
    assert _serial_refusal(bench, key, 4) == "EC2InstanceTypeInvalidException"
    bench.control("PUT", "settings", {"serial_console_access": False})
    assert _serial_refusal(bench, key) == "SerialConsoleAccessDisabledException"


def test_describe_instances_agrees_with_the_lab(bench: Bench) -> None:
    reservations = bench.client("ec2").describe_instances()["Reservations"]
    described = {
        instance["InstanceId"]: (instance["State"]["Name"], instance["Placement"]["AvailabilityZone"])
        for reservation in reservations
        for instance in reservation["Instances"]
    }
    assert described == {each["instance_id"]: (each["state"], each["availability_zone"]) for each in bench.instances}
    assert [each["instance_id"] for each in bench.instances if not each["serial_console"]] == ["i-0e8c4d7a1b5f36209"]


def test_key_lifetime_is_a_setting(bench: Bench, new_key: KeyMaker) -> None:
    bench.control("PUT", "settings", {"key_lifetime": 5})
    bench.push(new_key().public)
    path = f"instances/{bench.instances[0]['instance_id']}/authorized-keys/{bench.instances[0]['os_user']}"
    assert bench.text(path)[1] != ""
    bench.control("POST", "clock", {"advance": 6})
    assert bench.text(path) == (200, "")
