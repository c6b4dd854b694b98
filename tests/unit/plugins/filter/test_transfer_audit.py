# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.sshkeys.aws.plugins.filter.transfer_audit import FilterModule

transfer_audit = FilterModule().filters()["transfer_audit"]


def test_it_returns_the_model() -> None:
    results = [{"item": "s-01234567890abcdef", "users": []}]
    assert transfer_audit(results, 90, "2026-11-25")["summary"] == ["0 users with 0 keys on 1 server."]
    found = transfer_audit(results, 90, "2026-11-25", region="us-east-1")
    assert found["servers"][0]["place"] == "s-01234567890abcdef in us-east-1"


def test_it_raises_what_ansible_shows_to_the_user() -> None:
    with pytest.raises(AnsibleFilterError, match="whole number of days"):
        transfer_audit([], "soon", "2026-11-25")
