# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One running lab: the services, the doors, and the files with their addresses."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from . import doors, files, seed, ssh_client
from .certificate import certificate_of_its_own
from .cloud import is_nitro
from .data_channel import DataChannels
from .front import Credentials, Front
from .http_server import HttpServer
from .transfer_servers import HOST_KEY_TYPES, IMPOSTOR
from .tunnels import Tunnels

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from .doors import Door, HostKey


class Lab:
    """A lab that runs from its construction until `stop`, or for a `with` block. A process runs one at a time."""

    def __init__(self, state: Path, lock: int) -> None:
        """Start a lab in the folder `state` and return when everything answers; raise LabError if it cannot start.

        `lock` is the descriptor that `files.claim` returned for the folder. The lab leaves it open: the end of the
        process releases the folder, not the end of the lab.
        """
        self._state = state.absolute()
        self._known_hosts: list[str] = []
        doors.check_machine()
        with ExitStack() as undo:
            self._server = HttpServer()
            undo.callback(self._server.stop)
            self._credentials = Credentials.fresh()
            self._front = Front(self._credentials)
            self._open_doors()
            opened = (self._instance_doors, self._managed_doors, self._user_doors)
            keeping = doors.Keeping([door for each in opened for door in each.values()], lock)
            undo.callback(keeping.stop)
            self._front.services.end_sessions = keeping.end_sessions
            certificate = certificate_of_its_own(self._state)
            undo.callback(self._open_endpoint(certificate).stop)
            undo.callback(self._open_data_channels(certificate).stop)
            self._server.start(self._front.answer)
            # First of all, so that no request meets a service that has stopped.
            undo.callback(self._server.stop)
            self.description: dict[str, Any] = self._describe()
            self._write_down()
            undo.callback(self._forget)
            self._undo = undo.pop_all()

    def __enter__(self) -> Self:
        """Give the running lab."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the lab."""
        self.stop()

    def stop(self) -> None:
        """Stop all processes of the lab, and return when none is left."""
        self._undo.close()

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that point AWS clients, including amazon.aws, at this lab."""
        return {
            "AWS_URL": self._server.url,
            "AWS_ENDPOINT_URL": self._server.url,
            "AWS_REGION": seed.REGION,
            "AWS_DEFAULT_REGION": seed.REGION,
            "AWS_ACCESS_KEY_ID": self._credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": self._credentials.secret_key,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CA_BUNDLE": str(self._state / "certificate.pem"),
            "LAB_STATE": str(self._state / files.LAB_FILE),
            # ssh finds a home folder in the password file, and not in HOME.
            "PATH": os.pathsep.join((str(self._state / "bin"), os.environ.get("PATH", os.defpath))),
            # Ansible asks for a terminal unless it is told not to.
            **({} if doors.can_give_terminals() else {"ANSIBLE_SSH_USETTY": "false"}),
        }

    def _open_doors(self) -> None:
        self._folder = self._state / "sshd"
        self._storage = self._state / files.STORAGE
        for old in (self._folder, self._state / "instances", self._storage):
            shutil.rmtree(old, ignore_errors=True)
        self._folder.mkdir(mode=0o700)
        self._front.services.empty_storage = self._empty_storage
        self._empty_storage()
        self._instance_doors = {
            instance.instance_id: self._instance_door(instance.instance_id)
            for instance in seed.INSTANCES
            if instance.has_sshd
        }
        self._managed_keys = {each: doors.make_host_key(self._folder / f"{each}.key") for each in seed.MANAGED_NODES}
        self._managed_doors = {each: self._managed_door(each, key) for each, key in self._managed_keys.items()}
        self._server_keys = {
            each: doors.make_host_key(self._folder / f"{seed.SERVER_ID}.{each}.key", each) for each in HOST_KEY_TYPES
        }
        self._server_keys[IMPOSTOR] = doors.make_host_key(self._folder / f"{IMPOSTOR}.key")
        self._user_doors = {name: self._user_door(name) for name in (*seed.SFTP_USERS, *seed.NEW_USERS)}
        servers = self._front.services.transfer_servers
        servers.public_lines = {each: self._server_keys[each].public_line for each in HOST_KEY_TYPES}
        servers.show = self._show_server_keys

    def _show_server_keys(self, types: Sequence[str]) -> None:
        for door in self._user_doors.values():
            doors.show_host_keys(door, [self._server_keys[each] for each in types])

    def _open_endpoint(self, certificate: Path) -> Tunnels:
        services = self._front.services
        tunnels = Tunnels(services, self._credentials, certificate, self._port_of)
        services.ec2.dns_name = tunnels.dns_name
        services.end_tunnels = tunnels.end
        return tunnels

    def _open_data_channels(self, certificate: Path) -> DataChannels:
        services = self._front.services
        services.ssm.channels = DataChannels(services, self._credentials, certificate)
        services.ssm.port_of = self._port_of_target
        return services.ssm.channels

    def _port_of_target(self, target: str) -> int | None:
        """Return the port of the sshd of an instance or a managed node; None if it has none."""
        crowd = {each.instance_id for each in self._front.services.cloud.crowd}
        wanted = seed.INSTANCES[0].instance_id if target in crowd else target
        door = self._instance_doors.get(wanted) or self._managed_doors.get(wanted)
        return door.port if door else None

    def _port_of(self, private_ip_address: str) -> int | None:
        """Return the port of the sshd of the running instance with this private address."""
        door = self._instance_doors.get(self._front.services.cloud.door_at(private_ip_address) or "")
        return door.port if door else None

    def _instance_door(self, instance_id: str) -> Door:
        host_key = doors.make_host_key(self._folder / f"{instance_id}.key")
        door = self._shell_door("instances", instance_id, host_key)
        self._front.services.ec2.boot(instance_id, host_key.public_line)
        return door

    def _managed_door(self, node_id: str, host_key: HostKey) -> Door:
        return self._shell_door("managed_nodes", node_id, host_key)

    def _shell_door(self, kind: str, name: str, host_key: HostKey) -> Door:
        keys_url = f"{self._server.url}/{kind}/{name}/authorized-keys/%u"
        home = self._state / "instances" / name
        home.mkdir(mode=0o700, parents=True)
        door = doors.open_door(name, [host_key], keys_url, doors.shell(home))
        self._know(host_key, door, name)
        return door

    def _user_door(self, name: str) -> Door:
        keys_url = f"{self._server.url}/transfer/{seed.SERVER_ID}/users/{name}/authorized-keys"
        session = doors.sftp_program(self._folder, str(self._state), seed.SERVER_ID, name)
        host_keys = [self._server_keys[each] for each in HOST_KEY_TYPES]
        door = doors.open_door(f"{seed.SERVER_ID}-{name}", host_keys, keys_url, session)
        for host_key in host_keys:
            self._know(host_key, door, seed.SERVER_ID)
        return door

    def _know(self, host_key: HostKey, door: Door, alias: str) -> None:
        self._known_hosts.append(f"[127.0.0.1]:{door.port},{alias} {host_key.public_line}\n")

    def _home(self, user_name: str) -> Path:
        return self._storage / seed.HOMES.strip("/") / user_name

    def _empty_storage(self) -> None:
        """Leave nothing in the storage but the homes of the seeded users."""
        shutil.rmtree(self._storage, ignore_errors=True)
        for name in seed.SFTP_USERS:
            self._home(name).mkdir(mode=0o700, parents=True)

    def _describe(self) -> dict[str, Any]:
        known_hosts = self._state / "known_hosts"
        settings = self._front.services.settings
        return {
            "endpoint_url": self._server.url,
            "region": seed.REGION,
            "access_key": self._credentials.access_key,
            "secret_key": self._credentials.secret_key,
            "control_url": f"{self._server.url}/lab",
            "availability_zone": seed.INSTANCES[0].availability_zone,
            "key_lifetime": settings.key_lifetime,
            "ca_bundle": str(self._state / "certificate.pem"),
            "instance_connect_endpoint": {
                "id": seed.ENDPOINT_ID,
                "dns_name": self._front.services.ec2.dns_name,
            },
            "credentials_file": str(self._state / files.CREDENTIALS_FILE),
            "environment": self.environment,
            "known_hosts": str(known_hosts),
            "ssh_common_args": ssh_client.common_args(known_hosts),
            "instances": [self._describe_instance(instance) for instance in seed.INSTANCES],
            "managed_nodes": [self._describe_managed_node(each) for each in seed.MANAGED_NODES],
            "transfer": {
                "server_id": seed.SERVER_ID,
                "empty_server": seed.EMPTY_SERVER_ID,
                "users": [self._describe_user(name) for name in (*seed.SFTP_USERS, *seed.OTHER_USERS)],
                "new_users": [self._describe_user(name) for name in seed.NEW_USERS],
                "storage": str(self._storage),
            },
        }

    def _describe_instance(self, wanted: seed.InstanceSeed) -> dict[str, Any]:
        door = self._instance_doors.get(wanted.instance_id)
        instance = self._front.services.cloud.instance(seed.REGION, wanted.instance_id)
        return {
            "instance_id": wanted.instance_id,
            "state": "running" if wanted.running else "stopped",
            "availability_zone": wanted.availability_zone,
            "os_user": doors.login_user(),
            "host": "127.0.0.1" if door else None,
            "port": door.port if door else None,
            "host_key_alias": wanted.instance_id,
            "serial_console": instance is not None and is_nitro(instance),
            "private_ip_address": instance.private_ip if instance else None,
        }

    def _describe_managed_node(self, node_id: str) -> dict[str, Any]:
        return {
            "instance_id": node_id,
            "os_user": doors.login_user(),
            "host": "127.0.0.1",
            "port": self._managed_doors[node_id].port,
            "host_key_alias": node_id,
            "host_key": self._managed_keys[node_id].public_line,
        }

    def _describe_user(self, name: str) -> dict[str, Any]:
        door = self._user_doors.get(name)
        return {
            "user_name": name,
            "host": "127.0.0.1" if door else None,
            "port": door.port if door else None,
            "login_user": doors.login_user(),
            "home": str(self._home(name)) if name in seed.SFTP_USERS else None,
        }

    def _write_down(self) -> None:
        ssh_client.write_programs(self._state)
        files.write_private(self._state / "known_hosts", "".join(self._known_hosts))
        # The shell that reads it has a PATH of its own.
        exported = {name: shlex.quote(value) for name, value in self.environment.items()}
        exported["PATH"] = f'{shlex.quote(str(self._state / "bin"))}:"$PATH"'
        exports = "".join(f"export {name}={value}\n" for name, value in exported.items())
        unset = f"unset {' '.join(files.FOREIGN_VARIABLES)}\n"
        files.write_private(self._state / files.ENVIRONMENT_FILE, unset + exports)
        files.write_private(self._state / files.CREDENTIALS_FILE, self._credentials.profile())
        files.write_private(self._state / files.LAB_FILE, json.dumps({"lab": self.description}, indent=2) + "\n")

    def _forget(self) -> None:
        for name in (files.LAB_FILE, files.ENVIRONMENT_FILE, files.CREDENTIALS_FILE):
            (self._state / name).unlink(missing_ok=True)
