# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder of a user who logs in by hand: where it is, whose it is, and how long it is there."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import run_guard, user_folder
from ansible_collections.sshkeys.aws.tests.waiting import wait_until


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return where the folder is to be."""
    return tmp_path / "sshkeys.aws"


def hold(folder: Path) -> None:
    with user_folder.held(str(folder)):
        pass


@pytest.mark.parametrize("runtime", [None, "", "relative", "/nonexistent"])
def test_without_a_runtime_folder_it_is_the_users_own_below_the_temporary_one(
    runtime: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    if runtime is not None:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    assert user_folder.path() == f"{tmp_path}/sshkeys.aws-{os.geteuid()}"


def test_it_is_in_the_runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert user_folder.path() == f"{tmp_path}/sshkeys.aws"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_it_is_made_private_and_stays_when_it_is_let_go(folder: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with user_folder.held(str(folder)) as held:
            assert os.path.samestat(os.fstat(held), folder.stat())
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(held)


def with_mode(mode: int) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.mkdir()
        path.chmod(mode)

    return make


def to_a_private_folder(path: Path) -> None:
    target = path.parent / "target"
    target.mkdir(mode=0o700)
    path.symlink_to(target)


@pytest.mark.parametrize(
    "make",
    [
        with_mode(0o755),
        with_mode(0o710),
        with_mode(0o777),
        Path.touch,
        lambda path: path.symlink_to("nowhere"),
        to_a_private_folder,
    ],
    ids=["all may look", "the group may enter", "all may write", "a file", "a link to nothing", "a link"],
)
def test_what_is_not_a_folder_of_the_user_alone_is_refused(make: Callable[[Path], None], folder: Path) -> None:
    make(folder)
    with pytest.raises(ArgumentError, match="is not a folder that you own and that nobody else can enter"):
        hold(folder)


def test_a_folder_of_another_user_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(mode=0o700)
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    with pytest.raises(ArgumentError, match="is not a folder that you own"), user_folder.held(str(folder)):
        pass


def test_a_folder_that_cannot_be_made_is_a_sentence_and_no_endless_loop(tmp_path: Path) -> None:
    sentence = r"cannot be made: No such file or directory\. Run ansible-playbook sshkeys\.aws\.ssh_config where you"
    with pytest.raises(ArgumentError, match=sentence), user_folder.held(str(tmp_path / "gone" / "sshkeys.aws")):
        pass


def test_many_hold_it_at_once_and_the_last_one_ends_it(folder: Path) -> None:
    with user_folder.held(str(folder)):
        with user_folder.held(str(folder)):
            run_guard.delete_unless_held(str(folder), waits=False)
        run_guard.delete_unless_held(str(folder), waits=False)
        assert folder.is_dir()
    run_guard.delete_unless_held(str(folder), waits=False)
    assert not folder.exists()


def test_what_nobody_has_held_is_deleted(folder: Path) -> None:
    """It was left by processes that could not delete it."""
    hold(folder)
    (folder / "id_ed25519").touch()
    (folder / "guard").mkdir()
    (folder / "guard" / "file").touch()
    (folder / "link").symlink_to(folder.parent)
    hold(folder)
    assert list(folder.iterdir()) == []
    assert folder.parent.exists()


def test_what_somebody_holds_stays(folder: Path) -> None:
    with user_folder.held(str(folder)):
        (folder / "id_ed25519").touch()
        hold(folder)
        assert (folder / "id_ed25519").exists()


# Holds and deletes a folder again and again: who holds it has written a file there, and must read it again.
RACE = """
import os, random, sys, uuid
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import run_guard, user_folder

folder, seed = sys.argv[1:]
chance = random.Random(seed)
for number in range(150):
    with user_folder.held(folder) as held:
        mine = os.path.join(folder, f"{seed}-{number}")
        with open(mine, "w") as file:
            file.write(mine)
        if chance.random() < 0.3:
            os.sched_yield()
        with open(mine) as file:
            assert file.read() == mine
        os.unlink(mine)
        assert os.path.samestat(os.fstat(held), os.stat(folder))
    if chance.random() < 0.7:
        run_guard.delete_unless_held(folder, waits=chance.random() < 0.5)
run_guard.delete_unless_held(folder, waits=True)
"""


def program(source: str, *arguments: str) -> subprocess.Popen[str]:
    places = os.pathsep.join([str(Path(__file__).parents[8]), *sys.path])
    return subprocess.Popen(
        [sys.executable, "-c", source, *arguments],
        env={**os.environ, "PYTHONPATH": places},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_nobody_ever_holds_a_folder_that_is_deleted(folder: Path) -> None:
    racing = [program(RACE, str(folder), str(seed)) for seed in range(8)]
    for each in racing:
        said = each.communicate(timeout=120)[1]
        assert each.returncode == 0, said
    assert not folder.exists()


HOLD = """
import sys
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import user_folder

with user_folder.held(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_folder_goes_with_the_last_holder_also_by_sigkill(folder: Path) -> None:
    holders = [program(HOLD, str(folder)) for _number in range(3)]
    for holder in holders:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
    (folder / "id_ed25519").touch()
    guard = subprocess.Popen([sys.executable, "-I", "-S", str(run_guard.__file__), str(folder)])
    for holder in holders:
        assert (folder / "id_ed25519").exists()
        assert guard.poll() is None
        holder.kill()
        holder.communicate()
    assert guard.wait(20) == 0
    wait_until(lambda: not folder.exists(), "the folder is left")
