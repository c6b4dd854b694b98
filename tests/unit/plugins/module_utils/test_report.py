# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Failures of many things in one sentence."""

from __future__ import annotations

import re

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Region, Report, count_and_name, in_region
from hypothesis import example, given, strategies as st

REGION = Region("eu-central-1", "the option region")


def failed(count: int) -> list[tuple[str, object]]:
    return [(f"thing {number}.", f"It broke {number}.") for number in range(count)]


@pytest.mark.parametrize(
    ("count", "total", "sentence"),
    [
        (1, 1, "thing 0.: It broke 0."),
        (1, 2, "1 of 2 things failed: thing 0.: It broke 0."),
        (2, 2, "2 of 2 things failed: thing 0.: It broke 0. thing 1.: It broke 1."),
    ],
)
@pytest.mark.parametrize("region", [None, REGION])
def test_failures_are_counted_and_named(count: int, total: int, sentence: str, region: Region | None) -> None:
    end = " The region was eu-central-1, from the option region." if region else ""
    assert count_and_name(failed(count), total, "things", region) == f"{sentence}{end}"


@given(st.integers(1, 300), st.integers(0, 300))
@example(10, 0)
@example(11, 0)
def test_at_most_ten_are_named_and_the_rest_is_counted(count: int, fine: int) -> None:
    said = count_and_name(failed(count), count + fine, "targets", None)
    named = [number for number in range(count) if f"thing {number}.:" in said]
    assert named == list(range(min(count, 10)))
    rest = re.findall(r" And (\d+) more: see targets in the result\.$", said)
    assert rest == ([str(count - 10)] if count > 10 else [])


def test_an_error_says_what_it_says_everywhere() -> None:
    error = ServiceError("Code", "No", "Do it.")
    assert count_and_name([("web1", error)], 1, "targets", None) == f"web1: {error}" == "web1: Code: No. Do it."


def test_a_region_and_what_named_it() -> None:
    assert str(REGION) == "eu-central-1, from the option region"
    assert in_region(REGION) == f" The region was {REGION}."
    assert in_region(None) == ""


def test_reports_share_nothing() -> None:
    one, other = Report(), Report()
    one.result["changed"] = True
    assert other.result == {}
    assert (other.warnings, other.failure) == ((), None)
