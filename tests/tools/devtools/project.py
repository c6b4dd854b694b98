# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things are, and the environment that every tool runs in."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

# What a developer has set for other work and must not change the outcome of a test.
_FOREIGN = re.compile(r"ANSIBLE_|AWS_|BOTO|GIT_|LANG|LC_|MAKE|MFLAGS|MYPY|PYTEST|PYTHON|RUFF_|SSH_|VIRTUAL_ENV|XDG_")


@dataclass(frozen=True)
class Project:
    """A checkout, an interpreter in a virtual environment, and the folders that the tools make. There are no others.

    ``part`` is a folder below .build for work with an interpreter other than .venv's, or beside other work. Everything
    is made anew in there.
    """

    root: Path
    part: str = ""
    python: Path = Path(sys.executable)

    def inside(self, part: str) -> Project:
        """Return the project with folders of its own for a part of its work, or itself where that has no name."""
        return replace(self, part=str(Path(self.part, part))) if part else self

    @property
    def build(self) -> Path:
        """Everything that is made here, apart from .venv."""
        return self.root / ".build" / self.part

    @property
    def staged(self) -> Path:
        """The copy of the collection where Ansible looks for one. All tools run in it."""
        return self.build / "ansible_collections" / "sshkeys" / "aws"

    @property
    def results(self) -> Path:
        """What the modules returned in the integration targets: a line of JSON for each task."""
        return self.staged / "tests" / "output" / "results.jsonl"

    @property
    def home(self) -> Path:
        """HOME of every tool: ansible-test, ansible and ansible-lint keep their files below it."""
        return self.build / "home"

    @property
    def logs(self) -> Path:
        """The full output of every command."""
        return self.build / "logs"

    @property
    def cache(self) -> Path:
        """What makes the second run faster."""
        return self.build / "cache"

    @property
    def tmp(self) -> Path:
        """Where the tools and the tests put temporary files."""
        return self.build / "tmp"

    @property
    def installed_collections(self) -> Path:
        """The collections that came with the PyPI package ansible."""
        return self.site_packages / "ansible_collections"

    @property
    def site_packages(self) -> Path:
        """Where the virtual environment has its packages."""
        (found,) = self.python.parents[1].glob("lib/python3.*/site-packages")
        return found

    def environment(self) -> dict[str, str]:
        """Return the environment for a tool."""
        clean = {name: value for name, value in os.environ.items() if not _FOREIGN.match(name)}
        return clean | {
            "HOME": str(self.home),
            "TMPDIR": str(self.tmp),
            "PATH": tool_path(os.environ, self.python),
            "LC_ALL": "C.UTF-8",
            "NO_COLOR": "1",
            "ANSIBLE_COLLECTIONS_PATH": str(self.build),
            # Modules of the staged copy and of amazon.aws can be imported by their full name.
            "PYTHONPATH": str(self.build),
            "PYTHONPYCACHEPREFIX": str(self.cache / "pycache"),
            # .venv and .build lie in the checkout and are ignored by it. A tool that asks git for the files of a
            # folder in there must not be told "none": see also stage.py.
            "GIT_CEILING_DIRECTORIES": str(self.root),
            "HYPOTHESIS_STORAGE_DIRECTORY": str(self.cache / "hypothesis"),
            # No test talks to the metadata address of EC2, where an SDK without credentials looks for them.
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def make_folders(self) -> None:
        """Make the folders that the environment names.

        pip finds its index in the user's own configuration, and ansible-test hands none of pip's variables on.
        """
        for folder in (self.home, self.tmp):
            folder.mkdir(parents=True, exist_ok=True)
        for name in (".config/pip/pip.conf", ".pip/pip.conf"):
            theirs, ours = Path.home() / name, self.home / name
            if theirs.is_file() and theirs != ours:
                ours.parent.mkdir(parents=True, exist_ok=True)
                ours.unlink(missing_ok=True)
                ours.symlink_to(theirs)


def tool_path(environment: Mapping[str, str], python: Path = Path(sys.executable)) -> str:
    """Return a PATH on which the tools beside ``python`` come first and every Python interpreter can really be run.

    pyenv puts shims on PATH. They exist for interpreters that are not active, and fail: ansible-test takes them for
    interpreters. So they go, and the interpreters behind them come last.
    """
    folders = [folder for folder in environment.get("PATH", os.defpath).split(os.pathsep) if folder]
    pyenvs = {Path(folder).parent for folder in folders if _is_shims(folder)}
    if "PYENV_ROOT" in environment:
        pyenvs.add(Path(environment["PYENV_ROOT"]))
    interpreters = [
        str(version / "bin")
        for pyenv in sorted(pyenvs)
        for version in sorted((pyenv / "versions").glob("3.*"))
        if re.fullmatch(r"3\.\d+\.\d+", version.name)
    ]
    tools = str(python.parent)
    ordered = [tools, *(folder for folder in folders if not _is_shims(folder)), *interpreters]
    return os.pathsep.join(dict.fromkeys(ordered))


def _is_shims(folder: str) -> bool:
    path = Path(folder)
    return path.name == "shims" and (path.parent / "versions").is_dir()


def find_project() -> Project:
    """Return the checkout that this file belongs to."""
    return Project(Path(__file__).resolve().parents[3])
