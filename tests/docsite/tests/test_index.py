# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first page has every guide in a group, and everything that a user uses; the rest is on a page of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.tests.docsite import index_page
from ansible_collections.sshkeys.aws.tests.docsite.index_page import Entry, first_sentence
from ansible_collections.sshkeys.aws.tests.docsite.make_pages import (
    ROOT,
    guide_texts,
    main,
    playbook_docs,
    plugins,
    roles,
    sections,
)

MADE_UP = [
    Entry("module", "push", "Push"),
    Entry("module", "ssh_access_apply", "Part"),
    Entry("module", "transfer_rotate_key_pair", "Part"),
    Entry("filter", "commas", "Part"),
    Entry("lookup", "files", "Part"),
    Entry("connection", "through", "Through"),
    Entry("role", "access", "Access"),
    Entry("playbook", "audit", "Audit"),
]


def pages_in(text: str) -> list[tuple[str, str]]:
    """Return the pages that the tables of contents of a page have."""
    return re.findall(r"^   (?:docsite/(\S+)|[\w ]+ <(\w+)>)$", text, re.MULTILINE)


def test_every_guide_is_in_one_group() -> None:
    texts = guide_texts()
    assert texts
    shown = [guide for guide, _page in pages_in(index_page.guides(sections(), texts))]
    assert sorted(shown) == sorted(texts)


def test_a_group_has_a_caption_and_the_first_sentence_of_each_guide() -> None:
    text = index_page.guides(
        [{"title": "Start", "toctree": ["guide_a"]}], {"guide_a": "A\n=\n\nWhat it\nis about. More.\n"}
    )
    assert "   :caption: Start\n\n   docsite/guide_a\n" in text
    assert "- :doc:`docsite/guide_a`: What it is about.\n" in text


@pytest.mark.parametrize(
    ("guide", "sentence"),
    [
        ("A\n=\n\nOne.", "One."),
        ("A\n=\n\nOne e.g.x 2.18, two. Three.\n\nFour.", "One e.g.x 2.18, two."),
        ("A\n=\n\nOne: two.", "One"),
    ],
)
def test_first_sentence(guide: str, sentence: str) -> None:
    assert first_sentence(guide) == sentence


def test_a_guide_without_a_paragraph_is_refused() -> None:
    with pytest.raises(ValueError, match="no paragraph"):
        first_sentence("A guide")


def test_users_see_what_they_use_and_parts_are_apart() -> None:
    used = {page for _guide, page in pages_in(index_page.reference(MADE_UP))}
    assert {"push_module", "through_connection", "access_role", "audit_playbook"} <= used
    inside = [page for _guide, page in pages_in(index_page.parts(MADE_UP))]
    assert inside == ["commas_filter", "files_lookup", "ssh_access_apply_module", "transfer_rotate_key_pair_module"]
    assert not used & set(inside)


def test_everything_of_the_collection_is_on_one_of_the_two(tmp_path: Path) -> None:
    main(tmp_path)
    shown = [
        page
        for name in ("reference.inc", "parts.rst")
        for _guide, page in pages_in((tmp_path / name).read_text(encoding="utf-8"))
    ]
    entries = [*plugins(), *roles(), *(Entry("playbook", docs.name, "") for docs in playbook_docs())]
    assert sorted({entry.page for entry in entries} | {"environment_variables", "parts", "changelog"}) == sorted(shown)
    assert {path.name for path in tmp_path.glob("*_playbook.rst")} == {
        f"{path.stem}_playbook.rst" for path in (ROOT / "playbooks").glob("*.yml")
    }


def named_in_rows(text: str, row: str) -> list[set[str]]:
    """Return what of the collection each row of a table names, without the rows that name nothing."""
    rows = re.findall(row, text, re.MULTILINE | re.DOTALL)
    named = [set(re.findall(r"sshkeys\.aws\.(\w+)", each)) for each in rows]
    return [each for each in named if each]


def test_which_one_do_i_need_says_what_the_readme_says() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    readme_table = re.search(r"^\| what you have \|.*?\n\n", readme, re.MULTILINE | re.DOTALL | re.IGNORECASE)
    index = (ROOT / "tests/docsite/index.rst").read_text(encoding="utf-8")
    index_table = re.search(
        r"^\.\. list-table::.*?(?=^\S)", index[index.index("Which one") :], re.MULTILINE | re.DOTALL
    )
    assert readme_table
    assert index_table
    in_readme = named_in_rows(readme_table[0], r"^\|.*?\|$")
    assert in_readme == named_in_rows(index_table[0], r"^   \* - .*?(?=^   \* - |\Z)")
    assert len(in_readme) >= 3
