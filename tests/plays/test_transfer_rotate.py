# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook transfer_rotate, as a user runs it: who can log in at which moment, and what is on the disk.

A few runs serve all tests. The playbook is for localhost, and an inventory may have a group of that name: each of its
hosts is a case with a Transfer user of the same name. Two users, partner and auditor, have a real sftp server.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.modules import transfer_ssh_key_info
from ansible_collections.sshkeys.aws.tests.playbooks import Controller, Run
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, line_of

PLAYBOOK = "sshkeys.aws.transfer_rotate"
LOGIN = "Log in with the new key"
# With alice and bob, as many keys as a user of the lab may have.
OTHERS = {f"other-{number}": line_of(ed25519_blob(bytes([number]) * 32), f"other-{number}") for number in range(8)}
FULL = ("bob", *OTHERS, "alice")
OLD = "key.old-20260101T000000Z"


def fingerprint(line: str) -> str:
    digest = hashlib.sha256(base64.b64decode(line.split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


@dataclass(frozen=True)
class File:
    """A file in the folder of a case."""

    mode: int
    content: str = field(repr=False)


@dataclass(frozen=True)
class Stage:
    """A run, and what stands after it, by case.

    held: the names of the keys that the user has; that of a pair which a run has made is "new".
    calls: the operations that a run has sent, without reads.
    opens: for the users with an sftp server, by private key file, whether it opens the server.
    """

    run: Run
    held: Mapping[str, list[str]]
    files: Mapping[str, Mapping[str, File]]
    calls: Mapping[str, list[str]]
    opens: Mapping[str, Mapping[str, bool]]

    def summary(self, case: str) -> str:
        """Return what the playbook says at its end."""
        return "\n".join(self.run.of("Sum up", case)["msg"])

    def decision(self, case: str) -> str:
        """Return what the playbook says before it changes anything."""
        return "\n".join(self.run.of("Say what is going to be replaced", case)["msg"])

    def failure(self, case: str) -> str:
        """Return why the playbook failed, of its own accord."""
        own = ("Refuse variables that cannot be used", "Fail if it is unclear which keys to replace")
        tasks = (*own, "Report the failure, and the current keys and files", "Read the keys that the user has")
        (told,) = [
            each.result["msg"] for task in tasks for each in self.run.all_of(task, case) if each.status == "failed"
        ]
        return str(told)


class World:
    """The users of the lab, the folders of the cases, and the runs on them."""

    def __init__(self, controller: Controller) -> None:
        """Make the keys that users hold."""
        self.controller, self.lab = controller, controller.lab
        lines = {name: controller.make_key(name) for name in ("alice", "bob", "carol", "dave")}
        self.lines = {**OTHERS, **lines}
        self._names = {fingerprint(line): name for name, line in self.lines.items()}
        self.doors = {each["user_name"]: each for each in self.lab.lab["transfer"]["users"] if each["port"]}
        self._users = {each["user_name"] for each in self.lab.lab["transfer"]["users"]}

    def fingerprint(self, name: str) -> str:
        """Return the fingerprint of a key of the tests."""
        return fingerprint(self.lines[name])

    def key(self, name: str) -> Path:
        """Return the private key file of a key of the tests."""
        return Path(self.controller.folder, "keys", name)

    def file(self, case: str, name: str = "key") -> str:
        """Return the path of a file of a case."""
        return str(self.controller.folder / case / name)

    def prepare(
        self, case: str, holds: Sequence[str] = ("alice", "bob"), files: Mapping[str, str] | None = None
    ) -> None:
        """Give the user of a case keys, the oldest first, and its folder files: names below keys/, or texts."""
        if case not in self._users:
            self.lab.control("POST", "transfer/users", user_name=case)
            self._users.add(case)
        self.lab.hold(case, [self.lines[name] for name in holds])
        folder = self.controller.folder / case
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o755)
        for name, source in (files or {}).items():
            copied = self.key(source)
            text = copied.read_text("utf-8") if copied.is_file() else source
            (folder / name).write_text(text, encoding="utf-8")
            # As ssh-keygen leaves them.
            (folder / name).chmod(0o644 if name.endswith(".pub") else 0o600)

    def ids(self, case: str) -> dict[str, Mapping[str, Any]]:
        """Return the keys that the user of a case has, as transfer_ssh_key_info returns them, by name."""
        report = self.lab.run(transfer_ssh_key_info, {"server_id": self.lab.server_id, "user_name": case})
        return {self._names[key["fingerprint"]]: key for key in report.result["users"][0]["ssh_public_keys"]}

    def login(self, case: str, door: str = "") -> dict[str, object]:
        """Return the variables for a pair of ours that is to log in: by default at the door of its own user."""
        at = self.doors[door or case]
        return {
            "private_key_file": self.file(case),
            "sftp_host": at["host"],
            "sftp_port": at["port"],
            "sftp_user": at["login_user"],
            "ssh_args": f"-o UserKnownHostsFile={self.lab.lab['known_hosts']}",
        }

    def opens(self, user: str, private_key: str | Path) -> bool:
        """Whether a private key opens the sftp server of a user. Fails where something else is in the way."""
        at = self.doors[user]
        options = shlex.split(self.lab.lab["ssh_common_args"])
        address = f"{at['login_user']}@{at['host']}"
        command = ["sftp", *options, "-P", str(at["port"]), "-i", str(private_key), "-b", "/dev/null", address]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or "Permission denied" in done.stderr, done.stderr
        return done.returncode == 0

    def rotate(
        self,
        cases: Mapping[str, Mapping[str, object]],
        *arguments: str,
        logins: Mapping[str, Sequence[str]] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Stage:
        """Run the playbook for all cases, and look at what stands. logins: by user, private key files to try then."""
        self.lab.control("DELETE", "requests")
        hosts = {case: {"user_name": case, **variables} for case, variables in cases.items()}
        inventory = {"localhost": {"hosts": hosts, "vars": {"server_id": self.lab.server_id}}}
        run = self.controller.run(PLAYBOOK, *arguments, inventory=inventory, environment=environment)
        held: dict[str, list[str]] = {}
        for case in self._users & set(cases):
            held[case] = sorted(self._names.get(fingerprint(line), "new") for line in self.lab.held(case))
        calls: dict[str, list[str]] = {case: [] for case in cases}
        for call in self.lab.requests():
            if call["operation"] != "DescribeUser":
                calls[call["parameters"]["UserName"]].append(call["operation"].removesuffix("SshPublicKey"))
        return Stage(
            run=run,
            held=held,
            files={case: self._files_of(case) for case in cases},
            calls=calls,
            opens={user: {name: self.opens(user, name) for name in names} for user, names in (logins or {}).items()},
        )

    def _files_of(self, case: str) -> dict[str, File]:
        folder = self.controller.folder / case
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {
            str(path.relative_to(folder)): File(path.stat().st_mode & 0o777, path.read_text("utf-8")) for path in files
        }


@contextmanager
def agent(folder: Path, keys: Sequence[Path]) -> Iterator[dict[str, str]]:
    """Run an ssh-agent that holds keys. Yields the environment that leads to it."""
    environment = {"SSH_AUTH_SOCK": str(folder / "agent")}
    with subprocess.Popen(
        ["ssh-agent", "-D", "-a", environment["SSH_AUTH_SOCK"]], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        # It prints its address when it listens.
        process.stdout.readline()
        try:
            subprocess.run(["ssh-add", "-q", *map(str, keys)], env=environment, check=True)
            yield environment
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def world(module_controller: Controller) -> World:
    return World(module_controller)


# -- Check mode --------------------------------------------------------------------------------------------------------

UNFINISHED = {"key": "bob", "key.pub": "bob.pub", OLD: "alice", f"{OLD}.pub": "alice.pub"}
OURS = {"key": "alice", "key.pub": "alice.pub"}


@pytest.fixture(scope="module")
def foreseen(world: World) -> Stage:
    world.prepare("check-given", ["alice", "bob", "dave"])
    world.prepare("check-ours", files=OURS)
    world.prepare("check-elsewhere")
    cases: dict[str, dict[str, object]] = {
        "check-given": {"public_key_files": "keys/bob.pub, keys/carol.pub", "replaces": "all"},
        "check-ours": world.login("check-ours", "partner"),
        "check-elsewhere": {"private_key_file": "check-elsewhere/deeper/key", "key_comment": "robot"},
    }
    return world.rotate(cases, "--check")


def test_check_mode_changes_nothing(world: World, foreseen: Stage) -> None:
    foreseen.run.assert_succeeded()
    assert foreseen.held == {
        "check-given": ["alice", "bob", "dave"],
        "check-ours": ["alice", "bob"],
        "check-elsewhere": ["alice", "bob"],
    }
    assert not any(foreseen.calls.values())
    assert sorted(foreseen.files["check-ours"]) == ["key", "key.pub"]
    assert not Path(world.file("check-elsewhere", "deeper")).exists()


def test_check_mode_foresees_given_keys(world: World, foreseen: Stage) -> None:
    said = foreseen.summary("check-given").splitlines()
    assert f"  would come  {world.fingerprint('carol')} carol@laptop" in said
    assert f"  would go    {world.fingerprint('alice')} alice@laptop" in said
    assert f"  would go    {world.fingerprint('dave')} dave@laptop" in said
    assert f"  would stay  {world.fingerprint('bob')} bob@laptop" in said
    assert foreseen.run.recap("check-given")["changed"] == 1


def test_check_mode_foresees_a_new_pair_and_does_not_log_in(world: World, foreseen: Stage) -> None:
    said = foreseen.summary("check-ours").splitlines()
    assert f"  would come  a new ed25519 key, check-ours@{world.lab.server_id}" in said
    assert f"  would go    {world.fingerprint('alice')} alice@laptop" in said
    assert f"  would stay  {world.fingerprint('bob')} bob@laptop" in said
    assert f"The pair that is there would be kept in {world.file('check-ours')}.old-" in foreseen.summary("check-ours")
    assert foreseen.run.recap("check-ours")["changed"] > 0
    assert foreseen.run.all_of(LOGIN, "check-ours")[0].status == "skipped"


def test_a_file_that_the_user_has_no_key_of_replaces_none(world: World, foreseen: Stage) -> None:
    said = foreseen.decision("check-elsewhere")
    assert "No key is replaced." in said
    assert (
        "no key that private_key_file holds or held. To replace another one, name it, such as -e replaces=SHA256:"
        in said
    )
    assert "would go" not in foreseen.summary("check-elsewhere")


# -- The first run ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def first(world: World, foreseen: Stage) -> Stage:
    """Run everything that needs no earlier run, and everything that is refused or fails in the middle."""
    for case in ("partner", "auditor", "import-refused", "second-deletion-denied", "deletion-denied"):
        world.prepare(case, files=OURS)
    world.prepare("full-with-login", FULL, OURS)
    # An earlier run has made a pair and kept the old one, and did not come further.
    kept = {OLD: "alice", f"{OLD}.pub": "alice.pub"}
    world.prepare("full", FULL, {**OURS, **kept, "key.new": "carol", "key.new.pub": "carol.pub"})
    world.prepare("full-all", FULL)
    world.prepare("kept-again", files=UNFINISHED)
    world.prepare("given-kept", ["alice", "bob", "dave"])
    world.prepare("named", FULL, {"doe,jane.pub": world.lines["dave"].replace("dave@laptop", "other-0")})
    cases: dict[str, dict[str, object]] = {
        # The path is relative to the current folder of the user.
        "partner": {**world.login("partner"), "private_key_file": "partner/key"},
        # A key of auditor's opens nothing there. Keys of the agent do.
        "auditor": world.login("auditor", "partner"),
        "import-refused": {"private_key_file": world.file("import-refused")},
        "second-deletion-denied": {"private_key_file": world.file("second-deletion-denied"), "replaces": "all"},
        "deletion-denied": {"private_key_file": world.file("deletion-denied"), "replaces": "bob@laptop"},
        "full-with-login": world.login("full-with-login", "partner"),
        "full": {"private_key_file": world.file("full")},
        "full-all": {
            "private_key_file": world.file("full-all", "much/deeper/key"),
            "replaces": "all",
            "key_comment": "robot",
        },
        "kept-again": {"private_key_file": world.file("kept-again"), "keep_old_keys": True},
        "given-kept": {"public_keys": [world.lines["bob"], world.lines["carol"]], "keep_old_keys": "true"},
        "named": named(world),
    }
    denied = {"fault": "error", "code": "AccessDeniedException", "message": "Not allowed", "times": None}
    not_today = {"fault": "error", "code": "InvalidRequestException", "message": "Not today", "times": None}
    world.lab.misbehave(
        {"operation": "ImportSshPublicKey", "match": {"UserName": "import-refused"}, **not_today},
        {"operation": "DeleteSshPublicKey", "match": {"UserName": "second-deletion-denied"}, "after": 1, **denied},
        {"operation": "DeleteSshPublicKey", "match": {"UserName": "deletion-denied"}, **denied},
        # When the failure is to be reported.
        {"operation": "DescribeUser", "match": {"UserName": "in-the-way"}, "after": 1, **denied},
    )
    logins = {
        "partner": [world.file("partner"), str(world.key("bob")), str(world.key("alice"))],
        "auditor": [world.file("auditor"), world.file("auditor", "key.new"), str(world.key("bob"))],
    }
    with agent(world.controller.folder, [world.key("bob")]) as environment:
        # No private key is in all that a user can have printed. The time zone is not that of the names of files.
        stage = world.rotate(
            {**cases, **refused(world)},
            *("-vvv", "--diff"),
            logins=logins,
            environment={**environment, "TZ": "XXX-12"},
        )
    world.lab.misbehave()
    return stage


def named(world: World) -> dict[str, object]:
    """Return variables that replace four keys, each named in another way, by two others.

    One of these has the comment of the first, and is in a file whose name has a comma.
    """
    keys = world.ids("named")
    replaces = [
        "other-0",
        keys["other-1"]["fingerprint"],
        keys["other-2"]["fingerprint_md5"],
        keys["other-3"]["id"],
    ]
    return {"public_keys": world.lines["carol"], "public_key_files": "named/doe,jane.pub", "replaces": replaces}


def test_a_new_pair_takes_the_place_of_the_old_one(world: World, first: Stage) -> None:
    assert first.held["partner"] == ["bob", "new"]
    assert first.calls["partner"] == ["Import", "Delete"]
    files = first.files["partner"]
    (backup,) = [name for name in files if re.fullmatch(r"key\.old-\d{8}T\d{6}Z", name)]
    assert sorted(files) == sorted(["key", "key.pub", backup, f"{backup}.pub"])
    age = datetime.now(UTC) - datetime.strptime(backup, "key.old-%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert timedelta(0) < age < timedelta(hours=1)
    assert files[backup].content == world.key("alice").read_text("utf-8")
    assert files[f"{backup}.pub"].content.strip() == world.lines["alice"]
    shown = [
        subprocess.run(
            ["ssh-keygen", *more, "-f", world.file("partner")], capture_output=True, text=True, check=True
        ).stdout
        for more in (["-y"], ["-l"])
    ]
    assert shown[0].split()[:2] == files["key.pub"].content.split()[:2]
    assert re.fullmatch(rf"256 SHA256:\S+ partner@{world.lab.server_id} \(ED25519\)\n", shown[1])


def test_only_the_owner_can_read_the_pairs(first: Stage) -> None:
    assert {file.mode for file in first.files["partner"].values()} == {0o600}


def test_the_new_key_logs_in_and_the_old_one_no_longer(world: World, first: Stage) -> None:
    assert first.opens["partner"] == {
        world.file("partner"): True,
        str(world.key("bob")): True,
        str(world.key("alice")): False,
    }


def test_what_came_and_went_is_told(world: World, first: Stage) -> None:
    assert f"  replaced  {world.fingerprint('alice')} alice@laptop" in first.decision("partner")
    said = first.summary("partner").splitlines()
    new = fingerprint(first.files["partner"]["key.pub"].content)
    assert f"  came  {new} partner@{world.lab.server_id}" in said
    assert f"  went  {world.fingerprint('alice')} alice@laptop" in said
    assert f"  stays {world.fingerprint('bob')} bob@laptop" in said
    at = world.doors["partner"]
    assert f"The new key has logged in by sftp on {at['host']}, port {at['port']}." in said


def test_the_login_proves_the_new_key_alone(world: World, first: Stage) -> None:
    # Some of these options guard against the same thing, such as the two about agents. None may be missing.
    at = world.doors["partner"]
    assert first.run.of(LOGIN, "partner")["cmd"] == [
        *("sftp", "-F", "none", "-o", "ControlPath=none", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none"),
        *("-o", "CertificateFile=none", "-o", "PreferredAuthentications=publickey", "-o", "BatchMode=yes"),
        *("-o", "ConnectTimeout=10", "-i", f"{world.file('partner')}.new", "-P", str(at["port"])),
        *("-o", f"UserKnownHostsFile={world.lab.lab['known_hosts']}", "-b", "/dev/null"),
        f"{at['login_user']}@{at['host']}",
    ]
    assert first.run.of(LOGIN, "partner")["changed"] is False


def test_no_old_key_goes_where_the_new_one_cannot_log_in(world: World, first: Stage) -> None:
    # The agent has a key that opens this door.
    assert first.held["auditor"] == ["alice", "bob", "new"]
    assert first.calls["auditor"] == ["Import"]
    assert sorted(first.files["auditor"]) == ["key", "key.new", "key.new.pub", "key.pub"]
    assert first.files["auditor"]["key"].content == world.key("alice").read_text("utf-8")
    assert all(first.opens["auditor"].values())
    said = first.failure("auditor")
    assert re.search(r"sftp could not log in.*Permission denied.*No old key was removed.*now has 3 keys", said)
    file = world.file("auditor")
    assert f"The private key files that work: {file}, {file}.new." in said


def test_a_login_that_is_refused_is_tried_again(first: Stage) -> None:
    assert first.run.of(LOGIN, "auditor")["attempts"] == 3


def test_an_import_that_is_refused_changes_nothing_and_leaves_the_new_pair(world: World, first: Stage) -> None:
    assert first.held["import-refused"] == ["alice", "bob"]
    assert sorted(first.files["import-refused"]) == ["key", "key.new", "key.new.pub", "key.pub"]
    file, said = world.file("import-refused"), first.failure("import-refused")
    assert re.match(rf"Import the new key: .*Not today.*import-refused on {world.lab.server_id} now has 2 keys", said)
    assert said.endswith(f"files that work: {file}. The next run continues with the pair in {file}.new.")


def test_the_key_of_the_file_goes_last(world: World, first: Stage) -> None:
    case, file = "second-deletion-denied", world.file("second-deletion-denied")
    assert first.held[case] == ["alice", "new"]
    files = first.files[case]
    (backup,) = [name for name in files if ".old-" in name and not name.endswith(".pub")]
    assert sorted(files) == sorted(["key", "key.pub", backup, f"{backup}.pub"])
    said = first.failure(case)
    assert re.match("Remove the old keys: .*Not allowed.*now has 2 keys", said)
    # That of the partner went first, and then the new pair took its place.
    assert said.endswith(f"The private key files that work: {file}, {world.file(case, backup)}.")


def test_a_key_of_somebody_else_goes_before_the_new_pair_takes_its_place(world: World, first: Stage) -> None:
    assert first.held["deletion-denied"] == ["alice", "bob", "new"]
    assert sorted(first.files["deletion-denied"]) == ["key", "key.new", "key.new.pub", "key.pub"]
    assert first.failure("deletion-denied").startswith("Remove the replaced keys that the file does not hold: ")


def test_no_key_makes_room_before_the_login(world: World, first: Stage) -> None:
    assert first.held["full-with-login"] == sorted(FULL)
    assert "Delete" not in first.calls["full-with-login"]
    said = first.failure("full-with-login")
    assert re.search(r"as many keys as AWS allows.*now has 10 keys", said)
    assert f"files that work: {world.file('full-with-login')}." in said
    assert "With sftp_host, no key is removed before the login." in said


def test_the_replaced_key_makes_room_and_an_older_one_stays(world: World, first: Stage) -> None:
    assert first.held["full"] == sorted({*FULL, "carol"} - {"alice"})
    assert first.calls["full"][-2:] == ["Delete", "Import"]
    assert f"  went  {world.fingerprint('alice')} alice@laptop" in first.summary("full")


def test_a_run_goes_on_with_the_pair_of_the_run_before(world: World, first: Stage) -> None:
    files = first.files["full"]
    assert files["key"].content == world.key("carol").read_text("utf-8")
    assert (
        files["key.pub"].content == f"{world.lines['carol'].replace('carol@laptop', f'full@{world.lab.server_id}')}\n"
    )
    # The old pair is not kept a second time.
    assert sorted(files) == sorted(UNFINISHED)
    assert files[OLD].content == world.key("alice").read_text("utf-8")


def test_all_keys_of_a_full_user_are_replaced_by_a_first_pair(world: World, first: Stage) -> None:
    assert first.held["full-all"] == ["new"]
    # The oldest one makes room, and no other key goes before the new one is there.
    calls = first.calls["full-all"]
    assert calls[calls.index("Delete") :] == ["Delete", "Import", *["Delete"] * 9]
    said = first.summary("full-all")
    assert re.search(r"  came  SHA256:\S+ robot", said)
    assert "No login was tried" in said


def test_only_the_owner_can_enter_the_folder_of_a_first_pair(world: World, first: Stage) -> None:
    assert sorted(first.files["full-all"]) == ["much/deeper/key", "much/deeper/key.pub"]
    for folder in ("much", "much/deeper"):
        assert Path(world.file("full-all", folder)).stat().st_mode & 0o777 == 0o700
    # A folder that is there is the user's own affair.
    assert Path(world.file("partner", "")).stat().st_mode & 0o777 == 0o755


def test_an_overlap_that_goes_on_changes_nothing(world: World, first: Stage) -> None:
    assert first.held["kept-again"] == ["alice", "bob"]
    assert first.run.recap("kept-again")["changed"] == 0
    assert {name: file.content for name, file in first.files["kept-again"].items()} == {
        name: world.key(source).read_text("utf-8") for name, source in UNFINISHED.items()
    }


def test_given_keys_come_and_none_goes_for_now(world: World, first: Stage) -> None:
    assert first.held["given-kept"] == ["alice", "bob", "carol", "dave"]
    assert first.calls["given-kept"] == ["Import"]
    said = first.summary("given-kept")
    assert f"  came  {world.fingerprint('carol')} carol@laptop" in said
    assert "Kept for now: " in said
    assert "To remove keys, name them with replaces" in said


def test_keys_are_named_by_comment_fingerprint_or_id(world: World, first: Stage) -> None:
    assert first.held["named"] == sorted({*FULL, "carol", "dave"} - {"other-0", "other-1", "other-2", "other-3"})
    assert f"  replaced  {world.fingerprint('other-2')} other-2" in first.decision("named")
    assert f"  went  {world.fingerprint('other-2')} other-2" in first.summary("named")


# -- What is refused --------------------------------------------------------------------------------------------------


def refused(world: World) -> dict[str, dict[str, object]]:
    """Return cases that are refused. Each user has the keys of alice, bob and dave."""
    private_key = world.key("bob").read_text("utf-8")
    cases: dict[str, dict[str, object]] = {
        "no-keys": {"public_keys": [], "private_key_file": world.file("no-keys", "none.pub"), "sftp_port": "ssh"},
        "no-login": {"public_key_files": "nowhere.pub", "sftp_host": "localhost", "keep_old_keys": "later"},
        "misspelt": {"public_key_files": "keys/carol.pub", "replace": "alice@laptop"},
        "no-list": {"public_key_files": "keys/bob.pub,", "replaces": "alice@laptop,"},
        "unclear": {"public_key_files": "keys/carol.pub"},
        "empty-list": {"public_key_files": ["no-key/none.txt", "keys/bob"], "replaces": []},
        "pasted": {"public_keys": private_key, "replaces": private_key},
        "no-key": {"private_key_file": "keys/../no-key/none.txt"},
        "in-the-way": {"private_key_file": world.file("in-the-way")},
        "no-user": {"public_key_files": "keys/carol.pub", "user_name": "nobody-here"},
        "no-role": {"public_key_files": "keys/carol.pub", "assume_role_arn": "nobody"},
        "no-profile": {"public_key_files": "keys/carol.pub", "profile": "nowhere"},
        "elsewhere": {
            "public_key_files": "keys/carol.pub",
            "region": "eu-west-1",
            "endpoint_url": "ftp://nowhere",
        },
    }
    for case in cases:
        world.prepare(case, ["alice", "bob", "dave"])
    for path in ("no-keys/none.pub", "no-key/none.txt", "in-the-way/key.new"):
        world.controller.write(path, "# none yet\n")
    return cases


@pytest.mark.parametrize(
    ("case", "sentences"),
    [
        (
            "no-keys",
            [
                *("Give either public_keys", "The user would lose every key"),
                *("must be the file of a private key", "must be the number of a port"),
            ],
        ),
        (
            "no-login",
            [
                *("there is no such file", "there is no private key to log in with"),
                "keep_old_keys is 'later', and must be true or false",
            ],
        ),
        ("misspelt", ["There is no variable replace."]),
        (
            "no-list",
            [
                "public_key_files is 'keys/bob.pub,', which ends in a comma",
                "replaces is 'alice@laptop,', which ends in a comma",
            ],
        ),
        ("unclear", ["has 3 other keys", "alice@laptop", "bob@laptop", "dave@laptop", "-e replaces=all"]),
        ("empty-list", ["none.txt': It is empty", "keys/bob': It is a private key", "replaces is an empty list"]),
        ("pasted", ["public_keys[0]: It is a private key"]),
        ("no-key", ["no-key/none.txt', a file that ssh-keygen cannot read as a private key"]),
        (
            "in-the-way",
            ["Make a new pair beside the current one: ", "key.new is in the way of a new key pair"],
        ),
        ("no-user", ["nobody-here does not exist"]),
        ("no-role", ["assume_role_arn is 'nobody', and must be the ARN of an IAM role"]),
        ("no-profile", ["The connection to AWS cannot be set up", "profile"]),
        ("elsewhere", ["Not supported URL scheme ftp", "The region was eu-west-1, from the option region"]),
    ],
)
def test_what_cannot_be_done_is_refused(first: Stage, case: str, sentences: list[str]) -> None:
    said = first.failure(case)
    assert [sentence for sentence in sentences if sentence not in said] == []
    # Nothing is sent, and nothing that is in the way is touched.
    assert first.held[case] == ["alice", "bob", "dave"]
    assert first.calls[case] == []
    assert {file.content for file in first.files[case].values()} <= {"# none yet\n"}


def test_nothing_is_read_for_variables_that_cannot_be_used(first: Stage) -> None:
    for case in ("no-keys", "no-login", "misspelt", "no-list"):
        assert first.run.all_of("Read the keys that the user has", case) == []


def test_a_failure_is_reported_where_the_user_cannot_be_read_any_more(world: World, first: Stage) -> None:
    said = first.failure("in-the-way")
    assert f"The current keys of in-the-way on {world.lab.server_id} could not be read." in said
    assert said.endswith(f"The next run continues with the pair in {world.file('in-the-way')}.new.")


# -- Runs that go on from there ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def second(world: World, first: Stage) -> Stage:
    # A run was killed after it had put the new private key in its place, and before the public one.
    world.prepare("partner", files={**UNFINISHED, "key.pub": "alice.pub", "key.new.pub": "bob.pub"})
    cases: dict[str, dict[str, object]] = {
        "partner": world.login("partner"),
        "auditor": {**world.login("auditor"), "keep_old_keys": True},
        # By now these names have become those of keys that are gone, and of a new key.
        "named": {
            "public_keys": [world.lines["carol"], world.lines["dave"].replace("dave@laptop", "other-0")],
            "replaces": ["other-0", world.fingerprint("other-1")],
        },
    }
    logins = {
        "partner": [world.file("partner"), str(world.key("alice"))],
        "auditor": [world.file("auditor"), str(world.key("alice")), str(world.key("bob"))],
    }
    return world.rotate(cases, logins=logins)


def test_runs_after_a_failure_succeed(second: Stage) -> None:
    second.run.assert_succeeded()


def test_a_run_that_was_killed_while_it_moved_the_pair_is_finished(world: World, second: Stage) -> None:
    assert second.held["partner"] == ["bob"]
    assert "No new pair was made" in second.summary("partner")
    assert {name: file.content for name, file in second.files["partner"].items()} == {
        name: world.key(source).read_text("utf-8") for name, source in UNFINISHED.items()
    }
    assert second.opens["partner"] == {world.file("partner"): True, str(world.key("alice")): False}


def test_old_and_new_key_work_side_by_side_for_now(world: World, first: Stage, second: Stage) -> None:
    assert second.held["auditor"] == ["alice", "bob", "new"]
    assert all(second.opens["auditor"].values())
    # It is the pair of the first run.
    assert second.files["auditor"]["key"].content == first.files["auditor"]["key.new"].content
    said = second.summary("auditor")
    assert f"Kept for now: {world.fingerprint('alice')} alice@laptop. A run without keep_old_keys removes them." in said
    assert "went" not in said


def test_the_same_run_again_changes_nothing(world: World, first: Stage, second: Stage) -> None:
    assert second.held["named"] == first.held["named"]
    assert second.run.recap("named")["changed"] == 0
    assert "The user has no old key 'other-0': an earlier run has replaced it" in second.decision("named")
    assert "Nothing to do." in second.summary("named")


@pytest.fixture(scope="module")
def third(world: World, second: Stage) -> Stage:
    world.prepare("partner", ["alice", "bob", "carol"])
    cases: dict[str, dict[str, object]] = {
        "partner": {"public_key_files": "keys/bob.pub, keys/carol.pub"},
        "auditor": world.login("auditor"),
    }
    logins = {
        "partner": [str(world.key(name)) for name in ("bob", "carol", "alice")],
        "auditor": [world.file("auditor"), str(world.key("bob")), str(world.key("alice"))],
    }
    return world.rotate(cases, logins=logins)


def test_a_run_without_keep_old_keys_ends_an_overlap(world: World, second: Stage, third: Stage) -> None:
    third.run.assert_succeeded()
    assert third.held["auditor"] == ["bob", "new"]
    assert third.files["auditor"] == second.files["auditor"]
    assert list(third.opens["auditor"].values()) == [True, True, False]
    said = third.summary("auditor")
    assert f"  went  {world.fingerprint('alice')} alice@laptop" in said
    assert "No new pair was made" in said


def test_given_keys_log_in_and_the_replaced_one_no_longer(world: World, third: Stage) -> None:
    assert third.held["partner"] == ["bob", "carol"]
    assert list(third.opens["partner"].values()) == [True, True, False]
    assert f"  went  {world.fingerprint('alice')} alice@laptop" in third.summary("partner")


# -- The command line -------------------------------------------------------------------------------------------------


def test_a_list_that_ansible_cuts_at_a_blank_is_refused(world: World, third: Stage) -> None:
    world.lab.control("DELETE", "requests")
    arguments = (
        f"server_id={world.lab.server_id} user_name=partner",
        "public_key_files=keys/dave.pub",
        "replaces=alice@laptop bob@laptop",
    )
    run = world.controller.run(PLAYBOOK, *(word for argument in arguments for word in ("-e", argument)))
    assert run.status == 2
    assert "Ansible cut off 'bob@laptop'" in run.of("Refuse variables that cannot be used")["msg"]
    assert world.lab.requests() == []
