# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The changelog has the version that galaxy.yml says, and is what antsibull-changelog makes of the collection."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.sshkeys.aws.tests.package.packages import STAGED, run


def read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((STAGED / name).read_text(encoding="utf-8"))
    return content


@pytest.fixture
def release() -> dict[str, Any]:
    """Return what the changelog says of the version in galaxy.yml."""
    releases = read("changelogs/changelog.yaml")["releases"]
    version = read("galaxy.yml")["version"]
    assert version in releases, f"changelogs/changelog.yaml has no {version}: see 'Release' in CONTRIBUTING.md"
    found: dict[str, Any] = releases[version]
    return found


def test_version_is_in_the_changelog(release: dict[str, Any]) -> None:
    assert release["changes"]["release_summary"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", release["release_date"])


def test_changelog_is_what_the_tool_makes_of_it(release: dict[str, Any], tmp_path: Path) -> None:
    # Fragments are about the next version. Without them a release that is there already comes out as it is.
    copy = tmp_path / "aws"
    shutil.copytree(STAGED, copy, ignore=shutil.ignore_patterns(".git", "fragments", "output"), symlinks=True)
    command = ["antsibull-changelog", "release", "--reload-plugins", "--update-existing"]
    command += ["--refresh-plugins=prevent-removal", f"--date={release['release_date']}"]
    run(command, dict(os.environ), copy)
    for name in ("changelogs/changelog.yaml", "CHANGELOG.rst"):
        assert (STAGED / name).read_text(encoding="utf-8") == (copy / name).read_text(encoding="utf-8"), name


def test_every_playbook_is_in_the_changelog() -> None:
    # antsibull-changelog finds modules, plugins and roles by itself, and no playbooks.
    listed = {
        playbook["name"]
        for release in read("changelogs/changelog.yaml")["releases"].values()
        for playbook in release.get("objects", {}).get("playbook", [])
    }
    assert {path.stem for path in STAGED.glob("playbooks/*.yml")} <= listed
