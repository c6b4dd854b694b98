# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from itertools import pairwise

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_chart import chart_of
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_counts import Band
from hypothesis import given, strategies as st


def band(count: int, *, old: bool = False) -> Band:
    return {"label": f"{count} keys", "old": old, "count": count}


def test_bars() -> None:
    assert chart_of([band(1), band(0), band(3, old=True)], 90) == {
        "height": 138,
        # After the two bars within the limit.
        "limit_at": 82,
        "bars": [
            {"label": "1 keys", "count": 1, "old": False, "top": 14, "length": 96.7},
            {"label": "0 keys", "count": 0, "old": False, "top": 48, "length": 0.0},
            {"label": "3 keys", "count": 3, "old": True, "top": 96, "length": 290.0},
        ],
        "text": "Of 4 keys, 1 is within the limit of 90 days, and 3 are older. By age: 1 keys: 1 key; 3 keys: 3 keys.",
    }


def test_no_key_has_an_age() -> None:
    assert [drawn["length"] for drawn in chart_of([band(0), band(0, old=True)], 90)["bars"]] == [0.0, 0.0]
    assert chart_of([], 90)["bars"] == []


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ((0, 0), "No key has a known age."),
        ((1, 0), "The only key is within the limit of 1 day. By age: 0 to 1 days: 1 key."),
        ((0, 1), "The only key is over the limit of 1 day. By age: over 1 day: 1 key."),
        ((3, 0), "All 3 keys are within the limit of 1 day. By age: 0 to 1 days: 3 keys."),
        ((0, 2), "All 2 keys are over the limit of 1 day. By age: over 1 day: 2 keys."),
        (
            (2, 1),
            (
                "Of 3 keys, 2 are within the limit of 1 day, and 1 is older. "
                "By age: 0 to 1 days: 2 keys; over 1 day: 1 key."
            ),
        ),
    ],
)
def test_the_text_says_what_the_bars_show(counts: tuple[int, int], text: str) -> None:
    within, beyond = counts
    bands: list[Band] = [
        {"label": "0 to 1 days", "old": False, "count": within},
        {"label": "over 1 day", "old": True, "count": beyond},
    ]
    assert chart_of(bands, 1)["text"] == text


@given(st.lists(st.integers(0, 1000), min_size=1), st.lists(st.integers(0, 1000), min_size=1))
def test_bars_stand_apart_within_the_drawing(within: list[int], beyond: list[int]) -> None:
    chart = chart_of([*(band(count) for count in within), *(band(count, old=True) for count in beyond)], 90)
    tops = [drawn["top"] for drawn in chart["bars"]]
    assert all(later - sooner >= 34 for sooner, later in pairwise(tops))
    assert tops[len(within) - 1] + 34 <= chart["limit_at"] < tops[len(within)]
    assert tops[-1] + 34 <= chart["height"]
    assert all(0 <= drawn["length"] <= 290 for drawn in chart["bars"])
    # More keys never have a shorter bar.
    bars = sorted(chart["bars"], key=lambda drawn: drawn["count"])
    assert [drawn["length"] for drawn in bars] == sorted(drawn["length"] for drawn in bars)
