# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection plugin against plain ssh, on the lab's sshds: the same plays, directly and through the tunnel."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import boto3
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.ec2 import Endpoint
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.instance_connect import tunnel_url
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab import files
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab.lab import Lab
from measure import HERE, BenchFolder
from report import Row, Sample, ratio

_TASKS = 20
_TIMES = 3
# A play on one host is over in seconds, of which the one connection is a good part.
_TIMES_OF_ONE_HOST = 7
_BIG_MB = 200
_KINDS: dict[str, dict[str, Any]] = {"raw": {"ansible.builtin.raw": "true"}, "module": {"ansible.builtin.ping": {}}}
_WAYS = ("plain ssh", "the plugin", "through the tunnel")
_LIMITS = {
    ("raw", "the plugin"): 1.25,
    ("module", "the plugin"): 1.1,
    ("raw", "through the tunnel"): 1.3,
    ("module", "through the tunnel"): 1.3,
}


def _task(kind: str) -> dict[str, Any]:
    return {"name": kind, **_KINDS[kind]}


class Connections:
    """A lab whose instances take the key of the bench_folder, and what is measured in it."""

    def __init__(self, place: BenchFolder, lab: Lab, sockets: Path) -> None:
        """sockets: a folder with a short path."""
        self._place, self._lab, self._sockets = place, lab.description, sockets
        self._environment = {
            **lab.environment,
            "XDG_STATE_HOME": str(place.folder / "state"),
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(sockets),
        }
        self._open = [one for one in self._lab["instances"] if one["port"] and one["state"] == "running"]

    def rows(self) -> list[Row]:
        """Measure."""
        # Plain ssh has nobody to push for it.
        self._control("PUT", "settings", {"key_lifetime": 3600})
        for instance in self._open:
            self._push(instance)
        return [row for hosts in (1, 10) for kind in _KINDS for row in self._plays(hosts, kind)] + self._big_file()

    def _plays(self, hosts: int, kind: str) -> list[Row]:
        """Measure the play of a kind in all ways, by turns, so that none has the machine when it is fast."""
        seconds: dict[str, list[float]] = {way: [] for way in _WAYS}
        pushes: list[float] = []
        for _time in range(_TIMES_OF_ONE_HOST if hosts == 1 else _TIMES):
            for way in _WAYS:
                self._control("DELETE", "requests")
                seconds[way].append(self._play(hosts, kind, way))
                if way == "the plugin":
                    pushes.append(self._sent("SendSSHPublicKey"))
        samples = {way: Sample(tuple(taken)) for way, taken in seconds.items()}
        what = f"{_TASKS} {kind} tasks on {hosts} host{'s' if hosts > 1 else ''}"
        plain = ("plain ssh", samples["plain ssh"])
        return [
            *(
                ratio(f"{what}: {way}, against plain ssh", (way, samples[way]), plain, _LIMITS[kind, way])
                for way in _WAYS[1:]
            ),
            Row(f"{what}: pushes of the plugin", max(pushes), hosts, f"{pushes}", unit=""),
        ]

    def _play(self, hosts: int, kind: str, way: str) -> float:
        """Return the seconds of all tasks, the opening of the connections among them."""
        tasks = [_task(kind) for _time in range(_TASKS)]
        with self._no_connections():
            taken = self._place.play(tasks, inventory=self._inventory(hosts, way), environment=self._environment)
        return sum(taken[kind])

    def _inventory(self, hosts: int, way: str) -> dict[str, Any]:
        names = {}
        for number, instance in enumerate(self._open[:hosts]):
            names[f"host{number}"] = {
                "instance_id": instance["instance_id"],
                "placement": {"availability_zone": instance["availability_zone"], "region": self._lab["region"]},
                "private_ip_address": instance["private_ip_address"],
                "ansible_user": instance["os_user"],
            }
            if way != "through the tunnel":
                names[f"host{number}"].update(public_ip_address="127.0.0.1", ansible_port=instance["port"])
        variables = {
            "ansible_connection": "sshkeys.aws.ec2_instance_connect",
            "ansible_python_interpreter": sys.executable,
            "ansible_ssh_common_args": "-F none",
        }
        if way == "plain ssh":
            variables |= {
                "ansible_connection": "ssh",
                "ansible_host": "127.0.0.1",
                "ansible_private_key_file": str(self._place.folder / "key"),
                "ansible_ssh_common_args": f"{self._lab['ssh_common_args']} -o HostKeyAlias={{{{ instance_id }}}}",
            }
        return {"all": {"vars": variables, "hosts": names}}

    # -- A big file ----------------------------------------------------------------------------------------------------

    def _big_file(self) -> list[Row]:
        """Measure the tunnel of the plugin against a bare pump, both under a connection of ssh that is there."""
        ours: dict[str, list[float]] = {"up": [], "down": []}
        bare: dict[str, list[float]] = {"up": [], "down": []}
        big = self._place.folder / "big"
        big.write_bytes(os.urandom(_BIG_MB << 20))
        for _time in range(_TIMES):
            with self._no_connections():
                self._place.play(
                    [_task("raw")],
                    inventory=self._inventory(1, "through the tunnel"),
                    environment=self._environment,
                )
                (socket,) = self._sockets.iterdir()
                self._copy(big, socket, ours)
            with self._no_connections():
                socket = self._sockets / "bare"
                self._open_bare(socket)
                self._copy(big, socket, bare)
        return [
            ratio(
                f"{_BIG_MB} MB {way} the tunnel, against a bare pump",
                ("the plugin", Sample(tuple(ours[way]))),
                ("bare pump", Sample(tuple(bare[way]))),
                0.8,
                is_floor=True,
            )
            for way in ours
        ]

    def _copy(self, big: Path, socket: Path, seconds: Mapping[str, list[float]]) -> None:
        ssh = ["ssh", "-F", "none", "-S", str(socket), "nowhere"]
        with big.open("rb") as file, Path(os.devnull).open("wb") as nowhere:
            for way, command in (("up", "cat > /dev/null"), ("down", shlex.join(["cat", str(big)]))):
                began = time.monotonic()
                subprocess.run([*ssh, command], stdin=file, stdout=nowhere, check=True)
                seconds[way].append(time.monotonic() - began)

    def _open_bare(self, socket: Path) -> None:
        instance = self._open[0]
        pump = [sys.executable, str(HERE / "bare_pump.py"), self._tunnel_url(instance), self._lab["ca_bundle"]]
        options = shlex.split(self._lab["ssh_common_args"])
        options += ["-o", f"ProxyCommand={shlex.join(pump).replace('%', '%%')}", "-o", "ControlPersist=60"]
        options += ["-o", f"HostKeyAlias={instance['instance_id']}", "-i", str(self._place.folder / "key")]
        command = ["ssh", "-C", "-M", "-S", str(socket), *options, f"{instance['os_user']}@bare", "true"]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _tunnel_url(self, instance: Mapping[str, Any]) -> str:
        client = boto3.client(
            "ec2-instance-connect",
            region_name=self._lab["region"],
            aws_access_key_id=self._lab["access_key"],
            aws_secret_access_key=self._lab["secret_key"],
        )
        endpoint = Endpoint(**self._lab["instance_connect_endpoint"])
        return tunnel_url(client, endpoint, instance["private_ip_address"], 22, 3600)

    # -- The lab -------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _no_connections(self) -> Iterator[None]:
        """End all connections that persist, afterwards."""
        try:
            yield
        finally:
            for socket in self._sockets.iterdir():
                command = ["ssh", "-F", "none", "-S", str(socket), "-O", "exit", "nowhere"]
                subprocess.run(command, check=False, capture_output=True)
                socket.unlink(missing_ok=True)

    def _control(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        request = Request(
            f"{self._lab['control_url']}/{path}",
            method=method,
            data=json.dumps(body).encode() if body else None,
            headers={"X-Lab-Key": self._lab["access_key"]},
        )
        with urlopen(request) as answer:
            told: dict[str, Any] = json.load(answer)
        return told

    def _sent(self, operation: str) -> int:
        return sum(one["operation"] == operation for one in self._control("GET", "requests")["requests"])

    def _push(self, instance: Mapping[str, Any]) -> None:
        options = [
            f"--instance-id={instance['instance_id']}",
            f"--instance-os-user={instance['os_user']}",
            f"--ssh-public-key=file://{self._place.folder}/key.pub",
        ]
        command = [str(self._place.aws), "ec2-instance-connect", "send-ssh-public-key", *options]
        self._place.run(command, environment=self._environment)


def connections(place: BenchFolder) -> list[Row]:
    """Measure the connection plugin in a lab of its own."""
    state = place.folder / "lab"
    sockets = Path(tempfile.mkdtemp(prefix="b-"))
    try:
        with Lab(state, files.claim(state)) as lab:
            return Connections(place, lab, sockets).rows()
    finally:
        shutil.rmtree(sockets)
