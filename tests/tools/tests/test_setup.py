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

from devtools.matrix import read_environments
from devtools.project import find_project

ROOT = find_project().root
SETUP = ROOT / "tests/tools/setup.sh"
MATRIX = read_environments((ROOT / "tests/matrix.toml").read_text(encoding="utf-8"))
NEWEST = max(
    (version for environment in MATRIX for version in environment.python),
    key=lambda version: [int(part) for part in version.split(".")],
)

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
    for command in ("bash", "dirname", "grep", "sort"):
        (folder / command).symlink_to(str(shutil.which(command)))
    return folder


def install(name: str, version: tuple[int, int, int], folder: Path) -> Path:
    """Install an interpreter that says that it has this version."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(PYTHON.format(executable=sys.executable, version=version), encoding="utf-8")
    file.chmod(0o755)
    return file


def run(functions: str, path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run functions of setup.sh with nothing on PATH but that folder."""
    return subprocess.run(
        ["bash", "-c", f"source {SETUP}\n{functions}"],
        env={"PATH": str(path), "HOME": str(path.parent), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def found(path: Path, **environment: str) -> str:
    """Return the path of the interpreter that setup.sh takes."""
    done = run("find_python", path, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def test_one_that_was_tried_is_taken_before_a_newer_one(pythons: Path) -> None:
    install("python3", (3, 98, 2), pythons)
    install("python3.98", (3, 98, 2), pythons)
    install("python3.9", (3, 9, 1), pythons)
    tried = install("python3.12", (3, 12, 1), pythons)
    install("python3.11", (3, 11, 1), pythons)

    assert found(pythons) == str(tried)


def test_one_of_pyenv_that_was_tried_is_taken_before_a_newer_one(pythons: Path) -> None:
    install("python3", (3, 98, 2), pythons)
    tried = install("python3", (3, 11, 7), pythons.parent / ".pyenv/versions/3.11.7/bin")
    install("python3", (3, 9, 7), pythons.parent / ".pyenv/versions/3.9.7/bin")

    assert found(pythons) == str(tried)


def test_a_newer_one_is_taken_where_there_is_no_other(pythons: Path) -> None:
    install("python3", (3, 10, 1), pythons)
    newer = install("python3.99", (3, 99, 0), pythons)

    assert found(pythons) == str(newer)


def test_a_newer_one_can_be_named(pythons: Path) -> None:
    install("python3", (3, 11, 1), pythons)
    newer = install("python3.98", (3, 98, 2), pythons)

    assert found(pythons, PYTHON=str(newer)) == str(newer)


@pytest.mark.parametrize("version", [(3, 98, 2), (3, 99, 0), (4, 0, 0)])
def test_a_newer_one_is_told_and_not_refused(pythons: Path, version: tuple[int, int, int]) -> None:
    newer = install("python3", version, pythons)

    done = run(f"tell_if_untried {newer}", pythons)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"setup: Python {'.'.join(map(str, version))} is newer than {NEWEST}, "
        "the newest version of Python that was tried. "
        f"If something fails, use an older one: make setup PYTHON=/path/to/python{NEWEST}.\n"
    )


def test_an_environment_of_a_newer_one_is_made_and_it_is_told(pythons: Path, tmp_path: Path) -> None:
    install("python3", (3, 98, 2), pythons)
    left_out = "make_venv() { :; }; install_requirements() { :; }; keep_what_is_compiled() { :; }"
    left_out += "; fingerprint() { :; }; sha256sum() { :; }"

    done = run(f"{left_out}\nstamp={tmp_path}/stamp\nset_up_python", pythons)

    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout.splitlines()
    assert said[0] == "setup: Making .venv with Python 3.98.2."
    assert f"is newer than {NEWEST}," in said[1]
    assert said[-1] == "setup: Ready."


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 9)])
def test_nothing_is_told_of_one_that_was_tried(pythons: Path, version: tuple[int, int, int]) -> None:
    done = run(f"tell_if_untried {install('python3', version, pythons)}", pythons)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_older_one_is_refused(pythons: Path) -> None:
    older = install("python3", (3, 10, 13), pythons)

    named = run("find_python", pythons, PYTHON=str(older))
    assert (named.returncode, named.stdout) == (1, "")
    assert named.stderr == f"setup: PYTHON={older} is not a Python 3.11 or later that runs.\n"

    done = run("find_python", pythons)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Python 3.11 or later is needed (ansible-core 2.19 runs on it), and none was found." in done.stderr


def test_the_newest_that_was_tried_is_that_of_the_matrix() -> None:
    assert re.findall(r"^newest_tried=(.*)$", SETUP.read_text(encoding="utf-8"), re.MULTILINE) == [NEWEST]
