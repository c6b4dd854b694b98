# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a broker is asked, and what it answers.

It listens on a socket in a folder of its user, and talks to that user only. A request is a word and its fields,
each ended by a zero byte. SETTINGS is the path of a file (settings.py).

``command SETTINGS MASTER``, from the connection plugin
    A command begins. MASTER is the path of the socket of an ssh that persists, if there is one. The answers are lines
    of JSON, until the plugin closes the socket, when the command has ended:

    - ``{"waits": sentence}`` if it has to wait, and ``{}`` from time to time while it does;
    - ``{"begin": true}`` when ssh may be started;
    - ``{"made": sentence, "is_pushed": bool, "closed_ways": sentences}`` for a connection that was made for it, without
      ``is_pushed`` for one to a managed node, to which no key is pushed;
    - ``{"steps": sentence}`` and ``{"failed": {"step": name, "sentence": sentence}}`` for one that was not made, or has
      ended.

``open SETTINGS``, with a file descriptor, from proxy_command.py and user_proxy_command.py
    Make a connection, and send it to ssh through this socket. The answer is ``.`` from time to time, and in the end
    ``0``, or ``1`` and the failure as JSON: ``{"step": name, "sentence": sentence}``.

``failure SETTINGS``, from the plugin
    Answer with ``{"failed": …}`` again, or with null for it: the one that made the connection may have asked another
    broker than the one that the command knows.

``forget SETTINGS``, from the plugin
    Push the key again, even if it was accepted a moment ago. The answer is ``{}``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import struct
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from ansible_collections.sshkeys.aws.plugins.module_utils._ways import may_need_endpoint
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.commands import Commands, send
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.explain import Step
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.places import Places
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.pushes import seconds_since_boot
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager.open_sessions import OpenSessions
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.tasks import start, stop

if TYPE_CHECKING:
    from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.opening import Opener

_MESSAGE_BYTES = 65_536
_PAUSE_SECONDS = 0.1
# A client that sends nothing gets no answer.
_RECEIVE_SECONDS = 5
# The plugin and proxy_command.py take a broker that is silent for longer for one that hangs.
_SIGN_OF_LIFE_SECONDS = 5


class Server:
    """The server, which answers from ``start`` to ``stop``."""

    def __init__(self, sessions: OpenSessions, facts_seconds: float | None = None) -> None:
        """Load the SDK, in a thread.

        sessions: those of Session Manager that are open. facts_seconds: how long the facts of AWS count, None for as
        long as this server answers.
        """
        self._facts_seconds = facts_seconds
        self._forgotten_at = self._busy_at = seconds_since_boot()
        self._commands = Commands()
        self._places = Places(self._commands)
        self._settings: dict[str, Settings] = {}
        self._requests: set[asyncio.Task[None]] = set()
        self._loading = asyncio.create_task(self._load(sessions))
        self._serving: asyncio.Task[None] | None = None

    async def _load(self, sessions: OpenSessions) -> Opener:
        opener = await asyncio.to_thread(_load, self._commands, self._places, sessions)
        opener.end_sessions_of_a_killed_broker()
        return opener

    def start(self, listener: socket.socket) -> None:
        """Answer requests. listener: a listening socket."""
        self._serving = asyncio.create_task(self._serve(listener))

    async def _serve(self, listener: socket.socket) -> None:
        with listener:
            listener.setblocking(False)
            while True:
                try:
                    client, _address = await asyncio.get_running_loop().sock_accept(listener)
                except OSError:
                    # There are too many open files for a moment.
                    await asyncio.sleep(_PAUSE_SECONDS)
                    continue
                start(self._answer(client), self._requests)

    async def stop(self) -> None:
        """Take no request any more, drop those that are open, and forget all accounts and facts."""
        if self._serving:
            await stop(self._serving)
        await stop(*self._requests)
        self._settings.clear()
        with contextlib.suppress(Exception):
            (await self._loading).forget()

    def idle_seconds(self) -> float:
        """Return how long nothing was asked, and no tunnel was open, as far as the calls of this method have seen."""
        opener = self._loading.result() if _is_made(self._loading) else None
        if self._requests or (opener and opener.has_tunnels()):
            self._busy_at = seconds_since_boot()
        return seconds_since_boot() - self._busy_at

    async def tunnels_ended(self) -> None:
        """Return when the last tunnel has ended."""
        with contextlib.suppress(Exception):
            await (await self._loading).ended()

    async def _answer(self, client: socket.socket) -> None:
        answers: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {
            "command": self._command,
            "open": self._open,
            "failure": self._failure,
            "forget": self._forget,
        }
        with client, contextlib.ExitStack() as received:
            client.setblocking(False)
            try:
                _refuse_others(client)
                async with asyncio.timeout(_RECEIVE_SECONDS):
                    (word, settings_file, *more), sockets = await _receive(client)
                for each in sockets:
                    received.enter_context(each)
                answer = answers[word](client, self._read(settings_file), *more, *sockets)
            except (OSError, ValueError, KeyError, TypeError):
                # It is not from this collection, and gets no answer.
                return
            # The client may end at any time.
            with contextlib.suppress(OSError):
                await answer
            # ssh reads the key when it has the connection.
            self._busy_at = seconds_since_boot()

    def _read(self, settings_file: str) -> Settings:
        """Return the settings in a file, which is named by its content."""
        if settings_file not in self._settings:
            with open(settings_file, encoding="utf-8") as file:
                self._settings[settings_file] = json.load(file)
        return self._settings[settings_file]

    async def _command(self, client: socket.socket, settings: Settings, master: str) -> None:
        self._commands.begin(settings["connection"], client)
        admitting = asyncio.create_task(self._admit(settings, master))
        ended = asyncio.create_task(_until_closed(client))
        try:
            while not await _one_ends(admitting, ended):
                send(client, {})
            send(client, {"begin": True})
            await ended
        finally:
            await stop(admitting, ended)
            self._commands.end(settings["connection"], client)

    async def _admit(self, settings: Settings, master: str) -> None:
        """Return when a command may begin: at once, unless ssh will need a place of an endpoint that may be full.

        ssh itself cannot wait for long: Ansible gives it a few seconds to ask for the password of ``become``.
        master: the path of the socket of an ssh that persists.
        """
        # Its socket goes when its connection is closed for the place of another one.
        await self._places.settled(settings["connection"])
        if await asyncio.to_thread(os.path.exists, master):
            return
        start(self._prepare(settings), self._requests)
        if may_need_endpoint(settings) and not self._places.expect(settings["connection"]):
            # What goes wrong is told when ssh has to connect.
            with contextlib.suppress(Exception):
                await (await asyncio.shield(self._loading)).keep_a_place(settings)

    async def _prepare(self, settings: Settings) -> None:
        """Prepare a connection while ssh starts."""
        with contextlib.suppress(Exception):
            await (await asyncio.shield(self._loading)).prepare(settings)

    async def _open(self, client: socket.socket, settings: Settings, ssh: socket.socket) -> None:
        opening = asyncio.create_task(self._open_for(settings, ssh))
        ended = asyncio.create_task(_until_closed(client))
        try:
            while not await _one_ends(opening, ended):
                client.send(b".")
            if opening.done():
                # An ssh whose connection failed waits until nobody holds the other end of its socket any more.
                ssh.close()
                failure = opening.result()
                client.send(b"1" + json.dumps(failure).encode() if failure else b"0")
        finally:
            await stop(opening, ended)

    async def _open_for(self, settings: Settings, ssh: socket.socket) -> Mapping[str, object] | None:
        """Give ssh a connection. Returns the failure if there is none, which the plugin is told, too."""
        try:
            opener = await asyncio.shield(self._loading)
            self._forget_old_facts(opener)
            failure = await opener.open(settings, ssh)
        except Exception as error:  # noqa: BLE001 - nobody sees the standard error of this process
            failure = Step.SET_UP, f"{type(error).__name__}: {error}."
        if not failure:
            return None
        step, sentence = failure
        self._commands.fail(settings["connection"], step.name, sentence)
        return {"step": step.name, "sentence": sentence}

    def _forget_old_facts(self, opener: Opener) -> None:
        now = seconds_since_boot()
        if self._facts_seconds is not None and now - self._forgotten_at >= self._facts_seconds:
            opener.forget_facts()
            self._forgotten_at = now

    async def _failure(self, client: socket.socket, settings: Settings) -> None:
        send(client, {"failed": self._commands.failure(settings["connection"])})

    async def _forget(self, client: socket.socket, settings: Settings) -> None:
        (await asyncio.shield(self._loading)).push_again(settings)
        send(client, {})


def _load(commands: Commands, places: Places, sessions: OpenSessions) -> Opener:
    """Import all that makes connections, which takes several times as long as making one."""
    from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.opening import Opener  # noqa: PLC0415 - it takes long

    return Opener(commands, places, sessions)


def _is_made(loading: asyncio.Task[Opener]) -> bool:
    return loading.done() and not loading.cancelled() and not loading.exception()


def _refuse_others(client: socket.socket) -> None:
    """Raise PermissionError if the one who connected is another user. The folder of the run lets in nobody else."""
    if hasattr(socket, "SO_PEERCRED"):
        _process, user, _group = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if user != os.geteuid():
            raise PermissionError


async def _receive(client: socket.socket) -> tuple[list[str], list[socket.socket]]:
    """Return the fields of a request, and the sockets that came with it. Raises OSError and ValueError."""
    received, descriptors, sockets = b"", [], []
    try:
        while not received.endswith(b"\0"):
            await _readable(client)
            data, more, _flags, _address = socket.recv_fds(client, _MESSAGE_BYTES, 1)
            descriptors += more
            received += data
            if not data or len(received) > _MESSAGE_BYTES:
                raise ValueError
        while descriptors:
            # It fails for what is no socket.
            sockets.append(socket.socket(fileno=descriptors[0]))
            del descriptors[0]
    except BaseException:
        for each in sockets:
            each.close()
        for descriptor in descriptors:
            os.close(descriptor)
        raise
    return [os.fsdecode(field) for field in received.split(b"\0")[:-1]], sockets


async def _one_ends(*tasks: asyncio.Task[Any]) -> bool:
    """Return when a task has ended; or return False when it is time for a sign of life."""
    ended, _others = await asyncio.wait(tasks, timeout=_SIGN_OF_LIFE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    return bool(ended)


async def _readable(client: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(client, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(client)


async def _until_closed(client: socket.socket) -> None:
    """Return when the other end is closed."""
    with contextlib.suppress(OSError):
        while await asyncio.get_running_loop().sock_recv(client, 1):
            pass
