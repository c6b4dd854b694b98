# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same tasks in the worker of a task and in processes: the same results, the same calls, and what each has to say.

Options of every kind, each kind of report, and every source of region, credentials and endpoint.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible_collections.sshkeys.aws.tests.ansible_core import ANSIBLE_CORE
from ansible_collections.sshkeys.aws.tests.modules.people import ALICE, BOB, WEAK
from ansible_collections.sshkeys.aws.tests.modules.two_ways import Processes, Task, comparable, in_worker
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab

PUSH, CONSOLE = "ec2_instance_connect_key", "ec2_serial_console_key"
JUDGE = "ec2_instance_connect_info"
DECLARE, READ, DESCRIBE = "transfer_ssh_key", "transfer_ssh_key_info", "transfer_server_info"
MAKE, READ_USERS = "transfer_user", "transfer_user_info"
USER = "partner"
MASKS_OUTPUT = ANSIBLE_CORE >= (2, 22)
ROLE = "arn:aws:iam::123456789012:role/keys"
TOKEN = "labtoken0123456789abcdef"


@pytest.fixture(autouse=True)
def _no_configuration(running_lab: RunningLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave nothing in the environment that leads to the lab, or anywhere else; and run nothing in a process here."""
    for name in [name for name in os.environ if re.match("AWS_|EC2_|BOTO", name)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no_credentials"))

    def refuse(self: NormalAction, *_arguments: object) -> None:
        raise AssertionError(f"not in the worker: {self._task.args}")

    monkeypatch.setattr(NormalAction, "run", refuse)


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    """Return what runs modules in processes."""
    processes = Processes([PUSH, CONSOLE, JUDGE, DECLARE, READ, DESCRIBE, MAKE, READ_USERS])
    yield processes
    processes.end()


# Runs tasks in order in both places, and compares.
Compare = Callable[[Sequence[Task]], None]


@pytest.fixture
def compare(running_lab: RunningLab, processes: Processes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Compare:
    """Return what compares the two places."""
    return partial(_compare, running_lab, processes, monkeypatch, tmp_path / "home")


def _compare(
    lab: RunningLab, processes: Processes, monkeypatch: pytest.MonkeyPatch, folder: Path, tasks: Sequence[Task]
) -> None:
    """Run tasks in order in both places, beginning each time with the lab in its first state, and without leases."""
    seen: list[tuple[list[dict[str, Any]], list[str]]] = []
    for place in (in_worker, processes.run):
        lab.control("POST", "reset")
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / place.__name__))
        results = [place(task) for task in tasks]
        # Users of one task may be served in any order.
        calls = sorted(f"{call['operation']} {[*call['parameters']]} {call['region']}" for call in lab.requests())
        seen.append(([comparable(result) for result in results], calls))
    (ours, our_calls), (theirs, their_calls) = seen
    for task, our, their in zip(tasks, ours, theirs, strict=True):
        assert our == their, task
        assert bool(our.get("failed")) is task.fails, (task, our)
        assert re.search(task.says, our["msg"] if task.fails else json.dumps(our)), f"{task}: {task.says} in {our}"
    assert our_calls == their_calls


def test_pushes(running_lab: RunningLab, compare: Compare) -> None:
    one, two = running_lab.instance_ids[:2]
    push = {**running_lab.aws, "instance_id": one, "os_user": "ubuntu", "public_key": ALICE.line}
    fleet = {**running_lab.aws, "targets": [one, {"instance_id": two, "os_user": "root"}], "os_user": "ubuntu"}
    without = {name: value for name, value in push.items() if name != "instance_id"}
    compare(
        [
            Task(PUSH, push, '"changed": true', check_mode=True),
            Task(PUSH, {**push, "force": "yes", "min_validity": "20"}, '"min_validity": 20'),
            Task(PUSH, push, '"changed": false'),
            Task(PUSH, {**push, "public_key": WEAK.line}, "warnings.*1024 bits"),
            Task(PUSH, {**push, "public_key": f"{ALICE.line} Zoë ☃ 𝄞"}, "Zo"),
            Task(PUSH, {**fleet, "public_key": BOB.line}, '"changed": true'),
            Task(
                PUSH,
                {**fleet, "targets": [one, "i-00000000000000000"], "public_key": BOB.line},
                "1 of 2 targets failed.*EC2InstanceNotFoundException",
                fails=True,
            ),
            Task(PUSH, {**push, "targets": []}, "parameters are mutually exclusive: instance_id.targets", fails=True),
            Task(PUSH, without, "one of the following is required: instance_id, targets", fails=True),
            Task(PUSH, {}, "missing required arguments: public_key", fails=True),
            Task(PUSH, {**push, "os_user": "1000"}, "os_user '1000'", fails=True),
            Task(PUSH, {**push, "concurrency": "many"}, "concurrency", fails=True),
            Task(PUSH, {**push, "no_such_option": 1}, "Unsupported parameters.*no_such_option", fails=True),
        ],
    )


def test_pushes_to_the_console(running_lab: RunningLab, compare: Compare) -> None:
    push = {**running_lab.aws, "instance_id": running_lab.instance_ids[0], "public_key": ALICE.line}
    tasks = [
        Task(CONSOLE, push, '"changed": true', check_mode=True),
        Task(CONSOLE, push, '"changed": true'),
        Task(CONSOLE, {**push, "serial_port": "0"}, '"changed": false'),
        Task(CONSOLE, {**push, "serial_port": 1}, "serial_port is 1", fails=True),
        Task(CONSOLE, {"public_key": ALICE.line}, "missing required arguments: instance_id", fails=True),
    ]
    compare(tasks)


def test_ways(running_lab: RunningLab, compare: Compare) -> None:
    one, two = running_lab.instance_ids[:2]
    judge = {**running_lab.aws, "instance_ids": [one, two]}
    tasks = [
        Task(JUDGE, judge, '"best_way": "endpoint"', check_mode=True),
        Task(JUDGE, {**judge, "source_cidr": "10.0.0.0/8,192.0.2.7", "port": "2222"}, "connect only to the ports"),
        Task(JUDGE, {**judge, "instance_ids": f"{one},{one}", "tunnel": "session_manager"}, '"session_manager"'),
        Task(JUDGE, {**judge, "instance_ids": []}, "instance_ids is an empty list"),
        Task(JUDGE, {**judge, "instance_ids": [one, "i-00000000000000000"]}, "1 of 2 instances failed", fails=True),
        Task(JUDGE, {**judge, "addresses": {one: "bastion.example.com"}}, "no address of the instance that EC2 knows"),
        Task(JUDGE, {**judge, "filters": {"vpc-id": "vpc-0"}}, "mutually exclusive: instance_ids.filters", fails=True),
        Task(JUDGE, {**running_lab.aws, "filters": {"vpc-id": "vpc-0"}}, '"instances": ..'),
        Task(JUDGE, {**judge, "tunnel": "none"}, "tunnel must be one of: auto", fails=True),
        Task(JUDGE, {**judge, "instance_ids": ["web"]}, "instance_ids has 'web'", fails=True),
    ]
    compare(tasks)


def test_declarations(running_lab: RunningLab, compare: Compare) -> None:
    declare = {**running_lab.aws, "server_id": running_lab.server_id, "user_name": USER, "public_keys": ALICE.line}
    several = {name: value for name, value in declare.items() if name != "user_name"}
    diff = rf'"before": "", "after": "{re.escape(ALICE.fingerprint)} .*alice@laptop\\n"'
    tasks = [
        Task(DECLARE, {**declare, "exclusive": True}, diff, check_mode=True),
        Task(DECLARE, {**declare, "exclusive": 1, "allow_empty": "off"}, diff),
        Task(DECLARE, declare, '"changed": false'),
        Task(DECLARE, {**declare, "public_keys": [f"{BOB.line} Zoë", WEAK.line]}, "warnings.*1024 bits"),
        Task(DECLARE, {**declare, "public_keys": ALICE.line, "state": "absent"}, '"deleted": ..'),
        Task(DECLARE, {**several, "users": [USER, "nobody-here"]}, "1 of 2 users failed", fails=True),
        Task(DECLARE, {**declare, "user_name": "newcomer"}, "warnings.*newcomer", check_mode=True),
        Task(DECLARE, {**several, "users": []}, "users is an empty list"),
        Task(DECLARE, {**declare, "users": [USER]}, "mutually exclusive: user_name.users", fails=True),
        Task(DECLARE, several, "one of the following is required: user_name, users", fails=True),
        Task(DECLARE, {**declare, "state": "gone"}, "state must be one of: present, absent", fails=True),
        Task(DECLARE, {**declare, "public_keys": []}, "public_keys is an empty list", fails=True),
    ]
    compare(tasks)


def test_users(running_lab: RunningLab, compare: Compare) -> None:
    """Options with options inside, texts of the user's own, and each kind of report."""
    server = {**running_lab.aws, "server_id": running_lab.server_id}
    make = {**server, "user_name": "newcomer", "role_arn": ROLE}
    several = {**server, "role_arn": ROLE}
    mappings = [{"Entry": "/", "Target": "/bucket"}, {"entry": "/in", "target": "/b", "type": "DIRECTORY"}]
    policy = {"Version": "2012-10-17", "Statement": [{"Sid": "Zoë ☃"}]}
    tasks = [
        Task(MAKE, {**make, "public_keys": ALICE.line}, '"created": true', check_mode=True),
        Task(MAKE, {**make, "home_directory_mappings": mappings, "public_keys": [ALICE.line, BOB.line]}, "LOGICAL"),
        Task(MAKE, {**make, "tags": {"a": 1, "b": True, "é": "Zoë ☃ 𝄞"}, "policy": policy}, '"updated": ."policy"'),
        Task(MAKE, {**make, "policy": json.dumps(policy), "purge_tags": "no"}, '"changed": false'),
        Task(MAKE, {**make, "posix_profile": {"Uid": "5", "Gid": 6, "SecondaryGids": "7,8"}}, '"gid": 6'),
        Task(MAKE, {**make, "home_directory_mappings": [], "policy": ""}, "warnings.*policy is empty"),
        Task(MAKE, {**make, "public_keys": [WEAK.line], "exclusive": 1}, "warnings.*1024 bits"),
        Task(READ_USERS, {**server, "user_name": "newcomer"}, '"role_arn"'),
        Task(READ_USERS, server, "newcomer", check_mode=True),
        Task(READ_USERS, {**server, "user_names": ["newcomer", "nobody-here"]}, "1 of 2 users failed", fails=True),
        Task(READ_USERS, {**server, "user_names": []}, "user_names is an empty list"),
        Task(MAKE, {**several, "users": ["courier", {"user_name": "newcomer", "state": "absent"}]}, "newcomer go"),
        Task(MAKE, {**server, "users": ["courier", "nobody-here"]}, "1 of 2 users failed.*no role_arn", fails=True),
        Task(MAKE, {**server, "user_name": "courier", "state": "absent"}, '"state": "absent"', check_mode=True),
        Task(MAKE, {**several, "users": []}, "users is an empty list"),
        Task(MAKE, {**make, "users": []}, "mutually exclusive: user_name.users", fails=True),
        Task(MAKE, several, "one of the following is required: user_name, users", fails=True),
        Task(MAKE, {**make, "state": "gone"}, "state must be one of: present, absent", fails=True),
        Task(MAKE, {**make, "role_arn": "transfer"}, "role_arn is 'transfer'", fails=True),
        Task(MAKE, {**make, "tags": "a=b,c=d"}, '"c": "d"'),
        Task(MAKE, {**make, "tags": "no mapping"}, "tags", fails=True),
        Task(MAKE, {**make, "policy": ["a"]}, "policy is no JSON object", fails=True),
        Task(MAKE, {**make, "home_directory_mappings": [{"entry": "/"}]}, "required arguments: target", fails=True),
        Task(MAKE, {**make, "home_directory_mappings": [{**mappings[1], "no": 1}]}, "home_directory_m", fails=True),
        Task(MAKE, {**make, "home_directory_mappings": "no mapping"}, "could not parse JSON", fails=True),
        Task(
            MAKE, {**several, "users": [{"user_name": "archive", "home_directory_mappings": [5]}]}, "dict", fails=True
        ),
        Task(MAKE, {**make, "posix_profile": {"uid": "five", "gid": 6}}, "uid", fails=True),
        Task(MAKE, {**several, "users": [{"user_name": "courier", "posix_profile": 5}]}, "posix_profile", fails=True),
        Task(MAKE, {**several, "users": [{"user_name": "courier", "no": 5}]}, "unsupported options: 'no'", fails=True),
    ]
    compare(tasks)


def test_servers(running_lab: RunningLab, compare: Compare) -> None:
    one, other = running_lab.server_id, running_lab.lab["transfer"]["empty_server"]
    describe = {**running_lab.aws, "server_ids": [one, other]}
    tasks = [
        Task(DESCRIBE, running_lab.aws, '"is_default": true', check_mode=True),
        Task(DESCRIBE, {**describe, "concurrency": "1"}, '"identity_provider_type": "SERVICE_MANAGED"'),
        Task(DESCRIBE, {**running_lab.aws, "server_id": f"{one},{one}"}, '"type": "ssh-ed25519"'),
        Task(DESCRIBE, {**describe, "server_ids": []}, "server_ids is an empty list"),
        Task(DESCRIBE, {**describe, "server_ids": [one, "s-00000000000000000"]}, "1 of 2 servers failed", fails=True),
        Task(DESCRIBE, {**describe, "server_ids": ["web"]}, "server_id 'web' is not the id", fails=True),
        Task(DESCRIBE, {**describe, "concurrency": 0}, "concurrency is 0", fails=True),
    ]
    compare(tasks)


def test_odd_arguments(running_lab: RunningLab, compare: Compare) -> None:
    """Conversions, texts that are not ASCII, what is not of the right type, and secrets that stand elsewhere too."""
    read = {**running_lab.aws, "server_id": running_lab.server_id}
    one, none = {**read, "user_names": [USER]}, {**read, "user_names": []}
    tasks = [
        Task(READ, {**read, "user_names": f"{USER},{USER}"}, USER),
        Task(READ, {**read, "user_name": [USER]}, USER),
        Task(READ, {**read, "user_names": [5, True, None, 0.5]}, "user_name", fails=True),
        Task(READ, {**read, "user_names": {"a": "dict"}}, "user_names", fails=True),
        Task(READ, {**read, "user_names": "Zoë ☃ 𝄞"}, "user_name", fails=True),
        Task(READ, {**none, "concurrency": "16"}, '"concurrency": 16'),
        Task(READ, {**none, "concurrency": [16]}, "concurrency", fails=True),
        Task(READ, {**none, "server_id": None}, "server_id", fails=True),
        Task(READ, {**none, "aws_config": {5: "five", True: "a boolean", None: "nothing"}}, "aws_config", fails=True),
        Task(READ, {**none, "aws_config": "no dict"}, "aws_config", fails=True),
        Task(READ, {**none, "aws_config": {"connect_timeout": 2}}, "user_names is an empty list"),
        Task(READ, {**none, "region": 5}, "region_name '5' doesn't match", fails=True),
        Task(READ, {**one, "secret_key": USER}, "SECRET"),
        # From ansible-core 2.22 on, the controller masks what it prints, and no result.
        Task(READ, {**one, "session_token": USER[:4]}, USER if MASKS_OUTPUT else "SECRETner"),
        Task(READ, {**one, "region": "no region"}, "no region", fails=True),
    ]
    compare(tasks)


def test_where_the_calls_go(
    running_lab: RunningLab, compare: Compare, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Region, credentials and endpoint: of the task, of a profile, and of the environment."""
    lab = running_lab.lab
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    (tmp_path / "config").write_text(f"[profile fleet]\nregion = {lab['region']}\n")
    keys = f"aws_access_key_id = {lab['access_key']}\naws_secret_access_key = {lab['secret_key']}\n"
    (tmp_path / "credentials").write_text(f"[default]\n{keys}[fleet]\n{keys}[stranger]\n{keys.replace('AKIA', 'AKIB')}")
    read = {"server_id": running_lab.server_id, "user_names": [USER]}
    there, url = {**read, "endpoint_url": lab["endpoint_url"]}, lab["endpoint_url"]
    credentials = {"AWS_ACCESS_KEY_ID": lab["access_key"], "AWS_SECRET_ACCESS_KEY": "not asked for"}
    from_profile = {**read, "profile": "fleet", "validate_certs": False, "aws_config": {"connect_timeout": 3}}
    tasks = [
        Task(READ, from_profile, USER, environment={"AWS_URL": url}),
        Task(READ, from_profile, USER, environment={"AWS_ENDPOINT_URL": url}),
        # What the task says counts more than the environment.
        Task(READ, {**there, "profile": "fleet"}, USER, environment={"AWS_URL": "http://127.0.0.1:1"}),
        Task(READ, {**there, "profile": "fleet"}, USER, environment={"AWS_PROFILE": "nobody"}),
        Task(
            READ,
            {**there, "region": "eu-central-1"},
            "region was eu-central-1, from the option region[.]",
            fails=True,
            environment={"AWS_REGION": lab["region"]},
        ),
        Task(READ, there, USER, environment={"AWS_PROFILE": "fleet"}),
        Task(READ, there, USER, environment={"AWS_REGION": lab["region"]}),
        Task(READ, there, USER, environment={"AWS_DEFAULT_REGION": lab["region"]}),
        Task(READ, there, USER, environment={**credentials, "AWS_REGION": lab["region"], "AWS_SESSION_TOKEN": TOKEN}),
        Task(READ, {**there, "aws_config": {"region_name": lab["region"]}}, USER),
        Task(
            READ,
            {**there, "profile": "stranger", "region": lab["region"]},
            "UnrecognizedClientException.*does not know this access key",
            fails=True,
        ),
    ]
    compare(tasks)


def test_a_role_is_assumed(running_lab: RunningLab, compare: Compare) -> None:
    """In check mode too, where that shows whether it can be assumed."""
    lab, role = running_lab, {"assume_role_arn": ROLE}
    read = {**lab.aws, "server_id": lab.server_id, "user_names": [USER], **role}
    push = {**lab.aws, "instance_id": lab.instance_ids[0], "public_key": ALICE.line, **role}
    nobody = {"access_key": "AKIAIOSFODNN7EXAMPLE", "secret_key": "a-secret-key-of-somebody-else"}
    tasks = [
        Task(READ, read, USER),
        Task(READ, {**{name: read[name] for name in read if name not in role}, "iam_role_arn": ROLE}, USER),
        Task(DECLARE, {**lab.aws, **role, "server_id": lab.server_id, "user_name": USER, "public_keys": ALICE.line}),
        Task(MAKE, {**lab.aws, **role, "server_id": lab.server_id, "user_name": USER, "tags": {"a": "b"}}, '"a": "b"'),
        Task(READ_USERS, {**read, "user_names": [USER]}, USER),
        Task(CONSOLE, push, '"changed": true', check_mode=True),
        Task(CONSOLE, push, '"changed": true'),
        Task(PUSH, {**push, "os_user": "ubuntu"}, '"changed": true'),
        Task(PUSH, {**push, "os_user": "root", **nobody}, "does not know this access key", fails=True, check_mode=True),
        Task(READ, {**read, "assume_role_arn": "keys"}, "assume_role_arn is 'keys', and must be the ARN", fails=True),
    ]
    compare(tasks)


def test_what_is_missing_or_wrong(running_lab: RunningLab, compare: Compare) -> None:
    """Each is told in check mode too, although a push sends nothing then."""
    of_lab = {name: running_lab.aws[name] for name in ("access_key", "secret_key", "endpoint_url")}
    push = {"instance_id": running_lab.instance_ids[0], "os_user": "ubuntu", "public_key": ALICE.line}
    good = {**push, **of_lab, "region": "us-east-1"}
    bare = {**push, "region": "us-east-1"}
    once = {"aws_config": {"retries": {"total_max_attempts": 1}}}
    nobody = {"access_key": "AKIAIOSFODNN7EXAMPLE", "secret_key": "a-secret-key-of-somebody-else"}
    region = {"AWS_REGION": "us-east-1"}
    tasks = [
        Task(PUSH, {**push, **of_lab}, "No region is configured", fails=True, check_mode=True),
        Task(PUSH, bare, "Unable to locate credentials", fails=True, check_mode=True),
        Task(PUSH, push, "Unable to locate credentials", fails=True, environment=region),
        Task(PUSH, {**bare, "access_key": "AKIA"}, "Set both access_key and secret_key", fails=True),
        Task(PUSH, {**bare, "profile": "nobody"}, "profile .nobody. could not be found", fails=True),
        Task(PUSH, push, "profile .nobody. could not", fails=True, environment={**region, "AWS_PROFILE": "nobody"}),
        Task(PUSH, {**good, **nobody}, "UnrecognizedClientException.*does not know this access key", fails=True),
        Task(
            PUSH,
            {**good, **once, "endpoint_url": "http://127.0.0.1:1"},
            "EndpointConnectionError.*127.0.0.1:1.*Check endpoint_url",
            fails=True,
        ),
        Task(PUSH, {**good, "endpoint_url": "somewhere"}, "Invalid endpoint: somewhere", fails=True, check_mode=True),
        Task(PUSH, {**good, "endpoint_url": f"{running_lab.lab['control_url']}/x"}, "Check endpoint_url", fails=True),
        Task(PUSH, {**good, "aws_config": {"no_such_option": 1}}, "no_such_option.*Check aws_config", fails=True),
        Task(PUSH, {**good, "region": "eu-central-1"}, "EC2InstanceNotFoundException", fails=True),
        Task(
            PUSH,
            {**good, **once, "endpoint_url": "https://127.0.0.1:1", "aws_ca_bundle": "missing.pem"},
            "127.0.0.1:1",
            fails=True,
        ),
        Task(
            PUSH,
            {**good, **once, "endpoint_url": "https://127.0.0.1:1"},
            "127.0.0.1:1",
            fails=True,
            environment={"AWS_CA_BUNDLE": "/nonexistent"},
        ),
    ]
    compare(tasks)
