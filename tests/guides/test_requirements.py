# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requirements are the same wherever they are said: metadata, execution environment, ansible-doc and README."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.sshkeys.aws.plugins.connection import ec2_instance_connect
from ansible_collections.sshkeys.aws.plugins.doc_fragments._attributes import ModuleDocFragment
from ansible_collections.sshkeys.aws.tests.guides.guides import ROOT

# A name, and the lowest version: as in ">=1.28.0", "boto3 >= 1.28.0" and "boto3 1.28.0".
_LOWEST = re.compile(r"(?P<name>[\w.-]+)[` ]*(?:>= ?)?(?P<version>\d+\.\d+(?:\.\d+)?)")


def lowest(text: str) -> dict[str, str]:
    """Return the lowest version of each thing that a text names."""
    return {found["name"].lower(): found["version"] for found in _LOWEST.finditer(text)}


def read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


@cache
def readme() -> dict[str, str]:
    """Return what the README requires."""
    (section,) = re.findall(r"^## Requirements\n\n((?:- .*\n)+)", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    return lowest(section)


def execution_environment() -> dict[str, str]:
    text = (ROOT / "meta/ee-requirements.txt").read_text(encoding="utf-8")
    return lowest(re.sub(r"^#.*", "", text, flags=re.MULTILINE))


def requirements_of(documentation: str) -> dict[str, str]:
    return lowest("\n".join(yaml.safe_load(documentation)["requirements"]))


def modules_of_aws() -> list[Path]:
    found = sorted((ROOT / "plugins/modules").glob("*.py"))
    return [path for path in found if "amazon.aws.common.modules" in path.read_text(encoding="utf-8")]


def test_readme_has_every_requirement() -> None:
    assert set(readme()) == {"ansible-core", "amazon.aws", "python", "boto3", "botocore", "openssh", "websockets"}


def test_ansible_is_that_of_the_metadata() -> None:
    core = readme()["ansible-core"]
    assert read("meta/runtime.yml")["requires_ansible"] == f">={core}.0"
    assert read("roles/ssh_access/meta/main.yml")["galaxy_info"]["min_ansible_version"] == core
    assert read("galaxy.yml")["dependencies"] == {"amazon.aws": f">={readme()['amazon.aws']}"}


def test_packages_are_those_of_an_execution_environment() -> None:
    assert execution_environment() == {name: readme()[name] for name in ("boto3", "botocore", "websockets")}


def test_modules_say_the_same() -> None:
    said = requirements_of(ModuleDocFragment.SDK)
    assert said == {name: readme()[name] for name in ("python", "boto3", "botocore")}


@pytest.mark.parametrize("path", modules_of_aws(), ids=lambda path: path.stem)
def test_every_module_has_these_and_not_those_of_amazon(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "  - sshkeys.aws._attributes.sdk\n" in text
    assert "amazon.aws.boto3" not in text


def test_the_connection_says_the_same() -> None:
    said = requirements_of(ec2_instance_connect.DOCUMENTATION)
    assert said == {name: readme()[name] for name in ("boto3", "botocore", "openssh", "websockets")}


def test_the_policy_of_support_says_the_same() -> None:
    text = (ROOT / "SUPPORT.md").read_text(encoding="utf-8")
    assert f"| ansible-core | {readme()['ansible-core']} and later |" in text
    assert f"| `amazon.aws` | {readme()['amazon.aws']} and later |" in text
    assert f"| Python for modules | {readme()['python']} and later |" in text
    assert f"| boto3, botocore | {readme()['boto3']}, {readme()['botocore']} and later, " in text


def test_the_oldest_sdk_is_tested() -> None:
    text = (ROOT / "tests/requirements/core-2.18-lowest-sdk.txt").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([\w-]+)==(.*)$", text, re.MULTILINE))
    required = {name: readme()[name] for name in ("boto3", "botocore", "websockets")}
    assert {name: pinned[name] for name in required} == required
    assert pinned["ansible-core"] == f"{readme()['ansible-core']}.0"
