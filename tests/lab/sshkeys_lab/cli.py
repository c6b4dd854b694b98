# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of the lab."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from . import files
from .errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .lab import Lab

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Seconds that a command has to end after the signal.
_GRACE = 10


class _Ended(BaseException):
    """One of _ENDINGS has arrived. A BaseException, like KeyboardInterrupt, so that nothing catches it by accident."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _end(number: int, _frame: object) -> NoReturn:
    raise _Ended(number)


@contextmanager
def _running_lab(state: Path) -> Iterator[Lab]:
    for name in files.FOREIGN_VARIABLES:
        os.environ.pop(name, None)
    lock = files.claim(state)
    # Loading moto takes two seconds. A claimed folder is reported before that.
    from .lab import Lab  # noqa: PLC0415

    with Lab(state, lock) as lab:
        try:
            yield lab
        finally:
            # Nothing may interrupt the cleanup.
            for number in _ENDINGS:
                signal.signal(number, signal.SIG_IGN)


def _where(lab: dict[str, Any], state: Path) -> str:
    first = lab["instances"][0]
    login = f"-p {first['port']} -o HostKeyAlias={first['host_key_alias']} {first['os_user']}@{first['host']}"
    lines = [
        f"{'endpoint':21}{lab['endpoint_url']}",
        f"{'region':21}{lab['region']}",
        f"{'state':21}{state}",
        f"{'environment':21}. {state / files.ENVIRONMENT_FILE}",
        "",
        f"{'instance':21}{'state':10}{'zone':12}ssh port",
        *(
            f"{each['instance_id']:21}{each['state']:10}{each['availability_zone']:12}{each['port'] or '-'}"
            for each in lab["instances"]
        ),
        "",
        f"{'Transfer server':21}{lab['transfer']['server_id']}",
        f"{'user':21}sftp port",
        *(f"{each['user_name']:21}{each['port'] or '-'}" for each in lab["transfer"]["users"]),
        *(f"{each['user_name']:21}{each['port']}, once it is created" for each in lab["transfer"]["new_users"]),
        "",
        f"Push a key to {first['instance_id']} for {first['os_user']}, then, within {lab['key_lifetime']} seconds:",
        f"ssh {lab['ssh_common_args']} -i KEY {login}",
    ]
    return "\n".join(lines) + "\n"


def _up(state: Path, ready: int | None) -> int:
    with _running_lab(state) as lab:
        if ready is None:
            sys.stdout.write(_where(lab.description, state) + "\nCtrl-C stops the lab.\n")
            sys.stdout.flush()
        else:
            os.write(ready, b"ready")
            os.close(ready)
        try:
            while True:
                signal.pause()
        except _Ended:
            return 0


def _up_detached(state: Path) -> int:
    files.prepare(state)
    log = state / files.LOG
    log.touch(mode=0o600)
    listening, ready = os.pipe()
    with log.open("a", encoding="utf-8") as output:
        subprocess.Popen(
            [sys.executable, str(Path(__file__).parents[1]), "up", "--state", str(state), "--ready", str(ready)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[ready],
            start_new_session=True,
        )
    os.close(ready)
    with os.fdopen(listening, "rb") as pipe:
        if pipe.read() != b"ready":
            raise LabError((log.read_text("utf-8").strip().splitlines() or ["The lab ended during its start."])[-1])
    lab = json.loads((state / files.LAB_FILE).read_text("utf-8"))["lab"]
    sys.stdout.write(f"{_where(lab, state)}\nThe lab runs in the background; `down` stops it.\n")
    return 0


def _down(state: Path) -> int:
    stopped = files.stop_claimant(state)
    sys.stdout.write(f"The lab in {state} has stopped.\n" if stopped else f"No lab is running in {state}.\n")
    return 0


class _Command:
    """A command that receives each ending signal of this program, and is killed if it does not end within _GRACE.

    The handlers only pass the signal on. If they raised, the exit code of a command that ends at the same moment would
    be lost.
    """

    def __init__(self, command: list[str], variables: dict[str, str]) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._heard: int | None = None
        signal.signal(signal.SIGALRM, self._kill)
        for number in _ENDINGS:
            signal.signal(number, self._hear)
        try:
            self._process = subprocess.Popen(command, env=variables)
        except OSError as error:
            msg = f"{command[0]} cannot be run: {error.strerror}."
            raise LabError(msg) from error
        if self._heard is not None:
            self._hear(self._heard)

    def _hear(self, number: int, _frame: object = None) -> None:
        self._heard = number
        signal.alarm(_GRACE)
        # The terminal sends Ctrl-C to the command too, but no other signal.
        if self._process is not None and number != signal.SIGINT:
            self._process.send_signal(number)

    def _kill(self, *_args: object) -> None:
        if self._process is not None:
            self._process.kill()

    def wait(self) -> int:
        """Return the exit code in the shell's convention: 128 + N for a signal N."""
        code = 0 if self._process is None else self._process.wait()
        signal.alarm(0)
        return 128 - code if code < 0 else code


def _run(state: Path, command: list[str]) -> int:
    with _running_lab(state) as lab:
        return _Command(command, {**os.environ, **lab.environment}).wait()


@contextmanager
def _temporary_state() -> Iterator[Path]:
    state = Path(tempfile.mkdtemp(prefix="sshkeys-lab-"))
    try:
        yield state
    finally:
        shutil.rmtree(state, ignore_errors=True)


def _arguments(arguments: list[str]) -> argparse.Namespace:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--state", type=Path, metavar="DIR", help="the folder that holds the lab's state")
    parser = argparse.ArgumentParser(prog="python tests/lab", description="A lab for sshkeys.aws.")
    commands = parser.add_subparsers(dest="command_name", required=True)
    up = commands.add_parser("up", parents=[shared], help="start a lab and print its addresses")
    up.add_argument("--detach", action="store_true", help="leave it running in the background")
    up.add_argument("--ready", type=int, help=argparse.SUPPRESS)
    commands.add_parser("down", parents=[shared], help="stop a detached lab")
    run = commands.add_parser("run", parents=[shared], help="run a command in a new lab")
    run.add_argument("command", nargs="+", metavar="-- COMMAND", help="the command, with its arguments")
    return parser.parse_args(arguments)


def _execute(chosen: argparse.Namespace) -> int:
    if chosen.command_name == "run":
        if chosen.state is not None:
            return _run(chosen.state, chosen.command)
        with _temporary_state() as state:
            return _run(state, chosen.command)
    state = chosen.state or files.BUILD / "lab"
    if chosen.command_name == "down":
        return _down(state)
    return _up_detached(state) if chosen.detach else _up(state, chosen.ready)


def main(arguments: list[str]) -> int:
    """Run a command of the lab and return its exit code; report a LabError as a sentence on stderr."""
    for number in _ENDINGS:
        signal.signal(number, _end)
    try:
        return _execute(_arguments(arguments))
    except LabError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except _Ended as ended:
        return 128 + ended.number
