# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The home and the mappings of a Transfer user are real folders, and a client of sftp cannot leave them."""

from __future__ import annotations

import os
import shlex
import socket
import struct
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.sshkeys.aws.tests.lab_bench import Bench, KeyMaker

ROLE = "arn:aws:iam::123456789012:role/transfer"
USER = "courier"
# No folder of the storage has this name.
SECRET = "not for couriers"

Mappings = tuple[tuple[str, str], ...]


@dataclass
class Courier:
    """A Transfer user that a test has created, and the storage behind it."""

    bench: Bench
    key: Path
    storage: Path
    folder: Path

    def sftp(self, *lines: str) -> subprocess.CompletedProcess[str]:
        """Run an sftp batch."""
        return self.bench.sftp(self.key, "".join(f"{line}\n" for line in lines), USER)

    def put(self, path: str, text: str = "a delivery") -> int:
        """Upload a file; return the exit status of sftp."""
        (self.folder / "sent").write_text(text, "utf-8")
        return self.sftp(f"put {self.folder}/sent {path}").returncode

    def listed(self, path: str = "") -> list[str]:
        """List a folder."""
        done = self.sftp(f"ls -1a {path}")
        assert done.returncode == 0, done.stderr
        return [Path(line.strip()).name for line in done.stdout.splitlines() if not line.startswith("sftp>")]

    def update(self, **given: object) -> None:
        """Call UpdateUser."""
        self.bench.client("transfer").update_user(ServerId=self.bench.server_id, UserName=USER, **given)

    def files(self) -> dict[str, str]:
        """Return the texts of all files in the storage by their path."""
        return {
            f"/{path.relative_to(self.storage)}": path.read_text("utf-8")
            for path in self.storage.rglob("*")
            if path.is_file()
        }

    def refused(self, *lines: str) -> None:
        """Check that the server refuses each line of a batch."""
        done = self.sftp(*(f"-{line}" for line in lines))
        assert done.returncode == 0, done.stderr
        # sftp writes a line for each refusal.
        assert len(done.stderr.splitlines()) == len(lines), done.stderr

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Talk to the user's SFTP server, for requests that OpenSSH's sftp does not make."""
        port, login = self.bench.door(USER)
        options = shlex.split(self.bench.lab["ssh_common_args"])
        command = ["ssh", *options, "-i", str(self.key), "-p", str(port), "-s", login, "sftp"]
        mine, its = socket.socketpair()
        with subprocess.Popen(command, stdin=its.fileno(), stdout=its.fileno()), mine, its:
            mine.settimeout(20)
            session = Session(mine)
            session.ask(_INIT, 3)
            yield session
            # Popen waits for ssh, which ends when its input does.


_INIT, _OPEN, _WRITE, _SETSTAT, _READLINK, _SYMLINK, _EXTENDED = 1, 3, 6, 9, 19, 20, 200
_STATUS, _HANDLE = 101, 102
_OK, _FAILURE, _UNSUPPORTED = 0, 4, 8


class Session:
    """A client that sends any request. The numbers are those of draft-ietf-secsh-filexfer-02."""

    def __init__(self, connection: socket.socket) -> None:
        """Talk over `connection`."""
        self._connection = connection

    def ask(self, kind: int, *fields: int | bytes) -> tuple[int, int | bytes]:
        """Send a request, fields of 32 bits and strings; return the kind of the answer, and its code or handle."""
        body = bytes([kind]) + b"".join(
            struct.pack(">I", field) if isinstance(field, int) else struct.pack(">I", len(field)) + field
            for field in fields
        )
        self._connection.sendall(struct.pack(">I", len(body)) + body)
        (size,) = struct.unpack(">I", self._read(4))
        answer = self._read(size)
        if answer[0] == _HANDLE:
            return _HANDLE, answer[9:]
        return answer[0], int.from_bytes(answer[5:9])

    def _read(self, size: int) -> bytes:
        data = self._connection.recv(size, socket.MSG_WAITALL)
        assert len(data) == size, "The server has closed the session."
        return data


@pytest.fixture
def courier(bench: Bench, new_key: KeyMaker, tmp_path: Path) -> Courier:
    """Give a user with the home /bucket/home and no mappings; in its bucket is also what is not its."""
    key = new_key()
    bench.client("transfer").create_user(
        ServerId=bench.server_id, UserName=USER, Role=ROLE, HomeDirectory="/bucket/home", SshPublicKeyBody=key.public
    )
    storage = Path(bench.lab["transfer"]["storage"])
    (storage / "bucket" / "home").mkdir(parents=True)
    (storage / "bucket" / "secret").write_text(SECRET, "utf-8")
    return Courier(bench, key.private, storage, tmp_path)


def _map(courier: Courier, *mappings: tuple[str, str], home: str = "", **types: str) -> None:
    courier.update(
        HomeDirectory=home,
        HomeDirectoryType="LOGICAL",
        HomeDirectoryMappings=[
            {"Entry": entry, "Target": target, **({"Type": types[entry[1:]]} if entry[1:] in types else {})}
            for entry, target in mappings
        ],
    )


# -- What a user sees --------------------------------------------------------------------------------------------------


def test_a_door_opens_when_its_user_is_created(bench: Bench, new_key: KeyMaker) -> None:
    key = new_key()
    assert [user["home"] for user in bench.lab["transfer"]["new_users"]] == [None] * 3
    assert bench.sftp(key.private, "pwd", "supplier").returncode == 255
    bench.client("transfer").create_user(
        ServerId=bench.server_id, UserName="supplier", Role=ROLE, SshPublicKeyBody=key.public
    )
    assert bench.sftp(key.private, "pwd", "supplier").returncode == 0
    bench.client("transfer").delete_user(ServerId=bench.server_id, UserName="supplier")
    assert bench.sftp(key.private, "pwd", "supplier").returncode == 255


def test_with_path_a_user_sees_the_storage_as_it_is(courier: Courier) -> None:
    assert "Remote working directory: /bucket/home\n" in courier.sftp("pwd").stdout
    assert courier.put("one.txt") == courier.put("/bucket/home/two.txt") == 0
    assert courier.files() == {
        "/bucket/home/one.txt": "a delivery",
        "/bucket/home/two.txt": "a delivery",
        "/bucket/secret": SECRET,
    }
    assert courier.listed() == ["one.txt", "two.txt"]
    assert courier.listed("..") == ["home", "secret"]


def test_a_home_that_does_not_exist_is_made(courier: Courier) -> None:
    courier.update(HomeDirectory="/new-bucket/a/b")
    assert courier.put("one.txt") == 0
    assert "/new-bucket/a/b/one.txt" in courier.files()


def test_an_upload_is_where_the_mapping_says(courier: Courier) -> None:
    _map(courier, ("/incoming", "/bucket/in/${transfer:UserName}"), ("/archive", "/old/${Transfer:UserName}"))
    assert "Remote working directory: /\n" in courier.sftp("pwd").stdout
    assert courier.listed() == ["archive", "incoming"]
    assert courier.put("/incoming/one.txt") == courier.put("archive/two.txt", "an old one") == 0
    assert courier.files() == {
        "/bucket/in/courier/one.txt": "a delivery",
        "/old/courier/two.txt": "an old one",
        "/bucket/secret": SECRET,
    }
    got = courier.folder / "got"
    assert courier.sftp("cd incoming", f"get one.txt {got}").returncode == 0
    assert got.read_text("utf-8") == "a delivery"


def test_an_update_counts_at_the_next_login(courier: Courier) -> None:
    _map(courier, ("/", "/bucket/home"))
    assert courier.put("/one.txt") == 0
    _map(courier, ("/", "/bucket/elsewhere"))
    assert courier.listed() == []
    courier.update(HomeDirectoryType="PATH", HomeDirectory="/bucket/home")
    assert courier.listed() == ["one.txt"]


def test_the_landing_folder_of_logical_mappings(courier: Courier) -> None:
    _map(courier, ("/in", "/bucket/in"), ("/out", "/bucket/out"), home="/out/today")
    assert "Remote working directory: /out/today\n" in courier.sftp("pwd").stdout
    assert courier.put("one.txt") == 0
    assert "/bucket/out/today/one.txt" in courier.files()


def test_the_longest_entry_counts(courier: Courier) -> None:
    _map(courier, ("/", "/bucket/home"), ("/incoming", "/other/in"), ("/incoming/deep/er", "/third"))
    (courier.storage / "bucket" / "home" / "incoming").mkdir()
    (courier.storage / "bucket" / "home" / "incoming" / "hidden").write_text("hidden", "utf-8")
    for path in ("/a", "/incoming/b", "/incoming/deep/er/c"):
        assert courier.put(path) == 0
    assert {"/bucket/home/a", "/other/in/b", "/third/c"} < set(courier.files())
    assert courier.listed("/") == ["a", "incoming"]
    assert courier.listed("/incoming") == ["b", "deep"]
    assert courier.listed("/incoming/deep") == ["er"]


def test_folders_that_only_lead_to_an_entry_hold_nothing(courier: Courier) -> None:
    _map(courier, ("/a/b", "/bucket/home"))
    assert (courier.listed(), courier.listed("/a"), courier.listed("/a/b")) == (["a"], ["b"], [])
    for path in ("/file", "/a/file", "/a", "/a/b"):
        assert courier.put(path) == 0 if path == "/a/b" else courier.put(path) == 1
    assert "No such file or directory" in courier.sftp(f"put {courier.folder}/sent /file").stderr
    assert courier.sftp("mkdir /c").returncode == courier.sftp("mkdir /a/c").returncode == 1
    # sftp has put this one into the folder.
    assert courier.files() == {"/bucket/home/sent": "a delivery", "/bucket/secret": SECRET}


def test_a_mapping_of_a_file(courier: Courier) -> None:
    _map(courier, ("/in", "/bucket/in"), ("/list.csv", "/bucket/lists/current.csv"), **{"list.csv": "FILE"})
    assert courier.listed() == ["in"]
    assert courier.put("/list.csv", "a,b") == 0
    assert courier.files()["/bucket/lists/current.csv"] == "a,b"
    assert courier.listed() == ["in", "list.csv"]
    (courier.storage / "bucket" / "lists" / "next.csv").write_text("c", "utf-8")
    for path in ("/list.csv/next.csv", "/list.csv/../next.csv", "/lists/next.csv"):
        assert courier.sftp(f"get {path} {courier.folder}/got").returncode == 1
    assert not (courier.folder / "got").exists()


# -- What a user can do ------------------------------------------------------------------------------------------------


def test_files_and_folders_come_move_and_go(courier: Courier) -> None:
    _map(courier, ("/in", "/bucket/in"), ("/out", "/other/out"))
    assert courier.put("/in/one") == 0
    done = courier.sftp(
        "mkdir /in/new",
        "rename /in/one /in/new/two",
        "rename /in/new /out/moved",
        "ls -l /out/moved/two",
        "rm /out/moved/two",
        "rmdir /out/moved",
    )
    assert done.returncode == 0, done.stderr
    assert courier.files() == {"/bucket/secret": SECRET}
    assert courier.listed("/out") == []


def test_a_rename_replaces_nothing(courier: Courier) -> None:
    assert courier.put("one", "1") == courier.put("two", "2") == 0
    assert courier.sftp("rename one two").returncode == 1
    assert courier.files()["/bucket/home/two"] == "2"


def test_a_large_file_comes_back_as_it_was(courier: Courier) -> None:
    sent, got = courier.folder / "large", courier.folder / "back"
    sent.write_bytes(os.urandom(3_000_001))
    assert courier.sftp(f"put {sent} large", f"get large {got}").returncode == 0
    assert got.read_bytes() == sent.read_bytes()


def test_an_upload_continues(courier: Courier) -> None:
    sent = courier.folder / "sent"
    sent.write_text("0123456789", "utf-8")
    (courier.storage / "bucket" / "home" / "part").write_text("01234", "utf-8")
    assert courier.sftp(f"reput {sent} part").returncode == 0
    assert courier.files()["/bucket/home/part"] == "0123456789"
    with courier.session() as session:
        write_and_append, no_attributes, offset = 2 | 4, 0, (0, 0)
        kind, handle = session.ask(_OPEN, 1, b"part", write_and_append, no_attributes)
        assert kind == _HANDLE
        assert session.ask(_WRITE, 2, handle, *offset, b"more") == (_STATUS, _OK)
    assert courier.files()["/bucket/home/part"] == "0123456789more"


# -- What a user cannot do ---------------------------------------------------------------------------------------------

WAYS_OUT = (
    "../secret",
    "/../bucket/secret",
    "/in/../../secret",
    "/in/../secret",
    "/bucket/secret",
    "/in/new/../../../secret",
    "/in/./../../bucket/secret",
    "//bucket//secret",
)


def test_no_path_leads_out_of_a_mapping(courier: Courier) -> None:
    _map(courier, ("/in", "/bucket/in"))
    assert courier.put("/in/mine", "mine") == 0
    outside = courier.folder / "outside"
    outside.write_text(SECRET, "utf-8")
    ways_out = (*WAYS_OUT, str(outside), f"/in/../../../../../../..{outside}")
    for path in ways_out:
        courier.refused(
            f"get {path} {courier.folder}/got",
            f"put {courier.folder}/sent {path}",
            f"rm {path}",
            f"rename {path} /in/theirs",
            f"rename /in/mine {path}",
            f"mkdir {path}-new",
        )
    assert not (courier.folder / "got").exists()
    assert outside.read_text("utf-8") == SECRET
    assert courier.files() == {"/bucket/in/mine": "mine", "/bucket/secret": SECRET}


def test_dots_in_the_root_stay_in_the_root(courier: Courier) -> None:
    _map(courier, ("/", "/bucket/home"))
    assert courier.put("../../../../one") == 0
    assert courier.files() == {"/bucket/home/one": "a delivery", "/bucket/secret": SECRET}
    assert courier.listed("/../..") == ["one"]


def test_a_target_with_dots_stays_in_the_storage(courier: Courier) -> None:
    _map(courier, ("/", "/bucket/../../../../home"))
    assert courier.put("/one") == 0
    assert courier.files()["/home/one"] == "a delivery"


def test_links_are_not_made(courier: Courier) -> None:
    _map(courier, ("/", "/bucket/home"))
    assert courier.put("/mine") == 0
    for target in ("../secret", "/bucket/secret", "mine", str(courier.folder)):
        symbolic = courier.sftp(f"ln -s {target} /link")
        assert (symbolic.returncode, "Operation unsupported" in symbolic.stderr) == (1, True)
    hard = courier.sftp("ln /mine /link")
    assert (hard.returncode, "hardlink@openssh.com" in hard.stderr) == (1, True)
    assert [path.name for path in (courier.storage / "bucket" / "home").iterdir()] == ["mine"]


def test_requests_that_sftp_does_not_make(courier: Courier) -> None:
    _map(courier, ("/", "/bucket/home"))
    assert courier.put("/mine") == 0
    size, permissions, times = (1, 0, 0), (4, 0o777), (8, 0, 0)
    with courier.session() as session:
        for request in (
            (_SYMLINK, 1, b"/bucket/secret", b"/link"),
            (_SYMLINK, 1, b"/link", b"/bucket/secret"),
            (_READLINK, 1, b"/mine"),
            (_SETSTAT, 1, b"/mine", *size),
            (_SETSTAT, 1, b"/mine", *permissions),
            (_SETSTAT, 1, b"/mine", *times),
            (_EXTENDED, 1, b"hardlink@openssh.com", b"/mine", b"/link"),
            (_EXTENDED, 1, b"posix-rename@openssh.com", b"/mine", b"/link"),
            (_EXTENDED, 1, b"lsetstat@openssh.com", b"/mine", *permissions),
        ):
            assert session.ask(*request) == (_STATUS, _UNSUPPORTED), request
        assert session.ask(_OPEN, 1, b"/mine\0", 2, 0) == (_STATUS, _FAILURE)
        for path in (b"/in/../../secret", b"../secret", b"/../bucket/secret"):
            assert session.ask(_OPEN, 1, path, 2, 0)[0] == _STATUS
    assert courier.files() == {"/bucket/home/mine": "a delivery", "/bucket/secret": SECRET}


def test_a_link_in_the_storage_leads_nowhere(courier: Courier) -> None:
    _map(courier, ("/", "/bucket/home"))
    home = courier.storage / "bucket" / "home"
    outside = courier.folder / "outside"
    outside.mkdir()
    (outside / "file").write_text(SECRET, "utf-8")
    (home / "folder").symlink_to(outside)
    (home / "file").symlink_to(outside / "file")
    (home / "dangling").symlink_to(outside / "new")
    os.mkfifo(home / "pipe")
    assert courier.listed() == []
    (courier.folder / "sent").write_text("sent", "utf-8")
    courier.refused(
        f"get /folder/file {courier.folder}/got",
        f"get /file {courier.folder}/got",
        f"get /pipe {courier.folder}/got",
        f"put {courier.folder}/sent /folder/new",
        f"put {courier.folder}/sent /file",
        f"put {courier.folder}/sent /dangling",
        "rename /folder /mine",
        "rm /folder/file",
        "mkdir /folder/new",
        "cd /folder",
    )
    assert [path.name for path in outside.iterdir()] == ["file"]
    assert (outside / "file").read_text("utf-8") == SECRET
    assert not (courier.folder / "got").exists()


def test_what_the_mappings_need_stays(courier: Courier) -> None:
    _map(courier, ("/", "/bucket/home"), ("/a/b", "/other/b"))
    assert courier.put("/mine") == 0
    courier.refused(
        "rmdir /a",
        "rmdir /a/b",
        "rename /a /c",
        "rename /a/b /c",
        "rename /mine /a",
        "rename /mine /a/b",
        "mkdir /a",
        "mkdir /a/b",
        "rmdir /",
        "rename / /c",
    )
    assert courier.listed() == ["a", "mine"]


def test_nobody_makes_a_bucket(courier: Courier) -> None:
    (courier.folder / "sent").write_text("sent", "utf-8")
    courier.refused("mkdir /mine", f"put {courier.folder}/sent /mine", "rmdir /bucket", "rename /bucket /mine")
    assert {path.name for path in courier.storage.iterdir()} == {"bucket", "lab-uploads"}


def test_there_is_no_other_way_in(courier: Courier) -> None:
    port, login = courier.bench.door(USER)
    options = [*shlex.split(courier.bench.lab["ssh_common_args"]), "-i", str(courier.key)]
    shell = subprocess.run(
        ["ssh", *options, "-p", str(port), login, "cat /etc/passwd"], capture_output=True, text=True, check=False
    )
    assert (shell.returncode, shell.stdout) == (1, "")
    assert "This service allows sftp connections only." in shell.stderr
    target = f"{login}:/bucket/home/one"
    old_protocol = ["scp", "-O", *options, "-P", str(port), "/etc/hostname", target]
    assert subprocess.run(old_protocol, capture_output=True, check=False).returncode != 0
    new_protocol = ["scp", *options, "-P", str(port), "/etc/hostname", target]
    assert subprocess.run(new_protocol, capture_output=True, check=False).returncode == 0
    assert set(courier.files()) == {"/bucket/home/one", "/bucket/secret"}


# -- The lab -----------------------------------------------------------------------------------------------------------


def test_keys_open_nothing_if_the_server_has_another_identity_provider(bench: Bench, new_key: KeyMaker) -> None:
    client = bench.client("transfer")
    server_id = client.create_server(
        IdentityProviderType="API_GATEWAY", IdentityProviderDetails={"Url": "https://example.com"}
    )["ServerId"]
    bench.control("POST", "transfer/users", {"user_name": USER, "server_id": server_id})
    bench.control("PUT", f"transfer/users/{USER}", {"server_id": server_id, "keys": [new_key().public]})
    assert bench.text(f"transfer/{server_id}/users/{USER}/authorized-keys")[0] == 404
    with pytest.raises(ClientError, match="InvalidRequestException"):
        client.describe_user(ServerId=server_id, UserName=USER)


def test_control_says_what_a_user_has(courier: Courier) -> None:
    _map(courier, ("/", "/bucket/home"))
    said: dict[str, Any] = courier.bench.control("GET", f"transfer/users/{USER}")
    assert said["profile"] == {
        "HomeDirectoryMappings": [{"Entry": "/", "Target": "/bucket/home"}],
        "HomeDirectoryType": "LOGICAL",
        "Role": ROLE,
    }
    assert courier.bench.control("GET", "transfer/users/nobody")["status"] == 404


def test_a_reset_empties_the_storage(courier: Courier) -> None:
    assert courier.put("one") == 0
    courier.bench.control("POST", "reset")
    assert courier.files() == {}
    homes = [Path(user["home"]) for user in courier.bench.lab["transfer"]["users"] if user["home"]]
    assert [home.relative_to(courier.storage) for home in homes] == [
        Path("lab-uploads", "partner"),
        Path("lab-uploads", "auditor"),
    ]
    assert all(home.is_dir() for home in homes)
