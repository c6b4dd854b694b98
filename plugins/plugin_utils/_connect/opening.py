# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a connection to an instance, in this order: push the key, get its host keys, find a way, connect.

A failure names its step. All runs in one event loop, which nothing here blocks: what waits for AWS, for a program or
for a file does so in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from ansible_collections.sshkeys.aws.plugins.module_utils._aws import ec2, instance_connect
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.preload import preload
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import EC2, INSTANCE_CONNECT, SSM
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import (
    ArgumentError,
    NoEndpointError,
    SshKeysError,
    printable,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import PublicKeyError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import PublicKey, parse_public_key
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.policy import judge_for_instance_connect
from ansible_collections.sshkeys.aws.plugins.module_utils._push.target import Target
from ansible_collections.sshkeys.aws.plugins.module_utils._report import in_region
from ansible_collections.sshkeys.aws.plugins.module_utils._ways import (
    Way,
    address_of_the_user,
    check_port,
    is_managed_node,
    may_need_endpoint,
    no_address,
    ways,
)
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import (
    direct,
    endpoint_tunnel,
    host_keys,
    key_pair,
    openssh,
    websocket,
)
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.accounts import Accounts, name_of
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.closed_ways import ClosedWays
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.commands import Commands
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.endpoint_way import EndpointWay
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.explain import Step
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.facts import AskInstances, Facts
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.host import Host
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.places import Place, Places
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.pushes import Pushed, Pushes
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.run_keys import RunKeys
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager.open_sessions import (
    OpenSession,
    OpenSessions,
)
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager.way import (
    SessionManagerWay,
    terminate,
)
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.steps import FailedError, taking
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.tasks import start

_TUNNELS = frozenset({Way.ENDPOINT, Way.SESSION_MANAGER})
# The payload beside a file descriptor: OpenSSH reads one byte (monitor_fdpass.c, mm_receive_fd).
_ONE_BYTE = b"\0"


class Opener:
    """Opens the connections of a run, and has what they share."""

    def __init__(self, commands: Commands, places: Places, sessions: OpenSessions) -> None:
        """Read the data for the clients, which takes a while.

        commands: those at work. places: those of this run. sessions: those that are open.
        """
        self.commands = commands
        self.places = places
        self.sessions = sessions
        self.accounts = Accounts(preload([INSTANCE_CONNECT]))
        self.pushes = Pushes()
        self._tunnels: set[asyncio.Task[None]] = set()
        # By the name of their account.
        self._facts: dict[str, Facts] = {}
        # By what leads to them, which a task may change, and the port.
        self._closed_ways: dict[tuple[tuple[str | None, ...], int], ClosedWays] = defaultdict(ClosedWays)

    async def prepare(self, settings: Settings) -> None:
        """Make and ask what a connection will probably need, which meets the same errors. Raises SshKeysError."""
        await _Opening(self, settings).prepare()

    async def keep_a_place(self, settings: Settings) -> None:
        """Return when the endpoint of a connection has a place for it, if it needs one. Raises SshKeysError."""
        await _Opening(self, settings).keep_a_place()

    async def open(self, settings: Settings, ssh: socket.socket) -> tuple[Step, str] | None:
        """Make a connection, and hand it over to ssh. Returns the step that failed, and a sentence.

        ssh: the socket that ssh reads it from.
        """
        opening = _Opening(self, settings)
        try:
            await opening.run(ssh)
        except FailedError as failure:
            self.commands.tell(settings["connection"], {"steps": f"{opening.steps()}, and then a failure"})
            where = in_region(await opening.host.region()) if failure.is_answer_of_aws else ""
            return failure.step, f"{failure}{where}"
        return None

    def push_again(self, settings: Settings) -> None:
        """Have the next connection to the instance push its key, whenever it was accepted."""
        self.pushes.forget(settings["instance_id"])

    def end_sessions_of_a_killed_broker(self) -> None:
        """End the sessions of Session Manager that an earlier broker of the run has left."""

        async def end(session: OpenSession) -> None:
            with contextlib.suppress(SshKeysError):
                await terminate(await self.accounts.of(session.aws), session.id, self.sessions)

        for each in self.sessions.left():
            self.keep(partial(end, each))

    def forget(self) -> None:
        """Drop the accounts, with their secrets, and all that is known."""
        self.accounts.forget()
        self.forget_facts()

    def forget_facts(self) -> None:
        """Drop what is known of instances, endpoints and closed ways."""
        self._facts.clear()
        self._closed_ways.clear()

    def has_tunnels(self) -> bool:
        """Return whether a tunnel is open."""
        return bool(self._tunnels)

    async def ended(self) -> None:
        """Return when all tunnels have ended."""
        while self._tunnels:
            await asyncio.wait(self._tunnels)

    def facts(self, aws: Mapping[str, Any], ask: AskInstances) -> Facts:
        """Return the facts of an account. ask: as for Facts."""
        return self._facts.setdefault(name_of(aws), Facts(ask, lambda: self.commands.last_new_at))

    def closed_ways(self, settings: Settings, port: int) -> ClosedWays:
        """Return the closed ways to a port of an instance."""
        return self._closed_ways[_led_by(settings), port]

    def is_endpoint_closed(self, settings: Settings) -> bool:
        """Return whether the way through an endpoint is known to be closed, to whatever port."""
        led_by = _led_by(settings)
        return any(Way.ENDPOINT in closed for (each, _port), closed in self._closed_ways.items() if each == led_by)

    def give_back_after(self, tunnel: endpoint_tunnel.Tunnel, place: Place) -> None:
        """Give the place back when the tunnel has ended."""
        self.places.opened(place, tunnel.close)

        async def until_it_ends() -> None:
            await tunnel.wait()
            self.places.release(place)

        self.keep(until_it_ends)

    def keep(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a coroutine until it ends, which is awaited at the end of the run, too."""
        start(work(), self._tunnels)


def _led_by(settings: Settings) -> tuple[str | None, ...]:
    """Return the settings that decide which ways there are to a host."""
    return (
        name_of(settings["aws"]),
        settings["instance_id"],
        settings["tunnel"],
        settings["instance_connect_endpoint_id"],
        settings["host"],
        settings["name"],
    )


class _Opening:
    """The opening of one connection."""

    def __init__(self, opener: Opener, settings: Settings) -> None:
        self._opener = opener
        self._settings = settings
        self._is_managed_node = is_managed_node(settings["instance_id"])
        self.host = Host(settings, opener.accounts, opener.facts)
        self._through_endpoint = EndpointWay(self.host, opener.commands, opener.places, opener.give_back_after)
        self._through_session_manager = SessionManagerWay(self.host, opener.commands, opener.sessions, opener.keep)

    async def run(self, ssh: socket.socket) -> None:
        """Take all steps, and hand the connection over to ssh. Raises FailedError."""
        with taking(Step.SET_UP):
            configuration, account = await asyncio.gather(self._configuration(), self.host.account())
            self.host.timing.took("the configuration of ssh and the clients of the SDK")
            user, port = configuration["user"], int(configuration["port"])
            # Checked before the push, which would be useless.
            if self._must_go_through_an_endpoint():
                check_port(port)
            if _TUNNELS.issuperset(self._possible_ways()):
                await asyncio.to_thread(websocket.check_this_machine, account.ca_bundle)
        key, is_pushed = None, False
        if not self._is_managed_node:
            with taking(Step.PUSH):
                key = await asyncio.to_thread(self._public_key)
            is_pushed = await self._push(user, key)
        if self._settings["host_keys"] == "console":
            with taking(Step.HOST_KEYS):
                await self._know_host_keys(configuration)
        closed_ways = self._opener.closed_ways(self._settings, port)
        connect = partial(self._connect_over, port=port, configuration=configuration, closed_ways=closed_ways)
        with await closed_ways.first_open(ways(self._settings), connect) as connection:
            if key:
                # Since then, there may have been a long wait.
                is_pushed = await self._push(user, key, is_first=False) or is_pushed
            # ssh may have ended, and has said why.
            with contextlib.suppress(OSError):
                socket.send_fds(ssh, [_ONE_BYTE], [connection.fileno()])
        made = {
            "made": self.steps(),
            "closed_ways": str(closed_ways),
            **({"is_pushed": is_pushed} if key else {}),
        }
        self._opener.commands.made(self._settings["connection"], made)

    async def _configuration(self) -> Mapping[str, str]:
        """Return the configuration of ssh for the host, at least user, port and hostname. Raises ArgumentError."""
        known = self._settings["configuration"]
        if known:
            return known
        return await asyncio.to_thread(openssh.configuration, self._settings["ssh"])

    def steps(self) -> str:
        """Return what was done so far, for a line at -vvv."""
        return f"{self._settings['instance_id']}: {self.host.timing}"

    # -- Before ssh asks -----------------------------------------------------------------------------------------------

    async def prepare(self) -> None:
        """See Opener.prepare."""
        await asyncio.gather(self._prepare_credentials(), self._prepare_way())

    async def keep_a_place(self) -> None:
        """See Opener.keep_a_place."""
        if self._opener.is_endpoint_closed(self._settings):
            return
        endpoint = await self._endpoint_if_it_is_the_way()
        if endpoint:
            await self._through_endpoint.keep_a_place(endpoint)

    async def _prepare_credentials(self) -> None:
        if self._settings["is_key_of_the_run"]:
            await asyncio.to_thread(self._keys_of_the_run().pair)
        account = await self.host.account()
        if await asyncio.to_thread(_will_ask_ec2, self._settings):
            await asyncio.to_thread(account.client, EC2)

    async def _prepare_way(self) -> None:
        try:
            if may_need_endpoint(self._settings):
                await self._endpoint_if_it_is_the_way()
        except NoEndpointError:
            if Way.SESSION_MANAGER not in ways(self._settings):
                raise
            await self._prepare_session_manager()
        else:
            if Way.SESSION_MANAGER in ways(self._settings)[:1]:
                await self._prepare_session_manager()

    async def _prepare_session_manager(self) -> None:
        account = await self.host.account()
        await asyncio.to_thread(account.client, SSM)

    async def _endpoint_if_it_is_the_way(self) -> ec2.Endpoint | None:
        """Return the endpoint that a connection will probably go through, None for another way. Raises SshKeysError."""
        settings = self._settings
        is_unknown = settings["tunnel"] == "auto" and not settings["private_ip_address"]
        if is_unknown and (await self.host.instance()).public_ip_address:
            return None
        return await self._through_endpoint.endpoint(remembers_none=True)

    # -- The way -------------------------------------------------------------------------------------------------------

    def _must_go_through_an_endpoint(self) -> bool:
        """Return whether an endpoint is the only way, whatever EC2 answers."""
        return self._possible_ways() == [Way.ENDPOINT]

    def _possible_ways(self) -> list[Way]:
        """Return the ways that may be open, whatever EC2 answers."""
        left = list(ways(self._settings))
        if self._settings["private_ip_address"] and not self._settings["public_ip_address"]:
            # An inventory that sets the private address would also set a public one.
            left = [way for way in left if way is not Way.PUBLIC]
        return left

    async def _connect_over(
        self, way: Way, *, port: int, configuration: Mapping[str, str], closed_ways: ClosedWays
    ) -> socket.socket | None:
        """Connect over a way, and note for -vvv why it failed. Returns and raises as ``_try``."""
        try:
            return await self._try(way, port, configuration, closed_ways)
        except FailedError as failure:
            self.host.timing.took(f"{way.value} failed: {failure}")
            raise

    async def _try(
        self, way: Way, port: int, configuration: Mapping[str, str], closed_ways: ClosedWays
    ) -> socket.socket | None:
        """Connect over a way. Returns None if it is none for this host. Raises FailedError."""
        if way is Way.ENDPOINT:
            with taking(Step.TUNNEL):
                return await self._through_endpoint.connect(
                    port, remembers_none=len(ways(self._settings)) > 1 and not closed_ways.all_were_closed
                )
        if way is Way.SESSION_MANAGER:
            with taking(Step.SESSION):
                connection: socket.socket | None = await self._through_session_manager.connect(port)
        else:
            connection = await self._connect_directly(way, port, configuration, closed_ways.addresses)
        if connection:
            # Until now, an endpoint might have been next.
            self._opener.places.need_none(self._settings["connection"])
        return connection

    async def _connect_directly(
        self, way: Way, port: int, configuration: Mapping[str, str], closed: set[str]
    ) -> socket.socket | None:
        """Connect to an address. An instance that was stopped and started during a run has a new public address.

        closed: the addresses at which nothing answers.
        """
        address = await self._address(way, configuration["hostname"], anew=False)
        if not address or address in closed:
            return None
        try:
            return await self._connect_to(address, port, configuration, way)
        except FailedError as failure:
            given = way is Way.GIVEN
            other = address if given else await self._address(way, configuration["hostname"], anew=True)
            if not other:
                # Another machine may have that address now.
                return None
            if other != address:
                return await self._connect_to(other, port, configuration, way)
            if failure.closes_way:
                closed.add(address)
            raise

    async def _connect_to(self, address: str, port: int, configuration: Mapping[str, str], way: Way) -> socket.socket:
        # Something between, such as a transparent proxy, may accept any connection.
        awaits_sshd = way in (Way.GIVEN, Way.PRIVATE)
        with taking(Step.CONNECT):
            made = await asyncio.to_thread(
                direct.connect, address, port, configuration, self.host.deadline(), awaits_sshd=awaits_sshd
            )
        self.host.timing.took(f"directly to {printable(address)} port {port}")
        return made

    async def _address(self, way: Way, hostname: str, *, anew: bool) -> str | None:
        """Return the address to connect to, None if the way has none. Raises FailedError.

        hostname: the address that ssh would connect to, in lower case. anew: ask EC2 again.
        """
        with taking(Step.FIND):
            given = address_of_the_user(self._settings, hostname)
            address: str | None = await self._address_of(way, given, anew=anew)
            return address

    async def _address_of(self, way: Way, given: str | None, *, anew: bool) -> str | None:
        private, public = self._settings["private_ip_address"], self._settings["public_ip_address"]
        if way is Way.GIVEN:
            return given
        if way is Way.PUBLIC:
            if not private and not public:
                public = (await self.host.instance(anew=anew)).public_ip_address
            return (given or public) if public else None
        if way is Way.PRIVATE:
            return private or (await self.host.instance(anew=anew)).address_for_tunnel
        if given or public or private:
            return given or public or private
        found = await self.host.instance(anew=anew)
        address = found.public_ip_address or found.address_for_tunnel
        if not address:
            raise no_address(self._settings["instance_id"])
        return address

    # -- The key -------------------------------------------------------------------------------------------------------

    async def _push(self, user: str, key: PublicKey, *, is_first: bool = True) -> bool:
        """Push the key unless it was accepted a moment ago. Returns whether it was pushed."""
        with taking(Step.PUSH):
            settings = self._settings
            target = Target(settings["instance_id"], user, settings["availability_zone"])
            client = (await self.host.account()).client(INSTANCE_CONNECT)
            what = Pushed(settings["instance_id"], user, key.line, name_of(settings["aws"]))
            age = await self._opener.pushes.ensure(
                what, partial(asyncio.to_thread, instance_connect.push, client, target, key)
            )
        if age is None:
            self.host.timing.took(f"a key pushed for {printable(user)}")
        elif is_first:
            self.host.timing.took(f"no push, since {printable(user)} got the key {age:.0f} s ago")
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
            if self._is_managed_node:
                raise ArgumentError(
                    f"No host keys of {settings['instance_id']} are known, and a managed node has no console output to "
                    "read them from."
                )
            console = partial(self.host.ask_ec2, ec2.console_output, settings["instance_id"])
            keys = await host_keys.printed(console, settings["instance_id"], self.host.deadline())
            await asyncio.to_thread(host_keys.write, settings["known_hosts"], settings["instance_id"], keys)
        self.host.timing.took("the host keys")


def _will_ask_ec2(settings: Settings) -> bool:
    if is_managed_node(settings["instance_id"]):
        return False
    is_trusted = settings["host_keys"] != "console" or os.path.exists(settings["known_hosts"])
    return not is_trusted or not (settings["private_ip_address"] or settings["public_ip_address"])
