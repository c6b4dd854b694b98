# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections to an address on loopback, as ssh would make them."""

from __future__ import annotations

import socket
import stat
import struct
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import direct
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.steps import WayIsOpenError


def test_a_connection_is_made_as_ssh_would(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        made = direct.connect(
            "127.0.0.1", port, {"tcpkeepalive": "yes", "bindaddress": "127.0.0.2"}, time.monotonic() + 5
        )
        with made, server.accept()[0] as accepted:
            assert accepted.getpeername()[0] == "127.0.0.2"
            assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert made.gettimeout() is None
            assert stat.S_ISSOCK(Path(f"/proc/self/fd/{made.fileno()}").stat().st_mode)


@pytest.mark.parametrize(("value", "keeps_alive"), [({}, True), ({"tcpkeepalive": "no"}, False)])
def test_the_user_may_want_no_keepalive(value: dict[str, str], keeps_alive: bool) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        direct.connect("127.0.0.1", server.getsockname()[1], value, time.monotonic() + 5) as made,
    ):
        assert bool(made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)) is keeps_alive


@pytest.mark.parametrize(
    ("address", "configuration", "said"),
    [
        ("127.0.0.1", {}, "127.0.0.1 port 1: Connection refused."),
        ("224.0.0.1", {}, "224.0.0.1 port 1: Network is unreachable."),
        ("127.0.0.1", {"addressfamily": "inet6"}, "127.0.0.1 port 1: .*family"),
        ("nowhere.invalid", {}, "nowhere.invalid port 1: .*"),
        ("no..where", {}, "no..where port 1: This is no address."),
        ("\x1b[2J" + "a" * 1_000, {}, r"\[2Ja{250} port 1: This is no address."),
    ],
)
def test_what_cannot_be_reached_is_a_sentence(address: str, configuration: Any, said: str) -> None:
    with pytest.raises(ArgumentError, match=said) as caught:
        direct.connect(address, 1, configuration, time.monotonic() + 5)
    # A host that refuses is there.
    assert isinstance(caught.value, WayIsOpenError) is ("refused" in said)


def test_a_connection_is_waited_for_no_longer_than_the_timeout() -> None:
    """A server whose queue is full drops what comes, as a security group does."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        waiting = []
        for _number in range(3):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(server.getsockname())
            waiting.append(one)
        began = time.monotonic()
        with pytest.raises(ArgumentError, match="timed out") as caught:
            direct.connect("127.0.0.1", server.getsockname()[1], {}, began + 0.3)
        assert not isinstance(caught.value, WayIsOpenError)
        assert time.monotonic() - began < 3
        for one in waiting:
            one.close()


def test_the_last_of_several_addresses_says_whether_the_host_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name may have an address that leads nowhere, and another one at which the host refuses."""
    refusing, nowhere = "127.0.0.1", "224.0.0.1"

    def addresses_are(*addresses: str) -> None:
        kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_asked: [(*kind, (each, 1)) for each in addresses])

    addresses_are(nowhere, refusing)
    with pytest.raises(WayIsOpenError):
        direct.connect("web1", 1, {}, time.monotonic() + 5)
    addresses_are(refusing, nowhere)
    with pytest.raises(WayIsOpenError):
        direct.connect("web1", 1, {}, time.monotonic() + 5)


def test_what_sshd_sends_first_is_left_for_ssh() -> None:
    greeting = b"SSH-2.0-sshd\r\n"
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with server.accept()[0] as accepted:
                accepted.sendall(greeting)

        answering = threading.Thread(target=answer)
        answering.start()
        address = server.getsockname()
        with direct.connect(address[0], address[1], {}, time.monotonic() + 5, awaits_sshd=True) as made:
            assert made.recv(100) == greeting
        answering.join()


ACCEPTED = "Something accepts connections there, and"


@pytest.mark.parametrize(
    ("lingers", "why"),
    [
        (True, f"{ACCEPTED} it closed this one before an sshd"),
        # A reset that comes early is an error of connect(2) itself.
        (False, f"({ACCEPTED} no sshd has answered: )?Connection reset"),
    ],
)
def test_what_ends_a_connection_before_sshd_has_spoken_is_a_sentence(lingers: bool, why: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def end() -> None:
            with server.accept()[0] as accepted:
                if not lingers:
                    # It resets the connection (socket(7)).
                    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        ending = threading.Thread(target=end)
        ending.start()
        with pytest.raises(ArgumentError, match=rf"127.0.0.1 port \d+: {why}") as caught:
            direct.connect("127.0.0.1", server.getsockname()[1], {}, time.monotonic() + 5, awaits_sshd=True)
        assert not isinstance(caught.value, WayIsOpenError)
        ending.join()


def test_what_accepts_connections_and_is_no_sshd_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ArgumentError, match=f"127.0.0.1 port {port}: Something accepts") as caught:
            direct.connect("127.0.0.1", port, {}, time.monotonic() + 0.1, awaits_sshd=True)
        assert not isinstance(caught.value, WayIsOpenError)
