# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the options of the connection say of a host."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.host_options import (
    HostOptions,
    RefusedError,
    for_ssh,
)
from hypothesis import given, strategies as st

ID, NODE = "i-0123456789abcdef0", "mi-0123456789abcdef0"
VARIABLES = {"access_key": ["A_KEY", "B_KEY"], "profile": ["A_PROFILE"], "region": ["A_REGION", "B_REGION"]}


def options(**told: Any) -> HostOptions:
    """Return the options of a host. Some of them may come from the environment."""
    defaults = {"max_tunnel_duration": 3600}
    return HostOptions({**defaults, **told}.get, lambda option: VARIABLES.get(option, []))


# -- What ssh is told -------------------------------------------------------------------------------------------------


def told(tunnel: str = "auto", host_keys: str = "ssh", identity_file: str | None = "/key") -> dict[str, str]:
    return for_ssh(ID, tunnel=tunnel, host_keys=host_keys, known_hosts="/known", identity_file=identity_file)


@pytest.mark.parametrize(("tunnel", "is_kept_alive"), [("auto", True), ("session_manager", True), ("never", False)])
def test_a_tunnel_is_kept_alive(tunnel: str, is_kept_alive: bool) -> None:
    # Session Manager can be told to end what is idle for a minute.
    assert (0 < int(told(tunnel).get("ServerAliveInterval", 0)) < 60) is is_kept_alive


@pytest.mark.parametrize(
    ("host_keys", "more"),
    [
        ("ssh", {}),
        ("accept-new", {"StrictHostKeyChecking": "accept-new"}),
        (
            "console",
            {
                "StrictHostKeyChecking": "yes",
                "UpdateHostKeys": "no",
                "GlobalKnownHostsFile": "/known /etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2",
            },
        ),
    ],
)
def test_host_keys_are_trusted_as_the_option_says(host_keys: str, more: dict[str, str]) -> None:
    kept = {name: value for name, value in told("never", host_keys).items() if "ost" in name}
    assert kept == {"HostKeyAlias": ID, **more}


def test_the_key_stays_out_of_an_agent() -> None:
    with_key, without = told(), told(identity_file=None)
    assert with_key == {**without, "IdentityFile": "/key", "AddKeysToAgent": "no"}
    assert without["IdentitiesOnly"] == "yes"


# -- The host ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_options", "name"),
    [
        ({"delegate_to": "a", "inventory_name": "b"}, "a"),
        ({"inventory_name": "b"}, "b"),
        ({"delegate_to": "", "inventory_name": None}, "host"),
    ],
)
def test_a_delegated_task_is_for_another_host(given_options: dict[str, str], name: str) -> None:
    assert options(**given_options).name("host") == name


@pytest.mark.parametrize(
    ("given_options", "name", "instance_id"),
    [
        ({"instance_id": ID}, "web-1", ID),
        ({"instance_id": NODE}, "web-1", NODE),
        ({"address": ID}, "web-1", ID),
        ({}, ID, ID),
        ({"instance_id": ID, "address": "i-00000001"}, "i-00000002", ID),
        ({"address": "10.0.0.1"}, ID, ID),
        ({}, "i-01234567", "i-01234567"),
    ],
)
def test_an_instance_id_is_where_it_was_written(given_options: dict[str, str], name: str, instance_id: str) -> None:
    assert options(**given_options).instance_id(name) == instance_id


@pytest.mark.parametrize(
    "given_id",
    ["web", "i-0123456", "i-0123456789ABCDEF0", f"i-{'0' * 31}", "mi-01234567", "x-01234567", "i-01234567\n"],
)
def test_a_wrong_instance_id_counts_although_another_one_could_be_found(given_id: str) -> None:
    with pytest.raises(RefusedError, match="The instance id of i-01234567, "):
        options(instance_id=given_id).instance_id("i-01234567")


@pytest.mark.parametrize(("name", "sentence"), [("web-1", "is unknown"), ("localhost", "not an EC2 instance")])
def test_an_unknown_instance_id_is_a_sentence(name: str, sentence: str) -> None:
    with pytest.raises(RefusedError, match=sentence):
        options().instance_id(name)


@pytest.mark.parametrize(
    ("address", "expected"), [("10.0.0.1", "10.0.0.1"), (ID, None), ("web-1", None), ("", None), (None, None)]
)
def test_an_address_is_what_the_user_has_set(address: str | None, expected: str | None) -> None:
    assert options(address=address).address("web-1", ID) == expected


@pytest.mark.parametrize("value", ["a\nb", " a", "a ", "-a", "\x7f", "x" * 254, "a\u2028b"])
def test_an_impossible_name_is_refused(value: str) -> None:
    with pytest.raises(RefusedError, match=r"^ansible_user is "):
        options(remote_user=value).check("web-1")
    with pytest.raises(RefusedError, match=r"^ansible_host is "):
        options(address=value).check("web-1")


def test_possible_names_are_not_refused() -> None:
    options(remote_user="a b", address="10.0.0.1").check("web-1")
    options(remote_user="", address=None).check("web-1")
    # The name of the host is that of the inventory, whatever it is.
    options(address="Web 1 ").check("Web 1 ")
    with pytest.raises(RefusedError):
        options(address="").check("web-1")


@pytest.mark.parametrize("seconds", [0, -1, 3601])
def test_a_duration_that_aws_does_not_allow_is_refused(seconds: int) -> None:
    with pytest.raises(RefusedError, match=rf"max_tunnel_duration is {seconds}, and AWS allows 1 to 3600 seconds"):
        options(max_tunnel_duration=seconds).check("web-1")
    options(max_tunnel_duration=1).check("web-1")


@pytest.mark.parametrize(
    ("placement", "zone"), [({"availability_zone": "us-east-1a"}, "us-east-1a"), ({}, None), (None, None)]
)
def test_the_availability_zone_is_that_of_the_placement(placement: dict[str, str] | None, zone: str | None) -> None:
    assert options(placement=placement).availability_zone() == zone


# -- The options for the SDK ------------------------------------------------------------------------------------------


def test_a_secret_of_the_environment_is_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("B_KEY", "AKIA")
    assert options(access_key="AKIA", secret_key="s", profile="", endpoint_url=None).aws() == {
        "access_key": {"env": "B_KEY"},
        "secret_key": "s",
    }


def test_a_profile_of_the_inventory_counts_and_no_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("B_KEY", "AKIA")
    assert options(access_key="AKIA", profile="prod").aws() == {"profile": "prod"}
    # Of two in the environment, the SDK decides. Of two in the inventory, amazon.aws says that it takes only one.
    monkeypatch.setenv("A_PROFILE", "prod")
    assert options(access_key="AKIA", profile="prod").aws() == {"profile": "prod", "access_key": {"env": "B_KEY"}}
    assert options(access_key="mine", profile="dev").aws() == {"profile": "dev", "access_key": "mine"}


def test_a_secret_of_the_inventory_is_no_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "another")
    assert options(access_key="AKIA").aws() == {"access_key": "AKIA"}
    assert options(access_key="AKIA").variable("access_key") is None
    assert options().variable("access_key") is None


@pytest.mark.parametrize(
    ("region", "in_environment", "placement", "found"),
    [
        ("us-east-1", None, "us-west-2", ("us-east-1", "the variable ansible_ec2_instance_connect_region")),
        ("us-east-1", "us-east-1", "us-west-2", ("us-west-2", "the variable placement")),
        (None, None, "us-west-2", ("us-west-2", "the variable placement")),
        ("us-east-1", "us-east-1", None, ("us-east-1", "A_REGION in the environment")),
        (None, None, None, (None, None)),
    ],
)
def test_the_region_and_its_source(
    region: str | None,
    in_environment: str | None,
    placement: str | None,
    found: tuple[str | None, str | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if in_environment:
        monkeypatch.setenv("A_REGION", in_environment)
    of_placement = {"region": placement} if placement else None
    assert options(region=region, placement=of_placement).region() == found


@given(st.text())
def test_whatever_a_name_is_it_is_an_instance_id_or_unknown(name: str) -> None:
    try:
        found = options().instance_id(name)
    except RefusedError:
        found = ""
    assert found in (name, "")
