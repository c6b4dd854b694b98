# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.filter.transfer_audit_request import FilterModule

transfer_audit_request = FilterModule().filters()["transfer_audit_request"]
VARIABLES = {"server_id": "s-01234567890abcdef", "max_key_age_days": 90, "report_file": "audit.html"}


def test_it_returns_lists_and_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    request = transfer_audit_request(VARIABLES)
    assert (request["faults"], request["server_ids"]) == ([], ["s-01234567890abcdef"])
    assert request["report_file"] == str(tmp_path.resolve() / "audit.html")


def test_it_returns_faults() -> None:
    (fault,) = transfer_audit_request(VARIABLES, defined=["fails_on"], cut_off="")["faults"]
    assert fault.startswith("There is no variable fails_on.")


def test_it_tells_of_what_ansible_cut_off() -> None:
    (fault,) = transfer_audit_request(VARIABLES, cut_off="B")["faults"]
    assert fault.startswith("Ansible cut off 'B'")
