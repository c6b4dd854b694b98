# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""transfer_ssh_key against the lab, in this process: real calls, and real logins with the keys of a user."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.modules import transfer_ssh_key
from ansible_collections.sshkeys.aws.tests.logins import opens_transfer_user
from ansible_collections.sshkeys.aws.tests.modules.people import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    ERIN,
    SECURITY_KEY,
    WEAK,
    Person,
)
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab

USER, OTHER = "partner", "auditor"
READ, IMPORT, DELETE = "DescribeUser", "ImportSshPublicKey", "DeleteSshPublicKey"
NOBODYS_ID = "key-00000000000000000"


def declare(lab: RunningLab, *, check_mode: bool = False, **options: object) -> Report:
    """Declare keys of one user, if the options do not name users."""
    user = {} if {"users", "user_name"} & set(options) else {"user_name": USER}
    return lab.run(transfer_ssh_key, {"server_id": lab.server_id, **user, **options}, check_mode=check_mode)


def hold(lab: RunningLab, *keys: str | Mapping[str, object], user_name: str = USER) -> None:
    """Let a user hold exactly these keys, put there by another hand."""
    lab.control("PUT", f"transfer/users/{user_name}", keys=list(keys))


def sent(lab: RunningLab) -> list[str]:
    """Return the calls since the journal was cleared."""
    return [request["operation"] for request in lab.requests()]


def comments(keys: list[dict[str, Any]]) -> list[str]:
    """Return the comments of keys in a result, sorted."""
    return sorted(key["comment"] for key in keys)


def fingerprints(keys: list[dict[str, Any]]) -> list[str]:
    """Return the fingerprints of keys in a result, sorted."""
    return sorted(key["fingerprint"] for key in keys)


def opens(lab: RunningLab, person: Person, folder: Path, user_name: str = USER) -> bool:
    """Return whether a person logs in as a user with sftp."""
    user = next(user for user in lab.lab["transfer"]["users"] if user["user_name"] == user_name)
    return opens_transfer_user(lab, user, person.private_key(folder))


@dataclass(frozen=True)
class Change:
    """A declaration that was carried out: its result, and its calls."""

    result: dict[str, Any]
    requests: list[dict[str, Any]]

    @property
    def sent(self) -> list[str]:
        """The operations of the calls."""
        return [request["operation"] for request in self.requests]


def declare_in_four_steps(lab: RunningLab, **options: object) -> Change:
    """Declare in check mode, for real, in check mode again and for real again, and compare the four."""
    lab.control("DELETE", "requests")
    check = declare(lab, check_mode=True, **options)
    # Check mode reads, and changes nothing.
    assert sent(lab) == [READ]
    lab.control("DELETE", "requests")
    real = declare(lab, check_mode=False, **options)
    requests = lab.requests()
    assert (check.failure, real.failure) == (None, None)
    assert (check.result["changed"], real.result["changed"]) == (True, True)
    assert check.warnings == real.warnings
    # The real result is what was foreseen, but for the ids and dates of new keys.
    assert check.result["deleted"] == real.result["deleted"]
    assert _without_ids(check.result) == _without_ids(real.result)
    keys = real.result["ssh_public_keys"]
    assert all(re.fullmatch("key-[0-9a-f]{17}", key["id"]) for key in keys)
    assert all(re.fullmatch("....-..-..T..:..:..Z", key["date_imported"]) for key in keys)
    (user,) = real.result["users"]
    assert {name: real.result[name] for name in user} == user
    check_again = declare(lab, check_mode=True, **options)
    lab.control("DELETE", "requests")
    again = declare(lab, check_mode=False, **options)
    # Nothing is left to do, and one call tells.
    assert sent(lab) == [READ]
    assert check_again.result == again.result
    assert (again.failure, again.result["changed"]) == (None, False)
    assert again.result["imported"] == again.result["deleted"] == []
    assert again.result["ssh_public_keys"] == keys
    assert again.result["diff"]["before"] == again.result["diff"]["after"] == real.result["diff"]["after"]
    return Change(real.result, requests)


def _without_ids(value: object) -> object:
    if isinstance(value, dict):
        return {name: None if name in ("id", "date_imported") else _without_ids(told) for name, told in value.items()}
    return [_without_ids(told) for told in value] if isinstance(value, list) else value


# -- present ----------------------------------------------------------------------------------------------------------


def test_keys_are_added_and_the_others_left_alone(running_lab: RunningLab, tmp_path: Path) -> None:
    change = declare_in_four_steps(running_lab, public_keys=[ALICE.line, DAVE.line])
    assert change.sent == [READ, IMPORT, IMPORT, READ]
    assert fingerprints(change.result["imported"]) == sorted([ALICE.fingerprint, DAVE.fingerprint])
    assert running_lab.held(USER) == sorted([ALICE.line, DAVE.line])
    assert sorted(key["bits"] for key in change.result["ssh_public_keys"]) == [256, 2048]
    labels = [f"{person.fingerprint} {person.comment}\n" for person in (ALICE, DAVE)]
    assert change.result["diff"] == {
        "before_header": f"{USER} on {running_lab.server_id}",
        "after_header": f"{USER} on {running_lab.server_id}",
        "before": "",
        "after": "".join(sorted(labels)),
    }
    for request in change.requests:
        assert (request["parameters"]["ServerId"], request["parameters"]["UserName"]) == (running_lab.server_id, USER)
    (user,) = (user for user in running_lab.lab["transfer"]["users"] if user["user_name"] == USER)
    (tmp_path / "upload").write_text("a file")
    for person in (ALICE, DAVE):
        batch = f"put {tmp_path}/upload from-{person.name}\n"
        assert opens_transfer_user(running_lab, user, person.private_key(tmp_path), batch)
        assert Path(user["home"], f"from-{person.name}").read_text() == "a file"
    assert not opens(running_lab, BOB, tmp_path)
    # The keys of a user are no other user's.
    assert not opens(running_lab, ALICE, tmp_path, OTHER)
    more = declare_in_four_steps(running_lab, public_keys=BOB.line)
    assert more.result["deleted"] == []
    assert len(more.result["ssh_public_keys"]) == 3


@pytest.mark.parametrize("option", ["public_key", "ssh_public_key_body"])
def test_an_ecdsa_key_under_the_names_of_the_api(running_lab: RunningLab, option: str) -> None:
    change = declare_in_four_steps(running_lab, **{option: ERIN.line})
    assert [key["type"] for key in change.result["imported"]] == ["ecdsa-sha2-nistp256"]


def test_the_same_keys_in_another_text_are_no_change(running_lab: RunningLab) -> None:
    hold(running_lab, ALICE.line, DAVE.line)
    texts = [
        f"\ufeff{ALICE.pair.bare} Alice Né, at home\r\n",
        f"# the keys of the team\n\n{DAVE.line}\n{ALICE.pair.type}   {ALICE.pair.encoded}\n",
    ]
    for exclusive in (False, True):
        assert declare(running_lab, public_keys=texts, exclusive=exclusive).result["changed"] is False
    assert set(sent(running_lab)) == {READ}


def test_a_comment_may_have_a_comma(running_lab: RunningLab) -> None:
    change = declare_in_four_steps(running_lab, public_keys=f"{BOB.pair.bare} Bob, at home")
    assert comments(change.result["imported"]) == ["Bob, at home"]


def test_a_weak_key_is_a_warning(running_lab: RunningLab) -> None:
    (warning,) = declare(running_lab, public_keys=[WEAK.line, DAVE.line]).warnings
    assert "1024 bits" in warning
    assert WEAK.fingerprint in warning


# -- exclusive and replaces -------------------------------------------------------------------------------------------


def test_exclusive_imports_before_it_deletes(running_lab: RunningLab, tmp_path: Path) -> None:
    hold(running_lab, ALICE.line, DAVE.line)
    change = declare_in_four_steps(running_lab, public_keys=[BOB.line, f"{DAVE.pair.bare} dave@home"], exclusive=True)
    assert change.sent == [READ, IMPORT, DELETE, READ]
    assert fingerprints(change.result["imported"]) == [BOB.fingerprint]
    assert fingerprints(change.result["deleted"]) == [ALICE.fingerprint]
    # The one that stays is left alone, with its comment.
    assert comments(change.result["ssh_public_keys"]) == [BOB.comment, DAVE.comment]
    assert not opens(running_lab, ALICE, tmp_path)
    assert opens(running_lab, BOB, tmp_path)
    assert opens(running_lab, DAVE, tmp_path)


def test_exclusive_removes_what_nobody_could_import(running_lab: RunningLab) -> None:
    twice = f"{ALICE.pair.bare} the same again"
    hold(running_lab, "ssh-dss AAAAB3NzaC1kc3MAAACBAPY8 left over", ALICE.line, twice)
    change = declare_in_four_steps(running_lab, public_keys=BOB.line, exclusive=True)
    assert len(change.result["deleted"]) == 3
    assert running_lab.held(USER) == [BOB.line]


def test_exclusive_with_allow_empty_removes_every_key(running_lab: RunningLab) -> None:
    hold(running_lab, ALICE.line, BOB.line)
    change = declare_in_four_steps(running_lab, public_keys=[], allow_empty=True, exclusive=True)
    assert change.sent == [READ, DELETE, DELETE, READ]
    assert change.result["ssh_public_keys"] == running_lab.held(USER) == []


def test_allow_empty_alone_removes_nothing(running_lab: RunningLab) -> None:
    hold(running_lab, ALICE.line)
    assert declare(running_lab, public_keys=[], allow_empty=True).result["changed"] is False
    assert running_lab.held(USER) == [ALICE.line]


def test_named_keys_are_replaced_and_the_others_stay(running_lab: RunningLab, tmp_path: Path) -> None:
    running_lab.control("PUT", "settings", key_quota=3)
    dated = {ALICE: 1_700_000_000, BOB: 1_600_000_000, CAROL: 1_650_000_000}
    hold(running_lab, *({"body": person.line, "date_imported": date} for person, date in dated.items()))
    held = declare(running_lab, public_keys=[], allow_empty=True).result["ssh_public_keys"]
    ids = {key["comment"]: key["id"] for key in held}
    replaced = [ids[ALICE.comment], ids[CAROL.comment], NOBODYS_ID]
    change = declare_in_four_steps(running_lab, public_keys=DAVE.line, replaces=replaced)
    assert change.sent == [READ, IMPORT, DELETE, IMPORT, DELETE, READ]
    assert comments(change.result["deleted"]) == [ALICE.comment, CAROL.comment]
    # The older one of those made room, and the oldest of all stays.
    first = next(request for request in change.requests if request["operation"] == DELETE)
    assert first["parameters"]["SshPublicKeyId"] == ids[CAROL.comment]
    assert comments(change.result["ssh_public_keys"]) == [BOB.comment, DAVE.comment]
    assert not opens(running_lab, ALICE, tmp_path)
    assert opens(running_lab, BOB, tmp_path)
    assert opens(running_lab, DAVE, tmp_path)


# -- absent -----------------------------------------------------------------------------------------------------------


def test_a_key_is_removed_by_what_it_is(running_lab: RunningLab, tmp_path: Path) -> None:
    hold(running_lab, ALICE.line, BOB.line, CAROL.line)
    assert opens(running_lab, BOB, tmp_path)
    # Whatever its comment.
    change = declare_in_four_steps(running_lab, public_keys=[BOB.pair.bare], state="absent")
    assert change.sent == [READ, DELETE, READ]
    assert fingerprints(change.result["deleted"]) == [BOB.fingerprint]
    assert running_lab.held(USER) == sorted([ALICE.line, CAROL.line])
    assert not opens(running_lab, BOB, tmp_path)
    assert opens(running_lab, ALICE, tmp_path)


@pytest.mark.parametrize("option", ["ssh_public_key_ids", "ssh_public_key_id"])
def test_a_key_is_removed_by_its_id(running_lab: RunningLab, option: str) -> None:
    hold(running_lab, ALICE.line, CAROL.line)
    held = declare(running_lab, public_keys=[], allow_empty=True).result["ssh_public_keys"]
    (doomed,) = (key["id"] for key in held if key["comment"] == ALICE.comment)
    change = declare_in_four_steps(running_lab, **{option: [doomed]}, state="absent")
    assert comments(change.result["deleted"]) == [ALICE.comment]
    assert running_lab.held(USER) == [CAROL.line]


def test_an_unreadable_key_is_removed_by_its_id(running_lab: RunningLab) -> None:
    hold(running_lab, "nonsense", ALICE.line)
    held = declare(running_lab, public_keys=[], allow_empty=True).result["ssh_public_keys"]
    (doomed,) = (key["id"] for key in held if key["fingerprint"] is None)
    declare_in_four_steps(running_lab, ssh_public_key_ids=[doomed], state="absent")
    assert running_lab.held(USER) == [ALICE.line]


def test_a_key_that_the_user_never_had_is_absent(running_lab: RunningLab) -> None:
    hold(running_lab, ALICE.line)
    for options in ({"ssh_public_key_ids": [NOBODYS_ID]}, {"public_keys": BOB.line}, {"public_keys": ERIN.line}):
        assert declare(running_lab, state="absent", **options).result["changed"] is False
    assert running_lab.held(USER) == [ALICE.line]


def test_a_key_that_another_run_has_deleted_is_absent(running_lab: RunningLab) -> None:
    hold(running_lab, ALICE.line)
    running_lab.misbehave({"operation": DELETE, "fault": "lost_answer"})
    told = declare(running_lab, public_keys=ALICE.line, state="absent")
    assert (told.failure, told.result["changed"]) == (None, True)
    assert running_lab.held(USER) == []


# -- Many users -------------------------------------------------------------------------------------------------------


def test_many_users_each_with_its_own_declaration(running_lab: RunningLab, tmp_path: Path) -> None:
    users = [
        USER,
        {"user_name": OTHER, "public_keys": BOB.line},
        {"user_name": "reports", "public_keys": [], "allow_empty": True},
        {"user_name": "archive", "exclusive": False},
        {"user_name": "billing", "public_keys": [CAROL.line], "state": "absent", "exclusive": False},
    ]
    for name in (USER, "archive"):
        hold(running_lab, CAROL.line, user_name=name)
    hold(running_lab, CAROL.line, DAVE.line, user_name="billing")
    options = {"users": users, "public_keys": [ALICE.line], "exclusive": True}
    check, real, check_again, again = (
        declare(running_lab, check_mode=check_mode, **options) for check_mode in (True, False, True, False)
    )
    assert [told.failure for told in (check, real, check_again, again)] == [None] * 4
    assert [told.result["changed"] for told in (check, real, check_again, again)] == [True, True, False, False]
    told = real.result["users"]
    assert [user["user_name"] for user in told] == [USER, OTHER, "reports", "archive", "billing"]
    assert [user["changed"] for user in told] == [True, True, False, True, True]
    assert [comments(user["ssh_public_keys"]) for user in told] == [
        [ALICE.comment],
        [BOB.comment],
        [],
        [ALICE.comment, CAROL.comment],
        [DAVE.comment],
    ]
    assert _without_ids(check.result) == _without_ids(real.result)
    # One diff for each user that changed, and none after that.
    assert [diff["after_header"].partition(" ")[0] for diff in real.result["diff"]] == [
        USER,
        OTHER,
        "archive",
        "billing",
    ]
    assert again.result["diff"] == []
    assert "ssh_public_keys" not in real.result
    assert opens(running_lab, BOB, tmp_path, OTHER)
    assert not opens(running_lab, ALICE, tmp_path, OTHER)


def test_a_missing_user_does_not_stop_the_others(running_lab: RunningLab) -> None:
    partly = declare(running_lab, users=["nobody-here", USER], public_keys=[CAROL.line])
    assert str(partly.failure).startswith("1 of 2 users failed")
    assert "nobody-here does not exist" in str(partly.failure)
    assert partly.result["changed"] is True
    missing, good = partly.result["users"]
    assert missing["error"]["code"] == "ResourceNotFoundException"
    assert missing["ssh_public_keys"] is None
    assert fingerprints(good["imported"]) == [CAROL.fingerprint]


def test_a_user_that_cannot_be_read_does_not_stop_the_others(running_lab: RunningLab) -> None:
    running_lab.misbehave({"operation": READ, "match": {"UserName": USER}, "fault": "internal", "times": None})
    for check_mode in (True, False):
        partly = declare(running_lab, users=[USER, OTHER], public_keys=[CAROL.line], check_mode=check_mode)
        assert str(partly.failure).startswith(f"1 of 2 users failed: {USER} on")
        assert [user["changed"] for user in partly.result["users"]] == [False, True]
    assert running_lab.held(OTHER) == [CAROL.line]


# -- As many keys as the service allows -------------------------------------------------------------------------------


@pytest.fixture
def full(running_lab: RunningLab) -> None:
    """Let the user hold as many keys as are allowed: three."""
    running_lab.control("PUT", "settings", key_quota=3)
    dated = {ALICE: 1_700_000_000, BOB: 1_600_000_000, CAROL: 1_650_000_000}
    hold(running_lab, *({"body": person.line, "date_imported": date} for person, date in dated.items()))


def test_a_full_user_is_refused_one_more_key(running_lab: RunningLab, full: None) -> None:
    refused = declare(running_lab, public_keys=DAVE.line)
    assert "as many keys as AWS allows" in str(refused.failure)
    assert ALICE.fingerprint in str(refused.failure)
    assert refused.result["changed"] is False
    assert comments(refused.result["ssh_public_keys"]) == [ALICE.comment, BOB.comment, CAROL.comment]
    assert running_lab.held(USER) == sorted([ALICE.line, BOB.line, CAROL.line])


def test_a_full_user_is_rotated_one_key_at_a_time(running_lab: RunningLab, full: None) -> None:
    change = declare_in_four_steps(running_lab, public_keys=[DAVE.line, ERIN.line, WEAK.line], exclusive=True)
    # An import is refused, the oldest key leaves, and the import is tried again: there is always a key to log in with.
    assert change.sent == [READ, *[IMPORT, DELETE, IMPORT] * 3, READ]
    ids = {key["id"]: key["comment"] for key in change.result["deleted"]}
    deleted = [request["parameters"]["SshPublicKeyId"] for request in change.requests if request["operation"] == DELETE]
    assert [ids[key_id] for key_id in deleted] == [BOB.comment, CAROL.comment, ALICE.comment]


def test_more_keys_than_are_allowed(running_lab: RunningLab, full: None) -> None:
    hold(running_lab, DAVE.line, ERIN.line, WEAK.line)
    people = (ALICE, BOB, CAROL, ERIN)
    refused = declare(running_lab, public_keys=[person.line for person in people], exclusive=True)
    assert re.search("Imported before that.*Deleted.*The user now has", str(refused.failure))
    assert refused.result["changed"] is True
    assert comments(refused.result["ssh_public_keys"]) == [ALICE.comment, BOB.comment, ERIN.comment]
    assert comments(refused.result["imported"]) == [ALICE.comment, BOB.comment]
    assert comments(refused.result["deleted"]) == [DAVE.comment, WEAK.comment]


# -- Refusals ---------------------------------------------------------------------------------------------------------

EMPTY = f"public_keys is an empty list.* the user '{USER}' may have no key, set allow_empty=true"
ON_ONE_LINE = r"several keys on one line.* query"


def refusals() -> dict[str, tuple[dict[str, Any], str]]:
    """Return declarations that cannot work, and what is told of each."""
    two = f"{ALICE.line},{BOB.line}"
    return {
        "malformed server": ({"server_id": "s-1", "public_keys": []}, "server_id 's-1' is not the id"),
        "malformed user": ({"user_name": "x", "public_keys": []}, "user_name 'x' is not one"),
        "concurrency": ({"concurrency": 0, "public_keys": ALICE.line}, "concurrency is 0"),
        "wait_timeout": ({"wait_timeout": -1, "public_keys": ALICE.line}, "wait_timeout is -1"),
        "an empty key file": ({"exclusive": True, "public_keys": ""}, "public_keys: It is empty"),
        "an empty key file in a list": ({"exclusive": True, "public_keys": ["\n"]}, r"public_keys\[0\]: It is empty"),
        "no keys": ({}, "public_keys is missing"),
        "nothing to remove": ({"state": "absent"}, "public_keys and ssh_public_key_ids are missing"),
        "absent and exclusive": ({"state": "absent", "exclusive": True, "public_keys": []}, "contradict each other"),
        "absent of a user and exclusive": (
            {"users": [{"user_name": USER, "state": "absent", "exclusive": True}], "public_keys": ALICE.line},
            "exclusive=true and state=absent contradict each other",
        ),
        "an empty lookup": ({"exclusive": True, "public_keys": []}, EMPTY),
        "an empty lookup without exclusive": ({"public_keys": []}, EMPTY),
        "nobody would be removed": ({"state": "absent", "public_keys": []}, "a key that should go would stay"),
        "absent and allow_empty": (
            {"state": "absent", "public_keys": [], "allow_empty": True},
            "allow_empty=true and state=absent contradict each other",
        ),
        "two files in one lookup": ({"exclusive": True, "public_keys": two}, ON_ONE_LINE),
        "two files in one lookup, to be removed": ({"state": "absent", "public_keys": two}, ON_ONE_LINE),
        "a URL": ({"public_keys": "https://github.com/octocat.keys"}, r"query\('ansible.builtin.url"),
        "a host key": ({"public_keys": f"sftp.example.com {ALICE.line}"}, "a line of known_hosts"),
        "only keys that the service does not take": (
            {"public_keys": SECURITY_KEY, "unsupported_keys": "skip", "allow_empty": True},
            "No key remains, because the service does not accept SHA256:",
        ),
        "malformed id": (
            {"state": "absent", "ssh_public_key_ids": ["key-1"]},
            "'key-1', which is not the id of a key",
        ),
        "ids of keys that stay": ({"public_keys": ALICE.line, "ssh_public_key_ids": [NOBODYS_ID]}, "only with state="),
        "replaces and exclusive": (
            {"public_keys": ALICE.line, "replaces": [NOBODYS_ID], "exclusive": True},
            "exclusive=true and replaces contradict each other",
        ),
        "replaces and absent": (
            {"public_keys": ALICE.line, "replaces": [NOBODYS_ID], "state": "absent"},
            "allowed only with state=present",
        ),
        "a fingerprint is no id": (
            {"public_keys": ALICE.line, "replaces": [BOB.fingerprint]},
            "which is not the id of a key",
        ),
        "one bad key in a list of ten": (
            {"public_keys": [*[ALICE.line] * 6, BOB.line[:50], *[CAROL.line] * 3]},
            r"public_keys\[6\]: The base64 part of the key is damaged",
        ),
        "a bad line in a file": (
            {"public_keys": f"# ours\n{ALICE.line}\nssh-dss AAAAB3NzaC1kc3MAAACBAPY8\n"},
            "Line 3: ",
        ),
        "an options prefix": (
            {"public_keys": f"command=\"/bin/sh -c 'a b'\",no-pty {ALICE.line}"},
            "authorized_keys options before the key type",
        ),
        "a key of a security key": ({"public_keys": SECURITY_KEY}, "FIDO security key"),
        "a user twice": ({"users": [USER, USER], "public_keys": ALICE.line}, "It is declared twice"),
        "one bad user among good ones": (
            {"users": [USER, {"user_name": OTHER, "public_keys": "no key"}], "public_keys": ALICE.line},
            f"user '{OTHER}': public_keys",
        ),
    }


@pytest.mark.parametrize("check_mode", [False, True], ids=["real", "check"])
def test_what_cannot_work_is_refused_before_anything_is_sent(running_lab: RunningLab, *, check_mode: bool) -> None:
    hold(running_lab, CAROL.line)
    for case, (options, sentence) in refusals().items():
        refused = declare(running_lab, check_mode=check_mode, **options)
        assert re.search(sentence, str(refused.failure)), (case, refused.failure)
        assert refused.result == {}, case
    assert running_lab.requests() == []


def test_a_server_that_does_not_exist(running_lab: RunningLab) -> None:
    for check_mode in (True, False):
        refused = declare(running_lab, server_id="s-00000000000000000", public_keys=ALICE.line, check_mode=check_mode)
        told = f"Unknown server.*Check the server id.*The region was {running_lab.lab['region']}, from"
        assert re.search(told, str(refused.failure))
        assert refused.result["changed"] is False


def test_a_key_that_the_service_does_not_take_is_skipped_by_choice(running_lab: RunningLab) -> None:
    hold(running_lab, BOB.line)
    change = declare_in_four_steps(
        running_lab, public_keys=[SECURITY_KEY, ALICE.line], unsupported_keys="skip", exclusive=True
    )
    assert fingerprints(change.result["ssh_public_keys"]) == [ALICE.fingerprint]
    (warning,) = declare(running_lab, public_keys=[SECURITY_KEY, ALICE.line], unsupported_keys="skip").warnings
    assert re.search("SHA256:.* of type sk-ssh-ed25519@openssh.com, so this key is skipped", warning)


# -- Bad days ---------------------------------------------------------------------------------------------------------


def test_a_rotation_through_a_bad_minute(running_lab: RunningLab) -> None:
    """It is done once, without an error, and told as it is."""
    hold(running_lab, ALICE.line)
    running_lab.misbehave(
        {"operation": READ, "fault": "throttle", "times": 2},
        {"operation": IMPORT, "fault": "throttle", "retry_after_seconds": 1, "times": 1},
        {"operation": IMPORT, "fault": "lost_answer", "times": 1},
        {"operation": DELETE, "fault": "unavailable", "times": 1},
        {"operation": DELETE, "fault": "lost_answer", "times": 1},
    )
    rotated = declare(running_lab, public_keys=BOB.line, exclusive=True)
    assert (rotated.failure, rotated.result["changed"]) == (None, True)
    assert fingerprints(rotated.result["imported"]) == [BOB.fingerprint]
    assert fingerprints(rotated.result["deleted"]) == [ALICE.fingerprint]
    assert fingerprints(rotated.result["ssh_public_keys"]) == [BOB.fingerprint]
    assert [fault["times"] for fault in running_lab.control("GET", "faults")["faults"]] == [0] * 5
    assert declare(running_lab, public_keys=BOB.line, exclusive=True).result["changed"] is False


def test_an_import_whose_answer_was_lost_is_looked_up(running_lab: RunningLab) -> None:
    running_lab.misbehave({"operation": IMPORT, "fault": "lost_answer"})
    options = {"server_id": running_lab.server_id, "user_name": USER, "public_keys": CAROL.line}
    once = {"retries": {"total_max_attempts": 1, "mode": "standard"}}
    told = running_lab.run(transfer_ssh_key, options, aws_config=once)
    assert told.failure is None
    assert fingerprints(told.result["imported"]) == [CAROL.fingerprint]
    assert sent(running_lab).count(IMPORT) == 1


def test_a_failed_rotation_locks_nobody_out(running_lab: RunningLab, tmp_path: Path) -> None:
    hold(running_lab, BOB.line, CAROL.line)
    running_lab.misbehave({"operation": IMPORT, "fault": "internal", "times": None})
    failed = declare(running_lab, public_keys=DAVE.line, exclusive=True)
    assert failed.result["changed"] is False
    assert comments(failed.result["ssh_public_keys"]) == [BOB.comment, CAROL.comment]
    assert re.search("InternalServiceError.*tried 8 times.*The user now has", str(failed.failure))
    assert DELETE not in sent(running_lab)
    assert opens(running_lab, BOB, tmp_path)


def test_a_deletion_that_fails_for_good_is_told_with_what_was_imported(running_lab: RunningLab) -> None:
    hold(running_lab, BOB.line)
    running_lab.misbehave({"operation": DELETE, "fault": "internal", "times": None})
    failed = declare(running_lab, public_keys=ALICE.line, exclusive=True)
    assert failed.result["changed"] is True
    assert comments(failed.result["imported"]) == [ALICE.comment]
    assert failed.result["deleted"] == []
    assert comments(failed.result["ssh_public_keys"]) == running_comments(running_lab) == [ALICE.comment, BOB.comment]


def running_comments(lab: RunningLab) -> list[str]:
    """Return the comments of the keys that the user really holds, sorted."""
    return sorted(line.split()[-1] for line in lab.held(USER))


def test_an_answer_that_is_not_of_aws(running_lab: RunningLab) -> None:
    running_lab.misbehave({"operation": READ, "fault": "not_json", "times": None})
    refused = declare(running_lab, public_keys=DAVE.line)
    assert "not from this AWS service" in str(refused.failure)
    assert refused.result["changed"] is False


# -- A user that is not there -----------------------------------------------------------------------------------------


def test_a_user_that_does_not_exist(running_lab: RunningLab) -> None:
    missing = declare(running_lab, user_name="newcomer", public_keys=ALICE.line)
    assert re.search("newcomer does not exist.*Create the user first", str(missing.failure))
    assert missing.result["changed"] is False
    gone = declare(running_lab, user_name="newcomer", public_keys=ALICE.line, state="absent")
    assert re.search("newcomer does not exist.*Check the spelling", str(gone.failure))


def test_a_user_that_does_not_exist_is_foreseen_in_check_mode(running_lab: RunningLab) -> None:
    """An earlier task may create it."""
    told = declare(running_lab, user_name="newcomer", public_keys=ALICE.line, check_mode=True)
    assert (told.failure, told.result["changed"]) == (None, True)
    assert fingerprints(told.result["imported"]) == [ALICE.fingerprint]
    (warning,) = told.warnings
    assert "newcomer does not exist" in warning


def test_a_user_that_does_not_come(running_lab: RunningLab) -> None:
    missing = declare(running_lab, user_name="newcomer", public_keys=ALICE.line, wait_timeout=2)
    assert re.search("newcomer does not exist.*raise wait_timeout, now 2 seconds", str(missing.failure))
    # One look a second, and one at the end.
    assert sent(running_lab)[:3] == [READ] * 3


def test_a_user_that_comes(running_lab: RunningLab) -> None:
    running_lab.control("POST", "transfer/users", user_name="newcomer")
    hidden = {"fault": "error", "code": "ResourceNotFoundException", "message": "Unknown user"}
    running_lab.misbehave({"operation": READ, "times": 2, **hidden})
    arrived = declare(running_lab, user_name="newcomer", public_keys=ALICE.line, wait_timeout=30)
    assert arrived.failure is None
    assert fingerprints(arrived.result["imported"]) == [ALICE.fingerprint]


def test_a_user_that_comes_for_one_call_and_not_for_the_next(running_lab: RunningLab) -> None:
    running_lab.control("POST", "transfer/users", user_name="newcomer")
    hidden = {"fault": "error", "code": "ResourceNotFoundException", "message": "Unknown user"}
    running_lab.misbehave({"operation": IMPORT, "times": 1, **hidden})
    arrived = declare(running_lab, user_name="newcomer", public_keys=ALICE.line, wait_timeout=30)
    assert arrived.failure is None
    assert running_lab.held("newcomer") == [ALICE.line]
