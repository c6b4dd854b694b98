# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""At its loudest, nothing that Ansible shows, logs, leaves behind or tells a program that it starts holds a secret."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.tests.playbooks import Controller, Run
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab
from ansible_collections.sshkeys.aws.tests.secrets_left import files_with_secrets, lines_with_secrets

PLAYBOOK = Path(__file__).parent / "secrets/loud.yml"
TOKEN = "labtoken0123456789abcdef"
# strace sees each program that is started, however short its life. seccomp keeps it from slowing down all else.
STRACE = ["strace", "-f", "--seccomp-bpf", "-qqq", "-v", "-s100000", "-etrace=execve", "-esignal=none", "-o"]
# A string as C and strace write it.
_STRING = r'"(?:[^"\\]|\\.)*"'
_STRINGS = rf"\[((?:{_STRING}(?:, )?)*)\]"
_STARTED = re.compile(rf"execve\({_STRING}, {_STRINGS}, {_STRINGS}")


@dataclass(frozen=True)
class Program:
    """A program that was started."""

    arguments: list[str]
    environment: list[str]


@dataclass(frozen=True)
class Loud:
    """The run, what it has left, and the programs that were started, None where nobody could see."""

    lab: RunningLab
    run: Run
    home: Path
    programs: list[Program] | None


@pytest.fixture(scope="module")
def loud(module_controller: Controller) -> Loud:
    """Run it, with a secret key in variables and a session token in the environment too."""
    folder, lab = module_controller.folder, module_controller.lab
    trace = folder / "trace"
    can_trace = shutil.which("strace") and not subprocess.run([*STRACE, trace, "true"], check=False).returncode
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        run = module_controller.start(
            PLAYBOOK,
            "-vvvvv",
            "--diff",
            inventory=inventory(lab),
            variables={
                "ansible_inject_invocation": True,
                "lab": {name: lab.lab[name] for name in ("endpoint_url", "region", "instances", "transfer")},
                "access_key": lab.lab["access_key"],
                "secret_key": lab.lab["secret_key"],
                "session_token": TOKEN,
                "instance_ids": lab.instance_ids[:3],
                "public_key": module_controller.make_key("alice"),
            },
            environment={
                "ANSIBLE_LOG_PATH": str(folder / "home/ansible.log"),
                # strace ends when all programs have, and the last connection is one of them.
                "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=2s",
                # Up to 2.18 -vvvvv says that to ssh too.
                "ANSIBLE_SSH_VERBOSITY": "3",
                "ANSIBLE_HOST_KEY_CHECKING": "true",
                "AWS_SESSION_TOKEN": TOKEN,
            },
            through=[*STRACE, str(trace)] if can_trace else (),
        ).finish(may_print_secrets=True)
    return Loud(lab, run, folder / "home", programs_in(trace.read_text(encoding="utf-8")) if can_trace else None)


def inventory(lab: RunningLab) -> dict[str, Any]:
    """Return an inventory of one instance, directly and through a tunnel, each with a user who is refused too."""
    instance = lab.lab["instances"][0]
    tunnelled = {
        "instance_id": instance["instance_id"],
        "private_ip_address": instance["private_ip_address"],
        "placement": {"availability_zone": instance["availability_zone"], "region": lab.lab["region"]},
        "ansible_user": instance["os_user"],
    }
    direct = {**tunnelled, "public_ip_address": instance["host"], "ansible_port": instance["port"]}
    refused = {"ansible_user": "nobody-at-all"}
    variables = {
        "ansible_connection": "sshkeys.aws.ec2_instance_connect",
        "ansible_ssh_common_args": "-F none",
        "ansible_ec2_instance_connect_endpoint_url": lab.lab["endpoint_url"],
        "ansible_ec2_instance_connect_access_key": "{{ access_key }}",
        "ansible_ec2_instance_connect_secret_key": "{{ secret_key }}",
        "ansible_ec2_instance_connect_session_token": "{{ session_token }}",
    }
    hosts = {
        "direct": direct,
        "tunnelled": tunnelled,
        "direct-refused": {**direct, **refused},
        "tunnelled-refused": {**tunnelled, **refused},
    }
    return {
        "all": {
            "hosts": {"localhost": {"ansible_connection": "local"}},
            "children": {"instances": {"hosts": hosts, "vars": variables}},
        }
    }


def programs_in(trace: str) -> list[Program]:
    """Return the programs that strace has seen."""
    lists = [[re.findall(_STRING, strings) for strings in found.groups()] for found in _STARTED.finditer(trace)]
    assert len(lists) == trace.count("execve(")
    return [Program(*([string[1:-1] for string in strings] for strings in both)) for both in lists]


# -- What is shown and left -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "fails_in_check_mode", "fails"),
    [
        ("Push", False, False),
        ("Push to a fleet", False, False),
        # In check mode nobody knows that an instance does not exist, and a user may be made by an earlier task.
        ("Push to nothing", False, True),
        ("Push to a console", False, False),
        ("Declare a key", False, False),
        ("Declare a key of nobody", False, True),
        ("Declare no key at all", True, True),
        ("Read", False, False),
    ],
)
def test_each_module_did_what_it_was_told(loud: Loud, task: str, *, fails_in_check_mode: bool, fails: bool) -> None:
    statuses = ["ignored" if failure else "ok" for failure in (fails_in_check_mode, fails, fails)]
    assert [each.status for each in loud.run.all_of(task)] == statuses


@pytest.mark.parametrize("way", ["direct", "tunnelled"])
def test_each_way_leads_to_the_instance_or_is_refused(loud: Loud, way: str) -> None:
    (reached,) = loud.run.all_of("Ping", way)
    assert reached.status == "ok", reached.result
    (refused,) = loud.run.all_of("Ping", f"{way}-refused")
    assert refused.status == "unreachable"


def test_no_secret_is_shown(loud: Loud) -> None:
    # What ssh says, what Ansible starts, and how modules are called.
    for loudness in ("debug1: ", "EXEC ", '"secret_key": "'):
        assert loudness in loud.run.output
    assert lines_with_secrets(loud.run.output.encode()) == [], loud.run.output
    assert lines_with_secrets(str(loud.run.results).encode()) == []


def test_no_secret_is_logged_or_left(loud: Loud) -> None:
    assert "debug1: " in (loud.home / "ansible.log").read_text(encoding="utf-8")
    assert files_with_secrets(loud.home, loud.lab.homes_of_instances) == []


def test_the_secrets_of_the_run_would_be_found(loud: Loud) -> None:
    for secret in (loud.lab.lab["secret_key"], TOKEN):
        assert lines_with_secrets(f"- {secret}\n".encode()) == [1]


# -- What programs are told -------------------------------------------------------------------------------------------


@pytest.fixture
def programs(loud: Loud) -> list[Program]:
    if loud.programs is None:
        pytest.skip("strace is missing, or may not trace")
    return loud.programs


@pytest.mark.parametrize(
    "arguments",
    [
        [r"(.*/)?ansible-playbook"],
        [r".*python.*", r".*/AnsiballZ_ec2_instance_connect_key\.py"],
        [r".*python.*", r".*/AnsiballZ_transfer_ssh_key\.py"],
        [r"(.*/)?ssh-keygen", r"-q"],
        [r"(.*/)?ssh", r"direct"],
        [r"(.*/)?ssh", r"tunnelled"],
        [r"(.*/)?sftp", r".*direct.*"],
        [r"(.*/)?sftp", r".*tunnelled.*"],
        [r".*python.*", r".*/proxy_command\.py"],
        [r".*python.*", r".*/broker\.py"],
    ],
    ids=" ".join,
)
def test_every_program_that_matters_was_seen(programs: list[Program], arguments: list[str]) -> None:
    name, *others = arguments
    assert [
        program
        for program in programs
        if re.fullmatch(name, program.arguments[0])
        and all(any(re.fullmatch(other, argument) for argument in program.arguments[1:]) for other in others)
    ]


def test_each_connection_has_a_proxy_command_of_its_own(programs: list[Program]) -> None:
    settings = {
        program.arguments[-2]
        for program in programs
        if program.arguments[-3:-2] and program.arguments[-3].endswith("/proxy_command.py")
    }
    # One for each host and user.
    assert len(settings) == 4


def test_no_secret_is_among_the_arguments_of_a_program(programs: list[Program]) -> None:
    assert [program.arguments for program in programs if lines_with_secrets(" ".join(program.arguments).encode())] == []


def test_no_secret_of_a_variable_is_in_the_environment_of_a_program(programs: list[Program]) -> None:
    """A session token that the user has put there is handed on, and nothing else is added."""
    inherited = f"AWS_SESSION_TOKEN={TOKEN}"
    assert inherited in programs[0].environment
    for program in programs:
        others = [variable for variable in program.environment if variable != inherited]
        assert lines_with_secrets(" ".join(others).encode()) == [], program.arguments


def test_a_secret_that_a_program_was_told_would_be_found() -> None:
    (seen,) = programs_in(
        f'12 execve("/bin/echo", ["echo", "a \\"], [\\" b", "--key={TOKEN}"], ["A=1", "KEY=x"]) = 0\n'
    )
    assert seen.arguments == ["echo", 'a \\"], [\\" b', f"--key={TOKEN}"]
    assert seen.environment == ["A=1", "KEY=x"]
    assert lines_with_secrets(" ".join(seen.arguments).encode())
