# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of the architecture: imports point one way, one file exits or fails, public doors only."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils import _errors

PLUGINS = Path(str(_errors.__file__)).parents[1]
COLLECTION = "ansible_collections.sshkeys.aws"
MODULE_UTILS = f"{COLLECTION}.plugins.module_utils"
PLUGIN_UTILS = f"{COLLECTION}.plugins.plugin_utils"

FILES = {path.relative_to(PLUGINS).as_posix(): path for path in sorted(PLUGINS.rglob("*.py"))}
# Those of the actions of the role are documentation alone.
MODULES = [
    name
    for name in FILES
    # Those of actions are documentation alone.
    if name.startswith("modules/") and "SPEC = " in FILES[name].read_text(encoding="utf-8")
]
SHARED = [name for name in FILES if name.startswith("module_utils/") and not name.endswith("/__init__.py")]


def dotted(name: str) -> str:
    """Return the dotted name of a file of the collection."""
    return f"{COLLECTION}.plugins.{name.removesuffix('.py').replace('/', '.')}"


ALL_MODULES = {dotted(name) for name in FILES}
PURE_FILES = [
    "module_utils/_aws/filters.py",
    "module_utils/_aws/mfa.py",
    "module_utils/_aws/pacer.py",
    "module_utils/_aws/role.py",
    "module_utils/_booleans.py",
    "module_utils/_comma_list.py",
    "module_utils/_errors.py",
    "module_utils/_keys/errors.py",
    "module_utils/_keys/fingerprint.py",
    "module_utils/_keys/known_hosts.py",
    "module_utils/_keys/lines.py",
    "module_utils/_keys/masking.py",
    "module_utils/_keys/not_a_public_key.py",
    "module_utils/_keys/openssh.py",
    "module_utils/_keys/policy.py",
    "module_utils/_keys/private.py",
    "module_utils/_keys/wire.py",
    "module_utils/_network/acls.py",
    "module_utils/_network/facts.py",
    "module_utils/_network/networks.py",
    "module_utils/_network/routes.py",
    "module_utils/_network/security_groups.py",
    "module_utils/_push/hosts.py",
    "module_utils/_push/plan.py",
    "module_utils/_push/report.py",
    "module_utils/_push/target.py",
    "module_utils/_reach/agent.py",
    "module_utils/_reach/asked.py",
    "module_utils/_reach/direct.py",
    "module_utils/_reach/doctor_calls.py",
    "module_utils/_reach/doctor_report.py",
    "module_utils/_reach/endpoint.py",
    "module_utils/_reach/flow.py",
    "module_utils/_reach/judge.py",
    "module_utils/_reach/key.py",
    "module_utils/_reach/report.py",
    "module_utils/_reach/verdict.py",
    "module_utils/_report.py",
    "module_utils/_spec.py",
    "module_utils/_ssh_diagnosis.py",
    "module_utils/_ssh_options.py",
    "module_utils/_transfer/ages.py",
    "module_utils/_transfer/apply.py",
    "module_utils/_transfer/audit.py",
    "module_utils/_transfer/audit_chart.py",
    "module_utils/_transfer/audit_counts.py",
    "module_utils/_transfer/audit_end.py",
    "module_utils/_transfer/audit_keys.py",
    "module_utils/_transfer/audit_servers.py",
    "module_utils/_transfer/cells.py",
    "module_utils/_transfer/csv_rows.py",
    "module_utils/_transfer/dates.py",
    "module_utils/_transfer/names.py",
    "module_utils/_transfer/plan.py",
    "module_utils/_transfer/replaces.py",
    "module_utils/_transfer/report.py",
    "module_utils/_transfer/audit_request.py",
    "module_utils/_transfer/audit_table.py",
    "module_utils/_transfer/key_label.py",
    "module_utils/_transfer/paths.py",
    "module_utils/_transfer/rotate_failure.py",
    "module_utils/_transfer/rotate_files.py",
    "module_utils/_transfer/rotate_host_keys.py",
    "module_utils/_transfer/rotate_request.py",
    "module_utils/_transfer/rotate_summary.py",
    "module_utils/_transfer/servers.py",
    "module_utils/_transfer/summary.py",
    "module_utils/_transfer/users_csv.py",
    "module_utils/_transfer/users_request.py",
    "module_utils/_transfer/users_summary.py",
    "module_utils/_transfer/user.py",
    "module_utils/_transfer/user_errors.py",
    "module_utils/_transfer/user_plan.py",
    "module_utils/_transfer/user_report.py",
    "module_utils/_transfer/user_results.py",
    "module_utils/_ways.py",
]
PURE = {dotted(name) for name in PURE_FILES}
OF_AWS = [name for name in SHARED if name.startswith("module_utils/_aws/")]


@cache
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


@cache
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
    assert {"module_utils/_aws/sdk.py", "modules/transfer_ssh_key.py", "doc_fragments/_push.py"} <= set(FILES)
    assert set(SHARED) >= set(PURE_FILES)


def test_imports_are_read_as_python_reads_them() -> None:
    imported = imported_by("module_utils/_aws/sdk.py")
    assert {"botocore.session", "botocore.config", "sys", f"{MODULE_UTILS}._errors"} <= imported
    assert "mypy_boto3_transfer" in FILES["module_utils/_aws/transfer.py"].read_text(encoding="utf-8")
    assert not any(module.startswith("mypy_boto3") for module in imported_by("module_utils/_aws/transfer.py"))
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


WITHOUT_THE_SDK = """
import importlib, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("boto3", "botocore"):
            raise ImportError(name)

sys.meta_path.insert(0, Missing())
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def test_all_can_be_imported_without_the_sdk() -> None:
    # AnsibleAWSModule and the connection say what is missing, and where.
    names = [
        dotted(name) for name in FILES if name.startswith(("modules/", "action/", "connection/")) or name in SHARED
    ]
    places = os.pathsep.join([str(PLUGINS.parents[3]), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_SDK, *names],
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


SERVICES = {"EC2", "INSTANCE_CONNECT", "SSM", "TRANSFER"}


def taken_of_sdk(name: str) -> set[str]:
    """Return what a file imports from the file that imports the SDK."""
    return {
        alias.name
        for node in ast.walk(tree_of(name))
        if isinstance(node, ast.ImportFrom) and node.module == dotted("module_utils/_aws/sdk.py")
        for alias in node.names
    }


@pytest.mark.parametrize("name", OF_AWS)
def test_the_room_of_aws_imports_itself_and_pure_files(name: str) -> None:
    assert of_the_collection(imported_by(name)) <= PURE | {dotted(other) for other in OF_AWS}


@pytest.mark.parametrize(
    "name", ["ec2", "ec2_facts", "instance_connect", "ssm", "ssm_facts", "transfer", "transfer_servers"]
)
def test_a_function_for_each_call_knows_nothing_but_calls(name: str) -> None:
    """And signatures, for what is no call: of the SDK it knows the names of the services."""
    imported = imported_by(f"module_utils/_aws/{name}.py")
    assert foreign(imported) == set()
    known = PURE | {f"{MODULE_UTILS}._aws.{other}" for other in ("calls", "ec2", "sdk", "signing")}
    assert of_the_collection(imported) <= known
    assert taken_of_sdk(f"module_utils/_aws/{name}.py") <= SERVICES


@pytest.mark.parametrize("name", SHARED)
def test_shared_files_import_shared_files_only(name: str) -> None:
    others = {module for module in of_the_collection(imported_by(name)) if not module.startswith(f"{MODULE_UTILS}.")}
    assert others == set()


def test_shared_files_import_one_another_in_one_direction() -> None:
    graph = {dotted(name): of_the_collection(imported_by(name)) for name in SHARED}
    while leaves := {module for module, imported in graph.items() if not imported & graph.keys()}:
        graph = {module: imported for module, imported in graph.items() if module not in leaves}
    assert graph == {}, "these import one another in a circle"


def test_rooms_import_one_another_in_one_direction() -> None:
    graph: dict[str, set[str]] = {}
    for name in SHARED:
        room = name.split("/")[1]
        imported = {module.split(".")[5] for module in of_the_collection(imported_by(name))} - {room}
        graph.setdefault(room, set()).update(imported)
    graph = {room: {other for other in imported if other in graph} for room, imported in graph.items()}
    while leaves := {room for room, imported in graph.items() if not imported & graph.keys()}:
        graph = {room: imported for room, imported in graph.items() if room not in leaves}
    assert graph == {}, "these rooms import one another in a circle"


@pytest.mark.parametrize("name", MODULES)
def test_modules_do_not_import_one_another(name: str) -> None:
    assert all(module.startswith(f"{MODULE_UTILS}.") for module in of_the_collection(imported_by(name)))


@pytest.mark.parametrize("name", [name for name in FILES if name != "module_utils/_aws/sdk.py"])
def test_one_file_imports_the_sdk(name: str) -> None:
    sdk = {"boto3", "botocore", "s3transfer"}
    assert {module for module in imported_by(name) if module.split(".")[0] in sdk} == set()


@pytest.mark.parametrize("name", [name for name in FILES if name not in OF_AWS])
def test_only_the_room_of_aws_knows_what_the_sdk_has(name: str) -> None:
    assert taken_of_sdk(name) <= {*SERVICES, "require_sdk"}


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("plugin_utils/")])
def test_controller_side_files_import_shared_files_and_each_other(name: str) -> None:
    assert all(module.startswith((MODULE_UTILS, PLUGIN_UTILS)) for module in of_the_collection(imported_by(name)))


def test_the_connection_imports_what_it_needs_to_start_ssh_and_nothing_else() -> None:
    """Every task of every host loads it in a process of its own."""
    name = "connection/ec2_instance_connect.py"
    rarely = {f"{PLUGIN_UTILS}._connect.{each}" for each in ("explain", "openssh", "refusals")}
    rarely.add(f"{COLLECTION}.plugins.doc_fragments._secret")
    assert of_the_collection(imported_by(name)) == rarely
    # What ansible-core's importer finds, it compiles each time.
    at_once = {node.module for node in tree_of(name).body if isinstance(node, ast.ImportFrom)}
    assert not {module for module in at_once if module and module.startswith(COLLECTION)}
    assert {module.split(".")[0] for module in foreign(imported_by(name))} == {"ansible", "yaml"}
    for imported_rarely in ("explain", "openssh", "refusals"):
        assert foreign(imported_by(f"plugin_utils/_connect/{imported_rarely}.py")) == set()


LOADED_BY_THE_CONNECTION = [
    "module_utils/_ssh_options.py",
    *(f"plugin_utils/_connect/{name}.py" for name in ("broker_session", "host_options", "run_folder")),
]


def test_the_connection_loads_these_in_its_own_way_and_type_checkers_know_them() -> None:
    tree = tree_of("connection/ec2_instance_connect.py")
    (choice,) = [node for node in tree.body if is_type_checking(node)]
    assert isinstance(choice, ast.If)
    called = [node for node in ast.walk(choice) if isinstance(node, ast.Call) and ast.unparse(node.func) == "_module"]
    loaded = [ast.literal_eval(node.args[0]).replace(".", "/") + ".py" for node in called]
    assert loaded == LOADED_BY_THE_CONNECTION
    checked = {
        f"{node.module}.{alias.name}"
        for node in choice.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert {dotted(name) for name in loaded} <= checked


@pytest.mark.parametrize("name", LOADED_BY_THE_CONNECTION)
def test_what_the_connection_loads_is_little(name: str) -> None:
    assert foreign(imported_by(name)) <= {"ansible"}
    others = {f"{PLUGIN_UTILS}._connect.{rarely}" for rarely in ("proxy_command", "refusals")}
    assert of_the_collection(imported_by(name)) <= others


@pytest.mark.parametrize("name", ["proxy_command", "run_guard"])
def test_programs_that_start_without_the_folders_of_packages_import_the_standard_library(name: str) -> None:
    imported = imported_by(f"plugin_utils/_connect/{name}.py")
    assert foreign(imported) | of_the_collection(imported) == set()


@pytest.mark.parametrize("name", [f"action/{Path(name).name}" for name in MODULES])
def test_actions_import_the_module_of_their_name(name: str) -> None:
    module = f"{COLLECTION}.plugins.modules.{Path(name).stem}"
    door = f"{COLLECTION}.plugins.plugin_utils._action"
    assert of_the_collection(imported_by(name)) == {module, door}


def test_no_file_is_imported_in_a_way_that_the_rules_cannot_see() -> None:
    for name in FILES:
        called = {ast.unparse(node.func) for node in ast.walk(tree_of(name)) if isinstance(node, ast.Call)}
        assert not called & {"__import__", "importlib.import_module", "import_module"}, name


# -- Only the entry exits or fails, and check mode is read once -------------------------------------------------------

PROGRAMS = {
    "plugin_utils/_connect/proxy_command.py": {"sys.exit"},
    "plugin_utils/_connect/broker.py": {"sys.exit", "os._exit"},
    "plugin_utils/_connect/run_guard.py": {"sys.exit"},
    "plugin_utils/_connect/user_proxy_command.py": {"sys.exit"},
}
EXITS = {"exit_json", "fail_json", "fail_json_aws"}


@pytest.mark.parametrize("name", FILES)
def test_nothing_asserts_prints_or_ends_the_process(name: str) -> None:
    tree = tree_of(name)
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    ends = {"print", "sys.exit", "exit", "quit", "os._exit", "os.abort", "breakpoint"}
    # Programs exit with what their main returns, and the broker without waiting for its threads.
    assert called & ends == PROGRAMS.get(name, set())
    raised = {
        ast.unparse(node.exc).partition("(")[0] for node in ast.walk(tree) if isinstance(node, ast.Raise) and node.exc
    }
    assert "SystemExit" not in raised
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "sys"]


def exits_in(tree: ast.AST) -> list[ast.Attribute]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in EXITS]


@pytest.mark.parametrize("name", [name for name in FILES if name != "module_utils/_entry.py"])
def test_only_the_entry_of_a_module_exits(name: str) -> None:
    tree = tree_of(name)
    assert not [node.lineno for node in exits_in(tree)]
    # What amazon.aws calls of the module that it takes _Asker for, which raises.
    allowed = {"module_utils/_aws/session.py": ["fail_json"]}.get(name, [])
    defined = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name in EXITS]
    assert [node.name for node in defined] == allowed
    assert all(isinstance(node.body[-1], ast.Raise) for node in defined)


def test_the_entry_exits() -> None:
    assert {node.attr for node in exits_in(tree_of("module_utils/_entry.py"))} == {"exit_json", "fail_json"}


def test_check_mode_is_read_where_a_module_begins_and_nowhere_else() -> None:
    reads = [
        name
        for name in FILES
        for node in ast.walk(tree_of(name))
        if isinstance(node, ast.Attribute) and node.attr in {"check_mode", "_check_mode"}
    ]
    # In a process of its own, in the worker of the task, and by actions that have no module.
    assert sorted(set(reads)) == [
        "action/ssh_access_apply.py",
        "action/ssh_config.py",
        "action/transfer_rotate_key_pair.py",
        "module_utils/_entry.py",
        "plugin_utils/_action.py",
    ]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_is_entered_in_one_way(name: str) -> None:
    (main,) = [node for node in tree_of(name).body if isinstance(node, ast.FunctionDef) and node.name == "main"]
    assert ast.unparse(main.body[-1]) == "enter(SPEC, run)"
    (run,) = [node for node in tree_of(name).body if isinstance(node, ast.FunctionDef) and node.name == "run"]
    # After the docstring, before anything else is done with the options.
    (first,) = [ast.unparse(node) for node in run.body if "refuse_private_keys" in ast.unparse(node)]
    assert first == "refuse_private_keys(SPEC, params)"


# -- Public doors only ------------------------------------------------------------------------------------------------

# These are public, whatever they begin with.
PUBLIC = {"_asdict", "_exit", "_replace"}
# Private names of others that are read, each in one file, behind a fallback that works without it.
PRIVATE_DOORS = {
    "module_utils/_aws/ssl_context.py": {"_endpoint", "_manager", "_cert_file", "_verify"},
}


@pytest.mark.parametrize("name", FILES)
def test_no_private_name_of_another_is_used(name: str) -> None:
    used = {
        node.attr
        for node in ast.walk(tree_of(name))
        if isinstance(node, ast.Attribute)
        and re.match(r"_[a-z]", node.attr)
        and node.attr not in PUBLIC
        and ast.unparse(node.value) not in {"self", "cls", "super()"}
    }
    assert used == PRIVATE_DOORS.get(name, set())


@pytest.mark.parametrize("name", FILES)
def test_nothing_of_others_is_patched(name: str) -> None:
    source = FILES[name].read_text(encoding="utf-8")
    for gone in (
        "_BuiltModule",
        "_ANSIBLE_ARGS",
        "_global_warnings",
        "is_controller",
        "_configure_module",
        "_is_pipelining_enabled",
        "no_log_values",
        "remove_values",
        "setattr(",
    ):
        assert gone not in source


# -- Old Python on managed hosts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*MODULES, *SHARED, *(name for name in FILES if name.startswith("doc_fragments/"))])
def test_syntax_of_python_3_8(name: str) -> None:
    ast.parse(FILES[name].read_text(encoding="utf-8"), filename=name, feature_version=(3, 8))
