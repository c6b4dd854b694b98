# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of opening a connection: which way, with which key, and how ssh is asked for its configuration."""

from __future__ import annotations

import os
import socket
import stat
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.ec2 import Instance
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import opening
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.explain import Step
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.opening import (
    FailedError,
    Settings,
    connect,
    direct_address,
    reach,
    ssh_configuration,
)

INSTANCE_ID = "i-0123456789abcdef0"
PRIVATE = {"private_ip_address": "10.0.0.7"}
PUBLIC = {**PRIVATE, "public_ip_address": "192.0.2.7"}
# What EC2 knows of a private instance, and of a public one.
HIDDEN = Instance("10.0.0.7", None, None, "vpc-1", "subnet-1")
OPEN = Instance("10.0.0.7", "192.0.2.7", None, "vpc-1", "subnet-1")


@pytest.mark.parametrize(
    ("told", "hostname", "known", "address", "asked"),
    [
        # auto: a tunnel for an instance without a public address.
        ({"tunnel": "auto", **PRIVATE}, "web1", None, None, 0),
        ({"tunnel": "auto", **PRIVATE, "public_ip_address": ""}, "web1", None, None, 0),
        ({"tunnel": "auto", **PRIVATE, "host": "10.0.0.7"}, "10.0.0.7", None, None, 0),
        ({"tunnel": "auto", **PUBLIC}, "web1", None, "192.0.2.7", 0),
        ({"tunnel": "auto", **PUBLIC, "host": "web1.example.com"}, "web1.example.com", None, "web1.example.com", 0),
        # ssh is told the id where it would not take the address for a host, and it stays the address.
        ({"tunnel": "auto", **PUBLIC, "host": "a@b", "name": INSTANCE_ID}, INSTANCE_ID, None, "a@b", 0),
        # HostName in the configuration of ssh counts more. ssh has it in small letters, and a zone may have big ones.
        ({"tunnel": "never", "host": "web1", "name": "web1"}, "192.0.2.9", None, "192.0.2.9", 0),
        ({"tunnel": "never", "host": "fe80::1%Eth0", "name": "fe80::1%Eth0"}, "fe80::1%eth0", None, "fe80::1%Eth0", 0),
        # Nothing is known but the id.
        ({"tunnel": "auto"}, INSTANCE_ID, HIDDEN, None, 1),
        ({"tunnel": "auto"}, INSTANCE_ID, OPEN, "192.0.2.7", 1),
        # always, whatever is known.
        ({"tunnel": "always", **PUBLIC}, "web1", None, None, 0),
        ({"tunnel": "always", "host": "192.0.2.7"}, "192.0.2.7", None, None, 0),
        # never: the address of the user, the public one, the private one, the name, what EC2 says.
        ({"tunnel": "never", **PUBLIC, "host": "192.0.2.99"}, "192.0.2.99", None, "192.0.2.99", 0),
        ({"tunnel": "never", **PUBLIC}, "web1", None, "192.0.2.7", 0),
        ({"tunnel": "never", **PRIVATE}, "web1", None, "10.0.0.7", 0),
        ({"tunnel": "never", "name": "web1"}, "web1.example.com", None, "web1.example.com", 0),
        # A name is in small letters for ssh, and that makes no other one of it.
        ({"tunnel": "auto", **PUBLIC, "name": "Web1"}, "web1", None, "192.0.2.7", 0),
        # Those of ASCII, that is.
        ({"tunnel": "auto", **PUBLIC, "name": "WEB-Ä"}, "web-Ä", None, "192.0.2.7", 0),
        ({"tunnel": "never", "name": "web1"}, "web1", OPEN, "192.0.2.7", 1),
        ({"tunnel": "never"}, INSTANCE_ID, Instance(None, None, "2001:db8::7", "vpc-1", "subnet-1"), "2001:db8::7", 1),
        ({"tunnel": "never"}, INSTANCE_ID, HIDDEN, "10.0.0.7", 1),
        ({"tunnel": "never"}, INSTANCE_ID, OPEN, "192.0.2.7", 1),
    ],
)
def test_the_way(told: dict[str, str], hostname: str, known: Instance | None, address: str | None, asked: int) -> None:
    questions: list[Instance] = []

    def ask() -> Instance:
        assert known
        questions.append(known)
        return known

    assert direct_address(known_of(hostname, told), hostname, ask) == address
    assert len(questions) == asked


def test_ssh_says_what_counts(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host web1\n  HostName 192.0.2.7\n  Port 2222\n  User admin\nHost *\n  User nobody\n")
    found = ssh_configuration(["ssh", "-F", str(config), "-G", "web1"])
    assert (found["hostname"], found["port"], found["user"]) == ("192.0.2.7", "2222", "admin")


@pytest.mark.parametrize(
    ("told", "hostname", "address"),
    [
        ({"tunnel": "auto", **PRIVATE}, "web1", None),
        ({"tunnel": "auto", **PRIVATE, "host": "10.0.0.7"}, "web1", "10.0.0.7"),
        ({"tunnel": "auto", "name": "web1"}, "10.0.0.7", "10.0.0.7"),
        ({"tunnel": "auto", "instance_connect_endpoint_id": "eice-1", "host": "10.0.0.7"}, "web1", None),
        ({"tunnel": "always", "host": "10.0.0.7"}, "web1", None),
    ],
)
def test_the_way_where_there_is_no_endpoint(told: dict[str, str], hostname: str, address: str | None) -> None:
    assert opening.address_without_endpoint(known_of(hostname, told), hostname) == address


@pytest.mark.parametrize(
    ("told", "must"),
    [
        ({"tunnel": "always", **PUBLIC}, True),
        ({"tunnel": "auto", **PRIVATE}, True),
        ({"tunnel": "auto", **PUBLIC}, False),
        # EC2 may know a public address, and the VPC may have no endpoint.
        ({"tunnel": "auto"}, False),
        ({"tunnel": "auto", **PRIVATE, "host": "10.0.0.7"}, False),
        ({"tunnel": "never", **PRIVATE}, False),
    ],
)
def test_what_needs_a_tunnel_in_any_case(told: dict[str, str], must: bool) -> None:
    assert opening.must_tunnel(known_of("web1", told), "web1") is must


@pytest.mark.parametrize("port", [22, 3389])
def test_ports_of_endpoints(port: int) -> None:
    opening.check_port(port)


def test_a_port_that_no_endpoint_has() -> None:
    with pytest.raises(ArgumentError, match=r"is 2222 \(ansible_port.*ports 22 and 3389 only\. .*tunnel: never\."):
        opening.check_port(2222)


def known_of(hostname: str, told: dict[str, str]) -> Settings:
    nothing = dict.fromkeys(Settings.__annotations__)
    return cast("Settings", {**nothing, "instance_id": INSTANCE_ID, "name": hostname, **told})


# AWS Systems Manager User Guide, "Allow and control permissions for SSH connections through Session Manager".
OF_SESSION_MANAGER = """
Host i-* mi-*
    ProxyCommand sh -c "aws ssm start-session --target %h --document-name AWS-StartSSHSession"
"""


def test_the_configuration_of_session_manager_can_be_set_aside(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(OF_SESSION_MANAGER)
    asked = ["-F", str(config), "-G", INSTANCE_ID]
    with pytest.raises(ArgumentError, match=r"add to ansible_ssh_common_args: -o ProxyCommand=none\."):
        ssh_configuration(["ssh", *asked])
    assert ssh_configuration(["ssh", "-o", "ProxyCommand=none", *asked])["hostname"] == INSTANCE_ID


@pytest.mark.parametrize("user", ["ec2-user", "ec2-user  b", "ec2-user b"])
def test_a_user_is_no_other_one(user: str) -> None:
    assert ssh_configuration(["ssh", "-F", "none", "-l", user, "-G", "web1"])["user"] == user


@pytest.mark.parametrize("way", ["ProxyJump bastion", "ProxyCommand nc %h %p"])
def test_another_way_in_the_configuration_of_ssh_is_refused(tmp_path: Path, way: str) -> None:
    config = tmp_path / "config"
    config.write_text(f"Host web1\n  {way}\nHost *\n  ProxyJump none\n")
    name, where = way.split(maxsplit=1)
    with pytest.raises(ArgumentError, match=rf"has {name.lower()} {where} for this host"):
        ssh_configuration(["ssh", "-F", str(config), "-G", "web1"])
    assert ssh_configuration(["ssh", "-F", str(config), "-G", "web2"])["hostname"] == "web2"


def test_a_configuration_that_ssh_cannot_read(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("NoSuchOption yes\n")
    with pytest.raises(ArgumentError, match=r"cannot be asked for its configuration: .*nosuchoption"):
        ssh_configuration(["ssh", "-F", str(config), "-G", "web1"])


def test_a_connection_is_made_as_ssh_would(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        made = connect("127.0.0.1", port, {"tcpkeepalive": "yes", "bindaddress": "127.0.0.2"}, time.monotonic() + 5)
        with made, server.accept()[0] as accepted:
            assert accepted.getpeername()[0] == "127.0.0.2"
            assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert made.gettimeout() is None
            assert stat.S_ISSOCK(Path(f"/proc/self/fd/{made.fileno()}").stat().st_mode)


@pytest.mark.parametrize(
    ("address", "configuration", "said"),
    [
        ("127.0.0.1", {}, "127.0.0.1 port 1: Connection refused."),
        ("127.0.0.1", {"addressfamily": "inet6"}, "127.0.0.1 port 1: .*family"),
        ("nowhere.invalid", {}, "nowhere.invalid port 1: .*"),
        ("no..where", {}, "no..where port 1: This is no address."),
        ("\x1b[2J" + "a" * 1_000, {}, r"\[2Ja{250} port 1: This is no address."),
    ],
)
def test_what_cannot_be_reached_is_a_sentence(address: str, configuration: Any, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        connect(address, 1, configuration, time.monotonic() + 5)


def test_a_connection_is_waited_for_no_longer_than_the_timeout() -> None:
    """A server whose queue is full drops what comes, as a security group does."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        waiting = []
        for _number in range(3):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(server.getsockname())
            waiting.append(one)
        began = time.monotonic()
        with pytest.raises(ArgumentError, match="timed out"):
            connect("127.0.0.1", server.getsockname()[1], {}, began + 0.3)
        assert time.monotonic() - began < 3
        for one in waiting:
            one.close()


@pytest.mark.parametrize(
    ("before", "now", "connected"),
    [
        ("192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", "192.0.2.2", "192.0.2.1"),
        ("closed", "192.0.2.2", "192.0.2.2"),
        # Started again without a public address: it takes the tunnel.
        ("closed", None, None),
        (None, "192.0.2.2", None),
        ("closed", "closed", "failed"),
        ("closed", "closed too", "failed"),
    ],
)
def test_an_instance_that_was_started_again_is_found(
    before: str | None, now: str | None, connected: str | None
) -> None:
    """EC2 is asked anew only where there is no way to what it has said before."""
    asked: list[bool] = []
    opened = socket.socket()

    def find(*, anew: bool) -> str | None:
        asked.append(anew)
        return now if anew else before

    def open_to(address: str) -> socket.socket:
        if address.startswith("closed"):
            raise FailedError(Step.CONNECT, "No.")
        assert address == connected
        return opened

    with opened:
        if connected == "failed":
            with pytest.raises(FailedError):
                reach(find, open_to)
        else:
            assert reach(find, open_to) is (opened if connected else None)
    assert asked == ([False, True] if before == "closed" else [False])


@pytest.mark.parametrize(("seconds", "pushes"), [(1, 1), (29, 1), (31, 2), (90, 2)])
def test_a_key_that_had_to_wait_is_pushed_again(
    seconds: int, pushes: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An endpoint may have no room, and an instance may have to boot, for longer than a key lives."""
    now, pushed = [1000.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(opening, "account_of", lambda _aws: SimpleNamespace(client=lambda _service: None))
    configuration = {"user": "ec2-user", "port": "22", "hostname": "web1"}
    monkeypatch.setattr(opening, "ssh_configuration", lambda _command: configuration)
    monkeypatch.setattr(opening._Opening, "_push", lambda _self, user: pushed.append(user))

    def reach_slowly(_find: object, _open_to: object) -> socket.socket:
        now[0] += seconds
        return socket.socket()

    monkeypatch.setattr(opening, "reach", reach_slowly)
    nothing = dict.fromkeys(Settings.__annotations__)
    settings = cast("Settings", {**nothing, "instance_id": INSTANCE_ID, "timeout": 100, "host_keys": "ssh"})
    ssh, theirs = socket.socketpair()
    with ssh, theirs:
        status, _carry = opening.main(settings, str(tmp_path / "settings.json"), theirs)
        received, descriptors, _flags, _address = socket.recv_fds(ssh, 10, 1)
    os.close(descriptors[0])
    assert (status, received, pushed) == (0, b"\0", ["ec2-user"] * pushes)
