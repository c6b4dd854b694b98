# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The refusal of private keys before the options of a task are used."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._spec import Spec
from ansible_collections.sshkeys.aws.plugins.plugin_utils import _refusal
from ansible_collections.sshkeys.aws.tests.unit import keys

PRIVATE = keys.key_pair("ed25519").private
SPEC = Spec({"path": {"type": "path"}})


@pytest.mark.parametrize("options", [{"path": PRIVATE}, {"unknown": [{"deep": PRIVATE}]}])
def test_a_private_key_is_refused_and_not_shown(options: dict[str, Any]) -> None:
    result = _refusal.refusal(SPEC, options)
    assert result
    assert set(result) == {"failed", "msg"}
    assert "It is a private key." in result["msg"]
    assert not keys.runs(result["msg"], 12) & keys.runs(PRIVATE, 12)


def test_ansible_core_masks_each_part_of_it_from_now_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop shows its items, which hold the key that was refused."""
    masked: list[str] = []
    monkeypatch.setattr(_refusal, "register_secrets", masked.extend)
    _refusal.refusal(SPEC, {"path": PRIVATE})
    assert masked
    assert all(part in PRIVATE for part in masked)


def test_all_else_is_left_to_the_task() -> None:
    assert _refusal.refusal(SPEC, {"path": "/home/alice/.ssh/id_ed25519"}) is None
