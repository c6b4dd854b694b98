# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation that a playbook has in the comment at its head.

ansible-doc has no playbooks. So a playbook carries its documentation as a module does, in the same form, commented out:

    # DOCUMENTATION:
    #   short_description: Audit the SSH keys of AWS Transfer Family users
    #   version_added: 0.1.0
    #   description: [a paragraph, ...]
    #   options: {NAME: {description, type, elements, required, default, choices}}
    #   notes: [a paragraph, ...]
    #   seealso: [{ref: a label of a guide, description}, {module: a name}, ...]
    # EXAMPLES:
    #   - name: Audit one server
    #     command: ansible-playbook ...

Texts have Ansible's markup: O(option), V(value), C(code), E(environment variable), M(module). Choices may be a list, or
have a description each. A key that is not named here, or is missing, is a fault.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

# Those of modules: https://docs.ansible.com/projects/ansible/latest/dev_guide/developing_program_flow_modules.html
TYPES = ("str", "list", "dict", "bool", "int", "float", "path", "raw")
_PREFIX = "#"


class DocumentationError(Exception):
    """The comment at the head of a playbook is not the documentation of one. The text says where, and why."""


@dataclass(frozen=True)
class Option:
    """A variable of a playbook. ``choices`` has the description of each, which may be empty."""

    name: str
    description: tuple[str, ...]
    type: str
    elements: str = ""
    required: bool = False
    default: Any = None
    choices: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Example:
    """A command, which may have several lines, and what it is for."""

    name: str
    command: str


@dataclass(frozen=True)
class SeeAlso:
    """Where to read on: ``kind`` is ref, module, plugin, or playbook, and ``target`` the label or the full name."""

    kind: str
    target: str
    description: str


@dataclass(frozen=True)
class PlaybookDocs:
    """The documentation of a playbook. ``name`` is without the collection."""

    name: str
    short_description: str
    version_added: str
    description: tuple[str, ...]
    options: tuple[Option, ...]
    notes: tuple[str, ...]
    seealso: tuple[SeeAlso, ...]
    examples: tuple[Example, ...]


def read_playbook_docs(name: str, text: str) -> PlaybookDocs:
    """Return the documentation in a playbook's text.

    Raises DocumentationError if there is none, or if it has another form.
    """
    head = _comment(text)
    try:
        both = yaml.safe_load(head)
    except yaml.YAMLError as error:
        raise DocumentationError(f"{name}: the documentation in its head is not YAML: {error}") from error
    both = _mapping(name, both, needed=("DOCUMENTATION", "EXAMPLES"))
    docs = _mapping(
        f"{name}: DOCUMENTATION",
        both["DOCUMENTATION"],
        needed=("short_description", "version_added", "description", "options"),
        allowed=("notes", "seealso"),
    )
    where = f"{name}: options"
    options = docs["options"]
    if not isinstance(options, dict):
        raise DocumentationError(f"{where}: this is no mapping of variables.")
    return PlaybookDocs(
        name=name,
        short_description=str(docs["short_description"]),
        version_added=str(docs["version_added"]),
        description=_paragraphs(f"{name}: description", docs["description"]),
        options=tuple(_option(f"{where}: {option}", str(option), given) for option, given in options.items()),
        notes=_paragraphs(f"{name}: notes", docs.get("notes", [])),
        seealso=tuple(_see_also(f"{name}: seealso", each) for each in docs.get("seealso", [])),
        examples=tuple(_example(f"{name}: EXAMPLES", each) for each in both["EXAMPLES"]),
    )


def _comment(text: str) -> str:
    """Return the comment that begins with DOCUMENTATION, without its marks; empty if there is none."""
    lines = text.splitlines()
    beginning = next((number for number, line in enumerate(lines) if line == f"{_PREFIX} DOCUMENTATION:"), len(lines))
    inside = []
    for line in lines[beginning:]:
        if not line.startswith(_PREFIX):
            break
        inside.append(line.removeprefix(_PREFIX).removeprefix(" "))
    return "\n".join(inside)


def _mapping(where: str, given: Any, needed: Sequence[str], allowed: Sequence[str] = ()) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise DocumentationError(f"{where}: there is no mapping with {', '.join(needed)}.")
    if missing := [key for key in needed if not given.get(key)]:
        raise DocumentationError(f"{where}: {', '.join(missing)} is missing or empty.")
    if unknown := [str(key) for key in given if key not in {*needed, *allowed}]:
        raise DocumentationError(f"{where}: there is no key {', '.join(unknown)}.")
    return given


def _paragraphs(where: str, given: Any) -> tuple[str, ...]:
    paragraphs = [given] if isinstance(given, str) else given
    if not isinstance(paragraphs, list) or not all(isinstance(each, str) for each in paragraphs):
        raise DocumentationError(f"{where}: this is neither a text nor a list of texts. Quote a text with ': ' in it.")
    return tuple(each.strip() for each in paragraphs)


def _option(where: str, name: str, given: Any) -> Option:
    option = _mapping(where, given, ("description", "type"), ("elements", "required", "default", "choices"))
    for key in ("type", "elements"):
        if option.get(key, "str") not in TYPES:
            raise DocumentationError(f"{where}: {key} is {option[key]}. The types are {', '.join(TYPES)}.")
    if (option["type"] == "list") != ("elements" in option):
        raise DocumentationError(f"{where}: a list, and nothing else, has elements.")
    if option.get("required") and "default" in option:
        raise DocumentationError(f"{where}: what is required has no default.")
    choices = option.get("choices")
    if isinstance(choices, list):
        choices = dict.fromkeys(map(str, choices), "")
    return Option(
        name=name,
        description=_paragraphs(where, option["description"]),
        type=option["type"],
        elements=option.get("elements", ""),
        required=bool(option.get("required")),
        default=option.get("default"),
        choices=choices,
    )


def _see_also(where: str, given: Any) -> SeeAlso:
    kinds = ("ref", "module", "plugin", "playbook")
    entry = _mapping(where, given, (), (*kinds, "description"))
    found = [kind for kind in kinds if kind in entry]
    if len(found) != 1:
        raise DocumentationError(f"{where}: an entry has one of {', '.join(kinds)}.")
    return SeeAlso(found[0], entry[found[0]], entry.get("description", ""))


def _example(where: str, given: Any) -> Example:
    example = _mapping(where, given, ("name", "command"))
    return Example(example["name"], example["command"].strip("\n"))
