# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders of a run: whose they are, where they are, and files that are written once."""

from __future__ import annotations

import multiprocessing
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ansible import constants as C  # noqa: N812 - as ansible-core names it
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import run_folder as module
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.run_folder import (
    RunFolderError,
    broker_name,
    controller,
    made_once,
    path_once,
    run_folder,
    state_folder,
    write_once,
)


@pytest.fixture(autouse=True)
def local_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test the temporary folder of a run of its own, and return it."""
    monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(tmp_path / "local_tmp"))
    return tmp_path / "local_tmp"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_folder_of_the_run_is_private_and_lies_in_the_one_that_ansible_deletes(local_tmp: Path, umask: int) -> None:
    local_tmp.mkdir()
    before = os.umask(umask)
    try:
        folder = Path(run_folder())
    finally:
        os.umask(before)
    assert folder == local_tmp / "sshkeys.aws"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert run_folder() == str(folder)


def test_a_worker_that_outlives_the_run_makes_no_folder(local_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would delete it."""
    monkeypatch.setattr(module, "controller", lambda: 0)
    with pytest.raises(RunFolderError, match="has ended"):
        run_folder()
    assert not local_tmp.exists()


def test_a_folder_that_cannot_be_made_is_a_sentence(local_tmp: Path) -> None:
    local_tmp.touch()
    with pytest.raises(RunFolderError, match=r"cannot be made: Not a directory\. Look at ANSIBLE_LOCAL_TEMP\."):
        run_folder()


@pytest.mark.parametrize(
    ("variable", "folder"),
    [
        ("/state", "/state/sshkeys.aws"),
        (None, "/home/somebody/.local/state/sshkeys.aws"),
        ("", "/home/somebody/.local/state/sshkeys.aws"),
        # The specification has relative paths ignored.
        ("state", "/home/somebody/.local/state/sshkeys.aws"),
    ],
)
def test_what_outlives_a_run_is_where_the_user_keeps_state(
    variable: str | None, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    if variable is None:
        monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    else:
        monkeypatch.setenv("XDG_STATE_HOME", variable)
    assert state_folder() == folder


# What ansible-playbook and the worker of a task say of the controller.
WORKER = """
import multiprocessing, os
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.run_folder import controller

queue = multiprocessing.get_context("fork").Queue()
worker = multiprocessing.get_context("fork").Process(target=lambda: queue.put(controller()))
worker.start()
print(queue.get(timeout=20) == os.getpid() == controller())
"""


def test_the_controller_is_the_same_in_the_worker_of_a_task() -> None:
    places = os.pathsep.join([str(Path(__file__).parents[8]), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", WORKER], env={**os.environ, "PYTHONPATH": places}, capture_output=True, check=False
    )
    assert done.stdout == b"True\n", done.stderr.decode()


def test_the_controller_of_a_process_without_a_parent_is_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: None)
    assert controller() == os.getpid()


def test_a_file_is_named_after_what_is_in_it(tmp_path: Path) -> None:
    one, two = (write_once(str(tmp_path), text, ".json") for text in ("one", "größer"))
    assert [Path(path).read_text(encoding="utf-8") for path in (one, two)] == ["one", "größer"]
    assert write_once(str(tmp_path), "one", ".pub") == one.removesuffix(".json") + ".pub"
    assert all(path.endswith(".json") for path in (one, two))


def test_a_file_is_written_once(tmp_path: Path) -> None:
    path = Path(write_once(str(tmp_path), "one", ".json"))
    inode = path.stat().st_ino
    assert write_once(str(tmp_path), "one", ".json") == str(path)
    assert path.stat().st_ino == inode
    path.unlink()
    assert write_once(str(tmp_path), "one", ".json") == str(path)
    assert path.exists()


def test_where_a_file_is_to_be_is_known_before_it_is_written(tmp_path: Path) -> None:
    path = path_once(str(tmp_path), "größer", ".pub")
    assert list(tmp_path.iterdir()) == [tmp_path / "local_tmp"] * (tmp_path / "local_tmp").exists()
    assert write_once(str(tmp_path), "größer", ".pub") == path


def test_what_is_written_is_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = Path(write_once(str(tmp_path), "secret", ".json"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_workers_that_write_the_same_leave_one_whole_file(tmp_path: Path) -> None:
    text = "x" * 1_000_000
    with ThreadPoolExecutor(8) as pool:
        paths = set(pool.map(lambda _number: write_once(str(tmp_path), text, ".json"), range(16)))
    (path,) = paths
    assert [str(file) for file in tmp_path.iterdir() if file.is_file()] == [path]
    assert Path(path).read_text(encoding="utf-8") == text


def test_what_is_made_for_the_run_is_made_once(tmp_path: Path) -> None:
    made = []

    def make() -> dict[str, object]:
        made.append(1)
        return {"größer": [1, None, True]}

    for _worker in range(3):
        assert made_once(str(tmp_path), "options.json", make) == {"größer": [1, None, True]}
    assert made == [1]
    assert made_once(str(tmp_path), "other.json", dict) == {}
    assert sorted(file.name for file in tmp_path.iterdir() if file.is_file()) == ["options.json", "other.json"]


def test_workers_that_make_the_same_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    text = "x" * 1_000_000
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _number: made_once(str(tmp_path), "options.json", lambda: {"a": text}), range(16)))
    assert made == [{"a": text}] * 16
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["options.json"]


# -- The name of a broker ----------------------------------------------------------------------------------------------


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a program for a broker, in an environment of which all is known."""
    for name in set(os.environ) - {"PATH", "HOME"}:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "broker.py"
    path.touch()
    return path


def test_who_has_the_same_environment_and_folder_and_version_shares_a_broker(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "fleet")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    name = broker_name(str(program))
    assert name == broker_name(str(program))
    # Another order is no other environment.
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_PROFILE", "fleet")
    assert name == broker_name(str(program))
    # The path of a socket may be no longer than about a hundred bytes.
    assert len(name) < 30
    assert os.sep not in name


@pytest.mark.parametrize(
    "variable",
    [
        "AWS_PROFILE",
        "AWS_SECRET_ACCESS_KEY",
        "EC2_SECRET_KEY",
        "HTTPS_PROXY",
        "https_proxy",
        "no_proxy",
        "HOME",
        "PATH",
        "SSH_AUTH_SOCK",
        "SSL_CERT_FILE",
        "XDG_STATE_HOME",
        # botocore trusts these certificates (endpoint.py, _get_verify_value).
        "REQUESTS_CA_BUNDLE",
    ],
)
def test_who_has_another_value_of_what_is_read_has_another_broker(
    program: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    names = {broker_name(str(program))}
    for value in ("one", "another", "", "größer\udcff"):
        monkeypatch.setenv(variable, value)
        names.add(broker_name(str(program)))
    assert len(names) == 5


@pytest.mark.parametrize("variable", ["ANSIBLE_TASK", "BUILD_NUMBER", "LINES", "MY_AWS_PROFILE", "PS1", "_"])
def test_a_variable_that_nothing_reads_makes_no_other_broker(
    program: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    name = broker_name(str(program))
    monkeypatch.setenv(variable, "one")
    assert name == broker_name(str(program))


def test_two_environments_never_look_the_same(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value may hold whatever a name and another value look like."""
    monkeypatch.setenv("AWS_A", "1\nAWS_B=2")
    joined = broker_name(str(program))
    monkeypatch.setenv("AWS_A", "1")
    monkeypatch.setenv("AWS_B", "2")
    assert broker_name(str(program)) != joined


def test_who_is_in_another_folder_has_another_broker(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A profile may name a file relative to it."""
    name = broker_name(str(program))
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert broker_name(str(program)) != name


def test_another_program_and_one_that_was_installed_again_has_another_broker(program: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.py"
    other.touch()
    names = [broker_name(str(program)), broker_name(str(other))]
    # Installed again, with the time of its release.
    before = program.stat()
    new = tmp_path / "new.py"
    new.touch()
    os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
    new.replace(program)
    names.append(broker_name(str(program)))
    # Changed in place.
    os.utime(program, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    names.append(broker_name(str(program)))
    assert len(set(names)) == 4


def test_the_folder_of_a_broker_is_where_it_will_be(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker of a user is in the home folder, wherever ssh is."""
    name = broker_name(str(program))
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert broker_name(str(program), str(tmp_path)) == name


@pytest.mark.parametrize("variable", ["SSH_TTY", "SSH_CONNECTION", "SSH_AUTH_SOCK"])
def test_a_login_session_makes_no_other_broker_for_one_that_does_not_ask_ssh(
    program: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    name, for_ssh = (broker_name(str(program), reads_ssh=reads) for reads in (False, True))
    # Without such a variable there is nothing to tell apart.
    assert name == for_ssh
    monkeypatch.setenv(variable, "one")
    assert broker_name(str(program), reads_ssh=False) == name
    assert broker_name(str(program), reads_ssh=True) != name
