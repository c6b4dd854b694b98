# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""At its loudest, nothing that Ansible prints, logs or leaves behind holds a secret.

The arguments of all processes, in this test and all others, are looked at by tests/tools.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, line_of

KEY = line_of(ed25519_blob(bytes([1]) * 32), "a key")
TOKEN = "labtoken0123456789abcdef"


def options(running_lab: RunningLab) -> dict[str, Any]:
    """Return the options of every task: credentials that stand in the playbook."""
    return {**running_lab.aws, "session_token": TOKEN}


def tasks(running_lab: RunningLab) -> list[dict[str, Any]]:
    """Return tasks of each module, of which some succeed, some change something, and some fail."""
    instances, server = running_lab.instance_ids, {"server_id": running_lab.server_id}
    push = {"os_user": "ubuntu", "public_key": KEY}
    return [
        {"sshkeys.aws.ec2_instance_connect_key": {"instance_id": instances[0], **push}},
        {"sshkeys.aws.ec2_instance_connect_key": {"targets": instances[:3], **push, "force": True}},
        {"sshkeys.aws.ec2_instance_connect_key": {"instance_id": "i-00000000000000000", **push}},
        {"sshkeys.aws.ec2_serial_console_key": {"instance_id": instances[0], "public_key": KEY}},
        {"sshkeys.aws.transfer_ssh_key": {**server, "user_name": "partner", "public_keys": KEY, "exclusive": True}},
        {"sshkeys.aws.transfer_ssh_key": {**server, "user_name": "nobody", "public_keys": KEY}},
        {"sshkeys.aws.transfer_ssh_key": {**server, "user_name": "partner", "public_keys": "no key at all"}},
        {"sshkeys.aws.transfer_ssh_key_info": server},
    ]


def play(folder: Path, plays: list[dict[str, Any]], inventory: dict[str, Any], *arguments: str) -> str:
    """Run a playbook at its loudest, with a home and a log of its own. Returns all that was said and logged."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    (folder / "play.yml").write_text(json.dumps(plays), encoding="utf-8")
    (folder / "hosts.json").write_text(json.dumps(inventory), encoding="utf-8")
    environment = {
        **os.environ,
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_STATE_HOME": str(home / "state"),
        "ANSIBLE_LOG_PATH": str(home / "ansible.log"),
        "ANSIBLE_SSH_ARGS": "-o ControlMaster=no",
        "ANSIBLE_HOST_KEY_CHECKING": "true",
        "AWS_SESSION_TOKEN": TOKEN,
    }
    command = ["ansible-playbook", "-vvvvv", "--diff", "-i", "hosts.json", "play.yml", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    log = (home / "ansible.log").read_text(encoding="utf-8")
    assert log
    return done.stdout + done.stderr + log


def check(running_lab: RunningLab, folder: Path, said: str) -> None:
    """Fail where a secret was said, or is left in a file of the home."""
    secrets = re.compile(
        "|".join((re.escape(running_lab.lab["secret_key"]), TOKEN, "X-Amz-Signature=", "b3BlbnNzaC1rZXktdjE"))
    )
    found = secrets.search(said)
    assert not found, said[max(0, found.start() - 300) : found.end() + 100]
    for path in (folder / "home").rglob("*"):
        if path.is_file():
            assert not secrets.search(path.read_text(encoding="utf-8", errors="replace")), path


@pytest.mark.parametrize("in_worker", [True, False], ids=["in the worker", "in a process"])
def test_modules(running_lab: RunningLab, tmp_path: Path, *, in_worker: bool) -> None:
    """Each module in check mode and for real, with a diff."""
    loud = [
        {**task, "module_defaults": {"group/sshkeys.aws.aws": options(running_lab)}, "ignore_errors": True}
        for task in tasks(running_lab)
    ]
    variables = {"sshkeys_aws_fast_path": in_worker, "ansible_python_interpreter": sys.executable}
    plays = [{"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": loud}]
    # In check mode nobody knows that an instance does not exist, and a user may be made by an earlier task.
    for arguments, failed in ((["--check"], 1), ([], 3)):
        said = play(tmp_path, plays, {}, *arguments)
        assert f"ignored={failed}" in said
        check(running_lab, tmp_path, said)


@pytest.mark.parametrize("way", ["directly", "through the tunnel"])
def test_connection(running_lab: RunningLab, tmp_path: Path, way: str) -> None:
    """A connection, and one that is refused. The key pair of the run and the signed address are secrets too."""
    instance = running_lab.lab["instances"][0]
    host = {
        "instance_id": instance["instance_id"],
        "private_ip_address": instance["private_ip_address"],
        "placement": {"availability_zone": instance["availability_zone"], "region": running_lab.lab["region"]},
        "ansible_user": instance["os_user"],
    }
    if way == "directly":
        host |= {"public_ip_address": instance["host"], "ansible_port": instance["port"]}
    variables = {
        "ansible_connection": "sshkeys.aws.ec2_instance_connect",
        "ansible_python_interpreter": sys.executable,
        "ansible_ssh_common_args": "-F none",
        **{
            f"ansible_ec2_instance_connect_{name}": running_lab.lab[name]
            for name in ("access_key", "secret_key", "endpoint_url")
        },
        "ansible_ec2_instance_connect_session_token": TOKEN,
    }
    inventory = {"all": {"vars": variables, "hosts": {"good": host, "bad": {**host, "ansible_user": "nobody-at-all"}}}}
    plays = [{"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.ping": {}}]}]
    said = play(tmp_path, plays, inventory)
    assert re.search(r"good +: ok=1 ", said), said
    assert re.search(r"bad +: .*unreachable=1 ", said), said
    check(running_lab, tmp_path, said)
