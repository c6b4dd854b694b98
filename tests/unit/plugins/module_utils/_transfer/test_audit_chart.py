# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from itertools import pairwise

from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_chart import chart_of
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_counts import Band
from hypothesis import given, strategies as st


def band(count: int, *, old: bool = False) -> Band:
    return {"label": f"{count} keys", "old": old, "count": count}


def test_bars() -> None:
    assert chart_of([band(1), band(0), band(3, old=True)]) == {
        "height": 138,
        # After the two bars within the limit.
        "limit_at": 82,
        "bars": [
            {"label": "1 keys", "count": 1, "old": False, "top": 14, "length": 96.7},
            {"label": "0 keys", "count": 0, "old": False, "top": 48, "length": 0.0},
            {"label": "3 keys", "count": 3, "old": True, "top": 96, "length": 290.0},
        ],
    }


def test_no_key_has_an_age() -> None:
    assert [drawn["length"] for drawn in chart_of([band(0), band(0, old=True)])["bars"]] == [0.0, 0.0]
    assert chart_of([])["bars"] == []


@given(st.lists(st.integers(0, 1000), min_size=1), st.lists(st.integers(0, 1000), min_size=1))
def test_bars_stand_apart_within_the_drawing(within: list[int], beyond: list[int]) -> None:
    chart = chart_of([*(band(count) for count in within), *(band(count, old=True) for count in beyond)])
    tops = [drawn["top"] for drawn in chart["bars"]]
    assert all(later - sooner >= 34 for sooner, later in pairwise(tops))
    assert tops[len(within) - 1] + 34 <= chart["limit_at"] < tops[len(within)]
    assert tops[-1] + 34 <= chart["height"]
    assert all(0 <= drawn["length"] <= 290 for drawn in chart["bars"])
    # More keys never have a shorter bar.
    bars = sorted(chart["bars"], key=lambda drawn: drawn["count"])
    assert [drawn["length"] for drawn in bars] == sorted(drawn["length"] for drawn in bars)
