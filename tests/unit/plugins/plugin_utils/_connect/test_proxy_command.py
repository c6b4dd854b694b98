# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that ssh runs: what it asks of the broker of the run, and what it does when there is none."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import proxy_command
from ansible_collections.sshkeys.aws.tests.unit.connection_run import COLLECTIONS, PROGRAM, Run
from ansible_collections.sshkeys.aws.tests.waiting import wait_until


def test_a_broker_that_cannot_be_started_is_a_failure(run: Run) -> None:
    """The plugin meets the same error, and says what it is."""
    (run.folder / run.name).mkdir()
    with run.ask() as program:
        assert program.wait(20) == 1
    with pytest.raises(IsADirectoryError):
        run.failure()


class Asked:
    """A ProxyCommand that waits for a broker of ours: what it has sent, and what it gets."""

    def __init__(self, folder: Path, program: Sequence[str], more: Sequence[str]) -> None:
        """Listen where the broker of the run does, and start a program as ssh does.

        program: what Python runs. more: its arguments after the file of the settings.
        """
        settings = folder / "settings.json"
        settings.write_text("{}")
        here = Path.cwd()
        # The path of a socket may be no longer than about a hundred bytes.
        os.chdir(folder)
        try:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind("broker")
        finally:
            os.chdir(here)
        self.listener.listen()
        self.listener.settimeout(20)
        self.ssh, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-I", "-S", *program, str(settings), *more]
            self.program = subprocess.Popen(command, stdout=theirs.fileno(), stderr=subprocess.PIPE)
        self.connection = self.listener.accept()[0]
        self.message, (self.descriptor,), _flags, _address = socket.recv_fds(self.connection, 65_536, 1)

    def answer(self, answer: bytes) -> int:
        """Answer, and return the exit status of the program."""
        self.connection.sendall(answer)
        self.connection.close()
        return self.program.wait(20)

    def said(self) -> bytes:
        """Return what the program has said when it has ended."""
        return self.program.communicate()[1]


@contextmanager
def asked(folder: Path, program: Sequence[str] = (PROGRAM,), more: Sequence[str] = ("broker",)) -> Iterator[Asked]:
    """Start a program, and end it."""
    it = Asked(folder, program, more)
    try:
        with it.ssh, it.listener, it.connection:
            yield it
    finally:
        os.close(it.descriptor)
        it.program.kill()
        it.program.wait()


@pytest.mark.parametrize("folder_name", ["a", "long" * 30, "with blanks", "größe"])
def test_it_asks_with_its_settings_and_the_socket_of_ssh(tmp_path: Path, folder_name: str) -> None:
    folder = tmp_path / folder_name
    folder.mkdir()
    with asked(folder) as it:
        assert os.fsdecode(it.message) == f"open\0{folder}/settings.json\0"
        # What is written to the descriptor comes out at ssh.
        os.write(it.descriptor, b"a connection")
        assert it.ssh.recv(100) == b"a connection"
        assert it.answer(b"0") == 0


@pytest.mark.parametrize(("answer", "status"), [(b"0", 0), (b"1", 1), (b"....0", 0), (b'.1{"step": "CONNECT"}', 1)])
def test_it_exits_as_the_broker_says(tmp_path: Path, answer: bytes, status: int) -> None:
    with asked(tmp_path) as it:
        assert it.answer(answer) == status


@pytest.mark.parametrize(("times", "status"), [(1, 0), (4, 0), (5, 1)])
def test_a_broker_that_hangs_up_is_asked_again(tmp_path: Path, times: int, status: int) -> None:
    """It may be one that is about to end."""
    with asked(tmp_path) as it:
        for number in range(times):
            it.connection.close()
            if number < proxy_command._TRIES - 1:
                it.connection = it.listener.accept()[0]
        if status == 0:
            # One that answers has read the request.
            _message, (descriptor,), _flags, _address = socket.recv_fds(it.connection, 65_536, 1)
            os.close(descriptor)
        assert (it.answer(b"0") if status == 0 else it.program.wait(20)) == status


def test_an_answer_counts_although_the_broker_ends_at_once(tmp_path: Path) -> None:
    """The ssh has its connection, and is to get no other one."""
    with asked(tmp_path) as it:
        it.connection.close()
        it.connection = it.listener.accept()[0]
        # What it has not read resets the connection.
        assert it.connection.recv(1) == b"o"
        assert it.answer(b"0") == 0


def test_a_broker_that_never_answers_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "settings.json"
    settings.write_text("{}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(proxy_command, "_SILENT_SECONDS", 0.1)
    monkeypatch.setattr(sys, "argv", [PROGRAM, str(settings), "broker"])
    ssh, theirs = socket.socketpair()
    with ssh, theirs, socket.socket(socket.AF_UNIX) as silent:
        monkeypatch.setattr(sys, "stdout", theirs)
        silent.bind("broker")
        silent.listen()
        assert proxy_command.main() == 1
        # It waits no more, although its socket is on the way to the one that is silent.
        ssh.settimeout(10)
        assert ssh.recv(1) == b""
    assert capsys.readouterr().err == "The broker of the run cannot be reached: timed out.\n"


def test_it_starts_no_broker_where_one_listens(tmp_path: Path) -> None:
    with asked(tmp_path) as it:
        # The one that it would start takes its place in the folder.
        inode = (tmp_path / "broker").stat().st_ino
        it.answer(b"0")
        assert (tmp_path / "broker").stat().st_ino == inode


def test_what_it_starts_lies_beside_it() -> None:
    assert Path(proxy_command._BROKER).is_file()
    assert Path(proxy_command._BROKER).parent == Path(PROGRAM).parent


def test_it_imports_no_more_than_it_needs() -> None:
    """It runs for each connection, and each of these takes as long as Python takes to start."""
    program = (
        f"import sys; sys.path.insert(0, {str(Path(PROGRAM).parent)!r}); import proxy_command; print(*sys.modules)"
    )
    command = [sys.executable, "-I", "-S", "-c", program]
    imported = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "proxy_command" in imported
    assert not {"typing", "socket", "json", "re", "subprocess", "enum"} & set(imported)


# -- By hand ----------------------------------------------------------------------------------------------------------

# Asks as user_broker does, and prints the answer to its standard error.
BY_HAND = """
import os, sys
sys.path.insert(0, sys.argv[1])
import proxy_command

def for_a_start():
    raise AssertionError("it starts a broker")

sys.stderr.buffer.write(proxy_command.hand_over(sys.argv[2], os.getcwd(), "broker", for_a_start))
"""


@pytest.mark.parametrize(
    ("answer", "told"),
    [(b"..0", b"0"), (b'..1{"step": "PUSH", "sentence": "a.."}', b'1{"step": "PUSH", "sentence": "a.."}')],
)
def test_the_answer_comes_without_signs_of_life(tmp_path: Path, answer: bytes, told: bytes) -> None:
    with asked(tmp_path, ["-c", BY_HAND, str(Path(PROGRAM).parent)], []) as it:
        assert it.answer(answer) == 0
        assert it.said() == told


def test_an_answer_in_parts_keeps_its_periods(tmp_path: Path) -> None:
    with asked(tmp_path, ["-c", BY_HAND, str(Path(PROGRAM).parent)], []) as it:
        for part in (b".", b"..1a", b". b", b"."):
            it.connection.sendall(part)
            # It has read the part.
            wait_until(lambda: not unread(it.connection), "it does not read")
        assert it.answer(b"") == 0
        assert it.said() == b"1a. b."


def unread(sending: socket.socket) -> int:
    """Return how many bytes the other end has not read yet (unix(7), SIOCOUTQ as of tty_ioctl(4))."""
    (count,) = struct.unpack("i", fcntl.ioctl(sending, termios.TIOCOUTQ, b"\0" * 4))
    return int(count)


HOLDS = """
import os, sys
sys.path.insert(0, sys.argv[1])
import proxy_command
from socket import AF_UNIX, socket

held = os.open(sys.argv[2], os.O_RDONLY)
os.chdir(sys.argv[2])
with socket(AF_UNIX) as broker:
    proxy_command.start(broker, "/", "broker", lambda: (f"idle:30:{held}", [sys.argv[3]]), [held])
print(held)
"""


def command_of(process: int) -> bytes:
    """Return the command line of a process, nothing if it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except FileNotFoundError:
        return b""


def test_a_broker_keeps_open_what_holds_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "sshkeys.aws"
    folder.mkdir(mode=0o700)
    command = [sys.executable, "-c", HOLDS, str(Path(PROGRAM).parent), str(folder), COLLECTIONS]
    held = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    found = subprocess.run(["pgrep", "-f", f"broker.py .*{folder}"], capture_output=True, text=True, check=True).stdout
    (broker,) = map(int, found.split())
    try:
        # A broker with nothing to do may have deleted its folder already.
        opened = str(Path(f"/proc/{broker}/fd/{held}").readlink())
        assert opened.removesuffix(" (deleted)") == str(folder)
    finally:
        with suppress(ProcessLookupError):
            os.kill(broker, signal.SIGTERM)
        wait_until(lambda: not command_of(broker), "the broker is left")
