# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Examples avoid what the guides warn of, wherever people copy them from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from ansible_collections.sshkeys.aws.tests.guides.examples import is_play, tasks, uses_of_roles
from ansible_collections.sshkeys.aws.tests.guides.guides import (
    Block,
    blocks,
    plugin_examples,
    readme_blocks,
    scenario_files,
)

EXAMPLES = [*blocks("yaml"), *readme_blocks("yaml"), *plugin_examples(), *scenario_files()]
PLAYBOOKS = [block for block in EXAMPLES if isinstance(yaml.safe_load(block.text), list)]

CONNECTION = "sshkeys.aws.ec2_instance_connect"
ALWAYS = ("always", ["always"])


def with_role() -> list[Block]:
    return [block for block in PLAYBOOKS if any(uses_of_roles(yaml.safe_load(block.text)))]


def variables(example: Any) -> Iterator[dict[str, Any]]:
    """Yield the variables of each play and task of an example."""
    for each in [*filter(is_play, example), *tasks(example)]:
        yield each.get("vars", {})


@pytest.mark.parametrize("block", PLAYBOOKS, ids=str)
def test_connection_of_a_play_is_a_keyword(block: Block) -> None:
    # The variable counts for a task with delegate_to: localhost too, which would then look for an instance "localhost".
    for given in variables(yaml.safe_load(block.text)):
        assert given.get("ansible_connection") != CONNECTION


def test_an_example_has_the_connection_as_a_keyword() -> None:
    plays = [play for block in PLAYBOOKS for play in yaml.safe_load(block.text)]
    assert [play for play in plays if play.get("connection") == CONNECTION]


@pytest.mark.parametrize("block", with_role(), ids=str)
def test_role_is_not_skipped_with_tags(block: Block) -> None:
    for use in uses_of_roles(yaml.safe_load(block.text)):
        assert use.keywords.get("tags") in ALWAYS
        # Only what apply has reaches the tasks of a role that is included.
        assert use.how != "include_role" or use.apply.get("tags") in ALWAYS


def test_there_are_examples_of_each_way_to_apply_the_role() -> None:
    ways = {use.how for block in with_role() for use in uses_of_roles(yaml.safe_load(block.text))}
    assert ways == {"roles", "import_role", "include_role"}


@pytest.mark.parametrize("block", EXAMPLES, ids=str)
def test_a_host_without_a_variable_does_not_end_the_play(block: Block) -> None:
    # map('extract', hostvars, 'instance_id') fails for all hosts where one does not have it.
    assert re.findall(r"map\(\s*'extract',\s*hostvars,", block.text) == []


@pytest.mark.parametrize("block", EXAMPLES, ids=str)
def test_files_are_not_joined_into_one_line(block: Block) -> None:
    # lookup() joins several results with a comma. query() makes a list of them.
    assert re.findall(r"lookup\(\s*'[\w.]*\bfile',[^,()]+,", block.text) == []
