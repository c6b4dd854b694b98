# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a test run says. Pure: results in, text out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .counts import Counts

_WIDTH = 100


@dataclass(frozen=True)
class Check:
    """What one command of a step came to. ``output`` is what it said, and ``log`` where that is kept."""

    name: str
    counts: Counts
    seconds: float
    output: str
    log: str

    @property
    def passed(self) -> bool:
        """Whether something ran and nothing failed."""
        return not self.counts.failed


@dataclass(frozen=True)
class Result:
    """What a step came to, or a group of one."""

    step: str
    checks: tuple[Check, ...]
    seconds: float
    group: str = ""

    @property
    def name(self) -> str:
        """What it is called in the report."""
        return f"{self.step} {self.group}".rstrip()

    @property
    def counts(self) -> Counts:
        """The sum of its checks."""
        return sum((check.counts for check in self.checks), Counts())


def step(result: Result) -> str:
    """Return what is shown of a step that has ended: little if it passed, everything if it failed."""
    lines = [ruler(result.name, f"{result.seconds:.1f} s")]
    for check in result.checks:
        state = "ok" if check.passed else "FAILED"
        lines.append(f"   {state:<7}{check.name:<32} {check.counts.note}".rstrip())
    for check in result.checks:
        if not check.passed:
            lines += [ruler(f"{check.name} failed, and said"), check.output.strip(), ruler(f"kept in {check.log}")]
    return "\n".join([*lines, ""])


def summary(results: Sequence[Result], seconds: float) -> str:
    """Return the closing table and, as the last line, the sum. Steps overlap, so ``seconds`` is given."""
    total = sum((result.counts for result in results), Counts())
    rows = [_row("step", "passed", "failed", "skipped", "seconds")]
    for result in results:
        counts = result.counts
        rows.append(_row(result.name, counts.passed, counts.failed, counts.skipped, f"{result.seconds:.1f}"))
    rows.append(_row("all", total.passed, total.failed, total.skipped, f"{seconds:.1f}"))
    sums = f"tests: {total.passed} passed, {total.failed} failed"
    if total.skipped:
        sums += f", {total.skipped} skipped"
    return "\n".join([ruler("summary"), *rows, "", sums])


def ruler(title: str, right: str = "") -> str:
    """Return a heading that is as wide as the report."""
    left = f"-- {title} "
    tail = f" {right} --" if right else ""
    return left + "-" * max(2, _WIDTH - len(left) - len(tail)) + tail


def _row(name: str, *cells: object) -> str:
    return f"   {name:<20}" + "".join(f"{cell!s:>10}" for cell in cells)
