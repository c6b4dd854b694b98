# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter hands over the variables of hosts that count, and no others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.sshkeys.aws.plugins.filter.ssh_doctor_calls import FilterModule

CALLS = FilterModule().filters()["ssh_doctor_calls"]
ID = "i-0123456789abcdef0"


class Variables(Mapping[str, Any]):
    """The variables of a host, one of which is undefined."""

    _known: Mapping[str, Any] = {"inventory_hostname": "web", "instance_id": ID, "password": None}

    def __getitem__(self, name: str) -> Any:
        """Return one."""
        assert name != "password"
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        """Return the names."""
        return iter(self._known)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._known)


def test_it_reads_what_counts_and_nothing_else() -> None:
    found = CALLS([Variables()], "192.0.2.7", tunnel="never")
    (call,) = found["calls"]
    assert call["hosts"] == {"web": ID}
    assert (call["options"]["source_cidr"], call["options"]["tunnel"]) == (["192.0.2.7"], "never")
    assert (found["order"], found["strangers"], found["faults"]) == (["web"], [], [])


def test_what_was_cut_off_is_a_fault() -> None:
    assert "Ansible cut off" in CALLS([], cut_off="more")["faults"][0]
