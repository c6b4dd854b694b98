# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host of a user who logs in by hand, of an inventory and as arguments."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.host_options import HostOptions, RefusedError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.user_host import UserHost, of_inventory
from hypothesis import given, strategies as st

ID, NODE = "i-0123456789abcdef0", "mi-0123456789abcdef0"
HOST = UserHost(ID, "/run/sshkeys.aws", "/home/a/.ssh/sshkeys.aws.config", f"/known_hosts/{ID}")
LINE = "ssh-ed25519 AAAA a@b"
# Options that have a default.
DEFAULTS = {"tunnel": "auto", "host_keys": "console", "timeout": 10, "max_tunnel_duration": 3600}


def found(name: str = "web-1", environment: dict[str, list[str]] | None = None, **told: Any) -> UserHost:
    """Return a host as an inventory describes it."""
    options = {"instance_id": ID, **DEFAULTS, **told}
    return of_inventory(
        HostOptions(options.get, lambda option: (environment or {}).get(option, [])),
        name,
        known_hosts_folder="/known_hosts",
        folder="/run/sshkeys.aws",
        written_to="/home/a/.ssh/sshkeys.aws.config",
    )


# -- As arguments -----------------------------------------------------------------------------------------------------


def of_words(words: list[str]) -> UserHost:
    """As user_proxy_command.py does."""
    return UserHost(**dict(word.split("=", 1) for word in words))


@given(st.builds(UserHost, **dict.fromkeys(UserHost._fields, st.text())))
def test_the_words_of_a_host_are_that_host(host: UserHost) -> None:
    assert of_words(host.words()) == host


def test_defaults_need_no_words() -> None:
    assert [word.partition("=")[0] for word in HOST.words()] == ["instance_id", "folder", "written_to", "known_hosts"]
    assert of_words(HOST._replace(tunnel="").words()).tunnel == ""


# -- Its key ----------------------------------------------------------------------------------------------------------


def test_the_key_is_that_of_the_folder_unless_the_user_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/a")
    assert HOST.identity_file == "/run/sshkeys.aws/id_ed25519"
    own = HOST._replace(private_key_file="~/key", public_key=LINE)
    assert own.identity_file == "/home/a/key"
    digest = hashlib.sha256(f"{LINE}\n".encode()).hexdigest()[:16]
    assert HOST._replace(public_key=f" {LINE}\n").identity_file == f"/run/sshkeys.aws/{digest}.pub"


@pytest.mark.parametrize(
    ("changes", "file", "is_of_the_run"),
    [
        ({}, "/run/sshkeys.aws/id_ed25519.pub", True),
        ({"private_key_file": "/key"}, "/key.pub", False),
        # The public half of one in the agent.
        ({"private_key_file": "/key.pub"}, "/key.pub", False),
        ({"public_key": LINE}, HOST._replace(public_key=LINE).identity_file, False),
    ],
)
def test_the_public_key_that_is_pushed(changes: dict[str, str], file: str, is_of_the_run: bool) -> None:
    settings = HOST._replace(**changes).settings("a", "22", [])
    assert (settings["public_key_file"], settings["is_key_of_the_run"]) == (file, is_of_the_run)


# -- Its settings -----------------------------------------------------------------------------------------------------


def test_the_settings_are_complete() -> None:
    settings = HOST.settings("a", "2222", ["/c"])
    assert settings.keys() == Settings.__annotations__.keys()
    assert settings["configuration"] == {
        "user": "a",
        "port": "2222",
        "hostname": ID,
        "userknownhostsfile": "~/.ssh/known_hosts ~/.ssh/known_hosts2",
    }
    assert (settings["connection"], settings["collection_paths"]) == (f"{ID} a 2222", ["/c"])
    assert (settings["timeout"], settings["max_tunnel_duration"], settings["controller"]) == (10, 3600, None)
    unknown = ("availability_zone", "private_ip_address", "public_ip_address", "vpc_id", "subnet_id", "host")
    assert [settings[name] for name in unknown] == [None] * 6  # type: ignore[literal-required]  # names of settings
    assert (settings["aws"], settings["region_source"]) == ({}, None)


def test_the_settings_say_where_the_region_comes_from() -> None:
    settings = HOST._replace(region="us-east-1", profile="p", endpoint_url="http://x").settings("a", "22", [])
    assert settings["aws"] == {"region": "us-east-1", "profile": "p", "endpoint_url": "http://x"}
    assert settings["region_source"] == HOST.written_to


# -- Of an inventory --------------------------------------------------------------------------------------------------


def test_what_an_inventory_does_not_say_stays_unknown() -> None:
    assert found() == HOST


def test_what_an_inventory_says_is_taken_over() -> None:
    assert found(
        region="us-east-1",
        profile="p",
        assume_role_arn="arn",
        endpoint_url="http://x",
        placement={"availability_zone": "us-east-1a", "region": "us-west-2"},
        private_ip_address="10.0.0.7",
        vpc_id="vpc-1",
        subnet_id="subnet-1",
        address="web.example.com",
        tunnel="endpoint",
        host_keys="ssh",
        timeout=20,
        max_tunnel_duration=60,
        instance_connect_endpoint_id="eice-1",
        instance_connect_endpoint_dns_name="x.example.com",
        public_key=LINE,
    ) == HOST._replace(
        region="us-east-1",
        profile="p",
        assume_role_arn="arn",
        endpoint_url="http://x",
        availability_zone="us-east-1a",
        private_ip_address="10.0.0.7",
        vpc_id="vpc-1",
        subnet_id="subnet-1",
        address="web.example.com",
        tunnel="endpoint",
        host_keys="ssh",
        timeout="20",
        max_tunnel_duration="60",
        instance_connect_endpoint_id="eice-1",
        instance_connect_endpoint_dns_name="x.example.com",
        public_key=LINE,
    )


@pytest.mark.parametrize(
    ("public", "private", "expected"),
    [("203.0.113.1", "10.0.0.7", ""), ("", "10.0.0.7", "10.0.0.7"), (None, "10.0.0.7", "10.0.0.7"), ("", None, "")],
)
def test_a_public_address_may_change_so_both_are_asked(public: str | None, private: str | None, expected: str) -> None:
    assert found(public_ip_address=public, private_ip_address=private).private_ip_address == expected


def test_a_profile_of_the_environment_is_that_of_each_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_PROFILE", "p")
    assert found(environment={"profile": ["A_PROFILE"]}, profile="p").profile == ""
    assert found(environment={"profile": ["A_PROFILE"]}, profile="q").profile == "q"


def test_a_secret_of_the_inventory_is_refused_and_one_of_the_environment_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("A_KEY", "AKIA")
    environment = {"access_key": ["A_KEY"]}
    assert found(environment=environment, access_key="AKIA") == HOST
    with pytest.raises(
        RefusedError, match=r"^Its credentials are in ansible_ec2_instance_connect_secret_key, and"
    ) as e:
        found(environment=environment, access_key="AKIA", secret_key="hush")
    assert "hush" not in str(e.value)


def test_a_relative_key_is_where_the_play_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ssh starts in any folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/a")
    assert found(private_key_file="keys/a").private_key_file == f"{tmp_path}/keys/a"
    assert found(private_key_file="~/keys/a").private_key_file == "/home/a/keys/a"


@pytest.mark.parametrize("public_key", [f"{LINE}\n", f" {LINE} \n\n", LINE])
def test_a_public_key_of_a_file_has_a_line_break_that_does_not_count(public_key: str) -> None:
    assert found(public_key=public_key).public_key == LINE


@pytest.mark.parametrize(
    ("told", "variable"),
    [
        ({"profile": "a\nHost *"}, "ansible_ec2_instance_connect_profile"),
        ({"endpoint_url": "http://a\r"}, "ansible_ec2_instance_connect_endpoint_url"),
        ({"placement": {"availability_zone": "a\tb"}}, "placement"),
        ({"private_key_file": "/a\nb"}, "ansible_private_key_file"),
        ({"public_key": f"{LINE}\n{LINE}"}, "ansible_ec2_instance_connect_public_key"),
        ({"vpc_id": "vpc\x00"}, "ansible_ec2_instance_connect_vpc_id"),
        ({"private_key_file": "/\udcff"}, "ansible_private_key_file"),
    ],
)
def test_no_option_begins_another_line_of_the_file(told: dict[str, Any], variable: str) -> None:
    with pytest.raises(RefusedError, match=f"^{variable} is .*, which has a control character"):
        found(**told)


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"instance_id": "web"}, "is not valid"),
        ({"instance_id": None}, "is unknown"),
        ({"remote_user": "a\nb"}, "ansible_user is"),
        ({"instance_id": NODE}, "Set ansible_private_key_file"),
        (
            {"instance_id": NODE, "private_key_file": "/k", "tunnel": "endpoint"},
            "no EC2 Instance Connect Endpoint",
        ),
    ],
)
def test_what_cannot_be_reached_is_refused(told: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RefusedError, match=sentence):
        found(**told)


def test_a_managed_node_with_a_key_is_a_host() -> None:
    assert found(instance_id=NODE, private_key_file="/k").instance_id == NODE
