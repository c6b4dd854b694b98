# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""When a call is sent, and when it is tried again.

botocore's standard mode backs off from 5xx and broken connections. What it does not know of is added here:
EC2InstanceUnavailableException, Transfer's RetryAfterSeconds, and one pace for all calls of a client that is throttled,
since backing off call by call would lose some of a fleet and slow down the others. ``aws_config`` has the last word.
"""

from __future__ import annotations

import random
import time
from typing import Any, Mapping

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.pacer import Pacer
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import SERVER_ERRORS

# For a throttled call this is up to 71 seconds of backing off, 35 on average.
TOTAL_MAX_ATTEMPTS = 8
_MAX_DELAY_SECONDS = 20

# How both services say that they are called too often.
_THROTTLED = {"ThrottlingException", "Throttling", "RequestLimitExceeded", "TooManyRequestsException"}
_TOO_MANY_REQUESTS = 429

# The longest first wait for what passes by itself. botocore tries these again too, but takes all retries of a client
# out of one quota (botocore.retries.quota), so that the later targets of a fleet would fail untried. Broken connections
# are left to it: there the quota keeps a fleet from hammering an endpoint that is down.
_FIRST_DELAY_SECONDS = 1.0
_FIRST_DELAY_SECONDS_OF_SERVER_ERROR = 0.25

# The longest wait of a refused call while the service takes others: from then on the pace of all calls is what counts.
_DELAY_SECONDS_AMONG_OTHERS = 0.1
_AMONG_OTHERS_SECONDS = 1.0
# For how long a service that throttles may take no call at all until those that wait for it are given up.
_PATIENCE_SECONDS = 60.0


def attach(client: Any, service: str, *, is_limited: bool) -> None:
    """Let the calls of a client be paced and tried again.

    service: as in sdk.py. is_limited: whether the user has said how often a call is tried.
    """
    retries = _Retries(is_limited=is_limited)
    # First, because a request is signed next, and a signature has an age.
    client.meta.events.register_first(f"request-created.{service}", retries.await_turn)
    client.meta.events.register_first(f"needs-retry.{service}", retries.delay_before_retry)


class _Retries:
    """The pace and the retries of one client. The methods handle events of botocore."""

    def __init__(self, *, is_limited: bool) -> None:
        self._is_limited = is_limited
        self._pacer = Pacer()

    def await_turn(self, **_event: object) -> None:
        """Wait until the call may be sent (request-created)."""
        delay = self._pacer.delay(time.monotonic())
        if delay:
            time.sleep(delay)

    def delay_before_retry(self, response: Any, attempts: int, request_dict: Any, **_event: object) -> float | None:
        """Return the seconds to wait before another attempt, None to leave it to botocore (needs-retry).

        attempts: how often the call was tried, 1 and up.
        """
        if response is None:
            return None
        http_response, answer = response
        code = answer.get("Error", {}).get("Code")
        limit = _limit(request_dict["context"]["client_config"].retries or {})
        if code in _THROTTLED or http_response.status_code == _TOO_MANY_REQUESTS:
            return self._delay_of_throttled(answer, attempts, limit)
        if http_response.status_code in SERVER_ERRORS:
            return _backoff(_FIRST_DELAY_SECONDS_OF_SERVER_ERROR, attempts) if attempts < limit else None
        self._pacer.taken(time.monotonic())
        if code == "EC2InstanceUnavailableException" and attempts < limit:
            return _backoff(_FIRST_DELAY_SECONDS, attempts)
        return None

    def _delay_of_throttled(self, answer: Mapping[str, Any], attempts: int, limit: int) -> float | None:
        now = time.monotonic()
        self._pacer.refused(now)
        is_lively = self._pacer.seconds_since_success(now) <= _MAX_DELAY_SECONDS
        # While the service takes other calls, a call waits for its turn as long as it takes.
        if attempts >= limit and (self._is_limited or not is_lively):
            return None
        if self._pacer.seconds_refused(now) > _PATIENCE_SECONDS:
            return None
        asked_for = str(answer.get("RetryAfterSeconds", ""))
        if asked_for.isdecimal():
            return min(float(asked_for), _MAX_DELAY_SECONDS) + random.random()
        if self._pacer.seconds_since_success(now) <= _AMONG_OTHERS_SECONDS:
            return random.random() * _DELAY_SECONDS_AMONG_OTHERS
        return _backoff(_FIRST_DELAY_SECONDS, attempts)


def _limit(retries: Mapping[str, Any]) -> int:
    """Return how often a call is tried; 0 to leave that to botocore, where the user has chosen a way of its own."""
    return retries.get("total_max_attempts", 0) if retries.get("mode") != "adaptive" else 0


def _backoff(first_delay: float, attempts: int) -> float:
    """Return seconds (AWS Architecture Blog, "Exponential Backoff And Jitter", full jitter)."""
    # The exponent is bounded too: a call may be tried very often.
    return random.random() * min(first_delay * 2.0 ** min(attempts - 1, 10), _MAX_DELAY_SECONDS)
