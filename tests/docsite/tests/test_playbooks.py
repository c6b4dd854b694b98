# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each playbook of the collection documents the variables that it reads and no others, and has a page with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from ansible_collections.sshkeys.aws.tests.docsite.make_pages import ROOT
from ansible_collections.sshkeys.aws.tests.docsite.playbook_docs import PlaybookDocs, read_playbook_docs
from ansible_collections.sshkeys.aws.tests.docsite.playbook_page import page_of

PLAYBOOKS = sorted((ROOT / "playbooks").glob("*.yml"))

# Keywords whose value is an expression without braces.
_EXPRESSIONS = {"when", "until", "failed_when", "changed_when", "that"}
# What Ansible and Jinja bring. Names that begin with ansible_ are Ansible's too.
_THEIRS = {
    *("group_names", "groups", "hostvars", "inventory_dir", "inventory_file", "inventory_hostname"),
    *("inventory_hostname_short", "item", "loop", "omit", "play_hosts", "playbook_dir", "_raw_params"),
    *("dict", "lookup", "now", "q", "query", "range", "undef"),
}


def names_in(template: str) -> set[str]:
    """Return the names that a template reads and does not set."""
    tree = jinja2.Environment(autoescape=True).parse(template)
    found = list(tree.find_all(jinja2.nodes.Name))
    made = {name.name for name in found if name.ctx != "load"}
    made |= {macro.name for macro in tree.find_all(jinja2.nodes.Macro)}
    return {name.name for name in found} - made


def templates_in(value: Any, *, expression: bool = False) -> Iterator[str]:
    """Yield the templates in a part of a playbook."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from templates_in(inner, expression=key in _EXPRESSIONS)
    elif isinstance(value, list):
        for inner in value:
            yield from templates_in(inner, expression=expression)
    elif isinstance(value, str):
        yield f"{{{{ {value} }}}}" if expression else value


def set_in(value: Any) -> Iterator[str]:
    """Yield the names that a part of a playbook sets."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in {"vars", "ansible.builtin.set_fact"} and isinstance(inner, dict):
                yield from inner
            elif key in {"register", "loop_var", "index_var"} and isinstance(inner, str):
                yield inner
            yield from set_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from set_in(inner)


def read_by(plays: Any, folder: Path) -> set[str]:
    """Return the variables that a playbook, and the templates that it fills in, expect from outside."""
    texts = list(templates_in(plays))
    files = [folder / "templates" / text for text in texts if text.endswith(".j2")]
    texts += [path.read_text(encoding="utf-8") for path in files]
    names = {name for text in texts for name in names_in(text)}
    return {name for name in names if not name.startswith("ansible_")} - _THEIRS - set(set_in(plays))


def defaults_in(plays: Any) -> dict[str, Any]:
    """Return the defaults that templates give variables as they stand: ``NAME | default(90)``."""
    found = {}
    for template in templates_in(plays):
        for each in jinja2.Environment(autoescape=True).parse(template).find_all(jinja2.nodes.Filter):
            match each:
                case jinja2.nodes.Filter(
                    name="default" | "d",
                    node=jinja2.nodes.Name(name=name),
                    args=[jinja2.nodes.Const(value=value), *_others],
                ) if value not in {None, ""}:
                    found[name] = value
    return found


def plays_of(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def docs_of(path: Path) -> PlaybookDocs:
    return read_playbook_docs(path.stem, path.read_text(encoding="utf-8"))


def test_there_are_playbooks() -> None:
    assert {"transfer_audit", "transfer_rotate"} <= {path.stem for path in PLAYBOOKS}


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
def test_variables_that_are_read_are_documented_and_no_others(path: Path) -> None:
    assert {option.name for option in docs_of(path).options} == read_by(plays_of(path), path.parent)


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
def test_defaults_are_those_that_are_documented(path: Path) -> None:
    documented = {option.name: option.default for option in docs_of(path).options}
    in_templates = defaults_in(plays_of(path))
    ours = {name: value for name, value in in_templates.items() if name in documented}
    assert {name: documented[name] for name in ours} == ours


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
def test_examples_run_the_playbook_with_its_variables(path: Path) -> None:
    docs = docs_of(path)
    assert docs.examples
    for example in docs.examples:
        assert re.search(rf"^ansible-playbook (-i \S+ )?sshkeys\.aws\.{docs.name}\b", example.command)
        assert set(re.findall(r"-e (\w+)=", example.command)) <= {option.name for option in docs.options}


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
def test_texts_name_variables_that_exist(path: Path) -> None:
    docs = docs_of(path)
    texts = [*docs.description, *docs.notes]
    for option in docs.options:
        texts += [*option.description, *(option.choices or {}).values()]
    named = {name for text in texts for name in re.findall(r"\bO\((\w+)", text)}
    assert named <= {option.name for option in docs.options}


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
def test_page_has_every_variable_and_example(path: Path) -> None:
    docs = docs_of(path)
    page = page_of(docs)
    for option in docs.options:
        assert f'id="parameter-{option.name}"' in page
    for example in docs.examples:
        assert all(line.strip() in page for line in example.command.splitlines())


# -- These tests themselves -------------------------------------------------------------------------------------------


def test_a_variable_is_found_wherever_it_is_read(tmp_path: Path) -> None:
    plays = yaml.safe_load("""
    - hosts: "{{ a }}"
      vars:
        ours: "{{ b | default(c.d) }}"
      tasks:
        - ping:
          when: [e is defined, ours]
          loop: "{{ f }}"
          register: answer
        - ansible.builtin.set_fact:
            fact: "{{ item ~ answer ~ ansible_check_mode ~ g['h'] }}"
        - ansible.builtin.template:
            src: page.j2
          until: fact ~ i
    """)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/page.j2").write_text(
        "{% macro m(y) %}{{ y }}{% endmacro %}{% for x in j %}{{ m(x) }}{{ ours }}{% endfor %}", encoding="utf-8"
    )
    assert read_by(plays, tmp_path) == {"a", "b", "c", "e", "f", "g", "i", "j"}


def test_a_default_is_found() -> None:
    plays = [
        {"vars": {"x": "{{ a | default(90) }} {{ b | default(none) }} {{ c | default(omit) }} {{ d | default('') }}"}}
    ]
    assert defaults_in(plays) == {"a": 90}
