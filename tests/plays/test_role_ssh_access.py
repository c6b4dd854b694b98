# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role ssh_access opens instances: one run in which each host is a case, and real logins by ssh.

The environment of the run does its worst: the ssh agent is full of keys that open nothing, the folders of the keys have
names that mean something to ssh, and nothing in it leads to the lab.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ansible_collections.sshkeys.aws.tests.playbooks import Controller, Run
from ansible_collections.sshkeys.aws.tests.plays.role_hosts import (
    DEAF,
    PLAYBOOKS,
    STOPPED,
    Request,
    fingerprint,
    instance_id,
    inventory,
    of_instance,
    os_user,
    pushes,
)
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab, calls_in

# Blanks, quotes, a token and a variable of ssh's configuration, and letters beyond ASCII.
ODD = "it's a \"$x\" \\' feature%2Ffoo größe"
WAIT = "Wait until ssh accepts the key, and say what was done"
PUSH = "Push the key, and apply the declarations"
ROLE_ARN = "arn:aws:iam::123456789012:role/keys"
# sshd gives up after six keys.
KEYS_IN_AGENT = 8


class Opened(NamedTuple):
    """The run of instances.yml, and the calls that the lab got."""

    run: Run
    requests: Sequence[Request]
    controller: Controller
    public_keys: Mapping[str, str]
    private_lines: Sequence[str]

    @property
    def lab(self) -> RunningLab:
        """The lab."""
        return self.controller.lab

    def said(self, host: str, task: str = WAIT) -> str:
        """Return what the task said of a host."""
        return str(self.run.of(task, host)["msg"])

    def pushed(self, number: int) -> list[str]:
        """Return the keys that were pushed to an instance, in order."""
        return pushes(self.requests, self.lab, number)

    def pinged(self, host: str, task: str = "Log in") -> bool:
        """Return whether the host was logged in to."""
        return bool(self.run.of(task, host).get("ping") == "pong")


@contextmanager
def agent(*keys: Path) -> Iterator[str]:
    """Start an ssh agent that holds these keys, and return its socket."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path = f"{folder}/agent"
        process = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
        environment = {**os.environ, "SSH_AUTH_SOCK": path}
        try:
            until = time.monotonic() + 20
            # 2 means that there is no agent, and 1 that it has no key.
            while subprocess.run(["ssh-add", "-l"], env=environment, capture_output=True, check=False).returncode == 2:
                assert time.monotonic() < until, "The agent did not start."
                time.sleep(0.05)
            subprocess.run(["ssh-add", "-q", *map(str, keys)], env=environment, check=True)
            yield path
        finally:
            process.terminate()
            process.wait()


def script(controller: Controller, name: str, text: str) -> str:
    """Write a program, and return its path."""
    path = controller.write(name, text)
    path.chmod(0o700)
    return str(path)


def aws_of_profiles(controller: Controller) -> dict[str, str]:
    """Return an environment in which only a profile leads to the lab: no key, a wrong address, a wrong region."""
    lab = controller.lab.lab
    credentials = controller.write(
        "credentials",
        f"[operator]\naws_access_key_id = {lab['access_key']}\naws_secret_access_key = {lab['secret_key']}\n",
    )
    return {
        "AWS_ACCESS_KEY_ID": "",
        "AWS_SECRET_ACCESS_KEY": "",
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
        "AWS_CONFIG_FILE": str(controller.write("config", "[profile keyless]\nregion = us-east-1\n")),
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_URL": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    }


def groups(controller: Controller, public_keys: Mapping[str, str]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the hosts of instances.yml. One that must be refused shares its instance with none that may log in."""
    lab, keys = controller.lab, controller.folder / "keys"
    one_connection_each = {"ansible_ssh_args": "-C"}
    own = {"ssh_access_private_key_file": str(keys / "alice")}
    wrong = {**own, "ssh_access_public_key": public_keys["bob"], "ssh_access_timeout": 1}
    partner = {"user_name": "partner", "public_keys": public_keys["alice"]}
    server = {"server_id": lab.server_id, "users": [partner]}
    nobody = {"server_id": lab.server_id, "users": [{**partner, "user_name": "nobody-here"}]}
    region = {"ssh_access_region": lab.lab["region"]}
    declares = {"ssh_access_transfer_servers": [server], **region}
    fails = {"ssh_access_transfer_servers": [nobody], **region}
    without = {"instance_id": "", "ansible_connection": "local"}
    unknown = "-F none -o UserKnownHostsFile=/dev/null -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes"
    private = (keys / "alice").read_text(encoding="utf-8")
    closed = f"-F none -o UserKnownHostsFile={lab.lab['known_hosts']}"
    legacy = {"ansible_ssh_user": "nobody-here", "ssh_access_os_user": os_user(lab)}
    hosts: dict[str, dict[str, dict[str, Any]]] = {
        # When they are closed, ssh looks for the host keys by address again.
        "fleet": {
            "web0": of_instance(lab, 0),
            "web1": of_instance(lab, 1, ansible_ssh_private_key_file="/own/{{ inventory_hostname }}"),
            "web2": of_instance(lab, 2),
            "stopped": of_instance(lab, STOPPED),
            "deaf": of_instance(lab, DEAF, ssh_access_timeout=1),
        },
        "cases": {
            "wrong_key": of_instance(lab, 5, **wrong),
            # What ssh says is told also where it ends before it has read all of its input.
            "deaf_ssh": of_instance(
                lab,
                5,
                **wrong,
                ansible_ssh_executable=script(
                    controller, "deaf_ssh", '#!/bin/sh\nexec </dev/null\nsleep 1\nexec ssh "$@"\n'
                ),
            ),
            "impatient": of_instance(lab, 2, ssh_access_timeout=0),
            "stranger": of_instance(lab, 5, ansible_ssh_common_args=unknown, ssh_access_timeout=1),
            "keyless": of_instance(lab, 11, ssh_access_profile="keyless"),
            "private_key": of_instance(lab, 5, ssh_access_public_key=private),
            "private_user": of_instance(lab, 5, ssh_access_os_user=private),
            "private_region": of_instance(lab, 5, ssh_access_region=private),
            "bad_id": {**of_instance(lab, 5), "instance_id": "i-nobody"},
            "bad_user": of_instance(lab, 5, ssh_access_os_user="DOMAIN\\admin"),
            "own": of_instance(lab, 6, ssh_access_private_key_file=str(keys / ODD / "alice")),
            "in_agent": of_instance(
                lab, 7, ssh_access_public_key=public_keys["bob"], ssh_access_assume_role_arn=ROLE_ARN
            ),
            "of_run": of_instance(lab, 8),
            "with_pair": of_instance(lab, 9, is_renewed=True),
            "with_own": of_instance(lab, 10, **own, is_renewed=True),
            "left_out": {**without, "is_left_out": True},
        },
        "batches": {
            "name": of_instance(lab, 0, **legacy),
            "other_name": {**of_instance(lab, 0, **legacy), "placement": {"region": lab.lab["region"]}},
            "in_second": of_instance(lab, 1, **legacy),
        },
        "free": {
            f"free{number}": {
                **of_instance(lab, number, ssh_access_profile="", ssh_access_endpoint_url=""),
                "placement": {},
            }
            for number in (2, 11)
        },
        "both": {
            "both1": of_instance(lab, 8, **declares),
            "both2": of_instance(lab, 9, **declares),
            "both3": {**without, **declares},
            "nothing_to_do": without,
        },
        "neither": {
            "neither1": of_instance(lab, 7, **fails),
            "neither2": of_instance(lab, 10, **fails),
            "neither3": {**without, **fails},
        },
    }
    for group, members in hosts.items():
        for variables in members.values():
            variables.update({"ansible_ssh_common_args": closed} if group == "fleet" else one_connection_each)
    return hosts


@pytest.fixture(scope="module")
def opened(module_controller: Controller) -> Opened:
    """Run instances.yml."""
    controller = module_controller
    lab = controller.lab
    public_keys = {name: controller.make_key(name) for name in ("alice", "bob")}
    keys = controller.folder / "keys"
    (keys / ODD).mkdir()
    for name in ("alice", "alice.pub"):
        shutil.copy(keys / name, keys / ODD / name)
    others = [f"other{number}" for number in range(KEYS_IN_AGENT)]
    for name in others:
        controller.make_key(name)
    # One that runs a command without another user.
    # On the hosts alone: whoever runs a playbook may be allowed none on the controller.
    sudo = (
        '#!/bin/sh\n[ -n "$SSH_CONNECTION" ] || exit 1\n'
        'while [ "$1" != "${1#-}" ]; do shift; [ "$1" != root ] || shift; done\nexec "$@"\n'
    )
    lab.misbehave({"operation": "SendSSHPublicKey", "fault": "slow", "seconds": 0.2, "times": 5})
    with agent(*(keys / name for name in (*others, "bob"))) as agents, tempfile.TemporaryDirectory(dir="/tmp") as cp:
        run = controller.run(
            PLAYBOOKS / "instances.yml",
            # Nothing may come out even so.
            "-vvv",
            inventory=inventory(
                controller,
                groups(controller, public_keys),
                ssh_access_profile="operator",
                ssh_access_endpoint_url=lab.lab["endpoint_url"],
            ),
            variables={
                "folder": str(controller.folder),
                "sudo": script(controller, "sudo", sudo),
                "lab_aws": lab.aws,
            },
            environment={
                # Else Ansible leaves sudo out where root becomes root, as in a container.
                "ANSIBLE_BECOME_ALLOW_SAME_USER": "true",
                **aws_of_profiles(controller),
                "ANSIBLE_LOCAL_TEMP": str(controller.folder / "home" / ODD),
                "ANSIBLE_PIPELINING": "true",
                # Most hosts wait most of the time.
                "ANSIBLE_FORKS": "12",
                "ANSIBLE_SSH_CONTROL_PATH_DIR": cp,
                "SSH_AUTH_SOCK": agents,
            },
        )
    private = "".join((keys / name).read_text(encoding="utf-8") for name in ("alice", "bob"))
    lines = [line for line in private.splitlines() if not line.startswith("-----")]
    return Opened(run, lab.requests(), controller, public_keys, lines)


# -- A fleet ----------------------------------------------------------------------------------------------------------

FLEET = ["web0", "web1", "web2"]


def test_hosts_are_opened_and_worked_on(opened: Opened) -> None:
    user = os_user(opened.lab)
    assert [(opened.controller.folder / f"{host}.txt").read_text() for host in FLEET] == [f"{user} was here\n"] * 3
    assert {told.host for told in opened.run.all_of("Leave a file on the host")} == {*FLEET}
    for number, host in enumerate(FLEET):
        opens = f"{host}: opened {instance_id(opened.lab, number)} for {user} until "
        assert re.match(re.escape(opens) + r"[0-9:]{8} UTC \(key SHA256:\S+\)\.$", opened.said(host))


def test_each_host_gets_one_push_of_the_same_key(opened: Opened) -> None:
    to_fleet = [opened.pushed(number)[:1] for number in (0, 1, 2, STOPPED, DEAF)]
    assert len({str(keys) for keys in to_fleet}) == 1
    assert len(opened.pushed(STOPPED)) == len(opened.pushed(DEAF)) == 1


def test_the_fact_says_what_was_opened(opened: Opened) -> None:
    facts = [opened.run.of("Show the fact", host)["ssh_access_instance_connect_result"] for host in FLEET]
    assert {(fact["success"], fact["os_user"], fact["msg"]) for fact in facts} == {(True, os_user(opened.lab), "")}
    assert len({fact["fingerprint"] for fact in facts}) == 1
    assert len({fact["request_id"] for fact in facts}) == 3


def test_nothing_outlives_the_run_so_opening_is_no_change(opened: Opened) -> None:
    assert opened.run.all_of(PUSH)[0].result["changed"] is False
    assert {told.result["changed"] for told in opened.run.all_of(WAIT) if told.status == "ok"} == {False}


def test_few_tasks_come_before_the_first_of_the_play(opened: Opened) -> None:
    of_web0 = [told.task for told in opened.run.results if told.host == "web0"]
    # The one that includes the role, and five of the role.
    assert of_web0.index("Leave a file on the host") <= 1 + 5


def test_a_push_that_failed_is_told_with_the_reason(opened: Opened) -> None:
    said = opened.said("stopped")
    where = f"{instance_id(opened.lab, STOPPED)} for {os_user(opened.lab)} in us-east-1 (the variable placement)"
    assert said.startswith(f"stopped: the key could not be pushed to {where}, so ssh was not tried. EC2InstanceState")
    assert "Start the instance" in said


def test_a_push_that_worked_while_ssh_was_refused_is_told_as_that(opened: Opened) -> None:
    said = opened.said("deaf")
    assert said.startswith(
        f"deaf: the key was pushed to {instance_id(opened.lab, DEAF)} for {os_user(opened.lab)}, and ssh did not "
        "accept the key. It said: "
    )
    assert "Connection refused" in said
    assert "may still be booting" in said
    assert "another port than 1 (ansible_port)" in said


def test_the_private_key_is_there_until_close(opened: Opened) -> None:
    for host in FLEET:
        assert opened.run.of("Look at the private key", host)["msg"] is True
        assert opened.run.of("Look for the private key", host)["msg"] is False


def test_close_closes_the_open_connections_and_nobody_gets_in_any_more(opened: Opened) -> None:
    refusals = opened.run.all_of("Try to go on")
    assert {told.host for told in refusals} == {*FLEET}
    assert {told.status for told in refusals} == {"unreachable"}
    # The agent is full of other keys, and IdentitiesOnly is gone with the rest.
    refused = re.compile("Permission denied|Too many authentication failures")
    assert [told.result["msg"] for told in refusals if not refused.search(told.result["msg"])] == []


def test_close_restores_the_connection_variables(opened: Opened) -> None:
    for host in FLEET:
        user, private_key_file, common_args = opened.run.of("Show the connection variables", host)["msg"]
        assert user == os_user(opened.lab)
        assert private_key_file == ("/own/web1" if host == "web1" else "")
        assert common_args == f"-F none -o UserKnownHostsFile={opened.lab.lab['known_hosts']}"


# -- Hosts that stay shut ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["wrong_key", "deaf_ssh"])
def test_a_refusal_is_told_with_the_likely_causes(opened: Opened, host: str) -> None:
    said = opened.said(host)
    assert f"{host}: the key was pushed to {instance_id(opened.lab, 5)}" in said
    assert "Permission denied" in said
    assert f"(1) There is no OS user {os_user(opened.lab)}" in said
    assert f"names the key {fingerprint(opened.controller, 'bob')}" in said


def test_a_host_key_that_nobody_knows_is_told_where_it_was_looked_for(opened: Opened) -> None:
    said = opened.said("stranger")
    assert "Host key verification failed" in said
    assert f"under {instance_id(opened.lab, 5)}" in said
    assert "accept-new" in said


def test_without_credentials_a_host_says_so(opened: Opened) -> None:
    assert "the key could not be pushed" in opened.said("keyless")
    assert "Unable to locate credentials" in opened.said("keyless")


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        ("private_key", "ssh_access_public_key is a private key, so it is not shown here."),
        ("private_user", "private key"),
        ("private_region", "private key"),
        ("bad_id", "bad_id cannot be opened. ssh_access_instance_id 'i-nobody' is not the id of an EC2 instance"),
        ("bad_user", "is not an OS user that EC2 Instance Connect accepts"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_for_its_host_alone(opened: Opened, host: str, sentence: str) -> None:
    assert sentence in opened.said(host, "Check the variables, and make the key pair of this run")
    assert opened.run.all_of(WAIT, host) == []


def test_no_line_of_a_private_key_is_printed(opened: Opened) -> None:
    assert len(opened.private_lines) > 8
    assert [line for line in opened.private_lines if line in opened.run.output] == []


# -- Keys of all kinds ------------------------------------------------------------------------------------------------


# The last one has no time for a second try.
@pytest.mark.parametrize("host", ["own", "in_agent", "of_run", "impatient"])
def test_ssh_offers_the_one_key_although_the_agent_is_full(opened: Opened, host: str) -> None:
    assert opened.pinged(host)


def test_the_key_that_was_asked_for_is_pushed(opened: Opened) -> None:
    for number, name in ((6, "alice"), (7, "bob")):
        assert opened.pushed(number)[0] == " ".join(opened.public_keys[name].split()[:2])


def test_a_role_pushes_where_a_host_asks_for_one(opened: Opened) -> None:
    """The credentials of the profile assume it, and those of the role push."""
    (assuming,) = (call for call in opened.requests if call["operation"] == "AssumeRole")
    assert assuming["parameters"]["RoleArn"] == ROLE_ARN
    (pushing,) = (
        call for call in opened.requests if call["parameters"].get("InstanceId") == instance_id(opened.lab, 7)
    )
    assert assuming["access_key"] == opened.lab.lab["access_key"] != pushing["access_key"]


def test_a_second_call_sends_nothing_and_a_renewal_does(opened: Opened) -> None:
    assert (len(opened.pushed(9)), len(opened.pushed(10))) == (2, 2)
    assert len({*opened.pushed(9)}) == len({*opened.pushed(10)}) == 1
    for host in ("with_pair", "with_own"):
        assert [told.status for told in opened.run.all_of(WAIT, host)] == ["ok"] * 3


def test_a_push_of_an_own_key_outlives_the_run_and_is_a_change(opened: Opened) -> None:
    # One host has the calls of all.
    calls_of_cases = opened.run.all_of(PUSH, "wrong_key") + opened.run.all_of(PUSH, "with_pair")
    assert [told.result["changed"] for told in calls_of_cases] == [True, False, True]


# -- Plays of all kinds -----------------------------------------------------------------------------------------------


def test_each_batch_takes_a_call_and_two_names_of_an_instance_one_push(opened: Opened) -> None:
    assert all(opened.pinged(host) for host in ("name", "other_name", "in_second"))
    # One of the fleet, and one of the batches.
    assert (len(opened.pushed(0)), len(opened.pushed(1))) == (2, 2)
    # One task in each batch.
    assert {told.host for told in opened.run.all_of(PUSH)} >= {"name", "in_second"}


def test_module_defaults_lead_to_the_service(opened: Opened) -> None:
    assert [host for host in ("free2", "free11") if not opened.pinged(host)] == [], opened.run.output
    # Those of the module count more than those of the group. The free strategy knows no run_once, so two hosts that
    # come at the same moment push for each other, too.
    free11 = instance_id(opened.lab, 11)
    regions = {call["region"] for call in opened.requests if call["parameters"].get("InstanceId") == free11}
    assert regions == {opened.lab.lab["region"]}


def test_a_host_can_be_left_out(opened: Opened) -> None:
    assert opened.pinged("left_out")
    assert opened.run.all_of(WAIT, "left_out") == []


def test_a_host_for_which_the_variables_ask_nothing_says_so(opened: Opened) -> None:
    assert "There is nothing to do for nothing_to_do: it has no instance id" in opened.said(
        "nothing_to_do", "Check the variables, and make the key pair of this run"
    )


# -- Instances and Transfer users -------------------------------------------------------------------------------------


def test_the_main_entry_point_does_both(opened: Opened) -> None:
    assert all(opened.pinged(host) for host in ("both1", "both2", "both3"))
    (imported,) = calls_in(opened.requests, "ImportSshPublicKey")
    assert imported["UserName"] == "partner"
    assert opened.lab.held("partner") == [opened.public_keys["alice"]]
    assert opened.run.of(PUSH, "both1")["changed"] is True
    said = opened.run.of(WAIT, "both1")["msg"]
    assert said[0] == "1 user of 1 server declared: 1 key added."
    assert said[-1].startswith("both1: opened ")
    # One host tells of the users, for all.
    assert opened.said("both2").startswith("both2: opened ")
    assert "msg" not in opened.run.of(WAIT, "both3")


def test_no_host_is_opened_when_a_declaration_failed(opened: Opened) -> None:
    assert "nobody-here does not exist" in opened.said("neither1")
    for host in ("neither2", "neither3"):
        assert re.search("no host was opened.*neither1 shows the reason", opened.said(host))
    # The pushes of earlier plays.
    assert (len(opened.pushed(7)), len(opened.pushed(10))) == (1, 2)
    assert [told for told in opened.run.all_of("Log in") if told.host.startswith("neither")] == []
