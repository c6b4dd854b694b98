# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.tests.conftest import homes
from ansible_collections.sshkeys.aws.tests.robustness.faults import Way, nowhere
from ansible_collections.sshkeys.aws.tests.robustness.figures import Figure, Figures
from ansible_collections.sshkeys.aws.tests.robustness.in_process import InProcessLab, in_process_lab
from ansible_collections.sshkeys.aws.tests.robustness.turns import AT_WORK, MakeTurns, Turns, await_turn


class Waiting:
    """The waits of a test, which are counted and not waited for. Whoever looks at the clock sees them pass."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the place of time.sleep and time.monotonic until the test has ended."""
        self.seconds = 0.0
        monotonic = time.monotonic
        monkeypatch.setattr(time, "sleep", self._sleep)
        monkeypatch.setattr(time, "monotonic", lambda: monotonic() + self.seconds)

    def _sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Waiting:
    return Waiting(monkeypatch)


# Random pauses differ by whole turns.
_TURNS_A_SECOND = 8


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> MakeTurns:
    """Return a maker of turns. A wait is some turns that somebody else may take, and the clock goes on with it.

    The lab without a wire begins in its first state: another test may have left a fault in it.
    """
    in_process_lab().control("POST", "reset")
    waited: list[float] = []
    monotonic = time.monotonic

    def wait(seconds: float) -> None:
        waited.append(seconds)
        for _turn in range(1 + int(seconds * _TURNS_A_SECOND)):
            await_turn()

    monkeypatch.setattr(time, "sleep", wait)
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + sum(waited))

    def make(order: Sequence[int]) -> Turns:
        AT_WORK[:] = [Turns(order)]
        return AT_WORK[-1]

    return make


@pytest.fixture
def lab_in_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InProcessLab:
    """Return the lab's services without a wire, in their first state. Files of a user go to a folder of the test."""
    for name, value in homes(tmp_path).items():
        monkeypatch.setenv(name, value)
    in_process_lab().control("POST", "reset")
    return in_process_lab()


@pytest.fixture(scope="module")
def way() -> Iterator[Way]:
    """Return the way to a lab on the wire."""
    with nowhere() as addresses:
        yield Way(addresses)


FIGURES = pytest.StashKey[Figures]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FIGURES] = Figures()


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Figure:
    return request.config.stash[FIGURES].note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash[FIGURES].lines():
        terminalreporter.write_line(line)
