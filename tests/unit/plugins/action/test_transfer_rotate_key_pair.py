# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind the playbook's new pair, as a task runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible_collections.sshkeys.aws.plugins.action import transfer_rotate_key_pair
from ansible_collections.sshkeys.aws.plugins.modules import transfer_rotate_key_pair as documented_module
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair, runs, ssh_keygen
from ansible_collections.sshkeys.aws.tests.unit.tasks import action_of


def run(options: dict[str, Any], *, check: bool = False) -> Any:
    plugin = transfer_rotate_key_pair.ActionModule
    return action_of(plugin, "transfer_rotate_key_pair", options, check_mode=check).run(None, {})


def test_a_task_makes_a_pair(tmp_path: Path) -> None:
    options = {"path": f"{tmp_path}/key", "comment": "c"}
    foreseen = run(options, check=True)
    assert (foreseen["changed"], foreseen["public_key"]) == (True, "")
    assert list(tmp_path.iterdir()) == []
    made = run(options)
    assert made["changed"] is True
    assert made["public_key"].split() == ssh_keygen("-y", "-P", "", "-f", options["path"]).split()
    assert made["public_key"].endswith(" c")


def test_a_task_fails_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "key").touch()
    with pytest.raises(AnsibleActionFail, match=rf"^{tmp_path}/key is in the way of a new key pair"):
        run({"path": f"{tmp_path}/key"})


@pytest.mark.parametrize("option", ["path", "comment"])
def test_a_private_key_in_an_option_is_refused(tmp_path: Path, option: str) -> None:
    private = key_pair("ed25519").private
    refused = run({"path": f"{tmp_path}/key", option: private})
    assert refused["failed"] is True
    assert refused["msg"].startswith(f"{option}: It is a private key.")
    assert not runs(str(refused), 8) & runs("".join(private.splitlines()[1:-1]), 8)
    assert list(tmp_path.iterdir()) == []


def test_documented_options_are_the_arguments() -> None:
    options = yaml.safe_load(documented_module.DOCUMENTATION)["options"]
    documented = {name: {**about} for name, about in options.items()}
    for about in documented.values():
        del about["description"]
    assert documented == transfer_rotate_key_pair.ARGUMENTS
