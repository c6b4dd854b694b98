# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of opening a connection: which way, with which key, and how ssh is asked for its configuration."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import opening, openssh
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings

INSTANCE_ID = "i-0123456789abcdef0"


@pytest.mark.parametrize(("seconds", "pushes"), [(1, 1), (29, 1), (31, 2), (90, 2)])
def test_a_key_that_had_to_wait_is_pushed_again(
    seconds: int, pushes: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An endpoint may have no room, and an instance may have to boot, for longer than a key lives."""
    now, pushed = [1000.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(opening, "account_of", lambda _aws: SimpleNamespace(client=lambda _service: None))
    configuration = {"user": "ec2-user", "port": "22", "hostname": "web1"}
    monkeypatch.setattr(openssh, "configuration", lambda _command: configuration)
    monkeypatch.setattr(opening._Opening, "_push", lambda _self, user: pushed.append(user))

    def reach_slowly(_find: object, _open_to: object) -> socket.socket:
        now[0] += seconds
        return socket.socket()

    monkeypatch.setattr(opening, "reach", reach_slowly)
    nothing = dict.fromkeys(Settings.__annotations__)
    settings = cast("Settings", {**nothing, "instance_id": INSTANCE_ID, "timeout": 100, "host_keys": "ssh"})
    ssh, theirs = socket.socketpair()
    with ssh, theirs:
        status, _carry = opening.main(settings, str(tmp_path / "settings.json"), theirs)
        received, descriptors, _flags, _address = socket.recv_fds(ssh, 10, 1)
    os.close(descriptors[0])
    assert (status, received, pushed) == (0, b"\0", ["ec2-user"] * pushes)
