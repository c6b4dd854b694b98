# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guides in docs/docsite/rst, the READMEs of the collection and its role, and the blocks of code in them."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "docsite" / "rst"

# The first page of the site.
INDEX = ROOT / "tests" / "docsite" / "index.rst"

READMES = [ROOT / "README.md", ROOT / "roles/ssh_access/README.md"]

_CODE_BLOCK = re.compile(r"(?P<indent> *)\.\. code-block:: (?P<language>\S+)")
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w+)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of code: where it stands, its language as Sphinx names it, and its text without the indentation.

    ``guide`` is the file name of a guide, and the path below the checkout of any other file.
    """

    guide: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        """Return where it stands, for the name of a test."""
        return f"{self.guide}:{self.line}"


def guides() -> list[Path]:
    """Return the guides."""
    return sorted(FOLDER.rglob("*.rst"))


def blocks(language: str) -> list[Block]:
    """Return the blocks of a language in all guides, and on the first page of the site."""
    return [block for guide in [*guides(), INDEX] for block in _blocks_of(guide) if block.language == language]


def readme_blocks(language: str) -> list[Block]:
    """Return the blocks of a language in the READMEs."""
    return [block for readme in READMES for block in _fenced(readme) if block.language == language]


def plugin_examples() -> list[Block]:
    """Return the examples of every module and plugin that has some, and those of the role."""
    found = []
    for path in sorted((ROOT / "plugins").rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            match node:
                case ast.Assign(targets=[ast.Name(id="EXAMPLES")], value=ast.Constant(value=str(text))):
                    found.append(Block(str(path.relative_to(ROOT)), node.lineno, "yaml", text))
    return [*found, *_role_examples()]


def _role_examples() -> Iterator[Block]:
    """Yield the examples of each entry point of the role."""
    path = ROOT / "roles/ssh_access/meta/argument_specs.yml"
    for name, entry in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].items():
        yield Block(f"{path.relative_to(ROOT)}:{name}", 1, "yaml", entry["examples"])


def scenario_files() -> list[Block]:
    """Return the playbooks of the molecule scenarios, which are made to be copied."""
    return [
        Block(str(path.relative_to(ROOT)), 1, "yaml", path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / "extensions/molecule").glob("*/*.yml"))
        if path.name != "molecule.yml"
    ]


def block_with(text: str, language: str = "yaml") -> Block:
    """Return the only block of a language in the guides that has a text in it."""
    return _only(blocks(language), text)


def readme_block_with(text: str) -> Block:
    """Return the only YAML block of the READMEs that has a text in it."""
    return _only(readme_blocks("yaml"), text)


def _only(candidates: list[Block], text: str) -> Block:
    (found,) = (block for block in candidates if text in block.text)
    return found


def commands() -> list[tuple[Block, str]]:
    """Return each command of the console blocks, in one line, and where it stands."""
    found = []
    for block in blocks("console"):
        joined = re.sub(r"\\\n\s*", "", block.text)
        found += [(block, line.removeprefix("$ ")) for line in joined.splitlines() if line.startswith("$ ")]
    return found


def _blocks_of(guide: Path) -> Iterator[Block]:
    lines = guide.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        found = _CODE_BLOCK.fullmatch(line)
        if found:
            inside = list(_indented(lines[number + 1 :], len(found["indent"])))
            yield Block(
                guide.name, number + 1, found["language"], textwrap.dedent("\n".join(inside)).strip("\n") + "\n"
            )


def _fenced(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(str(page.relative_to(ROOT)), line, found["language"], textwrap.dedent(found["text"]))


def _indented(lines: list[str], indent: int) -> Iterator[str]:
    """Yield the lines that are indented more than this, and the empty ones among them."""
    for line in lines:
        if line and len(line) - len(line.lstrip()) <= indent:
            return
        yield line
