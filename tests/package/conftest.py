# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tarball is built once, and installed once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from ansible_collections.sshkeys.aws.tests.package.packages import STAGED, Installation, Tarball, build, install
from devtools.stage import listing


@pytest.fixture(scope="session")
def collection_files() -> list[str]:
    """Return the files of the repository."""
    return listing(STAGED)


@pytest.fixture(scope="session")
def tarball() -> Tarball:
    """Build the tarball, and keep it in .build/package, where whoever releases it finds it."""
    return build(STAGED, STAGED.parents[2] / "package")


@pytest.fixture(scope="session")
def installation(tarball: Tarball, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Install the tarball into a home folder of its own."""
    home = tmp_path_factory.mktemp("home")
    yield install(tarball, home)
    shutil.rmtree(home)
