# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tunnel through Session Manager: it drives a channel (channel.py) over websockets, with ssh at its near end.

Four tasks share the channel, and none of them waits for what another one does: one reads the websocket and opens the
next one when it closes, one writes to it, one gives bytes to ssh, and one takes bytes from ssh.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

with contextlib.suppress(ImportError):
    # Without the library, no websocket is opened, which says so.
    from websockets.exceptions import ConnectionClosed

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.ssm import SessionEndedError
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import (
    ArgumentError,
    SetUpError,
    SshKeysError,
    capitalized,
)
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager.channel import (
    DATA_BYTES,
    Channel,
    ChannelError,
    State,
)
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.tasks import stop
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.websocket import CLOSE_SECONDS, Peer

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

SERVER = Peer("the message service of Session Manager (ssmmessages)", "endpoint_url")
# Proxies cut what is quiet. Nobody waits for the answers: they are not read while ssh takes nothing. What notices that
# the service has gone are TCP, and the messages that it does not acknowledge, such as ssh's signs of life.
PING_SECONDS = 20.0
# The service closes each websocket about every hour, and the session goes on. For this time, another one is tried for.
_RESUME_SECONDS = 60.0
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0
# If the agent acknowledges nothing for so long, another websocket is opened; and after that the session is over.
_STALL_SECONDS = 30.0
# The time that the agent has to end a session before AWS is asked to.
_FLAG_SECONDS = 1.0
# How long a websocket may take to close: that of the library, and a moment to write the close frame.
_CLOSE_SECONDS = CLOSE_SECONDS + 1.0
# Poll interval for the end of an ssh whose bytes the agent does not take.
_LOOK_SECONDS = 1.0


class Service(NamedTuple):
    """AWS, as one session sees it.

    open: opens the websocket, and resume returns a new token. Both raise SshKeysError; SessionEndedError if the session
    has ended. terminate: ends the session, whatever its state; it raises nothing.
    """

    open: Callable[[], Awaitable[ClientConnection]]
    resume: Callable[[], Awaitable[str]]
    terminate: Callable[[], Awaitable[None]]


class Tunnel:
    """A session that was started, with ssh at its near end. It is always terminated, whatever ends the tunnel.

    for_ssh: the socket for ssh.
    """

    def __init__(self, service: Service, token: str, tell: Callable[[str], None]) -> None:
        """Open the session. token: of its first websocket. tell: takes the reason if an open tunnel ends abnormally."""
        self._service = service
        self._tell = tell
        self._channel = Channel()
        self._websocket: ClientConnection | None = None
        self._websocket_opened_at = 0.0
        # Since when messages are read again, after a time in which too much waited for ssh.
        self._reads_since = 0.0
        # Whether the websocket was opened because the agent acknowledged nothing over the one before it.
        self._has_stalled = False
        # Since when the service cannot be reached, or closes each websocket before it has sent anything.
        self._broke_at: float | None = None
        self._pause = _FIRST_PAUSE_SECONDS
        self._is_ssh_there = True
        # Since when there may be: a websocket, frames to send, bytes for ssh, room for its bytes, room for messages.
        self._has_websocket, self._to_send, self._to_give, self._room, self._taken = (
            asyncio.Event() for _each in range(5)
        )
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._local, self.for_ssh = socket.socketpair()
        self._local.setblocking(False)
        self._carrying = asyncio.create_task(self._carry(token))

    async def opened(self, deadline: float) -> None:
        """Return when sshd has sent its first bytes. Raises ArgumentError. deadline: on the monotonic clock."""
        try:
            async with asyncio.timeout(max(deadline - time.monotonic(), 0.1)):
                await asyncio.shield(self._opened)
        except TimeoutError as error:
            # It may have opened at the same time. Then this is the end of ssh.
            self.for_ssh.close()
            raise ArgumentError(self._not_in_time()) from error
        except asyncio.CancelledError:
            self.for_ssh.close()
            raise
        finally:
            if not self._opened.done():
                self._carrying.cancel()

    def _not_in_time(self) -> str:
        if not self._websocket:
            return f"{capitalized(SERVER.name)} does not answer. Check ansible_timeout, and the network path to it."
        return _NO_SSHD if self._channel.state is State.WAITING else _NO_HANDSHAKE

    async def wait(self) -> None:
        """Return when the tunnel has ended, and the session with it."""
        await asyncio.wait({self._carrying})

    async def _carry(self, token: str) -> None:
        why = "The broker of the run was stopped."
        try:
            why = await self._until_one_ends(token)
        except (ChannelError, SshKeysError) as error:
            why = str(error)
            with contextlib.suppress(ConnectionClosed, TimeoutError):
                async with asyncio.timeout(_FLAG_SECONDS):
                    await self._send_frames()
        finally:
            if self._opened.done():
                # Before ssh sees the end.
                if why:
                    self._tell(why)
            else:
                self._opened.set_exception(ArgumentError(why or _ENDED_EARLY))
                # Nobody may wait for it any more.
                self._opened.exception()
                self.for_ssh.close()
            self._local.close()
            # Each in any case, also if this task is cancelled once more.
            try:
                if self._websocket:
                    await _close(self._websocket)
            finally:
                await asyncio.shield(asyncio.ensure_future(self._service.terminate()))

    async def _until_one_ends(self, token: str) -> str:
        """Carry bytes until the session ends, or ssh. Returns the reason, empty for a normal end.

        Raises ChannelError and SshKeysError.
        """
        await self._use(await self._service.open(), token)
        receiving, sending, giving, taking = tasks = [
            asyncio.create_task(work()) for work in (self._receive, self._send, self._give_to_ssh, self._take_from_ssh)
        ]
        try:
            await asyncio.wait({receiving, sending, taking}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
            if receiving.done():
                receiving.result()
                # Bytes of sshd may still wait for ssh.
                await giving
                return f"{self._channel.reason}." if self._channel.reason else ""
            self._channel.end()
            self._wake()
            await asyncio.wait({receiving, sending}, timeout=_FLAG_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            return ""
        finally:
            await stop(*tasks)

    def _wake(self) -> None:
        """Let the tasks look at the channel again."""
        for event in (self._to_send, self._to_give, self._room, self._taken):
            event.set()

    # -- The websocket -------------------------------------------------------------------------------------------------

    async def _use(self, websocket: ClientConnection, token: str) -> None:
        self._websocket, self._websocket_opened_at = websocket, time.monotonic()
        with contextlib.suppress(ConnectionClosed):
            await websocket.send(self._channel.connect(token))
        self._has_websocket.set()
        # What is outstanding is sent again.
        self._to_send.set()

    async def _receive(self) -> None:
        """Process the messages of the session, over one websocket after the other. Returns when it has ended."""
        while not self._channel.is_closed:
            with contextlib.suppress(ConnectionClosed):
                await self._receive_all()
            if not self._channel.is_closed:
                self._has_websocket.clear()
                self._channel.disconnect()
                await self._resume()

    async def _receive_all(self) -> None:
        """Process the messages of a websocket. Raises ConnectionClosed."""
        websocket, channel = self._websocket, self._channel
        while websocket and not channel.is_closed:
            while channel.is_full:
                self._taken.clear()
                await self._taken.wait()
            message = await websocket.recv()
            heard = channel.heard
            channel.receive(message)
            if channel.heard > heard:
                self._broke_at, self._pause = None, _FIRST_PAUSE_SECONDS
            if channel.state is State.OPEN and not self._opened.done():
                self._opened.set_result(None)
            self._wake()

    async def _resume(self) -> None:
        """Open another websocket. Raises SshKeysError if the session has ended, or none could be opened for long."""
        now = time.monotonic()
        if self._broke_at is None or now > self._websocket_opened_at + _RESUME_SECONDS:
            self._broke_at, self._pause = now, _FIRST_PAUSE_SECONDS
        elif now > self._broke_at + _RESUME_SECONDS:
            raise ArgumentError(f"The connection to {SERVER.name} broke, and each other one broke, too.")
        while True:
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 2, _LONGEST_PAUSE_SECONDS)
            try:
                token = await self._service.resume()
                await self._use(await self._service.open(), token)
            except SessionEndedError:
                raise
            except SshKeysError as error:
                if time.monotonic() > self._broke_at + _RESUME_SECONDS or _is_final(error):
                    why = f"The connection to {SERVER.name} broke, and no other opened. {error}"
                    raise ArgumentError(why) from error
            else:
                return

    async def _send(self) -> None:
        """Write what the channel has to send. Raises ArgumentError if the agent acknowledges nothing for too long."""
        while True:
            await self._has_websocket.wait()
            self._to_send.clear()
            with contextlib.suppress(ConnectionClosed, TimeoutError):
                # A service that reads nothing lets it wait for ever.
                async with asyncio.timeout(_STALL_SECONDS):
                    await self._send_frames()
            self._check_progress()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._channel.seconds_until_due()):
                    await self._to_send.wait()

    async def _send_frames(self) -> None:
        websocket = self._websocket
        for frame in self._channel.frames_to_send():
            if websocket:
                await websocket.send(frame)

    def _check_progress(self) -> None:
        channel, websocket = self._channel, self._websocket
        if not channel.websockets_without_progress:
            self._has_stalled = False
        # While ssh takes nothing, acknowledgements may have come that were not read.
        if channel.is_full:
            return
        waited = min(channel.seconds_without_progress(), time.monotonic() - self._reads_since)
        if waited < _STALL_SECONDS or not websocket:
            return
        if self._has_stalled:
            raise ArgumentError(_STALLED)
        self._has_stalled = True
        # _receive opens another one. Until then, there is nothing to look at.
        self._has_websocket.clear()
        websocket.transport.abort()

    # -- ssh -----------------------------------------------------------------------------------------------------------

    async def _give_to_ssh(self) -> None:
        """Give ssh the bytes of sshd. Returns when the session has ended and ssh has all of them."""
        loop = asyncio.get_running_loop()
        while True:
            data = self._channel.data()
            if data is None:
                if self._channel.is_closed:
                    return
                self._to_give.clear()
                await self._to_give.wait()
                continue
            if self._is_ssh_there:
                try:
                    await loop.sock_sendall(self._local, data)
                except OSError:
                    # The other tasks see that too.
                    self._is_ssh_there = False
            if self._channel.is_full:
                self._reads_since = time.monotonic()
            self._channel.took()
            self._to_send.set()
            self._taken.set()

    async def _take_from_ssh(self) -> None:
        """Take bytes of ssh while there is room for them. Returns when ssh has ended."""
        loop, ended = asyncio.get_running_loop(), select.poll()
        # Without a mask, poll reports only the end.
        ended.register(self._local, 0)
        with contextlib.suppress(OSError):
            while True:
                while not self._channel.can_send:
                    self._room.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(_LOOK_SECONDS):
                            await self._room.wait()
                    if ended.poll(0):
                        return
                data = await loop.sock_recv(self._local, DATA_BYTES)
                if not data:
                    return
                self._channel.send(data)
                self._to_send.set()


async def _close(websocket: ClientConnection) -> None:
    """Close a websocket, also one whose other end reads nothing: its close frame would wait for ever."""
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await websocket.close()
    except TimeoutError:
        websocket.transport.abort()


def _is_final(error: SshKeysError) -> bool:
    """Return whether it is useless to try again: AWS has refused."""
    status, code = getattr(error, "status", 0), getattr(error, "code", "")
    return isinstance(error, SetUpError) or status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) or code in _FINAL


# Codes of all services (AWS, common errors), and of the SDK.
_FINAL = frozenset(
    {
        "AccessDeniedException",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "NoCredentialsError",
        "CredentialRetrievalError",
        "UnrecognizedClientException",
    }
)
_ENDED_EARLY = "The session ended before sshd had sent anything."
_STALLED = (
    "The agent on the instance has acknowledged nothing for a minute. The instance may hang, or has no way to Session "
    "Manager any more."
)
_NO_HANDSHAKE = (
    "The session was started, and the agent on the instance did not begin it in time (ansible_timeout). Look at the "
    "log of the SSM agent there, and at the load of the instance."
)
_NO_SSHD = (
    "The agent on the instance has begun the session, and no sshd there has answered in time (ansible_timeout). Check "
    "that sshd runs, that it listens on the loopback address and on this port (ansible_port), and the load of the "
    "instance. An agent that finds no sshd may say nothing."
)
