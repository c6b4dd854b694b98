# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The new pair of a rotation: made once, whatever a killed run has left, and nothing else is overwritten."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._lasting_key_pair import LastingKeyPair, ensure
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair, runs, ssh_keygen


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """Return the path of a private key that is not there yet."""
    return tmp_path / "partner.new"


def public_of(private: Path) -> Path:
    return Path(f"{private}.pub")


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) for path in folder.iterdir()}


def put(private: Path, text: str) -> None:
    private.write_text(text, encoding="utf-8")
    private.chmod(0o600)


def test_a_pair_is_made_and_is_private(private: Path) -> None:
    pair = ensure(str(private), "two words")
    assert pair.changed
    assert public_of(private).read_text(encoding="utf-8") == f"{pair.public_key}\n"
    assert ssh_keygen("-y", "-P", "", "-f", str(private)).split() == pair.public_key.split()
    assert pair.public_key.startswith("ssh-ed25519 ")
    assert pair.public_key.endswith(" two words")
    assert {name: mode for name, (_text, mode) in state(private.parent).items()} == {
        "partner.new": 0o600,
        "partner.new.pub": 0o600,
    }


def test_the_second_time_nothing_changes(private: Path) -> None:
    first = ensure(str(private), "c")
    before = state(private.parent)
    for check_mode in (False, True):
        assert ensure(str(private), "c", check_mode=check_mode) == LastingKeyPair(first.public_key, changed=False)
    assert state(private.parent) == before


def test_check_mode_foresees_it(private: Path) -> None:
    assert ensure(str(private), "c", check_mode=True) == LastingKeyPair("", changed=True)
    # The folder may not be there yet either.
    assert ensure(str(private.parent / "nowhere/x"), "c", check_mode=True).changed
    assert list(private.parent.iterdir()) == []


@pytest.mark.parametrize("left", [None, "", "ssh-ed25519 AAAA another\n", "\x00\xff"])
def test_a_run_that_was_killed_has_left_no_sound_public_key(private: Path, left: str | None) -> None:
    made = ensure(str(private), "c").public_key
    public_of(private).unlink()
    if left is not None:
        public_of(private).write_text(left, encoding="latin-1")
    before = state(private.parent)
    assert ensure(str(private), "c", check_mode=True) == LastingKeyPair(made, changed=True)
    assert state(private.parent) == before
    assert ensure(str(private), "c") == LastingKeyPair(made, changed=True)
    assert public_of(private).read_text(encoding="utf-8") == f"{made}\n"
    assert stat.S_IMODE(public_of(private).stat().st_mode) == 0o600


def test_what_a_killed_ssh_keygen_has_left_is_no_hindrance(private: Path) -> None:
    for ending in (".new", ".new.pub", ".pub.tmp"):
        Path(f"{private}{ending}").touch()
    assert ensure(str(private), "c").changed


def test_what_a_killed_run_has_left_of_a_public_key_is_no_hindrance(private: Path) -> None:
    ensure(str(private), "old")
    Path(f"{private}.pub.tmp").write_text("ssh-ed25519 AAAA", encoding="utf-8")
    made = ensure(str(private), "new")
    assert public_of(private).read_text(encoding="utf-8") == f"{made.public_key}\n"
    assert sorted(path.name for path in private.parent.iterdir()) == ["partner.new", "partner.new.pub"]


def test_another_comment(private: Path) -> None:
    first = ensure(str(private), "old")
    again = ensure(str(private), "new")
    assert again == LastingKeyPair(first.public_key.replace(" old", " new"), changed=True)
    assert ensure(str(private), "").public_key == " ".join(first.public_key.split()[:2])


def test_a_mode_that_lets_others_read(private: Path) -> None:
    ensure(str(private), "c")
    public_of(private).chmod(0o644)
    assert ensure(str(private), "c").changed
    assert stat.S_IMODE(public_of(private).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# none yet\n", "ssh-keygen cannot read it: "),
        ("", "ssh-keygen cannot read it: "),
        (key_pair("rsa-2048").private, "Its key is of type ssh-rsa"),
        (key_pair("ed25519", passphrase="secret").private, "ssh-keygen cannot read it: "),
        (key_pair("ed25519").line, "ssh-keygen cannot read it: "),
    ],
)
@pytest.mark.parametrize("check_mode", [False, True])
def test_what_is_in_the_way_stays(private: Path, text: str, words: str, check_mode: bool) -> None:
    put(private, text)
    before = state(private.parent)
    with pytest.raises(ArgumentError) as raised:
        ensure(str(private), "c", check_mode=check_mode)
    said = str(raised.value)
    assert said.startswith(f"{private} is in the way of a new key pair, and is not part of an ed25519 pair without")
    assert words in said
    assert "ended with status" not in said
    assert said.endswith(". Move it away, and run again.")
    assert not runs(said, 12) & runs("".join(text.splitlines()[1:-1]), 12)
    assert state(private.parent) == before


def test_a_folder_is_in_the_way(private: Path) -> None:
    private.mkdir()
    with pytest.raises(ArgumentError, match="is in the way of a new key pair"):
        ensure(str(private), "c")


@pytest.mark.parametrize("ending", ["", ".pub"])
def test_a_link_to_nothing_is_in_the_way(private: Path, ending: str) -> None:
    link = Path(f"{private}{ending}")
    link.symlink_to("nowhere")
    with pytest.raises(ArgumentError, match="is in the way of a new key pair"):
        ensure(str(private), "c")
    assert [path.name for path in private.parent.iterdir()] == [link.name]
    assert link.is_symlink()


def test_a_public_key_alone_is_in_the_way(private: Path) -> None:
    public_of(private).write_text("something\n", encoding="utf-8")
    with pytest.raises(ArgumentError, match=r"partner.new.pub is in the way .* It has no private key beside it\."):
        ensure(str(private), "c")
    assert state(private.parent)["partner.new.pub"][0] == b"something\n"


@pytest.mark.parametrize("ending", ["", ".pub"])
def test_a_link_to_nowhere_is_in_the_way(private: Path, ending: str) -> None:
    """ssh-keygen would write what it leads to."""
    link, nowhere = Path(f"{private}{ending}"), private.parent / "nowhere"
    link.symlink_to(nowhere)
    with pytest.raises(ArgumentError, match=rf"^{link} is in the way of a new key pair"):
        ensure(str(private), "c")
    assert list(private.parent.iterdir()) == [link]
    assert link.readlink() == nowhere


def test_no_pair_can_be_made(private: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ArgumentError, match="No key pair can be made"):
        ensure(str(private.parent / "nowhere/x"), "c")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ArgumentError, match="No key pair can be made"):
        ensure(str(private), "c")
