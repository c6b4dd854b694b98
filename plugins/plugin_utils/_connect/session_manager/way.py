# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way through Session Manager: a session that is started, carried, resumed, and terminated."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import time
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ansible_collections.sshkeys.aws.plugins.module_utils._aws import ssm
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.retries import THROTTLED
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import SSM
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import (
    ArgumentError,
    ServiceError,
    SshKeysError,
    printable,
)
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.accounts import Account
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.commands import Commands
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.explain import Step
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.host import Host
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager.open_sessions import (
    OpenSession,
    OpenSessions,
)
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager.tunnel import (
    PING_SECONDS,
    SERVER,
    Service,
    Tunnel,
)
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.websocket import RefusedError, open_websocket

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

_Work = Callable[[], Coroutine[Any, Any, None]]

# What is tried again while there is time, with these pauses. The client tries StartSession once.
_AGAIN = THROTTLED | {"EndpointConnectionError"}
_FIRST_PAUSE_SECONDS = 0.5
# The tries to end a session.
_TRIES = 3
# How long another websocket of a session may take to open.
_REOPEN_SECONDS = 10.0
_NO_DATA_CHANNEL = (
    "Allow ssmmessages:OpenDataChannel on arn:aws:ssm:*:*:session/${aws:userid}-* in the IAM policy of these "
    "credentials, and check the clock of this machine."
)


class SessionManagerWay:
    """The way to a host through Session Manager."""

    def __init__(self, host: Host, commands: Commands, sessions: OpenSessions, keep: Callable[[_Work], None]) -> None:
        """Ask nothing. sessions: keeps those that are open. keep: runs a coroutine function until it ends."""
        self._host = host
        self._commands = commands
        self._sessions = sessions
        self._keep = keep

    async def connect(self, port: int) -> socket.socket:
        """Return ssh's end of a session. Raises SshKeysError. port: of sshd."""
        account = await self._host.account()
        session = await self._start(account, port)
        deadline = self._host.deadline()
        try:
            tunnel = Tunnel(self._service(session, account, deadline), session.token, self._tell_of_end)
        except OSError as error:
            self._keep(lambda: self._terminate(session.id, account))
            raise ArgumentError(f"No socket could be made for ssh: {error.strerror}.") from error
        self._keep(tunnel.wait)
        await tunnel.opened(deadline)
        self._host.timing.took(f"the session {printable(session.id)} of Session Manager to port {port}")
        return tunnel.for_ssh

    async def _start(self, account: Account, port: int) -> ssm.Session:
        """Start a session. If nobody waits for it any more, it is terminated."""

        def start() -> ssm.Session:
            session = ssm.start(account.client(SSM), self._host.settings["instance_id"], port)
            self._sessions.add(OpenSession(session.id, self._host.settings["aws"]))
            return session

        async def start_in_time() -> ssm.Session:
            deadline, pause = self._host.deadline(), _FIRST_PAUSE_SECONDS
            while True:
                try:
                    return await asyncio.to_thread(start)
                except ServiceError as error:
                    # Nothing was started.
                    if error.code not in _AGAIN or time.monotonic() + pause > deadline:
                        raise
                await asyncio.sleep(pause * (0.5 + random.random() / 2))
                pause *= 2

        starting = asyncio.ensure_future(start_in_time())

        async def end() -> None:
            with contextlib.suppress(SshKeysError):
                await self._terminate((await starting).id, account)

        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            self._keep(end)
            raise

    def _service(self, session: ssm.Session, account: Account, deadline: float) -> Service:
        """Return AWS for a session. deadline: of its first websocket, on the monotonic clock."""

        async def open_it() -> ClientConnection:
            current = await self._current(account)
            headers = await asyncio.to_thread(lambda: ssm.headers(current.session.signer(), session.url))
            seconds = max(deadline - time.monotonic(), _REOPEN_SECONDS)
            try:
                return await open_websocket(
                    SERVER, session.url, current.ca_bundle, seconds, headers=headers, ping_seconds=PING_SECONDS
                )
            except RefusedError as refused:
                if refused.status != HTTPStatus.FORBIDDEN:
                    raise
                raise RefusedError(f"{refused} {_NO_DATA_CHANNEL}", refused.status, refused.code) from refused

        async def resume() -> str:
            current = await self._current(account)
            return await asyncio.to_thread(lambda: ssm.resume(current.client(SSM), session.id))

        return Service(open_it, resume, lambda: self._terminate(session.id, account))

    async def _current(self, account: Account) -> Account:
        """Return the account with the credentials of now; at the end of the run, those that the session began with.

        A session may last longer than the credentials of a role.
        """
        try:
            return await self._host.account()
        except SshKeysError:
            return account

    async def _terminate(self, session_id: str, account: Account) -> None:
        """End a session. If that fails, AWS does so when it was idle for long enough."""
        current = await self._current(account)
        await terminate(current, session_id, self._sessions)

    def _tell_of_end(self, why: str) -> None:
        self._commands.fail(self._host.settings["connection"], Step.SESSION_ENDED.name, why)


async def terminate(account: Account, session_id: str, sessions: OpenSessions) -> None:
    """End a session, and keep it no more. If that fails, AWS ends it when it was idle for long enough."""
    for tries in range(_TRIES):
        with contextlib.suppress(SshKeysError):
            await asyncio.to_thread(lambda: ssm.terminate(account.client(SSM), session_id))
            sessions.remove(session_id)
            return
        if tries + 1 < _TRIES:
            await asyncio.sleep(_FIRST_PAUSE_SECONDS * (1 + random.random()))
