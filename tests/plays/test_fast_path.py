# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module has a process of its own where that makes a difference, and nowhere else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.sshkeys.aws.tests.playbooks import HERE_AND_ELSEWHERE, Controller, Run
from ansible_collections.sshkeys.aws.tests.plays.fake_sudo import fake_sudo

PLAYBOOK = Path(__file__).parent / "fast_path/where.yml"
TASKS = [task for play in yaml.safe_load(PLAYBOOK.read_text(encoding="utf-8")) for task in play["tasks"]]
HERE = [task["name"] for task in TASKS if task["name"].startswith("Here: ")]
PROCESS = [task["name"] for task in TASKS if task["name"].startswith("Process: ")]
# Where an expression says that the task has not failed, whatever the module returned.
MAY_FAIL = [task["name"] for task in TASKS if {"failed_when", "loop"} & set(task)]


@pytest.fixture(scope="module")
def ran(module_controller: Controller) -> Run:
    """Run the playbook with the commands that Ansible starts."""
    password = module_controller.write("vault_password", "open sesame")
    vault = VaultLib([("default", VaultSecret(password.read_bytes()))])
    vaulted = vault.encrypt("a token of nobody").decode()
    module_controller.write(
        "vaulted.yml", "vaulted: !vault |\n" + "".join(f"  {line}\n" for line in vaulted.split("\n"))
    )
    return module_controller.run(
        PLAYBOOK,
        "-vvv",
        f"--vault-password-file={password}",
        "--extra-vars=@vaulted.yml",
        inventory=HERE_AND_ELSEWHERE,
        variables={
            "ansible_python_interpreter": "{{ python_of_task | default(ansible_playbook_python) }}",
            "fake_sudo": fake_sudo(module_controller),
            "folder": str(module_controller.folder),
            "lab": {name: module_controller.lab.lab[name] for name in ("instances", "region")},
            "public_key": module_controller.make_key("alice"),
        },
    )


def said_of(ran: Run, task: str) -> str:
    """Return what was printed of a task."""
    (said,) = (said for said in ran.output.split("TASK [") if said.startswith(f"{task}]"))
    return said


@pytest.mark.parametrize("task", HERE)
def test_a_module_runs_in_the_worker_of_its_task(ran: Run, task: str) -> None:
    assert ran.all_of(task)
    assert "EXEC " not in said_of(ran, task)


@pytest.mark.parametrize("task", PROCESS)
def test_a_module_has_a_process(ran: Run, task: str) -> None:
    assert "EXEC " in said_of(ran, task)


@pytest.mark.parametrize("task", [name for name in (*HERE, *PROCESS) if name not in MAY_FAIL])
def test_it_pushes_the_key_in_both_places(ran: Run, task: str) -> None:
    if task == "Process: asynchronous" and " " in sys.executable:
        pytest.skip("ansible-core starts no job by an interpreter with a blank in its path")
    (found,) = ran.all_of(task)
    assert found.status == "ok", found.result
    assert found.result["changed"] is True


def test_each_item_of_a_loop_has_its_own_environment(ran: Run) -> None:
    (loop,) = ran.all_of("Here: a region for each item, in the environment")
    # ansible-core 2.22 does not say of an item that it has failed.
    is_elsewhere = ["EC2InstanceNotFoundException" in item.get("msg", "") for item in loop.result["results"]]
    assert is_elsewhere == [True, False]
