# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a command to its end, keep what it says, and leave nothing of it behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# No single command takes a quarter of this on a slow machine. One that does hangs.
TIME_LIMIT = 20 * 60

# Time to clean up after being asked to stop: the lab has servers to end.
_PATIENCE = 20


class StoppedError(Exception):
    """The run was interrupted, so nothing new is started."""


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    returncode: int
    output: str
    seconds: float
    log: Path


class Processes:
    """The commands that run at the moment. There can be several, each in a thread of its own."""

    def __init__(self, *, echo: bool = False) -> None:
        """With ``echo`` all output is shown as it comes."""
        self._echo = echo
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: Path) -> Finished:
        """Run a command and return what it said. It gets no input and ends after TIME_LIMIT at the latest."""
        log.parent.mkdir(parents=True, exist_ok=True)
        start = time.monotonic()
        # The output goes to a file, not to a pipe: a process that the command leaves behind would hold a pipe open,
        # and this function would wait for it.
        with log.open("wb") as sink:
            process = self._start(command, cwd, env, sink.fileno())
            try:
                self._wait(process, log, start + TIME_LIMIT)
            finally:
                _end(process)
                with self._lock:
                    self._running.discard(process)
        output = log.read_text(encoding="utf-8", errors="replace")
        if self._stopped:
            raise StoppedError
        seconds = time.monotonic() - start
        if seconds > TIME_LIMIT:
            output += f"\nStopped: it took more than {TIME_LIMIT} seconds.\n"
        return Finished(process.returncode, output, seconds, log)

    def stop(self) -> None:
        """End all commands, and start no more."""
        self._stopped = True
        with self._lock:
            running = list(self._running)
        for process in running:
            _end(process)

    def _start(self, command: Sequence[str], cwd: Path, env: Mapping[str, str], output: int) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._stopped:
                raise StoppedError
            # A process group of its own, so that all of it can be ended together.
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._running.add(process)
        return process

    def _wait(self, process: subprocess.Popen[bytes], log: Path, deadline: float) -> None:
        with log.open("rb") as lines:
            while process.poll() is None and time.monotonic() < deadline:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=0.2)
                if self._echo:
                    sys.stdout.write(lines.read().decode(errors="replace"))
                    sys.stdout.flush()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and all that it started in its group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
