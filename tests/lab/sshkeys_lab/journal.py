# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of all calls, for a test to read."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .protocol import Call


@dataclass
class Entry:
    """One call.

    time: its arrival in real seconds since 1970; seconds: its duration, None until it ends;
    fault: the kind of the fault that was applied, or None; status: of the client's answer, None without one.
    """

    service: str
    operation: str
    region: str
    parameters: dict[str, Any]
    access_key: str
    user_agent: str
    time: float = field(default_factory=time.time)
    seconds: float | None = None
    fault: str | None = None
    status: int | None = None


class Journal:
    """The calls since the lab's start or the last `clear`, in order of arrival."""

    def __init__(self) -> None:
        """Start empty."""
        self._entries: list[Entry] = []
        self._lock = threading.Lock()

    def record(self, call: Call) -> Entry:
        """Record a call and return its entry, for the caller to complete."""
        entry = Entry(call.service, call.operation, call.region, call.parameters, call.access_key, call.user_agent)
        with self._lock:
            self._entries.append(entry)
        return entry

    def read(self) -> list[dict[str, Any]]:
        """Return all entries as JSON objects."""
        with self._lock:
            return [asdict(entry) for entry in self._entries]

    def clear(self) -> None:
        """Forget all entries."""
        with self._lock:
            self._entries.clear()
