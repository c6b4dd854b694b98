# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation at the head of a playbook is read, and a fault in it is said."""

from __future__ import annotations

import textwrap

import pytest
from ansible_collections.sshkeys.aws.tests.docsite.playbook_docs import (
    DocumentationError,
    Example,
    Option,
    SeeAlso,
    read_playbook_docs,
)

HEAD = """\
DOCUMENTATION:
  short_description: Do it
  version_added: 0.1.0
  description: It does it.
  options:
    server_id:
      description: The server.
      type: str
      required: true
    fail_on:
      description:
        - One.
        - Two.
      type: list
      elements: str
      choices:
        old: It is old.
        all: Each.
      default: []
  notes:
    - A note.
  seealso:
    - module: sshkeys.aws.x
    - ref: a_label
      description: More.
EXAMPLES:
  - name: Do it once
    command: |
      ansible-playbook x \\
        -e y=z
"""


def playbook(head: str) -> str:
    comment = textwrap.indent(head, "# ", lambda line: True).replace("# \n", "#\n")
    return f"---\n# Copyright\n# SPDX\n\n{comment}\n- name: Play\n  hosts: all\n  # DOCUMENTATION: no\n"


def test_everything_is_read() -> None:
    docs = read_playbook_docs("doing", playbook(HEAD))
    assert (docs.name, docs.short_description, docs.version_added) == ("doing", "Do it", "0.1.0")
    assert docs.description == ("It does it.",)
    assert docs.options == (
        Option("server_id", ("The server.",), "str", required=True),
        Option("fail_on", ("One.", "Two."), "list", "str", default=[], choices={"old": "It is old.", "all": "Each."}),
    )
    assert docs.notes == ("A note.",)
    assert docs.seealso == (SeeAlso("module", "sshkeys.aws.x", ""), SeeAlso("ref", "a_label", "More."))
    assert docs.examples == (Example("Do it once", "ansible-playbook x \\\n  -e y=z"),)


def test_a_list_of_choices_has_no_descriptions() -> None:
    head = HEAD.replace("        old: It is old.\n        all: Each.\n", "        - old\n        - 1\n")
    assert read_playbook_docs("doing", playbook(head)).options[1].choices == {"old": "", "1": ""}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (HEAD, "What it does.\n", "doing: there is no mapping with DOCUMENTATION, EXAMPLES."),
        ("DOCUMENTATION:", "DOCUMENTATION: [", "doing: there is no mapping"),
        ("  notes:", "  notes: [", "doing: the documentation in its head is not YAML"),
        ("EXAMPLES:", "EXAMPLE:", "doing: EXAMPLES is missing or empty."),
        ("  short_description: Do it\n", "", "DOCUMENTATION: short_description is missing or empty."),
        ("  notes:", "  note:", "DOCUMENTATION: there is no key note."),
        ("      description: The server.\n", "", "options: server_id: description is missing or empty."),
        ("      required: true", "      needed: true", "options: server_id: there is no key needed."),
        ("      type: str", "      type: string", "options: server_id: type is string. The types are str,"),
        ("      elements: str\n", "", "options: fail_on: a list, and nothing else, has elements."),
        ("      required: true", "      required: true\n      default: x", "what is required has no default."),
        ("        - Two.", "        - Two: it is no text.", "options: fail_on: this is neither a text nor a list"),
        ("    - module: sshkeys.aws.x", "    - description: x", "seealso: an entry has one of ref, module"),
        ("  - name: Do it once\n    command", "  - command", "EXAMPLES: name is missing or empty."),
    ],
)
def test_a_fault_is_said(old: str, new: str, said: str) -> None:
    with pytest.raises(DocumentationError) as raised:
        read_playbook_docs("doing", playbook(HEAD.replace(old, new)))
    assert said in str(raised.value)
