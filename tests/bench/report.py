# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was measured, as a table and as a drawing. Pure: figures in, text out."""

from __future__ import annotations

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


# Units of the drawing. It is as narrow as a phone, so that a page never makes its text smaller than it is made for.
_WIDTH, _MARGIN, _STEP, _TOP = 400, 12, 74, 44

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!--
Copyright (c) sshkeys.aws contributors
GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
-->
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img"
  aria-labelledby="title desc">
  <title id="title">{title}</title>
  <desc id="desc">{told}</desc>
  <style>
    text {{ font: 14px system-ui, sans-serif; fill: #1f2328 }}
    .title {{ font-weight: 600 }}
    .page {{ fill: #ffffff }}
    .ours {{ fill: #2563a8 }}
    .theirs {{ fill: #8c959f }}
    @media (prefers-color-scheme: dark) {{
      text {{ fill: #e6edf3 }}
      .page {{ fill: #0d1117 }}
      .ours {{ fill: #58a6ff }}
      .theirs {{ fill: #6e7681 }}
    }}
  </style>
  <rect class="page" width="{width}" height="{height}"/>
  <text class="title" x="12" y="26">{title}</text>
"""


def chart(bars: Sequence[tuple[str, Sample]], title: str) -> str:
    """Return a drawing (SVG) of how long things take, on a linear scale that begins at 0. The first one is ours.

    bars: the name of each, and its figures in seconds.
    """
    ours = bars[0][1].median
    most = max(sample.median for _name, sample in bars)
    figures = [_told(sample, ours if index else None) for index, (_name, sample) in enumerate(bars)]
    told = "; ".join(f"{name}: {figure}" for (name, _sample), figure in zip(bars, figures, strict=True))
    height = _TOP + _STEP * len(bars) + _MARGIN
    parts = [_HEAD.format(width=_WIDTH, height=height, title=escape(title), told=escape(told)).rstrip("\n")]
    for index, ((name, sample), figure) in enumerate(zip(bars, figures, strict=True)):
        length = (_WIDTH - 2 * _MARGIN) * sample.median / most
        y = _TOP + _STEP * index
        kind = "theirs" if index else "ours"
        parts += [
            f'  <text x="{_MARGIN}" y="{y + 14}">{escape(name)}</text>',
            f'  <rect class="{kind}" x="{_MARGIN}" y="{y + 22}" width="{length:.2f}" height="16"/>',
            f'  <text x="{_MARGIN}" y="{y + 54}">{escape(figure)}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def _told(sample: Sample, ours: float | None) -> str:
    """Return a figure, and how many times as long as ours it is. ours: None for ours itself."""
    how = " (extrapolated)" if sample.extrapolated_by != 1 else ""
    times = f", {_short(sample.median / ours)} times as long" if ours else ""
    return f"{_short(sample.median)} s{how}{times}"


def _short(figure: float) -> str:
    """Return a figure with three digits that count."""
    return f"{figure:.0f}" if figure >= 100 else f"{figure:.3g}"
