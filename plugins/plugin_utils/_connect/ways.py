# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which way leads to an instance: directly to an address, or through an EC2 Instance Connect Endpoint. Decides only."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Protocol

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.ec2 import Instance
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.steps import FailedError


class Find(Protocol):
    """Says where an instance is."""

    def __call__(self, *, anew: bool) -> str | None:
        """Return its address, None if it takes a tunnel. anew: not by what EC2 has said before."""


def reach(find: Find, open_to: Callable[[str], socket.socket]) -> socket.socket | None:
    """Return a connection to an instance, None if it takes a tunnel. Raises what the two raise.

    One that was stopped and started in the course of a run has another public address than before.
    """
    address = find(anew=False)
    if not address:
        return None
    try:
        return open_to(address)
    except FailedError:
        other = find(anew=True)
        if other == address:
            raise
        return open_to(other) if other else None


def direct_address(settings: Settings, hostname: str, ask: Callable[[], Instance]) -> str | None:
    """Return where to connect to, None for a tunnel. What the options of the connection promise, in one place.

    hostname: what ssh would connect to, which it has in small letters. ask: returns what EC2 knows of the instance.
    Raises what ``ask`` does, and ArgumentError where there is no address.
    """
    private, public = settings["private_ip_address"], settings["public_ip_address"]
    if settings["tunnel"] == "always":
        return None
    if settings["tunnel"] == "auto":
        # An inventory that knows the private address would know a public one, too.
        if not private and not public:
            public = ask().public_ip_address
        if not public:
            return None
    given = address_of_the_user(settings, hostname)
    if given:
        return given
    if public or private:
        return public or private
    found = ask()
    address = found.public_ip_address or found.private_ip_address or found.ipv6_address
    if not address:
        raise no_address(settings["instance_id"])
    return address


def address_of_the_user(settings: Settings, hostname: str) -> str | None:
    """Return the address that the user has set: HostName in the configuration of ssh, or else ansible_host.

    hostname: what ssh would connect to, which it has in small letters.
    """
    if hostname.lower() != settings["name"].lower():
        return hostname
    return settings["host"]


def address_without_endpoint(settings: Settings, hostname: str) -> str | None:
    """Return where to connect to if the VPC of an instance that takes a tunnel has no endpoint, None for nowhere.

    A controller inside the VPC needs no endpoint, and an address that the user has set says as much.
    """
    if settings["tunnel"] != "auto" or settings["instance_connect_endpoint_id"]:
        return None
    return address_of_the_user(settings, hostname)


def may_tunnel(settings: Settings) -> bool:
    """Return whether a tunnel is likely, by what is known before EC2 is asked."""
    return settings["tunnel"] == "always" or (settings["tunnel"] == "auto" and not settings["public_ip_address"])


def must_tunnel(settings: Settings, hostname: str) -> bool:
    """Return whether there is no other way than a tunnel, whatever EC2 may say. hostname: see address_of_the_user."""
    if settings["tunnel"] == "auto" and not settings["private_ip_address"]:
        return False
    return may_tunnel(settings) and not address_without_endpoint(settings, hostname)


# EC2 User Guide, quotas of EC2 Instance Connect Endpoints.
_PORTS_OF_ENDPOINTS = (22, 3389)


def check_port(port: int) -> None:
    """Raise ArgumentError for a port that no endpoint connects to."""
    if port not in _PORTS_OF_ENDPOINTS:
        raise ArgumentError(
            f"The port of this host is {port} (ansible_port, or Port in the configuration of ssh), and an EC2 Instance "
            "Connect Endpoint connects to the ports 22 and 3389 only. Let sshd listen on port 22 too, and set "
            "ansible_port to 22. If this controller can reach the instance itself, connect without an endpoint: "
            "ansible_ec2_instance_connect_tunnel: never."
        )


def no_address(instance_id: str) -> ArgumentError:
    """Return the error for an instance that has no address."""
    return ArgumentError(f"EC2 knows no address of {instance_id}: is it terminated?")
