# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A secret that got out is found wherever it went, and what is none is not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from devtools import secrets
from devtools.secrets import Watch


def private_key(folder: Path) -> str:
    """Make a key pair there, take it away, and return the private half."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key")], check=True)
    text = (folder / "key").read_text("utf-8")
    for name in ("key", "key.pub"):
        (folder / name).unlink()
    return text


SIGNED = f"wss://endpoint/openTunnel?X-Amz-Expires=60&X-Amz-Signature={'ab' * 32}"


@pytest.mark.parametrize(
    "secret", [f"labsecret{'5' * 31}", f"labtoken{'5' * 16}", SIGNED], ids=["secret key", "session token", "address"]
)
def test_a_secret_in_a_file(tmp_path: Path, secret: str) -> None:
    watch = Watch()
    path = tmp_path / "deep" / "inside"
    path.parent.mkdir()
    path.write_text(f"one\ntwo {secret}\n", encoding="utf-8")
    assert watch.in_files(tmp_path) == [f"{path}, line 2"]


def test_a_secret_in_a_folder_of_others(tmp_path: Path) -> None:
    """What is old there is not looked at, however much it is."""
    (tmp_path / "old").mkdir()
    old = tmp_path / "old" / "file"
    old.write_text(SIGNED, encoding="utf-8")
    watch = Watch()
    # Who was there before is known by the time of its last change.
    while (tmp_path / "old").lstat().st_ctime >= watch.began:
        watch = Watch()
    (tmp_path / "new2").mkdir()
    for path in (tmp_path / "new1", tmp_path / "new2" / "file", tmp_path / "somebody's", old):
        path.write_text(SIGNED, encoding="utf-8")
    found = sorted(watch.in_new_files(tmp_path, "new*", "old"))
    assert found == [f"{tmp_path}/new1, line 1", f"{tmp_path}/new2/file, line 1"]


def test_a_private_key_in_a_file(tmp_path: Path) -> None:
    watch = Watch()
    (tmp_path / "left").write_text(private_key(tmp_path), encoding="utf-8")
    assert watch.in_files(tmp_path) == [f"{tmp_path}/left, line 2"]


def test_what_is_no_secret(tmp_path: Path) -> None:
    watch = Watch()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    (tmp_path / "key").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n", encoding="utf-8")
    old = tmp_path / "old"
    old.write_text(SIGNED, encoding="utf-8")
    os.utime(old, (0, 0))
    (tmp_path / "link").symlink_to(old)
    assert watch.in_files(tmp_path, tmp_path / "nowhere") == []


def test_a_secret_among_the_arguments_of_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that nobody else looks for: this test may be watched too."""
    monkeypatch.setattr(secrets, "_SECRET", re.compile(b"planted[0-9]{4}"))
    command = [sys.executable, "-c", "import time; time.sleep(60)", "--key=planted5555"]
    with Watch() as watch, subprocess.Popen(command) as process:
        end = time.monotonic() + 30
        while not watch.in_arguments and time.monotonic() < end:
            time.sleep(0.01)
        process.kill()
    (told,) = watch.in_arguments
    assert told.endswith(" --key=(secret) ")
