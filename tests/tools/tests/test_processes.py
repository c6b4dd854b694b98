# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A command's output is kept whole, and nothing of it stays behind."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from devtools import processes
from devtools.processes import Finished, Processes, StoppedError

LEAVES_A_CHILD = """\
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
"""


def run(runner: Processes, folder: Path, code: str) -> Finished:
    command = [sys.executable, "-c", code]
    return runner.run(command, cwd=folder, env=os.environ, log=folder / "logs" / "command.log")


def is_running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def wait_for_end(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not is_running(pid)


def test_status_and_output(tmp_path: Path) -> None:
    done = run(Processes(), tmp_path, "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert done.returncode == 3
    assert sorted(done.output.split()) == ["err", "out"]
    assert done.log.read_text(encoding="utf-8") == done.output


def test_there_is_no_input(tmp_path: Path) -> None:
    assert run(Processes(), tmp_path, "import sys; print(repr(sys.stdin.read()))").output == "''\n"


def test_child_that_is_left_behind_neither_blocks_nor_stays(tmp_path: Path) -> None:
    done = run(Processes(), tmp_path, LEAVES_A_CHILD)
    assert done.seconds < 30
    assert wait_for_end(int(done.output))


def test_time_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "TIME_LIMIT", 1)
    done = run(Processes(), tmp_path, "import time; time.sleep(600)")
    assert done.returncode != 0
    assert "more than 1 seconds" in done.output


def test_stop_ends_what_runs_and_starts_nothing_more(tmp_path: Path) -> None:
    runner = Processes()
    stopper = threading.Timer(1, runner.stop)
    stopper.start()
    with pytest.raises(StoppedError):
        run(runner, tmp_path, "import time; time.sleep(600)")
    stopper.join()
    with pytest.raises(StoppedError):
        run(runner, tmp_path, "print('again')")
