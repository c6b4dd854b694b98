# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure the collection against what people do without it: ``make bench``.

Everything that is compared is run here, now, one after the other. A limit that is missed is said, and is no error: on
another machine the figures are others.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from connections import connections
from measure import SERVER_ID, BenchFolder, bench_folder, instance_ids
from report import Row, Sample, chart, ratio, table

MODULE = "sshkeys.aws.ec2_instance_connect_key"
ROLE = "arn:aws:iam::123456789012:role/transfer"
IN_A_PROCESS = {"sshkeys_aws_fast_path": False}


def say(text: str) -> None:
    """Print at once."""
    print(text, flush=True)


def repeat(times: int, run: Callable[[], float]) -> Sample:
    """Run something so often."""
    return Sample(tuple(run() for _time in range(times)))


def push_task(name: str, **options: Any) -> dict[str, Any]:
    """Return a task that pushes the key."""
    return {"name": name, MODULE: {"os_user": "ec2-user", "public_key": "{{ public_key }}", **options}}


class Fleet:
    """1000 instances, in one call and by what people use instead."""

    def __init__(self, place: BenchFolder, *, full: bool) -> None:
        """full: run the real thousand of what takes minutes, too."""
        self._place, self._targets = place, 1000
        self._looped, self._xargs = (1000, 1000) if full else (15, 48)
        self.one_call = self.loop = self.by_xargs = Sample((1.0,))

    def rows(self) -> list[Row]:
        """Measure."""
        place = self._place
        with place.service() as service:

            def one_call() -> float:
                place.forget()
                seconds = place.play([push_task("push", targets=instance_ids(self._targets))], service)["push"]
                return sum(seconds)

            self.one_call = repeat(5, one_call)
            command = {"name": "loop", "ansible.builtin.command": {"argv": place.aws_command("{{ item }}")}}
            tasks = [{**command, "loop": instance_ids(self._looped), "changed_when": False}]
            self.loop = Sample(tuple(place.play(tasks, service)["loop"]), extrapolated_by=self._targets / self._looped)
            self.by_xargs = Sample((place.xargs(service, self._xargs),), extrapolated_by=self._targets / self._xargs)
        ours = ("one call", self.one_call)
        return [
            ratio(
                "1000 targets: one call, against a loop of command: aws", ours, ("loop", self.loop), 400, is_floor=True
            ),
            ratio("1000 targets: one call, against xargs -P 8 aws", ours, ("xargs", self.by_xargs), 110, is_floor=True),
        ]


def engine(place: BenchFolder) -> list[Row]:
    """Measure the calls themselves, without any start-up."""
    rows, samples = [], {}
    for scheme, tls in (("HTTP", False), ("TLS", True)):
        with place.service(tls=tls) as service:
            samples[scheme] = repeat(5, lambda: float(place.push(service, 1000)["seconds"]))
            if not tls:
                bare = repeat(5, lambda: place.bare_client(service, 1000))
                rows.append(
                    ratio(
                        "1000 targets: the engine, against a bare client",
                        ("engine", samples[scheme]),
                        ("bare client", bare),
                        6,
                    )
                )
                many = [place.push(service, 10_000) for _time in range(3)]
    rows.append(ratio("1000 targets: over TLS, against HTTP", ("TLS", samples["TLS"]), ("HTTP", samples["HTTP"]), 1.25))
    peak = Sample(tuple(run["peak"] / 1e6 for run in many), "MB")
    rows.append(Row("10,000 targets: peak memory of the process", peak.median, 90, str(peak), unit="MB"))
    longer = Sample(tuple(run["seconds"] for run in many))
    rows.append(ratio("10,000 targets, against 1000", ("10,000", longer), ("1000", samples["HTTP"]), 10.5))
    return rows


def throttled(place: BenchFolder) -> list[Row]:
    """Measure behind a service that takes so many calls a second. Its bucket is full at first."""
    rows = []
    for rate, targets in ((100, 1000), (20, 200)):
        with place.service(calls_a_second=rate) as service:
            run = place.push(service, targets)
            refused = service.counts()["throttled"]
        floor = (targets - rate) / rate
        what = f"{targets} targets, {rate} calls a second"
        sides = (
            f"{run['seconds']:.2f} s; floor {floor:.0f} s; {refused} calls refused on the way; {run['failed']} failed"
        )
        rows.append(Row(what, run["seconds"] / floor, 1.2, sides))
        rows.append(Row(f"{what}: failed", run["failed"], 0, sides, unit=""))
        for mode in ("standard", "adaptive"):
            # The bucket is full again.
            with place.service(calls_a_second=rate) as service:
                alone = place.sdk_client(service, targets, mode)
                refused = service.counts()["throttled"]
            of_sdk = (
                f"{alone['seconds']:.2f} s; floor {floor:.0f} s; {refused} calls refused on the way; "
                f"{alone['failed']} failed"
            )
            arrived, ours = targets - alone["failed"], targets - run["failed"]
            pace = (ours / run["seconds"]) / (arrived / alone["seconds"])
            rows.append(
                Row(f"{what}: arrived a second, against botocore's {mode} mode", pace, 1, of_sdk, is_floor=True)
            )
    return rows


def single(place: BenchFolder, times: int = 21) -> list[Row]:
    """Measure one push in a task of its own, against a ping in the same play."""
    rows = []
    places: Sequence[tuple[str, Mapping[str, Any]]] = (("in a process", IN_A_PROCESS), ("in the worker", {}))
    limits = {
        "push": {"in a process": 2.0, "in the worker": 0.25},
        "no-op": {"in a process": 1.65, "in the worker": 0.12},
    }
    for scheme, tls in (("HTTP", False), ("TLS", True)):
        with place.service(tls=tls) as service:
            tasks: list[dict[str, Any]] = [push_task("first", instance_id="i-0123456789abcdef0")]
            for _time in range(times):
                tasks.append({"name": "ping", "ansible.builtin.ping": {}})
                for what, force in (("push", True), ("no-op", False)):
                    for where, variables in places:
                        task = push_task(f"{what}, {where}", instance_id="i-0123456789abcdef0", force=force)
                        tasks.append({**task, "vars": dict(variables)})
            place.forget()
            seconds = place.play(tasks, service)
        ping = ("ping", Sample(tuple(seconds["ping"])))
        for what, of_place in limits.items():
            if what == "no-op" and tls:
                # It opens no connection.
                continue
            for where, limit in of_place.items():
                name = f"one {what} {where}" + (f" over {scheme}" if what == "push" else ", inside the lease")
                rows.append(
                    ratio(f"{name}, against a ping", (where, Sample(tuple(seconds[f"{what}, {where}"]))), ping, limit)
                )
    return rows


def delegated(place: BenchFolder, times: int = 5) -> list[Row]:
    """Measure one delegated task for each of 100 hosts."""
    push = {**push_task("push", instance_id="{{ 'i-%017x' % number }}", force=True), "delegate_to": "localhost"}
    tasks = [
        *[push] * times,
        {**push, "name": "push in a process", "vars": IN_A_PROCESS},
        {
            "name": "command",
            "ansible.builtin.command": {"argv": place.aws_command("{{ 'i-%017x' % number }}")},
            "delegate_to": "localhost",
            "changed_when": False,
        },
    ]
    with place.service() as service:
        seconds = {name: Sample(tuple(taken)) for name, taken in place.play(tasks, service, hosts=100).items()}
    theirs = ("command: aws", seconds["command"])
    what = "100 hosts, a delegated task each, forks 25"
    return [
        ratio(f"{what}: in workers, against command: aws", ("workers", seconds["push"]), theirs, 15, is_floor=True),
        ratio(
            f"{what}: in processes, against command: aws",
            ("processes", seconds["push in a process"]),
            theirs,
            1,
            is_floor=True,
        ),
    ]


def declared(place: BenchFolder) -> list[Row]:
    """Measure 500 users of Transfer Family that are as declared."""

    def task(name: str, users: int) -> dict[str, Any]:
        named = [f"user{number}" for number in range(users)]
        options = {"server_id": SERVER_ID, "users": named, "public_keys": "{{ public_key }}", "exclusive": True}
        return {"name": name, "sshkeys.aws.transfer_ssh_key": options}

    over, calls = [], []
    with place.service() as service:
        for _time in range(3):
            start_up = place.play([task("one", 1)], service)["one"][0]
            service.counts()
            over.append(place.play([task("many", 500)], service)["many"][0] - start_up)
            calls.append(service.counts()["taken"])
    sample = Sample(tuple(over))
    return [
        Row("500 users as declared: seconds over one user", sample.median, 2, str(sample), unit="s"),
        Row("500 users as declared: calls", max(calls), 500, f"{calls}", unit=""),
    ]


def created(place: BenchFolder) -> list[Row]:
    """Measure 100 new users of Transfer Family with a key each, in one call."""
    count, latency, calls_of_each, at_once = 100, 0.02, 3, 16

    def task(name: str, names: list[str]) -> dict[str, Any]:
        options = {"server_id": SERVER_ID, "users": names, "role_arn": ROLE, "public_keys": "{{ public_key }}"}
        return {"name": name, "sshkeys.aws.transfer_user": options}

    over, calls = [], []
    for _time in range(3):
        with place.service(latency=latency, has_users=False) as service:
            start_up = place.play([task("one", ["first"])], service)["one"][0]
            service.counts()
            many = place.play([task("many", [f"user{number}" for number in range(count)])], service)["many"][0]
            over.append(many - start_up)
            calls.append(service.counts()["taken"])
    sample = Sample(tuple(over))
    floor = Sample((calls_of_each * latency * math.ceil(count / at_once),))
    return [
        Row(
            "100 new users with a key each, 20 ms a call: seconds over one user",
            sample.median,
            2,
            str(sample),
            unit="s",
        ),
        ratio(
            "100 new users: against the time of their calls alone", ("one call", sample), ("20 ms a call", floor), 2.5
        ),
        Row("100 new users: calls", max(calls), calls_of_each * count, f"{calls}", unit=""),
    ]


def judged(place: BenchFolder) -> list[Row]:
    """Measure the ways to 500 instances, judged in one call."""
    with place.service() as service:
        options = {"instance_ids": instance_ids(500), "source_cidr": "198.51.100.0/24"}
        runs = [place.module("ec2_instance_connect_info", service, **options) for _time in range(5)]
        calls = service.counts()["taken"] // len(runs)
    sample = Sample(tuple(run["seconds"] for run in runs))
    return [
        Row("500 instances judged, 20 ms a call: seconds", sample.median, 3, str(sample), unit="s"),
        Row("500 instances judged: calls", calls, 20, f"{calls}", unit=""),
    ]


def main() -> int:
    """Measure and report. Returns 0 whatever the figures are."""
    parser = argparse.ArgumentParser(description="Measure the collection.")
    parser.add_argument("--collections", type=Path, required=True)
    parser.add_argument("--aws", type=Path, required=True, help="the AWS CLI")
    parser.add_argument("--output", type=Path, required=True, help="the folder for bench.txt and bench.svg")
    parser.add_argument("--full", action="store_true", help="run the real thousand: 20 minutes more")
    options = parser.parse_args()
    with bench_folder(options.collections, options.aws) as place:
        fleet = Fleet(place, full=options.full)
        rows: list[Row] = []
        steps: Sequence[tuple[str, Callable[[], list[Row]]]] = (
            ("1000 targets in one call, in a loop, by xargs", fleet.rows),
            ("the engine", lambda: engine(place)),
            ("a service that throttles", lambda: throttled(place)),
            ("single tasks", lambda: single(place)),
            ("100 hosts", lambda: delegated(place)),
            ("500 users", lambda: declared(place)),
            ("100 new users", lambda: created(place)),
            ("500 instances", lambda: judged(place)),
            ("connections", lambda: connections(place)),
        )
        for name, step in steps:
            say(f"Measuring {name}.")
            rows += step()
    bars = [
        ("one call of the module", fleet.one_call),
        ("xargs -P 8 aws", fleet.by_xargs),
        ("a loop of command: aws", fleet.loop),
    ]
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "bench.txt").write_text(table(rows) + "\n", encoding="utf-8")
    (options.output / "bench.svg").write_text(chart(bars, "A key for 1000 instances, in seconds"), encoding="utf-8")
    say("\n" + table(rows))
    missed = sum(not row.is_met for row in rows)
    say(f"\nbench: {len(rows) - missed} of {len(rows)} within their limits; {options.output / 'bench.txt'}, bench.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
