# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks are kept until they end, and end when they are told to."""

from __future__ import annotations

import asyncio
import socket

from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.tasks import start, stop


def test_tasks_have_ended_when_it_returns() -> None:
    """One that was told to end may need a moment for it."""

    async def end() -> None:
        ended: list[int] = []

        async def work(turns: int) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                for _turn in range(turns):
                    await asyncio.sleep(0)
                ended.append(turns)

        tasks = [asyncio.create_task(work(turns)) for turns in (5, 0, 50)]
        await asyncio.sleep(0)
        await stop(*tasks)
        assert ended == [0, 5, 50]
        assert all(task.cancelled() for task in tasks)

    asyncio.run(end())


def test_what_a_task_has_ended_with_is_not_raised() -> None:
    async def end() -> None:
        async def fail() -> None:
            raise ValueError

        async def fail_when_told_to_end() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                raise ValueError

        async def answer() -> int:
            return 7

        tasks = [asyncio.create_task(work) for work in (fail(), fail_when_told_to_end())]
        answered = asyncio.create_task(answer())
        await asyncio.sleep(0)
        await stop(*tasks, answered)
        assert [type(task.exception()) for task in tasks] == [ValueError] * 2
        # What has ended keeps its result.
        assert answered.result() == 7

    asyncio.run(end())


def test_a_socket_that_a_task_waited_for_is_watched_no_more() -> None:
    """Its number goes to the next socket, for which the event loop would call the wrong one."""

    async def end() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            waiting = asyncio.create_task(loop.sock_recv(ours, 1))
            await asyncio.sleep(0)
            await stop(waiting)
            assert not loop.remove_reader(ours)

    asyncio.run(end())


def test_a_task_is_kept_until_it_ends() -> None:
    async def keep() -> None:
        may_end, tasks = asyncio.Event(), set[asyncio.Task[None]]()

        async def work() -> None:
            await may_end.wait()

        task = start(work(), tasks)
        await asyncio.sleep(0)
        assert tasks == {task}
        may_end.set()
        await task
        await asyncio.sleep(0)
        assert tasks == set()

    asyncio.run(keep())
