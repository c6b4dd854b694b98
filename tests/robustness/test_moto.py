# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules against moto as it is, with which many people test their playbooks.

It has error codes and key ids that AWS does not have, no ListUsers, and takes every key that it is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from ansible_collections.sshkeys.aws.plugins.modules import (
    ec2_instance_connect_key,
    transfer_server_info,
    transfer_ssh_key,
    transfer_ssh_key_info,
    transfer_user,
    transfer_user_info,
)
from ansible_collections.sshkeys.aws.tests.robustness.conftest import Waiting
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, line_of
from moto.server import ThreadedMotoServer

ALICE, BOB = (line_of(ed25519_blob(bytes([number]) * 32), f"key {number}") for number in (1, 2))
ROLE = "arn:aws:iam::123456789012:role/transfer"


@pytest.fixture
def moto(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[RunningLab]:
    """Return an unmodified moto server with a Transfer server on it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    aws = {
        "endpoint_url": f"http://{host}:{port}",
        "region": "eu-west-3",
        "access_key": "AKIAIOSFODNN7EXAMPLE",
        "secret_key": "a secret of nobody",
    }
    made = client(aws).create_server(IdentityProviderType="SERVICE_MANAGED")
    yield RunningLab({**aws, "transfer": {"server_id": made["ServerId"]}})
    server.stop()


def client(aws: dict[str, Any]) -> Any:
    return boto3.client(
        "transfer",
        endpoint_url=aws["endpoint_url"],
        region_name=aws["region"],
        aws_access_key_id=aws["access_key"],
        aws_secret_access_key=aws["secret_key"],
    )


def make_user(moto: RunningLab, name: str, **more: str) -> None:
    client(dict(moto.lab)).create_user(ServerId=moto.server_id, UserName=name, Role=ROLE, **more)


def declare(moto: RunningLab, *, check_mode: bool = False, server_id: str = "", **options: Any) -> Any:
    where = {"server_id": server_id or moto.server_id}
    return moto.run(transfer_ssh_key, {**where, **options}, check_mode=check_mode)


def test_a_user_from_the_first_key_to_none(moto: RunningLab) -> None:
    make_user(moto, "partner")
    for check_mode in (True, False):
        added = declare(moto, user_name="partner", public_keys=[ALICE, BOB], exclusive=True, check_mode=check_mode)
        assert (added.failure, added.result["changed"]) == (None, True)
    again = declare(moto, user_name="partner", public_keys=[ALICE, BOB], exclusive=True)
    assert (again.failure, again.result["changed"]) == (None, False)
    none = declare(moto, user_name="partner", public_keys=[], allow_empty=True, exclusive=True)
    assert (none.failure, none.result["ssh_public_keys"]) == (None, [])


@pytest.mark.parametrize("with_user", [True, False])
def test_an_id_that_info_returned_can_be_given_back(moto: RunningLab, with_user: bool) -> None:
    """There is one form of ids for keys that come with a user, and another one for those that are imported."""
    if with_user:
        make_user(moto, "partner", SshPublicKeyBody=ALICE)
    else:
        make_user(moto, "partner")
        declare(moto, user_name="partner", public_keys=ALICE)
    read = moto.run(transfer_ssh_key_info, {"server_id": moto.server_id, "user_names": ["partner"]})
    (key,) = read.result["users"][0]["ssh_public_keys"]
    removed = declare(moto, user_name="partner", ssh_public_key_ids=[key["id"]], state="absent")
    assert (removed.failure, removed.result["ssh_public_keys"]) == (None, [])
    again = declare(moto, user_name="partner", ssh_public_key_ids=[key["id"]], state="absent")
    assert (again.failure, again.result["changed"]) == (None, False)


def test_a_missing_user_is_a_missing_user(moto: RunningLab, waiting: Waiting) -> None:
    foreseen = declare(moto, user_name="newcomer", public_keys=ALICE, check_mode=True)
    assert foreseen.failure is None
    assert "newcomer does not exist" in foreseen.warnings[0]
    failed = declare(moto, user_name="newcomer", public_keys=ALICE, wait_timeout=30)
    assert "The user newcomer does not exist" in failed.failure
    assert "wait_timeout" in failed.failure
    assert waiting.seconds > 29
    read = moto.run(transfer_ssh_key_info, {"server_id": moto.server_id, "user_names": ["newcomer"]})
    assert "The user newcomer does not exist" in str(read.failure)


def test_a_missing_server_is_not_a_missing_user(moto: RunningLab) -> None:
    failed = declare(moto, server_id="s-00000000000000000", user_name="partner", public_keys=ALICE, check_mode=True)
    assert "s-00000000000000000" in failed.failure
    assert "Check the server id" in failed.failure
    assert failed.failure.endswith("The region was eu-west-3, from the option region.")


def test_a_server_is_described_and_its_host_keys_are_unknown(moto: RunningLab, waiting: Waiting) -> None:
    assert waiting.seconds == 0
    told = moto.run(transfer_server_info, {"server_id": [moto.server_id]})
    (server,) = told.result["servers"]
    assert (server["endpoint"], server["host_keys"]) == (
        f"{moto.server_id}.server.transfer.eu-west-3.amazonaws.com",
        None,
    )
    assert f"{moto.server_id}: " in str(told.failure)
    assert "The host keys could not be read." in str(told.failure)
    missing = moto.run(transfer_server_info, {"server_id": ["s-00000000000000000"]})
    assert "The server s-00000000000000000 does not exist" in str(missing.failure)


def test_a_key_is_pushed(moto: RunningLab) -> None:
    report = moto.run(
        ec2_instance_connect_key, {"instance_id": "i-0123456789abcdef0", "os_user": "ec2-user", "public_key": ALICE}
    )
    assert (report.failure, report.result["changed"]) == (None, True)


# -- Whole users: moto has neither UpdateUser nor TagResource, UntagResource and ListUsers -----------------------------

USER: dict[str, Any] = {
    "user_name": "partner",
    "role_arn": ROLE,
    "home_directory_mappings": [{"entry": "/", "target": "/bucket/home"}],
    "policy": {"Version": "2012-10-17", "Statement": []},
    "tags": {"team": "finance"},
    "public_keys": [ALICE, BOB],
    "exclusive": True,
}


def make(moto: RunningLab, *, check_mode: bool = False, **options: Any) -> Any:
    return moto.run(transfer_user, {"server_id": moto.server_id, **options}, check_mode=check_mode)


def test_a_user_is_made_read_given_back_and_deleted(moto: RunningLab) -> None:
    foreseen, made, again = make(moto, **USER, check_mode=True), make(moto, **USER), make(moto, **USER)
    assert [(told.failure, told.result["changed"]) for told in (foreseen, made, again)] == [
        (None, True),
        (None, True),
        (None, False),
    ]
    read = moto.run(transfer_user_info, {"server_id": moto.server_id, "user_names": ["partner"]})
    assert read.failure is None
    (user,) = read.result["users"]
    assert {user[name] == USER[name] for name in ("role_arn", "policy", "tags")} == {True}
    assert sorted(user["public_keys"]) == sorted([ALICE, BOB])
    back = make(moto, users=read.result["users"])
    assert (back.failure, back.result["changed"]) == (None, False)
    keys = make(moto, user_name="partner", public_keys=[BOB], exclusive=True)
    assert (keys.failure, len(keys.result["deleted"])) == (None, 1)
    gone, still_gone = (make(moto, user_name="partner", state="absent") for _ in range(2))
    assert [(told.failure, told.result["changed"]) for told in (gone, still_gone)] == [(None, True), (None, False)]


def test_a_user_of_a_missing_server(moto: RunningLab) -> None:
    failed = make(moto, **{**USER, "server_id": "s-00000000000000000"})
    assert "Check the server id" in failed.failure


@pytest.mark.parametrize("option", [{"role_arn": f"{ROLE}-2"}, {"tags": {"team": "sales"}}, {"tags": {}}])
def test_what_moto_lacks_is_an_error_and_not_a_crash(
    moto: RunningLab, option: dict[str, Any], waiting: Waiting
) -> None:
    make(moto, **USER)
    failed = make(moto, user_name="partner", **option)
    assert failed.failure
    (name,) = option
    assert f"Not yet as declared: {name}" in failed.failure
    assert waiting.seconds < 120
    foreseen = make(moto, user_name="partner", **option, check_mode=True)
    assert (foreseen.failure, foreseen.result["updated"]) == (None, [name])
