# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Examples of the guides do in the lab what the guides say."""

from __future__ import annotations

import getpass
import json
import os
import re
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.sshkeys.aws.tests.guides.guides import block_with


@dataclass(frozen=True)
class Workplace:
    """A folder with the inventory of the guide about the lab, a home with a key pair, and the lab."""

    folder: Path
    lab: dict[str, Any]

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def make_key(self, name: str) -> str:
        """Make a key pair below the folder, and return its public half."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)]
        subprocess.run(command, check=True)
        return Path(f"{path}.pub").read_text(encoding="utf-8")

    def play(self, name: str, text: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run a playbook, with what the guides call by other names in the lab."""
        replacements = {
            "s-01234567890abcdef": self.lab["transfer"]["server_id"],
            "ec2-user": getpass.getuser(),
            "former-partner": "archive",
            # Facts need a name server, and wait long for one that does not answer. A ping logs in just as well.
            "ansible.builtin.setup": "ansible.builtin.ping",
        }
        for theirs, ours in replacements.items():
            text = text.replace(theirs, ours)
        playbook = self.folder / name
        playbook.write_text(text, encoding="utf-8")
        command = ["ansible-playbook", "-i", "lab-inventory.yml", "-e", f"@{os.environ['LAB_STATE']}", name, *options]
        # Leases and keys are below the home folder. No connection is kept open: nothing may stay when the test ends.
        settings = {"ANSIBLE_SSH_ARGS": "-o ControlMaster=no", "ANSIBLE_PIPELINING": "true"}
        environment = {**os.environ, **settings, "HOME": str(self.home)}
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    lab = json.loads(Path(os.environ["LAB_STATE"]).read_text(encoding="utf-8"))["lab"]
    here = Workplace(tmp_path, lab)
    reset = urllib.request.Request(
        f"{lab['control_url']}/reset", method="POST", data=b"", headers={"X-Lab-Key": lab["access_key"]}
    )
    with urllib.request.urlopen(reset):
        here.make_key("home/.ssh/id_ed25519")
    (tmp_path / "lab-inventory.yml").write_text(block_with("lab.known_hosts").text, encoding="utf-8")
    return here


def recaps(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, int]]:
    """Return what the recap counts for each host. Fails where the playbook did."""
    assert done.returncode == 0, done.stdout + done.stderr
    lines = re.findall(r"^(\S+) +: (ok=.*)$", done.stdout, re.MULTILINE)
    return {
        host: {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", counted)} for host, counted in lines
    }


def in_a_play(*tasks: str) -> str:
    """Return lists of tasks as one play on the controller."""
    every = [task for text in tasks for task in yaml.safe_load(text)]
    return yaml.safe_dump([{"name": "Try it", "hosts": "localhost", "gather_facts": False, "tasks": every}])


def opened(done: subprocess.CompletedProcess[str]) -> int:
    """Return how many hosts a playbook reached. Fails where one was not reached."""
    hosts = recaps(done).values()
    assert all(counted["failed"] == counted["unreachable"] == 0 for counted in hosts)
    return len(hosts)


def test_fleet_is_opened_with_the_role(workplace: Workplace) -> None:
    done = workplace.play(
        "fleet.yml", block_with("# Nobody can log in yet.\n  tasks:\n    - name: Open the fleet").text
    )
    assert opened(done) == 2
    assert {counted["changed"] for counted in recaps(done).values()} == {0}


def test_fleet_is_opened_with_the_module_alone(workplace: Workplace) -> None:
    text = block_with("ansible_ssh_private_key_file: ~/.ssh/id_ed25519").text
    assert opened(workplace.play("module.yml", text)) == 2


def test_fleet_goes_on_without_the_instance_that_fails(workplace: Workplace) -> None:
    inventory = workplace.folder / "lab-inventory.yml"
    stopped = next(each["instance_id"] for each in workplace.lab["instances"] if each["state"] == "stopped")
    text = inventory.read_text(encoding="utf-8")
    inventory.write_text(re.sub(r"( +)(i-\w+:)\n", rf"\1\2\n\1{stopped}:\n", text, count=1), encoding="utf-8")
    example = yaml.safe_load(block_with("Leave those out").text)
    example.append({"name": "Work with what is left", "ansible.builtin.debug": {"msg": "still here"}})
    play = [{"name": "Try it", "hosts": "aws_ec2", "gather_facts": False, "tasks": example}]
    done = workplace.play("some.yml", yaml.safe_dump(play, sort_keys=False))
    recaps(done)
    assert done.stdout.count("still here") == 2
    assert "1 of 3 targets failed" in done.stdout


def test_declared_keys_are_the_only_ones(workplace: Workplace) -> None:
    for name in ("keys/partner/alice", "keys/partner/bob", "keys/auditor/carol"):
        workplace.make_key(name)
    play = block_with("Make the keys as declared").text
    foreseen = workplace.play("transfer.yml", play, "--check", "--diff")
    done = workplace.play("transfer.yml", play)
    assert re.search(r"^\+SHA256:\S+ alice$", foreseen.stdout, re.MULTILINE)
    assert recaps(foreseen)["localhost"]["changed"] == recaps(done)["localhost"]["changed"] == 1


def test_keys_of_many_users_come_and_a_disclosed_one_goes(workplace: Workplace) -> None:
    disclosed = workplace.make_key("disclosed")
    for name in ("partner", "auditor"):
        own = workplace.make_key(f"pairs/{name}")
        (workplace.folder / "users").mkdir(exist_ok=True)
        (workplace.folder / f"users/{name}.pub").write_text(f"# {name}\n\n{own}{disclosed}", encoding="utf-8")
    declare = block_with("Declare every user that has a folder").text
    read = block_with("Show the keys that are older than a year").text
    take = block_with("Take a disclosed key away").text
    comments = "server.users | map(attribute='ssh_public_keys') | flatten | map(attribute='comment') | sort"
    say = f"- ansible.builtin.debug: {{msg: \"{{{{ {comments} | join(' ') }}}}\"}}"
    done = workplace.play("many.yml", in_a_play(declare, read, say, take, read, say))
    assert recaps(done)["localhost"]["changed"] == 2
    assert re.findall(r'"msg": "(.+)"', done.stdout) == ["auditor disclosed disclosed partner", "auditor partner"]


def test_old_keys_of_every_user_are_reported(workplace: Workplace) -> None:
    done = workplace.play("old.yml", block_with("Report keys that are older than a year").text)
    assert recaps(done)["localhost"]["changed"] == 0


def test_the_lab_lets_time_pass_and_throttles(workplace: Workplace) -> None:
    tasks = [block_with(mark).text for mark in ("so that every pushed key is gone", "Throttle the next three pushes")]
    assert recaps(workplace.play("lab.yml", in_a_play(*tasks)))["localhost"]["ok"] == 2


def test_compose_gives_the_connection_what_it_reads(workplace: Workplace) -> None:
    """With hostvars_prefix, also where a template that fails is an error."""
    text = block_with("hostvars_prefix: aws_").text + "strict: true\nregions: [us-east-1]\n"
    inventory = workplace.folder / "prefixed.aws_ec2.yml"
    inventory.write_text(text, encoding="utf-8")
    command = ["ansible-inventory", "-i", inventory.name, "--list"]
    environment = {**os.environ, "HOME": str(workplace.home)}
    done = subprocess.run(command, cwd=workplace.folder, env=environment, capture_output=True, text=True, check=True)
    plain = json.loads(done.stdout, object_hook=lambda found: found.get("__ansible_unsafe", found))
    hosts = plain["_meta"]["hostvars"]
    read = ("instance_id", "placement", "private_ip_address", "vpc_id", "subnet_id")
    assert hosts
    for variables in hosts.values():
        assert variables["public_ip_address"] == variables.get("aws_public_ip_address", "")
        assert [variables[name] for name in read] == [variables[f"aws_{name}"] for name in read]
