# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of the architecture: imports point one way, and only a module's ``main`` exits or fails."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils import _errors

PLUGINS = Path(str(_errors.__file__)).parents[1]
COLLECTION = "ansible_collections.sshkeys.aws"
MODULE_UTILS = f"{COLLECTION}.plugins.module_utils"
PLUGIN_UTILS = f"{COLLECTION}.plugins.plugin_utils"

FILES = {path.relative_to(PLUGINS).as_posix(): path for path in sorted(PLUGINS.rglob("*.py"))}
# Those of the actions of the role are documentation alone.
MODULES = [name for name in FILES if name.startswith("modules/") and not name.startswith("modules/ssh_access_")]
SHARED = [name for name in FILES if name.startswith("module_utils/") and not name.endswith("/__init__.py")]


def dotted(name: str) -> str:
    """Return the dotted name of a file of the collection."""
    return f"{COLLECTION}.plugins.{name.removesuffix('.py').replace('/', '.')}"


ALL_MODULES = {dotted(name) for name in FILES}
PURE_FILES = [
    "module_utils/_aws/pacer.py",
    "module_utils/_comma_list.py",
    "module_utils/_errors.py",
    "module_utils/_keys/not_a_public_key.py",
    "module_utils/_keys/openssh.py",
    "module_utils/_push/hosts.py",
    "module_utils/_push/plan.py",
    "module_utils/_report.py",
    "module_utils/_ssh_diagnosis.py",
    "module_utils/_ssh_options.py",
    "module_utils/_transfer/ages.py",
    "module_utils/_transfer/apply.py",
    "module_utils/_transfer/audit.py",
    "module_utils/_transfer/audit_counts.py",
    "module_utils/_transfer/audit_keys.py",
    "module_utils/_transfer/plan.py",
    "module_utils/_transfer/replaces.py",
    "module_utils/_transfer/summary.py",
]
PURE = {dotted(name) for name in PURE_FILES}


def tree_of(name: str) -> ast.Module:
    return ast.parse(FILES[name].read_text(encoding="utf-8"), filename=name)


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def nodes_at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all inside it, but for what stands there for type checkers only."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(node, ast.If) and is_type_checking(node) and child not in node.orelse:
            continue
        yield from nodes_at_run_time(child)


def imported_by(name: str) -> set[str]:
    """Return the dotted names of the modules that a file imports at run time."""
    found = set()
    for node in nodes_at_run_time(tree_of(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports by a relative path, which ansible-core packs by guessing"
            assert node.module
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                # "from ….module_utils._aws import transfer" names a module, all else names things inside one.
                found.add(whole if whole in ALL_MODULES else node.module)
    return found


def of_the_collection(imported: set[str]) -> set[str]:
    return {module for module in imported if module.split(".")[:3] == COLLECTION.split(".")}


def foreign(imported: set[str]) -> set[str]:
    """Return what is neither the standard library nor the collection."""
    return {
        module
        for module in imported - of_the_collection(imported)
        if module.split(".")[0] not in sys.stdlib_module_names
    }


def test_the_files_are_found() -> None:
    # Else every rule below would hold for nothing.
    assert {"module_utils/_client.py", "modules/transfer_ssh_key.py", "doc_fragments/_push.py"} <= set(FILES)
    assert set(SHARED) >= set(PURE_FILES)


def test_imports_are_read_as_python_reads_them() -> None:
    imported = imported_by("module_utils/_client.py")
    assert {"boto3", "botocore.config", "os", f"{MODULE_UTILS}._errors"} <= imported
    assert not any(module.startswith("mypy_boto3") for module in imported)
    assert f"{MODULE_UTILS}._client" in imported_by("module_utils/_entry.py")
    assert f"{MODULE_UTILS}._aws.transfer" in imported_by("module_utils/_transfer/rotation.py")


# -- Imports point one way --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PURE_FILES)
def test_pure_files_import_the_standard_library_and_each_other(name: str) -> None:
    imported = imported_by(name)
    assert foreign(imported) == set()
    assert of_the_collection(imported) <= PURE


def test_fan_out_imports_the_standard_library() -> None:
    imported = imported_by("module_utils/_fan_out.py")
    assert foreign(imported) | of_the_collection(imported) == set()


def test_leases_import_the_standard_library_and_pure_files() -> None:
    imported = imported_by("module_utils/_push/leases.py")
    assert foreign(imported) == set()
    assert of_the_collection(imported) <= PURE


def test_the_client_imports_pure_files() -> None:
    assert of_the_collection(imported_by("module_utils/_client.py")) <= PURE


@pytest.mark.parametrize("name", ["ec2", "instance_connect", "transfer"])
def test_the_calls_import_the_client_and_pure_files(name: str) -> None:
    imported = imported_by(f"module_utils/_aws/{name}.py")
    assert foreign(imported) == set()
    assert of_the_collection(imported) <= PURE | {f"{MODULE_UTILS}._client"}


@pytest.mark.parametrize("name", SHARED)
def test_shared_files_import_shared_files_only(name: str) -> None:
    others = {module for module in of_the_collection(imported_by(name)) if not module.startswith(f"{MODULE_UTILS}.")}
    assert others == set()


def test_shared_files_import_one_another_in_one_direction() -> None:
    graph = {dotted(name): of_the_collection(imported_by(name)) for name in SHARED}
    while leaves := {module for module, imported in graph.items() if not imported & graph.keys()}:
        graph = {module: imported for module, imported in graph.items() if module not in leaves}
    assert graph == {}, "these import one another in a circle"


@pytest.mark.parametrize("name", MODULES)
def test_modules_do_not_import_one_another(name: str) -> None:
    assert all(module.startswith(f"{MODULE_UTILS}.") for module in of_the_collection(imported_by(name)))


@pytest.mark.parametrize("name", [name for name in FILES if name != "module_utils/_client.py"])
def test_only_the_client_knows_the_sdk(name: str) -> None:
    sdk = {"boto3", "botocore", "s3transfer"}
    assert {module for module in imported_by(name) if module.split(".")[0] in sdk} == set()


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("plugin_utils/")])
def test_controller_side_files_import_shared_files_and_each_other(name: str) -> None:
    assert all(module.startswith((MODULE_UTILS, PLUGIN_UTILS)) for module in of_the_collection(imported_by(name)))


def test_the_connection_imports_what_it_needs_to_start_ssh_and_nothing_else() -> None:
    # Every task of every host loads it in a process of its own, and what it imports is compiled each time.
    name = "connection/ec2_instance_connect.py"
    options = f"{MODULE_UTILS}._ssh_options"
    rarely = {f"{PLUGIN_UTILS}._connect.explain", f"{PLUGIN_UTILS}._connect.openssh"}
    assert of_the_collection(imported_by(name)) == {options, *rarely}
    at_once = {node.module for node in tree_of(name).body if isinstance(node, ast.ImportFrom)}
    assert not at_once & {f"{PLUGIN_UTILS}._connect", *rarely}
    assert of_the_collection(imported_by("module_utils/_ssh_options.py")) == set()
    assert {module.split(".")[0] for module in foreign(imported_by(name))} == {"ansible", "yaml"}
    for imported_rarely in ("plugin_utils/_connect/explain.py", "plugin_utils/_connect/openssh.py"):
        assert foreign(imported_by(imported_rarely)) == set()


@pytest.mark.parametrize("name", ["proxy_command", "run_guard"])
def test_programs_that_start_without_the_folders_of_packages_import_the_standard_library(name: str) -> None:
    imported = imported_by(f"plugin_utils/_connect/{name}.py")
    assert foreign(imported) | of_the_collection(imported) == set()


@pytest.mark.parametrize("name", [f"action/{Path(name).name}" for name in MODULES])
def test_actions_import_the_module_of_their_name(name: str) -> None:
    module = f"{COLLECTION}.plugins.modules.{Path(name).stem}"
    front = f"{COLLECTION}.plugins.plugin_utils._action"
    assert of_the_collection(imported_by(name)) == {module, front}


def test_no_file_is_imported_in_a_way_that_the_rules_cannot_see() -> None:
    for name in FILES:
        called = {ast.unparse(node.func) for node in ast.walk(tree_of(name)) if isinstance(node, ast.Call)}
        assert not called & {"__import__", "importlib.import_module", "import_module"}, name


# -- Only main exits or fails, and check mode is read once ------------------------------------------------------------

PROGRAMS = {
    "plugin_utils/_connect/proxy_command.py": {"sys.exit"},
    "plugin_utils/_connect/fork_server.py": {"sys.exit", "os._exit"},
    "plugin_utils/_connect/run_guard.py": {"sys.exit"},
}
EXITS = {"exit_json", "fail_json", "fail_json_aws"}


@pytest.mark.parametrize("name", FILES)
def test_nothing_asserts_prints_or_ends_the_process(name: str) -> None:
    tree = tree_of(name)
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    ends = {"print", "sys.exit", "exit", "quit", "os._exit", "os.abort", "breakpoint"}
    # Programs exit with what their main returns, and what they have forked with what it has done.
    assert called & ends == PROGRAMS.get(name, set())
    raised = {
        ast.unparse(node.exc).partition("(")[0] for node in ast.walk(tree) if isinstance(node, ast.Raise) and node.exc
    }
    assert "SystemExit" not in raised
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "sys"]


def exits_in(tree: ast.AST) -> list[ast.Attribute]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in EXITS]


@pytest.mark.parametrize("name", [name for name in FILES if name not in MODULES])
def test_nothing_outside_modules_exits(name: str) -> None:
    tree = tree_of(name)
    assert not [node.lineno for node in exits_in(tree)]
    # What amazon.aws calls of the module that it takes _Asker for; both raise.
    allowed = {"module_utils/_client.py": {"_Asker"}}.get(name, set())
    inside = {
        id(node)
        for owner in ast.walk(tree)
        if isinstance(owner, ast.ClassDef) and owner.name in allowed
        for node in owner.body
    }
    defined = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name in EXITS]
    assert [node.name for node in defined if id(node) not in inside] == []
    assert all(isinstance(node.body[-1], ast.Raise) for node in defined)


@pytest.mark.parametrize("name", MODULES)
def test_only_main_exits(name: str) -> None:
    tree = tree_of(name)
    (main,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main"]
    assert exits_in(main)
    assert len(exits_in(tree)) == len(exits_in(main))


def test_check_mode_is_read_in_the_front_and_nowhere_else() -> None:
    reads = [
        name
        for name in FILES
        for node in ast.walk(tree_of(name))
        if isinstance(node, ast.Attribute) and node.attr in {"check_mode", "_check_mode"}
    ]
    # The action of the role sets it for the modules that it calls.
    assert reads == ["action/ssh_access_apply.py", "module_utils/_entry.py"]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_stands_behind_the_front(name: str) -> None:
    calls = [
        node for node in ast.walk(tree_of(name)) if isinstance(node, ast.Call) and ast.unparse(node.func) == "front"
    ]
    assert len(calls) == 1
    assert f"{MODULE_UTILS}._entry" in imported_by(name)


# -- Old Python on managed hosts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*MODULES, *SHARED, *(name for name in FILES if name.startswith("doc_fragments/"))])
def test_syntax_of_python_3_8(name: str) -> None:
    ast.parse(FILES[name].read_text(encoding="utf-8"), filename=name, feature_version=(3, 8))
