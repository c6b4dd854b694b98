# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of hosts, and what it says under them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.doctor_report import DoctorReport, doctor_report
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.report import report_instances
from ansible_collections.sshkeys.aws.tests.unit.networks import HIDDEN, ID, INSTANCE, OFFICE, around, asked

MISSING = "i-00000000000000000"
ROW = f"web-1  {ID}  running  "


def result(instance: Any = INSTANCE, hosts: dict[str, str] | None = None, **broken: Any) -> dict[str, Any]:
    """Return what the module has returned of an instance in a network that is broken."""
    hosts = hosts or {"web-1": ID}
    told = report_instances(list(hosts.values()), [instance], asked(OFFICE), around(**broken))
    return {"instances": told, "item": {"hosts": hosts}}


def report(*results: dict[str, Any], strangers: tuple[str, ...] = (), tells_all: bool = False) -> DoctorReport:
    order = [name for each in results for name in each["item"]["hosts"]]
    return doctor_report(results, order, strangers, tells_all=tells_all)


@pytest.mark.parametrize(
    ("broken", "best"),
    [
        ({}, "direct to 203.0.113.7"),
        ({"route_tables": []}, "endpoint eice-1, perhaps"),
        ({"route_tables": [], "endpoints": []}, "Session Manager, perhaps"),
    ],
)
def test_the_best_way(broken: dict[str, Any], best: str) -> None:
    assert report(result(**broken)).lines[1] == f"{ROW}{best}"


def test_a_host_with_a_way_has_no_more_to_say_unless_it_is_asked() -> None:
    well = result(HIDDEN)
    quiet, loud = report(well), report(well, tells_all=True)
    assert quiet.lines == [f"HOST   {'INSTANCE':19}  STATE    BEST WAY", f"{ROW}endpoint eice-1"]
    assert quiet.says == [
        "A way leads to 1 of 1 instances.",
        "To see why other ways are closed, add: -e ssh_doctor_all=true",
    ]
    assert loud.lines[2].startswith("  - direct (closed): ")
    assert quiet.failures == loud.failures == []


def test_what_closes_all_ways_is_told_once() -> None:
    told = report(result(replace(INSTANCE, state="stopped")))
    assert told.lines[1:] == [
        f"web-1  {ID}  stopped  none",
        f"  - The instance is stopped. Start it: aws ec2 start-instances --instance-ids {ID}.",
    ]
    assert told.failures == ["No way leads to web-1."]


def test_no_line_is_wider_than_a_page_and_all_is_there() -> None:
    told = report(result(agents={}, endpoints=[], route_tables=[], acls=[]))
    assert max(map(len, told.lines[2:])) <= 110
    text = " ".join(line.strip() for line in told.lines)
    for name in (
        "direct (not known): ",
        "endpoint (closed): There is no EC2",
        "Session Manager (closed): No SSM Agent",
    ):
        assert name in text


def test_hosts_that_there_are_not_that_could_not_be_judged_and_that_are_none() -> None:
    gone = result(hosts={"gone": MISSING})
    lost = {"msg": "No region is configured.", "failed": True, "item": {"hosts": {"lost": ID}}}
    told = report(gone, lost, {"item": {"hosts": {"mute": ID}}}, strangers=("router",))
    text = "\n".join(told.lines)
    for said in (
        f"gone    {MISSING}  unknown  none",
        "  - InvalidInstanceID.NotFound: ",
        f"lost    {ID}           not judged",
        "  - No region is configured.",
        "  - The module said nothing.",
        "router  none                          no EC2 instance",
    ):
        assert said in text
    assert told.failures == ["No way leads to gone.", "lost, mute could not be judged."]
    assert told.says[0] == "A way leads to 0 of 3 instances."
    assert told.says[1].startswith("router is no EC2 instance: no instance_id is set")


def test_an_inventory_without_instances() -> None:
    told = report(strangers=("a", "b"))
    assert told.says[0] == "No host is an EC2 instance."
    assert told.says[1].startswith("a, b are no EC2 instances: ")
    assert told.failures == []


def test_a_whole_fleet_is_not_named() -> None:
    hosts = {f"web-{number}": MISSING for number in range(12)}
    (failure,) = report(result(hosts=hosts)).failures
    assert failure.endswith("web-9 and 2 more.")
