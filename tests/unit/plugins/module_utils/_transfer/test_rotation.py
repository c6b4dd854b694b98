# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of the calls on one user, and what stands after each way they can go. botocore's Stubber is the service."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import PublicKey, parse_public_key
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.plan import (
    HeldKey,
    KeysOutcome,
    WantedKeys,
    plan_keys,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotation import rotate
from ansible_collections.sshkeys.aws.tests.unit.stubs import StubbedService

SERVER_ID = "s-01234567890abcdef"
FULL = "Exceeded as many keys as AWS allows"
USER = {"ServerId": SERVER_ID, "UserName": "partner"}


def _key(number: int) -> PublicKey:
    # RFC 8709: 32 bytes of any value are a public key as far as its form goes.
    head = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"
    return PublicKey("ssh-ed25519", head + bytes([number]) * 32, f"key{number}", 256)


A, B, C, D = (_key(number) for number in range(4))
assert parse_public_key(A.line_with_comment) == A


def held(number: int, key: PublicKey, year: int = 2020) -> HeldKey:
    """Return a key that the service holds under an id made of a number, imported in a year."""
    imported = datetime(year, 1, 1, tzinfo=UTC)
    return HeldKey.stored(f"key-{number:017x}", key.line_with_comment, imported)


class Transfer(StubbedService):
    """A Transfer service that expects exactly the calls of a script, in order."""

    def __init__(self) -> None:
        """Make it without a script."""
        super().__init__("transfer")

    def expect_import(
        self, key: PublicKey, number: int = 0, *, error: str = "", message: str = "", status: int = 400
    ) -> None:
        """Expect ImportSshPublicKey and answer with an id, or an error."""
        expected = {**USER, "SshPublicKeyBody": key.line_with_comment}
        if error:
            self.stubber.add_client_error(
                "import_ssh_public_key", error, message, http_status_code=status, expected_params=expected
            )
        else:
            answer = {**USER, "SshPublicKeyId": f"key-{number:017x}"}
            self.stubber.add_response("import_ssh_public_key", answer, expected)

    def expect_delete(self, key: HeldKey, *, error: str = "", status: int = 400) -> None:
        """Expect DeleteSshPublicKey and answer that it is done, or an error."""
        expected = {**USER, "SshPublicKeyId": key.id}
        if error:
            self.stubber.add_client_error(
                "delete_ssh_public_key", error, "no", http_status_code=status, expected_params=expected
            )
        else:
            answer = {"ResponseMetadata": {"RequestId": "9f1f7a5d-8a51-4f6c-9d59-3a2f8f1c5f0e"}}
            self.stubber.add_response("delete_ssh_public_key", answer, expected)

    def expect_read(self, *keys: HeldKey) -> None:
        """Expect DescribeUser and answer with these keys."""
        listed = [
            {"SshPublicKeyId": key.id, "SshPublicKeyBody": key.body, "DateImported": key.date_imported} for key in keys
        ]
        answer = {"ServerId": SERVER_ID, "User": {"Arn": "arn:aws:transfer:" + "0" * 20, "SshPublicKeys": listed}}
        self.stubber.add_response("describe_user", answer, USER)

    def expect_no_user(self) -> None:
        """Expect DescribeUser and answer that there is no such user."""
        self.stubber.add_client_error(
            "describe_user", "ResourceNotFoundException", "Unknown user", expected_params=USER
        )

    def rotate(
        self,
        before: Sequence[HeldKey] | None,
        *keys: PublicKey,
        present: bool = True,
        exclusive: bool = True,
        replaces: Sequence[HeldKey] = (),
        wait_timeout: float = 0,
    ) -> KeysOutcome:
        """Bring "partner" from the keys it has to those it must have, and check that every expected call was made."""
        ids = tuple(str(key.id) for key in replaces)
        wanted = WantedKeys("partner", present, exclusive and not ids, keys, (), ids)
        with self.playing():
            return rotate(self.client, SERVER_ID, plan_keys(before, wanted), wait_timeout)


@pytest.fixture
def transfer() -> Transfer:
    """Return a Transfer client without a script yet."""
    return Transfer()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let waiting take no time, by a clock that only waiting moves; return for how long each wait was."""
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    monkeypatch.setattr("time.monotonic", lambda: sum(waits))
    return waits


def names(keys: Sequence[HeldKey] | None) -> list[str]:
    """Return the comments of keys, sorted."""
    return sorted(key.key.comment if key.key else key.body for key in keys or ())


def test_nothing_to_do_calls_nothing(transfer: Transfer) -> None:
    """A user that is as declared costs no call after the first read."""
    outcome = transfer.rotate([held(1, A)], A)
    assert not outcome.changed
    assert names(outcome.after) == ["key0"]


def test_imports_come_before_deletions(transfer: Transfer) -> None:
    """A rotation from two keys to two others: in, in, out, out, and what stands is read back."""
    transfer.expect_import(C, 3)
    transfer.expect_import(D, 4)
    transfer.expect_delete(held(1, A))
    transfer.expect_delete(held(2, B))
    transfer.expect_read(held(3, C), held(4, D))
    outcome = transfer.rotate([held(1, A), held(2, B)], C, D)
    assert (names(outcome.imported), names(outcome.deleted), names(outcome.after)) == (
        ["key2", "key3"],
        ["key0", "key1"],
        ["key2", "key3"],
    )
    assert outcome.imported[0].id == "key-00000000000000003"
    assert outcome.imported[0].date_imported is not None
    assert outcome.error is None


def test_a_full_user_loses_its_oldest_doomed_key_first(transfer: Transfer) -> None:
    """Only the refusal lets one key out early, and only one a time."""
    young, old = held(1, A, 2024), held(2, B, 2019)
    transfer.expect_import(C, error="InvalidRequestException", message=FULL)
    transfer.expect_delete(old)
    transfer.expect_import(C, 3)
    transfer.expect_import(D, 4)
    transfer.expect_delete(young)
    transfer.expect_read(held(3, C), held(4, D))
    outcome = transfer.rotate([young, old], C, D)
    assert outcome.error is None
    assert names(outcome.deleted) == ["key0", "key1"]


def test_a_full_user_with_nothing_to_give_up(transfer: Transfer) -> None:
    """Without a doomed key nothing is deleted, and the error says what the user has."""
    transfer.expect_import(C, error="InvalidRequestException", message=FULL)
    transfer.expect_read(held(1, A))
    outcome = transfer.rotate([held(1, A)], C, exclusive=False)
    assert outcome.error is not None
    assert not outcome.changed
    assert f"The user now has: {A.fingerprint} key0" in outcome.error.message
    assert "Remove a key" in outcome.error.hint


def test_a_full_user_that_stays_full(transfer: Transfer) -> None:
    """If the import fails after a key has left, the error says precisely what was done and what the user has left."""
    transfer.expect_import(C, error="InvalidRequestException", message=FULL)
    transfer.expect_delete(held(1, A, 2019))
    transfer.expect_import(C, error="InvalidRequestException", message="The key is not to our taste")
    transfer.expect_read(held(2, B, 2024))
    outcome = transfer.rotate([held(1, A, 2019), held(2, B, 2024)], C)
    assert outcome.error is not None
    assert outcome.changed
    assert (names(outcome.imported), names(outcome.deleted), names(outcome.after)) == ([], ["key0"], ["key1"])
    assert f"Deleted: {A.fingerprint} key0" in outcome.error.message
    assert f"The user now has: {B.fingerprint} key1" in outcome.error.message


def test_a_full_user_gives_up_one_key_only(transfer: Transfer) -> None:
    """A refusal that the departure of one key does not cure leaves the other keys alone."""
    transfer.expect_import(C, error="InvalidRequestException", message=FULL)
    transfer.expect_delete(held(1, A, 2019))
    transfer.expect_import(C, error="InvalidRequestException", message=FULL)
    transfer.expect_read(held(2, B, 2024))
    outcome = transfer.rotate([held(1, A, 2019), held(2, B, 2024)], C)
    assert outcome.error is not None
    assert "as many keys as AWS allows" in outcome.error.hint
    assert names(outcome.after) == ["key1"]


def test_only_a_replaced_key_makes_room(transfer: Transfer) -> None:
    """The oldest of the replaced keys leaves, though an older one stays."""
    oldest, old, young = held(1, A, 2010), held(2, B, 2019), held(4, D, 2024)
    transfer.expect_import(C, error="InvalidRequestException", message=FULL)
    transfer.expect_delete(old)
    transfer.expect_import(C, 3)
    transfer.expect_delete(young)
    transfer.expect_read(oldest, held(3, C))
    outcome = transfer.rotate([oldest, young, old], C, replaces=[young, old])
    assert outcome.error is None
    assert names(outcome.after) == ["key0", "key2"]


def test_a_replaced_key_that_is_gone_makes_no_room(transfer: Transfer) -> None:
    """The others stay, and the hint says what would make room."""
    transfer.expect_import(C, error="InvalidRequestException", message=FULL)
    transfer.expect_read(held(1, A))
    outcome = transfer.rotate([held(1, A)], C, replaces=[held(2, B)])
    assert outcome.error is not None
    assert not outcome.changed
    assert "set replaces" in outcome.error.hint


def test_replacing_leaves_the_keys_of_another_run_alone(transfer: Transfer) -> None:
    """A key that came during the run is not named, and the user is as declared."""
    transfer.expect_import(C, 3)
    transfer.expect_delete(held(1, A))
    transfer.expect_read(held(3, C, 2023), held(4, D, 2024))
    outcome = transfer.rotate([held(1, A)], C, replaces=[held(1, A)])
    assert outcome.error is None
    assert names(outcome.after) == ["key2", "key3"]


def test_another_refusal_gives_up_no_key(transfer: Transfer) -> None:
    """An import that is refused for any other reason leaves every old key where it is."""
    transfer.expect_import(C, error="InvalidRequestException", message="Unsupported key")
    transfer.expect_read(held(1, A))
    outcome = transfer.rotate([held(1, A)], C)
    assert outcome.error is not None
    assert outcome.error.code == "InvalidRequestException"
    assert names(outcome.after) == ["key0"]


def test_a_failed_import_stops_before_the_deletions(transfer: Transfer) -> None:
    """What was imported before is reported, and nothing is deleted."""
    transfer.expect_import(C, 3)
    transfer.expect_import(D, error="ThrottlingException")
    transfer.expect_read(held(1, A), held(3, C))
    outcome = transfer.rotate([held(1, A)], C, D)
    assert outcome.error is not None
    assert outcome.changed
    assert (names(outcome.imported), names(outcome.deleted), names(outcome.after)) == (["key2"], [], ["key0", "key2"])


def test_somebody_else_imported_it(transfer: Transfer) -> None:
    """ResourceExistsException is success, but nothing that this run did."""
    transfer.expect_import(C, error="ResourceExistsException")
    transfer.expect_read(held(1, A), held(9, C))
    outcome = transfer.rotate([held(1, A)], C, exclusive=False)
    assert outcome.error is None
    assert not outcome.changed
    assert names(outcome.after) == ["key0", "key2"]


def test_somebody_else_deleted_it(transfer: Transfer) -> None:
    """ResourceNotFoundException of a key is success, but nothing that this run did."""
    transfer.expect_delete(held(1, A), error="ResourceNotFoundException")
    transfer.expect_read()
    outcome = transfer.rotate([held(1, A)], A, present=False)
    assert outcome.error is None
    assert not outcome.changed
    assert names(outcome.after) == []


def test_an_import_in_doubt_is_looked_up(transfer: Transfer) -> None:
    """A failure of the service after it took the key: the user is read again, and there is no second import."""
    transfer.expect_import(C, error="InternalServiceError", status=500)
    transfer.expect_read(held(1, A), held(3, C))
    transfer.expect_delete(held(1, A))
    transfer.expect_read(held(3, C))
    outcome = transfer.rotate([held(1, A)], C)
    assert outcome.error is None
    assert (names(outcome.imported), names(outcome.deleted)) == (["key2"], ["key0"])


def test_an_import_in_doubt_that_exists_is_one_of_this_run(transfer: Transfer) -> None:
    """An attempt whose answer was lost has imported the key, and the next one found it there."""
    transfer.expect_import(C, error="ResourceExistsException", status=500)
    transfer.expect_read(held(1, A), held(3, C))
    outcome = transfer.rotate([held(1, A)], C, exclusive=False)
    assert outcome.error is None
    assert outcome.changed
    assert names(outcome.imported) == ["key2"]


def test_an_import_in_doubt_that_shows_late(transfer: Transfer) -> None:
    """The user is read until the key is there."""
    transfer.expect_import(C, error="InternalServiceError", status=500)
    transfer.expect_read(held(1, A))
    transfer.expect_read(held(1, A), held(3, C))
    transfer.expect_delete(held(1, A))
    transfer.expect_read(held(3, C))
    outcome = transfer.rotate([held(1, A)], C)
    assert outcome.error is None
    assert names(outcome.imported) == ["key2"]


def test_an_import_in_doubt_that_did_not_happen(transfer: Transfer) -> None:
    """A failure of the service that did not take the key is the task's failure, and what stands is known."""
    transfer.expect_import(C, error="InternalServiceError", status=500)
    for _look in range(5):
        transfer.expect_read(held(1, A))
    outcome = transfer.rotate([held(1, A)], C)
    assert outcome.error is not None
    assert not outcome.error.in_doubt
    assert not outcome.changed


def test_an_import_in_doubt_that_cannot_be_looked_up(transfer: Transfer) -> None:
    """Nothing is claimed, and the doubt is said."""
    transfer.expect_import(C, error="InternalServiceError", status=500)
    for _look in range(2):
        transfer.stubber.add_client_error("describe_user", "AccessDeniedException")
    outcome = transfer.rotate([held(1, A)], C)
    assert outcome.error is not None
    assert outcome.error.in_doubt
    assert (names(outcome.imported), names(outcome.deleted), names(outcome.after)) == ([], [], ["key0"])


def test_a_deletion_in_doubt_is_looked_up(transfer: Transfer) -> None:
    """A failure of the service after it deleted the key is no failure of the task."""
    transfer.expect_delete(held(1, A), error="InternalServiceError", status=500)
    transfer.expect_read()
    transfer.expect_read()
    outcome = transfer.rotate([held(1, A)], A, present=False)
    assert outcome.error is None
    assert names(outcome.deleted) == ["key0"]


def test_a_deletion_in_doubt_whose_user_has_gone_is_not_done(transfer: Transfer) -> None:
    """That the user is not found says nothing of the key."""
    transfer.expect_delete(held(1, A), error="InternalServiceError", status=500)
    for _look in range(5):
        transfer.expect_no_user()
    outcome = transfer.rotate([held(1, A)], A, present=False)
    assert outcome.error is not None
    assert names(outcome.deleted) == []


def test_a_deletion_in_doubt_among_other_keys(transfer: Transfer) -> None:
    """It is that key which must be gone, whatever ids the others have."""
    others = held(1, A), held(3, C)
    transfer.expect_delete(held(2, B), error="InternalServiceError", status=500)
    transfer.expect_read(*others, held(2, B))
    transfer.expect_read(*others)
    transfer.expect_read(*others)
    outcome = transfer.rotate([*others, held(2, B)], A, C)
    assert outcome.error is None
    assert names(outcome.deleted) == ["key1"]


def test_a_deletion_in_doubt_that_did_not_happen(transfer: Transfer) -> None:
    """A failure of the service that left the key there is the failure of the task."""
    transfer.expect_delete(held(1, A), error="InternalServiceError", status=500)
    for _look in range(5):
        transfer.expect_read(held(1, A))
    outcome = transfer.rotate([held(1, A)], A, present=False)
    assert outcome.error is not None
    assert not outcome.changed


def test_a_change_that_shows_late(transfer: Transfer, no_waiting: list[float]) -> None:
    """A read that does not show the new key yet is repeated."""
    transfer.expect_import(C, 3)
    transfer.expect_read(held(1, A))
    transfer.expect_read(held(1, A), held(3, C))
    outcome = transfer.rotate([held(1, A)], C, exclusive=False)
    assert outcome.error is None
    assert names(outcome.after) == ["key0", "key2"]
    assert len(no_waiting) == 1


def test_a_change_that_never_shows(transfer: Transfer, no_waiting: list[float]) -> None:
    """A deletion that AWS accepted and that did not happen is a failure after some seconds, and names the key."""
    transfer.expect_delete(held(1, A))
    for _look in range(5):
        transfer.expect_read(held(1, A))
    outcome = transfer.rotate([held(1, A)], A, present=False)
    assert outcome.error is not None
    assert outcome.error.code == "NotAsDeclared"
    assert f"the user still has {A.fingerprint} key0" in outcome.error.message
    *waits, last = no_waiting
    assert len(set(waits)) == 3
    assert all(0.75 <= wait <= 1.25 for wait in waits)
    assert last == 0


def test_whose_key_came_last_begins_again(transfer: Transfer) -> None:
    """A key of another run came before ours, and nobody is seen at work any more: it is for us to go on."""
    theirs = held(4, D, 2023)
    transfer.expect_import(C, 3)
    transfer.expect_delete(held(1, A))
    for _look in range(4):
        transfer.expect_read(held(3, C, 2024), theirs)
    transfer.expect_delete(theirs)
    transfer.expect_read(held(3, C, 2024))
    outcome = transfer.rotate([held(1, A)], C)
    assert outcome.error is None
    assert (names(outcome.imported), names(outcome.deleted), names(outcome.after)) == (
        ["key2"],
        ["key0", "key3"],
        ["key2"],
    )


def test_whose_key_came_first_gives_way_to_who_is_at_work(transfer: Transfer) -> None:
    """The key of another run came after ours, and then it is seen to take ours away: it has the last word."""
    theirs = held(4, D, 2024)
    transfer.expect_import(C, 3)
    transfer.expect_delete(held(1, A))
    for _look in range(5):
        transfer.expect_read(held(3, C, 2023), theirs)
    for _look in range(4):
        transfer.expect_read(theirs)
    outcome = transfer.rotate([held(1, A)], C)
    assert outcome.error is not None
    assert outcome.error.code == "NotAsDeclared"
    assert "Another client may be changing this user" in outcome.error.hint
    assert (names(outcome.deleted), names(outcome.after)) == (["key0"], ["key3"])


@pytest.mark.parametrize("year", [2023, 2024])
def test_whose_key_came_first_goes_on_where_nobody_is_at_work(transfer: Transfer, year: int) -> None:
    """The key of another run came after ours, and that run was killed: it is waited for once, and not for ever.

    The id decides between keys of one moment.
    """
    ours, theirs = held(3, C, year), held(4, D, 2024)
    transfer.expect_import(C, 3)
    transfer.expect_delete(held(1, A))
    for _look in range(8):
        transfer.expect_read(ours, theirs)
    transfer.expect_delete(theirs)
    transfer.expect_read(ours)
    outcome = transfer.rotate([held(1, A)], C)
    assert outcome.error is None
    assert names(outcome.after) == ["key2"]


def test_our_own_key_that_shows_late_is_nobody_at_work(transfer: Transfer) -> None:
    """What another run has left is taken away, though the reads before that were not all the same."""
    theirs = held(4, D, 2023)
    transfer.expect_import(C, 3)
    transfer.expect_delete(held(1, A))
    transfer.expect_read(theirs)
    for _look in range(3):
        transfer.expect_read(theirs, held(3, C, 2024))
    transfer.expect_delete(theirs)
    transfer.expect_read(held(3, C, 2024))
    assert transfer.rotate([held(1, A)], C).error is None


def test_somebody_who_begins_later_has_the_last_word(transfer: Transfer) -> None:
    """What was read last counts, and it shows a key that came after ours."""
    old, new = held(4, D, 2023), held(5, B, 2025)
    transfer.expect_import(C, 3)
    transfer.expect_delete(held(1, A))
    for _look in range(3):
        transfer.expect_read(held(3, C, 2024), old)
    for _look in range(6):
        transfer.expect_read(held(3, C, 2024), old, new)
    outcome = transfer.rotate([held(1, A)], C)
    assert outcome.error is not None
    assert outcome.error.code == "NotAsDeclared"


def test_a_key_that_somebody_took_away_is_imported_again(transfer: Transfer) -> None:
    """It is reported once, beside the others."""
    for number, key in enumerate((B, C, D), start=2):
        transfer.expect_import(key, number)
    for _look in range(4):
        transfer.expect_read(held(1, A), held(2, B), held(4, D))
    transfer.expect_import(C, 5)
    transfer.expect_read(held(1, A), held(2, B), held(4, D), held(5, C))
    outcome = transfer.rotate([held(1, A)], B, C, D, exclusive=False)
    assert outcome.error is None
    assert [key.id for key in outcome.imported] == [held(2, B).id, held(4, D).id, held(5, C).id]


def test_it_is_not_begun_again_for_ever(transfer: Transfer) -> None:
    """Somebody takes the key away as often as it is imported."""
    for number in range(5):
        transfer.expect_import(C, number)
        for _look in range(4):
            transfer.expect_read(held(1, A))
    transfer.expect_read(held(1, A))
    outcome = transfer.rotate([held(1, A)], C, exclusive=False)
    assert outcome.error is not None
    assert f"the user lacks {C.fingerprint}" in outcome.error.message


def test_a_user_that_comes_in_time(transfer: Transfer) -> None:
    """wait_timeout waits for the user, and the plan is made anew from what it then has."""
    transfer.expect_no_user()
    transfer.expect_read(held(1, A))
    transfer.expect_import(B, 2)
    transfer.expect_read(held(1, A), held(2, B))
    outcome = transfer.rotate(None, A, B, wait_timeout=30)
    assert outcome.error is None
    assert names(outcome.imported) == ["key1"]


def test_a_user_that_one_call_knows_and_the_next_does_not(transfer: Transfer, no_waiting: list[float]) -> None:
    """wait_timeout also covers an import that does not find a user which was read before."""
    transfer.expect_import(B, error="ResourceNotFoundException", message="Unknown user")
    transfer.expect_import(B, 2)
    transfer.expect_read(held(2, B))
    outcome = transfer.rotate([], B, wait_timeout=30)
    assert outcome.error is None
    assert len(no_waiting) == 1


def test_what_no_waiting_mends_is_not_waited_for(transfer: Transfer, no_waiting: list[float]) -> None:
    """wait_timeout is for a user that does not exist yet."""
    transfer.expect_import(B, error="AccessDeniedException")
    transfer.expect_read()
    outcome = transfer.rotate([], B, wait_timeout=30)
    assert outcome.error is not None
    assert no_waiting == []


def test_a_user_that_does_not_come(transfer: Transfer, no_waiting: list[float]) -> None:
    """The wait is bounded, and the sentence says for how long it was."""
    for _look in range(3):
        transfer.expect_no_user()
    outcome = transfer.rotate(None, A, wait_timeout=2.5)
    assert sum(no_waiting) == 2.5
    assert outcome.error is not None
    assert "partner does not exist on s-01234567890abcdef" in outcome.error.message
    assert "2.5 seconds" in outcome.error.hint


def test_a_missing_user_without_waiting(transfer: Transfer) -> None:
    """Without wait_timeout a user that does not exist is a failure at once."""
    outcome = transfer.rotate(None, A)
    assert outcome.error is not None
    assert outcome.error.code == "ResourceNotFoundException"
    assert outcome.after is None


def test_a_user_that_vanishes(transfer: Transfer) -> None:
    """A user that somebody deletes in the middle is a failure, with what was done before."""
    transfer.expect_import(B, 2)
    for _look in range(5):
        transfer.expect_no_user()
    outcome = transfer.rotate([held(1, A)], B, exclusive=False)
    assert outcome.error is not None
    assert "no longer exists" in outcome.error.message
    assert names(outcome.imported) == ["key1"]
    assert outcome.after is None


def test_a_user_that_vanishes_is_not_waited_for(transfer: Transfer, no_waiting: list[float]) -> None:
    """It was there, since it took a key: wait_timeout is for one that is still to come."""
    transfer.expect_import(B, 2)
    transfer.expect_import(C, error="ResourceNotFoundException", message="Unknown user")
    transfer.expect_no_user()
    outcome = transfer.rotate([], B, C, wait_timeout=30)
    assert outcome.error is not None
    assert names(outcome.imported) == ["key1"]
    assert no_waiting == []


def test_a_user_that_cannot_be_read_back(transfer: Transfer) -> None:
    """If nothing can be read after a failure, what is known is reported: what was there and what was done to it."""
    transfer.expect_import(C, 3)
    transfer.expect_delete(held(1, A), error="ThrottlingException")
    transfer.stubber.add_client_error("describe_user", "ServiceUnavailableException", http_status_code=503)
    outcome = transfer.rotate([held(1, A)], C)
    assert outcome.error is not None
    assert outcome.error.code == "ThrottlingException"
    assert "could not be read again" in outcome.error.message
    assert names(outcome.after) == ["key0", "key2"]
