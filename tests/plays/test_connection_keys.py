# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logging in with a key of the run or of the user's own, while an agent is full of other keys; and on which way."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.tests.playbooks import Controller, Run
from ansible_collections.sshkeys.aws.tests.plays.connection_hosts import (
    OURS,
    PLAYBOOKS,
    calls,
    direct,
    instances,
    inventory,
    private,
    pushes,
    short_folder_for_sockets,
    tunnels,
)
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab

# sshd gives up after six keys that it does not take (MaxAuthTries, sshd_config(5)).
OTHER_KEYS = 8

# What AWS documents for Session Manager, and a bastion for the others. One host's key is to be kept in the agent.
CONFIGURATION = """
Host i-* mi-*
  ProxyCommand sh -c "aws ssm start-session --target %h --document-name AWS-StartSSHSession"
Host run_direct
  ProxyJump none
  AddKeysToAgent yes
Host *
  ProxyJump bastion
"""

# The number of the instance of each host.
NUMBERS = {
    "run_direct": 0,
    "run_private": 1,
    "own": 2,
    "alone": 3,
    "agent": 4,
    "none_by_id": 5,
    "none_jump": 6,
    "none_small": 7,
    "none_copies": 8,
    "no_endpoint": 9,
}


@contextmanager
def full_agent(controller: Controller) -> Iterator[dict[str, str]]:
    """Return the environment with an agent that has many other keys, and after them the key ``agent``."""
    started = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True).stdout
    agent = dict(part.split("=", 1) for part in started.replace("\n", ";").split(";") if part.startswith("SSH_A"))
    environment = {**agent, "SSH_ASKPASS": "/bin/false"}
    try:
        names = [*(f"other{number}" for number in range(OTHER_KEYS)), "agent"]
        files = [str(controller.folder / "keys" / name) for name in names]
        subprocess.run(["ssh-add", "-q", *files], env={**os.environ, **environment}, check=True)
        yield environment
    finally:
        subprocess.run(["ssh-agent", "-k"], env={**os.environ, **environment}, capture_output=True, check=True)


@dataclass(frozen=True)
class LoggedIn:
    """A run on hosts with keys of all kinds."""

    lab: RunningLab
    folder: Path
    run: Run
    public_keys: dict[str, str]
    # The keys that the agent has after the run.
    agent_has: str


@pytest.fixture(scope="module")
def logged_in(module_controller: Controller) -> Iterator[LoggedIn]:
    controller, lab = module_controller, module_controller.lab
    keys = {name: controller.make_key(name) for name in [f"other{number}" for number in range(OTHER_KEYS)]}
    keys |= {name: controller.make_key(name) for name in ("own", "alone", "agent")}
    (controller.folder / "keys/alone.pub").unlink()
    controller.write("script", "#!/bin/sh\necho I was here.\n")
    configuration = f"-F {controller.write('ssh_config', CONFIGURATION)}"
    instance = instances(lab)[NUMBERS["no_endpoint"]]
    hosts: dict[str, dict[str, Any]] = {
        "run_direct": {"ansible_ssh_common_args": configuration},
        "run_private": {},
        "own": {"ansible_private_key_file": f"{controller.folder}/keys/own"},
        "alone": {"ansible_private_key_file": f"{controller.folder}/keys/alone"},
        "agent": {f"{OURS}_public_key": keys["agent"]},
        "none_by_id": {"ansible_ssh_common_args": f"{configuration} -o ProxyCommand=none"},
        "none_jump": {"ansible_ssh_common_args": f"{configuration} -vo 'ProxyJump none'"},
        "none_small": {"ansible_ssh_common_args": f"{configuration} -oproxycommand=NONE"},
        "none_copies": {
            "ansible_ssh_common_args": f"{configuration} -oProxyCommand=none -o ControlMaster=no",
            "ansible_ssh_args": "-C",
            "ansible_pipelining": False,
        },
        "no_endpoint": {
            f"{OURS}_vpc_id": "vpc-00000000000000000",
            "ansible_host": instance["host"],
            "ansible_port": instance["port"],
        },
    }
    through_the_endpoint = {"run_private", "none_by_id", "none_jump", "none_small", "none_copies", "no_endpoint"}
    known = {
        name: private(lab, number) if name in through_the_endpoint else direct(lab, number)
        for name, number in NUMBERS.items()
    }
    with short_folder_for_sockets() as environment, full_agent(controller) as agent:
        run = controller.run(
            PLAYBOOKS / "keys.yml",
            inventory=inventory(lab, all_of_them={name: {**known[name], **hosts[name]} for name in NUMBERS}),
            variables={"folder": str(controller.folder)},
            environment={**environment, **agent},
        )
        has = subprocess.run(["ssh-add", "-L"], env={**os.environ, **agent}, capture_output=True, text=True, check=True)
        yield LoggedIn(lab, controller.folder, run, keys, has.stdout)


@pytest.mark.parametrize("host", NUMBERS)
def test_the_host_lets_us_in(logged_in: LoggedIn, host: str) -> None:
    """An sshd takes few keys of those that it does not know: those of the agent must not come first."""
    assert "hello" in logged_in.run.of("Say hello", host).get("stdout", ""), logged_in.run.of("Say hello", host)


def pushed(logged_in: LoggedIn, host: str) -> list[str]:
    """Return the base64 of the keys that were pushed to a host."""
    return [each["SSHPublicKey"].split()[1] for each in pushes(logged_in.lab, NUMBERS[host])]


@pytest.mark.parametrize("host", ["own", "alone", "agent"])
def test_a_key_of_ones_own_is_pushed(logged_in: LoggedIn, host: str) -> None:
    """With its public half beside it, without, and where only the agent has it."""
    assert pushed(logged_in, host) == [logged_in.public_keys[host].split()[1]]


def test_the_key_of_the_run_is_none_of_them_and_does_not_outlive_it_in_the_agent(logged_in: LoggedIn) -> None:
    (of_the_run,) = {key for host in ("run_direct", "run_private", "none_copies") for key in pushed(logged_in, host)}
    assert of_the_run not in {key.split()[1] for key in logged_in.public_keys.values()}
    assert of_the_run not in logged_in.agent_has


def test_the_options_of_ssh_that_say_none_hold_for_copying_too(logged_in: LoggedIn) -> None:
    assert logged_in.run.of("Run a script")["stdout"].strip() == "I was here."
    # Each step opened a connection of its own, and all relied on one push.
    assert len(tunnels(logged_in.lab, NUMBERS["none_copies"])) > 2
    assert len(pushes(logged_in.lab, NUMBERS["none_copies"])) == 1


def test_an_address_counts_where_the_vpc_has_no_endpoint(logged_in: LoggedIn) -> None:
    assert tunnels(logged_in.lab, NUMBERS["no_endpoint"]) == []
    asked = calls(logged_in.lab, "DescribeInstanceConnectEndpoints")
    assert sum("vpc-00000000000000000" in each.values() for each in asked) == 1


def test_check_mode_connects_and_changes_nothing(logged_in: LoggedIn) -> None:
    """A module of the host has to look what there is."""
    assert logged_in.run.of("Leave a file that never comes")["changed"]
    assert not (logged_in.folder / "never").exists()
    assert len(pushes(logged_in.lab, NUMBERS["run_direct"])) == 1
