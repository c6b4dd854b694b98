# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action that reads users from files, as a task runs it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible.plugins.loader import lookup_loader
from ansible_collections.sshkeys.aws.plugins.action import transfer_users_files
from ansible_collections.sshkeys.aws.plugins.modules import transfer_users_files as documented_module
from ansible_collections.sshkeys.aws.plugins.plugin_utils import _controller_files
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair, runs
from ansible_collections.sshkeys.aws.tests.unit.tasks import action_of
from ansible_collections.sshkeys.aws.tests.unit.transfer_users import line

ALICE = line(1, "alice")
ROLE = "arn:aws:iam::123456789012:role/sftp"


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # Names of collections are known only where Ansible's own importer is.
    monkeypatch.setattr(
        _controller_files,
        "lookup_loader",
        SimpleNamespace(get=lambda _name, **given: lookup_loader.get("file", **given)),
    )


def run(**options: Any) -> Any:
    return action_of(transfer_users_files.ActionModule, "transfer_users_files", options).run(None, {})


def test_a_task_reads_a_file_and_a_folder(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("user_name,tags\npartner,a=b\n")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "partner.pub").write_text(f"{ALICE}\n")
    result = run(csv="users.csv", folder="keys", role_arn=ROLE, home_directory="/b/{user_name}")
    assert not result.get("failed"), result
    assert result["changed"] is False
    (partner,) = result["users"]
    assert partner["public_keys"] == [ALICE]
    assert (partner["role_arn"], partner["home_directory"], partner["tags"]) == (ROLE, "/b/partner", {"a": "b"})


def test_a_task_fails_with_all_faults(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("user_name,tags,role_arn\npartner,a,b\n")
    result = run(csv="users.csv", policy="x")
    assert result["failed"] is True
    for part in ("policy: 'x'.", "line 2, column tags: 'a'.", "line 2, column role_arn: 'b'."):
        assert part in result["msg"]


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    assert run(csv="lost.csv")["msg"].startswith("There is no file 'lost.csv' on the controller.")
    (tmp_path / "users.csv").write_bytes("user_name\npartner\n".encode("utf-16"))
    # ansible-core may refuse it before.
    assert "UTF-8" in run(csv="users.csv")["msg"]


@pytest.mark.parametrize("option", ["csv", "role_arn", "policy", "tags"])
def test_a_private_key_in_an_option_is_refused(option: str) -> None:
    private = key_pair("ed25519").private
    refused = run(**{"csv": "users.csv", option: private})
    assert refused["failed"] is True
    assert refused["msg"].startswith(f"{option}: It is a private key.")
    assert not runs(str(refused), 8) & runs("".join(private.splitlines()[1:-1]), 8)


def test_tags_and_policies_may_look_like_base64(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text(f"user_name,public_keys\npartner,{ALICE}\n")
    digest = "QyNTUxOQAAACDuwrHTAbzJVCvoS5Abz4GdimEY4L5CNOojmKEO3Jsg0wAAAJjUpYYC1KWG"
    result = run(csv="users.csv", tags={"allow_empty": digest}, policy={"csv": digest})
    assert not result.get("failed"), result
    assert result["users"][0]["tags"] == {"allow_empty": digest}


def test_documented_options_are_the_arguments() -> None:
    options = yaml.safe_load(documented_module.DOCUMENTATION)["options"]
    documented = {name: {**about} for name, about in options.items()}
    for about in documented.values():
        del about["description"]
    assert documented == transfer_users_files.ARGUMENTS
