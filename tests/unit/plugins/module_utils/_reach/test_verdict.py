# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verdicts, and what several of them make together."""

from __future__ import annotations

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.verdict import OPEN, Verdict, all_of, closed, unknown
from hypothesis import given, strategies as st

VERDICTS = st.builds(Verdict, st.sampled_from([True, False, None]), st.lists(st.sampled_from(["a.", "b."])))


@pytest.mark.parametrize(
    ("several", "is_open"),
    [
        ([], True),
        ([OPEN, OPEN], True),
        ([OPEN, unknown("a.")], None),
        ([unknown("a."), closed("b."), OPEN], False),
    ],
)
def test_all_have_to_be_open(several: list[Verdict], is_open: bool | None) -> None:
    assert all_of(several).is_open is is_open


@given(st.lists(VERDICTS, max_size=4))
def test_every_reason_is_told_once(several: list[Verdict]) -> None:
    told = all_of(several).reasons
    assert set(told) == {reason for each in several for reason in each.reasons}
    assert len(told) == len(set(told))


def test_what_a_module_returns() -> None:
    assert Verdict(None, ("a.",), ("b.",)).result() == {"is_open": None, "reasons": ["a."], "notes": ["b."]}
