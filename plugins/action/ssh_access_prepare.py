# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action sshkeys.aws.ssh_access_prepare, the first task of the role ssh_access. It works on the controller."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible import constants as C  # noqa: N812 - as ansible-core names it
from ansible.plugins.action import ActionBase
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.private import holds_private_key
from ansible_collections.sshkeys.aws.plugins.module_utils._push.hosts import Call, Host, HostOptions
from ansible_collections.sshkeys.aws.plugins.module_utils._spec import Spec
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.declarations import read_declarations
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.run_folder import controller
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.run_keys import RunKeys
from ansible_collections.sshkeys.aws.plugins.plugin_utils._controller_files import ControllerFiles
from ansible_collections.sshkeys.aws.plugins.plugin_utils._refusal import refusal

INSTANCE_ARGUMENTS: dict[str, Any] = {
    "instance_id": {"type": "str", "default": ""},
    "os_user": {"type": "str", "default": ""},
    "availability_zone": {"type": "str", "default": ""},
    "private_key_file": {"type": "str", "default": ""},
    "public_key": {"type": "str", "default": ""},
    "region": {"type": "str", "default": ""},
    "region_of_placement": {"type": "str", "default": ""},
    "profile": {"type": "str", "default": ""},
    "assume_role_arn": {"type": "str", "default": ""},
    "endpoint_url": {"type": "str", "default": ""},
    "min_validity": {"type": "int", "required": True},
    "concurrency": {"type": "int", "required": True},
    "pretends": {"type": "bool", "default": False},
}
ARGUMENTS: dict[str, Any] = {
    "instance": {"type": "dict", "options": INSTANCE_ARGUMENTS},
    "servers": {"type": "list", "elements": "dict"},
    "unsupported_keys": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
    "looks_for_old_keys": {"type": "bool", "default": False},
}
# Below the folder that ansible-playbook makes for itself and deletes when it ends.
FOLDER = "ssh_access"


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core has no types
    """The action ssh_access_prepare."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what is asked for a host. The result documents it."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        refused = refusal(Spec(ARGUMENTS), _without_keys(self._task.args))
        if refused:
            return refused
        _validated, asked = self.validate_argument_spec(ARGUMENTS)
        name = str(variables["inventory_hostname"])
        try:
            host = _host(name, asked["instance"]) if asked.get("instance") else None
        except ArgumentError as error:
            return {"failed": True, "msg": f"{name} cannot be opened. {error}"}
        servers = asked.get("servers")
        if host is None and servers is None:
            return {"failed": True, "msg": _NOTHING_TO_DO.format(name=name)}
        result: dict[str, Any] = {"changed": False}
        if host is not None:
            result["host"] = host.as_dict()
        if servers is not None:
            declared = read_declarations(
                servers,
                ControllerFiles(self._find_needle, variables, loader=self._loader, templar=self._templar),
                unsupported_keys=asked["unsupported_keys"],
                looks_for_old_keys=asked["looks_for_old_keys"],
            )
            result["declared"] = declared._asdict()
        return result


# Their own judges refuse a private key in these, and name the host, the server and the user.
_HOLDS_KEYS = frozenset({"public_key", "public_keys"})


def _without_keys(options: Any) -> Any:
    """Return options, at any depth, without those that hold keys."""
    if isinstance(options, Mapping):
        return {name: _without_keys(inner) for name, inner in options.items() if name not in _HOLDS_KEYS}
    if isinstance(options, (list, tuple)):
        return [_without_keys(inner) for inner in options]
    return options


_NOTHING_TO_DO = (
    "There is nothing to do for {name}: it has no instance id (ssh_access_instance_id, by default instance_id of the "
    "aws_ec2 inventory), and ssh_access_transfer_servers is empty. Set one of them."
)


def _host(name: str, options: Mapping[str, Any]) -> Host:
    """Return the host to open, whose key is there. Raises ArgumentError with all that is wrong with it."""
    fields = ("instance_id", "os_user", "availability_zone", "private_key_file", "public_key")
    instance = HostOptions(*(options[field] or "" for field in fields))
    faults = instance.faults(lambda path: os.path.isfile(os.path.expanduser(path)))
    if faults:
        raise ArgumentError(" ".join(faults))
    identity, public_key = _key(instance)
    region = options["region"] or options["region_of_placement"]
    of_aws = {"region": region, **{name: options[name] for name in ("profile", "assume_role_arn", "endpoint_url")}}
    named_by = "ssh_access_region" if options["region"] else "the variable placement" if region else ""
    call = Call(
        public_key=public_key,
        aws={option: value for option, value in of_aws.items() if value},
        region_source=named_by,
        min_validity=options["min_validity"],
        concurrency=options["concurrency"],
        is_pair_of_the_run=instance.uses_pair_of_the_run,
        pretends=options["pretends"],
    )
    return Host(name, instance.target(), call, identity)


def _key(instance: HostOptions) -> tuple[str, str]:
    """Return the path that ssh is given, and the text of the public key. Raises ArgumentError."""
    keys = RunKeys(os.path.join(C.DEFAULT_LOCAL_TMP, FOLDER), controller())
    if instance.uses_pair_of_the_run:
        keys.make_folder()
        pair = keys.pair()
        return pair, _read(f"{pair}.pub")
    file = instance.private_key_file
    public_key = instance.public_key or _read(os.path.expanduser(f"{file}.pub"))
    if holds_private_key(public_key):
        raise ArgumentError(
            f"{file}.pub is a private key, so it is not shown here. Write the public half there: ssh-keygen -y."
        )
    if file:
        return file, public_key
    keys.make_folder()
    return keys.public_key_file(public_key), public_key


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError) as error:
        raise ArgumentError(f"The public key in {path} cannot be read: {error}.") from error
