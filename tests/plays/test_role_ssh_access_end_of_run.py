# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key pair of a run goes with the run, whatever ends it; and a run with tags."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.tests.playbooks import Controller
from ansible_collections.sshkeys.aws.tests.plays.role_hosts import (
    PLAYBOOKS,
    inventory,
    known_hosts,
    of_instance,
    os_user,
    pushes,
)
from ansible_collections.sshkeys.aws.tests.waiting import wait_until

# One login for each connection.
SSH = {"ansible_ssh_args": "-C"}
FEWER_PROCESSES = {"ANSIBLE_PIPELINING": "true"}


@pytest.mark.parametrize(
    "number",
    # To the process that watches the run, SIGTERM is as SIGKILL.
    [signal.SIGINT, signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.exhaustive)],
    ids=lambda number: number.name,
)
def test_the_key_pair_goes_with_the_run(controller: Controller, number: signal.Signals) -> None:
    started = controller.start(
        PLAYBOOKS / "wait.yml",
        inventory=inventory(controller, {"opened": {"web": of_instance(controller.lab, 0)}}, **SSH),
        variables={"folder": str(controller.folder)},
        environment=FEWER_PROCESSES,
    )
    told = controller.folder / "open"
    wait_until(lambda: told.exists() or started.process.poll() is not None, "No host was opened.")
    assert started.process.poll() is None, started.finish().output
    private_key = Path(told.read_text(encoding="utf-8"))
    folder = private_key.parent
    assert private_key.read_text(encoding="utf-8").startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert (stat.S_IMODE(private_key.stat().st_mode), stat.S_IMODE(folder.stat().st_mode)) == (0o600, 0o700)
    if number is signal.SIGINT:
        # A Ctrl-C goes to all processes of the terminal's foreground.
        os.killpg(started.process.pid, number)
    else:
        started.process.send_signal(number)
    wait_until(lambda: not folder.exists(), f"{folder} is still there.")
    # What waits on the host outlives the run.
    (controller.folder / "never").touch()
    with contextlib.suppress(ProcessLookupError):
        # The workers of a run that was killed live on.
        os.killpg(started.process.pid, signal.SIGKILL)
    started.finish()


def test_with_tags_the_role_opens_the_host_and_closes_it(controller: Controller) -> None:
    lab = controller.lab
    host = of_instance(lab, 0, ansible_user=os_user(lab), **SSH)
    # What the inventory does not say, ansible.cfg and the environment may.
    configured = f"-F none -o UserKnownHostsFile={known_hosts(controller)}"
    run = controller.run(
        PLAYBOOKS / "tags.yml",
        "--tags",
        "work",
        inventory={"all": {"hosts": {"web": host}}},
        environment={
            **FEWER_PROCESSES,
            "ANSIBLE_SSH_COMMON_ARGS": configured,
            "ANSIBLE_PRIVATE_KEY_FILE": "/own/key",
        },
    )
    run.assert_succeeded()
    assert run.of("Log in")["ping"] == "pong"
    assert run.all_of("Do other work") == []
    assert len(pushes(lab.requests(), lab, 0)) == 1
    assert run.of("Delete the key pair of this run")["state"] == "absent"
    assert run.of("Show the connection variables")["msg"] == ["/own/key", configured]
