# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The ways to an instance, and the order in which they are tried. Pure.

The connection tries the ways, and the module ec2_instance_connect_info says which one it would take.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol, Sequence, TypedDict, TypeVar

from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError


class WaySettings(TypedDict):
    """The settings of a connection that decide which ways there are. Empty and None both mean unknown.

    host: the address, if the user has set one; name: the destination on ssh's command line, perhaps the instance id.
    """

    instance_id: str
    tunnel: str
    instance_connect_endpoint_id: str | None
    public_ip_address: str | None
    host: str | None
    name: str


class Way(Enum):
    """A way to an instance. The value names it in a sentence."""

    DIRECT = "its address"
    PUBLIC = "its public address"
    ENDPOINT = "an EC2 Instance Connect Endpoint"
    GIVEN = "the address in ansible_host, or in the configuration of ssh"
    SESSION_MANAGER = "Session Manager"
    PRIVATE = "its private address"


_BY_TUNNEL = {
    "endpoint": (Way.ENDPOINT,),
    "session_manager": (Way.SESSION_MANAGER,),
    "never": (Way.DIRECT,),
    "auto": (Way.PUBLIC, Way.ENDPOINT, Way.GIVEN, Way.SESSION_MANAGER, Way.PRIVATE),
}


def ways(settings: WaySettings) -> Sequence[Way]:
    """Return the ways to try, in order. The options of the connection document this rule.

    A way for which something is missing, such as a public address, is none for that instance. What can be missing is
    known only when EC2 has answered, so it is not decided here.
    """
    if is_managed_node(settings["instance_id"]):
        return {"auto": (Way.GIVEN, Way.SESSION_MANAGER), "never": (Way.GIVEN,)}.get(
            settings["tunnel"], _BY_TUNNEL[settings["tunnel"]]
        )
    if settings["tunnel"] == "auto" and settings["instance_connect_endpoint_id"]:
        # The user wants this endpoint.
        return Way.PUBLIC, Way.ENDPOINT
    return _BY_TUNNEL[settings["tunnel"]]


def is_managed_node(instance_id: str) -> bool:
    """Return whether this is the id of a managed node of Systems Manager, which EC2 does not know."""
    return instance_id.startswith("mi-")


def may_need_endpoint(settings: WaySettings) -> bool:
    """Return whether a connection may go through an endpoint, as far as known before EC2 is asked."""
    return Way.ENDPOINT in ways(settings) and not (settings["tunnel"] == "auto" and settings["public_ip_address"])


def address_of_the_user(settings: WaySettings, hostname: str) -> str | None:
    """Return the address that the user has set: HostName in the configuration of ssh, or else ansible_host.

    hostname: the address that ssh would connect to, in lower case.
    """
    if hostname.lower() != settings["name"].lower():
        return hostname
    return settings["host"]


class NamedEndpoint(Protocol):
    """An EC2 Instance Connect Endpoint, as far as the choice among several needs it."""

    @property
    def dns_name(self) -> str | None:
        """The name of its server."""

    @property
    def fips_dns_name(self) -> str | None:
        """The same for FIPS."""

    @property
    def subnet_id(self) -> str | None:
        """Where it is."""


AnEndpoint = TypeVar("AnEndpoint", bound=NamedEndpoint)


def preferred_endpoint(
    found: Sequence[AnEndpoint], subnet_id: str | None, *, use_fips: bool
) -> tuple[AnEndpoint, str] | None:
    """Return the endpoint that a connection takes, and the name of its server; None if none has a name.

    found: endpoints that carry connections. subnet_id: of the instance; an endpoint there is preferred.
    """
    for each in (*(one for one in found if one.subnet_id == subnet_id), *found):
        name = each.fips_dns_name if use_fips else each.dns_name
        if name:
            return each, name
    return None


# The states in which an endpoint carries connections (AWS CLI, ec2-instance-connect open-tunnel).
ENDPOINT_STATES = ("create-complete", "update-in-progress", "update-failed", "update-complete")

# EC2 User Guide, quotas of EC2 Instance Connect Endpoints.
PORTS_OF_ENDPOINTS = (22, 3389)


def check_port(port: int) -> None:
    """Raise ArgumentError for a port that no endpoint connects to."""
    if port not in PORTS_OF_ENDPOINTS:
        raise ArgumentError(
            f"The port of this host is {port} (ansible_port, or Port in the configuration of ssh), and an EC2 Instance "
            "Connect Endpoint connects only to the ports 22 and 3389. Let sshd listen on port 22 too, and set "
            "ansible_port to 22. Session Manager connects to any port: ansible_ec2_instance_connect_tunnel: "
            "session_manager. If this controller can reach the instance itself, connect without a tunnel: "
            "ansible_ec2_instance_connect_tunnel: never."
        )


def no_address(instance_id: str) -> ArgumentError:
    """Return the error for an instance that has no address."""
    return ArgumentError(f"EC2 has no address of {instance_id}. Check whether it was terminated.")
