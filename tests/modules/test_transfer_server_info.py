# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""transfer_server_info against the lab, in this process."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.known_hosts import known_hosts
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.modules import transfer_server_info
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab

NO_SERVER = "s-00000000000000000"


def describe(lab: RunningLab, *, check_mode: bool = False, **options: object) -> Report:
    """Describe servers of the lab."""
    return lab.run(transfer_server_info, options, check_mode=check_mode)


def sent(lab: RunningLab) -> list[str]:
    """Return the calls since the lab's first state."""
    return [request["operation"] for request in lab.requests()]


def ids(told: Report) -> list[str]:
    return [server["server_id"] for server in told.result["servers"]]


def test_every_server_of_the_region_and_every_host_key(running_lab: RunningLab) -> None:
    running_lab.control("PUT", "settings", page_size=1)
    told = describe(running_lab)
    assert (told.failure, told.warnings, told.result["changed"]) == (None, (), False)
    other = running_lab.lab["transfer"]["empty_server"]
    assert ids(told) == sorted([running_lab.server_id, other])
    calls = sent(running_lab)
    assert {name: calls.count(name) for name in calls} == {"ListServers": 2, "DescribeServer": 2, "ListHostKeys": 6}
    server = next(each for each in told.result["servers"] if each["server_id"] == running_lab.server_id)
    assert server["endpoint"] == f"{running_lab.server_id}.server.transfer.us-east-1.amazonaws.com"
    assert (server["state"], server["ports"], server["user_count"]) == ("ONLINE", [22], 7)
    assert (server["identity_provider_type"], server["vpc_endpoint_id"]) == ("SERVICE_MANAGED", None)
    keys = {key["type"]: key for key in server["host_keys"]}
    assert list(keys) == ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256"]
    # The service adds padding there.
    assert keys["ssh-ed25519"]["fingerprint"] == server["host_key_fingerprint"]
    assert [key["is_default"] for key in server["host_keys"]] == [True, False, False]
    assert keys["ssh-rsa"]["date_imported"] == "2021-05-03T00:00:00Z"
    assert keys["ssh-rsa"]["age_days"] > 2000


def test_the_stated_host_keys_are_those_that_ssh_keyscan_finds(running_lab: RunningLab) -> None:
    (server,) = describe(running_lab, server_id=[running_lab.server_id]).result["servers"]
    door = running_lab.lab["transfer"]["users"][0]
    command = ["ssh-keyscan", "-p", str(door["port"]), door["host"]]
    scan = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert len(known_hosts(scan, server["host_keys"])) == 3


def test_one_server_in_check_mode(running_lab: RunningLab) -> None:
    told = describe(running_lab, server_id=[running_lab.server_id], check_mode=True)
    assert ids(told) == [running_lab.server_id]
    assert sent(running_lab) == ["DescribeServer", "ListHostKeys"]


def test_a_server_inside_a_vpc(running_lab: RunningLab) -> None:
    details = {"VpcId": "vpc-0123456789abcdef0", "SubnetIds": ["subnet-0123456789abcdef0"], "VpcEndpointId": "vpce-1"}
    path = f"transfer/servers/{running_lab.server_id}"
    running_lab.control("PUT", path, endpoint_type="VPC", endpoint_details=details)
    (server,) = describe(running_lab, server_id=[running_lab.server_id]).result["servers"]
    assert (server["endpoint"], server["vpc_endpoint_id"], server["vpc_id"]) == (None, "vpce-1", details["VpcId"])
    assert (server["subnet_ids"], server["address_allocation_ids"]) == (details["SubnetIds"], None)
    details["AddressAllocationIds"] = ["eipalloc-0123456789abcdef0"]
    running_lab.control("PUT", path, endpoint_details=details)
    (server,) = describe(running_lab, server_id=[running_lab.server_id]).result["servers"]
    assert str(server["endpoint"]).startswith(f"{running_lab.server_id}.server.transfer.")


def test_a_missing_server_does_not_stop_the_others(running_lab: RunningLab) -> None:
    told = describe(running_lab, server_ids=[NO_SERVER, running_lab.server_id])
    assert str(told.failure).startswith(f"1 of 2 servers failed: {NO_SERVER}: ResourceNotFoundException")
    assert ids(told) == [NO_SERVER, running_lab.server_id]
    missing, found = told.result["servers"]
    assert (missing["state"], missing["host_keys"]) == (None, None)
    assert (found["state"], len(found["host_keys"])) == ("ONLINE", 3)


def test_host_keys_that_may_not_be_listed(running_lab: RunningLab) -> None:
    denied: dict[str, Any] = {
        "fault": "error",
        "code": "AccessDeniedException",
        "message": "Not allowed",
        "status": 400,
    }
    running_lab.misbehave({"operation": "ListHostKeys", "times": None, **denied})
    told = describe(running_lab, server_id=[running_lab.server_id])
    (server,) = told.result["servers"]
    assert "The host keys could not be read. Not allowed" in str(told.failure)
    assert (server["state"], server["host_keys"]) == ("ONLINE", None)
    assert str(server["host_key_fingerprint"]).startswith("SHA256:")


@pytest.mark.parametrize("options", [{"server_id": ["s-1"]}, {"concurrency": 0}])
def test_what_cannot_work_is_refused_before_anything_is_sent(running_lab: RunningLab, options: dict[str, Any]) -> None:
    assert describe(running_lab, **options).failure
    assert running_lab.requests() == []


def test_an_empty_list_reads_nothing(running_lab: RunningLab) -> None:
    told = describe(running_lab, server_ids=[])
    assert (told.failure, told.result["servers"]) == (None, [])
    assert running_lab.requests() == []
