# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers that are asked for once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.once import Once


class Service:
    """A service that answers each question with its number, when it may."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may_answer = asyncio.Event()
        self.failures: list[Exception] = []

    def about(self, question: str) -> Callable[[], Awaitable[str]]:
        """Return a function that asks the service."""

        async def ask() -> str:
            self.asked.append(question)
            await self.may_answer.wait()
            if self.failures:
                raise self.failures.pop()
            return f"{question} {len(self.asked)}"

        return ask


async def _turn() -> None:
    """Let every task go on until it waits."""
    for _time in range(10):
        await asyncio.sleep(0)


def test_who_asks_at_the_same_time_and_later_shares_the_answer() -> None:
    async def ask() -> None:
        once, service = Once[str](), Service()
        asking = [asyncio.create_task(once.get("vpc-1", service.about("vpc-1"))) for _time in range(5)]
        await _turn()
        service.may_answer.set()
        assert set(await asyncio.gather(*asking)) == {"vpc-1 1"}
        assert await once.get("vpc-1", service.about("vpc-1")) == "vpc-1 1"
        assert await once.get("vpc-2", service.about("vpc-2")) == "vpc-2 2"
        assert service.asked == ["vpc-1", "vpc-2"]

    asyncio.run(ask())


def test_a_failure_reaches_all_who_wait_and_is_asked_again_by_the_next() -> None:
    async def ask() -> None:
        once, service = Once[str](), Service()
        service.failures.append(ValueError("no"))
        asking = [asyncio.create_task(once.get("vpc-1", service.about("vpc-1"))) for _time in range(3)]
        await _turn()
        service.may_answer.set()
        results = await asyncio.gather(*asking, return_exceptions=True)
        assert [str(result) for result in results] == ["no"] * 3
        assert await once.get("vpc-1", service.about("vpc-1")) == "vpc-1 2"

    asyncio.run(ask())


def test_who_is_cancelled_does_not_end_the_question() -> None:
    async def ask() -> None:
        once, service = Once[str](), Service()
        first = asyncio.create_task(once.get("vpc-1", service.about("vpc-1")))
        await _turn()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        service.may_answer.set()
        assert await once.get("vpc-1", service.about("vpc-1")) == "vpc-1 1"

    asyncio.run(ask())


def test_a_failure_that_nobody_waits_for_is_asked_again_and_no_riddle_in_a_log() -> None:
    async def ask() -> list[object]:
        told: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
        once, service = Once[str](), Service()
        service.failures.append(ValueError("no"))
        first = asyncio.create_task(once.get("vpc-1", service.about("vpc-1")))
        await _turn()
        first.cancel()
        service.may_answer.set()
        await _turn()
        assert await once.get("vpc-1", service.about("vpc-1")) == "vpc-1 2"
        return told

    assert asyncio.run(ask()) == []


@pytest.mark.parametrize(("is_worthless", "answer"), [(True, "vpc-1 2"), (False, "vpc-1 1")])
def test_only_an_answer_that_is_worth_nothing_is_forgotten(*, is_worthless: bool, answer: str) -> None:
    async def ask() -> None:
        once, service = Once[str](), Service()
        service.may_answer.set()
        await once.get("vpc-1", service.about("vpc-1"))
        judged: list[str] = []

        def judge(given: str) -> bool:
            judged.append(given)
            return is_worthless

        once.forget_if("vpc-1", judge)
        once.forget_if("vpc-2", judge)
        assert judged == ["vpc-1 1"]
        assert await once.get("vpc-1", service.about("vpc-1")) == answer

    asyncio.run(ask())


def test_a_question_that_is_being_asked_is_not_forgotten() -> None:
    async def ask() -> None:
        once, service = Once[str](), Service()
        first = asyncio.create_task(once.get("vpc-1", service.about("vpc-1")))
        await _turn()
        once.forget_if("vpc-1", lambda _answer: True)
        second = asyncio.create_task(once.get("vpc-1", service.about("vpc-1")))
        await _turn()
        service.may_answer.set()
        assert await first == await second == "vpc-1 1"

    asyncio.run(ask())


def test_a_failure_of_this_moment_is_no_error_of_who_forgets() -> None:
    """It asks for itself then, and may be answered."""

    async def ask() -> None:
        once, failing = Once[str](), asyncio.get_running_loop().create_future()

        async def forget() -> None:
            once.forget_if("vpc-1", lambda _answer: True)

        async def fail() -> str:
            # It runs between the end of the question and the callbacks of that end.
            forgetting.append(asyncio.create_task(forget()))
            return str(await failing)

        forgetting: list[asyncio.Task[None]] = []
        failing.set_exception(ValueError("no"))
        with pytest.raises(ValueError, match="no"):
            await once.get("vpc-1", fail)
        await forgetting[0]

    asyncio.run(ask())
