# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.paths import shown_path
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair, runs


@pytest.mark.parametrize("path", ["/srv/a.pub", "/srv/" + "deep/" * 30 + "a.pub", "/srv/two words/doe,jane.pub"])
def test_a_path_is_shown_however_long_it_is(path: str) -> None:
    assert shown_path(path) == f"'{path}'"


def test_what_is_no_path_is_not_shown() -> None:
    private = key_pair("ed25519").private
    assert not runs(shown_path(f"/srv/{private}"), 8) & runs("".join(private.splitlines()[1:-1]), 8)
    assert shown_path("/srv/\x1b[31m" + "x" * 40) == "(text of 50 characters)"
