# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import accounts
from ansible_collections.sshkeys.aws.tests.unit import openings
from ansible_collections.sshkeys.aws.tests.unit.connection_run import Run
from ansible_collections.sshkeys.aws.tests.waiting import wait_until


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Return a run that has begun."""
    begun = Run(tmp_path)
    try:
        yield begun
    finally:
        begun.controller.kill()
        begun.controller.wait()
        wait_until(lambda: not begun.brokers() + begun.processes("run_guard.py"), "a process is left")


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[openings.Cloud]:
    """Return AWS. All that it expects must have come at the end of the test."""
    found = openings.Cloud()
    monkeypatch.setattr(openings.StubbedSession, "cloud", found, raising=False)
    monkeypatch.setattr(accounts, "Session", openings.StubbedSession)
    with found.playing():
        yield found


@pytest.fixture
def endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> openings.Endpoint:
    """Return an endpoint that does not answer yet, and whose certificate the SDK trusts."""
    made = openings.Endpoint(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "certificate.pem"))
    return made


@pytest.fixture
def agent() -> openings.Agent:
    """Return the agent of an instance that does not answer yet."""
    return openings.Agent()


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """Return an instance that is reached directly, and whose sshd greets everybody."""
    with socket.create_server(("127.0.0.1", 0)) as made, ExitStack() as accepted:

        def greet() -> None:
            with suppress(OSError):
                while True:
                    connection, _address = made.accept()
                    accepted.enter_context(connection)
                    connection.sendall(b"SSH-2.0-sshd\r\n")

        greeting = threading.Thread(target=greet)
        greeting.start()
        try:
            yield made
        finally:
            # It wakes who waits in accept.
            with suppress(OSError):
                made.shutdown(socket.SHUT_RDWR)
            greeting.join()
