# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter hands over the variables of hosts that count, and no others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ansible.errors import AnsibleUndefinedVariable
from ansible_collections.sshkeys.aws.plugins.filter import ssh_doctor_calls
from ansible_collections.sshkeys.aws.plugins.filter.ssh_doctor_calls import FilterModule
from jinja2 import StrictUndefined, UndefinedError


@pytest.fixture(autouse=True)
def _connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the options of the connection, for which only a run has the loader. A play tests those of Ansible."""
    options = {"tunnel": "auto", "port": None}
    monkeypatch.setattr(ssh_doctor_calls, "_configured", options.__getitem__)


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


class Broken(Variables):
    """The variables of a host that has no address."""

    def __init__(self, address: object) -> None:
        """Have an address, or raise it."""
        self._known = {"inventory_hostname": "broken", "instance_id": ID, "ansible_host": address}

    def __getitem__(self, name: str) -> Any:
        """Return one."""
        found = self._known[name]
        if isinstance(found, Exception):
            raise found
        return found


@pytest.mark.parametrize(
    "address",
    [
        AnsibleUndefinedVariable("'nowhere' is undefined"),
        UndefinedError("'nowhere' is undefined"),
        # As ansible-core 2.19 and 2.18 leave it.
        StrictUndefined(name="nowhere"),
        "{{ nowhere }}",
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_variable_that_is_undefined_stops_no_other_host(address: object) -> None:
    found = CALLS([Broken(address), Variables()])
    assert found["order"] == ["broken", "web"]
    (why,) = found["unusable"].values()
    assert why.startswith("ansible_host cannot be read: ")
    assert "nowhere" in why
    assert "is undefined" in why
    (call,) = found["calls"]
    assert call["hosts"] == {"web": ID}


def test_a_template_inside_of_the_placement() -> None:
    variables = {"inventory_hostname": "a", "instance_id": ID, "placement": {"region": "{{ nowhere }}"}}
    assert "placement cannot be read" in CALLS([variables])["unusable"]["a"]


def test_what_ansible_is_configured_to_counts_for_hosts_that_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh_doctor_calls, "_configured", {"tunnel": "endpoint", "port": 2222}.__getitem__)
    (call,) = CALLS([Variables()])["calls"]
    assert (call["options"]["tunnel"], call["options"]["port"]) == ("endpoint", 2222)
    (call,) = CALLS([Variables()], tunnel="never", port=22)["calls"]
    assert (call["options"]["tunnel"], call["options"]["port"]) == ("never", 22)


def test_what_was_cut_off_is_a_fault() -> None:
    assert "Ansible cut off" in CALLS([], cut_off="more")["faults"][0]
