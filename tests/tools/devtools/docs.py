# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTML documentation: antsibull-docs writes pages in reStructuredText, and Sphinx makes HTML of them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from .project import Project


@dataclass(frozen=True)
class Docsite:
    """The documentation as a site of its own, and the folders it is made in."""

    project: Project

    @property
    def rst(self) -> Path:
        """What Sphinx reads: the pages of the plugins and roles, and the guides."""
        return self.project.build / "docs" / "rst"

    @property
    def html(self) -> Path:
        """The site."""
        return self.project.build / "docs" / "html"

    @property
    def index(self) -> Path:
        """Its first page."""
        return self.html / "index.html"

    def make_folders(self) -> None:
        """Make the folders, empty: a page that is gone must not stay, nor a warning be lost with a page kept."""
        shutil.rmtree(self.project.build / "docs", ignore_errors=True)
        # antsibull-docs writes only to a folder that nobody else can write to.
        self.rst.mkdir(parents=True, mode=0o755)

    def collect(self) -> list[str]:
        """Return the command that writes the pages in reStructuredText."""
        options = ["--use-current", "--squash-hierarchy", "--fail-on-error", "--dest-dir", str(self.rst)]
        return ["antsibull-docs", "collection", *options, "sshkeys.aws"]

    def add_images(self) -> None:
        """Put the images of the guides where the guides are: antsibull-docs takes files of reStructuredText alone."""
        guides = self.project.staged / "docs" / "docsite" / "rst"
        shutil.copytree(guides / "images", self.rst / "docsite" / "images")

    def render(self) -> list[str]:
        """Return the command that makes HTML of the pages. Any warning of Sphinx makes it fail."""
        settings = self.project.staged / "tests" / "tools" / "docsite"
        options = ["--builder=html", "--fail-on-warning", "--keep-going", "--nitpicky", "--quiet"]
        return ["sphinx-build", *options, f"--conf-dir={settings}", str(self.rst), str(self.html)]
