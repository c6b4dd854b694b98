# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user is told when a connection fails."""

from __future__ import annotations

from typing import cast

import pytest
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.explain import (
    Step,
    failure,
    hint,
    is_refusal,
    unreachable_broker,
)
from ansible_collections.sshkeys.aws.plugins.plugin_utils._connect.settings import Settings

INSTANCE_ID, NODE_ID = "i-0123456789abcdef0", "mi-0123456789abcdef0"
SSH = "Failed to connect to the host via ssh: "


REFUSED = "the key was pushed, and ssh did not accept the key."


SETTINGS = cast(
    "Settings",
    {"instance_id": INSTANCE_ID, "name": "web1", "known_hosts": "/state/known", "public_key_file": "/run/key.pub"},
)
NODE = cast("Settings", {**SETTINGS, "instance_id": NODE_ID})


def told(step: Step, sentence: str) -> dict[str, str]:
    """Return what the broker tells of a step that failed."""
    return {"step": step.name, "sentence": sentence}


@pytest.mark.parametrize("step", Step)
def test_a_step_that_failed_is_named(step: Step) -> None:
    """The sentence of the step, and what it told."""
    said = failure(SSH, SETTINGS, told(step, "AWS said no."))
    assert said.startswith(f"{INSTANCE_ID}: {step.value} AWS said no.")
    # Only of a tunnel that was open is what ssh says worth anything.
    assert (SSH in said) == (step in {Step.TUNNEL_ENDED, Step.SESSION_ENDED})


@pytest.mark.parametrize("step", Step)
def test_no_step_says_that_a_managed_node_got_a_key(step: Step) -> None:
    said = failure(SSH, NODE, told(step, "AWS said no."))
    assert said.startswith(f"{NODE_ID}: ")
    assert "The key was pushed" not in said
    what_failed = said.removeprefix(f"{NODE_ID}: ")
    assert what_failed[0].isupper()
    assert what_failed[1:].startswith(step.value.removeprefix("The key was pushed, and ")[1:])


@pytest.mark.parametrize(
    ("step", "sentence", "hint"),
    [
        (Step.TUNNEL_ENDED, "The endpoint ended the tunnel: Unable to connect to target (1011).", "security group"),
        (Step.CONNECT, "192.0.2.1 port 22: Connection refused.", "still be booting"),
        (Step.CONNECT, "web1 port 22: Name or service not known.", "ansible_host"),
        (Step.CONNECT, "no..where port 22: This is no address.", "ansible_host"),
        (Step.CONNECT, "192.0.2.1 port 22: timed out.", "port 22 from this machine"),
        (Step.CONNECT, "192.0.2.1 port 22: timed out.", "find another way: ansible_ec2_instance_connect_tunnel: auto"),
        (Step.TUNNEL, "The endpoint refused: Unable to connect to target.", "from that of the endpoint"),
        (Step.SESSION, "Unable to connect to specified port: refused.", "listen on the loopback address"),
        (Step.SESSION, "The agent on the instance could not connect to the port of sshd.", "loopback address"),
        (Step.HOST_KEYS, "UnauthorizedOperation: no.", "accept-new"),
        (Step.HOST_KEYS, "The host keys cannot be written to /home/x: Permission denied.", "XDG_STATE_HOME"),
    ],
)
def test_what_to_do_about_it(step: Step, sentence: str, hint: str) -> None:
    assert hint in failure(SSH, SETTINGS, told(step, sentence))


def test_one_of_many_ways_is_not_told_to_find_another_one() -> None:
    sentence = "192.0.2.1 port 22: timed out."
    alone, one_of_many = hint(Step.CONNECT, sentence), hint(Step.CONNECT, sentence, is_one_of_many=True)
    assert one_of_many.startswith(" Look at the security group")
    assert alone.startswith(f"{one_of_many} If it cannot be reached from here, let the connection find another way")
    assert one_of_many.endswith("route.")
    refused = "192.0.2.1 port 22: Connection refused."
    assert hint(Step.CONNECT, refused, is_one_of_many=True) == hint(Step.CONNECT, refused)


@pytest.mark.parametrize("step", [Step.SET_UP, Step.PUSH, Step.FIND, Step.TUNNEL, Step.SESSION, Step.WAYS])
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


def test_a_managed_node_that_refuses_the_key_is_not_told_of_a_push() -> None:
    """Nothing of EC2 Instance Connect has a part in it."""
    said = failure(f"{SSH}anna@web1: Permission denied (publickey).", NODE, None)
    assert said.startswith(f"{NODE_ID}: ssh did not accept the key. {SSH}anna@web1: Permission denied")
    assert "(1) The user there does not accept /run/key.pub: add it to its ~/.ssh/authorized_keys. (2) There is" in said
    assert "ec2-instance-connect" not in said
    assert "pushed" not in said


def test_the_host_keys_of_a_managed_node_are_in_no_console_output() -> None:
    said = failure(f"{SSH}Host key verification failed.", NODE, None)
    assert f"It is looked up under {NODE_ID} (HostKeyAlias)." in said
    assert "console" not in said


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


def test_the_reasons_why_other_ways_were_closed_are_told_when_the_last_one_ends() -> None:
    reasons = "(1) Session Manager: TargetNotConnected: No. Look."
    for said in ("Connection timed out during banner exchange", "Connection closed by 10.0.0.7", "Something else"):
        told = failure(SSH + said, SETTINGS, None, closed_ways=reasons)
        assert told.endswith(f" Other ways to it were closed: {reasons}")
    # sshd has answered there.
    refused = failure(f"{SSH}root@web1: Permission denied (publickey).", SETTINGS, None, closed_ways=reasons)
    assert reasons not in refused


def test_a_broker_that_was_killed_is_named() -> None:
    told = failure("Shared connection to i-1 closed", SETTINGS, None, has_lost_the_broker=True)
    assert told.startswith(
        f"{INSTANCE_ID}: the connection has ended. Shared connection to i-1 closed. The process that"
    )
    assert "was killed" in told
