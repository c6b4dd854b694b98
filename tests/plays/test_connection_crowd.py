# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many forks at the same moment: a service that throttles them, and an endpoint with fewer places than hosts."""

from __future__ import annotations

import pytest
from ansible_collections.sshkeys.aws.tests.playbooks import Controller
from ansible_collections.sshkeys.aws.tests.plays.connection_hosts import (
    PLAYBOOKS,
    calls,
    inventory,
    private,
    short_folder_for_sockets,
)


@pytest.mark.parametrize(
    ("count", "places", "throttled"),
    [(8, 4, 4), pytest.param(25, 20, 12, marks=pytest.mark.exhaustive)],
)
def test_all_of_a_crowd_are_let_in(controller: Controller, count: int, places: int, throttled: int) -> None:
    """A place is free again when the task of its host has ended, where nothing persists."""
    lab = controller.lab
    lab.control("PUT", "settings", tunnel_limit=places)
    lab.misbehave({"operation": "SendSSHPublicKey", "fault": "throttle", "times": throttled})
    hosts = {f"host{number}": {**private(lab, number % 10), "ansible_timeout": 60} for number in range(count)}
    with short_folder_for_sockets() as environment:
        run = controller.run(
            PLAYBOOKS / "hello.yml",
            inventory=inventory(lab, crowd=hosts),
            environment={**environment, "ANSIBLE_FORKS": str(count), "ANSIBLE_SSH_ARGS": "-o ControlMaster=no"},
        )
    run.assert_succeeded()
    assert len(run.all_of("Say hello")) == count
    requests = [each for each in lab.requests() if each["operation"] == "SendSSHPublicKey"]
    assert len({each["parameters"]["SSHPublicKey"] for each in requests}) == 1
    assert sum(each["fault"] is not None for each in requests) == throttled
    # Nobody gave up, and no key had to be pushed again for want of time.
    assert len(requests) == count + throttled
    assert len(calls(lab, "DescribeInstances")) <= 10
