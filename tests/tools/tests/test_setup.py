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

SETUP = Path(__file__).parents[1] / "setup.sh"
REQUIREMENTS = SETUP.parents[1] / "requirements"
(NEWEST,) = re.findall(r"^# Python 3\.\d+ to ([\d.]+)", Path(f"{REQUIREMENTS}.txt").read_text("utf-8"), re.MULTILINE)

# An interpreter that calls itself another version than it is.
PYTHON = """\
#!{executable}
import sys
version = {version}
sys.version_info = (*version, "final", 0)
sys._base_executable = __file__
if sys.argv[1] == "--version":
    print("Python " + ".".join(map(str, version)))
else:
    code = sys.argv[2]
    sys.argv = ["-c", *sys.argv[3:]]
    exec(code)
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
    numbers = tuple(map(int, version.split(".")))
    file.write_text(PYTHON.format(executable=Path(sys.executable).resolve(), version=numbers), encoding="utf-8")
    file.chmod(0o755)
    return file


def run(functions: str, path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run functions of setup.sh with nothing on PATH but that folder."""
    return subprocess.run(
        ["bash", "-c", f"source '{SETUP}'\n{functions}"],
        env={"PATH": str(path), "HOME": str(path.parent), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("installed", "taken"),
    [
        (["bin/python3 3.98.2", "bin/python3.9 3.9.1", "bin/python3.12 3.12.1", "bin/python3.11 3.11.1"], 2),
        (
            [
                "bin/python3 3.98.2",
                ".pyenv/versions/3.11.7/bin/python3 3.11.7",
                ".pyenv/versions/3.9.7/bin/python3 3.9.7",
            ],
            1,
        ),
        (["bin/python3 3.10.1", "bin/python3.99 3.99.0"], 1),
        (["bin/python3 3.98.2"], 0),
    ],
)
def test_one_that_was_tried_is_taken_before_a_newer_one(pythons: Path, installed: list[str], taken: int) -> None:
    files = [install(pythons.parent / name, version) for name, version in map(str.split, installed)]
    done = run("find_python", pythons)
    assert (done.returncode, done.stderr, done.stdout.strip()) == (0, "", str(files[taken]))


@pytest.mark.parametrize("version", ["3.98.2", "4.0.0", "3.12.9"])
def test_a_newer_one_is_told_and_not_refused(pythons: Path, version: str) -> None:
    done = run(f"tell_if_untried '{install(pythons / 'python3', version)}'", pythons)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        ""
        if version == "3.12.9"
        else f"setup: Python {version} is newer than {NEWEST}, the newest version of Python that was tried. "
        f"If something fails, use an older one: make setup PYTHON=/path/to/python{NEWEST}.\n"
    )


def test_one_can_be_named_and_an_older_one_is_refused(pythons: Path) -> None:
    older, newer = install(pythons / "python3", "3.10.13"), install(pythons.parent / "newer", "3.98.2")
    assert run("find_python", pythons, PYTHON=str(newer)).stdout.strip() == str(newer)
    named = run("find_python", pythons, PYTHON=str(older))
    assert (named.returncode, named.stdout) == (1, "")
    assert named.stderr == f"setup: PYTHON={older} is not a Python 3.11 or later that runs.\n"
    done = run("find_python", pythons)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Python 3.11 or later is needed for tests/requirements.txt, and none was found." in done.stderr


def test_every_ansible_core_says_which_python_it_needs() -> None:
    files = sorted(REQUIREMENTS.glob("core-*.txt"))
    said = [re.findall(r"^# Python 3\.\d+ to 3\.\d+$", file.read_text("utf-8"), re.MULTILINE) for file in files]
    assert len(said) > 1
    assert [len(lines) for lines in said] == [1] * len(files)
