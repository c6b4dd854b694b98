# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user is told when a connection fails."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.explain import NO_ENDPOINT, Step, failure, tell

INSTANCE_ID = "i-0123456789abcdef0"
SSH = "Failed to connect to the host via ssh: "


REFUSED = "the key was pushed, and ssh did not accept the key."


@pytest.fixture
def settings(tmp_path: Path) -> str:
    """Return the file with the settings of a connection."""
    file = tmp_path / "settings.json"
    known = {"instance_id": INSTANCE_ID, "known_hosts": "/state/known", "public_key_file": "/run/key.pub"}
    file.write_text(json.dumps(known))
    return str(file)


@pytest.mark.parametrize("step", Step)
def test_a_step_that_failed_is_named(settings: str, step: Step) -> None:
    """The sentence of the step, and what it told; but nothing that was told about an earlier attempt."""
    tell(settings, step, "AWS said no.")
    said = failure(SSH, settings, time.time() - 1)
    assert said.startswith(f"{INSTANCE_ID}: {step.value} AWS said no.")
    # Only of a tunnel that was open is what ssh says worth anything.
    assert (SSH in said) == (step is Step.TUNNEL_ENDED)
    assert "AWS said no." not in failure(SSH, settings, time.time() + 1)


@pytest.mark.parametrize(
    ("step", "sentence", "hint"),
    [
        (Step.TUNNEL_ENDED, "The endpoint ended the tunnel: Unable to connect to target (1011).", "security group"),
        (Step.CONNECT, "192.0.2.1 port 22: Connection refused.", "still be booting"),
        (Step.CONNECT, "web1 port 22: Name or service not known.", "ansible_host"),
        (Step.CONNECT, "192.0.2.1 port 22: timed out.", "Instance Connect Endpoint"),
        (Step.CONNECT, f"192.0.2.1 port 22: timed out. {NO_ENDPOINT}", "create-instance-connect-endpoint"),
        (Step.HOST_KEYS, "UnauthorizedOperation: no.", "accept-new"),
        (Step.HOST_KEYS, "The host keys cannot be written to /home/x: Permission denied.", "XDG_STATE_HOME"),
    ],
)
def test_what_to_do_about_it(settings: str, step: Step, sentence: str, hint: str) -> None:
    tell(settings, step, sentence)
    assert hint in failure(SSH, settings, time.time() - 1)


@pytest.mark.parametrize(
    ("said", "happened", "means"),
    [
        ("root@192.0.2.1: Permission denied (publickey).", REFUSED, "Likely causes, the likeliest first: (1)"),
        ("Host key verification failed.", REFUSED, f"looked up under {INSTANCE_ID} (HostKeyAlias);"),
        ("Host key verification failed.", REFUSED, "If the instance has new keys for a reason"),
        ("Load key: error in libcrypto", REFUSED, "belong to /run/key.pub"),
        ("Connection closed by UNKNOWN port 65535", "the connection has ended.", "the sshd accepts no logins yet"),
    ],
)
def test_what_ssh_says_is_explained(settings: str, said: str, happened: str, means: str) -> None:
    told = failure(SSH + said, settings, time.time() - 1)
    assert told.startswith(f"{INSTANCE_ID}: {happened} {SSH}{said}")
    assert means in told


@pytest.mark.parametrize(
    ("key", "means"),
    [
        ("/home/anna/.ssh/old", "Likely causes, the likeliest first"),
        ("/run/key", "ssh cannot use the private key"),
        ("/run/key.pub", "ssh cannot use the private key"),
    ],
)
def test_only_the_key_that_was_pushed_is_missed(settings: str, key: str, means: str) -> None:
    """The user's configuration of ssh may name other keys, which are not there."""
    said = f"{SSH}no such identity: {key}: No such file or directory\r\nanna@web1: Permission denied (publickey)."
    told = failure(said, settings, time.time() - 1)
    assert means in told
    assert said in told


def test_the_end_of_the_run_is_no_riddle(tmp_path: Path) -> None:
    assert failure("Killed", str(tmp_path / "gone/settings.json"), time.time()) == "Killed"


def test_what_nobody_knows_is_repeated(settings: str) -> None:
    assert failure("Something else", settings, time.time() - 1) == f"{INSTANCE_ID}: Something else"


def test_what_is_told_is_private(settings: str) -> None:
    tell(settings, Step.PUSH, "AWS said no.")
    assert Path(f"{settings}.told").stat().st_mode & 0o077 == 0
