# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key given to a service opens a real door, and only for its lifetime."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ansible_collections.sshkeys.aws.tests.lab_bench import Bench, KeyMaker


def test_pushed_key_opens_a_shell_until_it_expires(bench: Bench, new_key: KeyMaker) -> None:
    key = new_key()
    assert bench.ssh(key.private).returncode == 255
    bench.push(key.public)
    assert bench.ssh(key.private).stdout == "inside\n"
    assert bench.ssh(key.private, 1).returncode == 255
    bench.control("POST", "clock", {"advance": 61})
    refused = bench.ssh(key.private)
    assert (refused.returncode, "Permission denied" in refused.stderr) == (255, True)


def test_ansible_is_told_to_ask_for_no_terminal_where_sshd_cannot_give_one(bench: Bench, new_key: KeyMaker) -> None:
    key = new_key()
    bench.push(key.public)
    program, *options = bench.ssh_command(key.private, 0, "echo inside")
    asked = subprocess.run([program, "-tt", *options], capture_output=True, text=True, check=False)
    assert (asked.stdout.strip() == "inside") is ("ANSIBLE_SSH_USETTY" not in bench.lab["environment"])


def test_a_session_leaves_temporary_files_in_its_home(bench: Bench, new_key: KeyMaker) -> None:
    key = new_key()
    bench.push(key.public)
    home, made = bench.ssh(key.private, command='echo "$HOME"; mktemp').stdout.splitlines()
    assert Path(made).parent == Path(home, "tmp")
    assert Path(made).exists()


def test_ecdsa_key_is_accepted_and_opens_nothing(bench: Bench, new_key: KeyMaker) -> None:
    key = new_key("ecdsa", "-b", "256")
    assert bench.push(key.public)["Success"] is True
    path = f"instances/{bench.instances[0]['instance_id']}"
    user = bench.instances[0]["os_user"]
    raw = bench.text(f"{path}/latest/meta-data/managed-ssh-keys/active-keys/{user}/")
    assert raw == (200, f"{key.public}\n")
    assert bench.text(f"{path}/authorized-keys/{user}") == (200, "")
    assert bench.ssh(key.private).returncode == 255


def test_several_keys_live_at_once_and_a_repeated_push_extends(bench: Bench, new_key: KeyMaker) -> None:
    first, second = new_key(), new_key("rsa", "-b", "2048")
    bench.push(first.public)
    bench.push(second.public)
    assert bench.ssh(first.private).returncode == bench.ssh(second.private).returncode == 0
    bench.control("POST", "clock", {"advance": 40})
    bench.push(first.public)
    bench.control("POST", "clock", {"advance": 40})
    assert [bench.ssh(key.private).returncode for key in (first, second)] == [0, 255]


def test_stopped_instance_accepts_no_login(bench: Bench, new_key: KeyMaker) -> None:
    key = new_key()
    bench.push(key.public)
    instance_id = bench.instances[0]["instance_id"]
    bench.control("PUT", f"instances/{instance_id}", {"state": "stopped"})
    assert bench.ssh(key.private).returncode == 255
    bench.control("PUT", f"instances/{instance_id}", {"state": "running"})
    assert bench.ssh(key.private).returncode == 0


def test_imported_key_uploads_a_file_until_it_is_deleted(bench: Bench, new_key: KeyMaker, tmp_path: Path) -> None:
    key = new_key("ecdsa", "-b", "384")
    key_id = bench.import_key(key.public)
    sent = tmp_path / "sent.txt"
    sent.write_text("a delivery", "utf-8")
    assert bench.sftp(key.private, f"put {sent} received.txt").returncode == 0
    home = Path(bench.lab["transfer"]["users"][0]["home"])
    assert (home / "received.txt").read_text("utf-8") == "a delivery"
    assert bench.sftp(key.private, "ls", "auditor").returncode == 255
    bench.client("transfer").delete_ssh_public_key(ServerId=bench.server_id, UserName="partner", SshPublicKeyId=key_id)
    assert bench.sftp(key.private, "ls").returncode == 255


def test_transfer_gives_no_shell(bench: Bench, new_key: KeyMaker) -> None:
    key = new_key()
    bench.import_key(key.public)
    door = bench.lab["transfer"]["users"][0]
    bench.instances.append({**door, "os_user": door["login_user"], "host_key_alias": bench.server_id})
    try:
        assert "inside" not in bench.ssh(key.private, -1).stdout
    finally:
        bench.instances.pop()


def test_sessions_end_on_demand_and_new_ones_are_accepted(bench: Bench, new_key: KeyMaker) -> None:
    key = new_key()
    bench.push(key.public)
    command = bench.ssh_command(key.private, 0, "echo inside; sleep 60")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as session:
        assert session.stdout is not None
        assert session.stdout.readline() == "inside\n"
        bench.control("POST", "sessions/end")
        assert session.wait(timeout=10) == 255
    assert bench.ssh(key.private).returncode == 0
