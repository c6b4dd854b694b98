# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Give ansible-test the pip that it puts into its virtual environments.

ansible-test downloads a get-pip.py from a host of its own, which is often not to be reached where PyPI is. A script of
that name in its cache, with a wheel from PyPI beside it, does the same without.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import ansible

_GET_PIP = """\
import os
import sys

wheel = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pip-{version}-py3-none-any.whl")
sys.path.insert(0, wheel)

from pip._internal.cli.main import main

sys.exit(main(["install", "--quiet", "--no-index", "--no-deps", wheel]))
"""


def main() -> None:
    """Fill the cache below HOME, once. Where PyPI cannot be reached, ansible-test is left to try its own way."""
    cache = Path.home() / ".ansible/test/cache"
    cache.mkdir(parents=True, exist_ok=True)
    source = Path(ansible.__file__).parents[1] / "ansible_test/_internal/python_requirements.py"
    for version in set(re.findall(r"\bpip\s*=\s*'([0-9.]+)'", source.read_text(encoding="utf-8"))):
        script = cache / f"get_pip_{version.replace('.', '_')}.py"
        if script.exists():
            continue
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(cache)]
        if subprocess.run([*command, f"pip=={version}"], capture_output=True, check=False).returncode == 0:
            script.write_text(_GET_PIP.format(version=version), encoding="utf-8")


if __name__ == "__main__":
    main()
