# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tunnel over real websockets: how it opens, what it carries, how it ends and is resumed, and what it leaves."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.ssm import SessionEndedError
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import (
    ArgumentError,
    ServiceError,
    SetUpError,
    SshKeysError,
)
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager import (
    channel,
    frames,
    tunnel as module,
)
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager.frames import Flag, PayloadType
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager.tunnel import Tunnel
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.websocket import RefusedError
from ansible_collections.sshkeys.aws.tests.unit.session_manager import BANNER, SessionManager
from ansible_collections.sshkeys.aws.tests.unit.websocket_server import Watched, eventually, number_of_open_files
from websockets.asyncio.server import ServerConnection

# Only a test that fails waits for so long.
PATIENCE_SECONDS = 10
TERMINATE = frames.flag(Flag.TERMINATE_SESSION)


class Connection:
    """A tunnel over a session, with an ssh at its near end, and what the tunnel tells of its end."""

    def __init__(self, manager: SessionManager) -> None:
        """Begin to open the session."""
        self.manager = manager
        self.said: list[str] = []
        self.tunnel = Tunnel(manager.service(), "token 0", self.said.append)
        self.near_end = self.tunnel._local = Watched(fileno=self.tunnel._local.detach())
        self.near_end.setblocking(False)
        self.ssh = self.tunnel.for_ssh
        self.ssh.setblocking(False)

    async def open(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Return when it is open."""
        await self.tunnel.opened(time.monotonic() + seconds)
        assert await self.receive_all(len(BANNER)) == BANNER

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        await asyncio.get_running_loop().sock_sendall(self.ssh, data)

    async def receive(self) -> bytes:
        """Return what comes next, which is nothing at the end."""
        loop = asyncio.get_running_loop()
        return await asyncio.wait_for(loop.sock_recv(self.ssh, 1_000_000), PATIENCE_SECONDS)

    async def receive_all(self, length: int) -> bytes:
        """Return so many bytes, or fewer if the end comes before."""
        received = bytearray()
        while len(received) < length and (data := await self.receive()):
            received += data
        return bytes(received)

    async def ended(self) -> str:
        """Wait for the end of the tunnel. Returns what it told."""
        await asyncio.wait_for(self.tunnel.wait(), PATIENCE_SECONDS)
        # Also what went wrong unexpectedly.
        if not self.tunnel._carrying.cancelled():
            self.tunnel._carrying.result()
        assert not self.near_end.watched_when_closed
        assert self.near_end.fileno() == -1
        assert self.manager.calls.count("terminate") == 1
        return " ".join(self.said)


Scenario = Callable[[SessionManager], Coroutine[Any, Any, None]]


def run(scenario: Scenario) -> None:
    """Run a scenario with a session, and look at what is left: no task, no file."""

    async def whole() -> None:
        manager = SessionManager()
        before, files = asyncio.all_tasks(), number_of_open_files()
        async with manager.serving():
            await scenario(manager)
        assert await eventually(lambda: asyncio.all_tasks() == before), asyncio.all_tasks()
        assert await eventually(lambda: number_of_open_files() == files)

    asyncio.run(whole())


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tests wait for milliseconds where users wait for seconds."""
    for name, seconds in (
        ("_RESUME_SECONDS", 0.4),
        ("_FIRST_PAUSE_SECONDS", 0.01),
        ("_LONGEST_PAUSE_SECONDS", 0.05),
        ("_FLAG_SECONDS", 0.2),
        ("_LOOK_SECONDS", 0.05),
    ):
        assert getattr(module, name) > seconds
        monkeypatch.setattr(module, name, seconds)


def digest(data: bytes | bytearray) -> str:
    return hashlib.sha256(data).hexdigest()


# -- How it opens ------------------------------------------------------------------------------------------------------


def test_a_tunnel_is_open_when_sshd_has_sent_its_first_bytes() -> None:
    """What ssh sends before that would be thrown away by the agent."""

    async def scenario(manager: SessionManager) -> None:
        may_speak = asyncio.Event()

        async def answer(connection: ServerConnection) -> None:
            await manager.agent.complete_handshake()
            await may_speak.wait()
            await manager.agent.say(BANNER)
            await connection.wait_closed()

        manager.script = answer
        connection = Connection(manager)
        await connection.send(b"hello")
        opening = asyncio.create_task(connection.open())
        assert await eventually(lambda: connection.tunnel._channel.state is channel.State.WAITING)
        await asyncio.sleep(0.05)
        assert not opening.done()
        assert not manager.agent.received
        may_speak.set()
        await opening
        assert await eventually(lambda: manager.agent.received == b"hello")
        assert manager.openings[0]["TokenValue"] == "token 0"
        assert manager.calls == ["open"]
        connection.ssh.close()
        assert await connection.ended() == ""

    run(scenario)


def does_nothing(_manager: SessionManager) -> Callable[[ServerConnection], Awaitable[None]]:
    async def script(connection: ServerConnection) -> None:
        await connection.wait_closed()

    return script


def only_shakes_hands(manager: SessionManager) -> Callable[[ServerConnection], Awaitable[None]]:
    async def script(connection: ServerConnection) -> None:
        await manager.agent.complete_handshake()
        await connection.wait_closed()

    return script


def answers(
    *, payload_type: int = PayloadType.DATA, payload: bytes
) -> Callable[[SessionManager], Callable[[ServerConnection], Awaitable[None]]]:
    """Return a script that sends a message after the handshake."""

    def of(manager: SessionManager) -> Callable[[ServerConnection], Awaitable[None]]:
        async def script(connection: ServerConnection) -> None:
            await manager.agent.complete_handshake()
            await manager.agent.send(payload_type, payload)
            await connection.wait_closed()

        return script

    return of


def closes(
    reason: str, *, is_begun: bool = True
) -> Callable[[SessionManager], Callable[[ServerConnection], Awaitable[None]]]:
    """Return a script that closes the session."""

    def of(manager: SessionManager) -> Callable[[ServerConnection], Awaitable[None]]:
        async def script(connection: ServerConnection) -> None:
            if is_begun:
                await manager.agent.complete_handshake()
            await manager.agent.close_channel(reason)
            await connection.wait_closed()

        return script

    return of


def sends(message: bytes | str) -> Callable[[SessionManager], Callable[[ServerConnection], Awaitable[None]]]:
    """Return a script that sends what the protocol does not have."""

    def of(_manager: SessionManager) -> Callable[[ServerConnection], Awaitable[None]]:
        async def script(connection: ServerConnection) -> None:
            await connection.send(message)
            await connection.wait_closed()

        return script

    return of


def asks_for_encryption(manager: SessionManager) -> Callable[[ServerConnection], Awaitable[None]]:
    async def script(connection: ServerConnection) -> None:
        await manager.agent.request_handshake({"ActionType": "KMSEncryption", "ActionParameters": {"KMSKeyId": "k"}})
        await connection.wait_closed()

    return script


DIAL = "Unable to connect to specified port: dial tcp 127.0.0.1:22: connect: connection refused"


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (does_nothing, module._NO_HANDSHAKE),
        (only_shakes_hands, module._NO_SSHD),
        (
            answers(payload=b"\n----------ERROR-------\nEncountered error while initiating handshake. Timed out.\n"),
            "The agent on the instance says: Encountered error while initiating handshake. Timed out.",
        ),
        (
            answers(payload_type=PayloadType.FLAG, payload=frames.flag(Flag.CONNECT_TO_PORT_ERROR)),
            "The agent on the instance could not connect to the port of sshd.",
        ),
        (closes(DIAL), f"{DIAL}."),
        (closes(""), "The session ended before sshd had sent anything."),
        (closes("", is_begun=False), "The session ended before sshd had sent anything."),
        (sends("text"), "The service sent text, which the protocol does not allow."),
        (sends(b"xyz"), "The service sent a message that is too short: 3 bytes."),
        (
            asks_for_encryption,
            "The agent on the instance asks for KMSEncryption, which sessions for ssh do not have.",
        ),
    ],
)
def test_a_session_that_does_not_open_is_a_sentence(
    script: Callable[[SessionManager], Callable[[ServerConnection], Awaitable[None]]], sentence: str
) -> None:
    """It is told to the one who waits, and not once more as the end of an open tunnel."""

    async def scenario(manager: SessionManager) -> None:
        manager.script = script(manager)
        connection = Connection(manager)
        with pytest.raises(ArgumentError) as failed:
            await connection.open(0.2)
        assert str(failed.value) == sentence
        assert await connection.ended() == ""
        assert connection.ssh.fileno() == -1
        assert "resume" not in manager.calls

    run(scenario)


def test_an_agent_is_told_of_what_we_cannot_do() -> None:
    """Else it would wait for its answer."""

    async def scenario(manager: SessionManager) -> None:
        manager.script = asks_for_encryption(manager)
        connection = Connection(manager)
        with pytest.raises(ArgumentError):
            await connection.open()
        await connection.ended()
        (response,) = manager.agent.responses
        assert response["ProcessedClientActions"][0]["ActionStatus"] == 3  # type: ignore[index]

    run(scenario)


def test_a_service_that_does_not_answer_is_a_sentence() -> None:
    async def scenario(manager: SessionManager) -> None:
        manager.hangs.add("open")
        connection = Connection(manager)
        with pytest.raises(
            ArgumentError,
            match=r"^The message service of Session Manager \(ssmmessages\) does not answer\. Check ansible_timeout",
        ):
            await connection.open(0.2)
        assert await connection.ended() == ""

    run(scenario)


@pytest.mark.parametrize("error", [RefusedError("It refused.", 403, "No"), SetUpError("No credentials.")])
def test_a_websocket_that_does_not_open_is_a_sentence(error: SshKeysError) -> None:
    """At the beginning it is not tried again: another way may be open."""

    async def scenario(manager: SessionManager) -> None:
        manager.failures["open"] = [error]
        connection = Connection(manager)
        with pytest.raises(ArgumentError) as failed:
            await connection.open()
        assert str(failed.value) == str(error)
        assert await connection.ended() == ""
        assert manager.calls == ["open", "terminate"]

    run(scenario)


@pytest.mark.parametrize("begins", ["in time", "too late"])
def test_a_deadline_that_has_passed_leaves_a_moment(begins: str) -> None:
    async def scenario(manager: SessionManager) -> None:
        if begins == "too late":
            manager.script = does_nothing(manager)
        connection = Connection(manager)
        if begins == "in time":
            await connection.open(-5)
            connection.ssh.close()
        else:
            with pytest.raises(ArgumentError):
                await connection.open(-5)
        await connection.ended()

    run(scenario)


def test_a_websocket_that_closes_before_sshd_has_spoken_is_resumed() -> None:
    async def scenario(manager: SessionManager) -> None:
        async def bye(connection: ServerConnection) -> None:
            await manager.agent.complete_handshake()
            await connection.close(1000, "Bye")

        manager.scripts[0] = bye

        async def speak(connection: ServerConnection) -> None:
            await manager.agent.send_again()
            await manager.agent.say(BANNER)
            await connection.wait_closed()

        manager.script = speak
        connection = Connection(manager)
        await connection.open()
        assert [each["TokenValue"] for each in manager.openings] == ["token 0", "token 1"]
        connection.ssh.close()
        assert await connection.ended() == ""

    run(scenario)


@pytest.mark.parametrize("stage", ["open", "handshake", "sshd"])
def test_nothing_is_left_of_an_opening_that_nobody_waits_for(stage: str) -> None:
    async def scenario(manager: SessionManager) -> None:
        if stage == "open":
            manager.hangs.add("open")
        manager.script = (only_shakes_hands if stage == "sshd" else does_nothing)(manager)
        connection = Connection(manager)
        opening = asyncio.create_task(connection.open())
        reached = {
            "open": lambda: manager.calls == ["open"],
            "handshake": lambda: bool(manager.openings),
            "sshd": lambda: connection.tunnel._channel.state is channel.State.WAITING,
        }
        assert await eventually(reached[stage])
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert connection.ssh.fileno() == -1
        assert await connection.ended() == ""

    run(scenario)


@pytest.mark.parametrize("is_late", [True, False])
def test_a_session_that_opens_at_the_deadline_is_ended(is_late: bool) -> None:
    """Nobody would use it, and it would stay open until it has been idle for long."""

    async def scenario(manager: SessionManager) -> None:
        manager.script = does_nothing(manager)
        connection = Connection(manager)
        loop = asyncio.get_running_loop()
        opening = asyncio.create_task(connection.open(0.2))
        assert await eventually(lambda: bool(manager.openings))
        opens_at = loop.time() + 0.5
        if is_late:
            loop.call_at(opens_at, connection.tunnel._opened.set_result, None)
        # Time-out and opening come in the same round of the loop.
        time.sleep(0.6)  # noqa: ASYNC251
        with pytest.raises(ArgumentError):
            await opening
        await connection.ended()

    run(scenario)


# -- What is carried ---------------------------------------------------------------------------------------------------


async def exchange(connection: Connection, sent: bytes, said: bytes) -> None:
    """Send bytes both ways at once, and compare what arrives."""
    agent = connection.manager.agent
    tasks = [asyncio.create_task(connection.send(sent)), asyncio.create_task(agent.say(said, 8192))]
    assert digest(await connection.receive_all(len(said))) == digest(said)
    await asyncio.gather(*tasks)
    assert await eventually(lambda: len(agent.received) >= len(sent))
    assert digest(agent.received) == digest(sent)


def test_every_byte_arrives_both_ways() -> None:
    async def scenario(manager: SessionManager) -> None:
        connection = Connection(manager)
        await connection.open()
        await exchange(connection, os.urandom(2_000_000), os.urandom(2_000_000))
        assert await eventually(lambda: not manager.agent.unacknowledged)
        assert not connection.tunnel._channel.resent
        connection.ssh.close()
        assert await connection.ended() == ""

    run(scenario)


def test_what_ssh_has_taken_is_acknowledged_at_once() -> None:
    """Also if nothing else is to send: the agent would send it again."""

    async def scenario(manager: SessionManager) -> None:
        connection = Connection(manager)
        await connection.open()
        for number in range(20):
            await manager.agent.say(b"%d" % number)
            await connection.receive()
            assert await eventually(lambda: not manager.agent.unacknowledged)
        connection.ssh.close()
        assert await connection.ended() == ""

    run(scenario)


def test_tunnels_of_one_loop_carry_their_bytes_unmixed() -> None:
    async def one() -> None:
        manager = SessionManager()
        async with manager.serving():
            connection = Connection(manager)
            await connection.open()
            await exchange(connection, os.urandom(100_000), os.urandom(100_000))
            connection.ssh.close()
            assert await connection.ended() == ""

    async def scenario(_manager: SessionManager) -> None:
        await asyncio.gather(*(one() for _number in range(20)))

    run(scenario)


def test_a_tunnel_that_is_idle_takes_no_time() -> None:
    async def scenario(manager: SessionManager) -> None:
        connection = Connection(manager)
        await connection.open()
        await connection.send(b"hello")
        assert await eventually(lambda: bool(manager.agent.received) and not connection.tunnel._channel._outstanding)
        began = time.process_time()
        # What is measured is that nothing happens in this time.
        await asyncio.sleep(0.7)
        assert time.process_time() - began < 0.05
        connection.ssh.close()
        assert await connection.ended() == ""

    run(scenario)


def test_an_ssh_that_takes_nothing_can_still_send() -> None:
    """It may write much before it reads. The acknowledgements are read, which lets the next bytes out."""
    sent = os.urandom(2_000_000)

    async def scenario(manager: SessionManager) -> None:
        connection = Connection(manager)
        await connection.open()
        connection.near_end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        await manager.agent.say(bytes(channel._FULL * 1024))
        await asyncio.wait_for(connection.send(sent), PATIENCE_SECONDS)
        assert await eventually(lambda: len(manager.agent.received) == len(sent))
        assert digest(manager.agent.received) == digest(sent)
        # It has not taken all.
        assert manager.agent.unacknowledged
        assert len(await connection.receive_all(channel._FULL * 1024)) == channel._FULL * 1024
        connection.ssh.close()
        assert await connection.ended() == ""

    run(scenario)


def test_an_agent_does_not_send_faster_than_ssh_takes() -> None:
    """Else the data of a slow ssh would pile up in the process that carries those of all others."""

    async def scenario(manager: SessionManager) -> None:
        connection = Connection(manager)
        await connection.open()
        said = asyncio.create_task(manager.agent.say(bytes(100_000_000), 8192))
        # It comes to rest: nothing more is taken between two looks.
        before = -1
        while before != manager.agent._number:
            before = manager.agent._number
            await asyncio.sleep(0.2)
        assert 8192 * channel._FULL < 8192 * before < 20_000_000
        assert len(connection.tunnel._channel._received.for_ssh) == channel._FULL
        # What ssh has not taken is not acknowledged.
        assert len(manager.agent.unacknowledged) >= channel._FULL
        await connection.receive_all(5_000_000)
        assert await eventually(lambda: manager.agent._number > before)
        said.cancel()
        connection.ssh.close()
        assert await connection.ended() == ""

    run(scenario)


# -- How it ends -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_listened_to", [True, False])
def test_the_agent_is_told_when_ssh_has_ended_and_then_aws(is_listened_to: bool) -> None:
    """Behind all bytes of ssh. An agent that does not react keeps nobody waiting."""
    sent = os.urandom(200_000)

    async def scenario(manager: SessionManager) -> None:
        manager.agent.closes_at_flag = is_listened_to
        connection = Connection(manager)
        await connection.open()
        await connection.send(sent)
        connection.ssh.close()
        assert await connection.ended() == ""
        assert digest(manager.agent.received) == digest(sent)
        assert manager.agent.flags == [TERMINATE]
        assert manager.calls == ["open", "terminate"]

    run(scenario)


def test_the_agent_ends_the_session_before_aws_is_asked_to() -> None:
    async def scenario(manager: SessionManager) -> None:
        seen: list[list[bytes]] = []
        terminate = manager._terminate

        async def note() -> None:
            seen.append(list(manager.agent.flags))
            await terminate()

        manager._terminate = note  # type: ignore[method-assign]
        connection = Connection(manager)
        await connection.open()
        connection.ssh.close()
        await connection.ended()
        assert seen == [[TERMINATE]]

    run(scenario)


def test_an_ssh_that_was_killed_with_bytes_unread_ends_the_session() -> None:
    async def scenario(manager: SessionManager) -> None:
        connection = Connection(manager)
        await connection.open()
        await manager.agent.say(bytes(1_000_000))
        connection.ssh.close()
        assert await connection.ended() == ""
        assert manager.agent.flags == [TERMINATE]

    run(scenario)


@pytest.mark.parametrize("is_slow", [True, False])
def test_all_bytes_of_sshd_arrive_before_ssh_sees_the_end(is_slow: bool) -> None:
    said = os.urandom(500_000)

    async def scenario(manager: SessionManager) -> None:
        connection = Connection(manager)
        await connection.open()
        sending = asyncio.create_task(manager.agent.say(said, 8192))
        if is_slow:
            # More than its socket holds waits for ssh when the end comes.
            await sending
            await manager.agent.close_channel()
            assert await eventually(lambda: connection.tunnel._channel.is_closed)
        else:
            sending.add_done_callback(lambda _task: asyncio.ensure_future(manager.agent.close_channel()))
        assert digest(await connection.receive_all(len(said) + 1)) == digest(said)
        connection.ssh.close()
        assert await connection.ended() == ""
        assert not manager.agent.flags

    run(scenario)


def test_an_ssh_that_ends_without_taking_the_last_bytes_is_noticed() -> None:
    async def scenario(manager: SessionManager) -> None:
        connection = Connection(manager)
        await connection.open()
        await manager.agent.say(bytes(500_000), 8192)
        await manager.agent.close_channel()
        assert await eventually(lambda: connection.tunnel._channel.is_closed)
        connection.ssh.close()
        assert await connection.ended() == ""

    run(scenario)


def test_the_reason_is_told_before_ssh_sees_the_end() -> None:
    """The plugin asks for it as soon as ssh has failed."""

    async def scenario(manager: SessionManager) -> None:
        connection = Connection(manager)
        await connection.open()
        seen: list[bool] = []

        def tell(sentence: str) -> None:
            with pytest.raises(BlockingIOError):
                connection.ssh.recv(1)
            seen.append(True)
            connection.said.append(sentence)

        connection.tunnel._tell = tell
        await manager.agent.close_channel("Session was terminated by \x1b[31malice.")
        assert await connection.receive() == b""
        assert seen == [True]
        assert await connection.ended() == "Session was terminated by  [31malice."
        connection.ssh.close()

    run(scenario)


def test_a_session_that_ends_before_all_bytes_have_come_is_told() -> None:
    async def scenario(manager: SessionManager) -> None:
        connection = Connection(manager)
        await connection.open()
        manager.agent._number += 1
        await manager.agent.say(b"later")
        await manager.agent.close_channel()
        assert await connection.receive() == b""
        assert await connection.ended() == "The session ended before all bytes of sshd had come."
        connection.ssh.close()

    run(scenario)


@pytest.mark.parametrize("times", [1, 3])
def test_a_tunnel_that_is_stopped_ends_its_session(times: int) -> None:
    """However often it is stopped, and however long that takes."""

    async def scenario(manager: SessionManager) -> None:
        finished: list[bool] = []
        connection = Connection(manager)
        terminate = manager._terminate

        async def slowly() -> None:
            await terminate()
            await asyncio.sleep(0.1)
            finished.append(True)

        connection.tunnel._service = connection.tunnel._service._replace(terminate=slowly)
        await connection.open()
        for _time in range(times):
            connection.tunnel._carrying.cancel()
            await asyncio.sleep(0.02)
        assert await connection.ended() == "The broker of the run was stopped."
        assert await connection.receive() == b""
        assert await eventually(lambda: finished == [True])
        connection.ssh.close()

    run(scenario)


def test_ssh_may_end_while_the_session_has_no_websocket() -> None:
    async def scenario(manager: SessionManager) -> None:
        manager.hangs.add("resume")
        connection = Connection(manager)
        await connection.open()
        assert manager.agent.connection
        await manager.agent.connection.close(1000, "Bye")
        assert await eventually(lambda: "resume" in manager.calls)
        assert not connection.tunnel._has_websocket.is_set()
        assert not connection.tunnel._channel._has_websocket
        connection.ssh.close()
        assert await connection.ended() == ""

    run(scenario)


def test_an_ssh_that_ends_while_the_agent_takes_nothing_is_noticed() -> None:
    """Its bytes fill the window, and more of them wait, so its end is behind them."""

    async def scenario(manager: SessionManager) -> None:
        connection = Connection(manager)
        await connection.open()
        manager.agent.acknowledges = False
        sending = asyncio.create_task(connection.send(bytes(10_000_000)))
        assert await eventually(lambda: len(connection.tunnel._channel._outstanding) == channel._WINDOW)
        sending.cancel()
        await asyncio.wait({sending})
        connection.ssh.close()
        assert await connection.ended() == ""

    run(scenario)


def small_buffers(connection: Connection) -> None:
    """Let what is sent fill the buffers soon, as a path to AWS does that is slow or dead."""
    websocket = connection.tunnel._websocket
    assert websocket
    websocket.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)


async def fill(connection: Connection) -> asyncio.Task[None]:
    """Send until nothing more is taken, since the service does not read any more."""
    manager = connection.manager
    assert manager.agent.connection
    small_buffers(connection)
    peer = manager.agent.connection.transport
    peer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.pause_reading()
    sending = asyncio.create_task(connection.send(bytes(10_000_000)))
    assert await eventually(lambda: connection.tunnel._websocket.paused)  # type: ignore[union-attr]
    return sending


def test_a_service_that_reads_nothing_keeps_no_session_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """When ssh has ended, the session is terminated, whether the websocket takes part in its end or not."""
    monkeypatch.setattr(module, "_CLOSE_SECONDS", 0.1)

    async def scenario(manager: SessionManager) -> None:
        connection = Connection(manager)
        await connection.open()
        sending = await fill(connection)
        sending.cancel()
        await asyncio.wait({sending})
        connection.ssh.close()
        assert await connection.ended() == ""
        assert connection.tunnel._websocket
        assert connection.tunnel._websocket.transport.is_closing()
        assert manager.agent.connection
        manager.agent.connection.transport.abort()

    run(scenario)


# -- How it is resumed -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["close", "abort"])
def test_a_websocket_that_closes_in_mid_transfer_loses_no_byte_and_doubles_none(how: str) -> None:
    """As the service does every hour."""

    async def scenario(manager: SessionManager) -> None:
        connection = Connection(manager)
        await connection.open()

        async def interrupt() -> None:
            for number in range(1, 4):
                assert await eventually(lambda number=number: len(manager.agent.received) > 400_000 * number)  # type: ignore[misc]
                old = manager.agent.connection
                assert old
                if how == "close":
                    await old.close(1000, "Bye")
                else:
                    old.transport.abort()
                assert await eventually(lambda old=old: manager.agent.connection is not old)  # type: ignore[misc]

        interrupting = asyncio.create_task(interrupt())
        await exchange(connection, os.urandom(2_000_000), os.urandom(2_000_000))
        await interrupting
        assert [each["TokenValue"] for each in manager.openings] == ["token 0", "token 1", "token 2", "token 3"]
        assert len({each["ClientId"] for each in manager.openings}) == 1
        assert len({each["RequestId"] for each in manager.openings}) == 4
        assert len(set(manager.paths)) == 1
        assert manager.calls == ["open"] + ["resume", "open"] * 3
        connection.ssh.close()
        assert await connection.ended() == ""

    run(scenario)


def test_what_is_outstanding_is_sent_at_once_over_another_websocket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only when its time is over, or something comes: with a full window nothing might come at all."""
    monkeypatch.setattr(channel, "_SHORTEST_TIMEOUT", 60)
    monkeypatch.setattr(channel, "_LONGEST_TIMEOUT", 60)

    async def scenario(manager: SessionManager) -> None:
        connection = Connection(manager)
        await connection.open()
        manager.agent.acknowledges = False
        await connection.send(b"hello")
        assert await eventually(lambda: len(connection.tunnel._channel._outstanding) == 1)
        await asyncio.sleep(0.05)
        assert manager.agent.connection
        await manager.agent.connection.close(1000, "Bye")
        manager.agent.acknowledges = True
        assert await eventually(lambda: manager.agent.received == b"hello")
        connection.ssh.close()
        assert await connection.ended() == ""

    run(scenario)


ENDED = SessionEndedError("DoesNotExistException", "No such session", "It has ended.")
DENIED = ServiceError("AccessDeniedException", "Not authorized", "Allow it.")
EXPIRED = ServiceError("ExpiredTokenException", "Expired", "Get others.")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("resume", ENDED),
        ("resume", DENIED),
        ("resume", EXPIRED),
        ("resume", SetUpError("No credentials.")),
        ("open", RefusedError("It refused.", 403, "HTTP status 403")),
        ("open", RefusedError("It refused.", 401, "HTTP status 401")),
        ("open", SetUpError("No credentials.")),
    ],
)
def test_a_session_that_cannot_be_resumed_ends_at_once(
    call: str, error: SshKeysError, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RESUME_SECONDS", 60)

    async def scenario(manager: SessionManager) -> None:
        connection = Connection(manager)
        await connection.open()
        manager.failures[call] = [error]
        assert manager.agent.connection
        await manager.agent.connection.close(1000, "Bye")
        assert await connection.receive() == b""
        broke = f"The connection to {module.SERVER.name} broke, and no other opened. "
        assert await connection.ended() == f"{'' if error is ENDED else broke}{error}"
        assert manager.calls.count("resume") == 1
        connection.ssh.close()

    run(scenario)


THROTTLED = ServiceError("ThrottlingException", "Rate exceeded", "Wait.")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("resume", ServiceError("EndpointConnectionError", "No way", "Check it.")),
        ("resume", THROTTLED),
        ("open", ArgumentError("It cannot be reached.")),
        ("open", RefusedError("It refused.", 503, "HTTP status 503")),
    ],
)
@pytest.mark.parametrize("is_for_ever", [True, False])
def test_another_websocket_is_tried_for_some_time(call: str, error: SshKeysError, is_for_ever: bool) -> None:
    async def scenario(manager: SessionManager) -> None:
        connection = Connection(manager)
        await connection.open()
        manager.failures[call] = [error]
        assert manager.agent.connection
        manager.agent.connection.transport.abort()
        assert await eventually(lambda: manager.calls.count("resume") > 3)
        if is_for_ever:
            await connection.tunnel.wait()
            # The pauses between them become longer.
            assert manager.calls.count("resume") < 20
        else:
            manager.failures.clear()
            await exchange(connection, os.urandom(100_000), os.urandom(100_000))
            connection.ssh.close()
        assert await connection.ended() == (
            f"The connection to {module.SERVER.name} broke, and no other opened. {error}" if is_for_ever else ""
        )
        connection.ssh.close()

    run(scenario)


def test_a_service_that_closes_each_websocket_at_once_ends_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that lets nothing through any more, for instance."""
    # Long enough for several tries on a busy machine.
    monkeypatch.setattr(module, "_RESUME_SECONDS", 2.0)

    async def scenario(manager: SessionManager) -> None:
        connection = Connection(manager)
        await connection.open()

        async def close(websocket: ServerConnection) -> None:
            await websocket.close(1000, "Bye")

        manager.script = close
        assert manager.agent.connection
        await manager.agent.connection.close(1000, "Bye")
        told = await connection.ended()
        assert told.startswith(f"The connection to {module.SERVER.name} broke, and each other one broke, too.")
        assert manager.calls.count("resume") > 3
        connection.ssh.close()

    run(scenario)


def test_a_session_may_be_resumed_again_and_again() -> None:
    """Each time in which websockets do not last begins anew with one that lasts, and with each message that comes."""

    async def scenario(manager: SessionManager) -> None:
        connection = Connection(manager)
        await connection.open()
        for number in range(15):
            assert manager.agent.connection
            old = manager.agent.connection
            await old.close(1000, "Bye")
            assert await eventually(lambda old=old: manager.agent.connection is not old)  # type: ignore[misc]
            await manager.agent.say(b"%d" % number)
            await connection.receive()
        assert len(manager.openings) == 16
        connection.ssh.close()
        assert await connection.ended() == ""

    run(scenario)


def test_a_quiet_session_whose_websockets_last_is_resumed_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may come for an hour, and the next one."""
    monkeypatch.setattr(module, "_RESUME_SECONDS", 0.1)

    async def scenario(manager: SessionManager) -> None:
        connection = Connection(manager)
        await connection.open()
        for _number in range(4):
            await asyncio.sleep(0.15)
            assert manager.agent.connection
            old = manager.agent.connection
            await old.close(1000, "Bye")
            assert await eventually(lambda old=old: manager.agent.connection is not old)  # type: ignore[misc]
        await exchange(connection, b"hello", b"hello")
        connection.ssh.close()
        assert await connection.ended() == ""

    run(scenario)


# -- When nothing moves ------------------------------------------------------------------------------------------------


@pytest.fixture
def frequent_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let messages be sent again often. Each time it is looked whether something moves."""
    monkeypatch.setattr(module, "_STALL_SECONDS", 0.3)
    monkeypatch.setattr(channel, "_LONGEST_TIMEOUT", 0.05)


@pytest.mark.parametrize("is_for_ever", [True, False])
def test_an_agent_that_acknowledges_nothing_gets_another_websocket_once(
    is_for_ever: bool, frequent_looks: None
) -> None:
    async def scenario(manager: SessionManager) -> None:
        async def go_on(websocket: ServerConnection) -> None:
            manager.agent.acknowledges = not is_for_ever
            await manager.carry(websocket)

        manager.scripts[1] = go_on
        connection = Connection(manager)
        await connection.open()
        manager.agent.acknowledges = False
        await connection.send(b"hello")
        if is_for_ever:
            assert await connection.receive() == b""
        else:
            assert await eventually(lambda: manager.agent.received == b"hello")
            # Also if nothing happens for long then.
            await asyncio.sleep(0.5)
            assert len(manager.openings) == 2
            # And it may stall again.
            manager.scripts[2] = go_on
            manager.agent.acknowledges = False
            await connection.send(b" again")
            assert await eventually(lambda: manager.agent.received == b"hello again")
            connection.ssh.close()
        assert await connection.ended() == (module._STALLED if is_for_ever else "")
        assert len(manager.openings) == (2 if is_for_ever else 3)
        connection.ssh.close()

    run(scenario)


def test_a_stall_is_not_counted_twice_before_another_websocket_has_opened(frequent_looks: None) -> None:
    """Something may be to send at the same time."""

    async def scenario(manager: SessionManager) -> None:
        async def go_on(websocket: ServerConnection) -> None:
            manager.agent.acknowledges = True
            await manager.carry(websocket)

        manager.scripts[2] = go_on
        connection = Connection(manager)
        await connection.open()
        tunnel = connection.tunnel
        look = tunnel._check_progress

        def look_and_wake() -> None:
            had_stalled = tunnel._has_stalled
            look()
            if tunnel._has_stalled and not had_stalled:
                tunnel._to_send.set()

        tunnel._check_progress = look_and_wake  # type: ignore[method-assign]
        manager.agent.acknowledges = False
        await connection.send(b"hello")
        assert await eventually(lambda: bool(tunnel._channel._outstanding))
        # This is not because of a stall, which comes over the next one.
        assert manager.agent.connection
        await manager.agent.connection.close(1000, "Bye")
        assert await eventually(lambda: manager.agent.received == b"hello")
        assert len(manager.openings) == 3
        connection.ssh.close()
        assert await connection.ended() == ""

    run(scenario)


def test_a_service_that_reads_nothing_gets_another_websocket(frequent_looks: None) -> None:
    """What is written to it would wait for ever, and a ping, too."""
    sent = 10_000_000

    async def scenario(manager: SessionManager) -> None:
        connection = Connection(manager)
        await connection.open()
        sending = await fill(connection)
        assert await eventually(lambda: len(manager.openings) == 2)
        await sending
        assert await eventually(lambda: len(manager.agent.received) == sent)
        connection.ssh.close()
        assert await connection.ended() == ""

    run(scenario)


def test_an_agent_is_not_blamed_for_an_ssh_that_takes_nothing(frequent_looks: None) -> None:
    """Its acknowledgements are behind bytes for which there is no room: they have come, and are not read."""

    async def scenario(manager: SessionManager) -> None:
        connection = Connection(manager)
        await connection.open()
        saying = asyncio.create_task(manager.agent.say(bytes(5_000_000), 8192))
        assert await eventually(lambda: connection.tunnel._channel.is_full)
        await connection.send(b"hello")
        # It is suspended, for longer than an agent may be silent.
        await asyncio.sleep(0.5)
        assert connection.tunnel._channel._outstanding
        await connection.receive_all(5_000_000)
        await saying
        assert await eventually(lambda: manager.agent.received == b"hello")
        assert len(manager.openings) == 1
        connection.ssh.close()
        assert await connection.ended() == ""

    run(scenario)
