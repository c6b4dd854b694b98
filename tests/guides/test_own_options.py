# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-doc sorts options by name, so the modules and the connection say beforehand which of them are their own."""

from __future__ import annotations

import importlib
import re

import pytest
import yaml
from ansible_collections.sshkeys.aws.plugins import modules
from ansible_collections.sshkeys.aws.plugins.connection import ec2_instance_connect
from ansible_collections.sshkeys.aws.tests.guides.guides import ROOT

MODULES = [
    path.stem
    for path in sorted((ROOT / "plugins/modules").glob("*.py"))
    if "amazon.aws.common.modules" in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", MODULES)
def test_the_description_names_the_options_of_its_own(name: str) -> None:
    module = importlib.import_module(f"{modules.__name__}.{name}")
    assert told(module.DOCUMENTATION) == set(module.SPEC.options)


def test_so_does_that_of_the_connection() -> None:
    documentation = ec2_instance_connect.DOCUMENTATION
    assert told(documentation) == set(yaml.safe_load(documentation)["options"])


def told(documentation: str) -> set[str]:
    """Return the options that the last sentence of a description names."""
    last = yaml.safe_load(documentation)["description"][-1]
    assert last.startswith("Its own options are ")
    return set(re.findall(r"O\((\w+)\)", last))
