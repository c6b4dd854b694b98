# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is returned of each instance and managed node."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._network.facts import Unread
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.report import report_instances
from ansible_collections.sshkeys.aws.tests.unit.networks import AGENT, ID, INSTANCE, OFFICE, around, asked

NODE, MISSING = "mi-0123456789abcdef0", "i-00000000000000000"
STATES = ("best_way", "best_way_is_certain", "best_address", "pushed_key", "ways")


def test_an_instance() -> None:
    (told,) = report_instances([ID], [INSTANCE], asked(OFFICE), around())
    assert told["instance_id"] == ID
    assert (told["name"], told["state"], told["instance_type"], told["image_name"]) == (
        "web-1",
        "running",
        "t3.micro",
        "al2023-ami-2023.9.20251110.1-kernel-6.1-x86_64",
    )
    assert (told["best_way"], told["best_way_is_certain"], told["best_address"]) == ("direct", True, "203.0.113.7")
    nothing: dict[str, list[str]] = {"reasons": [], "notes": []}
    assert told["pushed_key"] == {"is_open": True, **nothing}
    assert told["ways"] == {
        "direct": {"is_open": True, "address": "203.0.113.7", **nothing},
        "endpoint": {"is_open": True, "instance_connect_endpoint_id": "eice-1", **nothing},
        "session_manager": {
            "is_open": True,
            "ping_status": "Online",
            "agent_version": "3.3.3050.0",
            "last_ping_at": "2026-11-21T10:00:00Z",
            **nothing,
        },
    }


def test_the_order_is_that_of_the_task_or_of_the_service() -> None:
    other = replace(INSTANCE, id="i-0fedcba9876543210")
    both = [INSTANCE, other]
    ids = [other.id, NODE, ID]
    assert [each["instance_id"] for each in report_instances(ids, both, asked(), around())] == ids
    assert [each["instance_id"] for each in report_instances(None, both, asked(), around())] == [ID, other.id]


def test_an_instance_that_there_is_not() -> None:
    (told,) = report_instances([MISSING], [], asked(), around())
    assert told["error"]["code"] == "InvalidInstanceID.NotFound"
    assert MISSING in told["error"]["message"]
    assert all(told["error"].values())
    assert (told["best_way"], told["state"]) == (None, None)
    assert "ways" not in told


def test_a_managed_node() -> None:
    agent = replace(AGENT, instance_id=NODE, computer_name="till-7", platform_name="Debian", ip_address="192.0.2.7")
    (told,) = report_instances([NODE], [], asked(), around(agents={NODE: agent}))
    assert (told["name"], told["platform"], told["private_ip_address"]) == ("till-7", "Debian", "192.0.2.7")
    assert (told["best_way"], told["ways"]["session_manager"]["is_open"]) == ("session_manager", True)
    (missing,) = report_instances([NODE], [], asked(), around(agents={}))
    assert missing["error"]["message"] == f"Systems Manager knows no managed node {NODE}"
    (unknown,) = report_instances([NODE], [], asked(), around(agents=Unread("Refused.")))
    assert unknown["ways"]["session_manager"]["reasons"] == ["Refused."]


@pytest.mark.parametrize(
    ("agents", "is_open", "best"),
    [({ID: AGENT}, True, "session_manager"), ({}, None, None), (Unread("No agents."), None, None)],
)
def test_an_instance_of_which_ec2_could_not_be_asked(agents: object, is_open: bool | None, best: str | None) -> None:
    (told,) = report_instances([ID], Unread("No instances."), asked(), around(agents=agents))
    assert told["ways"]["direct"] == {"is_open": None, "reasons": ["No instances."], "notes": [], "address": None}
    assert told["ways"]["session_manager"]["is_open"] is is_open
    assert (told["best_way"], told["best_way_is_certain"]) == (best, False)
    assert "error" not in told


def test_every_instance_has_the_same_members() -> None:
    told = report_instances([ID, NODE], [replace(INSTANCE, state="stopped")], asked(), around(agents={NODE: AGENT}))
    assert set(told[0]) == set(told[1]) >= set(STATES)
