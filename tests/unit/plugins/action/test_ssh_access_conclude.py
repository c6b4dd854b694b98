# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The last task of the role: what is told."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action.wait_for_connection import ActionModule as WaitForConnection
from ansible_collections.sshkeys.aws.plugins.action.ssh_access_conclude import ActionModule, _explained, _of_transfer
from ansible_collections.sshkeys.aws.tests.unit.tasks import action_of

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


# -- The whole task ---------------------------------------------------------------------------------------------------

OPEN = {
    **OPENING,
    "is_open": True,
    "says": "web1: opened.",
    "result": {"fingerprint": "SHA256:x", "request_id": "r-1", "msg": ""},
}
TIMED_OUT = "timed out waiting for ping module test: "


class Waits:
    """The waits for a connection: with which options, and what each returns."""

    def __init__(self) -> None:
        """Succeed."""
        self.options: list[dict[str, Any]] = []
        self.result: dict[str, Any] = {}


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    """Return the waits from now on."""
    waits = Waits()

    def run(self: Any, _tmp: Any, _task_vars: Any) -> dict[str, Any]:
        waits.options.append(self._task.args)
        return waits.result

    monkeypatch.setattr(WaitForConnection, "run", run)
    return waits


def conclude(opening: dict[str, Any] | None = OPEN, **more: Any) -> Any:
    arguments = {"said_by": "web1", **({"opening": opening} if opening else {}), **more}
    return action_of(ActionModule, "ssh_access_conclude", arguments).run(None, {"inventory_hostname": "web1"})


@pytest.mark.parametrize(("given", "seconds"), [({}, 30), ({"timeout": 90}, 90), ({"timeout": 0}, 1)])
def test_a_host_that_lets_us_in_is_told_also_without_v(waits: Waits, given: dict[str, Any], seconds: int) -> None:
    """At least once, with a pause between two attempts, or sshd would take them for an attack."""
    assert conclude(**given) == {"changed": False, "msg": "web1: opened.", "_ansible_verbose_always": True}
    assert waits.options == [{"timeout": seconds, "sleep": 3}]


@pytest.mark.parametrize(("given", "port"), [({}, "port 22 "), ({"port": 2222}, "port 2222 ")])
def test_a_host_that_does_not_let_us_in_is_a_failure(waits: Waits, given: dict[str, Any], port: str) -> None:
    waits.result = {"failed": True, "msg": f"{TIMED_OUT}Connection timed out"}
    told = conclude(**given, transfer={"says": ["1 user."], "failures": []})
    assert (told["failed"], told["summary"]) == (True, ["1 user."])
    assert "ssh did not accept the key. It said: Connection timed out. No packet came back." in told["msg"]
    assert port in told["msg"]


def test_nobody_waits_for_a_host_that_is_not_open(waits: Waits) -> None:
    """Check mode has predicted the push, or the push failed."""
    says = "web1: the key would be pushed."
    assert conclude({**OPEN, "is_open": False, "says": says})["msg"] == says
    failed = {**OPEN, "is_open": False, "says": "web1: the key could not be pushed.", "result": {"msg": "No."}}
    assert conclude(failed) == {"failed": True, "msg": "web1: the key could not be pushed.", "summary": []}
    assert waits.options == []


@pytest.mark.parametrize(
    ("says_then", "reason"),
    [("Permission denied (publickey).", "Permission denied (publickey)."), ("", "Broken pipe")],
)
def test_a_broken_pipe_is_asked_for_its_reason(
    waits: Waits, monkeypatch: pytest.MonkeyPatch, says_then: str, reason: str
) -> None:
    def execute(_self: Any, command: str, *, sudoable: bool) -> None:
        assert (command, sudoable) == ("true", False)
        if says_then:
            raise AnsibleConnectionFailure(says_then)

    waits.result = {"failed": True, "msg": f"{TIMED_OUT}Broken pipe"}
    monkeypatch.setattr(ActionModule, "_low_level_execute_command", execute)
    assert f"It said: {reason}" in conclude()["msg"]


def test_servers_alone_are_told(waits: Waits) -> None:
    told = conclude(None, transfer={"says": ["1 user.", "2 keys."], "failures": []})
    assert told == {"changed": False, "msg": ["1 user.", "2 keys."], "_ansible_verbose_always": True}
    failed = conclude(None, transfer={"says": ["1 user."], "failures": ["No.", "Nor that."]})
    assert failed == {"failed": True, "msg": "No. Nor that.", "summary": ["1 user."]}
    assert conclude(None) == {"changed": False}
    assert waits.options == []
