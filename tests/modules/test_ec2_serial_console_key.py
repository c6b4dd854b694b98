# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ec2_serial_console_key against the lab, in this process."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.modules import ec2_instance_connect_key, ec2_serial_console_key
from ansible_collections.sshkeys.aws.tests.modules.people import ALICE, ERIN, WEAK
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab

PUSH = "SendSerialConsoleSSHPublicKey"


def push(lab: RunningLab, *, check_mode: bool = False, **options: object) -> Report:
    """Push a key to the console of the first instance, if the options do not say otherwise."""
    told = {"instance_id": lab.instance_ids[0], "public_key": ALICE.line, **options}
    return lab.run(ec2_serial_console_key, told, check_mode=check_mode)


def sent(lab: RunningLab) -> list[str]:
    """Return the calls since the lab's first state."""
    return [request["operation"] for request in lab.requests()]


def test_a_push_is_what_check_mode_foresaw(running_lab: RunningLab) -> None:
    check, pushed, check_again, again = (
        push(running_lab, check_mode=check_mode).result for check_mode in (True, False, True, False)
    )
    assert [told["changed"] for told in (check, pushed, check_again, again)] == [True, True, False, False]
    (request,) = running_lab.requests()
    assert request["operation"] == PUSH
    assert request["parameters"] == {
        "InstanceId": running_lab.instance_ids[0],
        "SerialPort": 0,
        "SSHPublicKey": ALICE.pair.bare,
    }
    for name in ("ssh_command", "host_key_fingerprint"):
        assert check[name] == pushed[name] == again[name] is not None
    region = running_lab.lab["region"]
    assert pushed["ssh_command"] == (
        f"ssh {running_lab.instance_ids[0]}.port0@serial-console.ec2-instance-connect.{region}.aws"
    )
    assert check["key"] == pushed["key"]
    assert check["request_id"] is check["expires_at"] is None
    assert pushed["request_id"] == again["request_id"] is not None
    assert check_again == again


def test_the_names_of_the_api_are_taken(running_lab: RunningLab) -> None:
    told = {"instance_id": running_lab.instance_ids[0], "ssh_public_key": ALICE.line, "serial_port": "0"}
    assert running_lab.run(ec2_serial_console_key, told).result["key"]["fingerprint"] == ALICE.fingerprint
    assert push(running_lab).result["changed"] is False


def test_force_and_a_short_lease_push_again(running_lab: RunningLab) -> None:
    push(running_lab)
    assert push(running_lab, force=True).result["changed"] is True
    assert push(running_lab, min_validity=60).result["changed"] is True
    assert sent(running_lab) == [PUSH] * 3


def test_the_console_and_the_os_user_are_two_doors(running_lab: RunningLab) -> None:
    """A lease of one is none of the other's."""
    user = {"instance_id": running_lab.instance_ids[0], "os_user": "ubuntu", "public_key": ALICE.line}
    assert push(running_lab).result["changed"] is True
    assert running_lab.run(ec2_instance_connect_key, user).result["changed"] is True
    assert running_lab.run(ec2_instance_connect_key, {**user, "os_user": "root"}).result["changed"] is True
    assert sent(running_lab) == [PUSH, "SendSSHPublicKey", "SendSSHPublicKey"]
    # A key for the console opens no user.
    assert running_lab.live(running_lab.instance_ids[1], "ubuntu") == []
    push(running_lab, instance_id=running_lab.instance_ids[1])
    assert running_lab.live(running_lab.instance_ids[1], "ubuntu") == []


def test_what_the_service_refuses_is_a_sentence(running_lab: RunningLab) -> None:
    not_nitro = next(each["instance_id"] for each in running_lab.lab["instances"] if not each["serial_console"])
    refused = push(running_lab, instance_id=not_nitro)
    assert "EC2InstanceTypeInvalidException" in str(refused.failure)
    assert "Nitro" in str(refused.failure)
    assert refused.result["changed"] is False
    running_lab.control("PUT", "settings", serial_console_access=False)
    refused = push(running_lab)
    assert "SerialConsoleAccessDisabledException" in str(refused.failure)
    assert "ec2:EnableSerialConsoleAccess" in str(refused.failure)
    assert refused.result["success"] is False


@pytest.mark.parametrize("check_mode", [False, True], ids=["real", "check"])
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"serial_port": 1}, "serial_port is 1"),
        ({"instance_id": "web1"}, "instance_id 'web1'"),
        ({"public_key": ERIN.line}, "the instance ignores them"),
        ({"min_validity": 61}, "min_validity is 61"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_what_cannot_work_is_refused_before_anything_is_sent(
    running_lab: RunningLab, options: dict[str, Any], sentence: str, *, check_mode: bool
) -> None:
    assert sentence in str(push(running_lab, check_mode=check_mode, **options).failure)
    assert running_lab.requests() == []


def test_a_weak_key_is_pushed_with_a_warning(running_lab: RunningLab) -> None:
    (warning,) = push(running_lab, public_key=WEAK.line).warnings
    assert "1024 bits" in warning


def test_a_console_that_fails_for_good_is_in_doubt(running_lab: RunningLab) -> None:
    running_lab.misbehave({"operation": PUSH, "fault": "lost_answer", "times": None})
    refused = push(running_lab)
    assert "unknown whether" in str(refused.failure)
    assert refused.result["changed"] is True
    running_lab.misbehave()
    assert push(running_lab).result["request_id"]
