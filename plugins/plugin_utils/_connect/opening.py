# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a connection to an instance, in this order: push the key, get its host keys, find it, connect.

A failure names its step. All runs in one event loop, which nothing here blocks: what waits for AWS, for a program or
for a file does so in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ansible_collections.sshkeys.aws.plugins.module_utils._aws import ec2, instance_connect
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.preload import preload
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import EC2, INSTANCE_CONNECT
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import uses_fips
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, NoEndpointError, printable
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import PublicKeyError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import PublicKey, parse_public_key
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.policy import judge_for_instance_connect
from ansible_collections.sshkeys.aws.plugins.module_utils._push.target import Target
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Region, in_region
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import (
    direct,
    endpoint_tunnel,
    host_keys,
    key_pair,
    openssh,
)
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.accounts import Account, Accounts, name_of
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.commands import Commands
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.explain import NO_ENDPOINT, Step
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.facts import AskInstances, Facts
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.places import Place, Places
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.pushes import Pushed, Pushes
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.run_keys import RunKeys
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.steps import FailedError, taking
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.tasks import start
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.timing import Timing
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.ways import (
    address_without_endpoint,
    check_port,
    direct_address,
    may_tunnel,
    must_tunnel,
    no_address,
    reach,
)

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

# The payload beside a file descriptor: OpenSSH reads one byte (monitor_fdpass.c, mm_receive_fd).
_ONE_BYTE = b"\0"
# Pauses between attempts at an endpoint that is full of the connections of others.
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 2.0
_STAYED_FULL = (
    "It was full for the whole timeout (ansible_timeout). An endpoint allows 20 connections at once, and others have "
    "some of them: other users, or a run before this one, whose idle connections keep their places for 60 seconds by "
    "default (ControlPersist). Set ansible_timeout to 90, so that it waits for longer than that."
)


class Opener:
    """Opens the connections of a run, and has what they share."""

    def __init__(self, commands: Commands, places: Places) -> None:
        """Read the data for the clients, which takes a while. commands: those at work. places: those of this run."""
        self.commands = commands
        self.places = places
        self.accounts = Accounts(preload([INSTANCE_CONNECT]))
        self.pushes = Pushes()
        self._tunnels: set[asyncio.Task[None]] = set()
        # By the name of their account.
        self._facts: dict[str, Facts] = {}

    async def prepare(self, settings: Settings) -> None:
        """Make and ask what a connection will probably need, which meets the same errors. Raises SshKeysError."""
        await _Opening(self, settings).prepare()

    async def keep_a_place(self, settings: Settings) -> None:
        """Return when the endpoint of a connection has a place for it, if it needs one. Raises SshKeysError."""
        opening = _Opening(self, settings)
        endpoint = await opening.endpoint_if_it_is_the_way()
        if endpoint:
            await self.places.keep(endpoint.id, settings["connection"], opening.telling_of_wait(endpoint))

    async def open(self, settings: Settings, ssh: socket.socket) -> tuple[Step, str] | None:
        """Make a connection, and hand it over to ssh. Returns the step that failed, and a sentence.

        ssh: the socket that ssh reads it from.
        """
        opening = _Opening(self, settings)
        try:
            await opening.run(ssh)
        except FailedError as failure:
            self.commands.tell(settings["connection"], {"steps": f"{opening.steps()}, and then a failure"})
            where = in_region(await self._region(settings)) if failure.is_answer_of_aws else ""
            return failure.step, f"{failure}{where}"
        return None

    def push_again(self, settings: Settings) -> None:
        """Have the next connection to the instance push its key, whenever it was accepted."""
        self.pushes.forget(settings["instance_id"])

    def forget(self) -> None:
        """Drop the accounts, with their secrets, and all that is known."""
        self.accounts.forget()
        self._facts.clear()

    async def ended(self) -> None:
        """Return when all tunnels have ended."""
        while self._tunnels:
            await asyncio.wait(self._tunnels)

    def facts(self, aws: Mapping[str, Any], ask: AskInstances) -> Facts:
        """Return the facts of an account. ask: as for Facts."""
        return self._facts.setdefault(name_of(aws), Facts(ask, lambda: self.commands.last_new_at))

    def give_back_after(self, tunnel: endpoint_tunnel.Tunnel, place: Place) -> None:
        """Give the place back when the tunnel has ended."""
        self.places.opened(place, tunnel.close)

        async def until_it_ends() -> None:
            await tunnel.wait()
            self.places.release(place)

        start(until_it_ends(), self._tunnels)

    async def _region(self, settings: Settings) -> Region | None:
        """Return the region of the calls about the instance, and its source."""
        if settings["region_source"]:
            return Region(settings["aws"]["region"], settings["region_source"])
        return (await self.accounts.of(settings["aws"])).session.known_region


class _Opening:
    """The opening of one connection."""

    def __init__(self, opener: Opener, settings: Settings) -> None:
        self._opener = opener
        self._settings = settings
        self._timing = Timing()
        self._facts = opener.facts(settings["aws"], self._ask_about_instances)

    async def run(self, ssh: socket.socket) -> None:
        """Take all steps, and hand the connection over to ssh. Raises FailedError."""
        with taking(Step.SET_UP):
            configuration, _account = await asyncio.gather(
                asyncio.to_thread(openssh.configuration, self._settings["ssh"]), self._account()
            )
            self._timing.took("the configuration of ssh and the clients of the SDK")
            user, port = configuration["user"], int(configuration["port"])
            if must_tunnel(self._settings, configuration["hostname"]):
                # Checked before the push, which would be useless.
                check_port(port)
        with taking(Step.PUSH):
            key = await asyncio.to_thread(self._public_key)
        is_pushed = await self._push(user, key)
        if self._settings["host_keys"] == "console":
            with taking(Step.HOST_KEYS):
                await self._know_host_keys(configuration)
        way = await reach(
            partial(self._address, configuration["hostname"]),
            partial(self._connect, port=port, configuration=configuration),
        ) or await self._tunnel(port, configuration)
        with way:
            # Since then, there may have been a long wait.
            is_pushed = await self._push(user, key, is_first=False) or is_pushed
            # ssh may have ended, and has said why.
            with contextlib.suppress(OSError):
                socket.send_fds(ssh, [_ONE_BYTE], [way.fileno()])
        self._opener.commands.made(self._settings["connection"], {"made": self.steps(), "is_pushed": is_pushed})

    def steps(self) -> str:
        """Return what was done so far, for a line at -vvv."""
        return f"{self._settings['instance_id']}: {self._timing}"

    async def prepare(self) -> None:
        """See Opener.prepare."""
        await asyncio.gather(self._prepare_credentials(), self._prepare_way())

    async def _prepare_credentials(self) -> None:
        if self._settings["is_key_of_the_run"]:
            await asyncio.to_thread(self._keys_of_the_run().pair)
        account = await self._account()
        if await asyncio.to_thread(_will_ask_ec2, self._settings):
            await asyncio.to_thread(account.client, EC2)

    async def _prepare_way(self) -> None:
        if may_tunnel(self._settings):
            await self.endpoint_if_it_is_the_way()

    def _deadline(self) -> float:
        """Return the end of a step that begins now, on the monotonic clock."""
        return time.monotonic() + self._settings["timeout"]

    async def _account(self) -> Account:
        return await self._opener.accounts.of(self._settings["aws"])

    async def _ec2(self, ask: Callable[..., Any], *about: Any) -> Any:
        """Ask EC2. ask: a function of ec2.py, which gets a client."""
        account = await self._account()
        return await asyncio.to_thread(lambda: ask(account.client(EC2), *about))

    # -- The instance --------------------------------------------------------------------------------------------------

    async def _ask_about_instances(self, instance_ids: Sequence[str]) -> Mapping[str, ec2.Instance]:
        found: Mapping[str, ec2.Instance] = await self._ec2(ec2.instances, instance_ids)
        return found

    async def _instance(self, *, anew: bool = False) -> ec2.Instance:
        """Return EC2's facts about the instance. anew: ask again, even if they are known."""
        return await self._facts.instance(self._settings["instance_id"], anew=anew)

    async def _address(self, hostname: str, *, anew: bool) -> str | None:
        with taking(Step.FIND):
            address = await direct_address(self._settings, hostname, partial(self._instance, anew=anew))
            self._timing.took("the address")
            return address

    async def _connect(self, address: str, port: int, configuration: Mapping[str, str]) -> socket.socket:
        with taking(Step.CONNECT):
            self._opener.places.need_none(self._settings["connection"])
            made = await asyncio.to_thread(direct.connect, address, port, configuration, self._deadline())
        self._timing.took(f"directly to {printable(address)} port {port}")
        return made

    # -- The key -------------------------------------------------------------------------------------------------------

    async def _push(self, user: str, key: PublicKey, *, is_first: bool = True) -> bool:
        """Push the key unless it was accepted a moment ago. Returns whether it was pushed."""
        with taking(Step.PUSH):
            settings = self._settings
            target = Target(settings["instance_id"], user, settings["availability_zone"])
            client = (await self._account()).client(INSTANCE_CONNECT)
            what = Pushed(settings["instance_id"], user, key.line, name_of(settings["aws"]))
            age = await self._opener.pushes.ensure(
                what, partial(asyncio.to_thread, instance_connect.push, client, target, key)
            )
        if age is None:
            self._timing.took(f"a key pushed for {printable(user)}")
        elif is_first:
            self._timing.took(f"no push, since {printable(user)} got the key {age:.0f} s ago")
        return age is None

    def _keys_of_the_run(self) -> RunKeys:
        return RunKeys(os.path.dirname(self._settings["public_key_file"]), self._settings["controller"])

    def _public_key(self) -> PublicKey:
        file = self._settings["public_key_file"]
        if self._settings["is_key_of_the_run"]:
            self._keys_of_the_run().pair()
        text = key_pair.public_key(file)
        try:
            key = parse_public_key(text)
            judge_for_instance_connect(key)
        except PublicKeyError as error:
            raise ArgumentError(f"{file}: {error}") from None
        return key

    # -- The host keys -------------------------------------------------------------------------------------------------

    async def _know_host_keys(self, configuration: Mapping[str, str]) -> None:
        """Get the host keys of the instance into a file that ssh reads."""
        settings = self._settings
        named = host_keys.files_named(configuration.get("userknownhostsfile", ""))
        files = [*named, *settings["global_known_hosts"]]
        if not await asyncio.to_thread(host_keys.are_known, settings["instance_id"], settings["known_hosts"], files):
            console = partial(self._ec2, ec2.console_output, settings["instance_id"])
            keys = await host_keys.printed(console, settings["instance_id"], self._deadline())
            await asyncio.to_thread(host_keys.write, settings["known_hosts"], settings["instance_id"], keys)
        self._timing.took("the host keys")

    # -- The endpoint --------------------------------------------------------------------------------------------------

    async def endpoint_if_it_is_the_way(self) -> ec2.Endpoint | None:
        """Return the endpoint that a connection will probably go through, None for another way. Raises SshKeysError."""
        settings = self._settings
        is_unknown = settings["tunnel"] == "auto" and not settings["private_ip_address"]
        if is_unknown and (await self._instance()).public_ip_address:
            return None
        return await self._endpoint(remembers_none=address_without_endpoint(settings, settings["name"]) is not None)

    async def _endpoint(self, *, remembers_none: bool) -> ec2.Endpoint:
        """Return the endpoint for a tunnel. Raises NoEndpointError if the VPC has none.

        remembers_none: whether to remember for the run that there is none. A host that needs an endpoint asks again,
        because a task of the play may create one.
        """
        settings = self._settings
        endpoint_id, dns_name = settings["instance_connect_endpoint_id"], settings["instance_connect_endpoint_dns_name"]
        if endpoint_id and dns_name:
            return ec2.Endpoint(endpoint_id, dns_name)
        vpc_id, subnet_id = settings["vpc_id"], settings["subnet_id"]
        if not endpoint_id and not vpc_id:
            instance = await self._instance()
            vpc_id, subnet_id = instance.vpc_id, instance.subnet_id
        found = await self._facts.endpoints(
            endpoint_id or str(vpc_id),
            partial(self._ec2, ec2.endpoints, endpoint_id, vpc_id),
            remembers_none=remembers_none,
        )
        use_fips = uses_fips((await self._account()).client(INSTANCE_CONNECT))
        return ec2.choose(found, endpoint_id, vpc_id, subnet_id, use_fips=use_fips)

    # -- The way -------------------------------------------------------------------------------------------------------

    async def _tunnel(self, port: int, configuration: Mapping[str, str]) -> socket.socket:
        """Return ssh's end of a tunnel, or a connection to the user's address if the VPC has no endpoint."""
        address = address_without_endpoint(self._settings, configuration["hostname"])
        with taking(Step.TUNNEL):
            try:
                endpoint = await self._endpoint(remembers_none=address is not None)
            except NoEndpointError:
                if address is None:
                    raise
                return await self._connect_without_endpoint(address, port, configuration)
            check_port(port)
            return await self._tunnel_through(endpoint, port)

    async def _connect_without_endpoint(
        self, address: str, port: int, configuration: Mapping[str, str]
    ) -> socket.socket:
        try:
            return await self._connect(address, port, configuration)
        except FailedError as failure:
            raise FailedError(failure.step, f"{failure} {NO_ENDPOINT}") from failure

    async def _tunnel_through(self, endpoint: ec2.Endpoint, port: int) -> socket.socket:
        settings = self._settings
        address = settings["private_ip_address"] or (await self._instance()).address_for_tunnel
        if not address:
            raise no_address(settings["instance_id"])
        deadline, pause = self._deadline(), _FIRST_PAUSE_SECONDS
        while True:
            place = await self._place(endpoint, deadline)
            try:
                websocket = await self._websocket(endpoint, address, port, deadline)
                tunnel = endpoint_tunnel.Tunnel(websocket, self._tell_of_end)
            except endpoint_tunnel.EndpointFullError as full:
                if full.has_no_place:
                    self._opener.places.refused(place)
                else:
                    self._opener.places.release(place)
                if time.monotonic() + pause > deadline:
                    raise ArgumentError(f"{full} {_STAYED_FULL}") from full
                await self._opener.places.change(pause * (0.5 + random.random() / 2))
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            except BaseException:
                self._opener.places.release(place)
                raise
            else:
                self._opener.give_back_after(tunnel, place)
                what = f"a tunnel through {printable(endpoint.id)} to {printable(address)} port {port}"
                self._timing.took(what)
                return tunnel.for_ssh

    def _tell_of_end(self, why: str) -> None:
        self._opener.commands.fail(self._settings["connection"], Step.TUNNEL_ENDED.name, why)

    async def _websocket(self, endpoint: ec2.Endpoint, address: str, port: int, deadline: float) -> ClientConnection:
        """Open the websocket of a tunnel. Raises EndpointFullError, and ArgumentError for every other failure."""
        account = await self._account()
        client, duration = account.client(INSTANCE_CONNECT), self._settings["max_tunnel_duration"]
        try:
            url = await asyncio.to_thread(instance_connect.tunnel_url, client, endpoint, address, port, duration)
        except ValueError as error:
            raise ArgumentError(endpoint_tunnel.UNUSABLE) from error
        return await endpoint_tunnel.open_websocket(url, account.ca_bundle, deadline - time.monotonic())

    def telling_of_wait(self, endpoint: ec2.Endpoint) -> Callable[[], None]:
        """Return a function that tells the user once that a command waits."""
        told: list[bool] = []

        def tell() -> None:
            if not told:
                told.append(True)
                sentence = (
                    f"{self._settings['instance_id']} waits for a place: all connections that the endpoint "
                    f"{printable(endpoint.id)} carries for this run are in use."
                )
                self._opener.commands.tell(self._settings["connection"], {"waits": sentence})

        return tell

    async def _place(self, endpoint: ec2.Endpoint, deadline: float) -> Place:
        """Take a place of the endpoint. Raises ArgumentError if there is none until the deadline."""
        wait = self.telling_of_wait(endpoint)
        try:
            async with asyncio.timeout(max(deadline - time.monotonic(), 0.1)):
                return await self._opener.places.take(endpoint.id, self._settings["connection"], wait)
        except TimeoutError as error:
            raise ArgumentError(
                f"All connections that the endpoint {printable(endpoint.id)} carries for this run were in use for the "
                "whole timeout (ansible_timeout). Set a longer one, or use fewer forks."
            ) from error


def _will_ask_ec2(settings: Settings) -> bool:
    is_trusted = settings["host_keys"] != "console" or os.path.exists(settings["known_hosts"])
    return not is_trusted or not (settings["private_ip_address"] or settings["public_ip_address"])
