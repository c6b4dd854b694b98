# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The broker of a run: for several accounts at once, on a system that kills forks, and what it says of connections."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from ansible_collections.sshkeys.aws.tests.playbooks import Controller
from ansible_collections.sshkeys.aws.tests.plays.connection_hosts import (
    OURS,
    PLAYBOOKS,
    calls,
    direct,
    instances,
    inventory,
    private,
    short_folder_for_sockets,
)

# Stands for macOS, where the system kills a process that was forked, has not started another program, and asks for its
# proxies (ansible-collections/amazon.aws#2975). With *_proxy in the environment, urllib does not ask the system.
MACOS = """
import os, signal, urllib.request
forked = []
os.register_at_fork(after_in_child=lambda: forked.append(1))
def deadly(real):
    def call(*a, **k):
        if forked and not urllib.request.getproxies_environment():
            os.kill(os.getpid(), signal.SIGSEGV)
        return real(*a, **k)
    return call
urllib.request.getproxies = deadly(urllib.request.getproxies)
urllib.request.proxy_bypass = deadly(urllib.request.proxy_bypass)
"""
ASKS_IN_A_FORK = """
import os, urllib.request
if not os.fork():
    urllib.request.getproxies()
    os._exit(0)
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_nothing_is_done_in_a_fork_that_macos_would_kill(
    controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = controller.lab
    folder = controller.write("python/sitecustomize.py", MACOS).parent
    places = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    monkeypatch.setenv("PYTHONPATH", places)
    # Else nothing would be killed, and this test could not fail.
    said = subprocess.run([sys.executable, "-c", ASKS_IN_A_FORK], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "-11"
    with short_folder_for_sockets() as environment:
        run = controller.run(
            PLAYBOOKS / "hello.yml",
            inventory=inventory(lab, all_of_them={"web": direct(lab, 0), "private": private(lab, 1)}),
            environment=environment,
        )
    run.assert_succeeded()
    assert len(run.all_of("Say hello")) == 2


def test_each_host_has_its_own_account(controller: Controller) -> None:
    """The broker assumes each role once, however many hosts it is for, and pushes with the right credentials."""
    lab = controller.lab
    roles = {1: "arn:aws:iam::123456789012:role/one", 2: "arn:aws:iam::123456789012:role/two"}
    hosts = {f"host{number}": direct(lab, number) for number in range(6)}
    for number, host in enumerate(hosts.values()):
        if number % 3:
            host[f"{OURS}_assume_role_arn"] = roles[number % 3]
    with short_folder_for_sockets() as environment:
        run = controller.run(
            PLAYBOOKS / "hello.yml", inventory=inventory(lab, all_of_them=hosts), environment=environment
        )
    run.assert_succeeded()
    assert sorted(each["RoleArn"] for each in calls(lab, "AssumeRole")) == sorted(roles.values())
    pushed_by: dict[int, set[str]] = {}
    for request in lab.requests():
        if request["operation"] == "SendSSHPublicKey":
            (number,) = [
                number
                for number in range(6)
                if instances(lab)[number]["instance_id"] == request["parameters"]["InstanceId"]
            ]
            pushed_by.setdefault(number % 3, set()).add(request["access_key"])
    assert pushed_by[0] == {lab.lab["access_key"]}
    assert [len(pushed_by[account]) for account in (1, 2)] == [1, 1]
    assert len(set.union(*pushed_by.values())) == 3


def test_each_connection_is_told_of_at_vvv(controller: Controller) -> None:
    lab = controller.lab
    with short_folder_for_sockets() as environment:
        run = controller.run(
            PLAYBOOKS / "again_and_again.yml",
            "-vvv",
            inventory=inventory(lab, all_of_them={"web": direct(lab, 0), "private": private(lab, 1)}),
            environment=environment,
        )
    run.assert_succeeded()
    seconds = r"\(\d+\.\d{3} s\)"
    user = re.escape(instances(lab)[0]["os_user"])
    told = re.findall(r"^<(\w+)> (i-\w+: .*; \d+\.\d{3} s in all)$", run.output, re.MULTILINE)
    of_host: dict[str, list[str]] = {}
    for host, sentence in told:
        of_host.setdefault(host, []).append(sentence)
    # Two tasks share a connection, and the third has one of its own.
    assert {host: len(sentences) for host, sentences in of_host.items()} == {"web": 2, "private": 2}
    for sentences in of_host.values():
        assert re.search(f"a key pushed for {user} {seconds}", sentences[0])
        assert re.search(rf"no push, since {user} got the key \d+ s ago {seconds}", sentences[1])
    assert re.search(rf"directly to 127\.0\.0\.1 port \d+ {seconds}", of_host["web"][0])
    assert re.search(rf"a tunnel through eice-\w+ to [\d.]+ port 22 {seconds}", of_host["private"][0])
