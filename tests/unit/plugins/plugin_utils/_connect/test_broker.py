# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process that makes the connections of a run: when it begins, and that it ends, and what it leaves."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import broker
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager.open_sessions import (
    OpenSession,
    OpenSessions,
)
from ansible_collections.sshkeys.aws.tests.unit.connection_run import Run
from ansible_collections.sshkeys.aws.tests.unit.scripted_service import ScriptedService
from ansible_collections.sshkeys.aws.tests.waiting import wait_until


def test_all_of_a_run_share_a_broker(run: Run) -> None:
    programs = [run.ask() for _number in range(12)]
    commands = [run.command() for _number in range(12)]
    for program in programs:
        with program:
            assert program.wait(20) == 1
    for command in commands:
        command.end()
    assert len(run.brokers()) == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_broker_that_is_gone_is_replaced(run: Run, number: signal.Signals) -> None:
    for _time in range(2):
        run.command().end()
        (process,) = run.brokers()
        os.kill(process, number)
        wait_until(lambda: not run.brokers(), "a broker is left")
    with run.ask() as program:
        assert program.wait(20) == 1


def test_the_sessions_that_a_killed_broker_has_left_are_terminated_by_the_next_one(run: Run) -> None:
    """Those of another broker of the run are its own."""
    service = ScriptedService()
    service.script = [(200, {"SessionId": "alice-1"})]
    names = ("endpoint_url", "region", "access_key", "secret_key")
    aws = {name: value for name, value in service.params().items() if name in names}
    mine, other = (OpenSessions(str(run.folder), name) for name in (run.name, "another-broker"))
    mine.add(OpenSession("alice-1", aws))
    other.add(OpenSession("alice-2", aws))
    run.command().end()
    wait_until(lambda: mine.left() == [], "a session is left")
    assert [(operation, body) for operation, body, _time in service.requests] == [
        ("TerminateSession", {"SessionId": "alice-1"})
    ]
    assert [each.id for each in other.left()] == ["alice-2"]
    service.server.shutdown()


def test_a_broker_that_is_about_to_end_is_replaced(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its socket still takes connections when its process is ending."""
    monkeypatch.chdir(run.folder)
    with socket.socket(socket.AF_UNIX) as dying:
        dying.bind(run.name)
        dying.listen()
        with run.ask() as program:
            waiting, _address = dying.accept()
            dying.close()
            waiting.close()
            assert program.wait(20) == 1
    assert len(run.brokers()) == 1


def test_the_end_of_the_run_ends_the_broker_and_deletes_the_key(run: Run) -> None:
    """Whatever ended it: a process that was killed leaves its folder behind."""
    command = run.command()
    (run.folder / "id_ed25519").touch()
    run.controller.kill()
    # As a zombie, it is there no more.
    wait_until(lambda: not run.folder.exists(), "the folder is left")
    wait_until(lambda: not run.brokers() + run.processes("run_guard.py"), "a process is left")
    command.end()


@pytest.mark.parametrize("killed", ["broker.py", "run_guard.py"])
def test_the_key_is_deleted_although_who_deletes_it_was_killed(run: Run, killed: str) -> None:
    run.command().end()
    (run.folder / "id_ed25519").touch()
    wait_until(lambda: run.processes("run_guard.py") != [], "there is no guard")
    for process in run.processes(killed):
        os.kill(process, signal.SIGKILL)
    wait_until(lambda: not run.processes(killed), "it was not killed")
    run.controller.kill()
    wait_until(lambda: not run.folder.exists(), "the folder is left")


def test_the_end_of_the_folder_ends_the_broker(run: Run) -> None:
    run.command().end()
    for file in run.folder.iterdir():
        file.unlink()
    run.folder.rmdir()
    wait_until(lambda: not run.brokers(), "a broker is left")


def test_a_broker_is_in_the_folder_of_the_one_who_has_started_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment and the configuration of ssh may name files by paths that begin there."""
    folder = tmp_path / "play"
    folder.mkdir()
    monkeypatch.chdir(folder)
    run.command().end()
    (process,) = run.brokers()
    assert Path(f"/proc/{process}/cwd").resolve() == folder
    assert Path.cwd() == folder


def test_credentials_come_through_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may look at a process can read the environment that it was started with, as long as it runs."""
    said = b"AWS_SECRET_ACCESS_KEY=a=b\0AWS_PROFILE=\0EC2_URL=x y\0\0"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(said)))
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "EC2_URL"):
        # So that it is undone in the end.
        monkeypatch.setenv(name, "")
    assert broker._take_credentials()
    assert [os.environ[name] for name in ("AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "EC2_URL")] == ["a=b", "", "x y"]


@pytest.mark.parametrize(
    ("said", "is_all"),
    [(b"", False), (b"AWS_PROFILE=a", False), (b"AWS_PROFILE=a\0", False), (b"AWS_PROFILE=a\0\0", True), (b"\0", True)],
)
def test_credentials_that_did_not_come_whole_are_noticed(
    said: bytes, is_all: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C may kill the process that has started the broker, and is about to write them."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(said)))
    monkeypatch.setenv("AWS_PROFILE", "")
    assert broker._take_credentials() is is_all


def test_a_broker_without_its_credentials_ends_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It listens in the name of an environment that it does not have, and would fail whoever has that."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("broker")
        listener.listen()
        command = [sys.executable, "-P", str(broker.__file__), str(listener.fileno()), str(tmp_path), str(os.getpid())]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, pass_fds=[listener.fileno()], timeout=20, check=False)
    assert done.returncode == 1


def test_what_the_broker_was_started_with_has_no_credentials(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    run.command().end()
    (process,) = run.brokers()
    assert b"HOME=" in (environment := Path(f"/proc/{process}/environ").read_bytes())
    assert b"AWS_" not in environment


def test_nobody_else_may_connect(run: Run) -> None:
    run.command().end()
    assert (run.folder / run.name).stat().st_mode & 0o777 == 0o600
    assert run.folder.stat().st_mode & 0o777 == 0o700
