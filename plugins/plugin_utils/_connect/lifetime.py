# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a broker ends, and what it deletes then.

The lifetime is a text, an argument of broker.py:

- the process id of ansible-playbook: the broker ends with the run;
- ``idle:SECONDS:DESCRIPTOR``: the broker of a user who logs in by hand ends when it has had nothing to do for so long.
  DESCRIPTOR is the open folder, by which the broker holds it (user_folder.py).

Each ssh of a user loads this file, so what only a broker needs is imported there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING, Protocol

from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import run_guard, user_folder

if TYPE_CHECKING:
    from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.server import Server

_IDLE = "idle"
_POLL_SECONDS = 1.0
# A broker of a user lives for hours, and the instances and security groups change.
_FACTS_SECONDS = 60.0


class Lifetime(Protocol):
    """The lifetime of a broker.

    facts_seconds: how long the facts of AWS count, None for as long as the broker runs.
    """

    facts_seconds: float | None

    def begin(self) -> None:
        """Make the folder for keys, and start its guard. Raises ArgumentError."""

    async def ended(self, serving: Server) -> None:
        """Return when the broker is to end."""

    def clean_up(self) -> None:
        """Delete what must not outlive the broker. It may be called twice."""


class OfARun:
    """The lifetime of a run of ansible-playbook."""

    facts_seconds: float | None = None

    def __init__(self, folder: str, controller: int) -> None:
        """Take the folder of the run, and the process id of ansible-playbook."""
        self._folder, self._controller = folder, controller

    def begin(self) -> None:
        """See Lifetime."""
        _make_folder(self._folder, self._controller)

    async def ended(self, _serving: Server) -> None:
        """See Lifetime."""
        import asyncio  # noqa: PLC0415 - see above

        await asyncio.to_thread(run_guard.wait, self._folder, self._controller)

    def clean_up(self) -> None:
        """Delete the folder."""
        import shutil  # noqa: PLC0415 - see above

        shutil.rmtree(self._folder, ignore_errors=True)


class UntilIdle:
    """The lifetime of the broker of a user."""

    facts_seconds: float | None = _FACTS_SECONDS

    def __init__(self, folder: str, name: str, seconds: float, held: int) -> None:
        """Take the folder, the name of the socket there, the idle timeout, and what holds the folder."""
        self._folder, self._name, self._seconds = folder, name, seconds
        self._held: int | None = held

    def begin(self) -> None:
        """See Lifetime. The guard waits until no broker holds the folder any more."""
        _make_folder(self._folder, None)

    async def ended(self, serving: Server) -> None:
        """See Lifetime. The folder may go at the end of the user's login session."""
        import asyncio  # noqa: PLC0415 - see above

        while serving.idle_seconds() < self._seconds and await asyncio.to_thread(self._has_folder):  # noqa: ASYNC110 - for time alone
            await asyncio.sleep(min(max(self._seconds - serving.idle_seconds(), 0.05), _POLL_SECONDS))

    def _has_folder(self) -> bool:
        """Return whether the folder is there. The next login session may have made another one at the same path."""
        return self._held is not None and user_folder.is_at(self._folder, os.fstat(self._held))

    def clean_up(self) -> None:
        """Delete the socket, so that nobody waits for this broker, and the folder unless another broker holds it."""
        if self._held is None:
            return
        if self._has_folder():
            path = os.path.join(self._folder, self._name)
            # As proxy_command.start does: a broker that is started now must keep its socket.
            with contextlib.suppress(OSError), open(f"{path}.lock", "w", encoding="utf-8") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                os.unlink(path)
        os.close(self._held)
        self._held = None
        run_guard.delete_unless_held(self._folder, waits=False)


def _make_folder(folder: str, controller: int | None) -> None:
    from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.run_keys import RunKeys  # noqa: PLC0415 - see above

    RunKeys(folder, controller).make_folder()


def until_idle(seconds: int, held: int) -> str:
    """Return the lifetime of the broker of a user, as a text. seconds: the idle timeout. held: see above."""
    return f"{_IDLE}:{seconds}:{held}"


def of(text: str, folder: str, name: str) -> Lifetime:
    """Return the lifetime that a text describes. folder: of the broker. name: of its socket there."""
    kind, _colon, more = text.partition(":")
    if kind != _IDLE:
        return OfARun(folder, int(text))
    seconds, held = more.split(":")
    return UntilIdle(folder, name, float(seconds), int(held))
