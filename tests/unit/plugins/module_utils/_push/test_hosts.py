# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts of a play that are opened with EC2 Instance Connect."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._push.hosts import (
    Call,
    Host,
    HostOptions,
    Opening,
    opening_of,
    shared_calls,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._push.target import Target
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair
from hypothesis import given, strategies as st

ID, OTHER_ID = "i-0123456789abcdef0", "i-0fedcba9876543210"
CALL = Call("ssh-ed25519 AAAA", {"region": "us-east-1"}, "the variable placement", 15, 16, True, False)


def host(name: str = "web1", instance_id: str = ID, zone: str | None = None, call: Call = CALL) -> Host:
    return Host(name, Target(instance_id, "ec2-user", zone), call, "/run/id_ed25519")


def faults(*files: str, **fields: str) -> list[str]:
    return HostOptions(**{"instance_id": ID, "os_user": "ec2-user", **fields}).faults(files.__contains__)


# -- Faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"availability_zone": "us-east-1a"},
        {"private_key_file": "/k"},
        {"private_key_file": "/k", "public_key": "ssh-ed25519 AAAA"},
        {"public_key": "ssh-ed25519 AAAA"},
    ],
)
def test_no_fault(fields: dict[str, str]) -> None:
    assert faults("/k", "/k.pub", **fields) == []


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"instance_id": ""}, "It has no instance id. The aws_ec2 inventory sets instance_id;"),
        ({"instance_id": "i-nobody"}, "ssh_access_instance_id 'i-nobody' is not the id of an EC2 instance:"),
        ({"instance_id": f"{ID}\n"}, "ssh_access_instance_id "),
        ({"os_user": ""}, f"ssh_access_os_user '' for {ID} is not an OS user that EC2 Instance Connect accepts:"),
        ({"os_user": "DOMAIN\\admin"}, "ssh_access_os_user 'DOMAIN"),
        ({"os_user": "1000"}, "ssh_access_os_user '1000' "),
        ({"availability_zone": "east"}, f"ssh_access_availability_zone 'east' for {ID} is not an Availability Zone:"),
        ({"private_key_file": "/lost", "public_key": "x"}, "ssh_access_private_key_file, /lost, is not a file"),
        ({"private_key_file": "/k"}, "The public half of ssh_access_private_key_file, /k.pub, is not a file"),
    ],
)
def test_fault(fields: dict[str, str], sentence: str) -> None:
    (fault,) = faults("/k", **fields)
    assert fault.startswith(sentence)
    assert fault.endswith(".")


def test_all_faults_are_told() -> None:
    assert len(faults(instance_id="i-nobody", private_key_file="/lost")) == 3


def test_nothing_of_a_private_key_comes_out() -> None:
    private = key_pair("ed25519").private
    for field in ("instance_id", "os_user", "availability_zone", "public_key"):
        (fault,) = faults(**{field: private})
        assert not [line for line in private.splitlines() if line in fault]
    assert "is a private key" in faults(public_key=private)[0]


# -- Calls ------------------------------------------------------------------------------------------------------------


def test_hosts_share_a_call() -> None:
    other_region = CALL._replace(aws={"region": "eu-central-1"})
    calls = shared_calls([host("web1"), host("web2", OTHER_ID), host("web3", call=other_region)])
    assert [(shared.call, len(shared.targets)) for shared in calls] == [(CALL, 2), (other_region, 1)]
    assert shared_calls([]) == []


@pytest.mark.parametrize("zones", [("us-east-1a", None), (None, "us-east-1a")])
def test_two_names_of_an_instance_are_one_target_and_the_zone_counts(zones: tuple[str | None, str | None]) -> None:
    (shared,) = shared_calls([host("web1", zone=zones[0]), host("again", zone=zones[1])])
    assert shared.targets == [{"instance_id": ID, "os_user": "ec2-user", "availability_zone": "us-east-1a"}]


@given(
    st.lists(
        st.builds(
            host,
            st.text("abc", min_size=1),
            st.sampled_from([ID, OTHER_ID]),
            st.sampled_from([None, "us-east-1a", "us-east-1b"]),
            st.sampled_from([CALL, CALL._replace(min_validity=30), CALL._replace(pretends=True)]),
        )
    )
)
def test_each_host_is_in_one_call_and_each_target_in_a_call_once(hosts: list[Host]) -> None:
    calls = shared_calls(hosts)
    assert len({json.dumps(shared.call) for shared in calls}) == len(calls)
    for each in hosts:
        (of_host,) = [shared for shared in calls if each in shared.hosts]
        assert of_host.call == each.call
        named = [target for target in of_host.targets if target["instance_id"] == each.target.instance_id]
        assert len(named) == 1
    # A host goes through a variable of Ansible and back.
    assert [Host.of(json.loads(json.dumps(each.as_dict()))) for each in hosts] == hosts


# -- What became of a host --------------------------------------------------------------------------------------------

PUSHED = {
    "instance_id": ID,
    "os_user": "ec2-user",
    "changed": True,
    "success": True,
    "request_id": "r-1",
    "pushed_at": "2026-11-25T10:00:00Z",
    "expires_at": "2026-11-25T10:01:00Z",
}
REFUSED = {**PUSHED, "success": False, "error": {"code": "AuthException", "message": "No.", "hint": "Allow it."}}


def opening(*targets: dict[str, Any], call: Call = CALL, **answer: Any) -> Opening:
    return opening_of(host(call=call), {"targets": targets, "key": {"fingerprint": "SHA256:x"}, **answer})


def test_it_is_open() -> None:
    found = opening({**PUSHED, "os_user": "root"}, PUSHED)
    assert found.is_open
    assert found.result == {**PUSHED, "private_key_file": "/run/id_ed25519", "fingerprint": "SHA256:x", "msg": ""}
    assert found.sentence() == f"web1: opened {ID} for ec2-user until 10:01:00 UTC (key SHA256:x)."


def test_check_mode_only_predicts() -> None:
    found = opening({**PUSHED, "pushed_at": None, "expires_at": None, "request_id": None})
    assert not found.is_open
    assert found.sentence().startswith(f"web1: the key would be pushed to {ID} for ec2-user. Check mode pushes nothing")


@pytest.mark.parametrize(
    ("call", "answer", "region"),
    [
        (CALL, {"region": "us-east-1", "region_source": "the option region"}, "us-east-1 (the variable placement)"),
        (CALL._replace(aws={}, region_source=""), {"region": "x", "region_source": "AWS_REGION"}, "x (AWS_REGION)"),
        (CALL, {}, "us-east-1 (the variable placement)"),
        (CALL._replace(aws={}, region_source=""), {}, "the default region (no region is set)"),
    ],
)
def test_it_was_refused(call: Call, answer: dict[str, Any], region: str) -> None:
    found = opening(REFUSED, call=call, **answer)
    assert not found.is_open
    assert found.result["msg"] == "AuthException: No. Allow it."
    assert found.sentence() == (
        f"web1: the key could not be pushed to {ID} for ec2-user in {region}, so ssh was not tried. "
        "AuthException: No. Allow it."
    )


@pytest.mark.parametrize(("answer", "msg"), [({"msg": "No credentials."}, "No credentials."), ({}, "gave no reason")])
def test_the_module_failed_as_a_whole(answer: dict[str, Any], msg: str) -> None:
    found = opening_of(host(), answer)
    assert msg in found.result["msg"]
    assert found.result["fingerprint"] == ""
