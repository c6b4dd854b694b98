# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Examples of the guides and the READMEs do in the lab what these say."""

from __future__ import annotations

import getpass
import json
import os
import re
import subprocess
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.sshkeys.aws.tests.guides.guides import block_with, readme_block_with


@dataclass(frozen=True)
class ReaderFolder:
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

    def ask(self, path: str, method: str = "GET") -> bytes:
        """Return what the lab answers to a request without a body."""
        headers = {"X-Lab-Key": self.lab["access_key"]}
        request = urllib.request.Request(f"{self.lab['control_url']}/{path}", method=method, headers=headers)
        with urllib.request.urlopen(request) as answer:
            content: bytes = answer.read()
        return content

    def pushes(self) -> int:
        """Return how many keys the lab was sent for instances."""
        sent = json.loads(self.ask("requests"))["requests"]
        return [each["operation"] for each in sent].count("SendSSHPublicKey")

    def add_a_host_without_an_id(self) -> None:
        """Add the controller to the fleet, as a host that the inventory has no instance id for."""
        inventory = self.folder / "lab-inventory.yml"
        everything = yaml.safe_load(inventory.read_text(encoding="utf-8"))
        groups = everything["all"]["children"]
        here = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        groups["aws_ec2"] = {"children": {"instances": groups["aws_ec2"]}, "hosts": {"by-hand": here}}
        inventory.write_text(yaml.safe_dump(everything), encoding="utf-8")


@pytest.fixture
def reader(tmp_path: Path) -> ReaderFolder:
    lab = json.loads(Path(os.environ["LAB_STATE"]).read_text(encoding="utf-8"))["lab"]
    here = ReaderFolder(tmp_path, lab)
    here.ask("reset", "POST")
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


def test_fleet_is_opened_with_the_role(reader: ReaderFolder) -> None:
    done = reader.play("fleet.yml", block_with("# Nobody can log in yet.\n  tasks:\n    - name: Open the fleet").text)
    assert opened(done) == 2
    assert {counted["changed"] for counted in recaps(done).values()} == {0}


def module_alone() -> str:
    """Return the play that opens a fleet with the module and a key of one's own."""
    return block_with("ansible_ssh_private_key_file: ~/.ssh/id_ed25519").text


def role_alone() -> str:
    """Return the play that opens a fleet with the role among its roles."""
    return readme_block_with("# as the amazon.aws.aws_ec2 inventory finds it").text


def test_fleet_is_opened_with_the_module_alone(reader: ReaderFolder) -> None:
    assert opened(reader.play("module.yml", module_alone())) == 2


def test_host_without_an_instance_id_does_not_stop_the_others(reader: ReaderFolder) -> None:
    reader.add_a_host_without_an_id()
    done = reader.play("module.yml", module_alone())
    assert opened(done) == 3
    assert reader.pushes() == 2


def test_only_a_fresh_key_pair_is_pushed_in_each_run(reader: ReaderFolder) -> None:
    own_key = role_alone().replace("tags: always", "vars: {ssh_access_private_key_file: ~/.ssh/id_ed25519} #")
    for name, text in {"module": module_alone(), "again": module_alone(), "own-key": own_key}.items():
        assert opened(reader.play(f"{name}.yml", text)) == 2
    assert reader.pushes() == 2
    for pushes in (4, 6):
        assert opened(reader.play("role.yml", role_alone())) == 2
        assert reader.pushes() == pushes


def private() -> str:
    """Return the play that reaches private instances with the connection."""
    (play,) = yaml.safe_load(readme_block_with("connection: sshkeys.aws.ec2_instance_connect").text)
    # Behind the endpoint of the lab every sshd is where it is on AWS.
    play["vars"]["ansible_port"] = 22
    play["gather_facts"] = False
    return yaml.safe_dump([play], sort_keys=False)


def test_delegated_task_stays_on_the_controller_with_the_connection(reader: ReaderFolder) -> None:
    (play,) = yaml.safe_load(private())
    play["tasks"].append({"name": "Work here", "ansible.builtin.ping": None, "delegate_to": "localhost"})
    done = reader.play("private.yml", yaml.safe_dump([play], sort_keys=False))
    assert opened(done) == 2
    assert done.stdout.count("-> localhost]") == 2


LOG_IN = {"name": "Log in", "ansible.builtin.ping": None, "tags": "deploy"}


def logging_in(text: str, **keywords: Any) -> str:
    """Return a play that goes on with a tagged task, which logs in: that of an example, or one with its tasks."""
    example = yaml.safe_load(text)
    play = example[0] if "hosts" in example[0] else {"name": "Try it", "hosts": "aws_ec2", "tasks": example}
    return yaml.safe_dump(
        [{**play, "gather_facts": False, **keywords, "tasks": [*play["tasks"], LOG_IN]}], sort_keys=False
    )


def imported() -> str:
    return block_with("# Nobody can log in yet.\n  tasks:\n    - name: Open the fleet").text


def included() -> str:
    return block_with("- name: Open the instance\n  ansible.builtin.include_role").text


def task_that_pushes() -> str:
    """Return the task of the role that the page about trouble tells its readers to look for."""
    return block_with("TASK [sshkeys.aws.ssh_access : Push the key", "none").text.strip()


@pytest.mark.parametrize("example", [role_alone, imported, included])
def test_role_opens_the_fleet_with_tags(reader: ReaderFolder, example: Callable[[], str]) -> None:
    done = reader.play("tags.yml", logging_in(example()), "--tags", "deploy")
    assert opened(done) == 2
    assert task_that_pushes() in done.stdout


@dataclass(frozen=True)
class NoPush:
    """A case of the page about trouble in which no key is pushed: a play, its options, and what is then printed."""

    play: Callable[[], str]
    options: tuple[str, ...]
    sign: str


NO_PUSH = {
    "facts before the role": NoPush(lambda: logging_in(role_alone(), gather_facts=True), (), "TASK [Gathering Facts]"),
    "tags": NoPush(
        lambda: logging_in(role_alone().replace("tags: always", "#")),
        ("--tags", "deploy"),
        "TASK [sshkeys.aws.ssh_access : Validating arguments against arg spec",
    ),
    "start at a task": NoPush(lambda: logging_in(role_alone()), ("--start-at-task", "Log in"), "TASK [Log in]"),
    "check mode of the module": NoPush(lambda: logging_in(module_alone()), ("--check", "-v"), '"expires_at": null'),
}


@pytest.mark.parametrize("way", NO_PUSH.values(), ids=NO_PUSH)
def test_nothing_is_pushed_and_ssh_is_refused(reader: ReaderFolder, way: NoPush) -> None:
    done = reader.play("nothing.yml", way.play(), *way.options)
    assert reader.pushes() == 0
    assert "UNREACHABLE!" in done.stdout
    assert block_with("Permission denied (publickey).", "none").text.strip() in done.stdout
    assert task_that_pushes() not in done.stdout
    assert way.sign in done.stdout


@pytest.mark.parametrize("options", [("--check", "--tags", "deploy"), ("--start-at-task", "Log in")], ids=" ".join)
def test_connection_pushes_where_the_role_would_not(reader: ReaderFolder, options: tuple[str, ...]) -> None:
    done = reader.play("private.yml", logging_in(private()), *options)
    assert opened(done) == 2
    assert reader.pushes() > 0


def test_module_pushes_in_check_mode_when_it_is_told_to(reader: ReaderFolder) -> None:
    (play,) = yaml.safe_load(module_alone())
    play["tasks"][0]["check_mode"] = False
    assert opened(reader.play("check.yml", yaml.safe_dump([play], sort_keys=False), "--check")) == 2
    assert reader.pushes() == 2


def test_fleet_goes_on_without_the_instance_that_fails(reader: ReaderFolder) -> None:
    inventory = reader.folder / "lab-inventory.yml"
    stopped = next(each["instance_id"] for each in reader.lab["instances"] if each["state"] == "stopped")
    text = inventory.read_text(encoding="utf-8")
    inventory.write_text(re.sub(r"( +)(i-\w+:)\n", rf"\1\2\n\1{stopped}:\n", text, count=1), encoding="utf-8")
    reader.add_a_host_without_an_id()
    example = yaml.safe_load(block_with("Leave those out").text)
    example.append({"name": "Work with what is left", "ansible.builtin.debug": {"msg": "still here"}})
    play = [{"name": "Try it", "hosts": "aws_ec2", "gather_facts": False, "tasks": example}]
    done = reader.play("some.yml", yaml.safe_dump(play, sort_keys=False))
    recaps(done)
    assert done.stdout.count("still here") == 2
    assert "1 of 3 targets failed" in done.stdout


def test_declared_keys_are_the_only_ones(reader: ReaderFolder) -> None:
    for name in ("keys/partner/alice", "keys/partner/bob", "keys/auditor/carol"):
        reader.make_key(name)
    play = block_with("Make the keys as declared").text
    foreseen = reader.play("transfer.yml", play, "--check", "--diff")
    done = reader.play("transfer.yml", play)
    assert re.search(r"^\+SHA256:\S+ alice$", foreseen.stdout, re.MULTILINE)
    assert recaps(foreseen)["localhost"]["changed"] == recaps(done)["localhost"]["changed"] == 1


def test_keys_of_many_users_come_and_a_disclosed_one_goes(reader: ReaderFolder) -> None:
    disclosed = reader.make_key("disclosed")
    for name in ("partner", "auditor"):
        own = reader.make_key(f"pairs/{name}")
        (reader.folder / "users").mkdir(exist_ok=True)
        (reader.folder / f"users/{name}.pub").write_text(f"# {name}\n\n{own}{disclosed}", encoding="utf-8")
    declare = block_with("Declare every user that has a folder").text
    read = block_with("Show the keys that are older than a year").text
    take = block_with("Take a disclosed key away").text
    comments = "server.users | map(attribute='ssh_public_keys') | flatten | map(attribute='comment') | sort"
    say = f"- ansible.builtin.debug: {{msg: \"{{{{ {comments} | join(' ') }}}}\"}}"
    done = reader.play("many.yml", in_a_play(declare, read, say, take, read, say))
    assert recaps(done)["localhost"]["changed"] == 2
    assert re.findall(r'"msg": "(.+)"', done.stdout) == ["auditor disclosed disclosed partner", "auditor partner"]


def test_old_keys_of_every_user_are_reported(reader: ReaderFolder) -> None:
    done = reader.play("old.yml", block_with("Report keys that are older than a year").text)
    assert recaps(done)["localhost"]["changed"] == 0


def test_the_lab_lets_time_pass_and_throttles(reader: ReaderFolder) -> None:
    tasks = [block_with(mark).text for mark in ("so that every pushed key is gone", "Throttle the next three pushes")]
    assert recaps(reader.play("lab.yml", in_a_play(*tasks)))["localhost"]["ok"] == 2


def test_compose_gives_the_connection_what_it_reads(reader: ReaderFolder) -> None:
    """With hostvars_prefix, also where a template that fails is an error."""
    text = block_with("hostvars_prefix: aws_").text + "strict: true\nregions: [us-east-1]\n"
    inventory = reader.folder / "prefixed.aws_ec2.yml"
    inventory.write_text(text, encoding="utf-8")
    command = ["ansible-inventory", "-i", inventory.name, "--list"]
    environment = {**os.environ, "HOME": str(reader.home)}
    done = subprocess.run(command, cwd=reader.folder, env=environment, capture_output=True, text=True, check=True)
    plain = json.loads(done.stdout, object_hook=lambda found: found.get("__ansible_unsafe", found))
    hosts = plain["_meta"]["hostvars"]
    read = ("instance_id", "placement", "private_ip_address", "vpc_id", "subnet_id")
    assert hosts
    for variables in hosts.values():
        assert variables["public_ip_address"] == variables.get("aws_public_ip_address", "")
        assert [variables[name] for name in read] == [variables[f"aws_{name}"] for name in read]
