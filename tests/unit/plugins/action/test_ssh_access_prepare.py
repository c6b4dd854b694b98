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
from ansible_collections.sshkeys.aws.plugins.action.ssh_access_prepare import INSTANCE_ARGUMENTS, _host
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ArgumentError
from ansible_collections.sshkeys.aws.plugins.module_utils._push.hosts import Host
from ansible_collections.sshkeys.aws.tests.unit.keys import key_pair

ID = "i-0123456789abcdef0"


@pytest.fixture(autouse=True)
def _local_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
