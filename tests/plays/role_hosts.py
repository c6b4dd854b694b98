# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's instances as hosts of an inventory for the role ssh_access, and the calls that were made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.sshkeys.aws.tests.playbooks import Controller
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab, calls_in
from ansible_collections.sshkeys.aws.tests.unit.keys import ssh_keygen

PLAYBOOKS = Path(__file__).parent / "role_ssh_access"
Variables = Mapping[str, Any]
Request = Mapping[str, Any]

# Positions in the lab's list of instances.
STOPPED, DEAF = 3, 4


def of_instance(lab: RunningLab, number: int, **more: object) -> dict[str, Any]:
    """Return what the aws_ec2 inventory says of an instance, and where its sshd is."""
    instance = lab.lab["instances"][number]
    return {
        "instance_id": instance["instance_id"],
        "placement": {"availability_zone": instance["availability_zone"], "region": lab.lab["region"]},
        "ansible_host": "127.0.0.1",
        # Nothing listens there.
        "ansible_port": instance["port"] or 1,
        **more,
    }


def inventory(controller: Controller, groups: Mapping[str, Mapping[str, Variables]], **more: object) -> dict[str, Any]:
    """Return an inventory with these groups of hosts. more: variables of all hosts."""
    variables = {
        "ansible_user": os_user(controller.lab),
        "ansible_ssh_common_args": f"-F none -o UserKnownHostsFile={known_hosts(controller)}",
        **more,
    }
    return {"all": {"vars": variables, "children": {name: {"hosts": hosts} for name, hosts in groups.items()}}}


def os_user(lab: RunningLab) -> str:
    """Return the user that the sshds let in."""
    return str(lab.lab["instances"][0]["os_user"])


def instance_id(lab: RunningLab, number: int) -> str:
    """Return the id of an instance."""
    return str(lab.lab["instances"][number]["instance_id"])


def known_hosts(controller: Controller) -> Path:
    """Write down the host keys by instance id only, as the role looks them up, and return the file."""
    lines = Path(controller.lab.lab["known_hosts"]).read_text(encoding="utf-8").splitlines()
    by_id = [f"{names.split(',')[-1]} {key}" for names, key in (line.split(" ", 1) for line in lines)]
    return controller.write("known_hosts", "\n".join([*by_id, ""]))


def fingerprint(controller: Controller, name: str) -> str:
    """Return the fingerprint of a key that the controller has made."""
    return ssh_keygen("-l", "-f", str(controller.folder / "keys" / f"{name}.pub")).split()[1]


def pushes(requests: Sequence[Request], lab: RunningLab, number: int) -> list[str]:
    """Return the keys that were pushed to an instance, in order."""
    found = calls_in(requests, "SendSSHPublicKey", InstanceId=instance_id(lab, number))
    return [str(each["SSHPublicKey"]) for each in found]
