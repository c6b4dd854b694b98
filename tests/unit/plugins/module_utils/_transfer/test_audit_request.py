# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an audit is asked for, by its variables."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit import REMARKS
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.audit_request import (
    AuditRequest,
    read_audit_request,
)
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair, runs
from ansible_collections.sshkeys.aws.tests.unit.paths import HERE, HOME, MadeUpPaths
from hypothesis import given, strategies as st

A, B = "s-01234567890abcdef", "s-0fedcba9876543210"
PATHS = MadeUpPaths(folders=[HERE, HOME, f"{HERE}/reports"])
# As the playbook hands them over.
DEFAULTS = {"max_key_age_days": 90, "report_file": "transfer-audit.html"}


def asked(cut_off: str = "", defined: tuple[str, ...] = (), **variables: Any) -> AuditRequest:
    return read_audit_request({**DEFAULTS, **variables}, PATHS, defined=defined, cut_off=cut_off)


def fine(**variables: Any) -> AuditRequest:
    request = asked(**variables)
    assert request.faults == ()
    return request


def test_defaults() -> None:
    assert fine(server_id=A) == AuditRequest(
        faults=(), server_ids=(A,), user_names=(), limit=90, report_file=f"{HERE}/transfer-audit.html", fail_on=()
    )


@pytest.mark.parametrize(
    ("variables", "servers"),
    [
        ({"server_id": f" {A} "}, (A,)),
        ({"server_ids": f"{A},{B}"}, (A, B)),
        ({"server_ids": [A, B, A]}, (A, B)),
        ({"server_id": B, "server_ids": [A, B]}, (B, A)),
        ({"server_id": A, "server_ids": ""}, (A,)),
        ({"server_id": "", "server_ids": [A]}, (A,)),
    ],
)
def test_servers(variables: dict[str, Any], servers: tuple[str, ...]) -> None:
    assert fine(**variables).server_ids == servers


@pytest.mark.parametrize(
    ("report", "path"),
    [
        ("reports/a.html", f"{HERE}/reports/a.html"),
        (" ~/a.html ", f"{HOME}/a.html"),
        ("", ""),
        (None, ""),
        (False, ""),
    ],
)
def test_report(report: Any, path: str) -> None:
    assert fine(server_id=A, report_file=report).report_file == path


@pytest.mark.parametrize(("given_limit", "limit"), [(0, 0), ("365", 365), (" 7 ", 7)])
def test_limit(given_limit: Any, limit: int) -> None:
    assert fine(server_id=A, max_key_age_days=given_limit).limit == limit


@pytest.mark.parametrize(
    ("fail_on", "remarks"),
    [("old,weak", ("old", "weak")), (["no_key"], ("no_key",)), ("all", REMARKS), ("old,all", REMARKS), (None, ())],
)
def test_remarks_that_fail(fail_on: Any, remarks: tuple[str, ...]) -> None:
    assert fine(server_id=A, fail_on=fail_on).fail_on == remarks


@pytest.mark.parametrize(
    ("variables", "faults"),
    [
        ({}, ["Say which server to audit, such as -e server_id=s-01234567890abcdef, or several with server_ids."]),
        ({"server_id": "S-1"}, ["'S-1' is not the id of a server, such as s-01234567890abcdef."]),
        ({"server_id": f"{A},{B}"}, [f"'{A},{B}' is not the id of a server"]),
        ({"server_ids": [A, "x", "y"]}, ["'x', 'y' is not the id of a server"]),
        (
            {"user_names": "x,partner"},
            ["user_names has 'x', which Transfer Family does not take as the name of a user."],
        ),
        ({"max_key_age_days": "soon"}, ["max_key_age_days is 'soon', and must be a whole number of days, 0 or more."]),
        ({"max_key_age_days": -1}, ["max_key_age_days is '-1', and must be"]),
        ({"max_key_age_days": 1.5}, ["max_key_age_days is '1.5', and must be"]),
        ({"fail_on": "weak,lost"}, [f"fail_on has 'lost'. It can have {', '.join(REMARKS)}, or all."]),
        ({"report_file": "reports"}, [f"report_file is '{HERE}/reports', which is a folder. Name a file in it."]),
        ({"report_file": "x/a.html"}, [f"The report would go into '{HERE}/x', and there is no such folder."]),
        # A list that lost an element: what is left of the list says nothing.
        ({"server_ids": f"{A}, "}, [f"server_ids is '{A},', which ends in a comma"]),
        ({"server_ids": 5, "fail_on": {"a": 1}}, ["server_ids is of type int. Give", "fail_on is of type dict. Give"]),
        ({"user_names": "x,", "max_key_age_days": "x"}, ["user_names is 'x,'", "max_key_age_days is 'x'"]),
        # A long text may be a private key.
        (
            {"server_id": "x" * 41},
            ["'(a text of more than 40 characters)' is not the id of a server"],
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(variables: dict[str, Any], faults: list[str]) -> None:
    with_server = variables if not variables or {"server_id", "server_ids"} & set(variables) else {"server_id": A}
    request = asked(**{**with_server, **variables})
    assert [said[: len(fault)] for said, fault in zip(request.faults, faults, strict=True)] == faults
    assert all(fault.endswith(".") for fault in request.faults)


def test_what_ansible_cut_off_is_refused() -> None:
    (fault,) = asked(server_id=A, fail_on="old", cut_off="weak").faults
    assert fault.startswith("Ansible cut off 'weak'")


@pytest.mark.parametrize(
    "name",
    [
        *("fail", "failon", "failons", "fail_ons", "fails_on", "failed_on", "failure_on", "failureon"),
        *("max_age_days", "max_age_day", "max_ages_days", "max_key_age", "max_keys_age"),
        *("max_key_ages", "max_keys_age_days", "max_key_age_day", "max_keys_ages_days"),
    ],
)
def test_misspelt_names(name: str) -> None:
    (fault,) = asked(server_id=A, defined=(name, "inventory_dir")).faults
    assert fault.startswith(f"There is no variable {name}. The names are server_id, ")


@pytest.mark.parametrize("name", ["fail_on", "max_key_age_days", "max_fail_percentage", "failed_hosts", "my_max_age"])
def test_names_that_are_not_misspelt(name: str) -> None:
    assert asked(server_id=A, defined=(name,)).faults == ()


texts = st.one_of(st.none(), st.sampled_from(["", " ", A, f"{A},{B}", "partner", "old", "all", "a,", "reports/x", "9"]))
values = st.one_of(texts, st.booleans(), st.integers(-1, 3), st.lists(texts, max_size=2), st.just({"a": "b"}))
NAMES = ["server_id", "server_ids", "user_names", "max_key_age_days", "report_file", "fail_on"]


@given(st.dictionaries(st.sampled_from(NAMES), values))
def test_a_request_without_faults_has_all_that_an_audit_needs(variables: dict[str, Any]) -> None:
    request = read_audit_request(variables, PATHS)
    assert all(fault.endswith(".") for fault in request.faults)
    if not request.faults:
        assert request.server_ids
        assert request.limit >= 0
        assert set(request.fail_on) <= set(REMARKS)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("in_list", [False, True])
def test_nothing_of_a_private_key_comes_out(name: str, in_list: bool) -> None:
    private = key_pair("ed25519").private
    variables: dict[str, Any] = {name: [private] if in_list else private}
    said = " ".join(asked(**variables).faults)
    assert not runs(said, 8) & runs("".join(private.splitlines()[1:-1]), 8)
