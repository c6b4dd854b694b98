# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several at work on the same user at the same time: the end is what one of them declared, and nobody claims more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from functools import cache, partial
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import PublicKey, read_held_key
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.held_keys import held_keys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.plan import UserOutcome, Wanted, plan_user
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotation import rotate
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab import seed
from ansible_collections.sshkeys.aws.tests.robustness.in_process import in_process_lab
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, line_of
from hypothesis import HealthCheck, example, given, settings, strategies as st

USER = "partner"
KEYS = tuple(line_of(ed25519_blob(bytes([number]) * 32), f"key-{number}") for number in range(1, 6))

key_sets = st.sets(st.sampled_from(KEYS), min_size=1)


class Turns:
    """Threads of which one at a time does something, in an order that is given: at each request and at each wait.

    When the order has come to its end, they take turns.
    """

    def __init__(self, order: Sequence[int]) -> None:
        """Begin with nobody. order: whose turn it is, by number."""
        self._order = list(order)
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        self._ready: set[int] = set()
        self._running: set[int] = set()
        self._last = 0
        self._me = threading.local()
        self.results: dict[int, Any] = {}

    def add(self, work: Callable[[], Any]) -> None:
        """Add somebody. What ``work`` returns is among the results."""
        number = len(self._threads)

        def run() -> None:
            self._me.number = number
            try:
                self.await_turn()
                self.results[number] = work()
            finally:
                with self._changed:
                    self._running.discard(number)
                    self._changed.notify_all()

        self._running.add(number)
        self._threads.append(threading.Thread(target=run))

    def await_turn(self) -> None:
        """Wait for the next turn of this thread; any other thread just goes on."""
        number = getattr(self._me, "number", None)
        if number is None:
            return
        with self._changed:
            self._ready.add(number)
            self._changed.notify_all()
            self._changed.wait_for(lambda: number not in self._ready)

    def play(self) -> None:
        """Let them all work until they are done."""
        for thread in self._threads:
            thread.start()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ready == self._running)
                if not self._running:
                    break
                self._ready.discard(self._next())
                self._changed.notify_all()
                # Until it waits again, or has ended.
                self._changed.wait_for(lambda: self._ready == self._running)
        for thread in self._threads:
            thread.join()

    def _next(self) -> int:
        while self._order:
            number = self._order.pop(0)
            if number in self._ready:
                return number
        self._last = min((number for number in self._ready if number > self._last), default=min(self._ready))
        return self._last


MakeTurns = Callable[[Sequence[int]], Turns]


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> MakeTurns:
    """Return a maker of turns, for which a wait is a turn that somebody else may take."""
    monkeypatch.setattr(time, "sleep", lambda _seconds: await_turn())

    def make(order: Sequence[int]) -> Turns:
        AT_WORK[:] = [Turns(order)]
        return AT_WORK[-1]

    return make


def public_key(line: str) -> PublicKey:
    key = read_held_key(line)
    assert key
    return key


def hold(keys: Collection[str]) -> None:
    in_process_lab().front.services.transfer.set_keys(
        seed.REGION, seed.SERVER_ID, USER, [(key, 1_600_000_000) for key in sorted(keys)]
    )


def held() -> set[str]:
    return set(in_process_lab().front.services.transfer.held_keys(seed.REGION, seed.SERVER_ID, USER))


# The turns that are taken.
AT_WORK: list[Turns] = []


def await_turn() -> None:
    AT_WORK[-1].await_turn()


@cache
def transfer() -> Any:
    """Return a client that waits for a turn of its thread in front of each request."""
    return in_process_lab().client("transfer", await_turn)


def declare(keys: Collection[str]) -> UserOutcome:
    """Do what transfer_ssh_key does for one user, with exclusive."""
    client = transfer()
    wanted = Wanted(USER, present=True, exclusive=True, keys=tuple(map(public_key, sorted(keys))))
    return rotate(client, seed.SERVER_ID, plan_user(held_keys(client, seed.SERVER_ID, USER), wanted), 0)


a_race = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@a_race
@given(before=key_sets, first=key_sets, second=key_sets, order=st.lists(st.integers(0, 1), max_size=60))
# Step by step, with a key that both declare: each takes its own for the last one that came.
@example(before={KEYS[2]}, first={KEYS[0], KEYS[4]}, second={KEYS[1], KEYS[4]}, order=[])
@example(before={KEYS[2]}, first={KEYS[0], KEYS[4]}, second={KEYS[1], KEYS[4]}, order=[0, 1] * 6)
@example(before={KEYS[2]}, first={KEYS[0], KEYS[4]}, second={KEYS[1], KEYS[4]}, order=[0, 0, 1, 1, 0, 1] * 6)
def test_two_rotations_at_once(
    turns: MakeTurns, before: set[str], first: set[str], second: set[str], order: list[int]
) -> None:
    """Whatever the order of their calls: the user ends as one of them has declared, and each says what it did."""
    hold(before)
    in_process_lab().front.services.journal.clear()
    race = turns(order)
    race.add(partial(declare, first))
    race.add(partial(declare, second))
    race.play()
    outcomes: list[UserOutcome] = [race.results[0], race.results[1]]
    assert held() in (first, second)
    done = [
        outcome
        for outcome, wanted in zip(outcomes, (first, second), strict=True)
        if held() == wanted and not outcome.error
    ]
    assert done, outcomes
    sent = in_process_lab().front.services.journal.read()
    for name, operation in (("imported", "ImportSshPublicKey"), ("deleted", "DeleteSshPublicKey")):
        claimed = sum(len(getattr(outcome, name)) for outcome in outcomes)
        accepted = sum(call["operation"] == operation and call["status"] == 200 for call in sent)
        assert claimed <= accepted


@a_race
@given(
    before=key_sets,
    wanted=key_sets,
    hands=st.lists(st.tuples(st.booleans(), st.sampled_from(KEYS)), min_size=1, max_size=4),
    order=st.lists(st.integers(0, 1), max_size=40),
)
def test_another_hand(
    turns: MakeTurns, before: set[str], wanted: set[str], hands: list[tuple[bool, str]], order: list[int]
) -> None:
    """Somebody adds and removes keys in between: what the run claims to have done is what AWS took from it."""
    hold(before)
    in_process_lab().front.services.journal.clear()
    race = turns(order)

    def meddle() -> None:
        for adds, key in hands:
            race.await_turn()
            hold(held() | {key} if adds else held() - {key})

    race.add(partial(declare, wanted))
    race.add(meddle)
    race.play()
    outcome: UserOutcome = race.results[0]
    accepted = [call for call in in_process_lab().front.services.journal.read() if call["status"] == 200]
    imports = {call["parameters"]["SshPublicKeyBody"] for call in accepted if call["operation"] == "ImportSshPublicKey"}
    assert {key.body for key in outcome.imported} == imports
    assert len(outcome.deleted) == sum(call["operation"] == "DeleteSshPublicKey" for call in accepted)
    if not outcome.error:
        assert {key.body for key in outcome.after or ()} == wanted
    assert {key.body for key in outcome.before or ()} <= before | {key for _adds, key in hands}
