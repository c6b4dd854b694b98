# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What EC2 is asked in a run, and how often."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.ec2 import EndpointFacts, Instance
from ansible_collections.sshkeys.aws.plugins.module_utils._errors import ServiceError
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import facts as module
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.facts import Facts
from hypothesis import given, strategies as st

ENDPOINT = EndpointFacts("eice-1", "eice-1.example.com", None, "subnet-1")
# The time that a busy clock shows: far from 0, when no host has ever come.
BEGIN = 1000.0


class EC2:
    """EC2, which knows all instances but those whose ids begin with "gone"."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.failures: list[Exception] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.asked_at: list[float] = []
        self.now: Callable[[], float] = lambda: 0.0

    async def ask(self, instance_ids: Sequence[str]) -> Mapping[str, Instance]:
        self.asked.append(list(instance_ids))
        self.asked_at.append(self.now())
        await self.may_answer.wait()
        if self.failures:
            raise self.failures.pop()
        return {each: self.instance(each) for each in instance_ids if not each.startswith("gone")}

    def instance(self, instance_id: str) -> Instance:
        """Return the facts of an instance, which differ each time."""
        return Instance(f"{instance_id} {len(self.asked)}", None, None, None, None)


def _long_ago() -> float:
    return 0.0


async def turn() -> None:
    """Let every task go on until it waits for something else."""
    for _time in range(20):
        await asyncio.sleep(0)


async def outcomes(*asking: Coroutine[Any, Any, Instance]) -> list[str]:
    """Return the address of each instance, or the code or the text of the error."""
    found = await asyncio.gather(*asking, return_exceptions=True)
    return [
        str(one.private_ip_address) if isinstance(one, Instance) else getattr(one, "code", None) or str(one)
        for one in found
    ]


# -- Instances ---------------------------------------------------------------------------------------------------------


def test_hosts_that_come_at_once_are_one_question_and_each_gets_its_own_answer() -> None:
    async def connect() -> None:
        ec2 = EC2()
        facts = Facts(ec2.ask, _long_ago)
        ids = [f"i-{number}" for number in range(300)]
        found = await outcomes(*(facts.instance(each) for each in (*ids, *ids)))
        assert found == [f"{each} 1" for each in (*ids, *ids)]
        assert ec2.asked == [ids]

    asyncio.run(connect())


def test_what_is_known_is_not_asked_again() -> None:
    async def connect() -> None:
        ec2 = EC2()
        facts = Facts(ec2.ask, _long_ago)
        first = await facts.instance("i-1")
        await facts.instance("i-2")
        assert await facts.instance("i-1") == first
        assert ec2.asked == [["i-1"], ["i-2"]]

    asyncio.run(connect())


def test_anew_asks_again_and_all_know_the_new_answer() -> None:
    """An instance that was stopped and started has another address."""

    async def connect() -> None:
        ec2 = EC2()
        facts = Facts(ec2.ask, _long_ago)
        await facts.instance("i-1")
        assert await outcomes(facts.instance("i-1", anew=True)) == ["i-1 2"]
        assert await outcomes(facts.instance("i-1")) == ["i-1 2"]
        assert ec2.asked == [["i-1"]] * 2

    asyncio.run(connect())


@pytest.mark.parametrize("anew", [False, True])
def test_an_id_that_is_being_asked_is_not_asked_twice(*, anew: bool) -> None:
    async def connect() -> None:
        ec2 = EC2()
        ec2.may_answer.clear()
        facts = Facts(ec2.ask, _long_ago)
        first = asyncio.create_task(facts.instance("i-1"))
        await turn()
        assert ec2.asked == [["i-1"]]
        others = [asyncio.create_task(facts.instance(each, anew=anew)) for each in ("i-1", "i-2")]
        await turn()
        ec2.may_answer.set()
        assert await first == await others[0]
        await others[1]
        assert ec2.asked == [["i-1"], ["i-2"]]

    asyncio.run(connect())


def test_an_unknown_id_fails_for_its_host_alone_and_is_asked_again() -> None:
    async def connect() -> None:
        ec2 = EC2()
        facts = Facts(ec2.ask, _long_ago)
        found = await outcomes(*(facts.instance(each) for each in ("i-1", "gone-1", "i-2")))
        assert found == ["i-1 1", "InvalidInstanceID.NotFound", "i-2 1"]
        with pytest.raises(ServiceError, match="'gone-1' does not exist"):
            await facts.instance("gone-1")
        assert ec2.asked == [["i-1", "gone-1", "i-2"], ["gone-1"]]

    asyncio.run(connect())


def test_a_failure_reaches_all_who_wait_and_is_asked_again_by_the_next() -> None:
    async def connect() -> None:
        ec2 = EC2()
        ec2.failures.append(ServiceError("UnauthorizedOperation", "no", ""))
        facts = Facts(ec2.ask, _long_ago)
        assert await outcomes(facts.instance("i-1"), facts.instance("i-2")) == ["UnauthorizedOperation"] * 2
        assert await outcomes(facts.instance("i-2"), facts.instance("i-1")) == ["i-2 2", "i-1 2"]

    asyncio.run(connect())


def test_who_is_cancelled_does_not_end_the_question() -> None:
    async def connect() -> None:
        ec2 = EC2()
        ec2.may_answer.clear()
        facts = Facts(ec2.ask, _long_ago)
        first, second = (asyncio.create_task(facts.instance("i-1")) for _time in range(2))
        await turn()
        first.cancel()
        await turn()
        ec2.may_answer.set()
        assert await outcomes(asyncio.wait_for(second, 10)) == ["i-1 1"]
        assert len(ec2.asked) == 1

    asyncio.run(connect())


@pytest.mark.parametrize("failures", [[], [ValueError("no")]])
def test_a_failure_that_nobody_waits_for_is_no_riddle_in_a_log(failures: list[Exception]) -> None:
    async def connect() -> list[object]:
        told: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
        ec2 = EC2()
        ec2.failures += failures
        ec2.may_answer.clear()
        facts = Facts(ec2.ask, _long_ago)
        waiting = asyncio.create_task(facts.instance("gone-1"))
        await turn()
        waiting.cancel()
        ec2.may_answer.set()
        await turn()
        facts = Facts(ec2.ask, _long_ago)
        await turn()
        return told

    assert asyncio.run(connect()) == []


# -- How long a question waits for more hosts --------------------------------------------------------------------------


class Crowd:
    """Hosts that come at their times, on a clock that goes on whenever somebody sleeps."""

    def __init__(self, arrivals: Sequence[float]) -> None:
        self._arrivals = [BEGIN + each for each in arrivals]
        self._now = BEGIN
        self._last_new_at = 0.0
        self.ec2 = EC2()
        self.ec2.now = lambda: self._now - BEGIN

    def questions(self) -> list[tuple[float, int]]:
        """Return when EC2 was asked, and about how many hosts."""
        really_sleep = asyncio.sleep

        async def sleep(seconds: float) -> None:
            """Let the time go by until then, and who comes come."""
            until = self._now + seconds
            while self._arrivals and self._arrivals[0] <= until:
                self._now = self._last_new_at = self._arrivals.pop(0)
                tasks.append(asyncio.create_task(facts.instance(f"i-{len(tasks)}")))
                await really_sleep(0)
            self._now = until
            await really_sleep(0)

        async def come() -> None:
            while self._arrivals:
                await sleep(0.01)
            await asyncio.gather(*tasks)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(module, "time", SimpleNamespace(monotonic=lambda: self._now))
            patched.setattr(module, "asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": sleep}))
            facts = Facts(self.ec2.ask, lambda: self._last_new_at)
            tasks: list[asyncio.Task[Instance]] = []
            asyncio.run(come())
        return list(zip(self.ec2.asked_at, map(len, self.ec2.asked), strict=True))


def test_a_question_waits_until_no_host_has_come_for_a_moment() -> None:
    ((at, hosts),) = Crowd([number * 0.05 for number in range(20)]).questions()
    assert hosts == 20
    assert at == pytest.approx(19 * 0.05 + 0.1)


def test_hosts_that_come_without_end_do_not_let_the_first_wait_for_ever() -> None:
    (at, hosts), *_more = Crowd([number * 0.05 for number in range(200)]).questions()
    assert at <= 3.1
    assert hosts >= 55


def test_a_crowd_that_was_thought_to_be_over_is_waited_for_longer() -> None:
    """Forks that start slowly would each be a question."""
    questions = Crowd([number * 0.2 for number in range(40)]).questions()
    assert questions[0][1] == 1
    # The second waits for 0.3 s, in which the next host comes.
    assert len(questions) <= 5
    assert sum(hosts for _at, hosts in questions) == 40


def test_a_host_that_comes_long_after_a_crowd_does_not_wait_long() -> None:
    *_crowd, (at, hosts) = Crowd([0.0, 0.15, 0.6, 1.6, 10.0]).questions()
    assert hosts == 1
    assert at == pytest.approx(10.1)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=30, unique=True))
def test_no_host_waits_for_longer_than_a_few_seconds_and_each_is_asked_once(milliseconds: list[int]) -> None:
    arrivals = sorted(each / 1000 for each in milliseconds)
    questions = Crowd(arrivals).questions()
    hosts = iter(arrivals)
    for at, number in questions:
        for _host in range(number):
            assert at - next(hosts) <= 3.1
    assert list(hosts) == []


# -- Endpoints ---------------------------------------------------------------------------------------------------------


class Endpoints:
    """EC2, as far as it knows endpoints."""

    def __init__(self, *answers: Sequence[EndpointFacts] | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def ask(self) -> Sequence[EndpointFacts]:
        self.asked += 1
        await asyncio.sleep(0)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize("remembers_none", [False, True])
def test_endpoints_are_asked_once_for_all_hosts_of_a_vpc(*, remembers_none: bool) -> None:
    async def connect() -> None:
        facts, ec2 = Facts(EC2().ask, _long_ago), Endpoints([ENDPOINT], [])

        async def of(vpc_id: str) -> Sequence[EndpointFacts]:
            return await facts.endpoints(vpc_id, ec2.ask, remembers_none=remembers_none)

        assert await asyncio.gather(*(of("vpc-1") for _host in range(5))) == [[ENDPOINT]] * 5
        assert await of("vpc-1") == [ENDPOINT]
        assert ec2.asked == 1
        assert await of("vpc-2") == []
        assert ec2.asked == 2

    asyncio.run(connect())


@pytest.mark.parametrize(
    ("remembers_none", "found", "asked"),
    [
        # A host that can be reached without an endpoint does not ask for each connection.
        (True, [], 1),
        # One that needs an endpoint does: a task may have created it.
        (False, [ENDPOINT], 2),
    ],
)
def test_that_there_is_none_is_remembered_for_who_needs_none(
    *, remembers_none: bool, found: list[EndpointFacts], asked: int
) -> None:
    async def connect() -> None:
        facts, ec2 = Facts(EC2().ask, _long_ago), Endpoints([], [ENDPOINT])
        assert await facts.endpoints("vpc-1", ec2.ask, remembers_none=True) == []
        assert await facts.endpoints("vpc-1", ec2.ask, remembers_none=remembers_none) == found
        assert ec2.asked == asked

    asyncio.run(connect())


def test_hosts_that_need_an_endpoint_and_come_at_once_ask_once_though_there_is_none() -> None:
    async def connect() -> None:
        facts, ec2 = Facts(EC2().ask, _long_ago), Endpoints([], [])
        asking = [facts.endpoints("vpc-1", ec2.ask, remembers_none=False) for _host in range(5)]
        assert await asyncio.gather(*asking) == [[]] * 5
        assert ec2.asked == 1

    asyncio.run(connect())


@pytest.mark.parametrize("remembers_none", [False, True])
def test_a_failure_about_endpoints_is_asked_again(*, remembers_none: bool) -> None:
    async def connect() -> None:
        facts, ec2 = Facts(EC2().ask, _long_ago), Endpoints(ValueError("no"), [ENDPOINT])
        with pytest.raises(ValueError, match="no"):
            await facts.endpoints("vpc-1", ec2.ask, remembers_none=remembers_none)
        assert await facts.endpoints("vpc-1", ec2.ask, remembers_none=remembers_none) == [ENDPOINT]

    asyncio.run(connect())
