# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that ssh runs: what it asks of the server of the run, and what it tells when there is none."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import explain, proxy_command
from ansible_collections.sshkeys.aws.tests.unit.connection_run import PROGRAM, Run


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


class Asked:
    """A ProxyCommand that waits for a server of ours: what it has sent, and what it gets."""

    def __init__(self, folder: Path, working_folder: Path) -> None:
        """Listen where the server of the run does, and start the program as ssh does."""
        self.settings = folder / "settings.json"
        self.settings.write_text("{}")
        here = Path.cwd()
        # The path of a socket may be no longer than about a hundred bytes.
        os.chdir(folder)
        try:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind("server")
        finally:
            os.chdir(here)
        self.listener.listen()
        self.listener.settimeout(20)
        self.ssh, theirs = socket.socketpair()
        with theirs:
            self.program = subprocess.Popen(
                [sys.executable, "-I", "-S", PROGRAM, str(self.settings)], stdout=theirs.fileno(), cwd=working_folder
            )
        self.connection = self.listener.accept()[0]
        message, (self.descriptor,), _flags, _address = socket.recv_fds(self.connection, 65_536, 1)
        self.message = os.fsdecode(message)

    def answer(self, status: bytes) -> int:
        """Answer, and return the exit status of the program."""
        self.connection.sendall(status)
        self.connection.close()
        return self.program.wait(20)

    def told(self) -> str:
        """Return what the connection plugin tells."""
        self.settings.write_text('{"instance_id": "i-00000000"}')
        return explain.failure("ssh said nothing.", str(self.settings), 0)


@contextmanager
def asked(folder: Path, working_folder: Path) -> Iterator[Asked]:
    """Start a program, and end it."""
    it = Asked(folder, working_folder)
    try:
        with it.ssh, it.listener, it.connection:
            yield it
    finally:
        os.close(it.descriptor)
        it.program.kill()
        it.program.wait()


@pytest.mark.parametrize("folder_name", ["a", "long" * 30, "with blanks", "größe"])
def test_it_asks_with_its_settings_its_folder_and_the_socket_of_ssh(tmp_path: Path, folder_name: str) -> None:
    folder = tmp_path / folder_name
    folder.mkdir()
    with asked(folder, tmp_path) as it:
        assert it.message == f"{folder}/settings.json\0{tmp_path}"
        # What is written to the descriptor comes out at ssh.
        os.write(it.descriptor, b"a connection")
        assert it.ssh.recv(100) == b"a connection"
        assert it.answer(b"\0") == 0


@pytest.mark.parametrize("status", [0, 1, 7, 255])
def test_it_exits_as_the_server_says(tmp_path: Path, status: int) -> None:
    with asked(tmp_path, tmp_path) as it:
        assert it.answer(bytes([status])) == status
        # The server has told what there is to tell.
        assert not Path(f"{it.settings}.told").exists()


def test_a_server_that_hangs_up_is_told(tmp_path: Path) -> None:
    with asked(tmp_path, tmp_path) as it:
        # It asks twice: the first that hangs up may be one that is about to end.
        it.connection.close()
        it.connection = it.listener.accept()[0]
        assert it.answer(b"") == 1
        assert "The process that makes the connections of this run cannot be reached: it has ended." in it.told()


def test_a_server_that_never_answers_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "settings.json"
    settings.write_text('{"instance_id": "i-00000000"}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(proxy_command, "_ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(sys, "argv", [PROGRAM, str(settings)])
    ssh, theirs = socket.socketpair()
    with ssh, theirs, socket.socket(socket.AF_UNIX) as silent:
        monkeypatch.setattr(sys, "stdout", theirs)
        silent.bind("server")
        silent.listen()
        assert proxy_command.main() == 1
    told = explain.failure("ssh said nothing.", str(settings), 0)
    assert "The process that makes the connections of this run cannot be reached: timed out." in told


def test_it_starts_no_server_where_one_listens(tmp_path: Path) -> None:
    with asked(tmp_path, tmp_path) as it:
        # The one that it would start takes its place in the folder.
        inode = (tmp_path / "server").stat().st_ino
        it.answer(b"\0")
        assert (tmp_path / "server").stat().st_ino == inode


def test_what_it_starts_lies_beside_it() -> None:
    assert Path(proxy_command._SERVER).is_file()
    assert Path(proxy_command._SERVER).parent == Path(PROGRAM).parent
