# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The staged copy is the same as the checkout, and a command in it runs in an environment of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import staged


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a checkout with a file that it ignores, and with one that git does not know yet."""
    root = tmp_path / "a checkout"
    (root / "plugins").mkdir(parents=True)
    for name, text in {".gitignore": "*.log\n.build\n", "plugins/a.py": "a", "new": "n", "some.log": "l"}.items():
        (root / name).write_text(text)
    (root / "link").symlink_to("new")
    subprocess.run(["git", "init", "--quiet", str(root)], check=True)
    subprocess.run(["git", "-C", str(root), "add", "plugins"], check=True)
    return root


def content(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text() for name in staged.listing(folder)}


def test_the_copy_has_what_git_tracks_or_would_track(source: Path, tmp_path: Path) -> None:
    copy = tmp_path / "c/sshkeys/aws"
    staged.stage(source, copy)
    assert list(content(copy)) == [".gitignore", "link", "new", "plugins/a.py"]
    assert content(copy) == content(source)
    assert (copy / "link").is_symlink()
    assert (tmp_path / "c/amazon/aws/galaxy.yml").exists() or (tmp_path / "c/amazon/aws/MANIFEST.json").exists()


def test_the_copy_follows_every_change(source: Path, tmp_path: Path) -> None:
    copy = tmp_path / "c/sshkeys/aws"
    staged.stage(source, copy)
    (copy / "tests/output").mkdir(parents=True)
    (copy / "tests/output/kept").touch()
    (source / "plugins/a.py").unlink()
    (source / "new").write_text("longer than before")
    (source / "link").unlink()
    (source / "link").write_text("a file in its place")
    staged.stage(source, copy)
    assert {name: text for name, text in content(copy).items() if "output" not in name} == content(source)
    assert not (copy / "plugins").exists()
    assert (copy / "tests/output/kept").exists()


def test_the_environment_is_free_of_the_users_own_settings(tmp_path: Path) -> None:
    foreign = ("AWS_PROFILE", "ANSIBLE_STRATEGY", "GIT_DIR", "PYTHONPATH", "XDG_CACHE_HOME", "SSH_AUTH_SOCK", "TMPDIR")
    ours = dict.fromkeys(foreign, "foreign") | {"PIP_INDEX_URL": "needed", "HOME": "foreign"}
    environment = staged.environment(ours, tmp_path)
    assert "foreign" not in environment.values()
    assert environment["PIP_INDEX_URL"] == "needed"
    assert environment["TMPDIR"] == str(tmp_path)


def test_interpreters_take_the_place_of_the_shims_of_pyenv(tmp_path: Path) -> None:
    for name in ("shims", "versions/3.8.18/bin", "versions/3.13.0/bin", "versions/2.7.18/bin", "versions/work/bin"):
        (tmp_path / name).mkdir(parents=True)
    path = staged.tool_path({"PATH": f"/usr/local/bin:{tmp_path}/shims:/usr/bin"}, Path("/venv/bin/python"))
    behind = [f"{tmp_path}/versions/3.13.0/bin", f"{tmp_path}/versions/3.8.18/bin"]
    assert path.split(":") == ["/venv/bin", "/usr/local/bin", "/usr/bin", *behind]
    by_variable = staged.tool_path({"PATH": "/usr/bin", "PYENV_ROOT": str(tmp_path)}, Path("/venv/bin/python"))
    assert by_variable.split(":") == ["/venv/bin", "/usr/bin", *behind]


# In a process of its own, since it decides what signals do.
RUN = """
import sys
from pathlib import Path
import staged
staged.CHECKOUT, staged.BUILD = Path(sys.argv[1]), Path(sys.argv[1], ".build")
staged.STAGED = staged.BUILD / "ansible_collections/sshkeys/aws"
sys.exit(staged.main(sys.argv[2:]))
"""


def start(source: Path, script: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(staged.__file__).parent)}
    command = [sys.executable, "-c", RUN, str(source), "sh", "-c", script]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("command", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143)])
def test_the_run_folder_goes_with_the_command_and_the_status_is_its(source: Path, command: str, status: int) -> None:
    with start(source, f"echo $TMPDIR; test -w $TMPDIR || exit 99; {command}") as process:
        folder, _nothing = process.communicate()
    assert process.returncode == status
    assert Path(folder).name.startswith("sshkeys-")
    assert not Path(folder.strip()).exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_that_the_command_has_started(source: Path, number: int) -> None:
    # One with a session of its own, one whose parent has ended, and one that is deaf to SIGTERM.
    script = 'setsid sleep 97 & (sleep 98 &) ; (trap "" TERM; exec sleep 3) & echo $TMPDIR; wait'
    with start(source, script) as process:
        assert process.stdout
        folder = Path(process.stdout.readline().strip())
        process.send_signal(number)
        assert process.wait() == -number
        # The pipe is open as long as one of them lives.
        assert process.stdout.read() == ""
    assert not folder.exists()


def test_a_renewed_environment_has_its_own_collections_beside_the_copy(source: Path) -> None:
    assert start(source, "exit 0").wait() == 0
    link = source / ".build/ansible_collections/amazon"
    target = link.readlink()
    link.unlink()
    link.symlink_to(source / "of another Python")
    assert start(source, "exit 0").wait() == 0
    assert link.readlink() == target
