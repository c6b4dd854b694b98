# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a key is pushed to: values are what the service's model allows, and no two doors are the same."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._push.target import (
    Target,
    check_availability_zone,
    check_instance_id,
    check_os_user,
    unique_targets,
)
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair, runs
from ansible_collections.sshkeys.aws.tests.unit.models import allows, near, shape
from hypothesis import given, strategies as st

ID = "i-0123456789abcdef0"


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
def test_instance_id(value: str) -> None:
    assert allowed_by_us(instance_id=value) == allows("InstanceId", value)


@given(near("InstanceOSUser"))
def test_os_user(value: str) -> None:
    assert allowed_by_us(os_user=value) == allows("InstanceOSUser", value)


@given(near("AvailabilityZone"))
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


def words(user: str) -> list[str]:
    return ["-o", f"User={user}", "-o", "IdentitiesOnly=yes", "-o", f"HostKeyAlias={ID}"]


def test_what_a_result_names_a_target_by() -> None:
    assert Target(ID, "root", "us-east-1a").result() == {
        "instance_id": ID,
        "os_user": "root",
        "ssh_options": words("root"),
    }
    console = Target(ID, serial_port=0).result()
    assert (console["instance_id"], console["serial_port"]) == (ID, 0)
    assert "os_user" not in console


# The ends of what the service accepts: a dollar sign at the end, and every other character in the middle.
@pytest.mark.parametrize(
    "user", ["ec2-user", "svc$", "user@corp", "user@corp.example.com", "a.b_c-d", "_x", "1_", "9-$"]
)
def test_ssh_takes_the_options_as_they_are_as_a_list_and_as_a_line(user: str) -> None:
    options = Target(ID, user).ssh_options()
    assert options == words(user)
    line = " ".join(options)
    assert shlex.split(line) == options
    in_shell = subprocess.run(["/bin/sh", "-c", f"printf '%s\\n' {line}"], capture_output=True, text=True, check=True)
    assert in_shell.stdout.splitlines() == options
    for command in (["ssh", "-F", "none", "-G", *options, "192.0.2.7"], f"ssh -F none -G {line} 192.0.2.7"):
        told = subprocess.run(command, shell=isinstance(command, str), capture_output=True, text=True, check=True)
        wanted = {f"user {user}", "identitiesonly yes", f"hostkeyalias {ID}", "hostname 192.0.2.7"}
        assert wanted <= set(told.stdout.splitlines())


@given(near("InstanceOSUser").filter(lambda user: allows("InstanceOSUser", user)))
def test_no_os_user_needs_quotes(user: str) -> None:
    """The joined options are split by ansible-core with shlex, and by shells."""
    options = Target(ID, user).ssh_options()
    assert shlex.split(" ".join(options)) == options
    # Characters that mean something to a shell inside a word, and a dollar sign where a name would follow.
    assert re.fullmatch(r"[A-Za-z0-9@._-]+\$?", user)


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


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (lambda: check_instance_id("web1"), "instance_id 'web1' is not the id of an EC2 instance"),
        (lambda: check_os_user("a b"), "os_user 'a b' is not an OS user"),
        (lambda: check_os_user("a b", " for web1"), "os_user 'a b' for web1 is not an OS user"),
        (lambda: check_availability_zone("here"), "availability_zone 'here' is not an Availability Zone"),
        (lambda: check_availability_zone("here", " for web1"), "availability_zone 'here' for web1 is not an"),
        (lambda: Target(ID, serial_port=1), f"serial_port is 1 for {ID}, and the only serial port is 0."),
        (lambda: Target(ID, "a b"), f"os_user 'a b' for {ID} is not an OS user"),
        (lambda: Target(ID, "root", "here"), f"availability_zone 'here' for {ID} is not an"),
    ],
)
def test_a_refusal_says_which_value_is_wrong_and_where(check: Callable[[], object], value: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        check()
    assert str(caught.value).startswith(value)


def test_the_doors_of_an_instance() -> None:
    assert [Target(ID, "root").door, Target(ID, serial_port=0).door] == ["user root", "serial console 0"]
    # The zone is how the service is called, and not what is opened.
    assert Target(ID, "root", "us-east-1a").door == Target(ID, "root").door
