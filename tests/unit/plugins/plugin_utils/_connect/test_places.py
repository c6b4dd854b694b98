# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The places of endpoints: who gets one, who waits, and which connection is closed for another."""

from __future__ import annotations

import asyncio
import socket
from collections import defaultdict
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from functools import partial
from typing import Any, TypeVar

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import places as module
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.commands import Commands
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.places import PLACES, Place, Places
from hypothesis import given, strategies as st

Result = TypeVar("Result")
# EC2 User Guide, quotas of EC2 Instance Connect Endpoints.
QUOTA = 20
# Only a test that fails waits for so long.
PATIENCE_SECONDS = 2


async def turn() -> None:
    """Let every task go on until it waits for something else."""
    for _time in range(40):
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def idle_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a connection be idle when its command has ended. Two tests are about the moment until then."""
    monkeypatch.setattr(module, "_IDLE_SECONDS", 0.0)


class Run:
    """The commands of a run, with a plugin for each connection, and its places. It fails what waits for ever."""

    def __init__(self) -> None:
        self.commands = Commands()
        self.places = Places(self.commands)
        self._plugins: dict[str, list[socket.socket]] = defaultdict(list)
        self._opened = ExitStack()

    def begin(self, connection: str) -> None:
        plugin = self._opened.enter_context(socket.socket(socket.AF_UNIX))
        self._plugins[connection].append(plugin)
        self.commands.begin(connection, plugin)

    def end(self, connection: str) -> None:
        plugin = self._plugins[connection].pop()
        self.commands.end(connection, plugin)

    async def take(self, connection: str, endpoint: str = "eice-1", wait: Callable[[], None] = lambda: None) -> Place:
        return await self.places.take(endpoint, connection, wait)

    async def open(self, connection: str, endpoint: str = "eice-1") -> Place:
        """Return a place with an open tunnel, which closes at once."""
        place = await self.take(connection, endpoint)

        async def close() -> None:
            self.places.release(place)

        place.close = close
        return place

    def wait_for(self, waiting: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        return asyncio.create_task(waiting)

    def do(self, test: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a test."""

        async def with_a_limit() -> None:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await test()

        with self._opened:
            asyncio.run(with_a_limit())


@pytest.fixture
def run() -> Run:
    return Run()


# -- A run of any kind, and what must always hold ----------------------------------------------------------------------

# The same law with less to try. There is a test for the number itself.
FEW_PLACES = 3
CONNECTIONS = {**{f"a{number}": "eice-a" for number in range(5)}, **{f"b{number}": "eice-b" for number in range(3)}}
STEPS = ["begin", "begin", "take", "take", "open", "open", "end", "end", "release", "refuse", "cancel"]


class Model:
    """What a run should see of its places, by what it was given and what it gave back."""

    def __init__(self) -> None:
        self.run = Run()
        self.at_work: dict[str, int] = dict.fromkeys(CONNECTIONS, 0)
        # Those whose commands were seen to end, the longest idle first.
        self.idle: list[str] = []
        # Places that were taken and not given back.
        self.held: list[Place] = []
        self.closing: list[Place] = []
        self.promised: set[str] = set()
        self.kept: set[str] = set()
        self.keeping: dict[str, asyncio.Task[None]] = {}
        self.taking: dict[str, asyncio.Task[Place]] = {}
        self.limits = dict.fromkeys(CONNECTIONS.values(), FEW_PLACES)

    async def step(self, name: str, connection: str) -> None:
        getattr(self, f"_{name}")(connection)
        self._check_limits()
        await turn()
        self._collect()
        self._check()

    async def end(self) -> None:
        tasks = [*self.keeping.values(), *self.taking.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- What happens

    def _begin(self, connection: str) -> None:
        """Begin a command as the server does. Another one of the same connection asks nothing more."""
        self.run.begin(connection)
        self.at_work[connection] += 1
        if connection in self.idle:
            self.idle.remove(connection)
        has_place = any(place.connection == connection for place in self.held) or connection in self.kept
        if self.at_work[connection] > 1:
            return
        others = len(self.held) + len(self.kept) + len(self.promised)
        if self.run.places.expect(connection):
            assert has_place or others < FEW_PLACES
            if not has_place:
                self.promised.add(connection)
        else:
            assert not has_place
            keep = self.run.places.keep(CONNECTIONS[connection], connection, lambda: None)
            self.keeping[connection] = asyncio.create_task(keep)

    def _end(self, connection: str) -> None:
        if not self.at_work[connection]:
            return
        if self.at_work[connection] == 1 and connection in self.keeping:
            self.keeping.pop(connection).cancel()
        self.at_work[connection] -= 1
        if not self.at_work[connection]:
            self.idle.append(connection)
            self.promised.discard(connection)
            self.kept.discard(connection)
        self.run.end(connection)

    def _take(self, connection: str) -> None:
        if connection not in self.taking:
            take = self.run.places.take(CONNECTIONS[connection], connection, lambda: None)
            self.taking[connection] = asyncio.create_task(take)

    def _open(self, connection: str) -> None:
        """Open a tunnel. Nobody would take one whose command has ended: ssh has ended with it."""
        for place in self._opening(connection)[: connection not in self.idle]:
            place.close = partial(self._close, place)

    def _release(self, connection: str) -> None:
        for place in [each for each in self.held if each.connection == connection and each not in self.closing][:1]:
            self.held.remove(place)
            self.run.places.release(place)

    def _refuse(self, connection: str) -> None:
        for place in self._opening(connection)[:1]:
            self.held.remove(place)
            carried = sum(each.endpoint_id == place.endpoint_id and each.close is not None for each in self.held)
            if carried:
                self.limits[place.endpoint_id] = carried
            self.run.places.refused(place)

    def _cancel(self, connection: str) -> None:
        if connection in self.taking:
            self.taking.pop(connection).cancel()
            self.promised.discard(connection)

    def _opening(self, connection: str) -> list[Place]:
        return [place for place in self.held if place.connection == connection and not place.close]

    async def _close(self, place: Place) -> None:
        """Close a tunnel, which takes a moment. Only the one that has been idle longest is closed."""
        open_ones = [each for each in self.held if each.close and each not in self.closing]
        closable = [each.connection for each in open_ones if each.endpoint_id == place.endpoint_id]
        assert place.connection == next(each for each in self.idle if each in closable)
        assert self.at_work[place.connection] == 0
        self.closing.append(place)
        for _time in range(3):
            await asyncio.sleep(0)
        self.closing.remove(place)
        self.held.remove(place)

    # -- What must hold

    def _collect(self) -> None:
        """Take note of the places that were given."""
        for connection, taking in list(self.taking.items()):
            if taking.done():
                del self.taking[connection]
                place = taking.result()
                assert (place.connection, place.endpoint_id) == (connection, CONNECTIONS[connection])
                assert place not in self.held
                self.held.append(place)
                # It takes the one that was kept for it.
                if connection in self.kept:
                    self.kept.discard(connection)
                else:
                    self.promised.discard(connection)
        for connection, keeping in list(self.keeping.items()):
            if keeping.done():
                del self.keeping[connection]
                keeping.result()
                if not any(place.connection == connection for place in self.held):
                    self.kept.add(connection)

    def _check_limits(self) -> None:
        for endpoint in self.limits:
            assert sum(place.endpoint_id == endpoint for place in self.held) <= FEW_PLACES

    def _check(self) -> None:
        self._check_limits()
        assert not self.closing
        for connection in [*self.taking, *self.keeping]:
            endpoint = CONNECTIONS[connection]
            of_endpoint = [place for place in self.held if place.endpoint_id == endpoint]
            kept = sum(CONNECTIONS[each] == endpoint for each in self.kept)
            # A promise holds for whichever endpoint; one of its own is none that it waits for.
            promised = len(self.promised - ({connection} if connection in self.taking else set()))
            assert len(of_endpoint) + kept + promised >= self.limits[endpoint], (
                f"{connection} waits and a place is free"
            )
            closable = [place.connection for place in of_endpoint if place.close and place.connection in self.idle]
            assert not closable, f"{connection} waits and {closable} are idle"


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from(list(CONNECTIONS))), max_size=60))
def test_no_endpoint_has_more_than_it_carries_and_nobody_waits_for_nothing(steps: list[tuple[str, str]]) -> None:
    async def go() -> None:
        model = Model()
        for name, connection in steps:
            await model.step(name, connection)
        await model.end()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "PLACES", FEW_PLACES)
        asyncio.run(go())


# -- Places ------------------------------------------------------------------------------------------------------------


def test_an_endpoint_has_as_many_places_as_aws_allows_and_each_endpoint_has_its_own(run: Run) -> None:
    async def test() -> None:
        for number in range(QUOTA):
            await run.open(f"web{number}")
        waits: list[str] = []
        waiting = run.wait_for(run.take("web20", wait=lambda: waits.append("web20")))
        await turn()
        assert waits == ["web20"]
        assert not waiting.done()
        await run.open("db1", "eice-2")
        waiting.cancel()

    assert PLACES == QUOTA
    run.do(test)


def test_who_waits_gets_the_place_that_is_given_back_first_come_first_served(run: Run) -> None:
    async def test() -> None:
        held = [await run.open(f"web{number}") for number in range(QUOTA)]
        served: list[str] = []
        waiting = []
        for name in ("first", "second", "third"):
            waiting.append(run.wait_for(run.take(name)))
            waiting[-1].add_done_callback(lambda task: served.append(task.result().connection))
            await turn()
        for place in held[:2]:
            run.places.release(place)
            await turn()
        assert served == ["first", "second"]
        # What is given back twice frees one place.
        run.places.release(held[0])
        await turn()
        assert served == ["first", "second"]
        run.places.release(held[2])
        await waiting[2]

    run.do(test)


def test_the_connection_that_has_been_idle_longest_is_closed(run: Run) -> None:
    async def test() -> None:
        names = [f"web{number}" for number in range(QUOTA)]
        held = {}
        for name in names:
            run.begin(name)
            held[name] = await run.open(name)
        for name in ("web7", "web3", "web11"):
            run.end(name)
        # It is at work again, and then has been idle for the shortest time.
        run.begin("web7")
        run.end("web7")
        closed = []
        for name in ("db1", "db2", "db3"):
            await run.take(name)
            closed += [each for each in held if held[each].is_closing and each not in closed]
        assert closed == ["web3", "web11", "web7"]
        waiting = run.wait_for(run.take("db4"))
        await turn()
        assert not waiting.done()
        run.end("web0")
        await waiting
        assert held["web0"].is_closing

    run.do(test)


def test_an_idle_connection_of_another_endpoint_stays_open(run: Run) -> None:
    async def test() -> None:
        run.begin("db1")
        other = await run.open("db1", "eice-2")
        run.end("db1")
        for number in range(QUOTA):
            await run.open(f"web{number}")
        waiting = run.wait_for(run.take("web20"))
        await turn()
        assert not waiting.done()
        assert not other.is_closing
        waiting.cancel()

    run.do(test)


@pytest.mark.parametrize("history", ["no command was seen", "one of two has ended", "another began"])
def test_a_connection_that_may_be_at_work_is_never_closed(run: Run, history: str) -> None:
    async def test() -> None:
        held = [await run.open(f"web{number}") for number in range(QUOTA)]
        if history != "no command was seen":
            run.begin("web0")
            run.begin("web0")
            run.end("web0")
        if history == "another began":
            run.end("web0")
            run.begin("web0")
        waiting = run.wait_for(run.take("web20"))
        await turn()
        assert not waiting.done()
        assert not any(place.is_closing for place in held)
        waiting.cancel()

    run.do(test)


def test_a_place_that_is_being_closed_is_free_only_when_the_tunnel_has_ended(run: Run) -> None:
    async def test() -> None:
        for number in range(1, QUOTA):
            await run.open(f"web{number}")
        run.begin("web0")
        place = await run.take("web0")
        may_end, closing = asyncio.Event(), []

        async def close() -> None:
            closing.append(place)
            await may_end.wait()

        place.close = close
        run.end("web0")
        waiting = [run.wait_for(run.take(name)) for name in ("db1", "db2")]
        settled = run.wait_for(run.places.settled("web0"))
        await turn()
        # Only one of both closes it.
        assert closing == [place]
        assert not any(task.done() for task in (*waiting, settled))
        may_end.set()
        await settled
        await turn()
        assert sum(task.done() for task in waiting) == 1
        for task in waiting:
            task.cancel()

    run.do(test)


def test_a_connection_that_nobody_closes_is_settled(run: Run) -> None:
    async def test() -> None:
        await run.places.settled("web1")
        await run.open("web1")
        await run.places.settled("web1")

    run.do(test)


def test_who_gives_up_while_a_connection_is_closed_for_it_leaves_it_to_the_next(run: Run) -> None:
    """A step has a time limit, and the tunnel may take a while to end."""

    async def test() -> None:
        for number in range(1, QUOTA):
            await run.open(f"web{number}")
        run.begin("web0")
        place = await run.take("web0")
        may_end, is_closing = asyncio.Event(), asyncio.Event()

        async def close() -> None:
            is_closing.set()
            await may_end.wait()

        place.close = close
        run.end("web0")
        hasty = run.wait_for(run.take("hasty"))
        await is_closing.wait()
        hasty.cancel()
        may_end.set()
        await run.take("patient")

    run.do(test)


# -- Promises ----------------------------------------------------------------------------------------------------------


def test_no_more_places_are_promised_than_an_endpoint_has(run: Run) -> None:
    async def test() -> None:
        await run.open("web0")
        await run.open("web1")
        promised = [name for name in (f"host{number}" for number in range(40)) if run.places.expect(name)]
        assert len(promised) == QUOTA - 2
        # Each gets its place, and nobody who was promised none.
        other = run.wait_for(run.take("other"))
        await turn()
        assert not other.done()
        for name in promised:
            await run.take(name)
        other.cancel()

    run.do(test)


def test_a_connection_with_a_place_needs_no_other(run: Run) -> None:
    async def test() -> None:
        for number in range(QUOTA):
            await run.open(f"web{number}")
        assert run.places.expect("web3")
        assert not run.places.expect("web20")
        await run.places.keep("eice-1", "web3", pytest.fail)

    run.do(test)


def test_what_was_promised_is_free_again_when_the_command_ends_without_a_connection(run: Run) -> None:
    async def test() -> None:
        names = [f"web{number}" for number in range(QUOTA)]
        for name in names:
            run.begin(name)
            assert run.places.expect(name)
        waiting = run.wait_for(run.take("web20"))
        await turn()
        assert not waiting.done()
        run.end("web5")
        await waiting
        assert not run.places.expect("web21")

    run.do(test)


def test_a_second_command_has_the_place_that_was_promised_to_the_first(run: Run) -> None:
    """Tasks of several hosts may be delegated to one, and share its connection."""

    async def test() -> None:
        for name in [f"web{number}" for number in range(QUOTA)]:
            run.begin(name)
            assert run.places.expect(name)
        run.begin("web0")
        assert run.places.expect("web0")

    run.do(test)


def test_a_second_command_need_not_wait_when_the_first_has_got_a_place(run: Run) -> None:
    async def test() -> None:
        held = [await run.open(f"web{number}") for number in range(QUOTA)]
        first, second = (run.wait_for(run.places.keep("eice-1", "db1", lambda: None)) for _command in range(2))
        await turn()
        run.places.release(held[0])
        await first
        await run.take("db1")
        await second

    run.do(test)


def test_a_place_is_free_for_another_endpoint_when_the_promised_ones_are_taken(run: Run) -> None:
    """A promise holds for every endpoint, until it is known which one it is."""

    async def test() -> None:
        names = [f"web{number}" for number in range(QUOTA)]
        for name in names:
            assert run.places.expect(name)
        waiting = run.wait_for(run.places.keep("eice-2", "db1", lambda: None))
        await turn()
        assert not waiting.done()
        for name in names:
            await run.take(name)
        await waiting

    run.do(test)


# -- Places that are kept ----------------------------------------------------------------------------------------------


def test_a_place_that_is_kept_is_for_its_connection(run: Run) -> None:
    async def test() -> None:
        for number in range(1, QUOTA):
            await run.open(f"web{number}")
        await run.places.keep("eice-1", "db1", pytest.fail)
        other = run.wait_for(run.take("db2"))
        await turn()
        # The end of another command gives nothing back.
        run.begin("db3")
        run.end("db3")
        await turn()
        assert not other.done()
        place = await run.take("db1", wait=pytest.fail)
        assert (place.connection, place.is_used) == ("db1", True)
        # A second connection to the same host needs a place of its own.
        second = run.wait_for(run.take("db1"))
        await turn()
        assert not second.done()
        for task in (other, second):
            task.cancel()

    run.do(test)


def test_a_kept_place_is_given_back_when_the_command_ends_without_having_needed_it(run: Run) -> None:
    async def test() -> None:
        for number in range(1, QUOTA):
            await run.open(f"web{number}")
        run.begin("db1")
        await run.places.keep("eice-1", "db1", pytest.fail)
        waiting = run.wait_for(run.take("db2"))
        await turn()
        assert not waiting.done()
        run.end("db1")
        await waiting

    run.do(test)


def test_a_place_that_is_used_stays_taken_when_the_command_ends(run: Run) -> None:
    """Its tunnel is still being opened: it would be one too many."""

    async def test() -> None:
        for number in range(1, QUOTA):
            await run.open(f"web{number}")
        run.begin("web0")
        await run.places.keep("eice-1", "web0", pytest.fail)
        await run.take("web0")
        run.end("web0")
        waiting = run.wait_for(run.take("db1"))
        await turn()
        assert not waiting.done()
        waiting.cancel()

    run.do(test)


# -- Endpoints that are full of the connections of others --------------------------------------------------------------


def test_an_endpoint_that_has_refused_is_asked_for_no_more_than_it_carried(run: Run) -> None:
    async def test() -> None:
        held = [await run.open(f"web{number}") for number in range(5)]
        run.places.refused(await run.take("web5"))
        waiting = run.wait_for(run.take("web6"))
        await turn()
        assert not waiting.done()
        assert not run.places.expect("web7")
        # It carries more of another endpoint.
        await run.take("db1", "eice-2")
        run.places.release(held[0])
        await waiting

    run.do(test)


def test_an_endpoint_that_carried_nothing_is_asked_again(run: Run) -> None:
    """Else nobody would ever come to know that it has a place again."""

    async def test() -> None:
        run.places.refused(await run.take("web1"))
        await run.take("web2", wait=pytest.fail)

    run.do(test)


def test_who_waits_for_an_endpoint_that_has_refused_tries_when_that_is_long_ago(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connections of an earlier run end by themselves, and commands of this one may be at work for hours."""
    monkeypatch.setattr(module, "_REFUSED_SECONDS", 0.05)

    async def test() -> None:
        run.begin("web0")
        await run.open("web0")
        run.places.refused(await run.take("web1"))
        await run.take("web2")

    run.do(test)


def test_a_refusal_counts_no_more_after_a_while(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REFUSED_SECONDS", 0.0)

    async def test() -> None:
        await run.open("web0")
        run.places.refused(await run.take("web1"))
        await run.take("web2", wait=pytest.fail)
        assert run.places.expect("web3")

    run.do(test)


def test_who_raises_when_it_has_to_wait_takes_no_place(run: Run) -> None:
    async def test() -> None:
        held = [await run.open(f"web{number}") for number in range(QUOTA)]

        def refuse() -> None:
            raise ValueError("It does not wait.")

        with pytest.raises(ValueError, match="It does not wait"):
            await run.take("web20", wait=refuse)
        run.places.release(held[0])
        await run.take("web21", wait=pytest.fail)

    run.do(test)


def test_a_connection_between_two_commands_of_a_task_is_not_closed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """There are milliseconds between them."""
    monkeypatch.setattr(module, "_IDLE_SECONDS", 60.0)

    async def test() -> None:
        for number in range(QUOTA):
            run.begin(f"web{number}")
            await run.open(f"web{number}")
        run.end("web0")
        waiting = run.wait_for(run.take("db1"))
        await turn()
        assert not waiting.done()
        run.begin("web0")
        await turn()
        assert not waiting.done()
        waiting.cancel()

    run.do(test)


def test_who_waits_looks_again_when_a_connection_has_been_idle_for_long_enough(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else happens then."""
    monkeypatch.setattr(module, "_IDLE_SECONDS", 0.05)

    async def test() -> None:
        for number in range(QUOTA):
            run.begin(f"web{number}")
            await run.open(f"web{number}")
        run.end("web0")
        assert (await run.wait_for(run.take("db1"))).connection == "db1"

    run.do(test)
