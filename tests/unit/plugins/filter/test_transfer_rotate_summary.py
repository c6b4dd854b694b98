# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.sshkeys.aws.plugins.filter.transfer_replaces import transfer_replaces
from ansible_collections.sshkeys.aws.plugins.filter.transfer_rotate_request import transfer_rotate_request
from ansible_collections.sshkeys.aws.plugins.filter.transfer_rotate_summary import FilterModule

transfer_rotate_summary = FilterModule().filters()["transfer_rotate_summary"]


def test_it_takes_what_the_other_filters_return() -> None:
    request = transfer_rotate_request({"server_id": "s-01234567890abcdef", "user_name": "partner"})
    decision = transfer_replaces([], who="partner")
    lines = transfer_rotate_summary([{}], request, decision, held=[], check_mode=True)
    assert lines == ["partner on s-01234567890abcdef:", "Nothing to do."]


def test_it_hands_on_what_else_there_is_to_say() -> None:
    variables = {"server_id": "s-01234567890abcdef", "user_name": "partner", "private_key_file": "/srv/key"}
    request = transfer_rotate_request(variables)
    decision = transfer_replaces([], who="partner")
    would = transfer_rotate_summary([{}], request, decision, held=[], check_mode=True)
    assert "The new pair would be made in /srv/key.new, and then put into /srv/key." in would
    did = transfer_rotate_summary([{}], request, decision, held=[], new_key="ssh-ed25519 AAAA")
    assert "The new private key is in /srv/key." in did
