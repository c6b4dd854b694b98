# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A built site is checked for what it loads and where its links lead."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.tests.docsite.check_site import faults


def site(folder: Path, head: str = "", body: str = "", style: str = "") -> list[str]:
    """Return the faults of a site of two pages, a script and a style."""
    (folder / "sub").mkdir()
    (folder / "site.js").write_text("", encoding="utf-8")
    (folder / "site.css").write_text(style, encoding="utf-8")
    (folder / "sub/other.html").write_text(
        '<title>Other</title><h1 id="there">x</h1><a href="../index.html">x</a>', encoding="utf-8"
    )
    (folder / "index.html").write_text(
        f"<html><head><title>Site</title>{head}</head><body>{body}</body></html>", encoding="utf-8"
    )
    return list(faults(folder))


@pytest.mark.parametrize(
    "page",
    [
        {"head": '<script src="site.js?v=1"></script><link rel="stylesheet" href="site.css">'},
        {"head": '<link rel="canonical" href="https://example.com/">'},
        {"body": '<a href="https://example.com/">x</a><a href="sub/other.html#there">x</a><a href="#">x</a>'},
        {"body": '<svg><use href="#icon"></use></svg><p id="a b"></p><a href="#a%20b">x</a>'},
        {"style": 'a { background: url("data:image/png;base64,xx") }'},
        {"style": "a { background: url(site.js) }"},
    ],
)
def test_a_site_that_keeps_to_itself_has_no_fault(tmp_path: Path, page: dict[str, str]) -> None:
    assert site(tmp_path, **page) == []


OTHER = "it comes from another site"


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ({"head": '<script src="https://example.com/x.js"></script>'}, OTHER),
        ({"head": '<script src="//example.com/x.js"></script>'}, OTHER),
        ({"head": '<link rel="stylesheet" href="https://example.com/x.css">'}, OTHER),
        ({"head": '<link rel="preload" href="https://example.com/x.woff2">'}, OTHER),
        ({"head": "<style>@import 'https://example.com/x.css';</style>"}, OTHER),
        ({"body": '<img src="https://example.com/x.png">'}, OTHER),
        ({"body": '<p style="background: url(https://example.com/x.png)"></p>'}, OTHER),
        ({"style": "@font-face { src: url('https://example.com/x.woff2') }"}, OTHER),
        ({"style": "@import 'https://example.com/x.css';"}, OTHER),
        ({"body": '<img src="missing.png">'}, "there is no such file"),
        ({"body": '<a href="missing.html">x</a>'}, "there is no such file"),
        ({"body": '<a href="#missing">x</a>'}, "the page has no such element"),
        ({"body": '<a href="sub/other.html#missing">x</a>'}, "the page has no such element"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, page: dict[str, str], why: str) -> None:
    found = site(tmp_path, **page)
    assert [each.rpartition(": ")[2] for each in found] == [f"{why}."]


def test_a_page_needs_a_title(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<title> </title>", encoding="utf-8")
    assert list(faults(tmp_path)) == ["index.html has no title."]


def test_a_site_has_pages(tmp_path: Path) -> None:
    assert list(faults(tmp_path)) == [f"There is no page in {tmp_path}."]
