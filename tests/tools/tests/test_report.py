# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report is short where all is well, whole where it is not, and ends in one line that a machine can read."""

from __future__ import annotations

from devtools import report
from devtools.counts import Counts
from devtools.report import Check, Result

GOOD = Result("units", (Check("pytest", Counts(7, 0, 1, "note"), 1.0, "much output", "units.log"),), 1.25)
BAD = Result("lint", (Check("ruff", Counts(0, 1), 1.0, "E501 too long", "ruff.log"),), 1.0)


def test_passing_step_is_short() -> None:
    shown = report.step(GOOD)
    assert "much output" not in shown
    assert "note" in shown


def test_failing_step_shows_everything() -> None:
    shown = report.step(BAD)
    assert "E501 too long" in shown
    assert "ruff.log" in shown


def test_last_line_is_the_sum() -> None:
    assert report.summary([GOOD, BAD], 1.5).splitlines()[-1] == "tests: 7 passed, 1 failed, 1 skipped"
    assert report.summary([BAD], 1.5).splitlines()[-1] == "tests: 0 passed, 1 failed"


def test_table_has_a_row_for_each_step() -> None:
    rows = [line.split() for line in report.summary([GOOD, BAD], 1.5).splitlines()]
    assert ["units", "7", "0", "1", "1.2"] in rows
    assert ["all", "7", "1", "1", "1.5"] in rows
    assert ["lint", "0", "1", "0", "1.0"] in rows
