# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's state folder: private, claimed by one lab at a time, and recognised before it is changed."""

from __future__ import annotations

import fcntl
import os
import signal
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[3]
# A staged copy loses what the checkout does not have. tests/tools/staged.py says where the checkout is.
BUILD = Path(os.environ.get("CHECKOUT", CHECKOUT)) / ".build"
LOCK = "lab.lock"
LAB_FILE = "lab.json"
ENVIRONMENT_FILE = "env.sh"
CREDENTIALS_FILE = "credentials"
LOG = "lab.log"
# The folder with the buckets behind the Transfer users.
STORAGE = "storage"
# With any of these a client would not use the lab's credentials.
FOREIGN_VARIABLES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")


def write_private(path: Path, text: str) -> None:
    """Write `text` to a file, which gets mode 0600 if it is new."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def prepare(state: Path) -> None:
    """Make the state folder, mode 0700; raise LabError if it holds anything but a lab's state."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (state / LOCK).exists() and any(state.iterdir()):
        msg = f"{state} is not empty and not a lab's state folder."
        raise LabError(msg)
    state.chmod(0o700)
    (state / LOCK).touch(mode=0o600)


def claim(state: Path) -> int:
    """Prepare the folder and lock it for this process; return the lock's file descriptor.

    The lock is free again when every process that holds the descriptor has ended, so a free lock also means that no
    process is left. Raises LabError if another lab holds it.
    """
    prepare(state)
    lock = os.open(state / LOCK, os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        msg = f"A lab is running in {state}; `down` stops it."
        raise LabError(msg) from error
    os.truncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())
    return lock


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    def _give_up(*_args: object) -> None:
        raise TimeoutError

    previous = signal.signal(signal.SIGALRM, _give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def stop_claimant(state: Path) -> bool:
    """End the lab that runs in `state` and return True when none of its processes is left; False if none runs.

    Raises LabError if it does not end.
    """
    try:
        lock = os.open(state / LOCK, os.O_RDWR)
    except FileNotFoundError:
        return False
    with os.fdopen(lock, encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = int(file.read())
        else:
            return False
        for ending in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.kill(pid, ending)
            with suppress(TimeoutError), _at_most(10):
                fcntl.flock(file, fcntl.LOCK_EX)
                return True
    msg = f"The lab in {state}, process {pid}, does not end."
    raise LabError(msg)
