# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the broker of a run costs: processor time and memory for each connection, and the bytes that it carries.

Here ssh is run as Ansible runs it, and nothing of Ansible: a broker makes the connections.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.sshkeys.aws.plugins.module_utils._aws.ec2 import Endpoint
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.instance_connect import tunnel_url
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.signing import Signer
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import proxy_command
from botocore.credentials import Credentials
from measure import HERE, BenchFolder
from report import Row, Sample, ratio

_OPENINGS = 20
_TIMES = 3
_BIG_MB = 200
_TUNNELS = 10
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_MB = 1 << 20


class Openings:
    """A broker, and connections to the instances of a lab through it."""

    def __init__(self, place: BenchFolder, lab: Mapping[str, Any], sockets: Path) -> None:
        """lab: its description. sockets: a folder with a short path."""
        self._place, self._lab, self._sockets = place, lab, sockets
        self._open = [one for one in lab["instances"] if one["port"] and one["state"] == "running"]
        self._environment = {**place.environment, **lab["environment"]}

    def rows(self) -> list[Row]:
        """Measure."""
        with self._broker("cost") as folder:
            rows = self._processor_time(folder)
        with self._broker("memory") as folder:
            rows += self._memory(folder)
        return rows + self._big_files()

    # -- The cost of a connection --------------------------------------------------------------------------------------

    def _processor_time(self, folder: Path) -> list[Row]:
        """Measure one connection more, by turns, so that none has the machine when it is fast."""
        ways = {
            "plain ssh": self._plainly,
            "directly": self._directly,
            "endpoint": self._through_the_endpoint,
            "Session Manager": self._through_session_manager,
        }
        for way in ways.values():
            self._run(way(folder, 0))
        (broker,) = self._brokers(folder)
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for _time in range(_TIMES):
            for name, way in ways.items():
                before = self._processor_seconds(broker)
                for number in range(_OPENINGS):
                    self._run(way(folder, number % len(self._open)))
                taken[name].append((self._processor_seconds(broker) - before) / _OPENINGS)
        plain = Sample(tuple(taken["plain ssh"]))
        rows = []
        for name, limit in (("directly", 0.03), ("endpoint", 0.05), ("Session Manager", 0.06)):
            ours = Sample(tuple(taken[name]))
            sides = f"{name} {ours}; plain ssh {plain}"
            what = f"processor time of one more connection, {name}, over plain ssh"
            rows.append(Row(what, ours.median - plain.median, limit, sides, unit="s"))
        return rows

    @staticmethod
    def _processor_seconds(broker: int) -> float:
        """Return the processor time of the broker, and of all programs that have ended: ours and its own."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        fields = Path(f"/proc/{broker}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return used.ru_utime + used.ru_stime + sum(map(int, fields[11:15])) / _TICKS_A_SECOND

    # -- Memory --------------------------------------------------------------------------------------------------------

    def _memory(self, folder: Path) -> list[Row]:
        self._run(self._directly(folder, 0))
        (broker,) = self._brokers(folder)
        alone = self._resident_mb(broker)
        sockets = [self._sockets / f"m{number}" for number in range(2 * _TUNNELS)]
        with self._persistent(sockets):
            # What is loaded for the first one is not counted for each.
            self._run(self._persisting(sockets[0], self._through_the_endpoint(folder, 0)))
            first = self._resident_mb(broker)
            for number, socket in enumerate(sockets[1:]):
                self._run(self._persisting(socket, self._through_the_endpoint(folder, number % len(self._open))))
                self._run(self._over(socket, "head -c 10000000 /dev/zero"))
            each = (self._resident_mb(broker) - first) / len(sockets[1:])
        sides = f"{alone:.1f} MB alone, {first:.1f} MB with one tunnel"
        return [
            Row("memory of the broker alone", alone, 90, sides, unit="MB"),
            Row(f"memory of the broker for each of {len(sockets)} tunnels", each, 1, sides, unit="MB"),
        ]

    @staticmethod
    def _resident_mb(process: int) -> float:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
        (resident,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(resident) / 1024

    # -- Big files -----------------------------------------------------------------------------------------------------

    def _big_files(self) -> list[Row]:
        """Measure tunnels of the broker against bare pumps, one and many at once, under connections that are there."""
        big = self._place.folder / "big"
        big.write_bytes(os.urandom(_BIG_MB * _MB))
        rows = []
        for tunnels, limit in ((1, 0.9), (_TUNNELS, 0.8)):
            seconds: dict[str, list[float]] = {}
            for _time in range(_TIMES):
                with self._broker("carry") as folder:
                    ours = [self._through_the_endpoint(folder, number % len(self._open)) for number in range(tunnels)]
                    self._carry("ours", ours, big, seconds)
                bare = [self._through_a_bare_pump(number % len(self._open)) for number in range(tunnels)]
                self._carry("bare", bare, big, seconds)
            at_once = "one tunnel" if tunnels == 1 else f"{tunnels} tunnels at once"
            for way in ("up", "down"):
                ours_and_theirs = (
                    ("the broker", Sample(tuple(seconds[f"ours {way}"]))),
                    ("bare pumps", Sample(tuple(seconds[f"bare {way}"]))),
                )
                what = f"{_BIG_MB} MB {way} {at_once}, against as many bare pumps"
                rows.append(ratio(what, *ours_and_theirs, limit, is_floor=True))
        return rows

    def _carry(self, whose: str, opening: Sequence[list[str]], big: Path, seconds: dict[str, list[float]]) -> None:
        sockets = [self._sockets / f"c{number}" for number in range(len(opening))]
        size = _BIG_MB * _MB // len(sockets)
        with self._persistent(sockets):
            for socket, command in zip(sockets, opening, strict=True):
                self._run(self._persisting(socket, command))
            for way, remote in (("up", "cat > /dev/null"), ("down", f"head -c {size} {shlex.quote(str(big))}")):
                began = time.monotonic()
                with contextlib.ExitStack() as all_of_them:
                    for socket in sockets:
                        given = subprocess.Popen(["head", "-c", str(size), str(big)], stdout=subprocess.PIPE)
                        all_of_them.enter_context(given)
                        copying = subprocess.Popen(
                            self._over(socket, remote), stdin=given.stdout, stdout=subprocess.DEVNULL
                        )
                        all_of_them.enter_context(copying)
                seconds.setdefault(f"{whose} {way}", []).append(time.monotonic() - began)

    # -- ssh -----------------------------------------------------------------------------------------------------------

    def _plainly(self, _folder: Path, number: int) -> list[str]:
        instance = self._open[number]
        return self._ssh(number, ["-p", str(instance["port"])])

    def _directly(self, folder: Path, number: int) -> list[str]:
        return self._ssh(number, self._proxy(folder, number, {"public_ip_address": "127.0.0.1"}))

    def _through_the_endpoint(self, folder: Path, number: int) -> list[str]:
        return self._ssh(number, self._proxy(folder, number, {}))

    def _through_session_manager(self, folder: Path, number: int) -> list[str]:
        return self._ssh(number, self._proxy(folder, number, {"tunnel": "session_manager"}))

    def _through_a_bare_pump(self, number: int) -> list[str]:
        pump = [sys.executable, str(HERE / "bare_pump.py"), self._tunnel_url(number), self._lab["ca_bundle"]]
        return self._ssh(number, ["-o", f"ProxyCommand={shlex.join(pump).replace('%', '%%')}"])

    def _ssh(self, number: int, way: Sequence[str]) -> list[str]:
        instance = self._open[number]
        options = [*shlex.split(self._lab["ssh_common_args"]), "-o", f"HostKeyAlias={instance['instance_id']}"]
        return [
            "ssh",
            *options,
            *way,
            "-i",
            str(self._place.folder / "key"),
            f"{instance['os_user']}@127.0.0.1",
            "true",
        ]

    def _proxy(self, folder: Path, number: int, more: Mapping[str, object]) -> list[str]:
        """Return the options of ssh with which the connection plugin leads it to the broker."""
        instance = self._open[number]
        port = str(instance["port"] if "public_ip_address" in more else 22)
        login = ["-p", port, "-l", instance["os_user"]]
        settings = {
            **dict.fromkeys(("host", "vpc_id", "subnet_id", "public_ip_address", "region_source", "availability_zone")),
            **dict.fromkeys(("instance_connect_endpoint_id", "instance_connect_endpoint_dns_name")),
            "connection": f"{folder} {number} {port} {sorted(more)}",
            "instance_id": instance["instance_id"],
            "private_ip_address": instance["private_ip_address"],
            "name": instance["instance_id"],
            "ssh": ["ssh", "-F", "none", *login, "-G", instance["instance_id"]],
            "timeout": 10,
            "tunnel": "auto",
            "max_tunnel_duration": 3600,
            "host_keys": "ssh",
            "known_hosts": "",
            "global_known_hosts": [],
            "public_key_file": str(self._place.folder / "key.pub"),
            "is_key_of_the_run": False,
            "aws": {"region": self._lab["region"]},
            "collection_paths": [self._environment["ANSIBLE_COLLECTIONS_PATH"]],
            "controller": os.getpid(),
            **more,
        }
        file = folder / f"{number}-{'-'.join(more) or 'endpoint'}.json"
        file.write_text(json.dumps(settings), encoding="utf-8")
        program = [sys.executable, "-I", "-S", str(proxy_command.__file__), str(file), "broker"]
        return ["-p", port, "-o", f"ProxyCommand={shlex.join(program)}", "-o", "ProxyUseFdpass=yes"]

    def _run(self, command: Sequence[str]) -> None:
        subprocess.run(command, check=True, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    @staticmethod
    def _persisting(socket: Path, command: Sequence[str]) -> list[str]:
        return [
            command[0],
            "-C",
            "-M",
            "-S",
            str(socket),
            "-o",
            "ControlPersist=60",
            "-o",
            "LogLevel=QUIET",
            *command[1:],
        ]

    @staticmethod
    def _over(socket: Path, command: str) -> list[str]:
        return ["ssh", "-F", "none", "-S", str(socket), "nowhere", command]

    @staticmethod
    @contextlib.contextmanager
    def _persistent(sockets: Sequence[Path]) -> Iterator[None]:
        """End the connections that persist, afterwards."""
        try:
            yield
        finally:
            for socket in sockets:
                command = ["ssh", "-F", "none", "-S", str(socket), "-O", "exit", "nowhere"]
                subprocess.run(command, check=False, capture_output=True)

    @contextlib.contextmanager
    def _broker(self, name: str) -> Iterator[Path]:
        """Return a folder whose broker the first connection starts, and which ends with the folder."""
        with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=self._sockets) as folder:
            yield Path(folder)

    @staticmethod
    def _brokers(folder: Path) -> list[int]:
        found = subprocess.run(["pgrep", "-f", f"broker.py .*{folder}"], capture_output=True, text=True, check=True)
        return [int(process) for process in found.stdout.split()]

    def _tunnel_url(self, number: int) -> str:
        signer = Signer(Credentials(self._lab["access_key"], self._lab["secret_key"]), self._lab["region"])
        endpoint = Endpoint(**self._lab["instance_connect_endpoint"])
        return tunnel_url(signer, endpoint, self._open[number]["private_ip_address"], 22, 3600)
