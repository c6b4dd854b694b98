# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only file that uses moto, whose backends hold the lab's instances, servers and users."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from moto.core.base_backend import BackendDict
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ec2.models import ec2_backends
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.transfer.models import transfer_backends
from moto.transfer.types import ServerIdentityProviderType, ServerProtocols, UserHomeDirectoryType
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response

from . import seed
from .protocol import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moto.ec2.models.instances import Instance
    from moto.transfer.models import TransferBackend
    from moto.transfer.types import Server, User

    from .protocol import Request

STATES = ("running", "stopped", "terminated")
_ROLE = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/lab-transfer"


def is_nitro(instance: Instance) -> bool:
    """Say whether the instance's type is built on the Nitro system, from the table of types that moto ships."""
    return bool(INSTANCE_TYPES.get(instance.instance_type, {}).get("Hypervisor") == "nitro")


def set_state(instance: Instance, state: str) -> None:
    """Bring the instance into one of STATES."""
    {"running": instance.start, "stopped": instance.stop, "terminated": instance.terminate}[state]()


def set_profile(user: User, profile: Mapping[str, Any]) -> None:
    """Give a Transfer user the members of `profile`, which are those of CreateUser, and no others."""
    posix = profile.get("PosixProfile", {})
    user.home_directory = profile.get("HomeDirectory")
    user.home_directory_type = UserHomeDirectoryType(profile["HomeDirectoryType"])
    user.home_directory_mappings = [
        {name.lower(): value for name, value in mapping.items()} for mapping in profile.get("HomeDirectoryMappings", [])
    ]
    user.policy = profile.get("Policy")
    user.posix_profile = {
        "uid": posix.get("Uid"),
        "gid": posix.get("Gid"),
        "secondary_gids": posix.get("SecondaryGids"),
    }
    user.role = profile["Role"]


class Cloud:
    """One account with the seeded instances and Transfer servers in the lab's region, and nothing elsewhere."""

    def __init__(self) -> None:
        """Seed moto's backends, which the whole process shares."""
        # The lab does not need these thousands of images, and loading them takes most of the time of a reset.
        os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
        self._moto = DomainDispatcherApplication(create_backend_app)
        self.reset()

    def reset(self) -> None:
        """Empty all services and seed them again."""
        BackendDict.reset()
        self.crowd: list[seed.InstanceSeed] = []
        # moto looks through copies of all, which takes longer than all else that an sshd waits for.
        self._started: dict[str, Instance] = {}
        for number, instance in enumerate(seed.INSTANCES):
            self._run(instance, f"10.0.0.{10 + number}")
        self._open_default_group()
        self._create_server(seed.SERVER_ID)
        self._create_server(seed.EMPTY_SERVER_ID)
        for name in seed.OTHER_USERS:
            self.create_user(seed.REGION, seed.SERVER_ID, name)
        for name in seed.SFTP_USERS:
            self.create_user(seed.REGION, seed.SERVER_ID, name, home_directory=f"{seed.HOMES}/{name}")

    def instance(self, region: str, instance_id: str) -> Instance | None:
        """Return an instance in any state, or None if the region has no such instance or does not exist."""
        if region == seed.REGION and instance_id in self._started:
            return self._started[instance_id]
        backends = ec2_backends[DEFAULT_ACCOUNT_ID]
        return backends[region].get_instance_by_id(instance_id) if region in backends else None

    def start_crowd(self, count: int) -> list[seed.InstanceSeed]:
        """Run `count` more instances, behind the sshd of the first one, and return all of the crowd."""
        first = seed.INSTANCES[0]
        for number in range(len(self.crowd), len(self.crowd) + count):
            more = replace(first, instance_id=f"i-0c0d0{number:012x}")
            self._run(more, f"10.0.{1 + number // 250}.{1 + number % 250}")
            self.crowd.append(more)
        return self.crowd

    def door_at(self, private_ip_address: str) -> str | None:
        """Return the instance whose sshd is behind a private address; None if nothing runs there."""
        for wanted in (*seed.INSTANCES, *self.crowd):
            found = self.instance(seed.REGION, wanted.instance_id)
            if found and found.private_ip == private_ip_address and found.state == "running":
                return seed.INSTANCES[0].instance_id if wanted in self.crowd else wanted.instance_id
        return None

    def behind_door(self, instance_id: str) -> list[str]:
        """Return the instances behind the sshd of an instance: itself, and for the first one the crowd."""
        is_first = instance_id == seed.INSTANCES[0].instance_id
        return [instance_id, *(each.instance_id for each in self.crowd if is_first)]

    def server(self, region: str, server_id: str) -> Server | None:
        """Return a Transfer server, or None if there is none."""
        backends = transfer_backends[DEFAULT_ACCOUNT_ID]
        return backends[region].servers.get(server_id) if region in backends else None

    def servers(self, region: str) -> list[Server]:
        """Return the Transfer servers of a region."""
        backends = transfer_backends[DEFAULT_ACCOUNT_ID]
        return list(backends[region].servers.values()) if region in backends else []

    def set_identity_provider(self, region: str, server_id: str, provider: str) -> None:
        """Give an existing Transfer server an identity provider type; raise ValueError for one that AWS has not."""
        self._transfer(region).servers[server_id].identity_provider_type = ServerIdentityProviderType(provider)

    def create_user(self, region: str, server_id: str, user_name: str, *, home_directory: str | None = None) -> None:
        """Create a Transfer user on an existing server, with a role and a home of type PATH, and nothing else."""
        self._transfer(region).create_user(
            home_directory=home_directory,
            home_directory_type=UserHomeDirectoryType.PATH,
            home_directory_mappings=None,
            policy=None,
            posix_profile=None,
            role=_ROLE,
            server_id=server_id,
            ssh_public_key_body=None,
            tags=None,
            user_name=user_name,
        )

    def delete_user(self, region: str, server_id: str, user_name: str) -> None:
        """Delete an existing Transfer user."""
        self._transfer(region).delete_user(server_id, user_name)

    def delete_server(self, region: str, server_id: str) -> None:
        """Delete an existing Transfer server."""
        self._transfer(region).delete_server(server_id)

    def answer(self, request: Request) -> Answer:
        """Return moto's answer to a call for which the lab has no stricter one."""
        environ = EnvironBuilder(
            path=request.path,
            base_url=f"http://{request.headers.get('Host', 'localhost')}",
            query_string=request.query,
            method=request.method,
            headers=list(request.headers.items()),
            data=request.body,
        ).get_environ()
        response = Response.from_app(self._moto, environ, buffered=True)
        headers = {name: value for name, value in response.headers.items() if name.lower().startswith("x-amz")}
        return Answer(response.status_code, response.get_data(), response.content_type or "", headers)

    @staticmethod
    def _transfer(region: str) -> TransferBackend:
        return transfer_backends[DEFAULT_ACCOUNT_ID][region]

    def _run(self, wanted: seed.InstanceSeed, private_ip_address: str) -> None:
        # The id must be the seed's from the start, because moto attaches volumes and addresses by it.
        with patch("moto.ec2.models.instances.random_instance_id", return_value=wanted.instance_id):
            reservation = ec2_backends[DEFAULT_ACCOUNT_ID][seed.REGION].run_instances(
                image_id="ami-12c6146b",
                count=1,
                user_data=None,
                security_group_names=[],
                instance_type=wanted.instance_type,
                is_instance_type_default=False,
                placement=wanted.availability_zone,
                region_name=seed.REGION,
                tags={"instance": {"Name": f"lab-{wanted.instance_id[-4:]}"}},
            )
        self._started[wanted.instance_id] = reservation.instances[0]
        interface = reservation.instances[0].nics[0]
        # The same in every lab. The fleet is private: a test sets a public address as a variable of its host.
        interface.private_ip_address = private_ip_address
        interface.public_ip = None
        if not wanted.running:
            reservation.instances[0].stop()

    def _open_default_group(self) -> None:
        """Let the default security group in from itself, as that of a real VPC."""
        interface = self._started[seed.INSTANCES[0].instance_id].nics[0]
        backend = ec2_backends[DEFAULT_ACCOUNT_ID][seed.REGION]
        for group in interface.group_set:
            source = {"GroupId": group.id}
            backend.authorize_security_group_ingress(
                group.id, ip_protocol="-1", from_port="-1", to_port="-1", ip_ranges=[], source_groups=[source]
            )

    def _create_server(self, server_id: str) -> None:
        backend = self._transfer(seed.REGION)
        made = backend.create_server(
            certificate=None,
            domain=None,
            endpoint_details=None,
            endpoint_type=None,
            host_key="",
            identity_provider_details=None,
            identity_provider_type=ServerIdentityProviderType.SERVICE_MANAGED,
            logging_role=None,
            post_authentication_login_banner=None,
            pre_authentication_login_banner=None,
            protocols=[ServerProtocols.SFTP],
            protocol_details=None,
            security_policy_name=None,
            tags=None,
            workflow_details=None,
            structured_log_destinations=None,
            s3_storage_options=None,
        )
        server = backend.servers.pop(made)
        server.arn = server.arn.replace(made, server_id)
        server.server_id = server_id
        backend.servers[server_id] = server
