# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter comma_list_faults, through the door that templates use."""

from __future__ import annotations

from ansible_collections.sshkeys.aws.plugins.filter import comma_list_faults

faults = comma_list_faults.FilterModule().filters()["comma_list_faults"]


def test_a_sound_list_has_none() -> None:
    assert faults({"server_ids": "a,b"}, "") == []


def test_a_lost_element_is_told_with_the_name_of_the_list() -> None:
    (sentence,) = faults({"server_ids": "a,,b"}, "")
    assert "server_ids" in sentence
    assert any("'b'" in told for told in faults({"server_ids": "a"}, "b"))
