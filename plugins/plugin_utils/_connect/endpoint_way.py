# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way through an EC2 Instance Connect Endpoint: which endpoint, a place of it, and the tunnel."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ansible_collections.sshkeys.aws.plugins.module_utils._aws import ec2, instance_connect
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import INSTANCE_CONNECT
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import uses_fips
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, printable
from ansible_collections.sshkeys.aws.plugins.module_utils._ways import check_port, no_address
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import endpoint_tunnel
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.commands import Commands
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.explain import Step
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.host import Host
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.places import Place, Places
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.steps import WayIsOpenError

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

# Pauses between attempts at an endpoint that is full of the connections of others.
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 2.0
_STAYED_FULL = (
    "It was full for the whole timeout (ansible_timeout). An endpoint allows 20 connections at once, and others have "
    "some of them: other users, or a run before this one, whose idle connections keep their places for 60 seconds by "
    "default (ControlPersist). Set ansible_timeout to 90, so that it waits for longer than that."
)


class EndpointWay:
    """The way to a host through an endpoint."""

    def __init__(
        self,
        host: Host,
        commands: Commands,
        places: Places,
        give_back_after: Callable[[endpoint_tunnel.Tunnel, Place], None],
    ) -> None:
        """Ask nothing. give_back_after: gives a place back when a tunnel has ended."""
        self._host = host
        self._commands = commands
        self._places = places
        self._give_back_after = give_back_after

    async def endpoint(self, *, remembers_none: bool) -> ec2.Endpoint:
        """Return the endpoint for a tunnel. Raises NoEndpointError if the VPC has none, and SshKeysError.

        remembers_none: whether an earlier answer counts that there is none. A task of the play may create one.
        """
        settings = self._host.settings
        endpoint_id, dns_name = settings["instance_connect_endpoint_id"], settings["instance_connect_endpoint_dns_name"]
        if endpoint_id and dns_name:
            return ec2.Endpoint(endpoint_id, dns_name)
        vpc_id, subnet_id = settings["vpc_id"], settings["subnet_id"]
        if not endpoint_id and not vpc_id:
            instance = await self._host.instance()
            vpc_id, subnet_id = instance.vpc_id, instance.subnet_id
        found = await self._host.facts.endpoints(
            endpoint_id or str(vpc_id),
            partial(self._host.ask_ec2, ec2.endpoints, endpoint_id, vpc_id),
            remembers_none=remembers_none,
        )
        use_fips = uses_fips((await self._host.account()).client(INSTANCE_CONNECT))
        return ec2.choose(found, endpoint_id, vpc_id, subnet_id, use_fips=use_fips)

    async def keep_a_place(self, endpoint: ec2.Endpoint) -> None:
        """Return when the endpoint has a place for the connection, which is kept for it."""
        await self._places.keep(endpoint.id, self._host.settings["connection"], self._telling_of_wait(endpoint))

    async def connect(self, port: int, *, remembers_none: bool) -> socket.socket:
        """Return ssh's end of a tunnel. Raises SshKeysError. remembers_none: as for ``endpoint``."""
        endpoint = await self.endpoint(remembers_none=remembers_none)
        check_port(port)
        settings = self._host.settings
        address = settings["private_ip_address"] or (await self._host.instance()).address_for_tunnel
        if not address:
            raise no_address(settings["instance_id"])
        deadline, pause = self._host.deadline(), _FIRST_PAUSE_SECONDS
        while True:
            place = await self._place(endpoint, deadline)
            try:
                websocket = await self._websocket(endpoint, address, port, deadline)
                tunnel = endpoint_tunnel.Tunnel(websocket, self._tell_of_end)
            except endpoint_tunnel.EndpointFullError as full:
                if full.has_no_place:
                    self._places.refused(place)
                else:
                    self._places.release(place)
                if time.monotonic() + pause > deadline:
                    raise WayIsOpenError(f"{full} {_STAYED_FULL}") from full
                await self._places.change(pause * (0.5 + random.random() / 2))
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            except BaseException:
                self._places.release(place)
                raise
            else:
                self._give_back_after(tunnel, place)
                what = f"a tunnel through {printable(endpoint.id)} to {printable(address)} port {port}"
                self._host.timing.took(what)
                return tunnel.for_ssh

    def _tell_of_end(self, why: str) -> None:
        self._commands.fail(self._host.settings["connection"], Step.TUNNEL_ENDED.name, why)

    async def _websocket(self, endpoint: ec2.Endpoint, address: str, port: int, deadline: float) -> ClientConnection:
        """Open the websocket of a tunnel. Raises EndpointFullError, and SshKeysError for every other failure."""
        account, duration = await self._host.account(), self._host.settings["max_tunnel_duration"]

        def signed() -> str:
            return instance_connect.tunnel_url(account.session.signer(), endpoint, address, port, duration)

        try:
            url = await asyncio.to_thread(signed)
        except ValueError as error:
            raise ArgumentError(endpoint_tunnel.ENDPOINT.unusable) from error
        return await endpoint_tunnel.open_websocket(url, account.ca_bundle, deadline - time.monotonic())

    def _telling_of_wait(self, endpoint: ec2.Endpoint) -> Callable[[], None]:
        """Return a function that tells the user once that a command waits."""
        told: list[bool] = []

        def tell() -> None:
            if not told:
                told.append(True)
                sentence = (
                    f"{self._host.settings['instance_id']} waits for a place: all connections that the endpoint "
                    f"{printable(endpoint.id)} carries for this run are in use."
                )
                self._commands.tell(self._host.settings["connection"], {"waits": sentence})

        return tell

    async def _place(self, endpoint: ec2.Endpoint, deadline: float) -> Place:
        """Take a place of the endpoint. Raises WayIsOpenError if there is none until the deadline."""
        wait = self._telling_of_wait(endpoint)
        try:
            async with asyncio.timeout(max(deadline - time.monotonic(), 0.1)):
                return await self._places.take(endpoint.id, self._host.settings["connection"], wait)
        except TimeoutError as error:
            raise WayIsOpenError(
                f"All connections that the endpoint {printable(endpoint.id)} carries for you were in use for the whole "
                "timeout (ansible_timeout). Set a longer one, or connect to fewer hosts at once (forks)."
            ) from error
