# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An inventory that is meant ill: each variable of the connection holds what nobody would write there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.tests.robustness.test_hostile_input import HOSTILE, LONGEST_SENTENCE
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab

OURS = "ansible_ec2_instance_connect"
ON_A_TUNNEL = (
    f"{OURS}_endpoint_id",
    f"{OURS}_endpoint_dns_name",
    f"{OURS}_private_ip_address",
    f"{OURS}_vpc_id",
)
ON_THE_WAY = (
    "instance_id",
    "ansible_user",
    "ansible_host",
    "availability_zone",
    f"{OURS}_public_ip_address",
    f"{OURS}_public_key",
    f"{OURS}_region",
)
KINDS = (
    *("newline", "trailing newline", "quotes", "command", "option", "path", "nul", "escape", "right to left"),
    *("look-alike", "10 MB"),
)


@pytest.fixture
def sockets() -> Iterator[str]:
    """Return a folder for the sockets of ssh, whose path must be short."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield folder


def inventory(running_lab: RunningLab, touched: Path) -> dict[str, dict[str, Any]]:
    """Return the variables of hosts: two that are well meant, and others that have one hostile value each."""
    instance, endpoint = running_lab.lab["instances"][0], running_lab.lab["instance_connect_endpoint"]
    known = {name: instance[name] for name in ("instance_id", "private_ip_address")}
    private = {**known, "ansible_user": instance["os_user"]}
    public = {**private, "public_ip_address": instance["host"], "ansible_port": instance["port"]}
    through = {
        f"{OURS}_endpoint_id": endpoint["id"],
        f"{OURS}_endpoint_dns_name": endpoint["dns_name"],
    }
    hosts = {"Private": private, "Public": public}
    for kind in KINDS:
        value = HOSTILE[kind].format(file=touched)
        for name in ON_A_TUNNEL:
            more = through if name == f"{OURS}_endpoint_dns_name" else {}
            hosts[f"{name}-{kind}"] = {**private, **more, name: value}
        for name in ON_THE_WAY:
            is_placement = name == "availability_zone"
            hosts[f"{name}-{kind}"] = {**public, **({"placement": {name: value}} if is_placement else {name: value})}
    return {name.replace(" ", "-"): variables for name, variables in hosts.items()} | {
        "ansible_user-two-words": {**public, "ansible_user": f"{instance['os_user']} b"},
        "ansible_host-nothing": {**public, "ansible_host": ""},
        "ansible_user-blank": {**public, "ansible_user": " "},
    }


def test_hostile_variables(running_lab: RunningLab, tmp_path: Path, sockets: str) -> None:
    """Nothing is run, no key is pushed to anything else, and each host gets a sentence."""
    touched = tmp_path / "touched"
    hosts = inventory(running_lab, touched)
    variables = {
        "ansible_connection": "sshkeys.aws.ec2_instance_connect",
        "ansible_python_interpreter": sys.executable,
        "ansible_ssh_common_args": "-F none",
    }
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts, "vars": variables}}), encoding="utf-8")
    play = {"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.raw": "true"}]}
    (tmp_path / "play.yml").write_text(json.dumps([play]), encoding="utf-8")
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": sockets,
        "ANSIBLE_SSH_ARGS": "-o ControlMaster=no",
        "ANSIBLE_FORKS": "5",
        "SSH_AUTH_SOCK": "",
    }
    command = ["ansible-playbook", "-i", "hosts.json", "play.yml"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    results = json.loads(done.stdout)["plays"][0]["tasks"][0]["hosts"]
    assert results.keys() == hosts.keys()
    for name, result in results.items():
        said = result.get("msg", "")
        assert bool(result.get("unreachable")) is not (name in ("Private", "Public")), f"{name}: {said}"
        # ssh says more than one line.
        assert all(line.isprintable() for line in said.replace("\r\n", "\n").split("\n")), f"{name}: {said!r}"
        assert len(said) < LONGEST_SENTENCE, name
        assert not any(word in said for word in ("Traceback", "Error:", "usage:")), f"{name}: {said}"
    assert not touched.exists()
    instance = running_lab.lab["instances"][0]
    for request in running_lab.requests():
        if request["operation"] == "SendSSHPublicKey":
            pushed = request["parameters"]
            assert (pushed["InstanceId"], pushed["InstanceOSUser"]) == (instance["instance_id"], instance["os_user"])
