# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Examples of the guides and the READMEs do in the lab what these say.

Each start of ansible-playbook costs more than most examples, so one run has several of them. Between two examples, the
lab is brought back to its first state, and the modules forget their pushes.
"""

from __future__ import annotations

import getpass
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import yaml
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.users_csv import read_users_csv, told
from ansible_collections.sshkeys.aws.tests.guides.guides import (
    FOLDER,
    block_with,
    blocks,
    readme_block_with,
    readme_blocks,
)
from ansible_collections.sshkeys.aws.tests.logins import opens_transfer_user
from ansible_collections.sshkeys.aws.tests.playbooks import Controller, Run, TaskResult

# The hosts of the inventory in the guide about the lab.
FLEET = {"i-0a4f3c1d2e5b69871", "i-0b7d9e2f4a6c18352"}


@dataclass(frozen=True)
class Outcome:
    """What an example did: the results of its tasks, what was printed, and the calls that the lab was sent."""

    results: Sequence[TaskResult]
    output: str
    calls: Sequence[Mapping[str, Any]]

    @property
    def pushes(self) -> int:
        """How many keys the lab was sent for instances."""
        return [each["operation"] for each in self.calls].count("SendSSHPublicKey")

    @property
    def changed(self) -> int:
        """How many tasks changed something on a host."""
        return sum(bool(each.result.get("changed")) for each in self.results)

    def hosts(self, task: str, status: str = "ok") -> set[str]:
        """Return the hosts on which a task had this status."""
        return {each.host for each in self.results if (each.task, each.status) == (task, status)}

    def assert_nothing_failed(self) -> None:
        """Fail where a task did, or where there was none."""
        assert self.results, self.output
        assert {each.status for each in self.results} <= {"ok", "skipped"}, self.output


class Reader:
    """Somebody who runs examples of the guides in the lab, with a key pair in ``~/.ssh``."""

    def __init__(self, controller: Controller) -> None:
        """Make the key pair, and the inventory of the guide about the lab."""
        self.controller = controller
        self.folder = controller.folder
        # Where the modules note which keys are live.
        self._pushes = controller.folder / "home" / "cache" / "sshkeys.aws"
        controller.write("lab-inventory.yml", block_with("UserKnownHostsFile={{ lab.known_hosts }}").text)
        controller.make_key("reader")
        folder = self.folder / "home" / ".ssh"
        folder.mkdir(mode=0o700)
        # No private key may be left in the home folder: this one is elsewhere.
        for suffix in ("", ".pub"):
            (folder / f"id_ed25519{suffix}").symlink_to(self.folder / "keys" / f"reader{suffix}")

    def forget(self) -> None:
        """Bring the lab back to its first state, and let the modules forget their pushes."""
        self.controller.lab.control("POST", "reset")
        shutil.rmtree(self._pushes, ignore_errors=True)

    def run(self, examples: Mapping[str, str], *options: str, keeping: Collection[str] = ()) -> dict[str, Outcome]:
        """Run examples in one run of ansible-playbook, one after the other. Returns what each of them did.

        keeping: the examples whose pushes count for those after them.
        """
        self.forget()
        return self.go_on(examples, *options, keeping=keeping)

    def go_on(self, examples: Mapping[str, str], *options: str, keeping: Collection[str] = ()) -> dict[str, Outcome]:
        """Run examples in the lab as it is."""
        *others, last = examples
        playbooks = []
        for name, text in examples.items():
            file = name.replace(" ", "-")
            playbooks.append(str(self.controller.write(f"{file}.yml", self.in_the_lab(text))))
            if name != last:
                after = self._after(name, file, keep=name in keeping)
                playbooks.append(str(self.controller.write(f"after-{file}.yml", [after])))
        done = self.controller.run(
            playbooks[0],
            *playbooks[1:],
            *("-e", f"@{self.controller.lab.environment['LAB_STATE']}"),
            *options,
            inventory="lab-inventory.yml",
            # No connection is kept open: nothing may stay when the test ends.
            environment={"ANSIBLE_SSH_ARGS": "-o ControlMaster=no", "ANSIBLE_PIPELINING": "true"},
        )
        outcomes = {}
        results, output = list(done.results), done.output
        for name in others:
            ends = [number for number, each in enumerate(results) if each.task == f"Note the calls of {name}"]
            assert len(ends) == 1, done.output
            own, _line, output = output.partition(f"PLAY [After {name}]")
            journal = self.folder / f"{name.replace(' ', '-')}-calls.json"
            outcomes[name] = Outcome(results[: ends[0]], own, json.loads(journal.read_text("utf-8"))["requests"])
            results = results[ends[0] + 1 :]
        # No play comes after one that has reached no host at all.
        outcomes[last] = Outcome(results, output, self.controller.lab.requests())
        self.controller.lab.control("DELETE", "requests")
        return outcomes

    def in_the_lab(self, text: str) -> str:
        """Return an example with what the guides call by other names in the lab."""
        replacements = {
            "s-01234567890abcdef": self.controller.lab.server_id,
            "ec2-user": getpass.getuser(),
            "former-partner": "archive",
            # Facts need a name server, and wait long for one that does not answer. A ping logs in just as well.
            "ansible.builtin.setup": "ansible.builtin.ping",
        }
        for theirs, ours in replacements.items():
            text = text.replace(theirs, ours)
        return text

    def _after(self, name: str, file: str, *, keep: bool) -> dict[str, Any]:
        """Return the play after an example, which notes the calls. Unless its pushes are to be kept, it undoes all."""
        # Not with modules: each of them would cost more than curl.
        ask = "printf 'X-Lab-Key: %s' \"$AWS_ACCESS_KEY_ID\" | curl --silent --fail --show-error --header @-"
        commands = [
            "set -e",
            f'{ask} "$AWS_URL/lab/requests" > {self.folder}/{file}-calls.json',
            f'{ask} --request DELETE "$AWS_URL/lab/requests"',
        ]
        if not keep:
            commands += [f'{ask} --request POST "$AWS_URL/lab/reset"', f"rm -r -f {self._pushes}"]
        script = self.controller.write(f"after-{file}.sh", "\n".join(commands) + "\n")
        return {
            "name": f"After {name}",
            "hosts": "localhost",
            "gather_facts": False,
            "tags": "always",
            "tasks": [
                {
                    "name": f"Note the calls of {name}",
                    "ansible.builtin.debug": {"msg": f"{{{{ lookup('ansible.builtin.pipe', 'sh {script}') }}}}"},
                }
            ],
        }


@pytest.fixture(scope="module")
def reader(module_controller: Controller) -> Reader:
    return Reader(module_controller)


# -- The examples --------------------------------------------------------------------------------------------------


def play_of(tasks: Sequence[Mapping[str, Any]], hosts: str = "localhost") -> str:
    """Return tasks as a play."""
    return yaml.safe_dump(
        [{"name": "Try it", "hosts": hosts, "gather_facts": False, "tasks": list(tasks)}], sort_keys=False
    )


def module_alone() -> str:
    """Return the play that opens a fleet with the module and a key of one's own."""
    return block_with("ansible_ssh_private_key_file: ~/.ssh/id_ed25519").text


def role_alone() -> str:
    """Return the play that opens a fleet with the role among its roles."""
    return readme_block_with("# as the amazon.aws.aws_ec2 inventory finds it").text


def role_with_own_key() -> str:
    return role_alone().replace("tags: always", "vars: {ssh_access_private_key_file: ~/.ssh/id_ed25519} #")


def imported() -> str:
    return block_with("# Nobody can log in yet.\n  tasks:\n    - name: Open the fleet").text


def included() -> str:
    return block_with("- name: Open the instance\n  ansible.builtin.include_role").text


def private() -> str:
    """Return the play that reaches private instances with the connection."""
    (play,) = yaml.safe_load(readme_block_with("connection: sshkeys.aws.ec2_instance_connect").text)
    # Behind the endpoint of the lab every sshd is where it is on AWS.
    play["vars"]["ansible_port"] = 22
    play["gather_facts"] = False
    return yaml.safe_dump([play], sort_keys=False)


def delegating(text: str) -> str:
    """Return a play that goes on with a task on the controller."""
    (play,) = yaml.safe_load(text)
    play["tasks"].append({"name": "Work here", "ansible.builtin.ping": None, "delegate_to": "localhost"})
    return yaml.safe_dump([play], sort_keys=False)


LOG_IN = {"name": "Log in", "ansible.builtin.ping": None, "tags": "deploy"}


def logging_in(text: str, **keywords: Any) -> str:
    """Return a play that goes on with a tagged task, which logs in: that of an example, or one with its tasks."""
    example = yaml.safe_load(text)
    play = example[0] if "hosts" in example[0] else {"name": "Try it", "hosts": "aws_ec2", "tasks": example}
    return yaml.safe_dump(
        [{**play, "gather_facts": False, **keywords, "tasks": [*play["tasks"], LOG_IN]}], sort_keys=False
    )


def with_instance(name: str, text: str) -> str:
    """Return a playbook that adds an instance to the wider fleet first. It stays for the rest of the run."""
    add = {"ansible.builtin.add_host": {"name": name, "groups": "instances"}}
    return play_of([{"name": "Add an instance to the fleet", **add}]) + text


def wider_inventory() -> dict[str, Any]:
    """Return the inventory of the guide about the lab with one more host, the controller, which has no instance id."""
    inventory: dict[str, Any] = yaml.safe_load(block_with("UserKnownHostsFile={{ lab.known_hosts }}").text)
    groups = inventory["all"]["children"]
    here = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    groups["aws_ec2"] = {"children": {"instances": groups["aws_ec2"]}, "hosts": {"by-hand": here}}
    return inventory


def task_that_pushes() -> str:
    """Return the task of the role that the page about trouble tells its readers to look for."""
    return block_with("TASK [sshkeys.aws.ssh_access : Push the key", "none").text.strip()


NOW_OPEN = "Gather facts, now that ssh accepts the key"

# -- Opening a fleet -----------------------------------------------------------------------------------------------


def ways() -> dict[str, str]:
    """Return the ways to open the fleet, so that what one of them pushes serves the next one, if it may.

    The module comes first: the role tells ssh which key to take for the rest of the run.
    """
    return {"module": module_alone(), "own key": role_with_own_key(), "role": role_alone()}


@pytest.fixture(scope="module")
def fleet(reader: Reader) -> dict[str, Outcome]:
    """Return what the examples do that open a fleet."""
    others = {
        "import": imported(),
        "connection": delegating(private()),
        "readme": private(),
        "facts before the role": logging_in(role_alone(), gather_facts=True),
    }
    return reader.run({**ways(), **others}, keeping=("module", "own key"))


def stopped_instance(reader: Reader) -> str:
    instances = reader.controller.lab.lab["instances"]
    return next(str(each["instance_id"]) for each in instances if each["state"] == "stopped")


def leaving_out() -> str:
    """Return a play with the example that leaves the instances out that cannot be opened."""
    tasks = yaml.safe_load(block_with("Leave those out").text)
    return play_of([*tasks, {"name": "Work with what is left", "ansible.builtin.debug": {"msg": "here"}}], "aws_ec2")


def test_fleet_is_opened_with_the_role(fleet: Mapping[str, Outcome]) -> None:
    done = fleet["import"]
    done.assert_nothing_failed()
    assert done.hosts(NOW_OPEN) == FLEET
    assert done.changed == 0


def test_role_pushes_in_one_call_for_all_hosts(fleet: Mapping[str, Outcome]) -> None:
    calling = [each for each in fleet["import"].results if "Push the key" in each.task]
    assert len(calling) == 1
    assert fleet["import"].pushes == 2


def test_role_tells_ssh_what_the_guide_says(fleet: Mapping[str, Outcome]) -> None:
    guide = (FOLDER / "guide_fleet.rst").read_text(encoding="utf-8")
    assert "``IdentitiesOnly=yes``" in guide
    assert "``HostKeyAlias=<instance id>``" in guide
    told = {
        each.host: each.result["ansible_facts"]["ansible_ssh_common_args"]
        for each in fleet["import"].results
        if "ansible_ssh_common_args" in each.result.get("ansible_facts", {})
    }
    assert set(told) == FLEET
    for host, arguments in told.items():
        assert arguments.endswith(f"-o IdentitiesOnly=yes -o HostKeyAlias={host}")


def test_fleet_is_opened_with_the_module_alone(fleet: Mapping[str, Outcome]) -> None:
    done = fleet["module"]
    done.assert_nothing_failed()
    assert done.hosts(NOW_OPEN) == FLEET


def test_delegated_task_stays_on_the_controller_with_the_connection(fleet: Mapping[str, Outcome]) -> None:
    done = fleet["connection"]
    done.assert_nothing_failed()
    assert done.hosts("Say who answers") == done.hosts("Work here") == FLEET
    assert done.output.count("-> localhost]") == 2


def test_the_readme_shows_what_is_printed(fleet: Mapping[str, Outcome]) -> None:
    """Apart from the names of the hosts, which answer in any order, and from blanks."""
    (shown,) = [block.text for block in readme_blocks("text") if "PLAY RECAP" in block.text]
    _before, _play, printed = fleet["readme"].output.rpartition("PLAY [Work on the private fleet]")
    for name, host in zip(("web-1", "web-2"), sorted(FLEET), strict=True):
        shown = shown.replace(name, host)
    lines = {" ".join(line.split()) for line in f"{_play}{printed}".splitlines()}
    recap = {line for line in shown.splitlines() if " : " in line}
    assert {" ".join(line.split()) for line in shown.splitlines() if line not in recap} <= lines
    # The recap is that of the whole run.
    assert all(" ok=1 " in line and " unreachable=0 failed=0 " in " ".join(line.split()) for line in recap)


def test_only_a_fresh_key_pair_is_pushed_again(fleet: Mapping[str, Outcome]) -> None:
    for name in ways():
        fleet[name].assert_nothing_failed()
        assert fleet[name].hosts(NOW_OPEN) == FLEET
    assert [fleet[name].pushes for name in ways()] == [2, 0, 2]


@pytest.mark.exhaustive
def test_only_a_fresh_key_pair_is_pushed_in_the_next_run(reader: Reader) -> None:
    reader.run(ways(), keeping=ways())
    again = reader.go_on(ways(), keeping=ways())
    for done in again.values():
        done.assert_nothing_failed()
        assert done.hosts(NOW_OPEN) == FLEET
    assert [again[name].pushes for name in ways()] == [0, 0, 2]


def test_host_without_an_instance_id_does_not_stop_the_others(users: Mapping[str, Outcome]) -> None:
    done = users["host without an id"]
    done.assert_nothing_failed()
    assert done.hosts(NOW_OPEN) == FLEET | {"by-hand"}
    assert done.pushes == 2


def test_fleet_goes_on_without_the_instance_that_fails(users: Mapping[str, Outcome]) -> None:
    done = users["stopped instance"]
    assert done.hosts("Work with what is left") == FLEET
    assert "1 of 3 targets failed" in done.output


# -- With tags -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tagged(reader: Reader) -> dict[str, Outcome]:
    """Return what the examples do with ``--tags deploy``."""
    examples = {name: logging_in(example()) for name, example in ROLE_WITH_TAGS.items()}
    without = logging_in(role_alone().replace("tags: always", "#"))
    return reader.run({**examples, "role without tags": without}, "--tags", "deploy")


ROLE_WITH_TAGS: dict[str, Callable[[], str]] = {"roles": role_alone, "import": imported, "include": included}


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ROLE_WITH_TAGS)
def test_role_opens_the_fleet_with_tags(tagged: Mapping[str, Outcome], name: str) -> None:
    tagged[name].assert_nothing_failed()
    assert tagged[name].hosts("Log in") == FLEET
    assert task_that_pushes() in tagged[name].output


# -- Where nothing is pushed ---------------------------------------------------------------------------------------


def assert_refused(done: Outcome, sign: str) -> None:
    """Fail unless ssh was refused without a push, and this was printed that the page about trouble names."""
    assert done.pushes == 0
    assert {each.host for each in done.results if each.status == "unreachable"} == FLEET
    assert "UNREACHABLE!" in done.output
    assert block_with("Permission denied (publickey).", "none").text.strip() in done.output
    assert task_that_pushes() not in done.output
    assert block_with(sign, "none").text.strip() in done.output


@pytest.mark.exhaustive
def test_without_tags_the_role_is_skipped_and_ssh_is_refused(tagged: Mapping[str, Outcome]) -> None:
    assert_refused(tagged["role without tags"], "TASK [sshkeys.aws.ssh_access : Validating arguments against arg spec")


def test_facts_before_the_role_are_refused(fleet: Mapping[str, Outcome]) -> None:
    assert_refused(fleet["facts before the role"], "TASK [Gathering Facts]")


@pytest.mark.exhaustive
def test_start_at_a_task_skips_the_push_and_ssh_is_refused(reader: Reader) -> None:
    done = reader.run({"start": logging_in(role_alone())}, "--start-at-task", "Log in")["start"]
    assert "TASK [Log in]" in done.output
    assert_refused(done, "Permission denied (publickey).")


@pytest.mark.exhaustive
def test_module_in_check_mode_pushes_nothing_and_ssh_is_refused(checked: Mapping[str, Outcome]) -> None:
    assert_refused(checked["module"], '"expires_at": null')


@pytest.mark.exhaustive
def test_module_pushes_in_check_mode_when_it_is_told_to(checked: Mapping[str, Outcome]) -> None:
    done = checked["module that pushes"]
    done.assert_nothing_failed()
    assert done.hosts(NOW_OPEN) == FLEET
    assert done.pushes == 2


@pytest.mark.exhaustive
def test_connection_pushes_in_check_mode_and_with_tags(reader: Reader) -> None:
    done = reader.run({"private": logging_in(private())}, "--check", "--tags", "deploy")["private"]
    done.assert_nothing_failed()
    assert done.hosts("Log in") == FLEET
    assert done.pushes > 0


@pytest.mark.exhaustive
def test_connection_pushes_where_a_play_starts_at_a_task(reader: Reader) -> None:
    done = reader.run({"private": logging_in(private())}, "--start-at-task", "Log in")["private"]
    done.assert_nothing_failed()
    assert done.hosts("Log in") == FLEET
    assert done.pushes > 0


@pytest.fixture(scope="module")
def checked(reader: Reader) -> dict[str, Outcome]:
    """Return what examples do with ``--check``."""
    make_keys_to_declare(reader)
    (told_to,) = yaml.safe_load(module_alone())
    told_to["tasks"][0]["check_mode"] = False
    examples = {
        "declared keys": block_with("Make the keys as declared").text,
        "module that pushes": yaml.safe_dump([told_to], sort_keys=False),
        "module": logging_in(module_alone()),
    }
    return reader.run(examples, "--check", "--diff", "-v")


# -- Transfer users ------------------------------------------------------------------------------------------------


def make_keys_to_declare(reader: Reader) -> None:
    """Make the files with public keys that the example of a declaration names."""
    for user, name in (("partner", "alice"), ("partner", "bob"), ("auditor", "carol")):
        if not (reader.folder / "keys" / name).exists():
            reader.controller.write(f"keys/{user}/{name}.pub", reader.controller.make_key(name))


@pytest.fixture(scope="module")
def users(reader: Reader) -> dict[str, Outcome]:
    """Return what the examples do that are for Transfer users, and then those with more hosts in the fleet."""
    make_keys_to_declare(reader)
    disclosed = reader.controller.make_key("disclosed")
    reader.controller.write("disclosed.pub", disclosed)
    for name in ("partner", "auditor"):
        own = reader.controller.make_key(name + "-own")
        reader.controller.write(f"users/{name}.pub", f"# {name}\n\n{own}\n{disclosed}\n")
    declare = yaml.safe_load(block_with("Declare every user that has a file or a folder").text)
    read = yaml.safe_load(block_with("Show the keys that are older than a year").text)
    take = yaml.safe_load(block_with("Take a disclosed key away").text)
    comments = "server.users | map(attribute='ssh_public_keys') | flatten | map(attribute='comment') | sort"
    say = [{"name": "Say who is in", "ansible.builtin.debug": {"msg": f"{{{{ {comments} | join(' ') }}}}"}}]
    door = reader.controller.lab.lab["transfer"]["users"][0]
    trust = block_with("Trust the host keys that AWS states").text.replace(
        '"{{ transfer.servers[0].endpoint }}"', f'"-p", "{door["port"]}", "{door["host"]}"'
    )
    marks = ("so that every pushed key is gone", "Throttle the next three pushes")
    examples = {
        "declared keys": block_with("Make the keys as declared").text,
        "many users": play_of([*declare, *read, *say, *take, *read, *say]),
        "old keys": block_with("Report keys that are older than a year").text,
        "host keys": play_of(yaml.safe_load(trust)),
        "lab": play_of([task for mark in marks for task in yaml.safe_load(block_with(mark).text)]),
        "host without an id": module_alone(),
        "stopped instance": with_instance(stopped_instance(reader), leaving_out()),
    }
    reader.controller.write("lab-inventory.yml", wider_inventory())
    try:
        return reader.run(examples)
    finally:
        reader.controller.write("lab-inventory.yml", block_with("UserKnownHostsFile={{ lab.known_hosts }}").text)


def test_declared_keys_are_made_so(users: Mapping[str, Outcome]) -> None:
    done = users["declared keys"]
    done.assert_nothing_failed()
    assert done.changed == 1
    assert [each["operation"] for each in done.calls].count("ImportSshPublicKey") == 3


@pytest.mark.exhaustive
def test_declared_keys_are_shown_in_check_mode(checked: Mapping[str, Outcome]) -> None:
    done = checked["declared keys"]
    done.assert_nothing_failed()
    assert done.changed == 1
    assert re.search(r"^\+SHA256:\S+ alice@laptop$", done.output, re.MULTILINE)


def test_keys_of_many_users_come_and_a_disclosed_one_goes(users: Mapping[str, Outcome]) -> None:
    done = users["many users"]
    done.assert_nothing_failed()
    said = [each.result["msg"].replace("@laptop", "") for each in done.results if each.task == "Say who is in"]
    assert said == ["auditor-own disclosed disclosed partner-own", "auditor-own partner-own"]
    assert done.changed == 2


def test_old_keys_of_every_user_are_reported(users: Mapping[str, Outcome]) -> None:
    users["old keys"].assert_nothing_failed()
    assert users["old keys"].changed == 0


def test_host_keys_of_a_server_are_trusted(reader: Reader, users: Mapping[str, Outcome]) -> None:
    done = users["host keys"]
    done.assert_nothing_failed()
    assert [each["operation"] for each in done.calls] == ["DescribeServer", "ListHostKeys"]
    known = (reader.folder / "home/.ssh/known_hosts").read_text("utf-8")
    assert len(known.splitlines()) == 3
    assert re.search(r"^\[127\.0\.0\.1\]:\d+ ssh-ed25519 AAAA", known, re.MULTILINE)


def test_the_lab_lets_time_pass_and_throttles(users: Mapping[str, Outcome]) -> None:
    users["lab"].assert_nothing_failed()
    assert len(users["lab"].results) == 2


# -- Making Transfer users -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table(reader: Reader) -> Sequence[Run]:
    """Return what the playbook does with the table of the guide: in check mode, then for real, and once more.

    The lab has users of the same names, which go first.
    """
    reader.forget()
    make_keys_to_declare(reader)
    for user_name in ("partner", "auditor"):
        reader.controller.lab.control("DELETE", f"transfer/users/{user_name}")
    for user_name, name in (("partner", "alice"), ("partner", "bob"), ("auditor", "carol")):
        shutil.copy(reader.folder / f"keys/{user_name}/{name}.pub", reader.folder / f"keys/{name}.pub")
    reader.controller.write("users.csv", block_with("user_name,home_directory_mappings,", "none").text)
    variables = yaml.safe_load(reader.in_the_lab(block_with("transfer_users_csv: users.csv").text))
    playbook = "sshkeys.aws.transfer_users"
    return [
        reader.controller.run(playbook, *options, inventory="lab-inventory.yml", variables=variables)
        for options in (["--check", "--diff"], [], [])
    ]


def test_the_diff_of_the_guide_is_what_is_shown_before_the_first_run(table: Sequence[Run], reader: Reader) -> None:
    checked = table[0]
    checked.assert_succeeded()
    shown = reader.in_the_lab(block_with("+home_directory_mappings: / ->", "diff").text)
    # The keys of the test are others.
    lines = [line for line in shown.splitlines() if "SHA256:" not in line]
    assert "\n".join(lines) in checked.output
    assert checked.output.count("+public_keys: SHA256:") == 3


def test_the_first_run_says_what_the_guide_says_and_the_second_changes_nothing(table: Sequence[Run]) -> None:
    _checked, first, second = table
    (quoted,) = [block.text.strip() for block in blocks("text") if "2 users created" in block.text]
    assert first.of("Sum up")["msg"][0] == quoted
    assert second.of("Sum up")["msg"] == ["2 users of 1 server declared: nothing to change."]


def test_a_user_of_the_table_logs_in(table: Sequence[Run], reader: Reader) -> None:
    assert table
    (partner,) = [each for each in reader.controller.lab.lab["transfer"]["users"] if each["user_name"] == "partner"]
    assert opens_transfer_user(reader.controller.lab, partner, reader.folder / "keys" / "alice")
    assert not opens_transfer_user(reader.controller.lab, partner, reader.folder / "keys" / "carol")


def test_the_fault_of_the_guide_is_told_so() -> None:
    (quoted,) = [block.text.strip() for block in blocks("none") if "column role_arn" in block.text]
    text = "user_name,role_arn\npartner,\nauditor,admin\n"
    assert told(read_users_csv(text, "users.csv").faults) == [quoted]


@pytest.fixture(scope="module")
def whole_users(reader: Reader) -> dict[str, Outcome]:
    """Return what the examples do that make users, take them over and delete one."""
    make_keys_to_declare(reader)
    for user_name, name in (("partner", "alice"), ("partner", "bob"), ("auditor", "carol")):
        shutil.copy(reader.folder / f"keys/{user_name}/{name}.pub", reader.folder / f"keys/{name}.pub")
    (in_a_play,) = [each for each in blocks("yaml") if "- name: Make the users of the server\n" in each.text]
    (deletion,) = [each for each in blocks("yaml") if "keep its files" in each.text]
    examples = {
        "users": play_of(yaml.safe_load(in_a_play.text)),
        "take over": play_of(yaml.safe_load(block_with("Write them down").text)),
        "deleted user": play_of(yaml.safe_load(deletion.text)),
        "users by the role": block_with("Make the users and their keys as declared").text,
    }
    return reader.run(examples, keeping=("users",))


def test_users_are_made_by_a_task_and_by_the_role(whole_users: Mapping[str, Outcome]) -> None:
    for name in ("users", "users by the role"):
        whole_users[name].assert_nothing_failed()
        assert whole_users[name].changed == 1
    operations = [call["operation"] for call in whole_users["users by the role"].calls]
    assert operations.count("CreateUser") == 1


def test_taking_over_changes_nothing(whole_users: Mapping[str, Outcome]) -> None:
    done = whole_users["take over"]
    done.assert_nothing_failed()
    # The file that is written.
    assert done.hosts("Write them down") == {"localhost"}
    assert done.changed == 1
    assert {call["operation"] for call in done.calls} == {"ListUsers", "DescribeUser"}


def test_a_user_is_deleted(whole_users: Mapping[str, Outcome]) -> None:
    done = whole_users["deleted user"]
    done.assert_nothing_failed()
    assert [call["operation"] for call in done.calls] == ["DescribeUser", "DeleteUser"]


# -- The cookbook --------------------------------------------------------------------------------------------------

ROLE_ARN = "arn:aws:iam::123456789012:role/ssh-access"
# Of a FIDO security key.
SECURITY_KEY = (
    "sk-ssh-ed25519@openssh.com "
    "AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAAAABHNzaDo="
)
PASSWORD = "a password of a vault"


@contextmanager
def published(pages: Mapping[str, str]) -> Iterator[str]:
    """Serve pages over HTTP, by their paths. Yields the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path, "").encode()
            self.send_response(200 if page else 404)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_arguments: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def in_other_account() -> str:
    """Return the play that connects as a role."""
    (play,) = yaml.safe_load(block_with("- name: Work in the other account\n").text)
    play["vars"]["ansible_port"] = 22
    return yaml.safe_dump([play], sort_keys=False)


@pytest.fixture(scope="module")
def cookbook(reader: Reader) -> dict[str, Outcome]:
    """Return what the recipes do."""
    make_keys_to_declare(reader)
    keys = {name: reader.controller.make_key(name) for name in ("frank", "grace", "heidi")}
    password = reader.controller.write("password", PASSWORD)
    vault = reader.controller.write("keys.yml", yaml.safe_dump({"partner_public_keys": [keys["heidi"]]}))
    encrypt = ["ansible-vault", "encrypt", "--vault-password-file", str(password), str(vault)]
    subprocess.run(encrypt, cwd=reader.folder, check=True, capture_output=True)
    pages = {"/alice.keys": f"{keys['frank']}\n{SECURITY_KEY}\n", "/bob.keys": f"{keys['grace']}\n"}
    accounts = yaml.safe_load(block_with("https://github.com/alice.keys\n").text)
    with published(pages) as address:
        examples = {
            "role for the connection": in_other_account(),
            "role for a module": play_of(yaml.safe_load(block_with("of a server in the other account").text)),
            "role for the role": block_with("Work in the other account, with the role").text,
            "accounts": re.sub(r"https://git(hub|lab)\.com", address, play_of(accounts)),
            "folder": block_with("public_key_folder: keys/partner\n").text,
            "vault": block_with("Declare keys from a vault").text,
        }
        return reader.run(examples, "--vault-password-file", str(password))


@pytest.mark.parametrize("name", ["role for the connection", "role for a module", "role for the role"])
def test_a_role_is_assumed_by_the_same_option_everywhere(cookbook: Mapping[str, Outcome], name: str) -> None:
    done = cookbook[name]
    done.assert_nothing_failed()
    first, *others = [call for call in done.calls if call["operation"] != "DescribeInstances"]
    assert (first["operation"], first["parameters"]["RoleArn"]) == ("AssumeRole", ROLE_ARN)
    assert others
    assert first["access_key"] not in {call["access_key"] for call in others}


def imported_by(done: Outcome) -> list[str]:
    """Return the comments of the keys that an example has imported."""
    imports = [call["parameters"] for call in done.calls if call["operation"] == "ImportSshPublicKey"]
    return sorted(each["SshPublicKeyBody"].split()[-1].removesuffix("@laptop") for each in imports)


@pytest.mark.parametrize(
    ("name", "people"), [("accounts", ["frank", "grace"]), ("folder", ["alice", "bob"]), ("vault", ["heidi"])]
)
def test_keys_come_from_accounts_folders_and_vaults(
    cookbook: Mapping[str, Outcome], name: str, people: list[str]
) -> None:
    cookbook[name].assert_nothing_failed()
    assert imported_by(cookbook[name]) == people


def test_a_key_that_the_service_does_not_take_is_left_out_with_a_warning(cookbook: Mapping[str, Outcome]) -> None:
    assert "sk-ssh-ed25519@openssh.com, so this key is skipped" in " ".join(cookbook["accounts"].output.split())


# -- The inventory -------------------------------------------------------------------------------------------------


def test_compose_gives_the_connection_what_it_reads(reader: Reader) -> None:
    """With hostvars_prefix, also where a template that fails is an error."""
    reader.controller.lab.control("POST", "reset")
    text = block_with("hostvars_prefix: aws_").text + "strict: true\nregions: [us-east-1]\n"
    inventory = reader.controller.write("prefixed.aws_ec2.yml", text)
    command = ["ansible-inventory", "-i", str(inventory), "--list"]
    done = subprocess.run(command, cwd=reader.folder, capture_output=True, text=True, check=True)
    plain = json.loads(done.stdout, object_hook=lambda found: found.get("__ansible_unsafe", found))
    hosts = plain["_meta"]["hostvars"]
    read = ("instance_id", "placement", "private_ip_address", "vpc_id", "subnet_id")
    assert hosts
    for variables in hosts.values():
        assert variables["public_ip_address"] == variables.get("aws_public_ip_address", "")
        assert [variables[name] for name in read] == [variables[f"aws_{name}"] for name in read]
