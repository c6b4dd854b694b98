# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which keys are pushed again, by the time since the last push."""

from __future__ import annotations

import asyncio
import time

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.pushes import (
    FRESH_SECONDS,
    Pushed,
    Pushes,
    seconds_since_boot,
)
from hypothesis import given, strategies as st

KEY = Pushed("i-1", "ec2-user", "ssh-ed25519 AAAA", "account")
# Each differs from the first in one thing, and opens something else.
OTHERS = [
    KEY._replace(instance_id="i-2"),
    KEY._replace(user="root"),
    KEY._replace(public_key="ssh-ed25519 BBBB"),
    KEY._replace(account="other"),
]
KEYS = [KEY, *OTHERS]
# SendSSHPublicKey.
OPEN_SECONDS = 60

# In this part of a second, since floating-point numbers hold its multiples exactly; and those where it matters.
UNITS = 1024
FRESH = 45 * UNITS
pauses = st.one_of(st.integers(0, 60 * UNITS), st.sampled_from([0, 1, FRESH - 1, FRESH, FRESH + 1]))
steps = st.lists(st.tuples(pauses, st.sampled_from(["ensure", "ensure", "forget"]), st.sampled_from(KEYS)))


@given(steps)
def test_a_key_is_pushed_if_and_only_if_the_last_push_of_the_same_is_old_or_forgotten(
    steps: list[tuple[int, str, Pushed]],
) -> None:
    async def connect() -> None:
        now = 0
        pushes = Pushes(lambda: now / UNITS)
        # The pushes that a connection may rely on.
        sent: dict[Pushed, int] = {}
        for pause, step, key in steps:
            now += pause
            if step == "forget":
                pushes.forget(key.instance_id)
                sent = {each: at for each, at in sent.items() if each.instance_id != key.instance_id}
                continue
            pushed: list[int] = []

            async def push(to: list[int] = pushed, at: int = now) -> None:
                to.append(at)

            age = await pushes.ensure(key, push)
            if key in sent and now - sent[key] < FRESH:
                assert pushed == []
                assert age == pytest.approx((now - sent[key]) / UNITS)
            else:
                assert pushed == [now]
                assert age is None
                sent[key] = now

    asyncio.run(connect())


def test_ssh_has_time_to_log_in_with_a_key_that_is_not_pushed_again() -> None:
    assert FRESH_SECONDS <= OPEN_SECONDS - 15


def test_the_age_counts_from_when_it_was_sent() -> None:
    """The service may have accepted it long before its answer came."""

    async def connect() -> None:
        now, pushed = [0.0], []

        async def push() -> None:
            pushed.append(now[0])
            now[0] += 30

        pushes = Pushes(lambda: now[0])
        await pushes.ensure(KEY, push)
        assert await pushes.ensure(KEY, push) == 30
        now[0] += 15
        assert await pushes.ensure(KEY, push) is None
        assert pushed == [0, 45]

    asyncio.run(connect())


def test_who_comes_at_the_same_time_waits_for_one_push() -> None:
    async def connect() -> None:
        now, pushed, may_go_on = [0.0], [], asyncio.Event()

        async def push() -> None:
            pushed.append(KEY)
            await may_go_on.wait()

        pushes = Pushes(lambda: now[0])
        waiting = [asyncio.create_task(pushes.ensure(KEY, push)) for _time in range(5)]
        await asyncio.sleep(0)
        now[0] = 2.0
        may_go_on.set()
        assert await asyncio.gather(*waiting) == [None, 2, 2, 2, 2]
        assert len(pushed) == 1

    asyncio.run(connect())


@pytest.mark.parametrize("other", OTHERS)
def test_what_differs_is_pushed_at_the_same_time(other: Pushed) -> None:
    """A slow answer for one host holds up no other."""

    async def connect() -> None:
        both_push = asyncio.Barrier(2)
        pushes = Pushes(lambda: 0.0)
        async with asyncio.timeout(10):
            ages = await asyncio.gather(*(pushes.ensure(key, both_push.wait) for key in (KEY, other)))
        assert ages == [None, None]

    asyncio.run(connect())


def test_a_push_that_fails_is_not_remembered_and_the_next_who_waits_tries() -> None:
    async def connect() -> None:
        pushed, may_go_on = [], asyncio.Event()

        async def push() -> None:
            pushed.append(KEY)
            await may_go_on.wait()
            if len(pushed) == 1:
                raise ValueError("throttled")

        pushes = Pushes(lambda: 0.0)
        waiting = [asyncio.create_task(pushes.ensure(KEY, push)) for _time in range(3)]
        await asyncio.sleep(0)
        may_go_on.set()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert str(results[0]) == "throttled"
        assert results[1:] == [None, 0]
        assert len(pushed) == 2

    asyncio.run(connect())


def test_who_is_cancelled_lets_the_next_push() -> None:
    """Nobody knows whether the service has got the key."""

    async def connect() -> None:
        pushed: list[int] = []

        async def push_for_ever() -> None:
            await asyncio.Event().wait()

        async def push() -> None:
            pushed.append(1)

        pushes = Pushes(lambda: 0.0)
        first = asyncio.create_task(pushes.ensure(KEY, push_for_ever))
        second = asyncio.create_task(pushes.ensure(KEY, push))
        await asyncio.sleep(0)
        first.cancel()
        assert await second is None
        assert pushed == [1]

    asyncio.run(connect())


def test_what_is_forgotten_while_another_host_is_pushed_to_stays_forgotten() -> None:
    async def connect() -> None:
        pushed: list[str] = []

        async def push() -> None:
            pushed.append("pushed")

        async def push_while_forgetting() -> None:
            pushes.forget(KEY.instance_id)

        pushes = Pushes(lambda: 0.0)
        await pushes.ensure(KEY, push)
        await pushes.ensure(OTHERS[0], push_while_forgetting)
        assert await pushes.ensure(OTHERS[0], push) == 0
        assert await pushes.ensure(KEY, push) is None
        assert pushed == ["pushed"] * 2

    asyncio.run(connect())


def test_a_clock_that_was_set_back_does_not_keep_a_key_fresh() -> None:
    async def connect() -> None:
        now, pushed = [1000.0], []

        async def push() -> None:
            pushed.append(now[0])

        pushes = Pushes(lambda: now[0])
        await pushes.ensure(KEY, push)
        now[0] = 10
        assert await pushes.ensure(KEY, push) is None
        assert pushed == [1000, 10]

    asyncio.run(connect())


def test_the_clock_goes_on_while_the_machine_sleeps_where_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    first = seconds_since_boot()
    assert 0 <= seconds_since_boot() - first < 60
    if hasattr(time, "CLOCK_BOOTTIME"):
        assert abs(first - time.clock_gettime(time.CLOCK_BOOTTIME)) < 60
        monkeypatch.delattr(time, "CLOCK_BOOTTIME")
    assert abs(seconds_since_boot() - time.monotonic()) < 60
