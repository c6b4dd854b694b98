# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""How the playbook ssh_doctor asks about an inventory: one call for all hosts of an account and region. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

from ansible_collections.sshkeys.aws.plugins.module_utils._booleans import no_boolean
from ansible_collections.sshkeys.aws.plugins.module_utils._comma_list import elements, faults
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import shown
from ansible_collections.sshkeys.aws.plugins.module_utils._network.networks import no_network
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.asked import is_id

_OURS = "ansible_ec2_instance_connect_"
# The options of the module that come from variables of the connection with the same end of their names.
_ACCOUNT = ("profile", "access_key", "secret_key", "session_token", "assume_role_arn", "endpoint_url")
_CREDENTIALS = frozenset({"access_key", "secret_key", "session_token"})
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

    calls: each with ``options`` of the module; ``hosts``, the id of the instance of each host; ``label``, a short name;
    and ``has_credentials``, whether its options have some.
    order: the hosts to tell of, as in the inventory. strangers: those that are no instances.
    unusable: why a host of ``order`` has no call, a sentence for each.
    faults: sentences about variables that cannot be used.
    """

    calls: list[dict[str, Any]] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    unusable: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def doctor_calls(
    hosts: Sequence[Mapping[str, Any]],
    source_cidr: Any,
    *,
    tunnel: str = "auto",
    port: Any = None,
    cut_off: str = "",
    unread: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> DoctorCalls:
    """Return the calls for hosts.

    hosts: the variables of each, with ``inventory_hostname``. source_cidr: a list, text with commas, or None.
    tunnel, port: of hosts that have no variable for it. cut_off: what Ansible cut off on the command line.
    unread: why variables of a host could not be read, a sentence by its name.
    flags: the variables that must be true or false.
    """
    wrong = faults({"ssh_doctor_source_cidr": source_cidr}, cut_off) or _no_networks(source_cidr)
    wrong += [refusal for refusal in (no_boolean(*flag) for flag in (flags or {}).items()) if refusal]
    if wrong:
        return DoctorCalls(faults=wrong)
    sources = {"source_cidr": elements(source_cidr)} if source_cidr else {}
    found = DoctorCalls(unusable=dict(unread or {}))
    calls: dict[tuple[tuple[str, Any], ...], dict[str, Any]] = {}
    for host in hosts:
        name = str(host["inventory_hostname"])
        instance_id = instance_of(host)
        given = _given_id(host)
        if name not in found.unusable and given and not instance_id:
            found.unusable[name] = (
                f"instance_id is {shown(str(given))}, which is not the id of an instance or of a managed node. Correct "
                "it, such as i-0123456789abcdef0 or mi-0123456789abcdef0."
            )
        if name in found.unusable:
            found.order.append(name)
            continue
        if not instance_id:
            found.strangers.append(name)
            continue
        found.order.append(name)
        _add(calls, host, instance_id, {**_options(host, tunnel, port), **sources})
    found.calls.extend(calls.values())
    return found


def _no_networks(source_cidr: Any) -> list[str]:
    wrong = [no_network(each) for each in elements(source_cidr)]
    return [f"ssh_doctor_source_cidr has {each}" for each in wrong if each]


def _add(
    calls: dict[tuple[tuple[str, Any], ...], dict[str, Any]],
    host: Mapping[str, Any],
    instance_id: str,
    options: Mapping[str, Any],
) -> None:
    """Put a host to the call for its options. A call has one address for an instance."""
    name = str(host["inventory_hostname"])
    given = str(_first(host, "ansible_ssh_host", "ansible_host") or "")
    address = {instance_id: given} if given and given not in (name, instance_id) else {}
    key = tuple((option, str(value)) for option, value in sorted(options.items()))
    call = calls.get(key)
    if call and instance_id in call["options"]["instance_ids"]:
        taken = call["options"]["addresses"].get(instance_id)
        if taken != address.get(instance_id):
            key = (*key, ("address", str(address.get(instance_id))), ("of", instance_id))
    if key not in calls:
        calls[key] = {
            "options": {**options, "instance_ids": [], "addresses": {}},
            "hosts": {},
            "label": ", ".join(str(options[name]) for name in ("region", "profile") if name in options) or "AWS",
            "has_credentials": not _CREDENTIALS.isdisjoint(options),
        }
    call = calls[key]
    call["hosts"][name] = instance_id
    if instance_id not in call["options"]["instance_ids"]:
        call["options"]["instance_ids"].append(instance_id)
    call["options"]["addresses"].update(address)


def _given_id(host: Mapping[str, Any]) -> Any:
    return _first(host, f"{_OURS}instance_id", "instance_id")


def instance_of(host: Mapping[str, Any]) -> str:
    """Return the id of the instance or managed node that the connection would take a host for, empty for none."""
    given = _given_id(host)
    candidates = [given] if given else [_first(host, "ansible_ssh_host", "ansible_host"), host["inventory_hostname"]]
    return next((str(each) for each in candidates if is_id(str(each or ""))), "")


def _options(host: Mapping[str, Any], tunnel: str, port: Any) -> dict[str, Any]:
    """Return the options of the module for a host, which the connection takes from the same variables."""
    placement = host.get("placement")
    of_placement = placement.get("region") if isinstance(placement, Mapping) else None
    options = {
        "region": host.get(f"{_OURS}region") or of_placement,
        **{name: host.get(f"{_OURS}{name}") for name in _ACCOUNT},
        "tunnel": host.get(f"{_OURS}tunnel") or tunnel,
        "instance_connect_endpoint_id": host.get(f"{_OURS}endpoint_id"),
        "port": _first(host, "ansible_ssh_port", "ansible_port") or port or _SSH_PORT,
    }
    return {name: value for name, value in options.items() if value}


def _first(host: Mapping[str, Any], *names: str) -> Any:
    return next((host[name] for name in names if host.get(name)), None)
