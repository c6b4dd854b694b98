# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong with a call: in the lab, and on the way to it."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.retries import TOTAL_MAX_ATTEMPTS
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import READ_TIMEOUT_SECONDS
from ansible_collections.sshkeys.aws.tests.running_lab import Prepare, RunningLab

# Of a call whose answer never comes, instead of those of _aws/session.py.
_ATTEMPTS = 2
# What eight attempts of a call wait in between, in seconds.
LONGEST_BACKOFF = 71.0
# Of a call that goes wrong, and of the reads after it that say what stands: two that nobody answers.
SECONDS_AT_MOST = 310.0


class Call(NamedTuple):
    """A call of a run: its operation, the parameters that tell it from others, and how many like it come before it."""

    operation: str
    match: Mapping[str, Any]
    after: int


class Fault(NamedTuple):
    """A way for a call to go wrong, and how often it does; None: for ever.

    kind: of the lab's faults; or what a connection meets before the lab: ``refused`` or ``reset on its way``.
    passes: whether the call is made again until it works.
    """

    kind: str
    times: int | None
    passes: bool
    more: Mapping[str, object] = {}

    def __str__(self) -> str:
        """Return a name for the test."""
        kind = str(self.more.get("status", self.kind)).replace(" ", "_")
        return f"{kind}-{self.times or 'forever'}"

    @property
    def aws_config(self) -> dict[str, object]:
        """The options of the SDK: nobody waits long for an answer that does not come."""
        if self.kind not in ("hang", "stall"):
            return {}
        return {"read_timeout": 0.2, **({"retries": {"total_max_attempts": _ATTEMPTS}} if self.times is None else {})}

    def seconds_left_out(self, strikes: int) -> float:
        """Return for how long a user would have waited besides, for answers and in attempts that nobody waited for.

        strikes: how many calls went wrong.
        """
        if not self.aws_config:
            return 0.0
        if self.times is not None:
            return strikes * READ_TIMEOUT_SECONDS  # what holds where nobody says otherwise
        calls = strikes / _ATTEMPTS
        return calls * (TOTAL_MAX_ATTEMPTS * READ_TIMEOUT_SECONDS + LONGEST_BACKOFF)

    @property
    def is_on_the_way(self) -> bool:
        """Whether the lab does not see the call. See Way."""
        return self.kind in ("refused", "reset on its way")

    def of(self, call: Call) -> dict[str, object]:
        """Return the fault as the control API of the lab takes it, for a call."""
        return {**call._asdict(), "fault": self.kind, "times": self.times, **self.more}

    @property
    def is_clear(self) -> bool:
        """Whether the client knows that the call took no effect."""
        return self.kind in ("throttle", "refused")


def _faults() -> Iterator[Fault]:
    for times in (1, 3, None):
        yield Fault("throttle", times, passes=times is not None)
    for times in (1, None):
        passes = times is not None
        for status in (500, 503):
            yield Fault("error", times, passes, {"code": "Failure", "status": status})
        for kind in ("refused", "reset on its way", "reset", "drop", "lost_answer", "hang", "stall"):
            yield Fault(kind, times, passes)
        # To botocore these are answers.
        for kind in ("cut", "not_json"):
            yield Fault(kind, times, passes=False)


FAULTS = tuple(_faults())


@contextmanager
def nowhere() -> Iterator[dict[str, str]]:
    """Yield two addresses where no lab is: one where nothing listens, one that resets each connection."""
    with socket.socket() as refusing, socket.create_server(("127.0.0.1", 0)) as resetting:
        # Nobody listens there, and nobody else gets the port.
        refusing.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=_reset_all, args=(resetting,), daemon=True)
        thread.start()
        yield {
            "refused": f"http://127.0.0.1:{refusing.getsockname()[1]}/",
            "reset on its way": f"http://127.0.0.1:{resetting.getsockname()[1]}/",
        }
        resetting.shutdown(socket.SHUT_RDWR)
        thread.join()


def _reset_all(listening: socket.socket) -> None:
    while True:
        try:
            connection, _address = listening.accept()
        except OSError:
            return
        # A reset before that may come while the client is still connecting, and is another error then.
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


class Way:
    """The way from a client to the lab, on which a call can go wrong."""

    def __init__(self, nowhere: Mapping[str, str]) -> None:
        """nowhere: where a call is led that does not reach the lab, by the kind of the fault."""
        self._nowhere = nowhere
        # How many requests were led there.
        self._misled = 0

    def spoil(self, running_lab: RunningLab, fault: Fault, call: Call) -> Prepare:
        """Let a call go wrong, in the lab or on the way to it. Returns what is to happen to each client."""
        self._misled = 0
        running_lab.control("DELETE", "requests")
        if fault.is_on_the_way:
            return self.mislead(fault, call)
        running_lab.misbehave(fault.of(call))
        return lambda _client: None

    def strikes(self, running_lab: RunningLab) -> int:
        """Return how many calls went wrong since then."""
        return self._misled + sum(request["fault"] is not None for request in running_lab.requests())

    def mislead(self, fault: Fault, call: Call) -> Prepare:
        """Return what leads a call of a client to where no lab is."""
        left = [call.after, fault.times]

        def mislead(request: Any, **_event: object) -> None:
            # Those of EC2 are no JSON, and need not be told from others.
            if call.match and not call.match.items() <= json.loads(request.body).items():
                return
            if left[0]:
                left[0] -= 1
            elif left[1] is None or left[1] > 0:
                left[1] = left[1] and left[1] - 1
                self._misled += 1
                request.url = self._nowhere[fault.kind]

        def prepare(client: Any) -> None:
            client.meta.events.register(f"before-send.*.{call.operation}", mislead)

        return prepare
