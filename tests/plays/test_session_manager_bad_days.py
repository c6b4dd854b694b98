# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Session Manager's bad days: what goes on without a byte lost, and what fails with its sentence and leaves nothing."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.tests.playbooks import Controller, Run, StartedRun
from ansible_collections.sshkeys.aws.tests.plays.connection_hosts import (
    PLAYBOOKS,
    assert_copied_there_and_back,
    calls,
    close_masters,
    instances,
    inventory,
    master_process,
    masters,
    private,
    processes,
    sessions,
    short_folder_for_sockets,
    through_session_manager,
)
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab
from ansible_collections.sshkeys.aws.tests.waiting import wait_until

MB = 1_000_000
CLOSES = {"close_after_bytes_up": 2 * MB, "close_after_bytes_down": 2 * MB}
ONE_IN_A_HUNDRED = {"lost": 0.01, "doubled": 0.01, "late": 0.01, "reordered": 0.01}


def wait_for_the_end_of_sessions(lab: RunningLab) -> list[dict[str, Any]]:
    """Return all sessions when each has been terminated."""
    wait_until(lambda: all(each["state"] == "terminated" for each in sessions(lab)), "a session is not terminated")
    return sessions(lab)


# -- What goes on ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "size", "websockets"),
    [
        pytest.param(CLOSES, 4 * MB, 3, id="the hourly close"),
        pytest.param(ONE_IN_A_HUNDRED, MB, 1, id="one frame in a hundred"),
        pytest.param(
            {**CLOSES, **ONE_IN_A_HUNDRED, "round_trip": 0.04, "pace": True},
            4 * MB,
            3,
            id="both, far away",
            marks=pytest.mark.exhaustive,
        ),
        pytest.param({"handshake": "twice", "dial_delay": 0.5, "publication": True}, MB, 1, id="an odd beginning"),
    ],
)
def test_no_byte_is_lost(controller: Controller, settings: Mapping[str, Any], size: int, websockets: int) -> None:
    lab = controller.lab
    lab.control("PUT", "session_manager", **{"pace": False, **settings})
    (controller.folder / "big").write_bytes(b'#!/bin/sh\nsha256sum "$0"\nexit\n' + os.urandom(size))
    hosts = {f"host{number}": through_session_manager(lab, number) for number in range(2)}
    with short_folder_for_sockets() as environment:
        environment["ANSIBLE_SSH_ARGS"] = "-o ControlMaster=auto -o ControlPersist=60s"
        run = controller.run(
            PLAYBOOKS / "copy_there_and_back.yml",
            inventory=inventory(lab, hosts=hosts),
            variables={"folder": str(controller.folder)},
            environment=environment,
        )
    run.assert_succeeded()
    for host in hosts:
        assert_copied_there_and_back(run, controller.folder, host)
    found = wait_for_the_end_of_sessions(lab)
    assert [each["websockets"] for each in found] == [websockets] * len(hosts)


# -- What fails --------------------------------------------------------------------------------------------------------

DENIED = "User: arn:aws:iam::1:user/me is not authorized to perform: ssm:StartSession on resource: AWS-StartSSHSession"


@pytest.mark.parametrize(
    ("settings", "fault", "said"),
    [
        ({"handshake": "never"}, None, r"the agent on the instance did not begin it in time \(ansible_timeout\)"),
        ({"dial_delay": 30}, None, r"no sshd there has answered in time \(ansible_timeout\)"),
        ({"dial": "refused"}, None, r"connection refused\. On the instance, the agent connects to localhost\."),
        ({"silent_after_bytes_down": 0}, None, r"the agent on the instance did not begin it in time"),
        (
            {},
            {"operation": "OpenDataChannel", "fault": "error", "code": "AccessDenied", "status": 403},
            r"Allow ssmmessages:OpenDataChannel on arn:aws:ssm:\*:\*:session/\$\{aws:userid\}-\*",
        ),
        (
            {},
            {"operation": "StartSession", "fault": "error", "code": "AccessDeniedException", "message": DENIED},
            r"Allow ssm:StartSession on i-\w+ and on the document AWS-StartSSHSession in the IAM policy",
        ),
        (
            {},
            {"operation": "StartSession", "fault": "error", "code": "TargetNotConnected", "message": "i-1 is not."},
            r"TargetNotConnected: .* The SSM agent there has no connection to Session Manager",
        ),
    ],
    ids=["no handshake", "no sshd", "dial", "silence", "no data channel", "denied", "not connected"],
)
def test_a_session_that_does_not_open_is_a_sentence(
    controller: Controller, settings: Mapping[str, Any], fault: Mapping[str, Any] | None, said: str
) -> None:
    lab = controller.lab
    lab.control("PUT", "session_manager", **settings)
    lab.misbehave(*([{**fault, "times": None}] if fault else []))
    with short_folder_for_sockets() as environment:
        environment["ANSIBLE_TIMEOUT"] = "3"
        hosts = inventory(lab, hosts={"host": through_session_manager(lab, 0)})
        run = controller.run(PLAYBOOKS / "hello.yml", inventory=hosts, environment=environment)
    message = run.of("Say hello")["msg"]
    assert re.search(said, message), message
    assert "The key was pushed, and no session could be opened through Session Manager." in message
    wait_for_the_end_of_sessions(lab)


def test_a_session_whose_start_got_no_answer_is_not_started_again(controller: Controller) -> None:
    """Each start makes another session, and nobody knows the id of the first one."""
    lab = controller.lab
    lab.misbehave({"operation": "StartSession", "fault": "lost_answer", "times": None})
    with short_folder_for_sockets() as environment:
        hosts = inventory(lab, hosts={"host": through_session_manager(lab, 0)})
        run = controller.run(PLAYBOOKS / "hello.yml", inventory=hosts, environment=environment)
    assert "It is unknown whether AWS carried out the call." in run.of("Say hello")["msg"]
    assert len(calls(lab, "StartSession")) == 1


def test_a_start_that_is_throttled_is_tried_again(controller: Controller) -> None:
    lab = controller.lab
    lab.misbehave({"operation": "StartSession", "fault": "throttle", "times": 2})
    with short_folder_for_sockets() as environment:
        hosts = inventory(lab, hosts={"host": through_session_manager(lab, 0)})
        controller.run(PLAYBOOKS / "hello.yml", inventory=hosts, environment=environment).assert_succeeded()
    assert len(wait_for_the_end_of_sessions(lab)) == 1


def test_when_all_ways_are_closed_each_is_told(controller: Controller) -> None:
    """And each is tried again by the next task."""
    lab = controller.lab
    instance_id = instances(lab)[0]["instance_id"]
    lab.control("PUT", f"instances/{instance_id}", agent=False)
    # Nothing listens there.
    host = {**private(lab, 0), "vpc_id": "vpc-0f0f0f0f0f0f0f0f0", "private_ip_address": "127.0.0.1", "ansible_port": 1}
    with short_folder_for_sockets() as environment:
        run = controller.run(
            PLAYBOOKS / "hello.yml", inventory=inventory(lab, hosts={"host": host}), environment=environment
        )
    message = run.of("Say hello")["msg"]
    assert f"{instance_id}: The key was pushed, and no way to the instance worked. (1) An EC2" in message
    assert "(1) An EC2 Instance Connect Endpoint: No EC2 Instance Connect Endpoint in vpc-0f0f0f0f0f0f0f0f0" in message
    assert "(2) Session Manager: TargetNotConnected: " in message
    assert "(3) Its private address: 127.0.0.1 port 1: Connection refused." in message


@pytest.mark.parametrize(
    ("settings", "fault", "said"),
    [
        ({"token_on_resume": False}, None, "The session has ended: it was idle for too long"),
        (
            {},
            {"fault": "error", "code": "ExpiredTokenException", "message": "The security token is expired"},
            "ExpiredTokenException: The security token is expired.*The session token has expired",
        ),
        (
            {},
            {"fault": "error", "code": "AccessDeniedException", "message": "Not authorized"},
            "Allow ssm:ResumeSession on the session lab-",
        ),
    ],
    ids=["timed out", "expired credentials", "denied"],
)
def test_a_session_that_cannot_be_resumed_ends_with_a_sentence(
    controller: Controller, settings: Mapping[str, Any], fault: Mapping[str, Any] | None, said: str
) -> None:
    """In the middle of a command."""
    lab = controller.lab
    lab.control("PUT", "session_manager", **settings)
    lab.misbehave(*([{"operation": "ResumeSession", "times": None, **fault}] if fault else []))
    with short_folder_for_sockets() as environment:
        hosts = inventory(lab, hosts={"host": through_session_manager(lab, 0)})
        started = controller.start(
            PLAYBOOKS / "work.yml", inventory=hosts, variables={"seconds": 50}, environment=environment
        )
        wait_until(lambda: any(each["bytes_up"] > 10_000 for each in sessions(lab)), "no command has begun")
        lab.control("POST", "sessions/close", code=1000, reason="Bye")
        message = started.finish().of("Work")["msg"]
    assert re.search(said, message, re.DOTALL), message
    assert "The session of Session Manager has ended." in message


# -- What is killed ----------------------------------------------------------------------------------------------------


def brokers() -> list[int]:
    """Return the processes of brokers."""
    return [number for number, command in processes().items() if "/broker.py" in command]


class _Waiting:
    """A run that has a session for each of two hosts, and waits."""

    def __init__(self, controller: Controller, environment: Mapping[str, str]) -> None:
        self._controller = controller
        self.sockets = Path(environment["ANSIBLE_SSH_CONTROL_PATH_DIR"])
        hosts = {f"host{number}": through_session_manager(controller.lab, number) for number in range(2)}
        self.started: StartedRun = controller.start(
            PLAYBOOKS / "wait_for_lab.yml",
            inventory=inventory(controller.lab, hosts=hosts),
            variables={"folder": str(controller.folder)},
            environment=environment,
        )
        opened = controller.folder / "open"
        wait_until(lambda: opened.exists() or self.started.process.poll() is not None, "no host was opened")
        assert [each["state"] for each in sessions(controller.lab)] == ["connected", "connected"]

    def go_on(self) -> Run:
        (self._controller.folder / "happened").touch()
        return self.started.finish()


def test_the_session_of_an_ssh_that_is_killed_is_terminated(controller: Controller) -> None:
    with short_folder_for_sockets() as environment:
        waiting = _Waiting(controller, environment)
        for socket in masters(waiting.sockets):
            os.kill(master_process(socket), signal.SIGKILL)
        assert len(wait_for_the_end_of_sessions(controller.lab)) == 2
        waiting.go_on().assert_succeeded()
    assert len(wait_for_the_end_of_sessions(controller.lab)) == 4


def test_the_next_broker_terminates_the_sessions_of_one_that_was_killed(controller: Controller) -> None:
    with short_folder_for_sockets() as environment:
        waiting = _Waiting(controller, environment)
        (broker,) = brokers()
        os.kill(broker, signal.SIGKILL)
        wait_until(lambda: not masters(waiting.sockets), "ssh goes on without its connection")
        first = [each["session_id"] for each in sessions(controller.lab)]
        waiting.go_on().assert_succeeded()
    wait_for_the_end_of_sessions(controller.lab)
    assert {each["SessionId"] for each in calls(controller.lab, "TerminateSession")} >= set(first)


def test_the_sessions_of_a_run_that_is_killed_end_with_its_connections(controller: Controller) -> None:
    """Until then they carry the connections that persist, which another run may use."""
    with short_folder_for_sockets() as environment:
        waiting = _Waiting(controller, environment)
        waiting.started.kill()
        waiting.started.finish()
        assert [each["state"] for each in sessions(controller.lab)] == ["connected", "connected"]
        close_masters(waiting.sockets)
        wait_for_the_end_of_sessions(controller.lab)
        wait_until(lambda: not brokers(), "the broker is left")
