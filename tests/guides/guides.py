# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guides in docs/docsite/rst, and the blocks of code in them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "docsite" / "rst"

_CODE_BLOCK = re.compile(r"(?P<indent> *)\.\. code-block:: (?P<language>\S+)")


@dataclass(frozen=True)
class Block:
    """A block of code: where it stands, its language as Sphinx names it, and its text without the indentation."""

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
    """Return the blocks of a language in all guides."""
    return [block for guide in guides() for block in _blocks_of(guide) if block.language == language]


def block_with(text: str, language: str = "yaml") -> Block:
    """Return the only block of a language that has a text in it."""
    (found,) = (block for block in blocks(language) if text in block.text)
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


def _indented(lines: list[str], indent: int) -> Iterator[str]:
    """Yield the lines that are indented more than this, and the empty ones among them."""
    for line in lines:
        if line and len(line) - len(line.lstrip()) <= indent:
            return
        yield line
