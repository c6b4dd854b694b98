# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-runner, the engine of automation controllers, runs a playbook with the collection that was installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ansible_runner
import pytest
import yaml
from ansible_collections.sshkeys.aws.tests.guides.guides import block_with
from ansible_collections.sshkeys.aws.tests.package.packages import STAGED, Installation
from ansible_collections.sshkeys.aws.tests.plays.connection_hosts import (
    calls,
    private,
    through_session_manager,
    tunnels,
)
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab
from ansible_collections.sshkeys.aws.tests.unit.keys import make_key_file

PLAYBOOK = "open_and_hand_out.yml"

pytestmark = pytest.mark.exhaustive


@pytest.fixture
def lab(running_lab: RunningLab) -> Mapping[str, Any]:
    """Return where everything in the lab is."""
    return running_lab.lab


def inventory(lab: Mapping[str, Any]) -> dict[str, Any]:
    """Return an inventory of the instances that one can log in to, with the variables of amazon.aws.aws_ec2."""
    fleet = {
        each["instance_id"]: {
            "ansible_host": each["host"],
            "ansible_port": each["port"],
            "ansible_user": each["os_user"],
            "instance_id": each["instance_id"],
            "placement": {"availability_zone": each["availability_zone"], "region": lab["region"]},
        }
        for each in lab["instances"]
        if each["port"] and each["state"] == "running"
    }
    variables = {"ansible_python_interpreter": sys.executable, "ansible_ssh_common_args": lab["ssh_common_args"]}
    local = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "transfer_server_id": lab["transfer"]["server_id"],
    }
    return {"all": {"hosts": {"localhost": local}, "children": {"fleet": {"hosts": fleet, "vars": variables}}}}


@pytest.fixture
def job(lab: Mapping[str, Any], tmp_path: Path) -> Path:
    """Return a private data directory, as a controller makes one for each job."""
    folder = tmp_path / "job"
    shutil.copytree(STAGED / "tests/package/controller", folder)
    for name in ("env", "inventory", "project/keys"):
        (folder / name).mkdir()
    credential = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    (folder / "env/envvars").write_text(json.dumps(credential), encoding="utf-8")
    (folder / "env/settings").write_text(json.dumps({"job_timeout": 120}), encoding="utf-8")
    (folder / "inventory/hosts.yml").write_text(yaml.safe_dump(inventory(lab)), encoding="utf-8")
    make_key_file(folder / "project/keys/partner", "partner")
    return folder


@pytest.fixture
def nothing_else(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave nothing in the environment that leads to the lab, or to another copy of the collection."""
    for name in set(os.environ) - set(installation.environment):
        monkeypatch.delenv(name)
    for name, value in installation.environment.items():
        monkeypatch.setenv(name, value)


def events(job: ansible_runner.Runner, kind: str) -> list[dict[str, Any]]:
    """Return what the job says of each event of a kind."""
    return [event["event_data"] for event in job.events if event["event"] == kind]


def test_job_runs_with_the_installed_collection(
    installation: Installation, lab: Mapping[str, Any], job: Path, nothing_else: None
) -> None:
    done = ansible_runner.run(
        private_data_dir=str(job),
        playbook=PLAYBOOK,
        quiet=True,
        verbosity=3,
        # A process of its own for each module, of which ansible-core says the file.
        extravars={"sshkeys_aws_fast_path": False},
    )
    said = done.stdout.read()
    assert (done.status, done.rc) == ("successful", 0), said

    assert events(done, "runner_on_failed") == events(done, "runner_on_unreachable") == []
    fleet = {each["instance_id"] for each in lab["instances"] if each["port"] and each["state"] == "running"}
    logins = {event["host"] for event in events(done, "runner_on_ok") if event["task"] == "Say who logged in"}
    assert logins == fleet
    (stats,) = events(done, "playbook_on_stats")
    assert set(stats["processed"]) == {"localhost", *fleet}
    assert set(stats["changed"]) == {"localhost"}

    ours = {path for path in re.findall(r"Using module file (\S+)", said) if "/sshkeys/" in path}
    assert {Path(path).parent for path in ours} == {installation.collection / "plugins/modules"}
    tasks = {event["task_path"] for event in events(done, "runner_on_ok") if "/roles/ssh_access/" in event["task_path"]}
    assert tasks
    assert {path for path in tasks if not path.startswith(f"{installation.collection}/roles/")} == set()


def test_job_reaches_private_instances_with_the_connection(
    running_lab: RunningLab, job: Path, nothing_else: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The playbook of the guide, through an endpoint and through Session Manager."""
    # An ssh that neither reads nor writes files of the user.
    monkeypatch.setenv("PATH", running_lab.environment["PATH"])
    (play,) = yaml.safe_load(block_with("- name: Work on the private fleet, from a job\n").text)
    # Facts need a name server.
    play.update(remote_user=running_lab.lab["instances"][0]["os_user"], gather_facts=False)
    (job / "project/play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    fleet = {"endpoint": private(running_lab, 0), "session": through_session_manager(running_lab, 1)}
    variables = {"ansible_python_interpreter": sys.executable}
    hosts = {"all": {"vars": variables, "children": {"aws_ec2": {"hosts": fleet}}}}
    (job / "inventory/hosts.yml").write_text(yaml.safe_dump(hosts), encoding="utf-8")
    done = ansible_runner.run(private_data_dir=str(job), playbook="play.yml", quiet=True)
    said = done.stdout.read()
    assert (done.status, done.rc) == ("successful", 0), said
    answered = {event["host"] for event in events(done, "runner_on_ok") if event["task"] == "Say who answers"}
    assert answered == set(fleet)
    assert len(tunnels(running_lab, 0)) == 1
    assert len(calls(running_lab, "StartSession")) == 1
