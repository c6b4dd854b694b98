# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""setup.sh takes a Python that was tried where there is one, and says so where it takes another."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SETUP = Path(__file__).parents[2] / "setup.sh"
REQUIREMENTS = SETUP.parent / "requirements"
(NEWEST,) = re.findall(r"^# Python 3\.\d+ to ([\d.]+)", Path(f"{REQUIREMENTS}.txt").read_text("utf-8"), re.MULTILINE)

# An interpreter that calls itself another version than it is.
PYTHON = f"""\
#!/bin/sh
[ "$1" != --version ] || {{ echo Python VERSION; exit; }}
code=$2
shift 2
exec {Path(sys.executable).resolve()} -c "
import sys
sys.version_info = tuple(map(int, 'VERSION'.split('.')))
sys._base_executable = '$0'
$code" "$@"
"""


@pytest.fixture
def pythons(tmp_path: Path) -> Path:
    """Return a folder for interpreters, with the commands that setup.sh needs to look for them."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for command in ("bash", "dirname", "grep", "sed", "sort"):
        (folder / command).symlink_to(str(shutil.which(command)))
    return folder


def install(file: Path, version: str) -> Path:
    """Install an interpreter that says that it has this version."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(PYTHON.replace("VERSION", version), encoding="utf-8")
    file.chmod(0o755)
    return file


def run(functions: str, path: Path, **environment: str) -> tuple[int, str, str]:
    """Run functions of setup.sh with nothing on PATH but that folder: exit status, output, and errors."""
    environment |= {"PATH": str(path), "HOME": str(path.parent)}
    command = ["bash", "-c", f"source '{SETUP}'\n{functions}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("installed", "taken"),
    [
        (["bin/python3 3.98.2", "bin/python3.9 3.9.1", "bin/python3.12 3.12.1", "bin/python3.11 3.11.1"], 2),
        (["bin/python3 3.98.2", ".pyenv/versions/3.11.7/bin/python3 3.11.7"], 1),
        (["bin/python3 3.10.1", "bin/python3.99 3.99.0"], 1),
    ],
)
def test_one_that_was_tried_is_taken_before_a_newer_one(pythons: Path, installed: list[str], taken: int) -> None:
    files = [install(pythons.parent / name, version) for name, version in map(str.split, installed)]
    assert run("find_python", pythons) == (0, f"{files[taken]}\n", "")


@pytest.mark.parametrize("version", ["3.98.2", "4.0.0", "3.12.9"])
def test_a_newer_one_is_told_and_not_refused(pythons: Path, version: str) -> None:
    status, told, errors = run(f"tell_if_untried '{install(pythons / 'python3', version)}'", pythons)
    assert (status, errors) == (0, "")
    assert (f"Python {version} is newer than {NEWEST}" in told) is (version != "3.12.9") is bool(told)


def test_one_can_be_named_and_an_older_one_is_refused(pythons: Path) -> None:
    older, newer = install(pythons / "python3", "3.10.13"), install(pythons.parent / "newer", "3.98.2")
    assert run("find_python", pythons, PYTHON=str(newer)) == (0, f"{newer}\n", "")
    refused = f"setup: PYTHON={older} is not a Python 3.11 or later that runs.\n"
    assert run("find_python", pythons, PYTHON=str(older)) == (1, "", refused)
    assert "Python 3.11 or later is needed for tests/requirements.txt" in run("find_python", pythons)[2]
