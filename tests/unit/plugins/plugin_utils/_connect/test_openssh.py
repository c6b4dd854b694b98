# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a program of OpenSSH gets from the connection."""

from __future__ import annotations

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect import openssh


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "EC2_SECRET_KEY"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("SSH_AUTH_SOCK", "somewhere")


def test_no_credentials() -> None:
    said = openssh.run(["env"]).stdout
    assert "SSH_AUTH_SOCK=somewhere" in said
    assert "secret" not in said


def test_credentials_for_what_asks_other_programs() -> None:
    assert "AWS_SECRET_ACCESS_KEY=secret" in openssh.run(["env"], keeps_credentials=True).stdout


def test_nobody_is_asked() -> None:
    assert openssh.run(["cat"]).stdout == ""


def test_the_version_of_ssh() -> None:
    found = openssh.version("ssh")
    assert found
    assert found > (7, 5)
    assert openssh.version("true") is None
    assert openssh.version("/nonexistent") is None


def test_a_failure_is_an_answer() -> None:
    assert openssh.run(["false"]).returncode == 1
