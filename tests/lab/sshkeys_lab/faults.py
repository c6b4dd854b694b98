# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on demand: which call fails, how often, and how."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from .errors import ServiceError
from .protocol import DATA_CHANNELS, INSTANCE_CONNECT, SSM, TRANSFER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .protocol import Call

_MISHAPS_OF_SSM = {
    "throttle": ("ThrottlingException", 400),
    "internal": ("InternalServerError", 500),
    "unavailable": ("ServiceUnavailableException", 503),
}
# Each service's error for the same mishap: code and HTTP status. The last row is for EC2 and all other services.
_MISHAPS = {
    INSTANCE_CONNECT: {
        "throttle": ("ThrottlingException", 400),
        "internal": ("ServiceException", 500),
        "unavailable": ("EC2InstanceUnavailableException", 400),
    },
    TRANSFER: {
        "throttle": ("ThrottlingException", 400),
        "internal": ("InternalServiceError", 500),
        "unavailable": ("ServiceUnavailableException", 503),
    },
    SSM: _MISHAPS_OF_SSM,
    DATA_CHANNELS: _MISHAPS_OF_SSM,
    "": {
        "throttle": ("RequestLimitExceeded", 503),
        "internal": ("InternalError", 500),
        "unavailable": ("Unavailable", 503),
    },
}
_MESSAGES = {
    "throttle": "Rate exceeded",
    "internal": "The service has failed in an unexpected way.",
    "unavailable": "The service or the instance is temporarily unavailable. Wait a few minutes and try again.",
    "error": "The lab was told to fail this call.",
}
_TRANSPORT_KINDS = frozenset({"slow", "meet", "drop", "reset", "lost_answer", "cut", "not_json", "hang", "stall"})
KINDS = frozenset(_MESSAGES) | _TRANSPORT_KINDS
# The longest wait of a call that nobody meets.
_SECONDS_OF_WAITING = 60.0


@dataclass
class Fault:
    """A fault as the control API takes it.

    operation: the exact name; fault: one of KINDS; times: how often, None for ever; after: how many matching calls
    pass first; match: parameters that the call must have, with exactly these values;
    code, message, status, retry_after_seconds: of an error; seconds: how long `slow` delays the answer;
    calls: how many calls `meet` waits for.
    """

    operation: str
    fault: str
    times: int | None = 1
    after: int = 0
    match: dict[str, Any] = field(default_factory=dict)
    code: str | None = None
    message: str | None = None
    status: int | None = None
    retry_after_seconds: int | None = None
    seconds: float = 1.0
    calls: int = 2

    def __post_init__(self) -> None:
        """Make the place where calls meet, which is no field: it is not part of the JSON."""
        self._meeting = threading.Barrier(max(1, int(self.calls)))

    def wait(self) -> None:
        """Delay the answer of a call, as `slow` or `meet` says. A call that nobody meets waits a minute."""
        if self.fault == "meet":
            with contextlib.suppress(threading.BrokenBarrierError):
                self._meeting.wait(_SECONDS_OF_WAITING)
        else:
            time.sleep(self.seconds)

    def release(self) -> None:
        """Let the calls go that wait for others."""
        self._meeting.abort()

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Fault:
        """Read a fault; raise ValueError, with a sentence, if `value` is not one."""
        unknown = set(value) - {known.name for known in fields(cls)}
        if unknown or not {"operation", "fault"} <= set(value):
            msg = f"A fault needs operation and fault; unknown members: {', '.join(sorted(unknown)) or 'none'}."
            raise ValueError(msg)
        for name in ("times", "after", "status", "retry_after_seconds", "seconds", "calls"):
            if not isinstance(value.get(name, 0), int | float | None):
                msg = f"A fault's {name} must be a number."
                raise ValueError(msg)
        if not isinstance(value.get("match", {}), dict):
            msg = "A fault's match must be an object of request parameters."
            raise ValueError(msg)
        fault = cls(**value)
        if fault.fault not in KINDS:
            msg = f"There is no fault {fault.fault}; the faults are {', '.join(sorted(KINDS))}."
            raise ValueError(msg)
        if fault.fault == "error" and not fault.code:
            msg = "A fault of the kind error needs a code."
            raise ValueError(msg)
        return fault

    def error(self, service: str) -> ServiceError | None:
        """Return this fault's error in the terms of `service`, or None if the fault is one of the transport."""
        if self.fault in _TRANSPORT_KINDS:
            return None
        code, status = _MISHAPS.get(service, _MISHAPS[""]).get(self.fault, ("", 400))
        members = {} if self.retry_after_seconds is None else {"RetryAfterSeconds": str(self.retry_after_seconds)}
        return ServiceError(
            self.code or code,
            self.message or _MESSAGES[self.fault],
            status=self.status or status,
            members=members,
        )

    def _matches(self, call: Call) -> bool:
        return self.operation == call.operation and all(
            name in call.parameters and call.parameters[name] == value for name, value in self.match.items()
        )

    def strikes(self, call: Call) -> bool:
        """Count `call` against `after` and `times`, and return whether the fault applies to it."""
        if not self._matches(call) or self.times == 0:
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Faults:
    """The faults in force. Only the first fault that matches a call applies to it."""

    def __init__(self) -> None:
        """Start with no faults."""
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def replace(self, faults: list[Fault]) -> None:
        """Replace the faults in force with `faults`. A call that still waits for another one is answered."""
        with self._lock:
            for fault in self._faults:
                fault.release()
            self._faults = faults

    def take(self, call: Call) -> Fault | None:
        """Return the fault that applies to `call`, or None, and count it as used."""
        with self._lock:
            return next((fault for fault in self._faults if fault.strikes(call)), None)

    def read(self) -> list[dict[str, Any]]:
        """Return the faults with the rest of their `times` and `after`."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]
