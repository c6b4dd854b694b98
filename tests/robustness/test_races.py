# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several at work on the same user at the same time: the end is what one of them declared, and nobody claims more."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import PublicKey, read_held_key
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.held_keys import held_keys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.plan import KeysOutcome, WantedKeys, plan_keys
from ansible_collections.sshkeys.aws.plugins.module_utils._transfer.rotation import rotate
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab import seed
from ansible_collections.sshkeys.aws.tests.robustness.in_process import in_process_lab
from ansible_collections.sshkeys.aws.tests.robustness.turns import MakeTurns, transfer
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, line_of
from hypothesis import HealthCheck, example, given, settings, strategies as st

USER = "partner"
KEYS = tuple(line_of(ed25519_blob(bytes([number]) * 32), f"key-{number}") for number in range(1, 6))

key_sets = st.sets(st.sampled_from(KEYS), min_size=1)


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


def declare(keys: Collection[str]) -> KeysOutcome:
    """Do what transfer_ssh_key does for one user, with exclusive."""
    client = transfer()
    wanted = WantedKeys(USER, present=True, exclusive=True, keys=tuple(map(public_key, sorted(keys))))
    return rotate(client, seed.SERVER_ID, plan_keys(held_keys(client, seed.SERVER_ID, USER), wanted), 0)


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
    outcomes: list[KeysOutcome] = [race.results[0], race.results[1]]
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
    outcome: KeysOutcome = race.results[0]
    accepted = [call for call in in_process_lab().front.services.journal.read() if call["status"] == 200]
    imports = {call["parameters"]["SshPublicKeyBody"] for call in accepted if call["operation"] == "ImportSshPublicKey"}
    assert {key.body for key in outcome.imported} == imports
    assert len(outcome.deleted) == sum(call["operation"] == "DeleteSshPublicKey" for call in accepted)
    if not outcome.error:
        assert {key.body for key in outcome.after or ()} == wanted
    assert {key.body for key in outcome.before or ()} <= before | {key for _adds, key in hands}
