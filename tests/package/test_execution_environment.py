# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-builder finds in the installed collection what an execution environment has to have for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.sshkeys.aws.tests.package.packages import STAGED, Installation, run


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
