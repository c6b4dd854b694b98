# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many forks at the same moment: a service that throttles them, an endpoint with fewer places than hosts, and EC2."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.tests.playbooks import Controller, Run
from ansible_collections.sshkeys.aws.tests.plays.connection_hosts import (
    PLAYBOOKS,
    calls,
    inventory,
    short_folder_for_sockets,
)

# As ansible_timeout, in seconds.
TIMEOUT = 3
# Without one that persists, the connection of a host ends with its task.
WITHOUT_PERSISTENCE = {"ANSIBLE_SSH_ARGS": "-o ControlMaster=no"}


def crowd(controller: Controller, count: int, *, names: str = "instance_id private_ip_address") -> list[dict[str, Any]]:
    """Return so many private hosts, of whose variables these are known."""
    members = controller.lab.control("POST", "crowd", count=count)["instances"]
    return [{name: each[name] for name in names.split()} for each in members]


def run_on(
    controller: Controller, hosts: list[dict[str, Any]], environment: Mapping[str, str], *arguments: str, **more: Any
) -> Run:
    """Say hello on hosts, all at once."""
    named = {f"host{number}": {**host, **more} for number, host in enumerate(hosts)}
    run = controller.run(
        PLAYBOOKS / "hello.yml",
        *arguments,
        inventory=inventory(controller.lab, crowd=named),
        environment={"ANSIBLE_FORKS": str(len(hosts)), **environment},
    )
    run.assert_succeeded()
    assert len(run.all_of("Say hello")) == len(hosts)
    return run


def test_a_throttled_push_succeeds_for_all(controller: Controller) -> None:
    lab, hosts = controller.lab, crowd(controller, 8)
    lab.misbehave({"operation": "SendSSHPublicKey", "fault": "throttle", "times": 6})
    with short_folder_for_sockets() as environment:
        run_on(controller, hosts, {**environment, **WITHOUT_PERSISTENCE})
    requests = [each for each in lab.requests() if each["operation"] == "SendSSHPublicKey"]
    assert len({each["parameters"]["SSHPublicKey"] for each in requests}) == 1
    assert sum(each["fault"] is not None for each in requests) == 6
    # Nobody gave up, and no key had to be pushed again for want of time.
    assert len(requests) == len(hosts) + 6


@pytest.mark.parametrize("count", [24, pytest.param(40, marks=pytest.mark.exhaustive)])
def test_more_hosts_than_an_endpoint_has_places(controller: Controller, count: int) -> None:
    """Connections persist, so all places are taken when the first hosts have done their task."""
    with short_folder_for_sockets() as environment:
        run_on(controller, crowd(controller, count), environment)
    assert len(calls(controller.lab, "OpenTunnel")) == count


def test_commands_that_take_longer_than_the_timeout(controller: Controller) -> None:
    """Without pipelining a module is several commands, and others wait for the place of its connection all the time."""
    hosts = crowd(controller, 24)
    named = {f"host{number}": {**host, "ansible_timeout": TIMEOUT} for number, host in enumerate(hosts)}
    with short_folder_for_sockets() as environment:
        run = controller.run(
            PLAYBOOKS / "work.yml",
            "-v",
            inventory=inventory(controller.lab, crowd=named),
            variables={"seconds": TIMEOUT + 2},
            environment={**environment, "ANSIBLE_FORKS": "24", "ANSIBLE_PIPELINING": "false"},
        )
    run.assert_succeeded()
    assert re.search(
        "waits for a place: all connections that the endpoint eice-\\w+ carries for this run are in use", run.output
    )
    # A connection that is between two commands keeps its place, unless this machine is very busy.
    assert len(calls(controller.lab, "OpenTunnel")) < 2 * len(hosts)


def test_unknown_hosts_are_looked_up_together(controller: Controller) -> None:
    hosts = crowd(controller, 20, names="instance_id")
    with short_folder_for_sockets() as environment:
        run_on(controller, hosts, environment)
    assert len(calls(controller.lab, "DescribeInstances")) <= 2
    assert len(calls(controller.lab, "DescribeInstanceConnectEndpoints")) == 1


def test_a_host_that_connects_often_is_pushed_to_once(controller: Controller) -> None:
    with short_folder_for_sockets() as environment:
        for_each_task = {**environment, **WITHOUT_PERSISTENCE}
        run_on(controller, [crowd(controller, 1)[0]] * 10, for_each_task)
    assert len(calls(controller.lab, "OpenTunnel")) == 10
    assert len(calls(controller.lab, "SendSSHPublicKey")) == 1


def test_who_waits_for_a_place_that_others_have_is_told_so(controller: Controller) -> None:
    """What an earlier run has left open is nothing that this one could close."""
    first, second = crowd(controller, 2)
    controller.lab.control("PUT", "settings", tunnel_limit=1)
    with short_folder_for_sockets() as environment:
        run_on(controller, [first], environment)
        hosts = {"second": {**second, "ansible_timeout": TIMEOUT}}
        run = controller.run(
            PLAYBOOKS / "hello.yml", inventory=inventory(controller.lab, crowd=hosts), environment=environment
        )
    told = run.of("Say hello", "second")["msg"]
    assert "no tunnel could be opened. The endpoint refused" in told
    assert "It was full for the whole timeout (ansible_timeout)." in told
    requests = [each for each in controller.lab.requests() if each["operation"] == "OpenTunnel"]
    times = [each["time"] for each in requests if each["status"] is None]
    # Refused again and again, for about as long as the user wants.
    assert len(times) > 2
    assert max(times) - min(times) < TIMEOUT + 2
