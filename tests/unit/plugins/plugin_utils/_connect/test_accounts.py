# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The accounts of a run: made once for all connections, how long they are used, and what happens without one."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws import sdk
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.sdk import EC2, INSTANCE_CONNECT
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import SetUpError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import accounts as module
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.accounts import Account, Accounts, name_of

OPTIONS = {"region": "us-east-1"}
UNUSABLE = {"region": "us-east-1", "profile": "unknown"}
# Only a test that fails waits for so long.
PATIENCE_SECONDS = 10


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the services that a client was made of."""
    services: list[str] = []

    def client(session: Session, service: str) -> object:
        services.append(service)
        if session.params.get("profile") == "unknown":
            raise SetUpError("There is no such profile.")
        return object()

    monkeypatch.setattr(Session, "client", client)
    return services


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the time that the accounts see."""
    now = [1000.0]
    # It goes on while the machine sleeps, as credentials do.
    monkeypatch.setattr(module, "seconds_since_boot", lambda: now[0])
    return now


def test_clients_are_made_once_and_again_when_credentials_may_have_ended(made: list[str], clock: list[float]) -> None:
    async def connect() -> None:
        accounts = Accounts(None)
        first = await accounts.of(OPTIONS)
        clock[0] += 299
        assert await accounts.of(dict(OPTIONS)) is first
        assert made == [INSTANCE_CONNECT]
        clock[0] += 2
        assert await accounts.of(OPTIONS) is not first
        assert made == [INSTANCE_CONNECT] * 2

    asyncio.run(connect())


def test_other_options_lead_to_another_account(made: list[str]) -> None:
    async def connect() -> None:
        accounts = Accounts(None)
        first, other = [await accounts.of({"region": region}) for region in ("us-east-1", "eu-central-1")]
        assert first is not other
        assert (first.session.params["region"], other.session.params["region"]) == ("us-east-1", "eu-central-1")

    asyncio.run(connect())
    assert len(made) == 2


def test_many_who_ask_at_once_make_one_account(made: list[str]) -> None:
    async def connect() -> None:
        accounts = Accounts(None)
        assert len(set(await asyncio.gather(*(accounts.of(dict(OPTIONS)) for _time in range(50))))) == 1

    asyncio.run(connect())
    assert made == [INSTANCE_CONNECT]


def test_the_order_of_the_options_does_not_matter_for_the_name() -> None:
    one, other = {"region": "us-east-1", "profile": "fleet"}, {"profile": "fleet", "region": "us-east-1"}
    assert name_of(one) == name_of(other) != name_of({"region": "us-east-1", "profile": "other"})


def test_who_is_cancelled_does_not_cancel_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection whose ssh has ended is dropped, and all others may wait for the same account."""
    made: list[str] = []
    is_being_made, may_go_on = threading.Event(), threading.Event()

    def client(_session: Session, service: str) -> object:
        made.append(service)
        is_being_made.set()
        assert may_go_on.wait(PATIENCE_SECONDS)
        return object()

    monkeypatch.setattr(Session, "client", client)

    async def connect() -> None:
        accounts = Accounts(None)
        first, second = (asyncio.create_task(accounts.of(OPTIONS)) for _time in range(2))
        assert await asyncio.to_thread(is_being_made.wait, PATIENCE_SECONDS)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert not second.done()
        third = asyncio.create_task(accounts.of(OPTIONS))
        may_go_on.set()
        assert await second is await third

    asyncio.run(connect())
    assert made == [INSTANCE_CONNECT]


def test_what_cannot_be_made_is_not_tried_for_each_host(made: list[str], clock: list[float]) -> None:
    async def connect() -> None:
        accounts = Accounts(None)
        for _time in range(3):
            with pytest.raises(SetUpError, match="no such profile"):
                await accounts.of(UNUSABLE)
        clock[0] += 9
        with pytest.raises(SetUpError):
            await accounts.of(UNUSABLE)
        assert len(made) == 1
        clock[0] += 2
        with pytest.raises(SetUpError):
            await accounts.of(UNUSABLE)
        assert len(made) == 2

    asyncio.run(connect())


def test_what_took_long_to_fail_is_not_tried_again_at_once(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    """Such as a service for credentials that does not answer: each host would wait for it."""
    tried = []

    def wait_in_vain(_session: Session, service: str) -> object:
        tried.append(service)
        clock[0] += 60
        raise SetUpError("Nobody answers.")

    monkeypatch.setattr(Session, "client", wait_in_vain)

    async def connect() -> None:
        accounts = Accounts(None)
        for _time in range(3):
            with pytest.raises(SetUpError, match="Nobody answers"):
                await accounts.of(OPTIONS)

    asyncio.run(connect())
    assert len(tried) == 1


def test_what_is_forgotten_is_not_made_again(made: list[str]) -> None:
    """The run has ended, and something that was begun before may still ask."""

    async def connect() -> None:
        accounts = Accounts(None)
        await accounts.of(OPTIONS)
        accounts.forget()
        with pytest.raises(SetUpError, match=r"The run has ended\."):
            await accounts.of(OPTIONS)

    asyncio.run(connect())
    assert len(made) == 1


def test_a_client_is_made_once_although_many_threads_ask_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    is_made_twice, start = threading.Event(), threading.Barrier(8)

    def client(_session: Session, service: str) -> object:
        made.append(service)
        if len(made) > 1:
            is_made_twice.set()
        is_made_twice.wait(0.05)
        return object()

    monkeypatch.setattr(Session, "client", client)
    account = Account(OPTIONS, None)

    def ask(_number: int) -> Any:
        start.wait(PATIENCE_SECONDS)
        return account.client(EC2)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    assert made == [EC2]


def test_a_client_that_is_there_is_returned_while_another_one_is_being_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """The event loop itself asks for it, and would stand still for all connections."""
    is_being_made, may_go_on = threading.Event(), threading.Event()

    def client(_session: Session, service: str) -> object:
        if service == EC2:
            is_being_made.set()
            assert may_go_on.wait(PATIENCE_SECONDS)
        return object()

    monkeypatch.setattr(Session, "client", client)
    account = Account(OPTIONS, None)
    there = account.client(INSTANCE_CONNECT)
    with ThreadPoolExecutor(2) as pool:
        other = pool.submit(account.client, EC2)
        try:
            assert is_being_made.wait(PATIENCE_SECONDS)
            assert pool.submit(account.client, INSTANCE_CONNECT).result(timeout=PATIENCE_SECONDS / 2) is there
            assert not other.done()
        finally:
            may_go_on.set()
        assert other.result(timeout=PATIENCE_SECONDS) is account.client(EC2)


def test_a_client_that_cannot_be_made_is_tried_again_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[object] = [SetUpError("There are no credentials."), "client"]

    def client(_session: Session, _service: str) -> object:
        answer = answers.pop(0)
        if isinstance(answer, SetUpError):
            raise answer
        return answer

    monkeypatch.setattr(Session, "client", client)
    account = Account(OPTIONS, None)
    with pytest.raises(SetUpError):
        account.client(EC2)
    assert account.client(EC2) == "client"


def test_a_secret_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    account = Account({**OPTIONS, "secret_key": {"env": "AWS_SECRET_ACCESS_KEY"}}, None)
    assert account.session.params["secret_key"] == "secret"


def test_without_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk, "HAS_SDK", False)
    with pytest.raises(SetUpError, match=r"python.* lacks the Python packages boto3 and botocore"):
        asyncio.run(Accounts(None).of(OPTIONS))
