# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long each step of a connection took, for a line at -vvv."""

from __future__ import annotations

import time


class Timing:
    """The steps so far. ``str()`` is a list of them with their times."""

    def __init__(self) -> None:
        """Begin now."""
        self._began = self._last = time.monotonic()
        self._steps: list[str] = []

    def took(self, what: str) -> None:
        """Note a step that has ended now, and began when the one before it ended."""
        now = time.monotonic()
        self._steps.append(f"{what} ({now - self._last:.3f} s)")
        self._last = now

    def __str__(self) -> str:
        return f"{', '.join(self._steps)}; {self._last - self._began:.3f} s in all"
