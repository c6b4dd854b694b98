# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ProxyCommand and the process that makes the connections of a run: when it begins, and that it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import explain, proxy_command

PROGRAM = str(proxy_command.__file__)
COLLECTIONS = str(Path(PROGRAM).parents[6])


class Run:
    """A run of ansible-playbook: a process, and a folder of what must not outlive it."""

    def __init__(self, folder: Path) -> None:
        """Begin, with a long path to the folder."""
        self.folder = folder / ("long" * 30)
        self.folder.mkdir()
        (self.folder / "id_ed25519").touch()
        self.controller = subprocess.Popen(["sleep", "60"])
        self.settings = self.folder / "settings.json"
        # Too few to make a connection of them, so each ends in a sentence.
        told = {"collection_paths": [COLLECTIONS], "controller": self.controller.pid, "instance_id": "i-00000000"}
        self.settings.write_text(json.dumps(told), encoding="utf-8")

    def ask(self) -> subprocess.Popen[bytes]:
        """Start a ProxyCommand, as ssh does."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            return subprocess.Popen([sys.executable, "-I", "-S", PROGRAM, str(self.settings)], stdout=theirs.fileno())

    def told(self) -> str:
        """Return what the connection plugin tells of the last one."""
        return explain.failure("ssh said nothing.", str(self.settings), 0)

    def servers(self) -> list[int]:
        """Return the processes of the servers that run, without those that they have forked."""
        found = subprocess.run(["pgrep", "-f", f"fork_server.py .*{self.settings}"], capture_output=True, check=False)
        return [process for process in map(int, found.stdout.split()) if session_of(process) == process]


def session_of(process: int) -> int:
    """Return the session that a process is in, 0 for one that has just ended."""
    try:
        return os.getsid(process)
    except ProcessLookupError:
        return 0


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until something is so, ten seconds at most."""
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Return a run that has begun."""
    begun = Run(tmp_path)
    try:
        yield begun
    finally:
        begun.controller.kill()
        begun.controller.wait()
        wait_until(lambda: not begun.servers())


def test_what_nobody_has_thought_of_is_told(run: Run) -> None:
    with run.ask() as program:
        assert program.wait(20) == 1
    assert "The connection could not be prepared. KeyError: 'aws'." in run.told()


def test_a_server_that_cannot_be_started_is_told(run: Run) -> None:
    (run.folder / "server").mkdir()
    with run.ask() as program:
        assert program.wait(20) == 1
    assert "cannot be reached: [Errno 21] Is a directory: 'server'." in run.told()


def test_a_server_that_ends_before_it_answers_is_told(run: Run) -> None:
    """As one that the system has killed for want of memory."""
    run.settings.write_text(run.settings.read_text().replace('"controller"', '"somebody"'))
    with run.ask() as program:
        assert program.wait(20) == 1
    assert "The process that makes the connections of this run cannot be reached" in run.told()


def test_all_of_a_run_share_a_server(run: Run) -> None:
    programs = [run.ask() for _number in range(12)]
    for program in programs:
        with program:
            assert program.wait(20) == 1
    assert len(run.servers()) == 1


def test_a_server_that_is_gone_is_replaced(run: Run) -> None:
    for _time in range(2):
        with run.ask() as program:
            assert program.wait(20) == 1
        (server,) = run.servers()
        os.kill(server, signal.SIGKILL)
        wait_until(lambda: not run.servers())


def test_the_end_of_the_run_ends_the_server_and_deletes_the_key(run: Run) -> None:
    """Whatever ended it: a process that was killed leaves its folder behind."""
    with run.ask() as program:
        program.wait(20)
    run.controller.kill()
    # As a zombie, it is there no more.
    wait_until(lambda: not run.folder.exists())
    wait_until(lambda: not run.servers())


def test_the_end_of_the_folder_ends_the_server(run: Run) -> None:
    with run.ask() as program:
        program.wait(20)
    for file in run.folder.iterdir():
        file.unlink()
    run.folder.rmdir()
    wait_until(lambda: not run.servers())


def test_what_sends_nonsense_keeps_nobody_waiting(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with run.ask() as program:
        program.wait(20)
    monkeypatch.chdir(run.folder)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect("server")
        # A name of settings, a folder, and a file that is no socket.
        with run.settings.open("rb") as file:
            socket.send_fds(silent, [b"settings\0folder"], [file.fileno()])
        assert silent.recv(1) == b""
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect("server")
        silent.sendall(b"nonsense")
        assert silent.recv(1) == b""
    with run.ask() as program:
        assert program.wait(20) == 1
