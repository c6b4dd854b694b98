# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done for each connection to an instance, in this order: push the key, know its host keys, find it, connect.

Each step is told by its name when it fails. What EC2 says of an instance or an endpoint is asked once in a run.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

from ansible_collections.sshkeys.aws.plugins.module_utils._aws import ec2, instance_connect
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.ec2 import Endpoint
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import EC2, INSTANCE_CONNECT
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import uses_fips
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import (
    ArgumentError,
    ServiceError,
    SshKeysError,
    printable,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import PublicKeyError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import parse_public_key
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.policy import judge_for_instance_connect
from ansible_collections.sshkeys.aws.plugins.module_utils._push.target import Target
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Region, in_region
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import host_keys, key_pair, openssh
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.account import account_of
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.explain import NO_ENDPOINT, Step, tell

if TYPE_CHECKING:
    from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.endpoint_tunnel import Tunnel

# What is sent along with a connection: OpenSSH takes one byte (monitor_fdpass.c, mm_receive_fd).
_ONE_BYTE = b"\0"

# A key opens for 60 seconds. Some may pass until an instance has shown its host keys, or an endpoint has room.
_FRESH_SECONDS = 30


class Settings(TypedDict):
    """What the connection plugin tells of a host. Empty and None both mean that it is not known.

    host: the address, if the user has set one; name: what ssh is told to connect to, which may be the instance id;
    ssh: a command that prints the configuration of ssh for the host;
    timeout: seconds that each step may wait; known_hosts: the file for the keys of the instance;
    global_known_hosts: files in which ssh looks, too;
    public_key_file: its private half is the file of the same name without ``.pub``; is_key_of_the_run: whether that
    pair is made for the run;
    aws: options as modules of amazon.aws take them, a secret possibly as the name of a variable of the environment;
    region_source: what named the region in ``aws``, if it is there;
    folder: for what must not outlive the run; controller: the process id of ansible-playbook.
    """

    instance_id: str
    availability_zone: str | None
    private_ip_address: str | None
    public_ip_address: str | None
    vpc_id: str | None
    subnet_id: str | None
    host: str | None
    name: str
    ssh: list[str]
    timeout: int
    tunnel: str
    instance_connect_endpoint_id: str | None
    instance_connect_endpoint_dns_name: str | None
    max_tunnel_duration: int
    host_keys: str
    known_hosts: str
    global_known_hosts: list[str]
    public_key_file: str
    is_key_of_the_run: bool
    aws: dict[str, Any]
    region_source: str | None
    folder: str
    collection_paths: list[str]
    controller: int


def main(settings: Settings, settings_file: str, ssh: socket.socket) -> tuple[int, Callable[[], None]]:
    """Make a connection and hand it over to ssh.

    Returns the exit status for it, and what is to be called then: it returns when the connection needs nobody.
    """
    try:
        return 0, _Opening(settings, partial(tell, settings_file)).run(ssh)
    except FailedError as failure:
        where = in_region(_region(settings)) if failure.is_answer_of_aws else ""
        tell(settings_file, failure.step, f"{failure}{where}")
        return 1, _nothing


def _region(settings: Settings) -> Region | None:
    """Return the region that is asked about the instance, and what named it."""
    if settings["region_source"]:
        return Region(settings["aws"]["region"], settings["region_source"])
    return account_of(settings["aws"]).session.known_region


def _nothing() -> None:
    """Do nothing: a connection to the instance itself needs nobody in between."""


def prepare(settings: Settings) -> None:
    """Make the key pair of the run and the clients that a connection will probably need, for those after it, too.

    Raises SshKeysError where it cannot. main says so.
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


class FailedError(Exception):
    """A step failed. ``str()`` is a sentence.

    is_answer_of_aws: whether another region could have made a difference.
    """

    def __init__(self, step: Step, sentence: str, *, is_answer_of_aws: bool = False) -> None:
        super().__init__(sentence)
        self.step = step
        self.is_answer_of_aws = is_answer_of_aws


@contextlib.contextmanager
def _step(step: Step) -> Iterator[None]:
    try:
        yield
    except SshKeysError as error:
        is_answer_of_aws = isinstance(error, (ServiceError, ec2.NoEndpointError))
        raise FailedError(step, str(error), is_answer_of_aws=is_answer_of_aws) from error


class _Opening:
    """One connection that is being opened."""

    def __init__(self, settings: Settings, tell_of: Callable[[Step, str], None]) -> None:
        """tell_of: what is told of a tunnel that ends later."""
        self._settings = settings
        self._tell_of = tell_of
        with _step(Step.SET_UP):
            self._account = account_of(settings["aws"])

    def run(self, ssh: socket.socket) -> Callable[[], None]:
        """Do all of it, and hand the connection over to ssh. Returns what main does. Raises FailedError."""
        with _step(Step.SET_UP):
            configuration = ssh_configuration(self._settings["ssh"])
        user, port = configuration["user"], int(configuration["port"])
        if must_tunnel(self._settings, configuration["hostname"]):
            # Before a key is pushed for nothing.
            with _step(Step.SET_UP):
                check_port(port)
        with _step(Step.PUSH):
            self._push(user)
        pushed = time.monotonic()
        if self._settings["host_keys"] == "console":
            with _step(Step.HOST_KEYS):
                self._know_host_keys(configuration)
        way = reach(
            partial(self._address, configuration["hostname"]),
            partial(self._connect, port=port, configuration=configuration),
        ) or self._tunnel(port, configuration)
        if time.monotonic() - pushed > _FRESH_SECONDS:
            with _step(Step.PUSH):
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
        with _step(Step.FIND):
            return direct_address(self._settings, hostname, partial(self._instance, anew=anew))

    def _connect(self, address: str, port: int, configuration: Mapping[str, str]) -> socket.socket:
        with _step(Step.CONNECT):
            return connect(address, port, configuration, self._deadline())

    # -- The instance --------------------------------------------------------------------------------------------------

    def _instance(self, *, anew: bool = False) -> ec2.Instance:
        """Return what EC2 knows of the instance. anew: ask, also if it is known what EC2 has said before."""
        instance_id = self._settings["instance_id"]
        return ec2.Instance(
            *self._once(("instance", instance_id), lambda: ec2.instance(self._ec2(), instance_id), anew=anew)
        )

    def _ec2(self) -> Any:
        return self._account.client(EC2)

    def _once(
        self, about: Sequence[str | None], ask: Callable[[], Sequence[Any]], *, anew: bool = False
    ) -> Sequence[Any]:
        """Return what EC2 says, asked by the first process of the run that needs it. anew: ask all the same."""
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
            # It is there, unless that has failed before.
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
        """Have the host keys of the instance in a file that ssh reads."""
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
        """Return a tunnel, or a connection to the user's address where the VPC has no endpoint."""
        address = address_without_endpoint(self._settings, configuration["hostname"])
        with _step(Step.TUNNEL):
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
        # Only here, because only here the library is needed.
        from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import endpoint_tunnel  # noqa: PLC0415

        settings = self._settings
        with _step(Step.TUNNEL):
            check_port(port)
            address = settings["private_ip_address"] or self._instance().address_for_tunnel
            if not address:
                raise _no_address(settings["instance_id"])
            sign = partial(
                instance_connect.tunnel_url, client, endpoint, address, port, settings["max_tunnel_duration"]
            )
            return endpoint_tunnel.Tunnel(sign, self._account.ca_bundle, self._deadline())

    def _endpoint(self, use_fips: bool, *, remembers_none: bool) -> Endpoint:
        """Return the endpoint to go through. Raises NoEndpointError where the VPC has none.

        remembers_none: whether EC2 is asked once in a run also where there is none. A host that needs one asks again,
        because a task of the play may create it.
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


def direct_address(settings: Settings, hostname: str, ask: Callable[[], ec2.Instance]) -> str | None:
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
        raise _no_address(settings["instance_id"])
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


def _no_address(instance_id: str) -> ArgumentError:
    return ArgumentError(f"EC2 knows no address of {instance_id}: is it terminated?")


def _give(connection: socket.socket, ssh: socket.socket) -> None:
    """Hand a connection over to ssh."""
    with connection:
        socket.send_fds(ssh, [_ONE_BYTE], [connection.fileno()])


def ssh_configuration(command: Sequence[str]) -> dict[str, str]:
    """Return what ssh makes of its configuration: by the name of an option in small letters, the value that counts.

    command: an ssh with -G. Raises ArgumentError where it fails, and where the configuration leads ssh another way.
    """
    # The configuration may have programs to ask (Match exec), for which the ssh that connects has everything too.
    done = openssh.run(command, keeps_credentials=True)
    if done.returncode:
        raise ArgumentError(f"ssh cannot be asked for its configuration: {printable(done.stderr)}")
    configuration: dict[str, str] = {}
    for line in done.stdout.splitlines():
        # A user may have two blanks in its name.
        name, _blank, value = line.partition(" ")
        configuration.setdefault(name.lower(), value)
    for name in ("proxyjump", "proxycommand"):
        if configuration.get(name, "none") != "none":
            raise ArgumentError(
                f"The configuration of ssh has {name} {printable(configuration[name]):.{_SHOWN}} for this host, and "
                "ansible_connection: sshkeys.aws.ec2_instance_connect makes its own way to the instance. To set it "
                "aside for this connection alone, add to ansible_ssh_common_args: -o ProxyCommand=none. Or use "
                "ansible_connection: ssh with the role sshkeys.aws.ssh_access, which leaves the way to ssh."
            )
    return configuration


# Of a value of the user's in a sentence, in characters.
_SHOWN = 60
# Of a host, in characters (RFC 1035).
_LONGEST_NAME = 253
_FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}


def connect(address: str, port: int, configuration: Mapping[str, str], deadline: float) -> socket.socket:
    """Connect as ssh itself would, with its AddressFamily, BindAddress and TCPKeepAlive. Raises ArgumentError.

    deadline: on the monotonic clock.
    """
    family = _FAMILIES.get(configuration.get("addressfamily", "any"), socket.AF_UNSPEC)
    where = f"{printable(address):.{_LONGEST_NAME}} port {port}"
    failed: OSError | None = None
    try:
        found = socket.getaddrinfo(address, port, family, socket.SOCK_STREAM)
    except OSError as error:
        found, failed = [], error
    except UnicodeError as error:
        # One with a label that is empty or too long (RFC 1035), say.
        raise ArgumentError(f"{where}: This is no address.") from error
    for kind in found:
        connection = None
        try:
            # It fails for a family that the system does not have.
            connection = socket.socket(*kind[:3])
            if "bindaddress" in configuration:
                connection.bind((configuration["bindaddress"], 0))
            connection.settimeout(max(deadline - time.monotonic(), 0.001))
            connection.connect(kind[4])
        except OSError as error:
            if connection:
                connection.close()
            failed = error
            continue
        connection.settimeout(None)
        keepalive = configuration.get("tcpkeepalive", "yes") == "yes"
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, keepalive)
        return connection
    raise ArgumentError(f"{where}: {(failed.strerror if failed else None) or failed}.")
