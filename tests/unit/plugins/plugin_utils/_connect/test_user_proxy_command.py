# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that ssh runs when a user logs in by hand: its arguments, and where it says a failure."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import user_proxy_command
from ansible_collections.sshkeys.aws.tests.unit.user_ssh import COLLECTIONS, INSTANCE_ID, PROGRAM, UserSsh, user_ssh


@pytest.fixture
def user(tmp_path: Path) -> Iterator[UserSsh]:
    with user_ssh(tmp_path) as it:
        yield it


def test_it_ends_well_when_ssh_has_its_connection(user: UserSsh) -> None:
    assert user.ask() == (0, "", b"SSH-2.0-sshd\r\n")
    assert [body["InstanceOSUser"] for _operation, body, _time in user.service.requests] == ["ec2-user"]


def test_it_starts_without_the_folders_of_packages_and_what_the_user_has_there() -> None:
    """Ssh has any environment and any working folder, and starts it each time."""
    program = f"""import sys, runpy
sys.argv = ["x", "a", "22", {COLLECTIONS!r}, "instance_id=i-1"]
try:
    runpy.run_path({PROGRAM!r}, run_name="__main__")
except SystemExit:
    print(*sys.modules)
"""
    command = [sys.executable, "-I", "-S", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert "ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.user_host" in imported
    assert not {"boto3", "botocore", "ansible", "websockets", "asyncio", "ssl"} & imported


@pytest.mark.parametrize("words", [["new_option=x"], ["instance_id=i-1"]])
def test_a_file_of_another_version_is_a_sentence(user: UserSsh, words: list[str]) -> None:
    """The collection was installed again, and has other options."""
    program, ours = user.start(words=[*words, "written_to=/home/a/.ssh/sshkeys.aws.config"])
    status, said, _greeting = user.finish(program, ours)
    assert status == 1
    assert said == (
        "/home/a/.ssh/sshkeys.aws.config was written by another version of the collection sshkeys.aws. Run "
        "ansible-playbook sshkeys.aws.ssh_config with its inventory again.\n"
    )


# -- Where a failure is said ------------------------------------------------------------------------------------------


def test_a_failure_is_said_where_ssh_says_its_own(user: UserSsh) -> None:
    status, said, _greeting = user.ask(user.host._replace(folder="/nonexistent/sshkeys.aws"))
    assert status == 1
    assert said.startswith(f"{INSTANCE_ID}: The folder for the key of your ssh, /nonexistent/sshkeys.aws,")
    assert said.count("\n") == 1


FOLDER = str(Path(user_proxy_command.__file__).parent)
SAYS = """import os, sys
sys.path.insert(0, sys.argv[1])
import user_proxy_command
os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
user_proxy_command._say("größer")
"""


def said_without_stderr() -> bytes:
    """Return what a terminal shows of a failure whose standard error is discarded."""
    process, terminal = pty.fork()
    if not process:
        # pytest has another one.
        command = [sys.executable, "-c", SAYS, FOLDER]
        os.execv(sys.executable, command)  # noqa: S606 - it is Python
    said = b""
    try:
        while more := os.read(terminal, 1000):
            said += more
    except OSError:
        # Linux says so at the end of a terminal.
        pass
    os.close(terminal)
    os.waitpid(process, 0)
    return said


def test_a_failure_is_said_on_the_terminal_if_ssh_discards_it() -> None:
    assert said_without_stderr() == "größer\r\n".encode()


def test_without_a_terminal_a_failure_that_is_discarded_ends_well(user: UserSsh) -> None:
    host = user.host._replace(folder="/nonexistent/sshkeys.aws")
    command = [sys.executable, "-I", "-S", PROGRAM, "a", "22", COLLECTIONS, *host.words()]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, b"")
