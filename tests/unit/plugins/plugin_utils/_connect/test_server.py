# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the broker is asked, and what it answers, over its real socket."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import server
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.explain import Step
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager.open_sessions import OpenSessions
from ansible_collections.sshkeys.aws.tests.unit.connection_run import PROGRAM, Run
from ansible_collections.sshkeys.aws.tests.unit.websocket_server import eventually
from ansible_collections.sshkeys.aws.tests.waiting import wait_until


@contextmanager
def connected(run: Run) -> Iterator[socket.socket]:
    """Connect to the broker of a run, which is there."""
    here = Path.cwd()
    with socket.socket(socket.AF_UNIX) as client:
        # The path of a socket may be no longer than about a hundred bytes.
        os.chdir(run.folder)
        try:
            client.connect(run.name)
        finally:
            os.chdir(here)
        client.settimeout(20)
        yield client


def test_what_nobody_has_thought_of_is_told(run: Run) -> None:
    command = run.command()
    with run.ask() as program:
        assert program.wait(20) == 1
    (told,) = [message for message in command.hear() if "failed" in message]
    assert told["failed"] == {"step": "SET_UP", "sentence": "KeyError: 'aws'."}
    assert command.failed == run.failure() == told["failed"]
    command.end()


def test_a_connection_that_never_failed_has_no_failure(run: Run) -> None:
    run.command().end()
    assert run.failure() is None


def test_only_the_command_of_a_connection_is_told_of_it(run: Run) -> None:
    other = run.command(run.write(connection="another", instance_id="i-00000001"))
    with run.ask() as program:
        assert program.wait(20) == 1
    assert not [message for message in other.hear() if "failed" in message]
    other.end()


@pytest.mark.parametrize(
    "message",
    [
        b"nonsense",
        b"open\0",
        b"\0",
        b"open\0/nonexistent\0",
        b"command\0/etc/passwd\0" + b"1\0",
        b"format\0settings\0",
        b"failure\0{settings}\0more\0",
        b"x" * 100_000,
    ],
)
def test_what_was_not_sent_by_us_gets_no_answer_and_leaves_no_file_open(run: Run, message: bytes) -> None:
    run.command().end()
    reading, writing = os.pipe()
    with connected(run) as client, os.fdopen(reading, "rb") as end:
        socket.send_fds(client, [message.replace(b"{settings}", os.fsencode(run.settings))], [writing])
        os.close(writing)
        client.shutdown(socket.SHUT_WR)
        # What it has not read resets the connection.
        with suppress(ConnectionResetError):
            assert client.recv(1) == b""
        # Of a pipe whose writers are all closed nothing more comes.
        assert end.read() == b""
    with run.ask() as program:
        assert program.wait(20) == 1


def test_who_sends_nothing_keeps_nobody_waiting(run: Run) -> None:
    run.command().end()
    with connected(run):
        run.command().end()


def test_who_sends_nothing_is_not_waited_for(run: Run) -> None:
    run.command().end()
    with connected(run) as silent:
        assert silent.recv(1) == b""


def test_an_ssh_whose_connection_failed_is_not_kept_waiting(run: Run) -> None:
    """It waits for a connection until nobody holds the other end of its socket any more: the broker too lets it go."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            command = [sys.executable, "-I", "-S", PROGRAM, str(run.settings), run.name]
            program = subprocess.Popen(command, stdout=theirs.fileno())
        assert program.wait(20) == 1
        ours.settimeout(10)
        assert ours.recv(1) == b""


def test_an_ssh_that_ends_ends_what_was_begun_for_it(run: Run) -> None:
    """It may have a time limit of its own, and what waits for a place must not take it for nobody."""
    # ssh -G is replaced by what takes long.
    slow = run.write(ssh=["sleep", "30"], aws={}, host_keys="ssh")
    run.command().end()
    (broker,) = run.brokers()
    program = run.ask(slow)
    wait_until(lambda: len(sockets_of(broker)) > 3, "nothing was begun")
    program.kill()
    program.wait()
    wait_until(lambda: len(sockets_of(broker)) <= 3, "its sockets are left")


def sockets_of(process: int) -> list[str]:
    """Return the sockets of a process that are part of a pair or of a connection."""
    found = []
    for file in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):
            link = str(file.readlink())
            if link.startswith("socket:"):
                found.append(link)
    return found


@pytest.mark.parametrize(("user", "is_refused"), [(0, False), (1, True), (-1, True)])
def test_another_user_is_refused(user: int, is_refused: bool) -> None:
    """Whoever connects in spite of the folder, root too. user: the distance from the one who runs the broker."""

    class Client(socket.socket):
        def getsockopt(self, *_option: int) -> bytes:  # type: ignore[override]  # as it is called
            return struct.pack("3i", 1, os.geteuid() + user, 1)

    with Client() as client:
        if is_refused:
            with pytest.raises(PermissionError):
                server._refuse_others(client)
        else:
            server._refuse_others(client)


class Opener:
    """Stands for what makes connections: whatever it is asked takes until ``may_end`` is set."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.failure: tuple[Step, str] | None = None
        self.sessions: object = None
        self.has_ended_sessions = self.may_have_tunnels = False
        self.forgotten = 0

    def begin(self, _commands: object, _places: object, sessions: object) -> Opener:
        self.sessions = sessions
        return self

    def end_sessions_of_a_killed_broker(self) -> None:
        self.has_ended_sessions = True

    async def open(self, _settings: object, _ssh: object) -> tuple[Step, str] | None:
        await self.may_end.wait()
        return self.failure

    def has_tunnels(self) -> bool:
        return self.may_have_tunnels

    def forget_facts(self) -> None:
        self.forgotten += 1

    async def keep_a_place(self, _settings: object) -> None:
        await self.may_end.wait()

    async def prepare(self, _settings: object) -> None:
        """Prepare nothing."""

    def forget(self) -> None:
        """Know nothing that could be forgotten."""


@asynccontextmanager
async def serving(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    facts_seconds: float | None = None,
) -> AsyncIterator[tuple[server.Server, Opener, asyncio.StreamReader, asyncio.StreamWriter]]:
    """Run a server, and connect to it."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "s"))
    listener.listen()
    opener = Opener()
    monkeypatch.setattr(server, "_load", opener.begin)
    sessions = OpenSessions(str(folder), "s")
    served = server.Server(sessions, facts_seconds)
    served.start(listener)
    reader, writer = await asyncio.open_unix_connection(str(folder / "s"))
    yield served, opener, reader, writer
    writer.close()
    await served.stop()


def test_a_long_opening_gives_signs_of_life(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(server, "_SIGN_OF_LIFE_SECONDS", 0.01)
    settings = tmp_path / "settings.json"
    settings.write_text('{"connection": "one"}')

    async def ask() -> bytes:
        async with serving(tmp_path, monkeypatch) as (_served, opener, reader, writer):
            ours, theirs = socket.socketpair()
            with ours, theirs:
                client = writer.get_extra_info("socket")
                with socket.socket(fileno=os.dup(client.fileno())) as plain:
                    socket.send_fds(plain, [b"open\0" + os.fsencode(settings) + b"\0"], [theirs.fileno()])
                answers = await reader.readexactly(3)
                opener.may_end.set()
                return answers + await reader.read()

    answers = asyncio.run(ask())
    assert answers.startswith(b"...")
    assert answers.strip(b".") == b"0"


def test_who_waits_for_a_place_gets_signs_of_life(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Else the plugin would take the broker for one that hangs, and start ssh without a place."""
    monkeypatch.setattr(server, "_SIGN_OF_LIFE_SECONDS", 0.01)
    settings = tmp_path / "settings.json"
    settings.write_text('{"connection": "one", "tunnel": "endpoint", "instance_id": "i-00000001"}')

    async def ask() -> list[bytes]:
        async with serving(tmp_path, monkeypatch) as (served, opener, reader, writer):
            # All places are promised.
            assert all(served._places.expect(f"other {number}") for number in range(20))
            writer.write(b"command\0" + os.fsencode(settings) + b"\0\0")
            lines = [await reader.readline() for _time in range(3)]
            opener.may_end.set()
            while lines[-1] == b"{}\n":
                lines.append(await reader.readline())
            return lines

    lines = asyncio.run(ask())
    assert lines[:3] == [b"{}\n"] * 3
    assert lines[-1] == b'{"begin": true}\n'


def test_the_sessions_of_an_earlier_broker_are_ended_before_anything_is_opened(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its own sessions would look like them."""
    settings = tmp_path / "settings.json"
    settings.write_text('{"connection": "one"}')

    async def ask() -> None:
        async with serving(tmp_path, monkeypatch) as (_served, opener, reader, writer):
            ended: list[bool] = []

            async def open_it(_settings: object, _ssh: object) -> None:
                ended.append(opener.has_ended_sessions)

            monkeypatch.setattr(opener, "open", open_it)
            ours, theirs = socket.socketpair()
            with ours, theirs:
                with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as plain:
                    socket.send_fds(plain, [b"open\0" + os.fsencode(settings) + b"\0"], [theirs.fileno()])
                assert await reader.read() == b"0"
            assert ended == [True]
            assert isinstance(opener.sessions, OpenSessions)

    asyncio.run(ask())


@pytest.mark.parametrize("tunnel", ["session_manager", "never"])
def test_a_command_whose_way_needs_no_place_does_not_wait_for_one(
    tunnel: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = tmp_path / "settings.json"
    settings.write_text(f'{{"connection": "one", "tunnel": "{tunnel}", "instance_id": "i-00000001"}}')

    async def ask() -> bytes:
        async with serving(tmp_path, monkeypatch) as (served, _opener, reader, writer):
            assert all(served._places.expect(f"other {number}") for number in range(20))
            writer.write(b"command\0" + os.fsencode(settings) + b"\0\0")
            return await asyncio.wait_for(reader.readline(), 10)

    assert asyncio.run(ask()) == b'{"begin": true}\n'


# -- Of a user who logs in by hand ------------------------------------------------------------------------------------


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(server, "seconds_since_boot", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@contextmanager
def asking(folder: Path, writer: asyncio.StreamWriter) -> Iterator[None]:
    """Ask for a connection, and be its ssh in this block."""
    settings = folder / "settings.json"
    settings.write_text('{"connection": "one"}')
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as plain:
            socket.send_fds(plain, [b"open\0" + os.fsencode(settings) + b"\0"], [theirs.fileno()])
        yield


def test_a_server_is_idle_since_its_last_request_has_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clock: Clock
) -> None:
    """Nobody looks while a short one lasts, and ssh reads the key a moment later."""

    async def scenario() -> None:
        async with serving(tmp_path, monkeypatch) as (served, opener, reader, writer):
            clock.now += 10
            opener.may_end.set()
            with asking(tmp_path, writer):
                assert await reader.read() == b"0"
            await eventually(lambda: not served._requests)
            clock.now += 7
            assert served.idle_seconds() == 7

    asyncio.run(scenario())


def test_a_server_is_not_idle_during_a_request_or_with_a_tunnel(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clock: Clock
) -> None:
    async def scenario() -> None:
        async with serving(tmp_path, monkeypatch) as (served, opener, reader, writer):
            with asking(tmp_path, writer):
                await eventually(lambda: bool(served._requests))
                clock.now += 100
                assert served.idle_seconds() == 0
                opener.may_end.set()
                await reader.read()
            await eventually(lambda: not served._requests)
            opener.may_have_tunnels = True
            clock.now += 100
            assert served.idle_seconds() == 0
            opener.may_have_tunnels = False
            clock.now += 5
            assert served.idle_seconds() == 5

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("facts_seconds", "waits", "forgotten"), [(60, [59, 1, 59, 1], 2), (60, [0, 0], 0), (None, [3600, 3600], 0)]
)
def test_facts_are_forgotten_when_they_are_old(  # noqa: PLR0917 - fixtures and cases
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    clock: Clock,
    facts_seconds: float | None,
    waits: list[float],
    forgotten: int,
) -> None:
    async def scenario() -> None:
        async with serving(tmp_path, monkeypatch, facts_seconds) as (_served, opener, _reader, first):
            opener.may_end.set()
            for seconds in waits:
                clock.now += seconds
                reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
                with asking(tmp_path, writer):
                    assert await reader.read() == b"0"
                writer.close()
            assert opener.forgotten == forgotten
            first.close()

    asyncio.run(scenario())


def test_the_answer_to_a_connection_that_was_not_made_has_the_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def scenario() -> bytes:
        async with serving(tmp_path, monkeypatch) as (_served, opener, reader, writer):
            opener.failure = (Step.PUSH, "größer.")
            opener.may_end.set()
            with asking(tmp_path, writer):
                return await reader.read()

    answer = asyncio.run(scenario())
    assert answer[:1] == b"1"
    assert json.loads(answer[1:]) == {"step": "PUSH", "sentence": "größer."}
