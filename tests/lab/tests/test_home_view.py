# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever path a client asks for, it leads into a target of a mapping, or nowhere."""

from __future__ import annotations

import posixpath
from typing import Any

import pytest
from hypothesis import given, strategies as st

from sshkeys_lab.home_view import HomeView

NAMES = st.sampled_from(["a", "b", "in", "..", ".", "", "...", "a b", "${transfer:UserName}", "\n"])
PATHS = st.lists(NAMES, max_size=8).map("/".join)
ABSOLUTE = PATHS.map(lambda path: f"/{path}")
MAPPINGS = st.lists(
    st.fixed_dictionaries({"Entry": ABSOLUTE, "Target": ABSOLUTE}, optional={"Type": st.sampled_from(["FILE"])}),
    min_size=1,
    max_size=4,
    unique_by=lambda mapping: posixpath.normpath(mapping["Entry"]),
)


def _view(*mappings: tuple[str, str], home: str = "/", kind: str = "DIRECTORY") -> HomeView:
    made = [{"Entry": entry, "Target": target, "Type": kind} for entry, target in mappings]
    return HomeView("ann", {"HomeDirectoryType": "LOGICAL", "HomeDirectory": home, "HomeDirectoryMappings": made})


@given(MAPPINGS, ABSOLUTE, PATHS)
def test_no_path_leads_out_of_the_targets(mappings: list[dict[str, Any]], home: str, path: str) -> None:
    profile = {"HomeDirectoryType": "LOGICAL", "HomeDirectory": home, "HomeDirectoryMappings": mappings}
    view = HomeView("ann", profile)
    place = view.place(view.resolve(path))
    targets = [
        posixpath.normpath(mapping["Target"].replace("${transfer:UserName}", "ann")).strip("/") for mapping in mappings
    ]
    if place is not None:
        assert not {"", ".", ".."} & set(place)
        assert any(not target or f"{'/'.join(place)}/".startswith(f"{target}/") for target in targets)


@given(MAPPINGS)
def test_each_entry_can_be_walked_to(mappings: list[dict[str, Any]]) -> None:
    view = HomeView("ann", {"HomeDirectoryType": "LOGICAL", "HomeDirectoryMappings": mappings})
    for mapping in mappings:
        parts = view.resolve(mapping["Entry"])
        assert view.place(parts) is not None
        assert view.is_entry(parts)
        for depth in range(len(parts)):
            assert parts[depth] in view.names_in(parts[:depth])


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/", ("b", "home")),
        ("/x", ("b", "home", "x")),
        ("x", ("b", "home", "in", "today", "x")),
        ("..", ("b", "home", "in")),
        ("../../../../x", ("b", "home", "x")),
        ("/incoming", ("c", "ann")),
        ("/incoming/../x", ("b", "home", "x")),
        ("/incoming/./x//y/", ("c", "ann", "x", "y")),
        ("/incoming2", ("b", "home", "incoming2")),
        ("//incoming/x", ("c", "ann", "x")),
    ],
)
def test_places(path: str, place: tuple[str, ...]) -> None:
    view = _view(("/", "/b/home"), ("/incoming", "/c/${transfer:UserName}"), home="/in/today")
    assert view.place(view.resolve(path)) == place


@pytest.mark.parametrize(("path", "place"), [("/f", ("b", "g")), ("/f/x", None), ("/", None), ("/g", None)])
def test_places_of_a_file(path: str, place: tuple[str, ...] | None) -> None:
    view = _view(("/f", "/b/g"), kind="FILE")
    assert view.place(view.resolve(path)) == place
    assert view.folders() == [("b",)]


def test_a_path_user_sees_all_buckets() -> None:
    view = HomeView("ann", {"HomeDirectoryType": "PATH", "HomeDirectory": "/b/${transfer:UserName}"})
    assert view.place(view.resolve("x")) == ("b", "ann", "x")
    assert view.place(view.resolve("/c/../d")) == ("d",)
    assert view.folders() == [(), ("b", "ann")]
