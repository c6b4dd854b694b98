# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""How the playbook ssh_doctor asks about an inventory: one call for all hosts of an account and region. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._comma_list import elements, faults

_OURS = "ansible_ec2_instance_connect_"
_ID = re.compile(r"m?i-[0-9a-f]{8,17}")
# The options of the module that come from variables of the connection with the same end of their names.
_ACCOUNT = ("profile", "access_key", "secret_key", "session_token", "assume_role_arn", "endpoint_url")
_SSH_PORT = 22
# All variables of a host that are read.
VARIABLES = (
    "inventory_hostname",
    "instance_id",
    "placement",
    "ansible_host",
    "ansible_ssh_host",
    "ansible_port",
    "ansible_ssh_port",
    *(f"{_OURS}{name}" for name in ("instance_id", "region", "tunnel", "endpoint_id", *_ACCOUNT)),
)


@dataclass(frozen=True)
class DoctorCalls:
    """What the playbook asks.

    calls: each with ``options`` of the module, and ``hosts``: the id of the instance of each host.
    order: the hosts that are instances, as in the inventory. strangers: those that are none.
    faults: sentences about variables that cannot be used.
    """

    calls: list[dict[str, Any]] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def doctor_calls(
    hosts: Sequence[Mapping[str, Any]], source_cidr: Any, *, tunnel: str = "auto", cut_off: str = ""
) -> DoctorCalls:
    """Return the calls for hosts.

    hosts: the variables of each, with ``inventory_hostname``. source_cidr: a list, text with commas, or None.
    tunnel: of hosts that have no variable for it. cut_off: what Ansible cut off on the command line.
    """
    wrong = faults({"ssh_doctor_source_cidr": source_cidr}, cut_off)
    if wrong:
        return DoctorCalls(faults=wrong)
    sources = {"source_cidr": elements(source_cidr)} if source_cidr else {}
    order: list[str] = []
    strangers: list[str] = []
    calls: dict[tuple[tuple[str, Any], ...], dict[str, Any]] = {}
    for host in hosts:
        name = str(host["inventory_hostname"])
        instance_id = instance_of(host)
        if not instance_id:
            strangers.append(name)
            continue
        order.append(name)
        options = {**_options(host, tunnel), **sources}
        key = tuple((option, str(value)) for option, value in sorted(options.items()))
        call = calls.setdefault(key, {"options": {**options, "instance_ids": [], "addresses": {}}, "hosts": {}})
        call["hosts"][name] = instance_id
        if instance_id not in call["options"]["instance_ids"]:
            call["options"]["instance_ids"].append(instance_id)
        address = str(_first(host, "ansible_ssh_host", "ansible_host") or "")
        if address and address not in (name, instance_id):
            call["options"]["addresses"][instance_id] = address
    return DoctorCalls(list(calls.values()), order, strangers)


def instance_of(host: Mapping[str, Any]) -> str:
    """Return the id of the instance or managed node that the connection would take a host for, empty for none."""
    given = _first(host, f"{_OURS}instance_id", "instance_id")
    candidates = [given] if given else [_first(host, "ansible_ssh_host", "ansible_host"), host["inventory_hostname"]]
    return next((str(each) for each in candidates if _ID.fullmatch(str(each or ""))), "")


def _options(host: Mapping[str, Any], tunnel: str) -> dict[str, Any]:
    """Return the options of the module for a host, which the connection takes from the same variables."""
    placement = host.get("placement")
    of_placement = placement.get("region") if isinstance(placement, Mapping) else None
    options = {
        "region": host.get(f"{_OURS}region") or of_placement,
        **{name: host.get(f"{_OURS}{name}") for name in _ACCOUNT},
        "tunnel": host.get(f"{_OURS}tunnel") or tunnel,
        "instance_connect_endpoint_id": host.get(f"{_OURS}endpoint_id"),
        "port": _first(host, "ansible_ssh_port", "ansible_port") or _SSH_PORT,
    }
    return {name: value for name, value in options.items() if value}


def _first(host: Mapping[str, Any], *names: str) -> Any:
    return next((host[name] for name in names if host.get(name)), None)
