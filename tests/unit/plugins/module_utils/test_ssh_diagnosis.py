# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ssh says when a login fails, and what that means."""

from __future__ import annotations

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._ssh_diagnosis import Cause, Login, cause_of, meaning_of

INSTANCE_ID = "i-0123456789abcdef0"


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("Host key verification failed.", Cause.HOST_KEY),
        ("No ED25519 host key is known for i-0 and you have requested strict checking.", Cause.HOST_KEY),
        ("WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!", Cause.HOST_KEY),
        (
            "no such identity: /k: No such file or directory\nuser@host: Permission denied (publickey).",
            Cause.PRIVATE_KEY,
        ),
        ("WARNING: UNPROTECTED PRIVATE KEY FILE!\nPermission denied (publickey).", Cause.PRIVATE_KEY),
        ('Load key "/k": error in libcrypto', Cause.PRIVATE_KEY),
        ("ec2-user@192.0.2.1: Permission denied (publickey).", Cause.REFUSED),
        ("Received disconnect from 192.0.2.1 port 22:2: Too many authentication failures", Cause.REFUSED),
        ("ssh: connect to host 192.0.2.1 port 22: Connection timed out", Cause.NO_ANSWER),
        ("ssh: connect to host 192.0.2.1 port 22: No route to host", Cause.NO_ANSWER),
        ("ssh: connect to host 2001:db8::1 port 22: Network is unreachable", Cause.NO_ANSWER),
        ("ssh: connect to host 192.0.2.1 port 22: Connection refused", Cause.NOT_READY),
        ("kex_exchange_identification: read: Connection reset by peer", Cause.NOT_READY),
        ("Connection closed by 192.0.2.1 port 22", Cause.NOT_READY),
        ("ssh: Could not resolve hostname web1: Name or service not known", Cause.NO_ADDRESS),
        ("Bad configuration option: colour", Cause.UNKNOWN),
        ("", Cause.UNKNOWN),
    ],
)
def test_cause(said: str, cause: Cause) -> None:
    assert cause_of(said) is cause


@pytest.mark.parametrize("cause", Cause)
def test_each_cause_has_sentences(cause: Cause) -> None:
    bare, full = (
        meaning_of(cause, login)
        for login in (
            Login(INSTANCE_ID),
            Login(
                INSTANCE_ID, "ec2-user", "/k", "/k.pub", " in known_hosts", "Add it.", "2222", ["More."], "Look.", True
            ),
        )
    )
    for sentences in (bare, full):
        assert sentences.endswith(".")
        assert "  " not in sentences
        assert "None" not in sentences


def test_what_is_known_of_the_login_is_told() -> None:
    login = Login(
        INSTANCE_ID,
        os_user="ubuntu",
        private_key_file="/k",
        known_hosts=" in known_hosts",
        host_key_advice="Add it.",
        port="2222",
        more_causes=["It took longer."],
        traces="The log names the request.",
    )
    assert meaning_of(Cause.HOST_KEY, login).endswith(f"under {INSTANCE_ID} (HostKeyAlias) in known_hosts. Add it.")
    by_name = Login("sftp.example.com", is_alias=False)
    assert meaning_of(Cause.HOST_KEY, by_name).endswith("It is looked up under sftp.example.com.")
    assert meaning_of(Cause.PRIVATE_KEY, login).startswith("ssh cannot use the private key /k. It must be readable")
    refused = meaning_of(Cause.REFUSED, login)
    assert "(1) There is no OS user ubuntu on the instance" in refused
    assert refused.endswith("(7) It took longer. The log names the request.")
    assert "port 2222" in meaning_of(Cause.NO_ANSWER, login)
    assert "another port than 2222 (ansible_port)" in meaning_of(Cause.NOT_READY, login)


def test_what_is_not_known_is_not_told() -> None:
    login = Login(INSTANCE_ID)
    assert "(1) There is no such OS user on the instance" in meaning_of(Cause.REFUSED, login)
    assert "another port" not in meaning_of(Cause.NOT_READY, login)
    assert "port 22 " in meaning_of(Cause.NO_ANSWER, login)
    assert "rebooted" not in meaning_of(Cause.NOT_READY, login)
    assert "rebooted" in meaning_of(Cause.NOT_READY, Login(INSTANCE_ID, may_have_been_open=True))


def test_a_key_that_was_not_pushed_is_one_that_the_user_there_must_accept() -> None:
    said = meaning_of(Cause.REFUSED, Login(INSTANCE_ID, "anna", public_key="/k.pub", is_pushed=False))
    assert said == (
        "Likely causes, the likeliest first: (1) The user there does not accept /k.pub: add it to its "
        "~/.ssh/authorized_keys. (2) There is no OS user anna. (3) sshd does not let this user in at all, for example "
        "as root."
    )
