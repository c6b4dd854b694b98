# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user is told when a connection fails."""

from __future__ import annotations

from typing import cast

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.explain import (
    NO_ENDPOINT,
    Step,
    failure,
    is_refusal,
    unreachable_broker,
)
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings

INSTANCE_ID = "i-0123456789abcdef0"
SSH = "Failed to connect to the host via ssh: "


REFUSED = "the key was pushed, and ssh did not accept the key."


SETTINGS = cast(
    "Settings",
    {"instance_id": INSTANCE_ID, "name": "web1", "known_hosts": "/state/known", "public_key_file": "/run/key.pub"},
)


def told(step: Step, sentence: str) -> dict[str, str]:
    """Return what the broker tells of a step that failed."""
    return {"step": step.name, "sentence": sentence}


@pytest.mark.parametrize("step", Step)
def test_a_step_that_failed_is_named(step: Step) -> None:
    """The sentence of the step, and what it told."""
    said = failure(SSH, SETTINGS, told(step, "AWS said no."))
    assert said.startswith(f"{INSTANCE_ID}: {step.value} AWS said no.")
    # Only of a tunnel that was open is what ssh says worth anything.
    assert (SSH in said) == (step is Step.TUNNEL_ENDED)


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
def test_what_to_do_about_it(step: Step, sentence: str, hint: str) -> None:
    assert hint in failure(SSH, SETTINGS, told(step, sentence))


@pytest.mark.parametrize("step", [Step.SET_UP, Step.PUSH, Step.FIND])
def test_what_says_itself_what_to_do_gets_no_hint(step: Step) -> None:
    assert failure(SSH, SETTINGS, told(step, "refused")) == f"{INSTANCE_ID}: {step.value} refused"


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
def test_what_ssh_says_is_explained(said: str, happened: str, means: str) -> None:
    explained = failure(SSH + said, SETTINGS, None)
    assert explained.startswith(f"{INSTANCE_ID}: {happened} {SSH}{said}")
    assert means in explained


@pytest.mark.parametrize(
    ("key", "means"),
    [
        ("/home/anna/.ssh/old", "Likely causes, the likeliest first"),
        ("/run/key", "ssh cannot use the private key"),
        ("/run/key.pub", "ssh cannot use the private key"),
    ],
)
def test_only_the_key_that_was_pushed_is_missed(key: str, means: str) -> None:
    """The user's configuration of ssh may name other keys, which are not there."""
    said = f"{SSH}no such identity: {key}: No such file or directory\r\nanna@web1: Permission denied (publickey)."
    explained = failure(said, SETTINGS, None)
    assert means in explained
    assert said in explained


def test_what_nobody_knows_is_repeated() -> None:
    assert failure("Something else", SETTINGS, None) == f"{INSTANCE_ID}: Something else"


@pytest.mark.parametrize(
    ("said", "refuses"),
    [
        ("root@web1: Permission denied (publickey).", True),
        ("root@web1: Permission denied (publickey,gssapi-with-mic).\r\n", True),
        ("no such identity: /home/anna/.ssh/old: No such file\r\nroot@web1: Permission denied (publickey).", True),
        # A command has said it, which must not be run a second time.
        ("cp: cannot open: Permission denied", False),
        ("git@example.com: Permission denied (publickey).", False),
        ("root@web1: Permission denied (publickey).\r\nfatal: Could not read from remote repository.", False),
        ("root@web1.example.com: Permission denied (publickey).", False),
        # Another push would help against none of these.
        ("Host key verification failed.", False),
        ("Connection closed by UNKNOWN port 65535", False),
        ("Something else", False),
    ],
)
def test_only_a_refusal_of_the_pushed_key_is_one(said: str, *, refuses: bool) -> None:
    assert is_refusal(SSH + said, SETTINGS) is refuses


def test_a_broker_that_cannot_be_reached_is_a_failure_that_says_what_to_look_at() -> None:
    failed = unreachable_broker(ConnectionResetError(104, "Connection reset by peer"))
    said = failure(SSH, SETTINGS, failed)
    assert said.startswith(f"{INSTANCE_ID}: {Step.SET_UP.value} The process that makes the connections")
    assert "Connection reset by peer. Look at the processes" in said
