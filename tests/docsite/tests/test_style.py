# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The colors of the site's tables can be read: their contrast is that of WCAG 2.2, level AA, in both themes."""

from __future__ import annotations

import re
from itertools import product

import pytest
from ansible_collections.sshkeys.aws.tests.docsite.make_pages import ROOT

# https://www.w3.org/TR/WCAG22/#contrast-minimum
ENOUGH = 4.5

STYLE = (ROOT / "tests/docsite/static/docsite.css").read_text(encoding="utf-8")
LIGHT, BY_SWITCH, BY_SYSTEM = (
    dict(re.findall(r"(--[\w-]+|color-scheme): (#[0-9a-f]{6}|\w+);", block))
    for block in re.findall(r"\{([^{}]*color-scheme: \w+;[^{}]*)\}", STYLE)
)
DARK = LIGHT | BY_SWITCH
BACKGROUNDS = [
    f"--antsibull-{name}-background{end}" for name, end in (("table", "-even"), ("table", "-odd"), ("narrowtable", ""))
]
TEXTS = [name for name in LIGHT if re.match("--antsibull-(option|attribute)-", name) and LIGHT[name] != "inherit"]


def luminance(color: str) -> float:
    """Return the relative luminance of a color: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_measured() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_the_switch_and_the_system_give_the_same_dark_theme() -> None:
    assert BY_SWITCH == BY_SYSTEM
    assert (LIGHT["color-scheme"], DARK["color-scheme"]) == ("light", "dark")


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_texts_of_tables_can_be_read(colors: dict[str, str]) -> None:
    assert len(TEXTS) > 5
    pairs = [*product(TEXTS, BACKGROUNDS), ("--antsibull-links-text", "--antsibull-links-background")]
    faint = {(text, on) for text, on in pairs if contrast(colors[text], colors[on]) < ENOUGH}
    assert faint == set()
