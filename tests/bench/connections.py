# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection plugin against plain ssh, on the lab's sshds: the same plays, directly and through the tunnel."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab import files
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab.lab import Lab
from measure import BenchFolder
from openings import Openings
from report import Row, Sample, ratio
from sessions import Sessions

_TASKS = 20
_TIMES = 3
# A play on one host is over in seconds, of which the one connection is a good part.
_TIMES_OF_ONE_HOST = 7
_CROWD = 100
_KINDS: dict[str, dict[str, Any]] = {"raw": {"ansible.builtin.raw": "true"}, "module": {"ansible.builtin.ping": {}}}
_WAYS = ("plain ssh", "the plugin", "through the tunnel", "through Session Manager")
# By the kind of task and the number of hosts: directly, through the tunnel, and through Session Manager.
_LIMITS = {
    ("raw", 1): (1.25, 1.3, None),
    ("raw", 10): (1.15, 1.25, None),
    ("module", 1): (1.1, 1.3, None),
    ("module", 10): (1.05, 1.1, 1.25),
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
        plays = [row for hosts in (1, 10) for kind in _KINDS for row in self._plays(hosts, kind)]
        return [
            *plays,
            self._crowd(),
            *Openings(self._place, self._lab, self._sockets).rows(),
            *Sessions(self._place, self._lab, self._sockets, self._control).rows(),
        ]

    def _plays(self, hosts: int, kind: str) -> list[Row]:
        """Measure the play of a kind in all ways, by turns, so that none has the machine when it is fast."""
        limits = {way: limit for way, limit in zip(_WAYS[1:], _LIMITS[kind, hosts], strict=True) if limit}
        seconds: dict[str, list[float]] = {way: [] for way in (_WAYS[0], *limits)}
        pushes: list[float] = []
        for _time in range(_TIMES_OF_ONE_HOST if hosts == 1 else _TIMES):
            for way, taken in seconds.items():
                self._control("DELETE", "requests")
                taken.append(self._play(hosts, kind, way))
                if way == "the plugin":
                    pushes.append(self._sent("SendSSHPublicKey"))
        samples = {way: Sample(tuple(taken)) for way, taken in seconds.items()}
        what = f"{_TASKS} {kind} tasks on {hosts} host{'s' if hosts > 1 else ''}"
        plain = ("plain ssh", samples["plain ssh"])
        return [
            *(
                ratio(f"{what}: {way}, against plain ssh", (way, samples[way]), plain, limit)
                for way, limit in limits.items()
            ),
            Row(f"{what}: pushes of the plugin", max(pushes), hosts, f"{pushes}", unit=""),
        ]

    def _crowd(self) -> Row:
        """Measure one task on many hosts, so that what counts is to open connections."""
        members = self._control("POST", "crowd", {"count": _CROWD})["instances"]
        hosts = {way: self._inventory_of([{**self._open[0], **each} for each in members], way) for way in _WAYS[:2]}
        seconds: dict[str, list[float]] = {way: [] for way in hosts}
        for _time in range(_TIMES):
            for way, inventory in hosts.items():
                with self._no_connections():
                    environment = {**self._environment, "ANSIBLE_FORKS": "50"}
                    taken = self._place.play([_task("raw")], inventory=inventory, environment=environment)
                seconds[way].append(sum(taken["raw"]))
        plain, ours = ((way, Sample(tuple(seconds[way]))) for way in _WAYS[:2])
        return ratio(f"one raw task on {_CROWD} hosts, 50 forks: the plugin, against plain ssh", ours, plain, 1.15)

    def _play(self, hosts: int, kind: str, way: str) -> float:
        """Return the seconds of all tasks, the opening of the connections among them."""
        tasks = [_task(kind) for _time in range(_TASKS)]
        with self._no_connections():
            taken = self._place.play(tasks, inventory=self._inventory(hosts, way), environment=self._environment)
        return sum(taken[kind])

    def _inventory(self, hosts: int, way: str) -> dict[str, Any]:
        return self._inventory_of(self._open[:hosts], way)

    def _inventory_of(self, instances: Sequence[Mapping[str, Any]], way: str) -> dict[str, Any]:
        names = {}
        for number, instance in enumerate(instances):
            names[f"host{number}"] = {
                "instance_id": instance["instance_id"],
                "placement": {"availability_zone": instance["availability_zone"], "region": self._lab["region"]},
                "private_ip_address": instance["private_ip_address"],
                "ansible_user": instance["os_user"],
                "host_key_alias": instance["host_key_alias"],
            }
            if way == "through Session Manager":
                names[f"host{number}"]["ansible_ec2_instance_connect_tunnel"] = "session_manager"
            elif way != "through the tunnel":
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
                # Otherwise hosts with the same address and port share a connection.
                "ansible_control_path": "%(directory)s/{{ inventory_hostname }}",
                "ansible_private_key_file": str(self._place.folder / "key"),
                "ansible_ssh_common_args": f"{self._lab['ssh_common_args']} -o HostKeyAlias={{{{ host_key_alias }}}}",
            }
        return {"all": {"vars": variables, "hosts": names}}

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
