# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A home, a workspace with the collection, a key and temporary files in folders whose paths mean something to ssh."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.tests.playbooks import Controller
from ansible_collections.sshkeys.aws.tests.plays.connection_hosts import (
    PLAYBOOKS,
    close_masters,
    direct,
    instances,
    inventory,
    masters,
    private,
    processes,
    pushes,
)
from ansible_collections.sshkeys.aws.tests.secrets_left import files_with_secrets

COLLECTION = Path(__file__).parents[2]
ODD = ["feature%2Ffoo", 'it\'s a "$x" #1', "bür\\o\\"]


@pytest.fixture
def odd(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Return an odd folder with a short path. The sockets of ssh are below it."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / request.param


@pytest.mark.parametrize(
    "odd",
    [
        # What each of the others has.
        'a%2Fb it\'s "$x" #1 ü\\',
        *(pytest.param(name, marks=pytest.mark.exhaustive) for name in ODD),
    ],
    indirect=True,
)
def test_a_run_from_odd_folders_logs_in(controller: Controller, odd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = controller.lab
    workspace = odd / "ansible_collections/sshkeys"
    workspace.mkdir(parents=True)
    shutil.copytree(COLLECTION, workspace / "aws", ignore=shutil.ignore_patterns("tests", ".git", "docs"))
    controller.make_key("own")
    for name in ("own", "own.pub"):
        shutil.copy(controller.folder / "keys" / name, odd / name)
    (odd / "home").mkdir()
    hosts = {
        "web": direct(lab, 0),
        "private": private(lab, 1),
        "own": {**direct(lab, 2), "ansible_private_key_file": str(odd / "own")},
    }
    environment = {
        "HOME": str(odd / "home"),
        # Longer than the path of a socket may be.
        "ANSIBLE_LOCAL_TEMP": str(odd / ("long" * 30) / "tmp"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(odd / "cp"),
        "ANSIBLE_COLLECTIONS_PATH": f"{odd}:{os.environ['ANSIBLE_COLLECTIONS_PATH']}",
        "XDG_STATE_HOME": str(odd / "state"),
    }
    run = controller.run(PLAYBOOKS / "hello.yml", inventory=inventory(lab, all_of_them=hosts), environment=environment)
    found = [path.name for path in masters(odd / "cp")]
    # The tunnel lasts as long as its master. Its process has been started from the workspace.
    programs = list(processes(str(odd / "home")).values())
    close_masters(odd / "cp")
    run.assert_succeeded()
    assert all(str(workspace) in program for program in programs)
    assert programs
    assert len(found) == len(hosts)
    assert all(re.fullmatch("[0-9a-f]{10}", name) for name in found)
    kept = {path.name for path in (odd / "state/sshkeys.aws/known_hosts").iterdir()}
    assert kept == {each["instance_id"] for each in instances(lab)[:3]}
    own = (odd / "own.pub").read_text().split()[1]
    assert [each["SSHPublicKey"].split()[1] for each in pushes(lab, 2)] == [own]
    assert files_with_secrets(odd / "home") == files_with_secrets(odd / ("long" * 30)) == []
