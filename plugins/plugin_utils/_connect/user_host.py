# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that a user logs in to by hand, as the arguments of its ProxyCommand describe it. Pure."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ansible_collections.sshkeys.aws.plugins.module_utils._ways import is_managed_node
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import refusals
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.host_options import (
    GLOBAL_KNOWN_HOSTS,
    SECRETS,
    HostOptions,
    RefusedError,
)
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.run_folder import PAIR, path_once
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings

_USER_KNOWN_HOSTS = "~/.ssh/known_hosts ~/.ssh/known_hosts2"


class UserHost(NamedTuple):
    """A host. All fields are text, and an empty one means unknown.

    Most fields are options of the connection. address: the one that the user has set. known_hosts: the file for the
    keys of the instance. private_key_file: the user's own key. public_key: the public half of a key in the ssh agent.
    folder: that of the user (user_folder.py). idle_timeout: seconds. written_to: the file of ssh_config that describes
    this host.
    """

    instance_id: str
    folder: str
    written_to: str
    known_hosts: str
    idle_timeout: str = "1800"
    timeout: str = "10"
    tunnel: str = "auto"
    host_keys: str = "console"
    max_tunnel_duration: str = "3600"
    region: str = ""
    profile: str = ""
    assume_role_arn: str = ""
    endpoint_url: str = ""
    availability_zone: str = ""
    private_ip_address: str = ""
    vpc_id: str = ""
    subnet_id: str = ""
    address: str = ""
    instance_connect_endpoint_id: str = ""
    instance_connect_endpoint_dns_name: str = ""
    private_key_file: str = ""
    public_key: str = ""

    def words(self) -> list[str]:
        """Return the fields as arguments of user_proxy_command.py, without those that have their default."""
        return [
            f"{name}={value}"
            for name, value in self._asdict().items()
            if name not in self._field_defaults or value != self._field_defaults[name]
        ]

    @property
    def identity_file(self) -> str:
        """The file that ssh reads the key from: of the private half, or the public half of one in the agent."""
        if self.private_key_file:
            return os.path.expanduser(self.private_key_file)
        if self.public_key:
            return path_once(self.folder, self.text_of_public_key, ".pub")
        return os.path.join(self.folder, PAIR)

    @property
    def text_of_public_key(self) -> str:
        """The content of the file with the public half of a key in the agent."""
        return f"{self.public_key.strip()}\n"

    def settings(self, user: str, port: str, collection_paths: Sequence[str]) -> Settings:
        """Return the settings of a connection. user, port: those that ssh connects with."""
        aws: Mapping[str, str] = {
            "profile": self.profile,
            "assume_role_arn": self.assume_role_arn,
            "endpoint_url": self.endpoint_url,
            "region": self.region,
        }
        return {
            "connection": f"{self.instance_id} {user} {port}",
            "instance_id": self.instance_id,
            "availability_zone": self.availability_zone or None,
            "private_ip_address": self.private_ip_address or None,
            # It may change as long as the file is in use.
            "public_ip_address": None,
            "vpc_id": self.vpc_id or None,
            "subnet_id": self.subnet_id or None,
            "host": self.address or None,
            "name": self.instance_id,
            "ssh": [],
            "configuration": {
                "user": user,
                "port": port,
                "hostname": self.instance_id,
                "userknownhostsfile": _USER_KNOWN_HOSTS,
            },
            "timeout": int(self.timeout),
            "tunnel": self.tunnel,
            "instance_connect_endpoint_id": self.instance_connect_endpoint_id or None,
            "instance_connect_endpoint_dns_name": self.instance_connect_endpoint_dns_name or None,
            "max_tunnel_duration": int(self.max_tunnel_duration),
            "host_keys": self.host_keys,
            "known_hosts": self.known_hosts,
            "global_known_hosts": list(GLOBAL_KNOWN_HOSTS),
            "public_key_file": f"{self.identity_file.removesuffix('.pub')}.pub",
            "is_key_of_the_run": not self.private_key_file and not self.public_key,
            "aws": {name: value for name, value in aws.items() if value},
            "region_source": self.written_to if self.region else None,
            "collection_paths": list(collection_paths),
            "controller": None,
        }


# Those that are taken over as they are.
_TAKEN = (
    "tunnel",
    "host_keys",
    "timeout",
    "max_tunnel_duration",
    "assume_role_arn",
    "vpc_id",
    "subnet_id",
    "instance_connect_endpoint_id",
    "instance_connect_endpoint_dns_name",
)
_PREFIX = "ansible_ec2_instance_connect"
# Of the fields whose option is set by another variable.
_VARIABLES = {
    "availability_zone": "placement",
    "address": "ansible_host",
    "private_key_file": "ansible_private_key_file",
}
# What would begin another line of a file, and what is not UTF-8.
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def of_inventory(options: HostOptions, name: str, *, known_hosts_folder: str, **fields: str) -> UserHost:
    """Return a host as an inventory describes it. Raises RefusedError.

    name: of the host there. known_hosts_folder: of the files for the keys of instances. fields: the others that a
    UserHost needs.
    """
    instance_id = options.instance_id(name)
    options.check(name)
    secrets = [secret for secret in SECRETS if options.get(secret) and not options.variable(secret)]
    if secrets:
        raise RefusedError(refusals.secrets(secrets))
    region, _source = options.region()
    from_variables = {
        option: options.get(option) for option in ("profile", "endpoint_url") if not options.variable(option)
    }
    # An instance without a public address gets none later, or is reached without it.
    is_private = options.get("private_ip_address") and not options.get("public_ip_address")
    key = str(options.get("private_key_file") or "")
    found = {
        **{option: options.get(option) for option in _TAKEN},
        **from_variables,
        "region": region,
        "availability_zone": options.availability_zone(),
        "private_ip_address": options.get("private_ip_address") if is_private else None,
        "address": options.address(name, instance_id),
        # ssh and its ProxyCommand start in any folder.
        "private_key_file": os.path.abspath(os.path.expanduser(key)) if key else None,
        # Of a file, it has a line break.
        "public_key": str(options.get("public_key") or "").strip(),
    }
    texts = {field: str(value) for field, value in found.items() if value}
    for field, text in texts.items():
        if _NO_TEXT.search(text):
            raise RefusedError(refusals.control_character(_VARIABLES.get(field, f"{_PREFIX}_{field}"), text))
    host = UserHost(
        instance_id=instance_id,
        known_hosts=os.path.join(known_hosts_folder, instance_id),
        **fields,
        **texts,
    )
    refusal = refusals.managed_node(host.settings("", "", [])) if is_managed_node(instance_id) else ""
    if refusal:
        raise RefusedError(refusal)
    return host
