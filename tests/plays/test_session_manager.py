# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays through Session Manager: all that ssh does, many hosts, files by all methods, and what is left at AWS."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.tests.playbooks import Controller, Run
from ansible_collections.sshkeys.aws.tests.plays.connection_hosts import (
    OURS,
    PLAYBOOKS,
    assert_copied_there_and_back,
    calls,
    instances,
    inventory,
    private,
    public_part,
    sessions,
    short_folder_for_sockets,
    through_session_manager,
)
from ansible_collections.sshkeys.aws.tests.plays.fake_sudo import fake_sudo
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab
from ansible_collections.sshkeys.aws.tests.waiting import wait_until

BY = {"host0": "sftp", "host1": "scp", "host2": "piped"}
HOSTS = 10


@dataclass(frozen=True)
class Fleet:
    """A run, and the sessions after it."""

    lab: RunningLab
    folder: Path
    run: Run
    sessions: list[dict[str, Any]]


@pytest.fixture(scope="module")
def fleet(module_controller: Controller, request: pytest.FixtureRequest) -> Fleet:
    controller, lab = module_controller, module_controller.lab
    is_exhaustive = request.config.getoption("--all")
    tasks, size = (20, 50_000_000) if is_exhaustive else (4, 4_000_000)
    # The pace of the agent, 1 KiB a millisecond, is for those who measure it.
    lab.control("PUT", "session_manager", pace=False)
    (controller.folder / "big").write_bytes(b'#!/bin/sh\nsha256sum "$0"\nexit\n' + os.urandom(size))
    fake_sudo(controller)
    hosts: dict[str, dict[str, Any]] = {}
    for number in range(HOSTS):
        name = f"host{number}"
        hosts[name] = through_session_manager(lab, number)
        if name in BY:
            hosts[name]["by"] = BY[name]
    hosts["host3"]["becomes"] = True
    # Without pipelining a task is several commands.
    hosts["host4"]["ansible_pipelining"] = False
    variables = {**public_part(lab), "folder": str(controller.folder), "tasks": tasks, "reboots": True}
    with short_folder_for_sockets() as environment:
        environment["ANSIBLE_SSH_ARGS"] = "-o ControlMaster=auto -o ControlPersist=60s"
        environment["ANSIBLE_FORKS"] = str(HOSTS)
        run = controller.run(
            PLAYBOOKS / "session_manager.yml",
            inventory=inventory(lab, fleet=hosts),
            variables=variables,
            environment=environment,
        )
    wait_until(lambda: not_terminated(lab) == [], "a session is not terminated")
    return Fleet(lab, controller.folder, run, sessions(lab))


def not_terminated(lab: RunningLab) -> list[dict[str, Any]]:
    """Return the sessions that AWS still has."""
    return [each for each in sessions(lab) if each["state"] != "terminated"]


def test_all_tasks_work(fleet: Fleet) -> None:
    fleet.run.assert_succeeded()


@pytest.mark.parametrize("host", BY)
def test_a_big_file_arrives_there_and_here_as_it_went(fleet: Fleet, host: str) -> None:
    assert_copied_there_and_back(fleet.run, fleet.folder, host)


def test_become_and_jobs_in_the_background_work(fleet: Fleet) -> None:
    assert fleet.run.of("Become somebody else", "host3")["stdout"] == fleet.lab.lab["instances"][0]["os_user"]
    if " " not in sys.executable:
        assert fleet.run.of("Do something in the background", "host3")["stdout"] == "done"


def test_each_host_is_its_own_instance(fleet: Fleet) -> None:
    for number in range(HOSTS):
        port = fleet.run.of("Go on", f"host{number}")["stdout"].split()
        assert port == [str(instances(fleet.lab)[number]["port"])]


def test_each_connection_is_one_session_which_is_terminated(fleet: Fleet) -> None:
    """Each host has two: the lab has rebooted all of them once."""
    counted = {each["target"]: 0 for each in fleet.sessions}
    for each in fleet.sessions:
        counted[each["target"]] += 1
        assert (each["state"], each["websockets"], each["port"]) == ("terminated", 1, 22)
    assert set(counted.values()) == {2}
    ended = [each["SessionId"] for each in calls(fleet.lab, "TerminateSession")]
    assert sorted(ended) == sorted(each["session_id"] for each in fleet.sessions)


def test_ec2_is_asked_for_nothing_but_host_keys(fleet: Fleet) -> None:
    asked = {each["operation"] for each in fleet.lab.requests() if each["service"] == "ec2"}
    assert asked == {"GetConsoleOutput"}


def test_a_managed_node_is_reached_with_a_key_of_the_user(
    controller_of_node: tuple[Controller, dict[str, Any]],
) -> None:
    controller, node = controller_of_node
    lab = controller.lab
    options = {
        f"{OURS}_host_keys": "accept-new",
        "ansible_private_key_file": str(controller.folder / "keys/mine"),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={controller.folder}/known_hosts",
    }
    with short_folder_for_sockets() as environment:
        hosts = inventory(lab, nodes={node["instance_id"]: options})
        run = controller.run(PLAYBOOKS / "hello.yml", inventory=hosts, environment=environment)
        run.assert_succeeded()
    assert calls(lab, "SendSSHPublicKey") == []
    assert {each["service"] for each in lab.requests()} == {"ssm", "ssmmessages"}
    assert [each["target"] for each in sessions(lab)] == [node["instance_id"]]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "Set ansible_private_key_file to a key that the user there accepts already"),
        ({"ansible_private_key_file": "mine"}, "a managed node has no console output to read them from"),
        ({"ansible_private_key_file": "mine", f"{OURS}_tunnel": "endpoint"}, "no EC2 Instance Connect Endpoint leads"),
    ],
    ids=["without a key", "unknown host key", "endpoint"],
)
def test_what_a_managed_node_lacks_is_said(
    options: dict[str, str], said: str, controller_of_node: tuple[Controller, dict[str, Any]]
) -> None:
    controller, node = controller_of_node
    if "ansible_private_key_file" in options:
        options["ansible_private_key_file"] = str(controller.folder / "keys/mine")
    with short_folder_for_sockets() as environment:
        hosts = inventory(controller.lab, nodes={node["instance_id"]: options})
        run = controller.run(PLAYBOOKS / "hello.yml", inventory=hosts, environment=environment)
    assert run.status, run.output
    message = run.of("Say hello")["msg"]
    assert said in message
    assert "was pushed" not in message
    assert sessions(controller.lab) == []


@pytest.fixture
def controller_of_node(controller: Controller) -> tuple[Controller, dict[str, Any]]:
    """Return a controller whose user has a key, and the managed node that accepts it."""
    (node,) = controller.lab.lab["managed_nodes"]
    controller.lab.control("PUT", f"managed_nodes/{node['instance_id']}", authorized_keys=[controller.make_key("mine")])
    return controller, node


def test_auto_finds_the_way_of_each_host(controller: Controller) -> None:
    """Each of these hosts has another way, and what was closed once is not tried again."""
    lab = controller.lab
    nowhere = {"vpc_id": "vpc-0f0f0f0f0f0f0f0f0"}
    lab.control("PUT", f"instances/{instances(lab)[3]['instance_id']}", agent=False)
    hosts = {
        "endpoint": private(lab, 0),
        "given": {
            **private(lab, 1),
            **nowhere,
            "ansible_host": instances(lab)[1]["host"],
            "ansible_port": instances(lab)[1]["port"],
        },
        "session": {**private(lab, 2), **nowhere},
        "closed": {**private(lab, 3), **nowhere, "private_ip_address": "127.0.0.1", "ansible_port": 1},
    }
    with short_folder_for_sockets() as environment:
        environment["ANSIBLE_SSH_ARGS"] = "-o ControlMaster=no"
        run = controller.run(
            PLAYBOOKS / "again_and_again.yml", inventory=inventory(lab, hosts=hosts), environment=environment
        )
    assert [run.recap(host)["unreachable"] for host in hosts] == [0, 0, 0, 1], run.output
    assert {each["target"] for each in sessions(lab)} == {instances(lab)[2]["instance_id"]}
    assert len(calls(lab, "DescribeInstanceConnectEndpoints")) <= 3
