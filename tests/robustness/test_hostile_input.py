# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What comes from outside is meant ill: keys, options, the folder of the leases, and what the service says."""

from __future__ import annotations

import base64
import os
import random
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.errors import PublicKeyError
from ansible_collections.sshkeys.aws.plugins.module_utils._keys.openssh import PublicKey, parse_public_key
from ansible_collections.sshkeys.aws.plugins.module_utils._report import Report
from ansible_collections.sshkeys.aws.plugins.modules import (
    ec2_instance_connect_key,
    ec2_serial_console_key,
    transfer_ssh_key,
    transfer_ssh_key_info,
)
from ansible_collections.sshkeys.aws.tests.robustness.figures import Figure
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

# A sentence for people, whatever was put in.
LONGEST_SENTENCE = 2_000
SECONDS_AT_MOST = 5.0


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


def test_no_mutant_gets_past_that_ssh_keygen_refuses(mutants: int, figure: Figure) -> None:
    """Each is taken or refused in a sentence, in no time; and what is taken, ssh-keygen takes too."""
    chance = random.Random(20261121)
    sound, taken, slowest = sound_keys(), list[str](), 0.0
    accepted = 0
    for number in range(mutants):
        line = mutant(chance.choice(sound), chance)
        began = time.perf_counter()
        key = judged(line)
        if isinstance(key, str):
            assert key.isprintable(), line
        else:
            taken.append(key.line)
        slowest = max(slowest, time.perf_counter() - began)
        if taken and (len(taken) == 20_000 or number == mutants - 1):
            accepted += len(taken)
            refused = set(range(len(taken))) - set(accepted_by_ssh_keygen(taken))
            assert not refused, [taken[position] for position in refused][:5]
            taken.clear()
    assert slowest < SECONDS_AT_MOST
    # A damage in a comment or in a number leaves a key a key.
    assert accepted > mutants // 100
    figure("mutants", f"{mutants}, of which {accepted} are keys; the slowest took {slowest * 1000:.1f} ms")


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
    "lone surrogate": "a\udcffb",
    "nothing": "",
    "blank": " ",
    "10 MB": "A" * 10_000_000,
    "10 MB of lines": "ssh-rsa\n" * 1_250_000,
    "10 MB of blanks": "ssh-rsa" + " " * 10_000_000,
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
    return {
        "push": (ec2_instance_connect_key, {**one, "public_key": KEY}),
        "push to many": (ec2_instance_connect_key, {"targets": [first, other], "os_user": "ubuntu", "public_key": KEY}),
        "push to a serial console": (ec2_serial_console_key, {"instance_id": first, "public_key": KEY}),
        "declare": (transfer_ssh_key, {**server, **declared}),
        "declare many": (transfer_ssh_key, {**server, "users": ["nobody", declared], "public_keys": [OTHER_KEY]}),
        "remove": (
            transfer_ssh_key,
            {**server, "user_name": "partner", "ssh_public_key_ids": ["key-0123456789abcdef0"], "state": "absent"},
        ),
        "read": (transfer_ssh_key_info, {**server, "user_names": ["partner"]}),
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


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_option(running_lab: RunningLab, tmp_path: Path, kind: str) -> None:
    """Each text in the options of a task: nothing is run, and what is of no use is refused before anything is sent."""
    touched = tmp_path / "touched"
    value = HOSTILE[kind].format(file=touched)
    for name, (module, options) in tasks_of(running_lab).items():
        for place in places(options):
            if place == ("state",):
                continue
            began = time.monotonic()
            report = running_lab.run(module, replaced(options, place, value))
            assert time.monotonic() - began < SECONDS_AT_MOST, (name, place)
            check_sentence(report)
            # Empty is none, where none is needed or the task has another one.
            if kind == "nothing" and (place[-1] == "availability_zone" or place[-2:] == (1, "os_user")):
                running_lab.control("DELETE", "requests")
            else:
                assert report.failure, f"{name}: {place} takes {kind}"
                assert running_lab.requests() == []
    assert not touched.exists()


# -- The folder of the leases ------------------------------------------------------------------------------------------


@pytest.fixture
def leases(running_lab: RunningLab) -> Path:
    """Push once, and return the folder of the leases."""
    running_lab.run(*tasks_of(running_lab)["push"])
    (folder,) = Path(os.environ["XDG_CACHE_HOME"]).glob("*/leases")
    return folder


def push_again(running_lab: RunningLab) -> Report:
    running_lab.control("DELETE", "requests")
    report = running_lab.run(*tasks_of(running_lab)["push"])
    assert report.failure is None
    return report


def test_a_lease_saves_a_push(running_lab: RunningLab, leases: Path) -> None:
    assert push_again(running_lab).result["changed"] is False
    assert running_lab.requests() == []


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
def test_a_folder_that_is_not_ours_alone(running_lab: RunningLab, leases: Path, spoil: Any) -> None:
    """Nothing in it counts and nothing is written there: the key is pushed, and a warning says why it will be again."""
    if spoil is _somebody_elses and os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    before = contents(leases)
    spoil(leases)
    report = push_again(running_lab)
    assert report.result["changed"] is True
    (warning,) = report.warnings
    assert str(leases) in warning
    check_sentence(report)
    elsewhere = leases.with_name("elsewhere")
    assert before == contents(elsewhere if elsewhere.exists() else leases)


def test_a_folder_with_a_hundred_thousand_files(running_lab: RunningLab, leases: Path, figure: Figure) -> None:
    """Old leases, fresh ones and files of others: a push takes little longer, and old leases go."""
    (lease,) = leases.iterdir()
    for number in range(100_000):
        path = leases / f"{number:064x}{lease.suffix if number % 4 else '.new'}"
        path.touch()
        if number % 2:
            os.utime(path, (0, 0))
    began = time.monotonic()
    assert push_again(running_lab).result["changed"] is False
    quick = time.monotonic() - began
    running_lab.control("POST", "reset")
    began = time.monotonic()
    module, options = tasks_of(running_lab)["push"]
    running_lab.run(module, {**options, "force": True})
    seconds = time.monotonic() - began
    left = len(list(leases.iterdir()))
    figure("100,000 files", f"inside the lease {quick:.2f} s, a push {seconds:.2f} s, {left} files left")
    assert quick < 1
    assert seconds < SECONDS_AT_MOST
    assert left < 60_000


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
    ],
)
def test_terminal_escapes_of_a_service(running_lab: RunningLab, task: str, operation: str, where: str) -> None:
    """What the service says is shown, and does nothing to a terminal."""
    said = {"code": "Refused", "message": "No."} | {where: ESCAPES}
    running_lab.misbehave({"operation": operation, "fault": "error", "times": None, **said})
    report = running_lab.run(*tasks_of(running_lab)[task])
    assert report.failure
    assert "The service says so" in report.failure
    check_sentence(report)
    for text in texts(report.result):
        assert all(line.isprintable() for line in text.split("\n")), text
    assert all(text.isprintable() for text in texts(report.result.get("error", [])))


def test_terminal_escapes_of_a_key(running_lab: RunningLab) -> None:
    """The comment of a key that somebody else imported does nothing to a terminal, in a diff least of all."""
    running_lab.hold("partner", [f"{OTHER_KEY} \x1b[2J\x9b1m\u202e"])
    module, options = tasks_of(running_lab)["declare"]
    report = running_lab.run(module, {**options, "exclusive": True})
    assert report.failure is None
    for side in ("before", "after"):
        assert all(line.isprintable() for line in report.result["diff"][side].split("\n"))
    assert OTHER_KEY.split()[1] in report.result["deleted"][0]["body"]
