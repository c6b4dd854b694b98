# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A play that takes longer than a key, a session or a tunnel lasts: it goes on, with a new key where it needs one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from ansible_collections.sshkeys.aws.tests.playbooks import Controller, Run
from ansible_collections.sshkeys.aws.tests.plays.connection_hosts import (
    PLAYBOOKS,
    direct,
    inventory,
    private,
    public_part,
    pushes,
    short_folder_for_sockets,
    tunnels,
)
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab

BEGIN, EXPIRED, CLOSED, REBOOTED, CUT = (
    "Begin",
    "Go on after the key has expired",
    "Go on with a new connection",
    "Go on after the reboot",
    "Go on after that",
)


@dataclass(frozen=True)
class LongPlay:
    """A run on a host with a public address, and on one without."""

    lab: RunningLab
    run: Run

    def connection(self, task: str, host: str) -> str:
        """Return by which connection a task has worked: both addresses and ports."""
        return str(self.run.of(task, host)["stdout"]).strip()


@pytest.fixture(scope="module")
def play(module_controller: Controller) -> Iterator[LongPlay]:
    controller, lab = module_controller, module_controller.lab
    hosts = inventory(lab, all_of_them={"web": direct(lab, 0), "private": private(lab, 1)})
    with short_folder_for_sockets() as environment:
        variables = {**public_part(lab), "sockets": environment["ANSIBLE_SSH_CONTROL_PATH_DIR"]}
        run = controller.run(PLAYBOOKS / "long_play.yml", inventory=hosts, variables=variables, environment=environment)
        yield LongPlay(lab, run)


def test_the_play_goes_on_to_its_end(play: LongPlay) -> None:
    play.run.assert_succeeded()


@pytest.mark.parametrize("host", ["web", "private"])
def test_an_open_connection_needs_no_key(play: LongPlay, host: str) -> None:
    assert play.connection(EXPIRED, host) == play.connection(BEGIN, host)


@pytest.mark.parametrize("host", ["web", "private"])
def test_what_closes_the_connection_closes_it(play: LongPlay, host: str) -> None:
    tasks = (BEGIN, CLOSED, REBOOTED)
    assert len({play.connection(task, host) for task in tasks}) == len(tasks)


def test_only_the_host_behind_the_endpoint_notices_when_tunnels_end(play: LongPlay) -> None:
    assert play.connection(CUT, "web") == play.connection(REBOOTED, "web")
    assert play.connection(CUT, "private") != play.connection(REBOOTED, "private")


@pytest.mark.parametrize("number", [0, 1])
def test_a_key_that_the_instance_has_lost_is_pushed_again(play: LongPlay, number: int) -> None:
    """It was accepted a moment ago by this clock, and a minute ago by that of the lab. Later ones rely on it again."""
    assert len(pushes(play.lab, number)) == 2


def test_each_connection_is_a_tunnel_of_its_own(play: LongPlay) -> None:
    assert len(tunnels(play.lab, 0)) == 0
    # One more for the connection that was refused.
    assert len(tunnels(play.lab, 1)) == 5
