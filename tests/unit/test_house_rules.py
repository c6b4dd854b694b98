# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for every file of the repository."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from pathlib import Path

from ansible_collections.sshkeys.aws.tests.tools.staged import listing

# The staged copy, which has the files of the repository and no others.
ROOT = Path(__file__).parents[2]
FILES = [name for name in listing(ROOT) if not name.startswith("tests/output/")]
LICENSE = "SPDX-License-Identifier: GPL-3.0-or-later"

# The text of the license itself, under the two names that people and tools look for.
LICENSE_TEXTS = ("COPYING", "LICENSES/GPL-3.0-or-later.txt")


def test_every_file_says_its_license() -> None:
    annotations = tomllib.loads((ROOT / "REUSE.toml").read_text(encoding="utf-8"))["annotations"]
    annotated = [pattern for annotation in annotations for pattern in annotation["path"]]
    silent = [
        name
        for name in FILES
        if name not in LICENSE_TEXTS
        and f"{name}.license" not in FILES
        and not any(fnmatch.fnmatch(name, pattern) for pattern in annotated)
        and LICENSE not in "".join((ROOT / name).read_text(encoding="utf-8").splitlines(keepends=True)[:10])
    ]
    assert silent == []


def test_sanity_has_no_ignore_file() -> None:
    assert [name for name in FILES if re.fullmatch(r"tests/sanity/ignore.*", name)] == []


def test_requirements_are_exact() -> None:
    lines = [
        line
        for name in FILES
        if re.fullmatch(r"tests/requirements(/[\w.-]+)?\.txt", name)
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines()
        if line and not line.startswith(("#", "-r "))
    ]
    assert lines
    assert [
        line for line in lines if not re.fullmatch(r"[A-Za-z0-9-]+(\[[a-z0-9,-]+\])?==[0-9.]+([ab]|rc)?\d*", line)
    ] == []


def test_nothing_compiled_is_kept() -> None:
    assert [name for name in FILES if name.endswith(".pyc")] == []
