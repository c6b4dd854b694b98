# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the options of the connection say of a host: for the connection plugin, and for the file of ssh_config.

Every task of every host loads this file, so it imports what not every task needs where that is needed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

# Written to a file, unless they come from the environment, which hands them on.
SECRETS = ("access_key", "secret_key", "session_token")
_AWS_OPTIONS = ("profile", *SECRETS, "assume_role_arn", "endpoint_url")


# The default of GlobalKnownHostsFile (ssh_config(5)).
GLOBAL_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
# Session Manager ends a session that sends nothing for its idle timeout, at least a minute and 20 by default. This also
# ends an ssh whose tunnel stands still.
_ALIVE_SECONDS = 50


def for_ssh(
    instance_id: str, *, tunnel: str, host_keys: str, known_hosts: str, identity_file: str | None
) -> dict[str, str]:
    """Return what ssh is told of a host, besides its ProxyCommand, by the keywords of ssh_config(5).

    tunnel, host_keys: the options of the connection. known_hosts, identity_file: paths as values of an option of ssh;
    identity_file is None if ssh knows the key otherwise.
    """
    told = {"HostKeyAlias": instance_id, "IdentitiesOnly": "yes"}
    if tunnel != "never":
        told["ServerAliveInterval"] = str(_ALIVE_SECONDS)
    if host_keys == "accept-new":
        told["StrictHostKeyChecking"] = "accept-new"
    elif host_keys == "console":
        told["StrictHostKeyChecking"] = "yes"
        # In addition to the user's files, which stay unchanged: all keys of the instance are known.
        told["UpdateHostKeys"] = "no"
        told["GlobalKnownHostsFile"] = f"{known_hosts} {' '.join(GLOBAL_KNOWN_HOSTS)}"
    if identity_file:
        told["IdentityFile"] = identity_file
        # The key of the run must not outlive the run in an agent.
        told["AddKeysToAgent"] = "no"
    return told


class RefusedError(Exception):
    """The options are not those of a host that can be reached. ``str()`` is a sentence."""


class HostOptions:
    """The options of a host.

    get: returns the value of an option of the connection. environment: returns the names of the environment variables
    that an option may come from.
    """

    def __init__(self, get: Callable[[str], Any], environment: Callable[[str], Sequence[str]]) -> None:
        """Read nothing yet."""
        self.get = get
        self._environment = environment

    def name(self, host: str | None = None) -> str:
        """Return the inventory name of the host. In a delegated task, inventory_hostname is the delegating host.

        host: the name if no option has one.
        """
        return str(self.get("delegate_to") or self.get("inventory_name") or host or "")

    def instance_id(self, name: str) -> str:
        """Return the id of the instance or the managed node. name: of the host. Raises RefusedError."""
        given = self.get("instance_id") or ""
        for candidate in [given] if given else [self.get("address") or "", name]:
            if _is_instance_id(candidate):
                return str(candidate)
        from ansible import constants as C  # noqa: N812, PLC0415 - as ansible-core names it

        raise RefusedError(_refusals().instance(name, str(given), is_localhost=name in C.LOCALHOST))

    def address(self, name: str, instance_id: str) -> str | None:
        """Return the address that the user has set, None if there is none."""
        address = self.get("address")
        return str(address) if address and address not in (instance_id, name) else None

    def check(self, name: str) -> None:
        """Raise RefusedError if an option has no possible value: the address of the host, its user, a duration."""
        address, user = self.get("address"), self.get("remote_user")
        names = {
            **({"ansible_host": str(address)} if address is not None and address != name else {}),
            **({"ansible_user": str(user)} if user else {}),
        }
        for variable, value in names.items():
            is_a_name = 0 < len(value) <= _LONGEST_NAME and value.isprintable() and value == value.strip()
            if not is_a_name or value.startswith("-"):
                raise RefusedError(_refusals().name(variable, value))
        duration = self.get("max_tunnel_duration")
        if not 1 <= duration <= _LONGEST_TUNNEL:
            raise RefusedError(_refusals().tunnel_duration(duration, _LONGEST_TUNNEL))

    def availability_zone(self) -> str | None:
        """Return the availability zone of the instance, None if it is unknown."""
        zone: str | None = (self.get("placement") or {}).get("availability_zone")
        return zone

    def aws(self) -> dict[str, Any]:
        """Return the options for the SDK. Secrets from the environment are given as the name of their variable.

        If a variable names a profile, those of the environment do not count, as for the SDK.
        """
        found = {name: self.get(name) for name in _AWS_OPTIONS}
        has_profile = found["profile"] and not self.variable("profile")
        for name in SECRETS:
            variable = self.variable(name)
            if variable:
                found[name] = None if has_profile else {"env": variable}
        return {name: value for name, value in found.items() if value}

    def region(self) -> tuple[str | None, str | None]:
        """Return the region and its source; two times None if the profile or the SDK must provide it.

        The region of the placement counts, unless a variable of the host sets a different one.
        """
        region, variable = self.get("region"), self.variable("region")
        if region and not variable:
            return region, "the variable ansible_ec2_instance_connect_region"
        placement = self.get("placement") or {}
        if placement.get("region"):
            return placement["region"], "the variable placement"
        return (region, f"{variable} in the environment") if region else (None, None)

    def variable(self, option: str) -> str | None:
        """Return the environment variable that holds the value of an option, None if there is none.

        ansible-core 2.18 does not report the origin of an option's value.
        """
        value = self.get(option)
        names = self._environment(option)
        return next((name for name in names if value and os.environ.get(name) == value), None)


# Seconds (AWS CLI Command Reference, "ec2-instance-connect open-tunnel").
_LONGEST_TUNNEL = 3600
# Characters of a host name (RFC 1035).
_LONGEST_NAME = 253


def _is_instance_id(text: str) -> bool:
    """Return whether this matches i-[a-f0-9]{8,30} or mi-[a-f0-9]{17}.

    To compile a regular expression takes long in every task.
    """
    kind, _dash, digits = text.partition("-")
    return len(digits) in {"i": range(8, 31), "mi": (17,)}.get(kind, ()) and set(digits) <= set("0123456789abcdef")


def _refusals() -> ModuleType:
    """Return the module of refusals. It is rarely needed, and otherwise every task would compile it."""
    from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import refusals  # noqa: PLC0415

    return refusals
