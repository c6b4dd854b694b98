# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Host keys of Transfer servers: real ssh-keyscan and sftp, a server that is the right one, and one that is not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.tests.playbooks import Controller, Run

PLAYBOOK = Path(__file__).parent / "host_keys.yml"
ROTATE = "sshkeys.aws.transfer_rotate"
TRUST = "Trust the keys that both have"
RELAY = """
import os, pathlib, socket, sys, threading

with pathlib.Path(__file__).with_suffix(".log").open("a") as log:
    log.write("used\\n")
there = socket.create_connection((sys.argv[1], int(sys.argv[2])))

def up():
    while data := os.read(0, 65536):
        there.sendall(data)
    there.shutdown(socket.SHUT_WR)

threading.Thread(target=up, daemon=True).start()
while data := there.recv(65536):
    os.write(1, data)
"""
DENIED = {"fault": "error", "code": "AccessDeniedException", "message": "Not allowed", "status": 400, "times": None}


class World:
    """The servers of the lab and their users, and runs on them."""

    def __init__(self, controller: Controller) -> None:
        """Give each user with an sftp server a key."""
        self.controller, self.lab = controller, controller.lab
        self.line = controller.make_key("alice")
        self.doors = {each["user_name"]: each for each in self.lab.lab["transfer"]["users"] if each["port"]}
        self.server = f"transfer/servers/{self.lab.server_id}"

    def trust(self, name: str, **door: Any) -> tuple[Run, Path]:
        """Run the playbook of this file. Returns the known_hosts file too."""
        file = self.controller.folder / name
        variables = {
            "server_id": self.lab.server_id,
            "known_hosts_file": str(file),
            "door": {**self.doors["partner"], **door},
        }
        return self.controller.run(PLAYBOOK, variables=variables), file

    def logs_in(self, known_hosts: Path, *options: str, user: str = "partner") -> subprocess.CompletedProcess[str]:
        """Log in by sftp with the key of the user, with the host keys of a file alone."""
        at = self.doors[user]
        own = ("-F", "none", "-o", f"UserKnownHostsFile={known_hosts}", "-o", "GlobalKnownHostsFile=/dev/null")
        key = self.controller.folder / "keys/alice"
        only = ("-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-i", str(key), "-P", str(at["port"]))
        command = ["sftp", *own, *only, *options, "-b", "/dev/null", f"{at['login_user']}@{at['host']}"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def prepare(self, *users: str) -> None:
        """Let users hold the key, and have it in their files."""
        self.lab.control("DELETE", "requests")
        for user in users:
            self.lab.hold(user, [self.line])
            private = (self.controller.folder / "keys/alice").read_text("utf-8")
            file = self.controller.write(f"{user}/key", private)
            file.chmod(0o600)
            for other in file.parent.iterdir():
                if other != file:
                    other.unlink()

    def rotate(self, cases: Mapping[str, Mapping[str, object]], *arguments: str) -> Run:
        """Rotate the key of users, with a login at the door of each."""
        hosts = {}
        for user, variables in cases.items():
            at = self.doors[user]
            hosts[user] = {
                "user_name": user,
                "private_key_file": str(self.controller.folder / user / "key"),
                "sftp_host": at["host"],
                "sftp_port": at["port"],
                "sftp_user": at["login_user"],
                **variables,
            }
        inventory = {"localhost": {"hosts": hosts, "vars": {"server_id": self.lab.server_id}}}
        return self.controller.run(ROTATE, *arguments, inventory=inventory)

    def calls(self) -> Sequence[str]:
        """Return the operations that were called."""
        return [each["operation"] for each in self.lab.requests()]


@pytest.fixture(scope="module")
def world(module_controller: Controller) -> World:
    return World(module_controller)


@pytest.fixture(autouse=True)
def _as_it_was(world: World) -> None:
    world.lab.control("POST", "reset")


def failure(run: Run, user: str) -> str:
    return str(run.of("Report the failure, and the current keys and files", user)["msg"])


# -- The filter, as the guide shows it ---------------------------------------------------------------------------------


def test_stated_host_keys_are_trusted_and_open_the_way_for_sftp(world: World) -> None:
    world.prepare("partner")
    run, file = world.trust("known_hosts")
    run.assert_succeeded()
    types = sorted(line.split()[1] for line in file.read_text("utf-8").splitlines())
    assert types == ["ecdsa-sha2-nistp256", "ssh-ed25519", "ssh-rsa"]
    assert world.logs_in(file).returncode == 0
    assert world.logs_in(Path(f"{file}.alias"), "-o", "HostKeyAlias=sftp.example.com").returncode == 0
    again, _file = world.trust("known_hosts")
    assert again.recap("localhost")["changed"] == 0


def test_a_server_that_is_another_one_is_refused(world: World) -> None:
    world.prepare("partner")
    world.lab.control("PUT", world.server, shown=["impostor"])
    run, file = world.trust("refused")
    assert run.status == 2
    stated = world.lab.control("GET", world.server)["host_keys"]
    (ed25519,) = [key["fingerprint"] for key in stated if key["type"] == "ssh-ed25519"]
    at = world.doors["partner"]
    said = str(run.of(TRUST)["msg"])
    assert f"[{at['host']}]:{at['port']} shows an ssh-ed25519 key with the fingerprint SHA256:" in said
    assert f"the service states {ed25519} for this type." in said
    assert not file.exists()


def test_a_server_that_does_not_answer_is_an_error(world: World) -> None:
    run, file = world.trust("silent", port=1)
    assert run.status == 2
    assert "The server showed no host key." in str(run.of(TRUST)["msg"])
    assert not file.exists()


# -- The login of transfer_rotate --------------------------------------------------------------------------------------


def test_a_login_needs_no_preparation(world: World) -> None:
    world.prepare("partner", "auditor")
    relay = world.controller.write("a relay.py", RELAY)
    # The server of auditor is asked for a key of another type, on a way that ssh-keyscan could not take.
    through = f"-o 'ProxyCommand={sys.executable} \"{relay}\" %h %p' -o HostKeyAlgorithms=rsa-sha2-512"
    run = world.rotate({"partner": {}, "auditor": {"ssh_args": through}})
    run.assert_succeeded()
    for user in ("partner", "auditor"):
        assert world.line not in world.lab.held(user)
        assert "The host key there is one that the service states." in run.of("Sum up", user)["msg"]
        options = run.of("Log in with the new key", user)["cmd"]
        assert "StrictHostKeyChecking=yes" in options
        assert not [option for option in options if "known_hosts" in option and ".ssh" in option]
    assert world.calls().count("ListHostKeys") == 2
    # The host key is asked for first, and then come the logins.
    assert relay.with_suffix(".log").read_text("utf-8").count("used") >= 2


@pytest.mark.parametrize("arguments", [(), ("--check",)])
def test_nothing_is_changed_where_somebody_else_answers(world: World, arguments: tuple[str, ...]) -> None:
    world.prepare("partner")
    world.lab.control("PUT", world.server, shown=["impostor"])
    run = world.rotate({"partner": {}}, *arguments)
    assert run.status == 2
    said = failure(run, "partner")
    assert said.startswith("Compare the host key with those that the service states: [127.0.0.1]:")
    assert "Somebody else may be answering in its place" in said
    assert "Nothing was changed." in said
    assert world.lab.held("partner") == [world.line]
    assert [path.name for path in (world.controller.folder / "partner").iterdir()] == ["key"]
    assert set(world.calls()) <= {"DescribeUser", "DescribeServer", "ListHostKeys"}


def test_a_server_that_cannot_be_reached_is_told_before_anything_is_changed(world: World) -> None:
    world.prepare("partner")
    run = world.rotate({"partner": {"sftp_port": 1}})
    assert run.status == 2
    assert "The server showed no host key. It said: ssh: connect to host 127.0.0.1 port 1: " in failure(run, "partner")
    assert world.lab.held("partner") == [world.line]


def test_without_the_permission_ssh_looks_into_known_hosts_and_the_failure_says_what_to_do(world: World) -> None:
    world.prepare("partner")
    world.lab.misbehave({"operation": "ListHostKeys", **DENIED})
    run = world.rotate({"partner": {}})
    assert run.status == 2
    said = failure(run, "partner")
    assert "with the new key: Host key verification failed. Connection closed. No old key was removed." in said
    assert f"It is looked up under [127.0.0.1]:{world.doors['partner']['port']} in known_hosts." in said
    assert "The host keys that the service states are unknown: " in said
    assert "Allow the action that the message names" in said
    assert "The filter sshkeys.aws.known_hosts turns what ssh-keyscan prints into the lines" in said
    assert len(world.lab.held("partner")) == 2


def test_the_user_may_say_where_the_host_keys_are(world: World) -> None:
    world.prepare("partner", "auditor")
    world.lab.control("PUT", world.server, shown=["impostor"])
    known = world.controller.write("empty_known_hosts", "")
    scanned = subprocess.run(
        ["ssh-keyscan", "-p", str(world.doors["partner"]["port"]), world.doors["partner"]["host"]],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    own = world.controller.write("own_known_hosts", scanned)
    run = world.rotate(
        {
            "partner": {"ssh_args": f"-o UserKnownHostsFile={own}"},
            "auditor": {"ssh_args": f"-oUserKnownHostsFile={known}"},
        }
    )
    # The server in front has a host key of its own, and the user knows it.
    assert world.line not in world.lab.held("partner")
    assert "Host key verification failed." in failure(run, "auditor")
    assert "ssh_args says how ssh knows host keys." in failure(run, "auditor")
    assert "ListHostKeys" not in world.calls()
