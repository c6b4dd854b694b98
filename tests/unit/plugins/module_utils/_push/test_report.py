# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module returns of pushes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import parse_public_key
from ansible_collections.sshkeys.aws.plugins.module_utils._push.plan import (
    KEY_LIFETIME,
    Lease,
    PushOutcome,
    plan_pushes,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._push.report import report_pushes
from ansible_collections.sshkeys.aws.plugins.module_utils._push.target import Target
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Region
from ansible_collections.sshkeys.aws.tests.unit.fleet import FLEET, NOW, leases_of_a_run, targets_of_a_run, validities
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, line_of
from hypothesis import given, strategies as st

KEY = parse_public_key(line_of(ed25519_blob(b"\x11" * 32), "laptop"))


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
                "ssh_options": FLEET[0].ssh_options(),
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
        "ssh_options": FLEET[0].ssh_options(),
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


def test_the_region_and_what_named_it() -> None:
    region = Region("eu-central-1", "the option region")
    told = report_pushes([failed(0)], KEY, [], single=False, now=END, region=region)
    assert (told.result["region"], told.result["region_source"]) == region
    assert told.failure
    assert told.failure.endswith(" The region was eu-central-1, from the option region.")
    assert not {"region", "region_source"} & set(report_pushes([], KEY, [], single=False, now=END).result)


def test_one_warning_for_what_went_wrong_on_this_host() -> None:
    outcomes = [
        PushOutcome(FLEET[number], changed=True, lease=at(0), warning=warning)
        for number, warning in enumerate(["The disk is full.", "The disk is full.", None, "It is read-only."])
    ]
    told = report_pushes(outcomes, KEY, ["The key is weak."], single=False, now=END)
    assert list(told.warnings) == ["The key is weak.", "The disk is full.", "It is read-only."]


def test_what_may_have_been_done_is_a_change_and_says_so() -> None:
    error = ServiceError("ReadTimeoutError", "No answer", "Run again.", in_doubt=True)
    told = report_pushes([PushOutcome(FLEET[0], changed=True, error=error)], KEY, [], single=True, now=END)
    assert (told.result["changed"], told.result["success"], told.result["expires_at"]) == (True, False, None)
    assert told.failure
    assert "unknown whether" in told.failure


def test_no_targets_is_nothing_to_do() -> None:
    told = report_pushes([], KEY, [], single=False, now=END)
    assert told.result["msg"].startswith("targets is an empty list, so no key was pushed")
    assert "msg" not in report_pushes([pushed(0, 1)], KEY, [], single=False, now=END).result


def test_a_serial_console_is_named_by_its_port() -> None:
    target = Target("i-0123456789abcdef0", serial_port=0)
    error = ServiceError("SomeCode", "It is off", "Turn it on.")
    told = report_pushes([PushOutcome(target, changed=False, error=error)], KEY, [], single=True, now=END)
    assert (told.result["serial_port"], "os_user" in told.result) == (0, False)
    assert told.failure == "i-0123456789abcdef0 (serial console 0): SomeCode: It is off. Turn it on."
