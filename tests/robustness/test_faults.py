# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each call of each module goes wrong in each way, and what the module says is what stands at the service.

The calls are those that a run makes when nothing goes wrong, so a new call is tested by itself. No wire is between the
modules and the lab's services, and no wait is waited for: test_wire.py has an example of each fault on a wire.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from types import ModuleType
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.modules import (
    ec2_instance_connect_info,
    ec2_instance_connect_key,
    ec2_serial_console_key,
    transfer_server_info,
    transfer_ssh_key,
    transfer_ssh_key_info,
    transfer_user,
    transfer_user_info,
)
from ansible_collections.sshkeys.aws.tests.robustness.conftest import Waiting
from ansible_collections.sshkeys.aws.tests.robustness.faults import FAULTS, SECONDS_AT_MOST, Call, Fault, Way
from ansible_collections.sshkeys.aws.tests.robustness.in_process import NOWHERE, InProcessLab, in_process_lab
from ansible_collections.sshkeys.aws.tests.robustness.whole_users import (
    OTHER_ROLE,
    ROLE,
    described_lines,
    differing,
    put_user,
    told_lines,
)
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab
from ansible_collections.sshkeys.aws.tests.unit.keys import ed25519_blob, line_of

A, B, C, D = (line_of(ed25519_blob(bytes([number]) * 32), f"key-{number}") for number in range(1, 5))


# -- What is done, and what stands then --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scenario(ABC):
    """A task, for one user or instance or for three. In a fleet it is the second one whose calls go wrong."""

    name: str
    is_fleet: bool
    module: ModuleType
    # The parameter that names whose call it is.
    subject: str

    def __str__(self) -> str:
        """Return a name for the test."""
        return f"{self.name}-{'fleet' if self.is_fleet else 'single'}"

    @abstractmethod
    def subjects(self, running_lab: RunningLab) -> list[str]:
        """Return the users or instances of the task."""

    @abstractmethod
    def begin(self, running_lab: RunningLab) -> None:
        """Bring the service into the state before the task."""

    @abstractmethod
    def options(self, running_lab: RunningLab) -> dict[str, Any]:
        """Return the options of the task."""

    @abstractmethod
    def state(self, running_lab: RunningLab, subject: str) -> list[str]:
        """Return what stands at the service."""

    @abstractmethod
    def complaints(self, run: Run) -> Iterator[str]:
        """Yield each claim of a report that is not so."""


@dataclass(frozen=True)
class Run:
    """A run with a fault in it: what was there before and after, by subject; what the module said, and how late.

    strikes: how many calls went wrong. seconds: what a user would have waited.
    """

    report: Report
    check_mode: bool
    fault: Fault
    struck: str
    strikes: int
    before: Mapping[str, list[str]]
    after: Mapping[str, list[str]]
    seconds: float

    def of(self, subjects: Sequence[Mapping[str, Any]], name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield each subject with what was said of it. name: the field that has the subject."""
        for said in subjects:
            yield said[name], said


def is_in_doubt(said: Mapping[str, Any]) -> bool:
    """Return whether a result says that nobody knows."""
    return "unknown whether" in said.get("error", {}).get("message", "")


@dataclass(frozen=True)
class Transfer(Scenario):
    """A user holds A and B, and what is declared makes something else of it."""

    declared: Mapping[str, Any]
    wanted: tuple[str, ...]
    quota: int = 10

    def subjects(self, running_lab: RunningLab) -> list[str]:
        """Return Transfer users."""
        names = [user["user_name"] for user in running_lab.lab["transfer"]["users"]]
        return names[:3] if self.is_fleet else names[:1]

    def begin(self, running_lab: RunningLab) -> None:
        """Let each user hold two keys."""
        running_lab.control("PUT", "settings", key_quota=self.quota)
        for name in self.subjects(running_lab):
            running_lab.hold(name, [A, B])

    def options(self, running_lab: RunningLab) -> dict[str, Any]:
        """Declare each user alike."""
        names = self.subjects(running_lab)
        who = {"users": names} if self.is_fleet else {"user_name": names[0]}
        return {"server_id": running_lab.server_id, "concurrency": 1, **who, **self.declared}

    def state(self, running_lab: RunningLab, subject: str) -> list[str]:
        """Return the keys of a user."""
        return running_lab.held(subject)

    def complaints(self, run: Run) -> Iterator[str]:
        """Compare what is said of each user with what it holds."""
        for name, said in run.of(run.report.result.get("users", []), "user_name"):
            for complaint in self._complaints_of_user(run, said, run.before[name], run.after[name]):
                yield f"{name}: {complaint}"

    def _complaints_of_user(
        self, run: Run, said: Mapping[str, Any], before: list[str], after: list[str]
    ) -> Iterator[str]:
        imported, deleted = (sorted(key["body"] for key in said[name]) for name in ("imported", "deleted"))
        keys = None if said["ssh_public_keys"] is None else sorted(key["body"] for key in said["ssh_public_keys"])
        if run.check_mode:
            yield from self._complaints_of_check_mode(said, keys, before, after)
        elif is_in_doubt(said):
            if not said["changed"]:
                yield "nobody knows whether it changed, and it says no"
            if "The user now has" in said["error"]["message"]:
                yield "it has read the keys, and says that nobody knows"
            if not set(imported) <= set(after) or set(deleted) & set(after):
                yield f"says imported {imported}, deleted {deleted}, and it has {after}"
        else:
            if sorted({*before, *imported} - set(deleted)) != after:
                yield f"says imported {imported}, deleted {deleted}; {before} became {after}"
            if said["changed"] is not (before != after):
                yield f"says changed {said['changed']}"
            if keys != after and not (keys is None and "error" in said):
                yield f"says it has {keys}, and it has {after}"
            if "error" not in said and after != sorted(self.wanted):
                yield f"says nothing, and it has {after}"

    def _complaints_of_check_mode(
        self, said: Mapping[str, Any], keys: list[str] | None, before: list[str], after: list[str]
    ) -> Iterator[str]:
        if after != before:
            yield "check mode changed something"
        if "error" not in said and keys != sorted(self.wanted):
            yield f"foresees {keys}"
        if "error" not in said and said["changed"] is not (before != sorted(self.wanted)):
            yield f"foresees changed {said['changed']}"


@dataclass(frozen=True)
class Push(Scenario):
    """A key is pushed where none is."""

    def subjects(self, running_lab: RunningLab) -> list[str]:
        """Return instances."""
        return running_lab.instance_ids[:3] if self.is_fleet else running_lab.instance_ids[:1]

    def begin(self, running_lab: RunningLab) -> None:
        """No key is live."""
        running_lab.control("POST", "clock", advance=61)

    def options(self, running_lab: RunningLab) -> dict[str, Any]:
        """Push to each instance alike. ``force``: a lease of the case before is none of this one."""
        names = self.subjects(running_lab)
        who = {"targets": names} if self.is_fleet else {"instance_id": names[0]}
        user = {} if self.module is ec2_serial_console_key else {"os_user": "ubuntu", "concurrency": 1}
        return {"public_key": A, "force": True, **user, **who}

    def state(self, running_lab: RunningLab, subject: str) -> list[str]:
        """Return the live keys of an instance. Those of a serial console are only in the journal."""
        if self.module is not ec2_serial_console_key:
            return running_lab.live(subject, "ubuntu")
        effective = (None, "lost_answer", "stall", "cut")
        return [A for call in running_lab.requests() if call["fault"] in effective][:1]

    def complaints(self, run: Run) -> Iterator[str]:
        """Compare what is said of each instance with whether the key is live there."""
        for name, said in run.of(run.report.result.get("targets", []), "instance_id"):
            is_live = bool(run.after[name])
            if run.check_mode:
                if is_live:
                    yield "check mode pushed a key"
                continue
            if said["success"] and not is_live:
                yield f"{name}: says that a key is live, and it is not"
            if is_in_doubt(said):
                if not said["changed"]:
                    yield f"{name}: nobody knows whether it changed, and it says no"
            elif said["changed"] is not is_live:
                yield f"{name}: says changed {said['changed']}, and live is {is_live}"


@dataclass(frozen=True)
class Info(Transfer):
    """The keys of users are read."""

    def options(self, running_lab: RunningLab) -> dict[str, Any]:
        """Ask for one user, or for all of the server."""
        who = {} if self.is_fleet else {"user_names": self.subjects(running_lab)}
        return {"server_id": running_lab.server_id, "concurrency": 1, **who}

    def complaints(self, run: Run) -> Iterator[str]:
        """Compare what is said of each user with what it holds."""
        if run.before != run.after:
            yield "it changed something"
        for name, said in run.of(run.report.result.get("users", []), "user_name"):
            keys = said["ssh_public_keys"]
            if (keys is None) is not ("error" in said):
                yield f"{name}: has {keys} and {said.get('error')}"
            if keys is not None and name in run.after and sorted(key["body"] for key in keys) != run.after[name]:
                yield f"{name}: says it has {keys}"


@dataclass(frozen=True)
class Ways(Scenario):
    """The ways to instances are judged. Each call is for all of them, and what it would have told is unknown then."""

    def subjects(self, running_lab: RunningLab) -> list[str]:
        """Return instances."""
        return running_lab.instance_ids[:3] if self.is_fleet else running_lab.instance_ids[:1]

    def begin(self, running_lab: RunningLab) -> None:
        """Nothing is to be done."""

    def options(self, running_lab: RunningLab) -> dict[str, Any]:
        """Judge each instance, one call after the other."""
        return {"instance_ids": self.subjects(running_lab), "source_cidr": ["172.31.0.0/16"], "concurrency": 1}

    def state(self, running_lab: RunningLab, subject: str) -> list[str]:
        """Return what a run never changes."""
        return []

    def complaints(self, run: Run) -> Iterator[str]:
        """Compare what is said with what is true of these instances: an endpoint and an agent are there."""
        failed = run.report.result["errors"]
        if failed and not all(all(each.values()) for each in failed):
            yield f"an error without a sentence: {failed}"
        for said in run.report.result.get("instances", []):
            closed = {way: told["is_open"] for way, told in said["ways"].items() if way != "direct"}
            if False in closed.values():
                yield f"says that a way is closed: {said['ways']}"
            if not failed and closed != {"endpoint": True, "session_manager": True}:
                yield f"says {closed}, and both are open"


@dataclass(frozen=True)
class Servers(Scenario):
    """Servers are described. In a fleet, all of the region are."""

    def subjects(self, running_lab: RunningLab) -> list[str]:
        """Return Transfer servers."""
        servers = sorted(running_lab.lab["transfer"][name] for name in ("server_id", "empty_server"))
        return servers if self.is_fleet else servers[:1]

    def begin(self, running_lab: RunningLab) -> None:
        """Let the host keys of a server come in two pages."""
        running_lab.control("PUT", "settings", page_size=2)

    def options(self, running_lab: RunningLab) -> dict[str, Any]:
        """Describe one server, or all, one call after the other."""
        return {"concurrency": 1, **({} if self.is_fleet else {"server_id": self.subjects(running_lab)})}

    def state(self, running_lab: RunningLab, subject: str) -> list[str]:
        """Return the fingerprints that are stated."""
        stated = running_lab.control("GET", f"transfer/servers/{subject}")["host_keys"]
        return [key["fingerprint"] for key in stated]

    def complaints(self, run: Run) -> Iterator[str]:
        """Compare what is said of each server with what is stated of it."""
        for name, said in run.of(run.report.result.get("servers", []), "server_id"):
            keys = said["host_keys"]
            if (keys is None) is not ("error" in said):
                yield f"{name}: has {keys} and {said.get('error')}"
            if keys is not None and [key["fingerprint"] for key in keys] != run.after[name]:
                yield f"{name}: says it has {keys}"
            if said["arn"] is None and said["host_key_fingerprint"] is not None:
                yield f"{name}: was not read, and says {said}"


@cache
def bystander() -> Any:
    """Return a client of nobody's task."""
    return in_process_lab().client("transfer")


@dataclass(frozen=True)
class WholeUser(Scenario):
    """A user is created, changed or deleted.

    held: the members of CreateUser for the user before the task, None if there is none. It holds A and B.
    wanted: the lines of the user after the task.
    """

    declared: Mapping[str, Any]
    held: Mapping[str, Any] | None
    wanted: tuple[str, ...]

    def subjects(self, running_lab: RunningLab) -> list[str]:
        """Return users that a fresh lab does not have."""
        return ["newcomer-1", "newcomer-2", "newcomer-3"] if self.is_fleet else ["newcomer-1"]

    def begin(self, running_lab: RunningLab) -> None:
        """Let each user be as it was before the task."""
        for name in self.subjects(running_lab):
            put_user(bystander(), running_lab.server_id, name, self.held, [A, B])

    def options(self, running_lab: RunningLab) -> dict[str, Any]:
        """Declare each user alike."""
        names = self.subjects(running_lab)
        who = {"users": names} if self.is_fleet else {"user_name": names[0]}
        return {"server_id": running_lab.server_id, "concurrency": 1, **who, **self.declared}

    def state(self, running_lab: RunningLab, subject: str) -> list[str]:
        """Return the lines of a user."""
        return described_lines(bystander(), running_lab.server_id, subject)

    def complaints(self, run: Run) -> Iterator[str]:
        """Compare what is said of each user with what it is."""
        for name, said in run.of(run.report.result.get("users", []), "user_name"):
            before, after = run.before[name], run.after[name]
            if run.check_mode:
                found = self._complaints_of_check_mode(said, before, after)
            elif is_in_doubt(said):
                found = self._complaints_of_doubt(said)
            else:
                found = self._complaints_of_user(said, before, after)
            yield from (f"{name}: {complaint}" for complaint in found)

    def _complaints_of_check_mode(self, said: Mapping[str, Any], before: list[str], after: list[str]) -> Iterator[str]:
        if after != before:
            yield "check mode changed something"
        if "error" not in said and told_lines(said) != list(self.wanted):
            yield f"foresees {told_lines(said)}"
        if "error" not in said and not said["changed"]:
            yield "foresees no change"

    @staticmethod
    def _complaints_of_doubt(said: Mapping[str, Any]) -> Iterator[str]:
        if not said["changed"]:
            yield "nobody knows whether it changed, and it says no"
        if said["state"] is not None:
            yield "it has read the user, and says that nobody knows"

    def _complaints_of_user(self, said: Mapping[str, Any], before: list[str], after: list[str]) -> Iterator[str]:
        if said["changed"] is not (before != after):
            yield f"says changed {said['changed']}; {before} became {after}"
        if said["state"] is None:
            if "error" not in said:
                yield "it has not read the user, and does not say why"
        elif (said["state"], told_lines(said)) != ("present" if after else "absent", after):
            yield f"says {said['state']}, {told_lines(said)}, and it is {after}"
        elif after != list(self.wanted) and not re.search(_LEFT, said.get("error", {}).get("message", "")):
            yield f"does not say what is left: {said.get('error')}, and it is {after}"
        for name, (claimed, true) in self._claims(said, before, after).items():
            if claimed != true:
                yield f"says {name} {claimed}, not {true}"

    @staticmethod
    def _claims(said: Mapping[str, Any], before: list[str], after: list[str]) -> dict[str, tuple[object, object]]:
        """Return what is claimed to have been done, and what was done, by the name of the field."""
        stays = bool(before and after)
        changed = [name for name in differing(before, after) if name != "public_keys"]
        new, old = sorted(set(after) - set(before)), sorted(set(before) - set(after))
        done: dict[str, tuple[object, object]] = {
            "created": (said["created"], bool(after and not before)),
            "deleted_user": (told_lines(said["deleted_user"]), before if not after else []),
            "updated": (said["updated"], changed if stays else []),
        }
        for name, lines in (("imported", new), ("deleted", old if stays else [])):
            keys = [line.partition(" ")[2] for line in lines if line.startswith("public_keys ")]
            done[name] = (sorted(key["body"] for key in said[name]), keys)
        return done


# What an error says of a user that is not as declared.
_LEFT = "Not yet as declared|does not exist|still exists"


@dataclass(frozen=True)
class WholeUserInfo(WholeUser):
    """Users are read."""

    def options(self, running_lab: RunningLab) -> dict[str, Any]:
        """Ask for one user, or for all of the server."""
        who = {} if self.is_fleet else {"user_names": self.subjects(running_lab)}
        return {"server_id": running_lab.server_id, "concurrency": 1, **who}

    def complaints(self, run: Run) -> Iterator[str]:
        """Compare what is said of each user with what it is."""
        if run.before != run.after:
            yield "it changed something"
        for name, said in run.of(run.report.result.get("users", []), "user_name"):
            if (said["role_arn"] is None) is not ("error" in said):
                yield f"{name}: has {said['role_arn']} and {said.get('error')}"
            if "error" not in said and name in run.after and told_lines(said) != run.after[name]:
                yield f"{name}: says {told_lines(said)}"


def _users() -> Iterator[Scenario]:
    """Yield the scenarios of whole users."""
    subject = (transfer_user, "UserName")
    home = {"home_directory_mappings": [{"entry": "/", "target": "/bucket/home"}]}
    before = {
        "Role": ROLE,
        "HomeDirectory": "/bucket",
        "Policy": '{"Version":"2012-10-17"}',
        "Tags": [{"Key": "team", "Value": "finance"}, {"Key": "old", "Value": "x"}],
    }
    fields = {**home, "role_arn": OTHER_ROLE, "home_directory": "", "policy": "", "tags": {"team": "sales", "new": ""}}
    mapped = ("home_directory_mappings / /bucket/home DIRECTORY", 'home_directory_type "LOGICAL"')
    changed = (
        'home_directory ""',
        *mapped,
        "policy {}",
        "posix_profile null",
        *(f"public_keys {key}" for key in sorted((C, D))),
        f'role_arn "{OTHER_ROLE}"',
        "tags new=",
        "tags team=sales",
    )
    created = (
        'home_directory ""',
        *mapped,
        "policy {}",
        "posix_profile null",
        *(f"public_keys {key}" for key in sorted((A, C, D))),
        f'role_arn "{ROLE}"',
        "tags team=finance",
    )
    new = {**home, "role_arn": ROLE, "tags": {"team": "finance"}}
    bare = tuple(line for line in created if not line.startswith("public_keys"))
    yield WholeUser("create without keys", False, *subject, new, None, bare)
    for is_fleet in (False, True):
        yield WholeUser("create", is_fleet, *subject, {**new, "public_keys": [A, C, D]}, None, created)
        keys = {"public_keys": [C, D], "exclusive": True}
        yield WholeUser("update", is_fleet, *subject, {**fields, **keys}, before, changed)
        yield WholeUser("delete", is_fleet, *subject, {"state": "absent"}, before, ())
        yield WholeUserInfo("users", is_fleet, transfer_user_info, "UserName", {}, before, ())


def _scenarios() -> Iterator[Scenario]:
    yield from _users()
    user = (False, transfer_ssh_key, "UserName")
    yield Transfer("rotate_full", *user, {"public_keys": [C, D], "exclusive": True}, (C, D), quota=2)
    yield Transfer("add", *user, {"public_keys": [B, C]}, (A, B, C))
    yield Transfer("remove", *user, {"public_keys": [A], "state": "absent"}, (B,))
    for is_fleet in (False, True):
        yield Transfer("rotate", is_fleet, *user[1:], {"public_keys": [C, D], "exclusive": True}, (C, D))
        yield Info("info", is_fleet, transfer_ssh_key_info, "UserName", {}, (A, B))
        yield Servers("servers", is_fleet, transfer_server_info, "ServerId")
        yield Push("push", is_fleet, ec2_instance_connect_key, "InstanceId")
    # Its calls are the same for one instance.
    yield Ways("ways", True, ec2_instance_connect_info, "InstanceId")
    yield Push("serial", False, ec2_serial_console_key, "InstanceId")


SCENARIOS = tuple(_scenarios())


# -- The matrix --------------------------------------------------------------------------------------------------------


def calls_of(scenario: Scenario, running_lab: RunningLab, *, check_mode: bool) -> list[Call]:
    """Return the calls that a run makes for the subject that is going to be struck, and those that are nobody's."""
    scenario.begin(running_lab)
    running_lab.control("DELETE", "requests")
    running_lab.misbehave()
    report = running_lab.run(scenario.module, scenario.options(running_lab), check_mode=check_mode)
    assert report.failure is None
    struck, calls = scenario.subjects(running_lab)[-1 if not scenario.is_fleet else 1], list[Call]()
    for request in running_lab.requests():
        name = request["parameters"].get(scenario.subject)
        if name in (struck, None):
            match = {scenario.subject: name} if name else {}
            before = sum((call.operation, call.match) == (request["operation"], match) for call in calls)
            calls.append(Call(request["operation"], match, before))
    return calls


@dataclass(frozen=True)
class Trial:
    """Where a scenario is tried."""

    running_lab: InProcessLab
    waiting: Waiting
    way: Way

    def run(self, scenario: Scenario, fault: Fault, call: Call, *, check_mode: bool) -> Run:
        """Run a scenario of which a call goes wrong."""
        scenario.begin(self.running_lab)
        subjects = scenario.subjects(self.running_lab)
        before = {name: scenario.state(self.running_lab, name) for name in subjects}
        prepare = self.way.spoil(self.running_lab, fault, call)
        self.waiting.seconds = 0.0
        report = self.running_lab.run(
            scenario.module, scenario.options(self.running_lab), check_mode=check_mode, prepare=prepare
        )
        seconds, strikes = self.waiting.seconds, self.way.strikes(self.running_lab)
        self.running_lab.misbehave()
        after = {name: scenario.state(self.running_lab, name) for name in subjects}
        return Run(report, check_mode, fault, call.match.get(scenario.subject, ""), strikes, before, after, seconds)


@pytest.fixture
def trial(lab_in_process: InProcessLab, waiting: Waiting) -> Trial:
    return Trial(lab_in_process, waiting, Way(NOWHERE))


@pytest.mark.parametrize("check_mode", [False, True], ids=["real", "check"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_what_is_said_is_so(trial: Trial, scenario: Scenario, *, check_mode: bool) -> None:
    """Each call and each fault: the report and its ``changed`` agree with the service, within a bounded time."""
    calls = calls_of(scenario, trial.running_lab, check_mode=check_mode)
    # That of a push makes no call at all.
    assert bool(calls) is not (check_mode and isinstance(scenario, Push))
    found = [
        f"{call.operation} {call.after}, {fault}: {complaint}"
        for call, fault in product(calls, FAULTS)
        for complaint in complaints(scenario, trial.run(scenario, fault, call, check_mode=check_mode))
    ]
    assert not found, "\n".join(found)


def complaints(scenario: Scenario, run: Run) -> Iterator[str]:
    """Yield each claim of a report that is not so, those that any module makes first."""
    report = run.report
    named = ("users", "targets", "instances", "servers")
    subjects = next((report.result[name] for name in named if name in report.result), None)
    if not run.strikes:
        yield "nothing went wrong"
    if run.seconds > SECONDS_AT_MOST:
        yield f"takes {run.seconds:.0f} seconds"
    if subjects is None:
        if not report.failure or run.before != run.after:
            yield f"no result: {report.failure}"
        return
    yield from claims(run, subjects)
    yield from scenario.complaints(run)


def claims(run: Run, subjects: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what is not so of what a report says as a whole."""
    report = run.report
    failed = [said for said in subjects if "error" in said]
    if bool(failed or report.result.get("errors")) is not bool(report.failure):
        yield f"fails: {report.failure}, but {failed}"
    if run.fault.passes and report.failure:
        yield f"gave up: {report.failure}"
    if run.fault.is_clear and any(is_in_doubt(said) for said in failed):
        yield f"doubts what is clear: {report.failure}"
    for said in failed:
        if not all(said["error"].values()):
            yield f"an error without a sentence: {said}"
        if run.struck and run.struck not in said.values():
            yield f"another one failed: {said}"
    if report.result.get("changed") is not any(said.get("changed") for said in subjects):
        yield "changed is not that of its parts"


# -- One fault after another -------------------------------------------------------------------------------------------

PUSH = Call("SendSSHPublicKey", {}, 0)


@pytest.mark.parametrize("last", [fault for fault in FAULTS if fault.is_clear and fault.times is None], ids=str)
@pytest.mark.parametrize("first", [fault for fault in FAULTS if fault.passes and fault.times == 1], ids=str)
def test_a_clear_end_does_not_end_the_doubt_about_an_attempt_before(trial: Trial, first: Fault, last: Fault) -> None:
    """The last attempts take no effect for certain. Of the first one nobody knows, unless it was clear too."""
    lab, pushed = trial.running_lab, next(scenario for scenario in SCENARIOS if isinstance(scenario, Push))
    lab.misbehave(*(fault.of(PUSH) for fault in (first, last) if not fault.is_on_the_way))
    misled = [
        trial.way.mislead(fault, call)
        for fault, call in ((first, PUSH), (last, PUSH._replace(after=1)))
        if fault.is_on_the_way
    ]

    def prepare(client: Any) -> None:
        for mislead in misled:
            mislead(client)

    report = lab.run(pushed.module, pushed.options(lab), prepare=prepare)
    (said,) = report.result["targets"]
    assert not said["success"]
    assert is_in_doubt(said) is said["changed"] is not first.is_clear
