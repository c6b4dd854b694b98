# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.filter.transfer_rotate_request import FilterModule

transfer_rotate_request = FilterModule().filters()["transfer_rotate_request"]


def test_it_returns_lists_and_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "alice.pub").touch()
    monkeypatch.chdir(tmp_path)
    variables = {"server_id": "s-01234567890abcdef", "user_name": "partner", "public_key_files": "alice.pub"}
    request = transfer_rotate_request(variables, defined=list(variables), cut_off="")
    assert (request["faults"], request["public_keys"]) == ([], [])
    assert request["public_key_files"] == [str(tmp_path.resolve() / "alice.pub")]


def test_it_returns_faults() -> None:
    (first, *_others) = transfer_rotate_request({})["faults"]
    assert first.startswith("Say whose keys to replace")


def test_it_tells_of_what_ansible_cut_off_and_of_names_that_there_are_not() -> None:
    variables = {"server_id": "s-01234567890abcdef", "user_name": "partner", "private_key_file": "/srv/key"}
    (fault,) = transfer_rotate_request(variables, cut_off="B")["faults"]
    assert fault.startswith("Ansible cut off 'B'")
    (fault,) = transfer_rotate_request(variables, defined=["keep_keys"])["faults"]
    assert fault.startswith("There is no variable keep_keys.")
