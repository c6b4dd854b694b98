# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long each step took."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import timing
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.timing import Timing
from hypothesis import given, strategies as st


def test_each_step_begins_when_the_one_before_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([1000.0, 1000.25, 1000.25, 1002.0])
    monkeypatch.setattr(timing, "time", SimpleNamespace(monotonic=lambda: next(now)))
    taken = Timing()
    for step in ("the clients", "the address", "a key pushed"):
        taken.took(step)
    assert str(taken) == "the clients (0.250 s), the address (0.000 s), a key pushed (1.750 s); 2.000 s in all"


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=10))
def test_the_steps_are_all_of_the_time(milliseconds: list[int]) -> None:
    now = [5.0]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(timing, "time", SimpleNamespace(monotonic=lambda: now[0]))
        taken = Timing()
        for number, each in enumerate(milliseconds):
            now[0] += each / 1000
            taken.took(f"step {number}")
        # Nothing that comes after the last step counts.
        now[0] += 1000
    assert str(taken).endswith(f"; {sum(milliseconds) / 1000:.3f} s in all")
    assert str(taken).count(" s)") == len(milliseconds)
