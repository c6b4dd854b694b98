# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible takes the examples of the guides and the READMEs, and their options and variables exist."""

from __future__ import annotations

import json
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible_collections.sshkeys.aws.tests.docsite.playbook_docs import read_playbook_docs
from ansible_collections.sshkeys.aws.tests.guides.examples import action, is_play, tasks, uses_of_roles
from ansible_collections.sshkeys.aws.tests.guides.guides import (
    ROOT,
    Block,
    blocks,
    commands,
    plugin_examples,
    readme_blocks,
)

EXAMPLES = [*blocks("yaml"), *readme_blocks("yaml")]
ROLE = "sshkeys.aws.ssh_access"


def kind(example: Any) -> str:
    """Return what an example is.

    It is plays, tasks, keywords of a play, an inventory, requirements, an execution environment, a workflow or
    variables.
    """
    if isinstance(example, list):
        return "plays" if all("hosts" in each for each in example) else "tasks"
    for name, mark in {
        "inventory plugin": "plugin",
        "inventory": "all",
        "requirements": "collections",
        "execution environment": "images",
        "workflow": "jobs",
        "keywords": "module_defaults",
    }.items():
        if mark in example:
            return name
    return "variables"


def of_kind(*kinds: str) -> list[Block]:
    return [block for block in EXAMPLES if kind(yaml.safe_load(block.text)) in kinds]


@cache
def documented(plugin_type: str, *names: str) -> dict[str, frozenset[str]]:
    """Return the names of the options of plugins, aliases too, as ansible-doc has them."""
    command = ["ansible-doc", "--json", "--type", plugin_type, *names]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {
        name: frozenset(
            spelling
            for option, details in plugin["doc"].get("options", {}).items()
            for spelling in (option, *details.get("aliases", []))
        )
        for name, plugin in json.loads(done.stdout).items()
    }


@cache
def entry_points() -> dict[str, Any]:
    path = ROOT / "roles/ssh_access/meta/argument_specs.yml"
    entries: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]
    return entries


def variables_of(playbook: str) -> set[str]:
    """Return the names of the variables that a playbook documents."""
    text = (ROOT / f"playbooks/{playbook}.yml").read_text(encoding="utf-8")
    return {option.name for option in read_playbook_docs(playbook, text).options}


def check_nested(given: Any, spec: dict[str, Any]) -> None:
    """Check the dicts inside a variable of the role against its argument spec."""
    if "options" in spec:
        for each in given:
            assert set(each) <= set(spec["options"])
            for name, inner in each.items():
                check_nested(inner, spec["options"][name])


def check_variables_of_role(variables: dict[str, Any], entry_point: str) -> None:
    options = entry_points()[entry_point]["options"]
    ours = {name: value for name, value in variables.items() if name.startswith("ssh_access_")}
    assert set(ours) <= set(options)
    for name, value in ours.items():
        check_nested(value, options[name])


def test_each_kind_of_example_is_there() -> None:
    assert {kind(yaml.safe_load(block.text)) for block in EXAMPLES} == {
        "plays",
        "tasks",
        "inventory plugin",
        "inventory",
        "requirements",
        "execution environment",
        "workflow",
        "keywords",
        "variables",
    }


def playbooks() -> list[Block]:
    """Return the examples that are plays or tasks, those of the plugins too."""
    of_plugins = [block for block in plugin_examples() if kind(yaml.safe_load(block.text)) in {"plays", "tasks"}]
    return [*of_kind("plays", "tasks"), *of_plugins]


def as_plays(block: Block) -> str:
    """Return an example as a playbook of its own."""
    example = yaml.safe_load(block.text)
    # The examples of a module may have both.
    loose = [each for each in example if not is_play(each)]
    play = {"name": "Check an example", "hosts": "localhost", "gather_facts": False, "tasks": loose}
    return yaml.safe_dump([*filter(is_play, example), *([play] if loose else [])], sort_keys=False)


def test_ansible_takes_the_syntax(tmp_path: Path) -> None:
    examples = playbooks()
    for block in examples:
        name = str(block).replace("/", "-")
        (tmp_path / f"{name}.yml").write_text(as_plays(block), encoding="utf-8")
    names = sorted(path.name for path in tmp_path.iterdir())
    command = ["ansible-playbook", "--syntax-check", "--inventory", "localhost,", *names]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("playbook: ") == len(examples)


def test_modules_have_the_options() -> None:
    used = [(block, *action(task)) for block in playbooks() for task in tasks(yaml.safe_load(block.text))]
    assert [name for _block, name, _given in used if not re.fullmatch(r"\w+\.\w+\.\w+", name)] == []
    options = documented("module", *sorted({name for _block, name, _given in used}))
    for block, name, given in used:
        # set_fact takes any name.
        if isinstance(given, dict) and name != "ansible.builtin.set_fact":
            assert set(given) <= options[name], f"{block}: {name}"


@pytest.mark.parametrize("block", playbooks(), ids=str)
def test_roles_have_the_variables(block: Block) -> None:
    for use in uses_of_roles(yaml.safe_load(block.text)):
        assert use.role == ROLE
        check_variables_of_role(use.keywords.get("vars", {}), use.entry_point)


@pytest.mark.parametrize("block", of_kind("variables"), ids=str)
def test_variables_are_those_of_the_role_or_of_a_playbook(block: Block) -> None:
    given = yaml.safe_load(block.text)
    if all(name.startswith("transfer_users_") for name in given):
        assert set(given) <= variables_of("transfer_users")
        return
    check_variables_of_role(given, "main")
    assert all(name.startswith("ssh_access_") for name in given)


@pytest.mark.parametrize("block", of_kind("inventory plugin"), ids=str)
def test_inventory_plugins_have_the_options(block: Block) -> None:
    example = yaml.safe_load(block.text)
    name = example.pop("plugin")
    assert set(example) <= documented("inventory", name)[name]


@pytest.mark.parametrize("block", of_kind("inventory"), ids=str)
def test_inventories_have_hosts(block: Block, tmp_path: Path) -> None:
    path = tmp_path / "inventory.yml"
    path.write_text(block.text, encoding="utf-8")
    assert InventoryManager(loader=DataLoader(), sources=[str(path)]).get_hosts()


@pytest.mark.parametrize("block", of_kind("requirements"), ids=str)
def test_requirements_name_this_collection(block: Block) -> None:
    assert [each["name"] for each in yaml.safe_load(block.text)["collections"]] == ["sshkeys.aws"]


@pytest.mark.parametrize("block", of_kind("execution environment"), ids=str)
def test_ansible_builder_takes_the_execution_environment(block: Block, tmp_path: Path) -> None:
    definition = tmp_path / "execution-environment.yml"
    definition.write_text(block.text, encoding="utf-8")
    context = tmp_path / "context"
    command = ["ansible-builder", "create", "--file", str(definition), "--context", str(context)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    required = yaml.safe_load((context / "_build/requirements.yml").read_text(encoding="utf-8"))
    assert [each["name"] for each in required["collections"]] == ["sshkeys.aws"]


@pytest.mark.parametrize("block", of_kind("workflow"), ids=str)
def test_workflow_is_valid_and_gives_no_more_rights_than_it_needs(block: Block, tmp_path: Path) -> None:
    workflow = tmp_path / ".github/workflows/deploy.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(block.text, encoding="utf-8")
    for command in (
        ["check-jsonschema", "--builtin-schema=vendor.github-workflows", str(workflow)],
        ["zizmor", "--offline", "--no-progress", "--config", str(ROOT / ".github/zizmor.yml"), str(workflow)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("block", of_kind("workflow"), ids=str)
def test_workflow_uses_the_actions_of_our_own(block: Block) -> None:
    """So that a new version of one is not forgotten in the guide."""
    ours = "".join(path.read_text(encoding="utf-8") for path in (ROOT / ".github/workflows").glob("*.yml"))
    used = set(re.findall(r"uses: (actions/\S+)", block.text))
    assert used
    assert used <= set(re.findall(r"uses: (actions/\S+)", ours))


def test_commands_name_targets_playbooks_and_variables_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    seen = set()
    for block, command in commands():
        for target in re.findall(r"\bmake ([a-z-]+)", command):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{block}: make {target}"
            seen.add("make")
        for name in re.findall(r"ansible-playbook (?:-i \S+ )?sshkeys\.aws\.(\w+)", command):
            assert set(re.findall(r"-e '?(\w+)=", command)) <= variables_of(name), str(block)
            seen.add("playbook")
        for variable in re.findall(r"-e (ssh_access_\w+)=", command):
            assert variable in entry_points()["main"]["options"]
            seen.add("variable")
    assert seen == {"make", "playbook", "variable"}
