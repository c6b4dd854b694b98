# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key pair of a connection: made for the run, or the user's own."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import key_pair
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.key_pair import public_key


def test_a_pair_is_made_once_and_is_private(tmp_path: Path) -> None:
    private, public = tmp_path / "id_ed25519", tmp_path / "id_ed25519.pub"
    key_pair.make(str(public))
    made = public.read_text()
    key_pair.make(str(public))
    assert public.read_text() == made
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    derived = subprocess.run(["ssh-keygen", "-y", "-f", str(private)], capture_output=True, text=True, check=True)
    assert derived.stdout.split()[:2] == made.split()[:2]


def test_no_pair_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ArgumentError, match=r"^No key pair can be made in .*: .*No such file"):
        key_pair.make(str(tmp_path / "nowhere/id_ed25519.pub"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ArgumentError, match=r"^No key pair can be made in .*: .*ssh-keygen"):
        key_pair.make(str(tmp_path / "id_ed25519.pub"))


def test_one_that_was_killed_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "id_ed25519.new").touch()
    key_pair.make(str(tmp_path / "id_ed25519.pub"))
    assert (tmp_path / "id_ed25519").read_text().startswith("-----BEGIN OPENSSH PRIVATE KEY-----")


def test_one_that_was_killed_in_the_middle_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The public key comes last, because it says that the pair is there."""
    private, replace = tmp_path / "id_ed25519", os.replace
    replaced: list[str] = []

    def replace_once(source: str, target: str) -> None:
        if replaced:
            raise KeyboardInterrupt
        replaced.append(target)
        replace(source, target)

    with monkeypatch.context() as killed:
        killed.setattr(os, "replace", replace_once)
        with pytest.raises(KeyboardInterrupt):
            key_pair.make(f"{private}.pub")
    key_pair.make(f"{private}.pub")
    derived = subprocess.run(["ssh-keygen", "-y", "-f", str(private)], capture_output=True, text=True, check=True)
    assert derived.stdout.split()[:2] == Path(f"{private}.pub").read_text().split()[:2]


def test_one_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "ssh-keygen"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        ArgumentError,
        match=r"No key pair can be made in .*: ssh-keygen ended with status 3. Look at ssh-keygen, and at",
    ):
        key_pair.make(str(tmp_path / "id_ed25519.pub"))


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """Return the private half of a key pair."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    return tmp_path / "key"


def test_a_public_key_is_read_or_made_of_the_private_one(pair: Path) -> None:
    beside = public_key(f"{pair}.pub")
    Path(f"{pair}.pub").unlink()
    assert public_key(f"{pair}.pub").split()[:2] == beside.split()[:2]


def test_a_private_key_with_a_passphrase_is_a_sentence(
    pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is asked for it: the task of a play would wait for ever."""
    Path(f"{pair}.pub").unlink()
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", str(pair)], check=True)
    program = tmp_path / "askpass"
    program.write_text("#!/bin/sh\necho secret\n")
    program.chmod(0o700)
    monkeypatch.setenv("SSH_ASKPASS", str(program))
    monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")
    with pytest.raises(ArgumentError, match=f"ssh-keygen -y -f {pair} > {pair}.pub"):
        public_key(f"{pair}.pub")
