# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of opening a connection: which way, with which key, and how ssh is asked for its configuration."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws import ec2
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import endpoint_tunnel, opening, openssh
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings

INSTANCE_ID = "i-0123456789abcdef0"


@pytest.mark.parametrize(("seconds", "pushes"), [(1, 1), (29, 1), (31, 2), (90, 2)])
def test_a_key_that_had_to_wait_is_pushed_again(
    seconds: int, pushes: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An endpoint may have no room, and an instance may have to boot, for longer than a key lives."""
    now, pushed = [1000.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(opening, "account_of", lambda _aws: SimpleNamespace(client=lambda _service: None))
    configuration = {"user": "ec2-user", "port": "22", "hostname": "web1"}
    monkeypatch.setattr(openssh, "configuration", lambda _command: configuration)
    monkeypatch.setattr(opening._Opening, "_push", lambda _self, user: pushed.append(user))

    def reach_slowly(_find: object, _open_to: object) -> socket.socket:
        now[0] += seconds
        return socket.socket()

    monkeypatch.setattr(opening, "reach", reach_slowly)
    nothing = dict.fromkeys(Settings.__annotations__)
    settings = cast("Settings", {**nothing, "instance_id": INSTANCE_ID, "timeout": 100, "host_keys": "ssh"})
    ssh, theirs = socket.socketpair()
    with ssh, theirs:
        status, _carry = opening.main(settings, str(tmp_path / "settings.json"), theirs)
        received, descriptors, _flags, _address = socket.recv_fds(ssh, 10, 1)
    os.close(descriptors[0])
    assert (status, received, pushed) == (0, b"\0", ["ec2-user"] * pushes)


def an_opening(folder: Path, monkeypatch: pytest.MonkeyPatch, **told: object) -> opening._Opening:
    """Return the opening of a connection in a run with this folder."""
    region = SimpleNamespace(region=SimpleNamespace(name="us-east-1"))
    account = SimpleNamespace(client=lambda _service: None, session=region)
    monkeypatch.setattr(opening, "account_of", lambda _aws: account)
    settings = {**dict.fromkeys(Settings.__annotations__), "instance_id": INSTANCE_ID, "folder": str(folder), **told}
    return opening._Opening(cast("Settings", settings), lambda _step, _sentence: None)


def test_hosts_that_come_at_once_ask_ec2_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    together, asked = threading.Barrier(2), []

    def ask() -> list[str]:
        asked.append(1)
        # Nobody comes, since the other one waits for the answer.
        with contextlib.suppress(threading.BrokenBarrierError):
            together.wait(0.3)
        return ["answer"]

    with ThreadPoolExecutor(2) as pool:
        openings = [an_opening(tmp_path, monkeypatch) for _number in range(2)]
        answers = list(pool.map(lambda one: one._once(("instance", INSTANCE_ID), ask), openings))
    assert answers == [["answer"]] * 2
    assert asked == [1]


@pytest.mark.parametrize(("remembers_none", "finds"), [(False, True), (True, False)])
def test_an_endpoint_that_is_created_in_the_course_of_the_run_is_found_where_there_is_no_other_way(
    remembers_none: bool, finds: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that has an address too is not kept waiting for the question each time."""
    answers: list[list[str]] = [[], ["eice-1", "eice-1.example.com"]]

    def endpoint(*_about: object, **_more: object) -> list[str]:
        found = answers.pop(0)
        if not found:
            raise ec2.NoEndpointError("There is none.")
        return found

    monkeypatch.setattr(ec2, "endpoint", endpoint)
    made = an_opening(tmp_path, monkeypatch, vpc_id="vpc-1")
    with pytest.raises(ec2.NoEndpointError):
        made._endpoint(False, remembers_none=remembers_none)
    if finds:
        assert made._endpoint(False, remembers_none=remembers_none) == ec2.Endpoint("eice-1", "eice-1.example.com")
    else:
        with pytest.raises(ec2.NoEndpointError):
            made._endpoint(False, remembers_none=remembers_none)


@pytest.mark.parametrize("place", ["the user's", "the system's", "none"])
def test_host_keys_that_ssh_knows_are_not_asked_for(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = f"{INSTANCE_ID} ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJEUvhKlSr3hlrULeHPBhV6WpNQeRpxqgSkrsrVdjMyx\n"
    files = {each: tmp_path / each.replace(" ", "_").replace("'", "") for each in ("the user's", "the system's")}
    for each, file in files.items():
        file.write_text(line if each == place else "")
    asked: list[str] = []

    def console_output(_client: object, instance_id: str) -> tuple[str, None]:
        asked.append(instance_id)
        return f"-----BEGIN SSH HOST KEY KEYS-----\n{line.partition(' ')[2]}-----END SSH HOST KEY KEYS-----", None

    monkeypatch.setattr(ec2, "console_output", console_output)
    known_hosts = tmp_path / "state" / "known_hosts" / INSTANCE_ID
    made = an_opening(
        tmp_path,
        monkeypatch,
        timeout=10,
        known_hosts=str(known_hosts),
        global_known_hosts=[str(files["the system's"])],
    )
    made._know_host_keys({"userknownhostsfile": str(files["the user's"])})
    assert asked == ([INSTANCE_ID] if place == "none" else [])
    assert known_hosts.exists() is (place == "none")


def test_what_ec2_says_anew_takes_the_place_of_what_it_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance that was stopped and started has another address, and later connections need it too."""
    made, about = an_opening(tmp_path, monkeypatch), ("instance", INSTANCE_ID)
    assert made._once(about, lambda: ["192.0.2.1"]) == ["192.0.2.1"]
    assert made._once(about, lambda: ["192.0.2.2"], anew=True) == ["192.0.2.2"]
    assert made._once(about, lambda: ["nobody asks"]) == ["192.0.2.2"]


def test_an_answer_is_that_of_its_region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host with a wrong region must not spoil what is known of another one."""
    made, about = an_opening(tmp_path, monkeypatch), ("endpoint", "vpc-1")
    assert made._once(about, lambda: ["one"]) == ["one"]
    made._account.session.region.name = "eu-west-1"  # type: ignore[misc]  # it is none of a Session
    assert made._once(about, lambda: ["another"]) == ["another"]


def test_a_host_with_fips_gets_the_name_with_fips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile may ask for it, and hosts of a run may have different profiles."""

    def endpoint(*_about: object, use_fips: bool) -> list[str]:
        return ["eice-1", "fips.example.com" if use_fips else "example.com"]

    monkeypatch.setattr(ec2, "endpoint", endpoint)
    made = an_opening(tmp_path, monkeypatch, vpc_id="vpc-1")
    names = [made._endpoint(use_fips, remembers_none=False).dns_name for use_fips in (False, True)]
    assert names == ["example.com", "fips.example.com"]


def test_a_tunnel_trusts_what_the_account_trusts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trusted: list[str | None] = []

    def tunnel(_sign: object, ca_bundle: str | None, _deadline: float) -> None:
        trusted.append(ca_bundle)

    monkeypatch.setattr(endpoint_tunnel, "Tunnel", tunnel)
    made = an_opening(tmp_path, monkeypatch, private_ip_address="10.0.0.7", max_tunnel_duration=3600, timeout=1)
    made._account.ca_bundle = "/etc/company.pem"  # type: ignore[misc]  # it is none of an Account
    made._tunnel_through(ec2.Endpoint("eice-1", "example.com"), None, 22)
    assert trusted == ["/etc/company.pem"]
