# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a connection to an instance, in this order: push the key, get its host keys, find it, connect.

A failure names its step. EC2 is asked about an instance or an endpoint once in a run.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ansible_collections.sshkeys.aws.plugins.module_utils._aws import ec2, instance_connect
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.ec2 import Endpoint
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import EC2, INSTANCE_CONNECT
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import uses_fips
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import PublicKeyError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import parse_public_key
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.policy import judge_for_instance_connect
from ansible_collections.sshkeys.aws.plugins.module_utils._push.target import Target
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Region, in_region
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import direct, host_keys, key_pair, openssh
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.account import account_of
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.explain import NO_ENDPOINT, Step, tell
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.steps import FailedError, taking
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
    from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.endpoint_tunnel import Tunnel

# The payload beside a file descriptor: OpenSSH reads one byte (monitor_fdpass.c, mm_receive_fd).
_ONE_BYTE = b"\0"

# A key lives for 60 seconds, and waiting for host keys or for a full endpoint takes some of them.
_FRESH_SECONDS = 30


def main(settings: Settings, settings_file: str, ssh: socket.socket) -> tuple[int, Callable[[], None]]:
    """Make a connection and hand it over to ssh.

    Returns the exit status for ssh, and a function. Call it after replying: it returns when ssh has closed the
    connection.
    """
    try:
        return 0, _Opening(settings, partial(tell, settings_file)).run(ssh)
    except FailedError as failure:
        where = in_region(_region(settings)) if failure.is_answer_of_aws else ""
        tell(settings_file, failure.step, f"{failure}{where}")
        return 1, _nothing


def _region(settings: Settings) -> Region | None:
    """Return the region of the calls about the instance, and its source."""
    if settings["region_source"]:
        return Region(settings["aws"]["region"], settings["region_source"])
    return account_of(settings["aws"]).session.known_region


def _nothing() -> None:
    """Do nothing: a direct connection needs no process in between."""


def prepare(settings: Settings) -> None:
    """Make the key pair of the run, and the clients that this connection and later ones will probably need.

    Raises SshKeysError if it cannot. ``main`` reports the failure.
    """
    if settings["is_key_of_the_run"]:
        key_pair.make(settings["public_key_file"])
    if may_tunnel(settings):
        with contextlib.suppress(ImportError):
            from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import endpoint_tunnel  # noqa: PLC0415, F401
    account = account_of(settings["aws"])
    is_trusted = settings["host_keys"] != "console" or os.path.exists(settings["known_hosts"])
    if not is_trusted or not (settings["private_ip_address"] or settings["public_ip_address"]):
        account.client(EC2)


class _Opening:
    """The opening of one connection."""

    def __init__(self, settings: Settings, tell_of: Callable[[Step, str], None]) -> None:
        """tell_of: takes the step and the reason if a tunnel ends later."""
        self._settings = settings
        self._tell_of = tell_of
        with taking(Step.SET_UP):
            self._account = account_of(settings["aws"])

    def run(self, ssh: socket.socket) -> Callable[[], None]:
        """Take all steps, and hand the connection over to ssh. Returns the function of ``main``. Raises FailedError."""
        with taking(Step.SET_UP):
            configuration = openssh.configuration(self._settings["ssh"])
        user, port = configuration["user"], int(configuration["port"])
        if must_tunnel(self._settings, configuration["hostname"]):
            # Checked before the push, which would be useless.
            with taking(Step.SET_UP):
                check_port(port)
        with taking(Step.PUSH):
            self._push(user)
        pushed = time.monotonic()
        if self._settings["host_keys"] == "console":
            with taking(Step.HOST_KEYS):
                self._know_host_keys(configuration)
        way = reach(
            partial(self._address, configuration["hostname"]),
            partial(self._connect, port=port, configuration=configuration),
        ) or self._tunnel(port, configuration)
        if time.monotonic() - pushed > _FRESH_SECONDS:
            with taking(Step.PUSH):
                self._push(user)
        if isinstance(way, socket.socket):
            _give(way, ssh)
            return _nothing
        ours, theirs = socket.socketpair()
        _give(theirs, ssh)
        return partial(way.carry, ours, self._tell_of)

    def _deadline(self) -> float:
        """Return the end of a step that begins now, on the monotonic clock."""
        return time.monotonic() + self._settings["timeout"]

    def _address(self, hostname: str, *, anew: bool) -> str | None:
        with taking(Step.FIND):
            return direct_address(self._settings, hostname, partial(self._instance, anew=anew))

    def _connect(self, address: str, port: int, configuration: Mapping[str, str]) -> socket.socket:
        with taking(Step.CONNECT):
            return direct.connect(address, port, configuration, self._deadline())

    # -- The instance --------------------------------------------------------------------------------------------------

    def _instance(self, *, anew: bool = False) -> ec2.Instance:
        """Return EC2's facts about the instance. anew: ask again, even if they are known."""
        instance_id = self._settings["instance_id"]
        return ec2.Instance(
            *self._once(("instance", instance_id), lambda: ec2.instance(self._ec2(), instance_id), anew=anew)
        )

    def _ec2(self) -> Any:
        return self._account.client(EC2)

    def _once(
        self, about: Sequence[str | None], ask: Callable[[], Sequence[Any]], *, anew: bool = False
    ) -> Sequence[Any]:
        """Return an answer of EC2, which the first process of the run that needs it asks for. anew: ask again."""
        name = hashlib.sha256(json.dumps([self._account.session.region.name, *about]).encode()).hexdigest()[:16]
        with open(os.path.join(self._settings["folder"], f"{name}.fact"), "a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            known = file.read()
            if anew or not known:
                known = json.dumps(ask())
                file.truncate(0)
                file.write(known)
        found: Sequence[Any] = json.loads(known)
        return found

    # -- The key -------------------------------------------------------------------------------------------------------

    def _push(self, user: str) -> None:
        settings = self._settings
        if settings["is_key_of_the_run"]:
            # A no-op, unless it failed before.
            key_pair.make(settings["public_key_file"])
        text = key_pair.public_key(settings["public_key_file"])
        try:
            key = parse_public_key(text)
            judge_for_instance_connect(key)
        except PublicKeyError as error:
            raise ArgumentError(f"{settings['public_key_file']}: {error}") from None
        target = Target(settings["instance_id"], user, settings["availability_zone"])
        instance_connect.push(self._account.client(INSTANCE_CONNECT), target, key)

    # -- The host keys -------------------------------------------------------------------------------------------------

    def _know_host_keys(self, configuration: Mapping[str, str]) -> None:
        """Get the host keys of the instance into a file that ssh reads."""
        settings = self._settings
        named = host_keys.files_named(configuration.get("userknownhostsfile", ""))
        files = [*named, *settings["global_known_hosts"]]
        if os.path.exists(settings["known_hosts"]) or host_keys.are_known(settings["instance_id"], files):
            return
        keys = host_keys.printed(
            partial(ec2.console_output, self._ec2(), settings["instance_id"]),
            settings["instance_id"],
            self._deadline(),
        )
        host_keys.write(settings["known_hosts"], settings["instance_id"], keys)

    # -- The way -------------------------------------------------------------------------------------------------------

    def _tunnel(self, port: int, configuration: Mapping[str, str]) -> Tunnel | socket.socket:
        """Return a tunnel, or a connection to the user's address if the VPC has no endpoint."""
        address = address_without_endpoint(self._settings, configuration["hostname"])
        with taking(Step.TUNNEL):
            client = self._account.client(INSTANCE_CONNECT)
            try:
                endpoint = self._endpoint(uses_fips(client), remembers_none=address is not None)
            except ec2.NoEndpointError:
                if address is None:
                    raise
                return self._connect_without_endpoint(address, port, configuration)
        return self._tunnel_through(endpoint, client, port)

    def _connect_without_endpoint(self, address: str, port: int, configuration: Mapping[str, str]) -> socket.socket:
        try:
            return self._connect(address, port, configuration)
        except FailedError as failure:
            raise FailedError(failure.step, f"{failure} {NO_ENDPOINT}") from failure

    def _tunnel_through(self, endpoint: Endpoint, client: Any, port: int) -> Tunnel:
        # Imported here, because direct connections do not need the library.
        from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import endpoint_tunnel  # noqa: PLC0415

        settings = self._settings
        with taking(Step.TUNNEL):
            check_port(port)
            address = settings["private_ip_address"] or self._instance().address_for_tunnel
            if not address:
                raise no_address(settings["instance_id"])
            sign = partial(
                instance_connect.tunnel_url, client, endpoint, address, port, settings["max_tunnel_duration"]
            )
            return endpoint_tunnel.Tunnel(sign, self._account.ca_bundle, self._deadline())

    def _endpoint(self, use_fips: bool, *, remembers_none: bool) -> Endpoint:
        """Return the endpoint for a tunnel. Raises NoEndpointError if the VPC has none.

        remembers_none: whether to remember for the run that there is none. A host that needs an endpoint asks again,
        because a task of the play may create one.
        """
        settings = self._settings
        endpoint_id, dns_name = settings["instance_connect_endpoint_id"], settings["instance_connect_endpoint_dns_name"]
        if endpoint_id and dns_name:
            return Endpoint(endpoint_id, dns_name)
        vpc_id, subnet_id = settings["vpc_id"], settings["subnet_id"]
        if not endpoint_id and not vpc_id:
            instance = self._instance()
            vpc_id, subnet_id = instance.vpc_id, instance.subnet_id
        about = (endpoint_id, None if endpoint_id else vpc_id, None if endpoint_id else subnet_id)

        def ask() -> Sequence[str]:
            try:
                return ec2.endpoint(self._ec2(), *about, use_fips=use_fips)
            except ec2.NoEndpointError:
                if not remembers_none:
                    raise
                return ()

        found = self._once(("endpoint", *about, str(use_fips), str(remembers_none)), ask)
        if not found:
            raise ec2.NoEndpointError(NO_ENDPOINT)
        return Endpoint(*found)


def _give(connection: socket.socket, ssh: socket.socket) -> None:
    """Hand a connection over to ssh."""
    with connection:
        socket.send_fds(ssh, [_ONE_BYTE], [connection.fileno()])
