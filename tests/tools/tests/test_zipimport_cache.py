# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was compiled of one zip file is used for another one, and says that it is of that one."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HOOK = Path(__file__).parents[1] / "zipimport_cache.py"
SOURCE = "def fail():\n    raise ValueError('of a module in a zip file')\n"


def run(folder: Path, zip_file: Path, environment: dict[str, str]) -> str:
    """Import a module from a zip file in an interpreter whose cache is in the folder. Returns where it fails."""
    program = f"import sys; sys.prefix = {str(folder)!r}; sys.path.insert(0, {str(zip_file)!r}); "
    program += f"import runpy; runpy.run_path({str(HOOK)!r}); import a_module; a_module.fail()"
    # Without those of the environment that the tests run in.
    command = [sys.executable, "-S", "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "ValueError: of a module in a zip file" in done.stderr
    return done.stderr


@pytest.fixture
def zip_files(tmp_path: Path) -> list[Path]:
    files = [tmp_path / name for name in ("one.zip", "other.zip")]
    for file in files:
        with zipfile.ZipFile(file, "w") as written:
            written.writestr("a_module.py", SOURCE)
    return files


def test_it_is_compiled_once(tmp_path: Path, zip_files: list[Path]) -> None:
    """What was kept is what is run, and a traceback names the zip file that it is run from."""
    first, second = zip_files
    assert f'"{first / "a_module.py"}", line 2, in fail' in run(tmp_path, first, dict(os.environ))
    (kept,) = (path for path in (tmp_path / "zipimport-cache").rglob("*") if path.is_file())
    at = kept.stat().st_mtime_ns
    assert f'"{second / "a_module.py"}", line 2, in fail' in run(tmp_path, second, dict(os.environ))
    assert kept.stat().st_mtime_ns == at
    kept.write_bytes(b"damaged")
    run(tmp_path, first, dict(os.environ))
    assert kept.read_bytes() != b"damaged"


def test_a_benchmark_does_not_gain(tmp_path: Path, zip_files: list[Path]) -> None:
    run(tmp_path, zip_files[0], {**os.environ, "NO_ZIPIMPORT_CACHE": "1"})
    assert not (tmp_path / "zipimport-cache").exists()
