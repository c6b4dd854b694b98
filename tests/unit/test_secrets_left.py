# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The look for secrets finds each kind wherever it was written, and takes nothing else for one."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.tests.secrets_left import files_with_secrets, lines_with_secrets, no_secret_left
from ansible_collections.sshkeys.aws.tests.unit import keys

SIGNED = f"wss://endpoint/openTunnel?X-Amz-Expires=60&X-Amz-Signature={'ab' * 32}"
PAIR = keys.key_pair("ed25519")
SECRETS = {
    "secret key": f"labsecret{'5' * 31}",
    "session token": f"labtoken{'5' * 16}",
    "address": SIGNED,
    "private key": PAIR.private.partition("\n")[2],
    "private key without its label": PAIR.private.splitlines()[1],
    "private RSA key": keys.key_pair("rsa-1024").private.partition("\n")[2],
    "encrypted private key": keys.key_pair("ed25519", passphrase="correct horse").private.partition("\n")[2],
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_a_secret_is_found_with_its_file_and_line(tmp_path: Path, secret: str) -> None:
    file = tmp_path / ".deep" / "inside" / ".file"
    file.parent.mkdir(parents=True)
    file.write_text(f"one\ntwo {secret}\n", encoding="utf-8")
    assert files_with_secrets(tmp_path) == [f"{file}, line 2"]


def test_a_secret_is_found_in_data_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "payload").write_bytes(b"\xff\x00\n" + json.dumps({"key": PAIR.private}).encode() + b"\x00\xfe")
    assert files_with_secrets(tmp_path) == [f"{tmp_path}/payload, line 2"]


def test_every_line_with_a_secret_is_named(tmp_path: Path) -> None:
    assert lines_with_secrets(f"{SIGNED}\n\n{SIGNED}\nlabtoken{'0' * 16}".encode()) == [1, 3, 4]
    (tmp_path / "log").write_text(f"{SIGNED}\n\n{SIGNED}\n", encoding="utf-8")
    assert files_with_secrets(tmp_path) == [f"{tmp_path}/log, line 1, 3"]


@pytest.mark.parametrize(
    "text",
    [
        PAIR.line,
        "-----BEGIN OPENSSH PRIVATE KEY-----\n",
        "openssh-key-v1",
        "labsecret",
        "X-Amz-Signature=",
        "X-Amz-Signature=********",
    ],
)
def test_what_is_no_secret_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "file").write_text(text, encoding="utf-8")
    assert files_with_secrets(tmp_path) == []


def test_files_of_others_are_not_read(tmp_path: Path) -> None:
    """Neither beside the folder, nor where a link in it leads, nor what cannot be read to an end."""
    home, others = tmp_path / "home", tmp_path / "others"
    for folder in (home, others):
        folder.mkdir()
    (others / "file").write_text(SIGNED, encoding="utf-8")
    (home / "link").symlink_to(others / "file")
    (home / "folder").symlink_to(others)
    (home / "dangling").symlink_to(others / "nothing")
    os.mkfifo(home / "pipe")
    assert files_with_secrets(home, tmp_path / "nowhere") == []
    assert files_with_secrets(home, others) == [f"{others}/file, line 1"]


def test_what_is_being_deleted_is_awaited(tmp_path: Path) -> None:
    file = tmp_path / "id_ed25519"
    with no_secret_left(tmp_path, seconds=60):
        file.write_text(PAIR.private, encoding="utf-8")
        guard = threading.Timer(0.2, file.unlink)
        guard.start()
    assert not file.exists()
    guard.join()


def test_what_stays_fails(tmp_path: Path) -> None:
    began = time.monotonic()
    with (
        pytest.raises(AssertionError, match=re.escape(f"left: {tmp_path}/id_ed25519, line 2")),
        no_secret_left(tmp_path / "nowhere", tmp_path, seconds=0.2),
    ):
        (tmp_path / "id_ed25519").write_text(PAIR.private, encoding="utf-8")
    assert time.monotonic() - began >= 0.2


def test_what_an_earlier_test_has_left_fails_that_test_alone(tmp_path: Path) -> None:
    (tmp_path / "old").write_text(SIGNED, encoding="utf-8")
    with no_secret_left(tmp_path, seconds=0):
        (tmp_path / "new").write_text("nothing", encoding="utf-8")
