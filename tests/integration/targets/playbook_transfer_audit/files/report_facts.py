# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print, as JSON, what is in the HTML report whose path is given. Fails if the report is not well-formed."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

# What makes a browser fetch something, or run something.
_REFERENCES = ("src", "href", "srcset", "action", "data", "poster", "background", "style")
_VOID = ("meta", "input", "br", "hr", "img", "link")


class _Page(HTMLParser):
    """Reads the page as a browser does, and notes the elements in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [f"{tag} {name}={value}" for name, value in attrs if name in _REFERENCES or name[:2] == "on"]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if self.open.pop() != tag:
            raise SystemExit(f"</{tag}> closes another element.")


def _text(element: ET.Element) -> str:
    return re.sub(r"\s+", " ", "".join(element.itertext())).strip()


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _all(element: ET.Element, name: str) -> list[ET.Element]:
    return [inner for inner in element.iter() if _name(inner) == name]


def facts(source: str) -> dict[str, object]:
    """Return what is in a report. Raises ParseError where it is not well-formed."""
    page = _Page()
    page.feed(source)
    page.close()
    root = ET.fromstring(source)
    elements = [_name(element) for element in root.iter()]
    bars = [element for element in _all(root, "rect") if "bar" in element.get("class", "").split()]
    (style,) = _all(root, "style")
    return {
        "same_elements": sorted(page.tags) == sorted(name.lower() for name in elements),
        "left_open": page.open,
        "references": page.references + re.findall(r"url\(|@import", style.text or ""),
        "scripts": elements.count("script"),
        "images_without_a_name": [
            _name(svg) for svg in _all(root, "svg") if not svg.get("aria-labelledby") or not _all(svg, "title")
        ],
        "tables_without_heads": sum(not _all(_all(table, "thead")[0], "th") for table in _all(root, "table")),
        "bars": [
            {
                "title": _text(_all(group, "title")[0]),
                "width": float(_all(group, "rect")[0].get("width", "-1")),
                "old": "old" in _all(group, "rect")[0].get("class", "").split(),
            }
            for group in _all(root, "g")
        ],
        "number_of_bars": len(bars),
        "counts": {
            _text(_all(tile, "dt")[0]): int(_text(_all(tile, "dd")[0])) for tile in _all(_all(root, "dl")[0], "div")
        },
        "rows": [[_text(cell) for cell in row if _name(cell) in ("th", "td")] for row in _all(root, "tr")],
        "coverage": " ".join(
            _text(line)
            for element in _all(root, "div")
            if element.get("class") == "problems"
            for line in _all(element, "p")
        ),
        "problems": [_text(item) for item in _all(root, "li")],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(facts(Path(sys.argv[1]).read_text(encoding="utf-8"))))
