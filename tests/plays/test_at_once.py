# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real playbooks and the hosts of one, at the same time. They meet for certain: calls to the lab wait for each other.

Every order of the calls of two rotations is in tests/robustness/test_races.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.tests.playbooks import Controller
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, line_of

PLAYS = Path(__file__).parent / "at_once"
KEYS = [line_of(ed25519_blob(bytes([number]) * 32), f"key-{number}") for number in range(1, 10)]
OLD, *WANTED = (frozenset(KEYS[:3]), frozenset(KEYS[3:6]), frozenset(KEYS[6:9]))
FORKS = 10


# -- Two playbooks -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Race:
    """What two playbooks said of the user that both rotated, what it holds then, and the calls that were accepted."""

    said: Sequence[dict[str, Any]]
    failed: Sequence[bool]
    held: frozenset[str]
    accepted: Sequence[dict[str, Any]]

    def bodies(self, operation: str) -> list[str]:
        """Return the keys of the accepted calls of one operation, in their order."""
        return [call["parameters"].get("SshPublicKeyBody", "") for call in self.of(operation)]

    def of(self, operation: str) -> list[dict[str, Any]]:
        """Return the accepted calls of one operation."""
        return [call for call in self.accepted if call["operation"] == operation]


def bodies(keys: Sequence[dict[str, Any]]) -> frozenset[str]:
    return frozenset(key["body"] for key in keys)


@pytest.fixture(scope="module")
def race(module_controller: Controller) -> Race:
    """Let two playbooks rotate a user. Neither goes on from its first import before the other one has made its own."""
    lab = module_controller.lab
    lab.hold("partner", sorted(OLD))
    lab.control("DELETE", "requests")
    lab.misbehave({"operation": "ImportSshPublicKey", "fault": "meet", "calls": 2, "times": 2})
    started = [
        module_controller.start(PLAYS / "rotate.yml", variables={"lab": lab.lab, "wanted": sorted(keys)})
        for keys in WANTED
    ]
    runs = [run.finish() for run in started]
    said = [dict(run.of("Rotate")) for run in runs]
    accepted = [request for request in lab.requests() if request["status"] == 200]
    return Race(said, [run.status != 0 for run in runs], frozenset(lab.held("partner")), accepted)


def test_two_playbooks_meet(race: Race) -> None:
    """Each had imported a key when neither had ended."""
    first, second = race.bodies("ImportSshPublicKey")[:2]
    assert [first in keys for keys in WANTED] == [second not in keys for keys in WANTED]


def test_the_user_ends_as_one_of_two_playbooks_declared(race: Race) -> None:
    """And that one says so."""
    assert race.held in WANTED
    number = WANTED.index(race.held)
    assert not race.failed[number]
    assert bodies(race.said[number]["ssh_public_keys"]) == race.held


def test_a_playbook_that_gave_way_says_why(race: Race) -> None:
    number = 1 - WANTED.index(race.held)
    # It gave way, or it had ended before the last one began again.
    if race.failed[number]:
        assert "Another client may be changing this user" in race.said[number]["msg"]
    else:
        assert bodies(race.said[number]["ssh_public_keys"]) == WANTED[number]


def test_what_two_playbooks_claim_has_happened(race: Race) -> None:
    for said, keys in zip(race.said, WANTED, strict=True):
        assert bodies(said["imported"]) <= keys
        assert bodies(said["imported"]) <= set(race.bodies("ImportSshPublicKey"))
        assert bodies(said["deleted"]) <= set(KEYS) - keys
    assert sum(len(said["deleted"]) for said in race.said) <= len(race.of("DeleteSshPublicKey"))


# -- The hosts of one playbook -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Crowd:
    """What many hosts said of a push of the same key, of another one after it, and what came of both."""

    first: Sequence[dict[str, Any]]
    again: Sequence[dict[str, Any]]
    live: Sequence[str]
    pushes: int
    leases: Sequence[str]


@pytest.fixture(scope="module")
def crowd(module_controller: Controller) -> Crowd:
    """Push a key from many hosts, none of which gets an answer before all have asked."""
    lab = module_controller.lab
    lab.control("DELETE", "requests")
    lab.misbehave({"operation": "SendSSHPublicKey", "fault": "meet", "calls": FORKS, "times": FORKS})
    hosts = {f"host{number}": {"ansible_connection": "local"} for number in range(FORKS)}
    run = module_controller.run(
        PLAYS / "push.yml",
        f"--forks={FORKS}",
        inventory={"all": {"hosts": hosts}},
        variables={"lab": lab.lab, "wanted": KEYS[0]},
    )
    run.assert_succeeded()
    return Crowd(
        [dict(each.result) for each in run.all_of("Push")],
        [dict(each.result) for each in run.all_of("Push again")],
        lab.live(lab.instance_ids[0], "ubuntu"),
        len(lab.requests()),
        [path.suffix for path in (module_controller.folder / "home" / "cache").rglob("*") if path.is_file()],
    )


def test_forks_that_push_at_once_all_succeed(crowd: Crowd) -> None:
    """The key is live, and each says what it did."""
    assert [(said["success"], said["changed"]) for said in crowd.first] == [(True, True)] * FORKS
    assert crowd.live == [KEYS[0].rsplit(" ", 1)[0]]


def test_forks_that_push_at_once_leave_one_lease(crowd: Crowd) -> None:
    """So whoever comes later sends nothing."""
    assert crowd.leases == [".lease"]
    assert [said["changed"] for said in crowd.again] == [False] * FORKS
    assert crowd.pushes == FORKS
