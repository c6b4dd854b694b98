# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's instances as hosts of an inventory with the connection, and the calls that were made for them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.sshkeys.aws.tests.playbooks import Run
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab, calls_in

PLAYBOOKS = Path(__file__).parent / "connection"
OURS = "ansible_ec2_instance_connect"
Variables = Mapping[str, Any]


def instances(lab: RunningLab) -> list[dict[str, Any]]:
    """Return the instances that run and let somebody in."""
    return [each for each in lab.lab["instances"] if each["port"] and each["state"] == "running"]


def direct(lab: RunningLab, number: int) -> dict[str, Any]:
    """Return what an inventory says of an instance with a public address."""
    instance = instances(lab)[number]
    return {
        **private(lab, number),
        "placement": {"availability_zone": instance["availability_zone"], "region": lab.lab["region"]},
        "public_ip_address": instance["host"],
        "ansible_port": instance["port"],
    }


def private(lab: RunningLab, number: int) -> dict[str, Any]:
    """Return what an inventory says of an instance without a public address."""
    instance = instances(lab)[number]
    return {name: instance[name] for name in ("instance_id", "private_ip_address")}


def through_session_manager(lab: RunningLab, number: int) -> dict[str, Any]:
    """Return what an inventory says of an instance that is reached through Session Manager."""
    return {**private(lab, number), f"{OURS}_tunnel": "session_manager"}


def inventory(lab: RunningLab, *, connection: bool = True, **groups: Mapping[str, Variables]) -> dict[str, Any]:
    """Return an inventory with these groups of hosts. connection: whether a variable of all has the connection."""
    variables = {"ansible_user": instances(lab)[0]["os_user"]}
    if connection:
        variables["ansible_connection"] = "sshkeys.aws.ec2_instance_connect"
    return {"all": {"vars": variables, "children": {name: {"hosts": hosts} for name, hosts in groups.items()}}}


def public_part(lab: RunningLab) -> dict[str, Any]:
    """Return the variable ``lab`` without secrets, which a playbook may print."""
    return {"lab": {name: lab.lab[name] for name in ("control_url", "access_key", "instances")}}


def calls(lab: RunningLab, operation: str, **parameters: str) -> list[dict[str, Any]]:
    """Return the parameters of the calls of an operation that have these parameters."""
    return calls_in(lab.requests(), operation, **parameters)


def pushes(lab: RunningLab, number: int) -> list[dict[str, Any]]:
    """Return the pushes to an instance."""
    return calls(lab, "SendSSHPublicKey", InstanceId=instances(lab)[number]["instance_id"])


def tunnels(lab: RunningLab, number: int) -> list[dict[str, Any]]:
    """Return the tunnels to an instance."""
    return calls(lab, "OpenTunnel", privateIpAddress=instances(lab)[number]["private_ip_address"])


def sessions(lab: RunningLab) -> list[dict[str, Any]]:
    """Return the sessions of Session Manager since the last reset. Fails if a client has broken a rule in one."""
    found: list[dict[str, Any]] = lab.control("GET", "sessions")["sessions"]
    assert [each["violations"] for each in found] == [[] for _each in found]
    return found


def assert_copied_there_and_back(run: Run, folder: Path, host: str) -> None:
    """Fail unless ``big`` in a folder, a script that prints its checksum, went to a host and came back as it was."""
    big = (folder / "big").read_bytes()
    printed = run.of("Copy a big script there, which prints its checksum", host)["stdout"]
    assert printed.split()[0] == hashlib.sha256(big).hexdigest()
    assert (folder / f"{host}.back").read_bytes() == big


@contextmanager
def short_folder_for_sockets() -> Iterator[dict[str, str]]:
    """Return the environment with a folder for the sockets of ssh: their paths may have about a hundred bytes.

    At the end, all connections that persist are closed.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            yield {"ANSIBLE_SSH_CONTROL_PATH_DIR": folder, "ANSIBLE_PIPELINING": "true"}
        finally:
            close_masters(Path(folder))


def masters(folder: Path) -> list[Path]:
    """Return the sockets of connections that persist."""
    return [path for path in folder.iterdir() if path.is_socket()]


def close_masters(folder: Path) -> None:
    """Close all connections that persist."""
    for socket in masters(folder):
        # A relative path has no length and no character that ssh might not take.
        command = ["ssh", "-o", f"ControlPath=./{socket.name}", "-O", "exit", "nowhere"]
        subprocess.run(command, cwd=folder, capture_output=True, check=False)


def master_process(socket: Path) -> int:
    """Return the process behind the socket of a connection that persists."""
    command = ["ssh", "-o", f"ControlPath=./{socket.name}", "-O", "check", "nowhere"]
    said = subprocess.run(command, cwd=socket.parent, capture_output=True, text=True, check=True).stderr
    # It says: Master running (pid=1234).
    return int("".join(filter(str.isdecimal, said)))


def processes(home: str | None = None) -> dict[int, str]:
    """Return the command of each process that runs have started: its HOME is theirs, by default that of the test.

    A master of ssh is not among them, since it writes its title over its environment.
    """
    wanted = f"HOME={home or os.environ['HOME']}".encode()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().split(b"\0")
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            # It has ended, or is somebody else's.
            continue
        if wanted in environment:
            found[int(folder.name)] = command
    return found
