# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of open sessions: what they hold, who can read them, and which of them a broker finds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager.open_sessions import (
    OpenSession,
    OpenSessions,
)

AWS = {"region": "us-east-1", "secret_key": "secret", "session_token": {"env": "TOKEN"}, "profile": None}
ONE = OpenSession("alice-0123456789abcdef0", AWS)
OTHER = OpenSession("bob@example.com-0123456789abcdef0", {"region": "eu-central-1"})


@pytest.fixture
def any_umask() -> Iterator[None]:
    """Let files be readable for all, unless the code says otherwise."""
    before = os.umask(0)
    yield
    os.umask(before)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_session_is_kept_until_it_is_removed(tmp_path: Path) -> None:
    sessions = OpenSessions(str(tmp_path), "broker")
    assert sessions.left() == []
    for each in (ONE, OTHER):
        sessions.add(each)
    # For the next broker of the same name.
    assert sorted(OpenSessions(str(tmp_path), "broker").left()) == [ONE, OTHER]
    assert names(tmp_path) == [f"broker.session.{ONE.id}", f"broker.session.{OTHER.id}"]
    sessions.remove(ONE.id)
    assert OpenSessions(str(tmp_path), "broker").left() == [OTHER]
    sessions.remove(OTHER.id)
    assert names(tmp_path) == []


def test_only_the_user_can_read_them(tmp_path: Path, any_umask: None) -> None:
    OpenSessions(str(tmp_path), "broker").add(ONE)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o7777 == 0o600


def test_a_session_that_is_kept_again_has_the_options_of_then(tmp_path: Path) -> None:
    sessions = OpenSessions(str(tmp_path), "broker")
    sessions.add(ONE)
    sessions.add(ONE._replace(aws={}))
    assert sessions.left() == [OpenSession(ONE.id, {})]


def test_two_brokers_do_not_see_each_others(tmp_path: Path) -> None:
    one, other = OpenSessions(str(tmp_path), "broker"), OpenSessions(str(tmp_path), "broker2")
    one.add(ONE)
    other.add(OTHER)
    assert (one.left(), other.left()) == ([ONE], [OTHER])
    one.remove(OTHER.id)
    assert other.left() == [OTHER]


def test_other_files_of_the_run_are_none_of_them(tmp_path: Path) -> None:
    for name in ("broker", "broker.session", "settings.json", f"x.broker.session.{ONE.id}"):
        (tmp_path / name).write_text("{}")
    assert OpenSessions(str(tmp_path), "broker").left() == []


def unreadable(path: Path) -> None:
    path.symlink_to(path.parent / "gone")


BROKEN: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(b'{"region": "us-ea'),
    "no text": lambda path: path.write_bytes(b"\xff\xfe\xfd"),
    "gone": unreadable,
    "a folder": lambda path: path.mkdir(),
    "no options": lambda path: path.write_bytes(b"[]"),
    "a number": lambda path: path.write_bytes(b"7"),
}


@pytest.mark.parametrize("damage", BROKEN)
def test_a_file_that_is_broken_hides_no_other_one(tmp_path: Path, damage: str) -> None:
    """A broker that is killed may have written half of it, and another one may have removed it."""
    sessions = OpenSessions(str(tmp_path), "broker")
    ids = [f"{letter}-0123456789abcdef0" for letter in "abcdefgh"]
    for session_id in ids[:4]:
        sessions.add(ONE._replace(id=session_id))
    # A folder is listed in any order. One of the others comes behind it.
    BROKEN[damage](tmp_path / "broker.session.broken")
    for session_id in ids[4:]:
        sessions.add(ONE._replace(id=session_id))
    assert sorted(each.id for each in sessions.left()) == ids


def test_without_its_folder_nothing_is_kept(tmp_path: Path) -> None:
    """The run has ended, and its tunnels have not."""
    folder = tmp_path / "gone"
    sessions = OpenSessions(str(folder), "broker")
    sessions.add(ONE)
    assert sessions.left() == []
    sessions.remove(ONE.id)
    assert not folder.exists()


@pytest.mark.parametrize("session_id", ["../x", "/etc/x", "a/b/x"])
def test_a_session_id_leads_to_no_other_folder(tmp_path: Path, session_id: str) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    sessions = OpenSessions(str(folder), "broker")
    sessions.add(ONE._replace(id=session_id))
    assert names(tmp_path) == ["run"]
    assert names(folder) == ["broker.session.x"]
    sessions.remove(session_id)
    assert names(folder) == []
