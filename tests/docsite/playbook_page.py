# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of a playbook, in reStructuredText, with the classes that antsibull-docs gives the tables of a module."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator

from ansible_collections.sshkeys.aws.tests.docsite.playbook_docs import Option, PlaybookDocs, SeeAlso
from antsibull_docs_parser.parser import Context, parse
from antsibull_docs_parser.rst import rst_escape, to_rst

# As antsibull-docs calls them.
_TYPE_NAMES = {"str": "string", "bool": "boolean", "int": "integer", "dict": "dictionary"}
_LABEL = "ansible_collections.sshkeys.aws.{}"


def page_name(playbook: str) -> str:
    """Return the name of the page of a playbook, without an ending."""
    return f"{playbook}_playbook"


def page_of(docs: PlaybookDocs) -> str:
    """Return the page, in reStructuredText."""
    title = f"sshkeys.aws.{docs.name} playbook -- {docs.short_description}"
    return "\n".join(
        [
            ":orphan:",
            "",
            f".. _{_label(docs.name, 'playbook')}:",
            "",
            title,
            "+" * len(title),
            "",
            ".. note::",
            "    This playbook is part of the sshkeys.aws collection.",
            "",
            "    To install it, use: :code:`ansible-galaxy collection install sshkeys.aws`.",
            "",
            f"    To run it, use: :code:`ansible-playbook sshkeys.aws.{docs.name}`, with the variables below.",
            "",
            ".. rst-class:: ansible-version-added",
            "",
            f"New in sshkeys.aws {docs.version_added}",
            "",
            *_section("Synopsis", _bullets(docs.description)),
            *_section("Examples", _examples(docs)),
            *(_section("Variables", _table(docs.options)) if docs.options else ()),
            *(_section("Notes", _bullets(docs.notes)) if docs.notes else ()),
            *(_section("See Also", _see_also(docs.seealso)) if docs.seealso else ()),
        ]
    )


def _label(name: str, kind: str) -> str:
    return _LABEL.format(f"{name}_{kind}")


def _section(title: str, content: Iterator[str]) -> Iterator[str]:
    yield from (title, "-" * len(title), "")
    yield from content
    yield ""


def _text(marked_up: str) -> str:
    """Return a text with Ansible's markup in reStructuredText, in one line."""
    return to_rst(parse([" ".join(marked_up.split())], Context()))


def _bullets(paragraphs: tuple[str, ...]) -> Iterator[str]:
    for each in paragraphs:
        yield f"- {_text(each)}"


def _examples(docs: PlaybookDocs) -> Iterator[str]:
    for example in docs.examples:
        yield from (f"{_text(example.name)}:", "", ".. code-block:: console", "")
        first, *more = example.command.splitlines()
        yield textwrap.indent("\n".join([f"$ {first}", *more]), "    ")
        yield ""


def _see_also(entries: tuple[SeeAlso, ...]) -> Iterator[str]:
    for entry in entries:
        if entry.kind == "ref":
            label = entry.target
        else:
            name, _mark, plugin_type = entry.target.partition("#")
            label = f"ansible_collections.{name}_{plugin_type or entry.kind}"
        # Labels that antsibull-docs makes have a title of their own, which is long.
        link = f":ref:`{label}`" if entry.kind == "ref" else f":ref:`{entry.target.partition('#')[0]} <{label}>`"
        yield f"- {link}{': ' if entry.description else ''}{_text(entry.description)}"


# -- The table --------------------------------------------------------------------------------------------------------


def _table(options: tuple[Option, ...]) -> Iterator[str]:
    yield from (
        ".. list-table::",
        "  :width: 100%",
        "  :widths: auto",
        "  :header-rows: 1",
        "  :class: longtable ansible-option-table",
        "",
        "  * - Variable",
        "    - Comments",
        "",
    )
    for option in options:
        yield textwrap.indent("* - " + _cell(_name_cell(option)), "  ")
        yield textwrap.indent("  - " + _cell(_comments_cell(option)), "  ")


def _cell(paragraphs: Iterator[str]) -> str:
    """Return a cell: the paragraphs in an element with the class of antsibull-docs, indented but for the first line."""
    content = "\n\n".join([_html('<div class="ansible-option-cell">'), *paragraphs, _html("</div>")]) + "\n"
    return textwrap.indent(content, "    ").strip(" ")


def _html(markup: str) -> str:
    return f".. raw:: html\n\n    {markup}"


def _name_cell(option: Option) -> Iterator[str]:
    anchor = f"parameter-{option.name}"
    yield _html(f'<div class="ansibleOptionAnchor" id="{anchor}"></div>')
    yield f".. rst-class:: ansible-option-title\n\n**{rst_escape(option.name)}**"
    yield _html(f'<a class="ansibleOptionLink" href="#{anchor}" title="Permalink to this variable"></a>')
    type_line = f":ansible-option-type:`{_TYPE_NAMES.get(option.type, option.type)}`"
    if option.elements:
        type_line += f" / :ansible-option-elements:`elements={_TYPE_NAMES.get(option.elements, option.elements)}`"
    if option.required:
        type_line += " / :ansible-option-required:`required`"
    yield f".. ansible-option-type-line::\n\n    {type_line}"


def _comments_cell(option: Option) -> Iterator[str]:
    for each in option.description:
        yield _text(each)
    if option.choices is not None:
        yield ".. rst-class:: ansible-option-line\n\n:ansible-option-choices:`Choices:`"
        yield "\n".join(
            f"- :ansible-option-choices-entry:`{rst_escape(choice)}`{': ' if description else ''}{_text(description)}"
            for choice, description in option.choices.items()
        )
    if option.default is not None:
        default = rst_escape(json.dumps(option.default))
        yield (
            ".. rst-class:: ansible-option-line\n\n"
            f":ansible-option-default-bold:`Default:` :ansible-option-default:`{default}`"
        )
