# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print what differs from the last commit, for ``make check``: ``changed.py units|yaml``.

``units`` are the tests that mirror the changed files: all below its folder for a helper of unit tests.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

_MIRRORS = (
    (r"(tests/(?:unit|lab|tools|docsite)/(?:.+/)?test_\w+\.py)", r"\1"),
    (r"plugins/(.+/)_?(\w+\.py)", r"tests/unit/plugins/\1test_\2"),
    (r"tests/(?:tools/)?(\w+)\.(?:py|sh)", r"tests/tools/tests/test_\1.py"),
    (r"tests/lab/.+", "tests/lab/tests"),
    (r"(?:tests/docsite|playbooks)/.+", "tests/docsite/tests"),
    (r"(tests/unit)/(.+/)?\w+\.py", r"\1/\2"),
)


def main(kind: str) -> None:
    """Print the paths. They are those of the staged copy."""
    git = ["git", "-c", "safe.directory=*", "-c", "core.quotePath=off", "-C", os.environ["CHECKOUT"]]
    listings = (["diff", "--name-only", "HEAD"], ["ls-files", "--others", "--exclude-standard"])
    changed = [
        name
        for listing in listings
        for name in subprocess.run([*git, *listing], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    ]
    found = (
        filter(None, map(unit_tests_of, changed))
        if kind == "units"
        else (n for n in changed if n.endswith((".yml", ".yaml")))
    )
    print("\n".join(sorted({name for name in found if Path(name).exists()})))


def unit_tests_of(name: str) -> str | None:
    """Return the file or folder of unit tests that mirrors a file."""
    return next((match.expand(to) for pattern, to in _MIRRORS if (match := re.fullmatch(pattern, name))), None)


if __name__ == "__main__":
    main(sys.argv[1])
