# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print what has changed since the last commit: ``changed.py KIND``, for ``make check``.

KIND is ``units``, the unit tests of the changed files, which mirror plugins/ one to one; or ``yaml``, the YAML files.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

_UNIT_TEST = re.compile(r"tests/(unit|tools/tests|lab/tests)/(.*/)?test_\w+\.py")


def main(kind: str) -> int:
    """Print the files, each on a line. Returns the exit status."""
    files = changed_files(Path(os.environ["CHECKOUT"]))
    there = units_of(files) if kind == "units" else [name for name in files if name.endswith((".yml", ".yaml"))]
    print("\n".join(name for name in there if Path(name).exists()))
    return 0


def changed_files(root: Path) -> list[str]:
    """Return the files that differ from the last commit, those that git does not know among them."""
    listings = (["diff", "--name-only", "-z", "HEAD"], ["ls-files", "-z", "--others", "--exclude-standard"])
    found = [
        subprocess.run(["git", "-C", str(root), *listing], capture_output=True, text=True, check=True).stdout
        for listing in listings
    ]
    return sorted(name for name in "".join(found).split("\0") if name)


def units_of(files: list[str]) -> list[str]:
    """Return the unit tests of these files: ``plugins/a/_b.py`` has ``tests/unit/plugins/a/test_b.py``."""
    units = set()
    for name in files:
        if _UNIT_TEST.fullmatch(name):
            units.add(name)
        elif found := re.fullmatch(r"plugins/(.+/)_*(\w+)\.py", name):
            units.add(f"tests/unit/plugins/{found[1]}test_{found[2]}.py")
        elif found := re.fullmatch(r"tests/tools/(\w+)\.(py|sh)", name):
            units.add(f"tests/tools/tests/test_{found[1]}.py")
    return sorted(units)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
