# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of Session Manager's frames, with each of its troubles."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sshkeys_lab.ssm_network import Way
from sshkeys_lab.ssm_settings import SessionManagerSettings

SENT = [bytes([number]) for number in range(6)]


def arrived(seconds: float = 0.0, **settings: Any) -> list[bytes]:
    """Send six frames; return what has arrived after some seconds."""
    found: list[bytes] = []

    async def send() -> None:
        chosen = SessionManagerSettings()
        chosen.update(settings)
        way = Way(chosen, "up", found.append)
        for frame in SENT:
            way.send(frame)
        async with asyncio.timeout(10):
            await asyncio.sleep(seconds)
        way.stop()
        way.send(b"after the end")

    asyncio.run(send())
    return found


def test_all_arrive_at_once() -> None:
    assert arrived() == SENT


def test_a_round_trip_takes_time_and_keeps_the_order() -> None:
    assert arrived(round_trip=0.1) == []
    assert arrived(0.1, round_trip=0.1) == SENT


@pytest.mark.parametrize(
    ("seconds", "settings", "expected"),
    [
        (0, {"lost": 1}, []),
        (0, {"doubled": 1}, [frame for frame in SENT for _copy in range(2)]),
        (0, {"reordered": 1}, [SENT[index] for index in (1, 0, 3, 2, 5, 4)]),
        (0, {"late": 1}, []),
        (0.4, {"late": 1}, SENT),
    ],
)
def test_troubles(seconds: float, settings: dict[str, float], expected: list[bytes]) -> None:
    assert arrived(seconds, **settings) == expected


def test_the_seed_decides() -> None:
    first = arrived(lost=0.5, random_seed=1)
    assert first == arrived(lost=0.5, random_seed=1)
    assert first != arrived(lost=0.5, random_seed=2)
