# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the broker carries through Session Manager, whose agent has its real pace: 1024 bytes, then a millisecond."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from measure import HERE, BenchFolder
from openings import Openings
from report import Row, Sample, ratio

_TIMES = 3
_MB = 1 << 20
_UP_MB = 20
_UP_MB_FAR_AWAY = 6
_DOWN_MB = 4
_FAR_AWAY: Mapping[str, object] = {"round_trip": 0.04}
_LOSSY: Mapping[str, object] = {**_FAR_AWAY, "lost": 0.005}
# What the official plugin does there, in MB/s: session-manager-plugin 1.2.677 against the agent's own code.
_PLUGIN = {"": 0.62, "at 40 ms": 0.60, "at 40 ms, with 0.5 % lost": 0.32}

Control = Callable[[str, str, object], dict[str, Any]]


class Sessions(Openings):
    """A broker, and sessions to the instances of a lab through it."""

    def __init__(self, place: BenchFolder, lab: Mapping[str, Any], sockets: Path, control: Control) -> None:
        """control: makes a request to the lab's control API."""
        super().__init__(place, lab, sockets)
        self._control = control

    def rows(self) -> list[Row]:
        """Measure."""
        (self._place.folder / "big").write_bytes(os.urandom(_UP_MB * _MB))
        return [
            self._upload("", {}, _UP_MB, 3),
            self._upload("at 40 ms", _FAR_AWAY, _UP_MB_FAR_AWAY, 0.95),
            self._upload("at 40 ms, with 0.5 % lost", _LOSSY, _UP_MB_FAR_AWAY, 0.45),
            self._download(),
        ]

    def _upload(self, where: str, settings: Mapping[str, object], size_mb: int, limit: float) -> Row:
        """Measure one upload."""
        rates = [self._rate("up", settings, size_mb, bare=False) for _time in range(_TIMES)]
        sample = Sample(tuple(rates), unit="MB/s")
        sides = f"{sample}; the official plugin {_PLUGIN[where]} MB/s"
        what = " ".join(["upload through Session Manager", *([where] if where else [])])
        return Row(what, sample.median, limit, sides, is_floor=True, unit="MB/s")

    def _download(self) -> Row:
        """Measure one download against the pace of the agent, by turns."""
        seconds: dict[bool, list[float]] = {False: [], True: []}
        for _time in range(_TIMES):
            for bare, taken in seconds.items():
                taken.append(_DOWN_MB / self._rate("down", {}, _DOWN_MB, bare=bare))
        ours, agent = (Sample(tuple(taken)) for taken in seconds.values())
        what = f"{_DOWN_MB} MB down through Session Manager, against the pace of the agent"
        return ratio(what, ("the broker", ours), ("a bare client", agent), 0.9, is_floor=True)

    def _rate(self, way: str, settings: Mapping[str, object], size_mb: int, *, bare: bool) -> float:
        """Return the MB/s of a transfer over a connection that is there. bare: with the bare client."""
        socket = self._sockets / "session"
        big = shlex.quote(str(self._place.folder / "big"))
        remote = "cat > /dev/null" if way == "up" else f"head -c {size_mb * _MB} {big}"
        with self._broker("session") as folder, self._persistent([socket]):
            opening = self._through_a_bare_session() if bare else self._through_session_manager(folder, 0)
            self._run(self._persisting(socket, opening))
            self._control("PUT", "session_manager", {"round_trip": 0.0, "lost": 0.0, **settings})
            began = time.monotonic()
            sent = size_mb * _MB if way == "up" else 0
            with subprocess.Popen(["head", "-c", str(sent), big], stdout=subprocess.PIPE) as given:
                subprocess.run(self._over(socket, remote), stdin=given.stdout, stdout=subprocess.DEVNULL, check=True)
            taken = time.monotonic() - began
            self._control("PUT", "session_manager", {"round_trip": 0.0, "lost": 0.0})
        return size_mb / taken

    def _through_a_bare_session(self) -> Sequence[str]:
        lab_file = Path(self._environment["LAB_STATE"])
        program = [sys.executable, str(HERE / "bare_session.py"), str(lab_file), self._open[0]["instance_id"]]
        return self._ssh(0, ["-o", f"ProxyCommand={shlex.join(program).replace('%', '%%')}"])
