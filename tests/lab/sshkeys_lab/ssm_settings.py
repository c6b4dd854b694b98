# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the double of Session Manager behaves, and misbehaves."""

from __future__ import annotations

from dataclasses import dataclass

from .settings import Checked

_CHOICES = {"dial": ("connects", "refused", "crashes"), "handshake": ("once", "twice", "never")}
_RATIOS = frozenset({"lost", "doubled", "late", "reordered"})
_SECONDS = frozenset({"round_trip", "dial_delay", "idle_seconds"})


@dataclass
class SessionManagerSettings(Checked):
    """The settings of Session Manager, by default those of a good day.

    pace: whether the agent waits a millisecond after each message, as the real one does;
    round_trip: seconds from client to agent and back;
    lost, doubled, late, reordered: how many of the frames of each way, as a ratio from 0 to 1; an acknowledgement is a
    frame too, but channel_closed is spared; random_seed: which frames these are;
    dial_delay: seconds before the agent dials; dial: `connects`, `refused` and says so, or
    `crashes` and says so after a minute of the lab's clock, as agents of 2024 do;
    handshake: how often the agent sends each HandshakeRequest: `once`, `twice`, or `never`;
    publication: whether the service sends start_publication and, now and then, pause_publication;
    close_after_bytes_up, close_after_bytes_down: close the websocket without channel_closed when so many bytes of data
    have passed, once a session; silent_after_bytes_up, silent_after_bytes_down: deliver nothing more after so many;
    token_on_resume: without it, ResumeSession finds that the session has timed out;
    idle_seconds: the time-out of a session without input, on the lab's clock.
    """

    pace: bool = True
    round_trip: float = 0.0
    lost: float = 0.0
    doubled: float = 0.0
    late: float = 0.0
    reordered: float = 0.0
    random_seed: int = 0
    dial_delay: float = 0.0
    dial: str = "connects"
    handshake: str = "once"
    publication: bool = False
    close_after_bytes_up: int | None = None
    close_after_bytes_down: int | None = None
    silent_after_bytes_up: int | None = None
    silent_after_bytes_down: int | None = None
    token_on_resume: bool = True
    idle_seconds: float = 1200.0

    def _check(self, name: str, value: object) -> tuple[str, bool]:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        is_whole = is_number and isinstance(value, int)
        if name in _CHOICES:
            return f"one of {', '.join(_CHOICES[name])}", value in _CHOICES[name]
        if name in _RATIOS:
            return "a ratio from 0 to 1", is_number and 0 <= float(str(value)) <= 1
        if name in _SECONDS:
            return "a number of seconds", is_number and float(str(value)) >= 0
        if isinstance(getattr(self, name), bool):
            return "true or false", isinstance(value, bool)
        if name == "random_seed":
            return "a whole number", is_whole
        return "a number of bytes, or null", value is None or (is_whole and int(str(value)) >= 0)
