# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""tests/unit/plugins mirrors plugins: each file with code has one file of tests, in the same place, of the same name.

``plugins/A/_name.py`` and ``plugins/A/name.py`` have ``tests/unit/plugins/A/test_name.py``. Folders keep their names.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils import _errors

PLUGINS = Path(str(_errors.__file__)).parents[1]
TESTS = Path(__file__).parent / "plugins"

# What needs no tests of its own, and why. It holds no function; what does, needs them.
EXEMPT = {
    "*/__init__.py": "They are empty, and make folders packages.",
    "doc_fragments/*": "They are documentation, which ansible-doc and its linter read.",
    "action/ec2_*": "Each names its module and nothing else, which test_imports.py looks at.",
    "action/transfer_server_info.py": "It names its module and nothing else, which test_imports.py looks at.",
    "action/transfer_ssh_key*": "Each names its module and nothing else, which test_imports.py looks at.",
    "action/transfer_user*": "Each names its module and nothing else, which test_imports.py looks at.",
    "modules/ssh_access_*": "They are documentation of actions, whose own tests compare it with their options.",
    "modules/ssh_config.py": "It is documentation of an action, whose own test compares it.",
    "modules/transfer_rotate_key_pair.py": "It is documentation of an action, whose own test compares it.",
    "modules/transfer_users_files.py": "It is documentation of an action, whose own test compares it.",
}


def files_in(folder: Path) -> list[str]:
    """Return the Python files in a folder, at any depth, by their paths from there."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.py"))


def is_one_of(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def test_file_of(name: str) -> str:
    """Return the test file of a file of plugins."""
    folder, _slash, base = name.rpartition("/")
    return f"{folder}/test_{base.removeprefix('_')}"


# It is no test, whatever its name begins with.
test_file_of.__test__ = False  # type: ignore[attr-defined]


def differences(plugins: list[str], tests: list[str]) -> list[str]:
    """Return what keeps the tests from mirroring the plugins, a sentence each."""
    possible = {test_file_of(name): name for name in plugins}
    needed = {test: name for test, name in possible.items() if not is_one_of(name, EXEMPT)}
    found = {name for name in tests if name.rpartition("/")[2].startswith("test_")}
    return [
        *([] if needed else ["There is no file that needs tests."]),
        *(f"{name} has no tests: write {test}." for test, name in needed.items() if test not in found),
        *(f"{test} tests no file: move it to where its subject is." for test in sorted(found - possible.keys())),
        *(
            f"{name} is no test: helpers are in tests/unit."
            for name in tests
            if name not in found and not name.endswith("conftest.py")
        ),
    ]


FILES, TEST_FILES = files_in(PLUGINS), files_in(TESTS)
TESTED = [name for name in FILES if test_file_of(name) in TEST_FILES]


def test_each_file_has_its_tests_and_all_tests_have_their_file() -> None:
    assert differences(FILES, TEST_FILES) == []


def test_no_two_files_share_their_tests() -> None:
    tested = [test_file_of(name) for name in FILES]
    assert len(set(tested)) == len(tested)


@pytest.mark.parametrize("name", TESTED)
def test_the_tests_of_a_file_import_it(name: str) -> None:
    tree = ast.parse((TESTS / test_file_of(name)).read_text(encoding="utf-8"))
    dotted = f"plugins.{name.removesuffix('.py').replace('/', '.')}"
    imported = {
        f"{node.module}.{alias.name}".partition("ansible_collections.sshkeys.aws.")[2]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    assert any(f"{whole}.".startswith(f"{dotted}.") for whole in imported)
    assert any(isinstance(node, ast.FunctionDef) and node.name.startswith("test_") for node in tree.body)


@pytest.mark.parametrize("name", [name for name in FILES if is_one_of(name, EXEMPT) and name not in TESTED])
def test_what_is_exempt_holds_no_function(name: str) -> None:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    tree = ast.parse((PLUGINS / name).read_text(encoding="utf-8"))
    assert not [node for node in ast.walk(tree) if isinstance(node, functions)]


@pytest.mark.parametrize("pattern", EXEMPT)
def test_every_exemption_is_needed(pattern: str) -> None:
    of_pattern = [name for name in FILES if fnmatch(name, pattern)]
    assert [name for name in of_pattern if test_file_of(name) not in TEST_FILES]


# -- The rule itself --------------------------------------------------------------------------------------------------

MIRRORED = (
    ["modules/a.py", "module_utils/_b.py", "module_utils/_c/_d.py", "module_utils/_c/__init__.py", "action/ec2_a.py"],
    ["modules/test_a.py", "module_utils/test_b.py", "module_utils/_c/test_d.py", "module_utils/conftest.py"],
)


@pytest.mark.parametrize(
    ("plugins", "tests", "sentences"),
    [
        (*MIRRORED, []),
        ([], [], ["There is no file that needs tests."]),
        (["action/ec2_a.py"], [], ["There is no file that needs tests."]),
        (
            MIRRORED[0],
            [],
            ["write modules/test_a.py", "write module_utils/test_b.py", "write module_utils/_c/test_d.py"],
        ),
        (MIRRORED[0], [*MIRRORED[1], "action/test_ec2_a.py"], []),
        ([], ["modules/test_a.py"], ["There is no file", "modules/test_a.py tests no file"]),
        (MIRRORED[0], [*MIRRORED[1], "modules/helpers.py"], ["modules/helpers.py is no test"]),
        # In another folder, and with the underscore.
        (MIRRORED[0], ["test_a.py", *MIRRORED[1][1:]], ["write modules/test_a.py", "test_a.py tests no file"]),
        (["module_utils/_b.py"], ["module_utils/test__b.py"], ["write module_utils/test_b.py", "test__b.py tests no"]),
    ],
)
def test_what_differs_is_told(plugins: list[str], tests: list[str], sentences: list[str]) -> None:
    found = differences(plugins, tests)
    assert len(found) == len(sentences)
    for told, sentence in zip(found, sentences, strict=True):
        assert sentence in told


def test_an_empty_tree_is_told(tmp_path: Path) -> None:
    assert files_in(tmp_path) == []
    assert differences(files_in(tmp_path), files_in(tmp_path))
