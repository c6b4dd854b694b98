# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError, ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import parse_public_key
from ansible_collections.sshkeys.aws.plugins.module_utils._push.plan import (
    KEY_LIFETIME,
    Lease,
    PushOutcome,
    plan_pushes,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._push.report import report_pushes
from ansible_collections.sshkeys.aws.plugins.module_utils._push.target import Target, unique_targets
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, key_pair, line_of, runs
from ansible_collections.sshkeys.aws.tests.unit.models import allows, near, shape
from hypothesis import given, settings, strategies as st

ID = "i-0123456789abcdef0"
NOW = 1_800_000_000.5
KEY = parse_public_key(line_of(ed25519_blob(b"\x11" * 32), "laptop"))


# -- Targets are what the service's model allows ----------------------------------------------------------------------


def allowed_by_us(**values: Any) -> bool:
    try:
        Target(**{"instance_id": ID, **values})
    except ArgumentError as error:
        said = str(error)
    else:
        return True
    option, value = next(iter(values.items()))
    assert option in said
    # What is much longer than it may be was not meant for this option, and need not be repeated.
    assert repr(value) in said or len(str(value)) > 40
    return False


@given(near("InstanceId"))
@settings(max_examples=250)
def test_instance_id(value: str) -> None:
    assert allowed_by_us(instance_id=value) == allows("InstanceId", value)


@given(near("InstanceOSUser"))
@settings(max_examples=500)
def test_os_user(value: str) -> None:
    assert allowed_by_us(os_user=value) == allows("InstanceOSUser", value)


@given(near("AvailabilityZone"))
@settings(max_examples=250)
def test_availability_zone(value: str) -> None:
    assert allowed_by_us(availability_zone=value) == allows("AvailabilityZone", value)


@given(st.one_of(st.integers(-2, 3), st.integers()))
def test_serial_port(value: int) -> None:
    rules = shape("SerialPort")
    assert allowed_by_us(serial_port=value) == (rules["min"] <= value <= rules["max"])


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("instance_id", "i-1234abcd", True),
        ("instance_id", ID, True),
        ("instance_id", "i-" + "0" * 30, True),
        ("instance_id", "i-" + "0" * 31, False),
        ("instance_id", "i-1234567", False),
        ("instance_id", "i-0123456789ABCDEF0", False),
        ("instance_id", "mi-0123456789abcdef0", False),
        ("instance_id", f"{ID}\n", False),
        ("instance_id", f" {ID}", False),
        ("instance_id", "", False),
        ("os_user", "ec2-user", True),
        ("os_user", "user@corp.example.com", True),
        ("os_user", "svc$", True),
        ("os_user", "1a", True),
        ("os_user", "_", True),
        ("os_user", "a" * 32, True),
        ("os_user", "a" * 33, False),
        ("os_user", "1" * 32, False),
        ("os_user", "1", False),
        ("os_user", "DOMAIN\\u", False),
        ("os_user", "$a", False),
        ("os_user", "a b", False),
        ("os_user", "größe", False),
        ("os_user", "root\n", False),
        ("os_user", "-u", False),
        ("os_user", "", False),
        ("availability_zone", "us-east-1a", True),
        ("availability_zone", "us-gov-west-1b", True),
        # The model has no room for the name of a Local Zone.
        ("availability_zone", "us-west-2-lax-1a", False),
        ("availability_zone", "us-east-1", False),
        ("availability_zone", "use1-az1", False),
        ("availability_zone", "us-east-1a\n", False),
        ("availability_zone", "", False),
        ("serial_port", 0, True),
        ("serial_port", 1, False),
    ],
)
def test_values_of_a_target(option: str, value: Any, allowed: bool) -> None:
    shapes = {"instance_id": "InstanceId", "os_user": "InstanceOSUser", "availability_zone": "AvailabilityZone"}
    if option in shapes:
        assert allows(shapes[option], value) == allowed, "the table is wrong"
    assert allowed_by_us(**{option: value}) == allowed


@pytest.mark.parametrize("option", ["instance_id", "os_user", "availability_zone"])
def test_no_part_of_a_private_key_in_the_wrong_option_comes_out(option: str) -> None:
    private = key_pair("ed25519").private
    with pytest.raises(ArgumentError) as caught:
        Target(**dict[str, Any]({"instance_id": ID, option: private}))
    assert not runs(str(caught.value), 8) & runs("".join(private.splitlines()[1:-1]), 8)


@given(near("InstanceOSUser").filter(lambda user: allows("InstanceOSUser", user)))
def test_no_os_user_opens_what_a_serial_console_is(user: str) -> None:
    doors = {Target(ID, user).door, Target(ID, serial_port=0).door}
    assert len(doors) == 2


def test_what_a_result_names_a_target_by() -> None:
    assert Target(ID, "root", "us-east-1a").result() == {"instance_id": ID, "os_user": "root"}
    console = Target(ID, serial_port=0).result()
    assert (console["instance_id"], console["serial_port"]) == (ID, 0)
    assert "os_user" not in console


def test_unique_targets() -> None:
    one, two, three = Target(ID, "a"), Target(ID, "b"), Target("i-00000000", "a")
    assert unique_targets([one, two, one, three, Target(ID, "b")]) == [one, two, three]
    assert unique_targets([]) == []


@pytest.mark.parametrize("zones", [("us-east-1a", "us-east-1b"), (None, "us-east-1a"), ("us-east-1a", None)])
def test_one_target_with_two_zones(zones: tuple[str | None, str | None]) -> None:
    targets = [Target("i-00000000", "b"), *(Target(ID, "a", zone) for zone in zones)]
    with pytest.raises(ArgumentError) as caught:
        unique_targets(targets)
    for word in (ID, "a", *zones):
        assert str(word) in str(caught.value)


# -- Plans ------------------------------------------------------------------------------------------------------------

FLEET = [Target(f"i-{number:08x}", user) for number in range(4) for user in ("root", "admin")]
targets_of_a_run = st.lists(st.sampled_from(FLEET), unique=True)
# Ages from the future to long ended, and those where it matters.
ages = st.one_of(
    st.floats(-2 * KEY_LIFETIME, 3 * KEY_LIFETIME), st.integers(-1, KEY_LIFETIME + 1).map(float), st.just(float("nan"))
)
leases_of_a_run = st.dictionaries(
    st.sampled_from(FLEET), st.builds(lambda age, number: Lease(NOW - age, f"r{number}"), ages, st.integers(0, 9))
)
validities = st.integers(0, KEY_LIFETIME)


@pytest.mark.parametrize(
    ("age", "min_validity", "pushes"),
    [
        (0, 15, False),
        (0, 60, False),
        (0.5, 60, True),
        (44, 15, False),
        (45, 15, False),
        (45.5, 15, True),
        (59, 0, False),
        (59.5, 0, False),
        (60, 0, True),
        (60.5, 0, True),
        (600, 0, True),
        (-0.5, 0, True),
        (-1, 15, True),
        (-1000, 0, True),
        (float("nan"), 0, True),
        (float("inf"), 0, True),
        (float("-inf"), 0, True),
    ],
)
def test_whether_a_lease_counts(age: float, min_validity: int, pushes: bool) -> None:
    target, lease = FLEET[0], Lease(NOW - age, "earlier")
    todo = plan_pushes([target], {target: lease}, now=NOW, min_validity=min_validity, force=False)
    assert todo.pushes == ([target] if pushes else [])
    (outcome,) = todo.after
    assert outcome == (PushOutcome(target, changed=True) if pushes else PushOutcome(target, changed=False, lease=lease))


@given(targets_of_a_run, leases_of_a_run, validities)
def test_force_pushes_to_all(targets: list[Target], leases: dict[Target, Lease], validity: int) -> None:
    todo = plan_pushes(targets, leases, now=NOW, min_validity=validity, force=True)
    assert todo.pushes == targets
    assert todo.after == [PushOutcome(target, changed=True) for target in targets]


@given(targets_of_a_run, leases_of_a_run, validities, st.booleans(), st.randoms())
def test_a_plan_is_about_each_target_once_in_order(
    targets: list[Target], leases: dict[Target, Lease], validity: int, force: bool, random: Any
) -> None:
    todo = plan_pushes(targets, leases, now=NOW, min_validity=validity, force=force)
    assert [outcome.target for outcome in todo.after] == targets
    assert [outcome.target for outcome in todo.after if outcome.changed] == todo.pushes
    # However the pushes end, and in whatever order.
    ends = [
        PushOutcome(
            target, changed=random.random() < 0.5, error=ServiceError("C", "m", "h") if random.random() < 0.5 else None
        )
        for target in todo.pushes
    ]
    random.shuffle(ends)
    merged = todo.merge(ends)
    assert [outcome.target for outcome in merged] == targets
    assert {id(outcome) for outcome in ends} <= {id(outcome) for outcome in merged}


@given(targets_of_a_run, leases_of_a_run, validities, validities)
def test_asking_for_more_time_never_pushes_less(
    targets: list[Target], leases: dict[Target, Lease], one: int, other: int
) -> None:
    less, more = sorted((one, other))
    some = plan_pushes(targets, leases, now=NOW, min_validity=less, force=False).pushes
    assert set(some) <= set(plan_pushes(targets, leases, now=NOW, min_validity=more, force=False).pushes)


@given(targets_of_a_run, leases_of_a_run, validities)
def test_a_second_run_has_nothing_to_do(targets: list[Target], leases: dict[Target, Lease], validity: int) -> None:
    first = plan_pushes(targets, leases, now=NOW, min_validity=validity, force=False)
    left = {**leases, **{target: Lease(NOW, "new") for target in first.pushes}}
    second = plan_pushes(targets, left, now=NOW, min_validity=validity, force=False)
    assert second.pushes == []
    assert not any(outcome.changed for outcome in second.after)


# -- Reports ----------------------------------------------------------------------------------------------------------


def at(seconds: float, request_id: str = "request") -> Lease:
    """Return a lease of a push that many seconds after 2026-11-21T10:00:00Z."""
    return Lease(1_795_255_200 + seconds, request_id)


# When the runs below have ended.
END = at(30).pushed_at


def pushed(number: int, seconds: float) -> PushOutcome:
    return PushOutcome(FLEET[number], changed=True, lease=at(seconds, f"request {number}"))


def failed(number: int, message: str = "The instance is stopped") -> PushOutcome:
    return PushOutcome(FLEET[number], changed=False, error=ServiceError("SomeCode", message, "Start it."))


def test_report_of_a_push() -> None:
    told = report_pushes([pushed(0, 0.9)], KEY, [], single=False, now=END)
    assert told.failure is None
    assert told.result == {
        "changed": True,
        "key": {
            "type": "ssh-ed25519",
            "bits": 256,
            "fingerprint": KEY.fingerprint,
            "fingerprint_md5": KEY.fingerprint_md5,
            "comment": "laptop",
        },
        "expires_at": "2026-11-21T10:01:00Z",
        "targets": [
            {
                "instance_id": FLEET[0].instance_id,
                "os_user": "root",
                "changed": True,
                "success": True,
                "request_id": "request 0",
                "pushed_at": "2026-11-21T10:00:00Z",
                "expires_at": "2026-11-21T10:01:00Z",
            }
        ],
    }


def test_report_of_a_failure() -> None:
    told = report_pushes([failed(0)], KEY, [], single=False, now=END)
    assert told.result["changed"] is False
    assert told.result["expires_at"] is None
    (entry,) = told.result["targets"]
    assert entry == {
        "instance_id": FLEET[0].instance_id,
        "os_user": "root",
        "changed": False,
        "success": False,
        "request_id": None,
        "pushed_at": None,
        "expires_at": None,
        "error": {"code": "SomeCode", "message": "The instance is stopped", "hint": "Start it."},
    }


@pytest.mark.parametrize(
    ("outcomes", "expires_at"),
    [
        ([pushed(0, 5), pushed(1, 3), pushed(2, 9)], "2026-11-21T10:01:03Z"),
        ([failed(0), pushed(1, 7), failed(2)], "2026-11-21T10:01:07Z"),
        ([pushed(0, 5), PushOutcome(FLEET[1], changed=False, lease=at(-30))], "2026-11-21T10:00:30Z"),
        ([pushed(0, 5), PushOutcome(FLEET[1], changed=True)], "2026-11-21T10:01:05Z"),
        ([pushed(0, -36000.5), pushed(1, 0)], "2026-11-21T00:00:59Z"),
        ([failed(0)], None),
        ([PushOutcome(FLEET[0], changed=True)], None),
        ([], None),
    ],
)
def test_the_earliest_end_is_told(outcomes: Sequence[PushOutcome], expires_at: str | None) -> None:
    assert report_pushes(outcomes, KEY, [], single=False, now=END).result["expires_at"] == expires_at


@given(st.floats(0, 4e9))
def test_times_never_promise_more_than_there_is(pushed_at: float) -> None:
    outcome = PushOutcome(FLEET[0], changed=True, lease=Lease(pushed_at, "r"))
    (entry,) = report_pushes([outcome], KEY, [], single=False, now=END).result["targets"]
    for field, seconds in (("pushed_at", pushed_at), ("expires_at", pushed_at + KEY_LIFETIME)):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", entry[field])
        assert seconds - 1 < seconds_of(entry[field]) <= seconds


def seconds_of(moment: str) -> int:
    """Read ISO 8601 in UTC by the calendar (the days since 1970, after Howard Hinnant's days_from_civil)."""
    year, month, day, hour, minute, second = (int(part) for part in re.findall(r"\d+", moment))
    year -= month <= 2
    era, month_of_year = year // 400, (month + 9) % 12
    year_of_era = year - era * 400
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + (153 * month_of_year + 2) // 5 + day - 1
    return ((era * 146097 + day_of_era - 719468) * 24 + hour) * 3600 + minute * 60 + second


@pytest.mark.parametrize("outcome", [pushed(0, 5), failed(0), PushOutcome(FLEET[0], changed=True)])
def test_the_fields_of_a_single_target_stand_at_the_top(outcome: PushOutcome) -> None:
    result = report_pushes([outcome], KEY, [], single=True, now=END).result
    many = report_pushes([outcome], KEY, [], single=False, now=END).result
    (entry,) = result["targets"]
    assert {field: result[field] for field in entry} == entry
    assert {field: result[field] for field in many} == many
    assert set(result) == {*many, *entry}


def test_no_failure() -> None:
    assert report_pushes([], KEY, [], single=False, now=END).failure is None
    assert (
        report_pushes([pushed(0, 1), PushOutcome(FLEET[1], changed=True)], KEY, [], single=False, now=END).failure
        is None
    )


def test_warnings_are_passed_on() -> None:
    assert list(report_pushes([pushed(0, 1)], KEY, ["one", "two"], single=True, now=END).warnings) == ["one", "two"]


def test_failures_are_counted_and_named() -> None:
    told = report_pushes([pushed(0, 1), failed(1), pushed(2, 1), failed(5)], KEY, [], single=False, now=END)
    assert told.failure
    assert told.failure.startswith("2 of 4 targets failed: ")
    for number in (1, 5):
        assert f"{FLEET[number].instance_id} (user admin): SomeCode: The instance is stopped. Start it." in told.failure
    for number in (0, 2):
        assert f"{FLEET[number].instance_id} (user root)" not in told.failure
    assert "more" not in told.failure
    assert told.result["changed"] is True


def test_the_failure_of_the_only_target_is_not_counted() -> None:
    failure = report_pushes([failed(0)], KEY, [], single=True, now=END).failure
    assert failure == f"{FLEET[0].instance_id} (user root): SomeCode: The instance is stopped. Start it."


@pytest.mark.parametrize(("count", "more"), [(10, None), (11, 1), (1000, 990)])
def test_more_than_ten_failures_are_cut(count: int, more: int | None) -> None:
    targets = [Target(f"i-{number:08x}", "root") for number in range(count)]
    error = ServiceError("SomeCode", "The instance is stopped", "Start it.")
    told = report_pushes(
        [PushOutcome(target, changed=False, error=error) for target in targets], KEY, [], single=False, now=END
    )
    assert told.failure
    assert told.failure.startswith(f"{count} of {count} targets failed: ")
    assert [target for target in targets if target.instance_id in told.failure] == targets[:10]
    assert re.findall(r"[Aa]nd (\d+) more", told.failure) == ([str(more)] if more else [])
    assert len(told.result["targets"]) == count


def without_what_only_a_push_tells(value: Any) -> Any:
    if isinstance(value, dict):
        unknown = ("request_id", "pushed_at", "expires_at")
        return {
            field: field if field in unknown else without_what_only_a_push_tells(inner)
            for field, inner in value.items()
        }
    if isinstance(value, list):
        return [without_what_only_a_push_tells(inner) for inner in value]
    return value


@given(targets_of_a_run, leases_of_a_run, validities, st.booleans(), st.booleans())
def test_check_mode_foretells_the_result(
    targets: list[Target], leases: dict[Target, Lease], validity: int, force: bool, single: bool
) -> None:
    targets = targets[:1] if single else targets
    single = single and bool(targets)
    todo = plan_pushes(targets, leases, now=NOW, min_validity=validity, force=force)
    foretold = report_pushes(todo.after, KEY, [], single=single, now=NOW)
    real = report_pushes(
        todo.merge([PushOutcome(target, changed=True, lease=Lease(NOW, "r")) for target in todo.pushes]),
        KEY,
        [],
        single=single,
        now=NOW,
    )
    assert without_what_only_a_push_tells(foretold.result) == without_what_only_a_push_tells(real.result)
    assert (foretold.failure, foretold.warnings) == (real.failure, real.warnings)
    for told, then in zip(foretold.result["targets"], real.result["targets"], strict=True):
        # What is known already is told.
        assert then["changed"] or told == then
    assert json.loads(json.dumps(foretold.result)) == foretold.result


@pytest.mark.parametrize(
    ("outcomes", "seconds", "warning"),
    [
        ([pushed(0, 0), pushed(1, 20)], 59.9, None),
        ([pushed(0, 0), pushed(1, 20)], 60, "took 60 seconds.* at 1 of 2 targets it has already expired.*serial"),
        ([pushed(0, 0), failed(1), pushed(2, 70)], 75, "took 75 seconds.* at 1 of 2 targets"),
        # A lease of an earlier run was long enough for whoever asked, and what is foreseen has not begun.
        ([PushOutcome(FLEET[0], changed=False, lease=at(0))], 100, None),
        ([PushOutcome(FLEET[0], changed=True)], 100, None),
    ],
)
def test_keys_that_ended_before_the_last_push_are_told(
    outcomes: list[PushOutcome], seconds: float, warning: str | None
) -> None:
    (told, *more) = [*report_pushes(outcomes, KEY, [], single=False, now=at(seconds).pushed_at).warnings, ""]
    assert not told if warning is None else re.search(warning, told)
    assert not any(more)
