# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of a run, whatever ends it: its key and secrets go at once, and its processes with the last connection."""

from __future__ import annotations

import os
import re
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.tests.playbooks import Controller
from ansible_collections.sshkeys.aws.tests.plays.connection_hosts import (
    OURS,
    PLAYBOOKS,
    close_masters,
    inventory,
    master_process,
    masters,
    private,
    processes,
    short_folder_for_sockets,
)
from ansible_collections.sshkeys.aws.tests.secrets_left import lines_with_secrets
from ansible_collections.sshkeys.aws.tests.waiting import wait_until

# What is no part of that: programs of Ansible and of OpenSSH.
_OTHERS = re.compile(r"ansible-playbook|^(\S*/)?(ssh|sftp|scp)[: ]")


def processes_of_the_run() -> list[str]:
    """Return the programs that make the connections: those that are not ansible-playbook's own, nor those of ssh."""
    commands = [command for command in processes().values() if not _OTHERS.search(command)]
    return sorted(word.rpartition("/")[2] for command in commands for word in command.split() if word.endswith(".py"))


def broker() -> int:
    """Return the process of the broker."""
    (found,) = [number for number, command in processes().items() if "/broker.py" in command]
    return found


@pytest.fixture
def ctrl_c_works() -> Iterator[None]:
    """Let processes take a Ctrl-C, also where a shell has started the tests in the background, and ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c_works")
@pytest.mark.parametrize(
    "number",
    [
        signal.SIGINT,
        signal.SIGKILL,
        pytest.param(signal.SIGTERM, marks=pytest.mark.exhaustive),
        pytest.param(signal.SIGHUP, marks=pytest.mark.exhaustive),
    ],
    ids=lambda number: number.name,
)
def test_a_run_that_is_stopped_leaves_nothing(controller: Controller, number: signal.Signals) -> None:
    lab = controller.lab
    # A secret in a variable goes through a file of the run.
    given = {f"{OURS}_access_key": lab.lab["access_key"], f"{OURS}_secret_key": lab.lab["secret_key"]}
    hosts = {f"private{each}": {**private(lab, each), **given} for each in range(2)}
    variables = {"folder": str(controller.folder)}
    with short_folder_for_sockets() as environment:
        started = controller.start(
            PLAYBOOKS / "wait.yml",
            inventory=inventory(lab, private=hosts),
            variables=variables,
            environment={**environment, "AWS_SECRET_ACCESS_KEY": "", "AWS_ACCESS_KEY_ID": ""},
        )
        told = controller.folder / "open"
        wait_until(lambda: (told.exists() and told.read_text() != "") or started.process.poll() is not None, "no host")
        assert started.process.poll() is None, started.finish().output
        folder = Path(told.read_text())
        assert (folder / "id_ed25519").read_text().startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in folder.iterdir() if path.suffix == ".json"} == {0}
        # Both hosts share them.
        assert processes_of_the_run() == ["broker.py", "run_guard.py"], processes()
        if number is signal.SIGINT:
            # A Ctrl-C goes to all processes of the terminal's foreground.
            os.killpg(started.process.pid, number)
        else:
            started.process.send_signal(number)
        started.finish()
        wait_until(lambda: not folder.exists(), f"{folder} is left")
        close_masters(Path(environment["ANSIBLE_SSH_CONTROL_PATH_DIR"]))
        wait_until(lambda: not processes(), f"{processes()} are left")


def test_processes_end_with_the_last_tunnel_and_are_started_again_when_they_were_killed(controller: Controller) -> None:
    """A connection that persists needs its tunnel when the run is over, and not for longer than it lives itself.

    The system may kill the process that makes the connections, for want of memory. Open tunnels go on.
    """
    lab = controller.lab
    hosts = inventory(lab, private={f"private{number}": private(lab, number) for number in range(2)})
    with short_folder_for_sockets() as environment:
        variables = {"folder": str(controller.folder)}
        started = controller.start(
            PLAYBOOKS / "server_killed.yml", inventory=hosts, variables=variables, environment=environment
        )
        opened = controller.folder / "open"
        wait_until(lambda: opened.exists() or started.process.poll() is not None, "no host was opened")
        os.kill(broker(), signal.SIGKILL)
        (controller.folder / "killed").touch()
        started.finish().assert_succeeded()
        assert not list((controller.folder / "home").rglob("id_ed25519*"))
        sockets = masters(Path(environment["ANSIBLE_SSH_CONTROL_PATH_DIR"]))
        assert len(sockets) == 2
        assert processes()
        # It has forgotten what it knew, as far as anybody can see.
        assert lines_with_secrets(Path(f"/proc/{broker()}/environ").read_bytes()) == []
        for socket in sockets:
            os.kill(master_process(socket), signal.SIGKILL)
        wait_until(lambda: not processes(), f"{processes()} are left")
