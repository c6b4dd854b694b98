# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tunnel through an EC2 Instance Connect Endpoint: a websocket whose binary messages are the bytes of ssh.

The library does the framing, the handshake and the proxies of the environment. What is here is the patience with an
endpoint that is full, the words for a refusal, and the pump between the websocket and the socket that ssh gets.
"""

from __future__ import annotations

import json
import os
import random
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

try:
    from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
    from websockets.sync.client import connect
except ImportError:
    connect = None  # type: ignore[assignment]

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, printable
from ansible_collections.sshkeys.aws.plugins.plugin_utils._explain import Step

if TYPE_CHECKING:
    from websockets.http11 import Response
    from websockets.sync.client import ClientConnection

# The most that the service takes in a message.
_MAX_BYTES = 65_000
# How an endpoint with too many connections, or too many at once, answers.
_FULL = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_FULL_CODE = ("limit", "quota", "throttl", "toomany")
_LONGEST_PAUSE_SECONDS = 2.0
_NORMAL = 1000
_CLOSE_SECONDS = 2


def open_tunnel(sign: Callable[[], str], ca_bundle: str | None, deadline: float) -> ClientConnection:
    """Open a tunnel, and wait for an endpoint that has all the connections it may have. Raises ArgumentError.

    sign: returns a fresh address. ca_bundle: a file with the certificates to trust. deadline: on the monotonic clock.
    """
    if connect is None:
        raise ArgumentError(
            "A tunnel needs the Python package websockets (15.0 or later) beside boto3, for the Python that runs "
            "ansible-playbook: pip install websockets."
        )
    context = ssl.create_default_context(cafile=ca_bundle)
    pause = 0.25
    while True:
        left = deadline - time.monotonic()
        try:
            return connect(
                sign(),
                ssl=context,
                compression=None,
                max_size=None,
                ping_interval=None,
                open_timeout=max(left, 0.1),
                close_timeout=_CLOSE_SECONDS,
                user_agent_header="sshkeys.aws",
            )
        except InvalidStatus as refused:
            code, message = _refusal(refused.response)
            is_full = refused.response.status_code in _FULL or any(word in code.lower() for word in _FULL_CODE)
            if not is_full or time.monotonic() + pause > deadline:
                waited = " It stayed so for the whole timeout (ansible_timeout)." if is_full else ""
                raise ArgumentError(f"The endpoint refused: {code}: {message}.{waited}") from refused
        except TimeoutError as error:
            raise ArgumentError(
                "The endpoint does not answer. Look at ansible_timeout, and at the way to it."
            ) from error
        except (OSError, InvalidHandshake) as error:
            raise ArgumentError(f"The endpoint cannot be reached: {printable(error).rstrip('.')}.") from error
        time.sleep(pause * (0.5 + random.random() / 2))
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


def _refusal(response: Response) -> tuple[str, str]:
    """Return the code and the message of an answer that is no tunnel."""
    request_id = response.headers.get("x-amzn-requestid", "")
    try:
        told = json.loads(response.body or b"")
        code, message = str(told["ErrorCode"]), str(told["Message"])
    except (KeyError, TypeError, ValueError):
        code, message = f"HTTP status {response.status_code}", response.reason_phrase
    request = f" (request id {printable(request_id)})" if request_id else ""
    return printable(code), printable(message).rstrip(".")[:500] + request


def hand_over(
    open_it: Callable[[], ClientConnection], give: Callable[[int], object], tell_of: Callable[[Step, str], None]
) -> None:
    """Give ssh a socket, and pump between it and a tunnel in a process of its own, which ends with either of them.

    Returns when ssh has the socket, and in that process when the tunnel has ended: there, nothing is left to do.
    Raises ArgumentError where the tunnel cannot be opened.
    open_it: opens the tunnel. give: takes the file descriptor for ssh.
    tell_of: is told why a tunnel ended that ssh did not end.
    """
    told, telling = os.pipe()
    # Before there are threads, and the tunnel has some.
    if not os.fork():
        os.close(told)
        _carry(open_it, give, tell_of, telling)
        return
    os.close(telling)
    with os.fdopen(told, encoding="utf-8") as file:
        refused = file.read()
    if refused:
        raise ArgumentError(refused)


def _carry(
    open_it: Callable[[], ClientConnection],
    give: Callable[[int], object],
    tell_of: Callable[[Step, str], None],
    telling: int,
) -> None:
    """Open the tunnel, hand it over, and pump until it ends. telling: a pipe, for the sentence if it goes wrong."""
    try:
        tunnel = open_it()
    except ArgumentError as error:
        os.write(telling, str(error).encode())
        return
    ours, theirs = socket.socketpair()
    give(theirs.fileno())
    theirs.close()
    # A Ctrl-C is for those who use the connection. Whoever waits for the end of these files must not wait for this one.
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2, telling):
        os.dup2(nowhere, stream)
    ended = pump(tunnel, ours)
    if ended:
        # Before ssh learns of it, which happens when this process ends.
        tell_of(Step.TUNNEL_ENDED, ended)


def pump(tunnel: ClientConnection, local: socket.socket) -> str:
    """Carry bytes both ways until one side ends. Returns why, if it was the tunnel's end and no normal one, else "".

    Each direction waits until what it has read is taken, so nothing piles up in between.
    """
    sender = threading.Thread(target=_send, args=(tunnel, local), daemon=True)
    sender.start()
    try:
        while True:
            message = tunnel.recv()
            if isinstance(message, str):
                return "The endpoint sent text, which the protocol does not have."
            local.sendall(message)
    except ConnectionClosed as closed:
        received = closed.rcvd
        # Where ssh is gone, the end of the tunnel is the end that it was told.
        if closed.sent and not closed.rcvd_then_sent:
            return ""
        if received is None:
            return "The connection to the endpoint broke."
        if received.code == _NORMAL:
            return ""
        return f"The endpoint ended it: {printable(received.reason) or 'no reason given'} ({received.code})."
    except OSError:
        tunnel.close()
        return ""


def _send(tunnel: ClientConnection, local: socket.socket) -> None:
    """Carry what ssh sends into the tunnel, and close that when ssh is gone."""
    try:
        while data := local.recv(_MAX_BYTES):
            tunnel.send(data)
        # ssh has nothing more to say, and may still listen. Without a mask, poll tells only of the end of that.
        waiting = select.poll()
        waiting.register(local, 0)
        waiting.poll()
        tunnel.close()
    except (OSError, ConnectionClosed):
        pass
