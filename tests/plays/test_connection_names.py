# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts with names that ssh would refuse, or take for something else; and localhost, which is no instance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.tests.ansible_core import ANSIBLE_CORE
from ansible_collections.sshkeys.aws.tests.playbooks import Controller, Run
from ansible_collections.sshkeys.aws.tests.plays.connection_hosts import (
    PLAYBOOKS,
    calls,
    direct,
    instances,
    inventory,
    masters,
    private,
    short_folder_for_sockets,
)
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab

# "Web#1" is a name for ssh, as the last two are.
ODD = (
    *("Web Server (prod)", "app@prod", "it's", "50%off", 'say "hi"', "a;b", "a/b", "back\\slash", "$HOME", "über uns"),
    *("-oProxyCommand=x", "ssh://web", "Web#1", "büro", "UPPER"),
)
# The instance of each. Each kind of name is reached directly, and some through the tunnel.
NUMBERS = {name: number % 9 for number, name in enumerate(ODD)}
THROUGH_THE_TUNNEL = ODD[5:10]
COPIED = ("über uns", "-oProxyCommand=x")
PLAIN = 9

# Each block writes its name and the name that ssh got.
CONFIGURATION = """
Host Web#1
  LocalCommand echo web1 %n >>"{file}"
Host UPPER
  LocalCommand echo upper %n >>"{file}"
Host i-*
  LocalCommand echo id %n >>"{file}"
Host *
  PermitLocalCommand yes
"""


@dataclass(frozen=True)
class Named:
    """A run on hosts with odd names."""

    lab: RunningLab
    folder: Path
    run: Run
    # The number of connections that persist.
    sockets: int

    def port(self, name: str) -> str:
        """Return the port of the instance behind a name."""
        return str(instances(self.lab)[NUMBERS[name]]["port"])


@pytest.fixture(scope="module")
def named(module_controller: Controller) -> Iterator[Named]:
    controller, lab = module_controller, module_controller.lab
    odd = {name: (private if name in THROUGH_THE_TUNNEL else direct)(lab, number) for name, number in NUMBERS.items()}
    # The play has the connection as its keyword.
    hosts = inventory(
        lab, connection=False, odd=odd, copied={name: {} for name in COPIED}, plain={"plain": direct(lab, PLAIN)}
    )
    configuration = controller.write("ssh_config", CONFIGURATION.format(file=controller.folder / "blocks"))
    hosts["all"]["vars"]["ansible_ssh_common_args"] = f"-F {configuration}"
    controller.write("script", "#!/bin/sh\necho by $1\n")
    with short_folder_for_sockets() as environment:
        run = controller.run(
            PLAYBOOKS / "names.yml",
            inventory=hosts,
            variables={"folder": str(controller.folder)},
            environment={**environment, "ANSIBLE_FORKS": "5", "SSHKEYS_TEST_HERE": "here"},
        )
        sockets = masters(Path(environment["ANSIBLE_SSH_CONTROL_PATH_DIR"]))
        yield Named(lab, controller.folder, run, len(sockets))


def test_nothing_fails(named: Named) -> None:
    """What localhost is told is ignored."""
    named.run.assert_succeeded()


@pytest.mark.parametrize("name", ODD)
def test_each_name_is_its_instance(named: Named, name: str) -> None:
    assert named.run.of("Ask for the port", name)["stdout"].strip() == named.port(name)


def test_ssh_gets_the_name_where_it_takes_it_and_else_the_id(named: Named) -> None:
    """So Host blocks of the user's configuration apply."""
    blocks = (named.folder / "blocks").read_text().splitlines()
    ids = {name: instances(named.lab)[number]["instance_id"] for name, number in NUMBERS.items()}
    assert {"web1 Web#1", "upper UPPER", *(f"id {ids[name]}" for name in ODD[:3])} <= set(blocks)


@pytest.mark.parametrize("by", ["sftp", "scp"])
@pytest.mark.parametrize("name", COPIED)
def test_files_are_copied_both_ways(named: Named, name: str, by: str) -> None:
    items = named.run.of("Run a script that is copied by each program", name)["results"]
    assert f"by {by}" in [each["stdout"].strip() for each in items]
    (file,) = [
        each["dest"] for each in named.run.of("Copy a file back by each program", name)["results"] if each["item"] == by
    ]
    assert Path(file).read_text() == (named.folder / "script").read_text()


def test_a_task_is_delegated_to_the_right_one(named: Named) -> None:
    """Nothing gives it an address, so ansible-core gives it its name."""
    asked = named.run.of("Ask each for its port")["results"]
    assert {each["item"]: each["stdout"].strip() for each in asked} == {name: named.port(name) for name in ODD}


def test_no_name_shares_the_connection_of_another_one(named: Named) -> None:
    """Each name has its own, and a task that is delegated to it has the same. All names of an instance share a push."""
    pushed = calls(named.lab, "SendSSHPublicKey")
    assert len({each["InstanceId"] for each in pushed}) == len(pushed) < len(ODD)
    assert named.sockets == len(ODD)


def test_what_is_delegated_to_localhost_runs_here(named: Named) -> None:
    assert named.run.of("Run here what is delegated to localhost")["stdout"] == "here"


@pytest.mark.parametrize("task", ["Delegate to localhost", "Run it as a local action"])
def test_localhost_is_told_of_the_keyword_where_a_variable_has_the_connection(named: Named, task: str) -> None:
    (told,) = named.run.all_of(task)
    assert told.status == "unreachable"
    assert "runs on localhost, which is not an EC2 instance." in told.result["msg"]
    assert "connection: sshkeys.aws.ec2_instance_connect" in told.result["msg"]


def test_secret_options_are_masked_where_ansible_core_can(named: Named) -> None:
    masks = ANSIBLE_CORE >= (2, 22)
    key = "$REDACTED$" if masks else "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    token = "$REDACTED$" if masks else "AQoEXAMPLEH4aoAH0gNCAPyJxz4BlCFFxWNE1OPTgk5TthT"
    assert named.run.of("Print the credentials")["msg"] == f"id AKIAIOSFODNN7EXAMPLE, key {key}, token {token}"
