# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each call that a connection makes goes wrong in each way: ssh gets what it needs, or the user a sentence.

The calls are those that a connection makes when nothing goes wrong, so a new call is tested by itself.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.preload import preload
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import accounts
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.commands import Commands
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.explain import Step
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.opening import Opener
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.places import Places
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.run_folder import PAIR
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.run_keys import RunKeys
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.session_manager.open_sessions import OpenSessions
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings
from ansible_collections.sshkeys.aws.tests.robustness.conftest import Waiting
from ansible_collections.sshkeys.aws.tests.robustness.faults import FAULTS, SECONDS_AT_MOST, Call, Fault, Way
from ansible_collections.sshkeys.aws.tests.robustness.figures import Figure
from ansible_collections.sshkeys.aws.tests.running_lab import PreparedSession, RunningLab

# As ansible_timeout.
TIMEOUT = 10

# Which step of a connection has which call.
STEPS = {
    "SendSSHPublicKey": Step.PUSH,
    "GetConsoleOutput": Step.HOST_KEYS,
    "DescribeInstances": Step.FIND,
    "DescribeInstanceConnectEndpoints": Step.TUNNEL,
}


@dataclass(frozen=True)
class Attempt:
    """What came of a connection: what ssh got, what the user is told, and what stands at the instance.

    failure: the step that failed and a sentence, None if all have worked.
    """

    connected: bool
    failure: tuple[Step, str] | None
    is_live: bool
    knows_host_keys: bool
    seconds: float
    strikes: int

    def complaints(self, call: Call, fault: Fault) -> Iterator[str]:
        """Yield what does not fit."""
        step, sentence = self.failure or (None, "")
        if not self.strikes:
            yield "nothing went wrong"
        if self.seconds > SECONDS_AT_MOST:
            yield f"takes {self.seconds:.0f} seconds"
        if self.connected is bool(sentence):
            yield f"connected is {self.connected}, and the user is told: {sentence!r}"
        if fault.passes and not self.connected:
            yield f"gave up: {sentence}"
        # What is no answer of an instance that boots is asked for again.
        if fault.times is None and self.connected:
            yield "ssh got a connection"
        if self.connected and not (self.is_live and self.knows_host_keys):
            yield f"ssh got a connection, a live key is {self.is_live}, and host keys are {self.knows_host_keys}"
        if step:
            yield from self._complaints_of_failure(call, step, sentence)

    def _complaints_of_failure(self, call: Call, step: Step, sentence: str) -> Iterator[str]:
        if step is not STEPS[call.operation]:
            yield f"is told of as {step.name}: {sentence}"
        if not sentence.isprintable() or not sentence.endswith("."):
            yield f"says what is no sentence: {sentence!r}"
        if step is Step.PUSH and self.is_live and "unknown whether" not in sentence:
            yield f"the key is live, and the user is told: {sentence}"


@dataclass(frozen=True)
class Trial:
    """A place for connections to one instance, of which nothing is known but its id."""

    running_lab: RunningLab
    waiting: Waiting
    way: Way
    folder: Path
    # The folder of the run, which the broker makes.
    keys: Path
    monkeypatch: pytest.MonkeyPatch
    # What clients are made of.
    preloaded: Any

    @property
    def _instance(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.running_lab.lab["instances"][0]
        return found

    def _settings(self, folder: Path) -> dict[str, Any]:
        """Return what the connection plugin would say. No instance of the lab has a public address."""
        instance = self._instance
        return {
            **dict.fromkeys(Settings.__annotations__),
            "connection": instance["instance_id"],
            "instance_id": instance["instance_id"],
            "name": "web1",
            "timeout": TIMEOUT,
            "tunnel": "auto",
            "max_tunnel_duration": 3600,
            "host_keys": "console",
            "known_hosts": str(folder / "known_hosts" / instance["instance_id"]),
            "global_known_hosts": [],
            "public_key_file": str(self.keys / f"{PAIR}.pub"),
            "is_key_of_the_run": True,
            "aws": self.running_lab.aws,
            "ssh": ["ssh", "-F", "none", "-l", instance["os_user"], "-G", "web1"],
            "controller": os.getpid(),
        }

    def calls(self) -> list[Call]:
        """Return the calls of a connection that goes well."""
        self.running_lab.control("DELETE", "requests")
        attempt = self.run()
        assert attempt.connected, attempt.failure
        operations = (request["operation"] for request in self.running_lab.requests())
        # The end of a tunnel and what an endpoint refuses are tested with the connection itself.
        return [Call(operation, {}, 0) for operation in operations if operation != "OpenTunnel"]

    def run(self, fault: Fault | None = None, call: Call | None = None) -> Attempt:
        """Connect, while a call goes wrong."""
        folder = self.folder / f"{time.monotonic_ns()}"
        folder.mkdir()
        self.running_lab.control("POST", "clock", advance=61)
        settings = self._settings(folder)
        with self.monkeypatch.context() as patch:
            if fault and call:
                self._spoil(patch, fault, call)
            self.waiting.seconds, began = 0.0, time.monotonic()
            connected, failure = asyncio.run(self._connect(settings))
            seconds = time.monotonic() - began
        strikes = self.way.strikes(self.running_lab)
        if fault:
            seconds += fault.seconds_left_out(strikes)
        self.running_lab.misbehave()
        return Attempt(
            connected,
            failure,
            bool(self.running_lab.live(self._instance["instance_id"], self._instance["os_user"])),
            Path(settings["known_hosts"]).exists(),
            seconds,
            strikes,
        )

    def _spoil(self, patch: pytest.MonkeyPatch, fault: Fault, call: Call) -> None:
        """Let a call go wrong."""
        prepare = self.way.spoil(self.running_lab, fault, call)

        def spoiled(params: Mapping[str, Any], _preloaded: object) -> PreparedSession:
            return PreparedSession({**params, "aws_config": fault.aws_config}, self.preloaded, prepare)

        patch.setattr(accounts, "Session", spoiled)

    async def _connect(self, settings: Any) -> tuple[bool, tuple[Step, str] | None]:
        """Return whether ssh gets a connection, which it closes at once, and what failed."""
        commands = Commands()
        # Each has clients of its own. One that had its share of faults would give up earlier.
        opener = Opener(commands, Places(commands), OpenSessions(str(self.keys), "broker"))
        ssh, ours = socket.socketpair()
        with ssh, ours:
            failure = await opener.open(settings, ours)
            ours.close()
            _message, descriptors, _flags, _address = socket.recv_fds(ssh, 1, 1)
            for descriptor in descriptors:
                socket.socket(fileno=descriptor).close()
            await opener.ended()
        return bool(descriptors), failure


@pytest.fixture
def trial(
    running_lab: RunningLab, waiting: Waiting, way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Trial]:
    keys = tmp_path / "run"
    RunKeys(str(keys), os.getpid()).make_folder()
    yield Trial(running_lab, waiting, way, tmp_path, keys, monkeypatch, preload())
    # Its guard ends with it.
    shutil.rmtree(keys)


def _is_chosen(number: int, call: Call, fault: Fault, one_of: int) -> bool:
    """Return whether a pair is tried: one of so many, and whatever may leave it open whether a key was pushed."""
    return number % one_of == 0 or (STEPS[call.operation] is Step.PUSH and fault.times is None)


# There are four calls, so each fault is tried on one of them.
@pytest.mark.parametrize("one_of", [4, pytest.param(1, marks=pytest.mark.exhaustive)], ids=["some", "all"])
def test_a_connection_or_a_sentence(trial: Trial, figure: Figure, one_of: int) -> None:
    """Each call and each fault: within a bounded time ssh has a connection, or the user knows which step failed."""
    found: list[str] = []
    calls, longest = trial.calls(), 0.0
    assert {call.operation for call in calls} == STEPS.keys()
    pairs = enumerate(product(calls, FAULTS))
    chosen = [(call, fault) for number, (call, fault) in pairs if _is_chosen(number, call, fault, one_of)]
    for call, fault in chosen:
        attempt = trial.run(fault, call)
        longest = max(longest, attempt.seconds)
        found += [f"{call.operation}, {fault}: {complaint}" for complaint in attempt.complaints(call, fault)]
    assert not found, "\n".join(found)
    figure(
        "connections with a fault in them", f"{len(chosen)} of {len(calls)} x {len(FAULTS)}, {longest:.0f} s at most"
    )
