# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the pages of the site that antsibull-docs does not write: ``make_pages.py FOLDER``.

They are the first page, instead of that of antsibull-docs, and a page for each playbook.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml
from ansible_collections.sshkeys.aws.tests.docsite import index_page, playbook_page
from ansible_collections.sshkeys.aws.tests.docsite.index_page import Entry
from ansible_collections.sshkeys.aws.tests.docsite.playbook_docs import (
    DocumentationError,
    PlaybookDocs,
    read_playbook_docs,
)
from antsibull_docs_parser.parser import Context, parse
from antsibull_docs_parser.rst import to_rst

ROOT = Path(__file__).resolve().parents[2]
_PLUGINS = {"modules": "module", "connection": "connection", "filter": "filter", "lookup": "lookup"}


def main(folder: Path) -> None:
    """Write the pages into the folder, where those of antsibull-docs are."""
    playbooks = list(playbook_docs())
    entries = [
        *plugins(),
        *roles(),
        *(Entry("playbook", docs.name, docs.short_description) for docs in playbooks),
    ]
    pages = {f"{playbook_page.page_name(docs.name)}.rst": playbook_page.page_of(docs) for docs in playbooks}
    pages |= {
        "index.rst": (ROOT / "tests/docsite/index.rst").read_text(encoding="utf-8"),
        "guides.inc": index_page.guides(sections(), guide_texts()),
        "reference.inc": index_page.reference(entries),
        "parts.rst": index_page.parts(entries),
    }
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")


def playbook_docs() -> Iterator[PlaybookDocs]:
    """Yield the documentation of each playbook. Raises DocumentationError."""
    for path in sorted((ROOT / "playbooks").glob("*.yml")):
        yield read_playbook_docs(path.stem, path.read_text(encoding="utf-8"))


def plugins() -> Iterator[Entry]:
    """Yield what has a page among the plugins."""
    for folder, kind in _PLUGINS.items():
        for path in sorted((ROOT / "plugins" / folder).glob("[!_]*.py")):
            yield Entry(kind, path.stem, _summary(_documentation(path)["short_description"]))


def roles() -> Iterator[Entry]:
    """Yield the roles."""
    for path in sorted((ROOT / "roles").glob("*/meta/argument_specs.yml")):
        main_entry = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]
        yield Entry("role", path.parents[1].name, _summary(main_entry["short_description"]))


def sections() -> list[dict[str, object]]:
    """Return the groups of the guides."""
    index = yaml.safe_load((ROOT / "docs/docsite/extra-docs.yml").read_text(encoding="utf-8"))
    groups: list[dict[str, object]] = index["sections"]
    return groups


def guide_texts() -> dict[str, str]:
    """Return the guides, by name."""
    return {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "docs/docsite/rst").glob("*.rst")}


def _documentation(path: Path) -> dict[str, str]:
    """Return what a plugin has as DOCUMENTATION."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="DOCUMENTATION")], value=ast.Constant(value=str(text))):
                documentation: dict[str, str] = yaml.safe_load(text)
                return documentation
    raise ValueError(f"{path} has no DOCUMENTATION.")


def _summary(short_description: str) -> str:
    return to_rst(parse([short_description], Context()))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except DocumentationError as error:
        sys.exit(str(error))
