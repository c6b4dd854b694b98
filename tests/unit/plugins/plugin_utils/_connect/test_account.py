# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients for all connections of a run: how long they are used, and what happens where there can be none."""

from __future__ import annotations

import time

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws import sdk
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import INSTANCE_CONNECT
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import SetUpError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import account
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.account import account_of


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the services that a client was made of, in a process that has made none."""
    services: list[str] = []

    def client(session: Session, service: str) -> object:
        services.append(service)
        if session.params.get("profile") == "unknown":
            raise SetUpError("There is no such profile.")
        return object()

    monkeypatch.setattr(Session, "client", client)
    monkeypatch.setattr(account, "_accounts", {})
    return services


def test_clients_are_made_once_and_again_when_credentials_may_have_ended(
    made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    first = account_of({"region": "us-east-1"})
    assert account_of({"region": "us-east-1"}).client(INSTANCE_CONNECT) is first.client(INSTANCE_CONNECT)
    assert account_of({"region": "eu-central-1"}) is not first
    assert made == [INSTANCE_CONNECT] * 2
    now[0] += 301
    assert account_of({"region": "us-east-1"}) is not first
    assert len(made) == 3


def test_what_cannot_be_made_is_not_tried_for_each_host(made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    for _time in range(3):
        with pytest.raises(SetUpError, match="no such profile"):
            account_of({"region": "us-east-1", "profile": "unknown"})
    assert len(made) == 1
    now[0] += 11
    with pytest.raises(SetUpError):
        account_of({"region": "us-east-1", "profile": "unknown"})
    assert len(made) == 2


def test_what_took_long_to_fail_is_not_tried_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a service for credentials that does not answer: each host would wait for it."""
    now, tried = [1000.0], []

    def wait_in_vain(_session: Session, service: str) -> object:
        tried.append(service)
        now[0] += 60
        raise SetUpError("Nobody answers.")

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(Session, "client", wait_in_vain)
    monkeypatch.setattr(account, "_accounts", {})
    for _time in range(3):
        with pytest.raises(SetUpError, match="Nobody answers"):
            account_of({"region": "us-east-1"})
    assert len(tried) == 1


def test_a_secret_is_read_from_the_environment(made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    account = account_of({"region": "us-east-1", "secret_key": {"env": "AWS_SECRET_ACCESS_KEY"}})
    assert account.session.params["secret_key"] == "secret"
    assert made


def test_a_role_has_credentials_of_its_own_and_the_certificates_of_the_profile(
    made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session of the role has no profile, and a user trusts what the profile names."""
    assumed: list[tuple[object, str]] = []

    def assume_role(session: Session, role: str) -> Session:
        assumed.append((session.params.get("profile"), role))
        return Session({**session.params, "profile": None, "access_key": "of the role"})

    monkeypatch.setattr(Session, "assume_role", assume_role)
    monkeypatch.setattr(Session, "ca_bundle", property(lambda session: f"of {session.params.get('profile')}"))
    account = account_of({"region": "us-east-1", "profile": "fleet", "assume_role_arn": "arn:role"})
    assert assumed == [("fleet", "arn:role")]
    assert account.session.params["access_key"] == "of the role"
    assert account.ca_bundle == "of fleet"


def test_a_code_that_nobody_can_type_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK reads it from a terminal, and there is none."""

    def ask_for_a_code(_session: Session, _service: str) -> object:
        raise EOFError

    monkeypatch.setattr(Session, "client", ask_for_a_code)
    monkeypatch.setattr(account, "_accounts", {})
    with pytest.raises(SetUpError, match=r"needs an MFA code, which cannot be typed here\."):
        account_of({"region": "us-east-1", "profile": "with-mfa"})


def test_without_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk, "HAS_SDK", False)
    monkeypatch.setattr(account, "_accounts", {})
    with pytest.raises(SetUpError, match=r"python.* lacks the Python packages boto3 and botocore"):
        account_of({"region": "us-east-1"})
