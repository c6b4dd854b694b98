# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How hosts become calls of the module."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._reach.doctor_calls import (
    VARIABLES,
    DoctorCalls,
    doctor_calls,
    instance_of,
)

ID, OTHER = "i-0123456789abcdef0", "i-0fedcba9876543210"
OURS = "ansible_ec2_instance_connect"


def host(name: str, instance_id: str | None = ID, **variables: Any) -> dict[str, Any]:
    return {"inventory_hostname": name, **({"instance_id": instance_id} if instance_id else {}), **variables}


def test_hosts_that_share_everything_are_one_call() -> None:
    placement: dict[str, Any] = {"placement": {"region": "us-east-1", "availability_zone": "us-east-1a"}}
    found = doctor_calls([host("a", **placement), host("b", OTHER, **placement), host("a again", **placement)], None)
    assert found == DoctorCalls(
        [
            {
                "options": {
                    "region": "us-east-1",
                    "tunnel": "auto",
                    "port": 22,
                    "instance_ids": [ID, OTHER],
                    "addresses": {},
                },
                "hosts": {"a": ID, "b": OTHER, "a again": ID},
                "label": "us-east-1",
                "has_credentials": False,
            }
        ],
        ["a", "b", "a again"],
    )


@pytest.mark.parametrize(
    ("variables", "label", "has_credentials"),
    [
        ({}, "AWS", False),
        ({"ansible_ec2_instance_connect_profile": "prod"}, "prod", False),
        ({"ansible_ec2_instance_connect_secret_key": "s"}, "AWS", True),
    ],
)
def test_a_call_has_a_name_without_credentials(variables: dict[str, str], label: str, has_credentials: bool) -> None:
    (call,) = doctor_calls([host("a", **variables)], None).calls
    assert (call["label"], call["has_credentials"]) == (label, has_credentials)


def test_a_flag_that_is_neither_true_nor_false_is_refused() -> None:
    found = doctor_calls([host("a")], None, flags={"ssh_doctor_all": "yes", "ssh_doctor_fail": "maybe"})
    assert (found.faults, found.calls) == (["ssh_doctor_fail is 'maybe', and must be true or false."], [])


@pytest.mark.parametrize(
    ("variable", "value", "option"),
    [
        (f"{OURS}_region", "eu-central-1", "region"),
        (f"{OURS}_profile", "fleet", "profile"),
        (f"{OURS}_access_key", "AKIAIOSFODNN7EXAMPLE", "access_key"),
        (f"{OURS}_secret_key", "secret", "secret_key"),
        (f"{OURS}_session_token", "token", "session_token"),
        (f"{OURS}_endpoint_url", "http://127.0.0.1:5000", "endpoint_url"),
        (f"{OURS}_assume_role_arn", "arn:aws:iam::111122223333:role/deploy", "assume_role_arn"),
        (f"{OURS}_tunnel", "never", "tunnel"),
        (f"{OURS}_endpoint_id", "eice-0123456789abcdef0", "instance_connect_endpoint_id"),
        ("ansible_port", 2222, "port"),
        ("ansible_ssh_port", 2222, "port"),
    ],
)
def test_what_a_host_says_is_an_option_of_a_call_of_its_own(variable: str, value: object, option: str) -> None:
    assert variable in VARIABLES
    found = doctor_calls([host("a"), host("b", OTHER, **{variable: value})], None)
    assert [call["options"].get(option) for call in found.calls][1] == value
    assert [call["hosts"] for call in found.calls] == [{"a": ID}, {"b": OTHER}]


def test_hosts_without_a_port_have_the_one_that_is_given() -> None:
    found = doctor_calls([host("a"), host("b", OTHER, ansible_port=2222)], None, port=2200)
    assert [call["options"]["port"] for call in found.calls] == [2200, 2222]


def test_a_region_for_the_connection_counts_more_than_the_placement() -> None:
    own = host("a", placement={"region": "us-east-1"}, **{f"{OURS}_region": "eu-central-1"})
    assert doctor_calls([own], None).calls[0]["options"]["region"] == "eu-central-1"
    assert "region" not in doctor_calls([host("a", placement="somewhere")], None).calls[0]["options"]


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({"ansible_host": "10.0.0.7"}, "10.0.0.7"),
        ({"ansible_ssh_host": "10.0.0.8", "ansible_host": "10.0.0.7"}, "10.0.0.8"),
        # The connection does not take these for addresses.
        ({"ansible_host": "a"}, None),
        ({"ansible_host": ID}, None),
        ({}, None),
    ],
)
def test_addresses(variables: dict[str, Any], address: str | None) -> None:
    (call,) = doctor_calls([host("a", **variables)], None).calls
    assert call["options"]["addresses"].get(ID) == address


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (host("a"), ID),
        (host("a", **{f"{OURS}_instance_id": OTHER}), OTHER),
        (host(ID, None), ID),
        (host("a", None, ansible_host=ID), ID),
        (host("a", "mi-0123456789abcdef0"), "mi-0123456789abcdef0"),
        # The connection refuses a value that is no id, whatever the name is.
        (host(ID, "web"), ""),
        (host("a", None), ""),
        (host("i-am-no-instance", None, ansible_host="192.0.2.7"), ""),
    ],
)
def test_the_instance_of_a_host(variables: dict[str, Any], expected: str) -> None:
    assert instance_of(variables) == expected


@pytest.mark.parametrize("given", ["i-0123456789", ID.upper(), "web-server-1", "mi-01234567"])
def test_a_wrong_id_keeps_its_own_host_alone_from_being_judged(given: str) -> None:
    found = doctor_calls([host("wrong", given), host("a")], None)
    assert (found.order, found.strangers) == (["wrong", "a"], [])
    assert found.unusable["wrong"].startswith(f"instance_id is '{given}', which is not the id of an instance")
    assert [call["options"]["instance_ids"] for call in found.calls] == [[ID]]


def test_a_host_whose_variables_cannot_be_read_is_told_of_in_its_place() -> None:
    found = doctor_calls([host("a"), host("b", None), host("c", OTHER)], None, unread={"b": "Undefined."})
    assert (found.order, found.strangers, found.unusable) == (["a", "b", "c"], [], {"b": "Undefined."})
    assert [call["hosts"] for call in found.calls] == [{"a": ID, "c": OTHER}]


def test_two_names_of_one_instance_have_an_address_each() -> None:
    several = [
        host("a", ansible_host="10.0.0.7"),
        host("b", ansible_host="192.0.2.7"),
        host("c"),
        host("d", ansible_host="10.0.0.7"),
        host("e", OTHER, ansible_host="10.0.0.9"),
    ]
    found = doctor_calls(several, None)
    told = {
        name: call["options"]["addresses"].get(each) for call in found.calls for name, each in call["hosts"].items()
    }
    assert told == {"a": "10.0.0.7", "b": "192.0.2.7", "c": None, "d": "10.0.0.7", "e": "10.0.0.9"}
    assert len(found.calls) == 3


def test_hosts_that_are_no_instances_are_strangers() -> None:
    found = doctor_calls([host("router", None), host("a")], None)
    assert (found.strangers, found.order) == (["router"], ["a"])
    assert doctor_calls([], None) == DoctorCalls()


@pytest.mark.parametrize("given", [["192.0.2.7", "198.51.100.0/24"], "192.0.2.7,198.51.100.0/24"])
def test_sources(given: object) -> None:
    (call,) = doctor_calls([host("a")], given, tunnel="endpoint").calls
    assert call["options"]["source_cidr"] == ["192.0.2.7", "198.51.100.0/24"]
    assert call["options"]["tunnel"] == "endpoint"


@pytest.mark.parametrize(
    ("given", "cut_off", "says"),
    [
        ("192.0.2.7,", "", "ends in a comma"),
        (5, "", "is of type int"),
        ("192.0.2.7,office", "", "ssh_doctor_source_cidr has 'office', which is neither a network in CIDR notation"),
        ("192.0.2.7", "198.51.100.0/24", "Ansible cut off"),
    ],
)
def test_what_cannot_be_used(given: object, cut_off: str, says: str) -> None:
    found = doctor_calls([host("a")], given, cut_off=cut_off)
    assert found.calls == []
    assert says in " ".join(found.faults)
