# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection plugin: what it tells ssh and its ProxyCommand, and what it refuses."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import multiprocessing
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible import constants as C  # noqa: N812 - as ansible-core names it
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.playbook.play_context import PlayContext
from ansible.plugins.connection import ssh
from ansible.plugins.loader import connection_loader, fragment_loader
from ansible.utils.plugin_docs import add_fragments, merge_fragment
from ansible_collections.sshkeys.aws.plugins.connection import ec2_instance_connect
from ansible_collections.sshkeys.aws.plugins.doc_fragments import _secret, _ssh
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import broker_session, explain
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings

INSTANCE_ID, NODE_ID = "i-0123456789abcdef0", "mi-0123456789abcdef0"
OPTIONS = yaml.safe_load(ec2_instance_connect.DOCUMENTATION)["options"]
# What the inventory aws_ec2 sets of an instance.
READ = ("instance_id", "placement", "private_ip_address", "public_ip_address", "vpc_id", "subnet_id")
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJEUvhKlSr3hlrULeHPBhV6WpNQeRpxqgSkrsrVdjMyx"


@pytest.fixture(autouse=True)
def local_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test the temporary folder of a run of its own, and return it."""
    folder = tmp_path / "local_tmp"
    folder.mkdir()
    monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(folder))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    # It knows the paths once ansible-core has installed its importer, which the unit tests do without.
    monkeypatch.setattr(ec2_instance_connect, "AnsibleCollectionConfig", SimpleNamespace(collection_paths=[]))
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "EC2_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    return folder


class BrokerOfTests:
    """A broker that admits every command at once, and then says what a test has it say."""

    # What it says of each command, in order; and what it was asked.
    says: list[dict[str, Any]]
    asked: list[tuple[str, ...]]
    failure: dict[str, str] | OSError | None

    def __init__(self, _folder: str, name: str, _controller: int, _collection_paths: list[str]) -> None:
        """Take the name of the socket."""
        self.name = name

    def start(self) -> None:
        """Be there."""

    def ask(self, *fields: str) -> dict[str, Any]:
        """Note a request, and answer it."""
        self.asked.append(fields)
        if isinstance(self.failure, OSError):
            raise self.failure
        return {"failed": self.failure}

    def begin(self, settings_file: str, master: str, *, wait: Callable[[str], None]) -> Any:
        """Note a command. It is one of the collection's own, on a socket of ours."""
        self.asked.append(("command", settings_file, master))
        ours, theirs = socket.socketpair()
        said = self.says.pop(0) if self.says else {}
        wait(said.pop("waits", ""))
        ours.sendall(json.dumps(said).encode() + b"\n")
        if said.pop("has_ended", False):
            ours.close()
        BrokerOfTests.open_ends.append(ours)
        return broker_session.Command(theirs)

    open_ends: list[socket.socket]


@pytest.fixture(autouse=True)
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[BrokerOfTests]]:
    """Let no test start a process, and return what stands for it."""
    BrokerOfTests.says, BrokerOfTests.asked, BrokerOfTests.open_ends = [], [], []
    BrokerOfTests.failure = None
    monkeypatch.setattr(ec2_instance_connect, "broker_session", SimpleNamespace(Broker=BrokerOfTests))
    yield BrokerOfTests
    for end in BrokerOfTests.open_ends:
        end.close()


@pytest.fixture(scope="module", autouse=True)
def definitions() -> None:
    """Let ansible-core know the options, as it does in a play."""
    connection_loader.get("ssh", class_only=True)
    ec2_instance_connect._define_options()


def connection(**variables: Any) -> Any:
    """Return the connection of a host with these variables."""
    context = PlayContext()
    context.remote_addr = "web1"
    made = object.__new__(ec2_instance_connect.Connection)
    made._load_name = ec2_instance_connect.__name__
    made.__init__(context, None)  # type: ignore[misc]  # as ansible-core's loader makes it
    made.set_options(var_options={"inventory_hostname": "web1", "instance_id": INSTANCE_ID, **variables})
    made.host = made.get_option("host")
    return made


def command(**variables: Any) -> list[str]:
    """Return the command of ssh for a host with these variables."""
    built: list[bytes] = connection(**variables)._build_command("ssh", "ssh", "web1", "true")
    return [word.decode() for word in built]


def option(words: list[str], name: str) -> str | None:
    """Return what counts of an option of ssh: the first one."""
    return next((word.partition("=")[2] for word in words if word.startswith(f"{name}=")), None)


def settings(**variables: Any) -> Any:
    """Return what the ProxyCommand is told of a host with these variables."""
    program = option(command(**variables), "ProxyCommand")
    assert program
    return json.loads(Path(shlex.split(program)[-2]).read_text(encoding="utf-8"))


def test_ssh_is_told_what_it_needs_and_no_more(local_tmp: Path) -> None:
    words = command()
    assert words[-2:] == ["web1", "true"]
    assert option(words, "ProxyUseFdpass") == "yes"
    assert option(words, "HostKeyAlias") == INSTANCE_ID
    assert option(words, "IdentitiesOnly") == "yes"
    assert option(words, "IdentityFile") == f'"{local_tmp}/sshkeys.aws/id_ed25519"'
    assert option(words, "StrictHostKeyChecking") == "yes"
    program = shlex.split(option(words, "ProxyCommand") or "")
    assert program[:3] == [sys.executable, "-I", "-S"]
    assert Path(program[3]).is_file()


def test_the_program_is_told_what_it_expects() -> None:
    assert settings().keys() == Settings.__annotations__.keys()


def test_the_ssh_that_connects_is_asked_for_its_configuration() -> None:
    """Another OpenSSH may read other files, and know other options."""
    assert settings(ansible_ssh_executable="/opt/openssh/bin/ssh")["ssh"][0] == "/opt/openssh/bin/ssh"


def test_the_files_of_the_system_with_host_keys_are_read_as_before() -> None:
    """Those that ssh reads by itself: the option would replace them."""
    both = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"]
    assert (option(command(), "GlobalKnownHostsFile") or "").split(" ")[1:] == both
    assert settings()["global_known_hosts"] == both


@pytest.mark.parametrize("name", ["id_ed25519", "50%off"])
def test_a_percent_sign_in_a_path_is_none_of_ssh(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(folder))
    program = option(command(), "ProxyCommand") or ""
    assert program.count(name.replace("%", "%%")) == 1


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, {"host": None, "tunnel": "auto", "timeout": 10, "public_ip_address": None}),
        ({"ansible_host": "192.0.2.7"}, {"host": "192.0.2.7"}),
        ({"private_ip_address": "10.0.0.7", "public_ip_address": ""}, {"private_ip_address": "10.0.0.7"}),
        (
            {"placement": {"availability_zone": "us-east-1a", "region": "us-east-1"}},
            {
                "availability_zone": "us-east-1a",
                "aws": {"region": "us-east-1"},
                "region_source": "the variable placement",
            },
        ),
        (
            {"placement": {"region": "us-east-1"}, "ansible_ec2_instance_connect_region": "eu-central-1"},
            {
                "aws": {"region": "eu-central-1"},
                "region_source": "the variable ansible_ec2_instance_connect_region",
            },
        ),
        ({"ansible_ec2_instance_connect_instance_id": "i-00000001"}, {"instance_id": "i-00000001"}),
        ({"instance_id": None, "ansible_host": "i-00000002"}, {"instance_id": "i-00000002"}),
        ({"ansible_ec2_instance_connect_tunnel": "never"}, {"tunnel": "never"}),
        ({"ansible_ssh_timeout": 7}, {"timeout": 7}),
        ({"ansible_ec2_instance_connect_max_tunnel_duration": 600}, {"max_tunnel_duration": 600}),
        ({"vpc_id": "vpc-1", "subnet_id": "subnet-1"}, {"vpc_id": "vpc-1", "subnet_id": "subnet-1"}),
        (
            {
                "ansible_ec2_instance_connect_endpoint_id": "eice-1",
                "ansible_ec2_instance_connect_endpoint_dns_name": "eice-1.example.com",
            },
            {"instance_connect_endpoint_id": "eice-1", "instance_connect_endpoint_dns_name": "eice-1.example.com"},
        ),
        ({"ansible_ec2_instance_connect_session_token": "token"}, {"aws": {"region": None, "session_token": "token"}}),
        (
            {"ansible_ec2_instance_connect_profile": "fleet"},
            {"aws": {"region": None, "profile": "fleet"}, "region_source": None},
        ),
        ({"ansible_host_key_checking": False}, {"host_keys": "ssh"}),
        ({}, {"name": "web1"}),
        ({"instance_id": None, "ansible_host": "i-00000002"}, {"host": None}),
    ],
)
def test_variables_of_a_host(variables: dict[str, Any], expected: dict[str, Any]) -> None:
    told = settings(**variables)
    assert {name: told[name] for name in expected} == expected


def test_an_instance_is_where_it_is_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "ap-south-1")
    assert settings()["aws"]["region"] == "ap-south-1"
    assert settings()["region_source"] == "AWS_REGION in the environment"
    assert settings(placement={"region": "us-east-1"})["aws"]["region"] == "us-east-1"


def test_a_secret_of_the_environment_stays_there(monkeypatch: pytest.MonkeyPatch, local_tmp: Path) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_KEY", "wJalrXUtnFEMI")
    assert settings()["aws"]["secret_key"] == {"env": "AWS_SECRET_KEY"}
    assert not [file for file in local_tmp.rglob("*.json") if "wJalrXUtnFEMI" in file.read_text()]


@pytest.mark.parametrize(
    ("variable", "option"),
    [
        ("AWS_ACCESS_KEY_ID", "access_key"),
        ("AWS_SECRET_ACCESS_KEY", "secret_key"),
        ("AWS_SESSION_TOKEN", "session_token"),
    ],
)
def test_and_so_does_each_credential(
    monkeypatch: pytest.MonkeyPatch, local_tmp: Path, variable: str, option: str
) -> None:
    monkeypatch.setenv(variable, "wJalrXUtnFEMI")
    assert settings()["aws"][option] == {"env": variable}
    assert not [file for file in local_tmp.rglob("*.json") if "wJalrXUtnFEMI" in file.read_text()]


def test_what_is_written_is_private(local_tmp: Path) -> None:
    settings(ansible_ec2_instance_connect_secret_key="wJalrXUtnFEMI")
    folder = local_tmp / "sshkeys.aws"
    assert folder.stat().st_mode & 0o077 == 0
    for file in folder.glob("*.json"):
        assert file.stat().st_mode & 0o077 == 0, file


def test_a_key_of_the_run(local_tmp: Path) -> None:
    """It is made when ssh connects: until then there is none, so none can be left."""
    told = settings()
    assert told["public_key_file"] == str(local_tmp / "sshkeys.aws/id_ed25519.pub")
    assert told["is_key_of_the_run"] is True
    assert not list(local_tmp.rglob("id_ed25519*"))


def test_a_key_of_ones_own(tmp_path: Path) -> None:
    words = command(ansible_private_key_file=str(tmp_path / "mine"))
    assert [word for word in words if word.startswith("IdentityFile=")] == [f'IdentityFile="{tmp_path}/mine"']
    told = settings(ansible_private_key_file=str(tmp_path / "mine"))
    assert told["public_key_file"] == str(tmp_path / "mine.pub")
    assert told["is_key_of_the_run"] is False


def test_a_key_of_the_agent() -> None:
    file = settings(ansible_ec2_instance_connect_public_key=PUBLIC_KEY)["public_key_file"]
    assert Path(file).read_text() == f"{PUBLIC_KEY}\n"
    assert option(command(ansible_ec2_instance_connect_public_key=PUBLIC_KEY), "IdentityFile") == f'"{file}"'


@pytest.mark.parametrize(
    ("choice", "strict", "reads_console"),
    [("console", "yes", True), ("accept-new", "accept-new", False), ("ssh", None, False)],
)
def test_host_keys(choice: str, strict: str | None, reads_console: bool, tmp_path: Path) -> None:
    words = command(ansible_ec2_instance_connect_host_keys=choice)
    assert option(words, "StrictHostKeyChecking") == strict
    files = option(words, "GlobalKnownHostsFile")
    assert (files is not None) == reads_console
    if files:
        assert shlex.split(files)[0] == str(tmp_path / "state/sshkeys.aws/known_hosts" / INSTANCE_ID)


@pytest.mark.parametrize("option_name", ["ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args"])
@pytest.mark.parametrize(
    "given",
    [
        "-o StrictHostKeyChecking=no",
        "-oStrictHostKeyChecking=accept-new",
        "-o 'StrictHostKeyChecking no'",
        "-o GlobalKnownHostsFile=/corp",
        "-o HostKeyAlias=web1",
        "-C -o knownhostscommand=/usr/bin/keys",
        "-vo HostKeyAlias=web1",
    ],
)
def test_a_user_who_says_whom_to_trust_has_the_last_word(option_name: str, given: str) -> None:
    """The first that ssh is told counts, so ours would count for nothing."""
    words = command(**{option_name: given})
    assert not [word for word in words if word.startswith(("StrictHostKeyChecking=yes", 'GlobalKnownHostsFile="'))]
    assert settings(**{option_name: given})["host_keys"] == "ssh"


def test_ssh_is_asked_with_what_it_is_started_with() -> None:
    """The first of two users counts."""
    told = settings(
        ansible_user="ec2-user",
        ansible_port=2222,
        ansible_ssh_args="-C",
        ansible_ssh_common_args="-o User=admin",
        ansible_ssh_extra_args="-o Port=22",
    )
    named = ["-p", "2222", "-l", "ec2-user"]
    assert told["ssh"] == ["ssh", "-C", *named, "-o", "User=admin", "-o", "Port=22", "-G", "web1"]


def test_the_key_of_the_run_is_for_no_agent(tmp_path: Path) -> None:
    assert option(command(), "AddKeysToAgent") == "no"
    assert option(command(ansible_private_key_file=str(tmp_path / "mine")), "AddKeysToAgent") is None


@pytest.mark.parametrize(
    "given",
    [
        *("web1", "../../etc", 'i-0123456789abcdef0"', "i-0123456789abcdef0\n", "i-0123456", "i-0123456G", "i-"),
        *(
            "mi-0123456789abcdef",
            "mi-0123456789abcdef00",
            "mi-0123456789abcdeg0",
            "xi-0123456789abcdef0",
            NODE_ID + "\n",
        ),
    ],
)
def test_what_is_no_instance_id_is_refused(given: str) -> None:
    with pytest.raises(AnsibleConnectionFailure, match=r"^The instance id of web1, .* is not valid"):
        command(instance_id=given)


def test_a_managed_node_is_reached_with_a_key_of_ones_own(tmp_path: Path) -> None:
    words = command(instance_id=NODE_ID, ansible_private_key_file=str(tmp_path / "mine"))
    assert option(words, "HostKeyAlias") == NODE_ID
    assert option(words, "IdentityFile") == f'"{tmp_path}/mine"'
    told = settings(instance_id=None, ansible_host=NODE_ID, ansible_private_key_file=str(tmp_path / "mine"))
    assert (told["instance_id"], told["host"], told["is_key_of_the_run"]) == (NODE_ID, None, False)
    told = settings(instance_id=NODE_ID, ansible_ec2_instance_connect_public_key=PUBLIC_KEY, ansible_host="192.0.2.7")
    assert (told["host"], told["is_key_of_the_run"]) == ("192.0.2.7", False)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "EC2 Instance Connect pushes keys only to EC2 instances. Set ansible_private_key_file"),
        (
            {"ansible_private_key_file": "mine", "ansible_ec2_instance_connect_tunnel": "endpoint"},
            "no EC2 Instance Connect Endpoint leads to one",
        ),
    ],
)
def test_what_no_managed_node_has_is_refused_before_ssh_is_started(
    variables: dict[str, str], said: str, broker: type[BrokerOfTests], local_tmp: Path
) -> None:
    with pytest.raises(AnsibleConnectionFailure, match=f"^{NODE_ID} is a managed node .*{said}"):
        command(instance_id=NODE_ID, **variables)
    assert broker.asked == []
    assert not list(local_tmp.rglob("*.json"))
    # An instance is not refused for that.
    assert command(**variables)


def test_the_choices_of_the_way() -> None:
    assert OPTIONS["tunnel"]["choices"] == ["auto", "endpoint", "session_manager", "never"]
    assert OPTIONS["tunnel"]["default"] == "auto"
    for choice in OPTIONS["tunnel"]["choices"]:
        assert settings(ansible_ec2_instance_connect_tunnel=choice)["tunnel"] == choice


@pytest.mark.parametrize("choice", ["always", "sometimes"])
def test_another_way_to_say_it_is_none(choice: str) -> None:
    # The words and their order depend on the version of ansible-core.
    with pytest.raises(AnsibleError, match=rf"(?si)(?=.*'tunnel')(?=.*invalid value .{choice}\b)"):
        command(ansible_ec2_instance_connect_tunnel=choice)


@pytest.mark.parametrize(
    ("choice", "seconds"), [("auto", "50"), ("endpoint", "50"), ("session_manager", "50"), ("never", None)]
)
def test_ssh_asks_for_a_sign_of_life_where_there_may_be_a_session(choice: str, seconds: str | None) -> None:
    """It sends something, and so the session is not idle."""
    assert option(command(ansible_ec2_instance_connect_tunnel=choice), "ServerAliveInterval") == seconds


@pytest.mark.parametrize("name", ["ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args"])
def test_an_interval_of_the_user_counts(name: str) -> None:
    """The first one that ssh is told. Ask ssh itself."""
    words = command(**{name: "-F none -o ServerAliveInterval=7"})
    read = subprocess.run([*words[:-2], "-G", "web1"], capture_output=True, text=True, check=True).stdout.splitlines()
    assert "serveraliveinterval 7" in read
    words = command(ansible_ssh_args="-F none")
    read = subprocess.run([*words[:-2], "-G", "web1"], capture_output=True, text=True, check=True).stdout.splitlines()
    assert "serveraliveinterval 50" in read


def test_each_name_and_each_instance_has_a_connection_of_its_own() -> None:
    paths = {option(command(instance_id=each), "ControlPath") for each in (INSTANCE_ID, "i-00000001")}
    assert len(paths) == 2
    names = ("Web Server 1", "Web Server 2", INSTANCE_ID)
    paths = {option(command(inventory_hostname=name, ansible_host="192.0.2.7"), "ControlPath") for name in names}
    assert len(paths) == len(names)
    own = option(command(ansible_control_path="%(directory)s/mine"), "ControlPath")
    assert own
    assert own.endswith('/mine"')


@pytest.mark.parametrize(
    "given",
    [
        "-J bastion",
        "-Jbastion",
        "-o ProxyJump=bastion",
        "-oProxyJump=bastion",
        "-o 'ProxyCommand nc %h %p'",
        "-C -o ProxyJump=bastion -v",
        "-vJ bastion",
        "-4vJbastion",
        "-Co 'ProxyJump = bastion'",
    ],
)
@pytest.mark.parametrize("where", ["ssh_args", "ssh_common_args", "ssh_extra_args"])
def test_another_way_is_refused(given: str, where: str) -> None:
    with pytest.raises(AnsibleConnectionFailure, match=f"^{where} contains .*role sshkeys.aws.ssh_access"):
        command(**{f"ansible_{where}": given})


@pytest.mark.parametrize("program", ["sftp", "scp"])
def test_another_way_of_copying_is_refused(program: str) -> None:
    with pytest.raises(AnsibleConnectionFailure, match=f"^{program}_extra_args contains -J bastion"):
        command(**{f"ansible_{program}_extra_args": "-rJ bastion"})


@pytest.mark.parametrize(
    "given", ["-o ProxyCommand=none", "-oproxycommand=NONE", "-o 'ProxyJump none'", "-vo ProxyJump=none"]
)
def test_no_other_way_is_what_it_says(given: str) -> None:
    """The first value counts for ssh, so ours comes first. The configuration is asked without it."""
    words = command(ansible_ssh_common_args=given)
    assert words[0] == "ssh"
    assert words[1] == "-o"
    assert words[2].startswith("ProxyCommand=")
    assert words[3:5] == ["-o", "ProxyUseFdpass=yes"]
    asked = settings(ansible_ssh_common_args=given)["ssh"]
    assert asked[-2 - len(shlex.split(given)) : -2] == shlex.split(given)
    assert not any(word.startswith("ProxyUseFdpass") for word in asked)


def test_what_ssh_takes_beside_no_proxy_command_is_refused() -> None:
    with pytest.raises(AnsibleConnectionFailure, match=r"contains -J none, .* Write -o ProxyJump=none\."):
        command(ansible_ssh_common_args="-J none")


def test_the_way_stands_behind_sshpass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ec2_instance_connect.Connection, "_sshpass_available", staticmethod(lambda: True))
    words = command(ansible_password="secret", ansible_ssh_password_mechanism="sshpass")
    # ansible-core 2.22 puts sshpass in front later, when it starts the command.
    at = words.index("ssh")
    assert words[:at][:1] in ([], ["sshpass"])
    assert words[at + 1] == "-o"
    assert words[at + 2].startswith("ProxyCommand=")


def test_what_only_looks_like_another_way_is_none() -> None:
    assert command(ansible_ssh_common_args="-o UserKnownHostsFile=/home/ProxyJump -o ProxyUseFdpass=no")


def test_a_host_without_an_instance_is_refused() -> None:
    with pytest.raises(AnsibleConnectionFailure, match=r"^The instance id of web1 is unknown") as refused:
        command(instance_id=None)
    read = [entry["name"] for name in READ for entry in OPTIONS[name]["vars"]]
    assert all(name in str(refused.value) for name in read if not name.startswith("ansible_"))


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_localhost_is_told_of_the_keyword(name: str) -> None:
    said = r"runs on .*, which is not an EC2 instance\. .* connection: sshkeys.aws.ec2_instance_connect"
    with pytest.raises(AnsibleConnectionFailure, match=said):
        connection(instance_id=None, inventory_hostname=name)._tell_ssh_whom()
    with pytest.raises(AnsibleConnectionFailure, match=said):
        delegated(name, instance_id=None, ansible_host=name)._tell_ssh_whom()
    connection(inventory_hostname=name)._tell_ssh_whom()


@pytest.mark.parametrize(
    ("variables", "name", "address"),
    [
        ({}, "web1", None),
        ({"ansible_host": "web1"}, "web1", None),
        ({"ansible_host": "192.0.2.7"}, "192.0.2.7", "192.0.2.7"),
        ({"ansible_host": "fe80::1%eth0"}, "fe80::1%eth0", "fe80::1%eth0"),
        ({"ansible_host": "admin@192.0.2.7"}, INSTANCE_ID, "admin@192.0.2.7"),
        ({"inventory_hostname": "Web Server (prod)"}, INSTANCE_ID, None),
        ({"inventory_hostname": "app@prod"}, INSTANCE_ID, None),
        ({"inventory_hostname": "app@prod", "ansible_host": "app@prod"}, INSTANCE_ID, None),
        ({"inventory_hostname": "app@prod", "ansible_host": "192.0.2.7"}, "192.0.2.7", "192.0.2.7"),
        ({"inventory_hostname": INSTANCE_ID, "instance_id": None, "ansible_host": "192.0.2.7"}, *["192.0.2.7"] * 2),
        ({"ansible_host": INSTANCE_ID}, INSTANCE_ID, None),
    ],
)
def test_whom_ssh_is_told_and_what_is_an_address(variables: dict[str, Any], name: str, address: str | None) -> None:
    assert told(connection(**variables)) == (name, address)


@pytest.mark.parametrize(
    ("to", "ansible_host", "name", "address"),
    [
        # Nothing sets ansible_host, so ansible-core fills the name in.
        ("web3", "web3", "web3", None),
        ("Web Server (prod)", "Web Server (prod)", INSTANCE_ID, None),
        ("web3", "192.0.2.7", "192.0.2.7", "192.0.2.7"),
        # The name of the host that delegates is nothing to the other one.
        ("web3", "web1", "web1", "web1"),
    ],
)
def test_whom_ssh_is_told_in_a_delegated_task(to: str, ansible_host: str, name: str, address: str | None) -> None:
    assert told(delegated(to, ansible_host=ansible_host)) == (name, address)


def told(made: Any) -> tuple[str, str | None]:
    """Return what ssh is told to connect to, and the address that the ProxyCommand is told."""
    made._tell_ssh_whom()
    made.host = made.get_option("host")
    words = [word.decode() for word in made._build_command("ssh", "ssh", made.host, "true")]
    program = shlex.split(option(words, "ProxyCommand") or "")
    known = json.loads(Path(program[-2]).read_text(encoding="utf-8"))
    assert words[-2] == known["name"] == known["ssh"][-1]
    return known["name"], known["host"]


def delegated(to: str, **variables: Any) -> Any:
    """Return the connection of a task that web1 delegates. ansible-core says who delegates in inventory_hostname."""
    made = connection()
    named = {"inventory_hostname": "web1", "instance_id": INSTANCE_ID, **variables}
    made.set_options(task_keys={"delegate_to": to}, var_options=named)
    return made


@pytest.mark.parametrize(
    ("method", "arguments"),
    [("exec_command", ["true"]), ("put_file", ["here", "there"]), ("fetch_file", ["there", "here"]), ("reset", [])],
)
def test_ssh_is_told_whom_by_whatever_comes_first(
    method: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts: list[str] = []

    def of_ansible_core(made: Any, *_arguments: str, **_named: Any) -> None:
        hosts.append(made.get_option("host"))

    monkeypatch.setattr(ssh.Connection, method, of_ansible_core)
    getattr(connection(inventory_hostname="Web Server (prod)"), method)(*arguments)
    assert hosts == [INSTANCE_ID]


ODD = ["50%off", "a b", "it's", 'say "hi"', "back\\slash", "back\\", "#1;$x", "\u00fcber"]


@pytest.mark.parametrize("name", ODD)
def test_ssh_reads_each_path_as_it_is(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask ssh itself for the socket, the keys and the known hosts, and a shell for the program."""
    odd = tmp_path / name
    (odd / "local").mkdir(parents=True)
    monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(odd / "local"))
    monkeypatch.setenv("XDG_STATE_HOME", str(odd / "state"))
    variables = {"ansible_control_path_dir": str(odd / "cp"), "ansible_ssh_args": "-o ControlPersist=60s -F none"}
    words = command(**variables)
    read = subprocess.run([*words[:-2], "-G", "web1"], capture_output=True, text=True, check=True).stdout.splitlines()
    assert f"controlpath {odd}/cp/" in "\n".join(read).replace("%%", "%")
    assert f"identityfile {odd}/local/sshkeys.aws/id_ed25519" in [line.replace("%%", "%") for line in read]
    assert any(line.startswith(f"globalknownhostsfile {odd}/state/sshkeys.aws/") for line in read)
    shown = (option(words, "ProxyCommand") or "").replace("%%", "%")
    run = subprocess.run(["sh", "-c", f"printf '%s\\n' {shown}"], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-2].startswith(f"{odd}/local/sshkeys.aws/")
    own = command(**variables, ansible_private_key_file=str(odd / "mine"))
    read = subprocess.run([*own[:-2], "-G", "web1"], capture_output=True, text=True, check=True).stdout.splitlines()
    assert [line.replace("%%", "%") for line in read if line.startswith("identityfile")] == [f"identityfile {odd}/mine"]


def test_a_path_that_ssh_cannot_be_told_of_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = tmp_path / "${nowhere}"
    odd.mkdir()
    monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(odd))
    with pytest.raises(AnsibleConnectionFailure, match=r"\(ANSIBLE_LOCAL_TEMP\) contains '\$\{'"):
        command()


@pytest.mark.parametrize(("version", "is_refused"), [("8.6", True), ("8.7", False), ("10.0", False)])
def test_escapes_need_a_newer_ssh(version: str, is_refused: bool, tmp_path: Path) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\necho OpenSSH_{version}p1, OpenSSL 3 >&2\n")
    ssh.chmod(0o700)
    variables = {"ansible_ssh_executable": str(ssh), "ansible_private_key_file": f'{tmp_path}/say "hi"'}
    if is_refused:
        with pytest.raises(
            AnsibleConnectionFailure, match=r"^ansible_private_key_file has .* of OpenSSH 8\.6 can hold"
        ):
            command(**variables)
    else:
        assert command(**variables)
    assert command(ansible_ssh_executable=str(ssh))


def test_a_folder_for_sockets_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        AnsibleConnectionFailure, match=r"file/cp, cannot be written to\. .*ANSIBLE_SSH_CONTROL_PATH_DIR"
    ):
        command(ansible_control_path_dir=str(tmp_path / "file/cp"), ansible_ssh_args="-o ControlPersist=60s")


REFUSED = "Failed to connect to the host via ssh: ec2-user@web1: Permission denied (publickey)."


def run(monkeypatch: pytest.MonkeyPatch, *outcomes: str | None, method: str = "exec_command") -> Any:
    """Do something over a connection whose ssh ends so: with an error, or well. Returns what it returns.

    Raises what it raises.
    """
    left = list(outcomes)

    def of_ansible_core(made: Any, *_arguments: str, **_named: Any) -> str:
        made._build_command("ssh", "ssh", "web1", "true")
        outcome = left.pop(0)
        if outcome is not None:
            raise AnsibleConnectionFailure(outcome)
        return "done"

    monkeypatch.setattr(ssh.Connection, method, of_ansible_core)
    done = getattr(connection(), method)(*(["true"] if method == "exec_command" else ["here", "there"]))
    assert not left
    return done


def test_a_failure_before_ssh_was_started_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_made: Any, *_arguments: str, **_named: Any) -> None:
        raise AnsibleConnectionFailure(REFUSED)

    monkeypatch.setattr(ssh.Connection, "exec_command", fail)
    with pytest.raises(AnsibleConnectionFailure, match=f"^{re.escape(REFUSED)}$"):
        connection().exec_command("true")


@pytest.mark.parametrize("method", ["exec_command", "put_file", "fetch_file"])
def test_a_failure_is_explained_whatever_was_done(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AnsibleConnectionFailure, match="Likely causes"):
        run(monkeypatch, REFUSED, method=method)


PUSH = {"step": explain.Step.PUSH.name, "sentence": "AWS said no."}


def test_what_the_broker_has_said_explains_a_failure(
    monkeypatch: pytest.MonkeyPatch, broker: type[BrokerOfTests]
) -> None:
    broker.says = [{"failed": PUSH}]
    with pytest.raises(AnsibleConnectionFailure, match=r"The key could not be pushed, .* AWS said no\."):
        run(monkeypatch, "ssh: broken pipe")


def test_what_it_said_of_an_earlier_command_explains_no_later_one(
    monkeypatch: pytest.MonkeyPatch, broker: type[BrokerOfTests]
) -> None:
    broker.says = [{"failed": PUSH}, {}]
    made = connection()
    for _time in range(2):
        made._build_command("ssh", "ssh", "web1", "true")

    def fail(_made: Any, *_arguments: str, **_named: Any) -> None:
        raise AnsibleConnectionFailure("ssh: broken pipe")

    monkeypatch.setattr(ssh.Connection, "exec_command", fail)
    with pytest.raises(AnsibleConnectionFailure) as failure:
        made.exec_command("true")
    assert "AWS said no." not in str(failure.value)


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (PUSH, "AWS said no."),
        (None, "ssh: broken pipe"),
        (ConnectionRefusedError(111, "Connection refused"), "(broker.py) cannot be reached: [Errno 111] Connection"),
    ],
)
def test_a_broker_that_has_ended_is_followed_by_one_that_is_asked(
    failure: Any, sentence: str, monkeypatch: pytest.MonkeyPatch, broker: type[BrokerOfTests]
) -> None:
    broker.says, broker.failure = [{"has_ended": True}], failure
    with pytest.raises(AnsibleConnectionFailure) as raised:
        run(monkeypatch, "ssh: broken pipe")
    assert sentence in str(raised.value)
    assert broker.asked[-1][0] == "failure"


@pytest.mark.parametrize(("is_pushed", "said", "tries"), [(False, REFUSED, 2), (True, REFUSED, 1), (False, "other", 1)])
def test_a_key_that_was_not_pushed_again_and_is_refused_is_pushed_and_tried_once_more(
    is_pushed: bool, said: str, tries: int, monkeypatch: pytest.MonkeyPatch, broker: type[BrokerOfTests]
) -> None:
    """Something may have taken it from the instance since it was accepted."""
    broker.says = [{"made": "it", "is_pushed": is_pushed}]
    if tries == 1:
        with pytest.raises(AnsibleConnectionFailure):
            run(monkeypatch, said)
    else:
        assert run(monkeypatch, said, None) == "done"
    assert ("forget" in [each[0] for each in broker.asked]) is (tries > 1)


def test_it_is_not_tried_for_ever(monkeypatch: pytest.MonkeyPatch, broker: type[BrokerOfTests]) -> None:
    broker.says = [{"made": "it", "is_pushed": False}] * 2
    with pytest.raises(AnsibleConnectionFailure, match="Likely causes"):
        run(monkeypatch, REFUSED, REFUSED)


def test_the_end_of_a_command_closes_its_socket(monkeypatch: pytest.MonkeyPatch, broker: type[BrokerOfTests]) -> None:
    """So the broker knows of it, whatever ended it."""
    run(monkeypatch, None)
    with pytest.raises(AnsibleConnectionFailure):
        run(monkeypatch, "ssh: broken pipe")
    for end in broker.open_ends:
        # What was said and not read resets the connection.
        with contextlib.suppress(ConnectionResetError):
            assert end.recv(1) == b""
    assert len(broker.open_ends) == 2


@pytest.mark.parametrize(("verbosity", "shown"), [(0, []), (1, ["it waits"]), (3, ["it waits", "it was made"])])
def test_what_is_shown(
    verbosity: int, shown: list[str], monkeypatch: pytest.MonkeyPatch, broker: type[BrokerOfTests]
) -> None:
    broker.says = [{"waits": "it waits", "made": "it was made", "is_pushed": True}]
    seen: list[str] = []
    display = SimpleNamespace(verbosity=verbosity)
    display.v = lambda text, host: seen.append(text) if text and verbosity and host else None
    display.vvv = lambda text, host: seen.append(text) if verbosity == 3 and host else None
    monkeypatch.setattr(ec2_instance_connect, "_display", display)
    run(monkeypatch, None)
    assert seen == shown


def test_the_broker_is_told_where_the_socket_of_ssh_is(tmp_path: Path, broker: type[BrokerOfTests]) -> None:
    """If it is there, ssh needs no place of an endpoint."""
    folder = {"ansible_control_path_dir": str(tmp_path / "50%"), "ansible_ssh_args": "-o ControlPersist=60s"}
    made = connection(**folder)
    for _time in range(2):
        words = [word.decode() for word in made._build_command("ssh", "ssh", "web1", "true")]
    path = (option(words, "ControlPath") or "").strip('"').replace("%%", "%")
    assert [each[2] for each in broker.asked] == [path] * 2
    assert Path(path).parent == tmp_path / "50%"


def test_to_close_a_connection_needs_no_place(monkeypatch: pytest.MonkeyPatch, broker: type[BrokerOfTests]) -> None:
    def of_ansible_core(made: Any) -> None:
        made._build_command("ssh", "ssh", "-O", "stop", "web1")

    monkeypatch.setattr(ssh.Connection, "reset", of_ansible_core)
    made = connection()
    made.reset()
    assert broker.asked == []
    made._build_command("ssh", "ssh", "web1", "true")
    assert len(broker.asked) == 1


def test_a_worker_without_ansible_playbook_makes_nothing(local_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: SimpleNamespace(pid=1))
    with pytest.raises(AnsibleConnectionFailure, match=r"^ansible-playbook has ended, and so this worker of it makes"):
        command()
    assert not list(local_tmp.iterdir())


def test_options_are_defined_as_they_are_documented() -> None:
    """The short way to the definitions leads to what ansible-core would read in the documentation."""
    defined = C.config.get_configuration_definitions("connection", ec2_instance_connect.__name__)
    documentation = yaml.safe_load(ec2_instance_connect.DOCUMENTATION)
    # The fragments of the collection are not found here.
    fragments = documentation["extends_documentation_fragment"]
    assert fragments == ["sshkeys.aws._secret", "sshkeys.aws._ssh", "connection_pipelining"]
    documentation["extends_documentation_fragment"] = ["connection_pipelining"]
    for fragment in (_secret, _ssh):
        merge_fragment(documentation["options"], yaml.safe_load(fragment.ModuleDocFragment.DOCUMENTATION)["options"])
    add_fragments(documentation, ec2_instance_connect.__file__, fragment_loader=fragment_loader)
    assert defined.keys() == documentation["options"].keys()
    for name, definition in documentation["options"].items():
        assert _what_counts(defined[name]) == _what_counts(definition), name


def test_secret_options_are_marked_for_an_ansible_core_that_masks_them() -> None:
    defined = C.config.get_configuration_definitions("connection", ec2_instance_connect.__name__)
    marked = {name for name in OPTIONS if defined[name].get("secret")}

    masks = importlib.util.find_spec("ansible.module_utils.secrets") is not None
    assert marked == ({"secret_key", "session_token"} if masks else set())


def _what_counts(definition: dict[str, Any]) -> dict[str, Any]:
    """Return where a value comes from and what it may be."""
    sources = {
        what: [
            {key: value for key, value in entry.items() if "version" not in key} for entry in definition.get(what, [])
        ]
        for what in ("vars", "env", "ini", "cli", "keyword")
    }
    return {**sources, **{what: definition.get(what) for what in ("default", "type", "choices", "required", "secret")}}
