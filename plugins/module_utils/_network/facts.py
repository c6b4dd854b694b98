# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What EC2 and Systems Manager say of instances and of the network around them. Pure.

A member that AWS did not send is None, or empty.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Mapping, Sequence, TypeVar, Union


@dataclass(frozen=True)
class Rule:
    """A rule of a security group.

    protocol: as EC2 writes it: ``tcp``, ``6``, or ``-1`` for all. first_port, last_port: None for all ports.
    cidrs: IPv4 and IPv6. group_ids: the members of these groups.
    """

    protocol: str
    first_port: int | None = None
    last_port: int | None = None
    cidrs: Sequence[str] = ()
    prefix_list_ids: Sequence[str] = ()
    group_ids: Sequence[str] = ()


@dataclass(frozen=True)
class SecurityGroup:
    """A security group."""

    id: str
    name: str
    inbound: Sequence[Rule] = ()
    outbound: Sequence[Rule] = ()

    def __str__(self) -> str:
        return f"{self.id} ({self.name})" if self.name else self.id


@dataclass(frozen=True)
class Route:
    """A route. target: the id of what it leads to, or ``local``. Exactly one of cidr and prefix_list_id is set."""

    target: str
    cidr: str | None = None
    prefix_list_id: str | None = None
    is_active: bool = True


@dataclass(frozen=True)
class RouteTable:
    """A route table. subnet_ids: the subnets that have it explicitly. is_main: whether it is for all others."""

    id: str
    vpc_id: str
    is_main: bool
    subnet_ids: Sequence[str] = ()
    routes: Sequence[Route] = ()


@dataclass(frozen=True)
class AclEntry:
    """An entry of a network ACL. first_port, last_port: None for all ports."""

    number: int
    is_egress: bool
    protocol: str
    is_allowing: bool
    cidr: str
    first_port: int | None = None
    last_port: int | None = None


@dataclass(frozen=True)
class Acl:
    """A network ACL."""

    id: str
    subnet_ids: Sequence[str] = ()
    entries: Sequence[AclEntry] = ()


@dataclass(frozen=True)
class Subnet:
    """A subnet. cidrs: IPv4 and IPv6."""

    id: str
    vpc_id: str
    cidrs: Sequence[str] = ()


@dataclass(frozen=True)
class ConnectEndpoint:
    """An EC2 Instance Connect Endpoint, in any state. state_message: why it is in that state."""

    id: str
    state: str
    state_message: str | None = None
    vpc_id: str | None = None
    subnet_id: str | None = None
    dns_name: str | None = None
    fips_dns_name: str | None = None
    preserves_client_ip: bool = False
    security_group_ids: Sequence[str] = ()
    ip_address_type: str | None = None


@dataclass(frozen=True)
class Image:
    """An AMI."""

    id: str
    name: str


@dataclass(frozen=True)
class Agent:
    """An SSM Agent that has registered. ping_status: ``Online``, ``ConnectionLost`` or ``Inactive``."""

    instance_id: str
    ping_status: str | None = None
    last_ping_at: datetime | None = None
    version: str | None = None
    platform_name: str | None = None
    platform_version: str | None = None
    platform_type: str | None = None
    computer_name: str | None = None
    ip_address: str | None = None

    @property
    def platform(self) -> str | None:
        """The system, with its version."""
        return " ".join(each for each in (self.platform_name, self.platform_version) if each) or self.platform_type


@dataclass(frozen=True)
class Interface:
    """A network interface. addresses: all that it has, private, public and IPv6."""

    subnet_id: str | None
    group_ids: Sequence[str]
    addresses: Sequence[str] = ()
    public_ipv4_addresses: Sequence[str] = ()


@dataclass(frozen=True)
class Instance:
    """An instance. has_metadata: None where EC2 does not say."""

    id: str
    state: str
    name: str | None = None
    type: str | None = None
    platform: str | None = None
    is_windows: bool = False
    image_id: str | None = None
    availability_zone: str | None = None
    vpc_id: str | None = None
    subnet_id: str | None = None
    private_ip_address: str | None = None
    public_ip_address: str | None = None
    ipv6_address: str | None = None
    dns_names: Mapping[str, str] = field(default_factory=dict)
    has_metadata: bool | None = None
    has_profile: bool = False
    interfaces: Sequence[Interface] = ()

    def interface_at(self, address: str) -> Interface | None:
        """Return the interface that has an address."""
        return next((each for each in self.interfaces if address in each.addresses), None)


@dataclass(frozen=True)
class Unread:
    """What could not be read. why: a sentence."""

    why: str


Value = TypeVar("Value")
Read = Union[Value, Unread]


@dataclass(frozen=True)
class Surroundings:
    """All that is known of the network, the images and the agents, each by its id.

    prefix_lists: the CIDRs of each. agents: by the id of the instance; one that has not registered is missing.
    """

    security_groups: Read[Mapping[str, SecurityGroup]]
    route_tables: Read[Sequence[RouteTable]]
    acls: Read[Sequence[Acl]]
    subnets: Read[Mapping[str, Subnet]]
    endpoints: Read[Sequence[ConnectEndpoint]]
    images: Read[Mapping[str, Image]]
    agents: Read[Mapping[str, Agent]]
    prefix_lists: Mapping[str, Read[Sequence[str]]] = field(default_factory=dict)
