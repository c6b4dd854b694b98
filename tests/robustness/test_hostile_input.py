# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What comes from outside is meant ill: keys, options, the folder of the leases, and what the service says.

No wire is between the modules and the lab's services: none of this is about one.
"""

from __future__ import annotations

import base64
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import PublicKeyError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import PublicKey, parse_public_key
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
from ansible_collections.sshkeys.aws.tests.robustness.in_process import InProcessLab
from ansible_collections.sshkeys.aws.tests.running_lab import RunningLab
from ansible_collections.sshkeys.aws.tests.unit.keys import (
    MAKE,
    accepted_by_ssh_keygen,
    certificate_line,
    dss_blob,
    ed25519_blob,
    key_pair,
    knows_dss,
    line_of,
    security_key_blobs,
)

KEY = line_of(ed25519_blob(bytes([1]) * 32), "a key")
OTHER_KEY = line_of(ed25519_blob(bytes([2]) * 32), "another key")

ROLE = "arn:aws:iam::123456789012:role/transfer"

# A sentence for people, whatever was put in.
LONGEST_SENTENCE = 2_000


# -- Keys --------------------------------------------------------------------------------------------------------------


def sound_keys() -> list[str]:
    """Return a line of each kind of key that there is, two words each."""
    lines = [key_pair(kind).bare for kind in MAKE]
    lines += [line_of(blob) for blob in security_key_blobs().values()]
    lines += [" ".join(certificate_line().split(" ")[:2])]
    return lines + ([line_of(dss_blob())] if knows_dss() else [])


def damaged_blob(blob: bytes, chance: random.Random) -> bytes:
    """Return a key in wire format with a damage in one place."""
    place, size = chance.randrange(len(blob) or 1), chance.choice((1, 4, 32))
    # Every string has its length in front of it.
    length = chance.choice((0, 1, size, 0x7FFFFFFF, 0xFFFFFFFF, len(blob))).to_bytes(4, "big")
    before, after = blob[:place], blob[place:]
    return chance.choice(
        (
            before + chance.randbytes(1) + after[1:],
            before + after[size:],
            before + chance.randbytes(size) + after,
            before + length + after[4:],
            before,
            blob + before,
            blob + b"\0",
        )
    )


def damaged_base64(encoded: str, chance: random.Random) -> str:
    """Return base64 with a damage in one place, or none."""
    place = chance.randrange(len(encoded) or 1)
    other = encoded[:place] + chance.choice("A=/+-_ \t\0é") + encoded[place + 1 :]
    return chance.choice((encoded, encoded, encoded, other, encoded.rstrip("="), encoded + "=", encoded + "A"))


KEY_TYPES = ("ssh-rsa", "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp521", "ssh-dss", "sk-ssh")


def mutant(line: str, chance: random.Random) -> str:
    """Return a key that was damaged in one place or a few."""
    key_type, encoded = line.split(" ")
    blob = base64.b64decode(encoded)
    for _damage in range(chance.choice((0, 1, 1, 1, 2, 5))):
        blob = damaged_blob(blob, chance)
    if not chance.randrange(8):
        key_type = chance.choice(KEY_TYPES)
    return f"{key_type} {damaged_base64(base64.b64encode(blob).decode(), chance)}"


def judged(line: str) -> PublicKey | str:
    """Return a key, or why it is none."""
    try:
        return parse_public_key(line)
    except PublicKeyError as error:
        return str(error)


@pytest.mark.parametrize(
    "mutants",
    [3_000, pytest.param(1_000_000, marks=[pytest.mark.exhaustive, pytest.mark.timeout(1200)])],
)
def test_no_mutant_gets_past_that_ssh_keygen_refuses(mutants: int) -> None:
    """Each is taken or refused in a sentence; and what is taken, ssh-keygen takes too."""
    chance = random.Random(20261121)
    sound, taken = sound_keys(), list[str]()
    accepted = 0
    for number in range(mutants):
        line = mutant(chance.choice(sound), chance)
        key = judged(line)
        if isinstance(key, str):
            assert key.isprintable(), line
            assert len(key) < LONGEST_SENTENCE
        else:
            taken.append(key.line)
        if taken and (len(taken) == 20_000 or number == mutants - 1):
            accepted += len(taken)
            refused = set(range(len(taken))) - set(accepted_by_ssh_keygen(taken))
            assert not refused, [taken[position] for position in refused][:5]
            taken.clear()
    # A damage in a comment or in a number leaves a key a key.
    assert accepted > mutants // 100


# -- Options -----------------------------------------------------------------------------------------------------------

HOSTILE = {
    "newline": "a\nb",
    "trailing newline": "a\n",
    "carriage return": "a\r\nb",
    "quotes": "a'b\"c`d",
    "command": "$(touch {file})",
    "semicolon": "a; touch {file}",
    "pipe": "a | touch {file} &",
    "option": "-oProxyCommand=touch {file}",
    "path": "../../../../etc/passwd",
    "template": "{{{{ 1 + 1 }}}}",
    "nul": "a\0b",
    "escape": "\x1b[2J\x1b]0;owned\x07",
    "right to left": "\u202eresu",
    "look-alike": "i-0a4f3c1d2e5b69871".replace("a", "\u0430"),
    "full width": "\uff49-0a4f3c1d2e5b69871",
    "digits of elsewhere": "i-\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667",
    "instance and more": "i-0a4f3c1d2e5b69871\n",
    "zone and more": "us-east-1a\n",
    "look-alike of a zone": "us-east-1\u0430",
    "lone surrogate": "a\udcffb",
    "nothing": "",
    "blank": " ",
}
# Where an empty text is none, because none is needed or the task has another one.
EMPTY_IS_NONE = [
    *(("push to many", ("targets", 1, name)) for name in ("os_user", "availability_zone")),
    *(("make", (name,)) for name in ("home_directory", "policy")),
    *(("make many", ("users", 1, name)) for name in ("home_directory", "policy")),
]
# Texts that have no end, by the number of their characters.
HUGE: dict[str, Callable[[int], str]] = {
    "letters": lambda size: "A" * size,
    "lines": lambda size: "ssh-rsa\n" * (size // 8),
    "blanks": lambda size: "ssh-rsa" + " " * size,
    "lines of base64": lambda size: f"{'A' * 70}\n" * (size // 71),
    "brackets": lambda size: "[" * size,
    "commas": lambda size: "a," * (size // 2),
    "roles": lambda size: f"arn:{'role/' * (size // 5)} ",
}


Task = tuple[ModuleType, dict[str, Any]]


def tasks_of(running_lab: RunningLab) -> dict[str, Task]:
    """Return tasks that work, for one and for many."""
    first, second = running_lab.instance_ids[:2]
    server = {"server_id": running_lab.server_id}
    zones = {instance["instance_id"]: instance["availability_zone"] for instance in running_lab.lab["instances"]}
    one, other = (
        {"instance_id": instance_id, "os_user": "ubuntu", "availability_zone": zones[instance_id]}
        for instance_id in (first, second)
    )
    declared = {"user_name": "partner", "public_keys": [KEY]}
    home = {
        "role_arn": ROLE,
        "home_directory": "/",
        "home_directory_mappings": [{"entry": "/", "target": "/bucket"}],
        "policy": '{"Version": "2012-10-17"}',
    }
    return {
        "judge": (ec2_instance_connect_info, {"instance_ids": [first, second], "source_cidr": ["192.0.2.7"]}),
        "push": (ec2_instance_connect_key, {**one, "public_key": KEY}),
        "push to many": (ec2_instance_connect_key, {"targets": [first, other], "os_user": "ubuntu", "public_key": KEY}),
        "push to a serial console": (ec2_serial_console_key, {"instance_id": first, "public_key": KEY}),
        "declare": (transfer_ssh_key, {**server, **declared}),
        "declare many": (transfer_ssh_key, {**server, "users": ["auditor", declared], "public_keys": [OTHER_KEY]}),
        "remove": (
            transfer_ssh_key,
            {**server, "user_name": "partner", "ssh_public_key_ids": ["key-0123456789abcdef0"], "state": "absent"},
        ),
        "describe": (transfer_server_info, {"server_ids": [running_lab.server_id]}),
        "read": (transfer_ssh_key_info, {**server, "user_names": ["partner"]}),
        "make": (transfer_user, {**server, "user_name": "newcomer", **home, "public_keys": [KEY]}),
        "make many": (
            transfer_user,
            {**server, "users": ["auditor", {"user_name": "other", **home}], "role_arn": ROLE, "public_keys": [KEY]},
        ),
        "tell a policy": (
            transfer_user,
            {**server, "user_name": "partner", "policy": {"Statement": ["it"]}, "tags": {"team": "finance"}},
        ),
        "delete": (transfer_user, {**server, "user_name": "partner", "state": "absent"}),
        "read users": (transfer_user_info, {**server, "user_names": ["auditor"]}),
    }


def places(options: Any) -> Iterator[tuple[str | int, ...]]:
    """Yield the way to each text in options."""
    if isinstance(options, str):
        yield ()
    else:
        for key, inner in options.items() if isinstance(options, Mapping) else enumerate(options):
            yield from ((key, *rest) for rest in places(inner))


def replaced(options: Any, place: tuple[str | int, ...], value: str) -> Any:
    """Return a copy of options with another text in one place."""
    if not place:
        return value
    copied = options.copy()
    copied[place[0]] = replaced(options[place[0]], place[1:], value)
    return copied


def check_sentence(report: Report) -> None:
    """Fail unless what is said can be read on a terminal, by somebody who is in a hurry."""
    for sentence in (report.failure, *report.warnings):
        if sentence is not None:
            assert sentence.isprintable(), sentence[:LONGEST_SENTENCE]
            assert len(sentence) < LONGEST_SENTENCE


def places_of(running_lab: RunningLab) -> list[tuple[str, tuple[str | int, ...]]]:
    """Return each text in the options of each task, but ``state``, which Ansible itself checks, and what is free."""
    tasks = tasks_of(running_lab)
    found = [(name, place) for name, (_module, given) in tasks.items() for place in places(given)]
    return [(name, place) for name, place in found if place != ("state",) and (name, place) not in FREE]


def run_with(running_lab: RunningLab, name: str, place: tuple[str | int, ...], value: str) -> Report:
    """Run a task with another text in one place of its options."""
    module, options = tasks_of(running_lab)[name]
    return running_lab.run(module, replaced(options, place, value))


def test_tasks_that_nobody_has_spoilt_work(lab_in_process: InProcessLab) -> None:
    """So what is refused below is refused for what was put in."""
    for name, (module, options) in tasks_of(lab_in_process).items():
        assert lab_in_process.run(module, options).failure is None, name


# Texts of the user's own, which may be anything that AWS takes.
FREE = [("tell a policy", ("policy", "Statement", 0)), ("tell a policy", ("tags", "team"))]


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_text_of_a_user(lab_in_process: InProcessLab, tmp_path: Path, kind: str) -> None:
    """What is stored is what was given, and nothing of it does anything to a terminal."""
    touched = tmp_path / "touched"
    value = HOSTILE[kind].format(file=touched)
    for name, place in FREE:
        report = run_with(lab_in_process, name, place, value)
        assert report.failure is None
        told = report.result["policy"]["Statement"][0] if place[0] == "policy" else report.result["tags"]["team"]
        assert told == value
        assert all(line.isprintable() for line in report.result["diff"]["after"].split("\n"))
    deleted = lab_in_process.run(*tasks_of(lab_in_process)["delete"])
    assert deleted.result["msg"].isprintable()
    assert not touched.exists()


def test_no_value_makes_a_line_of_a_diff(lab_in_process: InProcessLab) -> None:
    """A line break in a tag does not look like another tag or key."""
    report = run_with(lab_in_process, "tell a policy", ("tags", "team"), "a\npublic_keys: SHA256:of-nobody")
    lines = report.result["diff"]["after"].split("\n")
    assert [line for line in lines if "of-nobody" in line] == ["tags.team: a public_keys: SHA256:of-nobody"]


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_option(lab_in_process: InProcessLab, tmp_path: Path, kind: str) -> None:
    """Each text in the options of a task: nothing is run, and what is of no use is refused before anything is sent."""
    touched = tmp_path / "touched"
    value = HOSTILE[kind].format(file=touched)
    for name, place in places_of(lab_in_process):
        report = run_with(lab_in_process, name, place, value)
        check_sentence(report)
        if kind == "nothing" and (name, place) in EMPTY_IS_NONE:
            assert report.failure is None
            lab_in_process.control("DELETE", "requests")
        else:
            assert report.failure, f"{name}: {place} takes {kind}"
            assert lab_in_process.requests() == []
    assert not touched.exists()


def refuse(lab_in_process: InProcessLab, value: str) -> float:
    """Refuse a text in every place. Returns the seconds of the processor that it took."""
    began = time.process_time()
    for name, place in places_of(lab_in_process):
        report = run_with(lab_in_process, name, place, value)
        assert report.failure, f"{name}: {place}"
        check_sentence(report)
    took = time.process_time() - began
    assert lab_in_process.requests() == []
    return took


@pytest.mark.parametrize(
    "size", [50_000, pytest.param(2_500_000, marks=[pytest.mark.exhaustive, pytest.mark.timeout(600)])]
)
@pytest.mark.parametrize("kind", HUGE)
def test_a_huge_option_costs_what_its_length_costs(lab_in_process: InProcessLab, kind: str, size: int) -> None:
    """Four times the length takes four times as long; sixteen times is what a square takes."""
    refuse(lab_in_process, HUGE[kind](1_000))
    less, more = (refuse(lab_in_process, HUGE[kind](length)) for length in (size, 4 * size))
    # What a task costs whatever its options are counts in both.
    assert more < 8 * less


# -- The folder of the leases ------------------------------------------------------------------------------------------


@pytest.fixture
def leases(lab_in_process: InProcessLab) -> Path:
    """Push once, and return the folder of the leases."""
    lab_in_process.run(*tasks_of(lab_in_process)["push"])
    (folder,) = Path(os.environ["XDG_CACHE_HOME"]).glob("*/leases")
    return folder


def push_again(running_lab: RunningLab) -> Report:
    running_lab.control("DELETE", "requests")
    report = running_lab.run(*tasks_of(running_lab)["push"])
    assert report.failure is None
    return report


def test_a_lease_saves_a_push(lab_in_process: InProcessLab, leases: Path) -> None:
    assert push_again(lab_in_process).result["changed"] is False
    assert lab_in_process.requests() == []


def _open_to_all(folder: Path) -> None:
    folder.chmod(0o777)


def _a_link(folder: Path) -> None:
    elsewhere = folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to(elsewhere)


def _a_file(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("", encoding="utf-8")


def _somebody_elses(folder: Path) -> None:
    os.chown(folder, 65534, 65534)


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return what the files in a folder hold, and when that was written."""
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


@pytest.mark.parametrize("spoil", [_open_to_all, _a_link, _a_file, _somebody_elses])
def test_a_folder_that_is_not_ours_alone(lab_in_process: InProcessLab, leases: Path, spoil: Any) -> None:
    """Nothing in it counts and nothing is written there: the key is pushed, and a warning says why it will be again."""
    if spoil is _somebody_elses and os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    before = contents(leases)
    spoil(leases)
    report = push_again(lab_in_process)
    assert report.result["changed"] is True
    (warning,) = report.warnings
    assert str(leases) in warning
    check_sentence(report)
    elsewhere = leases.with_name("elsewhere")
    assert before == contents(elsewhere if elsewhere.exists() else leases)


@pytest.mark.parametrize("files", [2_000, pytest.param(100_000, marks=pytest.mark.exhaustive)])
def test_a_folder_with_many_files(
    lab_in_process: InProcessLab, leases: Path, monkeypatch: pytest.MonkeyPatch, files: int
) -> None:
    """Inside a lease nobody looks at them. A push looks at each once; what is old of ours goes, and nothing else."""
    (lease,) = leases.iterdir()
    for number in range(files):
        path = leases / f"{number:064x}{(lease.suffix, '.new', '.txt', '')[number % 4]}"
        path.touch()
        if number % 8 < 4:
            os.utime(path, (0, 0))
    looked = list[str]()
    scandir = os.scandir

    def counted(path: str) -> Any:
        looked.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counted)
    assert push_again(lab_in_process).result["changed"] is False
    assert looked == []
    module, options = tasks_of(lab_in_process)["push"]
    assert lab_in_process.run(module, {**options, "force": True}).result["changed"] is True
    assert looked == [str(leases)]
    # One in four is an old lease or an old temporary file.
    assert len(list(leases.iterdir())) == files - files // 4 + 1
    assert lease.exists()


# -- What the service says ---------------------------------------------------------------------------------------------

ESCAPES = "\x1b[2J\x1b[31m\x1b]0;owned\x07\r\n\u202e\x9b1mThe service says so"


def texts(value: object) -> Iterator[str]:
    """Yield each text in a result."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("where", ["code", "message"])
@pytest.mark.parametrize(
    ("task", "operation"),
    [
        ("push", "SendSSHPublicKey"),
        ("push to a serial console", "SendSerialConsoleSSHPublicKey"),
        ("declare", "DescribeUser"),
        ("declare", "ImportSshPublicKey"),
        ("read", "DescribeUser"),
        ("make", "DescribeUser"),
        ("make", "CreateUser"),
        ("tell a policy", "UpdateUser"),
        ("tell a policy", "TagResource"),
        ("delete", "DeleteUser"),
        ("read users", "DescribeUser"),
    ],
)
def test_terminal_escapes_of_a_service(lab_in_process: InProcessLab, task: str, operation: str, where: str) -> None:
    """What the service says is shown, and does nothing to a terminal."""
    said = {"code": "Refused", "message": "No."} | {where: ESCAPES}
    lab_in_process.misbehave({"operation": operation, "fault": "error", "times": None, **said})
    report = lab_in_process.run(*tasks_of(lab_in_process)[task])
    assert report.failure
    assert "The service says so" in report.failure
    check_sentence(report)
    for text in texts(report.result):
        assert all(line.isprintable() for line in text.split("\n")), text
    assert all(text.isprintable() for text in texts(report.result.get("error", [])))


def test_terminal_escapes_of_a_key(lab_in_process: InProcessLab) -> None:
    """The comment of a key that somebody else imported does nothing to a terminal, in a diff least of all."""
    lab_in_process.hold("partner", [f"{OTHER_KEY} \x1b[2J\x9b1m\u202e"])
    module, options = tasks_of(lab_in_process)["declare"]
    report = lab_in_process.run(module, {**options, "exclusive": True})
    assert report.failure is None
    for side in ("before", "after"):
        assert all(line.isprintable() for line in report.result["diff"][side].split("\n"))
    assert OTHER_KEY.split()[1] in report.result["deleted"][0]["body"]
