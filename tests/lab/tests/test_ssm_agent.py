# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SSM Agent by itself, in front of a server that a test plays."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from sshkeys_lab import ssm_frames
from sshkeys_lab.clock import LabClock
from sshkeys_lab.session_client import RESPONSE
from sshkeys_lab.ssm_agent import HANDSHAKE_SECONDS, Agent, Surroundings, Target
from sshkeys_lab.ssm_settings import SessionManagerSettings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sshkeys_lab.ssm_frames import Frame

BIG = bytes(32 * 1024)


class Bench:
    """An agent, and all that surrounds it. sent: the frames of the agent; ends: how it ended."""

    def __init__(self, **settings: Any) -> None:
        """Set settings of Session Manager."""
        self.settings = SessionManagerSettings()
        self.settings.update(settings)
        self.clock = LabClock()
        self.sent: asyncio.Queue[Frame] = asyncio.Queue()
        self.accepted: list[int] = []
        self.ends: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.connections: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self.agent: Agent

    async def start(self, *, listens: bool = True) -> None:
        """Start the server and the agent."""

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections.put_nowait((reader, writer))

        self._server = await asyncio.start_server(connected, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        around = Surroundings(
            lambda data: self.sent.put_nowait(ssm_frames.decode(data)),
            self._has_room,
            self.accepted.append,
            lambda *end: self.ends.put_nowait(end),
        )
        self.agent = Agent(self.settings, self.clock, Target(22, port if listens else None), around)

    async def _has_room(self) -> None:
        pass

    def give(self, number: int, payload: bytes, payload_type: int = ssm_frames.DATA) -> None:
        """Give the agent a message of the client."""
        self.agent.receive(ssm_frames.encode(ssm_frames.INPUT, payload, payload_type=payload_type, number=number))

    async def next(self, message_type: bytes) -> Frame:
        """Return the next frame of a type that the agent sends."""
        while True:
            frame = await asyncio.wait_for(self.sent.get(), 10)
            if frame.message_type == message_type:
                return frame

    async def acknowledged(self) -> int:
        """Return the number of the next message that the agent acknowledges."""
        frame = await self.next(ssm_frames.ACKNOWLEDGE)
        number: int = json.loads(frame.payload)["AcknowledgedMessageSequenceNumber"]
        return number

    async def shake_hands(self) -> None:
        """Do the handshake."""
        self.agent.start()
        await self.next(ssm_frames.OUTPUT)
        self.give(0, json.dumps(RESPONSE).encode(), ssm_frames.HANDSHAKE_RESPONSE)
        assert await self.acknowledged() == 0

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Do the handshake; return the server's side of the agent's connection."""
        await self.shake_hands()
        connection = await asyncio.wait_for(self.connections.get(), 10)
        # The agent reads only when it knows of its connection.
        connection[1].write(b"SSH-2.0-server\r\n")
        while (await self.next(ssm_frames.OUTPUT)).payload_type != ssm_frames.DATA:
            pass
        return connection

    def stop(self) -> None:
        """Stop all."""
        self.agent.stop()
        self._server.close()


def run(talk: Callable[[Bench], Awaitable[None]], *, listens: bool = True, **settings: Any) -> None:
    """Let a test talk with an agent."""

    async def with_agent() -> None:
        bench = Bench(**settings)
        await bench.start(listens=listens)
        try:
            async with asyncio.timeout(30):
                await talk(bench)
        finally:
            bench.stop()

    asyncio.run(with_agent())


def test_messages_are_written_once_and_in_order() -> None:
    """Early ones are kept and acknowledged, and those that were written are acknowledged again."""

    async def talk(bench: Bench) -> None:
        reader, _writer = await bench.connect()
        for number, payload in ((3, b"three "), (2, b"two "), (1, b"one "), (2, b"two "), (4, b"four")):
            bench.give(number, payload)
        assert [await bench.acknowledged() for _time in range(5)] == [3, 2, 1, 2, 4]
        assert await reader.readexactly(18) == b"one two three four"
        assert bench.accepted == [0, 3, 2, 1, 2, 4]

    run(talk)


def test_an_acknowledgement_means_that_sshd_has_taken_the_data() -> None:
    """While sshd reads nothing, the agent stops acknowledging."""

    async def talk(bench: Bench) -> None:
        reader, _writer = await bench.connect()
        count = 1000
        for number in range(1, count + 1):
            bench.give(number, BIG)
        before = -1
        # Nothing tells that something does not happen.
        while before != len(bench.accepted):
            before = len(bench.accepted)
            await asyncio.sleep(0.3)
        assert before < count
        assert len(await reader.readexactly(count * len(BIG))) == count * len(BIG)
        while await bench.acknowledged() != count:
            pass

    run(talk)


def test_data_before_the_end_of_the_handshake_is_thrown_away() -> None:
    """As the real agent does: it acknowledges it, and it never arrives."""

    async def talk(bench: Bench) -> None:
        bench.agent.start()
        await bench.next(ssm_frames.OUTPUT)
        bench.give(1, b"early")
        bench.give(0, b"early")
        assert [await bench.acknowledged() for _time in range(2)] == [1, 0]
        bench.give(2, json.dumps(RESPONSE).encode(), ssm_frames.HANDSHAKE_RESPONSE)
        assert await bench.acknowledged() == 2
        reader, writer = await asyncio.wait_for(bench.connections.get(), 10)
        # The agent refuses what comes before it knows of its connection.
        writer.write(b"hello")
        while (await bench.next(ssm_frames.OUTPUT)).payload != b"hello":
            pass
        bench.give(3, b"late")
        assert await reader.readexactly(4) == b"late"

    run(talk)


def test_data_before_the_dial_is_refused() -> None:
    async def talk(bench: Bench) -> None:
        await bench.shake_hands()
        while (await bench.next(ssm_frames.OUTPUT)).payload_type != ssm_frames.HANDSHAKE_COMPLETE:
            pass
        bench.give(2, b"two")
        bench.give(1, b"one")
        _reader, writer = await asyncio.wait_for(bench.connections.get(), 10)
        writer.write(b"hello")
        while (frame := await asyncio.wait_for(bench.sent.get(), 10)).payload != b"hello":
            assert frame.message_type == ssm_frames.OUTPUT
        bench.give(1, b"one")
        assert await bench.acknowledged() == 1

    run(talk, dial_delay=0.5)


def test_output_comes_in_messages_of_1024_bytes() -> None:
    async def talk(bench: Bench) -> None:
        _reader, writer = await bench.connect()
        writer.write(bytes(3000))
        sizes: dict[int, int] = {}
        while sum(sizes.values()) < 3000:
            frame = await bench.next(ssm_frames.OUTPUT)
            if frame.number > 2:
                sizes[frame.number] = len(frame.payload)
        assert sizes == {3: 1024, 4: 1024, 5: 952}

    run(talk)
    run(talk, pace=False)


def test_only_the_oldest_comes_again() -> None:
    async def talk(bench: Bench) -> None:
        bench.agent.start()
        first = await bench.next(ssm_frames.OUTPUT)
        assert await bench.next(ssm_frames.OUTPUT) == first
        bench.give(0, json.dumps(RESPONSE).encode(), ssm_frames.HANDSHAKE_RESPONSE)
        complete = await bench.next(ssm_frames.OUTPUT)
        while complete == first:
            complete = await bench.next(ssm_frames.OUTPUT)
        assert await bench.next(ssm_frames.OUTPUT) == first
        bench.agent.receive(ssm_frames.acknowledge(first))
        while (again := await bench.next(ssm_frames.OUTPUT)) == first:
            pass
        assert again == complete
        bench.agent.receive(ssm_frames.acknowledge(complete))

    run(talk, dial_delay=60)


def test_a_pause_keeps_everything() -> None:
    """A read that has begun ends, and its message waits; nothing more is read."""

    async def talk(bench: Bench) -> None:
        _reader, writer = await bench.connect()
        for number in range(3):
            bench.agent.receive(ssm_frames.acknowledge(_output(number)))
        bench.agent.pause()
        writer.write(b"kept")
        await writer.drain()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(bench.next(ssm_frames.OUTPUT), 0.4)
        bench.agent.start()
        frame = await bench.next(ssm_frames.OUTPUT)
        assert (frame.number, frame.payload) == (3, b"kept")

    run(talk)


def _output(number: int) -> Frame:
    """Return a message whose acknowledgement the agent takes: it looks at the number alone."""
    return ssm_frames.decode(ssm_frames.encode(ssm_frames.OUTPUT, b"", number=number))


def test_the_end_of_sshd_waits_for_acknowledgements() -> None:
    """It waits for two seconds, or until all messages are acknowledged."""

    async def talk(bench: Bench) -> None:
        _reader, writer = await bench.connect()
        writer.close()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(bench.ends.get(), 0.5)
        for number in range(3):
            bench.agent.receive(ssm_frames.acknowledge(_output(number)))
        assert await asyncio.wait_for(bench.ends.get(), 1) == ("sshd", "")

    run(talk)


def test_nothing_listens() -> None:
    async def talk(bench: Bench) -> None:
        await bench.shake_hands()
        why = "Unable to connect to specified port: dial tcp 127.0.0.1:22: connect: connection refused"
        assert await asyncio.wait_for(bench.ends.get(), 10) == ("dial", why)

    run(talk, listens=False)


def test_the_handshake_has_a_limit() -> None:
    """Also when the client never comes."""

    async def talk(bench: Bench) -> None:
        bench.agent.look_at_the_clock()
        bench.clock.advance(HANDSHAKE_SECONDS + 1)
        bench.agent.look_at_the_clock()
        ended_by, output = await asyncio.wait_for(bench.ends.get(), 10)
        assert ended_by == "handshake"
        assert "Handshake timed out." in output

    run(talk)
