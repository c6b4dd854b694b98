# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of a connection: what one process writes is what another one reads."""

from __future__ import annotations

import ast
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import settings
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings

ROOM = Path(str(settings.__file__)).parent
FILES = [*sorted(ROOM.glob("*.py")), ROOM.parents[1] / "module_utils/_ways.py"]
READERS = {path.name: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
WRITER = ast.parse((ROOM.parents[1] / "connection/ec2_instance_connect.py").read_text(encoding="utf-8"))


def read_in(tree: ast.AST) -> set[str]:
    """Return the names by which a file reads settings: what stands in brackets after one of their variables."""
    return {
        node.slice.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
        and ast.unparse(node.value).rpartition(".")[2] in {"settings", "_settings"}
    }


def test_all_that_is_written_is_read_by_somebody_and_nothing_else_is_read() -> None:
    read = {name: read_in(tree) for name, tree in READERS.items()}
    # Else the rule would hold for nothing.
    assert {"opening.py", "_ways.py", "server.py", "proxy_command.py"} <= {
        name for name, found in read.items() if found
    }
    assert set().union(*read.values()) - set(Settings.__annotations__) == set()
    assert set(Settings.__annotations__) - set().union(*read.values()) == set()


def test_the_plugin_writes_all_of_them_in_one_place() -> None:
    (written,) = [node for node in ast.walk(WRITER) if isinstance(node, ast.FunctionDef) and node.name == "_settings"]
    (told,) = [node.value for node in ast.walk(written) if isinstance(node, ast.Return)]
    assert isinstance(told, ast.Dict)
    assert {ast.literal_eval(key) for key in told.keys if key} == set(Settings.__annotations__)


def kinds_in(hint: Any) -> Iterator[Any]:
    """Yield the types that a type is made of."""
    inner = typing.get_args(hint)
    if not inner:
        yield hint
    origin = typing.get_origin(hint)
    if inner and origin is not types.UnionType and origin is not typing.Union:
        yield origin
    for part in inner:
        yield from kinds_in(part)


def test_all_of_them_come_back_from_json_as_they_were() -> None:
    kinds = {kind for hint in typing.get_type_hints(Settings).values() for kind in kinds_in(hint)}
    assert kinds <= {str, int, bool, type(None), list, dict, Any}
