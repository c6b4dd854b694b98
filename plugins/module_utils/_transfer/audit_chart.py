# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The chart of an audit's report: how many keys are of each age, as bars. Pure. Lengths are in units of the drawing."""

from __future__ import annotations

from typing import Sequence, TypedDict

from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_counts import Band, number_of

_LONGEST_BAR = 290
_PITCH = 34
_MARGIN_TOP = 14
# Between the bars within the limit and those beyond it, for the line that stands for the limit.
_GAP = 14
_MARGIN_BOTTOM = 8


class Bar(TypedDict):
    """The bar of a band of ages. old: whether it is beyond the limit. top, length: where it begins, and its length."""

    label: str
    count: int
    old: bool
    top: int
    length: float


class Chart(TypedDict):
    """The chart. limit_at: where the gap for the limit begins. text: sentences that say what the bars show."""

    height: int
    limit_at: int
    bars: list[Bar]
    text: str


def chart_of(bands: Sequence[Band], limit: int) -> Chart:
    """Return the chart of bands of ages. Those beyond the limit come last, and the longest bar has the most keys.

    limit: the days after which a key is old.
    """
    most = max([1, *(band["count"] for band in bands)])
    within = sum(not band["old"] for band in bands)
    bars: list[Bar] = [
        {
            "label": band["label"],
            "count": band["count"],
            "old": band["old"],
            "top": _MARGIN_TOP + position * _PITCH + (_GAP if band["old"] else 0),
            "length": round(band["count"] * _LONGEST_BAR / most, 1),
        }
        for position, band in enumerate(bands)
    ]
    return {
        "height": _MARGIN_TOP + len(bands) * _PITCH + _GAP + _MARGIN_BOTTOM,
        "limit_at": _MARGIN_TOP + within * _PITCH,
        "bars": bars,
        "text": _text(bands, limit),
    }


def _text(bands: Sequence[Band], limit: int) -> str:
    old = sum(band["count"] for band in bands if band["old"])
    keys = old + sum(band["count"] for band in bands if not band["old"])
    if not keys:
        return "No key has a known age."
    the_limit = f"the limit of {number_of(limit, 'day')}"
    if old in (0, keys):
        is_all = "The only key is" if keys == 1 else f"All {keys} keys are"
        told = f"{is_all} {'over' if old else 'within'} {the_limit}."
    else:
        told = f"Of {keys} keys, {keys - old} {_is(keys - old)} within {the_limit}, and {old} {_is(old)} older."
    each = [f"{band['label']}: {number_of(band['count'], 'key')}" for band in bands if band["count"]]
    return f"{told} By age: {'; '.join(each)}."


def _is(number: int) -> str:
    return "is" if number == 1 else "are"
