# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a broker ends, and what it deletes then."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import lifetime, user_folder
from ansible_collections.sshkeys.aws.tests.waiting import wait_until

NAME = "broker-of-a-test"


class Serving:
    """Stands for a server that is idle for as long as a test says, the last value again and again."""

    def __init__(self, *seconds: float) -> None:
        self._seconds = list(seconds)
        self.asked = 0

    def idle_seconds(self) -> float:
        self.asked += 1
        return self._seconds.pop(0) if len(self._seconds) > 1 else self._seconds[0]


def held(folder: Path) -> int:
    """Return what holds a folder as a broker inherits it."""
    with user_folder.held(str(folder)) as descriptor:
        return os.dup(descriptor)


def ended(lives: lifetime.Lifetime, serving: Any) -> None:
    """Wait for the end of a lifetime."""
    asyncio.run(asyncio.wait_for(lives.ended(serving), 20))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return where the folder is to be."""
    return tmp_path / "sshkeys.aws"


# -- As text ----------------------------------------------------------------------------------------------------------


def test_the_process_of_a_run_is_its_lifetime(folder: Path) -> None:
    of_a_run = lifetime.of("1234", str(folder), NAME)
    assert isinstance(of_a_run, lifetime.OfARun)
    # A run is short, and its facts stay.
    assert of_a_run.facts_seconds is None


@pytest.mark.parametrize("seconds", [1, 1800])
def test_an_idle_timeout_is_the_lifetime_of_a_users_broker(folder: Path, seconds: int) -> None:
    descriptor = held(folder)
    until_idle = lifetime.of(lifetime.until_idle(seconds, descriptor), str(folder), NAME)
    assert isinstance(until_idle, lifetime.UntilIdle)
    assert until_idle.facts_seconds == 60
    ended(until_idle, Serving(seconds))
    until_idle.clean_up()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


@pytest.mark.parametrize("text", ["", "idle:1", "idle:a:1", "never"])
def test_what_is_no_lifetime_is_an_error(folder: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        lifetime.of(text, str(folder), NAME)


# -- Of a run ---------------------------------------------------------------------------------------------------------


def test_a_broker_of_a_run_ends_with_it_and_deletes_the_folder(folder: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as playbook:
        lives = lifetime.of(str(playbook.pid), str(folder), NAME)
        lives.begin()
        assert (folder / "guard").exists()
        os.kill(playbook.pid, signal.SIGKILL)
        ended(lives, Serving(0))
    lives.clean_up()
    lives.clean_up()
    assert not folder.exists()


# -- Of a user --------------------------------------------------------------------------------------------------------


def of_a_user(folder: Path, seconds: float = 1) -> lifetime.UntilIdle:
    """Return the lifetime of a broker with its socket."""
    lives = lifetime.UntilIdle(str(folder), NAME, seconds, held(folder))
    here = Path.cwd()
    os.chdir(folder)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(NAME)
    finally:
        os.chdir(here)
    return lives


def test_a_broker_ends_when_it_was_idle_and_not_before(folder: Path) -> None:
    serving = Serving(0.9, 0.9, 0.99, 0.99, 0.9, 0.9, 1)
    lives = of_a_user(folder)
    ended(lives, serving)
    # Once to see whether it was long enough, and once to see how long it takes.
    assert serving.asked == 7
    lives.clean_up()


def test_a_broker_ends_when_its_folder_is_gone(folder: Path) -> None:
    lives = of_a_user(folder, 1800)
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    ended(lives, Serving(0))
    lives.clean_up()


def test_the_folder_of_the_next_login_session_is_another_one(folder: Path) -> None:
    """A broker of the same environment may have been started in it."""
    lives = of_a_user(folder, 1800)
    folder.rename(folder.with_name("deleted"))
    other = of_a_user(folder, 1800)
    ended(lives, Serving(0))
    lives.clean_up()
    assert (folder / NAME).exists()
    other.clean_up()
    assert not folder.exists()


def test_the_last_broker_deletes_the_folder(folder: Path) -> None:
    first, second = of_a_user(folder), lifetime.UntilIdle(str(folder), "another", 1, held(folder))
    (folder / "id_ed25519").touch()
    first.clean_up()
    # Nobody is to wait for a broker that has ended.
    assert not (folder / NAME).exists()
    assert (folder / "id_ed25519").exists()
    second.clean_up()
    assert not folder.exists()
    # Its descriptors may be others by now.
    second.clean_up()


def test_a_folder_that_an_ssh_holds_stays(folder: Path) -> None:
    lives = of_a_user(folder)
    with user_folder.held(str(folder)):
        lives.clean_up()
        assert folder.exists()


def test_the_socket_of_one_that_is_started_now_stays(folder: Path) -> None:
    """It takes the lock before it looks for a broker, and holds it until it has its own."""
    lives = of_a_user(folder)
    with user_folder.held(str(folder)), (folder / f"{NAME}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        async def race() -> None:
            cleaning = asyncio.create_task(asyncio.to_thread(lives.clean_up))
            _done, waits = await asyncio.wait([cleaning], timeout=0.2)
            assert waits
            assert (folder / NAME).exists()
            fcntl.flock(lock, fcntl.LOCK_UN)
            await cleaning

        asyncio.run(race())
        assert not (folder / NAME).exists()


def test_the_guard_of_a_user_waits_for_all_that_hold_the_folder(folder: Path) -> None:
    descriptor = held(folder)
    lives = lifetime.UntilIdle(str(folder), NAME, 1, descriptor)
    lives.begin()
    guard = int((folder / "guard").read_text())
    assert Path(f"/proc/{guard}").exists()
    # As the kernel does for a broker that is killed.
    os.close(descriptor)
    wait_until(lambda: not folder.exists(), "the folder is left")
