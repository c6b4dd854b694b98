# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter ssh_path, through the door that templates use."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.sshkeys.aws.plugins.filter import ssh_path

escape = ssh_path.FilterModule().filters()["ssh_path"]


def test_a_percent_sign_is_no_token() -> None:
    assert escape("/srv/feature%2Ffoo/key") == "/srv/feature%%2Ffoo/key"


def test_a_path_that_no_option_can_hold_is_a_sentence_of_ansible() -> None:
    with pytest.raises(AnsibleFilterError, match=r"\$\{"):
        escape("/srv/${HOME}/key")


@pytest.mark.parametrize("value", [None, 5, ["/srv/key"]])
def test_what_is_no_text_is_a_sentence_of_ansible(value: object) -> None:
    with pytest.raises(AnsibleFilterError, match=f"A path is needed, and this is of type {type(value).__name__}"):
        escape(value)
