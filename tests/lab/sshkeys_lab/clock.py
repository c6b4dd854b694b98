# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one clock by which everything in the lab expires."""

from __future__ import annotations

import time


class LabClock:
    """Real time plus an offset that only grows, so that a test need not wait for a key to expire."""

    def __init__(self) -> None:
        """Start at real time."""
        self.offset: float = 0.0

    def now(self) -> float:
        """Return the lab's time in seconds since 1970 (UTC)."""
        return time.time() + self.offset

    def advance(self, seconds: float) -> None:
        """Move the clock forward by `seconds`, which must not be negative (ValueError)."""
        if seconds < 0:
            msg = "The lab's clock only moves forward."
            raise ValueError(msg)
        self.offset += seconds
