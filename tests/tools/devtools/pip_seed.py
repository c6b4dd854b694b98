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

from .project import Project

_GET_PIP = """\
import os
import sys

wheel = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pip-{version}-py3-none-any.whl")
sys.path.insert(0, wheel)

from pip._internal.cli.main import main

sys.exit(main(["install", "--quiet", "--no-index", "--no-deps", wheel]))
"""


def seed_pip(project: Project) -> None:
    """Fill the cache, once. Where PyPI cannot be reached, ansible-test is left to try its own way."""
    cache = project.home / ".ansible" / "test" / "cache"
    for version in _wanted_versions(project):
        script = cache / f"get_pip_{version.replace('.', '_')}.py"
        if script.exists():
            continue
        cache.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(cache)]
        done = subprocess.run(
            [*command, f"pip=={version}"], env=project.environment(), capture_output=True, check=False
        )
        if done.returncode == 0:
            script.write_text(_GET_PIP.format(version=version), encoding="utf-8")


def _wanted_versions(project: Project) -> list[str]:
    installed = project.installed_collections.parent / "ansible_test" / "_internal" / "python_requirements.py"
    return versions_in(installed.read_text(encoding="utf-8")) if installed.exists() else []


def versions_in(source: str) -> list[str]:
    """Return the versions of pip that a release of ansible-test asks for."""
    return sorted(set(re.findall(r"\bpip\s*=\s*'([0-9.]+)'", source)))
