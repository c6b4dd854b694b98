# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ec2_instance_connect_key against the lab, in this process: real calls, and real logins with what was pushed."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.modules import ec2_instance_connect_key
from ansible_collections.sshkeys.aws.tests.logins import opens_instance
from ansible_collections.sshkeys.aws.tests.modules.people import ALICE, BOB, DAVE, ERIN, WEAK, Person
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab

UNKNOWN = "i-00000000000000000"
PUSH = "SendSSHPublicKey"
# What check mode cannot know.
UNKNOWN_BEFORE = {"request_id": None, "pushed_at": None, "expires_at": None}


def instance(lab: RunningLab, number: int = 0) -> Mapping[str, Any]:
    """Return an instance that runs."""
    found: Mapping[str, Any] = lab.lab["instances"][number]
    assert found["state"] == "running"
    return found


def stopped(lab: RunningLab) -> str:
    """Return the id of an instance that does not run."""
    return next(str(each["instance_id"]) for each in lab.lab["instances"] if each["state"] == "stopped")


def push(lab: RunningLab, person: Person = ALICE, *, check_mode: bool = False, **options: object) -> Report:
    """Push a person's key to the first instance, if the options do not say otherwise."""
    of_instance = {} if "targets" in options else {"instance_id": instance(lab)["instance_id"]}
    told = {**of_instance, "os_user": instance(lab)["os_user"], "public_key": person.line, **options}
    return lab.run(ec2_instance_connect_key, told, check_mode=check_mode)


def sent(lab: RunningLab) -> list[str]:
    """Return the calls since the lab's first state."""
    return [request["operation"] for request in lab.requests()]


def leases() -> list[Path]:
    """Return the files of the user's leases."""
    return sorted(path for path in Path(os.environ["XDG_CACHE_HOME"]).rglob("*") if path.is_file())


def foreseen(report: Report) -> dict[str, Any]:
    """Return a result without what check mode cannot know."""
    targets = [{**target, **UNKNOWN_BEFORE} for target in report.result["targets"]]
    return {**report.result, **UNKNOWN_BEFORE, "targets": targets}


# -- One instance -----------------------------------------------------------------------------------------------------


def test_a_push_is_what_check_mode_foresaw(running_lab: RunningLab) -> None:
    zone = instance(running_lab)["availability_zone"]
    check = push(running_lab, check_mode=True, availability_zone=zone)
    assert (check.failure, check.result["changed"], check.result["success"]) == (None, True, True)
    assert check.result["request_id"] is check.result["pushed_at"] is check.result["expires_at"] is None
    assert running_lab.requests() == []
    pushed = push(running_lab, availability_zone=zone)
    assert pushed.failure is None
    assert pushed.result["changed"] is True
    assert foreseen(pushed) == check.result
    (request,) = running_lab.requests()
    assert request["operation"] == PUSH
    assert request["parameters"] == {
        "InstanceId": instance(running_lab)["instance_id"],
        "InstanceOSUser": instance(running_lab)["os_user"],
        "SSHPublicKey": ALICE.pair.bare,
        "AvailabilityZone": zone,
    }
    assert request["region"] == running_lab.lab["region"]


def test_the_result_says_what_was_pushed_and_for_how_long(running_lab: RunningLab) -> None:
    pushed = push(running_lab).result
    key = pushed["key"]
    assert (key["type"], key["bits"], key["comment"]) == ("ssh-ed25519", 256, ALICE.comment)
    assert key["fingerprint"] == ALICE.fingerprint
    (target,) = pushed["targets"]
    assert len(target["request_id"]) == 36
    assert {name: pushed[name] for name in target} == target
    pushed_at, expires_at = (datetime.fromisoformat(target[name]) for name in ("pushed_at", "expires_at"))
    assert expires_at - pushed_at == timedelta(seconds=60)


@pytest.mark.parametrize("person", [ALICE, DAVE], ids=["ed25519", "rsa"])
def test_a_pushed_key_opens_the_os_user_for_a_minute(running_lab: RunningLab, person: Person, tmp_path: Path) -> None:
    mine, other = person.private_key(tmp_path), BOB.private_key(tmp_path)
    assert not opens_instance(running_lab, instance(running_lab), mine)
    assert push(running_lab, person).failure is None
    assert opens_instance(running_lab, instance(running_lab), mine)
    assert not opens_instance(running_lab, instance(running_lab), other)
    # The key is one instance's.
    assert not opens_instance(running_lab, instance(running_lab, 1), mine)
    running_lab.control("POST", "clock", advance=61)
    assert not opens_instance(running_lab, instance(running_lab), mine)


def test_ssh_logs_in_with_the_options_as_they_are_returned(running_lab: RunningLab, tmp_path: Path) -> None:
    one = instance(running_lab)
    options = push(running_lab).result["ssh_options"]
    assert options == push(running_lab, check_mode=True).result["ssh_options"]
    connect = [*shlex.split(running_lab.lab["ssh_common_args"]), "-p", str(one["port"])]
    key = ["-i", str(ALICE.private_key(tmp_path))]
    for arguments in (options, shlex.split(" ".join(options))):
        done = subprocess.run(
            ["ssh", *connect, *key, *arguments, one["host"], "id -un"], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (0, f"{one['os_user']}\n"), done.stderr


@pytest.mark.parametrize("os_user", ["svc$", "user@corp"])
def test_the_options_of_an_odd_os_user_name_it_to_the_server(
    running_lab: RunningLab, os_user: str, tmp_path: Path
) -> None:
    """There is no such user, so the server refuses it, and ssh says whom it has refused."""
    one = instance(running_lab)
    pushed = push(running_lab, os_user=os_user)
    assert pushed.failure is None
    connect = [*shlex.split(running_lab.lab["ssh_common_args"]), "-p", str(one["port"])]
    key = ["-i", str(ALICE.private_key(tmp_path))]
    command = ["ssh", *connect, *key, *pushed.result["ssh_options"], one["host"], "true"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert f"{os_user}@{one['host']}: Permission denied" in done.stderr


def test_inside_the_lease_nothing_is_sent(running_lab: RunningLab) -> None:
    pushed = push(running_lab)
    check = push(running_lab, check_mode=True)
    again = running_lab.run(
        ec2_instance_connect_key,
        {
            "instance_id": instance(running_lab)["instance_id"],
            "instance_os_user": instance(running_lab)["os_user"],
            "ssh_public_key": ALICE.line,
        },
    )
    assert sent(running_lab) == [PUSH]
    unchanged = {"changed": False, "targets": [{**pushed.result["targets"][0], "changed": False}]}
    assert check.result == again.result == {**pushed.result, **unchanged}


def test_force_always_pushes(running_lab: RunningLab) -> None:
    reports = [push(running_lab, force=True, check_mode=check_mode) for check_mode in (True, False, True, False)]
    assert [report.result["changed"] for report in reports] == [True] * 4
    assert sent(running_lab) == [PUSH] * 2
    assert reports[1].result["request_id"] != reports[3].result["request_id"]


def test_a_lease_counts_only_while_it_lasts_long_enough(running_lab: RunningLab) -> None:
    push(running_lab)
    (lease,) = leases()
    # Half a minute ago.
    told = json.loads(lease.read_text())
    lease.write_text(json.dumps({**told, "pushed_at": told["pushed_at"] - 30}))
    for seconds, changed in ((0, False), (25, False), (40, True)):
        assert push(running_lab, min_validity=seconds, check_mode=True).result["changed"] is changed
    lease.write_text(json.dumps({**told, "pushed_at": told["pushed_at"] - 50}))
    # By default the key has to live for 15 seconds more.
    assert push(running_lab, check_mode=True).result["changed"] is True
    assert push(running_lab, check_mode=True, min_validity=5).result["changed"] is False


def test_no_lease_speaks_for_another_endpoint(running_lab: RunningLab) -> None:
    push(running_lab)
    (lease,) = leases()
    told = json.loads(lease.read_text())
    assert told["endpoint"] == running_lab.lab["endpoint_url"]
    assert told["region"] == running_lab.lab["region"]


def test_a_weak_key_is_pushed_with_a_warning(running_lab: RunningLab) -> None:
    weak = push(running_lab, WEAK)
    assert weak.result["changed"] is True
    (warning,) = weak.warnings
    assert WEAK.fingerprint in warning
    assert "1024 bits" in warning
    # The limit is 2048: what is as long is not weak.
    assert push(running_lab, DAVE).warnings == []


# -- A fleet ----------------------------------------------------------------------------------------------------------


def test_a_fleet_gets_the_key_once_each(running_lab: RunningLab, tmp_path: Path) -> None:
    one, two = instance(running_lab), instance(running_lab, 1)
    targets: list[Any] = [
        one["instance_id"],
        {
            "instance_id": two["instance_id"],
            "instance_os_user": two["os_user"],
            "availability_zone": two["availability_zone"],
        },
        {"instance_id": one["instance_id"], "os_user": "ubuntu"},
        one["instance_id"],
    ]
    check, opened, check_again, again = (
        push(running_lab, targets=targets, check_mode=check_mode) for check_mode in (True, False, True, False)
    )
    assert [report.result["changed"] for report in (check, opened, check_again, again)] == [True, True, False, False]
    assert sent(running_lab) == [PUSH] * 3
    assert foreseen(opened)["targets"] == check.result["targets"]
    assert check_again.result == again.result
    told = opened.result["targets"]
    assert [(each["instance_id"], each["os_user"]) for each in told] == [
        (one["instance_id"], one["os_user"]),
        (two["instance_id"], two["os_user"]),
        (one["instance_id"], "ubuntu"),
    ]
    assert len({each["request_id"] for each in told}) == 3
    assert opened.result["expires_at"] == min(each["expires_at"] for each in told)
    assert [
        request["parameters"].get("AvailabilityZone")
        for request in running_lab.requests()
        if request["parameters"]["InstanceId"] == two["instance_id"]
    ] == [two["availability_zone"]]
    for each in (one, two):
        assert opens_instance(running_lab, each, ALICE.private_key(tmp_path))


def test_bad_targets_do_not_stop_the_good_ones(running_lab: RunningLab, tmp_path: Path) -> None:
    one, two = instance(running_lab), instance(running_lab, 1)
    partly = push(running_lab, targets=[UNKNOWN, one["instance_id"], stopped(running_lab), two["instance_id"]])
    assert partly.failure is not None
    assert partly.failure.startswith("2 of 4 targets failed")
    assert UNKNOWN in partly.failure
    assert stopped(running_lab) in partly.failure
    assert two["instance_id"] not in partly.failure
    told = partly.result["targets"]
    assert partly.result["changed"] is True
    assert [each["success"] for each in told] == [False, True, False, True]
    assert [each["changed"] for each in told] == [False, True, False, True]
    assert [each["error"]["code"] for each in told if "error" in each] == [
        "EC2InstanceNotFoundException",
        "EC2InstanceStateInvalidException",
    ]
    assert "Start the instance" in told[2]["error"]["hint"]
    assert told[0]["error"]["message"]
    assert partly.result["expires_at"] == min(each["expires_at"] for each in told if each["success"])
    for each in (one, two):
        assert opens_instance(running_lab, each, ALICE.private_key(tmp_path))


def test_no_more_calls_at_a_time_than_the_task_allows(running_lab: RunningLab) -> None:
    running_lab.misbehave({"operation": PUSH, "fault": "slow", "seconds": 0.2, "times": None})
    push(running_lab, targets=running_lab.instance_ids[:4], concurrency=2)
    spans = [(request["time"], request["time"] + request["seconds"]) for request in running_lab.requests()]
    assert len(spans) == 4
    at_once = [sum(begin <= moment < end for begin, end in spans) for moment, _end in spans]
    # On a busy machine there may be fewer.
    assert max(at_once) <= 2


# -- Refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check_mode", [False, True], ids=["real", "check"])
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"instance_id": "web1"}, "instance_id 'web1' is not the id of an EC2 instance"),
        ({"os_user": "DOMAIN\\user"}, "no domain with a backslash"),
        ({"os_user": "1000"}, "os_user '1000'"),
        ({"availability_zone": "here"}, "availability_zone 'here'"),
        ({"min_validity": 61}, "min_validity is 61"),
        ({"min_validity": -1}, "min_validity is -1"),
        ({"concurrency": 0}, "concurrency is 0"),
        ({"public_key": ""}, "public_key: It is empty"),
        ({"public_key": ERIN.line}, "the instance ignores them"),
        ({"public_key": f"{ALICE.line}\n{BOB.line}"}, "It contains 2 different keys"),
        ({"public_key": ALICE.line[:60]}, "damaged or cut short"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_what_cannot_work_is_refused_before_anything_is_sent(
    running_lab: RunningLab, options: dict[str, Any], sentence: str, *, check_mode: bool
) -> None:
    refused = push(running_lab, check_mode=check_mode, **options)
    assert sentence in str(refused.failure)
    assert refused.result == {}
    assert running_lab.requests() == []


def test_the_limits_of_min_validity_are_allowed(running_lab: RunningLab) -> None:
    for seconds in (0, 60):
        assert push(running_lab, min_validity=seconds, check_mode=True).failure is None


def test_what_the_service_refuses_is_a_sentence(running_lab: RunningLab) -> None:
    one = instance(running_lab)["instance_id"]
    cases = [
        ({"instance_id": UNKNOWN}, "EC2InstanceNotFoundException"),
        ({"instance_id": stopped(running_lab)}, "EC2InstanceStateInvalidException"),
        ({"instance_id": one, "availability_zone": "us-east-1f"}, "InvalidArgsException"),
    ]
    for options, code in cases:
        refused = push(running_lab, **options)
        error = refused.result["error"]
        assert error["code"] == code
        for told in (code, error["hint"], options["instance_id"], running_lab.lab["region"]):
            assert told in str(refused.failure)
        assert (refused.result["changed"], refused.result["success"]) == (False, False)
    assert leases() == []


# -- Bad days ---------------------------------------------------------------------------------------------------------


def test_a_bad_minute_is_outlasted(running_lab: RunningLab, tmp_path: Path) -> None:
    faults = [("throttle", 3), ("internal", 1), ("unavailable", 1), ("lost_answer", 1)]
    running_lab.misbehave(*({"operation": PUSH, "fault": fault, "times": times} for fault, times in faults))
    pushed = push(running_lab)
    assert (pushed.failure, pushed.result["changed"]) == (None, True)
    assert sent(running_lab) == [PUSH] * 7
    assert opens_instance(running_lab, instance(running_lab), ALICE.private_key(tmp_path))


def test_a_target_that_fails_for_good_is_in_doubt(running_lab: RunningLab) -> None:
    one, two = running_lab.instance_ids[:2]
    running_lab.misbehave({"operation": PUSH, "fault": "internal", "times": None, "match": {"InstanceId": one}})
    partly = push(running_lab, targets=[one, two])
    assert [target["success"] for target in partly.result["targets"]] == [False, True]
    for told in (one, "ServiceException", "tried 8 times", "unknown whether"):
        assert told in str(partly.failure)
    assert two not in str(partly.failure)
    # The push may have taken effect.
    assert [target["changed"] for target in partly.result["targets"]] == [True, True]
    # Only the one that is known to have succeeded has a lease.
    assert [json.loads(lease.read_text())["instance_id"] for lease in leases()] == [two]


def test_a_user_may_limit_the_attempts(running_lab: RunningLab) -> None:
    running_lab.misbehave({"operation": PUSH, "fault": "internal", "times": None})
    limited = {"retries": {"total_max_attempts": 2, "mode": "standard"}}
    options = {"instance_id": running_lab.instance_ids[0], "os_user": "ubuntu", "public_key": ALICE.line}
    refused = running_lab.run(ec2_instance_connect_key, options, aws_config=limited)
    assert "tried 2 times" in str(refused.failure)
    assert sent(running_lab) == [PUSH] * 2


# -- Leases -----------------------------------------------------------------------------------------------------------


def test_a_lease_is_read_by_its_owner_alone(running_lab: RunningLab) -> None:
    push(running_lab)
    (lease,) = leases()
    assert lease.stat().st_mode & 0o777 == 0o600
    assert lease.parent.stat().st_mode & 0o777 == 0o700


def test_a_lease_that_cannot_be_trusted_is_no_lease(running_lab: RunningLab, tmp_path: Path) -> None:
    push(running_lab)
    (lease,) = leases()
    told = json.loads(lease.read_text())
    for content in ('{"pushed_at": 1e999', json.dumps({**told, "pushed_at": told["pushed_at"] + 3600}), "[]"):
        lease.write_text(content)
        assert push(running_lab, min_validity=0, check_mode=True).result["changed"] is True
        assert push(running_lab).result["changed"] is True
        assert push(running_lab).result["changed"] is False
    elsewhere = tmp_path / "somebody's"
    lease.rename(elsewhere)
    lease.symlink_to(elsewhere)
    assert push(running_lab, check_mode=True).result["changed"] is True
    lease.unlink()
    elsewhere.rename(lease)
    assert push(running_lab, check_mode=True).result["changed"] is False
    # A folder in which others may write.
    lease.parent.chmod(0o770)
    assert push(running_lab, check_mode=True).result["changed"] is True


def test_a_lease_that_cannot_be_written_is_a_warning(running_lab: RunningLab) -> None:
    Path(os.environ["XDG_CACHE_HOME"], "sshkeys.aws").write_text("in the way")
    pushed = push(running_lab)
    assert pushed.result["changed"] is True
    (warning,) = pushed.warnings
    assert "push it again" in warning


def test_leases_that_have_ended_are_swept(running_lab: RunningLab) -> None:
    push(running_lab)
    (old,) = leases()
    left = old.with_suffix(".new")
    left.write_text("left by a run that was killed")
    young = old.with_name("young.new")
    young.write_text("being written by another run")
    for path in (old, left):
        os.utime(path, (0, 0))
    push(running_lab, BOB)
    assert not old.exists()
    assert not left.exists()
    assert young.exists()
