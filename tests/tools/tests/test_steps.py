# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from devtools.steps import INTEGRATION_GROUPS

TARGETS = [
    folder
    for folder in sorted(Path(__file__).parents[2].glob("integration/targets/*"))
    # What only sets up, for other targets, runs with them.
    if not folder.name.startswith("setup_")
]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_each_integration_target_is_in_one_group(target: Path) -> None:
    aliases = (target / "aliases").read_text(encoding="utf-8").split()

    assert len(set(aliases) & set(INTEGRATION_GROUPS)) == 1


def test_there_are_integration_targets() -> None:
    assert TARGETS
