# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run costs, in calls, connections and clients: the modules over real HTTP and TLS, to the benchmark's service.

Times depend on the machine, so none is looked at but for what no machine can do: be as quick one call after the other.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.sshkeys.aws.plugins.module_utils._aws.session import Session
from ansible_collections.sshkeys.aws.plugins.modules import ec2_instance_connect_key, transfer_ssh_key
from ansible_collections.sshkeys.aws.tests.bench.service import Service, running
from ansible_collections.sshkeys.aws.tests.lab.sshkeys_lab.certificate import certificate_of_its_own

COLLECTION = Path(__file__).parents[2]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJEUvhKlSr3hlrULeHPBhV6WpNQeRpxqgSkrsrVdjMyx"
INSTANCE_IDS = [f"i-{number:017x}" for number in range(200)]
USERS = [f"user{number}" for number in range(60)]
CONCURRENCY = 8


@dataclass(frozen=True)
class Modules:
    """The modules, as they are run with the benchmark's service."""

    service: Service

    def run(self, module: Any, *, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        """Run a module's function. Returns its result; fails where it reports a failure."""
        given = {"concurrency": CONCURRENCY, **options}
        validated = ArgumentSpecValidator(module.SPEC.options).validate(given)
        assert not validated.error_messages
        params = {
            **validated.validated_parameters,
            "endpoint_url": self.service.address,
            "region": "us-east-1",
            "access_key": "AKIAIOSFODNN7EXAMPLE",
            "secret_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "validate_certs": True,
            "aws_ca_bundle": self.service.certificate or None,
        }
        report = module.run(params, check_mode=check_mode, session=Session(params))
        assert report.failure is None
        result: dict[str, Any] = report.result
        return result

    def push(self, targets: list[str], **options: Any) -> dict[str, Any]:
        """Push the key to instances."""
        return self.run(ec2_instance_connect_key, targets=targets, os_user="ec2-user", public_key=KEY, **options)


Start = Callable[..., Modules]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a service with options of its command line, for the modules."""
    with ExitStack() as services:

        def started(*options: str, tls: bool = False) -> Modules:
            if tls:
                options = (*options, f"--certificate={certificate_of_its_own(tmp_path)}")
            trust = str(tmp_path / "certificate.pem") if tls else ""
            return Modules(services.enter_context(running(f"--key-body={KEY}", *options, trust=trust)))

        yield started


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the services that clients are made of from now on, one element a client."""
    made: list[str] = []
    create = botocore.session.Session.create_client

    def create_client(session: Any, service_name: str, *arguments: Any, **named: Any) -> Any:
        made.append(service_name)
        return create(session, service_name, *arguments, **named)

    monkeypatch.setattr(botocore.session.Session, "create_client", create_client)
    return made


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a cache folder of its own, and return it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("tls", [False, True])
def test_a_fleet_is_one_client_and_few_connections(start: Start, clients: list[str], tls: bool) -> None:
    """One call a target, one client of one service, and no connection more than calls at once."""
    modules = start(tls=tls)
    assert modules.push(INSTANCE_IDS[:80])["changed"] is True
    seen = modules.service.counts()
    assert (seen["taken"], seen["throttled"]) == (80, 0)
    assert 1 < seen["connections"] <= CONCURRENCY
    assert clients == ["ec2-instance-connect"]


def test_calls_are_made_at_once(start: Start) -> None:
    """A fleet takes less than half of what its calls take one after the other."""
    latency = 0.1
    modules = start(f"--latency={latency}")
    began = time.monotonic()
    modules.push(INSTANCE_IDS[:80], concurrency=16)
    assert time.monotonic() - began < 80 * latency / 2


@pytest.mark.parametrize("check_mode", [False, True])
def test_inside_the_lease_nothing_is_opened(start: Start, clients: list[str], check_mode: bool) -> None:
    """A run that has nothing to send makes no client and no connection."""
    modules = start("--latency=0")
    modules.push(INSTANCE_IDS[:40])
    modules.service.counts()
    clients.clear()
    assert modules.push(INSTANCE_IDS[:40], check_mode=check_mode)["changed"] is False
    assert modules.service.counts() == {"connections": 0, "taken": 0, "throttled": 0}
    assert clients == []


def test_check_mode_opens_nothing(start: Start) -> None:
    """What would be sent is known without a word to the service."""
    modules = start("--latency=0")
    assert modules.push(INSTANCE_IDS, check_mode=True)["changed"] is True
    assert modules.service.counts() == {"connections": 0, "taken": 0, "throttled": 0}


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_user_as_declared_is_one_call(start: Start, clients: list[str], check_mode: bool) -> None:
    """Transfer Family is asked once for each user, in check mode too."""
    modules = start()
    result = modules.run(
        transfer_ssh_key,
        check_mode=check_mode,
        server_id="s-01234567890abcdef",
        users=USERS,
        public_keys=[KEY],
        exclusive=True,
    )
    assert result["changed"] is False
    seen = modules.service.counts()
    assert (seen["taken"], seen["throttled"]) == (len(USERS), 0)
    assert seen["connections"] <= CONCURRENCY
    assert clients == ["transfer"]


def test_a_throttled_fleet_is_paced(start: Start) -> None:
    """All calls are taken in the end, and after the first second few are refused on the way.

    How near the floor that is shows in simulated time, in test_pacer.py.
    """
    rate = 50
    modules = start(f"--calls-a-second={rate}", "--latency=0.01")
    assert modules.push(INSTANCE_IDS, concurrency=32)["changed"] is True
    seen = modules.service.counts()
    assert seen["taken"] == len(INSTANCE_IDS)
    # Without a pace it is more than 1000.
    assert seen["throttled"] <= 4 * len(INSTANCE_IDS)
    assert seen["connections"] <= 32


# What the parent process of a play does with an action plugin is to import it, before it makes its workers.
PARENT = """
import importlib, json, sys
from pathlib import Path

# These open something for a moment while they are imported, for themselves.
import ansible.utils.display, urllib3.connection

opened = []
sys.addaudithook(lambda event, _arguments: opened.append(event) if event in {events!r} else None)

import boto3.session, botocore.session
sessions = []
for kind in (boto3.session.Session, botocore.session.Session):
    kind.__init__ = lambda self, *_arguments, **_named: sessions.append(str(self))

happened = {{}}
for path in Path({folder!r}).glob("*.py"):
    importlib.import_module(f"ansible_collections.sshkeys.aws.plugins.action.{{path.stem}}")
    happened[path.stem] = [*opened, *sessions]
    opened.clear(), sessions.clear()
from ansible_collections.sshkeys.aws.plugins.plugin_utils import _action
print(json.dumps({{"happened": happened, "read": _action._preloaded is not None}}))
"""
EVENTS = ("socket.__new__", "socket.connect", "_thread.start_new_thread", "os.fork", "subprocess.Popen")


def test_the_parent_opens_nothing() -> None:
    """Sockets, threads and sessions belong to the worker of a task; what clients are made of is read once."""
    actions = COLLECTION / "plugins/action"
    places = os.pathsep.join([str(COLLECTION.parents[2]), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", PARENT.format(events=EVENTS, folder=str(actions))],
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    nothing: dict[str, list[str]] = {path.stem: [] for path in actions.glob("*.py")}
    assert nothing
    assert json.loads(done.stdout) == {"happened": nothing, "read": True}
