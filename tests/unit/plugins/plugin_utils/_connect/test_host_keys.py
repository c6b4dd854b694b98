# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host keys in a console output: every form that cloud-init gives them, and nothing that is none."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import host_keys
from hypothesis import given, strategies as st

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJEUvhKlSr3hlrULeHPBhV6WpNQeRpxqgSkrsrVdjMyx"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHr0dA8n9Yz1bT4a6q2mC0k3n5v7x9zBdFhJlNpRtVxZ"
ECDSA = (
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBKa7KivWnTXx79zcrojh3bUb/JYo2sbgqxs8"
    "9G7qX/bUgqHhmvapTgcEmNKTeTbc4Zw/WaQHcZOOx6pJ+4cas5c="
)
INSTANCE_ID = "i-0123456789abcdef0"
# The file that is written if no other one knows a key.
NOT_WRITTEN = "/nonexistent/known_hosts"


def block(*lines: str) -> str:
    return "\n".join(("-----BEGIN SSH HOST KEY KEYS-----", *lines, "-----END SSH HOST KEY KEYS-----", ""))


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", []),
        ("Welcome.\n", []),
        (block(), []),
        (block(f"{ED25519} root@ip-10-0-0-1"), [ED25519]),
        (block(f"{ECDSA} root@ip-10-0-0-1", ED25519), [ECDSA, ED25519]),
        (block(f"{ED25519} root").replace("\n", "\r\n"), [ED25519]),
        (block(f"<14>Nov 22 05:00:00 cloud-init: {ED25519} root"), [ED25519]),
        # The fingerprints above are no keys.
        (f"-----BEGIN SSH HOST KEY FINGERPRINTS-----\n256 SHA256:x root (ED25519)\n{block(ED25519)}", [ED25519]),
        # Those of the last boot that printed any.
        (block(OTHER) + "reboot\n" + block(ED25519), [ED25519]),
        # Cut off at the beginning, or still being printed.
        (f"{ED25519}\n-----END SSH HOST KEY KEYS-----\n", []),
        (block(ED25519) + f"-----BEGIN SSH HOST KEY KEYS-----\n{OTHER}\n", [ED25519]),
        # Said to be of another type than it is, or damaged.
        (block(ED25519.replace("ssh-ed25519", "ssh-rsa")), []),
        (block("ssh-ed25519 AAAA"), []),
        (block("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAA*"), []),
    ],
)
def test_keys_are_found(text: str, keys: list[str]) -> None:
    assert host_keys.in_console_output(text) == keys


@given(st.text(), st.text())
def test_whatever_stands_around_them(before: str, after: str) -> None:
    assert host_keys.in_console_output(before + "\n" + block(ED25519) + after) == [ED25519]


def test_what_is_written_is_known_to_ssh(tmp_path: Path) -> None:
    known_hosts = tmp_path / "deep" / "deeper" / "known_hosts"
    host_keys.write(str(known_hosts), INSTANCE_ID, [ECDSA, ED25519])
    found = subprocess.run(["ssh-keygen", "-F", INSTANCE_ID, "-f", str(known_hosts)], capture_output=True, check=True)
    assert found.stdout.count(INSTANCE_ID.encode()) >= 2
    assert host_keys.are_known(INSTANCE_ID, NOT_WRITTEN, ["/nonexistent", str(known_hosts)])
    assert not host_keys.are_known("i-00000000000000000", NOT_WRITTEN, ["/nonexistent", str(known_hosts)])
    for folder in (known_hosts.parent, known_hosts.parent.parent):
        assert folder.stat().st_mode & 0o077 == 0


def test_what_was_written_is_not_looked_for_again(tmp_path: Path) -> None:
    """The file is named by the instance, and ssh-keygen takes as long as a look into many files."""
    written = tmp_path / INSTANCE_ID
    assert not host_keys.are_known(INSTANCE_ID, str(written), [])
    host_keys.write(str(written), INSTANCE_ID, [ED25519])
    assert host_keys.are_known(INSTANCE_ID, str(written), [])


def test_a_key_that_is_revoked_is_not_known(tmp_path: Path) -> None:
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(f"@revoked {INSTANCE_ID} {ED25519}\n")
    assert not host_keys.are_known(INSTANCE_ID, NOT_WRITTEN, [str(known_hosts)])
    known_hosts.write_text(f"@cert-authority {INSTANCE_ID} {ED25519}\n")
    assert host_keys.are_known(INSTANCE_ID, NOT_WRITTEN, [str(known_hosts)])


def test_a_key_that_is_cut_is_none() -> None:
    """A message of the kernel may stand in the middle of it."""
    cut = ED25519[:-20]
    assert host_keys.in_console_output(block(f"{cut}\n[ 12.3] random: crng init done\n{ECDSA}")) == [ECDSA]


@pytest.mark.parametrize(
    ("value", "files"),
    [("", []), ("/a", ["/a"]), ("/a b", ["/a", "/a b", "b"]), ("/a  b", ["/a", "/a  b", "b"])],
)
def test_ssh_does_not_quote_names_with_blanks(value: str, files: list[str]) -> None:
    assert host_keys.files_named(value) == files


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArgumentError, match=r"cannot be written to .*file/known_hosts"):
        host_keys.write(str(tmp_path / "file" / "known_hosts"), INSTANCE_ID, [ED25519])


def printed(
    outputs: Sequence[tuple[str, datetime | None]], seconds: float, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Ask for keys while the console shows one output after the other, the last one again and again.

    Nobody waits, and the clock goes on as if somebody did.
    """
    left = list(outputs)
    clock = [time.monotonic()]

    async def sleep(pause: float) -> None:
        clock.append(clock[-1] + pause)

    async def ask() -> tuple[str, datetime | None]:
        return left.pop(0) if len(left) > 1 else left[0]

    async def scenario() -> list[str]:
        monkeypatch.setattr(asyncio, "sleep", sleep)
        monkeypatch.setattr("time.monotonic", lambda: clock[-1])
        return await host_keys.printed(ask, INSTANCE_ID, clock[-1] + seconds)

    return asyncio.run(scenario())


def test_a_booting_instance_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    outputs = [("", None), ("[ 0.0] Linux", now), (block(ED25519), now)]
    assert printed(outputs, 10, monkeypatch) == [ED25519]


@pytest.mark.parametrize(
    ("age", "waited"), [(None, 10), (timedelta(0), 10), (timedelta(minutes=9), 10), (timedelta(minutes=11), 0)]
)
def test_an_instance_without_keys_is_a_sentence(
    age: timedelta | None, waited: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is waited for only where it may still be booting, and for no longer than the user wants."""
    changed_at = None if age is None else datetime.now(UTC) - age
    began = time.monotonic()
    with pytest.raises(ArgumentError, match=f"No host keys of {INSTANCE_ID} are known"):
        printed([("Welcome.", changed_at)], 10, monkeypatch)
    assert time.monotonic() - began == pytest.approx(waited, abs=1)
