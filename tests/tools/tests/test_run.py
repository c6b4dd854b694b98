# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A command that has passed is not run again until something that it reads has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

import run


@pytest.fixture(autouse=True)
def passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_PASSED", tmp_path / "passed")


def runs(folder: Path, *reads: str, command: str = "true") -> bool:
    """Run a command that leaves a mark, and say whether it was run."""
    mark = folder / "mark"
    mark.unlink(missing_ok=True)
    status = run.main(["a check", *reads, "--", "sh", "-c", f"touch '{mark}'; {command}"])
    assert (status == 0) == (command == "true")
    return mark.exists()


def test_it_runs_once_for_the_same_files(tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "a.py").write_text("a")
    reads = (str(folder),)
    assert runs(tmp_path, *reads)
    assert not runs(tmp_path, *reads)
    (folder / "a.py").write_text("b")
    assert runs(tmp_path, *reads)
    (folder / "a.py").rename(folder / "b.py")
    assert runs(tmp_path, *reads)


def test_what_failed_is_run_again_and_what_it_printed_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "setup").touch()
    for _time in range(2):
        assert runs(tmp_path, str(tmp_path / "setup"), command="echo what is wrong; false")
        assert "what is wrong\nFAILED  a check" in capfd.readouterr().out


def test_it_always_runs_where_it_is_not_said_what_it_reads() -> None:
    assert [run.main(["a check", "--", "sh", "-c", f"exit {status}"]) for status in (0, 3, 0)] == [0, 3, 0]
