# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The broker of a run: the process that makes the connections for every ssh of ansible-playbook.

It loads the SDK once. Whoever needs it first starts it (proxy_command.connect), and all others share it. Its environment
and working folder are those of the one who started it, and another environment or folder has a broker of its own
(run_folder.broker_name), so a request never changes them.

It listens on a socket in the folder of the run, and talks to its own user only. A request is a word and its fields,
each ended by a zero byte:

- ``command SETTINGS MASTER``, from the connection plugin: a command begins. MASTER is ``1`` if ssh has a connection that
  persists. The answers are lines of JSON, until the plugin closes the socket, when the command has ended:
  ``{"waits": sentence}`` and then ``{"begin": true}`` when ssh may be started; ``{"made": sentence, "is_pushed": bool}``
  for a connection that was made for it; ``{"failed": {"step": name, "sentence": sentence}}`` for one that was not.
- ``open SETTINGS``, with a file descriptor, from proxy_command.py: make a connection, and send it to ssh through this
  socket. The answer is ``.`` from time to time, and in the end an exit status, ``0`` or ``1``.
- ``failure SETTINGS``, from the plugin: answer as ``failed`` does, in case that came when an earlier broker had ended.
- ``forget SETTINGS``, from the plugin: push the key again, even if it was accepted a moment ago.

SETTINGS is the path of a file (settings.py). When the run has ended, the broker deletes the folder of the run with all
keys and secrets, takes no request any more, and ends with its last tunnel: connections that persist outlive the run.

Usage: broker.py LISTENER FOLDER CONTROLLER PATH…, with the file descriptor of the listening socket, the folder of the
run, the process id of ansible-playbook, and the paths in which ansible-core looks for collections.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import shutil
import socket
import struct
import sys
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.commands import Commands
    from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.opening import Opener
    from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings

_MESSAGE_BYTES = 65_536
# Who sends nothing gets no answer.
_RECEIVE_SECONDS = 5
# proxy_command.py takes a broker that is silent for longer for one that hangs.
_SIGN_OF_LIFE_SECONDS = 30
# What waits for AWS or for a slow host has a thread of its own.
_THREADS = 200


def main() -> int:
    """Serve until the run and the last tunnel have ended. Returns the exit status."""
    listener, folder, controller = socket.socket(fileno=int(sys.argv[1])), sys.argv[2], int(sys.argv[3])
    _find_collections(sys.argv[4:])
    # Each connection needs a few files.
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(_serve(listener, folder, controller))
    return 0


async def _serve(listener: socket.socket, folder: str, controller: int) -> None:
    from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import commands, run_guard

    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS))
    broker = Broker(listener, commands.Commands())
    serving = asyncio.create_task(broker.serve())
    await asyncio.to_thread(run_guard.wait, folder, controller)
    serving.cancel()
    shutil.rmtree(folder, ignore_errors=True)
    await broker.end()
    # What is left are calls to AWS whose answers nobody waits for.
    os._exit(0)


def _find_collections(paths: Sequence[str]) -> None:
    """Let collections be found where ansible-core finds them. Its own importer takes as long as a connection."""
    package = ModuleType("ansible_collections")
    package.__path__ = [os.path.join(path, "ansible_collections") for path in paths]
    sys.modules["ansible_collections"] = package


class Broker:
    """The server."""

    def __init__(self, listener: socket.socket, commands: Commands) -> None:
        """Load the SDK, in a thread. listener: a listening socket."""
        self._listener = listener
        self._commands = commands
        self._settings: dict[str, Settings] = {}
        self._requests: set[asyncio.Task[None]] = set()
        self._loading = asyncio.create_task(asyncio.to_thread(_load, commands))

    async def serve(self) -> None:
        """Answer every request, until this is cancelled."""
        loop = asyncio.get_running_loop()
        with self._listener:
            self._listener.setblocking(False)
            while True:
                client, _address = await loop.sock_accept(self._listener)
                request = asyncio.create_task(self._answer(client))
                self._requests.add(request)
                request.add_done_callback(self._requests.discard)

    async def end(self) -> None:
        """Drop all requests, accounts and facts. Returns when the last tunnel has ended."""
        for request in self._requests:
            request.cancel()
        loading = self._loading
        del self._loading
        self._settings.clear()
        with contextlib.suppress(Exception):
            opener = await loading
            opener.forget()
            await opener.ended()

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

    def _read(self, settings_file: str) -> Settings:
        """Return the settings in a file, which is named by its content."""
        if settings_file not in self._settings:
            with open(settings_file, encoding="utf-8") as file:
                self._settings[settings_file] = json.load(file)
        return self._settings[settings_file]

    async def _command(self, client: socket.socket, settings: Settings, master: str) -> None:
        from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.commands import send

        self._commands.begin(settings["connection"], client)
        try:
            admitting = asyncio.create_task(self._admit(settings, has_master=master == "1"))
            ended = asyncio.create_task(_until_closed(client))
            try:
                await asyncio.wait({admitting, ended}, return_when=asyncio.FIRST_COMPLETED)
                send(client, {"begin": True})
                await ended
            finally:
                admitting.cancel()
                ended.cancel()
        finally:
            self._commands.end(settings["connection"], client)

    async def _admit(self, settings: Settings, *, has_master: bool) -> None:
        # What goes wrong is told when ssh has to connect.
        with contextlib.suppress(Exception):
            await (await asyncio.shield(self._loading)).admit(settings, has_master=has_master)

    async def _open(self, client: socket.socket, settings: Settings, ssh: socket.socket) -> None:
        opening = asyncio.create_task(self._open_for(settings, ssh))
        ended = asyncio.create_task(_until_closed(client))
        try:
            while not opening.done() and not ended.done():
                await asyncio.wait(
                    {opening, ended}, timeout=_SIGN_OF_LIFE_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                if not opening.done():
                    client.send(b".")
            if opening.done():
                # An ssh whose connection failed waits until nobody holds the other end of its socket any more.
                ssh.close()
                client.send(b"0" if opening.result() else b"1")
        finally:
            opening.cancel()
            ended.cancel()

    async def _open_for(self, settings: Settings, ssh: socket.socket) -> bool:
        """Return whether ssh has got a connection. If not, the plugin is told why."""
        from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.explain import Step
        from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.steps import FailedError

        try:
            opener = await asyncio.shield(self._loading)
            await opener.open(settings, ssh)
        except FailedError as failure:
            step, sentence = failure.step, str(failure)
        except Exception as error:  # noqa: BLE001 - nobody sees the standard error of this process
            step, sentence = Step.SET_UP, f"{type(error).__name__}: {error}."
        else:
            return True
        self._commands.fail(settings["connection"], step.name, sentence)
        return False

    async def _failure(self, client: socket.socket, settings: Settings) -> None:
        client.send(json.dumps({"failed": self._commands.failure(settings["connection"])}).encode() + b"\n")

    async def _forget(self, client: socket.socket, settings: Settings) -> None:
        (await asyncio.shield(self._loading)).push_again(settings)
        client.send(b"{}\n")


def _load(commands: Commands) -> Opener:
    """Import all that makes connections, which takes several times as long as making one."""
    from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.opening import Opener

    return Opener(commands)


def _refuse_others(client: socket.socket) -> None:
    """Raise PermissionError if the one who connected is another user. The folder of the run lets in nobody else."""
    if hasattr(socket, "SO_PEERCRED"):
        _process, user, _group = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if user != os.geteuid():
            raise PermissionError


async def _receive(client: socket.socket) -> tuple[list[str], list[socket.socket]]:
    """Return the fields of a request, and the sockets that came with it."""
    received, sockets = b"", []
    try:
        while not received.endswith(b"\0"):
            await _readable(client)
            data, descriptors, _flags, _address = socket.recv_fds(client, _MESSAGE_BYTES, 1)
            sockets += [socket.socket(fileno=descriptor) for descriptor in descriptors]
            received += data
            if not data or len(received) > _MESSAGE_BYTES:
                raise ValueError
    except BaseException:
        for each in sockets:
            each.close()
        raise
    return [os.fsdecode(field) for field in received.split(b"\0")[:-1]], sockets


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


if __name__ == "__main__":
    sys.exit(main())
