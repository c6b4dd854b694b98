# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was measured, as a table and as a drawing. Pure: figures in, text out."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Sample:
    """Figures of the same thing, in the same unit."""

    figures: tuple[float, ...]
    unit: str = "s"
    # What a smaller run was multiplied by, 1 for what was really run.
    extrapolated_by: float = 1.0

    @property
    def median(self) -> float:
        """The median, extrapolated if need be."""
        return statistics.median(self.figures) * self.extrapolated_by

    def __str__(self) -> str:
        """Return the median with the spread, and how it came about."""
        low, high = min(self.figures) * self.extrapolated_by, max(self.figures) * self.extrapolated_by
        spread = f" ({_short(low)} to {_short(high)}, {len(self.figures)} runs)" if len(self.figures) > 1 else ""
        how = " extrapolated" if self.extrapolated_by != 1 else ""
        return f"{_short(self.median)} {self.unit}{how}{spread}".replace(" ,", ",")


@dataclass(frozen=True)
class Row:
    """One thing that was measured. ``figure`` is the ratio of its two sides, or what stands on one."""

    what: str
    figure: float
    limit: float
    sides: str
    is_floor: bool = False
    unit: str = "x"

    @property
    def is_met(self) -> bool:
        """Whether the figure is within its limit."""
        return self.figure >= self.limit if self.is_floor else self.figure <= self.limit


def ratio(
    what: str, ours: tuple[str, Sample], theirs: tuple[str, Sample], limit: float, *, is_floor: bool = False
) -> Row:
    """Return the row for how many times as long ours takes as theirs; with ``is_floor``, theirs as ours."""
    over, under = (theirs, ours) if is_floor else (ours, theirs)
    sides = f"{ours[0]} {ours[1]}; {theirs[0]} {theirs[1]}"
    return Row(what, over[1].median / under[1].median, limit, sides, is_floor)


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table in text."""
    cells = [("measured", "figure", "limit", "", "what it is made of")]
    for row in rows:
        limit = f"{'>=' if row.is_floor else '<='} {_short(row.limit)} {row.unit}"
        cells.append((row.what, f"{_short(row.figure)} {row.unit}", limit, "ok" if row.is_met else "MISSED", row.sides))
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    return "\n".join(
        "  ".join((*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[4])) for line in cells
    )


_WIDTH, _BAR, _LABEL, _STEP = 760, 380, 300, 34


def chart(bars: Sequence[tuple[str, Sample]], title: str) -> str:
    """Return a drawing (SVG) of how long things take, on a logarithmic scale of seconds."""
    least = min(sample.median for _name, sample in bars) / 2
    most = max(sample.median for _name, sample in bars)
    height = 60 + _STEP * len(bars)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" font-size="14">',
        "<style>text { font-family: system-ui, sans-serif }</style>",
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="12" y="28" font-size="16" fill="#222">{escape(title)}</text>',
    ]
    for index, (name, sample) in enumerate(bars):
        length = _BAR * math.log(sample.median / least) / math.log(most / least)
        y = 48 + _STEP * index
        colour = "#2563a8" if index == 0 else "#9aa5b1"
        told = f"{_short(sample.median)} s" + (" (extrapolated)" if sample.extrapolated_by != 1 else "")
        inside = length > _BAR * 0.6
        x, anchor, fill = (
            (_LABEL + length - 8, "end", "#fff" if index == 0 else "#111")
            if inside
            else (_LABEL + length + 8, "start", "#222")
        )
        parts += [
            f'<text x="{_LABEL - 10}" y="{y + 17}" text-anchor="end" fill="#222">{escape(name)}</text>',
            f'<rect x="{_LABEL}" y="{y}" width="{length:.0f}" height="24" rx="3" fill="{colour}"/>',
            f'<text x="{x:.0f}" y="{y + 17}" text-anchor="{anchor}" fill="{fill}">{escape(told)}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def _short(figure: float) -> str:
    """Return a figure with three digits that count."""
    return f"{figure:.0f}" if figure >= 100 else f"{figure:.3g}"  # noqa: PLR2004 - three digits
