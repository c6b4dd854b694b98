# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A hostile inventory: each variable of the connection holds what nobody would write there."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.tests.playbooks import Controller
from ansible_collections.sshkeys.aws.tests.plays.connection_hosts import (
    OURS,
    PLAYBOOKS,
    calls,
    direct,
    instances,
    inventory,
    private,
    short_folder_for_sockets,
)
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab

ON_A_TUNNEL = (f"{OURS}_endpoint_id", f"{OURS}_endpoint_dns_name", f"{OURS}_private_ip_address", f"{OURS}_vpc_id")
ON_THE_WAY = (
    *("instance_id", "ansible_user", "ansible_host", "availability_zone"),
    *(f"{OURS}_public_ip_address", f"{OURS}_public_key", f"{OURS}_region"),
)
NAMES = (*ON_A_TUNNEL, *ON_THE_WAY)
VALUES = {
    "newline": "a\nb",
    "trailing-newline": "a\n",
    "quotes": "a'b\"c`d",
    "command": "$(touch {file})",
    "option": "-oProxyCommand=touch {file}",
    "path": "../../../../etc/passwd",
    "nul": "a\0b",
    "escape": "\x1b[2J\x1b]0;owned\x07",
    "right-to-left": "\u202eresu",
    "look-alike": "i-0a4f3c1d2e5b69871".replace("a", "\u0430"),
    "10-MB": "A" * 10_000_000,
}
TUNNEL, WAY = (tuple(product(names, VALUES)) for names in (ON_A_TUNNEL, ON_THE_WAY))
# Two kinds for each variable, and each kind for two.
SOME = tuple((name, tuple(VALUES)[(number * 2 + more) % 11]) for number, name in enumerate(NAMES) for more in (0, 1))
# A sentence for people, whatever was put in.
LONGEST_SENTENCE = 2_000
WELL_MEANT = ("Private", "Public")


def hostile_hosts(lab: RunningLab, touched: Path, cases: tuple[tuple[str, str], ...]) -> dict[str, dict[str, Any]]:
    """Return two hosts that are well meant, and others with one hostile value each."""
    endpoint = lab.lab["instance_connect_endpoint"]
    through = {f"{OURS}_endpoint_id": endpoint["id"], f"{OURS}_endpoint_dns_name": endpoint["dns_name"]}
    public = direct(lab, 0)
    hosts: dict[str, dict[str, Any]] = {"Private": private(lab, 0), "Public": public}
    for name, kind in cases:
        value = VALUES[kind].format(file=touched)
        if name in ON_A_TUNNEL:
            more = through if name == f"{OURS}_endpoint_dns_name" else {}
            hosts[f"{name}-{kind}"] = {**private(lab, 0), f"{OURS}_tunnel": "endpoint", **more, name: value}
        else:
            is_placement = name == "availability_zone"
            hostile = {"placement": {name: value}} if is_placement else {name: value}
            hosts[f"{name}-{kind}"] = {**public, f"{OURS}_tunnel": "never", **hostile}
    return hosts | {
        "ansible_user-two-words": {**public, "ansible_user": f"{instances(lab)[0]['os_user']} b"},
        "ansible_host-nothing": {**public, "ansible_host": ""},
        "ansible_user-blank": {**public, "ansible_user": " "},
    }


def complaints(said: str) -> Iterator[str]:
    """Yield what is wrong with what a user is told."""
    # ssh says more than one line.
    if not all(line.isprintable() for line in said.replace("\r\n", "\n").split("\n")):
        yield "not printable"
    if len(said) > LONGEST_SENTENCE:
        yield "too long"
    yield from (word for word in ("Traceback", "Error:", "usage:") if word in said)


@pytest.mark.parametrize(
    "cases",
    [SOME, *(pytest.param(cases, marks=pytest.mark.exhaustive) for cases in (TUNNEL, WAY))],
    ids=["some", "all on a tunnel", "all on the way"],
)
def test_hostile_variables(controller: Controller, cases: tuple[tuple[str, str], ...]) -> None:
    """Nothing is run, no key is pushed to anything else, and each host gets a sentence."""
    lab, touched = controller.lab, controller.folder / "touched"
    hosts = hostile_hosts(lab, touched, cases)
    with short_folder_for_sockets() as environment:
        run = controller.run(
            PLAYBOOKS / "hello.yml",
            inventory=inventory(lab, hostile=hosts),
            environment={**environment, "ANSIBLE_SSH_ARGS": "-o ControlMaster=no"},
        )
    told = {each.host: each for each in run.all_of("Say hello")}
    assert told.keys() == hosts.keys()
    connected = {host for host, each in told.items() if each.status == "ok"}
    assert connected == set(WELL_MEANT)
    assert {each.status for each in told.values()} == {"ok", "unreachable"}
    wrong = {host: list(complaints(each.result.get("msg", ""))) for host, each in told.items()}
    assert {host: found for host, found in wrong.items() if found} == {}
    assert not touched.exists()
    instance = instances(lab)[0]
    pushed = {(each["InstanceId"], each["InstanceOSUser"]) for each in calls(lab, "SendSSHPublicKey")}
    assert pushed == {(instance["instance_id"], instance["os_user"])}
