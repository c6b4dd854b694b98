# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays over the connection: directly, through tunnels, and by the id alone, with what AWS is asked for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.tests.playbooks import Controller, Run
from ansible_collections.sshkeys.aws.tests.plays.connection_hosts import (
    PLAYBOOKS,
    assert_copied_there_and_back,
    calls,
    direct,
    instances,
    inventory,
    private,
    public_part,
    pushes,
    short_folder_for_sockets,
    tunnels,
)
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab

# The numbers of the instances behind the hosts of each kind.
WEB, PRIVATE, UNKNOWN, REPLACED, NEW = (0, 1, 2), (3, 4), (5, 6), 7, 8
BEHIND_THE_ENDPOINT = (*PRIVATE, *UNKNOWN, REPLACED, NEW)
BY = {"web0": "sftp", "web1": "scp", "web2": "piped", "private3": "sftp"}

# Become somebody else where there is nobody else to become.
SUDO = """#!/bin/sh
while [ "$1" != "${1#-}" ]; do shift; [ "$1" != root ] || shift; done
exec "$@"
"""


@dataclass(frozen=True)
class Fleet:
    """A run on hosts of all kinds, and one after it, on two of them."""

    lab: RunningLab
    folder: Path
    run: Run
    again: Run
    pushes_before: int
    tunnels_before: int


@pytest.fixture(scope="module")
def fleet(module_controller: Controller) -> Iterator[Fleet]:
    controller, lab = module_controller, module_controller.lab
    # More than the buffers on the way hold, and nothing that could be compressed.
    (controller.folder / "big").write_bytes(b'#!/bin/sh\nsha256sum "$0"\nexit\n' + os.urandom(4_000_000))
    controller.write("sudo", SUDO).chmod(0o700)
    new = private(lab, NEW)
    hosts = inventory(
        lab,
        direct={f"web{number}": {**direct(lab, number), "by": BY[f"web{number}"]} for number in WEB},
        private={
            "private3": {**private(lab, 3), "by": BY["private3"], "ansible_pipelining": False},
            "private4": private(lab, 4),
        },
        unknown={instances(lab)[number]["instance_id"]: {} for number in UNKNOWN},
        replaced={
            # Through the tunnel, so that both have the same port for ssh.
            "replaced": {**private(lab, REPLACED), **{f"new_{name}": value for name, value in new.items()}}
        },
    )
    variables = {**public_part(lab), "folder": str(controller.folder)}
    with short_folder_for_sockets() as environment:
        environment["ANSIBLE_ASYNC_DIR"] = str(controller.folder / "async")
        # Without -C, which is among Ansible's own: to compress what cannot be compressed takes time.
        environment["ANSIBLE_SSH_ARGS"] = "-o ControlMaster=auto -o ControlPersist=60s"
        run = controller.run(PLAYBOOKS / "fleet.yml", inventory=hosts, variables=variables, environment=environment)
        before = len(calls(lab, "SendSSHPublicKey")), len(calls(lab, "OpenTunnel"))
        again = controller.run(PLAYBOOKS / "again.yml", inventory=hosts, environment=environment)
        yield Fleet(lab, controller.folder, run, again, *before)


def test_all_tasks_work(fleet: Fleet) -> None:
    fleet.run.assert_succeeded()


@pytest.mark.parametrize("number", [*WEB, *BEHIND_THE_ENDPOINT])
def test_a_key_is_pushed_once_for_each_connection(fleet: Fleet, number: int) -> None:
    assert len(pushes(fleet.lab, number)) == 1
    assert len(calls(fleet.lab, "GetConsoleOutput", InstanceId=instances(fleet.lab)[number]["instance_id"])) == 1


def test_a_run_pushes_one_key(fleet: Fleet) -> None:
    assert len({each["SSHPublicKey"] for each in calls(fleet.lab, "SendSSHPublicKey")}) == 1


def test_the_push_names_the_zone_of_the_instance(fleet: Fleet) -> None:
    for number in WEB:
        (push,) = pushes(fleet.lab, number)
        assert push["AvailabilityZone"] == instances(fleet.lab)[number]["availability_zone"]


def test_only_hosts_without_a_public_address_get_a_tunnel_each(fleet: Fleet) -> None:
    opened = {number: len(tunnels(fleet.lab, number)) for number in range(10)}
    assert {number: count for number, count in opened.items() if count} == dict.fromkeys(BEHIND_THE_ENDPOINT, 1)


def test_a_tunnel_lasts_as_long_as_the_service_allows(fleet: Fleet) -> None:
    assert {each["maxTunnelDuration"] for each in calls(fleet.lab, "OpenTunnel")} == {"3600"}


def test_ec2_is_asked_about_instances_only_where_nothing_is_known(fleet: Fleet) -> None:
    asked = calls(fleet.lab, "DescribeInstances")
    ids = [value for each in asked for name, value in each.items() if name.startswith("Filter.1.Value.")]
    assert sorted(ids) == sorted(instances(fleet.lab)[number]["instance_id"] for number in BEHIND_THE_ENDPOINT)


def test_ec2_is_asked_for_the_endpoints_of_a_vpc_once(fleet: Fleet) -> None:
    """Also for instances in different subnets of it: each zone has one."""
    assert len({instances(fleet.lab)[number]["availability_zone"] for number in BEHIND_THE_ENDPOINT}) > 1
    assert len(calls(fleet.lab, "DescribeInstanceConnectEndpoints")) == 1


@pytest.mark.parametrize("host", BY)
def test_a_big_file_arrives_there_and_here_as_it_went(fleet: Fleet, host: str) -> None:
    assert_copied_there_and_back(fleet.run, fleet.folder, host)


def test_facts_become_and_jobs_in_the_background_work(fleet: Fleet) -> None:
    assert "ansible_python_version" in fleet.run.of("Gathering Facts")["ansible_facts"]
    assert fleet.run.of("Become somebody else")["stdout"] == fleet.lab.lab["instances"][0]["os_user"]
    if " " not in sys.executable:
        assert fleet.run.of("Do something in the background")["stdout"] == "done"


def test_each_task_is_on_its_own_instance(fleet: Fleet) -> None:
    for number in UNKNOWN:
        instance = instances(fleet.lab)[number]
        assert fleet.run.of("Answer by the id", instance["instance_id"])["stdout"].split() == [str(instance["port"])]


def test_an_instance_that_takes_the_name_of_another_one_does_not_get_its_connection(fleet: Fleet) -> None:
    answers = [fleet.run.of(f"Ask the {which} instance for its port")["stdout"].split() for which in ("old", "new")]
    assert answers == [[str(instances(fleet.lab)[number]["port"])] for number in (REPLACED, NEW)]


def test_another_run_works_over_the_connections_that_persist(fleet: Fleet) -> None:
    """The tunnel behind one of them has outlived its run."""
    for host, number in (("web0", 0), ("private3", 3)):
        said = fleet.again.of("Work over the connection of the run before", host)["stdout"]
        assert said.split() == [str(instances(fleet.lab)[number]["port"])]
    assert len(calls(fleet.lab, "SendSSHPublicKey")) == fleet.pushes_before
    assert len(calls(fleet.lab, "OpenTunnel")) == fleet.tunnels_before


def test_a_run_that_fails_fails(fleet: Fleet) -> None:
    """What it leaves behind is looked at when the folder of the test is."""
    assert fleet.again.status == 2
    assert fleet.again.of("Fail", "web0")["msg"] == "That was to be."
