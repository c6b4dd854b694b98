# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process that makes the connections of a run: when it begins, and that it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import fork_server
from ansible_collections.sshkeys.aws.tests.unit.connection_run import (
    PROGRAM,
    Run,
    children_that_nobody_collected,
)
from ansible_collections.sshkeys.aws.tests.waiting import wait_until


def test_what_nobody_has_thought_of_is_told(run: Run) -> None:
    with run.ask() as program:
        assert program.wait(20) == 1
    assert "The connection could not be prepared. KeyError: 'aws'." in run.told()


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
        wait_until(lambda: not run.servers(), "a server is left")


def test_a_server_that_is_about_to_end_is_replaced(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its socket still takes connections when its process is ending."""
    monkeypatch.chdir(run.folder)
    with socket.socket(socket.AF_UNIX) as dying:
        dying.bind("server")
        dying.listen()
        with run.ask() as program:
            waiting, _address = dying.accept()
            dying.close()
            waiting.close()
            assert program.wait(20) == 1
    assert "The connection could not be prepared. KeyError: 'aws'." in run.told()


def test_the_end_of_the_run_ends_the_server_and_deletes_the_key(run: Run) -> None:
    """Whatever ended it: a process that was killed leaves its folder behind."""
    with run.ask() as program:
        program.wait(20)
    run.controller.kill()
    # As a zombie, it is there no more.
    wait_until(lambda: not run.folder.exists(), "the folder is left")
    wait_until(lambda: not run.servers(), "a server is left")


def test_the_end_of_the_folder_ends_the_server(run: Run) -> None:
    with run.ask() as program:
        program.wait(20)
    for file in run.folder.iterdir():
        file.unlink()
    run.folder.rmdir()
    wait_until(lambda: not run.servers(), "a server is left")


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


def test_who_sends_nothing_keeps_nobody_waiting_for_long(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.folder)
    with run.ask() as program:
        program.wait(20)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect("server")
        with run.ask() as program:
            assert program.wait(20) == 1


def test_an_ssh_whose_connection_failed_is_not_kept_waiting(run: Run) -> None:
    """It waits for a connection until nobody holds the other end of its socket any more: the server too lets it go."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            command = [sys.executable, "-I", "-S", PROGRAM, str(run.settings)]
            program = subprocess.Popen(command, stdout=theirs.fileno())
        assert program.wait(20) == 1
        ours.settimeout(10)
        assert ours.recv(1) == b""


def test_a_program_that_the_first_one_started_does_not_depend_on_its_folder(run: Run, tmp_path: Path) -> None:
    """The environment and the configuration of ssh may name files by paths that begin in the folder of the play."""
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
        command = [sys.executable, "-I", "-S", PROGRAM, str(run.settings)]
        ours, theirs = socket.socketpair()
        with ours, theirs:
            assert subprocess.run(command, stdout=theirs.fileno(), cwd=folder, check=False).returncode == 1
        (server,) = run.servers()
        assert Path(f"/proc/{server}/cwd").resolve() == folder


def test_processes_that_have_ended_are_collected(run: Run) -> None:
    """Else a long run with many connections would use up the processes that a user may have."""
    for _time in range(2):
        with run.ask() as program:
            program.wait(20)
    (server,) = run.servers()
    wait_until(lambda: not children_that_nobody_collected(server), "a child was not collected")


def test_who_is_alive() -> None:
    assert fork_server._is_alive(os.getpid())
    with subprocess.Popen(["true"]) as program:
        program.wait()
        assert not fork_server._is_alive(program.pid)


@pytest.mark.parametrize("message", [b"", b"nonsense", b"one\0two\0three", b"/nonexistent\0/"])
def test_what_was_not_sent_by_us_is_nothing_and_leaves_no_file_open(message: bytes) -> None:
    ours, theirs = socket.socketpair()
    reading, writing = os.pipe()
    with ours, theirs, os.fdopen(reading, "rb") as end:
        if message:
            socket.send_fds(theirs, [message], [writing])
        os.close(writing)
        theirs.shutdown(socket.SHUT_WR)
        assert fork_server._receive(ours) is None
        # Of a pipe whose writers are all closed nothing more comes.
        assert end.read() == b""
