# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.sshkeys.aws.plugins.filter.transfer_users_faults import FilterModule

transfer_users_faults = FilterModule().filters()["transfer_users_faults"]
VARIABLES = {
    "transfer_users_server_id": "s-01234567890abcdef",
    "transfer_users_folder": "keys",
    "transfer_users_exclusive": True,
    "transfer_users_allow_empty": False,
}


def test_it_returns_nothing_if_nothing_is_wrong() -> None:
    assert transfer_users_faults(VARIABLES, defined=list(VARIABLES)) == []


def test_it_returns_faults() -> None:
    misspelt, where = transfer_users_faults(
        {**VARIABLES, "transfer_users_folder": None}, defined=["transfer_users_folders"], cut_off=""
    )
    assert misspelt.startswith("There is no variable transfer_users_folders. Is it transfer_users_folder?")
    assert where.startswith("Say where the users are")


def test_it_tells_of_what_ansible_cut_off() -> None:
    (fault,) = transfer_users_faults(VARIABLES, cut_off="B")
    assert fault.startswith("Ansible cut off 'B'")
