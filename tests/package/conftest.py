# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tarball, and the collection installed from it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.tests.package.packages import STAGED, Installation, Tarball, build, install, keep
from ansible_collections.sshkeys.aws.tests.tools.staged import listing


@pytest.fixture(scope="session")
def collection_files() -> list[str]:
    """Return the files of the repository."""
    return listing(STAGED)


@pytest.fixture(scope="session")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Tarball:
    """Build the tarball, and keep a copy in .build/package of the checkout, where the release finds it."""
    built = build(STAGED, tmp_path_factory.mktemp("package"))
    keep(built, Path(os.environ["CHECKOUT"], ".build/package"))
    return built


@pytest.fixture(scope="session")
def installation(tarball: Tarball, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Install the tarball into a home folder of its own."""
    return install(tarball, tmp_path_factory.mktemp("home"))
