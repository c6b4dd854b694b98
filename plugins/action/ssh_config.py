# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action sshkeys.aws.ssh_config: the file by which ssh reaches the hosts of an inventory by hand."""

from __future__ import annotations

import os
import pathlib
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

from ansible import (
    constants as C,  # noqa: N812 - as ansible-core names it
    context,
)
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import connection_loader
from ansible.utils.collection_loader import AnsibleCollectionConfig
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import printable, shown
from ansible_collections.sshkeys.aws.plugins.module_utils._spec import Spec
from ansible_collections.sshkeys.aws.plugins.module_utils._ssh_options import UnusablePathError
from ansible_collections.sshkeys.aws.plugins.plugin_utils import _ssh_config
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import run_folder, user_folder, user_host
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.host_options import HostOptions, RefusedError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._plain import is_template, plain
from ansible_collections.sshkeys.aws.plugins.plugin_utils._refusal import refusal

ARGUMENTS: dict[str, dict[str, Any]] = {
    "path": {"type": "path", "default": "~/.ssh/sshkeys.aws.config"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "hosts": {"type": "list", "elements": "str"},
    "idle_timeout": {"type": "int", "default": 1800},
}
_CONNECTION = "sshkeys.aws.ec2_instance_connect"
_PROGRAM = os.path.join(os.path.dirname(os.path.abspath(str(user_host.__file__))), "user_proxy_command.py")
# The collections that the programs need.
_NEEDED = (("sshkeys", "aws"), ("amazon", "aws"))


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core has no types
    """The action sshkeys.aws.ssh_config. It runs on the controller, and has no module."""

    _requires_connection = False

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what was written, and which hosts were left out. Raises AnsibleActionFail."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        refused = refusal(Spec(ARGUMENTS), self._task.args)
        if refused:
            return refused
        _validated, arguments = self.validate_argument_spec(ARGUMENTS, required_if=[("state", "present", ("hosts",))])
        arguments = plain(arguments)
        if arguments["idle_timeout"] < 1:
            raise AnsibleActionFail(f"idle_timeout is {arguments['idle_timeout']}. It must be at least 1 second.")
        path = os.path.abspath(os.path.expanduser(arguments["path"]))
        before = _read(path)
        if not _ssh_config.is_ours(before or ""):
            raise AnsibleActionFail(
                f"{path} was not written by sshkeys.aws.ssh_config, so it stays as it is. Choose another path, or "
                "delete it."
            )
        is_present = arguments["state"] == "present"
        blocks, left_out = _hosts(arguments, variables["hostvars"], path) if is_present else ([], [])
        after = _rendered(blocks) if is_present else None
        changed = before != after
        home = os.path.expanduser("~")
        # ssh takes any bytes there, in comments at least.
        config = _read(os.path.join(home, ".ssh", "config"), errors="surrogateescape") or ""
        include, included = _include(path, home), _ssh_config.is_included(config, path, home)
        if changed and not self._task.check_mode:
            _write(path, after)
        result = {
            **result,
            "changed": changed,
            "path": path,
            "hosts": [{"names": list(block.names), "instance_id": block.host.instance_id} for block in blocks],
            "left_out": left_out,
            "include": include,
            "is_included": included,
            "says": _ssh_config.says(path, blocks if is_present else None, left_out, include, included=included),
        }
        if self._task.diff:
            result["diff"] = {
                "before": before or "",
                "after": after or "",
                "before_header": path if before is not None else f"{path} (absent)",
                "after_header": path if after is not None else f"{path} (absent)",
            }
        return result


def _include(path: str, home: str) -> str:
    """Return the line for ~/.ssh/config. Raises AnsibleActionFail. path, home: as for include_line."""
    try:
        return _ssh_config.include_line(path, home)
    except UnusablePathError as error:
        raise AnsibleActionFail(f"The path {printable(path)} {error}") from None


def _read(path: str, errors: str = "strict") -> str | None:
    """Return the text of a file, None if there is none. Raises AnsibleActionFail. errors: as for open."""
    try:
        with open(path, encoding="utf-8", errors=errors) as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AnsibleActionFail(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise AnsibleActionFail(f"{path} cannot be read: it is no text in UTF-8.") from None


def _write(path: str, text: str | None) -> None:
    """Write the file, or delete it. ssh finds it whole or not at all. Raises AnsibleActionFail."""
    try:
        if text is None:
            os.unlink(path)
            return
        # The link stays if the path is one.
        path = os.path.realpath(path)
        folder = pathlib.Path(path).parent
        for missing in reversed([each for each in (folder, *folder.parents) if not each.exists()]):
            # As ssh-keygen makes ~/.ssh.
            missing.mkdir(mode=0o700, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=folder)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise AnsibleActionFail(f"{path} cannot be written: {error.strerror}.") from None


def _rendered(blocks: list[_ssh_config.HostBlock]) -> str:
    paths = [
        path
        for path in AnsibleCollectionConfig.collection_paths
        if any(os.path.isdir(os.path.join(path, "ansible_collections", *each)) for each in _NEEDED)
    ]
    try:
        return _ssh_config.render(blocks, _ssh_config.Program(sys.executable, _PROGRAM, paths))
    except UnusablePathError as error:
        raise AnsibleActionFail(f"A path for the file of ssh {error}") from None


def _hosts(
    arguments: Mapping[str, Any], hostvars: Mapping[str, Any], path: str
) -> tuple[list[_ssh_config.HostBlock], list[dict[str, str]]]:
    """Return the hosts for the file, and those that are left out, each with the reason."""
    # This defines the options of the connection, by the name of its module. It starts nothing.
    connection = connection_loader.get(_CONNECTION, class_only=True).__module__
    blocks, left_out = [], []
    # An id that is the name of another host in the inventory means that host, as in a play.
    known = set(arguments["hosts"])
    for name in sorted(known):
        if name not in hostvars:
            left_out.append({"host": name, "reason": "The inventory has no such host."})
            continue
        options = _options(connection, hostvars[name])
        try:
            host = user_host.of_inventory(
                options,
                name,
                known_hosts_folder=os.path.join(run_folder.state_folder(), "known_hosts"),
                folder=user_folder.path(),
                written_to=path,
                idle_timeout=str(arguments["idle_timeout"]),
            )
            # ansible-core looks for -u under another name than it has.
            user = options.get("remote_user") or context.CLIARGS.get("remote_user")
            port = options.get("port")
        except (AnsibleError, RefusedError) as error:
            reason = "It is this machine." if name in C.LOCALHOST else printable(error)
            left_out.append({"host": name, "reason": reason})
            continue
        refused = _ssh_config.refusal(user, port)
        if refused:
            left_out.append({"host": name, "reason": refused})
            continue
        names = [name] if _ssh_config.is_name(name) else []
        if not names:
            left_out.append(
                {"host": name, "reason": f"ssh takes no such name. Use its instance id: ssh {host.instance_id}"}
            )
        if host.instance_id not in known:
            names.append(host.instance_id)
            known.add(host.instance_id)
        if names:
            blocks.append(_ssh_config.HostBlock(names, host, user, port))
    return blocks, left_out


def _options(connection: str, variables: Mapping[str, Any]) -> HostOptions:
    """Return the options of the connection for a host. connection: the name by which ansible-core has them."""

    def value(option: str) -> Any:
        found = plain(C.config.get_config_value(option, None, "connection", connection, variables=variables))
        if is_template(found):
            raise RefusedError(f"{option} is {shown(found)}: a variable in it is undefined.")
        return found

    def environment(option: str) -> list[str]:
        defined = C.config.get_configuration_definition(option, "connection", connection) or {}
        return [entry["name"] for entry in defined.get("env") or ()]

    return HostOptions(value, environment)
