# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The second task of the role: the calls of modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.sshkeys.aws.plugins.action.ssh_access_apply import _Calls, _open
from ansible_collections.sshkeys.aws.plugins.module_utils._push.hosts import Call, Host
from ansible_collections.sshkeys.aws.plugins.module_utils._push.target import Target

IDS = ("i-0123456789abcdef0", "i-0fedcba9876543210")
CALL = Call("ssh-ed25519 AAAA", {"region": "us-east-1"}, "ssh_access_region", 15, 16, False, True)


class Module:
    """The module that pushes, which takes every target."""

    def __init__(self, **told: Any) -> None:
        self.calls: list[tuple[str, Mapping[str, Any], bool]] = []
        self._told = told

    def __call__(self, module: str, arguments: Mapping[str, Any], pretends: bool) -> dict[str, Any]:
        self.calls.append((module, arguments, pretends))
        targets = [{**target, "success": True, "pushed_at": None} for target in arguments["targets"]]
        return {"changed": True, "targets": targets, **self._told}


def hosts(call: Call = CALL) -> list[Host]:
    return [
        Host(f"web{number}", Target(instance_id, "ec2-user"), call, "/k") for number, instance_id in enumerate(IDS, 1)
    ]


def test_hosts_that_share_a_call_are_opened_by_one() -> None:
    module = Module()
    calls = _Calls(module)
    openings = _open(hosts(), calls)
    ((name, arguments, pretends),) = module.calls
    assert (name, pretends) == ("ec2_instance_connect_key", True)
    assert arguments["region"] == "us-east-1"
    assert (arguments["public_key"], arguments["min_validity"], arguments["concurrency"]) == (
        "ssh-ed25519 AAAA",
        15,
        16,
    )
    assert [target["instance_id"] for target in arguments["targets"]] == [*IDS]
    assert {host: opening["instance_id"] for host, opening in openings.items()} == {"web1": IDS[0], "web2": IDS[1]}
    assert calls.told() == {"changed": True}


def test_what_does_not_outlive_the_run_is_no_change() -> None:
    calls = _Calls(Module())
    _open(hosts(CALL._replace(is_pair_of_the_run=True)), calls)
    assert calls.told() == {"changed": False}


def test_a_change_counts_whatever_comes_after_it() -> None:
    calls = _Calls(Module())
    _open([*hosts(), *hosts(CALL._replace(is_pair_of_the_run=True))], calls)
    assert calls.told() == {"changed": True}


def test_what_modules_tell_is_told() -> None:
    calls = _Calls(Module(warnings=["One."], diff={"before": "", "after": "x"}))
    _open([*hosts(), *hosts(CALL._replace(min_validity=30))], calls)
    assert calls.told() == {"changed": True, "warnings": ["One."], "diff": [{"before": "", "after": "x"}] * 2}
