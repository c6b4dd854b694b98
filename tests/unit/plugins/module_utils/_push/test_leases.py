# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lease files on a real file system: whatever lies there, a lease counts only when it is exactly right."""

from __future__ import annotations

import json
import os
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._push.leases import LeaseDirectory, default_directory
from ansible_collections.sshkeys.aws.plugins.module_utils._push.plan import KEY_LIFETIME, Lease, LeaseName, plan_pushes
from ansible_collections.sshkeys.aws.plugins.module_utils._push.target import Target
from hypothesis import example, given, strategies as st

NOW = 1_800_000_000.25
NAME = LeaseName("", "us-east-1", "i-0123456789abcdef0", "user ec2-user", "SHA256:abc")
LEASE = Lease(NOW - 1.5, "9f1f7a5d-8a51-4f6c-9d59-3a2f8f1c5f0e")
TARGET = Target(NAME.instance_id, "ec2-user")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of leases that is not made yet."""
    return tmp_path / "cache" / "leases"


@pytest.fixture
def leases(folder: Path) -> LeaseDirectory:
    return LeaseDirectory(str(folder))


def lease_file(folder: Path) -> Path:
    """Return the only file of a folder."""
    (path,) = folder.iterdir()
    return path


def counts(lease: Lease | None, now: float = NOW) -> bool:
    """Whether a lease that was read keeps a key from being pushed."""
    found = {TARGET: lease} if lease else {}
    return not plan_pushes([TARGET], found, now=now, min_validity=0, force=False).pushes


# -- Round trip -------------------------------------------------------------------------------------------------------

names = st.builds(LeaseName, *[st.text(st.characters(exclude_categories=()), max_size=30)] * 5)
held_leases = st.builds(Lease, st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=50))


def test_what_is_written_is_read(leases: LeaseDirectory) -> None:
    assert leases.read(NAME) is None
    leases.write(NAME, LEASE)
    assert leases.read(NAME) == LEASE
    assert counts(LEASE)


def test_a_later_lease_takes_the_place_of_an_earlier(leases: LeaseDirectory, folder: Path) -> None:
    leases.write(NAME, LEASE)
    later = Lease(NOW, "other")
    leases.write(NAME, later)
    assert leases.read(NAME) == later
    assert lease_file(folder).is_file()


@given(st.dictionaries(names, held_leases, min_size=1, max_size=4))
def test_every_name_has_a_lease_of_its_own(written: dict[LeaseName, Lease]) -> None:
    with tempfile.TemporaryDirectory() as path:
        leases = LeaseDirectory(path)
        for name, lease in written.items():
            leases.write(name, lease)
        assert {name: leases.read(name) for name in written} == written


@pytest.mark.parametrize("field", LeaseName._fields)
def test_every_field_of_the_name_counts(field: str, leases: LeaseDirectory) -> None:
    leases.write(NAME, LEASE)
    assert leases.read(NAME._replace(**{field: "another"})) is None


def test_fields_do_not_run_into_each_other(leases: LeaseDirectory) -> None:
    names = [
        LeaseName(*fields)
        for fields in (("a", "b", "c", "d", "e"), ("ab", "", "c", "d", "e"), ("a", "b", "cd", "", "e"))
    ]
    for name in names:
        leases.write(name, LEASE)
    assert [leases.read(name) for name in names] == [LEASE] * 3


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_modes(umask: int, leases: LeaseDirectory, folder: Path) -> None:
    before = os.umask(umask)
    try:
        leases.write(NAME, LEASE)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(lease_file(folder).stat().st_mode) == 0o600


def test_a_lease_holds_no_more_than_its_push(leases: LeaseDirectory, folder: Path) -> None:
    leases.write(NAME, LEASE)
    held = json.loads(lease_file(folder).read_text(encoding="utf-8"))
    assert held == {**NAME._asdict(), "pushed_at": LEASE.pushed_at, "request_id": LEASE.request_id}


# -- What is no lease -------------------------------------------------------------------------------------------------


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def replace_by_socket_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/null")


def replace_by_link_to_itself_elsewhere(path: Path) -> None:
    # The content is right; but who made the link decides what is read.
    elsewhere = path.parent.parent / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def replace_by_loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def open_folder_to_group(path: Path) -> None:
    path.parent.chmod(0o770)


def open_folder_to_all(path: Path) -> None:
    path.parent.chmod(0o707)


def link_folder(path: Path) -> None:
    elsewhere = path.parent.parent / "elsewhere"
    path.parent.rename(elsewhere)
    path.parent.symlink_to(elsewhere)


def file_for_folder(path: Path) -> None:
    path.unlink()
    path.parent.rmdir()
    path.parent.write_text("in the way", encoding="utf-8")


SPOILS: list[Callable[[Path], None]] = [
    Path.unlink,
    replace_by_folder,
    replace_by_pipe,
    replace_by_socket_link,
    replace_by_link_to_itself_elsewhere,
    replace_by_loop,
    open_folder_to_group,
    open_folder_to_all,
    link_folder,
    file_for_folder,
]


@pytest.mark.parametrize("spoil", SPOILS, ids=lambda spoil: spoil.__name__)
def test_a_spoilt_lease_is_no_lease(spoil: Callable[[Path], None], leases: LeaseDirectory, folder: Path) -> None:
    leases.write(NAME, LEASE)
    assert leases.read(NAME)
    spoil(lease_file(folder))
    # In a thread, so that a read which hangs fails the test and not the run.
    found: list[Lease | None] = []
    reader = threading.Thread(target=lambda: found.append(leases.read(NAME)), daemon=True)
    reader.start()
    reader.join(timeout=30)
    assert found == [None]


def test_a_pipe_with_a_writer_is_no_lease(leases: LeaseDirectory, folder: Path) -> None:
    leases.write(NAME, LEASE)
    content = lease_file(folder).read_bytes()
    replace_by_pipe(lease_file(folder))
    pipe = os.open(lease_file(folder), os.O_RDWR | os.O_NONBLOCK)
    try:
        os.write(pipe, content)
        assert leases.read(NAME) is None
    finally:
        os.close(pipe)


def test_a_file_of_somebody_else_is_no_lease(
    leases: LeaseDirectory, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leases.write(NAME, LEASE)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert leases.read(NAME) is None
    with pytest.raises(OSError, match="belongs to this user alone"):
        leases.write(NAME, LEASE)
    monkeypatch.undo()
    assert leases.read(NAME) == LEASE


def test_a_foreign_file_in_our_folder_is_no_lease(leases: LeaseDirectory, folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away; the test above holds the same for a folder and a file together")
    leases.write(NAME, LEASE)
    os.chown(lease_file(folder), 12345, -1)
    assert leases.read(NAME) is None
    leases.write(NAME, LEASE)
    assert leases.read(NAME) == LEASE


def test_the_lease_of_another_push_under_this_name_is_no_lease(leases: LeaseDirectory, folder: Path) -> None:
    other = NAME._replace(instance_id="i-00000000")
    leases.write(NAME, LEASE)
    path = lease_file(folder)
    leases.write(other, LEASE)
    (path_of_other,) = set(folder.iterdir()) - {path}
    path_of_other.replace(path)
    assert leases.read(NAME) is None
    assert leases.read(other) is None


class Slot:
    """A folder with the file of one lease, to be filled with anything."""

    def __init__(self, path: str) -> None:
        self.leases = LeaseDirectory(path)
        self.leases.write(NAME, LEASE)
        self.file = lease_file(Path(path))

    def read(self, content: bytes) -> Lease | None:
        self.file.write_bytes(content)
        return self.leases.read(NAME)


@pytest.fixture(scope="module")
def slot() -> Iterator[Slot]:
    with tempfile.TemporaryDirectory() as path:
        yield Slot(path)


RIGHT: dict[str, Any] = {**NAME._asdict(), "pushed_at": LEASE.pushed_at, "request_id": LEASE.request_id}


@given(st.binary(max_size=300))
def test_any_bytes_are_no_lease(slot: Slot, content: bytes) -> None:
    assert slot.read(content) is None


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)),
)


@given(json_values)
def test_any_json_is_no_lease(slot: Slot, value: Any) -> None:
    assert slot.read(json.dumps(value).encode()) is None


@given(st.sampled_from(sorted(RIGHT)), json_values)
@example("pushed_at", True)
@example("pushed_at", str(LEASE.pushed_at))
@example("pushed_at", [LEASE.pushed_at])
@example("pushed_at", float("nan"))
@example("pushed_at", float("inf"))
@example("pushed_at", float("-inf"))
@example("pushed_at", 10**400)
@example("pushed_at", -(10**400))
@example("pushed_at", 1e308)
@example("pushed_at", NOW + 0.001)
@example("pushed_at", NOW + KEY_LIFETIME)
@example("pushed_at", NOW - KEY_LIFETIME)
@example("pushed_at", int(NOW))
@example("request_id", None)
def test_a_field_that_is_not_right_counts_for_nothing(slot: Slot, field: str, value: Any) -> None:
    lease = slot.read(json.dumps({**RIGHT, field: value}).encode())
    if field == "pushed_at":
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        right = is_number and NOW - KEY_LIFETIME < value <= NOW
    else:
        right = value == RIGHT[field] if field in LeaseName._fields else isinstance(value, str)
    assert counts(lease) == right


@pytest.mark.parametrize("field", RIGHT)
def test_a_missing_field_counts_for_nothing(slot: Slot, field: str) -> None:
    assert counts(slot.read(json.dumps(RIGHT).encode()))
    assert slot.read(json.dumps({name: value for name, value in RIGHT.items() if name != field}).encode()) is None


@given(st.integers(0, len(json.dumps(RIGHT)) - 1))
def test_a_file_cut_short_is_no_lease(slot: Slot, length: int) -> None:
    assert slot.read(json.dumps(RIGHT).encode()[:length]) is None


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 4000,
        b'{"pushed_at":' * 300,
        json.dumps(RIGHT).replace(str(LEASE.pushed_at), "9" * 3000).encode(),
        json.dumps(RIGHT).replace(str(LEASE.pushed_at), "-" + "9" * 3000).encode(),
        json.dumps(RIGHT).replace(str(LEASE.pushed_at), "1e999999").encode(),
        json.dumps(RIGHT).encode() + b"\nx",
        json.dumps({**RIGHT, "more": "x" * 10000}).encode(),
        b"\x00" * 5000,
        json.dumps(RIGHT).encode() * 2,
        b"\xff\xfe" + json.dumps(RIGHT).encode("utf-16-le") + b"\x00",
    ],
    ids=lambda content: f"{content[:12]!r}...{len(content)}",
)
def test_nasty_content_counts_for_nothing(slot: Slot, content: bytes) -> None:
    assert not counts(slot.read(content))


# -- A folder that cannot be used -------------------------------------------------------------------------------------


@pytest.mark.parametrize("spoil", [open_folder_to_group, open_folder_to_all, link_folder, file_for_folder])
def test_nothing_is_written_to_a_folder_that_is_not_ours_alone(
    spoil: Callable[[Path], None], leases: LeaseDirectory, folder: Path
) -> None:
    leases.write(NAME, LEASE)
    spoil(lease_file(folder))
    before = sorted(folder.parent.rglob("*"))
    with pytest.raises(OSError, match=r"leases"):
        leases.write(NAME, LEASE)
    assert sorted(folder.parent.rglob("*")) == before


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    leases = LeaseDirectory(str(tmp_path / "file" / "leases"))
    with pytest.raises(OSError, match="file"):
        leases.write(NAME, LEASE)
    assert leases.read(NAME) is None
    leases.sweep(NOW)


def test_a_dangling_link_for_a_folder(tmp_path: Path) -> None:
    (tmp_path / "leases").symlink_to(tmp_path / "nowhere")
    leases = LeaseDirectory(str(tmp_path / "leases"))
    with pytest.raises(OSError, match="leases"):
        leases.write(NAME, LEASE)
    assert leases.read(NAME) is None
    leases.sweep(NOW)
    assert not (tmp_path / "nowhere").exists()


def test_a_write_that_fails_leaves_nothing_behind(leases: LeaseDirectory, folder: Path) -> None:
    leases.write(NAME, LEASE)
    path = lease_file(folder)
    replace_by_folder(path)
    (path / "not empty").write_text("", encoding="utf-8")
    with pytest.raises(OSError, match="lease"):
        leases.write(NAME, LEASE)
    assert list(folder.iterdir()) == [path]


# -- Sweep ------------------------------------------------------------------------------------------------------------


def aged(path: Path, seconds: float) -> Path:
    """Make a file seem to have been written so long before NOW."""
    os.utime(path, (NOW - seconds, NOW - seconds))
    return path


def test_sweep(leases: LeaseDirectory, folder: Path) -> None:
    leases.write(NAME, LEASE)
    live = aged(lease_file(folder), 1)
    old_name = NAME._replace(region="eu-west-1")
    leases.write(old_name, LEASE)
    (old,) = set(folder.iterdir()) - {live}
    aged(old, KEY_LIFETIME + 1)
    leftover, fresh = leftovers(folder)
    foreign = folder / "README"
    foreign.write_text("mine", encoding="utf-8")
    aged(foreign, 10 * KEY_LIFETIME)
    inner = folder / "old.lease"
    inner.mkdir()
    aged(inner, 10 * KEY_LIFETIME)

    leases.sweep(NOW)

    assert set(folder.iterdir()) == {live, fresh, foreign, inner}
    assert not old.exists()
    assert not leftover.exists()
    assert leases.read(NAME) == LEASE


def leftovers(folder: Path) -> tuple[Path, Path]:
    """Leave two files as a writer leaves them that is killed half-way: an old one and one of this moment."""

    def die(*_arguments: object) -> None:
        raise OSError

    before = set(folder.iterdir())
    with pytest.MonkeyPatch.context() as patch:
        # The last step of a write is to give the file its name; and the dead clean nothing up.
        patch.setattr(os, "replace", die)
        patch.setattr(os, "unlink", die)
        for _index in range(2):
            with pytest.raises(OSError, match=r"^$"):
                LeaseDirectory(str(folder)).write(NAME._replace(door="dying"), LEASE)
    old, fresh = set(folder.iterdir()) - before
    return aged(old, KEY_LIFETIME + 1), aged(fresh, 1)


def test_a_lease_is_swept_only_after_its_end(leases: LeaseDirectory, folder: Path) -> None:
    leases.write(NAME, LEASE)
    path = aged(lease_file(folder), KEY_LIFETIME)
    leases.sweep(NOW)
    assert path.exists()
    leases.sweep(NOW + 1)
    assert not path.exists()


@pytest.mark.parametrize("spoil", [open_folder_to_all, link_folder, file_for_folder])
def test_sweep_keeps_out_of_a_folder_that_is_not_ours_alone(
    spoil: Callable[[Path], None], leases: LeaseDirectory, folder: Path
) -> None:
    leases.write(NAME, LEASE)
    spoil(aged(lease_file(folder), 10 * KEY_LIFETIME))
    before = sorted(folder.parent.rglob("*"))
    leases.sweep(NOW)
    assert sorted(folder.parent.rglob("*")) == before


def test_sweep_does_not_follow_links(leases: LeaseDirectory, folder: Path, tmp_path: Path) -> None:
    leases.write(NAME, LEASE)
    precious = tmp_path / "precious"
    precious.write_text("mine", encoding="utf-8")
    aged(precious, 10 * KEY_LIFETIME)
    link = folder / "x.lease"
    link.symlink_to(precious)
    os.utime(link, (NOW, NOW), follow_symlinks=False)
    leases.sweep(NOW)
    assert link.is_symlink(), "the link is young, and its file is old"
    leases.sweep(NOW + 2 * KEY_LIFETIME)
    assert not link.is_symlink()
    assert precious.exists()


def test_sweep_of_no_folder(leases: LeaseDirectory, folder: Path) -> None:
    leases.sweep(NOW)
    assert not folder.exists()


# -- Several writers --------------------------------------------------------------------------------------------------


def test_two_writers_and_a_reader_at_once(leases: LeaseDirectory, folder: Path) -> None:
    written = {Lease(NOW - number, f"request {number}" * 40) for number in (1, 2)}
    start = threading.Barrier(3)
    writing = threading.Event()

    def write(lease: Lease) -> None:
        start.wait(timeout=30)
        for _round in range(100):
            leases.write(NAME, lease)

    def read() -> set[Lease | None]:
        found: set[Lease | None] = set()
        start.wait(timeout=30)
        while not writing.is_set():
            found.add(leases.read(NAME))
        return found

    leases.write(NAME, next(iter(written)))
    with ThreadPoolExecutor(3) as pool:
        reader = pool.submit(read)
        writers = [pool.submit(write, lease) for lease in written]
        for writer in writers:
            writer.result(timeout=60)
        writing.set()
        found = reader.result(timeout=60)
    # Never half a lease, and never none.
    assert found <= written
    assert leases.read(NAME) in written
    assert lease_file(folder).is_file()


def test_sweepers_and_writers_at_once(leases: LeaseDirectory, folder: Path) -> None:
    folder.mkdir(parents=True, mode=0o700)
    for number in range(200):
        (folder / f"{number}.lease").write_text("", encoding="utf-8")
        os.utime(folder / f"{number}.lease", (0, 0))
    start = threading.Barrier(4)

    def sweep() -> None:
        start.wait(timeout=30)
        leases.sweep(time.time())

    def write() -> None:
        start.wait(timeout=30)
        leases.write(NAME, LEASE)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work) for work in (sweep, sweep, sweep, write)]:
            done.result(timeout=60)
    assert leases.read(NAME) == LEASE
    assert lease_file(folder).is_file()


# -- Where the folder is ----------------------------------------------------------------------------------------------


def test_folder_below_xdg_cache_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert default_directory() == str(tmp_path / "cache" / "sshkeys.aws" / "leases")


# The XDG Base Directory Specification: empty is as if not set, and a relative path is to be ignored.
@pytest.mark.parametrize("value", [None, "", "relative/path", "."])
def test_folder_below_the_home(value: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    if value is None:
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", value)
    assert default_directory() == str(tmp_path / ".cache" / "sshkeys.aws" / "leases")
