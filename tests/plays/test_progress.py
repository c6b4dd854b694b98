# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work that takes long shows how far it is, and short work does not: for ansible-playbook and for ansible-runner."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ansible_runner
import pytest
from ansible_collections.sshkeys.aws.tests.playbooks import Controller

PLAYBOOK = Path(__file__).parent / "progress" / "push.yml"
SENTENCE = re.compile(r"sshkeys\.aws\.ec2_instance_connect_key: (\d) of (\d) done after \d+ seconds\.")
# The first word comes after five seconds. A call that is slow ends well after it.
SECONDS_OF_A_LONG_CALL = 8


@dataclass(frozen=True)
class Printed:
    """What ansible-playbook printed, and the events that ansible-runner made of the same playbook."""

    output: str
    errors: str
    events: Sequence[Mapping[str, Any]]


@pytest.fixture(scope="module")
def printed(module_controller: Controller) -> Printed:
    """Run the playbook under both, side by side. One of the calls of its second task is slow."""
    lab = module_controller.lab
    slow = {"fault": "slow", "seconds": SECONDS_OF_A_LONG_CALL, "times": None}
    match = {"InstanceOSUser": "ec2-user", "InstanceId": lab.lab["instances"][2]["instance_id"]}
    lab.misbehave({"operation": "SendSSHPublicKey", "match": match, **slow})
    variables = module_controller.write("variables.json", {"lab": lab.lab})
    # Not the one of ansible-runner, whose leases would spare it the calls.
    cache = str(module_controller.folder / "home" / "cache-of-its-own")
    with subprocess.Popen(
        ["ansible-playbook", "-e", f"@{variables}", str(PLAYBOOK)],
        env={**os.environ, "XDG_CACHE_HOME": cache, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        run: Any = ansible_runner.run(
            private_data_dir=str(module_controller.folder),
            playbook=str(PLAYBOOK),
            cmdline=f"-e @{variables}",
            quiet=True,
        )
        output, errors = process.communicate()
    assert (process.returncode, run.status) == (0, "successful"), errors
    return Printed(output, errors, list(run.events))


def test_long_work_says_how_far_it_is_on_standard_error(printed: Printed) -> None:
    """Once in these seconds. The work of two calls that take no time is as quiet as ever."""
    assert SENTENCE.findall(printed.errors) == [("2", "3")]
    assert printed.errors.count("done after") == 1


def test_a_program_can_read_what_a_callback_writes_to_standard_output(printed: Printed) -> None:
    assert json.loads(printed.output)["stats"]["localhost"]["changed"] == 2


def test_long_work_says_so_to_a_controller(printed: Printed) -> None:
    """What ansible-runner makes an event of, a controller shows in the output of the job."""
    assert [event["event"] for event in printed.events if SENTENCE.search(event["stdout"])] == ["verbose"]
