# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user gets: the tarball, and the collection installed from it, with no way to another copy of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

# The copy of the repository that these tests lie in.
STAGED = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Tarball:
    """A built collection: where it is, the files in it, and what Galaxy is told of it."""

    path: Path
    files: frozenset[str]
    about: dict[str, Any]


@dataclass(frozen=True)
class Installation:
    """A home folder with the collection in it, and an environment that leads to no other copy of it."""

    home: Path
    environment: dict[str, str]

    @property
    def collections(self) -> Path:
        """Where ansible-galaxy puts collections unless told otherwise."""
        return self.home / ".ansible" / "collections"

    @property
    def collection(self) -> Path:
        """The installed collection."""
        return self.collections / "ansible_collections" / "sshkeys" / "aws"


def run(command: list[str], environment: dict[str, str], cwd: Path) -> str:
    """Run a command that must succeed, and return what it printed."""
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


REPOSITORY = "https://github.com/sshkeys-aws/sshkeys.aws"
# Where a reader of the tarball, or of its page on Galaxy, follows links.
_WITH_LINKS = ("README.md", "galaxy.yml", "docs/docsite/rst/*.rst", "roles/*/README.md")


def link_to_tag(collection: Path) -> None:
    """Let the links into the repository lead to the tag of this version, and no longer to main, which goes on."""
    version = yaml.safe_load((collection / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    for path in (path for pattern in _WITH_LINKS for path in collection.glob(pattern)):
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(rf"({re.escape(REPOSITORY)}/(?:blob|tree))/main/", rf"\1/v{version}/", text), "utf-8")


def build(source: Path, target: Path) -> Tarball:
    """Build the collection in ``source``, as it goes to Galaxy. The folder ``target`` has no tarball yet."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "aws")
        shutil.copytree(source, copy, ignore=shutil.ignore_patterns(".git", ".build", ".venv", "output"), symlinks=True)
        link_to_tag(copy)
        run(["ansible-galaxy", "collection", "build", "--output-path", str(target)], dict(os.environ), copy)
    (path,) = target.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        files = frozenset(member.name for member in archive if not member.isdir())
        manifest = archive.extractfile("MANIFEST.json")
        assert manifest is not None
        about = json.load(manifest)["collection_info"]
    return Tarball(path, files, about)


def keep(tarball: Tarball, folder: Path) -> None:
    """Put a copy into a folder, as the only tarball there. Another run of the tests may do the same at that moment."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as unfinished:
        copy = Path(shutil.copy2(tarball.path, unfinished))
        copy.replace(folder / copy.name)
    for old in set(folder.glob("*.tar.gz")) - {folder / tarball.path.name}:
        old.unlink(missing_ok=True)


def install(tarball: Tarball, home: Path) -> Installation:
    """Install the tarball for a user who has nothing else. Its dependencies are those next to ansible-core."""
    kept = ("PATH", "TMPDIR", "LC_ALL", "NO_COLOR")
    environment = {name: os.environ[name] for name in kept} | {"HOME": str(home)}
    command = ["ansible-galaxy", "collection", "install", "--offline", str(tarball.path)]
    run(command, environment, home)
    return Installation(home, environment)
