# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fault of each kind on a wire: sockets, their timeouts and botocore's own HTTP. It is the same as without a wire.

So what test_faults.py says of each call without a wire holds on one.
"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.modules import ec2_instance_connect_key, transfer_ssh_key
from ansible_collections.sshkeys.aws.tests.robustness.conftest import Waiting
from ansible_collections.sshkeys.aws.tests.robustness.faults import FAULTS, Call, Fault, Way
from ansible_collections.sshkeys.aws.tests.robustness.in_process import NOWHERE, InProcessLab
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, line_of

OLD, NEW = (line_of(ed25519_blob(bytes([number]) * 32), f"key {number}") for number in (1, 2))
# An attempt that nobody answers ends after so many seconds, and there is one more.
IMPATIENT = {"read_timeout": 0.2, "retries": {"total_max_attempts": 2}}


def push(lab: RunningLab, way: Way, fault: Fault) -> dict[str, Any]:
    """Push a key while calls go wrong. Returns what the module says, and whether the key is live."""
    instance_id = lab.instance_ids[0]
    options = {"instance_id": instance_id, "os_user": "ubuntu", "public_key": NEW, "force": True}
    prepare = way.spoil(lab, fault, Call("SendSSHPublicKey", {}, 0))
    report = lab.run(ec2_instance_connect_key, options, prepare=prepare, aws_config=IMPATIENT)
    (said,) = report.result["targets"]
    return {**of_report(report, said), "strikes": way.strikes(lab), "live": bool(lab.live(instance_id, "ubuntu"))}


def rotate(lab: RunningLab, way: Way, fault: Fault) -> dict[str, Any]:
    """Replace a user's key while its import goes wrong. Returns what the module says, and what the user holds."""
    lab.hold("partner", [OLD])
    options = {"server_id": lab.server_id, "user_name": "partner", "public_keys": [NEW], "exclusive": True}
    prepare = way.spoil(lab, fault, Call("ImportSshPublicKey", {}, 0))
    report = lab.run(transfer_ssh_key, options, prepare=prepare, aws_config=IMPATIENT)
    (said,) = report.result["users"]
    keys = {name: [key["body"] for key in said[name] or ()] for name in ("imported", "deleted", "ssh_public_keys")}
    return {**of_report(report, said), **keys, "strikes": way.strikes(lab), "held": lab.held("partner")}


def of_report(report: Any, said: Any) -> dict[str, Any]:
    """Return what a report says, without the numbers and addresses that differ from one run to the next."""
    error = said.get("error", {})
    return {
        "failed": bool(report.failure),
        "changed": said["changed"],
        "code": error.get("code"),
        "hint": error.get("hint"),
        "in doubt": "unknown whether" in error.get("message", ""),
    }


@pytest.mark.usefixtures("waiting")
@pytest.mark.parametrize("task", [push, rotate])
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.times in (1, None)], ids=str)
def test_a_wire_makes_no_difference(
    running_lab: RunningLab, lab_in_process: InProcessLab, way: Way, task: Any, fault: Fault
) -> None:
    """What a module itself waits for is left out. What its sockets wait for is not."""
    on_the_wire = task(running_lab, way, fault)
    assert on_the_wire["strikes"]
    assert task(lab_in_process, Way(NOWHERE), fault) == on_the_wire


@pytest.mark.parametrize("aws_config", [None, IMPATIENT], ids=["by default", "as the user wants"])
def test_without_a_wire_a_client_waits_as_long_as_it_was_told(
    lab_in_process: InProcessLab, waiting: Waiting, aws_config: Any
) -> None:
    """What nobody answers costs the time of the client's own settings, and so does what it waits for in between."""
    lab_in_process.misbehave({"operation": "DescribeUser", "fault": "hang", "times": None})
    options = {"server_id": lab_in_process.server_id, "user_name": "partner", "public_keys": [NEW]}
    report = lab_in_process.run(transfer_ssh_key, options, aws_config=aws_config)
    assert report.failure
    # Eight attempts of ten seconds, or two of 0.2.
    attempts, seconds = (2, 0.2) if aws_config else (8, 10)
    assert len(lab_in_process.requests()) == attempts
    assert attempts * seconds <= waiting.seconds <= attempts * seconds + 71
