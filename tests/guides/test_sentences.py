# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every sentence that the guides quote is one that the collection says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import jinja2
import pytest
import yaml
from ansible_collections.sshkeys.aws.plugins.module_utils import _errors
from ansible_collections.sshkeys.aws.tests.guides.guides import ROOT, Block, blocks

QUOTES = blocks("text")

# Stands in a quote for words of AWS or ssh, and in a sentence for what is filled in.
ELLIPSIS = "…"
# What has fewer letters of its own says too little to be recognised.
ENOUGH_LETTERS = 8


def sentences_of_python(source: str) -> Iterator[str]:
    """Yield the strings of a program; what an f-string or format() fills in is an ellipsis."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(value.value) if isinstance(value, ast.Constant) else ELLIPSIS for value in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.sub(r"\{[^{}]*\}", ELLIPSIS, node.value)


def sentences_of_yaml(source: str) -> Iterator[str]:
    """Yield the strings of playbooks, tasks and variables, and those inside their expressions."""
    for text in strings(yaml.safe_load(source)):
        template = jinja2.Environment(autoescape=True).parse(text)
        for output in template.find_all(jinja2.nodes.Output):
            yield "".join(joined(node) for node in output.nodes)
        for concatenation in template.find_all(jinja2.nodes.Concat):
            yield joined(concatenation)
        for constant in template.find_all(jinja2.nodes.Const):
            yield joined(constant)


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


def joined(node: jinja2.nodes.Node) -> str:
    if isinstance(node, jinja2.nodes.Concat):
        return "".join(joined(part) for part in node.nodes)
    if isinstance(node, jinja2.nodes.TemplateData):
        return node.data
    if isinstance(node, jinja2.nodes.Const) and isinstance(node.value, str):
        return node.value
    return ELLIPSIS


def pattern(sentence: str) -> re.Pattern[str]:
    words = re.sub(f"{ELLIPSIS}+", ELLIPSIS, " ".join(sentence.split()))
    return re.compile(re.escape(words).replace(ELLIPSIS, ".+"))


@cache
def patterns() -> tuple[re.Pattern[str], ...]:
    said: list[str] = []
    for path in sorted((ROOT / "plugins").rglob("*.py")):
        said += sentences_of_python(path.read_text(encoding="utf-8"))
    for folder in ("roles", "playbooks"):
        for path in sorted((ROOT / folder).rglob("*.yml")):
            if path.name != "argument_specs.yml":
                said += sentences_of_yaml(path.read_text(encoding="utf-8"))
    return tuple(pattern(sentence) for sentence in said if len(re.findall("[A-Za-z]", sentence)) >= ENOUGH_LETTERS)


def is_said(quote: str) -> bool:
    """Whether a piece of a quote is the name of an error, or fits a sentence of the collection."""
    code = quote.removesuffix(":")
    if code in _errors._HINTS or code in {"NotAsDeclared", "UnexpectedAnswer"}:
        return True
    return any(pattern.fullmatch(quote) for pattern in patterns())


@pytest.mark.parametrize("block", QUOTES, ids=str)
def test_quote_is_said(block: Block) -> None:
    quote = " ".join(block.text.split())
    pieces = [piece.strip() for piece in quote.split(ELLIPSIS) if piece.strip()]
    assert pieces
    # A sentence that ends with somebody else's words may be quoted up to there.
    assert is_said(quote) or all(is_said(piece) for piece in pieces)


def test_what_nobody_says_is_noticed() -> None:
    assert not is_said("This is a sentence that no module would say.")
    assert not is_said("Start the instance: a key can be pushed to a stopped instance only.")
    assert is_said("Start the instance: a key can be pushed only to a running instance.")
    assert is_said(
        "min_validity is 61, and must be 0 to 60 seconds: a key lives 60 seconds. Use force to push in any case."
    )
