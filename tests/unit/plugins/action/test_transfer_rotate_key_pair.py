# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind the playbook's new pair, as a task runs it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
import yaml
from ansible_collections.sshkeys.aws.plugins.action import transfer_rotate_key_pair
from ansible_collections.sshkeys.aws.plugins.modules import transfer_rotate_key_pair as documented_module
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair, runs, ssh_keygen


def run(options: dict[str, Any], *, check: bool = False) -> Any:
    command = ["ansible", "localhost", "-m", "sshkeys.aws.transfer_rotate_key_pair", "-a", json.dumps(options)]
    done = subprocess.run([*command, *(["--check"] if check else [])], capture_output=True, text=True, check=False)
    head, _arrow, tail = done.stdout.partition(" => ")
    return {"head": head, **json.loads(tail)}


def test_a_task_makes_a_pair(tmp_path: Path) -> None:
    options = {"path": f"{tmp_path}/key", "comment": "c"}
    foreseen = run(options, check=True)
    assert (foreseen["changed"], foreseen["public_key"]) == (True, "")
    assert list(tmp_path.iterdir()) == []
    made = run(options)
    assert made["changed"] is True
    assert made["public_key"].split()[:2] == ssh_keygen("-y", "-P", "", "-f", options["path"]).split()[:2]


def test_a_task_fails_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "key").touch()
    failed = run({"path": f"{tmp_path}/key"})
    assert "FAILED" in failed["head"]
    assert failed["msg"].startswith(f"{tmp_path}/key is in the way of a new key pair")


@pytest.mark.parametrize("option", ["path", "comment"])
def test_a_private_key_is_refused_and_not_shown(tmp_path: Path, option: str) -> None:
    private = key_pair("ed25519").private
    task = SimpleNamespace(args={"path": f"{tmp_path}/key", option: private}, async_val=0, check_mode=False)
    action = transfer_rotate_key_pair.ActionModule(task, Mock(), None, None, None, None)
    refused = action.run()
    assert refused["failed"]
    assert refused["msg"].startswith(f"{option}: ")
    assert not runs(str(refused), 8) & runs("".join(private.splitlines()[1:-1]), 8)
    assert list(tmp_path.iterdir()) == []


def test_documented_options_are_the_arguments() -> None:
    options = yaml.safe_load(documented_module.DOCUMENTATION)["options"]
    documented = {name: {**about} for name, about in options.items()}
    for about in documented.values():
        del about["description"]
    assert documented == transfer_rotate_key_pair.ARGUMENTS
