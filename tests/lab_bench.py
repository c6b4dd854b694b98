# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test's access to the lab, and a maker of key pairs."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from ansible_collections.sshkeys.aws.tests.unit.keys import make_key_file
from ansible_collections.sshkeys.aws.tests.unit.sdk_data import plain_session
from botocore.config import Config

# Short, because some tests make calls that are never answered.
READ_TIMEOUT = 2


@dataclass(frozen=True)
class KeyPair:
    """The private key's file and the public key's line."""

    private: Path
    public: str


class Bench:
    """A test's access to the lab."""

    def __init__(self, lab: Mapping[str, Any]) -> None:
        """Work with the lab that `lab` describes, as lab.json does."""
        self.lab = lab
        self.instances: list[dict[str, Any]] = lab["instances"]
        self.server_id: str = lab["transfer"]["server_id"]
        self.client = cache(self._client)
        self._session = plain_session()

    def _client(self, service: str, region: str = "us-east-1", access_key: str | None = None) -> Any:
        return self._session.create_client(
            service,
            region_name=region,
            endpoint_url=self.lab["endpoint_url"],
            aws_access_key_id=access_key or self.lab["access_key"],
            aws_secret_access_key=self.lab["secret_key"],
            config=Config(retries={"total_max_attempts": 1}, read_timeout=READ_TIMEOUT),
        )

    def control(self, method: str, path: str, body: object = None, *, key: str | None = None) -> dict[str, Any]:
        """Call the control API and return its JSON, with the HTTP status as `status`."""
        request = Request(
            f"{self.lab['control_url']}/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-Lab-Key": key or self.lab["access_key"]},
        )
        try:
            with urlopen(request) as response:
                return {"status": response.status, **json.load(response)}
        except HTTPError as error:
            return {"status": error.code, **json.load(error)}

    def text(self, path: str) -> tuple[int, str]:
        """Get a path that needs no key; return HTTP status and text."""
        try:
            with urlopen(f"{self.lab['endpoint_url']}/{path}") as response:
                return response.status, response.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def fault(self, operation: str, fault: str, **more: object) -> None:
        """Put one fault in force."""
        answer = self.control("PUT", "faults", {"faults": [{"operation": operation, "fault": fault, **more}]})
        assert answer["status"] == HTTPStatus.OK, answer

    def push(self, public_key: str, number: int = 0, **more: object) -> dict[str, Any]:
        """Push a key to an instance for the login user of its sshd."""
        instance = self.instances[number]
        parameters = {
            "InstanceId": instance["instance_id"],
            "InstanceOSUser": instance["os_user"],
            "SSHPublicKey": public_key,
        }
        pushed: dict[str, Any] = self.client("ec2-instance-connect").send_ssh_public_key(**parameters | more)
        return pushed

    def import_key(self, public_key: str, user: str = "partner") -> str:
        """Import a key for a Transfer user and return its id."""
        imported = self.client("transfer").import_ssh_public_key(
            ServerId=self.server_id, UserName=user, SshPublicKeyBody=public_key
        )
        key_id: str = imported["SshPublicKeyId"]
        return key_id

    def ssh(self, private: Path, number: int = 0, command: str = "echo inside") -> subprocess.CompletedProcess[str]:
        """Run a command on an instance through the real ssh."""
        return subprocess.run(self.ssh_command(private, number, command), capture_output=True, text=True, check=False)

    def ssh_command(self, private: Path, number: int, command: str) -> list[str]:
        """Return the command line of `ssh` below."""
        instance = self.instances[number]
        options = [*shlex.split(self.lab["ssh_common_args"]), "-o", f"HostKeyAlias={instance['host_key_alias']}"]
        login = f"{instance['os_user']}@{instance['host']}"
        return ["ssh", *options, "-i", str(private), "-p", str(instance["port"]), login, command]

    def sftp(self, private: Path, batch: str, user: str = "partner") -> subprocess.CompletedProcess[str]:
        """Run an sftp batch as a Transfer user."""
        port, login = self.door(user)
        options = shlex.split(self.lab["ssh_common_args"])
        return subprocess.run(
            ["sftp", *options, "-i", str(private), "-P", str(port), "-b", "-", login],
            input=batch,
            capture_output=True,
            text=True,
            check=False,
        )

    def door(self, user: str) -> tuple[int, str]:
        """Return the port of the sftp server of a Transfer user, and the user and host to log in to."""
        users = (*self.lab["transfer"]["users"], *self.lab["transfer"]["new_users"])
        (door,) = (each for each in users if each["user_name"] == user)
        return door["port"], f"{door['login_user']}@{door['host']}"


class KeyMaker:
    """Makes key pairs with the real ssh-keygen."""

    def __init__(self, folder: Path) -> None:
        """Keep them in `folder`."""
        self._folder = folder
        self._made = 0

    def __call__(self, key_type: str = "ed25519", *options: str) -> KeyPair:
        """Make a new pair."""
        self._made += 1
        private = self._folder / f"key{self._made}"
        return KeyPair(private, make_key_file(private, "a key", key_type, *options))
