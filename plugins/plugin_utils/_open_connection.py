# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done for each connection to an instance, in this order: find it, push the key, know its host keys, connect.

Each step is told by its name when it fails. What EC2 says of an instance or an endpoint is asked once in a run.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypedDict

from ansible_collections.sshkeys.aws.plugins.module_utils import _api_ec2, _api_instance_connect, _client
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, SshKeysError, printable
from ansible_collections.sshkeys.aws.plugins.module_utils._instance_connect import Endpoint, Target
from ansible_collections.sshkeys.aws.plugins.module_utils._public_key import (
    judge_for_instance_connect,
    parse_public_key,
)
from ansible_collections.sshkeys.aws.plugins.plugin_utils import _host_keys
from ansible_collections.sshkeys.aws.plugins.plugin_utils._explain import Step, tell

# What is sent along with a connection: OpenSSH takes one byte (monitor_fdpass.c, mm_receive_fd).
_ONE_BYTE = b"\0"


class Settings(TypedDict):
    """What the connection plugin tells of a host. Empty and None both mean that it is not known.

    host: the address, if the user has set one; ssh: a command that prints the configuration of ssh for the host;
    timeout: seconds in which a connection is to be made; known_hosts: the file for the keys of the instance;
    public_key_file: its private half is the file of the same name without ``.pub``;
    aws: options as modules of amazon.aws take them, a secret possibly as the name of a variable of the environment;
    folder: for what must not outlive the run.
    """

    instance_id: str
    availability_zone: str | None
    private_ip_address: str | None
    public_ip_address: str | None
    vpc_id: str | None
    subnet_id: str | None
    host: str | None
    ssh: list[str]
    timeout: int
    tunnel: str
    instance_connect_endpoint_id: str | None
    instance_connect_endpoint_dns_name: str | None
    max_tunnel_duration: int
    host_keys: str
    known_hosts: str
    public_key_file: str
    aws: dict[str, Any]
    folder: str
    collection_paths: list[str]


def main(settings: Settings, settings_file: str) -> int:
    """Make a connection and hand it over to ssh, which is behind the standard output. Returns the exit status."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{settings_file}.told")
    try:
        _Opening(settings, partial(tell, settings_file)).run(socket.socket(fileno=os.dup(1)))
    except _FailedError as failure:
        tell(settings_file, failure.step, str(failure))
        return 1
    return 0


class _FailedError(Exception):
    """A step failed. ``str()`` is a sentence."""

    def __init__(self, step: Step, sentence: str) -> None:
        super().__init__(sentence)
        self.step = step


@contextlib.contextmanager
def _step(step: Step) -> Iterator[None]:
    try:
        yield
    except SshKeysError as error:
        raise _FailedError(step, str(error)) from error


class _Opening:
    """One connection that is being opened."""

    def __init__(self, settings: Settings, tell_of: Callable[[Step, str], None]) -> None:
        """tell_of: what is told of a tunnel that ends later."""
        self._settings = settings
        self._tell_of = tell_of
        self._deadline = time.monotonic() + settings["timeout"]
        self._params = _params(settings["aws"])
        self._ec2: Any = None

    def run(self, ssh: socket.socket) -> None:
        """Do all of it, and hand the connection over to ssh. Raises _FailedError."""
        with _step(Step.SET_UP):
            configuration = ssh_configuration(self._settings["ssh"])
        user, port = configuration["user"][0], int(configuration["port"][0])
        with _step(Step.PUSH):
            client = self._push(user)
        if self._settings["host_keys"] == "console":
            with _step(Step.HOST_KEYS):
                self._know_host_keys(configuration)
        with _step(Step.FIND):
            address = direct_address(self._settings, configuration["hostname"][0], self._instance)
        if address:
            with _step(Step.CONNECT):
                connection = connect(address, port, configuration, self._deadline)
            socket.send_fds(ssh, [_ONE_BYTE], [connection.fileno()])
        else:
            self._tunnel(client, port, ssh)

    # -- The instance --------------------------------------------------------------------------------------------------

    def _instance(self) -> _api_ec2.Instance:
        """Return what EC2 knows of the instance."""
        instance_id = self._settings["instance_id"]
        return _api_ec2.Instance(
            *self._once(("instance", instance_id), lambda: _api_ec2.instance(self._client(), instance_id))
        )

    def _client(self) -> Any:
        if self._ec2 is None:
            self._ec2 = _client.connect(self._params, _client.EC2)
        return self._ec2

    def _once(self, about: Sequence[str | None], ask: Callable[[], Sequence[Any]]) -> Sequence[Any]:
        """Return what EC2 says, asked by the first process of the run that needs it."""
        name = hashlib.sha256(json.dumps([self._params.get("region"), *about]).encode()).hexdigest()[:16]
        with open(os.path.join(self._settings["folder"], f"{name}.fact"), "a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            known = file.read()
            if not known:
                known = json.dumps(ask())
                file.write(known)
        found: Sequence[Any] = json.loads(known)
        return found

    # -- The key -------------------------------------------------------------------------------------------------------

    def _push(self, user: str) -> Any:
        """Push the key for a user. Returns the client."""
        settings = self._settings
        text = public_key(settings["public_key_file"])
        key = parse_public_key(text)
        judge_for_instance_connect(key)
        target = Target(settings["instance_id"], user, settings["availability_zone"])
        client = _client.connect(self._params, _client.INSTANCE_CONNECT)
        _api_instance_connect.push(client, target, key)
        return client

    # -- The host keys -------------------------------------------------------------------------------------------------

    def _know_host_keys(self, configuration: Mapping[str, Sequence[str]]) -> None:
        """Have the host keys of the instance in a file that ssh reads."""
        settings = self._settings
        files = [*configuration.get("userknownhostsfile", ()), *configuration.get("globalknownhostsfile", ())]
        if os.path.exists(settings["known_hosts"]) or _host_keys.are_known(settings["instance_id"], files):
            return
        keys = _host_keys.printed(
            partial(_api_ec2.console_output, self._client(), settings["instance_id"]),
            settings["instance_id"],
            self._deadline,
        )
        _host_keys.write(settings["known_hosts"], settings["instance_id"], keys)

    # -- The way -------------------------------------------------------------------------------------------------------

    def _tunnel(self, client: Any, port: int, ssh: socket.socket) -> None:
        """Open a tunnel, and leave a process behind that pumps what goes through it."""
        # Only here, because only here the library is needed.
        from ansible_collections.sshkeys.aws.plugins.plugin_utils import _tunnel  # noqa: PLC0415

        settings = self._settings
        with _step(Step.TUNNEL):
            address = settings["private_ip_address"] or self._instance().address_for_tunnel
            if not address:
                raise ArgumentError(f"EC2 knows no address of {settings['instance_id']}: is it terminated?")
            endpoint = self._endpoint(_client.uses_fips(client))
            sign = partial(
                _api_instance_connect.tunnel_url, client, endpoint, address, port, settings["max_tunnel_duration"]
            )
            _tunnel.hand_over(
                partial(_tunnel.open_tunnel, sign, _client.ca_bundle(self._params), self._deadline),
                lambda theirs: socket.send_fds(ssh, [_ONE_BYTE], [theirs]),
                self._tell_of,
            )

    def _endpoint(self, use_fips: bool) -> Endpoint:
        """Return the endpoint to go through."""
        settings = self._settings
        endpoint_id, dns_name = settings["instance_connect_endpoint_id"], settings["instance_connect_endpoint_dns_name"]
        if endpoint_id and dns_name:
            return Endpoint(endpoint_id, dns_name)
        vpc_id, subnet_id = settings["vpc_id"], settings["subnet_id"]
        if not endpoint_id and not vpc_id:
            instance = self._instance()
            vpc_id, subnet_id = instance.vpc_id, instance.subnet_id
        about = (endpoint_id, None if endpoint_id else vpc_id, None if endpoint_id else subnet_id)
        found = self._once(
            ("endpoint", *about, str(use_fips)), lambda: _api_ec2.endpoint(self._client(), *about, use_fips=use_fips)
        )
        return Endpoint(*found)


def direct_address(settings: Settings, hostname: str, ask: Callable[[], _api_ec2.Instance]) -> str | None:
    """Return where to connect to, None for a tunnel. What the options of the connection promise, in one place.

    hostname: what ssh would connect to. ask: returns what EC2 knows of the instance. Raises what ``ask`` does.
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
    if settings["host"]:
        return hostname
    if public or private:
        return public or private
    if hostname != settings["instance_id"]:
        return hostname
    found = ask()
    return found.public_ip_address or found.private_ip_address


def _params(aws: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of amazon.aws for _client.connect. Raises _FailedError where a role may not be assumed."""
    params = {name: os.environ.get(value["env"]) if isinstance(value, dict) else value for name, value in aws.items()}
    params = {**dict.fromkeys(("region", "profile", *_client.CREDENTIALS)), "validate_certs": True, **params}
    role = params.pop("assume_role_arn", None)
    with _step(Step.SET_UP):
        return _client.assume_role(params, role) if role else params


def ssh_configuration(command: Sequence[str]) -> dict[str, list[str]]:
    """Return what ssh makes of its configuration: the words after each option, in small letters, the first one counts.

    command: an ssh with -G. Raises ArgumentError where it fails, and where the configuration leads ssh another way.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise ArgumentError(f"ssh cannot be asked for its configuration: {printable(done.stderr)}")
    configuration: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        name, *words = line.split()
        configuration.setdefault(name.lower(), words)
    for name in ("proxyjump", "proxycommand"):
        if configuration.get(name, ["none"])[0] != "none":
            raise ArgumentError(
                f"The configuration of ssh has {name} {' '.join(configuration[name])} for this host, and "
                "ansible_connection: sshkeys.aws.ec2_instance_connect makes its own way to the instance. Set it to "
                "none for this host, or use ansible_connection: ssh with the role sshkeys.aws.ssh_access, which leaves "
                "the way to ssh."
            )
    return configuration


def public_key(file: str) -> str:
    """Return the public key in a file or, where there is none, the one of the private key beside it.

    file: the path, with ``.pub`` at its end. Raises ArgumentError.
    """
    with contextlib.suppress(FileNotFoundError), open(file, encoding="utf-8") as found:
        return found.read()
    private = file.removesuffix(".pub")
    # The empty passphrase keeps it from asking for one.
    command = ["ssh-keygen", "-y", "-P", "", "-f", private]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise ArgumentError(
            f"There is no {file}, and the public key cannot be read from {private}: {printable(done.stderr)}. Write it "
            f"beside the private key: ssh-keygen -y -f {private} > {file}"
        )
    return done.stdout


_FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}


def connect(address: str, port: int, configuration: Mapping[str, Sequence[str]], deadline: float) -> socket.socket:
    """Connect as ssh itself would, with its AddressFamily, BindAddress and TCPKeepAlive. Raises ArgumentError.

    deadline: on the monotonic clock.
    """
    family = _FAMILIES.get(configuration.get("addressfamily", ["any"])[0], socket.AF_UNSPEC)
    failed: OSError | None = None
    try:
        found = socket.getaddrinfo(address, port, family, socket.SOCK_STREAM)
    except OSError as error:
        found, failed = [], error
    for kind in found:
        connection = socket.socket(*kind[:3])
        try:
            if "bindaddress" in configuration:
                connection.bind((configuration["bindaddress"][0], 0))
            connection.settimeout(max(deadline - time.monotonic(), 0.001))
            connection.connect(kind[4])
        except OSError as error:
            connection.close()
            failed = error
            continue
        connection.settimeout(None)
        keepalive = configuration.get("tcpkeepalive", ["yes"])[0] == "yes"
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, keepalive)
        return connection
    raise ArgumentError(f"{address} port {port}: {(failed.strerror if failed else None) or failed}.")
