# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests have measured, for the end of their output."""

from __future__ import annotations

from collections import Counter
from typing import Protocol


class Figure(Protocol):
    """Notes a figure: a text, or a number that is added to those of the same name."""

    def __call__(self, name: str, value: str | int) -> None:
        """Note it."""


class Figures:
    """All that was noted."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._texts: list[str] = []
        self._sums: Counter[str] = Counter()

    def note(self, name: str, value: str | int) -> None:
        """Note a figure."""
        if isinstance(value, int):
            self._sums[name] += value
        else:
            self._texts.append(f"{name}: {value}")

    def lines(self) -> list[str]:
        """Return a line for each figure."""
        return [*self._texts, *(f"{name}: {total}" for name, total in self._sums.items())]
