# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is run to be measured: services, playbooks, modules, the AWS CLI and a bare client."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab.certificate import certificate_of_its_own
from service import Service, running

HERE = Path(__file__).parent
SERVER_ID = "s-01234567890abcdef"
# Known to everybody: the examples of the AWS documentation.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@dataclass(frozen=True)
class BenchFolder:
    """A folder with all that the measurements need, and the environment they run in."""

    folder: Path
    aws: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def public_key(self) -> str:
        """The key that is pushed."""
        return (self.folder / "key.pub").read_text(encoding="utf-8").strip()

    def service(
        self, *, tls: bool = False, calls_a_second: float = 0, latency: float = 0.02, has_users: bool = True
    ) -> contextlib.AbstractContextManager[Service]:
        """Run a service. has_users: whether every user of Transfer Family exists, and has the public key."""
        options = [f"--latency={latency}", f"--calls-a-second={calls_a_second}"]
        if has_users:
            options.append(f"--key-body={self.public_key}")
        if tls:
            options.append(f"--certificate={self.folder / 'service.pem'}")
        return running(*options, trust=str(self.folder / "certificate.pem") if tls else "")

    def run(
        self,
        command: Sequence[str],
        service: Service | None = None,
        given: str | None = None,
        *,
        environment: Mapping[str, str] | None = None,
    ) -> tuple[str, float]:
        """Run a command to its end. Returns what it printed, and the seconds that it took."""
        environment = {**self.environment, **(environment or {})}
        if service:
            environment["AWS_ENDPOINT_URL"] = service.address
            if service.certificate:
                environment["AWS_CA_BUNDLE"] = service.certificate
        began = time.monotonic()
        done = subprocess.run(
            command, input=given, env=environment, cwd=self.folder, capture_output=True, text=True, check=False
        )
        took = time.monotonic() - began
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
        return done.stdout, took

    def forget(self) -> None:
        """Delete the leases, so that every key is pushed."""
        for lease in (self.folder / "cache").rglob("*.lease"):
            lease.unlink()

    # -- Ansible -------------------------------------------------------------------------------------------------------

    def play(
        self,
        tasks: Sequence[Mapping[str, Any]],
        service: Service | None = None,
        *,
        hosts: int = 0,
        inventory: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> dict[str, list[float]]:
        """Run a play on the hosts of an inventory, on so many hosts that are just names, or on the controller.

        Returns the seconds of each task by its name, in order.
        """
        if hosts:
            inventory = {"all": {"hosts": {f"host{number:03d}": {"number": number} for number in range(hosts)}}}
        play = {
            "hosts": "all" if inventory else "localhost",
            "gather_facts": False,
            "vars": {"public_key": self.public_key},
            "tasks": list(tasks),
        }
        (self.folder / "play.yml").write_text(json.dumps([play]), encoding="utf-8")
        (self.folder / "hosts.json").write_text(json.dumps(inventory), encoding="utf-8")
        told = self.folder / "tasks.jsonl"
        told.unlink(missing_ok=True)
        command = ["ansible-playbook", *(["-i", "hosts.json"] if inventory else []), "play.yml"]
        environment = {"ANSIBLE_FORKS": "25", **(environment or {})}
        noting = {"BENCH_TASKS": str(told), "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins")}
        self.run(command, service, environment={**environment, **noting})
        seconds: dict[str, list[float]] = {}
        for line in told.read_text(encoding="utf-8").splitlines():
            noted = json.loads(line)
            seconds.setdefault(noted["task"], []).append(noted["seconds"])
        return seconds

    # -- Without Ansible around ----------------------------------------------------------------------------------------

    def module(self, name: str, service: Service, **options: Any) -> dict[str, Any]:
        """Run a module in a process of its own. Returns what module_process.py says of it."""
        given = json.dumps({"ANSIBLE_MODULE_ARGS": options})
        printed, _took = self.run([sys.executable, str(HERE / "module_process.py"), name], service, given)
        measured: dict[str, Any] = json.loads(printed)
        return measured

    def push(self, service: Service, targets: int, **options: Any) -> dict[str, Any]:
        """Push the key to so many instances in one call."""
        self.forget()
        return self.module(
            "ec2_instance_connect_key",
            service,
            targets=instance_ids(targets),
            os_user="ec2-user",
            public_key=self.public_key,
            **options,
        )

    def bare_client(self, service: Service, targets: int) -> float:
        """Make the calls of so many pushes, and return the seconds that they took."""
        command = [
            sys.executable,
            str(HERE / "bare_client.py"),
            service.address,
            str(targets),
            "--key",
            self.public_key,
        ]
        printed, _took = self.run([*command, f"--certificate={service.certificate}"])
        return float(printed)

    def sdk_client(self, service: Service, targets: int, mode: str) -> dict[str, Any]:
        """Make the calls of so many pushes with the SDK's own retries. Returns what sdk_client.py says of it.

        mode: "standard" or "adaptive".
        """
        command = [sys.executable, str(HERE / "sdk_client.py"), service.address, str(targets), "--key", self.public_key]
        printed, _took = self.run([*command, f"--mode={mode}"])
        measured: dict[str, Any] = json.loads(printed)
        return measured

    def aws_command(self, instance_id: str) -> list[str]:
        """Return the command of the AWS CLI that pushes the key to an instance."""
        options = {
            "instance-id": instance_id,
            "instance-os-user": "ec2-user",
            "ssh-public-key": f"file://{self.folder}/key.pub",
        }
        return [
            *(str(self.aws), "ec2-instance-connect", "send-ssh-public-key"),
            *(f"--{name}={value}" for name, value in options.items()),
        ]

    def xargs(self, service: Service, targets: int) -> float:
        """Push the key with the AWS CLI, eight processes at a time, and return the seconds that it took."""
        command = ["xargs", "-P", "8", "-I", "{}", *self.aws_command("{}")]
        _printed, took = self.run(command, service, "\n".join(instance_ids(targets)))
        return took


def instance_ids(number: int) -> list[str]:
    """Return so many ids."""
    return [f"i-{index:017x}" for index in range(number)]


@contextlib.contextmanager
def bench_folder(collections: Path, aws: Path) -> Iterator[BenchFolder]:
    """Make the folder, and delete it in the end.

    collections: where Ansible finds the collection. aws: the AWS CLI.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        folder = Path(made)
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", str(folder / "key")], check=True
        )
        _make_certificate(folder)
        yield BenchFolder(
            folder,
            aws,
            {
                **CREDENTIALS,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "HOME": str(folder),
                "XDG_CACHE_HOME": str(folder / "cache"),
                "PYTHONPATH": str(collections),
                "ANSIBLE_COLLECTIONS_PATH": str(collections),
                "ANSIBLE_LOCALHOST_WARNING": "false",
                "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
                "LC_ALL": "C.UTF-8",
            },
        )


def _make_certificate(folder: Path) -> None:
    """Write a certificate for loopback with its key, and a bundle that trusts it and all that a system trusts."""
    certificate_of_its_own(folder).rename(folder / "service.pem")
    trusted = (Path(botocore.__file__).parent / "cacert.pem").read_bytes()
    certificate = folder / "certificate.pem"
    certificate.write_bytes(trusted + b"\n" + certificate.read_bytes())
