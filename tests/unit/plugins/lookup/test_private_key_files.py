# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The private key file of a rotation and those beside it, as ssh-keygen reads them."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleLookupError
from ansible_collections.sshkeys.aws.plugins.lookup import private_key_files
from ansible_collections.sshkeys.aws.plugins.lookup.private_key_files import LookupModule
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair, truth_about


def look(file: object) -> Any:
    lookup = LookupModule()
    # As the loader of plugins sets it.
    lookup._load_name = "sshkeys.aws.private_key_files"
    (found,) = lookup.run([str(file)])
    return found


def put(file: Path, kind: str) -> None:
    pair = key_pair(kind)
    file.write_text(pair.private, encoding="utf-8")
    file.chmod(0o600)
    Path(f"{file}.pub").write_text(f"{pair.line}\n", encoding="utf-8")


def fingerprint(kind: str) -> str:
    return truth_about(key_pair(kind).line)[0].fingerprint


def fingerprints(found: Any) -> dict[str, str]:
    return {Path(file).name: line.split()[1] if line else "" for file, line in found["private_keys"].items()}


def test_files_that_there_are(tmp_path: Path) -> None:
    file = tmp_path / "partner"
    put(file, "ed25519")
    put(tmp_path / "partner.old-1", "ecdsa-256")
    put(tmp_path / "partner-of-another", "rsa-1024")
    (tmp_path / "partner.new").write_text("nonsense", encoding="utf-8")
    (tmp_path / "partner.old-2").mkdir()
    found = look(file)
    assert fingerprints(found) == {
        "partner": fingerprint("ed25519"),
        "partner.new": "",
        "partner.old-1": fingerprint("ecdsa-256"),
    }
    assert found["is_half_moved"] is False


def test_a_pair_that_is_half_moved(tmp_path: Path) -> None:
    # The private key is the new one. The public key beside it is that of the pair before, and ssh-keygen believes it.
    file = tmp_path / "partner"
    put(file, "ed25519")
    put(tmp_path / "partner.new", "ecdsa-256")
    (tmp_path / "partner.new").rename(file)
    found = look(file)
    assert fingerprints(found) == {"partner": fingerprint("ecdsa-256")}
    assert found["is_half_moved"] is True


def test_a_passphrase_is_not_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "partner"
    file.write_text(key_pair("ed25519", passphrase="secret").private, encoding="utf-8")
    file.chmod(0o600)
    assert fingerprints(look(file))["partner"].startswith("SHA256:")


@pytest.mark.parametrize("name", ["partner", "nowhere/partner", "file/partner"])
def test_nothing_is_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    assert look(tmp_path / name) == {"private_keys": {}, "is_half_moved": False}


def test_a_folder_that_cannot_be_read_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a rotation would take the keys in it for ones that are not there."""

    def listdir(_path: str) -> list[str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(private_key_files, "os", SimpleNamespace(path=os.path, listdir=listdir))
    with pytest.raises(AnsibleLookupError, match=rf"^The folder {tmp_path} cannot be read: .*Permission denied"):
        look(tmp_path / "partner")


def test_no_file_is_named() -> None:
    assert look("") == {"private_keys": {}, "is_half_moved": False}


def test_there_is_no_ssh_keygen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "partner", "ed25519")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(AnsibleLookupError, match=r"^ssh-keygen cannot be run: .*Install OpenSSH's client"):
        look(tmp_path / "partner")
