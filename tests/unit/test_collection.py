# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is written in two places is the same in both."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from ansible_collections.sshkeys.aws.plugins.module_utils._aws import session
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer import rotation
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_request import read_audit_request
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.paths import Paths
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotate_request import read_rotate_request
from ansible_collections.sshkeys.aws.tests.docsite.playbook_docs import read_playbook_docs
from ansible_collections.sshkeys.aws.tests.unit.paths import MadeUpPaths

ROOT = Path(str(session.__file__)).parents[3]
COLLECTION = "sshkeys.aws"
# Those of actions of the role and the playbooks are documentation alone.
MODULES = sorted(
    path.stem for path in (ROOT / "plugins" / "modules").glob("*.py") if "SPEC = " in path.read_text(encoding="utf-8")
)


def module(name: str) -> Any:
    return importlib.import_module(f"ansible_collections.{COLLECTION}.plugins.modules.{name}")


def read_yaml(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def fragment(name: str) -> dict[str, Any]:
    """Return what a doc fragment documents, by the name under which a module names it."""
    namespace, collection, file, *section = name.split(".")
    found = importlib.import_module(f"ansible_collections.{namespace}.{collection}.plugins.doc_fragments.{file}")
    text = getattr(found.ModuleDocFragment(), section[0].upper() if section else "DOCUMENTATION")
    documented: dict[str, Any] = yaml.safe_load(text)
    return documented


def documentation(name: str) -> dict[str, Any]:
    documented: dict[str, Any] = yaml.safe_load(module(name).DOCUMENTATION)
    return documented


def documented_options(name: str, *, of_amazon: bool) -> dict[str, Any]:
    """Return the options of a module that it documents, with those of its fragments."""
    documented = documentation(name)
    options = dict(documented.get("options") or {})
    for used in documented["extends_documentation_fragment"]:
        if used.startswith(f"{COLLECTION}.") or of_amazon:
            for option, about in (fragment(used).get("options") or {}).items():
                options.setdefault(option, about)
    return options


def names_of(options: dict[str, Any]) -> set[str]:
    return set(options) | {alias for about in options.values() for alias in about.get("aliases", [])}


# -- The collection ---------------------------------------------------------------------------------------------------


def test_there_are_modules() -> None:
    assert {
        "ec2_instance_connect_info",
        "ec2_instance_connect_key",
        "ec2_serial_console_key",
        "transfer_server_info",
        "transfer_ssh_key",
        "transfer_ssh_key_info",
    } <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_each_module_has_an_action(name: str) -> None:
    action = importlib.import_module(f"ansible_collections.{COLLECTION}.plugins.action.{name}").ActionModule
    assert action.module is module(name)
    assert "sshkeys.aws._attributes.fast_path" in documentation(name)["extends_documentation_fragment"]


def test_version() -> None:
    # The SDK's user agent carries it.
    assert read_yaml("galaxy.yml")["version"] == session.COLLECTION_VERSION


def test_action_group() -> None:
    members = read_yaml("meta/runtime.yml")["action_groups"]["aws"]
    # The action of the role hands the options of AWS on to the modules.
    assert sorted(member for member in members if isinstance(member, str)) == sorted([*MODULES, "ssh_access_apply"])
    (metadata,) = [member for member in members if isinstance(member, dict)]
    assert metadata == {"metadata": {"extend_group": ["amazon.aws.aws"]}}


# -- Documentation and argument specs ---------------------------------------------------------------------------------


def facts(about: dict[str, Any]) -> dict[str, Any]:
    """Return what documentation and argument spec both say of an option; what they leave out is Ansible's default."""
    return {
        "type": about.get("type", "str"),
        "elements": about.get("elements"),
        "default": about.get("default"),
        "required": about.get("required", False),
        "choices": about.get("choices"),
        "aliases": sorted(about.get("aliases", [])),
    }


@pytest.mark.parametrize("name", MODULES)
def test_name(name: str) -> None:
    assert documentation(name)["module"] == name


@pytest.mark.parametrize("name", MODULES)
def test_documented_options_are_the_arguments(name: str) -> None:
    documented = {option: facts(about) for option, about in documented_options(name, of_amazon=False).items()}
    arguments = {option: facts(about) for option, about in module(name).SPEC.options.items()}
    assert documented == arguments


@pytest.mark.parametrize("name", MODULES)
def test_no_option_is_masked_wherever_its_value_stands(name: str) -> None:
    """Public keys and the names of users are no secrets, and whoever reads a result looks for them.

    ansible-core warns of an option whose name looks like that of a secret, unless no_log says that it is none.
    """
    spec = module(name).SPEC
    for options in (spec.options, *spec.elements.values()):
        for option, about in options.items():
            named = " ".join((option, *about.get("aliases", ())))
            assert about.get("no_log") is (False if "key" in named.replace("_", " ").split() else None), option


@pytest.mark.parametrize("name", MODULES)
def test_every_option_is_described(name: str) -> None:
    for option, about in documented_options(name, of_amazon=False).items():
        sentences = about["description"]
        assert sentences, option
        assert all(sentence.endswith(".") for sentence in sentences), option


@pytest.mark.parametrize("name", MODULES)
def test_no_option_has_the_name_of_one_of_amazon(name: str) -> None:
    of_amazon = {
        taken
        for used in documentation(name)["extends_documentation_fragment"]
        if used.startswith("amazon.")
        for taken in names_of(fragment(used).get("options") or {})
    }
    assert "region" in of_amazon
    assert not of_amazon & names_of(module(name).SPEC.options)


# Elements of lists are raw for the argument spec of a module, and have a spec of their own.
@pytest.mark.parametrize(("name", "option"), [("ec2_instance_connect_key", "targets"), ("transfer_ssh_key", "users")])
def test_options_of_an_element_are_those_of_the_task(name: str, option: str) -> None:
    of_task = module(name).SPEC.options
    description = " ".join(documented_options(name, of_amazon=False)[option]["description"])
    for inner, about in module(name).SPEC.elements[option].items():
        for fact in ("type", "elements", "choices", "aliases"):
            assert about.get(fact) == of_task[inner].get(fact), f"{inner} is another in an element than in the task"
        # What an element leaves out is the task's, so that it has no default of its own.
        assert "default" not in about
        assert inner in description, f"{option} does not say that an element may have {inner}"


# -- Examples ---------------------------------------------------------------------------------------------------------


def examples_of(name: str) -> Iterator[dict[str, Any]]:
    """Yield each task in a module's examples, by itself or in a play."""
    for example in yaml.safe_load(module(name).EXAMPLES):
        yield from example.get("tasks", [example])


def tasks(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (name of one of our modules, its arguments) of each task in a module's examples."""
    for task in examples_of(name):
        for action, arguments in task.items():
            if action.startswith(f"{COLLECTION}."):
                yield action.rpartition(".")[2], arguments


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_tasks(name: str) -> None:
    examples = list(examples_of(name))
    assert examples
    for task in examples:
        assert task["name"][0].isupper()
        assert [action for action in task if "." in action], "an example calls a module by its full name"
    assert name in {used for used, _arguments in tasks(name)}


@pytest.mark.parametrize("name", MODULES)
def test_examples_use_documented_options(name: str) -> None:
    for used, arguments in tasks(name):
        options = documented_options(used, of_amazon=True)
        assert set(arguments) <= names_of(options)
        for option, about in options.items():
            given = {option, *about.get("aliases", [])} & set(arguments)
            assert len(given) <= 1
            assert given or not about.get("required"), f"{option} is missing"
            for value in (arguments[spelling] for spelling in given):
                assert value in about.get("choices", [value])


@pytest.mark.parametrize("name", MODULES)
def test_elements_in_examples_use_known_options(name: str) -> None:
    for used, arguments in tasks(name):
        for option, options in module(used).SPEC.elements.items():
            elements = arguments.get(option, [])
            for element in elements if isinstance(elements, list) else []:
                assert isinstance(element, str) or set(element) <= names_of(options)


@pytest.mark.parametrize("name", MODULES)
def test_returned_values_are_documented_as_yaml(name: str) -> None:
    for value, about in yaml.safe_load(module(name).RETURN).items():
        assert {"description", "returned", "type"} <= set(about), value


# -- The playbooks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("playbook", "variables", "read"),
    [
        ("transfer_rotate", "rotate_variables", read_rotate_request),
        ("transfer_audit", "audit_variables", read_audit_request),
    ],
)
def test_a_playbook_hands_over_the_variables_that_are_read(
    playbook: str, variables: str, read: Callable[[Any, Paths], object]
) -> None:
    class Asked(dict[str, Any]):
        names: ClassVar[set[str]] = set()

        def get(self, name: str, default: Any = None) -> Any:
            self.names.add(name)
            return super().get(name, default)

    text = (ROOT / f"playbooks/{playbook}.yml").read_text(encoding="utf-8")
    (play,) = yaml.safe_load(text)
    handed = re.findall(r"'(\w+)': (\w+) \|", play["vars"][variables])
    assert [name for name, variable in handed if name != variable] == []
    read(Asked(), MadeUpPaths())
    assert {name for name, _variable in handed} == Asked.names
    assert Asked.names <= {option.name for option in read_playbook_docs(playbook, text).options}


def test_the_playbook_knows_the_sentence_about_a_full_user() -> None:
    words = "as many keys as AWS allows"
    assert words in rotation._FULL_HINT
    assert f"'{words}' in rotate_put_in.msg" in (ROOT / "playbooks/transfer_rotate.yml").read_text(encoding="utf-8")


# -- The role ---------------------------------------------------------------------------------------------------------

ROLE = "roles/ssh_access"
ROLE_ACTIONS = sorted(path.stem for path in (ROOT / "plugins" / "action").glob("ssh_access_*.py"))


def role_options(entry_point: str) -> dict[str, Any]:
    options: dict[str, Any] = read_yaml(f"{ROLE}/meta/argument_specs.yml")["argument_specs"][entry_point]["options"]
    return options


def test_actions_of_the_role_are_documented_as_they_are() -> None:
    for name in ROLE_ACTIONS:
        action = importlib.import_module(f"ansible_collections.{COLLECTION}.plugins.action.{name}")
        documented = documentation(name)
        assert documented["module"] == name
        assert_documented(documented["options"], action.ARGUMENTS)


def assert_documented(documented: dict[str, Any], arguments: dict[str, Any]) -> None:
    assert {option: facts(about) for option, about in documented.items()} == {
        option: facts(about) for option, about in arguments.items()
    }
    for option, about in arguments.items():
        assert_documented(documented[option].get("suboptions", {}), about.get("options", {}))


def test_role_defaults_are_those_of_its_argument_specs() -> None:
    specified = {
        name: about["default"]
        for entry_point in read_yaml(f"{ROLE}/meta/argument_specs.yml")["argument_specs"]
        for name, about in role_options(entry_point).items()
    }
    assert read_yaml(f"{ROLE}/defaults/main.yml") == specified


def test_role_has_a_task_file_for_each_entry_point() -> None:
    public = {path.stem for path in (ROOT / ROLE / "tasks").glob("[!_]*.yml")}
    assert set(read_yaml(f"{ROLE}/meta/argument_specs.yml")["argument_specs"]) == public


def test_main_entry_point_takes_what_the_others_take() -> None:
    assert role_options("main") == role_options("instance_connect") | role_options("transfer")


def test_role_variables_have_its_prefix() -> None:
    assert all(name.startswith("ssh_access_") for name in read_yaml(f"{ROLE}/defaults/main.yml"))
    assert all(name.startswith("__ssh_access_") for name in read_yaml(f"{ROLE}/vars/main.yml"))


def test_role_uses_each_of_its_variables() -> None:
    files = sorted((ROOT / ROLE).glob("tasks/*.yml")) + sorted((ROOT / ROLE).glob("vars/*.yml"))
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    assert [name for name in read_yaml(f"{ROLE}/defaults/main.yml") if not re.search(rf"\b{name}\b", text)] == []


def test_role_defaults_are_those_of_the_modules() -> None:
    defaults = read_yaml(f"{ROLE}/defaults/main.yml")
    arguments = module("ec2_instance_connect_key").SPEC.options
    assert defaults["ssh_access_min_validity"] == arguments["min_validity"]["default"]
    assert defaults["ssh_access_concurrency"] == arguments["concurrency"]["default"]
    assert (
        defaults["ssh_access_transfer_wait_timeout"]
        == module("transfer_ssh_key").SPEC.options["wait_timeout"]["default"]
    )
