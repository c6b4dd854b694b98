# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first task of the role: what is asked for."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible import constants
from ansible_collections.sshkeys.aws.plugins.action.ssh_access_prepare import (
    INSTANCE_ARGUMENTS,
    ActionModule,
    _host,
)
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._push.hosts import Host
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair, line_of, security_key_blobs
from ansible_collections.sshkeys.aws.tests.unit.tasks import action_of

ID = "i-0123456789abcdef0"


@pytest.fixture(autouse=True)
def _local_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "local").mkdir()
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path / "local"))


def host(**given: Any) -> Host:
    defaults = {option: about.get("default") for option, about in INSTANCE_ARGUMENTS.items()}
    needed = {"instance_id": ID, "os_user": "ec2-user", "min_validity": 15, "concurrency": 16}
    return _host("web1", {**defaults, **needed, **given})


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """Return the path of the user's private key."""
    path = tmp_path / 'it\'s a "key",%h'
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


def test_a_pair_of_the_run(tmp_path: Path) -> None:
    found = host()
    assert found.private_key_file == str(tmp_path / "local/ssh_access/id_ed25519")
    assert found.call.is_pair_of_the_run
    assert found.call.public_key == Path(f"{found.private_key_file}.pub").read_text()
    assert host().call == found.call


def test_a_key_of_the_user(pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = host(private_key_file=str(pair))
    assert not found.call.is_pair_of_the_run
    assert (found.private_key_file, found.call.public_key) == (str(pair), Path(f"{pair}.pub").read_text())
    monkeypatch.setenv("HOME", str(pair.parent))
    assert host(private_key_file=f"~/{pair.name}").call == found.call


def test_a_key_of_the_agent() -> None:
    public = key_pair("ed25519").line
    found = host(public_key=public)
    assert found.call.public_key == public
    assert Path(found.private_key_file).read_text() == f"{public}\n"


def test_nothing_of_a_private_key_in_the_place_of_a_public_one_comes_out(pair: Path) -> None:
    private = pair.read_text()
    Path(f"{pair}.pub").write_text(private)
    for given in ({"private_key_file": str(pair)}, {"public_key": private}):
        with pytest.raises(ArgumentError, match="is a private key, so it is not shown here") as raised:
            host(**given)
        assert not [line for line in private.splitlines() if line in str(raised.value)]


@pytest.mark.parametrize(
    ("given", "region", "source"),
    [
        ({}, None, ""),
        ({"region_of_placement": "us-east-1"}, "us-east-1", "the variable placement"),
        ({"region": "eu-central-1", "region_of_placement": "us-east-1"}, "eu-central-1", "ssh_access_region"),
    ],
)
def test_region_and_its_source(given: dict[str, str], region: str | None, source: str) -> None:
    call = host(**given).call
    assert (call.aws.get("region"), call.region_source) == (region, source)


def test_limits_and_check_mode_are_those_of_the_host() -> None:
    call = host(min_validity=40, concurrency=3, pretends=True).call
    assert (call.min_validity, call.concurrency, call.pretends) == (40, 3, True)


def test_a_variable_without_a_value_is_not_set() -> None:
    found = host(availability_zone=None, profile=None, public_key=None)
    assert found.target.availability_zone is None
    assert found.call.aws == {}


# -- The whole task ---------------------------------------------------------------------------------------------------

INSTANCE = {"instance_id": ID, "os_user": "ec2-user", "min_validity": 15, "concurrency": 16}
SERVER_ID = "s-01234567890abcdef"


def prepare(**arguments: Any) -> Any:
    return action_of(ActionModule, "ssh_access_prepare", arguments).run(None, {"inventory_hostname": "web1"})


def test_what_the_variables_of_a_host_say_is_asked_for() -> None:
    given = {
        "availability_zone": "eu-central-1a",
        "public_key": key_pair("ed25519").line,
        "region": "eu-central-1",
        "profile": "fleet",
        "assume_role_arn": "arn:aws:iam::123456789012:role/keys",
        "endpoint_url": "https://vpce.example",
        "min_validity": 44,
        "concurrency": 7,
        "pretends": True,
    }
    told = prepare(instance={**INSTANCE, **given})
    assert set(told) == {"changed", "host"}
    assert told["changed"] is False
    asked = told["host"]
    assert asked["name"] == "web1"
    assert asked["target"] == {"instance_id": ID, "os_user": "ec2-user", "availability_zone": "eu-central-1a"}
    assert asked["call"] == {
        "public_key": given["public_key"],
        "aws": {name: given[name] for name in ("region", "profile", "assume_role_arn", "endpoint_url")},
        "region_source": "ssh_access_region",
        "min_validity": 44,
        "concurrency": 7,
        "is_pair_of_the_run": False,
        "pretends": True,
    }


def test_a_host_asks_for_nothing_that_it_does_not_say() -> None:
    call = prepare(instance=INSTANCE)["host"]["call"]
    told = {name: call[name] for name in ("aws", "region_source", "is_pair_of_the_run", "pretends")}
    assert told == {"aws": {}, "region_source": "", "is_pair_of_the_run": True, "pretends": False}


def test_a_fault_of_a_host_names_it() -> None:
    told = prepare(instance={**INSTANCE, "instance_id": "web1"})
    assert told["failed"] is True
    assert told["msg"].startswith("web1 cannot be opened. ssh_access_instance_id 'web1' is not the id of an EC2")


def test_where_there_is_nothing_to_do_that_is_a_failure() -> None:
    told = prepare()
    assert told["failed"] is True
    assert told["msg"].startswith("There is nothing to do for web1: ")


def test_a_private_key_in_an_option_is_refused_and_not_shown(pair: Path) -> None:
    private = pair.read_text()
    told = prepare(instance={**INSTANCE, "os_user": private})
    assert set(told) == {"failed", "msg"}
    assert told["msg"].startswith("instance.os_user: It is a private key.")


@pytest.mark.parametrize("field", ["public_key", "public_keys"])
def test_a_private_key_in_the_place_of_a_public_one_is_told_with_its_place(pair: Path, field: str) -> None:
    """Which host, server and user it is of is known only here."""
    private = pair.read_text()
    if field == "public_key":
        told = prepare(instance={**INSTANCE, "public_key": private})["msg"]
        assert told.startswith("web1 cannot be opened. ssh_access_public_key is a private key")
    else:
        users = [{"user_name": "anna", "public_keys": [private]}]
        (told,) = prepare(servers=[{"server_id": SERVER_ID, "users": users}])["declared"]["faults"]
        assert told.startswith(f"User 'anna' of {SERVER_ID}: public_keys[0]: It is a private key")
    assert not [line for line in private.splitlines() if line in told]


@pytest.mark.parametrize(("choice", "faults"), [({}, 1), ({"unsupported_keys": "skip"}, 0)])
def test_keys_of_other_types_are_skipped_only_by_choice(choice: dict[str, str], faults: int) -> None:
    token = line_of(security_key_blobs()["sk-ssh-ed25519@openssh.com"], "token")
    users = [{"user_name": "anna", "public_keys": [token, key_pair("ed25519").line]}]
    told = prepare(servers=[{"server_id": SERVER_ID, "users": users}], **choice)
    assert set(told) == {"changed", "declared"}
    assert len(told["declared"]["faults"]) == faults


@pytest.mark.parametrize(("choice", "faults"), [({}, 1), ({"looks_for_old_keys": True}, 0)])
def test_a_server_without_users_is_only_looked_at(choice: dict[str, bool], faults: int) -> None:
    told = prepare(servers=[{"server_id": SERVER_ID, "users": []}], **choice)
    assert len(told["declared"]["faults"]) == faults
