# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check a built site: ``check_site.py FOLDER``.

It works without a network: no script, style, font or image comes from another site. Its links lead somewhere: to a file
of the site, and to an element of that page. Each page has a title.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a browser loads by itself: element and attribute.
_LOADED = {
    ("audio", "src"),
    ("embed", "src"),
    ("iframe", "src"),
    ("image", "href"),
    ("img", "src"),
    ("img", "srcset"),
    ("input", "src"),
    ("object", "data"),
    ("script", "src"),
    ("source", "src"),
    ("source", "srcset"),
    ("use", "href"),
    ("video", "src"),
}
# A link element with one of these loads nothing.
_LINKS_ONLY = {"author", "canonical", "index", "license", "next", "prev", "search", "top"}
_IN_STYLES = re.compile(r"""(?:url\(\s*|@import\s+)["']?(?P<url>[^"')\s;]+)""")


class Page(HTMLParser):
    """What a page loads, where its links lead, its ids, and its title."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.title = ""
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take in an element."""
        given = {name: value or "" for name, value in attrs}
        self._inside = tag
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        for name, value in given.items():
            if (tag, name) in _LOADED:
                self.loads.append(value)
        self.loads += [found["url"] for found in _IN_STYLES.finditer(given.get("style", ""))]
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "link" and not set(given.get("rel", "").split()) <= _LINKS_ONLY:
            self.loads.append(given.get("href", ""))

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        """Take in a text."""
        if self._inside == "title" and not self.title:
            self.title = data.strip()
        elif self._inside == "style":
            self.loads += [found["url"] for found in _IN_STYLES.finditer(data)]


def faults(site: Path) -> Iterator[str]:
    """Yield what is wrong with a site, a sentence each."""
    pages = {path.resolve(): Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    if not pages:
        yield f"There is no page in {site}."
    for path, page in pages.items():
        name = path.relative_to(site.resolve())
        if not page.title:
            yield f"{name} has no title."
        yield from (f"{name} loads {url}: {why}." for url in page.loads if (why := _why_not_loaded(path, url)))
        yield from (f"{name} has a link to {url}: {why}." for url in page.links if (why := _why_dead(path, url, pages)))
    for path in sorted(site.rglob("*.css")):
        urls = [found["url"] for found in _IN_STYLES.finditer(path.read_text(encoding="utf-8"))]
        yield from (
            f"{path.relative_to(site)} loads {url}: {why}." for url in urls if (why := _why_not_loaded(path, url))
        )


def _why_not_loaded(path: Path, url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "data" or not (parts.scheme or parts.netloc or parts.path):
        return ""
    if parts.scheme or parts.netloc:
        return "it comes from another site"
    return "" if _target(path, parts.path).is_file() else "there is no such file"


def _why_dead(path: Path, url: str, pages: dict[Path, Page]) -> str:
    parts = urlsplit(url)
    if parts.scheme or parts.netloc:
        return ""
    target = _target(path, parts.path) if parts.path else path
    if not target.is_file():
        return "there is no such file"
    wanted = unquote(parts.fragment)
    if wanted and target in pages and wanted not in pages[target].ids:
        return "the page has no such element"
    return ""


def _target(path: Path, link: str) -> Path:
    return Path(os.path.normpath(path.parent / unquote(link)))


if __name__ == "__main__":
    found = list(faults(Path(sys.argv[1])))
    print("\n".join(found))
    sys.exit(1 if found else 0)
