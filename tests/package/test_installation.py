# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tarball works for a user who has nothing else, and an execution environment gets what it needs for it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.sshkeys.aws.tests.package.packages import STAGED, Installation, run
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, line_of

# -- What Ansible finds -----------------------------------------------------------------------------------------------


def test_every_plugin_is_found_and_documented_in_the_installation(installation: Installation) -> None:
    command = ["ansible-doc", "--metadata-dump", "--no-fail-on-errors", "sshkeys.aws"]
    found = json.loads(run(command, installation.environment, installation.home))["all"]
    for kind in ("module", "connection", "filter", "lookup"):
        folder = installation.collection / "plugins" / ("modules" if kind == "module" else kind)
        ours = {path.stem: str(path) for path in folder.glob("[!_]*.py")}
        assert ours
        told = {name.rpartition(".")[2]: about["doc"]["filename"] for name, about in found[kind].items()}
        assert told == ours
    role = found["role"]["sshkeys.aws.ssh_access"]
    assert role["path"] == str(installation.collection)
    assert {"instance_connect", "transfer", "close"} <= set(role["entry_points"])


def test_a_module_of_the_installation_runs(installation: Installation) -> None:
    # Check mode sends nothing. The first task runs in its worker, the second in a process, whose file -vvv names.
    task = {
        "sshkeys.aws.ec2_instance_connect_key": {
            "instance_id": "i-0123456789abcdef0",
            "os_user": "ec2-user",
            "public_key": line_of(ed25519_blob(bytes([1]) * 32), "a key"),
            "region": "eu-central-1",
            "access_key": "AKIAIOSFODNN7EXAMPLE",
            "secret_key": "nobody's",
        },
        "check_mode": True,
    }
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": sys.executable},
        "tasks": [{**task, "name": "Here"}, {**task, "name": "Process", "vars": {"sshkeys_aws_fast_path": False}}],
    }
    (installation.home / "play.json").write_text(json.dumps([play]), encoding="utf-8")
    said = run(["ansible-playbook", "-vvv", "play.json"], installation.environment, installation.home)
    assert re.search(r"localhost +: ok=2 +changed=2 ", said), said
    here, process = said.split("TASK [Process]")
    assert "Using module file" not in here
    assert re.findall(r"Using module file (\S+)", process) == [
        str(installation.collection / "plugins/modules/ec2_instance_connect_key.py")
    ]


# -- What an execution environment gets -------------------------------------------------------------------------------


@pytest.fixture
def context(installation: Installation, tmp_path: Path) -> Path:
    """Introspect the installed collections, and return the folder with what ansible-builder has written."""
    wanted = ["--write-pip", str(tmp_path / "requirements.txt"), "--write-bindep", str(tmp_path / "bindep.txt")]
    command = ["ansible-builder", "introspect", *wanted, str(installation.collections)]
    (tmp_path / "found.yml").write_text(run(command, installation.environment, tmp_path), encoding="utf-8")
    return tmp_path


def requirements(file: Path) -> set[str]:
    """Return the requirements in a file, without what is said about them."""
    lines = (re.sub(r"(^|\s+)#.*", "", line) for line in file.read_text(encoding="utf-8").splitlines())
    return {line for line in lines if line}


def test_both_files_are_found(context: Path) -> None:
    found = yaml.safe_load((context / "found.yml").read_text(encoding="utf-8"))
    for kind in ("python", "system"):
        assert found[kind]
        assert all(line.endswith("# from collection sshkeys.aws") for line in found[kind])


def test_python_requirements_are_merged(context: Path) -> None:
    assert requirements(context / "requirements.txt") == requirements(STAGED / "meta/ee-requirements.txt")
    assert {re.split(r"\W", line)[0] for line in requirements(context / "requirements.txt")} == {
        "boto3",
        "botocore",
        "websockets",
    }


@pytest.mark.parametrize(("platform", "package"), [("rpm", "openssh-clients"), ("dpkg", "openssh-client")])
def test_system_packages_are_merged(context: Path, platform: str, package: str) -> None:
    assert f"{package} [platform:{platform}]" in requirements(context / "bindep.txt")
