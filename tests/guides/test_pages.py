# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links into the repository lead somewhere, and the drawings can be read by everybody."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml
from ansible_collections.sshkeys.aws.tests.guides.guides import FOLDER, ROOT, blocks, guides

REPOSITORY = "https://github.com/sshkeys-aws/sshkeys.aws"
SVG = "{http://www.w3.org/2000/svg}"

DRAWINGS = sorted((FOLDER / "images").iterdir())
PAGES = [*guides(), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_into_the_repository_lead_to_files(page: Path) -> None:
    paths = re.findall(rf"{re.escape(REPOSITORY)}/(?:blob|tree)/main/([^\s)>#`]+)", page.read_text(encoding="utf-8"))
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_readme_leads_to_every_guide() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    missing = [guide.name for guide in guides() if f"/blob/main/docs/docsite/rst/{guide.name})" not in readme]
    assert missing == []


def test_readme_lists_what_the_collection_has() -> None:
    # The other filters are for the role and the playbooks of the collection, and so are the tasks of the role.
    folders = {kind: ROOT / f"plugins/{kind}" for kind in ("connection", "lookup")}
    folders |= {"module": ROOT / "plugins/modules", "playbook": ROOT / "playbooks", "role": ROOT / "roles"}
    there = {
        (kind, path.stem)
        for kind, folder in folders.items()
        for path in folder.iterdir()
        if (path.suffix in {".py", ".yml"} and not path.stem.startswith("ssh_access_")) or kind == "role"
    } | {("filter", "known_hosts")}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| (\w+) `(\w+)` \|", readme, re.MULTILINE)) == there


def test_nothing_was_added_in_a_later_version() -> None:
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    sources = [*(ROOT / "plugins").rglob("*.py"), *(ROOT / "roles").rglob("*.yml"), *guides()]
    found = {
        (path.name, number)
        for path in sources
        for number in re.findall(
            r"^ *version_added: (\S+)$|^ *version: \">=([\d.]+)\"$", path.read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    assert found
    later = {
        name
        for name, numbers in found
        if [int(part) for part in "".join(numbers).split(".")] > [int(part) for part in version.split(".")]
    }
    assert later == set()


def test_every_guide_is_in_the_index() -> None:
    index = yaml.safe_load((FOLDER.parent / "extra-docs.yml").read_text(encoding="utf-8"))
    listed = [name for section in index["sections"] for name in section["toctree"]]
    assert sorted(listed) == [guide.stem for guide in guides()]


@pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda drawing: drawing.name)
def test_drawings_say_what_they_show_and_load_nothing(drawing: Path) -> None:
    text = drawing.read_text(encoding="utf-8")
    root = ET.fromstring(text)
    for name in ("title", "desc"):
        element = root.find(f"{SVG}{name}")
        assert element is not None
        assert (element.text or "").strip()
        assert element.get("id") in root.get("aria-labelledby", "").split()
    assert "prefers-color-scheme: dark" in text
    # A drawing in a page may load nothing, and neither should it try.
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg|www\.gnu\.org)|@import|@font-face|url\((?!#)", text) == []
    fonts = set(re.findall(r"font: [\d ]*\d+px ([^;}]+)", text))
    assert {font.strip() for font in fonts} <= {"system-ui, sans-serif", "ui-monospace, monospace"}


@pytest.mark.parametrize("guide", guides(), ids=lambda guide: guide.name)
def test_images_of_guides_are_there_and_described(guide: Path) -> None:
    text = guide.read_text(encoding="utf-8")
    for name, options in re.findall(r"^\.\. image:: (\S+)\n((?: +:.*\n)*)", text, re.MULTILINE):
        assert (FOLDER / name).is_file()
        assert re.search(r":alt: \S.{20}", options)


def test_every_drawing_is_used() -> None:
    used = {
        name for guide in guides() for name in re.findall(r"image:: images/(\S+)", guide.read_text(encoding="utf-8"))
    }
    assert used == {drawing.name for drawing in DRAWINGS}


@pytest.mark.parametrize("name", ["converge.yml", "verify.yml"])
def test_molecule_example_is_the_scenario(name: str) -> None:
    scenario = (ROOT / "extensions/molecule/default" / name).read_text(encoding="utf-8")
    _header, _line, body = scenario.partition("SPDX-License-Identifier: GPL-3.0-or-later\n")
    assert body.lstrip("\n") in [block.text for block in blocks("yaml") if block.guide == "guide_lab.rst"]
