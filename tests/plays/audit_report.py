# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTML report of the playbook transfer_audit, as a browser and an XML parser read it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

# What makes a browser fetch something, or run something.
_REFERENCES = ("src", "href", "srcset", "action", "data", "poster", "background", "style")
_VOID = ("meta", "input", "br", "hr", "img", "link")


@dataclass(frozen=True)
class Bar:
    """A bar of the chart, with its title, its width, and whether it stands for keys over the limit."""

    title: str
    width: float
    old: bool


@dataclass(frozen=True)
class Report:
    """What is in a report.

    bars, chart_text: the chart, and the text beside it. tiles: the numbers at the top. alarming: the names of
    those that stand out. rows: the cells of each row of each table. fine: the users that are hidden where only remarks
    are shown.
    coverage: over how much the numbers count. problems: what could not be read.
    """

    bars: list[Bar]
    chart_text: str
    tiles: dict[str, int]
    alarming: list[str]
    rows: list[list[str]]
    fine: list[str]
    coverage: str
    problems: list[str]
    text: str

    def rows_with(self, cell: str) -> list[list[str]]:
        """Return the rows that have a cell with this text."""
        return [row for row in self.rows if cell in row]


class _Browser(HTMLParser):
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
        assert self.open.pop() == tag, f"</{tag}> closes another element."


def read_report(source: str) -> Report:
    """Return what is in a report. Fails where it is not one sound page that fetches and runs nothing."""
    root = ET.fromstring(source)
    _check_page(source, root)
    (tiles,) = (element for element in _all(root, "dl"))
    return Report(
        bars=[_bar(group) for group in _all(root, "g")],
        chart_text=" ".join(_text(caption) for caption in _all(root, "figcaption")),
        tiles={_text(_all(tile, "dt")[0]): int(_text(_all(tile, "dd")[0])) for tile in _all(tiles, "div")},
        alarming=[_text(_all(tile, "dt")[0]) for tile in _all(tiles, "div") if tile.get("class") == "bad"],
        rows=[[_text(cell) for cell in row if _name(cell) in ("th", "td")] for row in _all(root, "tr")],
        fine=[_text(_all(body, "th")[0]) for body in _all(root, "tbody") if body.get("class") == "fine"],
        coverage=" ".join(
            _text(line)
            for element in _all(root, "div")
            if element.get("class") == "problems"
            for line in _all(element, "p")
        ),
        problems=[_text(item) for item in _all(root, "li")],
        text=_text(_all(root, "body")[0]),
    )


def _check_page(source: str, root: ET.Element) -> None:
    page = _Browser()
    page.feed(source)
    page.close()
    # A browser and an XML parser find the same elements.
    assert sorted(page.tags) == sorted(_name(element).lower() for element in root.iter())
    assert page.open == []
    assert "script" not in page.tags
    (style,) = _all(root, "style")
    assert page.references + re.findall(r"url\(|@import", style.text or "") == []
    for table in _all(root, "table"):
        _check_table(table)
    # For those who do not see it: an image has a name, and a text that everybody sees too.
    for figure in _all(root, "figure"):
        (svg,), (caption,) = _all(figure, "svg"), _all(figure, "figcaption")
        assert svg.get("aria-labelledby") == _all(svg, "title")[0].get("id")
        assert svg.get("aria-describedby") == caption.get("id")
        assert _text(caption)
    assert len(_all(root, "figure")) == len(_all(root, "svg"))


# A browser takes a table for none where its style makes cards of the rows, unless the elements say what they are.
_ROLES = {"table": "table", "thead": "rowgroup", "tbody": "rowgroup", "tr": "row", "td": "cell"}
_HEADS = {"col": "columnheader", "row": "rowheader", "rowgroup": "rowheader"}


def _check_table(table: ET.Element) -> None:
    """Check that a table has heads, and says on a narrow screen too which column a cell is of."""
    heads = [_text(head) for head in _all(_all(table, "thead")[0], "th")]
    for element in table.iter():
        wanted = _ROLES.get(_name(element)) or _HEADS.get(element.get("scope", ""))
        assert element.get("role") == wanted, ET.tostring(element)
    for row in _all(table, "tr"):
        columns = [cell.get("data-column") for cell in _all(row, "td") if not cell.get("colspan")]
        assert columns == (heads[-len(columns) :] if columns else [])


def _bar(group: ET.Element) -> Bar:
    (rectangle,) = _all(group, "rect")
    classes = rectangle.get("class", "").split()
    assert "bar" in classes
    return Bar(_text(_all(group, "title")[0]), float(rectangle.get("width", "-1")), "old" in classes)


def _text(element: ET.Element) -> str:
    return re.sub(r"\s+", " ", "".join(element.itertext())).strip()


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _all(element: ET.Element, name: str) -> list[ET.Element]:
    return [inner for inner in element.iter() if _name(inner) == name]
