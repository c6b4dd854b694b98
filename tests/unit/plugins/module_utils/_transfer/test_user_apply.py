# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan for a whole user, carried out against a strict model of the service: the calls, and what stands then."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.held_user import held_user
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.plan import WantedKeys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user import HomeDirectoryMapping, WantedUser
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_apply import carry_out
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_plan import UserOutcome, plan_user
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.user_report import report_users
from ansible_collections.sshkeys.aws.tests.unit.transfer_service import (
    ARN,
    OTHER_ROLE,
    ROLE,
    TransferService,
    described_users,
    refusal,
    wanted_users,
)
from ansible_collections.sshkeys.aws.tests.unit.transfer_users import SERVER, USER, key, line
from botocore.exceptions import ReadTimeoutError
from hypothesis import HealthCheck, given, settings, strategies as st


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let waiting take no time, by a clock that only waiting moves; return for how long each wait was."""
    found: list[float] = []
    monkeypatch.setattr("time.sleep", found.append)
    monkeypatch.setattr("time.monotonic", lambda: sum(found))
    return found


def settle(service: TransferService, wanted: WantedUser, *, check_mode: bool = False) -> UserOutcome:
    """Do what the module does for a user."""
    client: Any = service
    todo = plan_user(held_user(client, SERVER, USER), wanted)
    return todo.outcome if check_mode else carry_out(client, SERVER, todo)


def keys(*numbers: int, exclusive: bool = False) -> WantedKeys:
    """Declare keys."""
    return WantedKeys(USER, True, exclusive, tuple(key(number) for number in numbers))


def existing(**members: Any) -> TransferService:
    """Return a service with a user."""
    return TransferService({"Arn": ARN, "Role": ROLE, "HomeDirectoryType": "PATH", "SshPublicKeys": [], **members})


# -- Laws --------------------------------------------------------------------------------------------------------------

no_fixture_checks = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def told(outcome: UserOutcome) -> Any:
    """Return what a module tells of an outcome, without what the service decides."""

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: without(inner) for name, inner in value.items() if name not in ("id", "date_imported", "arn")}
        return [without(inner) for inner in value] if isinstance(value, list) else value

    return without(report_users(SERVER, [outcome], [], single=True).result)


@no_fixture_checks
@given(st.none() | described_users(), wanted_users())
def test_a_user_ends_as_declared_as_foretold_and_a_second_run_changes_nothing(
    described: dict[str, Any] | None, wanted: WantedUser
) -> None:
    service = TransferService(deepcopy(described))
    foretold = settle(service, wanted, check_mode=True)
    assert not service.calls
    outcome = settle(service, wanted)
    assert outcome.error is None
    assert told(outcome) == told(foretold)
    assert outcome.changed == bool(service.calls) == (described != service.described)
    again = settle(service, wanted)
    assert not again.changed
    assert again.before == again.after == outcome.after


@no_fixture_checks
@given(st.none() | described_users(), wanted_users())
def test_the_calls_are_the_least(described: dict[str, Any] | None, wanted: WantedUser) -> None:
    service = TransferService(deepcopy(described))
    todo = plan_user(held_user(service, SERVER, USER), wanted)  # type: ignore[arg-type]
    carry_out(service, SERVER, todo)  # type: ignore[arg-type]
    counts = {name: service.operations.count(name) for name in service.operations}
    for once in ("CreateUser", "UpdateUser", "DeleteUser", "TagResource", "UntagResource"):
        assert counts.get(once, 0) <= 1
    imports = len(todo.keys.imports) if todo.keys else 0
    assert counts.get("ImportSshPublicKey", 0) == max(0, imports - (1 if todo.creation else 0))
    # One read before, and one after a change; a deleted user is not read.
    assert service.reads == 1 + bool(service.calls and not todo.deletion)
    for operation, members in service.calls:
        if operation == "UpdateUser":
            before = described or {}
            assert all(before.get(name) != value for name, value in members.items() if name in _MEMBERS)


_MEMBERS = ("Role", "HomeDirectory", "HomeDirectoryType", "HomeDirectoryMappings", "Policy", "PosixProfile")


@no_fixture_checks
@given(described_users(), wanted_users(present=True))
def test_what_is_left_out_stays(described: dict[str, Any], wanted: WantedUser) -> None:
    service = TransferService(deepcopy(described))
    before = held_user(service, SERVER, USER)  # type: ignore[arg-type]
    after = settle(service, wanted).after
    assert before
    assert after
    for name in ("home_directory", "policy", "posix_profile"):
        if getattr(wanted, name) is None:
            assert getattr(after, name) == getattr(before, name)
    if wanted.home_directory_mappings is None and wanted.home_directory_type is None:
        assert after.home_directory_mappings == before.home_directory_mappings
    if wanted.tags is None:
        assert after.tags == before.tags
    assert {name for name in before.tags if name.startswith("aws:")} <= set(after.tags)
    if wanted.keys is None:
        assert after.keys == before.keys


# -- The calls ---------------------------------------------------------------------------------------------------------


def test_a_new_user_is_created_with_its_first_key_and_the_others_come_after_it() -> None:
    service = TransferService()
    wanted = WantedUser(
        USER,
        role_arn=ROLE,
        home_directory="",
        home_directory_type="LOGICAL",
        home_directory_mappings=(HomeDirectoryMapping("/", "/bucket", "FILE"),),
        tags={"team": "finance"},
        keys=keys(1, 2),
    )
    outcome = settle(service, wanted)
    assert service.calls == [
        (
            "CreateUser",
            {
                "ServerId": SERVER,
                "UserName": USER,
                "Role": ROLE,
                "HomeDirectoryType": "LOGICAL",
                "HomeDirectoryMappings": [{"Entry": "/", "Target": "/bucket", "Type": "FILE"}],
                "Tags": [{"Key": "team", "Value": "finance"}],
                "SshPublicKeyBody": line(1),
            },
        ),
        ("ImportSshPublicKey", {"ServerId": SERVER, "UserName": USER, "SshPublicKeyBody": line(2)}),
    ]
    assert outcome.created
    assert sorted(each.id or "" for each in outcome.imported) == [f"key-{number:017x}" for number in (100, 101)]


def test_fields_come_before_tags_and_keys() -> None:
    service = existing(
        Tags=[{"Key": "old", "Value": "1"}, {"Key": "aws:x", "Value": "2"}],
        SshPublicKeys=[{"SshPublicKeyId": "key-1", "SshPublicKeyBody": line(1), "DateImported": 0}],
    )
    settle(service, WantedUser(USER, role_arn=OTHER_ROLE, tags={"new": "1"}, keys=keys(2, exclusive=True)))
    assert service.calls == [
        ("UpdateUser", {"ServerId": SERVER, "UserName": USER, "Role": OTHER_ROLE}),
        ("UntagResource", {"Arn": ARN, "TagKeys": ["old"]}),
        ("TagResource", {"Arn": ARN, "Tags": [{"Key": "new", "Value": "1"}]}),
        ("ImportSshPublicKey", {"ServerId": SERVER, "UserName": USER, "SshPublicKeyBody": line(2)}),
        ("DeleteSshPublicKey", {"ServerId": SERVER, "UserName": USER, "SshPublicKeyId": "key-1"}),
    ]


def test_mappings_are_taken_away_by_the_type() -> None:
    service = existing(HomeDirectoryType="LOGICAL", HomeDirectoryMappings=[{"Entry": "/", "Target": "/b"}])
    outcome = settle(service, WantedUser(USER, home_directory_type="PATH", home_directory_mappings=()))
    assert outcome.updated == ("home_directory_mappings", "home_directory_type")
    assert service.calls == [("UpdateUser", {"ServerId": SERVER, "UserName": USER, "HomeDirectoryType": "PATH"})]


def test_a_user_cannot_be_created_without_a_role() -> None:
    service = TransferService()
    for check_mode in (True, False):
        outcome = settle(service, WantedUser(USER, keys=keys(1)), check_mode=check_mode)
        assert outcome.error
        assert "no role_arn is given to create it with" in outcome.error.message
        assert not outcome.changed
    assert not service.calls


def test_a_deleted_user_is_not_read_again() -> None:
    service = existing()
    outcome = settle(service, WantedUser(USER, present=False))
    assert (service.operations, service.reads) == (["DeleteUser"], 1)
    assert (outcome.gone, outcome.after) == (True, None)


# -- Others, and lost answers ------------------------------------------------------------------------------------------


class Once:
    """Does something before the first call of an operation."""

    def __init__(self, operation: str, do: Callable[[], None]) -> None:
        """Take what to do."""
        self._operation, self._do, self.is_done = operation, do, False

    def __call__(self, operation: str) -> None:
        """Do it, once."""
        if operation == self._operation and not self.is_done:
            self.is_done = True
            self._do()


def test_a_user_that_another_client_creates_is_changed_instead() -> None:
    service = TransferService()

    def create() -> None:
        service.described = {"Arn": ARN, "Role": OTHER_ROLE, "SshPublicKeys": []}

    service.before_call = Once("CreateUser", create)
    outcome = settle(service, WantedUser(USER, role_arn=ROLE, keys=keys(1)))
    assert service.operations == ["CreateUser", "UpdateUser", "ImportSshPublicKey"]
    assert (outcome.error, outcome.created, outcome.updated) == (None, False, ("role_arn",))
    assert outcome.after
    assert outcome.after.role_arn == ROLE


def test_a_user_that_another_client_deletes_is_created_again() -> None:
    service = existing()

    def delete() -> None:
        service.described = None

    service.before_call = Once("UpdateUser", delete)
    outcome = settle(service, WantedUser(USER, role_arn=OTHER_ROLE, keys=keys(1)))
    assert service.operations == ["UpdateUser", "CreateUser"]
    assert (outcome.error, outcome.created) == (None, True)


def test_a_user_that_another_client_deletes_is_gone() -> None:
    service = existing()

    def delete() -> None:
        service.described = None

    service.before_call = Once("DeleteUser", delete)
    outcome = settle(service, WantedUser(USER, present=False))
    assert (outcome.error, outcome.gone, outcome.changed) == (None, False, False)


@pytest.mark.parametrize("takes_effect", [True, False])
@pytest.mark.parametrize(
    ("operation", "described", "wanted"),
    [
        ("CreateUser", None, WantedUser(USER, role_arn=ROLE, keys=keys(1))),
        ("UpdateUser", {"Arn": ARN, "Role": ROLE}, WantedUser(USER, role_arn=OTHER_ROLE)),
        ("TagResource", {"Arn": ARN, "Role": ROLE}, WantedUser(USER, tags={"a": "b"})),
        (
            "UntagResource",
            {"Arn": ARN, "Role": ROLE, "Tags": [{"Key": "a", "Value": "b"}]},
            WantedUser(USER, tags={}),
        ),
        ("DeleteUser", {"Arn": ARN, "Role": ROLE}, WantedUser(USER, present=False)),
    ],
)
def test_a_lost_answer_counts_by_what_is_read(
    operation: str, described: dict[str, Any] | None, wanted: WantedUser, takes_effect: bool
) -> None:
    service = TransferService(deepcopy(described))

    class Lost(TransferService):
        """Loses the answer to one operation."""

    def lose() -> None:
        if takes_effect:
            inner = Lost(deepcopy(described))
            settle(inner, wanted)
            service.described = inner.described
        raise ReadTimeoutError(endpoint_url="nowhere")

    service.before_call = Once(operation, lose)
    outcome = settle(service, wanted)
    assert service.operations == [operation]
    assert outcome.changed == takes_effect
    assert (outcome.error is None) == takes_effect
    if outcome.error:
        assert "Before that, the task changed nothing" in outcome.error.message
        assert not outcome.error.in_doubt


def test_nobody_knows_what_a_lost_answer_did_if_the_user_cannot_be_read() -> None:
    service = existing()

    def fail(operation: str) -> None:
        if service.calls:
            del operation
            raise ReadTimeoutError(endpoint_url="nowhere")

    service.before_call = fail
    outcome = settle(service, WantedUser(USER, role_arn=OTHER_ROLE))
    assert outcome.error
    assert outcome.error.in_doubt
    assert (outcome.changed, outcome.is_known) == (True, False)


def test_a_failure_says_what_was_done_and_what_is_left() -> None:
    service = existing()

    def refuse() -> None:
        raise refusal("TagResource", "InvalidRequestException", "Too many tags")

    service.before_call = Once("TagResource", refuse)
    outcome = settle(service, WantedUser(USER, role_arn=OTHER_ROLE, tags={"a": "b"}, keys=keys(1)))
    assert outcome.error
    assert outcome.updated == ("role_arn",)
    assert outcome.error.message == (
        "Too many tags. Before that, the task changed role_arn. Not yet as declared: tags; "
        f"{key(1).fingerprint}, which is missing"
    )
    assert "at most 50 tags" in outcome.error.hint


def test_a_new_user_whose_key_is_refused_is_told_as_created() -> None:
    service = TransferService()

    def refuse() -> None:
        raise refusal("ImportSshPublicKey", "InvalidRequestException", "No")

    service.before_call = Once("ImportSshPublicKey", refuse)
    outcome = settle(service, WantedUser(USER, role_arn=ROLE, keys=keys(1, 2)))
    assert outcome.error
    assert outcome.created
    assert "the task created the user and imported " + key(1).fingerprint in outcome.error.message
    assert f"Not yet as declared: {key(2).fingerprint}, which is missing" in outcome.error.message


@pytest.mark.parametrize("unknown", [3, 12])
def test_a_new_user_may_be_unknown_for_a_while(waits: list[float], unknown: int) -> None:
    service = TransferService()

    def hide(operation: str) -> None:
        nonlocal unknown
        if operation in ("DescribeUser", "ImportSshPublicKey") and service.calls and unknown:
            unknown -= 1
            raise refusal(operation, "ResourceNotFoundException", "Unknown user", ResourceType="User")

    service.before_call = hide
    outcome = settle(service, WantedUser(USER, role_arn=ROLE, keys=keys(1, 2)))
    assert outcome.error is None
    assert service.operations.count("CreateUser") == 1
    assert waits


def test_a_value_that_aws_stores_in_another_form_is_told_after_the_second_try() -> None:
    service = existing()

    def strip(operation: str) -> None:
        if operation == "DescribeUser" and service.described:
            service.described["HomeDirectory"] = service.described.get("HomeDirectory", "").rstrip("/")

    service.before_call = strip
    outcome = settle(service, WantedUser(USER, home_directory="/bucket/"))
    assert outcome.error
    assert "declare it as transfer_user_info returns it" in outcome.error.hint
    assert service.operations == ["UpdateUser"] * 2


def test_a_key_that_is_imported_twice_is_told_once() -> None:
    service = TransferService()

    def lose() -> None:
        assert service.described
        service.described["SshPublicKeys"] = []

    service.before_call = Once("ImportSshPublicKey", lose)
    outcome = settle(service, WantedUser(USER, role_arn=ROLE, keys=keys(1, 2)))
    assert outcome.error is None
    assert service.operations.count("ImportSshPublicKey") == 2
    assert [each.key for each in outcome.imported if each.key] == [key(2), key(1)]


def test_logical_without_mappings_is_refused_as_foretold() -> None:
    for service in (TransferService(), existing()):
        for check_mode in (True, False):
            wanted = WantedUser(USER, role_arn=ROLE, home_directory_type="LOGICAL")
            outcome = settle(service, wanted, check_mode=check_mode)
            assert outcome.error
            assert "has no mappings" in outcome.error.message
            assert not outcome.changed
        assert not service.calls


@pytest.mark.parametrize("code", ["ReadTimeout", "ResourceExistsException"])
@pytest.mark.parametrize("others", [{"Role": OTHER_ROLE}, {"Role": ROLE, "SshPublicKeys": []}])
def test_a_creation_that_was_lost_is_not_taken_for_that_of_another_client(code: str, others: dict[str, Any]) -> None:
    """What stands is not what this run would have created."""
    service = TransferService()
    first = {"SshPublicKeyId": "key-1", "SshPublicKeyBody": line(1), "DateImported": 0}

    def create() -> None:
        service.described = {"Arn": ARN, "SshPublicKeys": [first], **deepcopy(others)}
        if code == "ReadTimeout":
            raise ReadTimeoutError(endpoint_url="nowhere")
        error: Any = refusal("CreateUser", code, "User exists", ResourceType="User")
        # As botocore's events leave it: see calls.py.
        error.response["ResponseMetadata"]["sshkeys_aws_attempts"] = SimpleNamespace(sent_at=0, lost=True)
        raise error

    service.before_call = Once("CreateUser", create)
    outcome = settle(service, WantedUser(USER, role_arn=ROLE, keys=keys(1)))
    assert (outcome.error, outcome.created) == (None, False)
    assert outcome.changed


def test_a_user_of_another_client_may_be_unknown_to_reads_for_a_while() -> None:
    """It exists at its creation, and reads do not show it yet."""
    service, unknown = TransferService(), 8

    def hide(operation: str) -> None:
        nonlocal unknown
        if operation == "CreateUser":
            service.described = {"Arn": ARN, "Role": OTHER_ROLE, "SshPublicKeys": []}
        if operation == "DescribeUser" and service.calls and unknown:
            unknown -= 1
            raise refusal(operation, "ResourceNotFoundException", "Unknown user", ResourceType="User")

    service.before_call = hide
    outcome = settle(service, WantedUser(USER, role_arn=ROLE))
    assert (outcome.error, outcome.created, outcome.updated) == (None, False, ("role_arn",))
    assert service.operations == ["CreateUser", "UpdateUser"]


def test_a_run_that_another_overrides_begins_again_and_gives_up_only_then() -> None:
    service = existing()
    meddles = True

    def meddle(operation: str) -> None:
        if operation == "DescribeUser" and service.calls and meddles and service.described:
            service.described["Role"] = ROLE

    service.before_call = meddle
    outcome = settle(service, WantedUser(USER, role_arn=OTHER_ROLE))
    assert outcome.error
    assert outcome.error.code == "NotAsDeclared"
    assert "Not yet as declared: role_arn" in outcome.error.message
    assert service.operations == ["UpdateUser"] * 2
    meddles = False
    assert settle(service, WantedUser(USER, role_arn=OTHER_ROLE)).error is None


# -- Bounds ------------------------------------------------------------------------------------------------------------


def hiding(service: TransferService, times: int, *operations: str) -> None:
    """Let a user be unknown to some operations, a number of times after the first change."""
    left = times

    def hide(operation: str) -> None:
        nonlocal left
        if operation in operations and service.calls and left:
            left -= 1
            raise refusal(operation, "ResourceNotFoundException", "Unknown user", ResourceType="User")

    service.before_call = hide


@pytest.mark.parametrize("operations", [["DescribeUser"], ["ImportSshPublicKey"]])
@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_new_user_is_created_once_however_long_it_is_unknown(operations: list[str], count: int) -> None:
    service = TransferService()
    hiding(service, 12, *operations)
    outcome = settle(service, WantedUser(USER, role_arn=ROLE, keys=keys(*range(1, count + 1), exclusive=True)))
    assert (outcome.error, outcome.created) == (None, True)
    assert service.operations == ["CreateUser", *["ImportSshPublicKey"] * (len(service.operations) - 1)]


def test_a_new_user_may_be_unknown_between_its_keys() -> None:
    service = TransferService()

    def hide(operation: str) -> None:
        if service.operations.count("ImportSshPublicKey") == 2:
            hiding(service, 2, "DescribeUser")
            raise refusal(operation, "ResourceNotFoundException", "Unknown user", ResourceType="User")

    service.before_call = hide
    outcome = settle(service, WantedUser(USER, role_arn=ROLE, keys=keys(1, 2, 3)))
    assert (outcome.error, len(outcome.imported)) == (None, 3)
    assert service.operations.count("CreateUser") == 1


def test_a_fault_of_the_plan_makes_no_call_but_the_first_read() -> None:
    service = TransferService()
    settle(service, WantedUser(USER, tags={"a": "b"}))
    assert (service.reads, service.operations) == (1, [])


def test_a_user_that_is_deleted_and_cannot_be_created_again(waits: list[float]) -> None:
    service = existing()

    def delete() -> None:
        service.described = None

    service.before_call = Once("TagResource", delete)
    outcome = settle(service, WantedUser(USER, tags={"a": "b"}))
    assert outcome.error
    assert "no role_arn is given to create it with" in outcome.error.message
    assert service.reads == 3
    assert sum(waits) < 1


@pytest.mark.parametrize("operation", ["TagResource", "ImportSshPublicKey"])
def test_a_user_that_was_changed_and_deleted_is_created(operation: str, waits: list[float]) -> None:
    service = existing()

    def delete() -> None:
        service.described = None

    service.before_call = Once(operation, delete)
    outcome = settle(service, WantedUser(USER, role_arn=OTHER_ROLE, tags={"a": "b"}, keys=keys(1)))
    assert (outcome.error, outcome.created, outcome.updated) == (None, True, ())
    assert sum(waits) < 10


def test_a_user_that_was_changed_and_created_again_is_told_as_created() -> None:
    service = existing()

    def delete_and_refuse(operation: str) -> None:
        if operation == "TagResource":
            service.described = None
            service.before_call = Once("ImportSshPublicKey", lambda: _refuse("ImportSshPublicKey"))

    service.before_call = delete_and_refuse
    outcome = settle(service, WantedUser(USER, role_arn=OTHER_ROLE, tags={"a": "b"}, keys=keys(1, 2)))
    assert outcome.error
    assert "Before that, the task created the user and imported" in outcome.error.message


def test_a_user_that_no_call_knows_is_given_up() -> None:
    service = existing()

    def hide(operation: str) -> None:
        if operation == "UpdateUser":
            raise refusal(operation, "ResourceNotFoundException", "Unknown user", ResourceType="User")

    service.before_call = hide
    outcome = settle(service, WantedUser(USER, role_arn=OTHER_ROLE))
    assert outcome.error
    assert outcome.error.code == "ResourceNotFoundException"
    assert "Unknown user. Before that, the task changed nothing. Not yet as declared: role_arn" in outcome.error.message
    assert service.operations == ["UpdateUser"] * 2


def test_a_run_that_made_the_last_change_goes_on() -> None:
    """Another one undoes the role before each of its tags, and the tag before each role, and gives up later."""
    service, rounds = existing(), 0

    def meddle(operation: str) -> None:
        nonlocal rounds
        rounds += operation in ("UpdateUser", "TagResource")
        if rounds <= 8 and service.described:
            if operation == "TagResource":
                service.described["Role"] = ROLE
            elif operation == "UpdateUser":
                service.described["Tags"] = []

    service.before_call = meddle
    outcome = settle(service, WantedUser(USER, role_arn=OTHER_ROLE, tags={"a": "b"}))
    assert outcome.error is None
    assert rounds > 8


def test_a_run_that_sees_another_one_begins_again() -> None:
    service, roles = existing(), ["x", "y", "z", "z"]

    def meddle(operation: str) -> None:
        if operation == "DescribeUser" and service.calls and service.described and roles:
            service.described["Role"] = roles.pop(0)

    service.before_call = meddle
    outcome = settle(service, WantedUser(USER, role_arn=OTHER_ROLE))
    assert (outcome.error, service.operations) == (None, ["UpdateUser"] * 2)


def test_an_old_read_is_read_again() -> None:
    service, old = existing(), [ROLE, ROLE]

    def hold_back(operation: str) -> None:
        if operation == "DescribeUser" and service.calls and service.described:
            service.described["Role"] = old.pop() if old else OTHER_ROLE

    service.before_call = hold_back
    outcome = settle(service, WantedUser(USER, role_arn=OTHER_ROLE))
    assert (outcome.error, service.operations, service.reads) == (None, ["UpdateUser"], 4)


def test_a_new_user_that_another_client_changes_is_read_a_few_times() -> None:
    service = TransferService()

    def change(operation: str) -> None:
        if operation == "DescribeUser" and service.described and "UpdateUser" not in service.operations:
            service.described["Role"] = OTHER_ROLE

    service.before_call = change
    outcome = settle(service, WantedUser(USER, role_arn=ROLE))
    assert (outcome.error, service.operations, service.reads) == (None, ["CreateUser", "UpdateUser"], 1 + 4 + 1)


def test_a_user_of_another_client_is_changed_without_a_wait(waits: list[float]) -> None:
    service = TransferService()

    def create() -> None:
        service.described = {"Arn": ARN, "Role": OTHER_ROLE, "SshPublicKeys": []}

    service.before_call = Once("CreateUser", create)
    outcome = settle(service, WantedUser(USER, role_arn=ROLE))
    assert (outcome.error, service.reads, waits) == (None, 3, [])


@pytest.mark.parametrize("deletions", [0, 1])
def test_what_was_deleted_and_what_should_go_is_told(deletions: int) -> None:
    imported = datetime(2026, 1, 1, tzinfo=UTC)
    service = existing(
        SshPublicKeys=[
            {"SshPublicKeyId": f"key-{number}", "SshPublicKeyBody": line(number), "DateImported": imported}
            for number in (1, 2)
        ]
    )

    def refuse(operation: str) -> None:
        if operation == "DeleteSshPublicKey" and service.operations.count(operation) > deletions:
            _refuse(operation)

    service.before_call = refuse
    outcome = settle(service, WantedUser(USER, keys=keys(3, exclusive=True)))
    assert [each.id for each in outcome.deleted] == ["key-1"][:deletions]
    assert outcome.error
    left = [key(number).fingerprint for number in (1, 2)][deletions:]
    assert f"Not yet as declared: {', '.join(sorted(left))}, which should be removed" in outcome.error.message


def _refuse(operation: str) -> None:
    raise refusal(operation, "InvalidRequestException", "No")


def test_a_deletion_that_is_refused() -> None:
    service = existing()
    service.before_call = Once("DeleteUser", lambda: _refuse("DeleteUser"))
    outcome = settle(service, WantedUser(USER, present=False))
    assert outcome.error
    assert "The user still exists" in outcome.error.message
    assert (outcome.changed, outcome.gone) == (False, False)


def test_a_deletion_whose_first_attempt_was_lost() -> None:
    service = existing()

    def lose() -> None:
        service.described = None
        error: Any = refusal("DeleteUser", "ResourceNotFoundException", "Unknown user", ResourceType="User")
        # As botocore's events leave it: see calls.py.
        error.response["ResponseMetadata"]["sshkeys_aws_attempts"] = SimpleNamespace(sent_at=0, lost=True)
        raise error

    service.before_call = Once("DeleteUser", lose)
    outcome = settle(service, WantedUser(USER, present=False))
    assert (outcome.error, outcome.gone) == (None, True)
