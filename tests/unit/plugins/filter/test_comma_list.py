# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters comma_list, through the door that templates use."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.sshkeys.aws.plugins.filter import comma_list

split = comma_list.FilterModule().filters()["comma_list"]


def test_text_and_lists() -> None:
    assert split("a,b") == ["a", "b"]
    assert split(["a,b", "c"]) == ["a,b", "c"]


def test_what_is_neither_is_a_sentence_of_ansible() -> None:
    with pytest.raises(AnsibleFilterError, match="list"):
        split({"a": "b"})
