# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The pace of calls, and their retries.

botocore's standard mode backs off from 5xx and broken connections. This file adds what that mode lacks:
EC2InstanceUnavailableException, Transfer's RetryAfterSeconds, and one pace for all calls of a throttled client. If each
call of a fleet backed off by itself, some would fail and the others would be slow. ``aws_config`` takes precedence.
"""

from __future__ import annotations

import random
import time
from typing import Any, Mapping

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.pacer import Pacer
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import SERVER_ERRORS

# A throttled call backs off for up to 71 seconds in all, 35 on average.
TOTAL_MAX_ATTEMPTS = 8
_MAX_DELAY_SECONDS = 20

# The throttling errors of all services.
THROTTLED = {"ThrottlingException", "Throttling", "RequestLimitExceeded", "TooManyRequestsException"}
_TOO_MANY_REQUESTS = 429

# The longest first wait after a transient error. botocore retries these errors too, but from one quota for all retries
# of a client (botocore.retries.quota), so the later targets of a fleet would fail without a retry. Broken connections
# are left to botocore: there the quota keeps a fleet from hammering an endpoint that is down.
_FIRST_DELAY_SECONDS = 1.0
_FIRST_DELAY_SECONDS_OF_SERVER_ERROR = 0.25

# The longest wait of a refused call while the service accepts others: the pace of all calls slows it down enough.
_DELAY_SECONDS_AMONG_OTHERS = 0.1
_AMONG_OTHERS_SECONDS = 1.0
# After this time in which a throttling service accepts no call at all, the waiting calls fail.
_PATIENCE_SECONDS = 60.0


def attach(client: Any, service: str, *, is_limited: bool) -> None:
    """Add pacing and retries to the calls of a client.

    service: as in sdk.py. is_limited: whether the user has set the number of attempts.
    """
    retries = _Retries(is_limited=is_limited)
    # First, so that the wait comes before the signature, which expires.
    client.meta.events.register_first(f"request-created.{service}", retries.await_turn)
    client.meta.events.register_first(f"needs-retry.{service}", retries.delay_before_retry)


class _Retries:
    """The pace and the retries of one client. The public methods handle events of botocore."""

    def __init__(self, *, is_limited: bool) -> None:
        self._is_limited = is_limited
        self._pacer = Pacer()

    def await_turn(self, **_event: object) -> None:
        """Wait for the call's turn (request-created)."""
        delay = self._pacer.delay(time.monotonic())
        if delay:
            time.sleep(delay)

    def delay_before_retry(self, response: Any, attempts: int, request_dict: Any, **_event: object) -> float | None:
        """Return the seconds to wait before the next attempt, or None to leave the decision to botocore (needs-retry).

        attempts: the number of attempts so far, from 1.
        """
        if response is None:
            return None
        http_response, answer = response
        code = answer.get("Error", {}).get("Code")
        limit = _limit(request_dict["context"]["client_config"].retries or {})
        if code in THROTTLED or http_response.status_code == _TOO_MANY_REQUESTS:
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
        # While the service accepts other calls, a call waits for its turn without a limit.
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
    """Return the maximum number of attempts; 0 leaves retries to botocore, in the adaptive mode chosen by the user."""
    return retries.get("total_max_attempts", 0) if retries.get("mode") != "adaptive" else 0


def _backoff(first_delay: float, attempts: int) -> float:
    """Return seconds (AWS Architecture Blog, "Exponential Backoff And Jitter", full jitter)."""
    # A call may be tried very often, so the exponent needs a limit too.
    return random.random() * min(first_delay * 2.0 ** min(attempts - 1, 10), _MAX_DELAY_SECONDS)
