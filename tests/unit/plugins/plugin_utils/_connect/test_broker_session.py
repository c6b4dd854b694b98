# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The talk of the plugin with the broker: what it hears, and what becomes of it when the broker ends."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import broker_session
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.broker_session import Broker, Command
from ansible_collections.sshkeys.aws.tests.unit.connection_run import COLLECTIONS, Run
from ansible_collections.sshkeys.aws.tests.waiting import wait_until


def heard(*parts: bytes, is_closed: bool = False) -> Command:
    """Return a command to which a broker has said this."""
    ours, theirs = socket.socketpair()
    command = Command(theirs)
    for part in parts:
        ours.sendall(part)
        command.hear()
    if is_closed:
        ours.close()
        command.hear()
    else:
        ours.detach()
    return command


def line(**message: object) -> bytes:
    return json.dumps(message).encode() + b"\n"


def test_a_message_is_heard_when_it_is_whole() -> None:
    whole = line(made="it", is_pushed=True)
    ours, theirs = socket.socketpair()
    with ours:
        command = Command(theirs)
        ours.sendall(whole[:9])
        assert command.hear() == []
        ours.sendall(whole[9:] + whole)
        assert command.hear() == [{"made": "it", "is_pushed": True}] * 2
        assert command.hear() == []
        command.end()


def test_what_a_command_knows() -> None:
    failed = {"step": "PUSH", "sentence": "No."}
    assert heard().failed is None
    assert heard(line(failed=failed)).failed == failed
    # A later message does not take it back.
    assert heard(line(failed=failed), line(made="it", is_pushed=True)).failed == failed
    assert not heard(line(made="it", is_pushed=True)).relied_on_an_earlier_push
    assert heard(line(made="it", is_pushed=False)).relied_on_an_earlier_push
    assert not heard(line(waits="it waits")).has_lost_the_broker
    assert heard(line(waits="it waits"), is_closed=True).has_lost_the_broker


def test_a_command_begins_when_the_broker_says_so_and_who_waits_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[str] = []
    ours, theirs = socket.socketpair()
    ours.sendall(line(waits="it waits") + line(begin=True))
    monkeypatch.setattr(Broker, "_request", lambda _broker, *_fields: theirs)
    command = Broker(str(tmp_path), "broker", 1, []).begin("settings", "", wait=waits.append)
    assert waits == ["it waits"]
    command.end()
    ours.close()


def test_a_broker_that_hangs_keeps_nobody_waiting_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command goes on, and the broker hears of its end when it goes on, too."""
    monkeypatch.setattr(broker_session, "_SILENT_SECONDS", 0.1)
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as hanging:
        hanging.bind("broker")
        hanging.listen()
        command = Broker(str(tmp_path), "broker", 1, []).begin("settings", "", wait=print)
        # So that a failure is explained.
        assert command.has_lost_the_broker
        client, _address = hanging.accept()
        with client:
            assert client.recv(100) == b"command\0settings\0\0"
            command.end()
            assert client.recv(100) == b""


def test_a_command_begins_with_the_next_broker_if_one_ends(run: Run) -> None:
    first = run.command()
    (broker,) = run.brokers()
    os.kill(broker, signal.SIGKILL)
    wait_until(lambda: not run.brokers(), "a broker is left")
    # What it was about to start may have its sockets for a moment.
    wait_until(lambda: first.hear() == [] and first.has_lost_the_broker, "its end is not heard of")
    run.command().end()
    assert run.brokers() not in ([], [broker])
    first.end()


def test_to_start_a_broker_that_is_there_starts_none(run: Run) -> None:
    run.broker.start()
    (broker,) = run.brokers()
    run.broker.start()
    assert run.brokers() == [broker]


def test_a_folder_that_is_gone_is_an_error(tmp_path: Path) -> None:
    here = Path.cwd()
    broker = Broker(str(tmp_path / "gone"), "broker", os.getpid(), [COLLECTIONS])
    with pytest.raises(FileNotFoundError):
        broker.ask("failure", "settings")
    assert Path.cwd() == here
