# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The last task of the role: what is told."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.playbook.task import Task
from ansible.plugins.action.wait_for_connection import ActionModule as WaitForConnection
from ansible_collections.sshkeys.aws.plugins.action.ssh_access_conclude import (
    ActionModule,
    _explained,
    _of_transfer,
)

OPENING = {
    "instance_id": "i-0123456789abcdef0",
    "os_user": "ec2-user",
    "private_key_file": "/k",
    "is_pair_of_the_run": True,
    "result": {"fingerprint": "SHA256:x", "request_id": "r-1"},
}


def explained(said: str, **more: Any) -> str:
    return _explained(said, {**OPENING, **more}, "web1", 2222)


def test_a_refusal_is_explained() -> None:
    told = explained("root@192.0.2.1: Permission denied (publickey).")
    assert told.startswith(
        "web1: the key was pushed to i-0123456789abcdef0 for ec2-user, and ssh did not accept the key. It said: "
        "root@192.0.2.1: Permission denied (publickey). Likely causes, the likeliest first: (1) There is no OS user "
        "ec2-user on the instance"
    )
    assert "names the key SHA256:x and the request r-1" in told
    assert "passphrase" not in told
    assert "(8) The private key has a passphrase" in explained("Permission denied", is_pair_of_the_run=False)


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("Host key verification failed.", "accept-new"),
        ("Connection refused", "another port than 2222 (ansible_port)"),
        ("Connection timed out", "port 2222 from this machine"),
        ("Something else", "Something else. Try the same by hand with ssh -v."),
    ],
)
def test_other_causes(said: str, means: str) -> None:
    assert means in explained(said)


def test_one_host_tells_of_the_servers_for_all() -> None:
    done = {"says": ["1 user."], "failures": []}
    assert _of_transfer(done, "web1", "web1") == (["1 user."], [])
    assert _of_transfer(done, "web2", "web1") == ([], [])
    assert _of_transfer({}, "web1", "web1") == ([], [])


def test_no_host_is_opened_when_a_declaration_failed() -> None:
    failed = {"says": ["1 user."], "failures": ["No."]}
    assert _of_transfer(failed, "web1", "web1") == (["1 user."], ["No."])
    says, (failure,) = _of_transfer(failed, "web2", "web1")
    assert says == []
    assert failure == ("web2: no host was opened, because a Transfer Family declaration failed. web1 shows the reason.")


# -- Waiting for ssh --------------------------------------------------------------------------------------------------


class Waiting(ActionModule):
    """The action, whose ssh says the same each time, and whose command by hand ``by_hand``."""

    def __init__(self, by_hand: str = "") -> None:
        self._task = Task()
        self._by_hand = by_hand

    def _low_level_execute_command(self, command: str, sudoable: bool = True) -> None:
        assert (command, sudoable) == ("true", False)
        if self._by_hand:
            raise AnsibleConnectionFailure(self._by_hand)


def waited(
    monkeypatch: pytest.MonkeyPatch, result: dict[str, Any], by_hand: str = "", timeout: int = 7
) -> tuple[str, dict[str, Any]]:
    """Return what _wait tells, and the options that it waits with."""
    action = Waiting(by_hand)
    monkeypatch.setattr(WaitForConnection, "run", lambda *_: result)
    told = action._wait(None, {}, timeout)
    return told, action._task.args


# For no time at all, ansible-core never tries.
@pytest.mark.parametrize(("timeout", "seconds"), [(7, 7), (1, 1), (0, 1), (-1, 1)])
def test_it_tries_at_least_once_with_a_pause_that_no_sshd_takes_for_an_attack(
    monkeypatch: pytest.MonkeyPatch, timeout: int, seconds: int
) -> None:
    assert waited(monkeypatch, {}, timeout=timeout) == ("", {"timeout": seconds, "sleep": 3})


@pytest.mark.parametrize(
    ("msg", "by_hand", "told"),
    [
        (
            "timed out waiting for ping module test: Permission denied (publickey).\n",
            "",
            "Permission denied (publickey).",
        ),
        # With pipelining, an ssh that is refused may end before Ansible could read why.
        ("timed out waiting for ping module test: Broken pipe", "Permission denied", "Permission denied"),
        ("timed out waiting for ping module test: Broken pipe", "", "Broken pipe"),
        ("Connection refused", "not asked", "Connection refused"),
    ],
)
def test_what_ssh_said_last_is_told(monkeypatch: pytest.MonkeyPatch, msg: str, by_hand: str, told: str) -> None:
    assert waited(monkeypatch, {"failed": True, "msg": msg}, by_hand)[0] == told
