# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The choice of the way to an instance: directly to an address, or through an EC2 Instance Connect Endpoint. Pure."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.steps import FailedError

if TYPE_CHECKING:
    from ansible_collections.sshkeys.aws.plugins.module_utils._aws.ec2 import Instance


class Find(Protocol):
    """Finds an instance."""

    def __call__(self, *, anew: bool) -> Awaitable[str | None]:
        """Return its address, None for a tunnel. anew: ask EC2 again instead of using its earlier answer."""


async def reach(find: Find, open_to: Callable[[str], Awaitable[socket.socket]]) -> socket.socket | None:
    """Return a connection to an instance, None for a tunnel. Raises the exceptions of both functions.

    An instance that was stopped and started during a run has a new public address.
    """
    address = await find(anew=False)
    if not address:
        return None
    try:
        return await open_to(address)
    except FailedError:
        other = await find(anew=True)
        if other == address:
            raise
        return await open_to(other) if other else None


async def direct_address(settings: Settings, hostname: str, ask: Callable[[], Awaitable[Instance]]) -> str | None:
    """Return the address to connect to, None for a tunnel. This is the rule that the connection's options document.

    hostname: the address that ssh would connect to, in lower case. ask: returns EC2's facts about the instance.
    Raises the exceptions of ``ask``, and ArgumentError if there is no address.
    """
    private, public = settings["private_ip_address"], settings["public_ip_address"]
    if settings["tunnel"] == "always":
        return None
    if settings["tunnel"] == "auto":
        # An inventory that sets the private address would also set a public one.
        if not private and not public:
            public = (await ask()).public_ip_address
        if not public:
            return None
    given = address_of_the_user(settings, hostname)
    if given:
        return given
    if public or private:
        return public or private
    found = await ask()
    address = found.public_ip_address or found.private_ip_address or found.ipv6_address
    if not address:
        raise no_address(settings["instance_id"])
    return address


def address_of_the_user(settings: Settings, hostname: str) -> str | None:
    """Return the address that the user has set: HostName in the configuration of ssh, or else ansible_host.

    hostname: the address that ssh would connect to, in lower case.
    """
    if hostname.lower() != settings["name"].lower():
        return hostname
    return settings["host"]


def address_without_endpoint(settings: Settings, hostname: str) -> str | None:
    """Return the address to connect to if a tunnel is needed and the VPC has no endpoint, None if there is none.

    A controller inside the VPC needs no endpoint. An address set by the user implies that.
    """
    if settings["tunnel"] != "auto" or settings["instance_connect_endpoint_id"]:
        return None
    return address_of_the_user(settings, hostname)


def may_tunnel(settings: Settings) -> bool:
    """Return whether a tunnel is likely, as far as known before EC2 is asked."""
    return settings["tunnel"] == "always" or (settings["tunnel"] == "auto" and not settings["public_ip_address"])


def must_tunnel(settings: Settings, hostname: str) -> bool:
    """Return whether a tunnel is the only way, whatever EC2 answers. hostname: see address_of_the_user."""
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
            "Connect Endpoint connects only to the ports 22 and 3389. Let sshd listen on port 22 too, and set "
            "ansible_port to 22. If this controller can reach the instance itself, connect without an endpoint: "
            "ansible_ec2_instance_connect_tunnel: never."
        )


def no_address(instance_id: str) -> ArgumentError:
    """Return the error for an instance that has no address."""
    return ArgumentError(f"EC2 has no address of {instance_id}. Check whether it was terminated.")
